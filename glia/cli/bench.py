"""``glia bench``: glia beside other frameworks, in one interleaved run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from glia.base.i18n import tr
from glia.cli import options

_MEMORY, _BUSY = ("W4", "W5", "W6", "W10"), ("W2", "W3", "W7")
MAX_BENCH_THREADS = 256
_WIDE = 130  # columns of a terminal that has room for every column of the table


def _workloads() -> Any:
    text = tr(
        "Rows to measure: W1 … W11, or one of them such as W11-softmax. Without any, everything.",
        "要测的行：W1 …… W11，或其中之一，例如 W11-softmax。不写则全部测量。",
    )
    return typer.Argument(metavar="[W1 W2 …]", help=text, show_default=False)


def _peers() -> Any:
    text = tr(
        "Frameworks to measure beside glia, with commas between; by default all installed ones.",
        "与 glia 一起测量的框架，用逗号分隔；默认为所有已安装的。",
    )
    metavar = tr("NAMES", "名称")
    return typer.Option("--peers", help=text, metavar=metavar, show_default=False)


def _install() -> Any:
    text = tr(
        "Make the environment of a peer (torch, jax, tensorflow, mindspore or tinygrad), and stop.",
        "建立一个框架的环境（torch、jax、tensorflow、mindspore 或 tinygrad），然后结束。",
    )
    metavar = tr("NAME", "名称")
    return typer.Option("--install", help=text, metavar=metavar, show_default=False)


def _quick() -> Any:
    text = tr(
        "Fewer rounds, and only the fastest ways to run the peers: six minutes instead of twenty.",
        "减少轮数，并且只用各框架最快的运行方式：六分钟而不是二十分钟。",
    )
    return typer.Option("--quick", help=text)


def _memory() -> Any:
    text = tr("Peak memory of W4, W5, W6, W10.", "W4、W5、W6、W10 的内存峰值。")
    return typer.Option("--memory", help=text)


def _busy() -> Any:
    text = tr("W2, W3, W7 also beside a busy process.", "W2、W3、W7 还在繁忙的进程旁测量。")
    return typer.Option("--busy", help=text)


def _start() -> Any:
    text = tr(
        "Time from a new process to the first training step.", "从新进程到第一个训练步的时间。"
    )
    return typer.Option("--start", help=text)


def _json() -> Any:
    text = tr(
        "Keep the results in this file, row by row; a run that was stopped goes on from there.",
        "把结果逐行写入该文件；中断的测量会从那里继续。",
    )
    metavar = tr("FILE", "文件")
    return typer.Option("--json", help=text, metavar=metavar, show_default=False)


def _threads() -> Any:
    text = tr("Threads of every library.", "每个框架使用的线程数。")
    return typer.Option("--threads", help=text, metavar=tr("NUMBER", "整数"))


def bench(
    workloads: Annotated[list[str] | None, _workloads()] = None,
    peers: Annotated[str | None, _peers()] = None,
    quick: Annotated[bool, _quick()] = False,
    memory: Annotated[bool, _memory()] = False,
    busy: Annotated[bool, _busy()] = False,
    start: Annotated[bool, _start()] = False,
    json: Annotated[str | None, _json()] = None,
    threads: Annotated[int, _threads()] = 2,
    install: Annotated[str | None, _install()] = None,
    lang: Annotated[str, options.lang()] = "",
) -> int:
    """Measure, and print the tables."""
    from glia.bench import modes, report
    from glia.bench import run as runs
    from glia.bench.harness import Settings
    from glia.bench.workloads import chosen
    from glia.cli.screen import say

    options.check_whole("--threads", threads, 1, MAX_BENCH_THREADS)
    if install is not None:
        modes.install(install, say)
        return 0
    names = list(workloads or ())
    everything = not (names or memory or busy or start)
    if not names:
        names = [*(_MEMORY if memory else ()), *(_BUSY if busy else ())]
    wanted = chosen(names) if names or everything else []
    settings = Settings(
        threads=threads,
        rounds=3 if quick else 5,
        seconds=0.2 if quick else 0.4,
        busy=busy or everything,
    )
    run = runs.Run(settings, _libraries(peers), quick, "glia " + " ".join(sys.argv[1:]))
    path = Path(json) if json is not None else None
    if path is not None:
        run = runs.resume(run, path)
    with _progress() as show:
        runs.perform(run, wanted, start or everything, show, path)
    show_run(run, report, memory or everything)
    return 0


def _libraries(peers: str | None) -> list[str]:
    """glia and the peers asked for, or those there are."""
    from glia.bench import modes

    if peers is None:
        return [name for name in modes.LIBRARIES if modes.python_of(name) is not None]
    names = [name for name in peers.split(",") if name]
    modes.check_libraries(names)
    return ["glia", *names]


def show_run(run: Any, report: Any, memory: bool) -> None:
    """All tables of a run on the terminal."""
    from rich.table import Table

    from glia.cli.screen import console, say

    say(report.limits_text(run))
    narrow = console().width < _WIDE
    for table in report.tables(run, memory):
        if narrow:
            table = table.without(tr("workload", "测试内容"))
        say()
        shown = Table(title=table.title, title_justify="left", box=None, pad_edge=False)
        for at, name in enumerate(table.head):
            shown.add_column(name, justify="left" if at < 2 else "right", no_wrap=at < 2)
        for row in table.rows:
            shown.add_row(*row)
        console().print(shown)
    for remark in report.remarks(run):
        say(remark, style="yellow")


class _progress:
    """What is being measured: one line that changes on a terminal, plain lines elsewhere."""

    def __enter__(self) -> Callable[[str], None]:
        from glia.cli.screen import console

        self.status = console().status("") if console().is_terminal else None
        self.row = ""
        if self.status is not None:
            self.status.start()
        return self.show

    def show(self, text: str) -> None:
        if self.status is not None:
            self.status.update(text)
            return
        row = text.split("  ")[0]
        if row != self.row:  # a line for every row, not for every round
            print(row, file=sys.stderr, flush=True)
            self.row = row

    def __exit__(self, *_exception: object) -> None:
        if self.status is not None:
            self.status.stop()


def add_to(app: typer.Typer, kind: Any) -> None:
    """Register the command."""
    text = tr(
        "Measure glia beside other frameworks on this computer: the same nets, data and "
        "hyper-parameters, losses compared, rounds interleaved.",
        "在这台电脑上把 glia 与其他框架一起测量：相同的网络、数据和超参数，比较损失，交替进行。",
    )
    app.command("bench", cls=kind, help=text)(bench)

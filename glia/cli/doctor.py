"""``glia doctor``: is everything here, does it work, how fast is this computer?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from glia.base.i18n import tr
from glia.cli import options


def _out() -> Any:
    text = tr("Also write the findings to doctor.json in this folder.",
              "同时把结果写入该文件夹的 doctor.json。")  # fmt: skip
    return options.out(text)


def doctor(
    seed: Annotated[int, options.seed()] = 0,
    threads: Annotated[int | None, options.threads()] = None,
    out: Annotated[str | None, _out()] = None,
    lang: Annotated[str, options.lang()] = "",
) -> int:
    """Examine, print, and answer with the exit status."""
    from glia.cli import examination
    from glia.cli.screen import say
    from glia.cli.text import pad, width
    from glia.interop.files import write_json

    options.start(seed, threads)
    folder = options.writable_folder(Path(out)) if out is not None else None
    findings = []
    names = examination.names()
    columns = max(width(name) for name in names.values())
    for finding in examination.examine(seed):
        mark = {"ok": "✓", "warning": "!", "problem": "✗"}[finding.state]
        style = {"ok": "", "warning": "yellow", "problem": "bold red"}[finding.state]
        say(f"{mark} {pad(names[finding.key], columns)}  {finding.text}", style=style)
        if finding.advice:
            say(f"  {' ' * columns}  → {finding.advice}", style=style)
        findings.append(finding)
    problems = [finding for finding in findings if finding.state == "problem"]
    say()
    if problems:
        say(
            tr(
                f"{len(problems)} problem(s): see → above.",
                f"有 {len(problems)} 个问题，见上面的 →。",
            ),
            style="bold red",
        )
    else:
        say(
            tr("glia works on this computer.", "glia 在这台电脑上工作正常。"),
            style="bold green",
        )
    if folder is not None:
        facts = {finding.key: finding.value for finding in findings}
        write_json(folder / "doctor.json", {**facts, "problems": [p.key for p in problems]})
    return 1 if problems else 0


def add_to(app: typer.Typer, kind: Any) -> None:
    """Register the command."""
    text = tr(
        "Check the installation and show what glia found on this computer.",
        "检查安装，并显示 glia 在这台电脑上找到的情况。",
    )
    app.command("doctor", cls=kind, help=text)(doctor)

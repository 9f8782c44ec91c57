"""Tables of a run: for the terminal and, as Markdown, for the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glia.base.i18n import tr
from glia.bench.harness import Result
from glia.bench.modes import LIBRARIES
from glia.bench.run import Run
from glia.bench.workloads import Workload, chosen

NAMES = {
    "torch": "PyTorch",
    "jax": "JAX",
    "tensorflow": "TensorFlow",
    "mindspore": "MindSpore",
}
MEMORY_ROWS = ("W4", "W5", "W6", "W10")


@dataclass(frozen=True)
class Table:
    """Cells as text."""

    title: str
    head: list[str]
    rows: list[list[str]]

    def without(self, name: str) -> Table:
        """Without one column, where there is no room for it."""
        if name not in self.head:
            return self
        at = self.head.index(name)
        rows = [row[:at] + row[at + 1 :] for row in self.rows]
        return Table(self.title, self.head[:at] + self.head[at + 1 :], rows)

    def markdown(self) -> str:
        """As a Markdown table; numbers to the right."""
        rule = ["---"] * 2 + ["---:"] * (len(self.head) - 2)
        lines = [self.head, rule, *self.rows]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def shown_name(library: str) -> str:
    return NAMES.get(library, library)


def number(value: float) -> str:
    """Three figures that count."""
    if value >= 999.5:
        return f"{value:,.0f}"
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2 if value >= 0.9995 else 3
    return f"{value:.{digits}f}"


def best(results: Sequence[Result], library: str = "") -> Result | None:
    """The fastest that computes what all compute: of one library, or of all peers."""
    counted = [
        r
        for r in results
        if r.counts and (r.library == library if library else r.library != "glia")
    ]
    return min(counted, key=lambda r: r.ms, default=None)


def ratio(results: Sequence[Result]) -> float | None:
    """glia's time over the best peer's, in the same run."""
    own, peer = best(results, "glia"), best(results)
    return own.ms / peer.ms if own and peer else None


def cell(results: Sequence[Result], library: str, workload: Workload) -> str:
    """A library's best time in a row; why there is none otherwise."""
    found = best(results, library)
    if found is not None:
        mode = f" {found.mode}" if library in NAMES else ""
        return number(found.ms * workload.calls) + mode
    mine = [r for r in results if r.library == library]
    if any(not r.agrees for r in mine):
        return tr("other result", "结果不同")
    if any(r.error for r in mine):
        return tr("not available", "不可用")
    return "–"


def main_table(run: Run) -> Table:
    """Every row: milliseconds of a step, the ratio to the best peer, the fraction of the limit."""
    peers = [p for p in LIBRARIES[1:] if p in run.libraries]
    head = [tr("row", "编号"), tr("workload", "测试内容"), "glia", *map(shown_name, peers)]
    head += [tr("ratio", "比值"), tr("goal", "目标"), tr("of the limit", "占极限")]
    rows = []
    for workload in chosen([]):
        if workload.name not in run.rows:
            continue
        results = run.rows[workload.name]
        found = ratio(results)
        cells = [workload.name, workload.title(), cell(results, "glia", workload)]
        cells += [cell(results, peer, workload) for peer in peers]
        cells.append("–" if found is None else f"{found:.2f}")
        cells.append("–" if workload.goal is None else f"≤ {workload.goal:g}")
        rows.append([*cells, limit_cell(run, workload)])
    title = tr("Milliseconds of a step (lower is better)", "每步毫秒数（越小越好）")
    return Table(title, head, rows)


def limit_cell(run: Run, workload: Workload) -> str:
    """How near glia comes to what the machine can do."""
    own = best(run.rows[workload.name], "glia")
    if own is None or run.limits is None or workload.unit > 1:
        return "–"
    least = run.limits.seconds(workload.flops, workload.bytes)
    return f"{100 * 1e3 * least / own.ms:.0f}%"


def busy_table(run: Run) -> Table | None:
    """Beside a busy process: times, and how much slower each has become."""
    rows = []
    for workload in chosen([]):
        for result in run.rows.get(workload.name, ()):
            slower = result.busy_ratio
            if slower is None:
                continue
            busy = result.ms * slower
            name = f"{shown_name(result.library)} {result.mode}"
            rows.append([workload.name, name, number(result.ms), number(busy), f"{slower:.1f}×"])
    head = [tr("row", "编号"), tr("library", "框架"), tr("quiet, ms", "空闲时（毫秒）")]
    head += [tr("busy, ms", "繁忙时（毫秒）"), tr("slower", "变慢")]
    title = tr("Beside one busy process", "旁边有一个繁忙的进程")
    return Table(title, head, rows) if rows else None


def memory_table(run: Run) -> Table | None:
    """The most memory the process of a training run has had."""
    rows = []
    for name in MEMORY_ROWS:
        for result in run.rows.get(name, ()):
            if result.peak_bytes:
                size = f"{result.peak_bytes / 1e6:,.0f}"
                rows.append([name, f"{shown_name(result.library)} {result.mode}", size])
    head = [tr("row", "编号"), tr("library", "框架"), tr("peak, MB", "峰值（MB）")]
    title = tr("Peak memory of the process", "进程内存峰值")
    return Table(title, head, rows) if rows else None


def start_table(run: Run) -> Table | None:
    """From a new process to the first result."""
    rows = []
    for start in run.starts:
        kind = tr("full cache", "缓存已满") if start.warm else tr("empty cache", "缓存为空")
        note = f", {kind}" if start.library == "glia" else ""
        name = f"{shown_name(start.library)} {start.mode}{note}"
        if start.error:
            first = total = tr("not available", "不可用")
        else:
            first, total = number(start.first), number(start.ready + start.first)
        size = f"{start.ready_bytes / 1e6:.0f}"
        rows.append([start.workload, name, number(start.ready), size, first, total])
    head = [tr("row", "编号"), tr("library", "框架"), tr("import, s", "导入（秒）")]
    head += [tr("then, MB", "此时内存（MB）"), tr("first step, s", "第一步（秒）")]
    head += [tr("together, s", "合计（秒）")]
    title = tr("From a new process to the first step", "从新进程到第一步")
    return Table(title, head, rows) if rows else None


def tables(run: Run, memory: bool = True) -> list[Table]:
    """All there is to show."""
    peaks = memory_table(run) if memory else None
    found = [main_table(run), busy_table(run), peaks, start_table(run)]
    return [table for table in found if table is not None and table.rows]


def limits_text(run: Run) -> str:
    """The machine's limits in a sentence."""
    if run.limits is None:
        return ""
    fma, sgemm, copy = run.limits.fma / 1e9, run.limits.sgemm / 1e9, run.limits.copy / 1e9
    threads = run.limits.threads
    return tr(
        f"This machine, {threads} threads: multiply-adds {fma:.0f} GFLOP/s, "
        f"NumPy's 1024³ product {sgemm:.0f} GFLOP/s, copies {copy:.1f} GB/s read and written.",
        f"本机 {threads} 个线程：乘加 {fma:.0f} GFLOP/s，"
        f"NumPy 的 1024³ 矩阵乘法 {sgemm:.0f} GFLOP/s，复制（读加写）{copy:.1f} GB/s。",
    )


def remarks(run: Run) -> list[str]:
    """Who could not take part, and who computed something else."""
    found = []
    for name, results in run.rows.items():
        for result in results:
            if result.error:
                found.append(f"{name} {result.label}: {result.error}")
            elif not result.agrees:
                losses = ", ".join(f"{value:.5g}" for value in result.trace)
                text = tr("its losses differ", "损失与其他不一致")
                found.append(f"{name} {result.label}: {text} ({losses})")
    return found

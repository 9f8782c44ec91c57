"""Where the time of a program goes: every kernel timed, with its arithmetic and its bytes.

While a profile is open, programs run one kernel at a time. The sum is a little more than the
program takes by itself, because kernels no longer follow one another at once.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from glia.base.i18n import tr
from glia.base.shapes import numel
from glia.compiler.program import Step
from glia.compiler.schedule.loops import (
    Apply,
    Contraction,
    Host,
    Kernel,
    Repeat,
    Scatter,
    Value,
    Winograd,
    WinogradGradient,
    walk,
)
from glia.runtime.execute import Bound, profilers
from glia.runtime.limits import copy_rate, fma_peak
from glia.runtime.threads import Table, get_num_threads, pool


@dataclass
class Row:
    """One kernel: what it computes, for which line and module, how often and how long."""

    op: str
    shape: tuple[int, ...]
    module: str
    line: str
    kind: str
    flops: float
    bytes: int
    calls: int = 0
    seconds: float = 0.0

    @property
    def gflops(self) -> float:
        """Billions of floating-point operations a second."""
        return self.flops * self.calls / self.seconds / 1e9 if self.seconds else 0.0

    @property
    def gigabytes(self) -> float:
        """Billions of bytes read and written a second, every argument counted once."""
        return self.bytes * self.calls / self.seconds / 1e9 if self.seconds else 0.0

    @property
    def limit(self) -> float:
        """Which part of what the machine can do: of its arithmetic or of its memory's rate.

        The larger of the two holds the kernel up. Bytes that are still in a cache come faster
        than the memory's rate, so small kernels may exceed 1.
        """
        flops, copied = limits(get_num_threads())
        return max(self.gflops * 1e9 / flops, self.gigabytes * 1e9 / copied)


@lru_cache(maxsize=8)
def limits(threads: int) -> tuple[float, float]:
    """Measured once: operations, and bytes copied, per second on so many threads."""
    return fma_peak(threads), copy_rate(threads)


def operations(kernel: Kernel) -> float:
    """Floating-point operations of a kernel; a multiply-add counts as two."""
    if isinstance(kernel, Host):
        return 0.0
    if isinstance(kernel, Repeat):
        sections = kernel.sections
        once = sum(turns * sum(operations(c.kernel) for c in calls) for turns, calls in sections)
        return float(once * kernel.slices)
    if isinstance(kernel, Scatter):
        return float(kernel.steps.size * numel([var.size for var in kernel.loops]))
    outside = float(numel([var.size for var in kernel.loops]))
    inside = outside * numel([var.size for var in kernel.reduce])
    if isinstance(kernel, Winograd | WinogradGradient):
        inside *= 16 / 36 if isinstance(kernel, WinogradGradient) else 16 / 4
    if isinstance(kernel, Contraction | Winograd | WinogradGradient):
        return 2.0 * inside + outside * _applied([store.value for store in kernel.stores])
    summed = _applied([reduction.value for reduction in kernel.reductions])
    return inside * (summed + len(kernel.reductions)) + outside * _applied(
        [store.value for store in kernel.stores]
    )


def _applied(values: list[Value]) -> int:
    return sum(isinstance(value, Apply) for value in walk(values))


@dataclass
class Profile:
    """The kernels run while the profile was open; print it for a table.

    Example:
        >>> import glia as gl
        >>> x = gl.ones(64, 64)
        >>> with gl.profile() as p:
        ...     _ = (x @ x).sum().item()
        >>> p.rows[0].calls
        1
    """

    rows: list[Row] = field(default_factory=list)
    events: list[dict] = field(default_factory=list)  # in Chrome's trace format
    _known: dict[tuple[int, int], tuple[Row, Table]] = field(default_factory=dict, repr=False)
    _programs: list[object] = field(default_factory=list, repr=False)

    def __enter__(self) -> Profile:
        profilers.append(self)
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_exception: object) -> None:
        profilers.remove(self)
        self.rows.sort(key=lambda row: -row.seconds)

    def run(self, program: Bound) -> None:
        """Run a program kernel by kernel."""
        self._programs.append(program)
        starts = program.starts
        for i, step in enumerate(program.loaded.plan.steps):
            key = (id(program), i)
            if key not in self._known:
                alone = replace(step, chained=False, barrier=False)
                table = Table([alone], [program.loaded.functions[i]], [starts[i]])
                row = _row(step)
                self.rows.append(row)
                self._known[key] = row, table
            row, table = self._known[key]
            before = time.perf_counter()
            pool().launch(table, not step.serial)
            seconds = time.perf_counter() - before
            row.calls += 1
            row.seconds += seconds
            self._event(row, before, seconds)

    def _event(self, row: Row, before: float, seconds: float) -> None:
        name = f"{row.module or 'program'}: {row.op}"
        start = (before - self._start) * 1e6
        facts: dict[str, object] = {"shape": str(row.shape), "line": row.line, "kind": row.kind}
        facts |= {"flops": row.flops, "bytes": row.bytes}
        event = {"name": name, "ph": "X", "ts": start, "dur": seconds * 1e6, "pid": 0, "tid": 0}
        event["cat"] = row.kind
        self.events.append({**event, "args": facts})

    def save(self, path: str | Path) -> None:
        """Write a trace that Perfetto and Chrome's ``about:tracing`` show."""
        name = {"name": "process_name", "ph": "M", "pid": 0, "args": {"name": "glia"}}
        found = {"traceEvents": [name, *self.events], "displayTimeUnit": "ns"}
        Path(path).write_text(json.dumps(found), encoding="utf-8")

    def table(self, limit: int = 20) -> str:
        """The kernels that took longest, as text."""
        total = sum(row.seconds for row in self.rows) or 1.0
        head = tr(
            "        µs  share  calls  GFLOP/s    GB/s  limit  kernel",
            "      微秒   占比   次数  GFLOP/s    GB/s   极限  内核",
        )
        lines = [head]
        for row in self.rows[:limit]:
            numbers = f"{row.seconds * 1e6:10.1f} {100 * row.seconds / total:5.1f}% {row.calls:6}"
            rates = f"{row.gflops:8.1f} {row.gigabytes:7.1f} {100 * row.limit:5.0f}%"
            where = " ".join(part for part in (row.module, row.line) if part)
            lines.append(f"{numbers} {rates}  {row.kind} {row.op} {row.shape} {where}".rstrip())
        if len(self.rows) > limit:
            rest = sum(row.seconds for row in self.rows[limit:])
            count = len(self.rows) - limit
            more = tr(f"{count} more", f"其余 {count} 个")
            lines.append(f"{rest * 1e6:10.1f} {100 * rest / total:5.1f}%  {more}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()


def _row(step: Step) -> Row:
    node = step.node
    kind = type(step.kernel).__name__.lower()
    work = operations(step.kernel), step.bytes
    if node.op.name == "leaf":  # a slot: many programs' lines have read it
        return Row("copy", node.shape, "", "", kind, *work)
    return Row(node.op.name, node.shape, node.path, str(node.location or ""), kind, *work)


def profile() -> Profile:
    """Time every kernel inside ``with gl.profile() as p:``; then ``print(p)``."""
    return Profile()

"""Where the time of a program goes: every kernel timed, with its arithmetic and its bytes.

While a profile is open, programs run one kernel at a time. The sum is a little more than the
program takes by itself, because kernels no longer follow one another at once.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from glia.base.shapes import numel
from glia.compiler.program import Step
from glia.compiler.schedule.loops import Contraction, Kernel, Scatter, walk
from glia.runtime.execute import Bound, profilers
from glia.runtime.threads import Table, pool


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


def operations(kernel: Kernel) -> float:
    """Floating-point operations of a kernel; a multiply-add counts as two."""
    if isinstance(kernel, Scatter):
        return float(kernel.steps.size * numel([var.size for var in kernel.loops]))
    points = 1.0
    for var in (*kernel.loops, *kernel.reduce):
        points *= var.size
    if isinstance(kernel, Contraction):
        return 2.0 * points
    values = [s.value for s in kernel.stores] + [r.value for r in kernel.reductions]
    return points * sum(type(value).__name__ == "Apply" for value in walk(values))


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
        facts = {"shape": str(row.shape), "line": row.line, "kind": row.kind}
        event = {"name": name, "ph": "X", "ts": start, "dur": seconds * 1e6, "pid": 0, "tid": 0}
        self.events.append({**event, "args": facts})

    def save(self, path: str | Path) -> None:
        """Write a trace that Perfetto and Chrome's ``about:tracing`` show."""
        Path(path).write_text(json.dumps({"traceEvents": self.events}), encoding="utf-8")

    def table(self, limit: int = 20) -> str:
        """The kernels that took longest, as text."""
        total = sum(row.seconds for row in self.rows) or 1.0
        head = f"{'µs':>10} {'share':>6} {'calls':>6} {'GFLOP/s':>8} {'GB/s':>7}  kernel"
        lines = [head]
        for row in self.rows[:limit]:
            numbers = f"{row.seconds * 1e6:10.1f} {100 * row.seconds / total:5.1f}% {row.calls:6}"
            rates = f"{row.gflops:8.1f} {row.gigabytes:7.1f}"
            where = " ".join(part for part in (row.module, row.line) if part)
            lines.append(f"{numbers} {rates}  {row.kind} {row.op} {row.shape} {where}".rstrip())
        if len(self.rows) > limit:
            rest = sum(row.seconds for row in self.rows[limit:])
            lines.append(
                f"{rest * 1e6:10.1f} {100 * rest / total:5.1f}%  {len(self.rows) - limit} more"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()


def _row(step: Step) -> Row:
    node = step.node
    kind = type(step.kernel).__name__.lower()
    line = str(node.location) if node.location else ""
    return Row(node.op.name, node.shape, node.path, line, kind, operations(step.kernel), step.bytes)


def profile() -> Profile:
    """Time every kernel inside ``with gl.profile() as p:``; then ``print(p)``."""
    return Profile()

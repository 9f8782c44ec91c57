"""Which tensors take the memory of a step when it takes most, by module and line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.compiler.program import Plan, Temporary
from glia.runtime.execute import Bound, profilers
from glia.runtime.threads import pool
from glia.tensor.tensor import realize
from glia.tensor.trees import flatten


@dataclass(frozen=True)
class Alive:
    """A temporary value that is in memory at the peak."""

    op: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    module: str
    line: str
    first: int  # number of the kernel that computes it
    last: int  # number of the last kernel that reads it

    def __str__(self) -> str:
        where = " ".join(part for part in (self.module, self.line) if part)
        return f"{self.op} {self.shape} {self.dtype}  {where}".rstrip()


@dataclass
class MemoryReport:
    """The memory of the largest program of a step; print it for a table.

    Temporary values share one block of memory, the arena: a value lies where another lay that is
    no longer needed. The peak is the kernel at which the values alive are largest together.
    """

    arena: int  # bytes of the block all temporary values share
    held: int  # bytes of parameters, optimizer state and data the program reads
    kernels: int
    peak: int  # number of the kernel at the peak
    at: str  # what that kernel computes
    alive: list[Alive] = field(default_factory=list)  # largest first

    @property
    def bytes(self) -> int:
        """Bytes of all values alive at the peak."""
        return sum(value.bytes for value in self.alive)

    def by_module(self) -> dict[str, int]:
        """Bytes alive at the peak for every module, largest first."""
        found: dict[str, int] = {}
        for value in self.alive:
            found[value.module] = found.get(value.module, 0) + value.bytes
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def table(self, limit: int = 20) -> str:
        """The largest values alive at the peak, as text."""
        head = tr("{:>10} {:>6} {:>11}  value", "{:>10} {:>6} {:>11}  值")
        lines = [self._sentence(), ""]
        lines.append(head.format("MB", "%", tr("kernels", "内核")))
        total = self.bytes or 1
        for value in self.alive[:limit]:
            life = f"{value.first}–{value.last}"
            share = 100 * value.bytes / total
            lines.append(f"{value.bytes / 1e6:10.3f} {share:5.1f}% {life:>11}  {value}")
        rest = self.alive[limit:]
        if rest:
            size, share = sum(v.bytes for v in rest), 100 * sum(v.bytes for v in rest) / total
            more = tr(f"{len(rest)} more", f"另外 {len(rest)} 个")
            lines.append(f"{size / 1e6:10.3f} {share:5.1f}% {'':>11}  {more}")
        return "\n".join(lines)

    def _sentence(self) -> str:
        alive, arena, held = self.bytes / 1e6, self.arena / 1e6, self.held / 1e6
        place = f"{self.peak + 1}/{self.kernels}"
        return tr(
            f"At the peak, kernel {place} ({self.at}), {alive:.3f} MB of temporary values are "
            f"alive. The arena takes {arena:.3f} MB; parameters, state and data {held:.3f} MB.",
            f"峰值在内核 {place}（{self.at}）：临时值共 {alive:.3f} MB。"
            f"内存池共 {arena:.3f} MB；参数、优化器状态和数据共 {held:.3f} MB。",
        )

    def __str__(self) -> str:
        return self.table()


class _Watch:
    """Notes the programs that run."""

    def __init__(self) -> None:
        self.programs: list[Bound] = []

    def run(self, program: Bound) -> None:
        self.programs.append(program)
        pool().launch(program.table, program.loaded.parallel)


def explain_memory(step: Callable[..., Any]) -> Callable[..., MemoryReport]:
    """Take a step and say which tensors are alive when it needs most memory.

    The step is really taken: weights change as always. What it returns is computed too. Of the
    programs it runs, the one with the largest arena is explained.

    Args:
        step: a function of tensors, plain or under ``gl.jit``.

    Returns:
        A function that takes the arguments of ``step`` and gives a :class:`MemoryReport`.

    Raises:
        ArgumentError: when called, if the step ran no compiled program.

    Example:
        >>> import glia as gl
        >>> x = gl.ones(64, 64)
        >>> report = gl.explain_memory(lambda x: (x @ x).softmax(1).sum())(x)
        >>> report.bytes <= report.arena
        True
    """

    def explain(*args: Any, **kwargs: Any) -> MemoryReport:
        watch = _Watch()
        profilers.append(watch)
        try:
            result = step(*args, **kwargs)
            realize(*flatten(result)[0])
        finally:
            profilers.remove(watch)
        if not watch.programs:
            raise ArgumentError(
                teach(
                    tr(
                        "explain_memory: expected a step that computes something, found one that "
                        "runs no compiled program.",
                        "explain_memory：应为会进行计算的一步，实际没有运行任何编译好的程序。",
                    ),
                    tr("let it return a tensor.", "让它返回一个张量。"),
                )
            )
        largest = max(watch.programs, key=lambda program: program.loaded.arena)
        held = sum(slot.array.nbytes for slot in largest.sources)
        return report_of(largest.loaded.plan, held)

    return explain


def report_of(plan: Plan, held: int) -> MemoryReport:
    """The report on a plan that reads so many bytes from outside."""
    peak, values = at_peak(plan.temporaries, len(plan.steps))
    alive = [_alive(value) for value in sorted(values, key=lambda v: -v.nbytes)]
    at = plan.steps[peak].node if plan.steps else None
    words = f"{at.op.name} {at.shape} {at.path}".rstrip() if at is not None else ""
    return MemoryReport(plan.arena, held, len(plan.steps), peak, words, alive)


def at_peak(values: list[Temporary], kernels: int) -> tuple[int, list[Temporary]]:
    """The first kernel at which the values alive are largest together, and those values."""
    change = [0] * (kernels + 1)
    for value in values:
        change[value.first] += value.nbytes
        change[value.last + 1] -= value.nbytes
    now = most = peak = 0
    for number in range(kernels):
        now += change[number]
        if now > most:
            most, peak = now, number
    return peak, [value for value in values if value.first <= peak <= value.last]


def _alive(value: Temporary) -> Alive:
    node = value.node
    line = str(node.location) if node.location else ""
    op = "copy" if node.op.name == "leaf" else node.op.name  # rearranged for fast reading
    return Alive(
        op, node.shape, node.dtype.name, value.nbytes, node.path, line,
        value.first, value.last,
    )  # fmt: skip

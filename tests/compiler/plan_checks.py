"""Proofs about a program's plan: nothing is read or written outside its buffer, all is written.

Every offset of every load, store and operand is computed at every point of its loops, under its
guards, independently of the code generator.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glia.base.shapes import numel
from glia.compiler.codegen.body import walk
from glia.compiler.codegen.targets import Target, describe
from glia.compiler.index import Index, Picked, Quotient, Var, substitute, variable, variables
from glia.compiler.passes.simplify import simplify
from glia.compiler.program import Buffer, Plan, _Assembler
from glia.compiler.schedule.layout import WINOGRAD, room
from glia.compiler.schedule.loops import (
    Contraction,
    Guard,
    Host,
    Kernel,
    Load,
    Repeat,
    Scatter,
    Value,
    Winograd,
    WinogradGradient,
)
from glia.compiler.schedule.nests import Planned, Ref
from glia.compiler.schedule.partition import partition
from glia.compiler.schedule.recurrence import ProgramScheduler
from glia.ir.expr import Expr, topological
from glia.ir.verify import verify

X86 = "x86_64-unknown-linux-gnu"
TARGETS: dict[str, Target] = {
    "avx512": describe(X86, "skylake-avx512", {"avx512f": True, "avx2": True, "fma": True}),
    "avx2": describe(X86, "haswell", {"avx2": True, "fma": True}),
    "neon": describe("aarch64-unknown-linux-gnu", "generic", {"neon": True}),
}
#: Index spaces above so many points are not enumerated; affine offsets have exact bounds anyway.
POINTS = 3_000_000


class _Recorded(_Assembler):
    """Keeps the order of the kernels with the values their arguments are."""

    order: list[Planned]

    def _steps(self, order):  # type: ignore[no-untyped-def]
        self.order = order
        return super()._steps(order)


@dataclass
class Checked:
    """A plan that passed, with what it was made from."""

    plan: Plan
    order: list[Planned]
    place: dict[Ref, Buffer]


def check_program(
    outputs: Sequence[Expr],
    targets: Sequence[Expr | None] | None = None,
    target: Target = TARGETS["avx512"],
) -> Checked:
    """Plan a program as ``program.build`` does, and prove what can be proved about it."""
    from compiler.loop_checks import check_repeat

    wanted = list(targets) if targets is not None else [None] * len(outputs)
    simple = simplify(outputs)
    verify(simple)
    found = {node for node in topological(simple) if node.op.name == "leaf"}
    leaves = sorted(found, key=lambda node: node.attrs[0])
    scheduler = ProgramScheduler(target)
    kernels = scheduler.run(partition(simple), leaves)
    assembler = _Recorded(simple, wanted, leaves, kernels, scheduler.primary())
    plan = assembler.run()
    for planned in assembler.order:
        if isinstance(planned.kernel, Repeat):
            check_repeat(planned)
        else:
            check_kernel(planned.kernel, [elements(ref) for ref in planned.args])
    check_flow(assembler.order, assembler.place, len(outputs))
    check_arena(assembler.order, assembler.place, plan.arena)
    check_barriers(assembler, plan)
    return Checked(plan, assembler.order, assembler.place)


def elements(ref: Ref) -> int:
    """Elements a kernel may touch: of ragged panels, those that hold something."""
    node, key = ref
    return room(node.shape, key) if key and key[0] == WINOGRAD else node.numel


# Offsets


def values_of(index: Index, grid: dict[Var, np.ndarray]) -> np.ndarray:
    """An index at every point of a grid of its variables."""
    total: np.ndarray = np.asarray(index.constant, np.int64)
    for atom, coefficient in index.terms:
        if isinstance(atom, Var):
            total = total + coefficient * grid[atom]
        elif isinstance(atom, Quotient):
            total = total + coefficient * (values_of(atom.of, grid) // atom.by)
        else:
            total = total + coefficient * (values_of(atom.of, grid) % atom.by)
    return total


def reach(
    offset: Index, guards: Sequence[Guard], loops: Sequence[Var]
) -> tuple[int, int, np.ndarray | None]:
    """Smallest and largest offset over the loops, and all of them where they are few enough."""
    used = set(variables(offset)).union(*(variables(guard.index) for guard in guards))
    # a computed place may be any below its size
    places = {var for var in used if isinstance(var, Picked)} - set(loops)
    loops = [*loops, *sorted(places, key=str)]
    assert used <= set(loops), f"{offset} uses a variable that is not a loop of the kernel"
    live = [var for var in loops if var in used]
    count = int(np.prod([var.size for var in live], dtype=np.int64))
    if not guards and offset.is_affine() and count > POINTS:
        return (*offset.bounds(), None)
    held = set().union(*(variables(guard.index) for guard in guards))
    free = Index(tuple(term for term in offset.terms if term[0] not in held), 0)
    if free.terms and offset.is_affine() and count > POINTS:
        # what no guard mentions moves the offset by itself
        bound = Index(tuple(term for term in offset.terms if term[0] in held), offset.constant)
        low, high, _ = reach(bound, guards, [var for var in loops if var in held])
        return low + free.bounds()[0], high + free.bounds()[1], None
    assert count <= POINTS, f"{offset}: {count} points are too many to enumerate"
    axes = np.meshgrid(*(np.arange(var.size) for var in live), indexing="ij", sparse=True)
    grid = dict(zip(live, axes, strict=True))
    shape = tuple(var.size for var in live)
    at = np.broadcast_to(values_of(offset, grid), shape)
    inside = np.ones(shape, bool)
    for guard in guards:
        value = values_of(guard.index, grid)
        inside = inside & (guard.low <= value) & (value < guard.high)
    chosen = at[inside]
    if not chosen.size:
        return 0, 0, chosen
    return int(chosen.min()), int(chosen.max()), chosen


def check_kernel(kernel: Kernel, sizes: Sequence[int]) -> None:
    """Every access lies within its argument; every store writes all of its buffer once."""
    assert not isinstance(kernel, Repeat)
    if isinstance(kernel, Host):
        for arg, shape in (*kernel.reads, *kernel.writes):
            assert numel(shape) <= sizes[arg], str(kernel)
        return
    if isinstance(kernel, Scatter):
        check_loads(
            [kernel.value, kernel.place.value], (*kernel.loops, kernel.steps), sizes, kernel
        )
        cleared = (*kernel.loops, kernel.place)
        check_stores([kernel.offset], cleared, sizes[kernel.arg], str(kernel))
        return
    if isinstance(kernel, Winograd | WinogradGradient):
        check_winograd(kernel, sizes)
        return
    loops = list(kernel.loops) + list(kernel.reduce)
    points = int(np.prod([var.size for var in loops], dtype=np.int64))
    values = [store.value for store in kernel.stores]
    if isinstance(kernel, Contraction):
        for operand in (kernel.a, kernel.b):
            low, high, _ = reach(operand.offset, kernel.guards, loops)
            inside = low >= 0 and high < max(sizes[operand.arg], 1)
            assert inside or not points, f"operand {operand} leaves 0..{sizes[operand.arg]}"
    else:
        values += [reduction.value for reduction in kernel.reductions]
    check_loads(values, loops, sizes, kernel)
    for arg in {store.arg for store in kernel.stores}:
        offsets = [store.offset for store in kernel.stores if store.arg == arg]
        # a store that uses a reduce variable happens at every point of the row
        along = not variables(offsets[0]).isdisjoint(kernel.reduce)
        check_stores(offsets, loops if along else kernel.loops, sizes[arg], str(kernel))


def check_winograd(kernel: Winograd | WinogradGradient, sizes: Sequence[int]) -> None:
    """What tiles of 4x4 elements read, what is written; weights are read whole."""
    starts = {v: Var(v.name + "t", -(-v.size // 2)) for v in (kernel.row, kernel.column)}
    loops = [kernel.image, *starts.values(), kernel.summed]
    if isinstance(kernel, WinogradGradient):
        loops.append(kernel.chunk)
        positions = [kernel.chunk, kernel.image, kernel.row, kernel.column, kernel.channel]
        low, high, _ = reach(kernel.given.offset, (), positions)
        assert (low, high) == (0, sizes[kernel.given.arg] - 1)
    else:
        assert 16 * kernel.channel.size * kernel.summed.size == sizes[kernel.weights]
    for places in itertools.product(range(4), repeat=2):
        moved = dict(zip(starts, places, strict=True))

        def at(var: Var, moved: dict[Var, int] = moved) -> Index | None:
            return variable(starts[var]) * 2 + moved[var] if var in starts else None

        guards = [Guard(substitute(g.index, at), g.low, g.high) for g in kernel.inside]
        low, high, _ = reach(substitute(kernel.source.offset, at), guards, loops)
        assert low >= 0 and high < sizes[kernel.source.arg], f"reads {low}..{high}\n{kernel}"
    check_loads([store.value for store in kernel.stores], kernel.loops, sizes, kernel)
    for store in kernel.stores:
        check_stores([store.offset], kernel.loops, sizes[store.arg], str(kernel))
    blocks = kernel.blocks
    width = blocks.lanes * blocks.vectors
    whole = [(kernel.channel.size, blocks.channels), (blocks.channels, width)]
    whole.append((kernel.summed.size, blocks.summed))
    if isinstance(kernel, WinogradGradient):
        whole.append((blocks.summed, blocks.rows))
    assert all(n % part == 0 for n, part in whole)


def check_loads(
    values: Sequence[Value], loops: Sequence[Var], sizes: Sequence[int], kernel: Kernel
) -> None:
    points = int(np.prod([var.size for var in loops], dtype=np.int64))
    for value in walk(values):
        if isinstance(value, Load):
            low, high, _ = reach(value.offset, value.guards, loops)
            inside = low >= 0 and high < max(sizes[value.arg], 1)
            text = f"load {value.offset} under {value.guards} spans {low}..{high}"
            assert inside or not points, f"{text} of {sizes[value.arg]}\n{kernel}"


def check_stores(offsets: Sequence[Index], loops: Sequence[Var], size: int, text: str) -> None:
    """Together they write every element once."""
    found = [reach(offset, (), loops) for offset in offsets]
    count = len(found) * int(np.prod([var.size for var in loops], dtype=np.int64))
    low, high = min(low for low, *_ in found), max(high for _, high, _ in found)
    assert count == size, f"{count} stores into {size} elements\n{text}"
    assert not size or (low, high) == (0, size - 1), f"stores span {low}..{high} of {size}\n{text}"
    chosen = [at.ravel() for *_, at in found if at is not None]
    if len(chosen) == len(found) and size:
        times = np.bincount(np.concatenate(chosen), minlength=size)
        assert (times == 1).all(), f"written twice\n{text}"


# What is written before it is read


def check_flow(order: Sequence[Planned], place: dict[Ref, Buffer], outputs: int) -> None:
    """Temporaries are written before they are read; every output is written exactly once."""
    written: set[Ref] = set()
    results: list[int] = []
    for planned in order:
        for i, ref in enumerate(planned.args):
            if i in planned.writes:
                continue
            kind = place[ref].kind
            assert kind == "leaf" or ref in written, f"{ref} is read before it is written"
        for i in planned.writes:
            ref = planned.args[i]
            assert ref not in written, f"{ref} is written twice"
            assert place[ref].kind != "leaf", f"{ref} overwrites a leaf outside the targets"
            written.add(ref)
            if place[ref].kind == "out":
                results.append(place[ref].at)
    assert sorted(results) == list(range(outputs)), f"outputs written: {sorted(results)}"


def spans(order: Sequence[Planned], place: dict[Ref, Buffer]) -> dict[Ref, tuple[int, int]]:
    """First and last kernel that touches each temporary."""
    found: dict[Ref, tuple[int, int]] = {}
    for step, planned in enumerate(order):
        for ref in planned.args:
            if place[ref].kind == "arena":
                first, _ = found.get(ref, (step, step))
                found[ref] = (first, step)
    return found


def nbytes(ref: Ref) -> int:
    return room(ref[0].shape, ref[1]) * ref[0].dtype.itemsize


def check_arena(order: Sequence[Planned], place: dict[Ref, Buffer], arena: int) -> None:
    """Temporaries alive together do not share bytes, and all lie in the arena."""
    lives = list(spans(order, place).items())
    for i, (ref, (first, last)) in enumerate(lives):
        start = place[ref].at
        assert start % 64 == 0 and start + nbytes(ref) <= arena
        for other, (other_first, other_last) in lives[:i]:
            if first <= other_last and other_first <= last:
                apart = place[other].at + nbytes(other) <= start
                apart = apart or start + nbytes(ref) <= place[other].at
                assert apart, f"{ref} and {other} share bytes while both are alive"


def check_barriers(assembler: _Recorded, plan: Plan) -> None:
    """Between two kernels that touch the same bytes, one writing, all threads meet."""

    def touched(planned: Planned, i: int) -> tuple[object, int, int, bool]:
        ref = planned.args[i]
        buffer = assembler.place[ref]
        writes = i in planned.writes
        if buffer.kind == "arena":
            return "arena", buffer.at, buffer.at + nbytes(ref), writes
        if buffer.kind == "out" and assembler.targets[buffer.at] is not None:
            return assembler.targets[buffer.at], 0, 1, writes
        if buffer.kind == "leaf":
            return assembler.leaves[buffer.at], 0, 1, writes
        return ("out", buffer.at), 0, 1, writes

    order = assembler.order
    for later, b in enumerate(order):
        mine = [touched(b, i) for i in range(len(b.args))]
        for earlier in range(later):
            a = order[earlier]
            if plan.steps[earlier].serial and plan.steps[later].serial:
                continue
            if any(step.barrier for step in plan.steps[earlier + 1 : later + 1]):
                continue
            for p in (touched(a, i) for i in range(len(a.args))):
                for q in mine:
                    clash = p[0] == q[0] and p[1] < q[2] and q[1] < p[2] and (p[3] or q[3])
                    assert not clash, f"kernels {earlier} and {later} race for {p[0]}"

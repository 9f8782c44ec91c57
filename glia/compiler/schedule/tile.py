"""How a contraction runs: which variable fills the vectors, what a register tile holds.

Every candidate is priced in cycles of a simple machine (two multiply-adds and two loads a cycle,
latency 4), repacking of operands included; the cheapest wins. The choice depends on shapes,
layouts and the target, never on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import cast

from glia.compiler.codegen.targets import Target
from glia.compiler.index import Index, Var
from glia.compiler.schedule.layout import Layout, dim_last, natural
from glia.compiler.schedule.loops import Tile
from glia.ir.expr import Expr

#: Cycles to move one element when an operand is copied into another layout.
REPACK = 1.5
#: Cycles to add up the lanes of one accumulator.
ADD_LANES = 8.0


_NOTHING: list[Var | None] = [None]


@dataclass(frozen=True)
class Side:
    """An operand: the stored value it reads, at which indices, and the layouts it may have."""

    base: Expr
    index: tuple[Index, ...]
    layouts: tuple[Layout, ...]  # as stored; the first is the primary one

    def choices(self) -> Iterator[tuple[Layout, float]]:
        """Layouts with what they cost: those at hand are free."""
        seen = set()
        for layout in self.layouts:
            seen.add(layout.order)
            yield layout, 0.0
        shape = self.base.shape
        others = [natural(shape)] + [dim_last(shape, d) for d in range(len(shape))]
        for layout in others:
            if layout.order not in seen:
                seen.add(layout.order)
                yield layout, REPACK * layout.size


@dataclass(frozen=True)
class Choice:
    """A priced way to run a contraction."""

    cost: float
    tile: Tile
    layouts: tuple[Layout, Layout]


@dataclass(frozen=True)
class _Problem:
    loops: tuple[Var, ...]
    reduce: tuple[Var, ...]
    sides: tuple[Side, Side]
    target: Target
    itemsize: int

    @property
    def products(self) -> int:
        count = 1
        for var in (*self.loops, *self.reduce):
            count *= var.size
        return count


def choose(
    loops: Sequence[Var],
    reduce: Sequence[Var],
    sides: tuple[Side, Side],
    target: Target,
    itemsize: int,
    preferred_last: Var | None,
) -> Choice | None:
    """The cheapest way, or None when no variable can fill vectors.

    ``preferred_last`` is the variable that the result's memory order wants innermost: other
    choices pay for copying the result.
    """
    problem = _Problem(tuple(loops), tuple(reduce), sides, target, itemsize)
    best: Choice | None = None
    for candidate in _candidates(problem, preferred_last):
        if best is None or candidate.cost < best.cost:
            best = candidate
    return best


def _affine_offset(side: Side, layout: Layout) -> Index | None:
    offset = layout.offset(side.index)
    return offset if offset.is_affine() else None


def _candidates(p: _Problem, preferred_last: Var | None) -> Iterator[Choice]:
    options = []
    for side in p.sides:
        found = []
        for layout, cost in side.choices():
            offset = _affine_offset(side, layout)
            if offset is not None:
                found.append((layout, cost, offset))
        options.append(found)
    results = 1
    for var in p.loops:
        results *= var.size
    for (la, cost_a, oa), (lb, cost_b, ob) in product(*options):
        offsets = (oa, ob)
        for var in (*p.loops, *p.reduce):
            if var.size == 1:
                continue
            reduced = var in p.reduce
            vectors = _vector_side(var, offsets, reduced)
            if vectors is None:
                continue
            extra = cost_a + cost_b
            if not reduced and preferred_last is not None and var != preferred_last:
                extra += REPACK * results
            tile, cost = _best_tile(p, var, vectors, reduced, offsets)
            yield Choice(cost + extra, tile, (la, lb))


def _vector_side(var: Var, offsets: tuple[Index, Index], reduced: bool) -> int | None:
    """Which operand can be read in vectors along the variable."""
    a, b = (offset.coefficient(var) for offset in offsets)
    if reduced:
        return 0 if a == 1 and b == 1 else None
    if a == 1 and b == 0:
        return 0
    return 1 if a == 0 and b == 1 else None


def _parts(size: int, step: int) -> list[tuple[int, int]]:
    """(extent, how many) of the tiles along a variable."""
    full, rest = divmod(size, step)
    return [(step, full)] * bool(full) + [(rest, 1)] * bool(rest)


def _best_tile(
    p: _Problem, var: Var, side: int, reduced: bool, offsets: tuple[Index, Index]
) -> tuple[Tile, float]:
    lanes = p.target.lanes(p.itemsize)
    while lanes > 2 and lanes // 2 >= var.size:
        lanes //= 2
    vector, scalar = offsets[side], offsets[1 - side]
    rows = [v for v in p.loops if v != var and v.size > 1 and not vector.coefficient(v)]
    rows = [v for v in rows if scalar.coefficient(v)]
    columns = [v for v in p.loops if v != var and v.size > 1 and not scalar.coefficient(v)]
    columns = [v for v in columns if vector.coefficient(v)]
    steps = p.products // var.size
    best: tuple[float, Tile] | None = None
    for row in cast(list[Var | None], rows) or _NOTHING:
        for column in cast(list[Var | None], columns) or _NOTHING:
            found = _sizes(p, var, lanes, reduced, row, column, steps)
            tile = Tile(
                var,
                lanes,
                reduced,
                found[3],
                None if row is None else (row, found[1]),
                None if column is None else (column, found[2]),
                side,
            )
            if best is None or found[0] < best[0]:
                best = found[0], tile
    assert best is not None
    cost, tile = best
    if reduced:
        results = 1
        for v in p.loops:
            results *= v.size
        cost += ADD_LANES * results
    return tile, cost


def _sizes(
    p: _Problem,
    var: Var,
    lanes: int,
    reduced: bool,
    row: Var | None,
    column: Var | None,
    steps: int,
) -> tuple[float, int, int, int]:
    """Cheapest (cost, rows, columns, blocks) for these tile variables."""
    vectors = -(-var.size // lanes)
    row_size = row.size if row else 1
    column_size = column.size if column else 1
    outer = steps / (row_size * column_size)
    best = (float("inf"), 1, 1, 1)
    for r in range(1, min(row_size, 14) + 1):
        for c in range(1, min(column_size, 8) + 1):
            for b in range(1, 1 if reduced else min(vectors, 4) + 1) or (1,):
                if r * c * b + c * b + 1 > p.target.registers:
                    continue
                cost = 0.0
                tiles = 1
                for (rr, rn), (cc, cn), (bb, bn) in product(
                    _parts(row_size, r),
                    _parts(column_size, c),
                    [(1, vectors)] if reduced else _parts(vectors, b),
                ):
                    cost += rn * cn * bn * _cycles(rr, cc, bb, reduced)
                tiles = -(-row_size // r) * -(-column_size // c)
                few = 1.0 + 0.02 * max(0, 8 - tiles)
                if cost * outer * few < best[0]:
                    best = (cost * outer * few, r, c, b)
    return best


def _cycles(rows: int, columns: int, blocks: int, reduced: bool) -> float:
    """One step of a tile: multiply-adds, loads, and the wait for the previous step's sums."""
    products = rows * columns * blocks
    loads = columns * blocks + rows
    return max(products / 2, loads / 2, 4.0) + 0.5

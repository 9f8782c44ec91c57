"""How a contraction runs: which variable fills the vectors, what a register tile holds.

Every candidate is priced in cycles of a simple machine (two multiply-adds and two loads a cycle,
latency 4), repacking of operands included; the cheapest wins. The choice depends on shapes,
layouts and the target, never on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import cast

from glia.compiler.codegen.targets import Target
from glia.compiler.index import Index, Var, variable, variables
from glia.compiler.schedule.layout import Layout, arranged, dim_last, natural, panelled
from glia.compiler.schedule.loops import Tile
from glia.ir.expr import Expr

#: Cycles to move one element when an operand is copied into another layout.
REPACK = 1.5
#: Bytes of a cache line and of a number; what stays in the innermost cache; cycles to fetch a line
#: from the next one, when lines follow one another and when they lie so many bytes apart.
LINE, WORD, INNER_CACHE = 64, 4, 24 << 10
LINE_CYCLES, FAR_CYCLES, FAR = 2.0, 6.0, 1024
#: Lines of one cache set, and the distance at which addresses meet in one.
WAYS, PAGE = 8, 4096
#: Cycles to add up the lanes of one accumulator.
ADD_LANES = 8.0


_NOTHING: list[Var | None] = [None]


@dataclass(frozen=True)
class Side:
    """An operand: the stored value it reads, at which indices, and how that lies in memory."""

    base: Expr
    index: tuple[Index, ...]
    layout: Layout

    def choices(self) -> Iterator[tuple[Layout, float]]:
        """Layouts with what they cost; only the one it is stored in is free.

        Copies that other kernels happen to have made do not count: the choice must not depend on
        what else the program computes.
        """
        seen = {self.layout.order}
        yield self.layout, 0.0
        shape = self.base.shape
        rank = len(shape)
        others = [natural(shape)]
        if rank > 2:
            others.append(arranged(shape, (*range(2, rank), 1, 0)))
        others += [dim_last(shape, d) for d in range(rank)]
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
    batch: Var | None,
) -> Choice | None:
    """The cheapest way, or None when no variable can fill vectors.

    With a ``batch`` variable of at least a vector the lanes run along it: what follows then finds
    its input as it wants it. Otherwise results are stored row-major, and lanes that do not run
    along the last variable pay for copying them.
    """
    problem = _Problem(tuple(loops), tuple(reduce), sides, target, itemsize)
    live = [v for v in loops if v.size > 1]
    last = batch or (live[-1] if live else None)
    only = batch if batch is not None and batch.size >= target.lanes(itemsize) else None
    best: Choice | None = None
    for candidate in _candidates(problem, last, only):
        if best is None or candidate.cost < best.cost:
            best = candidate
    return best


Option = tuple[Layout, float, Index]  # a layout, what it costs to have it, the offset in it


def _options(side: Side) -> list[Option]:
    """The layouts in which the operand's offset is affine."""
    found = []
    for layout, cost in side.choices():
        offset = layout.offset(side.index)
        if offset.is_affine():
            found.append((layout, cost, offset))
    return found


def _candidates(p: _Problem, last: Var | None, only: Var | None) -> Iterator[Choice]:
    options = [_options(side) for side in p.sides]
    results = 1
    for var in p.loops:
        results *= var.size
    for pair in product(*options):
        for var in (*p.loops, *p.reduce):
            if var.size == 1 or (only is not None and var != only):
                continue
            reduced = var in p.reduce
            vectors = _vector_side(var, (pair[0][2], pair[1][2]), reduced)
            if vectors is None:
                continue
            extra = 0.0
            if not reduced and last is not None and var != last:
                extra = REPACK * results
            yield from _priced(p, var, vectors, reduced, (pair[0], pair[1]), extra)


def _priced(
    p: _Problem, var: Var, side: int, reduced: bool, pair: tuple[Option, Option], extra: float
) -> Iterator[Choice]:
    """The best tile for these layouts; and again with operands packed as the tile reads them."""
    offsets = (pair[0][2], pair[1][2])
    tile, cost = _best_tile(p, var, side, reduced, offsets)
    steps = _steps(p, tile)
    order = summing_order(p.reduce, offsets)
    ways: list[list[tuple[Layout, float]]] = [[], []]
    for i in (0, 1):
        wait = _fetching(tile, order, offsets[i], i == side)
        ways[i].append((pair[i][0], pair[i][1] + wait * steps))
        packed = None if reduced or not wait else _packed(p.sides[i], order, tile, i == side)
        if packed is not None:
            wait = _packed_fetching(tile, i == side)
            ways[i].append((packed, REPACK * packed.size + wait * steps))
    for (first, a), (second, b) in product(*ways):
        yield Choice(cost + extra + a + b, tile, (first, second))


def _packed(side: Side, order: tuple[Var, ...], tile: Tile, vectors: bool) -> Layout | None:
    """The operand in panels of a tile, in the order in which the tile reads them."""
    if vectors:
        var, width = tile.lanes_over, tile.lanes * tile.blocks
        if tile.columns is not None:
            return None
    elif tile.rows is not None:
        var, width = tile.rows
    else:
        return None
    place = {v: i + 1 for i, v in enumerate(order)}
    own = [d for d, at in enumerate(side.index) if at == variable(var)]
    if len(own) != 1 or any(var in variables(at) for d, at in enumerate(side.index) if d != own[0]):
        return None

    def key(dim: int) -> tuple[int, int]:
        return max((place.get(v, 0) for v in variables(side.index[dim])), default=0), dim

    dims = sorted(range(len(side.base.shape)), key=key)
    return panelled(side.base.shape, dims, own[0], width)


def summing_order(reduce: Sequence[Var], offsets: Sequence[Index]) -> tuple[Var, ...]:
    """Summed variables, the one with the longest way through memory outermost."""
    strides = {v: max(abs(o.coefficient(v)) for o in offsets) for v in reduce}
    return tuple(sorted((v for v in reduce if v.size != 1), key=lambda v: -strides[v]))


def _steps(p: _Problem, tile: Tile) -> float:
    """How often the inner loop runs, over all tiles."""
    per_tile = tile.lanes * tile.blocks
    for pair in (tile.rows, tile.columns):
        per_tile *= pair[1] if pair else 1
    return p.products / per_tile


def _fetching(tile: Tile, order: tuple[Var, ...], offset: Index, vectors: bool) -> float:
    """Cycles a step waits for one operand, when what a tile reads of it leaves the inner cache."""
    across = tile.columns if vectors else tile.rows
    wide = across[1] if across else 1
    if vectors:
        wide *= tile.blocks
    per_item = tile.lanes * WORD if vectors else WORD
    footprint = wide * per_item
    for var in order:
        footprint *= var.size if offset.coefficient(var) else 1
    if not order:
        return 0.0
    step = abs(offset.coefficient(order[-1])) * WORD
    apart = abs(offset.coefficient(across[0])) * WORD if across else 0
    crowded = not vectors and wide > WAYS and apart and apart % PAGE == 0
    if footprint <= INNER_CACHE and not crowded:
        return 0.0
    if vectors:
        lines = wide * max(1.0, per_item / LINE)
    elif apart == WORD:
        lines = max(min(1.0, step / LINE), wide * WORD / LINE)
    else:
        lines = wide * (1.0 if crowded else min(1.0, step / LINE))
    return lines * (FAR_CYCLES if step >= FAR else LINE_CYCLES)


def _packed_fetching(tile: Tile, vectors: bool) -> float:
    """The same for an operand in panels: one line after another."""
    if vectors:
        return LINE_CYCLES * tile.blocks * max(1.0, tile.lanes * WORD / LINE)
    return LINE_CYCLES * (tile.rows[1] if tile.rows else 1) * WORD / LINE


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
            row_size, column_size = row.size if row else 1, column.size if column else 1
            vectors = -(-var.size // lanes)
            found = _sizes(row_size, column_size, vectors, reduced, p.target.registers)
            cost = found[0] * steps / (row_size * column_size)
            tile = Tile(
                var,
                lanes,
                reduced,
                found[3],
                None if row is None else (row, found[1]),
                None if column is None else (column, found[2]),
                side,
            )
            if best is None or cost < best[0]:
                best = cost, tile
    assert best is not None
    cost, tile = best
    if reduced:
        results = 1
        for v in p.loops:
            results *= v.size
        cost += ADD_LANES * results
    return tile, cost


@lru_cache(maxsize=4096)
def _sizes(
    row_size: int, column_size: int, vectors: int, reduced: bool, registers: int
) -> tuple[float, int, int, int]:
    """Cheapest (cycles per step of the loops around, rows, columns, blocks)."""
    best = (float("inf"), 1, 1, 1)
    for r in range(1, min(row_size, 14) + 1):
        for c in range(1, min(column_size, 8) + 1):
            for b in range(1, 1 if reduced else min(vectors, 4) + 1) or (1,):
                if r * c * b + c * b + 1 > registers:
                    continue
                cost = sum(
                    rn * cn * bn * _cycles(rr, cc, bb)
                    for (rr, rn), (cc, cn), (bb, bn) in product(
                        _parts(row_size, r),
                        _parts(column_size, c),
                        [(1, vectors)] if reduced else _parts(vectors, b),
                    )
                )
                tiles = -(-row_size // r) * -(-column_size // c)
                cost *= 1.0 + 0.02 * max(0, 8 - tiles)
                # a tile that does not divide evenly needs code of its own for the rest
                cost *= 1.0 + 0.02 * (bool(row_size % r) + bool(column_size % c))
                if cost < best[0]:
                    best = (cost, r, c, b)
    return best


def _cycles(rows: int, columns: int, blocks: int) -> float:
    """One step of a tile: multiply-adds, loads, and the wait for the previous step's sums."""
    products = rows * columns * blocks
    loads = columns * blocks + rows
    return max(products / 2, loads / 2, 4.0) + 0.5

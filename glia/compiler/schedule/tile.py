"""How a contraction runs: which variable fills the vectors, what a register tile holds.

Every candidate is priced in cycles of a simple machine (so many multiply-adds and two loads a
cycle, latency 4), copies of operands included; the cheapest wins. The choice depends on shapes,
layouts and the target, never on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import cast

from glia.compiler.codegen.targets import Target
from glia.compiler.index import Index, Var, inner_atoms, variable, variables
from glia.compiler.schedule.layout import Layout, arranged, dim_last, natural, panelled
from glia.compiler.schedule.loops import Guard, Tile
from glia.ir.expr import Expr

#: Cycles to move one element when an operand is copied into another layout.
REPACK = 1.5
#: The same, into panels of which the last is not full: of scalars, and of vectors.
REPACK_RAGGED = 8.0, 20.0
#: Bytes of a cache line; what stays in the innermost cache; cycles to fetch a line from the next
#: one, when lines follow one another and when they lie so many bytes apart.
LINE, INNER_CACHE = 64, 24 << 10
LINE_CYCLES, FAR_CYCLES, FAR = 1.0, 3.0, 1024
#: The same for the vectors of a panel, which nothing interrupts; and for more lines than the caches
#: keep of those that lie a page or several apart.
PANEL_CYCLES, PAGED_CYCLES, PAGED = 0.3, 12.0, 256
#: What stays in the middle cache while more streams by.
KEPT = 768 << 10
#: Cycles to enter and leave a loop.
LOOP_CYCLES = 16.0
#: Lines of one cache set, and the distance at which addresses meet in one.
WAYS, PAGE = 8, 4096
#: Cycles to add up the lanes of one accumulator.
ADD_LANES = 8.0
#: Rows of a tile at most.
MOST_ROWS = 14
#: Tiles enough for threads to share.
SHARES = 8


_NOTHING: list[Var | None] = [None]


@dataclass(frozen=True)
class Side:
    """An operand: the stored value it reads, at which indices, and how that lies in memory.

    What the guards exclude counts as zero.
    """

    base: Expr
    index: tuple[Index, ...]
    layout: Layout
    guards: tuple[Guard, ...] = ()
    stored: bool = True

    def choices(self) -> Iterator[tuple[Layout, float]]:
        """Layouts with what they cost; only the one it is stored in is free.

        Copies that other kernels happen to have made do not count: the choice must not depend on
        what else the program computes.
        """
        seen = {self.layout.order}
        yield self.layout, 0.0 if self.stored else REPACK * self.layout.size
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


def _bounds_one(guard: Guard, reduce: Sequence[Var]) -> bool:
    """Whether a guard bounds the range of at most one summed variable, given all others."""
    used = [v for v in reduce if v in variables(guard.index)]
    return not used or (len(used) == 1 and not _hidden(guard.index) & set(used))


def _hidden(index: Index) -> set[Var]:
    """The variables that occur under a quotient or remainder."""
    return set().union(*(variables(atom.of) for atom in inner_atoms(index)))


@dataclass(frozen=True)
class Choice:
    """A priced way to run a contraction."""

    cost: float
    tile: Tile
    sides: tuple[Side, Side]
    layouts: tuple[Layout, Layout]
    order: tuple[Var, ...]  # of the summed variables


@dataclass(frozen=True)
class Problem:
    """A contraction's loops, and what is known about its operands and the processor."""

    loops: tuple[Var, ...]
    reduce: tuple[Var, ...]
    ways: tuple[tuple[Side, ...], ...]  # for each operand, the ways to read it
    guards: tuple[Guard, ...]  # of the contraction itself
    target: Target
    itemsize: int

    @property
    def fixed(self) -> set[Var]:
        """Variables that must not change within a tile."""
        return set().union(*(variables(guard.index) for guard in self.guards))

    @property
    def results(self) -> int:
        return math.prod(var.size for var in self.loops)

    @property
    def products(self) -> int:
        return self.results * math.prod(var.size for var in self.reduce)

    def reads(self, order: Sequence[Var], offset: Index) -> int:
        """How many elements of an operand go into one result."""
        count = 1
        for var in order:
            count *= var.size if offset.coefficient(var) else 1
        return count

    def leaves_cache(
        self, order: Sequence[Var], pair: tuple[_Option, _Option], which: Sequence[int]
    ) -> bool:
        """Whether what a tile reads of these operands is too much for the innermost cache."""
        least = INNER_CACHE // (2 * self.target.vector_bytes)
        return all(self.reads(order, pair[i].offset) > least for i in which)


def choose(problem: Problem, inner: Var | None) -> Choice | None:
    """The cheapest way, or None when no variable can fill vectors.

    With an ``inner`` variable of at least a vector the lanes run along it: what follows then finds
    its input as it wants it. Otherwise results are stored row-major, and lanes that do not run
    along the last variable pay for copying them.
    """
    live = [v for v in problem.loops if v.size > 1]
    last = inner or (live[-1] if live else None)
    lanes = problem.target.lanes(problem.itemsize)
    only = inner if inner is not None and inner.size >= lanes else None
    best: Choice | None = None
    for candidate in _candidates(problem, last, only):
        if best is None or candidate.cost < best.cost:
            best = candidate
    return best


@dataclass(frozen=True)
class _Option:
    """An operand in a layout: what it costs to have it, and the offset in it."""

    side: Side
    layout: Layout
    cost: float
    offset: Index
    fixed: frozenset[Var]  # variables that must not change within a tile


def _options(ways: Sequence[Side], reduce: Sequence[Var]) -> list[_Option]:
    """The layouts in which the operand's offset is affine in all that may change in a tile."""
    found = []
    for way in ways:
        if not all(_bounds_one(guard, reduce) for guard in way.guards):
            continue
        guarded = set().union(*(variables(guard.index) for guard in way.guards))
        for layout, cost in way.choices():
            offset = layout.offset(way.index)
            hidden = _hidden(offset)
            if not hidden & set(reduce):
                found.append(_Option(way, layout, cost, offset, frozenset(hidden | guarded)))
    return found


def _candidates(p: Problem, last: Var | None, only: Var | None) -> Iterator[Choice]:
    options = [_options(ways, p.reduce) for ways in p.ways]
    for first, second in product(*options):
        fixed = first.fixed | second.fixed | p.fixed
        for var in (*p.loops, *p.reduce):
            if var.size == 1 or var in fixed or (only is not None and var != only):
                continue
            reduced = var in p.reduce
            vectors = _vector_side(var, (first.offset, second.offset), reduced)
            if vectors is None:
                continue
            extra = 0.0
            if not reduced and last is not None and var != last:
                extra = REPACK * p.results
            yield from _priced(p, var, vectors, reduced, (first, second), extra)


def _priced(
    p: Problem, var: Var, side: int, reduced: bool, pair: tuple[_Option, _Option], extra: float
) -> Iterator[Choice]:
    """The best tile for these layouts; and again with operands packed as the tile reads them."""
    sides = (pair[0].side, pair[1].side)
    paid = extra + pair[0].cost + pair[1].cost
    for order in _orders(p.reduce, (pair[0].offset, pair[1].offset)):
        for packing in ((), (0,), (1,), (0, 1)):
            if packing and (reduced or not p.leaves_cache(order, pair, packing)):
                continue
            tile, cost = _best_tile(p, var, side, reduced, pair, order, packing)
            layouts = [option.layout for option in pair]
            for i in packing:
                found = _packed(sides[i], order, tile, i == side)
                if found is None:
                    break
                layouts[i] = found
                cost += (REPACK if found.even else REPACK_RAGGED[i == side]) * found.size
            else:
                yield Choice(cost + paid, tile, sides, (layouts[0], layouts[1]), order)


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


def _orders(reduce: Sequence[Var], offsets: Sequence[Index]) -> list[tuple[Var, ...]]:
    """Orders of the summed variables: as one operand lies in memory, or as both do."""
    live = [v for v in reduce if v.size != 1]
    found = []
    for which in (offsets, offsets[:1], offsets[1:]):
        strides = {v: max(abs(offset.coefficient(v)) for offset in which) for v in live}
        found.append(tuple(sorted(live, key=lambda v: -strides[v])))
    return list(dict.fromkeys(found))


def running_order(
    loops: Sequence[Var], reduce: Sequence[Var], offsets: Sequence[Index], tile: Tile, size: int
) -> tuple[Var, ...]:
    """Loops around a tile, in the order that fetches least.

    Those of both operands come first (not those that tell positions apart: they share work out
    unevenly). Then either all vectors stream by each tile's scalars, or
    each tile's vectors stay in the cache while all scalars stream by.
    """
    pair = offsets[tile.vector_side], offsets[1 - tile.vector_side]
    inside = [variables(offset) for offset in pair]
    taken = dict(p for p in (tile.rows, tile.columns) if p is not None)
    taken[tile.lanes_over] = tile.lanes * tile.blocks
    tiles, nbytes = [1, 1], [size, size]
    for i in (0, 1):
        for var in reduce:
            nbytes[i] *= var.size if var in inside[i] else 1
        for var in loops:
            if var in inside[i]:
                nbytes[i] *= min(taken.get(var, 1), var.size)
                tiles[i] *= 1 if var in inside[1 - i] else -(-var.size // taken.get(var, 1))
    whole = tiles[0] * nbytes[0], tiles[1] * nbytes[1]
    again = whole[0] * tiles[1]
    streaming = whole[1] + (whole[0] if whole[0] <= KEPT else again)
    staying = (whole[0] if nbytes[0] <= KEPT else again) + (
        whole[1] if whole[1] <= KEPT else whole[1] * tiles[0]
    )
    vectors_last = streaming <= staying

    def rank(var: Var) -> tuple[int, bool, int]:
        if all(offset.coefficient(var) for offset in pair):
            return 0, False, -abs(pair[1].coefficient(var))
        if var in inside[1]:
            return 1 if vectors_last else 3, False, -abs(pair[1].coefficient(var))
        return 2, var == tile.lanes_over, -abs(pair[0].coefficient(var))

    return tuple(sorted((v for v in loops if v.size != 1), key=rank))


@dataclass(frozen=True)
class _Waits:
    """Cycles that a step waits for memory: per vector, per scalar, per scalar of many rows."""

    vector: float = 0.0
    scalar: float = 0.0
    crowded: float = 0.0
    reduced: float = 0.0  # per vector of either operand, when many lie a page apart
    kept: int = 1 << 30  # vectors of a tile, all steps of which stay in the middle cache
    loop: float = 0.0  # to begin and end the innermost loop, per step


def _waits(
    p: Problem,
    order: tuple[Var, ...],
    offsets: tuple[Index, Index],
    lanes: int,
    row: Var | None,
    packed: tuple[bool, bool],
    reduced: bool,
) -> _Waits:
    """What it costs when the operands' parts (vectors, scalars) leave the innermost cache."""
    if not order:
        return _Waits()
    size = p.itemsize
    wide = lanes * size
    lines = max(1.0, wide / LINE)
    reads = [p.reads(order, offset) for offset in offsets]
    steps = [abs(offset.coefficient(order[-1])) * size for offset in offsets]
    far = [_line_cycles(step, count) for step, count in zip(steps, reads, strict=True)]
    apart = abs(offsets[1].coefficient(row)) * size if row else 0
    paged = bool(apart) and apart % PAGE == 0
    if reduced:
        outside = reads[0] * size * (WAYS + 2) > INNER_CACHE
        vector = lines * LINE_CYCLES if outside else 0.0
        return _Waits(vector, vector, 0.0, vector * 1.5 if paged else 0.0)
    vector = scalar = crowded = 0.0
    if reads[0] * 2 * wide > INNER_CACHE:
        vector = lines * (PANEL_CYCLES if packed[0] else far[0])
    if not packed[1] and paged:
        crowded = far[1]
    if reads[1] * WAYS * size > INNER_CACHE:
        if packed[1]:
            scalar = LINE_CYCLES * size / LINE
        else:
            share = size / LINE + 1 / WAYS if apart == size else 1.0
            scalar = far[1] * share * min(1.0, steps[1] / LINE)
    kept = KEPT // (reads[0] * wide)
    return _Waits(vector, scalar, crowded, 0.0, kept, LOOP_CYCLES / order[-1].size)


def _line_cycles(step: int, count: int) -> float:
    """Cycles to fetch one of so many lines that lie ``step`` bytes apart."""
    if count <= PAGED or step < FAR:
        return LINE_CYCLES
    return FAR_CYCLES if step % PAGE else PAGED_CYCLES


@dataclass(frozen=True)
class _Copies:
    """What operands that are copied into panels hold, in elements per step of the loops."""

    lanes: int
    extent: int  # of the variable whose elements are lanes
    vectors: float
    scalars: float

    def cycles(self, rows: int, taken: int, blocks: int) -> float:
        """What the copies cost for a tile of so many rows and vectors."""
        ragged = self.extent % (self.lanes * blocks) != 0, rows % taken != 0
        vectors = self.vectors * (REPACK_RAGGED[1] if ragged[0] else REPACK)
        return vectors + self.scalars * (REPACK_RAGGED[0] if ragged[1] else REPACK)


def _vector_side(var: Var, offsets: tuple[Index, Index], reduced: bool) -> int | None:
    """Which operand can be read in vectors along the variable."""
    a, b = (offset.coefficient(var) for offset in offsets)
    if reduced:
        return 0 if a == 1 and b == 1 else None
    if a == 1 and b == 0:
        return 0
    return 1 if a == 0 and b == 1 else None


def _best_tile(
    p: Problem,
    var: Var,
    side: int,
    reduced: bool,
    pair: tuple[_Option, _Option],
    order: tuple[Var, ...],
    packing: Sequence[int],
) -> tuple[Tile, float]:
    lanes = p.target.lanes(p.itemsize)
    while lanes > 2 and lanes // 2 >= var.size:
        lanes //= 2
    vector, scalar = pair[side].offset, pair[1 - side].offset
    packed = (side in packing, 1 - side in packing)
    fixed = pair[0].fixed | pair[1].fixed | p.fixed
    free = [v for v in p.loops if v != var and v.size > 1 and v not in fixed]
    rows = [v for v in free if not vector.coefficient(v) and scalar.coefficient(v)]
    columns = [v for v in free if not scalar.coefficient(v) and vector.coefficient(v)]
    if packed[0]:
        columns = []
    steps = p.products // var.size
    rate = p.target.products(lanes * p.itemsize)
    best: tuple[float, Tile] | None = None
    for row in cast(list[Var | None], rows) or _NOTHING:
        waits = _waits(p, order, (vector, scalar), lanes, row, packed, reduced)
        for column in cast(list[Var | None], columns) or _NOTHING:
            row_size, column_size = row.size if row else 1, column.size if column else 1
            vectors = -(-var.size // lanes)
            others = p.results // (row_size * column_size * (1 if reduced else var.size))
            limits = (p.target.registers, min(others, SHARES))
            per = steps / (row_size * column_size)
            sizes = [pair[i].layout.size / per if i in packing else 0.0 for i in (side, 1 - side)]
            copies = _Copies(lanes, var.size, *sizes)
            found = _sizes(row_size, column_size, vectors, reduced, limits, rate, waits, copies)
            cost = found[0] * per
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
        cost += ADD_LANES * p.results
    return tile, cost


def _parts(size: int, step: int) -> list[tuple[int, int]]:
    """(extent, how many) of the tiles along a variable."""
    full, rest = divmod(size, step)
    return [(step, full)] * bool(full) + [(rest, 1)] * bool(rest)


@lru_cache(maxsize=4096)
def _sizes(
    row_size: int,
    column_size: int,
    vectors: int,
    reduced: bool,
    limits: tuple[int, int],
    rate: float,
    waits: _Waits,
    copies: _Copies,
) -> tuple[float, int, int, int]:
    """Cheapest (cycles per step of the loops around, rows, columns, blocks).

    The limits are the number of registers, and how many such problems there are to share out.
    """
    registers, others = limits
    best = (float("inf"), 1, 1, 1)
    least = float("inf")
    for r in range(1, min(row_size, MOST_ROWS) + 1):
        for c in range(1, min(column_size, 8) + 1):
            for b in range(1, 1 if reduced else min(vectors, 4) + 1) or (1,):
                if r * c * b + c * b + 1 > registers:
                    continue
                cost = sum(
                    rn * cn * bn * _cycles(rr, cc, bb, rate, waits)
                    for (rr, rn), (cc, cn), (bb, bn) in product(
                        _parts(row_size, r),
                        _parts(column_size, c),
                        [(1, vectors)] if reduced else _parts(vectors, b),
                    )
                )
                tiles = others * -(-row_size // r) * -(-column_size // c)
                tiles *= 1 if reduced else -(-vectors // b)
                cost *= 1.0 + 0.02 * max(0, SHARES - tiles)
                # a tile that does not divide evenly needs code of its own for the rest
                cost *= 1.0 + 0.02 * (bool(row_size % r) + bool(column_size % c))
                total = cost + copies.cycles(row_size, r, b)
                if total < least:
                    least, best = total, (cost, r, c, b)
    return best


def _cycles(rows: int, columns: int, blocks: int, rate: float, waits: _Waits) -> float:
    """One step of a tile: multiply-adds, loads, and the wait for the previous step's sums."""
    products = rows * columns * blocks
    loads = columns * blocks + rows
    wait = columns * blocks * waits.vector + rows * waits.scalar
    if columns * blocks > waits.kept:
        wait += columns * blocks * FAR_CYCLES
    if rows > WAYS:
        wait += rows * waits.crowded
    if rows + columns > WAYS:
        wait += (rows + columns) * waits.reduced
    return max(products / rate, loads / 2, 4.0) + 0.5 + wait + waits.loop

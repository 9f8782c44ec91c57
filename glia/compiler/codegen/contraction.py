"""Code for the contraction: a register tile of vector accumulators, and loops around it.

The tile holds ``rows × columns × blocks`` vectors. Each step of the inner loops loads
``columns · blocks`` vectors of one operand and ``rows`` scalars of the other (spread over the
lanes), and does all products by fused multiply-add. Tiles are numbered and shared out among
threads; the last tile along a variable that does not divide evenly has a code path of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod

from glia.compiler.codegen.body import Body, fits_lanes
from glia.compiler.codegen.llvm import Builder, register_type
from glia.compiler.codegen.nest import decode, pointers, share
from glia.compiler.codegen.sums import add_lanes
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Index, Var, picks, substitute, variable, variables
from glia.compiler.schedule.loops import Contraction, Guard, Load, walk

#: A loop around the sums, run or not, for guards that bound no summed variable.
ONCE = Var("once", 1)
#: Results of so many elements are not in a near cache: their memory is asked for in advance, one
#: row of a tile after so many steps of its sums.
LARGE, GAP = 1 << 18, 8


def _bounded(guard: Guard, reduce: tuple[Var, ...]) -> Var | None:
    """The summed variable whose range a guard bounds."""
    return next((v for v in reduce if guard.index.coefficient(v)), None)


def generate(kernel: Contraction, name: str, target: Target) -> str:
    """LLVM IR of the kernel."""
    return _Generator(kernel, target).run(name)


class _Generator:
    def __init__(self, kernel: Contraction, target: Target) -> None:
        self.k = kernel
        self.tile = kernel.tile
        self.b = Builder(target.has_scale)
        self.env: dict[Var, str] = {}
        self.dtype = kernel.dtype
        tile = kernel.tile
        operands = (kernel.a, kernel.b)
        self.vector, self.scalar = operands[tile.vector_side], operands[1 - tile.vector_side]
        self.rows = tile.rows[1] if tile.rows else 1
        self.columns = tile.columns[1] if tile.columns else 1
        self.span = tile.lanes * tile.blocks  # elements of lanes_over in a tile
        self.factors = self._tiled()
        self.reduce = kernel.reduce
        if any(_bounded(guard, kernel.reduce) is None for guard in kernel.guards):
            self.reduce = (ONCE, *kernel.reduce)
        self.asks = len(self.reduce) == 1 and prod(v.size for v in kernel.loops) >= LARGE
        self.kind = register_type(kernel.dtype, tile.lanes)
        self.suffix = f"v{tile.lanes}f{8 * kernel.dtype.itemsize}"

    def run(self, name: str) -> str:
        self.pointers = pointers(self.b, len(self.k.args))
        steps = self._tile_counts()
        total = 1
        for _, count in steps:
            total *= count
        low, high = share(self.b, total)

        def body(flat: str, _carried: list[str]) -> list[str]:
            numbers: dict[Var, str] = {}
            decode(self.b, flat, tuple(Var(v.name, n) for v, n in steps), numbers)
            by_name = {var.name: text for var, text in numbers.items()}
            self._variants(steps, {v: by_name[v.name] for v, _ in steps})
            return []

        self.b.loop(low, high, 1, (), body, "tile")
        self.b.line("ret void")
        return self.b.text(name, "ptr %buffers, i64 %thread, i64 %threads")

    def _tiled(self) -> dict[Var, int]:
        """The tiled output variables and how many of each a tile takes."""
        found: dict[Var, int] = {}
        if not self.tile.lanes_reduced:
            found[self.tile.lanes_over] = self.span
        for pair in (self.tile.rows, self.tile.columns):
            if pair is not None:
                found[pair[0]] = pair[1]
        return found

    def _tile_counts(self) -> list[tuple[Var, int]]:
        return [(v, self._number(v).size) for v in self.k.loops]

    def _variants(self, steps: list[tuple[Var, int]], numbers: dict[Var, str]) -> None:
        """Full tiles, and for each variable that does not divide evenly, the rest."""
        tiled = self.factors
        ragged = [(v, n) for v, n in steps if v in tiled and v.size % tiled[v] and n > 1]
        for var, _ in steps:
            factor = tiled.get(var, 1)
            at = self.env[self._number(var)] = numbers[var]
            self.env[var] = at if factor == 1 else self.b.integer("mul", at, str(factor))
        self._choose(ragged, numbers, {v: min(f, v.size) for v, f in tiled.items()})

    def _choose(
        self, ragged: list[tuple[Var, int]], numbers: dict[Var, str], extents: dict[Var, int]
    ) -> None:
        if not ragged:
            self._one_tile(extents)
            return
        (var, count), *rest = ragged
        is_last = self.b.op(f"icmp eq i64 {numbers[var]}, {count - 1}")
        short = {**extents, var: var.size % self.factors[var]}
        self.b.branch(
            is_last,
            lambda: self._choose(rest, numbers, short),
            lambda: self._choose(rest, numbers, extents),
        )

    def _one_tile(self, extents: dict[Var, int]) -> None:
        rows = extents[self.tile.rows[0]] if self.tile.rows else 1
        columns = extents[self.tile.columns[0]] if self.tile.columns else 1
        self.spans = self._spans()
        if self.tile.lanes_reduced:
            self._reduced_tile(rows, columns)
            return
        extent = extents[self.tile.lanes_over]
        blocks, tail = divmod(extent, self.tile.lanes)
        sums = self._accumulate(rows, columns, blocks, tail, self.reduce)
        self._store_all(sums, rows, columns, blocks, tail)

    # The inner loops

    def _spans(self) -> dict[Var, tuple[str, str]]:
        """The ranges of the summed variables that the guards leave, for the tile at hand."""
        found = {v: ("0", str(v.size)) for v in self.reduce}
        for guard in self.k.guards:
            over = _bounded(guard, self.k.reduce)
            if over is None:
                moved = self.b.index(guard.index + -guard.low, self.env)
                holds = self.b.op(f"icmp ult i64 {moved}, {guard.high - guard.low}")
                found[ONCE] = "0", self.b.op(f"select i1 {holds}, i64 {found[ONCE][1]}, i64 0")
                continue
            low, high = self._range(guard, over)
            start, end = found[over]
            found[over] = self._clamp("smax", low, start), self._clamp("smin", high, end)
        return found

    def _range(self, guard: Guard, over: Var) -> tuple[str, str]:
        """First and one past the last value of a summed variable that a guard allows."""
        factor = guard.index.coefficient(over)
        rest = Index(tuple(t for t in guard.index.terms if t[0] != over), guard.index.constant)
        if factor < 0:
            # low <= rest - n·over < high
            return self._floor((rest + -guard.high), -factor, 1), self._floor(
                rest + -guard.low, -factor, 1
            )
        up = factor - 1  # a ceiling is the floor of what is so much larger
        low = self._floor(rest * -1 + (guard.low + up), factor, 0)
        return low, self._floor(rest * -1 + (guard.high + up), factor, 0)

    def _floor(self, index: Index, by: int, more: int) -> str:
        """``⌊index / by⌋ + more``; the index may be negative."""
        return self.b.index(index // by + more, self.env)

    def _clamp(self, how: str, a: str, b: str) -> str:
        return self.b.call(f"llvm.{how}.i64", "i64", [("i64", a), ("i64", b)])

    def _accumulate(
        self, rows: int, columns: int, blocks: int, tail: int, reduce: tuple[Var, ...]
    ) -> list[str]:
        """Run the summed loops; accumulators in order rows, columns, blocks."""
        per = columns * (blocks + bool(tail))
        start = [(self.kind, "zeroinitializer")] * (rows * per)

        def step(over: Var) -> Callable[[str, list[str]], list[str]]:
            def body(i: str, inside: list[str]) -> list[str]:
                self.env[over] = i
                return run(reduce[reduce.index(over) + 1 :], self._pairs_of(inside))

            return body

        def run(left: tuple[Var, ...], current: list[tuple[str, str]]) -> list[str]:
            if not left:
                return self._multiply([v for _, v in current], rows, columns, blocks, tail)
            low, high = self.spans[left[0]]
            whole = (low, high) == ("0", str(left[0].size))
            gap = min(left[0].size // rows, GAP) if self.asks and whole else 0
            if gap:
                sums = self._asking(left[0], gap, (rows, columns, per // columns), step(left[0]))
                low, current = str(rows * gap), self._pairs_of(sums)
            return self.b.loop(low, high, 1, current, step(left[0]), left[0].name)

        return run(reduce, start)

    def _pairs_of(self, sums: list[str]) -> list[tuple[str, str]]:
        return [(self.kind, text) for text in sums]

    def _asking(
        self,
        over: Var,
        gap: int,
        parts: tuple[int, int, int],
        step: Callable[[str, list[str]], list[str]],
    ) -> list[str]:
        """The first sums of a tile; between them, row by row, the memory that its result meets
        is asked for, so that it is there when the sums are done."""
        rows, columns, blocks = parts
        values = walk([store.value for store in self.k.stores])
        wanted = [(v.arg, v.offset, False) for v in values if isinstance(v, Load)]
        wanted += [(store.arg, store.offset, True) for store in self.k.stores]
        wanted = [one for one in wanted if self._spreads(one[1])]
        saved = dict(self.env)

        def body(row: str, inside: list[str]) -> list[str]:
            for c, k in product(range(columns), range(blocks)):
                self._at(saved, row, c, k)
                for arg, offset, write in wanted:
                    at = self.b.index(offset, self.env)
                    self.b.prefetch(self.pointers[arg], at, self.k.args[arg], write)
            self.env = dict(saved)
            low = self.b.integer("mul nsw", row, str(gap))
            high = self.b.integer("add nsw", low, str(gap))
            return self.b.loop(low, high, 1, self._pairs_of(inside), step, over.name)

        start = [(self.kind, "zeroinitializer")] * (rows * columns * blocks)
        return self.b.loop("0", str(rows), 1, start, body, "ask")

    def _spreads(self, offset: Index) -> bool:
        """Whether an offset is another one for every vector of a tile."""
        tiled = [v for v in self.factors if v.size > 1]
        return not picks(offset) and all(v in variables(offset) for v in tiled)

    def _multiply(
        self, sums: list[str], rows: int, columns: int, blocks: int, tail: int
    ) -> list[str]:
        """One step: load both sides of the tile once, multiply all pairs."""
        lanes = self.tile.lanes
        vectors: dict[tuple[int, int], str] = {}
        for c in range(columns):
            for k in range(blocks + bool(tail)):
                offset = self._offset(self.vector.offset, 0, c, k)
                masked = tail if k == blocks else 0
                vectors[c, k] = self._vector(self.vector.arg, offset, masked)
        results = []
        for r in range(rows):
            offset = self._offset(self.scalar.offset, r, 0, 0)
            single = self.b.load(self.pointers[self.scalar.arg], offset, self.dtype, 1)
            wide = self.b.splat(single, self.dtype.llvm, lanes)
            for c, k in product(range(columns), range(blocks + bool(tail))):
                at = (r * columns + c) * (blocks + bool(tail)) + k
                results.append(self._fma(wide, vectors[c, k], sums[at]))
        return results

    def _offset(self, index: Index, row: int, column: int, block: int) -> str:
        """An operand's offset for one element of the tile.

        Tiled variables are written as tile number times width plus place: then a panelled
        layout's quotients vanish, and what differs within a tile is a constant.
        """
        places = {self.tile.lanes_over: block * self.tile.lanes}
        for pair, place in ((self.tile.rows, row), (self.tile.columns, column)):
            if pair is not None:
                places[pair[0]] = place

        def within_tile(var: Var) -> Index | None:
            factor = self.factors.get(var)
            if factor is None:
                return None
            return variable(self._number(var)) * factor + places[var]

        return self.b.index(substitute(index, within_tile), self.env)

    def _number(self, var: Var) -> Var:
        """The variable that counts the tiles along an output variable."""
        return Var(var.name + ".tile", -(-var.size // self.factors.get(var, 1)))

    def _vector(self, arg: int, offset: str, tail: int) -> str:
        """A vector of an operand; of a ragged one only the first ``tail`` lanes."""
        if not tail:
            return self.b.load(self.pointers[arg], offset, self.dtype, self.tile.lanes)
        at = self.b.address(self.pointers[arg], offset, self.dtype)
        flag = f"<{self.tile.lanes} x i1>"
        name = f"llvm.masked.load.{self.suffix}.p0"
        self.b.declare(name, f"declare {self.kind} @{name}(ptr, {flag}, {self.kind})")
        return self.b.op(
            f"call {self.kind} @{name}(ptr align {self.dtype.itemsize} {at}, "
            f"{flag} {self._mask(tail)}, {self.kind} zeroinitializer)"
        )

    def _mask(self, tail: int) -> str:
        bits = ", ".join(f"i1 {'true' if i < tail else 'false'}" for i in range(self.tile.lanes))
        return f"<{bits}>"

    def _fma(self, a: str, b: str, c: str) -> str:
        pairs = [(self.kind, x) for x in (a, b, c)]
        return self.b.call(f"llvm.fma.{self.suffix}", self.kind, pairs)

    # Results

    def _store_all(self, sums: list[str], rows: int, columns: int, blocks: int, tail: int) -> None:
        saved = dict(self.env)
        per = blocks + bool(tail)
        for r, c, k in product(range(rows), range(columns), range(per)):
            value = sums[(r * columns + c) * per + k]
            self._at(saved, r, c, k)
            if tail and k == blocks:
                self._store_lanes(value, tail)
            else:
                self._store_vector(value)
        self.env = saved

    def _at(self, base: dict[Var, str], row: int | str, column: int, block: int) -> None:
        """Point the loop variables at one vector of the tile."""
        self.env = dict(base)
        moves: list[tuple[Var, int | str]] = [(self.tile.lanes_over, block * self.tile.lanes)]
        if self.tile.rows:
            moves.append((self.tile.rows[0], row))
        if self.tile.columns:
            moves.append((self.tile.columns[0], column))
        for var, by in moves:
            if by and var in base:
                self.env[var] = self.b.integer("add nsw", base[var], str(by))

    def _store_vector(self, value: str) -> None:
        values = [store.value for store in self.k.stores]
        offsets = [store.offset for store in self.k.stores]
        if fits_lanes(values, offsets, self.tile.lanes_over):
            self._emit_stores(value, self.tile.lanes, self.tile.lanes_over)
        else:
            self._store_lanes(value, self.tile.lanes)

    def _store_lanes(self, value: str, count: int) -> None:
        """Lane by lane: at a ragged edge, or where results do not lie side by side."""
        start = self.env[self.tile.lanes_over]
        for lane in range(count):
            single = self.b.op(f"extractelement {self.kind} {value}, i64 {lane}")
            if lane:
                self.env[self.tile.lanes_over] = self.b.integer("add nsw", start, str(lane))
            self._emit_stores(single, 1, None)
        self.env[self.tile.lanes_over] = start

    def _emit_stores(self, value: str, lanes: int, lane_var: Var | None) -> None:
        body = Body(self.b, self.pointers, self.k.args, self.env, lanes, lane_var, [value])
        for store in self.k.stores:
            result = body.emit(store.value)
            offset = self.b.index(store.offset, self.env)
            dtype = self.k.args[store.arg]
            self.b.store(result, self.pointers[store.arg], offset, dtype, lanes)

    # Lanes along a summed variable

    def _reduced_tile(self, rows: int, columns: int) -> None:
        """Both operands are vectors along a summed variable; the lanes are added at the end."""
        over = self.tile.lanes_over
        outer = tuple(v for v in self.reduce if v != over)
        whole, tail = divmod(over.size, self.tile.lanes)
        start = [(self.kind, "zeroinitializer")] * (rows * columns)

        def step(masked: int) -> Callable[[str, list[str]], list[str]]:
            def body(i: str, inside: list[str]) -> list[str]:
                self.env[over] = i
                return self._pairs(inside, rows, columns, masked)

            return body

        def run(left: tuple[Var, ...], current: list[tuple[str, str]]) -> list[str]:
            if left:

                def body(i: str, inside: list[str]) -> list[str]:
                    self.env[left[0]] = i
                    return run(left[1:], [(self.kind, text) for text in inside])

                return self.b.loop(*self.spans[left[0]], 1, current, body, left[0].name)
            high = whole * self.tile.lanes
            sums = self.b.loop("0", str(high), self.tile.lanes, current, step(0), over.name)
            return step(tail)(str(high), sums) if tail else sums

        sums = run(outer, start)
        saved = dict(self.env)
        for r, c in product(range(rows), range(columns)):
            vector = sums[r * columns + c]
            total = add_lanes(self.b, "sum", self.dtype, vector, self.tile.lanes)
            self._at(saved, r, c, 0)
            self._emit_stores(total, 1, None)
        self.env = saved

    def _pairs(self, sums: list[str], rows: int, columns: int, masked: int) -> list[str]:
        left = [
            self._vector(self.scalar.arg, self._offset(self.scalar.offset, r, 0, 0), masked)
            for r in range(rows)
        ]
        right = [
            self._vector(self.vector.arg, self._offset(self.vector.offset, 0, c, 0), masked)
            for c in range(columns)
        ]
        pairs = product(left, right)
        return [self._fma(a, b, total) for (a, b), total in zip(pairs, sums, strict=True)]

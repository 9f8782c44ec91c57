"""Code for 3x3 convolutions with step 1 in Winograd's form: 16 products where 36 were.

Four results that form a square read 4x4 elements. Transformed by sums and differences, these
elements and the weights meet in 16 products, summed over channels as 16 matrix products; sums and
differences of their results are the four results. A thread transforms so many tiles that they
stay in its cache, multiplies, and transforms back before anything leaves for memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from glia.compiler.codegen.body import Body
from glia.compiler.codegen.llvm import Builder, register_type
from glia.compiler.codegen.nest import decode, pointers, share
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Var
from glia.compiler.schedule.loops import Operand, Winograd, WinogradGradient

#: Elements of a tile of the source along an edge, and of all of it.
EDGE, PLACES = 4, 16
#: Of registers to registers.
Transform = Callable[[Sequence[str]], list[str]]


def generate(kernel: Winograd, name: str, _target: Target) -> str:
    """LLVM IR of the kernel."""
    return _Generator(kernel).run(name)


@dataclass(frozen=True)
class Walk:
    """Where the operands of successive products are."""

    pointer: str
    start: str
    step: int

    def at(self, b: Builder, i: str) -> str:
        return b.integer("add", self.start, b.integer("mul", i, str(self.step)))


class Tiles:
    """What both directions do: tiles in order, their elements, transforms of vectors."""

    def __init__(self, kernel: Winograd | WinogradGradient) -> None:
        self.k = kernel
        self.blocks = kernel.blocks
        self.b = Builder()
        self.dtype = kernel.dtype
        self.lanes = kernel.blocks.lanes
        self.kind = register_type(kernel.dtype, self.lanes)
        self.suffix = f"v{self.lanes}f{8 * kernel.dtype.itemsize}"
        self.pointers = pointers(self.b, len(kernel.args))
        self.widest = max(kernel.blocks.summed, kernel.blocks.channels)
        self.zeros = self._scratch(self.widest)
        self.down = Var("down", -(-kernel.row.size // 2))
        self.across = Var("across", -(-kernel.column.size // 2))
        step = kernel.source.offset.coefficient
        order = [(step(kernel.image), 0, kernel.image), (step(kernel.row), 1, self.down)]
        order.append((step(kernel.column), 2, self.across))
        self.order = tuple(var for *_, var in sorted(order, key=lambda o: (-o[0], o[1])))
        self.count = self.across.size * self.down.size * kernel.image.size  # of tiles

    def _scratch(self, size: int) -> str:
        return self.b.op(f"alloca [{size} x {self.dtype.llvm}], align 64")

    def _each(self, low: str, high: str, step: int, body: Callable[[str], None]) -> None:
        def inside(i: str, _carried: list[str]) -> list[str]:
            body(i)
            return []

        self.b.loop(low, high, step, (), inside)

    def _get(self, pointer: str, at: str) -> str:
        return self.b.load(pointer, at, self.dtype, self.lanes)

    def _put(self, value: str, pointer: str, at: str) -> None:
        self.b.store(value, pointer, at, self.dtype, self.lanes)

    def _plus(self, a: str, b: str) -> str:
        return self.b.op(f"fadd {self.kind} {a}, {b}")

    def _minus(self, a: str, b: str) -> str:
        return self.b.op(f"fsub {self.kind} {a}, {b}")

    def _move(self, at: str, by: int) -> str:
        return self.b.integer("add nsw", at, str(by)) if by else at

    def _tile(self, number: str) -> dict[Var, str]:
        """Image, and first row and column, of a tile."""
        found: dict[Var, str] = {}
        decode(self.b, number, self.order, found)
        return {
            self.k.image: found[self.k.image],
            self.k.row: self.b.integer("mul", found[self.down], "2"),
            self.k.column: self.b.integer("mul", found[self.across], "2"),
        }

    def _fma(self, a: str, b: str, c: str) -> str:
        triple = [(self.kind, x) for x in (a, b, c)]
        return self.b.call(f"llvm.fma.{self.suffix}", self.kind, triple)

    def _sources(self, env: dict[Var, str]) -> list[str]:
        """Where the elements of a tile of the source are; zeros for those beyond the edge."""
        sides = []
        for guard in self.k.inside:
            at = self.b.index(guard.index + -guard.low, env)
            sides.append([self._below(at, i, guard.high - guard.low) for i in range(EDGE)])
        return self._elements(self.k.source, env, sides)

    def _below(self, at: str, by: int, size: int) -> str:
        """One bit: whether a place is one of so many."""
        return self.b.op(f"icmp ult i64 {self._move(at, by)}, {size}")

    def _elements(
        self, operand: Operand, env: dict[Var, str], sides: Sequence[Sequence[str]]
    ) -> list[str]:
        """Addresses of the elements of a square; of zeros where a side's bit says no."""
        b = self.b
        base = b.index(operand.offset, env)
        steps = [operand.offset.coefficient(var) for var in (self.k.row, self.k.column)]
        found = []
        for i, upper in enumerate(sides[0]):
            for j, left in enumerate(sides[1]):
                at = self._move(base, i * steps[0] + j * steps[1])
                # only where it is inside is it an address within the buffer
                pointer = self.pointers[operand.arg]
                address = b.op(f"getelementptr {self.dtype.llvm}, ptr {pointer}, i64 {at}")
                inside = b.op(f"and i1 {upper}, {left}")
                found.append(b.op(f"select i1 {inside}, ptr {address}, ptr {self.zeros}"))
        return found

    def _clear(self, pointer: str, size: int) -> None:
        def vector(at: str) -> None:
            self._put("zeroinitializer", pointer, at)

        self._each("0", str(size), self.lanes, vector)

    def _spread(
        self,
        row: str,
        sources: Sequence[str],
        change: Transform,
        to: tuple[str, int, int],
    ) -> None:
        """Transform a tile, channel by channel: its row in 16 planes.

        ``to`` is where the planes are, the channels in them, and elements of a plane.
        """
        pointer, channels, plane = to
        edge = 4 if len(sources) == PLACES else 2
        start = self.b.integer("mul", row, str(channels))

        def vector(c: str) -> None:
            values = [self._get(source, c) for source in sources]
            at = self.b.integer("add", start, c)
            for place, value in enumerate(both(values, edge, change)):
                self._put(value, pointer, self._move(at, place * plane))

        self._each("0", str(channels), self.lanes, vector)

    def _products(
        self, count: str, rows: Walk, apart: int, panel: Walk, sums: tuple[str, str], begins: str
    ) -> None:
        """A register tile: products of ``rows``, so far apart, and a panel, added to ``sums``.

        ``begins`` is one bit: whether the sums start with zero.
        """
        b, blocks = self.b, self.blocks
        held, first = sums
        places = [
            self._move(first, r * blocks.channels + v * self.lanes)
            for r in range(blocks.rows)
            for v in range(blocks.vectors)
        ]
        zero = f"{self.kind} zeroinitializer"
        start = ["zeroinitializer"] * len(places)
        if begins != "true":
            start = [self._get(held, at) for at in places]
        if begins not in ("true", "false"):
            start = [b.op(f"select i1 {begins}, {zero}, {self.kind} {s}") for s in start]

        def step(i: str, current: list[str]) -> list[str]:
            at = panel.at(b, i)
            vectors = [
                self._get(panel.pointer, self._move(at, v * self.lanes))
                for v in range(blocks.vectors)
            ]
            at = rows.at(b, i)
            results = []
            for r in range(blocks.rows):
                single = b.load(rows.pointer, self._move(at, r * apart), self.dtype, 1)
                wide = b.splat(single, self.dtype.llvm, self.lanes)
                for v, vector in enumerate(vectors):
                    results.append(self._fma(wide, vector, current[r * blocks.vectors + v]))
            return results

        found = b.loop("0", count, 1, [(self.kind, s) for s in start], step, "k")
        for value, at in zip(found, places, strict=True):
            self._put(value, held, at)

    def _store(self, env: dict[Var, str], value: str) -> None:
        """What the stores make of a vector of results."""
        body = Body(self.b, self.pointers, self.k.args, env, self.lanes, self.k.channel, [value])
        for store in self.k.stores:
            result = body.emit(store.value)
            offset = self.b.index(store.offset, env)
            dtype = self.k.args[store.arg]
            self.b.store(result, self.pointers[store.arg], offset, dtype, self.lanes)

    def _forward(self, d: Sequence[str]) -> list[str]:
        return [
            self._minus(d[0], d[2]),
            self._plus(d[1], d[2]),
            self._minus(d[2], d[1]),
            self._minus(d[1], d[3]),
        ]


class _Generator(Tiles):
    def __init__(self, kernel: Winograd) -> None:
        super().__init__(kernel)
        self.k: Winograd = kernel
        self.width = self.lanes * kernel.blocks.vectors  # channels of a panel

    def run(self, name: str) -> str:
        b, blocks = self.b, self.blocks
        tall = -(-blocks.tiles // blocks.rows) * blocks.rows
        self.data = self._scratch(PLACES * tall * blocks.summed)
        self.sums = self._scratch(PLACES * tall * blocks.channels)
        self.plane = {"data": tall * blocks.summed, "sums": tall * blocks.channels}
        self._clear(self.zeros, self.widest)
        block = Var("block", -(-self.count // blocks.tiles))
        part = Var("part", self.k.channel.size // blocks.channels)
        low, high = share(b, block.size * part.size)

        def body(flat: str, _carried: list[str]) -> list[str]:
            found: dict[Var, str] = {}
            decode(b, flat, (part, block), found)
            self._block(found[block], found[part])
            return []

        b.loop(low, high, 1, (), body, "block")
        b.line("ret void")
        return b.text(name, "ptr %buffers, i64 %thread, i64 %threads")

    def _block(self, block: str, part: str) -> None:
        """Some tiles, some channels of the result, all channels of the source in turn."""
        b, blocks = self.b, self.blocks
        start = b.integer("mul", block, str(blocks.tiles))
        left = b.integer("sub", str(self.count), start)
        count = b.call("llvm.smin.i64", "i64", [("i64", left), ("i64", str(blocks.tiles))])

        def chunk(i: str) -> None:
            first = b.integer("mul", i, str(blocks.summed))
            self._transform(start, count, first)
            self._multiply(count, part, i, first)

        self._each("0", str(self.k.summed.size // blocks.summed), 1, chunk)
        self._finish(start, count, part)

    # The source

    def _transform(self, start: str, count: str, first: str) -> None:
        """``Bᵀ d B`` of every tile, channel by channel: 16 planes of tiles by channels.

        Rows that fill the last register tile repeat the last tile.
        """
        b, blocks = self.b, self.blocks
        last = b.integer("sub", count, "1")

        def tile(row: str) -> None:
            near = b.call("llvm.smin.i64", "i64", [("i64", row), ("i64", last)])
            env = self._tile(b.integer("add", start, near))
            sources = self._sources({**env, self.k.summed: first})
            to = self.data, blocks.summed, self.plane["data"]
            self._spread(row, sources, self._forward, to)

        self._each("0", self._whole(count), 1, tile)

    def _whole(self, count: str) -> str:
        """So many tiles, filled up to whole register tiles."""
        rows = self.blocks.rows
        up = self.b.integer("udiv", self.b.integer("add", count, str(rows - 1)), str(rows))
        return self.b.integer("mul", up, str(rows))

    # The products

    def _multiply(self, count: str, part: str, chunk: str, first: str) -> None:
        """16 products of tiles by channels with channels by channels, added to the sums."""
        b, blocks = self.b, self.blocks
        panels = blocks.channels // self.width
        length = str(blocks.summed)
        once = self.k.summed.size == blocks.summed
        begins = "true" if once else b.op(f"icmp eq i64 {chunk}, 0")
        whole = self._whole(count)
        of_part = b.integer("mul", part, str(panels))

        def place(p: str) -> None:
            data = b.integer("mul", p, str(self.plane["data"]))
            sums = b.integer("mul", p, str(self.plane["sums"]))

            def panel(q: str) -> None:
                number = b.integer("mul", b.integer("add", of_part, q), str(PLACES))
                row = b.integer("mul", b.integer("add", number, p), str(self.k.summed.size))
                weights = b.integer("mul", b.integer("add", row, first), str(self.width))
                to = b.integer("add", sums, b.integer("mul", q, str(self.width)))

                def rows(r: str) -> None:
                    source = b.integer("add", data, b.integer("mul", r, str(blocks.summed)))
                    target = b.integer("add", to, b.integer("mul", r, str(blocks.channels)))
                    tiles = Walk(self.data, source, 1)
                    panel = Walk(self.pointers[self.k.weights], weights, self.width)
                    sums = self.sums, target
                    self._products(length, tiles, blocks.summed, panel, sums, begins)

                self._each("0", whole, blocks.rows, rows)

            self._each("0", str(panels), 1, panel)

        self._each("0", str(PLACES), 1, place)

    # The results

    def _finish(self, start: str, count: str, part: str) -> None:
        """``Aᵀ m A`` of every tile: its four results, and what the stores make of them."""
        b, blocks = self.b, self.blocks
        channel = b.integer("mul", part, str(blocks.channels))

        def tile(row: str) -> None:
            env = self._tile(b.integer("add", start, row))
            source = b.integer("mul", row, str(blocks.channels))

            def vector(c: str) -> None:
                at = b.integer("add", source, c)
                values = [
                    self._get(self.sums, self._move(at, place * self.plane["sums"]))
                    for place in range(PLACES)
                ]
                results = both(values, EDGE, self._backward)
                here = {**env, self.k.channel: b.integer("add", channel, c)}
                for i in range(2):
                    for j in range(2):
                        self._result(here, i, j, results[2 * i + j])

            self._each("0", str(blocks.channels), self.lanes, vector)

        self._each("0", count, 1, tile)

    def _backward(self, m: Sequence[str]) -> list[str]:
        inner = self._plus(m[1], m[2])
        outer = self._minus(m[1], m[2])
        return [self._plus(m[0], inner), self._minus(outer, m[3])]

    def _result(self, env: dict[Var, str], i: int, j: int, value: str) -> None:
        """One of four results, if the image reaches so far."""
        k, b = self.k, self.b
        env = dict(env)
        inside = ""
        for var, by in ((k.row, i), (k.column, j)):
            env[var] = self._move(env[var], by)
            if by and var.size % 2:
                bit = b.op(f"icmp slt i64 {env[var]}, {var.size}")
                inside = b.op(f"and i1 {inside}, {bit}") if inside else bit
        if inside:
            b.branch(inside, lambda: self._store(env, value), lambda: None)
        else:
            self._store(env, value)


def both(values: Sequence[str], edge: int, change: Transform) -> list[str]:
    """A transform down the columns of a square of values, then along the rows that come out."""
    columns = [change(values[j::edge]) for j in range(edge)]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return [value for row in rows for value in change(row)]

"""Code for 3x3 convolutions with step 1 in Winograd's form: 16 products where 36 were.

Four results that form a square read 4x4 elements. Transformed by sums and differences, these
elements and the weights meet in 16 products, summed over channels as 16 matrix products; sums and
differences of their results are the four results. A thread transforms so many tiles that they
stay in its cache, multiplies, and transforms back before anything leaves for memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glia.compiler.codegen.body import Body
from glia.compiler.codegen.llvm import Builder, register_type
from glia.compiler.codegen.nest import decode, pointers, share
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Var
from glia.compiler.schedule.loops import Winograd

#: Elements of a tile of the source along an edge, and of all of it.
EDGE, PLACES = 4, 16


def generate(kernel: Winograd, name: str, _target: Target) -> str:
    """LLVM IR of the kernel."""
    return _Generator(kernel).run(name)


class _Generator:
    def __init__(self, kernel: Winograd) -> None:
        self.k = kernel
        self.blocks = kernel.blocks
        self.b = Builder()
        self.dtype = kernel.dtype
        self.lanes = kernel.blocks.lanes
        self.width = self.lanes * kernel.blocks.vectors  # channels of a panel
        self.kind = register_type(kernel.dtype, self.lanes)
        self.suffix = f"v{self.lanes}f{8 * kernel.dtype.itemsize}"
        across, down = (
            Var("across", -(-kernel.column.size // 2)),
            Var("down", -(-kernel.row.size // 2)),
        )
        self.down, self.across = down, across
        step = kernel.source.offset.coefficient
        order = [(step(kernel.image), 0, kernel.image), (step(kernel.row), 1, down)]
        order.append((step(kernel.column), 2, across))
        self.order = tuple(var for *_, var in sorted(order, key=lambda o: (-o[0], o[1])))
        self.count = across.size * down.size * kernel.image.size  # of tiles

    def run(self, name: str) -> str:
        b, blocks = self.b, self.blocks
        self.pointers = pointers(b, len(self.k.args))
        tall = -(-blocks.tiles // blocks.rows) * blocks.rows
        self.data = self._scratch(PLACES * tall * blocks.summed)
        self.sums = self._scratch(PLACES * tall * blocks.channels)
        self.plane = {"data": tall * blocks.summed, "sums": tall * blocks.channels}
        self.zeros = self._scratch(blocks.summed)
        self._each(
            "0",
            str(blocks.summed),
            self.lanes,
            lambda i: self._put("zeroinitializer", self.zeros, i),
        )
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

    def _scratch(self, size: int) -> str:
        return self.b.op(f"alloca [{size} x {self.dtype.llvm}], align 64")

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

    # Pieces

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
            to = b.integer("mul", row, str(blocks.summed))

            def vector(c: str) -> None:
                values = [self._get(source, c) for source in sources]
                at = b.integer("add", to, c)
                for place, value in enumerate(_both(values, self._forward)):
                    self._put(value, self.data, self._move(at, place * self.plane["data"]))

            self._each("0", str(blocks.summed), self.lanes, vector)

        self._each("0", self._whole(count), 1, tile)

    def _whole(self, count: str) -> str:
        """So many tiles, filled up to whole register tiles."""
        rows = self.blocks.rows
        up = self.b.integer("udiv", self.b.integer("add", count, str(rows - 1)), str(rows))
        return self.b.integer("mul", up, str(rows))

    def _sources(self, env: dict[Var, str]) -> list[str]:
        """Where the elements of a tile are; zeros for those beyond the edge."""
        b, k = self.b, self.k
        base = b.index(k.source.offset, env)
        sides = []
        for guard in k.inside:
            at = b.index(guard.index + -guard.low, env)
            size = guard.high - guard.low
            sides.append([b.op(f"icmp ult i64 {self._move(at, i)}, {size}") for i in range(EDGE)])
        steps = [k.source.offset.coefficient(var) for var in (k.row, k.column)]
        found = []
        for i in range(EDGE):
            for j in range(EDGE):
                at = self._move(base, i * steps[0] + j * steps[1])
                # only where it is inside is it an address within the buffer
                address = b.op(
                    f"getelementptr {self.dtype.llvm}, ptr {self.pointers[k.source.arg]}, i64 {at}"
                )
                inside = b.op(f"and i1 {sides[0][i]}, {sides[1][j]}")
                found.append(b.op(f"select i1 {inside}, ptr {address}, ptr {self.zeros}"))
        return found

    def _forward(self, d: Sequence[str]) -> list[str]:
        return [
            self._minus(d[0], d[2]),
            self._plus(d[1], d[2]),
            self._minus(d[2], d[1]),
            self._minus(d[1], d[3]),
        ]

    # The products

    def _multiply(self, count: str, part: str, chunk: str, first: str) -> None:
        """16 products of tiles by channels with channels by channels, added to the sums."""
        b, blocks = self.b, self.blocks
        panels = blocks.channels // self.width
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
                    self._register_tile(source, weights, target, chunk)

                self._each("0", whole, blocks.rows, rows)

            self._each("0", str(panels), 1, panel)

        self._each("0", str(PLACES), 1, place)

    def _register_tile(self, source: str, weights: str, target: str, chunk: str) -> None:
        b, blocks = self.b, self.blocks
        places = [
            self._move(target, r * blocks.channels + v * self.lanes)
            for r in range(blocks.rows)
            for v in range(blocks.vectors)
        ]
        start = ["zeroinitializer"] * len(places)
        if self.k.summed.size > blocks.summed:
            begins = b.op(f"icmp eq i64 {chunk}, 0")
            kind = self.kind
            start = [
                b.op(
                    f"select i1 {begins}, {kind} zeroinitializer, {kind} {self._get(self.sums, at)}"
                )
                for at in places
            ]

        def step(c: str, current: list[str]) -> list[str]:
            at = b.integer("add", weights, b.integer("mul", c, str(self.width)))
            vectors = [
                self._get(self.pointers[self.k.weights], self._move(at, v * self.lanes))
                for v in range(blocks.vectors)
            ]
            from_ = b.integer("add", source, c)
            results = []
            for r in range(blocks.rows):
                single = b.load(self.data, self._move(from_, r * blocks.summed), self.dtype, 1)
                wide = b.splat(single, self.dtype.llvm, self.lanes)
                for v, vector in enumerate(vectors):
                    total = current[r * blocks.vectors + v]
                    triple = [(self.kind, x) for x in (wide, vector, total)]
                    results.append(b.call(f"llvm.fma.{self.suffix}", self.kind, triple))
            return results

        found = b.loop("0", str(blocks.summed), 1, [(self.kind, s) for s in start], step, "c")
        for value, at in zip(found, places, strict=True):
            self._put(value, self.sums, at)

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
                results = _both(values, self._backward)
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

    def _store(self, env: dict[Var, str], value: str) -> None:
        body = Body(self.b, self.pointers, self.k.args, env, self.lanes, self.k.channel, [value])
        for store in self.k.stores:
            result = body.emit(store.value)
            offset = self.b.index(store.offset, env)
            dtype = self.k.args[store.arg]
            self.b.store(result, self.pointers[store.arg], offset, dtype, self.lanes)


def _both(values: Sequence[str], change: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """A transform down the columns of 4x4 values, then along the rows of what comes out."""
    columns = [change(values[j::EDGE]) for j in range(EDGE)]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return [value for row in rows for value in change(row)]

"""Code for the weights' gradient of 3x3 convolutions in Winograd's form.

The forward direction read backwards: squares of 2x2 gradients spread to 4x4, the source is
transformed as there, their products are summed over tiles, and of the 16 sums nine are made.
"""

from __future__ import annotations

from collections.abc import Sequence

from glia.compiler.codegen.llvm import float_text
from glia.compiler.codegen.nest import decode, share
from glia.compiler.codegen.targets import Target
from glia.compiler.codegen.winograd import EDGE, PLACES, Tiles, Walk, both
from glia.compiler.index import Var
from glia.compiler.schedule.loops import WinogradGradient


def generate(kernel: WinogradGradient, name: str, _target: Target) -> str:
    """LLVM IR of the kernel."""
    return _Generator(kernel).run(name)


class _Generator(Tiles):
    def __init__(self, kernel: WinogradGradient) -> None:
        super().__init__(kernel)
        self.k: WinogradGradient = kernel

    def run(self, name: str) -> str:
        b, blocks, k = self.b, self.blocks, self.k
        self.planes = {
            "source": blocks.tiles * blocks.summed,
            "given": blocks.tiles * blocks.channels,
            "sums": blocks.summed * blocks.channels,
        }
        self.held = {what: self._scratch(PLACES * size) for what, size in self.planes.items()}
        self._clear(self.zeros, self.widest)
        parts = (
            k.chunk,
            Var("rows", k.summed.size // blocks.summed),
            Var("part", k.channel.size // blocks.channels),
        )
        low, high = share(b, parts[0].size * parts[1].size * parts[2].size)

        def body(flat: str, _carried: list[str]) -> list[str]:
            found: dict[Var, str] = {}
            decode(b, flat, parts, found)
            first = {k.chunk: found[k.chunk]}
            first[k.summed] = b.integer("mul", found[parts[1]], str(blocks.summed))
            first[k.channel] = b.integer("mul", found[parts[2]], str(blocks.channels))
            self._part(first)
            return []

        b.loop(low, high, 1, (), body, "part")
        b.line("ret void")
        return b.text(name, "ptr %buffers, i64 %thread, i64 %threads")

    def _part(self, first: dict[Var, str]) -> None:
        """A chunk of positions, some channels of the source, some of the gradient."""
        b, blocks = self.b, self.blocks
        self._clear(self.held["sums"], PLACES * self.planes["sums"])

        def some(start: str) -> None:
            left = b.integer("sub", str(self.count), start)
            pair = [("i64", left), ("i64", str(blocks.tiles))]
            count = b.call("llvm.smin.i64", "i64", pair)
            self._transform(start, count, first)
            self._multiply(count)

        self._each("0", str(self.count), blocks.tiles, some)
        self._finish(first)

    def _transform(self, start: str, count: str, first: dict[Var, str]) -> None:
        b, k = self.b, self.k
        pair = (("source", self.blocks.summed), ("given", self.blocks.channels))
        to = [(self.held[what], channels, self.planes[what]) for what, channels in pair]

        def tile(row: str) -> None:
            env = {**first, **self._tile(b.integer("add", start, row))}
            self._spread(row, self._sources(env), self._forward, to[0])
            sides = [[self._below(env[v], i, v.size) for i in range(2)] for v in (k.row, k.column)]
            self._spread(row, self._elements(k.given, env, sides), self._outward, to[1])

        self._each("0", count, 1, tile)

    def _outward(self, g: Sequence[str]) -> list[str]:
        """``A g``."""
        negative = self.b.op(f"fneg {self.kind} {g[1]}")
        return [g[0], self._plus(g[0], g[1]), self._minus(g[0], g[1]), negative]

    # The products

    def _multiply(self, count: str) -> None:
        """16 products of channels by tiles with tiles by channels, added to the sums."""
        b, blocks = self.b, self.blocks
        width = self.lanes * blocks.vectors

        def place(p: str) -> None:
            at = {what: b.integer("mul", p, str(size)) for what, size in self.planes.items()}

            def rows(r: str) -> None:
                source = b.integer("add", at["source"], r)
                line = b.integer("add", at["sums"], b.integer("mul", r, str(blocks.channels)))

                def panel(q: str) -> None:
                    given = b.integer("add", at["given"], q)
                    channels = Walk(self.held["source"], source, blocks.summed)
                    panel = Walk(self.held["given"], given, blocks.channels)
                    sums = self.held["sums"], b.integer("add", line, q)
                    self._products(count, channels, 1, panel, sums, "false")

                self._each("0", str(blocks.channels), width, panel)

            self._each("0", str(blocks.summed), blocks.rows, rows)

        self._each("0", str(PLACES), 1, place)

    # The results

    def _finish(self, first: dict[Var, str]) -> None:
        """``Gᵀ m G``: nine weights' gradients of every pair of channels."""
        b, blocks, k = self.b, self.blocks, self.k

        def line(r: str) -> None:
            start = b.integer("mul", r, str(blocks.channels))
            env = {**first, k.summed: b.integer("add", first[k.summed], r)}

            def vector(c: str) -> None:
                at = b.integer("add", start, c)
                values = [
                    self._get(self.held["sums"], self._move(at, place * self.planes["sums"]))
                    for place in range(PLACES)
                ]
                here = {**env, k.channel: b.integer("add", first[k.channel], c)}
                for place, value in enumerate(both(values, EDGE, self._inward)):
                    here[k.taps[0]], here[k.taps[1]] = str(place // 3), str(place % 3)
                    self._store(here, value)

            self._each("0", str(blocks.channels), self.lanes, vector)

        self._each("0", str(blocks.summed), 1, line)

    def _inward(self, m: Sequence[str]) -> list[str]:
        half = f"splat ({self.dtype.llvm} {float_text(0.5, self.dtype)})"
        both_ = self.b.op(f"fmul {self.kind} {half}, {self._plus(m[1], m[2])}")
        between = self.b.op(f"fmul {self.kind} {half}, {self._minus(m[1], m[2])}")
        return [self._plus(m[0], both_), between, self._plus(both_, m[3])]

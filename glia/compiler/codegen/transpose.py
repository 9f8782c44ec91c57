"""Code for copies that change the memory order: square blocks, turned in registers.

A plain loop would read or write one element per cache line; here whole vectors are read along the
one dimension and written along the other.
"""

from __future__ import annotations

from collections.abc import Callable

from glia.compiler.codegen.body import Body
from glia.compiler.codegen.llvm import Builder, splat_type
from glia.compiler.codegen.nest import SHARES, decode, pointers, share
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Var, picks
from glia.compiler.schedule.loops import Load, Nest, Store


def turned(nest: Nest, target: Target) -> tuple[Var, Var] | None:
    """The variables along which a copy reads and writes side by side, if they differ."""
    if nest.reductions or len(nest.stores) != 1 or not isinstance(nest.stores[0].value, Load):
        return None
    store, load = nest.stores[0], nest.stores[0].value
    if load.guards or load.dtype.itemsize != 4 or load.dtype.kind == "bool":
        return None
    if not (load.offset.is_affine() and store.offset.is_affine()) or picks(load.offset):
        return None
    lanes = target.lanes(4)
    reads = [v for v in nest.loops if load.offset.coefficient(v) == 1 and v.size >= lanes]
    writes = [v for v in nest.loops if store.offset.coefficient(v) == 1 and v.size >= lanes]
    if len(reads) != 1 or len(writes) != 1 or reads == writes:
        return None
    return reads[0], writes[0]


def generate(nest: Nest, name: str, target: Target) -> str:
    """LLVM IR of the copy."""
    return _Generator(nest, target).run(name)


class _Generator:
    def __init__(self, nest: Nest, target: Target) -> None:
        found = turned(nest, target)
        assert found is not None
        self.read_var, self.write_var = found
        self.nest = nest
        self.lanes = target.lanes(4)
        self.b = Builder()
        self.env: dict[Var, str] = {}
        self.store: Store = nest.stores[0]
        assert isinstance(self.store.value, Load)
        self.load: Load = self.store.value
        self.kind = splat_type(self.load.dtype.llvm, self.lanes)

    def run(self, name: str) -> str:
        b = self.b
        self.pointers = pointers(b, len(self.nest.args))
        outer = tuple(v for v in self.nest.loops if v not in (self.read_var, self.write_var))
        total = 1
        for var in outer:
            total *= var.size
        if total >= SHARES or self.write_var.size < 2 * self.lanes:
            low, high = share(b, total)
            span = "0", str(self.write_var.size)
        else:
            low, high = "0", str(total)
            span = share(b, self.write_var.size, self.lanes)

        def body(flat: str, _carried: list[str]) -> list[str]:
            decode(b, flat, outer, self.env)
            self.plane(*span)
            return []

        b.loop(low, high, 1, (), body, "share")
        b.line("ret void")
        return b.text(name, "ptr %buffers, i64 %thread, i64 %threads")

    def plane(self, low: str, high: str) -> None:
        """All blocks of one plane; what is left at the edges element by element."""
        b, lanes = self.b, self.lanes
        length = b.integer("sub", high, low)
        whole = b.integer("sub", length, b.integer("urem", length, str(lanes)))
        middle = b.integer("add", low, whole)
        across = self.read_var.size - self.read_var.size % lanes
        self.nested(low, middle, lanes, "0", str(across), lanes, self.block)
        if self.read_var.size % lanes:
            end = str(self.read_var.size)
            self.nested(low, middle, 1, str(across), end, 1, self.element)
        if self.write_var.size % lanes:
            self.nested(middle, high, 1, "0", str(self.read_var.size), 1, self.element)

    def nested(
        self, low: str, high: str, step: int, first: str, last: str, by: int, do: Callable
    ) -> None:
        def outer(i: str, _carried: list[str]) -> list[str]:
            self.env[self.write_var] = i

            def inner(j: str, _carried: list[str]) -> list[str]:
                self.env[self.read_var] = j
                do()
                return []

            self.b.loop(first, last, by, (), inner, "read")
            return []

        self.b.loop(low, high, step, (), outer, "write")

    def element(self) -> None:
        body = Body(self.b, self.pointers, self.nest.args, self.env)
        value = body.emit(self.load)
        offset = self.b.index(self.store.offset, self.env)
        self.b.store(value, self.pointers[self.store.arg], offset, self.load.dtype, 1)

    def block(self) -> None:
        """Read ``lanes`` rows, turn them, write ``lanes`` columns."""
        b, lanes, dtype = self.b, self.lanes, self.load.dtype
        source, target = self.pointers[self.load.arg], self.pointers[self.store.arg]
        start = b.index(self.load.offset, self.env)
        stride = self.load.offset.coefficient(self.write_var)
        rows = [
            b.load(source, b.integer("add nsw", start, str(i * stride)), dtype, lanes)
            for i in range(lanes)
        ]
        width = lanes // 2
        while width:
            for r in range(lanes):
                if not r & width:
                    rows[r], rows[r | width] = self.swap(rows[r], rows[r | width], width)
            width //= 2
        start = b.index(self.store.offset, self.env)
        stride = self.store.offset.coefficient(self.read_var)
        for i, row in enumerate(rows):
            b.store(row, target, b.integer("add nsw", start, str(i * stride)), dtype, lanes)

    def swap(self, top: str, bottom: str, width: int) -> tuple[str, str]:
        """Exchange the upper right with the lower left block of two rows."""
        lanes = range(self.lanes)
        first = [self.lanes + i - width if i & width else i for i in lanes]
        second = [self.lanes + i if i & width else i + width for i in lanes]
        return self.shuffle(top, bottom, first), self.shuffle(top, bottom, second)

    def shuffle(self, a: str, b: str, picks: list[int]) -> str:
        mask = ", ".join(f"i32 {pick}" for pick in picks)
        shape = f"<{self.lanes} x i32>"
        return self.b.op(f"shufflevector {self.kind} {a}, {self.kind} {b}, {shape} <{mask}>")

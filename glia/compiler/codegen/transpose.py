"""Code for copies that change the memory order: square blocks, turned in registers.

A plain loop would read or write one element per cache line; here whole vectors are read along the
one direction and written along the other. Where too few elements follow one another in the source
(the taps of a kernel), vectors are gathered from the few lines they lie in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from glia.compiler.codegen.body import Body
from glia.compiler.codegen.llvm import Builder, splat_type
from glia.compiler.codegen.nest import decode, pointers, share
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Index, Var, picks
from glia.compiler.schedule.loops import Load, Nest


@dataclass(frozen=True)
class Turn:
    """The variables along which a copy reads, and those along which it writes, side by side.

    Each is a run of loops, innermost first, that together pass over consecutive elements.
    """

    reads: tuple[Var, ...]
    writes: tuple[Var, ...]


def turned(nest: Nest, target: Target) -> Turn | None:
    """How a copy reads and writes, if in two directions."""
    if nest.reductions or len(nest.stores) != 1 or not isinstance(nest.stores[0].value, Load):
        return None
    store, load = nest.stores[0], nest.stores[0].value
    if load.guards or load.dtype.itemsize != 4 or load.dtype.kind == "bool":
        return None
    if not (load.offset.is_affine() and store.offset.is_affine()) or picks(load.offset):
        return None
    lanes = target.lanes(4)
    unit = [v for v in nest.loops if store.offset.coefficient(v) == 1]
    reads = _run(nest.loops, load.offset, lanes, unit)
    writes = _run(nest.loops, store.offset, lanes, reads)
    if not reads or not writes or _extent(writes) < lanes:
        return None
    return Turn(reads, writes)


def _run(
    loops: Sequence[Var], offset: Index, lanes: int, without: Sequence[Var]
) -> tuple[Var, ...]:
    """Loops over consecutive elements, until they are at least a vector."""
    found: list[Var] = []
    step = 1
    while step < lanes:
        following = [v for v in loops if offset.coefficient(v) == step and v.size > 1]
        if len(following) != 1 or following[0] in without:
            break
        found.append(following[0])
        step *= following[0].size
    return tuple(found)


def _extent(run: Sequence[Var]) -> int:
    count = 1
    for var in run:
        count *= var.size
    return count


def generate(nest: Nest, name: str, target: Target) -> str:
    """LLVM IR of the copy."""
    return _Generator(nest, target).run(name)


class _Generator:
    def __init__(self, nest: Nest, target: Target) -> None:
        found = turned(nest, target)
        assert found is not None
        self.turn = found
        self.nest = nest
        self.lanes = target.lanes(4)
        self.b = Builder()
        self.env: dict[Var, str] = {}
        self.store = nest.stores[0]
        assert isinstance(self.store.value, Load)
        self.load: Load = self.store.value
        self.kind = splat_type(self.load.dtype.llvm, self.lanes)

    def run(self, name: str) -> str:
        """Blocks are numbered, the number of the block along the writes last but one."""
        b, lanes = self.b, self.lanes
        self.pointers = pointers(b, len(self.nest.args))
        taken = set(chain(self.turn.reads, self.turn.writes))
        outer = tuple(v for v in self.nest.loops if v not in taken)
        read, written = _extent(self.turn.reads), _extent(self.turn.writes)
        few = read < lanes
        across = 1 if few else -(-read // lanes)
        numbers = (Var("written", -(-written // lanes)), Var("read", across))
        low, high = share(b, _extent((*outer, *numbers)))

        def body(flat: str, _carried: list[str]) -> list[str]:
            found: dict[Var, str] = {}
            decode(b, flat, (*outer, *numbers), found)
            self.env = {v: found[v] for v in outer}
            at = [b.integer("mul", found[number], str(lanes)) for number in numbers]

            def whole() -> None:
                if few:
                    self.gathered(at[0], read)
                else:
                    self.block(at[0], at[1])

            ragged = [
                b.op(f"icmp eq i64 {found[number]}, {number.size - 1}")
                for number, size in zip(numbers, (written, read), strict=True)
                if size % lanes and not (few and number is numbers[1])
            ]
            if not ragged:
                whole()
                return []
            last = ragged[0] if len(ragged) == 1 else b.op(f"or i1 {ragged[0]}, {ragged[1]}")
            b.branch(last, lambda: self.rest(at, written, read), whole)
            return []

        b.loop(low, high, 1, (), body, "share")
        b.line("ret void")
        return b.text(name, "ptr %buffers, i64 %thread, i64 %threads")

    def place(self, run: tuple[Var, ...], at: str) -> dict[Var, str]:
        """The variables of a run, innermost first, at one of its elements."""
        found: dict[Var, str] = {}
        decode(self.b, at, tuple(reversed(run)), found)
        return found

    def rest(self, at: Sequence[str], written: int, read: int) -> None:
        """A block at an edge, element by element."""

        def end(start: str, extent: int) -> str:
            high = self.b.integer("add nsw", start, str(self.lanes))
            return self.b.call("llvm.smin.i64", "i64", [("i64", high), ("i64", str(extent))])

        base = dict(self.env)

        def outer(i: str, _carried: list[str]) -> list[str]:
            def inner(j: str, _carried: list[str]) -> list[str]:
                self.env = {
                    **base,
                    **self.place(self.turn.writes, i),
                    **self.place(self.turn.reads, j),
                }
                self.element()
                return []

            self.b.loop(at[1], end(at[1], read), 1, (), inner, "read")
            return []

        self.b.loop(at[0], end(at[0], written), 1, (), outer, "write")
        self.env = base

    def element(self) -> None:
        body = Body(self.b, self.pointers, self.nest.args, self.env)
        value = body.emit(self.load)
        offset = self.b.index(self.store.offset, self.env)
        self.b.store(value, self.pointers[self.store.arg], offset, self.load.dtype, 1)

    def each(self, run: tuple[Var, ...], at: str) -> Callable[[int], dict[Var, str]]:
        """Where the elements of a run from ``at`` on lie."""
        if len(run) == 1:
            (var,) = run
            return lambda i: {var: self.b.integer("add nsw", at, str(i))}
        return lambda i: self.place(run, self.b.integer("add nsw", at, str(i)))

    def block(self, write: str, read: str) -> None:
        """Read ``lanes`` rows, turn them, write ``lanes`` columns."""
        b, lanes, dtype = self.b, self.lanes, self.load.dtype
        source, target = self.pointers[self.load.arg], self.pointers[self.store.arg]
        start = self.place(self.turn.reads, read)
        along = self.each(self.turn.writes, write)
        rows = []
        for i in range(lanes):
            offset = b.index(self.load.offset, {**self.env, **start, **along(i)})
            rows.append(b.load(source, offset, dtype, lanes))
        width = lanes // 2
        while width:
            for r in range(lanes):
                if not r & width:
                    rows[r], rows[r | width] = self.swap(rows[r], rows[r | width], width)
            width //= 2
        start = self.place(self.turn.writes, write)
        along = self.each(self.turn.reads, read)
        for i, row in enumerate(rows):
            offset = b.index(self.store.offset, {**self.env, **start, **along(i)})
            b.store(row, target, offset, dtype, lanes)

    def gathered(self, write: str, count: int) -> None:
        """A vector for each of the few elements that follow one another in the source."""
        b, lanes, dtype = self.b, self.lanes, self.load.dtype
        source, target = self.pointers[self.load.arg], self.pointers[self.store.arg]
        start = self.place(self.turn.writes, write)
        along = self.each(self.turn.writes, write)
        places = [along(i) for i in range(lanes)]
        zero = {var: "0" for var in self.turn.reads}
        rows = [b.index(self.load.offset, {**self.env, **zero, **place}) for place in places]

        def body(j: str, _carried: list[str]) -> list[str]:
            vector = "poison"
            for lane, row in enumerate(rows):
                single = b.load(source, b.integer("add nsw", row, j), dtype, 1)
                kind = f"{self.kind} {vector}, {dtype.llvm} {single}, i64 {lane}"
                vector = b.op(f"insertelement {kind}")
            at = {**self.env, **start, **self.place(self.turn.reads, j)}
            b.store(vector, target, b.index(self.store.offset, at), dtype, lanes)
            return []

        b.loop("0", str(count), 1, (), body, "tap")

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

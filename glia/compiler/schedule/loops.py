"""The loop IR: what one kernel computes, at which offsets, over which variables.

A kernel's text (``str``) is complete and canonical: equal texts mean equal machine code, so the
text is what kernels are deduplicated and cached by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from glia.base.dtypes import DType
from glia.base.shapes import Shape
from glia.compiler.index import Index, Picked, Var, picks, variables


@dataclass(frozen=True, slots=True)
class Guard:
    """``low <= index < high``."""

    index: Index
    low: int
    high: int

    def always(self) -> bool:
        low, high = self.index.bounds()
        return low >= self.low and high < self.high

    def never(self) -> bool:
        low, high = self.index.bounds()
        return high < self.low or low >= self.high

    def __str__(self) -> str:
        return f"{self.low}<={self.index}<{self.high}"


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A scalar computed at every point of the loops; a node of a small graph."""

    dtype: DType


@dataclass(frozen=True, slots=True, eq=False)
class Load(Value):
    """An element of a buffer; read only where the guards hold."""

    arg: int
    offset: Index
    guards: tuple[Guard, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Value):
    """A number; floats as hex text."""

    value: str | int


@dataclass(frozen=True, slots=True, eq=False)
class Number(Value):
    """An index as a value."""

    index: Index


@dataclass(frozen=True, slots=True, eq=False)
class Apply(Value):
    """An elementwise primitive."""

    op: str
    args: tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Guarded(Value):
    """``inside`` where all guards hold, else ``outside``."""

    guards: tuple[Guard, ...]
    inside: Value
    outside: Value


@dataclass(frozen=True, slots=True, eq=False)
class Bits(Value):
    """Threefry bits for an element number."""

    key: tuple[Value, Value]
    counter: Index


@dataclass(frozen=True, slots=True, eq=False)
class Reduced(Value):
    """The result of the kernel's reduction number ``which``."""

    which: int


@dataclass(frozen=True, slots=True)
class Reduction:
    """``kind`` over the reduce variables of a value; argmax also tracks a position."""

    kind: str  # sum, prod, max, min, argmax
    value: Value
    position: Index | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """Write a value to a buffer."""

    arg: int
    offset: Index
    value: Value


@dataclass(frozen=True, slots=True)
class Nest:
    """Loops over ``loops``; inside, reductions over ``reduce``; then stores."""

    args: tuple[DType, ...]
    loops: tuple[Var, ...]
    reduce: tuple[Var, ...]
    reductions: tuple[Reduction, ...]
    stores: tuple[Store, ...]

    def __str__(self) -> str:
        return Printer(self.args).nest(self)


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a contraction: a buffer and the offset as an affine form of the variables."""

    arg: int
    offset: Index


@dataclass(frozen=True, slots=True)
class Tile:
    """How a contraction runs: which variables are vector lanes and register tiles."""

    lanes_over: Var  # its elements fill a vector
    lanes: int
    lanes_reduced: bool  # lanes run along a summed variable: add them up at the end
    blocks: int  # vectors of lanes_over held at once
    rows: tuple[Var, int] | None  # variable of the other operand, and how many at once
    columns: tuple[Var, int] | None  # another variable of the vector operand
    vector_side: int  # which operand holds the vectors (0 or 1)


@dataclass(frozen=True, slots=True)
class Contraction:
    """``acc = Σ over reduce of a · b``; then stores, whose values may use ``Reduced(0)``.

    Only products where all guards hold are added: a guard bounds one summed variable at most.
    """

    args: tuple[DType, ...]
    loops: tuple[Var, ...]
    reduce: tuple[Var, ...]
    a: Operand
    b: Operand
    dtype: DType
    stores: tuple[Store, ...]
    tile: Tile
    guards: tuple[Guard, ...] = ()

    def __str__(self) -> str:
        return Printer(self.args).contraction(self)


@dataclass(frozen=True, slots=True)
class Blocks:
    """How much of a convolution in transformed form is worked on at once."""

    lanes: int
    vectors: int  # of channels, in a register tile
    rows: int  # tiles of 2x2 results, in a register tile
    tiles: int  # of 2x2 results, in scratch memory together
    summed: int  # channels of the source in scratch memory
    channels: int  # of the result in scratch memory


@dataclass(frozen=True, slots=True)
class Winograd:
    """A 3x3 convolution with step 1, in tiles of 2x2 results from 4x4 elements of the source.

    ``source`` is what the first tap of a result reads; ``inside`` says where its row and column
    have elements, elsewhere there are zeros. The stores' values may use ``Reduced(0)``.
    """

    args: tuple[DType, ...]
    image: Var
    row: Var
    column: Var
    channel: Var
    summed: Var
    source: Operand
    inside: tuple[Guard, Guard]
    weights: int  # transformed: by panel of channels, of 16 places, of summed channels
    dtype: DType
    stores: tuple[Store, ...]
    blocks: Blocks

    @property
    def loops(self) -> tuple[Var, ...]:
        return self.image, self.row, self.column, self.channel

    @property
    def reduce(self) -> tuple[Var, ...]:
        return (self.summed,)

    def __str__(self) -> str:
        return Printer(self.args).winograd(self)


@dataclass(frozen=True, slots=True)
class WinogradGradient:
    """The weights' gradient of such a convolution, for every chunk of its positions.

    ``given`` is the gradient of the results; its channels are the lanes. The rest as above.
    """

    args: tuple[DType, ...]
    chunk: Var
    image: Var
    row: Var  # within the chunk
    column: Var
    channel: Var
    summed: Var  # channel of the source
    taps: tuple[Var, Var]
    source: Operand
    inside: tuple[Guard, Guard]
    given: Operand
    dtype: DType
    stores: tuple[Store, ...]
    blocks: Blocks

    @property
    def loops(self) -> tuple[Var, ...]:
        return self.chunk, self.channel, self.summed, *self.taps

    @property
    def reduce(self) -> tuple[Var, ...]:
        return self.image, self.row, self.column

    def __str__(self) -> str:
        return Printer(self.args).winograd(self)


@dataclass(frozen=True, slots=True)
class Scatter:
    """Zeros; then, step by step, a value added where ``place`` says, or nowhere."""

    args: tuple[DType, ...]
    loops: tuple[Var, ...]
    steps: Var
    place: Picked
    arg: int
    offset: Index  # in terms of the loops and the place
    value: Value

    def __str__(self) -> str:
        return Printer(self.args).scatter(self)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a kernel inside a repetition finds an argument, in elements of the argument."""

    arg: int
    start: int
    per_turn: int
    per_slice: int

    def __str__(self) -> str:
        moves = [f"{step:+}{of}" for step, of in ((self.per_turn, "t"), (self.per_slice, "s"))]
        start = f"+{self.start}" if self.start else ""
        return f"arg{self.arg}" + start + "".join(move for move in moves if move[1] != "0")


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel inside a repetition."""

    kernel: Nest | Contraction | Scatter
    args: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """For every slice of a batch: sections of kernels, each so many turns, one after another.

    Slices do not depend on one another; the threads share them out.
    """

    args: tuple[DType, ...]
    slices: int
    sections: tuple[tuple[int, tuple[Call, ...]], ...]

    def __str__(self) -> str:
        args = " ".join(dtype.name for dtype in self.args)
        lines = [f"repeat ({args}) for s<{self.slices}"]
        for turns, calls in self.sections:
            lines.append(f"  for t<{turns}")
            for call in calls:
                lines.append(f"    with {', '.join(map(str, call.args))}")
                lines += [f"      {line}" for line in str(call.kernel).splitlines()]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Host:
    """A function of NumPy's, called between native kernels. All arguments are row-major."""

    args: tuple[DType, ...]
    op: str
    attrs: tuple[Any, ...]
    reads: tuple[tuple[int, Shape], ...]  # argument, and its shape
    writes: tuple[tuple[int, Shape], ...]
    parts: tuple[int, ...]  # which results are written, where a function has several

    def __str__(self) -> str:
        args = " ".join(dtype.name for dtype in self.args)
        left = ", ".join(f"arg{arg}{list(shape)}" for arg, shape in self.writes)
        right = ", ".join(f"arg{arg}{list(shape)}" for arg, shape in self.reads)
        parts = f" results {list(self.parts)}" if self.parts else ""
        return f"host ({args})\n{left} = {self.op}({right}) {self.attrs!r}{parts}"


Kernel = Nest | Contraction | Winograd | WinogradGradient | Scatter | Repeat | Host


@dataclass
class Printer:
    """Kernel to text: one numbered line per value, each value once."""

    args: tuple[DType, ...]
    lines: list[str] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)

    def nest(self, kernel: Nest) -> str:
        self._head("nest", kernel.loops, kernel.reduce)
        for i, reduction in enumerate(kernel.reductions):
            value = self.value(reduction.value)
            where = "" if reduction.position is None else f" at {reduction.position}"
            self.lines.append(f"r{i} = {reduction.kind} {value}{where}")
        return self._stores(kernel.stores)

    def contraction(self, kernel: Contraction) -> str:
        self._head("contraction", kernel.loops, kernel.reduce)
        t = kernel.tile
        rows = "" if t.rows is None else f" rows {t.rows[0]}*{t.rows[1]}"
        columns = "" if t.columns is None else f" columns {t.columns[0]}*{t.columns[1]}"
        kind = " reduced" if t.lanes_reduced else ""
        self.lines.append(
            f"tile {t.lanes_over}*{t.lanes}x{t.blocks}{kind}{rows}{columns} side {t.vector_side}"
        )
        a, b = kernel.a, kernel.b
        self.lines.append(
            f"r0:{kernel.dtype.name} = sum arg{a.arg}[{a.offset}] * arg{b.arg}[{b.offset}]"
            + self._guards(kernel.guards)
        )
        return self._stores(kernel.stores)

    def winograd(self, kernel: Winograd | WinogradGradient) -> str:
        self._head("winograd", kernel.loops, kernel.reduce)
        b = kernel.blocks
        self.lines.append(
            f"blocks {b.lanes}x{b.vectors} rows {b.rows} tiles {b.tiles}"
            f" summed {b.summed} channels {b.channels}"
        )
        source = f"arg{kernel.source.arg}[{kernel.source.offset}]{self._guards(kernel.inside)}"
        other = "convolve3x3 {} with " + (
            f"arg{kernel.weights}"
            if isinstance(kernel, Winograd)
            else f"gradient arg{kernel.given.arg}[{kernel.given.offset}]"
        )
        self.lines.append(f"r0:{kernel.dtype.name} = {other.format(source)}")
        return self._stores(kernel.stores)

    def scatter(self, kernel: Scatter) -> str:
        self._head("scatter", kernel.loops, (kernel.steps,))
        self._picks((kernel.offset,))
        place, value = self.value(kernel.place.value), self.value(kernel.value)
        test = f"0<={place}<{kernel.place.size}"
        self.lines.append(f"arg{kernel.arg}[{kernel.offset}] += {value} if {test}")
        return "\n".join(self.lines)

    def _head(self, kind: str, loops: tuple[Var, ...], reduce: tuple[Var, ...]) -> None:
        args = " ".join(dtype.name for dtype in self.args)
        spans = " ".join(f"{v.name}<{v.size}" for v in loops)
        summed = " ".join(f"{v.name}<{v.size}" for v in reduce)
        self.lines.append(f"{kind} ({args}) for {spans}" + (f" over {summed}" if summed else ""))

    def _stores(self, stores: tuple[Store, ...]) -> str:
        for store in stores:
            value = self.value(store.value)
            self.lines.append(f"arg{store.arg}[{store.offset}] = {value}")
        return "\n".join(self.lines)

    def value(self, value: Value) -> str:
        found = self.names.get(id(value))
        if found is None:
            self._picks(own_indices(value))
            text = self._text(value)
            found = self.names[id(value)] = f"v{len(self.names)}"
            self.lines.append(f"{found}:{value.dtype.name} = {text}")
        return found

    def _picks(self, indices: Sequence[Index]) -> None:
        """One line for every computed place, before the first index that holds it."""
        for place in [place for index in indices for place in picks(index)]:
            if id(place) not in self.names:
                self.names[id(place)] = place.name
                value = self.value(place.value)
                self.lines.append(f"{place} = {value} within {place.size}")

    def _guards(self, guards: tuple[Guard, ...]) -> str:
        return " if " + " and ".join(map(str, guards)) if guards else ""

    def _text(self, value: Value) -> str:
        if isinstance(value, Load):
            return f"arg{value.arg}[{value.offset}]{self._guards(value.guards)}"
        if isinstance(value, Constant):
            return str(value.value)
        if isinstance(value, Number):
            return f"index {value.index}"
        if isinstance(value, Apply):
            return f"{value.op} " + " ".join([self.value(arg) for arg in value.args])
        if isinstance(value, Guarded):
            inside, outside = self.value(value.inside), self.value(value.outside)
            return f"{inside}{self._guards(value.guards)} else {outside}"
        if isinstance(value, Bits):
            return f"bits {self.value(value.key[0])} {self.value(value.key[1])} {value.counter}"
        if isinstance(value, Reduced):
            return f"r{value.which}"
        raise TypeError(f"unknown value {value!r}")


def own_indices(value: Value) -> list[Index]:
    """The indices that stand in a value itself, guards included."""
    if isinstance(value, Load):
        return [value.offset, *(guard.index for guard in value.guards)]
    if isinstance(value, Number):
        return [value.index]
    if isinstance(value, Guarded):
        return [guard.index for guard in value.guards]
    return [value.counter] if isinstance(value, Bits) else []


def parts_of(value: Value) -> tuple[Value, ...]:
    """The values this one is computed from at the same point."""
    if isinstance(value, Apply):
        return value.args
    if isinstance(value, Guarded):
        return value.inside, value.outside
    return value.key if isinstance(value, Bits) else ()


def walk(values: Sequence[Value]) -> list[Value]:
    """All values these depend on, each once, those that say where to read included."""
    found: list[Value] = []
    seen: set[int] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        found.append(value)
        stack.extend(parts_of(value))
        stack.extend(place.value for index in own_indices(value) for place in picks(index))
    return found


def indices_of(values: Sequence[Value]) -> list[Index]:
    """Every index that occurs in these values, guards included."""
    return [index for value in walk(values) for index in own_indices(value)]


def varies(index: Index, var: Var) -> bool:
    """Whether an index changes with a variable, by itself or by the places in it."""
    if var in variables(index):
        return True
    inside = walk([place.value for place in picks(index)])
    if any(isinstance(value, Reduced) for value in inside):
        return True
    return any(var in variables(found) for value in inside for found in own_indices(value))

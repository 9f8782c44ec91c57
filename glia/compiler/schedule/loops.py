"""The loop IR: what one kernel computes, at which offsets, over which variables.

A kernel's text (``str``) is complete and canonical: equal texts mean equal machine code, so the
text is what kernels are deduplicated and cached by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from glia.base.dtypes import DType
from glia.compiler.index import Index, Var


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
    """``acc = Σ over reduce of a · b``; then stores, whose values may use ``Reduced(0)``."""

    args: tuple[DType, ...]
    loops: tuple[Var, ...]
    reduce: tuple[Var, ...]
    a: Operand
    b: Operand
    dtype: DType
    stores: tuple[Store, ...]
    tile: Tile

    def __str__(self) -> str:
        return Printer(self.args).contraction(self)


Kernel = Nest | Contraction


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
        )
        return self._stores(kernel.stores)

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
            text = self._text(value)
            found = self.names[id(value)] = f"v{len(self.names)}"
            self.lines.append(f"{found}:{value.dtype.name} = {text}")
        return found

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


def walk(values: Sequence[Value]) -> list[Value]:
    """All values these depend on, each once."""
    found: list[Value] = []
    seen: set[int] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        found.append(value)
        if isinstance(value, Apply):
            stack.extend(value.args)
        elif isinstance(value, Guarded):
            stack.extend((value.inside, value.outside))
        elif isinstance(value, Bits):
            stack.extend(value.key)
    return found


def indices_of(values: list[Value]) -> list[Index]:
    """Every index that occurs in these values, guards included."""
    found: list[Index] = []
    for value in walk(values):
        if isinstance(value, Load):
            found.append(value.offset)
            found.extend(guard.index for guard in value.guards)
        elif isinstance(value, Number):
            found.append(value.index)
        elif isinstance(value, Guarded):
            found.extend(guard.index for guard in value.guards)
        elif isinstance(value, Bits):
            found.append(value.counter)
    return found

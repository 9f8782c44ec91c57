"""The values of a kernel as instructions, at one point of its loops or at a vector of points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from glia.base.dtypes import DType
from glia.compiler.codegen.llvm import Builder, register_type, splat_type
from glia.compiler.codegen.scalar import Scalar
from glia.compiler.index import Index, Picked, Var, inner_atoms, picks, variable, variables
from glia.compiler.schedule.loops import (
    Apply,
    Bits,
    Constant,
    Guard,
    Guarded,
    Load,
    Number,
    Reduced,
    Value,
    parts_of,
    varies,
    walk,
)


def fits_lanes(values: Sequence[Value], stores: Iterable[Index], var: Var) -> bool:
    """Whether consecutive values of ``var`` can be the lanes of vectors."""
    for value in walk(values):
        if isinstance(value, Load):
            if value.offset.coefficient(var) not in (0, 1) or _hidden(value.offset, var):
                return False
            if any(varies(guard.index, var) for guard in value.guards):
                return False
        elif isinstance(value, Guarded):
            if any(varies(guard.index, var) for guard in value.guards):
                return False
        elif isinstance(value, Number | Bits):
            index = value.index if isinstance(value, Number) else value.counter
            if _hidden(index, var):
                return False
    return all(offset.coefficient(var) == 1 and not _hidden(offset, var) for offset in stores)


def across_rows(values: Sequence[Value], var: Var, reduce: Sequence[Var]) -> bool:
    """Whether rows lie side by side along ``var``: then vectors across them read from memory."""
    for value in walk(values):
        if isinstance(value, Load) and value.offset.coefficient(var) == 1:
            if not variables(value.offset).isdisjoint(reduce):
                return True
    return False


def _hidden(index: Index, var: Var) -> bool:
    """Whether the variable occurs under a quotient or remainder, or in a computed place."""
    if any(var in variables(atom.of) for atom in inner_atoms(index)):
        return True
    return any(varies(variable(place), var) for place in picks(index))


class Body:
    """Emits values where ``env`` names the loop variables.

    With several lanes, ``lane_var`` is the variable whose consecutive values they are.
    """

    def __init__(
        self,
        builder: Builder,
        pointers: Sequence[str],
        dtypes: Sequence[DType],
        env: Mapping[Var, str],
        lanes: int = 1,
        lane_var: Var | None = None,
        reduced: Sequence[str] = (),
    ) -> None:
        self.b = builder
        self.pointers = pointers
        self.dtypes = dtypes
        self.env = dict(env)
        self.lanes = lanes
        self.lane_var = lane_var
        self.reduced = reduced
        self.ops = Scalar(builder, lanes)
        self._done: dict[int, str] = {}
        self._conditions: dict[Guard, str] = {}

    def emit(self, value: Value) -> str:
        """The register that holds the value."""
        for part in self._pending(value):
            self._done[id(part)] = self._emit(part)
        return self._done[id(value)]

    def give(self, registers: Mapping[int, str]) -> None:
        """Values (by id) that are in registers already."""
        self._done.update(registers)

    def _pending(self, value: Value) -> list[Value]:
        """Values still to be emitted, each once and after its parts; graphs may be deep."""
        order: list[Value] = []
        seen = set(self._done)
        stack = [(value, False)]
        while stack:
            part, ready = stack.pop()
            if ready:
                order.append(part)
            elif id(part) not in seen:
                seen.add(id(part))
                stack.append((part, True))
                stack.extend((inner, False) for inner in reversed(parts_of(part)))
        return order

    def _emit(self, value: Value) -> str:
        if isinstance(value, Apply):
            args = [self._done[id(arg)] for arg in value.args]
            return self.ops.apply(value.op, value.dtype, args, value.args[-1].dtype)
        if isinstance(value, Load):
            return self._load(value)
        if isinstance(value, Constant):
            return self.ops.constant(value.value, value.dtype)
        if isinstance(value, Number):
            return self.number(value.index, value.dtype)
        if isinstance(value, Guarded):
            inside, outside = self._done[id(value.inside)], self._done[id(value.outside)]
            kind = register_type(value.dtype, self.lanes)
            condition = self._all(value.guards)
            return self.b.op(f"select i1 {condition}, {kind} {inside}, {kind} {outside}")
        if isinstance(value, Bits):
            key = (self._done[id(value.key[0])], self._done[id(value.key[1])])
            return self.ops.threefry(key, self.number(value.counter, value.dtype))
        if isinstance(value, Reduced):
            return self.reduced[value.which]
        raise TypeError(f"unknown value {value!r}")

    def at(self, index: Index) -> str:
        """An index as an i64, after the computed places in it."""
        for place in picks(index):
            if place not in self.env:
                self.env[place] = self._place(place)
        return self.b.index(index, self.env)

    def _place(self, place: Picked) -> str:
        """A computed place: one for all lanes; where it is nowhere, the first."""
        body = self if self.lanes == 1 else Body(self.b, self.pointers, self.dtypes, self.env)
        raw = body.emit(place.value)
        inside = self.b.op(f"icmp ult i64 {raw}, {place.size}")
        return self.b.op(f"select i1 {inside}, i64 {raw}, i64 0")

    def _load(self, value: Load) -> str:
        pointer, dtype = self.pointers[value.arg], self.dtypes[value.arg]
        offset = self.at(value.offset)
        if value.guards:
            # outside, read the start of the buffer instead: buffers end in room for a vector
            condition = self._all(value.guards)
            offset = self.b.op(f"select i1 {condition}, i64 {offset}, i64 0")
        if self.lanes == 1:
            return self.b.load(pointer, offset, dtype, 1)
        assert self.lane_var is not None
        step = value.offset.coefficient(self.lane_var)
        if step == 1:
            return self.b.load(pointer, offset, dtype, self.lanes)
        single = self.b.load(pointer, offset, dtype, 1)
        return self.b.splat(single, register_type(dtype, 1), self.lanes)

    def number(self, index: Index, dtype: DType) -> str:
        """An index as a number of some dtype; consecutive numbers along the lanes."""
        start = self.at(index)
        if self.lanes > 1:
            assert self.lane_var is not None
            step = index.coefficient(self.lane_var)
            start = self.b.splat(start, "i64", self.lanes)
            ramp = ", ".join(f"i64 {lane * step}" for lane in range(self.lanes))
            if step:
                start = self.b.op(f"add <{self.lanes} x i64> {start}, <{ramp}>")
        kind, wide = register_type(dtype, self.lanes), splat_type("i64", self.lanes)
        if dtype.kind == "float":
            return self.b.op(f"sitofp {wide} {start} to {kind}")
        if dtype.itemsize == 8:
            return start
        return self.b.op(f"trunc {wide} {start} to {kind}")

    def _all(self, guards: Sequence[Guard]) -> str:
        """One bit: whether all guards hold. They never depend on the lane."""
        result = ""
        for guard in guards:
            bit = self._condition(guard)
            result = bit if not result else self.b.op(f"and i1 {result}, {bit}")
        return result

    def _condition(self, guard: Guard) -> str:
        found = self._conditions.get(guard)
        if found is None:
            moved = self.at(guard.index + -guard.low)
            found = self.b.op(f"icmp ult i64 {moved}, {guard.high - guard.low}")
            self._conditions[guard] = found
        return found

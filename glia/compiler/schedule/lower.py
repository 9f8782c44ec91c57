"""From an expression at an index to the loop IR: views become index arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

from glia.base.dtypes import DType, bool_, int64
from glia.base.shapes import Shape, strides_of
from glia.compiler.index import ZERO, Index, Picked, combine, number, variable
from glia.compiler.schedule.layout import Layout
from glia.compiler.schedule.loops import (
    Apply,
    Bits,
    Constant,
    Guard,
    Guarded,
    Load,
    Number,
    Reduced,
    Reduction,
    Value,
)
from glia.ir.expr import Expr
from glia.ir.ops.index import nowhere
from glia.ir.ops.source import encode

Indices = tuple[Index, ...]


class CannotLower(Exception):
    """This expression does not fit into one kernel as asked."""


def unflatten(flat: Index, shape: Shape) -> Indices:
    """The indices of element number ``flat`` of a row-major array."""
    found = []
    for size, stride in zip(shape, strides_of(shape), strict=True):
        found.append(ZERO if size <= 1 or not stride else (flat // stride) % size)
    return tuple(found)


def flatten(index: Sequence[Index], shape: Shape) -> Index:
    """The element number of an index in a row-major array."""
    return combine(zip(index, strides_of(shape), strict=True))


def regroup(index: Indices, shape: Shape, target: Shape) -> Indices:
    """The index into a row-major array of shape ``target`` of an element of one of ``shape``.

    Dimensions are matched in groups of equal size, so that those that stay as they are keep
    their index: it may be out of range, to be ignored under a guard.
    """
    found: list[Index] = []
    i = j = 0
    while i < len(shape) or j < len(target):
        left, right = i, j
        a = b = 1
        while True:
            if a == b and i > left and j > right:
                break
            if a <= b and i < len(shape) and not (a == b and i > left):
                a *= shape[i]
                i += 1
            elif j < len(target):
                b *= target[j]
                j += 1
            elif i < len(shape):
                a *= shape[i]
                i += 1
            else:
                break
        inner, outer = shape[left:i], target[right:j]
        whole = [d for d, size in enumerate(inner) if size != 1]
        kept = [d for d, size in enumerate(outer) if size != 1]
        if len(whole) == len(kept) == 1:
            parts = [ZERO] * len(outer)
            parts[kept[0]] = index[left + whole[0]]
            found.extend(parts)
        else:
            found.extend(unflatten(flatten(index[left:i], inner), outer))
    return tuple(found)


def inline_limit(node: Expr) -> bool:
    """Whether a reduction is so short that it is written out instead of looped over."""
    extent = 1
    dims = node.attrs[0] if isinstance(node.attrs[0], tuple) else (node.attrs[0],)
    for dim in dims:
        extent *= node.inputs[0].shape[dim]
    return 0 < extent <= 16


class Lowering:
    """Lowers the values of one kernel. ``layouts`` tells which expressions lie in memory."""

    def __init__(
        self,
        layouts: Mapping[Expr, Layout],
        argument: Callable[[Expr], int],
        bound: Mapping[Expr, tuple[Indices, Value]] | None = None,
    ) -> None:
        self.layouts = layouts
        self.argument = argument
        self.bound = dict(bound or {})  # computed in this kernel, available at one index only
        self.reductions: list[Reduction] = []
        self._memo: dict[tuple[Expr, Indices, tuple[Guard, ...]], Value] = {}
        self._loads: dict[tuple[int, Index, tuple[Guard, ...]], Load] = {}
        self._places: dict[tuple[int, int], Picked] = {}

    def value(self, node: Expr, index: Indices, guards: tuple[Guard, ...] = ()) -> Value:
        """The element of ``node`` at ``index``, which counts only where the guards hold."""
        key = (node, index, guards)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._value(node, index, guards)
        return found

    def _value(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        if node in self.bound:
            at, value = self.bound[node]
            if at != index:
                raise CannotLower(f"{node!r} is needed at another index")
            return value
        layout = self.layouts.get(node)
        if layout is not None:
            return self._load(self.argument(node), layout.offset(index), guards, node.dtype)
        return self.computed(node, index, guards)

    def _load(self, arg: int, at: Index, guards: tuple[Guard, ...], dtype: DType) -> Load:
        key = (arg, at, guards)
        if key not in self._loads:
            self._loads[key] = Load(dtype, arg, at, guards)
        return self._loads[key]

    def computed(self, node: Expr, index: Indices, guards: tuple[Guard, ...] = ()) -> Value:
        """As ``value``, but computing ``node`` even when it also lies in memory."""
        kind = node.op.kind
        if kind == "elementwise":
            args = tuple(self.value(child, index, guards) for child in node.inputs)
            return Apply(node.dtype, node.op.name, args)
        if kind == "reduce":
            return self._reduce(node, index, guards)
        return getattr(self, "_" + node.op.name)(node, index, guards)

    # Sources

    def _const(self, node: Expr, _index: Indices, _guards: tuple[Guard, ...]) -> Value:
        return Constant(node.dtype, node.attrs[0])

    def _iota(self, node: Expr, index: Indices, _guards: tuple[Guard, ...]) -> Value:
        return Number(node.dtype, index[0])

    def _random_bits(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        (key,) = node.inputs
        words = tuple(self.value(key, (number(i),), guards) for i in range(2))
        return Bits(node.dtype, words, flatten(index, node.shape))  # type: ignore[arg-type]

    # Views

    def _detach(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        return self.value(node.inputs[0], index, guards)

    def _reshape(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        (x,) = node.inputs
        return self.value(x, regroup(index, node.shape, x.shape), guards)

    def _permute(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        (dims,) = node.attrs
        back = [ZERO] * len(dims)
        for at, dim in zip(index, dims, strict=True):
            back[dim] = at
        return self.value(node.inputs[0], tuple(back), guards)

    def _expand(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        (x,) = node.inputs
        kept = zip(index, x.shape, strict=True)
        return self.value(x, tuple(ZERO if size == 1 else at for at, size in kept), guards)

    def _slice(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        start, _stop, step = node.attrs
        moved = tuple(i * s + a for i, s, a in zip(index, step, start, strict=True))
        return self.value(node.inputs[0], moved, guards)

    def _flip(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        (dims,) = node.attrs
        moved = tuple(
            at * -1 + (size - 1) if d in dims else at
            for d, (at, size) in enumerate(zip(index, node.shape, strict=True))
        )
        return self.value(node.inputs[0], moved, guards)

    def _pad(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        (x,) = node.inputs
        before = node.attrs[0]
        moved = tuple(at + -b for at, b in zip(index, before, strict=True))
        tests = [Guard(at, 0, size) for at, size in zip(moved, x.shape, strict=True)]
        return self._inside(x, moved, tests, guards)

    def _inside(
        self, x: Expr, index: Indices, tests: Sequence[Guard], guards: tuple[Guard, ...]
    ) -> Value:
        """``x`` at ``index`` where the tests hold, else zero."""
        zero = Constant(x.dtype, encode(0, x.dtype))
        if any(test.never() for test in tests):
            return zero
        needed = tuple(test for test in tests if not test.always() and test not in guards)
        if not needed:
            return self.value(x, index, guards)
        return Guarded(x.dtype, needed, self.value(x, index, (*guards, *needed)), zero)

    def _concat(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        (dim,) = node.attrs
        begin = int(node.shape[dim])
        result: Value | None = None
        for x in reversed(node.inputs):
            begin -= x.shape[dim]
            moved = tuple(at + -begin if d == dim else at for d, at in enumerate(index))
            test = Guard(moved[dim], 0, x.shape[dim])
            if test.never():
                continue
            if result is None or test.always():
                last = () if test.always() else (test,)
                result = self.value(x, moved, (*guards, *last))
                continue
            inner = self.value(x, moved, (*guards, test))
            result = Guarded(node.dtype, (test,), inner, result)
        # outside of all parts: a guard further out keeps the value from being used
        return result or Constant(node.dtype, encode(0, node.dtype))

    # Computed places

    def _gather(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        x, at = node.inputs
        (dim,) = node.attrs
        place = self.place(at, index, x.shape[dim], guards)
        found = self.value(x, (*index[:dim], variable(place), *index[dim + 1 :]), guards)
        low, high = (Constant(int64, bound) for bound in (0, x.shape[dim]))
        tests = Apply(bool_, "le", (low, place.value)), Apply(bool_, "lt", (place.value, high))
        nothing = Constant(node.dtype, nowhere(node.dtype))
        return Apply(node.dtype, "where", (Apply(bool_, "and", tests), found, nothing))

    def place(self, at: Expr, index: Indices, size: int, guards: tuple[Guard, ...] = ()) -> Picked:
        """The place below ``size`` that an element of ``at`` names."""
        value = self.value(at, index, guards)
        key = (id(value), size)
        if key not in self._places:
            wide = value if value.dtype is int64 else Apply(int64, "cast", (value,))
            self._places[key] = Picked(f"p{len(self._places)}", size, wide)
        return self._places[key]

    # Windows

    def _window(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        kernel, stride, dilation = node.attrs
        k = len(kernel)
        lead = index[: len(index) - 2 * k]
        at = index[len(index) - 2 * k : len(index) - k]
        tap = index[len(index) - k :]
        moved = tuple(y * s + i * d for y, i, s, d in zip(at, tap, stride, dilation, strict=True))
        return self.value(node.inputs[0], (*lead, *moved), guards)

    def _fold(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        (x,) = node.inputs
        size, stride, dilation = node.attrs
        k = len(size)
        lead, at = index[: len(index) - k], index[len(index) - k :]
        counts, kernel = x.shape[x.ndim - 2 * k : x.ndim - k], x.shape[x.ndim - k :]
        choices = [
            self._taps(h, n, i, s, d)
            for h, n, i, s, d in zip(at, counts, kernel, stride, dilation, strict=True)
        ]
        total: Value | None = None
        for combination in product(*choices):
            where = tuple(y for y, _, _ in combination)
            tap = tuple(i for _, i, _ in combination)
            tests = [test for _, _, group in combination for test in group]
            if any(test.never() for test in tests):
                continue
            part = self._inside(x, (*lead, *where, *tap), tests, guards)
            total = part if total is None else Apply(node.dtype, "add", (total, part))
        return total or Constant(node.dtype, encode(0, node.dtype))

    def _taps(
        self, at: Index, count: int, kernel: int, stride: int, dilation: int
    ) -> list[tuple[Index, Index, list[Guard]]]:
        """Which (window, tap) pairs touch element ``at``: windows · stride + tap · dilation."""
        if kernel <= stride and dilation == 1:
            y, i = at // stride, at % stride
            return [(y, i, [Guard(i, 0, kernel), Guard(y, 0, count)])]
        found = []
        for tap in range(kernel):
            first = at + -tap * dilation
            y = first // stride
            tests = [Guard(first % stride, 0, 1)] if stride > 1 else []
            found.append((y, number(tap), [*tests, Guard(y, 0, count)]))
        return found

    # Reductions

    def _reduce(self, node: Expr, index: Indices, guards: tuple[Guard, ...]) -> Value:
        dims = node.attrs[0] if isinstance(node.attrs[0], tuple) else (node.attrs[0],)
        if guards or not self._may_loop(node):
            return self._written_out(node, index, guards, dims)
        x = node.inputs[0]
        at = list(index)
        for dim, place in zip(dims, self.row, strict=True):
            at[dim] = place
        position = at[dims[0]] if node.op.name == "argmax" else None
        inner = self.value(x, tuple(at))
        self.reductions.append(Reduction(node.op.name, inner, position))
        return Reduced(node.dtype, len(self.reductions) - 1)

    def _may_loop(self, node: Expr) -> bool:
        return node in self.loop_over

    #: Reductions that this kernel runs as loops, and the index along a row; all others are
    #: written out.
    loop_over: frozenset[Expr] = frozenset()
    row: Indices = ()

    def _written_out(
        self, node: Expr, index: Indices, guards: tuple[Guard, ...], dims: tuple[int, ...]
    ) -> Value:
        if not inline_limit(node):
            raise CannotLower(f"{node!r} is too long to write out")
        x = node.inputs[0]
        parts = []
        for place in product(*(range(x.shape[dim]) for dim in dims)):
            at = list(index)
            for dim, i in zip(dims, place, strict=True):
                at[dim] = number(i)
            parts.append(self.value(x, tuple(at), guards))
        if node.op.name == "argmax":
            return self._first_largest(node, parts)
        op = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}[node.op.name]
        total = parts[0]
        for part in parts[1:]:
            total = Apply(node.dtype, op, (total, part))
        return total

    def _first_largest(self, node: Expr, parts: list[Value]) -> Value:
        best, place = parts[0], Constant(node.dtype, 0)
        result: Value = place
        for i, part in enumerate(parts[1:], 1):
            better = first_better(best, part)
            best = Apply(part.dtype, "where", (better, part, best))
            result = Apply(node.dtype, "where", (better, Constant(node.dtype, i), result))
        return result


def first_better(best: Value, new: Value) -> Value:
    """Whether ``new`` replaces ``best`` in a search for the first maximum; NaN is the largest."""
    greater = Apply(bool_, "lt", (best, new))
    if new.dtype.kind != "float":
        return greater
    is_nan = Apply(bool_, "ne", (new, new))
    was_number = Apply(bool_, "eq", (best, best))
    return Apply(bool_, "or", (greater, Apply(bool_, "and", (is_nan, was_number))))


class _View(Lowering):
    """Finds what a view reads, and where."""

    def value(self, node: Expr, index: Indices, guards: tuple[Guard, ...] = ()) -> Value:
        self.found = node, index
        return Load(node.dtype, 0, ZERO, guards)


def seen_through(node: Expr, index: Indices) -> tuple[Expr, Indices]:
    """What a simple view shows at an index, and the index into that."""
    view = _View({}, lambda _: 0)
    view.computed(node, index)
    return view.found

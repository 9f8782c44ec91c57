"""Of several values that come to one computed place the largest, the smallest, or the product.

As in ``index.py`` an index that names no place is left out. NumPy does the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.elementwise import DIV, EQ, MUL, WHERE
from glia.ir.ops.index import gather, scatter_add
from glia.ir.ops.source import const
from glia.ir.ops.view import broadcast_to
from glia.ir.table import Bad, Gradient, Op, Sample, register


def _check(name: str, values: Expr, index: Expr, dim: int, size: int) -> Shape:
    if index.dtype.kind not in ("int", "uint"):
        message = f"{name}: expected whole numbers as index, found {index.dtype.name}."
        raise DTypeError(teach(message, "convert the index: index.long()"))
    if values.shape != index.shape or not 0 <= dim < index.ndim or size < 0:
        message = f"{name}: values {values.shape} do not fit index {index.shape}, dimension {dim}."
        raise ShapeError(teach(message, "one index for each value"))
    return (*index.shape[:dim], size, *index.shape[dim + 1 :])


def _places(index: np.ndarray, dim: int, size: int) -> tuple[np.ndarray, ...]:
    """The place of every element whose index names one, and which elements these are."""
    inside = (index >= 0) & (index < size)
    places = np.indices(index.shape)
    places[dim] = np.where(inside, index, 0)
    return (*places[:, inside], inside)


def _infer(name: str) -> Callable:
    def infer(inputs: tuple[Expr, ...], dim: int, size: int) -> tuple[Shape, DType]:
        values, index = inputs
        shape = _check(name, values, index, dim, size)
        if values.dtype.kind not in ("int", "uint", "float"):
            message = f"{name}: expected real numbers, found {values.dtype.name}."
            raise DTypeError(teach(message, "convert first: values.long()"))
        return shape, values.dtype

    return infer


def first_value(dtype: DType, largest: bool) -> float | int:
    """What no element is beyond."""
    if dtype.kind == "float":
        return -np.inf if largest else np.inf
    limits = np.iinfo(dtype.np)
    return int(limits.min if largest else limits.max)


def _reduced(function: np.ufunc, start: Callable[[np.dtype], float | int]) -> Callable:
    def meaning(values: np.ndarray, index: np.ndarray, dim: int, size: int) -> np.ndarray:
        shape = (*index.shape[:dim], size, *index.shape[dim + 1 :])
        out = np.full(shape, start(values.dtype), values.dtype)
        *at, inside = _places(index, dim, size)
        function.at(out, tuple(at), values[inside])
        return out

    return meaning


def _start(largest: bool) -> Callable[[np.dtype], float | int]:
    from glia.base.dtypes import as_dtype

    return lambda dtype: first_value(as_dtype(dtype), largest)


def _like(value: float, x: Expr) -> Expr:
    return broadcast_to(const(value, x.dtype), x.shape)


def _read(x: Expr, node: Expr) -> Expr:
    """What stands at the place of every value; zero where the index names none."""
    index = node.inputs[1]
    dim, size = node.attrs
    if not size:
        return broadcast_to(const(0.0, x.dtype), index.shape)
    found = gather(x, index, dim)
    return intern(WHERE, (intern(EQ, (found, found)), found, _like(0.0, found)))


def _extreme_gradient(node: Expr, g: Expr) -> tuple[Expr, None]:
    """To the extreme values; several equal ones share it equally."""
    values, index = node.inputs
    dim, size = node.attrs
    if not size:
        return _like(0.0, values), None
    zero = _like(0.0, values)
    hit = intern(EQ, (values, gather(node, index, dim)))
    ones = intern(WHERE, (hit, _like(1.0, values), zero))
    share = intern(DIV, (g, scatter_add(ones, index, dim, size)))
    return intern(WHERE, (hit, gather(share, index, dim), zero)), None


def _prod_gradient(node: Expr, g: Expr) -> tuple[Expr, None]:
    """The product of the others; written so that zeros are no exception."""
    values, index = node.inputs
    dim, size = node.attrs
    zero, one = _like(0.0, values), _like(1.0, values)
    is_zero = intern(EQ, (values, zero))
    safe = intern(WHERE, (is_zero, one, values))
    rest = _read(intern(SCATTER_PROD, (safe, index), (dim, size)), node)
    zeros = _read(scatter_add(intern(WHERE, (is_zero, one, zero)), index, dim, size), node)
    if_zero = intern(WHERE, (intern(EQ, (zeros, one)), rest, zero))
    if_not = intern(WHERE, (intern(EQ, (zeros, zero)), intern(DIV, (rest, safe)), zero))
    others = intern(WHERE, (is_zero, if_zero, if_not))
    return intern(MUL, (_read(g, node), others)), None


_RNG = np.random.default_rng(12)
_VALUES = _RNG.normal(size=(4, 5))
_COLUMNS = np.array([[2, 1, 2, 0, 1]] * 4)
_ROWS = np.array([0, 1, 0, -1])[:, None] + np.zeros((4, 5), np.int64)


def _samples() -> Sequence[Sample]:
    zeros = np.array([[2.0, 0.0, 3.0, 0.0, 0.0, 1.5]])
    return [
        Sample((_VALUES, _ROWS), {"dim": 0, "size": 2}),
        Sample(
            (_VALUES.astype(np.float32), np.array([[2, 1, 2, 0, 1]] * 4)), {"dim": 1, "size": 3}
        ),
        Sample((zeros, np.array([[0, 0, 0, 1, 1, 2]])), {"dim": 1, "size": 4}, False),
        Sample((np.arange(5), np.array([1, 1, 0, 9, 2])), {"dim": 0, "size": 3}),
        Sample((_VALUES[:0], _ROWS[:0]), {"dim": 0, "size": 2}, False),
    ]


def _bad() -> Sequence[Bad]:
    attrs = {"dim": 0, "size": 3}
    return [
        Bad((_VALUES, _VALUES), attrs, DTypeError, "whole numbers"),
        Bad((_VALUES, _ROWS[:2]), attrs, ShapeError, "do not fit"),
        Bad((_VALUES > 0, _ROWS), attrs, DTypeError, "real numbers"),
    ]


def _row(name: str, formula: str, meaning: Callable, gradient: Gradient) -> Op:
    attrs = ("dim", "size")
    infer = _infer(name)
    return register(Op(name, "host", formula, infer, meaning, gradient, attrs, _samples, _bad))


SCATTER_MAX = _row(
    "scatter_max",
    "out[…, j, …] = max over index[…, i, …] = j of x[…, i, …]",
    _reduced(np.maximum, _start(True)),
    _extreme_gradient,
)
SCATTER_MIN = _row(
    "scatter_min",
    "out[…, j, …] = min over index[…, i, …] = j of x[…, i, …]",
    _reduced(np.minimum, _start(False)),
    _extreme_gradient,
)
SCATTER_PROD = _row(
    "scatter_prod",
    "out[…, j, …] = Π over index[…, i, …] = j of x[…, i, …]",
    _reduced(np.multiply, lambda _dtype: 1),
    _prod_gradient,
)

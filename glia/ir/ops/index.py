"""Reading and adding at places that are themselves values: gather, and its gradient scatter_add.

An index that names no element is no reason to read elsewhere: gather gives NaN there (the lowest
number of an integer dtype), and scatter_add leaves its value out. Writing is gathering the other
way round: ``latest`` says for each place which value comes to stand there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType, int64
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.source import encode
from glia.ir.table import Bad, Op, Sample, register


def nowhere(dtype: DType) -> str | int:
    """What is read where there is nothing, as the attribute of a constant."""
    if dtype.is_inexact:
        return encode(float("nan"), dtype)
    return 0 if dtype.kind in ("bool", "uint") else int(np.iinfo(dtype.np).min)


def _check(name: str, x: Expr, index: Expr, dim: int) -> None:
    """``x`` and its index agree in all dimensions but one."""
    if index.dtype.kind not in ("int", "uint"):
        message = f"{name}: expected whole numbers as index, found {index.dtype.name}."
        raise DTypeError(teach(message, "convert the index: index.long()"))
    fits = x.ndim == index.ndim and 0 <= dim < x.ndim
    pairs = zip(x.shape, index.shape, strict=False)
    if not fits or any(a != b for d, (a, b) in enumerate(pairs) if d != dim):
        message = f"{name}: index {index.shape} does not fit {x.shape} except in dimension {dim}."
        raise ShapeError(teach(message))


def _gather_infer(inputs: tuple[Expr, ...], dim: int) -> tuple[Shape, DType]:
    x, index = inputs
    _check("gather", x, index, dim)
    if index.numel and not x.shape[dim]:
        message = f"gather: nothing to choose from in dimension {dim} of shape {x.shape}."
        raise ShapeError(teach(message, "check that the tensor is not empty"))
    return index.shape, x.dtype


def _scatter_infer(inputs: tuple[Expr, ...], dim: int, size: int) -> tuple[Shape, DType]:
    values, index = inputs
    _check("scatter_add", values, index, dim)
    if values.shape != index.shape or size < 0 or values.dtype.kind == "bool":
        message = f"scatter_add: cannot add {values.dtype.name} {values.shape} at {index.shape}."
        raise ShapeError(teach(message, "one index for each value"))
    return (*values.shape[:dim], size, *values.shape[dim + 1 :]), values.dtype


def _inside(index: np.ndarray, size: int) -> np.ndarray:
    return (index >= 0) & (index < size)


def _gather_numpy(x: np.ndarray, index: np.ndarray, dim: int) -> np.ndarray:
    if not index.size:
        return np.zeros(index.shape, x.dtype)
    inside = _inside(index, x.shape[dim])
    found = np.take_along_axis(x, np.where(inside, index, 0).astype(np.int64), dim)
    lowest = np.nan if x.dtype.kind in "fc" else 0
    if x.dtype.kind == "i":
        lowest = np.iinfo(x.dtype).min
    return np.where(inside, found, np.asarray(lowest, x.dtype))


def _scatter_numpy(values: np.ndarray, index: np.ndarray, dim: int, size: int) -> np.ndarray:
    shape = (*values.shape[:dim], size, *values.shape[dim + 1 :])
    out = np.zeros(shape, values.dtype)
    inside = _inside(index, size)
    places = np.indices(index.shape)
    places[dim] = np.where(inside, index, 0)
    np.add.at(out, tuple(places[:, inside]), values[inside])
    return out


def _gather_gradient(node: Expr, g: Expr) -> tuple[Expr, None]:
    x, index = node.inputs
    (dim,) = node.attrs
    return scatter_add(g, index, dim, x.shape[dim]), None


def _scatter_gradient(node: Expr, g: Expr) -> tuple[Expr, None]:
    """What was left out has gradient zero."""
    from glia.ir.build import full, ge, lt, mul, where

    _, index = node.inputs
    dim, size = node.attrs
    if not size:
        return full(index.shape, 0.0, g.dtype), None
    inside = mul(ge(index, 0), lt(index, size))
    return where(inside, gather(g, index, dim), 0.0), None


_RNG = np.random.default_rng(5)
_TABLE = _RNG.normal(size=(7, 5)).astype(np.float32)
_WIDE = _RNG.normal(size=(3, 40)).astype(np.float64)


def _rows(index: Sequence[int] | np.ndarray, columns: int) -> np.ndarray:
    return np.repeat(np.array(index, np.int64)[:, None], columns, 1)


def _gather_samples() -> Sequence[Sample]:
    deep = _RNG.normal(size=(2, 4, 3)).astype(np.float32)
    return [
        Sample((_TABLE, _rows([0, 6, 3, 3, 1, 0, 2, 2], 5)), {"dim": 0}),
        Sample((_TABLE, np.array([[4], [0], [1], [1], [2], [3], [0]], np.int32)), {"dim": 1}),
        Sample((_WIDE, _RNG.integers(0, 3, (6, 40))), {"dim": 0}),
        Sample((_WIDE, _rows([2, 0, 2, 1], 40)), {"dim": 0}),
        Sample((_WIDE, _RNG.integers(0, 40, (3, 90)).astype(np.uint8)), {"dim": 1}),
        Sample((deep, _RNG.integers(0, 4, (2, 6, 3))), {"dim": 1}),
        Sample((np.arange(5), np.array([4, 4, 0])), {"dim": 0}),
        Sample((_TABLE, np.zeros((0, 5), np.int64)), {"dim": 0}),
        Sample((_TABLE, _rows([0, -1, 7, 2**40, -(2**40)], 5)), {"dim": 0}, False),
        Sample((np.arange(5, dtype=np.int16), np.array([5, -1, 2])), {"dim": 0}, False),
        Sample((np.array([True, True]), np.array([2, -1, 1])), {"dim": 0}, False),
    ]


def _scatter_samples() -> Sequence[Sample]:
    deep = _RNG.normal(size=(2, 6, 3)).astype(np.float32)
    many = _RNG.normal(size=(50, 33)).astype(np.float32)
    column = _RNG.normal(size=(4, 1)).astype(np.float32)
    where = np.array([[3], [0], [9], [-1]])
    return [
        Sample((_TABLE, _rows([0, 3, 3, 1, 3, 0, 2], 5)), {"dim": 0, "size": 4}),
        Sample((many, _rows(_RNG.integers(0, 9, 50), 33)), {"dim": 0, "size": 9}),
        Sample((many, _RNG.integers(0, 4, (50, 33))), {"dim": 0, "size": 4}),
        Sample((_WIDE, _RNG.integers(0, 5, (3, 40)).astype(np.int32)), {"dim": 1, "size": 5}),
        Sample((deep, _RNG.integers(0, 4, (2, 6, 3))), {"dim": 1, "size": 4}),
        Sample((column, np.abs(where) % 4), {"dim": 1, "size": 4}),
        Sample((column, where), {"dim": 1, "size": 20}),
        Sample((column, where), {"dim": 1, "size": 5}),
        Sample((np.arange(5), np.array([1, 1, 0, 1, 2])), {"dim": 0, "size": 3}),
        Sample((_TABLE, _rows([0, -1, 4, 2**40, 3, 1, 0], 5)), {"dim": 0, "size": 4}),
        Sample((_TABLE[:0], np.zeros((0, 5), np.int64)), {"dim": 0, "size": 3}),
        Sample((_TABLE, _rows([0] * 7, 5)), {"dim": 0, "size": 0}),
    ]


def _bad(attrs: dict) -> Sequence[Bad]:
    index = np.zeros((7, 5), np.int64)
    return [
        Bad((_TABLE, _TABLE), attrs, DTypeError, "whole numbers"),
        Bad((_TABLE, index[:, :3]), attrs, ShapeError, "does not fit"),
        Bad((_TABLE, index[0]), attrs, ShapeError, "does not fit"),
        Bad((_TABLE, index), {**attrs, "dim": 2}, ShapeError, "does not fit"),
    ]


def _latest_infer(inputs: tuple[Expr, ...], size: int) -> tuple[Shape, DType]:
    (index,) = inputs
    if index.dtype is not int64 or not index.ndim:
        message = f"latest: expected a list of int64, found {index.dtype.name} {index.shape}."
        raise DTypeError(teach(message, "convert the index: index.long()"))
    return (*index.shape[:-1], size), int64


def _latest_numpy(index: np.ndarray, size: int) -> np.ndarray:
    """Numbers that name no place are an error: what was to be written there would be lost."""
    wrong = index[~_inside(index, size)]
    if wrong.size:
        what = tr("assignment: a computed index is out of range.", "赋值：计算得到的索引超出范围。")
        raise ArgumentError(teach(what, where=False))
    out = np.full((*index.shape[:-1], size), -1, np.int64)
    for row in np.ndindex(index.shape[:-1]):
        out[row][index[row]] = np.arange(index.shape[-1])
    return out


def _latest_samples() -> Sequence[Sample]:
    one, two = np.array([3, 0, 3, 2, 0]), _RNG.integers(0, 6, (2, 9))
    empty = np.zeros(0, np.int64)
    pairs = ((one, 5), (two, 6), (empty, 3))
    return [Sample((index,), {"size": size}) for index, size in pairs]


GATHER = register(
    Op(
        "gather",
        "index",
        "out[…, i, …] = x[…, index[…, i, …], …]",
        _gather_infer,
        _gather_numpy,
        _gather_gradient,
        ("dim",),
        _gather_samples,
        lambda: [
            *_bad({"dim": 0}),
            Bad((_TABLE[:0], _rows([0], 5)), {"dim": 0}, ShapeError, "nothing to choose"),
        ],
    )
)
LATEST = register(
    Op(
        "latest",
        "host",
        "out[j] = the largest i with index[i] = j, or -1",
        _latest_infer,
        _latest_numpy,
        attrs=("size",),
        samples=_latest_samples,
        bad=lambda: [Bad((np.zeros(3),), {"size": 3}, DTypeError, "int64")],
    )
)
SCATTER_ADD = register(
    Op(
        "scatter_add",
        "index",
        "out[…, j, …] = Σ over index[…, i, …] = j of x[…, i, …]",
        _scatter_infer,
        _scatter_numpy,
        _scatter_gradient,
        ("dim", "size"),
        _scatter_samples,
        lambda: [
            *_bad({"dim": 0, "size": 3}),
            Bad((_TABLE > 0, _rows([0] * 7, 5)), {"dim": 0, "size": 3}, ShapeError, "cannot add"),
        ],
    )
)


def gather(x: Expr, index: Expr, dim: int) -> Expr:
    """The elements of ``x`` that an index of equal shape, but for ``dim``, names along ``dim``."""
    return intern(GATHER, (x, index), (dim,))


def scatter_add(values: Expr, index: Expr, dim: int, size: int) -> Expr:
    """Values summed, in their order, at the places an index of their shape names along ``dim``."""
    return intern(SCATTER_ADD, (values, index), (dim, size))


def latest(index: Expr, size: int) -> Expr:
    """For each of ``size`` places the number of the last entry that names it, or -1."""
    return intern(LATEST, (index,), (size,))

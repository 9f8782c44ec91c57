"""Sums, products and extremes of all elements so far. NumPy runs along the dimension."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from glia.base.dtypes import DType, int64
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.elementwise import EQ, EXP, MUL, SUB, WHERE
from glia.ir.ops.source import const
from glia.ir.ops.view import FLIP, broadcast_to, concat, slice_
from glia.ir.table import Bad, Gradient, Op, Sample, register


def _fits(name: str, x: Expr, dim: int) -> None:
    if not 0 <= dim < x.ndim:
        message = f"{name}: dimension {dim} does not exist in shape {x.shape}."
        raise ShapeError(teach(message, f"give one from 0 to {x.ndim - 1}"))


def _infer(name: str) -> Callable:
    def infer(inputs: tuple[Expr, ...], dim: int) -> tuple[Shape, DType]:
        (x,) = inputs
        _fits(name, x, dim)
        if x.dtype.kind == "bool":
            message = f"{name}: expected numbers, found bool."
            raise DTypeError(teach(message, "convert first: x.long()"))
        return x.shape, x.dtype

    return infer


def _recur_infer(inputs: tuple[Expr, ...], dim: int) -> tuple[Shape, DType]:
    a, b = inputs
    _fits("recur", b, dim)
    if a.shape != b.shape or a.dtype is not b.dtype:
        message = f"recur: expected equal shapes and dtypes, found {a!r} and {b!r}."
        raise ShapeError(teach(message))
    return b.shape, b.dtype


def _cumargmax_infer(inputs: tuple[Expr, ...], dim: int, largest: bool) -> tuple[Shape, DType]:
    _fits("cumargmax", inputs[0], dim)
    return inputs[0].shape, int64


# Meanings


def _cumsum_numpy(x: np.ndarray, dim: int) -> np.ndarray:
    return np.cumsum(x, dim, dtype=x.dtype)


def _cumprod_numpy(x: np.ndarray, dim: int) -> np.ndarray:
    return np.cumprod(x, dim, dtype=x.dtype)


def _logcumsumexp_numpy(x: np.ndarray, dim: int) -> np.ndarray:
    return np.logaddexp.accumulate(x, dim)


def _recur_numpy(a: np.ndarray, b: np.ndarray, dim: int) -> np.ndarray:
    out = np.array(np.moveaxis(b, dim, 0))
    factors = np.moveaxis(a, dim, 0)
    for t in range(1, len(out)):
        out[t] += factors[t] * out[t - 1]
    return np.moveaxis(out, 0, dim)


def _cumargmax_numpy(x: np.ndarray, dim: int, largest: bool) -> np.ndarray:
    """Of equal elements the last one; from the first NaN on, the last NaN."""
    if not x.size:
        return np.zeros(x.shape, np.int64)
    best = (np.maximum if largest else np.minimum).accumulate(x, dim)
    shape = [1] * x.ndim
    shape[dim] = -1
    place = np.arange(x.shape[dim]).reshape(shape)
    return np.maximum.accumulate(np.where((x == best) | (x != x), place, 0), dim)


# Derivatives


def _flip(x: Expr, dim: int) -> Expr:
    return intern(FLIP, (x,), ((dim,),))


def _later(x: Expr, dim: int, first: float) -> Expr:
    """Every element one place later, behind a first one."""
    if not x.numel:
        return x
    stop = tuple(n - 1 if d == dim else n for d, n in enumerate(x.shape))
    edge = tuple(1 if d == dim else n for d, n in enumerate(x.shape))
    kept = slice_(x, (0,) * x.ndim, stop, (1,) * x.ndim)
    return concat([broadcast_to(const(first, x.dtype), edge), kept], dim)


def _back(a: Expr, g: Expr, dim: int) -> Expr:
    """``sₜ = gₜ + aₜ₊₁ sₜ₊₁``, from the end."""
    return _flip(recur(_later(_flip(a, dim), dim, 0.0), _flip(g, dim), dim), dim)


def _recur_gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    (dim,) = node.attrs
    to_b = _back(node.inputs[0], g, dim)
    return intern(MUL, (to_b, _later(node, dim, 0.0))), to_b


def _cumsum_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    (dim,) = node.attrs
    return (_flip(cumsum(_flip(g, dim), dim), dim),)


def _cumprod_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    """The product before an element times what it meets later: zeros are no exception."""
    (dim,) = node.attrs
    return (intern(MUL, (_later(node, dim, 1.0), _back(node.inputs[0], g, dim))),)


def _logcumsumexp_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    """``Σ_{i ≥ j} gᵢ e^(xⱼ - yᵢ)``, from factors that are at most 1."""
    (x,) = node.inputs
    (dim,) = node.attrs
    ratio = _flip(_ratio(_later(_flip(node, dim), dim, 0.0), _flip(node, dim)), dim)
    later = _flip(recur(_flip(ratio, dim), _flip(g, dim), dim), dim)
    return (intern(MUL, (_ratio(node, x), later)),)


def _ratio(above: Expr, below: Expr) -> Expr:
    """``e^(below - above)``, zero where both are -∞."""
    zero = broadcast_to(const(0.0, below.dtype), below.shape)
    low = intern(EQ, (below, broadcast_to(const(-math.inf, below.dtype), below.shape)))
    safe = intern(WHERE, (low, zero, below))
    return intern(WHERE, (low, zero, intern(EXP, (intern(SUB, (safe, above)),))))


_RNG = np.random.default_rng(11)
_X = _RNG.normal(size=(3, 5))
_ZEROS = np.array([[1.5, 0.0, 2.0, -1.0], [0.0, 3.0, 0.0, 0.5]])


def _samples(integers: bool) -> Sequence[Sample]:
    arrays: list[tuple[np.ndarray, int]] = [(_X, 0), (_X, 1), (_X.astype(np.float32), 1)]
    arrays += [(_ZEROS, 1), (np.zeros((0, 2)), 0), (np.zeros((2, 0), np.float32), 1)]
    arrays.append((_RNG.normal(size=(2, 3, 4)), 1))
    if integers:
        arrays.append((_RNG.integers(-4, 5, (3, 6)), 1))
    return [Sample((x,), {"dim": dim}) for x, dim in arrays]


def _row(name: str, formula: str, meaning: Callable, gradient: Gradient, integers: bool) -> Op:
    bad = [Bad((_X,), {"dim": 2}, ShapeError, "does not exist")]
    bad.append(Bad((_X > 0,), {"dim": 0}, DTypeError, "expected numbers"))
    return register(
        Op(
            name,
            "host",
            formula,
            _infer(name),
            meaning,
            gradient,
            ("dim",),
            lambda: _samples(integers),
            lambda: bad,
        )
    )


CUMSUM = _row("cumsum", "yᵢ = Σ_{j ≤ i} xⱼ", _cumsum_numpy, _cumsum_gradient, True)
CUMPROD = _row("cumprod", "yᵢ = Π_{j ≤ i} xⱼ", _cumprod_numpy, _cumprod_gradient, True)
LOGCUMSUMEXP = _row(
    "logcumsumexp",
    "yᵢ = ln Σ_{j ≤ i} e^xⱼ",
    _logcumsumexp_numpy,
    _logcumsumexp_gradient,
    False,
)
RECUR = register(
    Op(
        "recur",
        "host",
        "y₀ = b₀, yᵢ = bᵢ + aᵢ yᵢ₋₁",
        _recur_infer,
        _recur_numpy,
        _recur_gradient,
        ("dim",),
        lambda: [
            Sample((_X, _X[::-1].copy()), {"dim": 1}),
            Sample((_X.astype(np.float32), _X.astype(np.float32)), {"dim": 0}),
            Sample((_ZEROS, _ZEROS + 1), {"dim": 1}),
            Sample((_X[:0], _X[:0]), {"dim": 0}),
        ],
        lambda: [
            Bad((_X, _X), {"dim": 2}, ShapeError, "does not exist"),
            Bad((_X, _X[:1]), {"dim": 0}, ShapeError, "equal shapes"),
        ],
    )
)
CUMARGMAX = register(
    Op(
        "cumargmax",
        "host",
        "last j ≤ i with xⱼ = max (or min) of x₀ … xᵢ",
        _cumargmax_infer,
        _cumargmax_numpy,
        attrs=("dim", "largest"),
        samples=lambda: [
            Sample((np.asarray(x),), {"dim": 0, "largest": largest})
            for x in ([1.0, 3.0, 3.0, np.nan, 4.0], [2, 2, 1, 1, 5], _X, np.zeros((0, 2)))
            for largest in (True, False)
        ],
        bad=lambda: [Bad((_X,), {"dim": 2, "largest": True}, ShapeError, "does not exist")],
    )
)


def cumsum(x: Expr, dim: int) -> Expr:
    """Sums of all elements so far along ``dim``."""
    return intern(CUMSUM, (x,), (dim,))


def cumprod(x: Expr, dim: int) -> Expr:
    """Products of all elements so far along ``dim``."""
    return intern(CUMPROD, (x,), (dim,))


def logcumsumexp(x: Expr, dim: int) -> Expr:
    """``ln Σ eˣ`` of all elements so far along ``dim``."""
    return intern(LOGCUMSUMEXP, (x,), (dim,))


def recur(a: Expr, b: Expr, dim: int) -> Expr:
    """``yₜ = bₜ + aₜ yₜ₋₁`` along ``dim``; the first factor is not used."""
    return intern(RECUR, (a, b), (dim,))


def cumargmax(x: Expr, dim: int, largest: bool) -> Expr:
    """Where along ``dim`` the largest (or smallest) element so far stands."""
    return intern(CUMARGMAX, (x,), (dim, largest))

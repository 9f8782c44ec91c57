"""Order: which element comes when a dimension is sorted, and where others would fall.

NumPy does the sorting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import DType, int64
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.complex import refuse_complex
from glia.ir.table import Bad, Op, Sample, register


def _infer(inputs: tuple[Expr, ...], dim: int, descending: bool) -> tuple[Shape, DType]:
    (x,) = inputs
    refuse_complex("argsort", x)
    if not 0 <= dim < x.ndim:
        message = f"argsort: dimension {dim} does not exist in shape {x.shape}."
        raise ShapeError(teach(message, f"give one from 0 to {x.ndim - 1}"))
    return x.shape, int64


def _numpy(x: np.ndarray, dim: int, descending: bool) -> np.ndarray:
    """Equal elements keep their order, also when the largest come first; NaN is the largest."""
    if not descending:
        return np.argsort(x, dim, kind="stable").astype(np.int64)
    backwards = np.flip(np.argsort(np.flip(x, dim), dim, kind="stable"), dim)
    return (x.shape[dim] - 1 - backwards).astype(np.int64)


def _samples() -> Sequence[Sample]:
    rng = np.random.default_rng(8)
    ties = np.array([[1.0, np.nan, 1.0, -0.0], [0.0, 2.0, np.inf, -np.inf]], np.float32)
    arrays: list[tuple[np.ndarray, int]] = [(ties, 1), (ties, 0), (np.zeros((0, 3)), 0)]
    arrays.append((rng.integers(0, 4, (3, 40)), 1))
    arrays.append((rng.integers(0, 255, (2, 5, 3)).astype(np.uint8), 1))
    return [
        Sample((x,), {"dim": dim, "descending": descending})
        for x, dim in arrays
        for descending in (False, True)
    ]


ARGSORT = register(
    Op(
        "argsort",
        "host",
        "i₀, i₁, …: x[i₀] ≤ x[i₁] ≤ …",
        _infer,
        _numpy,
        attrs=("dim", "descending"),
        samples=_samples,
        bad=lambda: [
            Bad((np.zeros(3),), {"dim": 1, "descending": False}, ShapeError, "does not exist")
        ],
    )
)


def argsort(x: Expr, dim: int, descending: bool = False) -> Expr:
    """The places of the elements along ``dim`` in rising (or falling) order."""
    return intern(ARGSORT, (x,), (dim, descending))


def _mode_infer(inputs: tuple[Expr, ...], dim: int) -> tuple[Shape, DType]:
    (x,) = inputs
    if not 0 <= dim < x.ndim or not x.shape[dim]:
        message = f"mode: nothing to choose from in dimension {dim} of shape {x.shape}."
        raise ShapeError(teach(message, "check that the tensor is not empty"))
    return tuple(1 if d == dim else n for d, n in enumerate(x.shape)), int64


def _mode_numpy(x: np.ndarray, dim: int) -> np.ndarray:
    rows = np.moveaxis(x, dim, -1)
    out = np.zeros((*rows.shape[:-1], 1), np.int64)
    for at in np.ndindex(rows.shape[:-1]):
        order = np.argsort(rows[at], kind="stable")
        ranked = rows[at][order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
        out[at] = order[ends[np.argmax(np.diff(ends, prepend=-1))]]
    return np.moveaxis(out, -1, dim)


MODE_AT = register(
    Op(
        "mode_at",
        "host",
        "last i with x[i] = the value found most often",
        _mode_infer,
        _mode_numpy,
        attrs=("dim",),
        samples=lambda: [
            Sample((np.array([3, 1, 2, 1, 3]),), {"dim": 0}),
            Sample((np.array([[1.0, 2.0, 2.0], [1.0, 1.0, 5.0]]),), {"dim": 0}),
            Sample((np.array([[1.0, 2.0, 2.0], [np.nan, 1.0, 5.0]]),), {"dim": 1}),
        ],
        bad=lambda: [Bad((np.zeros((2, 0)),), {"dim": 1}, ShapeError, "nothing to choose")],
    )
)


def mode_at(x: Expr, dim: int) -> Expr:
    """The last place along ``dim`` of the most frequent value, the smallest of several."""
    return intern(MODE_AT, (x,), (dim,))


def _search_infer(inputs: tuple[Expr, ...], right: bool) -> tuple[Shape, DType]:
    rising, x = inputs
    if rising.dtype is not x.dtype:
        message = f"search: expected one dtype, found {rising.dtype.name} and {x.dtype.name}."
        raise DTypeError(teach(message, "convert with .to(dtype)"))
    if not rising.ndim or rising.shape[:-1] != x.shape[:-1] or not x.ndim:
        message = f"search: {rising.shape} and {x.shape} differ before the last dimension."
        raise ShapeError(teach(message))
    return x.shape, int64


def _search_numpy(rising: np.ndarray, x: np.ndarray, right: bool) -> np.ndarray:
    side: Any = "right" if right else "left"
    if rising.ndim == 1:
        return np.searchsorted(rising, x, side).astype(np.int64)
    out = np.zeros(x.shape, np.int64)
    for at in np.ndindex(x.shape[:-1]):
        out[at] = np.searchsorted(rising[at], x[at], side)
    return out


def _search_samples() -> Sequence[Sample]:
    rising = np.array([[1.0, 2.0, 2.0, 5.0], [0.0, 1.0, 3.0, np.nan]])
    x = np.array([[2.0, 0.0, 6.0], [1.0, np.nan, -np.inf]])
    pairs = [(rising, x), (rising[0], x[0]), (np.arange(4), np.array([2, -1, 9]))]
    pairs.append((np.zeros((2, 0)), x))
    return [Sample(pair, {"right": right}) for pair in pairs for right in (True, False)]


SEARCH = register(
    Op(
        "search",
        "host",
        "first i with a[i] ≥ x (or > x), along the last dimension",
        _search_infer,
        _search_numpy,
        attrs=("right",),
        samples=_search_samples,
        bad=lambda: [
            Bad((np.zeros(3), np.zeros(3, int)), {"right": True}, DTypeError, "one dtype"),
            Bad((np.zeros((2, 3)), np.zeros(3)), {"right": True}, ShapeError, "differ"),
        ],
    )
)


def search(rising: Expr, x: Expr, right: bool) -> Expr:
    """Where the elements of ``x`` would have to stand in rising rows."""
    return intern(SEARCH, (rising, x), (right,))

"""Order: which element comes when a dimension is sorted. NumPy does the sorting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType, int64
from glia.base.errors import ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.table import Bad, Op, Sample, register


def _infer(inputs: tuple[Expr, ...], dim: int, descending: bool) -> tuple[Shape, DType]:
    (x,) = inputs
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

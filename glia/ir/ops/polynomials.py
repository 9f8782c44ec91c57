"""Orthogonal polynomials by their recurrences, in NumPy: the degree is a tensor too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import ShapeError
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.gamma import infer_floats
from glia.ir.table import Bad, Op, Sample, register

#: p₁(x), and pₖ₊₁ from k, x, pₖ and pₖ₋₁; p₀ is 1 (DLMF 18.9).
_First = Callable[[np.ndarray], np.ndarray]
_Next = Callable[[int, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _chebyshev(_k: int, x: np.ndarray, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return 2 * x * p - q


KINDS: dict[str, tuple[_First, _Next]] = {
    "chebyshev_t": (lambda x: x, _chebyshev),
    "chebyshev_u": (lambda x: 2 * x, _chebyshev),
    "chebyshev_v": (lambda x: 2 * x - 1, _chebyshev),
    "chebyshev_w": (lambda x: 2 * x + 1, _chebyshev),
    "hermite_h": (lambda x: 2 * x, lambda k, x, p, q: 2 * x * p - 2 * k * q),
    "hermite_he": (lambda x: x, lambda k, x, p, q: x * p - k * q),
    "laguerre_l": (
        lambda x: 1 - x,
        lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1),
    ),
    "legendre_p": (lambda x: x, lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)),
}


def _numpy(x: np.ndarray, degree: np.ndarray, kind: str) -> np.ndarray:
    first, following = KINDS[kind]
    wide = np.asarray(x, np.float64)
    wanted = np.trunc(np.nan_to_num(np.asarray(degree, np.float64)))
    before, now = np.ones_like(wide), first(wide)
    found = np.where(wanted == 0, before, np.where(wanted == 1, now, 0.0))
    with np.errstate(all="ignore"):
        for k in range(1, int(wanted.max(initial=0))):
            before, now = now, following(k, wide, now, before)
            found = np.where(wanted == k + 1, now, found)
    return found.astype(x.dtype)


def _infer(inputs: tuple[Expr, ...], kind: str) -> tuple[Shape, DType]:
    return infer_floats(f"{kind} polynomial", 2)(inputs)


def _samples() -> Sequence[Sample]:
    rng = np.random.default_rng(12)
    x, degree = rng.uniform(-1.5, 1.5, (3, 5)), rng.integers(-1, 9, (3, 5)).astype(float)
    return [Sample((x, degree), {"kind": kind}) for kind in KINDS]


POLYNOMIAL = register(
    Op(
        "polynomial",
        "host",
        "pₙ(x) of a family of orthogonal polynomials",
        _infer,
        _numpy,
        attrs=("kind",),
        samples=_samples,
        bad=lambda: [
            Bad((np.ones(3), np.ones(2)), {"kind": "chebyshev_t"}, ShapeError, "equal shapes")
        ],
    )
)


def polynomial(x: Expr, degree: Expr, kind: str) -> Expr:
    """``pₙ(x)``; a degree below 0 gives 0. Both of one shape and floating-point dtype."""
    return intern(POLYNOMIAL, (x, degree), (kind,))

"""The derivatives of ln Γ and the zeta function, by NumPy (rows of kind ``host``)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.elementwise import ADD, MUL, NEG, _like, _op
from glia.ir.table import Bad, Op, Sample, register

#: B₂ₖ / (2k)! for k = 1, 2, …: what the sum of Euler and Maclaurin needs.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510,
              43867 / 798, -174611 / 330, 854513 / 138, -236364091 / 2730)  # fmt: skip
_SHIFT = 10


def _infer_floats(name: str, count: int):  # type: ignore[no-untyped-def]
    def infer(inputs: tuple[Expr, ...], *_attrs: object) -> tuple[Shape, DType]:
        found = ", ".join(node.dtype.name for node in inputs)
        if len({node.dtype for node in inputs}) > 1 or inputs[0].dtype.kind != "float":
            message = f"{name}: expected {count} of one floating-point dtype, found {found}."
            raise DTypeError(teach(message, "convert with .to(dtype)"))
        if len({node.shape for node in inputs}) > 1:
            shapes = ", ".join(str(node.shape) for node in inputs)
            message = f"{name}: expected equal shapes, found {shapes}."
            raise ShapeError(teach(message, "broadcast first"))
        return inputs[0].shape, inputs[0].dtype

    return infer


def digamma_of(x: np.ndarray) -> np.ndarray:
    """``ψ(x + 10) - Σ 1 / (x + k)`` for x > 0, by reflection below; poles as PyTorch's."""
    x = np.asarray(x, np.float64)
    turned = np.where(x < 0, 1.0 - x, x)
    total = np.zeros_like(x)
    with np.errstate(all="ignore"):
        for k in range(_SHIFT):
            total = total - 1.0 / (turned + k)
        high = turned + _SHIFT
        inverse = 1.0 / (high * high)
        tail = np.zeros_like(x)
        for k in range(len(_BERNOULLI), 0, -1):
            tail = tail * inverse + _BERNOULLI[k - 1] / (2 * k)
        total = total + np.log(high) - 0.5 / high - tail * inverse
        total = np.where(turned == np.inf, np.inf, total)
        reflected = total - math.pi / np.tan(math.pi * (x - np.trunc(x)))
    total = np.where(x < 0, np.where(x == np.trunc(x), np.nan, reflected), total)
    return np.where(x == 0, np.copysign(np.inf, -x), total)


def zeta_of(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """``Σ (q + k)⁻ˢ`` over k ≥ 0, for s > 1; below q = 0 for whole s only, as in PyTorch."""
    s, q = np.asarray(s, np.float64), np.asarray(q, np.float64)
    with np.errstate(all="ignore"):
        found = _hurwitz(s, np.where(q > 0, q, 1.0))
        over = np.ceil(q) - q
        sides = _hurwitz(s, over) - _hurwitz(s, 1.0 - q)
        sign = np.where(np.mod(s, 2.0) == 0, 1.0, -1.0)
        below = np.where(s == np.floor(s), _hurwitz(s, 1.0 - over) + sign * sides, np.nan)
    found = np.where(q > 0, found, np.where(q == np.floor(q), np.inf, below))
    found = np.where(s == 1.0, np.inf, np.where(s < 1.0, np.nan, found))
    return np.where(np.isnan(s) | np.isnan(q), np.nan, found)


def _hurwitz(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Ten terms, and Euler and Maclaurin's sum of the others; q > 0."""
    total = np.zeros(np.broadcast(s, q).shape)
    for k in range(_SHIFT):
        total = total + (q + k) ** -s
    high = q + _SHIFT
    power = high**-s
    total = total + power * high / (s - 1.0) + 0.5 * power
    factor = s * power / high
    for k, number in enumerate(_BERNOULLI, 1):
        total = total + factor * number / math.factorial(2 * k)
        factor = factor * (s + 2 * k - 1) * (s + 2 * k) / (high * high)
    return np.where(np.isinf(q), 0.0, total)


def _zeta_numpy(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    return zeta_of(s, q).astype(s.dtype)


def _digamma_numpy(x: np.ndarray) -> np.ndarray:
    return digamma_of(x).astype(x.dtype)


def _digamma_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    return (_op(MUL, g, polygamma(1, node.inputs[0])),)


def _zeta_gradient(node: Expr, g: Expr) -> tuple[None, Expr]:
    s, q = node.inputs
    slope = zeta(_op(ADD, s, _like(1.0, s)), q)
    return None, _op(NEG, _op(MUL, g, _op(MUL, s, slope)))


def _samples() -> Sequence[Sample]:
    rng = np.random.default_rng(9)
    arrays = [rng.uniform(0.3, 6.0, shape) for shape in ((7,), (2, 3), (), (0, 4))]
    return [Sample((x.astype(dtype),)) for x in arrays for dtype in (np.float32, np.float64)]


def _zeta_samples() -> Sequence[Sample]:
    rng = np.random.default_rng(10)
    shapes = ((7,), (2, 3), (), (0,))
    pairs = [(rng.uniform(1.5, 6.0, shape), rng.uniform(0.3, 6.0, shape)) for shape in shapes]
    kinds = (np.float32, np.float64)
    return [Sample((s.astype(d), q.astype(d)), {}, False) for s, q in pairs for d in kinds]


DIGAMMA = register(
    Op(
        "digamma",
        "host",
        "ψ(x) = Γ'(x) / Γ(x)",
        _infer_floats("digamma", 1),
        _digamma_numpy,
        _digamma_gradient,
        samples=_samples,
        bad=lambda: [Bad((np.ones(3, np.int32),), {}, DTypeError, "floating-point")],
    )
)
ZETA = register(
    Op(
        "zeta",
        "host",
        "ζ(s, q) = Σₖ (q + k)⁻ˢ",
        _infer_floats("zeta", 2),
        _zeta_numpy,
        _zeta_gradient,
        samples=_zeta_samples,
        bad=lambda: [
            Bad((np.ones(3), np.ones(2)), {}, ShapeError, "equal shapes"),
            Bad((np.ones(3), np.ones(3, np.float32)), {}, DTypeError, "one floating-point"),
        ],
    )
)


def digamma(x: Expr) -> Expr:
    """``ψ(x)``, the derivative of ``ln Γ(x)``; x is floating-point."""
    return intern(DIGAMMA, (x,))


def zeta(s: Expr, q: Expr) -> Expr:
    """Hurwitz's zeta function; both of one shape and floating-point dtype."""
    return intern(ZETA, (s, q))


def polygamma(n: int, x: Expr) -> Expr:
    """The n-th derivative of ψ: ``(-1)ⁿ⁺¹ n! ζ(n + 1, x)``."""
    if n == 0:
        return digamma(x)
    factor = math.factorial(n) * (1.0 if n % 2 else -1.0)
    return _op(MUL, _like(factor, x), zeta(_like(n + 1.0, x), x))

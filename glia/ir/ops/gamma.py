"""ψ, the incomplete gamma and the zeta function, by NumPy (rows of kind ``host``)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.elementwise import ADD, EXP, LOG, MUL, NEG, SUB, _like, _op
from glia.ir.table import Bad, Op, Sample, register

#: B₂ₖ / (2k)! for k = 1, 2, …: what the sum of Euler and Maclaurin needs.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510,
              43867 / 798, -174611 / 330, 854513 / 138, -236364091 / 2730)  # fmt: skip
_SHIFT = 10


def infer_floats(name: str, count: int):  # type: ignore[no-untyped-def]
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


#: A series or fraction that has not settled after so many steps never will.
_STEPS = 100_000


def igamma_of(a: np.ndarray, x: np.ndarray, upper: bool) -> np.ndarray:
    """``γ(a, x) / Γ(a)`` by its series below a + 1, else 1 minus a continued fraction."""
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    with np.errstate(all="ignore"):
        plain = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
        order, at = np.where(plain, a, 1.0), np.where(plain, x, 1.0)
        low = at < order + 1.0
        weight = _weight(order, at)
        part = np.where(
            low,
            weight * _series(order, np.where(low, at, 0.0)),
            weight * order * _fraction(np.where(low, 1.0, order), np.where(low, 3.0, at)),
        )
        part = np.where(low == upper, 1.0 - part, part)
    none, all_ = (1.0, 0.0) if upper else (0.0, 1.0)
    part = np.where(plain, part, np.where(x == 0, none, np.where(np.isinf(a), none, all_)))
    bad = ~(a >= 0) | ~(x >= 0) | ((a == 0) & (x == 0)) | (np.isinf(a) & np.isinf(x))
    return np.where(bad, np.nan, part)


def _weight(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``xᵃ e⁻ˣ / Γ(a + 1)``; for large a by Stirling's series, where the logarithms cancel."""
    log_gamma = np.vectorize(math.lgamma, otypes=[float])(a + 1.0)
    small = np.exp(a * np.log(x) - x - log_gamma)
    high = np.maximum(a, 10.0)
    gap = (x - high) / high
    rest = sum(b / (2 * k * (2 * k - 1)) / high ** (2 * k - 1) for k, b in
               enumerate(_BERNOULLI[:8], 1))  # fmt: skip
    large = np.exp(high * (np.log1p(gap) - gap) - rest) / np.sqrt(2 * math.pi * high)
    return np.where(a > 10.0, large, small)


def _series(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``Σ xᵏ / ((a + 1) … (a + k))``."""
    term = np.ones_like(x)
    total = term
    for k in range(1, _STEPS):
        term = term * x / (a + k)
        total = total + term
        if not (term > 1e-17 * total).any():
            break
    return total


def _fraction(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``1 / (x + 1 - a - (1 - a) / (x + 3 - a - …))`` by Lentz's method."""
    tiny = 1e-300
    below = x + 1.0 - a
    c, d = np.full_like(x, 1 / tiny), 1.0 / np.where(below == 0, tiny, below)
    total = d
    for k in range(1, _STEPS):
        top = -k * (k - a)
        below = below + 2.0
        d = top * d + below
        c = below + top / c
        d = 1.0 / np.where(d == 0, tiny, d)
        c = np.where(c == 0, tiny, c)
        total = total * d * c
        if not (np.abs(d * c - 1.0) > 1e-16).any():
            break
    return total


def _igamma_numpy(a: np.ndarray, x: np.ndarray, upper: bool) -> np.ndarray:
    return igamma_of(a, x, upper).astype(a.dtype)


def _igamma_gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    """``± x^(a - 1) e⁻ˣ / Γ(a)`` by x; what goes to a is refused by the row ``parameter``."""
    a, x = node.inputs
    from glia.ir.ops.functions import LGAMMA

    power = _op(SUB, _op(MUL, _op(SUB, a, _like(1.0, a)), _op(LOG, x)), x)
    slope = _op(EXP, _op(SUB, power, _op(LGAMMA, a)))
    return g, _op(MUL, g, _op(NEG, slope) if node.attrs[0] else slope)


def _zeta_numpy(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    return zeta_of(s, q).astype(s.dtype)


def _digamma_numpy(x: np.ndarray) -> np.ndarray:
    return digamma_of(x).astype(x.dtype)


def _digamma_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    return (_op(MUL, g, polygamma(1, node.inputs[0])),)


def _zeta_gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    """What goes to s is refused there, by the row ``parameter``."""
    s, q = node.inputs
    slope = intern(ZETA, (_op(ADD, s, _like(1.0, s)), q))
    return g, _op(NEG, _op(MUL, g, _op(MUL, s, slope)))


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
        infer_floats("digamma", 1),
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
        infer_floats("zeta", 2),
        _zeta_numpy,
        _zeta_gradient,
        samples=_zeta_samples,
        bad=lambda: [
            Bad((np.ones(3), np.ones(2)), {}, ShapeError, "equal shapes"),
            Bad((np.ones(3), np.ones(3, np.float32)), {}, DTypeError, "one floating-point"),
        ],
    )
)


PARAMETER = register(
    Op(
        "parameter",
        "host",
        "x, by which there is no derivative",
        infer_floats("parameter", 1),
        lambda x: x,
        None,
        samples=lambda: [Sample((np.ones(3),)), Sample((np.ones((0, 2), np.float32),))],
        bad=lambda: [Bad((np.ones(3, np.int32),), {}, DTypeError, "floating-point")],
    )
)
IGAMMA = register(
    Op(
        "igamma",
        "host",
        "∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt / Γ(a), or 1 minus that",
        infer_floats("igamma", 2),
        _igamma_numpy,
        _igamma_gradient,
        ("upper",),
        lambda: [
            Sample(sample.arrays, {"upper": upper}, False)
            for sample in _zeta_samples()
            for upper in (False, True)
        ],
        lambda: [Bad((np.ones(3), np.ones(2)), {"upper": False}, ShapeError, "equal shapes")],
    )
)


def igamma(a: Expr, x: Expr, upper: bool) -> Expr:
    """The lower or upper incomplete gamma function; both of one shape and dtype."""
    return intern(IGAMMA, (intern(PARAMETER, (a,)), x), (upper,))


def digamma(x: Expr) -> Expr:
    """``ψ(x)``, the derivative of ``ln Γ(x)``; x is floating-point."""
    return intern(DIGAMMA, (x,))


def zeta(s: Expr, q: Expr) -> Expr:
    """Hurwitz's zeta function; both of one shape and floating-point dtype."""
    return intern(ZETA, (intern(PARAMETER, (s,)), q))


def polygamma(n: int, x: Expr) -> Expr:
    """The n-th derivative of ψ: ``(-1)ⁿ⁺¹ n! ζ(n + 1, x)``."""
    if n == 0:
        return digamma(x)
    factor = math.factorial(n) * (1.0 if n % 2 else -1.0)
    return _op(MUL, _like(factor, x), intern(ZETA, (_like(n + 1.0, x), x)))

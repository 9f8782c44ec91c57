"""Elementwise primitives beyond arithmetic: angles, hyperbolas, other bases, the bell, the gamma.

What each is, where it goes wrong for a machine, and its derivative; the machine code is in
``compiler/codegen/inverse.py`` and ``exponential.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from glia.ir.expr import Expr
from glia.ir.ops.elementwise import _NUMBERS as NUMBERS
from glia.ir.ops.elementwise import (
    _SMOOTH,
    ADD,
    DIV,
    EQ,
    EXP,
    MUL,
    NEG,
    SIGN,
    SQRT,
    SUB,
    WHERE,
    _binary,
    _like,
    _op,
    _unary,
)


def _each(function: Callable[[float], float]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of Python's numbers as one of arrays."""

    def apply(x: np.ndarray) -> np.ndarray:
        values = [function(v) for v in np.asarray(x, np.float64).ravel().tolist()]
        return np.array(values, np.float64).astype(x.dtype).reshape(x.shape)

    return apply


def _lgamma(x: float) -> float:
    if math.isinf(x) or (x <= 0 and x == math.floor(x)):
        return math.inf
    try:
        return math.lgamma(x)
    except OverflowError:
        return math.inf


def _erfcx(x: float) -> float:
    """A continued fraction where e^(x²) would grow without bound."""
    if x < 2.0:
        if x < -27.0:
            return math.inf
        if abs(x) < 0.5:
            return math.erfc(x) + math.erfc(x) * math.expm1(x * x)
        high = math.ldexp(round(math.ldexp(x, 20)), -20)  # its square has no rounding error
        return math.exp(high * high) * math.exp((x - high) * (x + high)) * math.erfc(x)
    if not x < 1e150:
        return 1.0 / math.sqrt(math.pi) / x
    rest = x
    for k in range(300, 0, -1):
        rest = x + 0.5 * k / rest
    return 1.0 / math.sqrt(math.pi) / rest


def _inverse_erf(y: float) -> float:
    """By bisection between bounds that hold the answer; then Newton's last steps."""
    if not abs(y) < 1.0:
        return math.copysign(math.inf, y) if abs(y) == 1.0 else math.nan
    return math.copysign(_quantile(abs(y), 1.0 - abs(y)), y)


def _inverse_normal(p: float) -> float:
    if not 0.0 < p < 1.0:
        return {0.0: -math.inf, 1.0: math.inf}.get(p, math.nan)
    if p < 0.5:
        return -math.sqrt(2.0) * _quantile(1.0 - 2.0 * p, 2.0 * p)
    return math.sqrt(2.0) * _quantile(2.0 * p - 1.0, 2.0 * (1.0 - p))


def _quantile(inner: float, outer: float) -> float:
    """x with erf x = inner and erfc x = outer."""
    low, high = 0.0, 28.0
    for _ in range(30):
        middle = (low + high) / 2
        beyond = math.erfc(middle) < outer if inner > 0.5 else math.erf(middle) > inner
        low, high = (low, middle) if beyond else (middle, high)
    x = low
    for _ in range(3):
        if inner > 0.5:
            above = math.log(_erfcx(x)) - x * x - math.log(outer)
            x += above * math.sqrt(math.pi) / 2 * _erfcx(x)
        else:
            x -= (math.erf(x) - inner) * math.sqrt(math.pi) / 2 * math.exp(x * x)
    return x


# Derivatives


def _square(x: Expr) -> Expr:
    return _op(MUL, x, x)


def _one(x: Expr) -> Expr:
    return _like(1.0, x)


def _over_root(g: Expr, below: Expr) -> Expr:
    return _op(DIV, g, _op(SQRT, below))


def _asin_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    x = node.inputs[0]
    return (_over_root(g, _op(SUB, _one(x), _square(x))),)


def _bell(x: Expr) -> Expr:
    """2/√π e^(-x²)."""
    return _op(MUL, _like(2.0 / math.sqrt(math.pi), x), _op(EXP, _op(NEG, _square(x))))


def _erfcx_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    x = node.inputs[0]
    slope = _op(MUL, _op(MUL, _like(2.0, x), x), node)
    return (_op(MUL, g, _op(SUB, slope, _like(2.0 / math.sqrt(math.pi), x))),)


def _erfinv_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    factor = _like(math.sqrt(math.pi) / 2.0, node)
    return (_op(MUL, g, _op(MUL, factor, _op(EXP, _square(node)))),)


def _ndtri_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    power = _op(EXP, _op(MUL, _like(0.5, node), _square(node)))
    return (_op(MUL, g, _op(MUL, _like(math.sqrt(2.0 * math.pi), node), power)),)


def _atan2_gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    y, x = node.inputs
    unit = _op(DIV, g, _op(ADD, _square(x), _square(y)))
    return _op(MUL, unit, x), _op(NEG, _op(MUL, unit, y))


def _hypot_gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    return tuple(_op(MUL, g, _op(DIV, x, node)) for x in node.inputs)  # type: ignore[return-value]


def _copysign_gradient(node: Expr, g: Expr) -> tuple[Expr, None]:
    a = node.inputs[0]
    return _op(MUL, g, _op(MUL, _op(SIGN, a), _op(SIGN, node))), None


def _next_gradient(node: Expr, g: Expr) -> tuple[Expr, None]:
    a, b = node.inputs
    return _op(WHERE, _op(EQ, a, b), _like(0.0, g), g), None


def _fmod_gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    a, b = node.inputs
    quotient = _op(TRUNC, _op(DIV, a, b))
    return g, _op(NEG, _op(MUL, g, quotient))


def _log_gradient(base: float) -> Callable[[Expr, Expr], tuple[Expr]]:
    def gradient(node: Expr, g: Expr) -> tuple[Expr]:
        x = node.inputs[0]
        return (_op(DIV, g, _op(MUL, x, _like(math.log(base), x))),)

    return gradient


def _digamma_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    from glia.ir.ops.gamma import digamma

    return (_op(MUL, g, digamma(node.inputs[0])),)


TRUNC = _unary("trunc", "x without its fraction", np.trunc, lambda n, g: (None,))
EXP2 = _unary(
    "exp2",
    "2ˣ",
    np.exp2,
    lambda n, g: (_op(MUL, g, _op(MUL, n, _like(math.log(2.0), n))),),
    (-4.0, 4.0),
    kinds=_SMOOTH,
)
LOG2 = _unary("log2", "log₂ x", np.log2, _log_gradient(2.0), (0.1, 9.0), kinds=_SMOOTH)
LOG10 = _unary("log10", "log₁₀ x", np.log10, _log_gradient(10.0), (0.1, 9.0), kinds=_SMOOTH)
TAN = _unary(
    "tan",
    "tan x",
    np.tan,
    lambda n, g: (_op(MUL, g, _op(ADD, _one(n), _square(n))),),
    (-1.2, 1.2),
    kinds=_SMOOTH,
)
ASIN = _unary("asin", "arcsin x", np.arcsin, _asin_gradient, (-0.9, 0.9), kinds=_SMOOTH)
ACOS = _unary(
    "acos",
    "arccos x",
    np.arccos,
    lambda n, g: (_op(NEG, _asin_gradient(n, g)[0]),),
    (-0.9, 0.9),
    kinds=_SMOOTH,
)
ATAN = _unary(
    "atan",
    "arctan x",
    np.arctan,
    lambda n, g: (_op(DIV, g, _op(ADD, _one(g), _square(n.inputs[0]))),),
    (-4.0, 4.0),
    kinds=_SMOOTH,
)
SINH = _unary(
    "sinh",
    "(eˣ - e⁻ˣ) / 2",
    np.sinh,
    lambda n, g: (_op(MUL, g, _op(COSH, n.inputs[0])),),
    kinds=_SMOOTH,
)
COSH = _unary(
    "cosh",
    "(eˣ + e⁻ˣ) / 2",
    np.cosh,
    lambda n, g: (_op(MUL, g, _op(SINH, n.inputs[0])),),
    kinds=_SMOOTH,
)
ASINH = _unary(
    "asinh",
    "ln(x + √(x² + 1))",
    np.arcsinh,
    lambda n, g: (_over_root(g, _op(ADD, _square(n.inputs[0]), _one(g))),),
    (-4.0, 4.0),
    kinds=_SMOOTH,
)
ACOSH = _unary(
    "acosh",
    "ln(x + √(x² - 1))",
    np.arccosh,
    lambda n, g: (_over_root(g, _op(SUB, _square(n.inputs[0]), _one(g))),),
    (1.2, 5.0),
    kinds=_SMOOTH,
)
ATANH = _unary(
    "atanh",
    "ln((1 + x) / (1 - x)) / 2",
    np.arctanh,
    lambda n, g: (_op(DIV, g, _op(SUB, _one(g), _square(n.inputs[0]))),),
    (-0.9, 0.9),
    kinds=_SMOOTH,
)
ERFC = _unary(
    "erfc",
    "1 - erf x",
    _each(math.erfc),
    lambda n, g: (_op(NEG, _op(MUL, g, _bell(n.inputs[0]))),),
)
ERFCX = _unary("erfcx", "e^(x²) erfc x", _each(_erfcx), _erfcx_gradient)
ERFINV = _unary("erfinv", "erf⁻¹ x", _each(_inverse_erf), _erfinv_gradient, (-0.9, 0.9))
NDTRI = _unary("ndtri", "√2 erf⁻¹(2x - 1)", _each(_inverse_normal), _ndtri_gradient, (0.05, 0.95))
LGAMMA = _unary("lgamma", "ln |Γ(x)|", _each(_lgamma), _digamma_gradient, (0.3, 6.0))

ATAN2 = _binary("atan2", "the angle of (x, y)", np.arctan2, _atan2_gradient, ("float",))
HYPOT = _binary("hypot", "√(a² + b²)", np.hypot, _hypot_gradient, ("float",))
COPYSIGN = _binary("copysign", "|a| sign(b)", np.copysign, _copysign_gradient, ("float",))
NEXTAFTER = _binary(
    "nextafter",
    "the number next to a, towards b",
    np.nextafter,
    _next_gradient,
    ("float",),
)
FMOD = _binary("fmod", "a mod b, sign of a", np.fmod, _fmod_gradient, NUMBERS)

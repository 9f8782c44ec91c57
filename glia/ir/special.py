"""Special functions from the rows of ``ops/functions.py`` and ``ops/gamma.py``."""

from __future__ import annotations

import math

from glia.base.errors import ShapeError, teach
from glia.ir.arithmetic import at_least, at_most, floats
from glia.ir.build import (
    Operand,
    abs_,
    add,
    div,
    eq,
    exp,
    log,
    log1p,
    lt,
    maximum,
    mul,
    neg,
    sin,
    sub,
    to_float,
    where,
)
from glia.ir.expr import Expr, intern
from glia.ir.ops import functions as _f
from glia.ir.ops import gamma as _g
from glia.ir.ops import polynomials as _p
from glia.ir.table import Op


def unary(x: Expr, row: Op) -> Expr:
    """A row of one floating-point argument."""
    return intern(row, (to_float(x),))


def logaddexp(a: Operand, b: Operand) -> Expr:
    """``ln(eᵃ + eᵇ)``."""
    return _add_powers(a, b, 1.0)


def logaddexp2(a: Operand, b: Operand) -> Expr:
    """``log₂(2ᵃ + 2ᵇ)``."""
    return _add_powers(a, b, math.log(2.0))


def _add_powers(a: Operand, b: Operand, unit: float) -> Expr:
    """Equal infinities would be subtracted: there the sum is either of them."""
    a, b = floats(a, b)
    same = eq(abs_(a), math.inf)
    same = mul(same, eq(a, b))
    gap = where(same, 0.0, sub(a, b))
    small = log1p(exp(mul(neg(abs_(gap)), unit)))
    return where(same, a, add(maximum(a, b), div(small, unit)))


def xlogy(x: Operand, y: Operand) -> Expr:
    """``x ln y``, 0 where x is 0."""
    x, y = floats(x, y)
    return where(mul(eq(x, 0.0), eq(y, y)), 0.0, mul(x, log(y)))


def xlog1py(x: Operand, y: Operand) -> Expr:
    """``x ln(1 + y)``, 0 where x is 0."""
    x, y = floats(x, y)
    return where(mul(eq(x, 0.0), eq(y, y)), 0.0, mul(x, log1p(y)))


def entr(x: Expr) -> Expr:
    """``-x ln x``, 0 at 0, -∞ below."""
    x = to_float(x)
    inside = neg(mul(x, log(x)))
    return where(eq(x, 0.0), 0.0, where(lt(x, 0.0), -math.inf, inside))


def ndtr(x: Expr) -> Expr:
    """``½ erfc(-x/√2)``: the probability of a standard normal number below x."""
    return mul(unary(mul(to_float(x), -math.sqrt(0.5)), _f.ERFC), 0.5)


def log_ndtr(x: Expr) -> Expr:
    """``ln ndtr(x)``, by the scaled ``erfcx`` far below 0."""
    x = to_float(x)
    half = mul(x, math.sqrt(0.5))
    far = lt(x, -1.0)
    low = sub(log(mul(unary(neg(where(far, half, -1.0)), _f.ERFCX), 0.5)), mul(half, half))
    high = log1p(mul(unary(where(far, 0.0, half), _f.ERFC), -0.5))
    return where(far, low, high)


def sinc(x: Expr) -> Expr:
    """``sin(πx) / (πx)``, 1 at 0."""
    x = to_float(x)
    zero = eq(x, 0.0)
    angle = mul(where(zero, 1.0, x), math.pi)
    return where(zero, 1.0, div(sin(angle), angle))


def logit(x: Expr, eps: float | None) -> Expr:
    """``ln(x / (1 - x))``, with x held in [eps, 1 - eps]."""
    x = to_float(x)
    if eps is not None:
        x = at_most(at_least(x, eps), 1.0 - eps)
    return log(div(x, sub(1.0, x)))


def polygamma(x: Expr, n: int) -> Expr:
    """The n-th derivative of ψ."""
    if n < 0:
        message = f"polygamma: expected an order of at least 0, found {n}."
        raise ShapeError(teach(message, "polygamma(0, x) is digamma(x)"))
    return _g.polygamma(n, to_float(x))


def zeta(s: Operand, q: Operand) -> Expr:
    """Hurwitz's ``Σ (q + k)⁻ˢ``."""
    return _g.zeta(*floats(s, q))


def mvlgamma(x: Expr, p: int) -> Expr:
    """``ln Γₚ(x) = p (p - 1)/4 ln π + Σ ln Γ(x - j/2)``."""
    if p < 1:
        message = f"mvlgamma: expected p of at least 1, found {p}."
        raise ShapeError(teach(message, "mvlgamma(x, 1) is lgamma(x)"))
    x = to_float(x)
    total = unary(x, _f.LGAMMA)
    for j in range(1, p):
        total = add(total, unary(sub(x, j / 2), _f.LGAMMA))
    return add(total, p * (p - 1) / 4 * math.log(math.pi))


def igamma(a: Operand, x: Operand) -> Expr:
    """``∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt / Γ(a)``."""
    return _g.igamma(*floats(a, x), False)


def igammac(a: Operand, x: Operand) -> Expr:
    """``1 - igamma(a, x)``, exact where that is small."""
    return _g.igamma(*floats(a, x), True)


def polynomial(x: Expr, degree: Expr, kind: str) -> Expr:
    """An orthogonal polynomial; shifted ones are taken at ``2x - 1``."""
    x, degree = floats(x, degree)
    if kind.startswith("shifted_"):
        x, kind = sub(mul(x, 2.0), 1.0), kind.removeprefix("shifted_")
    return _p.polynomial(x, degree, kind)


def spherical_bessel_j0(x: Expr) -> Expr:
    """``sin(x) / x``, 1 at 0 and 0 at infinity."""
    x = to_float(x)
    zero, infinite = eq(x, 0.0), eq(abs_(x), math.inf)
    safe = where(zero, 1.0, where(infinite, 1.0, x))
    return where(zero, 1.0, where(infinite, 0.0, div(sin(safe), safe)))

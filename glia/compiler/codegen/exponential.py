"""Powers and logarithms to the bases 2 and 10, hyperbolic functions, and the tails of the bell.

All are written for float64; float32 is computed in it and rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from glia.compiler.codegen.vector_math import (
    FloatMath,
    erf,
    exp,
    expm1,
    in_double,
    library,
    log,
    log1p,
    log_edges,
    log_series,
    mantissa,
)

#: 1/ln 2 and 1/ln 10 in two parts; log₁₀ 2 in two parts, the first short enough for exact products.
_LOG2_E = 1.4426950408889634, 2.0355273740931033e-17
_LOG10_E = 0.4342944819032518, 1.098319650216765e-17
_LOG10_2 = 3.01029995663611771306e-01, 3.69423907715893078616e-13
#: (3/4 + 3/2 x) e^(x²) erfc x in (x - 3) / (x + 3) for x ≥ 0, a fit of our own with error 7e-18.
_TAIL = (
    0.9397560437022973,
    -0.10171582959343589,
    -0.035671720765086845,
    0.09723386902707237,
    -0.08945524756154234,
    0.05123102050791985,
    -0.01782788618783099,
    0.001897043863027987,
    0.001416517758292091,
    -0.0005848742123445282,
    -7.886978709132244e-05,
    9.382455699979573e-05,
    3.7118881367120626e-06,
    -1.5075569278343167e-05,
    -5.480989455647018e-07,
    2.6046322609155064e-06,
    2.667856000962844e-07,
    -4.629728729304766e-07,
    -1.0532079548033964e-07,
    7.689119886131822e-08,
    3.0773756057961674e-08,
    -1.0308477921350244e-08,
    -6.153965419442759e-09,
    8.576536917034478e-10,
    6.2799298623371e-10,
    -1.8906632868728577e-11,
)
#: What makes his formula for the inverse of erf exact to 0.2 percent.
_WINITZKI = 0.147
#: From here on e^x overflows although e^x / 2 may not.
_MOST = 709.0


def exp2(m: FloatMath, x: str) -> str:
    n, whole = m.nearest(m.clamp(x, -1080.0, 1030.0))
    fraction = m.sub(m.clamp(x, -1080.0, 1030.0), n)
    grown = m.add(m.c(1.0), m.small_exp(m.mul(fraction, m.c(math.log(2.0)))))
    return m.scale(grown, n, whole)


def log2(m: FloatMath, x: str) -> str:
    return _logarithm(m, x, _LOG2_E, (1.0, 0.0))


def log10(m: FloatMath, x: str) -> str:
    return _logarithm(m, x, _LOG10_E, _LOG10_2)


def _logarithm(m: FloatMath, x: str, factor: tuple[float, float], unit: tuple[float, float]) -> str:
    """k unit + ln(1 + f) factor in twice the precision: powers of the base come out whole."""
    k, f = mantissa(m, x)
    half, s, r = log_series(m, f)
    high = m.sub(f, half)
    low = m.add(m.sub(m.sub(f, high), half), m.mul(s, m.add(half, r)))
    product = m.mul(high, m.c(factor[0]))
    rest = m.fma(high, m.c(factor[0]), m.b.op(f"fneg {m.kind} {product}"))
    rest = m.fma(high, m.c(factor[1]), m.fma(low, m.c(factor[0]), rest))
    whole = m.mul(k, m.c(unit[0]))
    total = m.add(whole, product)
    rest = m.add(rest, m.add(m.sub(whole, total), product))
    return log_edges(m, x, m.add(total, m.fma(k, m.c(unit[1]), rest)))


def sinh(m: FloatMath, x: str) -> str:
    size = m.intrinsic("fabs", x)
    grown = expm1(m, size)
    value = m.mul(m.c(0.5), m.add(grown, m.div(grown, m.add(grown, m.c(1.0)))))
    return m.intrinsic("copysign", _or_halves(m, size, value), x)


def cosh(m: FloatMath, x: str) -> str:
    size = m.intrinsic("fabs", x)
    grown = exp(m, size)
    value = m.add(m.mul(m.c(0.5), grown), m.div(m.c(0.5), grown))
    return _or_halves(m, size, value)


def _or_halves(m: FloatMath, size: str, value: str) -> str:
    """The value, or e^x / 2 as (e^(x/2) / 2) e^(x/2) where e^x overflows."""

    def halves() -> str:
        root = exp(m, m.mul(m.c(0.5), size))
        return m.mul(m.mul(m.c(0.5), root), root)

    return m.unless(m.compare("ogt", size, m.c(_MOST)), value, halves)


def _tail(m: FloatMath, size: str) -> str:
    """e^(x²) erfc x for x ≥ 0."""
    t = m.div(m.sub(size, m.c(3.0)), m.add(size, m.c(3.0)))
    t = m.select(m.compare("oeq", size, m.c(math.inf)), m.c(1.0), t)
    # in halves: 3/2 times the largest number would be infinite
    value = m.mul(m.c(0.5), m.polynomial(t, _TAIL[::-1]))
    return m.div(value, m.fma(m.c(0.75), size, m.c(0.375)))


def _bell(m: FloatMath, x: str, sign: float) -> str:
    """e^(± x²), where what x² loses in rounding counts too."""
    square = m.mul(x, x)
    lost = m.fma(x, x, m.b.op(f"fneg {m.kind} {square}"))
    power = exp(m, m.mul(m.c(sign), square))
    return m.fma(power, m.mul(m.c(sign), lost), power)


def erfc(m: FloatMath, x: str) -> str:
    size = m.clamp(m.intrinsic("fabs", x), 0.0, 28.0)
    value = m.mul(_tail(m, size), _bell(m, size, -1.0))
    return m.select(m.compare("olt", x, m.c(0.0)), m.sub(m.c(2.0), value), value)


def erfcx(m: FloatMath, x: str) -> str:
    value = _tail(m, m.intrinsic("fabs", x))
    power = _bell(m, m.clamp(x, -30.0, 0.0), 1.0)
    power = m.select(m.compare("olt", x, m.c(-27.0)), m.c(math.inf), power)
    grown = m.sub(m.add(power, power), value)
    return m.select(m.compare("olt", x, m.c(0.0)), grown, value)


def erfinv(m: FloatMath, y: str) -> str:
    size = m.intrinsic("fabs", y)
    return m.intrinsic("copysign", _quantile(m, size, m.sub(m.c(1.0), size)), y)


def ndtri(m: FloatMath, p: str) -> str:
    below = m.compare("olt", p, m.c(0.5))
    outer = m.select(below, p, m.sub(m.c(1.0), p))
    inner = m.intrinsic("fabs", m.fma(m.c(-2.0), p, m.c(1.0)))
    x = m.mul(m.c(math.sqrt(2.0)), _quantile(m, inner, m.add(outer, outer)))
    return m.select(below, m.b.op(f"fneg {m.kind} {x}"), x)


def _quantile(m: FloatMath, inner: str, outer: str) -> str:
    """x ≥ 0 with erf x = inner and erfc x = outer = 1 - inner: Winitzki's formula, then Newton's
    method three times, on erf x or on ln erfc x."""
    near = m.compare("olt", inner, m.c(0.5))
    square = m.b.op(f"fneg {m.kind} {m.mul(inner, inner)}")
    target = log(m, outer)
    both = m.select(near, log1p(m, square), m.add(target, log1p(m, inner)))  # of 1 - inner²
    part = m.mul(both, m.c(-1.0 / _WINITZKI))
    middle = m.fma(both, m.c(0.5), m.c(2.0 / (math.pi * _WINITZKI)))
    root = m.intrinsic("sqrt", m.fma(middle, middle, part))
    stable = m.div(part, m.add(root, middle))  # no digits are lost in either form
    x = m.intrinsic(
        "sqrt", m.select(m.compare("olt", middle, m.c(0.0)), m.sub(root, middle), stable)
    )
    for _ in range(3):
        inside = m.mul(m.sub(erf(m, x), inner), _bell(m, m.clamp(x, 0.0, 1.0), 1.0))
        tail = _tail(m, x)
        above = m.sub(m.sub(target, log(m, tail)), m.b.op(f"fneg {m.kind} {m.mul(x, x)}"))
        step = m.select(near, inside, m.mul(above, tail))
        x = m.fma(step, m.c(-math.sqrt(math.pi) / 2), x)
    x = m.select(m.compare("oeq", outer, m.c(0.0)), m.c(math.inf), x)
    return m.select(m.compare("olt", outer, m.c(0.0)), m.c(math.nan), x)


def hypot(m: FloatMath, a: str, b: str) -> str:
    """√(a² + b²), scaled by a power of two, so that squares neither over- nor underflow."""
    a, b = m.intrinsic("fabs", a), m.intrinsic("fabs", b)
    first = m.compare("ogt", a, b)
    most, least = m.select(first, a, b), m.select(first, b, a)
    small = m.select(m.compare("olt", most, m.c(2.0**-100)), m.c(2.0**600), m.c(1.0))
    factor = m.select(m.compare("ogt", most, m.c(2.0**500)), m.c(2.0**-600), small)
    x, y = m.mul(most, factor), m.mul(least, factor)
    value = m.div(m.intrinsic("sqrt", m.fma(x, x, m.mul(y, y))), factor)
    value = m.keep_nan(a, m.keep_nan(b, value))
    for side in (a, b):
        value = m.select(m.compare("oeq", side, m.c(math.inf)), side, value)
    return value


def lgamma(m: FloatMath, x: str) -> str:
    return library(m, "lgamma", x)


FUNCTIONS: dict[str, Callable[..., str]] = {
    function.__name__: in_double(function)
    for function in (exp2, log2, log10, sinh, cosh, erfc, erfcx, erfinv, ndtri, hypot, lgamma)
}

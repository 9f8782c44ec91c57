"""asin, acos, atan and atan2, and the inverse hyperbolic functions, in LLVM IR.

An angle up to π/8 is a polynomial in its tangent (a fit of our own in r², its error below 1e-19);
larger ones are that far from π/4 or π/2. The others are an angle between two sides, or a logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from glia.compiler.codegen.vector_math import FloatMath, in_double, log1p

#: (atan(r) - r) / r³ in r², for r up to √2 - 1, first to last.
_ATAN = (
    -0.3333333333333333,
    0.19999999999999993,
    -0.1428571428571149,
    0.11111111110751482,
    -0.0909090906681608,
    0.07692306729194896,
    -0.06666641869131183,
    0.058819230561140225,
    -0.05258020272656758,
    0.04719259188242093,
    -0.04103887546862687,
    0.030622995553735516,
    -0.013905374533113234,
)
#: What float64 loses of π.
_PI_LOW = 1.2246467991473532e-16
#: Beyond this, 1 is nothing beside x².
_FAR = 2.0**28


def _angle(m: FloatMath, t: str) -> str:
    """atan t for t from 0 to infinity."""
    steep = m.compare("ogt", t, m.c(math.sqrt(2.0) + 1.0))
    middle = m.compare("ogt", t, m.c(math.sqrt(2.0) - 1.0))

    def choose(far: str, mid: str, near: str) -> str:
        return m.select(steep, far, m.select(middle, mid, near))

    top = choose(m.c(-1.0), m.sub(t, m.c(1.0)), t)
    r = m.div(top, choose(t, m.add(t, m.c(1.0)), m.c(1.0)))
    base = choose(m.c(math.pi / 2), m.c(math.pi / 4), m.c(0.0))
    lost = choose(m.c(_PI_LOW / 2), m.c(_PI_LOW / 4), m.c(0.0))
    z = m.mul(r, r)
    tail = m.fma(r, m.mul(z, m.polynomial(z, _ATAN[::-1])), lost)
    return m.add(base, m.add(r, tail))


def _beyond(m: FloatMath, flag: str, angle: str) -> str:
    """π - angle where the flag holds."""
    return m.select(flag, m.sub(m.c(math.pi), m.sub(angle, m.c(_PI_LOW))), angle)


def atan(m: FloatMath, x: str) -> str:
    return m.intrinsic("copysign", _angle(m, m.intrinsic("fabs", x)), x)


def atan2(m: FloatMath, y: str, x: str) -> str:
    up, right = m.intrinsic("fabs", y), m.intrinsic("fabs", x)
    slope = m.div(up, right)
    slope = m.select(m.compare("oeq", up, right), m.c(1.0), slope)  # also infinity by infinity
    slope = m.select(m.compare("oeq", up, m.c(0.0)), m.c(0.0), slope)
    left = m.compare("olt", m.intrinsic("copysign", m.c(1.0), x), m.c(0.0))
    value = m.intrinsic("copysign", _beyond(m, left, _angle(m, slope)), y)
    return m.keep_nan(x, m.keep_nan(y, value))


def _other_side(m: FloatMath, size: str) -> str:
    """√(1 - x²), without loss where x is nearly 1."""
    return m.intrinsic("sqrt", m.mul(m.sub(m.c(1.0), size), m.add(m.c(1.0), size)))


def asin(m: FloatMath, x: str) -> str:
    size = m.intrinsic("fabs", x)
    return m.intrinsic("copysign", _angle(m, m.div(size, _other_side(m, size))), x)


def acos(m: FloatMath, x: str) -> str:
    size = m.intrinsic("fabs", x)
    angle = _angle(m, m.div(_other_side(m, size), size))
    return _beyond(m, m.compare("olt", x, m.c(0.0)), angle)


def asinh(m: FloatMath, x: str) -> str:
    """ln(1 + |x| + x² / (1 + √(1 + x²))) with the sign of x."""
    size = m.intrinsic("fabs", x)
    square = m.mul(size, size)
    below = m.add(m.c(1.0), m.intrinsic("sqrt", m.add(m.c(1.0), square)))
    value = _logarithm(m, size, m.add(size, m.div(square, below)))
    return m.intrinsic("copysign", value, x)


def acosh(m: FloatMath, x: str) -> str:
    """ln(1 + t + √(t (t + 2))) with t = x - 1."""
    t = m.sub(x, m.c(1.0))
    root = m.intrinsic("sqrt", m.mul(t, m.add(t, m.c(2.0))))
    value = _logarithm(m, x, m.add(t, root))
    return m.select(m.compare("olt", x, m.c(1.0)), m.c(math.nan), value)


def _logarithm(m: FloatMath, size: str, grown: str) -> str:
    """ln(1 + grown), or ln(2 size) where size is so large that nothing else counts."""
    far = m.compare("ogt", size, m.c(_FAR))
    value = log1p(m, m.select(far, m.sub(size, m.c(1.0)), grown))
    return m.add(value, m.select(far, m.c(math.log(2.0)), m.c(0.0)))


def atanh(m: FloatMath, x: str) -> str:
    """ln(1 + 2|x| / (1 - |x|)) / 2 with the sign of x."""
    size = m.intrinsic("fabs", x)
    ratio = m.div(m.add(size, size), m.sub(m.c(1.0), size))
    return m.intrinsic("copysign", m.mul(m.c(0.5), log1p(m, ratio)), x)


FUNCTIONS: dict[str, Callable[..., str]] = {
    function.__name__: in_double(function)
    for function in (asin, acos, atan, atan2, asinh, acosh, atanh)
}

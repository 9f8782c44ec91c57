"""sin, cos, tan and pow in LLVM IR, for any number of lanes.

float32 is computed in float64 and rounded once. In float64 sin and cos take π/2 in three parts
away from their argument and keep the difference in two numbers; the polynomials are Taylor's, as
the interval is short. Where an argument is so large that this does not do, the C library is asked;
pow in float64 always asks it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from glia.base.dtypes import float64
from glia.compiler.codegen.vector_math import FloatMath, exp, library, log

#: π/2 in parts: a whole number of up to 20 bits times the first is exact.
_PARTS = (
    float.fromhex("0x1.921fb544p+0"),
    float.fromhex("0x1.0b4611a626331p-34"),
    float.fromhex("0x1.1701b839a2520p-88"),
)
#: The same in two parts, for arguments that are float32.
_HALF_PI = float.fromhex("0x1.921fb54442d18p+0"), float.fromhex("0x1.1a62633145c07p-54")
#: Larger arguments are for the library.
_MOST = {4: 2.0**30, 8: 2.0**20}
#: Taylor coefficients of (sin r - r) / r³ and of (cos r - 1 + r²/2) / r⁴ in r², first to last.
_SIN = tuple((-1) ** (k + 1) / math.factorial(2 * k + 3) for k in range(8))
_COS = tuple((-1) ** k / math.factorial(2 * k + 4) for k in range(8))
_ENOUGH = 5  # of them for float32


def sin(m: FloatMath, x: str) -> str:
    return _periodic(m, x, "sin", 0)


def cos(m: FloatMath, x: str) -> str:
    return _periodic(m, x, "cos", 1)


def tan(m: FloatMath, x: str) -> str:
    return _periodic(m, x, "tan", None)


def _periodic(m: FloatMath, x: str, name: str, turns: int | None) -> str:
    """``turns``: how many quarter turns to add; None for the tangent."""
    size = m.intrinsic("fabs", x)
    large = m.compare("ogt", size, m.c(_MOST[m.size]))
    held = m.clamp(x, -_MOST[m.size], _MOST[m.size])
    value = _single(m, held, turns) if m.size == 4 else _double(m, held, turns)
    if name != "cos":
        value = m.select(m.compare("oeq", x, m.c(0.0)), x, value)
    return m.unless(large, value, lambda: library(m, name, x))


def _single(m: FloatMath, x: str, turns: int | None) -> str:
    w = FloatMath(m.b, float64, m.lanes)
    wide = m.b.op(f"fpext {m.kind} {x} to {w.kind}")
    n, whole = w.nearest(wide, 2.0 / math.pi)
    r = w.fma(n, w.c(-_HALF_PI[0]), wide)
    r = w.fma(n, w.c(-_HALF_PI[1]), r)
    z = w.mul(r, r)
    odd = w.fma(w.mul(r, z), w.polynomial(z, _SIN[:_ENOUGH][::-1]), r)
    even = w.fma(z, w.fma(z, w.polynomial(z, _COS[:_ENOUGH][::-1]), w.c(-0.5)), w.c(1.0))
    return m.b.op(f"fptrunc {w.kind} {_quadrant(w, whole, turns, odd, even)} to {m.kind}")


def _double(m: FloatMath, x: str, turns: int | None) -> str:
    n, whole = m.nearest(x, 2.0 / math.pi)
    exact = m.fma(n, m.c(-_PARTS[0]), x)
    second = m.mul(n, m.c(_PARTS[1]))
    lost = m.fma(n, m.c(_PARTS[1]), m.b.op(f"fneg {m.kind} {second}"))
    r = m.sub(exact, second)
    back = m.sub(r, exact)
    low = m.sub(m.sub(exact, m.sub(r, back)), m.add(second, back))  # what r has lost, exactly
    low = m.fma(n, m.c(-_PARTS[2]), m.sub(low, lost))
    z = m.mul(r, r)
    # sin(r + low) = r + (low (1 - z/2) + r³ p(z)), cos(r + low) = 1 - z/2 + (z² q(z) - r low)
    tail = m.mul(low, m.fma(z, m.c(-0.5), m.c(1.0)))
    odd = m.add(r, m.fma(m.mul(r, z), m.polynomial(z, _SIN[::-1]), tail))
    half = m.mul(z, m.c(0.5))
    top = m.sub(m.c(1.0), half)
    rest = m.sub(m.sub(m.sub(m.c(1.0), top), half), m.mul(r, low))
    even = m.add(top, m.fma(m.mul(z, z), m.polynomial(z, _COS[::-1]), rest))
    return _quadrant(m, whole, turns, odd, even)


def _quadrant(m: FloatMath, whole: str, turns: int | None, odd: str, even: str) -> str:
    """sin or tan at so many quarter turns and a rest whose sine and cosine are known."""
    if turns:
        whole = m.integer("add", whole, m.ci(turns))
    flag = m.b.op(f"trunc {m.int_kind} {whole} to {_bits(m)}")
    if turns is None:
        below = m.select(flag, odd, even)
        return m.div(m.select(flag, m.b.op(f"fneg {m.kind} {even}"), odd), below)
    value = m.select(flag, even, odd)
    sign = m.integer("shl", m.integer("lshr", whole, m.ci(1)), m.ci(8 * m.size - 1))
    return m.as_float(m.integer("xor", m.as_int(value), sign))


def _bits(m: FloatMath) -> str:
    return "i1" if m.lanes == 1 else f"<{m.lanes} x i1>"


def power(m: FloatMath, a: str, b: str) -> str:
    """float32: 2^(b log2 a) in float64, and what C says of zeros, signs and infinities."""
    if m.size != 4:
        return library(m, "pow", a, b)
    w = FloatMath(m.b, float64, m.lanes)
    base, exponent = (m.b.op(f"fpext {m.kind} {x} to {w.kind}") for x in (a, b))
    size = w.intrinsic("fabs", base)
    value = exp(w, w.mul(exponent, log(w, size)))
    infinite = w.compare("oeq", w.intrinsic("fabs", exponent), w.c(math.inf))
    one = w.compare("oeq", size, w.c(1.0))
    both = m.b.op(f"and {_bits(w)} {one}, {infinite}")
    value = w.select(both, w.c(1.0), value)
    value = _signed(w, base, exponent, value)
    for always in (w.compare("oeq", base, w.c(1.0)), w.compare("oeq", exponent, w.c(0.0))):
        value = w.select(always, w.c(1.0), value)
    return m.b.op(f"fptrunc {w.kind} {value} to {m.kind}")


def _signed(w: FloatMath, base: str, exponent: str, value: str) -> str:
    """|base|^exponent with the sign of the power; NaN where there is none."""
    half = w.mul(exponent, w.c(0.5))
    whole = w.compare("oeq", w.intrinsic("rint", exponent), exponent)
    odd = w.compare("une", w.intrinsic("rint", half), half)
    odd = w.b.op(f"and {_bits(w)} {whole}, {odd}")
    value = w.select(odd, w.intrinsic("copysign", value, base), value)
    negative = w.compare("olt", base, w.c(0.0))
    finite = w.compare("ogt", base, w.c(-math.inf))
    inside = w.b.op(f"and {_bits(w)} {negative}, {finite}")
    broken = w.compare("une", w.intrinsic("rint", exponent), exponent)
    return w.select(w.b.op(f"and {_bits(w)} {inside}, {broken}"), w.c(math.nan), value)


FUNCTIONS: dict[str, Callable[..., str]] = {"sin": sin, "cos": cos, "tan": tan, "pow": power}

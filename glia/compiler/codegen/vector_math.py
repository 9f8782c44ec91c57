"""exp, log, tanh and friends as polynomials in LLVM IR, for any number of lanes.

Errors stay within about 2 ulp; NaN, infinities, zeros and denormals come out right. The
methods are the classic ones: Cody and Waite's range reduction, and polynomials in the reduced
argument (Taylor coefficients where the interval is short enough, else those published in
FreeBSD's msun for log and in Cephes for tanh).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from glia.base.dtypes import DType
from glia.compiler.codegen.llvm import Builder, float_text, splat_type

_LN2_HIGH = {4: 0.693359375, 8: 6.93147180369123816490e-01}
_LN2_LOW = {4: -2.12194440054690583e-4, 8: 1.90821492927058770002e-10}
_TERMS = {4: 8, 8: 14}  # of the exponential series on |r| <= ln(2)/2
_LOG = {
    4: (0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841),
    8: (
        6.666666666666735130e-01,
        3.999999999940941908e-01,
        2.857142874366239149e-01,
        2.222219843214978396e-01,
        1.818357216161805012e-01,
        1.531383769920937332e-01,
        1.479819860511658591e-01,
    ),
}
#: Least-squares fits at Chebyshev nodes: erf(x)/x - 1 in x² up to 0.9, -ln(erfc x)/x up to 4.
_ERF_NEAR = (
    0.12837916612625122,
    -0.37612634897232056,
    0.11283718794584274,
    -0.026860708370804787,
    0.00520433159545064,
    -0.0008180781151168048,
    8.534120570402592e-05,
)
_ERF_FAR = (
    1.12840735912323,
    0.6364374756813049,
    0.10328809916973114,
    -0.019955391064286232,
    0.0005996220279484987,
    0.0012364265276119113,
    -0.000500657653901726,
    0.00010399975872132927,
    -1.1943299796257634e-05,
    5.999188488203799e-07,
)
_TANH = (
    -5.70498872745e-3,
    2.06390887954e-2,
    -5.37397155531e-2,
    1.33314422036e-1,
    -3.33332819422e-1,
)


class FloatMath:
    """Arithmetic on one floating-point type with a given number of lanes.

    Every operation rounds once, as written: LLVM may not fuse or reorder, so that a value has the
    same bits whatever it is computed together with. Fused multiply-adds are asked for by name.
    """

    def __init__(self, builder: Builder, dtype: DType, lanes: int) -> None:
        self.b = builder
        self.dtype = dtype
        self.lanes = lanes
        self.size = dtype.itemsize
        self.kind = splat_type(dtype.llvm, lanes)
        self.int_scalar = f"i{8 * self.size}"
        self.int_kind = splat_type(self.int_scalar, lanes)
        self.suffix = ("" if lanes == 1 else f"v{lanes}") + f"f{8 * self.size}"
        self.mantissa = 23 if self.size == 4 else 52
        self.bias = 127 if self.size == 4 else 1023

    def c(self, value: float) -> str:
        text = float_text(value, self.dtype)
        return text if self.lanes == 1 else f"splat ({self.dtype.llvm} {text})"

    def ci(self, value: int) -> str:
        return str(value) if self.lanes == 1 else f"splat ({self.int_scalar} {value})"

    def _two(self, operation: str, a: str, b: str) -> str:
        return self.b.op(f"{operation} {self.kind} {a}, {b}")

    def add(self, a: str, b: str) -> str:
        return self._two("fadd", a, b)

    def sub(self, a: str, b: str) -> str:
        return self._two("fsub", a, b)

    def mul(self, a: str, b: str) -> str:
        return self._two("fmul", a, b)

    def div(self, a: str, b: str) -> str:
        return self._two("fdiv", a, b)

    def fma(self, a: str, b: str, c: str) -> str:
        return self.intrinsic("fma", a, b, c)

    def intrinsic(self, name: str, *args: str) -> str:
        pairs = [(self.kind, arg) for arg in args]
        return self.b.call(f"llvm.{name}.{self.suffix}", self.kind, pairs)

    def compare(self, how: str, a: str, b: str) -> str:
        return self.b.op(f"fcmp {how} {self.kind} {a}, {b}")

    def select(self, condition: str, a: str, b: str) -> str:
        flag = splat_type("i1", self.lanes)
        return self.b.op(f"select {flag} {condition}, {self.kind} {a}, {self.kind} {b}")

    def as_int(self, x: str) -> str:
        return self.b.op(f"bitcast {self.kind} {x} to {self.int_kind}")

    def as_float(self, x: str) -> str:
        return self.b.op(f"bitcast {self.int_kind} {x} to {self.kind}")

    def integer(self, operation: str, a: str, b: str) -> str:
        return self.b.op(f"{operation} {self.int_kind} {a}, {b}")

    def polynomial(self, x: str, coefficients: Sequence[float]) -> str:
        """Horner's rule, highest power first."""
        total = self.c(coefficients[0])
        for coefficient in coefficients[1:]:
            total = self.fma(total, x, self.c(coefficient))
        return total

    def power_of_two(self, n: str) -> str:
        """2ⁿ for a whole number n held as a float, within the normal range."""
        whole = self.b.op(f"fptosi {self.kind} {n} to {self.int_kind}")
        biased = self.integer("add", whole, self.ci(self.bias))
        return self.as_float(self.integer("shl", biased, self.ci(self.mantissa)))

    def scale(self, x: str, n: str) -> str:
        """x · 2ⁿ in two halves, so that the result may be infinite or denormal."""
        half = self.intrinsic("floor", self.mul(n, self.c(0.5)))
        rest = self.sub(n, half)
        return self.mul(self.mul(x, self.power_of_two(half)), self.power_of_two(rest))

    def reduce_exp(self, x: str) -> tuple[str, str]:
        """x = n ln2 + r with |r| <= ln(2)/2; x is clamped to where the result is finite."""
        low, high = (-104.0, 89.0) if self.size == 4 else (-746.0, 710.0)
        x = self.intrinsic("maxnum", self.c(low), self.intrinsic("minnum", self.c(high), x))
        n = self.intrinsic("rint", self.mul(x, self.c(1.0 / math.log(2.0))))
        r = self.fma(n, self.c(-_LN2_HIGH[self.size]), x)
        return n, self.fma(n, self.c(-_LN2_LOW[self.size]), r)

    def keep_nan(self, x: str, result: str) -> str:
        return self.select(self.compare("uno", x, x), x, result)

    def series(self) -> list[float]:
        """1/k! down to 1/2!, for e^r = 1 + r + r² (1/2! + r/3! + …)."""
        return [1.0 / math.factorial(k) for k in range(_TERMS[self.size] - 1, 1, -1)]


def exp(m: FloatMath, x: str) -> str:
    n, r = m.reduce_exp(x)
    tail = m.mul(m.mul(r, r), m.polynomial(r, m.series()))
    value = m.add(m.c(1.0), m.add(r, tail))
    return m.keep_nan(x, m.scale(value, n))


def expm1(m: FloatMath, x: str) -> str:
    n, r = m.reduce_exp(x)
    small = m.add(r, m.mul(m.mul(r, r), m.polynomial(r, m.series())))
    # 2ⁿ (e^r - 1) + (2ⁿ - 1); for large n the halves keep 2ⁿ finite
    half = m.intrinsic("floor", m.mul(n, m.c(0.5)))
    a, b = m.power_of_two(half), m.power_of_two(m.sub(n, half))
    near = m.add(m.mul(m.mul(small, a), b), m.sub(m.mul(a, b), m.c(1.0)))
    # where 1 is lost in 2ⁿ anyway, e^r · 2ⁿ in two halves does not overflow too early
    far = m.mul(m.mul(m.add(small, m.c(1.0)), a), b)
    value = m.select(m.compare("ogt", n, m.c(m.mantissa + 1.0)), far, near)
    zero = m.compare("oeq", n, m.c(0.0))
    value = m.select(zero, small, value)
    value = m.select(m.compare("oeq", x, m.c(0.0)), x, value)
    return m.keep_nan(x, value)


def log(m: FloatMath, x: str) -> str:
    tiny = 2.0**-126 if m.size == 4 else 2.0**-1022
    denormal = m.compare("olt", x, m.c(tiny))
    grow = 2.0 ** (m.mantissa + 1)
    scaled = m.select(denormal, m.mul(x, m.c(grow)), x)
    bits = m.as_int(scaled)
    # split at √½, so that the mantissa lies in [√½, √2)
    offset = 0x3F3504F3 if m.size == 4 else 0x3FE6A09E667F3BCD
    moved = m.integer("sub", bits, m.ci(offset))
    exponent = m.integer("ashr", moved, m.ci(m.mantissa))
    shifted = m.integer("shl", exponent, m.ci(m.mantissa))
    f = m.sub(m.as_float(m.integer("sub", bits, shifted)), m.c(1.0))
    k = m.b.op(f"sitofp {m.int_kind} {exponent} to {m.kind}")
    k = m.sub(k, m.select(denormal, m.c(m.mantissa + 1.0), m.c(0.0)))
    s = m.div(f, m.add(m.c(2.0), f))
    z = m.mul(s, s)
    r = m.mul(z, m.polynomial(z, _LOG[m.size][::-1]))
    half_square = m.mul(m.mul(m.c(0.5), f), f)
    low = m.mul(k, m.c(_LN2_LOW[m.size]))
    high = m.mul(k, m.c(_LN2_HIGH[m.size]))
    inner = m.fma(s, m.add(half_square, r), low)
    value = m.sub(high, m.sub(m.sub(half_square, inner), f))
    return _log_edges(m, x, value)


def _log_edges(m: FloatMath, x: str, value: str) -> str:
    value = m.select(m.compare("oeq", x, m.c(math.inf)), x, value)
    value = m.select(m.compare("oeq", x, m.c(0.0)), m.c(-math.inf), value)
    value = m.select(m.compare("olt", x, m.c(0.0)), m.c(math.nan), value)
    return m.keep_nan(x, value)


def log1p(m: FloatMath, x: str) -> str:
    u = m.add(m.c(1.0), x)
    lost = m.sub(x, m.sub(u, m.c(1.0)))
    value = m.add(log(m, u), m.div(lost, u))
    infinite = m.compare("oeq", u, m.c(math.inf))
    pole = m.compare("ole", u, m.c(0.0))
    value = m.select(infinite, u, m.select(pole, log(m, u), value))
    value = m.select(m.compare("oeq", u, m.c(1.0)), x, value)
    return m.keep_nan(x, value)


def tanh(m: FloatMath, x: str) -> str:
    size = m.intrinsic("fabs", x)
    if m.size == 4:
        z = m.mul(x, x)
        near = m.fma(m.mul(m.polynomial(z, _TANH), z), size, size)
        limit = 0.625
        power = exp(m, m.mul(size, m.c(2.0)))
        far = m.sub(m.c(1.0), m.div(m.c(2.0), m.add(power, m.c(1.0))))
    else:
        grown = expm1(m, m.mul(size, m.c(2.0)))
        near = m.div(grown, m.add(grown, m.c(2.0)))
        limit = 20.0
        far = m.c(1.0)
    value = m.select(m.compare("olt", size, m.c(limit)), near, far)
    return m.keep_nan(x, m.intrinsic("copysign", value, x))


def sigmoid(m: FloatMath, x: str) -> str:
    e = exp(m, m.b.op(f"fneg {m.kind} {m.intrinsic('fabs', x)}"))
    top = m.select(m.compare("olt", x, m.c(0.0)), e, m.c(1.0))
    return m.div(top, m.add(e, m.c(1.0)))


def library(m: FloatMath, name: str, *args: str) -> str:
    """The C library's function, lane by lane."""
    function = name + ("f" if m.size == 4 else "")
    scalar = m.dtype.llvm
    if m.lanes == 1:
        return m.b.call(function, scalar, [(scalar, arg) for arg in args])
    out = "poison"
    for lane in range(m.lanes):
        parts = [m.b.op(f"extractelement {m.kind} {arg}, i64 {lane}") for arg in args]
        value = m.b.call(function, scalar, [(scalar, part) for part in parts])
        out = m.b.op(f"insertelement {m.kind} {out}, {scalar} {value}, i64 {lane}")
    return out


def erf(m: FloatMath, x: str) -> str:
    """float32: x + x p(x²) near 0, 1 - e^(-x q(x)) further out; float64: the library."""
    if m.size != 4:
        return library(m, "erf", x)
    size = m.intrinsic("fabs", x)
    near = m.fma(m.polynomial(m.mul(size, size), _ERF_NEAR[::-1]), size, size)
    held = m.select(m.compare("olt", size, m.c(4.0)), size, m.c(4.0))
    power = m.mul(held, m.polynomial(held, _ERF_FAR[::-1]))
    far = m.sub(m.c(1.0), exp(m, m.b.op(f"fneg {m.kind} {power}")))
    value = m.select(m.compare("olt", size, m.c(0.9)), near, far)
    return m.keep_nan(x, m.intrinsic("copysign", value, x))


def sin(m: FloatMath, x: str) -> str:
    return library(m, "sin", x)


def cos(m: FloatMath, x: str) -> str:
    return library(m, "cos", x)


def power(m: FloatMath, a: str, b: str) -> str:
    return library(m, "pow", a, b)


FUNCTIONS: dict[str, Callable[..., str]] = {
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "erf": erf,
    "sin": sin,
    "cos": cos,
    "pow": power,
}

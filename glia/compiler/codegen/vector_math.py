"""exp, log, tanh and friends as polynomials in LLVM IR, for any number of lanes.

Errors stay within about 2 ulp; NaN, infinities, zeros and denormals come out right. The
methods are the classic ones: Cody and Waite's range reduction, and polynomials in the reduced
argument (Taylor coefficients where the interval is short enough, else those published in
FreeBSD's msun for log and in Cephes for tanh).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from glia.base.dtypes import DType, float64
from glia.compiler.codegen.llvm import Builder, float_text, splat_type

_LN2_HIGH = {4: 0.693359375, 8: 6.93147180369123816490e-01}
_LN2_LOW = {4: -2.12194440054690583e-4, 8: 1.90821492927058770002e-10}
_TERMS = 14  # of the exponential series on |r| <= ln(2)/2, float64
#: (e^r - 1 - r) / r² on |r| <= ln(2)/2, a minimax fit with an error of 3e-9.
_EXP = (
    0.5,
    0.166665181517601,
    0.04166620597243309,
    0.008368889801204205,
    0.0013950483407825232,
)
#: (2^f - 1) / f on |f| <= 1/2, a minimax fit with an error of 9e-8.
_EXP2 = (
    0.6931472420692444,
    0.24022234976291656,
    0.055503085255622864,
    0.009671876206994057,
    0.001340724527835846,
)
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
#: Minimax fits: erf(x)/x - 1 in x² up to 0.9, -log2(erfc x)/x from there up to 4.
_ERF_NEAR = (
    0.12837915122509003,
    -0.3761253356933594,
    0.11282230168581009,
    -0.026781955733895302,
    0.005016226787120104,
    -0.000611128518357873,
)
_ERF_FAR = (
    1.6281101703643799,
    0.9171202182769775,
    0.15189699828624725,
    -0.03304653614759445,
    0.004645482636988163,
    -0.00030960040749050677,
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

    def clamp(self, x: str, low: float, high: float) -> str:
        """x within bounds; NaN stays NaN."""
        below = self.compare("ogt", self.c(low), x)
        x = self.select(below, self.c(low), x)
        above = self.compare("olt", self.c(high), x)
        return self.select(above, self.c(high), x)

    def nearest(self, x: str, factor: float = 1.0) -> tuple[str, str]:
        """The whole number nearest to x · factor, as a float and as an integer.

        A number so large is added that no bits are left for a fraction; |x| stays below 2²¹.
        """
        magic = 1.5 * 2.0**self.mantissa
        moved = self.add(x, self.c(magic))
        if factor != 1.0:
            moved = self.fma(x, self.c(factor), self.c(magic))
        bits = (self.bias + self.mantissa << self.mantissa) + (1 << self.mantissa - 1)
        whole = self.integer("sub", self.as_int(moved), self.ci(bits))
        return self.sub(moved, self.c(magic)), whole

    def power_of_two(self, n: str) -> str:
        """2ⁿ for an integer n, within the normal range."""
        biased = self.integer("add", n, self.ci(self.bias))
        return self.as_float(self.integer("shl", biased, self.ci(self.mantissa)))

    def halves(self, n: str) -> tuple[str, str]:
        """Two integers of about half the size that add up to n."""
        half = self.integer("ashr", n, self.ci(1))
        return half, self.integer("sub", n, half)

    def scale(self, x: str, n: str, whole: str) -> str:
        """x · 2ⁿ, which may be infinite or denormal; n as a float and as an integer."""
        if self.b.scales and self.lanes * self.size == 64:  # AVX-512 has an instruction for it
            name, bits = ("ps", 16) if self.size == 4 else ("pd", 8)
            args = [(self.kind, x), (self.kind, n), (self.kind, "zeroinitializer")]
            args += [(f"i{bits}", "-1"), ("i32", "4")]
            return self.b.call(f"llvm.x86.avx512.mask.scalef.{name}.512", self.kind, args)
        half, rest = self.halves(whole)
        return self.mul(self.mul(x, self.power_of_two(half)), self.power_of_two(rest))

    def reduce_exp(self, x: str) -> tuple[str, str, str]:
        """x = n ln2 + r with |r| <= ln(2)/2, n as float and integer.

        x is clamped to where the result is finite and not zero.
        """
        low, high = (-104.0, 89.0) if self.size == 4 else (-746.0, 710.0)
        x = self.clamp(x, low, high)
        n, whole = self.nearest(x, 1.0 / math.log(2.0))
        return n, whole, self.cut(x, n)

    def cut(self, x: str, n: str) -> str:
        """x - n ln2."""
        r = self.fma(n, self.c(-_LN2_HIGH[self.size]), x)
        return self.fma(n, self.c(-_LN2_LOW[self.size]), r)

    def small_exp(self, r: str) -> str:
        """e^r - 1 on |r| <= ln(2)/2."""
        series = [1.0 / math.factorial(k) for k in range(_TERMS - 1, 1, -1)]
        tail = self.polynomial(r, series if self.size == 8 else _EXP[::-1])
        return self.fma(self.mul(r, r), tail, r)

    def unless(self, rare: str, usual: str, other: Callable[[], str]) -> str:
        """``usual``; in lanes where ``rare`` holds the other value, computed only if any does."""
        b = self.b
        found = rare
        if self.lanes > 1:
            flags = f"v{self.lanes}i1"
            pairs = [(splat_type("i1", self.lanes), rare)]
            found = b.call(f"llvm.vector.reduce.or.{flags}", "i1", pairs)
        before, seldom, join = b.block, b.label("rare"), b.label("join")
        b.line(f"br i1 {found}, label %{seldom}, label %{join}")
        b.start(seldom)
        value = self.select(rare, other(), usual)
        after = b.block
        b.line(f"br label %{join}")
        b.start(join)
        return b.op(f"phi {self.kind} [ {usual}, %{before} ], [ {value}, %{after} ]")

    def keep_nan(self, x: str, result: str) -> str:
        return self.select(self.compare("uno", x, x), x, result)


def exp(m: FloatMath, x: str) -> str:
    n, whole, r = m.reduce_exp(x)
    return m.scale(m.add(m.c(1.0), m.small_exp(r)), n, whole)


def expm1(m: FloatMath, x: str) -> str:
    n, whole, r = m.reduce_exp(x)
    small = m.small_exp(r)
    # 2ⁿ (e^r - 1) + (2ⁿ - 1); for large n the halves keep 2ⁿ finite
    a, b = (m.power_of_two(half) for half in m.halves(whole))
    near = m.add(m.mul(m.mul(small, a), b), m.sub(m.mul(a, b), m.c(1.0)))
    # where 1 is lost in 2ⁿ anyway, e^r · 2ⁿ in two halves does not overflow too early
    far = m.mul(m.mul(m.add(small, m.c(1.0)), a), b)
    value = m.select(m.compare("ogt", n, m.c(m.mantissa + 1.0)), far, near)
    zero = m.compare("oeq", n, m.c(0.0))
    value = m.select(zero, small, value)
    value = m.select(m.compare("oeq", x, m.c(0.0)), x, value)
    return m.keep_nan(x, value)


def mantissa(m: FloatMath, x: str) -> tuple[str, str]:
    """k and f with x = 2ᵏ (1 + f), where 1 + f lies in [√½, √2)."""
    tiny = 2.0**-126 if m.size == 4 else 2.0**-1022
    denormal = m.compare("olt", x, m.c(tiny))
    grow = 2.0 ** (m.mantissa + 1)
    scaled = m.select(denormal, m.mul(x, m.c(grow)), x)
    bits = m.as_int(scaled)
    offset = 0x3F3504F3 if m.size == 4 else 0x3FE6A09E667F3BCD  # √½
    moved = m.integer("sub", bits, m.ci(offset))
    exponent = m.integer("ashr", moved, m.ci(m.mantissa))
    shifted = m.integer("shl", exponent, m.ci(m.mantissa))
    f = m.sub(m.as_float(m.integer("sub", bits, shifted)), m.c(1.0))
    k = m.b.op(f"sitofp {m.int_kind} {exponent} to {m.kind}")
    return m.sub(k, m.select(denormal, m.c(m.mantissa + 1.0), m.c(0.0))), f


def log_series(m: FloatMath, f: str) -> tuple[str, str, str]:
    """h, s and r with ln(1 + f) = f - (h - s (h + r)); h is f²/2."""
    s = m.div(f, m.add(m.c(2.0), f))
    z = m.mul(s, s)
    r = m.mul(z, m.polynomial(z, _LOG[m.size][::-1]))
    return m.mul(m.mul(m.c(0.5), f), f), s, r


def log(m: FloatMath, x: str) -> str:
    k, f = mantissa(m, x)
    half_square, s, r = log_series(m, f)
    low = m.mul(k, m.c(_LN2_LOW[m.size]))
    high = m.mul(k, m.c(_LN2_HIGH[m.size]))
    inner = m.fma(s, m.add(half_square, r), low)
    value = m.sub(high, m.sub(m.sub(half_square, inner), f))
    return log_edges(m, x, value)


def log_edges(m: FloatMath, x: str, value: str) -> str:
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
        double = m.clamp(m.add(size, size), 0.0, 20.0)  # further out the result rounds to 1
        n, whole = m.nearest(double, 1.0 / math.log(2.0))
        grown = m.add(m.small_exp(m.cut(double, n)), m.c(1.0))
        power = m.mul(grown, m.power_of_two(whole))
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


def in_double(function: Callable[..., str]) -> Callable[..., str]:
    """A function written for float64 as one for both: float32 is rounded once, at the end."""

    def emit(m: FloatMath, *args: str) -> str:
        if m.size == 8:
            return function(m, *args)
        w = FloatMath(m.b, float64, m.lanes)
        wide = [m.b.op(f"fpext {m.kind} {x} to {w.kind}") for x in args]
        return m.b.op(f"fptrunc {w.kind} {function(w, *wide)} to {m.kind}")

    return emit


def erf(m: FloatMath, x: str) -> str:
    """float32: x + x p(x²) near 0, 1 - 2^(-x q(x)) further out; float64: the library."""
    if m.size != 4:
        return library(m, "erf", x)
    size = m.intrinsic("fabs", x)
    near = m.fma(m.polynomial(m.mul(size, size), _ERF_NEAR[::-1]), size, size)
    held = m.clamp(size, 0.0, 4.0)
    power = m.mul(held, m.polynomial(held, _ERF_FAR[::-1]))
    n, whole = m.nearest(power)
    f = m.sub(n, power)
    rest = m.fma(f, m.polynomial(f, _EXP2[::-1]), m.c(1.0))
    far = m.sub(m.c(1.0), m.mul(rest, m.power_of_two(m.integer("sub", m.ci(0), whole))))
    value = m.select(m.compare("olt", size, m.c(0.9)), near, far)
    return m.intrinsic("copysign", value, x)


FUNCTIONS: dict[str, Callable[..., str]] = {
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "erf": erf,
}

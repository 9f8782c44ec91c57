"""Methods that compute every element from the element at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia.base.dtypes import int64
from glia.base.errors import DTypeError, teach
from glia.ir import arithmetic, build, special
from glia.ir.expr import Expr
from glia.ir.ops import bessel, gamma, whole
from glia.ir.ops import functions as rows
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Elementwise(Handle):
    """One result for every element."""

    __slots__ = ()

    def abs(self) -> Tensor:
        """``|x|``."""
        return record(build.abs_, (self,))

    def absolute(self) -> Tensor:
        """``|x|``."""
        return self.abs()

    def neg(self) -> Tensor:
        """``-x``."""
        return record(build.neg, (self,))

    def negative(self) -> Tensor:
        """``-x``."""
        return self.neg()

    def positive(self) -> Tensor:
        """``x`` itself; of bools there is none."""
        return record(_positive, (self,))

    def sign(self) -> Tensor:
        """-1, 0 or 1; of complex numbers ``x / |x|``."""
        return record(build.sign, (self,))

    def sgn(self) -> Tensor:
        """As ``sign``."""
        return self.sign()

    def signbit(self) -> Tensor:
        """Whether the sign is negative, also that of -0.0 and NaN.

        >>> import glia as gl
        >>> gl.tensor([1.0, -0.0]).signbit()
        tensor([False,  True])
        """
        return record(arithmetic.signbit, (self,))

    def square(self) -> Tensor:
        """``x²``."""
        return record(_square, (self,))

    def sqrt(self) -> Tensor:
        """``√x``."""
        return record(build.sqrt, (self,))

    def rsqrt(self) -> Tensor:
        """``1 / √x``."""
        return record(build.rsqrt, (self,))

    def reciprocal(self) -> Tensor:
        """``1 / x``."""
        return record(arithmetic.reciprocal, (self,))

    def exp(self) -> Tensor:
        """``eˣ``."""
        return record(build.exp, (self,))

    def exp2(self) -> Tensor:
        """``2ˣ``; powers of two are exact."""
        return record(special.unary, (self,), rows.EXP2)

    def expm1(self) -> Tensor:
        """``eˣ - 1``, exact near 0."""
        return record(build.expm1, (self,))

    def log(self) -> Tensor:
        """``ln x``."""
        return record(build.log, (self,))

    def log2(self) -> Tensor:
        """``log₂ x``; exact for powers of two.

        >>> import glia as gl
        >>> gl.tensor([1.0, 8.0]).log2()
        tensor([0., 3.])
        """
        return record(special.unary, (self,), rows.LOG2)

    def log10(self) -> Tensor:
        """``log₁₀ x``; exact for powers of ten."""
        return record(special.unary, (self,), rows.LOG10)

    def log1p(self) -> Tensor:
        """``ln(1 + x)``, exact near 0."""
        return record(build.log1p, (self,))

    def sin(self) -> Tensor:
        """``sin x``."""
        return record(build.sin, (self,))

    def cos(self) -> Tensor:
        """``cos x``."""
        return record(build.cos, (self,))

    def tan(self) -> Tensor:
        """``tan x``."""
        return record(special.unary, (self,), rows.TAN)

    def asin(self) -> Tensor:
        """``arcsin x``, in radians."""
        return record(special.unary, (self,), rows.ASIN)

    def arcsin(self) -> Tensor:
        """As ``asin``."""
        return self.asin()

    def acos(self) -> Tensor:
        """``arccos x``, in radians."""
        return record(special.unary, (self,), rows.ACOS)

    def arccos(self) -> Tensor:
        """As ``acos``."""
        return self.acos()

    def atan(self) -> Tensor:
        """``arctan x``, in radians.

        >>> import glia as gl
        >>> gl.tensor([1.0]).atan()
        tensor([0.7854])
        """
        return record(special.unary, (self,), rows.ATAN)

    def arctan(self) -> Tensor:
        """As ``atan``."""
        return self.atan()

    def sinh(self) -> Tensor:
        """``(eˣ - e⁻ˣ) / 2``."""
        return record(special.unary, (self,), rows.SINH)

    def cosh(self) -> Tensor:
        """``(eˣ + e⁻ˣ) / 2``."""
        return record(special.unary, (self,), rows.COSH)

    def tanh(self) -> Tensor:
        """``sinh x / cosh x``."""
        return record(build.tanh, (self,))

    def asinh(self) -> Tensor:
        """The inverse of ``sinh``."""
        return record(special.unary, (self,), rows.ASINH)

    def arcsinh(self) -> Tensor:
        """As ``asinh``."""
        return self.asinh()

    def acosh(self) -> Tensor:
        """The inverse of ``cosh``."""
        return record(special.unary, (self,), rows.ACOSH)

    def arccosh(self) -> Tensor:
        """As ``acosh``."""
        return self.acosh()

    def atanh(self) -> Tensor:
        """The inverse of ``tanh``."""
        return record(special.unary, (self,), rows.ATANH)

    def arctanh(self) -> Tensor:
        """As ``atanh``."""
        return self.atanh()

    def sinc(self) -> Tensor:
        """``sin(πx) / (πx)``, 1 at 0.

        >>> import glia as gl
        >>> gl.tensor([0.0, 0.5]).sinc()
        tensor([1.    , 0.6366])
        """
        return record(special.sinc, (self,))

    def deg2rad(self) -> Tensor:
        """Degrees as radians."""
        return record(arithmetic.radians, (self,))

    def rad2deg(self) -> Tensor:
        """Radians as degrees."""
        return record(arithmetic.degrees, (self,))

    def sigmoid(self) -> Tensor:
        """``1 / (1 + e⁻ˣ)``."""
        return record(build.sigmoid, (self,))

    def relu(self) -> Tensor:
        """``max(x, 0)``."""
        return record(build.relu, (self,))

    def erf(self) -> Tensor:
        """``2/√π ∫₀ˣ e^(-t²) dt``."""
        return record(build.erf, (self,))

    def erfc(self) -> Tensor:
        """``1 - erf x``, exact far out."""
        return record(special.unary, (self,), rows.ERFC)

    def erfinv(self) -> Tensor:
        """The inverse of ``erf``.

        >>> import glia as gl
        >>> gl.tensor([0.0, 0.5]).erfinv()
        tensor([0.    , 0.4769])
        """
        return record(special.unary, (self,), rows.ERFINV)

    def lgamma(self) -> Tensor:
        """``ln |Γ(x)|``.

        >>> import glia as gl
        >>> gl.tensor([5.0]).lgamma().exp().round()
        tensor([24.])
        """
        return record(special.unary, (self,), rows.LGAMMA)

    def digamma(self) -> Tensor:
        """``ψ(x)``, the derivative of ``lgamma``."""
        return record(_digamma, (self,))

    def i0(self) -> Tensor:
        """The modified Bessel function ``I₀(x)``."""
        return record(special.unary, (self,), bessel.I0)

    def floor(self) -> Tensor:
        """``⌊x⌋``."""
        return record(build.floor, (self,))

    def ceil(self) -> Tensor:
        """``⌈x⌉``."""
        return record(build.ceil, (self,))

    def trunc(self) -> Tensor:
        """``x`` without its fraction.

        >>> import glia as gl
        >>> gl.tensor([1.5, -1.5]).trunc()
        tensor([ 1., -1.])
        """
        return record(arithmetic.trunc, (self,))

    def fix(self) -> Tensor:
        """As ``trunc``."""
        return self.trunc()

    def frac(self) -> Tensor:
        """The fraction that ``trunc`` takes away.

        >>> import glia as gl
        >>> gl.tensor([1.5, -2.25]).frac()
        tensor([ 0.5 , -0.25])
        """
        return record(arithmetic.frac, (self,))

    def isnan(self) -> Tensor:
        """Whether an element is not a number."""
        return record(arithmetic.isnan, (self,))

    def isinf(self) -> Tensor:
        """Whether an element is infinite."""
        return record(arithmetic.isinf, (self,))

    def isfinite(self) -> Tensor:
        """Whether an element is neither infinite nor NaN.

        >>> import glia as gl
        >>> gl.tensor([1.0, float('inf')]).isfinite()
        tensor([ True, False])
        """
        return record(arithmetic.isfinite, (self,))

    def isposinf(self) -> Tensor:
        """Whether an element is +∞."""
        return record(arithmetic.isposinf, (self,))

    def isneginf(self) -> Tensor:
        """Whether an element is -∞."""
        return record(arithmetic.isneginf, (self,))

    def isreal(self) -> Tensor:
        """Whether an element has no imaginary part."""
        return record(arithmetic.isreal, (self,))

    def logical_not(self) -> Tensor:
        """Whether an element is 0."""
        return record(build.logical_not, (self,))

    def bitwise_not(self) -> Tensor:
        """Every bit turned round; of bools, not.

        >>> import glia as gl
        >>> gl.tensor([0, 5]).bitwise_not()
        tensor([-1, -6])
        """
        return record(arithmetic.bitwise_not, (self,))

    def round(self, *, decimals: int = 0) -> Tensor:
        """To the nearest whole number, or to so many decimal places; halves to the even one.

        >>> import glia as gl
        >>> gl.tensor([0.5, 1.5]).round(), gl.tensor([1.25]).round(decimals=1)
        (tensor([0., 2.]), tensor([1.2]))
        """
        return record(arithmetic.round_to, (self,), decimals)

    def logit(self, eps: float | None = None) -> Tensor:
        """``ln(x / (1 - x))``, with ``x`` held in [eps, 1 - eps]."""
        return record(special.logit, (self,), eps)

    def polygamma(self, n: int) -> Tensor:
        """The n-th derivative of ``digamma``."""
        return record(special.polygamma, (self,), n)

    def mvlgamma(self, p: int) -> Tensor:
        """``p (p - 1)/4 ln π + Σ ln Γ(x - j/2)`` over j from 0 to p - 1."""
        return record(special.mvlgamma, (self,), p)

    def nan_to_num(
        self, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
    ) -> Tensor:
        """Numbers in place of NaN, +∞ and -∞ (by default 0 and the largest of the dtype).

        >>> import glia as gl
        >>> gl.tensor([float("nan"), float("inf")]).nan_to_num(posinf=9.0)
        tensor([0., 9.])
        """
        found = [None if x is None else float(x) for x in (nan, posinf, neginf)]
        return record(arithmetic.nan_to_num, (self,), found[0] or 0.0, found[1], found[2])

    def frexp(self) -> tuple[Tensor, Tensor]:
        """Mantissa ``m`` and exponent ``e`` (int32) with ``x = m 2ᵉ`` and ``½ ≤ |m| < 1``.

        >>> import glia as gl
        >>> gl.tensor([8.0]).frexp()
        (tensor([0.5]), tensor([4], dtype=glia.int32))
        """
        from glia.tensor.tensor import apply_all

        mantissa, exponent = apply_all(whole.frexp, (self,))
        return mantissa, exponent


def _square(x: Expr) -> Expr:
    """Of bools as of int64, as every power."""
    whole = build.cast(x, int64) if x.dtype.kind == "bool" else x
    return build.mul(whole, whole)


def _positive(x: Expr) -> Expr:
    if x.dtype.kind == "bool":
        raise DTypeError(teach("positive: expected numbers, found bool.", "convert first: x.int()"))
    return x


def _digamma(x: Expr) -> Expr:
    return gamma.digamma(build.to_float(x))

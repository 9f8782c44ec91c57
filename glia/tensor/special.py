"""Special functions: ``gl.special``, with PyTorch's names.

>>> import glia as gl
>>> gl.special.ndtr(gl.tensor([0.0, 1.96]))
tensor([0.5  , 0.975])
"""

from __future__ import annotations

from typing import Any

from glia.ir import special as _special
from glia.ir.ops import bessel as _bessel
from glia.ir.ops import functions as _rows
from glia.tensor.record import binary, record
from glia.tensor.tensor import Tensor, as_tensor


def _row(x: Any, row: Any) -> Tensor:
    return record(_special.unary, (as_tensor(x),), row)


def airy_ai(input: Any) -> Tensor:
    """Airy's function ``Ai(x)``, which solves ``y'' = x y``."""
    return _row(input, _bessel.AIRY)


def bessel_j0(input: Any) -> Tensor:
    """Bessel's function ``J₀(x)``."""
    return _row(input, _bessel.J0)


def bessel_j1(input: Any) -> Tensor:
    """Bessel's function ``J₁(x)``."""
    return _row(input, _bessel.J1)


def bessel_y0(input: Any) -> Tensor:
    """Bessel's function of the second kind ``Y₀(x)``."""
    return _row(input, _bessel.Y0)


def bessel_y1(input: Any) -> Tensor:
    """Bessel's function of the second kind ``Y₁(x)``."""
    return _row(input, _bessel.Y1)


def i0(input: Any) -> Tensor:
    """The modified Bessel function ``I₀(x)``."""
    return _row(input, _bessel.I0)


def i0e(input: Any) -> Tensor:
    """``e^(-|x|) I₀(x)``."""
    return _row(input, _bessel.I0E)


def i1(input: Any) -> Tensor:
    """The modified Bessel function ``I₁(x)``."""
    return _row(input, _bessel.I1)


def i1e(input: Any) -> Tensor:
    """``e^(-|x|) I₁(x)``."""
    return _row(input, _bessel.I1E)


def modified_bessel_i0(input: Any) -> Tensor:
    """As ``i0``."""
    return _row(input, _bessel.I0)


def modified_bessel_i1(input: Any) -> Tensor:
    """As ``i1``."""
    return _row(input, _bessel.I1)


def modified_bessel_k0(input: Any) -> Tensor:
    """The modified Bessel function of the second kind ``K₀(x)``."""
    return _row(input, _bessel.K0)


def modified_bessel_k1(input: Any) -> Tensor:
    """The modified Bessel function of the second kind ``K₁(x)``."""
    return _row(input, _bessel.K1)


def scaled_modified_bessel_k0(input: Any) -> Tensor:
    """``eˣ K₀(x)``."""
    return _row(input, _bessel.K0E)


def scaled_modified_bessel_k1(input: Any) -> Tensor:
    """``eˣ K₁(x)``."""
    return _row(input, _bessel.K1E)


def erfcx(input: Any) -> Tensor:
    """``e^(x²) erfc x``, which does not underflow."""
    return _row(input, _rows.ERFCX)


def ndtri(input: Any) -> Tensor:
    """The inverse of ``ndtr``."""
    return _row(input, _rows.NDTRI)


def entr(input: Any) -> Tensor:
    """``-x ln x``, 0 at 0, -∞ below."""
    return record(_special.entr, (as_tensor(input),))


def ndtr(input: Any) -> Tensor:
    """``½ erfc(-x/√2)``: the probability of a standard normal number below x."""
    return record(_special.ndtr, (as_tensor(input),))


def log_ndtr(input: Any) -> Tensor:
    """``ln ndtr(x)``, exact far below 0."""
    return record(_special.log_ndtr, (as_tensor(input),))


def spherical_bessel_j0(input: Any) -> Tensor:
    """``sin(x) / x``."""
    return record(_special.spherical_bessel_j0, (as_tensor(input),))


def digamma(input: Any) -> Tensor:
    """See :meth:`Tensor.digamma`."""
    return as_tensor(input).digamma()


def psi(input: Any) -> Tensor:
    """See :meth:`Tensor.digamma`."""
    return as_tensor(input).digamma()


def erf(input: Any) -> Tensor:
    """See :meth:`Tensor.erf`."""
    return as_tensor(input).erf()


def erfc(input: Any) -> Tensor:
    """See :meth:`Tensor.erfc`."""
    return as_tensor(input).erfc()


def erfinv(input: Any) -> Tensor:
    """See :meth:`Tensor.erfinv`."""
    return as_tensor(input).erfinv()


def exp2(input: Any) -> Tensor:
    """See :meth:`Tensor.exp2`."""
    return as_tensor(input).exp2()


def expit(input: Any) -> Tensor:
    """See :meth:`Tensor.sigmoid`."""
    return as_tensor(input).sigmoid()


def expm1(input: Any) -> Tensor:
    """See :meth:`Tensor.expm1`."""
    return as_tensor(input).expm1()


def gammaln(input: Any) -> Tensor:
    """See :meth:`Tensor.lgamma`."""
    return as_tensor(input).lgamma()


def log1p(input: Any) -> Tensor:
    """See :meth:`Tensor.log1p`."""
    return as_tensor(input).log1p()


def sinc(input: Any) -> Tensor:
    """See :meth:`Tensor.sinc`."""
    return as_tensor(input).sinc()


def logit(input: Any, eps: float | None = None) -> Tensor:
    """See :meth:`Tensor.logit`."""
    return as_tensor(input).logit(eps)


def round(input: Any, *, decimals: int = 0) -> Tensor:
    """See :meth:`Tensor.round`."""
    return as_tensor(input).round(decimals=decimals)


def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Tensor:
    """See :meth:`Tensor.logsumexp`."""
    return as_tensor(input).logsumexp(dim, keepdim)


def softmax(input: Any, dim: int, dtype: Any = None) -> Tensor:
    """See :meth:`Tensor.softmax`."""
    x = as_tensor(input)
    return (x if dtype is None else x.to(dtype)).softmax(dim)


def log_softmax(input: Any, dim: int, dtype: Any = None) -> Tensor:
    """See :meth:`Tensor.log_softmax`."""
    x = as_tensor(input)
    return (x if dtype is None else x.to(dtype)).log_softmax(dim)


def multigammaln(input: Any, p: int) -> Tensor:
    """See :meth:`Tensor.mvlgamma`."""
    return as_tensor(input).mvlgamma(p)


def polygamma(n: int, input: Any) -> Tensor:
    """The n-th derivative of ``digamma``.

    >>> polygamma(1, as_tensor([1.0]))
    tensor([1.6449])
    """
    return as_tensor(input).polygamma(n)


def xlogy(input: Any, other: Any) -> Tensor:
    """``input ln other``, 0 where ``input`` is 0."""
    return binary(_special.xlogy, as_tensor(input), other)


def xlog1py(input: Any, other: Any) -> Tensor:
    """``input ln(1 + other)``, 0 where ``input`` is 0."""
    return binary(_special.xlog1py, as_tensor(input), other)


def zeta(input: Any, other: Any) -> Tensor:
    """Hurwitz's ``Σ (other + k)^(-input)`` over k ≥ 0; no derivative by ``input``."""
    return binary(_special.zeta, as_tensor(input), other)


def gammainc(input: Any, other: Any) -> Tensor:
    """``∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt / Γ(a)`` with a = ``input``, x = ``other``; no derivative by a.

    >>> gammainc(as_tensor([1.0]), as_tensor([1.0]))
    tensor([0.6321])
    """
    return binary(_special.igamma, as_tensor(input), other)


def gammaincc(input: Any, other: Any) -> Tensor:
    """``1 - gammainc(input, other)``, exact where that is small."""
    return binary(_special.igammac, as_tensor(input), other)


def _polynomial(x: Any, n: Any, kind: str) -> Tensor:
    return record(_special.polynomial, (as_tensor(x), as_tensor(n)), kind)


def chebyshev_polynomial_t(input: Any, n: Any) -> Tensor:
    """Chebyshev's ``Tₙ(x)``; 0 for n < 0."""
    return _polynomial(input, n, "chebyshev_t")


def chebyshev_polynomial_u(input: Any, n: Any) -> Tensor:
    """Chebyshev's ``Uₙ(x)``; 0 for n < 0."""
    return _polynomial(input, n, "chebyshev_u")


def chebyshev_polynomial_v(input: Any, n: Any) -> Tensor:
    """Chebyshev's ``Vₙ(x)``; 0 for n < 0."""
    return _polynomial(input, n, "chebyshev_v")


def chebyshev_polynomial_w(input: Any, n: Any) -> Tensor:
    """Chebyshev's ``Wₙ(x)``; 0 for n < 0."""
    return _polynomial(input, n, "chebyshev_w")


def hermite_polynomial_h(input: Any, n: Any) -> Tensor:
    """Hermite's ``Hₙ(x)``, of physicists; 0 for n < 0."""
    return _polynomial(input, n, "hermite_h")


def hermite_polynomial_he(input: Any, n: Any) -> Tensor:
    """Hermite's ``Heₙ(x)``, of statisticians; 0 for n < 0."""
    return _polynomial(input, n, "hermite_he")


def laguerre_polynomial_l(input: Any, n: Any) -> Tensor:
    """Laguerre's ``Lₙ(x)``; 0 for n < 0."""
    return _polynomial(input, n, "laguerre_l")


def legendre_polynomial_p(input: Any, n: Any) -> Tensor:
    """Legendre's ``Pₙ(x)``; 0 for n < 0."""
    return _polynomial(input, n, "legendre_p")


def shifted_chebyshev_polynomial_t(input: Any, n: Any) -> Tensor:
    """``Tₙ(2x - 1)``; 0 for n < 0."""
    return _polynomial(input, n, "shifted_chebyshev_t")


def shifted_chebyshev_polynomial_u(input: Any, n: Any) -> Tensor:
    """``Uₙ(2x - 1)``; 0 for n < 0."""
    return _polynomial(input, n, "shifted_chebyshev_u")


def shifted_chebyshev_polynomial_v(input: Any, n: Any) -> Tensor:
    """``Vₙ(2x - 1)``; 0 for n < 0."""
    return _polynomial(input, n, "shifted_chebyshev_v")


def shifted_chebyshev_polynomial_w(input: Any, n: Any) -> Tensor:
    """``Wₙ(2x - 1)``; 0 for n < 0."""
    return _polynomial(input, n, "shifted_chebyshev_w")

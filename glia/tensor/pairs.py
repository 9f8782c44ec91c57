"""Methods that compute every element from two or three elements at its place.

``other`` is a tensor or a number; shapes are broadcast and dtypes promoted as in PyTorch: a number,
or a tensor without dimensions, never widens a tensor within its kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia.base.errors import DTypeError, ShapeError, teach
from glia.ir import arithmetic, build, special
from glia.tensor.record import Handle, Number, binary, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Pairs(Handle):
    """One result for every pair of elements."""

    __slots__ = ()

    def add(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """``self + alpha · other``.

        >>> import glia as gl
        >>> gl.tensor([1.0, 2.0]).add(gl.tensor([1.0, 1.0]), alpha=10)
        tensor([11., 12.])
        """
        return binary(build.add, self, _times(self, other, alpha))

    def sub(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """``self - alpha · other``."""
        return binary(build.sub, self, _times(self, other, alpha))

    def subtract(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """As ``sub``."""
        return self.sub(other, alpha=alpha)

    def rsub(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """``other - alpha · self``."""
        return binary(build.sub, _times(self, self, alpha), other, True)

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """``self / other``; ``rounding_mode`` is None, ``"trunc"`` or ``"floor"``.

        >>> import glia as gl
        >>> gl.tensor([7, -7]).div(2), gl.tensor([7, -7]).div(2, rounding_mode="trunc")
        (tensor([ 3.5, -3.5]), tensor([ 3, -3]))
        """
        if rounding_mode not in _DIVISIONS:
            message = f"div: expected None, 'trunc' or 'floor', got {rounding_mode!r}."
            raise ShapeError(teach(message))
        return binary(_DIVISIONS[rounding_mode], self, other)

    def divide(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """As ``div``."""
        return self.div(other, rounding_mode=rounding_mode)

    def pow(self, exponent: Any) -> Tensor:
        """``self ** exponent``."""
        return binary(arithmetic.checked_power, self, exponent)

    def mul(self, other: Any) -> Tensor:
        """``self · other``."""
        return binary(build.mul, self, other)

    def multiply(self, other: Any) -> Tensor:
        """As ``mul``."""
        return self.mul(other)

    def true_divide(self, other: Any) -> Tensor:
        """``self / other``, never whole."""
        return binary(build.div, self, other)

    def floor_divide(self, other: Any) -> Tensor:
        """``⌊self / other⌋``; of whole numbers by 0 it is 0."""
        return binary(build.floor_divide, self, other)

    def remainder(self, other: Any) -> Tensor:
        """What ``floor_divide`` leaves, with the sign of ``other``.

        >>> import glia as gl
        >>> gl.tensor([5, -5]).remainder(3)
        tensor([2, 1])
        """
        return binary(build.remainder, self, other)

    def fmod(self, other: Any) -> Tensor:
        """What division towards zero leaves, with the sign of ``self``.

        >>> import glia as gl
        >>> gl.tensor([5, -5]).fmod(3)
        tensor([ 2, -2])
        """
        return binary(arithmetic.fmod, self, other)

    def float_power(self, other: Any) -> Tensor:
        """``self ** other`` in float64."""
        return binary(arithmetic.float_power, self, other)

    def maximum(self, other: Any) -> Tensor:
        """The larger; NaN if either is."""
        return binary(arithmetic.greater, self, other)

    def minimum(self, other: Any) -> Tensor:
        """The smaller; NaN if either is."""
        return binary(arithmetic.smaller, self, other)

    def fmax(self, other: Any) -> Tensor:
        """The larger; of NaN and a number the number.

        >>> import glia as gl
        >>> gl.tensor([1.0, 2.0]).fmax(gl.tensor([float('nan'), 3.0]))
        tensor([1., 3.])
        """
        return binary(arithmetic.fmax, self, other)

    def fmin(self, other: Any) -> Tensor:
        """The smaller; of NaN and a number the number."""
        return binary(arithmetic.fmin, self, other)

    def atan2(self, other: Any) -> Tensor:
        """The angle of the point (other, self), from -π to π."""
        return binary(arithmetic.atan2, self, other)

    def arctan2(self, other: Any) -> Tensor:
        """As ``atan2``."""
        return self.atan2(other)

    def hypot(self, other: Any) -> Tensor:
        """``√(self² + other²)``, without overflow on the way.

        >>> import glia as gl
        >>> gl.tensor([3.0]).hypot(gl.tensor([4.0]))
        tensor([5.])
        """
        return binary(arithmetic.hypot, self, other)

    def copysign(self, other: Any) -> Tensor:
        """``|self|`` with the sign of ``other``."""
        return binary(arithmetic.copysign, self, other)

    def nextafter(self, other: Any) -> Tensor:
        """The next number of the dtype towards ``other``."""
        return binary(arithmetic.nextafter, self, other)

    def ldexp(self, other: Any) -> Tensor:
        """``self · 2^other``."""
        return binary(arithmetic.ldexp, self, other)

    def heaviside(self, other: Any) -> Tensor:
        """0 below 0, 1 above, ``other`` at 0."""
        return binary(arithmetic.heaviside, self, other)

    def logaddexp(self, other: Any) -> Tensor:
        """``ln(e^self + e^other)``.

        >>> import glia as gl
        >>> gl.tensor([0.0]).logaddexp(gl.tensor([0.0]))
        tensor([0.6931])
        """
        return binary(special.logaddexp, self, other)

    def logaddexp2(self, other: Any) -> Tensor:
        """``log₂(2^self + 2^other)``."""
        return binary(special.logaddexp2, self, other)

    def xlogy(self, other: Any) -> Tensor:
        """``self ln other``, 0 where ``self`` is 0.

        >>> import glia as gl
        >>> gl.tensor([0.0, 2.0]).xlogy(gl.tensor([0.0, 1.0]))
        tensor([0., 0.])
        """
        return binary(special.xlogy, self, other)

    def igamma(self, other: Any) -> Tensor:
        """``∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt / Γ(a)`` with a = ``self``, x = ``other``; no derivative by a."""
        return binary(special.igamma, self, other)

    def igammac(self, other: Any) -> Tensor:
        """``1 - igamma``, exact where that is small."""
        return binary(special.igammac, self, other)

    def gcd(self, other: Any) -> Tensor:
        """The greatest common divisor."""
        return binary(arithmetic.gcd, self, other)

    def lcm(self, other: Any) -> Tensor:
        """The least common multiple.

        >>> import glia as gl
        >>> gl.tensor([4, 6]).lcm(gl.tensor([6, 9]))
        tensor([12, 18])
        """
        return binary(arithmetic.lcm, self, other)

    def bitwise_and(self, other: Any) -> Tensor:
        """The bits that both have."""
        return binary(arithmetic.bitwise_and, self, other)

    def bitwise_or(self, other: Any) -> Tensor:
        """The bits that either has."""
        return binary(arithmetic.bitwise_or, self, other)

    def bitwise_xor(self, other: Any) -> Tensor:
        """The bits that one of them has."""
        return binary(arithmetic.bitwise_xor, self, other)

    def bitwise_left_shift(self, other: Any) -> Tensor:
        """``self · 2^other`` for whole numbers; bits pushed out are lost.

        >>> import glia as gl
        >>> gl.tensor([1, 3]).bitwise_left_shift(2)
        tensor([ 4, 12])
        """
        return binary(arithmetic.left_shift, self, other)

    def bitwise_right_shift(self, other: Any) -> Tensor:
        """``⌊self / 2^other⌋`` for whole numbers."""
        return binary(arithmetic.right_shift, self, other)

    def logical_and(self, other: Any) -> Tensor:
        """Whether both are not 0."""
        return binary(arithmetic.logical_and, self, other)

    def logical_or(self, other: Any) -> Tensor:
        """Whether either is not 0."""
        return binary(arithmetic.logical_or, self, other)

    def logical_xor(self, other: Any) -> Tensor:
        """Whether one of them is not 0."""
        return binary(arithmetic.logical_xor, self, other)

    def eq(self, other: Any) -> Tensor:
        """Where ``self = other``."""
        return binary(build.eq, self, other)

    def ne(self, other: Any) -> Tensor:
        """Where ``self ≠ other``."""
        return binary(build.ne, self, other)

    def not_equal(self, other: Any) -> Tensor:
        """As ``ne``."""
        return self.ne(other)

    def lt(self, other: Any) -> Tensor:
        """Where ``self < other``."""
        return binary(build.lt, self, other)

    def less(self, other: Any) -> Tensor:
        """As ``lt``."""
        return self.lt(other)

    def le(self, other: Any) -> Tensor:
        """Where ``self ≤ other``."""
        return binary(build.le, self, other)

    def less_equal(self, other: Any) -> Tensor:
        """As ``le``."""
        return self.le(other)

    def gt(self, other: Any) -> Tensor:
        """Where ``self > other``."""
        return binary(build.gt, self, other)

    def greater(self, other: Any) -> Tensor:
        """As ``gt``."""
        return self.gt(other)

    def ge(self, other: Any) -> Tensor:
        """Where ``self ≥ other``."""
        return binary(build.ge, self, other)

    def greater_equal(self, other: Any) -> Tensor:
        """As ``ge``."""
        return self.ge(other)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """Every element held between ``min`` and ``max``, numbers or tensors; NaN stays.

        >>> import glia as gl
        >>> gl.tensor([-1.0, 0.5, 2.0]).clamp(0, 1)
        tensor([0. , 0.5, 1. ])
        """
        if min is None and max is None:
            raise ShapeError(teach("clamp: expected min or max, got neither.", "give at least one"))
        out: Any = self
        if min is not None:
            out = binary(arithmetic.at_least, out, min)
        return out if max is None else binary(arithmetic.at_most, out, max)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """As ``clamp``."""
        return self.clamp(min, max)

    def clamp_min(self, min: Any) -> Tensor:
        """Every element at least ``min``."""
        return binary(arithmetic.at_least, self, min)

    def clamp_max(self, max: Any) -> Tensor:
        """Every element at most ``max``."""
        return binary(arithmetic.at_most, self, max)

    def lerp(self, end: Tensor, weight: Any) -> Tensor:
        """``self + weight (end - self)``.

        >>> import glia as gl
        >>> gl.tensor([0.0, 10.0]).lerp(gl.tensor([10.0, 20.0]), 0.25)
        tensor([ 2.5, 12.5])
        """
        if isinstance(weight, bool | int | float | complex):
            return record(arithmetic.lerp, (self, end), weight)
        return record(arithmetic.lerp, (self, end, weight))

    def addcmul(self, tensor1: Any, tensor2: Any, *, value: Number = 1) -> Tensor:
        """``self + value · tensor1 · tensor2``."""
        return self.add(_times(self, tensor1, value) * tensor2)

    def addcdiv(self, tensor1: Any, tensor2: Any, *, value: Number = 1) -> Tensor:
        """``self + value · tensor1 / tensor2``; whole numbers are refused, as in PyTorch."""
        if all(not x.dtype.is_inexact for x in (tensor1, tensor2)):
            message = "addcdiv: expected floating-point tensors, found whole numbers."
            raise DTypeError(teach(message, "convert first: x.float()"))
        return self.add(_times(self, tensor1, value) / tensor2)

    def isclose(
        self, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
    ) -> Tensor:
        """Where ``|self - other| ≤ atol + rtol |other|``."""
        options = (float(rtol), float(atol), bool(equal_nan))
        return record(arithmetic.isclose, (self, other), *options)

    def allclose(
        self, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
    ) -> bool:
        """Whether all elements are close; computes at once.

        >>> import glia as gl
        >>> gl.tensor([1.0]).allclose(gl.tensor([1.000001]))
        True
        """
        return bool(self.isclose(other, rtol, atol, equal_nan).all().item())

    def equal(self, other: Tensor) -> bool:
        """Whether shape and all elements are equal; computes at once."""
        if self.shape != other.shape:
            return False
        return bool(binary(build.eq, self, other).all().item())

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """``self`` where the condition holds, else ``other``."""
        from glia.tensor.create import where

        return where(condition, self, other)


_DIVISIONS: dict[str | None, Any] = {
    None: build.div,
    "trunc": arithmetic.divide_towards_zero,
    "floor": arithmetic.divide_down,
}


def _times(x: Any, other: Any, alpha: Number) -> Any:
    """``alpha · other`` for a sum with ``x``; a fraction of whole numbers is refused."""
    if alpha == 1:
        return other
    kinds = {getattr(part, "dtype", x.dtype).kind for part in (x, other)}
    if isinstance(alpha, float) and not kinds & {"float", "complex"} and not _is_fraction(other):
        message = f"expected a whole factor for whole numbers, found {alpha}."
        raise DTypeError(teach(message, "convert first: x.float()"))
    return other * alpha


def _is_fraction(x: Any) -> bool:
    return isinstance(x, float | complex)

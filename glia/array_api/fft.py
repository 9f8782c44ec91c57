"""The extension ``fft``: Fourier transforms, by those of ``gl.fft``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from glia.array_api.arguments import array
from glia.array_api.array import Array, check_device, of, plain
from glia.array_api.data_types import check_category, checked_dtype
from glia.array_api.examples import example
from glia.base.dtypes import DType, float32
from glia.tensor import fft as _fft

__all__ = [
    "fft",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftfreq",
    "rfftn",
]

Norm = Literal["backward", "ortho", "forward"]
_NORMS = "``norm`` says where 1/n stands."


def _one(name: str, category: str, text: str) -> Callable[..., Array]:
    method = getattr(_fft, name)

    def function(
        x: Array, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward"
    ) -> Array:
        x = array(name, x, category)
        return of(method(plain(x), n, axis, norm))

    function.__name__ = function.__qualname__ = name
    text = f"{text} along an axis, of n elements (cut, or with zeros added). {_NORMS}"
    function.__doc__ = f"{text}\n\n    {example('fft.' + name)}"
    return function


def _many(name: str, category: str, text: str) -> Callable[..., Array]:
    method = getattr(_fft, name)

    def function(
        x: Array,
        /,
        *,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = None,
        norm: Norm = "backward",
    ) -> Array:
        x = array(name, x, category)
        return of(method(plain(x), s, axes, norm))

    function.__name__ = function.__qualname__ = name
    text = f"{text} along axes, in sizes s. {_NORMS}"
    function.__doc__ = f"{text}\n\n    {example('fft.' + name)}"
    return function


fft = _one("fft", "floating", "The Fourier transform ``Σ xₖ e^(-2πi jk / n)``")
ifft = _one("ifft", "floating", "The inverse Fourier transform")
fftn = _many("fftn", "floating", "The Fourier transform")
ifftn = _many("ifftn", "floating", "The inverse Fourier transform")
rfft = _one("rfft", "real floating", "The half of the transform of real numbers that says all")
irfft = _one("irfft", "floating", "The inverse of ``rfft``")
rfftn = _many("rfftn", "real floating", "The half of the transform of real numbers that says all")
irfftn = _many("irfftn", "floating", "The inverse of ``rfftn``")
hfft = _one("hfft", "floating", "The real transform of a Hermitian signal given by half")
ihfft = _one("ihfft", "real floating", "The inverse of ``hfft``")


def _frequencies(name: str, n: int, d: float, dtype: DType | None, device: Any) -> Array:
    check_device(device)
    found = float32 if dtype is None else checked_dtype(dtype)
    check_category(name, found, "real floating")
    return of(getattr(_fft, name)(n, d, dtype=found))


def fftfreq(n: int, /, *, d: float = 1.0, dtype: DType | None = None, device: Any = None) -> Array:
    """The frequencies of ``fft`` for samples at distance d: 0, 1, … and then negative ones.

    Example:
        >>> import glia.array_api as xp
        >>> xp.fft.fftfreq(4)
        tensor([ 0.  ,  0.25, -0.5 , -0.25])
    """
    return _frequencies("fftfreq", n, d, dtype, device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: DType | None = None, device: Any = None) -> Array:
    """The frequencies of ``rfft`` for samples at distance d.

    >>> import glia.array_api as xp
    >>> xp.fft.rfftfreq(4)
    tensor([0.  , 0.25, 0.5 ])
    """
    return _frequencies("rfftfreq", n, d, dtype, device)


def fftshift(x: Array, /, *, axes: int | Sequence[int] | None = None) -> Array:
    """The frequency 0 in the middle.

    >>> import glia.array_api as xp
    >>> xp.fft.fftshift(xp.fft.fftfreq(4))
    tensor([-0.5 , -0.25,  0.  ,  0.25])
    """
    return of(_fft.fftshift(plain(array("fftshift", x, "floating")), axes))


def ifftshift(x: Array, /, *, axes: int | Sequence[int] | None = None) -> Array:
    """The inverse of ``fftshift``.

    >>> import glia.array_api as xp
    >>> xp.fft.ifftshift(xp.asarray([-0.5, -0.25, 0.0, 0.25]))
    tensor([ 0.  ,  0.25, -0.5 , -0.25])
    """
    return of(_fft.ifftshift(plain(array("ifftshift", x, "floating")), axes))

"""``gl.fft``: discrete Fourier transforms, with PyTorch's names and defaults.

``norm`` says where the factor ``1/n`` goes: ``"backward"`` (the default) scales the inverse,
``"forward"`` the transform, ``"ortho"`` both by ``1/√n``. A size ``n`` (or sizes ``s``) cuts the
input off or fills it up with zeros. Everything is differentiable.

Source: J. W. Cooley and J. W. Tukey, An algorithm for the machine calculation of complex Fourier
series, Mathematics of Computation 19 (1965).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import as_dtype, float32
from glia.base.errors import ArgumentError, teach
from glia.ir import fourier as formulas
from glia.ir.expr import Expr
from glia.tensor.tensor import Tensor, apply, as_tensor


def fft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """``Xₖ = Σₙ xₙ e^(-2πi kn/N)`` along one dimension; the result is complex.

    Args:
        n: the size to transform: the input is cut off or filled up with zeros.
        dim: the dimension.
        norm: see the text of the module.

    Shape:
        as the input, but for ``n``.

    Raises:
        ShapeError: the dimension does not exist or is empty.
        ArgumentError: ``norm`` is unknown.
        DTypeError: the input is complex and should be real.

    >>> fft([1.0, 0.0, 0.0])
    tensor([1.+0.j, 1.+0.j, 1.+0.j], dtype=glia.complex64)
    """
    return _one("fft", formulas.fftn, input, n, dim, norm, False)


def ifft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """``xₙ = 1/N Σₖ Xₖ e^(2πi kn/N)``, the inverse of ``fft``.

    Arguments and errors as for ``fft``.

    >>> ifft(fft([1.0, 2.0])).real
    tensor([1., 2.])
    """
    return _one("ifft", formulas.fftn, input, n, dim, norm, True)


def rfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The first ``n // 2 + 1`` frequencies of real numbers; the others are their conjugates.

    Arguments and errors as for ``fft``.

    >>> rfft([1.0, 0.0, 0.0])
    tensor([1.+0.j, 1.+0.j], dtype=glia.complex64)
    """
    return _one("rfft", formulas.rfftn, input, n, dim, norm, False)


def irfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """``n`` real numbers from half of their frequencies (default n: twice as many, less two).

    Arguments and errors as for ``fft``.

    >>> irfft(rfft([1.0, 2.0, 3.0]), n=3)
    tensor([1., 2., 3.])
    """
    return _one("irfft", formulas.irfftn, input, n, dim, norm, True)


def hfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The real frequencies of numbers whose other half is their conjugates.

    Arguments and errors as for ``fft``.

    >>> hfft([1.0, 2.0, 3.0])
    tensor([ 8., -2.,  0., -2.])
    """
    return _one("hfft", formulas.irfftn, input, n, dim, norm, False)


def ihfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of ``hfft``: half of the numbers with these real frequencies.

    Arguments and errors as for ``fft``.

    >>> ihfft([1.0, 2.0, 3.0])
    tensor([ 2. +0.j    , -0.5-0.2887j], dtype=glia.complex64)
    """
    return _one("ihfft", formulas.rfftn, input, n, dim, norm, True)


def fft2(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = (-2, -1),
    norm: str | None = None,
) -> Tensor:
    """``fft`` over two dimensions, in one go.

    >>> fft2([[1.0, 2.0], [3.0, 4.0]])
    tensor([[10.+0.j, -2.+0.j],
            [-4.+0.j,  0.+0.j]], dtype=glia.complex64)
    """
    return _many("fft2", formulas.fftn, input, s, dim, norm, False)


def fftn(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:
    """``fft`` over all dimensions, in one go.

    >>> fftn([[1.0, 2.0], [3.0, 4.0]])
    tensor([[10.+0.j, -2.+0.j],
            [-4.+0.j,  0.+0.j]], dtype=glia.complex64)
    """
    return _many("fftn", formulas.fftn, input, s, dim, norm, False)


def ifft2(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = (-2, -1),
    norm: str | None = None,
) -> Tensor:
    """``ifft`` over two dimensions, in one go.

    >>> ifft2([[1.0, 2.0], [3.0, 4.0]])
    tensor([[ 2.5+0.j, -0.5+0.j],
            [-1. +0.j,  0. +0.j]], dtype=glia.complex64)
    """
    return _many("ifft2", formulas.fftn, input, s, dim, norm, True)


def ifftn(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:
    """``ifft`` over all dimensions, in one go.

    >>> ifftn([[1.0, 2.0], [3.0, 4.0]])
    tensor([[ 2.5+0.j, -0.5+0.j],
            [-1. +0.j,  0. +0.j]], dtype=glia.complex64)
    """
    return _many("ifftn", formulas.fftn, input, s, dim, norm, True)


def rfft2(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = (-2, -1),
    norm: str | None = None,
) -> Tensor:
    """``rfft`` along the last of two dimensions, ``fft`` along the others.

    >>> rfft2([[1.0, 2.0], [3.0, 4.0]])
    tensor([[10.+0.j, -2.+0.j],
            [-4.+0.j,  0.+0.j]], dtype=glia.complex64)
    """
    return _many("rfft2", formulas.rfftn, input, s, dim, norm, False)


def rfftn(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:
    """``rfft`` along the last of all dimensions, ``fft`` along the others.

    >>> rfftn([[1.0, 2.0], [3.0, 4.0]])
    tensor([[10.+0.j, -2.+0.j],
            [-4.+0.j,  0.+0.j]], dtype=glia.complex64)
    """
    return _many("rfftn", formulas.rfftn, input, s, dim, norm, False)


def irfft2(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = (-2, -1),
    norm: str | None = None,
) -> Tensor:
    """``irfft`` along the last of two dimensions, ``ifft`` along the others.

    >>> irfft2([[1.0, 2.0], [3.0, 4.0]])
    tensor([[ 2.5, -0.5],
            [-1. ,  0. ]])
    """
    return _many("irfft2", formulas.irfftn, input, s, dim, norm, True)


def irfftn(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:
    """``irfft`` along the last of all dimensions, ``ifft`` along the others.

    >>> irfftn([[1.0, 2.0], [3.0, 4.0]])
    tensor([[ 2.5, -0.5],
            [-1. ,  0. ]])
    """
    return _many("irfftn", formulas.irfftn, input, s, dim, norm, True)


def hfft2(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = (-2, -1),
    norm: str | None = None,
) -> Tensor:
    """``hfft`` along the last of two dimensions, ``fft`` along the others.

    >>> hfft2([[1.0, 2.0], [3.0, 4.0]])
    tensor([[10., -2.],
            [-4.,  0.]])
    """
    return _many("hfft2", formulas.irfftn, input, s, dim, norm, False)


def hfftn(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:
    """``hfft`` along the last of all dimensions, ``fft`` along the others.

    >>> hfftn([[1.0, 2.0], [3.0, 4.0]])
    tensor([[10., -2.],
            [-4.,  0.]])
    """
    return _many("hfftn", formulas.irfftn, input, s, dim, norm, False)


def ihfft2(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = (-2, -1),
    norm: str | None = None,
) -> Tensor:
    """``ihfft`` along the last of two dimensions, ``ifft`` along the others.

    >>> ihfft2([[1.0, 2.0], [3.0, 4.0]])
    tensor([[ 2.5+0.j, -0.5-0.j],
            [-1. +0.j,  0. +0.j]], dtype=glia.complex64)
    """
    return _many("ihfft2", formulas.rfftn, input, s, dim, norm, True)


def ihfftn(
    input: Any,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:
    """``ihfft`` along the last of all dimensions, ``ifft`` along the others.

    >>> ihfftn([[1.0, 2.0], [3.0, 4.0]])
    tensor([[ 2.5+0.j, -0.5-0.j],
            [-1. +0.j,  0. +0.j]], dtype=glia.complex64)
    """
    return _many("ihfftn", formulas.rfftn, input, s, dim, norm, True)


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None) -> Tensor:
    """The frequencies of ``fft`` of n numbers ``d`` apart: ``0, 1, …, -2, -1`` over ``n d``.

    >>> fftfreq(4)
    tensor([ 0.  ,  0.25, -0.5 , -0.25])
    """
    _check_count("fftfreq", n)
    steps = np.arange(n)
    return _frequencies("fftfreq", n, d, dtype, np.where(steps < (n + 1) // 2, steps, steps - n))


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None) -> Tensor:
    """The frequencies of ``rfft`` of n numbers ``d`` apart.

    >>> rfftfreq(4)
    tensor([0.  , 0.25, 0.5 ])
    """
    _check_count("rfftfreq", n)
    return _frequencies("rfftfreq", n, d, dtype, np.arange(n // 2 + 1))


def fftshift(input: Any, dim: int | Sequence[int] | None = None) -> Tensor:
    """Frequency zero moved from the front to the middle.

    >>> fftshift(fftfreq(4))
    tensor([-0.5 , -0.25,  0.  ,  0.25])
    """
    dims = tuple(dim) if isinstance(dim, Sequence) else dim
    return apply(formulas.shifted, (as_tensor(input),), dims, False)


def ifftshift(input: Any, dim: int | Sequence[int] | None = None) -> Tensor:
    """The reverse of ``fftshift``.

    >>> ifftshift(fftshift(fftfreq(4)))
    tensor([ 0.  ,  0.25, -0.5 , -0.25])
    """
    dims = tuple(dim) if isinstance(dim, Sequence) else dim
    return apply(formulas.shifted, (as_tensor(input),), dims, True)


def _one(
    name: str, formula: Callable[..., Expr], x: Any, n: int | None, dim: int, *rest: Any
) -> Tensor:
    """A transform along one dimension."""
    sizes = None if n is None else (int(n),)
    return apply(_named, (as_tensor(x),), formula, f"fft.{name}", sizes, (dim,), *rest)


def _many(name: str, formula: Callable[..., Expr], x: Any, s: Any, dim: Any, *rest: Any) -> Tensor:
    """A transform along several dimensions."""
    sizes, dims = (None if v is None else _listed(v) for v in (s, dim))
    return apply(_named, (as_tensor(x),), formula, f"fft.{name}", sizes, dims, *rest)


def _listed(sizes: int | Sequence[int]) -> tuple[int, ...]:
    return tuple(map(int, sizes)) if isinstance(sizes, Sequence) else (int(sizes),)


def _named(x: Expr, formula: Callable[..., Expr], name: str, *rest: Any) -> Expr:
    return formula(name, x, *rest)


def _frequencies(name: str, n: int, d: float, dtype: Any, found: np.ndarray) -> Tensor:
    kind = float32 if dtype is None else as_dtype(dtype)
    return Tensor((found / (n * d)).astype(kind.np))


def _check_count(name: str, n: int) -> None:
    if n < 1:
        raise ArgumentError(teach(f"fft.{name}: expected n of at least 1, found {n}."))

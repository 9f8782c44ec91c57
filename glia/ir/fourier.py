"""Fourier transforms as people write them: sizes, dimensions and scales (``norm``)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.shapes import Shape, normalize_dim, normalize_dims, numel
from glia.ir.arrange import roll
from glia.ir.build import cast, mul, to_float
from glia.ir.expr import Expr
from glia.ir.ops.complex import conj
from glia.ir.ops.fourier import fft, irfft, rfft
from glia.ir.ops.view import pad, slice_

Sizes = Sequence[int] | None
Norm = str | None


def where_to(name: str, x: Expr, s: Sizes, dim: Sizes) -> tuple[Shape, Shape]:
    """The dimensions to transform and their sizes; -1 keeps a size."""
    if dim is None:
        count = x.ndim if s is None else len(s)
        if count > x.ndim:
            message = f"{name}: {count} sizes for shape {x.shape}."
            raise ShapeError(teach(message, "give at most one size for each dimension"))
        dims = tuple(range(x.ndim - count, x.ndim))
    else:
        dims = tuple(normalize_dim(d, x.ndim) for d in dim)
    if len(set(dims)) < len(dims) or (s is not None and len(s) != len(dims)):
        message = f"{name}: dimensions {dims} and sizes {s} do not fit."
        raise ShapeError(teach(message, "name each dimension once, with one size each"))
    sizes = tuple(x.shape[d] for d in dims) if s is None else tuple(s)
    sizes = tuple(x.shape[d] if n == -1 else n for d, n in zip(dims, sizes, strict=True))
    if any(n < 1 for n in sizes):
        message = f"{name}: expected sizes of at least 1, found {sizes}."
        raise ShapeError(teach(message, "give at least one element"))
    return dims, sizes


def resized(x: Expr, dims: Shape, sizes: Shape) -> Expr:
    """Cut off, or filled up with zeros, at the end."""
    stop, after = list(x.shape), [0] * x.ndim
    for dim, size in zip(dims, sizes, strict=True):
        stop[dim] = min(size, x.shape[dim])
        after[dim] = size - stop[dim]
    zeros = (0,) * x.ndim
    return pad(slice_(x, zeros, tuple(stop), (1,) * x.ndim), zeros, tuple(after))


def _scaled(name: str, x: Expr, sizes: Shape, norm: Norm, inverse: bool) -> Expr:
    n = numel(sizes)
    factors = {
        "backward": 1 / n if inverse else 1.0,
        "forward": 1.0 if inverse else 1 / n,
        "ortho": 1 / math.sqrt(n),
    }
    factor = factors.get("backward" if norm is None else norm)
    if factor is None:
        message = f"{name}: expected norm 'backward', 'ortho' or 'forward', found {norm!r}."
        raise ArgumentError(teach(message))
    return x if factor == 1 else mul(x, factor)


def _complex(x: Expr) -> Expr:
    x = to_float(x)
    return cast(x, x.dtype.to_complex())


def _real(name: str, x: Expr) -> Expr:
    if x.dtype.is_complex:
        message = f"{name}: expected real numbers, found {x.dtype.name}."
        raise DTypeError(teach(message, "use the transform of complex numbers, or take x.real"))
    return to_float(x)


def fftn(name: str, x: Expr, s: Sizes, dim: Sizes, norm: Norm, inverse: bool) -> Expr:
    """Complex to complex."""
    dims, sizes = where_to(name, x, s, dim)
    found = fft(resized(_complex(x), dims, sizes), dims, inverse)
    return _scaled(name, found, sizes, norm, inverse)


def rfftn(name: str, x: Expr, s: Sizes, dim: Sizes, norm: Norm, inverse: bool) -> Expr:
    """Real to the half of the frequencies that determine the others; inverse: conjugated."""
    x = _real(name, x)
    dims, sizes = where_to(name, x, s, dim)
    _some(name, dims)
    half = rfft(resized(x, dims, sizes), dims[-1])
    found = fft(conj(half) if inverse else half, dims[:-1], inverse)
    return _scaled(name, found, sizes, norm, inverse)


def irfftn(name: str, x: Expr, s: Sizes, dim: Sizes, norm: Norm, inverse: bool) -> Expr:
    """Half of the frequencies to real numbers; forward: of the conjugates."""
    dims, sizes = where_to(name, x, s, dim)
    _some(name, dims)
    last = sizes[-1]
    if s is None or s[-1] == -1:
        last = 2 * (x.shape[dims[-1]] - 1)
        if last < 1:
            message = f"{name}: shape {x.shape} has one frequency along dimension {dims[-1]}."
            raise ShapeError(teach(message, "say how many numbers it stands for: n=1"))
    x = resized(_complex(x), dims, (*sizes[:-1], last // 2 + 1))
    x = fft(x, dims[:-1], inverse)
    found = irfft(x if inverse else conj(x), dims[-1], last)
    return _scaled(name, found, (*sizes[:-1], last), norm, inverse)


def _some(name: str, dims: Shape) -> None:
    if not dims:
        raise ShapeError(teach(f"{name}: expected at least one dimension to transform."))


def shifted(x: Expr, dim: int | Shape | None, back: bool) -> Expr:
    """Frequency zero from the front to the middle, or back."""
    dims = normalize_dims(dim, x.ndim)
    moves = tuple((x.shape[d] + 1) // 2 if back else x.shape[d] // 2 for d in dims)
    return roll(x, moves, dims)

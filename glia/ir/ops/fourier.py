"""Fourier transforms, not scaled. NumPy computes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.table import Bad, Op, Sample, register


def _dims_fit(name: str, x: Expr, dims: Sequence[int]) -> None:
    if len(set(dims)) < len(dims) or any(not 0 <= dim < x.ndim for dim in dims):
        message = f"{name}: dimensions {tuple(dims)} do not fit shape {x.shape}."
        raise ShapeError(teach(message, "name each dimension once"))
    if any(x.shape[dim] == 0 for dim in dims):
        message = f"{name}: nothing to transform in shape {x.shape} along {tuple(dims)}."
        raise ShapeError(teach(message, "give at least one element"))


def _expected(name: str, kind: str, x: Expr) -> None:
    if x.dtype.kind != kind or x.dtype.name == "float16":
        wanted = "complex numbers" if kind == "complex" else "float32 or float64"
        raise DTypeError(teach(f"{name}: expected {wanted}, found {x.dtype.name}."))


def _fft_infer(inputs: tuple[Expr, ...], dims: Shape, inverse: bool) -> tuple[Shape, DType]:
    (x,) = inputs
    _expected("fft", "complex", x)
    _dims_fit("fft", x, dims)
    return x.shape, x.dtype


def _fft_numpy(x: np.ndarray, dims: Shape, inverse: bool) -> np.ndarray:
    transform = np.fft.ifftn if inverse else np.fft.fftn
    return transform(x, axes=dims, norm="forward" if inverse else "backward").astype(x.dtype)


def _rfft_infer(inputs: tuple[Expr, ...], dim: int) -> tuple[Shape, DType]:
    (x,) = inputs
    _expected("rfft", "float", x)
    _dims_fit("rfft", x, (dim,))
    shape = (*x.shape[:dim], x.shape[dim] // 2 + 1, *x.shape[dim + 1 :])
    return shape, x.dtype.to_complex()


def _rfft_numpy(x: np.ndarray, dim: int) -> np.ndarray:
    return np.fft.rfft(x, axis=dim).astype(np.result_type(x.dtype, np.complex64))


def _irfft_infer(inputs: tuple[Expr, ...], dim: int, size: int) -> tuple[Shape, DType]:
    (x,) = inputs
    _expected("irfft", "complex", x)
    _dims_fit("irfft", x, (dim,))
    if size < 1 or x.shape[dim] != size // 2 + 1:
        message = f"irfft: {size} numbers have {size // 2 + 1} frequencies, found shape {x.shape}."
        raise ShapeError(teach(message, "give a size n of at least 1"))
    return (*x.shape[:dim], size, *x.shape[dim + 1 :]), x.dtype.to_real()


def _irfft_numpy(x: np.ndarray, dim: int, size: int) -> np.ndarray:
    return np.fft.irfft(x, size, axis=dim, norm="forward").astype(x.real.dtype)


def _shares(node: Expr, dim: int, size: int) -> Expr:
    """How many of all frequencies each of the kept ones stands for: 1 or 2."""
    from glia.ir import build
    from glia.ir.ops.source import iota
    from glia.ir.ops.view import reshape

    count = size // 2 + 1
    k = iota(count)
    alone = build.add(build.eq(k, 0), build.eq(build.mul(k, 2), size))
    shape = tuple(count if d == dim else 1 for d in range(node.ndim))
    return build.cast(reshape(build.where(alone, 1.0, 2.0), shape), node.dtype.to_real())


def _rfft_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    from glia.ir import build

    (dim,) = node.attrs
    size = node.inputs[0].shape[dim]
    return (intern(IRFFT, (build.div(g, _shares(node, dim, size)),), (dim, size)),)


def _irfft_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    from glia.ir import build

    dim, size = node.attrs
    return (build.mul(intern(RFFT, (g,), (dim,)), _shares(node, dim, size)),)


def _complex(shape: Shape, dtype: type = np.complex64) -> np.ndarray:
    rng = np.random.default_rng(13)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


FFT = register(
    Op(
        "fft",
        "host",
        "Xₖ = Σₙ xₙ e^(∓2πi kn/N)",
        _fft_infer,
        _fft_numpy,
        lambda node, g: (intern(FFT, (g,), (node.attrs[0], not node.attrs[1])),),
        ("dims", "inverse"),
        lambda: [
            Sample((_complex((2, 6)),), {"dims": (1,), "inverse": False}),
            Sample((_complex((2, 5)),), {"dims": (1,), "inverse": True}),
            Sample((_complex((3, 1, 4), np.complex128),), {"dims": (2, 0), "inverse": False}),
        ],
        lambda: [
            Bad((np.ones(3),), {"dims": (0,), "inverse": False}, DTypeError, "expected complex"),
            Bad((_complex((3,)),), {"dims": (0, 0), "inverse": False}, ShapeError, "once"),
            Bad((_complex((0,)),), {"dims": (0,), "inverse": False}, ShapeError, "nothing"),
        ],
    )
)
RFFT = register(
    Op(
        "rfft",
        "host",
        "Xₖ = Σₙ xₙ e^(-2πi kn/N) of real x, k ≤ N/2",
        _rfft_infer,
        _rfft_numpy,
        _rfft_gradient,
        ("dim",),
        lambda: [
            Sample((_complex((2, 6)).real,), {"dim": 1}),
            Sample((_complex((5, 3), np.complex128).imag,), {"dim": 0}),
            Sample((_complex((1,), np.complex128).imag,), {"dim": 0}),
        ],
        lambda: [
            Bad((_complex((3,)),), {"dim": 0}, DTypeError, "expected float32"),
            Bad((np.ones(3),), {"dim": 1}, ShapeError, "do not fit"),
        ],
    )
)
IRFFT = register(
    Op(
        "irfft",
        "host",
        "xₙ = Re Σₖ wₖ Xₖ e^(2πi kn/N), wₖ = 2 for 0 < k < N/2, else 1",
        _irfft_infer,
        _irfft_numpy,
        _irfft_gradient,
        ("dim", "size"),
        lambda: [
            Sample((_complex((2, 4)),), {"dim": 1, "size": 6}),
            Sample((_complex((3, 2), np.complex128),), {"dim": 0, "size": 5}),
            Sample((_complex((1,), np.complex128),), {"dim": 0, "size": 1}),
        ],
        lambda: [
            Bad((np.ones(3),), {"dim": 0, "size": 4}, DTypeError, "expected complex"),
            Bad((_complex((3,)),), {"dim": 0, "size": 8}, ShapeError, "frequencies"),
        ],
    )
)


def fft(x: Expr, dims: Shape, inverse: bool = False) -> Expr:
    """The transform of complex numbers along some dimensions, or its inverse times their size."""
    return intern(FFT, (x,), (dims, inverse)) if dims else x


def rfft(x: Expr, dim: int) -> Expr:
    """The transform of real numbers: the frequencies that determine the others."""
    return intern(RFFT, (x,), (dim,))


def irfft(x: Expr, dim: int, size: int) -> Expr:
    """``size`` real numbers from their frequencies, times ``size``."""
    return intern(IRFFT, (x,), (dim, size))

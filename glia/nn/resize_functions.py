"""Pictures of another size, as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.nn import resize_formulas as _f
from glia.nn.functional_checks import positive
from glia.tensor.tensor import Tensor, apply

Size = int | Sequence[int]
Factor = float | Sequence[float]
#: Dimensions besides N and C that a mode is for.
_MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "area": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
}


def interpolate(
    input: Tensor,
    size: Size | None = None,
    scale_factor: Factor | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """(N, C, …) with another size: pictures made larger or smaller.

    Args:
        size: the new size, or
        scale_factor: by how much it is to grow, one number or one for each dimension.
        mode: ``"nearest"``, ``"nearest-exact"`` (measured between the middles of pixels),
            ``"area"`` (means), or by the dimensions there are ``"linear"``, ``"bilinear"``,
            ``"bicubic"``, ``"trilinear"``.
        align_corners: the middles of corner pixels stay where they are; else the corners do.
        recompute_scale_factor: places follow from the sizes, not from the factor.
        antialias: made smaller without aliasing; for ``"bilinear"`` and ``"bicubic"``.

    Example:
        >>> import glia as gl
        >>> interpolate(gl.tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear").tolist()
        [[[1.0, 1.5, 2.5, 3.0]]]

    Source: Keys, "Cubic convolution interpolation for digital image processing" (1981).
    """
    dims = input.ndim - 2
    _check_mode(input, mode, align_corners, antialias)
    counts, factors = _sizes(input, size, scale_factor)
    if recompute_scale_factor and scale_factor is None:
        what = tr(
            "interpolate: recompute_scale_factor needs a scale_factor.",
            "interpolate：recompute_scale_factor 需要 scale_factor。",
        )
        _refuse(what)
    if recompute_scale_factor:
        factors = (None,) * dims
    attrs = (counts, factors, mode, bool(align_corners), bool(antialias))
    return apply(_f.interpolate, (input,), *attrs)


def _refuse(what: str) -> None:
    raise ArgumentError(teach(what))


def _check_mode(input: Tensor, mode: str, corners: bool | None, antialias: bool) -> None:
    if mode not in _MODES:
        names = ", ".join(map(repr, _MODES))
        what = tr(
            f"interpolate: expected mode {names}, found {mode!r}.",
            f"interpolate：mode 应为 {names} 之一，得到 {mode!r}。",
        )
        _refuse(what)
    if input.ndim - 2 not in _MODES[mode]:
        what = tr(
            f"interpolate: mode {mode!r} does not fit {input.shape}.",
            f"interpolate：mode {mode!r} 不适合形状 {input.shape}。",
        )
        help = tr(
            "linear is for (N, C, L), bilinear and bicubic for (N, C, H, W), trilinear for volumes",
            "linear 用于 (N, C, L)，bilinear 与 bicubic 用于 (N, C, H, W)，trilinear 用于三维",
        )
        raise ShapeError(teach(what, help))
    if corners is not None and mode in ("nearest", "nearest-exact", "area"):
        what = tr(
            f"interpolate: mode {mode!r} takes no align_corners.",
            f"interpolate：mode {mode!r} 没有 align_corners。",
        )
        _refuse(what)
    if antialias and mode not in ("bilinear", "bicubic"):
        what = tr(
            "interpolate: antialias is for 'bilinear' and 'bicubic'.",
            "interpolate：antialias 只用于 'bilinear' 与 'bicubic'。",
        )
        _refuse(what)


def _sizes(
    input: Tensor, size: Size | None, scale_factor: Factor | None
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new size, and the factors it follows from."""
    dims = input.ndim - 2
    if (size is None) == (scale_factor is None):
        what = tr(
            "interpolate: expected size or scale_factor, one of them.",
            "interpolate：需要 size 与 scale_factor 之一。",
        )
        _refuse(what)
    if size is not None:
        return positive("size", size, dims), (None,) * dims
    factors = scale_factors(scale_factor, dims)
    return tuple(int(n * f) for n, f in zip(input.shape[2:], factors, strict=True)), factors


def scale_factors(scale_factor: Any, dims: int) -> tuple[float, ...]:
    single = isinstance(scale_factor, int | float | np.number)
    factors = (float(scale_factor),) * dims if single else tuple(map(float, scale_factor))
    if len(factors) != dims or not all(0 < f < float("inf") for f in factors):
        what = tr(
            f"interpolate: expected one scale_factor above 0 or {dims}, found {scale_factor!r}.",
            f"interpolate：scale_factor 应为一个或 {dims} 个正数，得到 {scale_factor!r}。",
        )
        _refuse(what)
    return factors


def upsample(
    input: Tensor,
    size: Size | None = None,
    scale_factor: Factor | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """PyTorch's older name for :func:`interpolate`.

    >>> import glia as gl
    >>> upsample(gl.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor, size: Size | None = None, scale_factor: Factor | None = None
) -> Tensor:
    """:func:`interpolate` with mode ``"nearest"``.

    >>> import glia as gl
    >>> upsample_nearest(gl.tensor([[[1.0, 2.0]]]), size=4)
    tensor([[[1., 1., 2., 2.]]])
    """
    return interpolate(input, size, scale_factor)


def upsample_bilinear(
    input: Tensor, size: Size | None = None, scale_factor: Factor | None = None
) -> Tensor:
    """:func:`interpolate` with mode ``"bilinear"`` and aligned corners.

    >>> import glia as gl
    >>> upsample_bilinear(gl.tensor([[[[1.0, 2.0]]]]), size=(1, 3))
    tensor([[[[1. , 1.5, 2. ]]]])
    """
    return interpolate(input, size, scale_factor, "bilinear", True)

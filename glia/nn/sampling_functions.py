"""Pictures read at computed places, as functions."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape
from glia.ir import sampling
from glia.ir.expr import Expr
from glia.nn.formulas import check_dtype, check_float
from glia.tensor.tensor import Tensor, apply

_MODES = {"bilinear": sampling.linear, "nearest": sampling.nearest, "bicubic": sampling.cubic}
_PADDINGS = ("zeros", "border", "reflection")


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """``input`` (N, C, H, W) at the places of ``grid`` (N, H', W', 2): (N, C, H', W').

    Volumes (N, C, D, H, W) likewise, with grids (N, D', H', W', 3).

    Args:
        grid: places x, y (z) from -1 (left, top, front) to 1.
        mode: ``"bilinear"``, ``"nearest"``, or for pictures ``"bicubic"``.
        padding_mode: what is read outside: ``"zeros"``, the ``"border"``, or its ``"reflection"``.
        align_corners: -1 and 1 are the middles of corner pixels; else their outer corners.

    Example:
        >>> import glia as gl
        >>> x = gl.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
        >>> grid_sample(x, gl.zeros(1, 1, 1, 2)).item()
        1.5

    Source: Jaderberg et al., "Spatial transformer networks" (2015).
    """
    if mode not in _MODES or padding_mode not in _PADDINGS:
        names = ", ".join(map(repr, (*_MODES, *_PADDINGS)))
        what = tr(
            f"grid_sample: found mode {mode!r}, padding_mode {padding_mode!r}.",
            f"grid_sample：mode 为 {mode!r}，padding_mode 为 {padding_mode!r}。",
        )
        raise ArgumentError(teach(what, tr(f"use {names}", f"请用 {names}")))
    return apply(_sampled, (input, grid), mode, padding_mode, bool(align_corners))


def _sampled(x: Expr, grid: Expr, mode: str, padding: str, corners: bool) -> Expr:
    check_float("grid_sample", x)
    check_dtype("grid_sample", grid, x)
    k = x.ndim - 2
    fits = k in (2, 3) and grid.ndim == x.ndim and grid.shape[-1] == k
    if not fits or grid.shape[0] != x.shape[0] or not all(x.shape[2:]):
        what = tr(
            f"grid_sample: {x.shape} and grid {grid.shape} do not fit.",
            f"grid_sample：{x.shape} 与网格 {grid.shape} 不匹配。",
        )
        help = tr("use (N, C, H, W) and (N, H', W', 2)", "请用 (N, C, H, W) 与 (N, H', W', 2)")
        raise ShapeError(teach(what, help))
    if mode == "bicubic" and k != 2:
        what = tr("grid_sample: bicubic is for pictures.", "grid_sample：bicubic 只用于图像。")
        raise ArgumentError(teach(what))
    return _MODES[mode](sampling.Grid(x, grid, padding, corners))


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Where an affine map sends the middles of pixels: a grid for :func:`grid_sample`.

    Args:
        theta: (N, 2, 3), or (N, 3, 4) for volumes.
        size: (N, C, H, W), or (N, C, D, H, W), of what is to be made.
        align_corners: -1 and 1 are the middles of corner pixels; else their outer corners.

    Returns:
        (N, H, W, 2), or (N, D, H, W, 3).

    Example:
        >>> import glia as gl
        >>> same = gl.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> affine_grid(same, (1, 1, 1, 2)).tolist()
        [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    return apply(_affine, (theta,), tuple(map(int, size)), bool(align_corners))


def _affine(theta: Expr, size: Shape, corners: bool) -> Expr:
    check_float("affine_grid", theta)
    k = len(size) - 2
    if k not in (2, 3) or theta.shape != (size[0], k, k + 1) or min(size) < 1:
        what = tr(
            f"affine_grid: theta {theta.shape} and size {size} do not fit.",
            f"affine_grid：theta {theta.shape} 与 size {size} 不匹配。",
        )
        help = tr("use (N, 2, 3) and (N, C, H, W)", "请用 (N, 2, 3) 与 (N, C, H, W)")
        raise ShapeError(teach(what, help))
    return sampling.affine_grid(theta, size[2:], corners)

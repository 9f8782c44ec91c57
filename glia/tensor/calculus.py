"""Sums and slopes of sampled functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim
from glia.ir import running
from glia.tensor.tensor import Tensor, apply


def trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
) -> Tensor:
    """``Σ (xᵢ₊₁ - xᵢ) (yᵢ + yᵢ₊₁) / 2`` along ``dim``; without ``x`` the points are ``dx`` apart.

    >>> import glia as gl
    >>> gl.trapezoid(gl.tensor([1.0, 5.0, 10.0]))
    tensor(10.5)
    """
    return _area(running.trapezoid, y, x, dx, dim)


def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
) -> Tensor:
    """The areas up to every point but the first."""
    return _area(running.cumulative_trapezoid, y, x, dx, dim)


trapz = trapezoid


def _area(function: Any, y: Tensor, x: Tensor | None, dx: float | None, dim: int) -> Tensor:
    if x is not None and dx is not None:
        what = tr("trapezoid: expected x or dx, got both.", "trapezoid：x 与 dx 只能给一个。")
        raise ArgumentError(teach(what))
    points = () if x is None else (x,)
    return apply(function, (y, *points), 1.0 if dx is None else float(dx), dim)


def gradient(
    input: Tensor,
    *,
    spacing: Any = None,
    dim: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """Slopes along every dimension (or those named): central differences, one-sided at the ends.

    Args:
        spacing: how far neighbours are apart: a number, one for each dimension, or a list of
            tensors with their places; 1 by default.
        edge_order: 1 or 2: the order of the estimates at both ends.

    >>> import glia as gl
    >>> gl.gradient(gl.tensor([1.0, 4.0, 9.0]))
    (tensor([3., 4., 5.]),)
    """
    x = input
    chosen = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    found = [normalize_dim(d, x.ndim) for d in chosen]
    spacing = 1 if spacing is None else spacing
    steps = [spacing] * len(found) if isinstance(spacing, int | float) else list(spacing)
    short = any(x.shape[d] < edge_order + 1 for d in found)
    if len(steps) != len(found) or edge_order not in (1, 2) or short:
        what = tr(
            f"gradient: expected one spacing for each of dimensions {found}, edge_order 1 or 2 and "
            f"more elements than that, got {len(steps)}, {edge_order} and {x.shape}.",
            f"gradient：各维 {found} 应各有一个 spacing，edge_order 为 1 或 2 且小于元素个数，"
            f"得到 {len(steps)}、{edge_order}、{x.shape}。",
        )
        raise ArgumentError(teach(what))
    return tuple(_slope(x, step, d, edge_order) for step, d in zip(steps, found, strict=True))


def _slope(x: Tensor, step: Any, dim: int, edge: int) -> Tensor:
    x = x if x.dtype.kind == "float" else x.float()
    if isinstance(step, Tensor) and step.ndim:
        return apply(running.slope, (x, step.to(x.dtype)), 1.0, dim, edge)
    return apply(running.slope, (x,), float(step), dim, edge)

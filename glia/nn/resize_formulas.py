"""Pictures of another size, as expressions with checks."""

from __future__ import annotations

from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape
from glia.ir import resize, uneven_pooling
from glia.ir.expr import Expr
from glia.nn.formulas import check_float


def interpolate(
    x: Expr,
    size: Shape,
    factors: tuple[float | None, ...],
    mode: str,
    corners: bool,
    smooth: bool,
) -> Expr:
    """The last dimensions with other sizes; see :func:`glia.nn.functional.interpolate`."""
    if not x.numel or min(size) < 1:
        what = tr(
            f"interpolate: cannot make {size} of {x.shape}.",
            f"interpolate：无法由 {x.shape} 得到 {size}。",
        )
        raise ShapeError(teach(what, tr("no size may be 0", "大小不能为 0")))
    if mode not in ("nearest", "nearest-exact"):
        check_float("interpolate", x)
    if mode == "area":
        return uneven_pooling.adaptive_avg_pool(x, size)
    dtype = resize.coordinates_dtype(x)
    for dim, (count, factor) in enumerate(zip(size, factors, strict=True), 2):
        if mode.startswith("nearest"):
            x = resize.nearest(x, dim, count, factor, mode == "nearest-exact")
            continue
        ratio = resize.Ratio(x.shape[dim], count, factor, corners, dtype)
        if smooth:
            x = resize.smoothed(x, dim, ratio, 2 if mode == "bicubic" else 1)
        else:
            x = (resize.cubic if mode == "bicubic" else resize.linear)(x, dim, ratio)
    return x

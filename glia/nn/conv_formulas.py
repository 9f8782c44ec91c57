"""Convolutions, as expressions."""

from __future__ import annotations

from typing import Any

from glia.autodiff.reverse import pullback
from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape
from glia.ir import build, padding, products
from glia.ir.expr import Expr
from glia.ir.ops.view import reshape, slice_
from glia.nn.formulas import along_channels, check_dtype, check_places
from glia.nn.pad_formulas import check_room


def conv(x: Expr, weight: Expr, *rest: Any) -> Expr:
    """Cross-correlation; ``rest`` is [bias], stride, padding, dilation, groups, padding mode.

    ``padding`` has the numbers of elements before and behind for each dimension.
    """
    *bias, stride, around, dilation, groups, mode = rest
    dims = weight.ndim - 2
    layer = f"Conv{dims}d"
    check_dtype(layer, x, weight)
    check_places(layer, x, dims, weight.shape[1] * groups)
    check_bias(layer, bias, weight.shape[0])
    if mode != "zeros":
        check_room(layer, x, around, mode)
        x, around = padding.MODES[mode](x, around), ((0, 0),) * dims
    before, behind = zip(*around, strict=True)
    batch = x if x.ndim == dims + 2 else reshape(x, (1, *x.shape))
    b = bias[0] if bias else None
    out = products.conv(batch, weight, b, stride, before, dilation, groups, behind)
    return out if batch is x else reshape(out, out.shape[1:])


def check_bias(layer: str, bias: list[Expr], channels: int) -> None:
    if not bias or bias[0].shape == (channels,):
        return
    what = tr(
        f"{layer}: expected bias of shape ({channels},), got {bias[0].shape}.",
        f"{layer}：bias 的形状应为 ({channels},)，得到 {bias[0].shape}。",
    )
    raise ShapeError(teach(what))


def conv_transpose(x: Expr, weight: Expr, *rest: Any) -> Expr:
    """The derivative of a convolution with respect to its input, applied to x.

    ``rest`` is [bias], stride, padding, output padding, dilation, groups.
    """
    *bias, stride, around, extra, dilation, groups = rest
    dims = weight.ndim - 2
    layer = f"ConvTranspose{dims}d"
    check_dtype(layer, x, weight)
    check_places(layer, x, dims, weight.shape[0])
    check_bias(layer, bias, weight.shape[1] * groups)
    if x.ndim == dims + 1:
        out = conv_transpose(reshape(x, (1, *x.shape)), weight, *rest)
        return reshape(out, out.shape[1:])
    kernel = weight.shape[2:]
    sizes = zip(x.shape[2:], kernel, stride, around, extra, dilation, strict=True)
    size = tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, e, d in sizes)
    if min(size) < 1:
        what = tr(
            f"{layer}: nothing is left of {x.shape} with padding {around}.",
            f"{layer}：padding {around} 使输入 {x.shape} 没有剩余。",
        )
        raise ShapeError(teach(what, tr("use less padding", "请减小 padding")))
    if kernel == stride and not any((*around, *extra)) and all(d == 1 for d in dilation):
        result = products.spread(x, weight, groups)  # windows that do not overlap
    else:
        result = _turned(x, weight, size, (stride, around, dilation, groups))
    return build.add(result, along_channels(x, bias[0])) if bias else result


def _turned(x: Expr, weight: Expr, size: Shape, attrs: tuple[Any, ...]) -> Expr:
    """What a convolution to x would give back to its input of this size."""
    blank = build.full((x.shape[0], weight.shape[1] * attrs[-1], *size), 0.0, x.dtype)
    forward = products.conv(blank, weight, None, *attrs)
    part = slice_(forward, (0,) * x.ndim, x.shape, (1,) * x.ndim)
    found = pullback(part, [blank], x)[0]
    assert found is not None
    return found

"""Convolutions, as expressions."""

from __future__ import annotations

from glia.autodiff.reverse import pullback
from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.ir.ops.view import slice_
from glia.nn.formulas import along_channels, check_dtype, check_images


def conv2d(x: Expr, weight: Expr, *rest: object) -> Expr:
    """Cross-correlation; ``rest`` is [bias], stride, padding, dilation, groups.

    ``padding`` is (top, bottom, left, right).
    """
    *bias, stride, padding, dilation, groups = rest
    assert isinstance(padding, tuple) and isinstance(groups, int)
    check_dtype("Conv2d", x, weight)
    check_images("Conv2d", x, weight.shape[1] * groups)
    top, bottom, left, right = padding
    if top == bottom and left == right:
        around = (top, left)
    else:
        x, around = products.pad_value(x, (top, left), (bottom, right), 0), (0, 0)
    b = bias[0] if bias else None
    return products.conv(x, weight, b, stride, around, dilation, groups)  # type: ignore[arg-type]


def conv_transpose2d(x: Expr, weight: Expr, *rest: object) -> Expr:
    """The derivative of a convolution with respect to its input, applied to x.

    ``rest`` is [bias], stride, padding, output padding, dilation, groups.
    """
    *bias, stride, padding, extra, dilation, groups = rest
    assert isinstance(stride, tuple) and isinstance(padding, tuple) and isinstance(extra, tuple)
    assert isinstance(dilation, tuple) and isinstance(groups, int)
    check_dtype("ConvTranspose2d", x, weight)
    check_images("ConvTranspose2d", x, weight.shape[0])
    kernel = weight.shape[2:]
    sizes = zip(x.shape[2:], kernel, stride, padding, extra, dilation, strict=True)
    out = tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, e, d in sizes)
    if min(out) < 1:
        what = tr(
            f"ConvTranspose2d: nothing is left of {x.shape} with padding {padding}.",
            f"ConvTranspose2d：padding {padding} 使输入 {x.shape} 没有剩余。",
        )
        raise ShapeError(teach(what, tr("use less padding", "请减小 padding")))
    if kernel == stride and not any((*padding, *extra)) and dilation == (1, 1):
        result = products.spread(x, weight, groups)  # windows that do not overlap
    else:
        blank = build.full((x.shape[0], weight.shape[1] * groups, *out), 0.0, x.dtype)
        forward = products.conv(blank, weight, None, stride, padding, dilation, groups)
        whole = (1,) * x.ndim
        part = slice_(forward, (0,) * x.ndim, x.shape, whole)
        found = pullback(part, [blank], x)[0]
        assert found is not None
        result = found
    if bias:
        result = build.add(result, along_channels(x, bias[0]))  # type: ignore[arg-type]
    return result

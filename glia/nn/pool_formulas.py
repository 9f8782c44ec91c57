"""Pooling, as expressions."""

from __future__ import annotations

from glia.base.dtypes import DType
from glia.base.shapes import Shape
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.ir.ops.source import iota
from glia.nn.formulas import check_float, check_images


def max_pool2d(x: Expr, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Expr:
    check_images("MaxPool2d", x)
    return products.max_pool(x, kernel, stride, padding, dilation)


def avg_pool2d(x: Expr, kernel: Shape, stride: Shape, padding: Shape, whole: bool) -> Expr:
    check_images("AvgPool2d", x)
    check_float("AvgPool2d", x)
    return products.avg_pool(x, kernel, stride, padding, whole)


def adaptive_avg_pool2d(x: Expr, size: tuple[int | None, ...]) -> Expr:
    """Means over windows that divide the picture as evenly as can be."""
    check_images("AdaptiveAvgPool2d", x)
    check_float("AdaptiveAvgPool2d", x)
    wanted = tuple(n if s is None else s for n, s in zip(x.shape[2:], size, strict=True))
    if wanted == (1, 1):
        return build.mean(x, (2, 3), True)
    if all(n % s == 0 for n, s in zip(x.shape[2:], wanted, strict=True)):
        kernel = tuple(n // s for n, s in zip(x.shape[2:], wanted, strict=True))
        return products.avg_pool(x, kernel, kernel, (0, 0))
    rows, columns = (_uneven_means(n, s, x.dtype) for n, s in zip(x.shape[2:], wanted, strict=True))
    return products.matmul(rows, products.matmul(x, build.transpose(columns, 0, 1)))


def _uneven_means(size: int, count: int, dtype: DType) -> Expr:
    """A matrix (count, size): window i reaches from ⌊i size / count⌋ to ⌈(i + 1) size / count⌉."""
    window = build.reshape(iota(count), (count, 1))
    start = build.floor_divide(build.mul(window, size), count)
    stop = build.floor_divide(build.add(build.mul(build.add(window, 1), size), count - 1), count)
    at = build.reshape(iota(size), (1, size))
    inside = build.mul(build.ge(at, start), build.lt(at, stop))
    return build.where(inside, build.div(1.0, build.cast(build.sub(stop, start), dtype)), 0.0)

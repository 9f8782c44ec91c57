"""Pooling, as expressions with checks."""

from __future__ import annotations

from typing import Any

from glia.base.dtypes import int64
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, numel
from glia.ir import build, pooling, uneven_pooling
from glia.ir.expr import Expr
from glia.ir.ops.index import gather, latest
from glia.ir.ops.view import reshape
from glia.nn.formulas import check_float, check_places


def _check(layer: str, x: Expr, kernel: Shape, attrs: tuple[Any, ...]) -> None:
    """There must be room for one window at least."""
    check_places(layer, x, len(kernel))
    check_number(layer, x)
    stride, padding, dilation, ceil = attrs
    sizes = zip(x.shape[-len(kernel) :], kernel, stride, padding, dilation, strict=True)
    if min(pooling.extent(*size, ceil) for size in sizes) < 1:
        what = tr(
            f"{layer}: a window of {kernel} is larger than the input {x.shape}.",
            f"{layer}：窗口 {kernel} 大于输入 {x.shape}。",
        )
        raise ShapeError(teach(what, tr("use a smaller kernel", "请减小窗口")))


def check_number(layer: str, x: Expr) -> None:
    if x.dtype.kind in ("float", "int", "uint"):
        return
    what = tr(
        f"{layer}: expected numbers, found {x.dtype.name}.",
        f"{layer}：需要数值，得到 {x.dtype.name}。",
    )
    raise DTypeError(teach(what, tr("convert it: x.float()", "请转换：x.float()")))


def max_pool(
    x: Expr, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, ceil: bool
) -> Expr:
    _check(f"MaxPool{len(kernel)}d", x, kernel, (stride, padding, dilation, ceil))
    return pooling.max_pool(x, kernel, stride, padding, dilation, ceil)


def max_pool_places(x: Expr, *sizes: Any) -> tuple[Expr, Expr]:
    """Largest elements, and where they stand."""
    return max_pool(x, *sizes), pooling.max_places(x, *sizes)


def avg_pool(
    x: Expr,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    ceil: bool,
    count_padding: bool,
    divisor: int | None,
) -> Expr:
    k = len(kernel)
    _check(f"AvgPool{k}d", x, kernel, (stride, padding, (1,) * k, ceil))
    return pooling.avg_pool(x, kernel, stride, padding, count_padding, ceil, divisor)


def lp_pool(x: Expr, p: float, kernel: Shape, stride: Shape, ceil: bool) -> Expr:
    layer, k = f"LPPool{len(kernel)}d", len(kernel)
    check_float(layer, x)
    _check(layer, x, kernel, (stride, (0,) * k, (1,) * k, ceil))
    return pooling.lp_pool(x, p, kernel, stride, ceil)


def _wanted(layer: str, x: Expr, size: tuple[int | None, ...]) -> Shape:
    check_places(layer, x, len(size))
    check_float(layer, x)
    found = x.shape[-len(size) :]
    if not all(found):
        what = tr(
            f"{layer}: nothing to choose from in shape {x.shape}.",
            f"{layer}：形状 {x.shape} 中没有元素。",
        )
        raise ShapeError(teach(what))
    return tuple(n if s is None else s for n, s in zip(found, size, strict=True))


def adaptive_avg_pool(x: Expr, size: tuple[int | None, ...]) -> Expr:
    """Means over windows that divide the input as evenly as can be."""
    wanted = _wanted(f"AdaptiveAvgPool{len(size)}d", x, size)
    if all(n == 1 for n in wanted):
        return build.mean(x, tuple(range(x.ndim - len(size), x.ndim)), True)
    return uneven_pooling.adaptive_avg_pool(x, wanted)


def adaptive_max_pool(x: Expr, size: tuple[int | None, ...]) -> Expr:
    wanted = _wanted(f"AdaptiveMaxPool{len(size)}d", x, size)
    return uneven_pooling.adaptive_max_pool(x, wanted)


def adaptive_max_pool_places(x: Expr, size: tuple[int | None, ...]) -> tuple[Expr, Expr]:
    wanted = _wanted(f"AdaptiveMaxPool{len(size)}d", x, size)
    largest = uneven_pooling.adaptive_max_pool(x, wanted)
    return largest, uneven_pooling.adaptive_max_places(x, wanted)


def fractional_max_pool(
    x: Expr, random: Expr, kernel: Shape, size: Shape, ratio: tuple[float, ...]
) -> tuple[Expr, Expr]:
    """Largest elements of pseudo-random windows, and where they stand.

    The output has ``size``, or so many times the input's size as ``ratio`` says.
    """
    k = len(kernel)
    layer = f"FractionalMaxPool{k}d"
    check_places(layer, x, k)
    check_float(layer, x)
    batch = x if x.ndim == k + 2 else reshape(x, (1, *x.shape))
    found = batch.shape[2:]
    counts = size or tuple(int(n * r) for n, r in zip(found, ratio, strict=True))
    if any(not c >= 1 or c + n - 1 > s for c, n, s in zip(counts, kernel, found, strict=True)):
        what = tr(
            f"{layer}: {counts} windows of {kernel} do not fit {x.shape}.",
            f"{layer}：{counts} 个 {kernel} 的窗口放不进 {x.shape}。",
        )
        raise ShapeError(teach(what, tr("use a smaller kernel or output", "请减小窗口或输出")))
    if random.shape != (*batch.shape[:2], k):
        what = tr(
            f"{layer}: expected _random_samples {(*batch.shape[:2], k)}, got {random.shape}.",
            f"{layer}：_random_samples 应为 {(*batch.shape[:2], k)}，得到 {random.shape}。",
        )
        raise ShapeError(teach(what))
    taps, places = uneven_pooling.fractional_taps(batch, random, kernel, counts)
    hit = pooling.first_largest(taps)
    results = (pooling.select(taps, hit), pooling.select(places, hit))
    lead = x.shape[:-k]
    largest, where = (reshape(result, (*lead, *counts)) for result in results)
    return largest, where


def max_unpool(x: Expr, places: Expr, size: Shape) -> Expr:
    """Every element where it came from, else zero; of several for one place the last one."""
    k = len(size)
    layer = f"MaxUnpool{k}d"
    check_places(layer, x, k)
    if places.shape != x.shape or places.dtype is not int64:
        found = f"{places.dtype.name} {places.shape}"
        what = tr(
            f"{layer}: expected int64 indices of shape {x.shape}, found {found}.",
            f"{layer}：indices 应为形状 {x.shape} 的 int64，得到 {found}。",
        )
        raise ArgumentError(teach(what))
    rows = (numel(x.shape[:-k]), numel(x.shape[-k:]))
    last = latest(reshape(places, rows), numel(size))
    written = gather(reshape(x, rows), last, 1)
    out = build.where(build.ge(last, 0), written, 0.0)
    return reshape(out, (*x.shape[:-k], *size))

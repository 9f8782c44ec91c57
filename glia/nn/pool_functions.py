"""Pooling as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import pool_formulas as _f
from glia.nn.functional_checks import pair, positive_pair
from glia.tensor.tensor import Tensor, apply

Size = int | Sequence[int]


def _pool_padding(name: str, kernel: tuple[int, int], padding: Any) -> tuple[int, int]:
    around = pair("padding", padding)
    if any(p < 0 or 2 * p > k for p, k in zip(around, kernel, strict=True)):
        what = tr(
            f"{name}: padding {padding!r} is more than half the kernel {kernel}.",
            f"{name}：padding {padding!r} 超过窗口 {kernel} 的一半。",
        )
        raise ArgumentError(teach(what, tr("use less padding", "请减小 padding")))
    return around


def max_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
) -> Tensor:
    kernel = positive_pair("kernel_size", kernel_size)
    steps = kernel if stride is None else positive_pair("stride", stride)
    around = _pool_padding("max_pool2d", kernel, padding)
    return apply(
        _f.max_pool2d, (input,), kernel, steps, around, positive_pair("dilation", dilation)
    )


def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    count_include_pad: bool = True,
) -> Tensor:
    kernel = positive_pair("kernel_size", kernel_size)
    steps = kernel if stride is None else positive_pair("stride", stride)
    around = _pool_padding("avg_pool2d", kernel, padding)
    return apply(_f.avg_pool2d, (input,), kernel, steps, around, bool(count_include_pad))


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over so many windows; None keeps a size."""
    return apply(_f.adaptive_avg_pool2d, (input,), adaptive_size(output_size))


def adaptive_size(size: Any) -> tuple[int | None, ...]:
    found = (size, size) if size is None or isinstance(size, int) else tuple(size)
    if len(found) != 2 or any(n is not None and (not isinstance(n, int) or n < 1) for n in found):
        what = tr(
            f"AdaptiveAvgPool2d: expected one or two integers ≥ 1 or None, found {size!r}.",
            f"AdaptiveAvgPool2d：需要一个或两个不小于 1 的整数或 None，得到 {size!r}。",
        )
        raise ArgumentError(teach(what))
    return found

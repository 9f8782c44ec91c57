"""Convolutions as functions."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import conv_formulas as _f
from glia.nn.functional_checks import pair, positive_pair
from glia.tensor.tensor import Tensor, apply

Size = int | Sequence[int]


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    tensors = (input, weight) if bias is None else (input, weight, bias)
    steps, apart = positive_pair("stride", stride), positive_pair("dilation", dilation)
    kernel = (weight.shape[-2], weight.shape[-1])
    around = conv_padding(padding, kernel, steps, apart)
    return apply(_f.conv2d, tensors, steps, around, apart, groups)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    tensors = (input, weight) if bias is None else (input, weight, bias)
    attrs = transposed_sizes(stride, padding, output_padding, dilation)
    return apply(_f.conv_transpose2d, tensors, *attrs, groups)


def transposed_sizes(
    stride: Size, padding: Size, output_padding: Size, dilation: Size
) -> tuple[tuple[int, int], ...]:
    """Stride, padding, output padding and dilation, two numbers each, checked."""
    steps, apart = positive_pair("stride", stride), positive_pair("dilation", dilation)
    around, extra = pair("padding", padding), pair("output_padding", output_padding)
    most = tuple(map(max, steps, apart))
    if min(*around, *extra) < 0 or any(e >= m for e, m in zip(extra, most, strict=True)):
        what = tr(
            f"ConvTranspose2d: found padding {padding!r} and output_padding {output_padding!r}.",
            f"ConvTranspose2d：padding 为 {padding!r}，output_padding 为 {output_padding!r}。",
        )
        help = tr(
            "output_padding must be smaller than stride or dilation, both at least 0",
            "output_padding 应小于 stride 或 dilation，且两者不小于 0",
        )
        raise ArgumentError(teach(what, help))
    return steps, around, extra, apart


def conv_padding(
    padding: Size | str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Zeros above, below, left and right."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        if stride != (1, 1):
            what = tr(
                f"padding='same' needs stride 1, found {stride}.",
                f"padding='same' 要求步长为 1，得到 {stride}。",
            )
            raise ArgumentError(teach(what, tr("give padding as numbers", "请用数字给出 padding")))
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        (up, left), (all_v, all_h) = (t // 2 for t in total), total
        return up, all_v - up, left, all_h - left
    if isinstance(padding, str):
        what = tr(
            f"expected padding 'same', 'valid' or numbers, found {padding!r}.",
            f"padding 应为 'same'、'valid' 或数字，得到 {padding!r}。",
        )
        raise ArgumentError(teach(what))
    vertical, horizontal = pair("padding", padding)
    if min(vertical, horizontal) < 0:
        what = tr(f"padding: found {padding!r}.", f"padding 为 {padding!r}。")
        raise ArgumentError(teach(what, tr("use numbers ≥ 0", "请用不小于 0 的数")))
    return vertical, vertical, horizontal, horizontal

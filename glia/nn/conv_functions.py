"""Convolutions as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir.padding import Around
from glia.nn import conv_formulas as _f
from glia.nn.functional_checks import numbers, positive
from glia.tensor.tensor import Tensor, apply

Size = int | Sequence[int]


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """``out[n, o, x] = b[o] + Σ w[o, c, i] · in[n, c, x s + i d - p]``; see :class:`Conv1d`.

    Example:
        >>> import glia as gl
        >>> conv1d(gl.tensor([[[1.0, 2.0, 4.0]]]), gl.tensor([[[-1.0, 1.0]]])).tolist()
        [[[1.0, 2.0]]]
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of images (N, C, H, W) with weight (O, C / groups, kernel height, width).

    See :class:`glia.nn.Conv2d`.

    Example:
        >>> import glia as gl
        >>> conv2d(gl.ones(1, 1, 3, 3), gl.ones(1, 1, 3, 3), padding=1)[0, 0].tolist()
        [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of volumes (N, C, D, H, W); see :class:`glia.nn.Conv3d`.

    Example:
        >>> import glia as gl
        >>> conv3d(gl.ones(1, 2, 4, 4, 4), gl.ones(3, 2, 2, 2, 2), stride=2).shape
        (1, 3, 2, 2, 2)
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


def _conv(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
) -> Tensor:
    check_weight(f"conv{dims}d", weight, dims)
    tensors = (input, weight) if bias is None else (input, weight, bias)
    steps, apart = positive("stride", stride, dims), positive("dilation", dilation, dims)
    around = conv_padding(padding, weight.shape[2:], steps, apart)
    return apply(_f.conv, tensors, steps, around, apart, groups, "zeros")


def check_weight(name: str, weight: Tensor, dims: int) -> None:
    if weight.ndim == dims + 2:
        return
    what = tr(
        f"{name}: expected weight with {dims + 2} dimensions, got {weight.shape}.",
        f"{name}：weight 应有 {dims + 2} 维，得到 {weight.shape}。",
    )
    raise ShapeError(teach(what))


def conv_padding(
    padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Around:
    """How many elements come before and behind, for each dimension."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if any(s != 1 for s in stride):
            what = tr(
                f"padding='same' needs stride 1, found {stride}.",
                f"padding='same' 要求步长为 1，得到 {stride}。",
            )
            raise ArgumentError(teach(what, tr("give padding as numbers", "请用数字给出 padding")))
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((t // 2, t - t // 2) for t in total)
    if isinstance(padding, str):
        what = tr(
            f"expected padding 'same', 'valid' or numbers, found {padding!r}.",
            f"padding 应为 'same'、'valid' 或数字，得到 {padding!r}。",
        )
        raise ArgumentError(teach(what))
    found = numbers("padding", padding, len(kernel))
    if min(found) < 0:
        what = tr(f"padding: found {padding!r}.", f"padding 为 {padding!r}。")
        raise ArgumentError(teach(what, tr("use numbers ≥ 0", "请用不小于 0 的数")))
    return tuple((p, p) for p in found)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """``out[n, o, x s + i d - p] += w[c, o, i] · in[n, c, x]``; see :class:`ConvTranspose1d`.

    Example:
        >>> import glia as gl
        >>> x, w = gl.tensor([[[1.0, 2.0]]]), gl.tensor([[[1.0, 10.0]]])
        >>> conv_transpose1d(x, w).tolist()
        [[[1.0, 12.0, 20.0]]]
    """
    attrs = (stride, padding, output_padding, dilation)
    return _conv_transpose(1, input, weight, bias, attrs, groups)


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
    """The derivative of a convolution of images; see :class:`glia.nn.ConvTranspose2d`.

    Example:
        >>> import glia as gl
        >>> conv_transpose2d(gl.ones(1, 8, 14, 14), gl.ones(8, 4, 2, 2), stride=2).shape
        (1, 4, 28, 28)
    """
    attrs = (stride, padding, output_padding, dilation)
    return _conv_transpose(2, input, weight, bias, attrs, groups)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """The derivative of a convolution of volumes; see :class:`glia.nn.ConvTranspose3d`.

    Example:
        >>> import glia as gl
        >>> conv_transpose3d(gl.ones(1, 2, 4, 4, 4), gl.ones(2, 3, 2, 2, 2), stride=2).shape
        (1, 3, 8, 8, 8)
    """
    attrs = (stride, padding, output_padding, dilation)
    return _conv_transpose(3, input, weight, bias, attrs, groups)


def _conv_transpose(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    attrs: tuple[Size, Size, Size, Size],
    groups: int,
) -> Tensor:
    check_weight(f"conv_transpose{dims}d", weight, dims)
    tensors = (input, weight) if bias is None else (input, weight, bias)
    return apply(_f.conv_transpose, tensors, *transposed_sizes(dims, *attrs), groups)


def transposed_sizes(
    dims: int, stride: Size, padding: Size, output_padding: Size, dilation: Size
) -> tuple[tuple[int, ...], ...]:
    """Stride, padding, output padding and dilation, one number for each dimension, checked."""
    steps, apart = positive("stride", stride, dims), positive("dilation", dilation, dims)
    around = numbers("padding", padding, dims)
    extra = numbers("output_padding", output_padding, dims)
    most = tuple(map(max, steps, apart))
    if min(*around, *extra) < 0 or any(e >= m for e, m in zip(extra, most, strict=True)):
        layer = f"ConvTranspose{dims}d"
        what = tr(
            f"{layer}: found padding {padding!r} and output_padding {output_padding!r}.",
            f"{layer}：padding 为 {padding!r}，output_padding 为 {output_padding!r}。",
        )
        help = tr(
            "output_padding must be smaller than stride or dilation, both at least 0",
            "output_padding 应小于 stride 或 dilation，且两者不小于 0",
        )
        raise ArgumentError(teach(what, help))
    return steps, around, extra, apart

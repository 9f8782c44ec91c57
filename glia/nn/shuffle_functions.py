"""Elements moved between channels and places, and windows laid out as columns, as functions."""

from __future__ import annotations

from collections.abc import Sequence

from glia.nn import shuffle_formulas as _f
from glia.nn.functional_checks import numbers, positive
from glia.tensor.tensor import Tensor, apply

Size = int | Sequence[int]


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(…, C r², H, W) → (…, C, H r, W r): channels become pixels.

    Example:
        >>> import glia as gl
        >>> pixel_shuffle(gl.arange(4).reshape(4, 1, 1), 2).tolist()
        [[[0, 1], [2, 3]]]

    Source: Shi et al., "Real-time single image and video super-resolution" (2016).
    """
    (factor,) = positive("upscale_factor", upscale_factor, 1)
    return apply(_f.pixel_shuffle, (input,), factor)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(…, C, H r, W r) → (…, C r², H, W): pixels become channels.

    Example:
        >>> import glia as gl
        >>> pixel_unshuffle(gl.arange(4).reshape(1, 2, 2), 2).tolist()
        [[[0]], [[1]], [[2]], [[3]]]
    """
    (factor,) = positive("downscale_factor", downscale_factor, 1)
    return apply(_f.pixel_unshuffle, (input,), factor)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channel ``j`` of group ``i`` becomes channel ``i`` of group ``j``.

    Example:
        >>> import glia as gl
        >>> channel_shuffle(gl.arange(6).reshape(1, 6, 1), 2).flatten().tolist()
        [0, 3, 1, 4, 2, 5]

    Source: Zhang et al., "ShuffleNet" (2018).
    """
    (count,) = positive("groups", groups, 1)
    return apply(_f.channel_shuffle, (input,), count)


def _sizes(
    kernel_size: Size, dilation: Size, padding: Size, stride: Size
) -> tuple[tuple[int, ...], ...]:
    kernel, apart = positive("kernel_size", kernel_size, 2), positive("dilation", dilation, 2)
    return kernel, apart, numbers("padding", padding, 2), positive("stride", stride, 2)


def unfold(
    input: Tensor, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
) -> Tensor:
    """(N, C, H, W) → (N, C · kernel, windows): every window a column.

    Example:
        >>> import glia as gl
        >>> unfold(gl.arange(6.0).reshape(1, 2, 3), 2).tolist()
        [[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]
    """
    return apply(_f.unfold, (input,), *_sizes(kernel_size, dilation, padding, stride))


def fold(
    input: Tensor,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Tensor:
    """(N, C · kernel, windows) → (N, C, *output_size): the columns of ``unfold`` added up.

    Example:
        >>> import glia as gl
        >>> fold(unfold(gl.ones(1, 2, 3), 2), (2, 3), 2).tolist()
        [[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]
    """
    size = positive("output_size", output_size, 2)
    return apply(_f.fold, (input,), size, *_sizes(kernel_size, dilation, padding, stride))

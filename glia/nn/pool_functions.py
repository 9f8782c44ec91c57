"""Pooling as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import pool_formulas as _f
from glia.nn.functional_checks import numbers, positive
from glia.tensor.tensor import Tensor, apply, apply_all

Size = int | Sequence[int]
Pooled = Tensor | tuple[Tensor, Tensor]


def window_sizes(
    layer: str, dims: int, kernel_size: Any, stride: Any, padding: Any = 0, dilation: Any = 1
) -> tuple[tuple[int, ...], ...]:
    """Kernel, stride, padding and dilation, one number for each dimension, checked."""
    kernel = positive("kernel_size", kernel_size, dims)
    given = stride is not None and not (isinstance(stride, Sequence) and not stride)
    steps = positive("stride", stride, dims) if given else kernel
    apart = positive("dilation", dilation, dims)
    around = numbers("padding", padding, dims)
    reach = [d * (k - 1) + 1 for d, k in zip(apart, kernel, strict=True)]
    if any(p < 0 or 2 * p > r for p, r in zip(around, reach, strict=True)):
        what = tr(
            f"{layer}: padding {padding!r} is more than half the kernel {kernel}.",
            f"{layer}：padding {padding!r} 超过窗口 {kernel} 的一半。",
        )
        raise ArgumentError(teach(what, tr("use less padding", "请减小 padding")))
    return kernel, steps, around, apart


# Largest elements


def max_pool1d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of every window of (N, C, L); see :class:`glia.nn.MaxPool1d`.

    Example:
        >>> import glia as gl
        >>> max_pool1d(gl.tensor([[[1.0, 3.0, 2.0, 0.0]]]), 2).tolist()
        [[[3.0, 2.0]]]
    """
    sizes = window_sizes("max_pool1d", 1, kernel_size, stride, padding, dilation)
    return pooled(input, sizes, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of every window of (N, C, H, W); see :class:`glia.nn.MaxPool2d`.

    Example:
        >>> import glia as gl
        >>> values, places = max_pool2d(gl.arange(16.0).reshape(1, 4, 4), 2, return_indices=True)
        >>> values.tolist(), places.tolist()
        ([[[5.0, 7.0], [13.0, 15.0]]], [[[5, 7], [13, 15]]])
    """
    sizes = window_sizes("max_pool2d", 2, kernel_size, stride, padding, dilation)
    return pooled(input, sizes, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of every window of (N, C, D, H, W); see :class:`glia.nn.MaxPool3d`.

    Example:
        >>> import glia as gl
        >>> max_pool3d(gl.ones(1, 2, 4, 6, 6), 2).shape
        (1, 2, 2, 3, 3)
    """
    sizes = window_sizes("max_pool3d", 3, kernel_size, stride, padding, dilation)
    return pooled(input, sizes, ceil_mode, return_indices)


def pooled(
    input: Tensor, sizes: tuple[tuple[int, ...], ...], ceil: bool, with_places: bool
) -> Pooled:
    """Largest elements, and where they stand if that is wanted."""
    if with_places:
        values, places = apply_all(_f.max_pool_places, (input,), *sizes, bool(ceil))
        return values, places
    return apply(_f.max_pool, (input,), *sizes, bool(ceil))


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """What ``max_pool1d`` took, where it took it; zeros elsewhere.

    Example:
        >>> import glia as gl
        >>> values, places = max_pool1d(gl.tensor([[1.0, 3.0, 2.0, 0.0]]), 2, return_indices=True)
        >>> max_unpool1d(values, places, 2).tolist()
        [[0.0, 3.0, 2.0, 0.0]]
    """
    return unpooled(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """As :func:`max_unpool1d`, for images.

    >>> import glia as gl
    >>> x = gl.tensor([[[1.0, 2.0], [4.0, 3.0]]])
    >>> values, places = max_pool2d(x, 2, return_indices=True)
    >>> max_unpool2d(values, places, 2).tolist()
    [[[0.0, 0.0], [4.0, 0.0]]]
    """
    return unpooled(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """As :func:`max_unpool1d`, for volumes.

    >>> import glia as gl
    >>> x = gl.arange(8.0).reshape(1, 2, 2, 2)
    >>> values, places = max_pool3d(x, 2, return_indices=True)
    >>> max_unpool3d(values, places, 2).tolist()
    [[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 7.0]]]]
    """
    return unpooled(3, input, indices, kernel_size, stride, padding, output_size)


def unpooled(
    dims: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Sequence[int] | None,
) -> Tensor:
    layer = f"MaxUnpool{dims}d"
    kernel, steps, around, _ = window_sizes(layer, dims, kernel_size, stride, padding)
    body = zip(input.shape[-dims:], kernel, steps, around, strict=False)
    usual = tuple((n - 1) * s - 2 * p + k for n, k, s, p in body)
    size = usual if output_size is None else tuple(output_size)[-dims:]
    near = zip(size, usual, steps, strict=False)
    if len(size) != dims or any(abs(n - u) >= s for n, u, s in near if output_size is not None):
        what = tr(
            f"{layer}: expected output_size near {usual}, found {output_size}.",
            f"{layer}：output_size 应接近 {usual}，得到 {output_size}。",
        )
        raise ArgumentError(teach(what, tr("it differs by less than the stride", "差应小于步长")))
    return apply(_f.max_unpool, (input, indices), size)


# Means and norms


def avg_pool1d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Mean of every window of (N, C, L); see :class:`glia.nn.AvgPool1d`.

    Example:
        >>> import glia as gl
        >>> avg_pool1d(gl.tensor([[1.0, 3.0, 2.0, 0.0]]), 2).tolist()
        [[2.0, 1.0]]
    """
    sizes = window_sizes("avg_pool1d", 1, kernel_size, stride, padding)
    return averaged(input, sizes, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of every window of (N, C, H, W); see :class:`glia.nn.AvgPool2d`.

    Example:
        >>> import glia as gl
        >>> avg_pool2d(gl.arange(16.0).reshape(1, 4, 4), 2).tolist()
        [[[2.5, 4.5], [10.5, 12.5]]]
    """
    sizes = window_sizes("avg_pool2d", 2, kernel_size, stride, padding)
    return averaged(input, sizes, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of every window of (N, C, D, H, W); see :class:`glia.nn.AvgPool3d`.

    Example:
        >>> import glia as gl
        >>> avg_pool3d(gl.ones(1, 2, 4, 6, 6), 2).shape
        (1, 2, 2, 3, 3)
    """
    sizes = window_sizes("avg_pool3d", 3, kernel_size, stride, padding)
    return averaged(input, sizes, ceil_mode, count_include_pad, divisor_override)


def averaged(
    input: Tensor,
    sizes: tuple[tuple[int, ...], ...],
    ceil: bool,
    count_padding: bool,
    divisor: int | None,
) -> Tensor:
    if divisor is not None and (not isinstance(divisor, int) or not divisor):
        what = tr(
            f"AvgPool: expected divisor_override not to be 0, found {divisor!r}.",
            f"AvgPool：divisor_override 应为非零整数，得到 {divisor!r}。",
        )
        raise ArgumentError(teach(what))
    return apply(_f.avg_pool, (input,), *sizes[:3], bool(ceil), bool(count_padding), divisor)


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """``(Σ xᵖ)^(1/p)`` over every window of (N, C, L).

    Example:
        >>> import glia as gl
        >>> lp_pool1d(gl.tensor([[3.0, 4.0, 0.0, 1.0]]), 2, 2).tolist()
        [[5.0, 1.0]]
    """
    return normed(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """As :func:`lp_pool1d`, for images.

    >>> import glia as gl
    >>> lp_pool2d(gl.tensor([[[3.0, 4.0], [0.0, 12.0]]]), 2, 2)
    tensor([[[13.]]])
    """
    return normed(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """As :func:`lp_pool1d`, for volumes.

    >>> import glia as gl
    >>> lp_pool3d(gl.ones(1, 2, 2, 2), 3, 2)  # the cube root of 8
    tensor([[[[2.]]]])
    """
    return normed(3, input, norm_type, kernel_size, stride, ceil_mode)


def normed(
    dims: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil: bool
) -> Tensor:
    kernel, steps, *_ = window_sizes(f"lp_pool{dims}d", dims, kernel_size, stride)
    if not norm_type:
        what = tr("lp_pool: norm_type must not be 0.", "lp_pool：norm_type 不能为 0。")
        raise ArgumentError(teach(what))
    return apply(_f.lp_pool, (input,), float(norm_type), kernel, steps, bool(ceil))

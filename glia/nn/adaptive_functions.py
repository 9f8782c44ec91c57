"""Pooling to a given size, and at places drawn at random, as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import pool_formulas as _f
from glia.nn.functional_checks import positive
from glia.tensor import random as _random
from glia.tensor.tensor import Tensor, apply, apply_all

Size = int | Sequence[int]


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means over so many windows of (N, C, L); None keeps a size.

    Example:
        >>> import glia as gl
        >>> adaptive_avg_pool1d(gl.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2).tolist()
        [[2.0, 4.0]]
    """
    return apply(_f.adaptive_avg_pool, (input,), adaptive_size("AdaptiveAvgPool", 1, output_size))


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over so many windows of (N, C, H, W); None keeps a size.

    Example:
        >>> import glia as gl
        >>> adaptive_avg_pool2d(gl.ones(1, 8, 7, 9), (3, None)).shape
        (1, 8, 3, 9)
    """
    return apply(_f.adaptive_avg_pool, (input,), adaptive_size("AdaptiveAvgPool", 2, output_size))


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over so many windows of (N, C, D, H, W); None keeps a size.

    >>> import glia as gl
    >>> adaptive_avg_pool3d(gl.ones(1, 8, 5, 7, 9), (1, 3, None)).shape
    (1, 8, 1, 3, 9)
    """
    return apply(_f.adaptive_avg_pool, (input,), adaptive_size("AdaptiveAvgPool", 3, output_size))


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Largest elements of so many windows of (N, C, L); None keeps a size.

    Example:
        >>> import glia as gl
        >>> adaptive_max_pool1d(gl.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2).tolist()
        [[3.0, 5.0]]
    """
    return largest(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Largest elements of so many windows of (N, C, H, W); None keeps a size.

    >>> import glia as gl
    >>> x = gl.arange(6.0).reshape(1, 2, 3)
    >>> values, places = adaptive_max_pool2d(x, 1, return_indices=True)
    >>> values.tolist(), places.tolist()
    ([[[5.0]]], [[[5]]])
    """
    return largest(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Largest elements of so many windows of (N, C, D, H, W); None keeps a size.

    >>> import glia as gl
    >>> adaptive_max_pool3d(gl.ones(1, 8, 5, 7, 9), (1, 3, None)).shape
    (1, 8, 1, 3, 9)
    """
    return largest(3, input, output_size, return_indices)


def largest(dims: int, input: Tensor, output_size: Any, with_places: bool) -> Any:
    size = adaptive_size("AdaptiveMaxPool", dims, output_size)
    if with_places:
        return apply_all(_f.adaptive_max_pool_places, (input,), size)
    return apply(_f.adaptive_max_pool, (input,), size)


def adaptive_size(kind: str, dims: int, size: Any) -> tuple[int | None, ...]:
    """One number for every dimension, or None."""
    single = size is None or isinstance(size, int | np.integer)
    found = (size,) * dims if single else tuple(size)
    found = found * dims if len(found) == 1 else found
    whole = all(n is None or (isinstance(n, int | np.integer) and n >= 1) for n in found)
    if len(found) == dims and whole:
        return found
    many = {1: ("one integer", "一个"), 2: ("one or two integers", "一个或两个")}
    en, zh = many.get(dims, ("one or three integers", "一个或三个"))
    what = tr(
        f"{kind}{dims}d: expected {en} ≥ 1 or None, found {size!r}.",
        f"{kind}{dims}d：需要{zh}不小于 1 的整数或 None，得到 {size!r}。",
    )
    raise ArgumentError(teach(what))


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Size,
    output_size: Size | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Largest elements of windows of (N, C, H, W) whose distances are drawn at random.

    Either ``output_size`` or ``output_ratio`` says how many windows there are.

    Example:
        >>> import glia as gl
        >>> fractional_max_pool2d(gl.rand(1, 3, 10, 10), 2, output_ratio=0.7).shape
        (1, 3, 7, 7)

    Source: Graham, "Fractional max-pooling" (2014).
    """
    sizes = fractional_sizes(2, kernel_size, output_size, output_ratio)
    return fractional(input, sizes, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Size,
    output_size: Size | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """As :func:`fractional_max_pool2d`, for volumes (N, C, D, H, W).

    >>> import glia as gl
    >>> fractional_max_pool3d(gl.rand(1, 3, 10, 10, 10), 2, output_size=(7, 6, 5)).shape
    (1, 3, 7, 6, 5)
    """
    sizes = fractional_sizes(3, kernel_size, output_size, output_ratio)
    return fractional(input, sizes, return_indices, _random_samples)


def fractional_sizes(
    dims: int, kernel_size: Size, output_size: Size | None, output_ratio: Any
) -> tuple[tuple[Any, ...], ...]:
    """Kernel, output size and output ratio; one of the last two is empty."""
    layer = f"FractionalMaxPool{dims}d"
    kernel = positive("kernel_size", kernel_size, dims)
    if (output_size is None) == (output_ratio is None):
        what = tr(
            f"{layer}: expected output_size or output_ratio, one of them.",
            f"{layer}：需要 output_size 与 output_ratio 之一。",
        )
        raise ArgumentError(teach(what))
    if output_size is not None:
        return kernel, positive("output_size", output_size, dims), ()
    single = isinstance(output_ratio, int | float)
    ratio = (float(output_ratio),) * dims if single else tuple(map(float, output_ratio))
    if len(ratio) != dims or not all(0 < r < 1 for r in ratio):
        what = tr(
            f"{layer}: expected output_ratio between 0 and 1, found {output_ratio!r}.",
            f"{layer}：output_ratio 应在 0 与 1 之间，得到 {output_ratio!r}。",
        )
        raise ArgumentError(teach(what))
    return kernel, (), ratio


def fractional(
    input: Tensor, sizes: tuple[tuple[Any, ...], ...], with_places: bool, samples: Tensor | None
) -> Any:
    if samples is None:
        dims = len(sizes[0])
        lead = input.shape[:-dims] if input.ndim == dims + 2 else (1, *input.shape[:-dims])
        samples = _random.rand(*lead, dims).to(input.dtype)
    values, places = apply_all(_f.fractional_max_pool, (input, samples), *sizes)
    return (values, places) if with_places else values

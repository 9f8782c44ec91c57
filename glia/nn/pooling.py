"""Pooling over images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import pool_formulas as _f
from glia.nn.functional_checks import positive_pair
from glia.nn.module import Module
from glia.nn.pool_functions import _pool_padding, adaptive_size
from glia.tensor.tensor import Tensor, apply

Size = int | Sequence[int]


def _refuse(layer: str, option: str) -> None:
    what = tr(f"{layer}: {option} is not supported.", f"{layer}：不支持 {option}。")
    raise ArgumentError(teach(what, tr("leave the option out", "请去掉这个选项")))


class MaxPool2d(Module):
    """Largest element of every window; the gradient goes to the first of equal ones.

    Args:
        kernel_size: height and width of the window.
        stride: its step; the window's size by default.
        padding: -∞ on both sides, at most half the window.
        dilation: distance between the window's elements.
        return_indices, ceil_mode: only False.

    Shape:
        (N, C, H, W) → (N, C, H', W') with
        H' = ⌊(H + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1.

    Example:
        >>> import glia as gl
        >>> gl.nn.MaxPool2d(2)(gl.zeros(1, 6, 28, 28)).shape
        (1, 6, 14, 14)
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        if return_indices or ceil_mode:
            _refuse("MaxPool2d", "return_indices=True" if return_indices else "ceil_mode=True")
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode
        kernel = positive_pair("kernel_size", kernel_size)
        around = _pool_padding("MaxPool2d", kernel, padding)
        steps = positive_pair("stride", self.stride)
        self._attrs = (kernel, steps, around, positive_pair("dilation", dilation))

    def forward(self, input: Tensor) -> Tensor:
        return apply(_f.max_pool2d, (input,), *self._attrs)

    def extra_repr(self) -> str:
        text = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return text + f", dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class AvgPool2d(Module):
    """Mean of every window.

    Args:
        kernel_size: height and width of the window.
        stride: its step; the window's size by default.
        padding: zeros on both sides, at most half the window.
        ceil_mode: only False.
        count_include_pad: whether the zeros of the padding count in the mean.

    Shape:
        (N, C, H, W) → (N, C, H', W') with H' = ⌊(H + 2 padding - kernel) / stride⌋ + 1.
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        if ceil_mode:
            _refuse("AvgPool2d", "ceil_mode=True")
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        kernel = positive_pair("kernel_size", kernel_size)
        around = _pool_padding("AvgPool2d", kernel, padding)
        steps = positive_pair("stride", self.stride)
        self._attrs = (kernel, steps, around, bool(count_include_pad))

    def forward(self, input: Tensor) -> Tensor:
        return apply(_f.avg_pool2d, (input,), *self._attrs)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """Mean over windows that divide the picture into ``output_size`` parts as evenly as can be.

    Window i of n reaches from ⌊i H / n⌋ to ⌈(i + 1) H / n⌉: where n does not divide H, windows
    overlap.

    Args:
        output_size: height and width of the output; one number for both, None for the input's.

    Shape:
        (N, C, H, W) → (N, C, *output_size).
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size
        self._size = adaptive_size(output_size)

    def forward(self, input: Tensor) -> Tensor:
        return apply(_f.adaptive_avg_pool2d, (input,), self._size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"

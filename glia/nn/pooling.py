"""Pooling over sequences, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.nn import pool_functions as _p
from glia.nn.module import Module
from glia.tensor.tensor import Tensor

Size = int | Sequence[int]


class _MaxPool(Module):
    _dims: int

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
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode
        layer = type(self).__name__
        self._sizes = _p.window_sizes(layer, self._dims, kernel_size, stride, padding, dilation)

    def forward(self, input: Tensor) -> Any:
        return _p.pooled(input, self._sizes, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        text = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return text + f", dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPool):
    """Largest element of every window of a sequence; arguments as :class:`MaxPool2d`'s.

    Shape:
        (N, C, L) → (N, C, L'), with or without N.

    Example:
        >>> import glia as gl
        >>> gl.nn.MaxPool1d(3, stride=2, ceil_mode=True)(gl.zeros(1, 4, 10)).shape
        (1, 4, 5)
    """

    _dims = 1


class MaxPool2d(_MaxPool):
    """Largest element of every window; the gradient goes to the first of equal ones.

    Args:
        kernel_size: height and width of the window.
        stride: its step; the window's size by default.
        padding: -∞ on both sides, at most half the window.
        dilation: distance between the window's elements.
        return_indices: give also where they stand in a flattened channel, for ``MaxUnpool2d``.
        ceil_mode: let windows hang over the end.

    Shape:
        (N, C, H, W) → (N, C, H', W'), with or without N, where
        H' = ⌊(H + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1, ⌈⌉ with ``ceil_mode``,
        but no window starts behind the last element.

    Example:
        >>> import glia as gl
        >>> gl.nn.MaxPool2d(2)(gl.zeros(1, 6, 28, 28)).shape
        (1, 6, 14, 14)
    """

    _dims = 2


class MaxPool3d(_MaxPool):
    """Largest element of every window of a volume; arguments as :class:`MaxPool2d`'s.

    Shape:
        (N, C, D, H, W) → (N, C, D', H', W'), with or without N.

    Example:
        >>> import glia as gl
        >>> gl.nn.MaxPool3d(2)(gl.arange(8.0).reshape(1, 2, 2, 2)).tolist()
        [[[[7.0]]]]
    """

    _dims = 3


class _MaxUnpool(Module):
    _dims: int

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        layer = type(self).__name__
        sizes = _p.window_sizes(layer, self._dims, kernel_size, stride, padding)
        self.kernel_size, self.stride, self.padding, _ = sizes

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        sizes = (self.kernel_size, self.stride, self.padding)
        return _p.unpooled(self._dims, input, indices, *sizes, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """As :class:`MaxUnpool2d`, for sequences.

    Example:
        >>> import glia as gl
        >>> pool = gl.nn.MaxPool1d(2, return_indices=True)
        >>> gl.nn.MaxUnpool1d(2)(*pool(gl.tensor([[1.0, 3.0, 2.0, 0.0]])))
        tensor([[0., 3., 2., 0.]])
    """

    _dims = 1


class MaxUnpool2d(_MaxUnpool):
    """What ``MaxPool2d`` took, where it took it; zeros elsewhere.

    Args:
        kernel_size, stride, padding: as the pooling's.

    Shape:
        (N, C, H, W) and indices alike → (N, C, H', W') with
        H' = (H - 1) stride - 2 padding + kernel, or the call's ``output_size``.

    Example:
        >>> import glia as gl
        >>> pool = gl.nn.MaxPool2d(2, return_indices=True)
        >>> values, places = pool(gl.arange(4.0).reshape(1, 2, 2))
        >>> gl.nn.MaxUnpool2d(2)(values, places).tolist()
        [[[0.0, 0.0], [0.0, 3.0]]]

    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks" (2014).
    """

    _dims = 2


class MaxUnpool3d(_MaxUnpool):
    """As :class:`MaxUnpool2d`, for volumes.

    Example:
        >>> import glia as gl
        >>> pool = gl.nn.MaxPool3d(2, return_indices=True)
        >>> gl.nn.MaxUnpool3d(2)(*pool(gl.arange(8.0).reshape(1, 2, 2, 2))).tolist()
        [[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 7.0]]]]
    """

    _dims = 3


class _AvgPool(Module):
    _dims: int

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override
        layer = type(self).__name__
        self._sizes = _p.window_sizes(layer, self._dims, kernel_size, stride, padding)

    def forward(self, input: Tensor) -> Tensor:
        options = (self.ceil_mode, self.count_include_pad, self.divisor_override)
        return _p.averaged(input, self._sizes, *options)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """Mean of every window of a sequence; arguments as :class:`AvgPool2d`'s, without a divisor.

    Shape:
        (N, C, L) → (N, C, L'), with or without N.

    Example:
        >>> import glia as gl
        >>> gl.nn.AvgPool1d(2)(gl.tensor([[1.0, 3.0, 5.0, 5.0]])).tolist()
        [[2.0, 5.0]]
    """

    _dims = 1

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.kernel_size, self.stride, self.padding, _ = self._sizes


class AvgPool2d(_AvgPool):
    """Mean of every window.

    Args:
        kernel_size: height and width of the window.
        stride: its step; the window's size by default.
        padding: zeros on both sides, at most half the window.
        ceil_mode: let windows hang over the end; what hangs over does not count.
        count_include_pad: whether the zeros of the padding count in the mean.
        divisor_override: divide by this number instead.

    Shape:
        (N, C, H, W) → (N, C, H', W'), with or without N, where
        H' = ⌊(H + 2 padding - kernel) / stride⌋ + 1, ⌈⌉ with ``ceil_mode``.

    Example:
        >>> import glia as gl
        >>> gl.nn.AvgPool2d(3, stride=2)(gl.zeros(1, 6, 28, 28)).shape
        (1, 6, 13, 13)
    """

    _dims = 2


class AvgPool3d(_AvgPool):
    """Mean of every window of a volume; arguments as :class:`AvgPool2d`'s.

    Shape:
        (N, C, D, H, W) → (N, C, D', H', W'), with or without N.

    Example:
        >>> import glia as gl
        >>> gl.nn.AvgPool3d(2)(gl.arange(8.0).reshape(1, 2, 2, 2)).tolist()
        [[[[3.5]]]]
    """

    _dims = 3


class _LPPool(Module):
    _dims: int

    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        sizes = (self.norm_type, self.kernel_size, self.stride, self.ceil_mode)
        return _p.normed(self._dims, input, *sizes)

    def extra_repr(self) -> str:
        text = f"norm_type={self.norm_type}, kernel_size={self.kernel_size}"
        return text + f", stride={self.stride}, ceil_mode={self.ceil_mode}"


class LPPool1d(_LPPool):
    """As :class:`LPPool2d`, for sequences.

    Example:
        >>> import glia as gl
        >>> gl.nn.LPPool1d(2, 2)(gl.tensor([[3.0, 4.0, 0.0, 1.0]]))
        tensor([[5., 1.]])
    """

    _dims = 1


class LPPool2d(_LPPool):
    """``(Σ xᵖ)^(1/p)`` over every window, with p = ``norm_type``.

    Example:
        >>> import glia as gl
        >>> gl.nn.LPPool2d(2, 2)(gl.tensor([[[3.0, 0.0], [0.0, 4.0]]])).tolist()
        [[[5.0]]]
    """

    _dims = 2


class LPPool3d(_LPPool):
    """As :class:`LPPool2d`, for volumes.

    Example:
        >>> import glia as gl
        >>> gl.nn.LPPool3d(3, 2)(gl.ones(1, 2, 2, 2)).tolist()  # the cube root of 8
        [[[[2.0]]]]
    """

    _dims = 3

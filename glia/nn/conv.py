"""Convolution over images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import conv_formulas as _f
from glia.nn import init
from glia.nn.conv_functions import conv_padding, transposed_sizes
from glia.nn.functional_checks import positive_pair
from glia.nn.linear import check_count, empty_parameter
from glia.nn.module import Module
from glia.tensor.tensor import Parameter, Tensor, apply

Size = int | Sequence[int]


class Conv2d(Module):
    """``out[n, o, y, x] = b[o] + Σ w[o, c, i, j] · in[n, c, y s + i d - p, x s + j d - p]``.

    Cross-correlation, as in all frameworks. Weights and bias start uniform in ±1/√fan_in with
    fan_in = in_channels / groups · kernel height · kernel width.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: height and width of the window.
        stride: step of the window.
        padding: zeros on both sides; ``"same"`` keeps the size (stride 1), ``"valid"`` adds none.
        dilation: distance between the window's elements.
        groups: channels are cut into so many groups that do not mix.
        bias: whether to add b.
        padding_mode: only ``"zeros"``.

    Shape:
        (N, in_channels, H, W) → (N, out_channels, H', W'), where
        H' = ⌊(H + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1.

    Example:
        >>> import glia as gl
        >>> gl.nn.Conv2d(1, 6, 5, padding=2)(gl.zeros(1, 1, 28, 28)).shape
        (1, 6, 28, 28)

    Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_channels = check_count("Conv2d", "in_channels", in_channels)
        self.out_channels = check_count("Conv2d", "out_channels", out_channels)
        self.groups = check_count("Conv2d", "groups", groups)
        self.kernel_size = positive_pair("kernel_size", kernel_size)
        self.stride = positive_pair("stride", stride)
        self.dilation = positive_pair("dilation", dilation)
        self.padding = padding if isinstance(padding, str) else _shown(padding)
        self.padding_mode = padding_mode
        _check_conv("Conv2d", padding_mode, in_channels, out_channels, groups)
        self._around = conv_padding(padding, self.kernel_size, self.stride, self.dilation)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = empty_parameter(shape, dtype)
        self.register_parameter("bias", empty_parameter((out_channels,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and bias anew."""
        _draw(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        bias = self.bias
        tensors = (input, self.weight) if bias is None else (input, self.weight, bias)
        return apply(_f.conv2d, tensors, self.stride, self._around, self.dilation, self.groups)

    def extra_repr(self) -> str:
        return _shown_conv(self)


class ConvTranspose2d(Module):
    """``out[n, o, y s + i d - p, x s + j d - p] += w[c, o, i, j] · in[n, c, y, x]``, plus b[o].

    The derivative of a convolution with respect to its input: it makes pictures larger. Weights
    and bias start uniform in ±1/√fan with fan = out_channels / groups · kernel height · width.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: height and width of the window.
        stride: step of the window in the output.
        padding: rows and columns taken away on both sides of the output.
        output_padding: rows and columns added below and on the right; smaller than the stride or
            the dilation.
        groups: channels are cut into so many groups that do not mix.
        bias: whether to add b.
        dilation: distance between the window's elements.
        padding_mode: only ``"zeros"``.

    Shape:
        (N, in_channels, H, W) → (N, out_channels, H', W'), where
        H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1;
        weight (in_channels, out_channels / groups, kernel height, kernel width).

    Example:
        >>> import glia as gl
        >>> gl.nn.ConvTranspose2d(8, 4, 2, stride=2)(gl.zeros(1, 8, 14, 14)).shape
        (1, 4, 28, 28)

    Source: Zeiler et al., "Deconvolutional networks" (2010).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_channels = check_count("ConvTranspose2d", "in_channels", in_channels)
        self.out_channels = check_count("ConvTranspose2d", "out_channels", out_channels)
        self.groups = check_count("ConvTranspose2d", "groups", groups)
        self.kernel_size = positive_pair("kernel_size", kernel_size)
        self._attrs = transposed_sizes(stride, padding, output_padding, dilation)
        self.stride, self.padding, self.output_padding, self.dilation = self._attrs
        _check_conv("ConvTranspose2d", padding_mode, in_channels, out_channels, groups)
        self.padding_mode = padding_mode
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        self.weight = empty_parameter(shape, dtype)
        self.register_parameter("bias", empty_parameter((out_channels,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and bias anew."""
        _draw(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        bias = self.bias
        tensors = (input, self.weight) if bias is None else (input, self.weight, bias)
        return apply(_f.conv_transpose2d, tensors, *self._attrs, self.groups)

    def extra_repr(self) -> str:
        return _shown_conv(self, self.output_padding)


def _check_conv(layer: str, mode: str, inputs: int, outputs: int, groups: int) -> None:
    if mode != "zeros":
        what = tr(
            f"{layer}: padding_mode {mode!r} is not supported.",
            f"{layer}：不支持 padding_mode {mode!r}。",
        )
        raise ArgumentError(teach(what, tr("use 'zeros'", "请用 'zeros'")))
    if inputs % groups or outputs % groups:
        what = tr(
            f"{layer}: {inputs} and {outputs} channels do not divide by groups={groups}.",
            f"{layer}：通道数 {inputs} 与 {outputs} 不能被 groups={groups} 整除。",
        )
        raise ArgumentError(teach(what))


def _draw(weight: Parameter, bias: Parameter | None) -> None:
    """Uniform in ±1/√fan_in."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(init.fans(weight)[0])
        init.uniform_(bias, -bound, bound)


def _shown_conv(layer: Any, output_padding: tuple[int, ...] = (0, 0)) -> str:
    """The arguments that differ from the defaults, as PyTorch prints them."""
    text = f"{layer.in_channels}, {layer.out_channels}, kernel_size={layer.kernel_size}"
    text += f", stride={layer.stride}"
    if layer.padding != (0, 0):
        text += f", padding={layer.padding}"
    if layer.dilation != (1, 1):
        text += f", dilation={layer.dilation}"
    if output_padding != (0, 0):
        text += f", output_padding={output_padding}"
    if layer.groups != 1:
        text += f", groups={layer.groups}"
    return text + (", bias=False" if layer.bias is None else "")


def _shown(padding: Any) -> tuple[int, ...]:
    return (padding, padding) if isinstance(padding, int) else tuple(padding)

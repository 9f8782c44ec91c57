"""Convolution over images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import formulas as _f
from glia.nn import init
from glia.nn.functional import conv_padding, positive_pair
from glia.nn.linear import check_count, empty_parameter
from glia.nn.module import Module
from glia.tensor.tensor import Tensor, apply

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
        if padding_mode != "zeros":
            what = tr(
                f"Conv2d: padding_mode {padding_mode!r} is not supported.",
                f"Conv2d：不支持 padding_mode {padding_mode!r}。",
            )
            raise ArgumentError(teach(what, tr("use 'zeros'", "请用 'zeros'")))
        if in_channels % groups or out_channels % groups:
            what = tr(
                f"Conv2d: {in_channels} and {out_channels} channels do not divide by"
                f" groups={groups}.",
                f"Conv2d：通道数 {in_channels} 与 {out_channels} 不能被 groups={groups} 整除。",
            )
            raise ArgumentError(teach(what))
        self._around = conv_padding(padding, self.kernel_size, self.stride, self.dilation)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = empty_parameter(shape, dtype)
        self.register_parameter("bias", empty_parameter((out_channels,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(init.fans(self.weight)[0])
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        bias = self.bias
        tensors = (input, self.weight) if bias is None else (input, self.weight, bias)
        return apply(_f.conv2d, tensors, self.stride, self._around, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        text += f", stride={self.stride}"
        if self.padding != (0, 0):
            text += f", padding={self.padding}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text + (", bias=False" if self.bias is None else "")


def _shown(padding: Any) -> tuple[int, ...]:
    return (padding, padding) if isinstance(padding, int) else tuple(padding)

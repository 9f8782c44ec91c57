"""Convolution over sequences, images and volumes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import conv_formulas as _f
from glia.nn import init
from glia.nn.conv_functions import conv_padding, transposed_sizes
from glia.nn.functional_checks import numbers, positive
from glia.nn.linear import check_count, empty_parameter
from glia.nn.module import Module
from glia.tensor.tensor import Parameter, Tensor, apply

Size = int | Sequence[int]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Any(Module):
    """What convolutions share, transposed or not, in any number of dimensions."""

    _dims: int
    weight: Parameter

    def _take(
        self, inputs: int, outputs: int, kernel_size: Size, groups: int, mode: str, modes: Any
    ) -> None:
        """Check and keep what does not differ between the two."""
        layer = type(self).__name__
        self.in_channels = check_count(layer, "in_channels", inputs)
        self.out_channels = check_count(layer, "out_channels", outputs)
        self.groups = check_count(layer, "groups", groups)
        self.kernel_size = positive("kernel_size", kernel_size, self._dims)
        self.padding_mode = mode
        if mode not in modes:
            what = tr(
                f"{layer}: padding_mode {mode!r} is not supported.",
                f"{layer}：不支持 padding_mode {mode!r}。",
            )
            names = ", ".join(map(repr, modes))
            raise ArgumentError(teach(what, tr(f"use {names}", f"请用 {names}")))
        if inputs % groups or outputs % groups:
            what = tr(
                f"{layer}: {inputs} and {outputs} channels do not divide by groups={groups}.",
                f"{layer}：通道数 {inputs} 与 {outputs} 不能被 groups={groups} 整除。",
            )
            raise ArgumentError(teach(what))

    def _make(self, first: int, second: int, bias: bool, dtype: Any) -> None:
        self.weight = empty_parameter((first, second, *self.kernel_size), dtype)
        made = empty_parameter((self.out_channels,), dtype) if bias else None
        self.register_parameter("bias", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and bias anew, uniform in ±1/√fan_in."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(init.fans(self.weight)[0])
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """The arguments that differ from the defaults, as PyTorch prints them."""
        none, once = (0,) * self._dims, (1,) * self._dims
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        text += f", stride={self.stride}"
        extra = getattr(self, "output_padding", none)
        options = (
            ("padding", self.padding, none),
            ("dilation", self.dilation, once),
            ("output_padding", extra, none),
            ("groups", self.groups, 1),
            ("bias", self.bias is not None, True),
            ("padding_mode", self.padding_mode, "zeros"),
        )
        return text + "".join(f", {k}={v}" for k, v, usual in options if v != usual)


class _Conv(_Any):
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
        self._take(in_channels, out_channels, kernel_size, groups, padding_mode, PADDING_MODES)
        self.stride = positive("stride", stride, self._dims)
        self.dilation = positive("dilation", dilation, self._dims)
        self._around = conv_padding(padding, self.kernel_size, self.stride, self.dilation)
        as_text = isinstance(padding, str)
        self.padding = padding if as_text else numbers("padding", padding, self._dims)
        self._make(out_channels, in_channels // groups, bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        bias = self.bias
        tensors = (input, self.weight) if bias is None else (input, self.weight, bias)
        attrs = (self.stride, self._around, self.dilation, self.groups, self.padding_mode)
        return apply(_f.conv, tensors, *attrs)


class _ConvTranspose(_Any):
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
        self._take(in_channels, out_channels, kernel_size, groups, padding_mode, ("zeros",))
        self._attrs = transposed_sizes(self._dims, stride, padding, output_padding, dilation)
        self.stride, self.padding, self.output_padding, self.dilation = self._attrs
        self._make(in_channels, out_channels // groups, bias, dtype)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """``output_size``, with or without N and C, says how large the output shall be."""
        bias = self.bias
        tensors = (input, self.weight) if bias is None else (input, self.weight, bias)
        attrs = self._attrs if output_size is None else self._to_size(input, output_size)
        return apply(_f.conv_transpose, tensors, *attrs, self.groups)

    def _to_size(self, input: Tensor, output_size: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        wanted = tuple(output_size)[-self._dims :]
        least = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                input.shape[-self._dims :],
                self.stride,
                self.padding,
                self.dilation,
                self.kernel_size,
                strict=True,
            )
        )
        extra = tuple(w - m for w, m in zip(wanted, least, strict=False))
        fits = len(output_size) in (self._dims, input.ndim) and len(extra) == self._dims
        if not fits or any(not 0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            layer = type(self).__name__
            most = tuple(m + s - 1 for m, s in zip(least, self.stride, strict=True))
            what = tr(
                f"{layer}: expected output_size from {least} to {most}, found {output_size}.",
                f"{layer}：output_size 应在 {least} 与 {most} 之间，得到 {output_size}。",
            )
            raise ArgumentError(teach(what))
        stride, padding, _, dilation = self._attrs
        return transposed_sizes(self._dims, stride, padding, extra, dilation)


class Conv1d(_Conv):
    """``out[n, o, x] = b[o] + Σ w[o, c, i] · in[n, c, x s + i d - p]``.

    Arguments as :class:`Conv2d`'s, over one dimension.

    Shape:
        (N, in_channels, L) → (N, out_channels, L'), with or without N, where
        L' = ⌊(L + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1.

    Example:
        >>> import glia as gl
        >>> gl.nn.Conv1d(4, 8, 3, padding="same", padding_mode="circular")(gl.zeros(1, 4, 20)).shape
        (1, 8, 20)

    Source: Waibel et al., "Phoneme recognition using time-delay neural networks" (1989).
    """

    _dims = 1


class Conv2d(_Conv):
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
        padding_mode: what the padding holds: ``"zeros"``, or elements of the input, ``"reflect"``,
            ``"replicate"`` or ``"circular"``.

    Shape:
        (N, in_channels, H, W) → (N, out_channels, H', W'), with or without N, where
        H' = ⌊(H + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1.

    Example:
        >>> import glia as gl
        >>> gl.nn.Conv2d(1, 6, 5, padding=2)(gl.zeros(1, 1, 28, 28)).shape
        (1, 6, 28, 28)

    Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998).
    """

    _dims = 2


class Conv3d(_Conv):
    """As :class:`Conv2d`, over three dimensions: depth, height and width.

    Shape:
        (N, in_channels, D, H, W) → (N, out_channels, D', H', W'), with or without N.

    Example:
        >>> import glia as gl
        >>> gl.nn.Conv3d(1, 4, 3, stride=2, padding=1)(gl.zeros(1, 1, 8, 16, 16)).shape
        (1, 4, 4, 8, 8)

    Source: Ji et al., "3D convolutional neural networks for human action recognition" (2013).
    """

    _dims = 3


class ConvTranspose1d(_ConvTranspose):
    """``out[n, o, x s + i d - p] += w[c, o, i] · in[n, c, x]``, plus b[o].

    Arguments as :class:`ConvTranspose2d`'s, over one dimension.

    Shape:
        (N, in_channels, L) → (N, out_channels, L'), with or without N, where
        L' = (L - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.

    Example:
        >>> import glia as gl
        >>> gl.nn.ConvTranspose1d(4, 2, 4, stride=2, padding=1)(gl.zeros(1, 4, 10)).shape
        (1, 2, 20)
    """

    _dims = 1


class ConvTranspose2d(_ConvTranspose):
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
        (N, in_channels, H, W) → (N, out_channels, H', W'), with or without N, where
        H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1;
        weight (in_channels, out_channels / groups, kernel height, kernel width).

    Example:
        >>> import glia as gl
        >>> gl.nn.ConvTranspose2d(8, 4, 2, stride=2)(gl.zeros(1, 8, 14, 14)).shape
        (1, 4, 28, 28)

    Source: Zeiler et al., "Deconvolutional networks" (2010).
    """

    _dims = 2


class ConvTranspose3d(_ConvTranspose):
    """As :class:`ConvTranspose2d`, over three dimensions: depth, height and width.

    Shape:
        (N, in_channels, D, H, W) → (N, out_channels, D', H', W'), with or without N.

    Example:
        >>> import glia as gl
        >>> gl.nn.ConvTranspose3d(4, 2, 2, stride=2)(gl.zeros(1, 4, 3, 5, 5)).shape
        (1, 2, 6, 10, 10)
    """

    _dims = 3

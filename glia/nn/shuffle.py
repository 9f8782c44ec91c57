"""Layers that move elements between channels and places, and lay windows out as columns."""

from __future__ import annotations

from collections.abc import Sequence

from glia.nn import shuffle_functions as _s
from glia.nn.module import Module
from glia.tensor.tensor import Tensor

Size = int | Sequence[int]


class PixelShuffle(Module):
    """(…, C r², H, W) → (…, C, H r, W r): channels become pixels.

    Example:
        >>> import glia as gl
        >>> gl.nn.PixelShuffle(3)(gl.zeros(1, 9, 4, 4)).shape
        (1, 1, 12, 12)

    Source: Shi et al., "Real-time single image and video super-resolution" (2016).
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return _s.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(…, C, H r, W r) → (…, C r², H, W): pixels become channels.

    Example:
        >>> import glia as gl
        >>> gl.nn.PixelUnshuffle(3)(gl.zeros(1, 1, 12, 12)).shape
        (1, 9, 4, 4)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return _s.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channel ``j`` of group ``i`` becomes channel ``i`` of group ``j``.

    Example:
        >>> import glia as gl
        >>> x = gl.arange(6.0).reshape(1, 6, 1, 1)
        >>> gl.nn.ChannelShuffle(2)(x).flatten()
        tensor([0., 3., 1., 4., 2., 5.])

    Source: Zhang et al., "ShuffleNet" (2018).
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return _s.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Unfold(Module):
    """(N, C, H, W) → (N, C · kernel, windows): every window a column.

    Example:
        >>> import glia as gl
        >>> gl.nn.Unfold((2, 3), padding=1)(gl.zeros(1, 3, 4, 5)).shape
        (1, 18, 25)
    """

    def __init__(
        self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
    ) -> None:
        super().__init__()
        self.kernel_size, self.dilation = kernel_size, dilation
        self.padding, self.stride = padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return _s.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        text = f"kernel_size={self.kernel_size}, dilation={self.dilation}"
        return text + f", padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """(N, C · kernel, windows) → (N, C, *output_size): columns added up where they came from.

    Example:
        >>> import glia as gl
        >>> gl.nn.Fold((4, 5), (2, 2))(gl.zeros(1, 12, 12)).shape
        (1, 3, 4, 5)
    """

    def __init__(
        self,
        output_size: Size,
        kernel_size: Size,
        dilation: Size = 1,
        padding: Size = 0,
        stride: Size = 1,
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        sizes = (self.kernel_size, self.dilation, self.padding, self.stride)
        return _s.fold(input, self.output_size, *sizes)

    def extra_repr(self) -> str:
        text = f"output_size={self.output_size}, kernel_size={self.kernel_size}"
        text += f", dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        return text

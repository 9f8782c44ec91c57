"""Pooling to a given size, and at places drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.nn import adaptive_functions as _a
from glia.nn import pool_formulas as _f
from glia.nn.module import Module
from glia.tensor.tensor import Tensor, apply

Size = int | Sequence[int]


class _AdaptiveAvgPool(Module):
    _dims: int

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size
        self._size = _a.adaptive_size("AdaptiveAvgPool", self._dims, output_size)

    def forward(self, input: Tensor) -> Tensor:
        return apply(_f.adaptive_avg_pool, (input,), self._size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """As :class:`AdaptiveAvgPool2d`, for sequences.

    Example:
        >>> import glia as gl
        >>> gl.nn.AdaptiveAvgPool1d(2)(gl.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]))
        tensor([[2., 4.]])
    """

    _dims = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Mean over windows that divide the picture into ``output_size`` parts as evenly as can be.

    Window i of n reaches from ⌊i H / n⌋ to ⌈(i + 1) H / n⌉: where n does not divide H, windows
    overlap.

    Args:
        output_size: height and width of the output; one number for both, None for the input's.

    Shape:
        (N, C, H, W) → (N, C, *output_size), with or without N.

    Example:
        >>> import glia as gl
        >>> gl.nn.AdaptiveAvgPool2d((5, None))(gl.zeros(1, 8, 12, 9)).shape
        (1, 8, 5, 9)
    """

    _dims = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """As :class:`AdaptiveAvgPool2d`, for volumes.

    Example:
        >>> import glia as gl
        >>> gl.nn.AdaptiveAvgPool3d((1, 3, None))(gl.ones(1, 8, 5, 7, 9)).shape
        (1, 8, 1, 3, 9)
    """

    _dims = 3


class _AdaptiveMaxPool(Module):
    _dims: int

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices
        _a.adaptive_size("AdaptiveMaxPool", self._dims, output_size)

    def forward(self, input: Tensor) -> Any:
        return _a.largest(self._dims, input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """As :class:`AdaptiveMaxPool2d`, for sequences.

    Example:
        >>> import glia as gl
        >>> gl.nn.AdaptiveMaxPool1d(2)(gl.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]))
        tensor([[3., 5.]])
    """

    _dims = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Largest element of windows that divide the picture as :class:`AdaptiveAvgPool2d`'s do.

    Args:
        output_size: height and width of the output; one number for both, None for the input's.
        return_indices: give also where they stand in a flattened channel.

    Shape:
        (N, C, H, W) → (N, C, *output_size), with or without N.

    Example:
        >>> import glia as gl
        >>> gl.nn.AdaptiveMaxPool2d(2)(gl.arange(9.0).reshape(1, 3, 3)).tolist()
        [[[4.0, 5.0], [7.0, 8.0]]]
    """

    _dims = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """As :class:`AdaptiveMaxPool2d`, for volumes.

    Example:
        >>> import glia as gl
        >>> gl.nn.AdaptiveMaxPool3d((1, 3, None))(gl.ones(1, 8, 5, 7, 9)).shape
        (1, 8, 1, 3, 9)
    """

    _dims = 3


class _FractionalMaxPool(Module):
    _dims: int

    def __init__(
        self,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.return_indices = kernel_size, return_indices
        self.output_size, self.output_ratio = output_size, output_ratio
        self._random_samples = _random_samples
        self._sizes = _a.fractional_sizes(self._dims, kernel_size, output_size, output_ratio)

    def forward(self, input: Tensor) -> Any:
        return _a.fractional(input, self._sizes, self.return_indices, self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPool):
    """Largest elements of windows whose distances are drawn at random.

    Args:
        kernel_size: height and width of the windows.
        output_size: how many windows there are, or
        output_ratio: the output's size as a part of the input's, between 0 and 1.
        return_indices: give also where they stand in a flattened channel.

    Shape:
        (N, C, H, W) → (N, C, H', W'), with or without N.

    Example:
        >>> import glia as gl
        >>> gl.nn.FractionalMaxPool2d(3, output_size=(7, 6))(gl.zeros(1, 8, 16, 16)).shape
        (1, 8, 7, 6)

    Source: Graham, "Fractional max-pooling" (2014).
    """

    _dims = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """As :class:`FractionalMaxPool2d`, for volumes.

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.FractionalMaxPool3d(2, output_ratio=0.7)
        >>> layer(gl.rand(1, 3, 10, 10, 10)).shape
        (1, 3, 7, 7, 7)
    """

    _dims = 3

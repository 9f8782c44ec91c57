"""Layers that make pictures larger or smaller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.nn.module import Module
from glia.nn.resize_functions import interpolate
from glia.tensor.tensor import Tensor

Size = int | Sequence[int]
Factor = float | Sequence[float]


class Upsample(Module):
    """(N, C, …) with another size; see :func:`glia.nn.functional.interpolate`.

    Args:
        size: the new size, or
        scale_factor: by how much it is to grow.
        mode: ``"nearest"``, ``"linear"``, ``"bilinear"``, ``"bicubic"`` or ``"trilinear"``.
        align_corners: the middles of corner pixels stay where they are; else the corners do.
        recompute_scale_factor: places follow from the sizes, not from the factor.

    Example:
        >>> import glia as gl
        >>> gl.nn.Upsample(scale_factor=2, mode="bilinear")(gl.zeros(1, 3, 8, 8)).shape
        (1, 3, 16, 16)
    """

    def __init__(
        self,
        size: Size | None = None,
        scale_factor: Factor | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size: Any = tuple(size) if isinstance(size, Sequence) else size
        self.scale_factor: Any = None
        if isinstance(scale_factor, Sequence):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        elif scale_factor is not None:
            self.scale_factor = float(scale_factor)
        self.mode, self.align_corners = mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        attrs = (self.size, self.scale_factor, self.mode, self.align_corners)
        return interpolate(input, *attrs, self.recompute_scale_factor)

    def extra_repr(self) -> str:
        given = self.scale_factor if self.scale_factor is not None else self.size
        name = "scale_factor" if self.scale_factor is not None else "size"
        return f"{name}={given!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """:class:`Upsample` with mode ``"nearest"``.

    Example:
        >>> import glia as gl
        >>> gl.nn.UpsamplingNearest2d(scale_factor=2)(gl.tensor([[[[1.0, 2.0]]]])).tolist()
        [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """

    def __init__(self, size: Size | None = None, scale_factor: Factor | None = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """:class:`Upsample` with mode ``"bilinear"`` and aligned corners.

    Example:
        >>> import glia as gl
        >>> gl.nn.UpsamplingBilinear2d(size=(1, 3))(gl.tensor([[[[1.0, 2.0]]]]))
        tensor([[[[1. , 1.5, 2. ]]]])
    """

    def __init__(self, size: Size | None = None, scale_factor: Factor | None = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)

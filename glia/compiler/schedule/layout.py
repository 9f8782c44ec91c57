"""Where the elements of a stored value lie: strides by logical dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glia.base.shapes import Shape, numel
from glia.compiler.index import Index, combine


@dataclass(frozen=True, slots=True)
class Layout:
    """Physical order of the dimensions, outermost first, and the strides that follow."""

    shape: Shape
    order: tuple[int, ...]
    strides: tuple[int, ...]

    def offset(self, index: Sequence[Index]) -> Index:
        """Position of an element, in elements from the start."""
        return combine(zip(index, self.strides, strict=True))

    @property
    def size(self) -> int:
        return numel(self.shape)

    def is_natural(self) -> bool:
        """Row-major, as the user sees it."""
        return self.order == tuple(range(len(self.shape)))


def arranged(shape: Shape, order: Sequence[int]) -> Layout:
    """The layout with dimensions in this physical order."""
    strides = [0] * len(shape)
    step = 1
    for dim in reversed(order):
        strides[dim] = step
        step *= shape[dim]
    return Layout(shape, tuple(order), tuple(strides))


def natural(shape: Shape) -> Layout:
    """Row-major."""
    return arranged(shape, range(len(shape)))


def dim_last(shape: Shape, dim: int) -> Layout:
    """Row-major, but with one dimension moved innermost."""
    return arranged(shape, [d for d in range(len(shape)) if d != dim] + [dim])

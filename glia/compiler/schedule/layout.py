"""Where the elements of a stored value lie: strides by logical dimension, perhaps in panels.

In a panelled layout one dimension is cut into panels of some width: the elements of a panel lie
side by side innermost, the panels themselves outermost. A contraction reads a panel from end to
end, one tile after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glia.base.shapes import Shape, numel
from glia.compiler.index import Index, combine

#: Names a layout: the order of the dimensions and, for panels, their dimension and width.
Key = tuple[int | str, ...]

#: Begins the keys of 3x3 weights in transformed form (``schedule/winograd.py``).
WINOGRAD = "winograd"


@dataclass(frozen=True, slots=True)
class Layout:
    """Physical order of the dimensions, outermost first, and the strides that follow."""

    shape: Shape
    order: tuple[int, ...]
    strides: tuple[int, ...]
    panel: tuple[int, int, int] | None = None  # dimension, width, elements from one to the next

    def offset(self, index: Sequence[Index]) -> Index:
        """Position of an element, in elements from the start."""
        parts = list(zip(index, self.strides, strict=True))
        if self.panel is not None:
            dim, width, step = self.panel
            parts[dim] = (index[dim] // width, step)
            parts.append((index[dim] % width, 1))
        return combine(parts)

    @property
    def key(self) -> Key:
        if self.panel is None:
            dense = arranged(self.shape, self.order)
            live = [d for d, size in enumerate(self.shape) if size != 1]
            if all(dense.strides[d] == self.strides[d] for d in live):
                return self.order
            return (*self.order, "within", *self.strides)
        return (*self.order, "panel", self.panel[0], self.panel[1])

    @property
    def size(self) -> int:
        return room(self.shape, self.key)

    @property
    def even(self) -> bool:
        """Whether all panels are full."""
        return self.panel is None or self.shape[self.panel[0]] % self.panel[1] == 0


def room(shape: Shape, key: Key) -> int:
    """Elements of memory that a value in a layout takes: the last panel is filled up."""
    if key and key[0] == "scratch":
        assert isinstance(key[1], int)
        return key[1]
    if key and key[0] == WINOGRAD:
        return numel(shape) // 9 * 16
    if "panel" not in key:
        return numel(shape)
    dim, width = key[-2], key[-1]
    assert isinstance(dim, int) and isinstance(width, int)
    return numel(shape) // shape[dim] * -(-shape[dim] // width) * width


def arranged(shape: Shape, order: Sequence[int]) -> Layout:
    """The layout with dimensions in this physical order; those of size 1 do not matter."""
    live = [dim for dim in order if shape[dim] != 1]
    if live == sorted(live):
        order = range(len(shape))
    strides = [0] * len(shape)
    step = 1
    for dim in reversed(order):
        strides[dim] = step
        step *= shape[dim]
    return Layout(shape, tuple(order), tuple(strides))


def panelled(shape: Shape, order: Sequence[int], dim: int, width: int) -> Layout:
    """The layout with ``dim`` in panels, the other dimensions within a panel in this order."""
    strides = [0] * len(shape)
    step = width
    inner = [d for d in order if d != dim]
    for d in reversed(inner):
        strides[d] = step
        step *= shape[d]
    return Layout(shape, (dim, *inner), tuple(strides), (dim, width, step))


def natural(shape: Shape) -> Layout:
    """Row-major."""
    return arranged(shape, range(len(shape)))


def within(layout: Layout, shape: Shape, dims: Sequence[int]) -> Layout:
    """The layout of a part of a value, spanning these of its dimensions: the strides stay."""
    order = [dims.index(d) for d in layout.order if d in dims]
    return Layout(shape, tuple(order), tuple(layout.strides[d] for d in dims))


def dim_last(shape: Shape, dim: int) -> Layout:
    """Row-major, but with one dimension moved innermost."""
    return arranged(shape, [d for d in range(len(shape)) if d != dim] + [dim])

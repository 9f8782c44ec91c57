"""Results with names: ``x.max(0).values``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Picked(NamedTuple):
    """Elements, and where along the dimension they stood."""

    values: Tensor
    indices: Tensor


class Bounds(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor


class Histogram(NamedTuple):
    """How many elements lie in each part, and where the parts begin and end."""

    hist: Tensor
    bin_edges: Tensor

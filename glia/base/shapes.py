"""Arithmetic on shapes: broadcasting, strides, reshaping, dimension numbers."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.errors import ShapeError, teach

Shape = tuple[int, ...]


def numel(shape: Sequence[int]) -> int:
    """Number of elements."""
    count = 1
    for size in shape:
        count *= size
    return count


def strides_of(shape: Sequence[int]) -> Shape:
    """Row-major strides, in elements.

    >>> strides_of((2, 3, 4))
    (12, 4, 1)
    """
    strides = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * shape[i + 1]
    return tuple(strides)


def broadcast(*shapes: Shape) -> Shape:
    """The common shape after NumPy's broadcasting rules.

    >>> broadcast((3, 1), (4,))
    (3, 4)
    """
    rank = max((len(shape) for shape in shapes), default=0)
    result = []
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if -axis <= len(shape)} - {1}
        if len(sizes) > 1:
            shown = " and ".join(str(shape) for shape in shapes)
            message = (
                f"shapes {shown} do not broadcast: dimension {axis} has sizes {sorted(sizes)}."
            )
            help = "make the sizes equal, or one of them 1 (reshape, unsqueeze)"
            raise ShapeError(teach(message, help))
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


def normalize_dim(dim: int, rank: int) -> int:
    """A dimension number in ``0 .. rank-1``; negative numbers count from the end."""
    limit = max(rank, 1)
    if not -limit <= dim < limit:
        message = f"dimension {dim} does not exist in a tensor of {rank} dimensions."
        raise ShapeError(teach(message, f"use a number from {-limit} to {limit - 1}"))
    return dim + limit if dim < 0 else dim


def normalize_dims(dims: int | Sequence[int] | None, rank: int) -> Shape:
    """Sorted dimension numbers; None means all of them."""
    if dims is None:
        return tuple(range(rank))
    if isinstance(dims, int):
        dims = (dims,)
    found = tuple(sorted(normalize_dim(dim, rank) for dim in dims))
    if len(set(found)) != len(found):
        raise ShapeError(teach(f"dimension named twice in {tuple(dims)}.", "name each once"))
    return found if rank else ()


def infer_reshape(shape: Shape, wanted: Sequence[int]) -> Shape:
    """Fill in the one ``-1`` of ``wanted`` and check the number of elements."""
    target = list(wanted)
    if target.count(-1) > 1 or any(size < -1 for size in target):
        raise ShapeError(teach(f"cannot reshape to {tuple(wanted)}.", "give sizes ≥ 0, one -1"))
    total = numel(shape)
    if -1 in target:
        known = numel([size for size in target if size != -1])
        if known and total % known == 0:
            target[target.index(-1)] = total // known
    if numel(target) != total or -1 in target:
        message = f"cannot reshape {shape} ({total} elements) to {tuple(wanted)}."
        raise ShapeError(teach(message, "the number of elements must stay the same"))
    return tuple(target)

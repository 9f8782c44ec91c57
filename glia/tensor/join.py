"""Functions of several tensors: put together, spread over each other, combined."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, broadcast
from glia.ir import arrange
from glia.tensor.create import cat, stack
from glia.tensor.tensor import Tensor, apply

concat = concatenate = cat


def _each(function: Callable[[Tensor], Tensor], tensors: tuple[Any, ...]) -> Any:
    """For one tensor the result, for several (or a list of them) a tuple of results."""
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    given = tensors[0] if len(tensors) == 1 else tensors
    return tuple(function(x) for x in given)


def _ranked(x: Tensor, rank: int) -> Tensor:
    if x.ndim >= rank:
        return x
    if rank < 3 or not x.ndim:
        return x.reshape((1,) * (rank - x.ndim) + x.shape)
    return x.reshape((1, *x.shape, 1)) if x.ndim == 1 else x.reshape((*x.shape, 1))


def atleast_1d(*tensors: Any) -> Any:
    """With at least one dimension."""
    return _each(lambda x: _ranked(x, 1), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """With at least two dimensions: new ones come in front."""
    return _each(lambda x: _ranked(x, 2), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """With at least three dimensions: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1)."""
    return _each(lambda x: _ranked(x, 3), tensors)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Side by side: along the second dimension, vectors along the first."""
    given = atleast_1d(list(tensors))
    return cat(given, 0 if given[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """One below the other; vectors are rows."""
    return cat(atleast_2d(list(tensors)), 0)


row_stack = vstack


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """One behind the other, along the third dimension."""
    return cat(atleast_3d(list(tensors)), 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Side by side; vectors are columns."""
    return hstack([x.reshape(x.numel(), 1) if x.ndim < 2 else x for x in tensors])


def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices along the diagonal, zeros elsewhere.

    >>> import glia as gl
    >>> gl.block_diag(gl.ones(1, 2), gl.ones(1, 1)).tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if any(x.ndim > 2 for x in tensors):
        what = tr("block_diag: expected at most 2 dimensions.", "block_diag：张量不应超过 2 维。")
        raise ShapeError(teach(what))
    return apply(arrange.block_diag, tensors)


def broadcast_shapes(*shapes: Any) -> Shape:
    """The shape that all of them broadcast to."""
    return broadcast(*((n,) if isinstance(n, int) else tuple(n) for n in shapes))


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All of them in their common shape."""
    shape = broadcast(*(x.shape for x in tensors))
    return tuple(x.expand(shape) for x in tensors)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of all places of a grid, from those along its sides.

    ``indexing="xy"`` swaps the first two dimensions, as in pictures.
    """
    given = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    if indexing not in ("ij", "xy"):
        what = tr(
            f"meshgrid: expected indexing 'ij' or 'xy', found {indexing!r}.",
            f"meshgrid：indexing 应为 'ij' 或 'xy'，得到 {indexing!r}。",
        )
        raise ArgumentError(teach(what))
    if any(x.ndim > 1 for x in given):
        what = tr("meshgrid: expected vectors.", "meshgrid：应为一维张量。")
        raise ShapeError(teach(what, tr("use .flatten()", "请用 .flatten()")))
    order = list(range(len(given)))
    if indexing == "xy" and len(given) > 1:
        order[:2] = 1, 0
    shape = tuple(given[i].numel() for i in order)
    found = []
    for i, x in enumerate(given):
        at = order.index(i)
        found.append(x.reshape([-1 if d == at else 1 for d in range(len(given))]).expand(shape))
    return tuple(found)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All ways to take one element of each vector, one way a row."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([grid.reshape(-1) for grid in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All ways to take ``r`` elements of a vector, in their order, one way a row."""
    if input.ndim != 1 or r < 0:
        what = tr(
            f"combinations: expected a vector and r ≥ 0, got {input.shape} and {r}.",
            f"combinations：应为一维张量且 r ≥ 0，得到 {input.shape} 与 {r}。",
        )
        raise ArgumentError(teach(what))
    if not r:
        return input.narrow(0, 0, 0)
    ways = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(ways(range(input.numel()), r)), np.int64).reshape(-1, r)
    flat: Any = input
    if not places.size:
        return flat.narrow(0, 0, 0).reshape(0, r)  # type: ignore[no-any-return]
    picked = flat.index_select(0, Tensor(places.ravel()))
    return picked.reshape(places.shape)  # type: ignore[no-any-return]

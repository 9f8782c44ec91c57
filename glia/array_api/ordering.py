"""Sorting, searching and sets."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from glia.array_api.arguments import array, one_axis, operands, recorded
from glia.array_api.array import Array, from_array, of, plain
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.ir import build, lookup
from glia.ir.expr import Expr
from glia.ir.ops.index import gather
from glia.ir.ops.order import argsort as _argsort
from glia.tensor.tensor import to_numpy


def argsort(x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The places of the elements along an axis in rising or falling order; NaN is the largest.

    Equal elements keep their order, also where ``stable`` does not ask for it.

    Example:
        >>> import glia.array_api as xp
        >>> xp.argsort(xp.asarray([3, 1, 3]), descending=True)
        tensor([0, 2, 1])
    """
    x = array("argsort", x, "real" if x.dtype.kind != "bool" else "any")
    if not x.ndim:
        return from_array(np.zeros((), np.int64))
    return recorded(_argsort, x, attrs=(one_axis(axis, x.ndim), descending))


def _sorted(x: Expr, dim: int, descending: bool) -> Expr:
    return gather(x, _argsort(x, dim, descending), dim)


def sort(x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The elements along an axis in rising or falling order; NaN is the largest.

    Example:
        >>> import glia.array_api as xp
        >>> xp.sort(xp.asarray([3, 1, 2]), descending=True)
        tensor([3, 2, 1])
    """
    x = array("sort", x, "real" if x.dtype.kind != "bool" else "any")
    if not x.size or not x.ndim:
        return of(x.clone())
    return recorded(_sorted, x, attrs=(one_axis(axis, x.ndim), descending))


# Searching


def _check_some(name: str, x: Array, axis: int | None) -> None:
    if (x.shape[one_axis(axis, x.ndim)] if axis is not None and x.ndim else x.size) == 0:
        what = tr(
            f"{name}: nothing to compare in shape {x.shape}.",
            f"{name}：形状 {x.shape} 中没有可比较的元素。",
        )
        raise ArgumentError(teach(what))


def _place(x: Expr, axis: int | None, keepdims: bool) -> Expr:
    found = build.argmax(x, axis, keepdims and axis is not None)
    return build.reshape(found, (1,) * x.ndim) if keepdims and axis is None else found


def argmax(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the first largest element, of all or along an axis; NaN is the largest.

    Example:
        >>> import glia.array_api as xp
        >>> xp.argmax(xp.asarray([[1, 5], [7, 2]]))
        tensor(2)
    """
    x = array("argmax", x, "real")
    _check_some("argmax", x, axis)
    return recorded(_place, x, attrs=(axis, keepdims))


def argmin(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the first smallest element, of all or along an axis; NaN comes first.

    >>> import glia.array_api as xp
    >>> xp.argmin(xp.asarray([3, 1, 1])), xp.argmin(xp.asarray([1.0, xp.nan]))
    (tensor(1), tensor(1))
    """
    x = array("argmin", x, "real")
    _check_some("argmin", x, axis)
    return recorded(_place, recorded(_reversed_order, x), attrs=(axis, keepdims))


def _reversed_order(x: Expr) -> Expr:
    """Values in the opposite order, none lost: -x, or -1 - x for integers."""
    if x.dtype.kind == "float":
        return build.neg(x)
    return build.sub(int(np.iinfo(x.dtype.np).max) if x.dtype.kind == "uint" else -1, x)


def nonzero(x: Array, /) -> tuple[Array, ...]:
    """The places of the elements that are not 0: one array of numbers for each dimension.

    Example:
        >>> import glia.array_api as xp
        >>> xp.nonzero(xp.asarray([0, 5, 6]))
        (tensor([1, 2]),)
    """
    x = array("nonzero", x)
    if not x.ndim:
        what = tr("nonzero: expected at least 1 dimension.", "nonzero：至少应为 1 维。")
        raise ArgumentError(teach(what, "reshape(x, (1,))"))
    return tuple(map(of, plain(x).nonzero(as_tuple=True)))


def searchsorted(
    x1: Array,
    x2: Array | float,
    /,
    *,
    side: Literal["left", "right"] = "left",
    sorter: Array | None = None,
) -> Array:
    """Where the elements of ``x2`` would stand in the sorted ``x1``.

    Args:
        side: before (``left``) or behind (``right``) elements that are equal.
        sorter: the order that sorts ``x1``, if it is not sorted.

    Example:
        >>> import glia.array_api as xp
        >>> xp.searchsorted(xp.asarray([1, 3, 3]), xp.asarray([3, 4]))
        tensor([1, 3])
    """
    if side not in ("left", "right"):
        what = tr(f"searchsorted: unknown side {side!r}.", f"searchsorted：未知的 side {side!r}。")
        raise ArgumentError(teach(what, "left / right"))
    first, second = operands("searchsorted", x1, x2, "real")
    if first.ndim != 1:
        what = tr("searchsorted: expected a 1-d x1.", "searchsorted：x1 应为一维。")
        raise ArgumentError(teach(what))
    order = None if sorter is None else plain(array("searchsorted", sorter, "integer"))
    return of(plain(first).searchsorted(plain(second), side=side, sorter=order))


# Sets


class UniqueAll(NamedTuple):
    """What ``unique_all`` gives."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCounts(NamedTuple):
    """What ``unique_counts`` gives."""

    values: Array
    counts: Array


class UniqueInverse(NamedTuple):
    """What ``unique_inverse`` gives."""

    values: Array
    inverse_indices: Array


def unique_all(x: Array, /) -> UniqueAll:
    """The different elements in rising order, where each comes first, which of them stands at
    each place, and how often it occurs. Every NaN is different from every other.

    Example:
        >>> import glia.array_api as xp
        >>> found = xp.unique_all(xp.asarray([7, 5, 7]))
        >>> found.values, found.counts
        (tensor([5, 7]), tensor([1, 2]))
    """
    x = array("unique_all", x)
    _, first, inverse, counts = np.unique(
        to_numpy(x), return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    indices = from_array(first.astype(np.int64))
    line = of(plain(x).reshape(-1) if x.size else plain(x).reshape(0))
    values = line[indices] if x.size else line
    places = from_array(inverse.reshape(x.shape).astype(np.int64))
    return UniqueAll(values, indices, places, from_array(counts.astype(np.int64)))


def unique_counts(x: Array, /) -> UniqueCounts:
    """The different elements, and how often each occurs.

    >>> import glia.array_api as xp
    >>> values, counts = xp.unique_counts(xp.asarray([7, 5, 7]))
    >>> values, counts
    (tensor([5, 7]), tensor([1, 2]))
    """
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: Array, /) -> UniqueInverse:
    """The different elements, and which of them stands at each place.

    >>> import glia.array_api as xp
    >>> values, places = xp.unique_inverse(xp.asarray([7, 5, 7]))
    >>> values, places
    (tensor([5, 7]), tensor([1, 0, 1]))
    """
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: Array, /) -> Array:
    """The different elements, in rising order.

    >>> import glia.array_api as xp
    >>> xp.unique_values(xp.asarray([7, 5, 7]))
    tensor([5, 7])
    """
    return unique_all(x).values


def isin(x1: Array | int, x2: Array | int, /, *, invert: bool = False) -> Array:
    """Which elements of ``x1`` occur in ``x2``, or with ``invert`` do not.

    Example:
        >>> import glia.array_api as xp
        >>> xp.isin(xp.asarray([1, 2, 3]), xp.asarray([3, 1]))
        tensor([ True, False,  True])
    """
    first, second = operands("isin", x1, x2, "any")
    return of(plain(first).isin(plain(second), invert=invert))


# Taking at places


def take(x: Array, indices: Array, /, *, axis: int | None = None) -> Array:
    """The slices along an axis that indices name.

    Example:
        >>> import glia.array_api as xp
        >>> xp.take(xp.asarray([5, 6, 7]), xp.asarray([2, 0]))
        tensor([7, 5])
    """
    x, places = array("take", x), array("take", indices, "integer")
    if axis is None and x.ndim != 1:
        what = tr(
            f"take: axis is needed for {x.ndim} dimensions.",
            f"take：{x.ndim} 维数组需要指定 axis。",
        )
        raise ArgumentError(teach(what))
    at = one_axis(0 if axis is None else axis, x.ndim)
    return x[(slice(None),) * at + (places,)]


def take_along_axis(x: Array, indices: Array, /, *, axis: int = -1) -> Array:
    """``out[…, i, …] = x[…, indices[…, i, …], …]`` along an axis; the others broadcast.

    Example:
        >>> import glia.array_api as xp
        >>> x = xp.asarray([[3, 1], [2, 4]])
        >>> xp.take_along_axis(x, xp.argsort(x))
        tensor([[1, 3],
                [2, 4]])
    """
    from glia.tensor.indexing import check_index

    x, places = array("take_along_axis", x), array("take_along_axis", indices, "integer")
    at = one_axis(axis, x.ndim)
    check_index("take_along_axis", places, x.shape[at], -x.shape[at])
    return recorded(_along, x, places, attrs=(at,))


def _along(x: Expr, index: Expr, dim: int) -> Expr:
    """Both broadcast to each other in all dimensions but one."""
    outer = build.broadcast(
        (*x.shape[:dim], 1, *x.shape[dim + 1 :]), (*index.shape[:dim], 1, *index.shape[dim + 1 :])
    )

    def spread(part: Expr) -> Expr:
        return build.broadcast_to(part, (*outer[:dim], part.shape[dim], *outer[dim + 1 :]))

    places = lookup.from_the_end(index, x.shape[dim])
    return gather(spread(x), spread(places), dim)

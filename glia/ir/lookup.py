"""Reading, adding and writing at computed places, as people write it: on the rows for places."""

from __future__ import annotations

import math
from collections.abc import Sequence

from glia.base.dtypes import int64
from glia.base.shapes import Shape, broadcast, numel
from glia.ir.build import add, cast, const, ge, logical_not, lt, mul, where
from glia.ir.expr import Expr
from glia.ir.ops.index import gather, latest, scatter_add
from glia.ir.ops.view import broadcast_to, expand, pad, reshape, slice_


def inside(index: Expr, size: int) -> Expr:
    """Whether an index names one of ``size`` places; ``index`` is int64."""
    return mul(ge(index, 0), lt(index, size))


def from_the_end(index: Expr, size: int) -> Expr:
    """Negative numbers count from the end."""
    wide = cast(index, int64)
    return where(lt(wide, 0), add(wide, size), wide)


def spread(index: Expr, like: Expr, dim: int) -> Expr:
    """A flat index along ``dim``, repeated along the other dimensions of ``like``; no memory."""
    flat = reshape(index, tuple(index.numel if d == dim else 1 for d in range(like.ndim)))
    return expand(flat, (*like.shape[:dim], index.numel, *like.shape[dim + 1 :]))


def take(x: Expr, index: Expr, dim: int) -> Expr:
    """``x[…, index, …]``: the dimensions of the index stand in place of ``dim``."""
    found = gather(x, spread(index, x, dim), dim)
    return reshape(found, (*x.shape[:dim], *index.shape, *x.shape[dim + 1 :]))


def flat_place(indices: Sequence[Expr], sizes: Shape) -> Expr:
    """One number for several indices into dimensions of these sizes; -1 where there is nothing."""
    shape = broadcast(*(index.shape for index in indices))
    flat, known = const(0, int64), None
    for index, size in zip(indices, sizes, strict=True):
        place = from_the_end(index, size)
        fits = broadcast_to(inside(place, size), shape)
        known = fits if known is None else mul(known, fits)
        flat = add(mul(flat, size), place)
    assert known is not None
    return where(known, broadcast_to(flat, shape), -1)


def take_at(x: Expr, indices: Sequence[Expr], dim: int) -> Expr:
    """``x[…, i, j, …]`` with one index for each of some dimensions from ``dim`` on."""
    sizes = x.shape[dim : dim + len(indices)]
    joined = reshape(x, (*x.shape[:dim], numel(sizes), *x.shape[dim + len(sizes) :]))
    return take(joined, flat_place(indices, sizes), dim)


def put_at(x: Expr, indices: Sequence[Expr], values: Expr) -> Expr:
    """``x`` with ``x[i, j, …] = values[…]``, one index for each of the first dimensions.

    Where several values go to one place, the last one stays.
    """
    sizes, rest = x.shape[: len(indices)], x.shape[len(indices) :]
    place = flat_place(indices, sizes)
    if not values.numel or not x.numel:
        return x
    last = latest(reshape(place, (place.numel,)), numel(sizes))
    found = take(reshape(values, (place.numel, *rest)), last, 0)
    written = reshape(ge(last, 0), (last.numel,) + (1,) * len(rest))
    return reshape(where(written, found, reshape(x, found.shape)), x.shape)


def take_along(x: Expr, index: Expr, dim: int) -> Expr:
    """``x[…, index[…, i, …], …]``; the index may be smaller than x in the other dimensions."""
    wanted = (*index.shape[:dim], x.shape[dim], *index.shape[dim + 1 :])
    return gather(first(x, wanted), index, dim)


def first(x: Expr, shape: Shape) -> Expr:
    """The first elements along every dimension."""
    return slice_(x, (0,) * x.ndim, shape, (1,) * x.ndim)


def add_at(x: Expr, index: Expr, values: Expr, dim: int) -> Expr:
    """``x`` with values added along ``dim``; an index that names no place makes row 0 NaN.

    The index may be smaller than the values, and than x in the other dimensions.
    """
    wide, values = cast(index, int64), first(cast(values, x.dtype), index.shape)
    if values.dtype.kind == "float":
        nowhere = logical_not(inside(wide, x.shape[dim]))
        values = where(nowhere, math.nan, values)
        wide = where(nowhere, 0, wide)
    sums = scatter_add(values, wide, dim, x.shape[dim])
    after = tuple(n - m for n, m in zip(x.shape, sums.shape, strict=True))
    return add(x, pad(sums, (0,) * x.ndim, after))


def add_rows(x: Expr, index: Expr, values: Expr, dim: int) -> Expr:
    """As ``add_at``, with a flat index that holds for whole slices along ``dim``."""
    return add_at(x, spread(index, x, dim), values, dim)

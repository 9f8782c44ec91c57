"""Writing at computed places: the last value, or all of them brought together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glia.base.dtypes import bool_, int32, int64
from glia.base.shapes import Shape, numel
from glia.ir.arrange import moved, narrow, stack
from glia.ir.build import (
    add,
    cast,
    const,
    div,
    eq,
    floor_divide,
    full,
    ge,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    sub,
    sum_,
    where,
)
from glia.ir.expr import Expr, intern
from glia.ir.lookup import add_rows, first, flat_place, spread, take
from glia.ir.ops import places as _p
from glia.ir.ops.index import gather, latest, scatter_add
from glia.ir.ops.order import argsort
from glia.ir.ops.source import iota
from glia.ir.ops.view import broadcast_to, concat, pad, reshape
from glia.ir.running import cumsum

Rule = Callable[..., Expr]


def lined(function: Rule, x: Expr, *rest: Any) -> Expr:
    """``function`` for tensors of at least one dimension: a 0-d one is a row of one element."""
    if x.ndim:
        return function(x, *rest)
    rows = [reshape(r, (1,)) if isinstance(r, Expr) and not r.ndim else r for r in rest]
    return reshape(function(reshape(x, (1,)), *rows), ())


def _to(x: Expr, shape: Shape) -> Expr:
    """Zeros behind, up to a shape."""
    after = tuple(n - m for n, m in zip(shape, x.shape, strict=True))
    return pad(x, (0,) * x.ndim, after)


def set_at(x: Expr, index: Expr, values: Expr, dim: int) -> Expr:
    """``x`` with ``x[…, index[…, i, …], …] = values[…, i, …]``; of several the last one stays."""
    if not index.numel:
        return x
    last = x.ndim - 1
    values = first(cast(values, x.dtype), index.shape)
    turned = moved(cast(index, int64), (dim,), (last,))
    which = moved(latest(turned, x.shape[dim]), (last,), (dim,))
    hit = ge(which, 0)
    found = gather(values, where(hit, which, 0), dim)
    return where(_to(hit, x.shape), _to(found, x.shape), x)


def set_rows(x: Expr, index: Expr, values: Expr, dim: int) -> Expr:
    """As ``set_at``, with a flat index that holds for whole slices along ``dim``."""
    if not index.numel:
        return x
    last = latest(reshape(cast(index, int64), (index.numel,)), x.shape[dim])
    shape = tuple(n if d == dim else 1 for d, n in enumerate(x.shape))
    found = take(cast(values, x.dtype), where(ge(last, 0), last, 0), dim)
    return where(broadcast_to(reshape(ge(last, 0), shape), x.shape), found, x)


def fill_rows(x: Expr, index: Expr, value: Expr, dim: int) -> Expr:
    shape = tuple(index.numel if d == dim else n for d, n in enumerate(x.shape))
    return set_rows(x, index, broadcast_to(cast(value, x.dtype), shape), dim)


def scatter(x: Expr, index: Expr, values: Expr, dim: int) -> Expr:
    return lined(set_at, x, index, values, dim)


def scatter_number(x: Expr, index: Expr, value: Expr, dim: int) -> Expr:
    return lined(set_at, x, index, broadcast_to(value, index.shape), dim)


def index_copy(x: Expr, index: Expr, values: Expr, dim: int) -> Expr:
    return lined(set_rows, x, index, values, dim)


def index_fill(x: Expr, index: Expr, value: Expr, dim: int) -> Expr:
    if not x.ndim:
        return cast(value, x.dtype)
    return fill_rows(x, index, value, dim)


# Bringing together

_ROWS = {"amax": _p.SCATTER_MAX, "amin": _p.SCATTER_MIN, "prod": _p.SCATTER_PROD}


def reduce_at(x: Expr, index: Expr, values: Expr, dim: int, how: str, own: bool) -> Expr:
    """Values with the same place summed, averaged, multiplied, or the largest or smallest of them.

    ``own`` says whether what stands there in ``x`` counts too; where no value comes, it stays.
    """
    if x.dtype is bool_:
        parts = (cast(x, int32), index, cast(values, int32))
        return cast(reduce_at(*parts, dim, how, own), bool_)
    size = x.shape[dim]
    wide = cast(index, int64)
    values = first(cast(values, x.dtype), index.shape)
    count = _to(scatter_add(full(wide.shape, 1, int64), wide, dim, size), x.shape)
    if how in _ROWS:
        wide, values = _whole(wide, values, x.shape, dim)
        if own:
            number = spread(iota(size, int64), x, dim)
            wide, values = concat([number, wide], dim), concat([x, values], dim)
        found = intern(_ROWS[how], (values, wide), (dim, size))
        return found if own else where(eq(count, 0), x, found)
    found = _to(scatter_add(values, wide, dim, size), x.shape)
    if own:
        found, number = add(found, x), add(count, 1)
    else:
        number = maximum(count, 1)
    if how == "mean":
        exact = x.dtype.is_inexact
        found = div(found, cast(number, x.dtype)) if exact else floor_divide(found, number)
    return cast(found if own else where(eq(count, 0), x, found), x.dtype)


def _whole(index: Expr, values: Expr, shape: Shape, dim: int) -> tuple[Expr, Expr]:
    """An index as large as ``shape`` but for ``dim``; what is new in it names no place."""
    wanted = tuple(m if d == dim else n for d, (n, m) in enumerate(zip(shape, index.shape)))
    return sub(_to(add(index, 1), wanted), 1), _to(values, wanted)


def scatter_reduce(x: Expr, index: Expr, values: Expr, dim: int, how: str, own: bool) -> Expr:
    return lined(reduce_at, x, index, values, dim, how, own)


def scatter_combined(x: Expr, index: Expr, value: Expr, dim: int, how: str) -> Expr:
    return scatter_reduce(x, index, broadcast_to(value, index.shape), dim, how, True)


def _reduce_rows(x: Expr, index: Expr, values: Expr, dim: int, how: str, own: bool) -> Expr:
    return reduce_at(x, spread(index, values, dim), values, dim, how, own)


def index_reduce(x: Expr, index: Expr, values: Expr, dim: int, how: str, own: bool) -> Expr:
    return lined(_reduce_rows, x, index, values, dim, how, own)


def index_add(x: Expr, index: Expr, values: Expr, dim: int) -> Expr:
    return lined(add_rows, x, index, values, dim)


# Places in the flattened tensor


def put(x: Expr, index: Expr, values: Expr, accumulate: bool) -> Expr:
    """``x`` with values at places of the flattened tensor; negative ones count from the end."""
    flat, values = reshape(x, (x.numel,)), reshape(values, (values.numel,))
    if not index.numel:
        return x
    place = reshape(flat_place([index], (x.numel,)), (index.numel,))
    return reshape((add_rows if accumulate else set_rows)(flat, place, values, 0), x.shape)


def add_items(x: Expr, values: Expr, *indices: Expr) -> Expr:
    """``x`` with values added at ``[i, j, …]``, one index for each of the first dimensions."""
    sizes, rest = x.shape[: len(indices)], x.shape[len(indices) :]
    place = flat_place(indices, sizes)
    values = broadcast_to(values, (*place.shape, *rest))
    flat = reshape(x, (numel(sizes), *rest))
    values = reshape(values, (place.numel, *rest))
    return reshape(add_rows(flat, reshape(place, (place.numel,)), values, 0), x.shape)


def masked_fill(x: Expr, mask: Expr, value: Expr) -> Expr:
    return where(mask, cast(value, x.dtype), x)


def masked_scatter(x: Expr, mask: Expr, source: Expr) -> Expr:
    """The elements of ``source``, in order, where the mask holds."""
    mask = broadcast_to(mask, x.shape)
    if not source.numel or not x.numel:
        return x
    number = sub(cumsum(reshape(mask, (x.numel,)), 0), 1)
    place = minimum(maximum(number, 0), source.numel - 1)
    found = take(reshape(cast(source, x.dtype), (source.numel,)), place, 0)
    return where(mask, reshape(found, x.shape), x)


def unraveled(index: Expr, shape: Sequence[int], dim: int) -> Expr:
    """The index into one dimension that a place of the flattened tensor stands for."""
    from glia.ir.build import remainder

    step = numel(shape[dim + 1 :])
    return remainder(floor_divide(cast(index, int64), const(max(step, 1), int64)), shape[dim])


def strided(x: Expr, size: Shape, stride: Shape, offset: int) -> Expr:
    """Of the flattened tensor what a walk with these steps meets; places may be met repeatedly."""
    place: Expr = full(size, offset, int64)
    for d, (n, step) in enumerate(zip(size, stride, strict=True)):
        shape = tuple(n if i == d else 1 for i in range(len(size)))
        place = add(place, reshape(mul(iota(n, int64), step), shape))
    found = take(reshape(x, (x.numel,)), reshape(place, (place.numel,)), 0)
    return reshape(found, size)


def first_nonzero(x: Expr, size: int, fill: int) -> Expr:
    """The places of the first ``size`` elements that are not 0, behind them ``fill``."""
    found = ne(reshape(x, (x.numel,)), 0)
    count = sum_(found)
    order = argsort(cast(found, int32), 0, True)
    order = _to(narrow(order, 0, 0, min(size, x.numel)), (size,))
    known = lt(iota(size, int64), count)
    columns = [where(known, unraveled(order, x.shape, d), fill) for d in range(x.ndim)]
    return stack(columns, 1) if columns else full((size, 0), 0, int64)

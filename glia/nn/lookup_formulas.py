"""Rows of a table looked up by number, alone and in bags, as expressions."""

from __future__ import annotations

import math
from typing import Any

from glia.base.dtypes import bool_, int64
from glia.ir import build, lookup
from glia.ir.expr import Expr
from glia.ir.ops.index import scatter_add
from glia.ir.ops.source import iota
from glia.ir.ops.view import slice_
from glia.nn.distance_formulas import length


def _counts(index: Expr, rows: int, like: Expr) -> Expr:
    """How often each row is named."""
    flat = build.cast(build.reshape(index, (index.numel,)), int64)
    return scatter_add(build.full(flat.shape, 1.0, like.dtype), flat, 0, rows)


def shortened(weight: Expr, index: Expr, most: float, p: float) -> Expr:
    """The table with the rows that the index names scaled to be no longer than ``most``."""
    named = build.gt(_counts(index, weight.shape[0], weight), 0.0)
    size = length(weight, p, 1, False)
    scale = build.div(most, build.add(size, 1e-7))
    scale = build.where(build.mul(named, build.gt(size, most)), scale, 1.0)
    return build.mul(weight, build.reshape(scale, (weight.shape[0], 1)))


def embedding(index: Expr, weight: Expr, padding: int | None, by_frequency: bool) -> Expr:
    """``weight[index]``; the row for padding gets no gradient.

    ``by_frequency`` divides each row's gradient by how often it is named.
    """
    rows = lookup.take(weight, index, 0)
    if by_frequency:
        share = build.div(1.0, _counts(index, weight.shape[0], weight))
        share = build.reshape(lookup.take(share, index, 0), (*index.shape, 1))
        still = build.detach(rows)
        rows = build.add(still, build.mul(build.sub(rows, still), share))
    if padding is None:
        return rows
    is_padding = build.reshape(build.eq(index, padding), (*index.shape, 1))
    return build.where(is_padding, build.detach(rows), rows)


def bags(index: Expr, weight: Expr, *rest: Any) -> Expr:
    """The rows of each bag reduced; see ``embedding_bag``.

    ``rest`` is [offsets], [weights], flags, mode, padding, by_frequency, include_last.
    """
    *parts, flags, mode, padding, by_frequency, include_last = rest
    given = dict(zip(flags, parts, strict=True))
    rows = embedding(index, weight, None, by_frequency)
    counted = build.full(index.shape, True, bool_)
    if padding is not None:
        counted = build.ne(index, padding)
    if "o" not in given:
        return _reduced(rows, counted, given.get("w"), mode)
    starts = build.cast(given["o"], int64)
    if include_last:
        starts = slice_(starts, (0,), (starts.shape[0] - 1,), (1,))
    count, size = starts.shape[0], index.shape[0]
    if not count or not size:
        return build.full((count, weight.shape[1]), 0.0, weight.dtype)
    places = build.reshape(iota(size), (1, size))
    begun = build.cast(build.ge(places, build.reshape(starts, (count, 1))), int64)
    bag = build.reshape(build.sub(build.sum_(begun, 0), 1), (1, size))  # which bag holds a place
    inside = build.eq(bag, build.reshape(iota(count), (count, 1)))
    if include_last:
        whole = build.cast(given["o"], int64)
        inside = build.mul(inside, build.lt(places, slice_(whole, (count,), (count + 1,), (1,))))
    counted = build.mul(inside, build.reshape(counted, (1, size)))
    factors = build.reshape(given["w"], (1, size)) if "w" in given else None
    return _reduced(build.reshape(rows, (1, *rows.shape)), counted, factors, mode)


def _reduced(rows: Expr, counted: Expr, factors: Expr | None, mode: str) -> Expr:
    """Rows (B or 1, N, D) reduced over N where they count, with factors."""
    there = build.reshape(counted, (*counted.shape, 1))
    if mode == "max":
        if not counted.shape[1]:
            return build.full((counted.shape[0], rows.shape[-1]), 0.0, rows.dtype)
        best = build.amax(build.where(there, rows, -math.inf), 1)
        some = build.amax(build.cast(there, int64), 1)
        return build.where(build.gt(some, 0), best, 0.0)
    if factors is not None:
        rows = build.mul(rows, build.reshape(factors, (*factors.shape, 1)))
    total = build.sum_(build.where(there, rows, 0.0), 1)
    if mode == "sum":
        return total
    count = build.sum_(build.cast(there, rows.dtype), 1)
    return build.div(total, build.maximum(count, 1.0))

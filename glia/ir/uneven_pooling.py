"""Windows of unequal size or distance: those that divide a whole evenly, and fractional pooling."""

from __future__ import annotations

from glia.base.dtypes import int64
from glia.base.shapes import Shape, numel
from glia.ir.arrange import narrow
from glia.ir.build import (
    add,
    cast,
    div,
    floor,
    floor_divide,
    full,
    lt,
    minimum,
    mul,
    remainder,
    sub,
    sum_,
    where,
)
from glia.ir.expr import Expr
from glia.ir.lookup import take
from glia.ir.ops.index import gather
from glia.ir.ops.source import iota
from glia.ir.ops.view import broadcast_to, concat, permute, reshape
from glia.ir.pooling import along, avg_pool, first_largest, lowest, select


class Uneven:
    """Window i of ``count`` reaches from ⌊i n / count⌋ to ⌈(i + 1) n / count⌉."""

    def __init__(self, size: int, count: int) -> None:
        spans = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
        self.longest = max((stop - start for start, stop in spans), default=0)
        self.start = floor_divide(mul(iota(count), size), count)
        end = floor_divide(add(mul(add(iota(count), 1), size), count - 1), count)
        self.length = sub(end, self.start)
        step = reshape(iota(self.longest), (1, self.longest))
        column = (count, 1)
        self.inside = lt(step, reshape(self.length, column))
        self.index = minimum(add(reshape(self.start, column), step), size - 1)


def adaptive_avg_pool(x: Expr, counts: Shape) -> Expr:
    k = len(counts)
    size = x.shape[-k:]
    if all(n % c == 0 for n, c in zip(size, counts, strict=True) if c) and all(counts):
        kernel = tuple(n // c for n, c in zip(size, counts, strict=True))
        return avg_pool(x, kernel, kernel, (0,) * k)
    for i, count in enumerate(counts):
        x = _uneven_means(x, x.ndim - k + i, count)
    return x


def _uneven_means(x: Expr, dim: int, count: int) -> Expr:
    if x.shape[dim] == count:
        return x
    parts = Uneven(x.shape[dim], count)
    behind = (1,) * (x.ndim - dim - 1)
    taps = take(x, parts.index, dim)
    inside = broadcast_to(reshape(parts.inside, (*parts.inside.shape, *behind)), taps.shape)
    total = sum_(where(inside, taps, 0.0), dim + 1)
    return div(total, cast(reshape(parts.length, (count, *behind)), x.dtype))


def _uneven_taps(x: Expr, counts: Shape) -> tuple[Expr, list[Uneven]]:
    """(…, *counts, elements of the longest window), lowest where a window is shorter."""
    k = len(counts)
    lead = x.ndim - k
    parts = [Uneven(n, c) for n, c in zip(x.shape[lead:], counts, strict=True)]
    taps, inside = x, None
    for i in reversed(range(k)):
        taps = take(taps, parts[i].index, lead + i)
        shape = [1] * (2 * k)
        shape[i], shape[k + i] = counts[i], parts[i].longest
        one = reshape(parts[i].inside, tuple(shape))
        inside = one if inside is None else mul(inside, one)
    order = (*range(lead), *range(lead, lead + 2 * k, 2), *range(lead + 1, lead + 2 * k, 2))
    taps = permute(taps, order)
    assert inside is not None
    taps = where(broadcast_to(inside, taps.shape), taps, lowest(x.dtype))
    return reshape(taps, (*x.shape[:lead], *counts, numel([p.longest for p in parts]))), parts


def adaptive_max_pool(x: Expr, counts: Shape) -> Expr:
    taps, _ = _uneven_taps(x, counts)
    return select(taps, first_largest(taps))


def adaptive_max_places(x: Expr, counts: Shape) -> Expr:
    """Where the largest elements stand in the flattened last dimensions, as int64."""
    k = len(counts)
    size = x.shape[-k:]
    taps, parts = _uneven_taps(x, counts)
    hit = first_largest(taps)
    place, rest, block = None, cast(reshape(hit, hit.shape[:-1]), int64), 1
    for i in reversed(range(k)):
        at, rest = remainder(rest, parts[i].longest), floor_divide(rest, parts[i].longest)
        at = mul(add(along(parts[i].start, i, k), at), block)
        place = at if place is None else add(place, at)
        block *= size[i]
    assert place is not None
    return place


# Windows at places drawn at random


def fractional_taps(x: Expr, random: Expr, kernel: Shape, counts: Shape) -> tuple[Expr, Expr]:
    """Elements of pseudo-random windows (N, C, *counts, elements), and their places.

    ``random`` (N, C, dimensions) in [0, 1) moves the sequence of windows of every dimension.
    """
    k = len(counts)
    size, lead = x.shape[2:], x.shape[:2]
    place, block = None, 1
    for i in reversed(range(k)):
        number = 1 - i if k == 2 else i  # as PyTorch does: of two, the first is for the width
        at = _fractional_places(random, number, size[i], kernel[i], counts[i])
        shape = [1] * (2 * k)
        shape[i], shape[k + i] = counts[i], kernel[i]
        at = mul(reshape(at, (*lead, *shape)), block)
        place = at if place is None else add(place, at)
        block *= size[i]
    assert place is not None
    wide = (*lead, *counts, *kernel)
    flat = reshape(broadcast_to(place, wide), (*lead, numel((*counts, *kernel))))
    taps = gather(reshape(x, (*lead, numel(size))), flat, 2)
    shape_out = (*lead, *counts, numel(kernel))
    return reshape(taps, shape_out), reshape(flat, shape_out)


def _fractional_places(random: Expr, i: int, size: int, kernel: int, count: int) -> Expr:
    """(N, C, count, kernel): ``⌊(j + u) a⌋ - ⌊u a⌋`` with a = (size - kernel) / (count - 1)."""
    lead = random.shape[:2]
    last = full((*lead, 1), size - kernel, int64)
    if count > 1:
        dtype = random.dtype
        alpha = float(dtype.np.type(size - kernel) / dtype.np.type(count - 1))
        u = narrow(random, 2, i, i + 1)
        moved = floor(mul(add(cast(iota(count - 1), dtype), u), alpha))
        from_zero = sub(moved, floor(mul(u, alpha)))
        last = concat([cast(from_zero, int64), last], 2)
    return add(reshape(last, (*lead, count, 1)), iota(kernel))

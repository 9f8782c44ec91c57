"""Another number of elements along a dimension: every new one is made of old ones around it.

Where a dimension of n elements becomes one of m, element i of the new lies at ``r (i + ½) - ½`` in
the old, r = n / m; with corners aligned at ``r i``, r = (n - 1) / (m - 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType, float32, float64, int64
from glia.ir.build import abs_, add, cast, div, floor, lt, maximum, minimum, mul, sub, sum_, where
from glia.ir.expr import Expr
from glia.ir.lookup import take
from glia.ir.ops.source import iota
from glia.ir.ops.view import broadcast_to, expand, reshape, slice_


def coordinates_dtype(x: Expr) -> DType:
    """What places are computed in."""
    return float64 if x.dtype is float64 else float32


class Ratio:
    """Old elements for each new one along one dimension, in the precision of places."""

    def __init__(
        self, n: int, count: int, factor: float | None, corners: bool, dtype: DType
    ) -> None:
        self.n, self.count, self.corners, self.dtype = n, count, corners, dtype
        number = dtype.np.type
        if corners:
            ratio = number(n - 1) / number(count - 1) if count > 1 else number(0)
        else:
            ratio = number(n) / number(count) if factor is None else number(1.0 / factor)
        self.value = float(ratio)

    def of(self, shift: float) -> Expr:
        """``r (i + shift)`` for every new i."""
        at = cast(iota(self.count), self.dtype)
        return mul(add(at, shift) if shift else at, self.value)

    def places(self) -> Expr:
        """Where the new elements lie in the old."""
        return self.of(0.0) if self.corners else sub(self.of(0.5), 0.5)


def nearest(x: Expr, dim: int, count: int, factor: float | None, exact: bool) -> Expr:
    """The element at ``⌊r i⌋``, or at ``⌊r (i + ½)⌋`` if ``exact``."""
    n = x.shape[dim]
    ratio = Ratio(n, count, factor, False, float32)
    shift = 0.5 if exact else 0.0
    steps = (np.arange(count, dtype=np.float32) + np.float32(shift)) * np.float32(ratio.value)
    index = np.minimum(np.floor(steps), n - 1).astype(np.int64)
    if x.ndim == 4 and not exact and count in (n, 2 * n):
        index = np.arange(count) // (count // n)  # of pictures, whatever the factor: PyTorch's rule
    if count % n == 0 and (index == np.arange(count) // (count // n)).all():
        return _repeated(x, dim, count // n)
    step = n // count
    if step and (index == index[0] + step * np.arange(count)).all():
        start = tuple(int(index[0]) if d == dim else 0 for d in range(x.ndim))
        stop = tuple(int(index[-1]) + 1 if d == dim else m for d, m in enumerate(x.shape))
        return slice_(x, start, stop, tuple(step if d == dim else 1 for d in range(x.ndim)))
    return take(x, minimum(cast(floor(ratio.of(shift)), int64), n - 1), dim)


def _repeated(x: Expr, dim: int, times: int) -> Expr:
    """Every element several times side by side; a view."""
    if times == 1:
        return x
    before, after = x.shape[: dim + 1], x.shape[dim + 1 :]
    wide = expand(reshape(x, (*before, 1, *after)), (*before, times, *after))
    return reshape(wide, (*x.shape[:dim], x.shape[dim] * times, *after))


def _mixed(x: Expr, dim: int, taps: Sequence[tuple[Expr, Expr]]) -> Expr:
    """``Σ weight · x[…, index, …]``."""
    behind = (1,) * (x.ndim - dim - 1)
    total = None
    for index, weight in taps:
        share = reshape(cast(weight, x.dtype), (weight.numel, *behind))
        part = mul(take(x, index, dim), share)
        total = part if total is None else add(total, part)
    assert total is not None
    return total


def linear(x: Expr, dim: int, ratio: Ratio) -> Expr:
    """Between the two neighbours, each by how near it is."""
    if ratio.n == ratio.count:
        return x
    place = maximum(ratio.places(), 0.0)
    first = minimum(cast(floor(place), int64), ratio.n - 1)
    share = minimum(sub(place, cast(first, ratio.dtype)), 1.0)
    second = minimum(add(first, 1), ratio.n - 1)
    return _mixed(x, dim, ((first, sub(1.0, share)), (second, share)))


def cubic_shares(t: Expr) -> list[Expr]:
    """Of four neighbours at -1, 0, 1, 2, for a place at t in [0, 1); a = -3/4.

    Source: Keys, "Cubic convolution interpolation for digital image processing" (1981).
    """
    a = -0.75

    def far(d: Expr) -> Expr:
        inner = sub(mul(add(mul(d, a), -5 * a), d), -8 * a)
        return sub(mul(inner, d), 4 * a)

    def near(d: Expr) -> Expr:
        return add(mul(mul(sub(mul(d, a + 2), a + 3), d), d), 1.0)

    return [far(add(t, 1.0)), near(t), near(sub(1.0, t)), far(sub(2.0, t))]


def cubic(x: Expr, dim: int, ratio: Ratio) -> Expr:
    """From four neighbours, by cubic pieces; beyond the edge the edge goes on."""
    if ratio.n == ratio.count and ratio.value == 1.0:
        return x
    place = ratio.places()
    whole = floor(place)
    first = cast(whole, int64)
    indices = [minimum(maximum(add(first, j), 0), ratio.n - 1) for j in (-1, 0, 1, 2)]
    shares = cubic_shares(sub(place, whole))
    return _mixed(x, dim, list(zip(indices, shares, strict=True)))


def smoothed(x: Expr, dim: int, ratio: Ratio, reach: int) -> Expr:
    """Made smaller without aliasing: all old elements that a new one covers, weighted.

    ``reach`` old elements on each side, more when made smaller: 1 by a triangle, 2 by cubic pieces
    with a = -1/2.
    """
    if ratio.n == ratio.count:
        return x
    wider = max(ratio.value, 1.0)
    support = reach * wider
    most = int(np.ceil(support)) * 2 + 1
    centre = ratio.of(0.5)
    start = maximum(cast(add(sub(centre, support), 0.5), int64), 0)
    stop = minimum(cast(add(add(centre, support), 0.5), int64), ratio.n)
    column, row = (ratio.count, 1), (1, most)
    index = add(reshape(start, column), reshape(iota(most), row))
    inside = lt(index, reshape(stop, column))
    away = add(sub(cast(index, ratio.dtype), reshape(centre, column)), 0.5)
    away = abs_(mul(away, 1.0 / wider))
    share = where(inside, _triangle(away) if reach == 1 else _cubic_kernel(away), 0.0)
    share = div(share, sum_(share, 1, True))
    taps = take(x, minimum(index, ratio.n - 1), dim)
    behind = (1,) * (x.ndim - dim - 1)
    weight = broadcast_to(reshape(cast(share, x.dtype), (ratio.count, most, *behind)), taps.shape)
    kept = where(broadcast_to(reshape(inside, (ratio.count, most, *behind)), taps.shape), taps, 0.0)
    return sum_(mul(kept, weight), dim + 1)


def _triangle(away: Expr) -> Expr:
    return maximum(sub(1.0, away), 0.0)


def _cubic_kernel(away: Expr) -> Expr:
    a = -0.5
    near = add(mul(mul(sub(mul(away, a + 2), a + 3), away), away), 1.0)
    far = mul(sub(mul(add(mul(sub(away, 5.0), away), 8.0), away), 4.0), a)
    return where(lt(away, 1.0), near, where(lt(away, 2.0), far, 0.0))

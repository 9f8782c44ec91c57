"""Running sums, products and extremes; differences; where elements fall in sorted rows."""

from __future__ import annotations

from typing import Any

from glia.base.dtypes import DType, int64, promote
from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim
from glia.ir.arrange import narrow
from glia.ir.build import add, cast, const, mul, ne, sub, sum_, to_float
from glia.ir.expr import Expr
from glia.ir.ops import order as _order
from glia.ir.ops import running as _r
from glia.ir.ops.index import gather
from glia.ir.ops.view import broadcast_to, reshape
from glia.ir.statistics import Pair


def _numbers(x: Expr, dtype: DType | None) -> Expr:
    if dtype is not None:
        return cast(x, dtype)
    return x if x.dtype.kind in ("float", "complex") else cast(x, int64)


def cumsum(x: Expr, dim: int, dtype: DType | None = None) -> Expr:
    """Sums so far; bools and whole numbers are added as int64."""
    at, x = normalize_dim(dim, x.ndim), _numbers(x, dtype)
    return _r.cumsum(x, at) if x.ndim else x


def cumprod(x: Expr, dim: int, dtype: DType | None = None) -> Expr:
    at, x = normalize_dim(dim, x.ndim), _numbers(x, dtype)
    return _r.cumprod(x, at) if x.ndim else x


def logcumsumexp(x: Expr, dim: int) -> Expr:
    at, x = normalize_dim(dim, x.ndim), to_float(x)
    return _r.logcumsumexp(x, at) if x.ndim else x


def cumulative_extreme(x: Expr, dim: int, largest: bool) -> Pair:
    """The largest (or smallest) elements so far, and the last places where they stand."""
    at = normalize_dim(dim, x.ndim)
    if not x.ndim:
        return x, const(0, int64)
    index = _r.cumargmax(x, at, largest)
    return gather(x, index, at), index


def diff(x: Expr, n: int, dim: int) -> Expr:
    """Differences of neighbours, ``n`` times; of bools whether they differ."""
    for _ in range(min(n, x.shape[dim])):
        size = x.shape[dim]
        later, earlier = narrow(x, dim, 1, size), narrow(x, dim, 0, max(size - 1, 0))
        x = ne(later, earlier) if x.dtype.kind == "bool" else sub(later, earlier)
    return x


def search(rising: Expr, x: Expr, right: bool) -> Expr:
    """Where elements would stand in rising rows: one for all, or one each."""
    if rising.ndim != 1 and rising.shape[:-1] != x.shape[:-1]:
        what = tr(
            f"searchsorted: {rising.shape} and {x.shape} differ before the last dimension.",
            f"searchsorted：{rising.shape} 与 {x.shape} 除最后一维外应相同。",
        )
        raise ShapeError(teach(what, tr("or use one row for all", "或只用一行")))
    dtype = promote(rising.dtype, x.dtype)
    flat = reshape(x, (x.numel,)) if rising.ndim == 1 else x
    return reshape(_order.search(cast(rising, dtype), cast(flat, dtype), right), x.shape)


def _halves(y: Expr, dim: int) -> tuple[Expr, Expr]:
    size = y.shape[dim]
    return narrow(y, dim, 1, size), narrow(y, dim, 0, max(size - 1, 0))


def trapezoids(y: Expr, x: Expr | None, dx: float, dim: int) -> Expr:
    """The area between each two neighbours along ``dim``."""
    at = normalize_dim(dim, y.ndim)
    later, earlier = _halves(y, at)
    heights = add(later, earlier)
    if x is None:
        return mul(heights, dx / 2)
    if x.ndim == 1:
        x = reshape(x, tuple(x.numel if d == at else 1 for d in range(y.ndim)))
    elif x.ndim < y.ndim:
        x = reshape(x, (1,) * (y.ndim - x.ndim) + x.shape)
    step = sub(*_halves(x, normalize_dim(dim, x.ndim)))
    return mul(mul(heights, step), 0.5)


def trapezoid(y: Expr, *rest: Any) -> Expr:
    """``Σ (xᵢ₊₁ - xᵢ) (yᵢ + yᵢ₊₁) / 2`` along ``dim``."""
    x, dx, dim = _points(rest)
    return sum_(trapezoids(y, x, dx, dim), normalize_dim(dim, y.ndim))


def cumulative_trapezoid(y: Expr, *rest: Any) -> Expr:
    x, dx, dim = _points(rest)
    return cumsum(trapezoids(y, x, dx, dim), dim)


def _points(rest: tuple) -> tuple[Expr | None, float, int]:
    *points, dx, dim = rest
    return (points[0] if points else None), dx, dim


def slope(x: Expr, *rest: Any) -> Expr:
    """Central differences along ``dim``, one-sided at both ends (of first or second order).

    ``rest`` is the places of the elements or their distance, ``dim`` and the order at the ends.
    """
    *points, step, dim, edge = rest
    size = x.shape[dim]
    whole = tuple(1 if d != dim else size for d in range(x.ndim))

    def at(i: int, j: int) -> Expr:
        return narrow(x, dim, i, j)

    from glia.ir.build import div, full
    from glia.ir.ops.view import concat

    if points:
        place = reshape(points[0], whole)
        h = sub(narrow(place, dim, 1, size), narrow(place, dim, 0, size - 1))
    else:
        h = full(tuple(size - 1 if d == dim else 1 for d in range(x.ndim)), step, x.dtype)

    def gap(i: int) -> Expr:
        return narrow(h, dim, i, i + 1)

    hs, hd = narrow(h, dim, 0, size - 2), narrow(h, dim, 1, size - 1)
    # weights that are exact for parabolas
    left = div(mul(hd, -1.0), mul(hs, add(hs, hd)))
    middle = div(sub(hd, hs), mul(hs, hd))
    right = div(hs, mul(hd, add(hs, hd)))
    inner = add(
        add(mul(left, at(0, size - 2)), mul(middle, at(1, size - 1))), mul(right, at(2, size))
    )
    if edge == 1:
        first = div(sub(at(1, 2), at(0, 1)), gap(0))
        last = div(sub(at(size - 1, size), at(size - 2, size - 1)), gap(size - 2))
    else:
        first = _end(at(0, 1), at(1, 2), at(2, 3), gap(0), gap(1))
        back = (at(size - 1, size), at(size - 2, size - 1), at(size - 3, size - 2))
        last = mul(_end(*back, gap(size - 2), gap(size - 3)), -1.0)
    return concat([broadcast_to(part, _sized(x, part, dim)) for part in (first, inner, last)], dim)


def _end(a: Expr, b: Expr, c: Expr, h: Expr, k: Expr) -> Expr:
    """The slope at ``a`` of the parabola through three values, ``h`` and ``k`` apart."""
    from glia.ir.build import div

    whole = add(h, k)
    first = div(mul(add(add(h, h), k), -1.0), mul(h, whole))
    second = div(whole, mul(h, k))
    third = div(mul(h, -1.0), mul(k, whole))
    return add(add(mul(first, a), mul(second, b)), mul(third, c))


def _sized(x: Expr, part: Expr, dim: int) -> tuple[int, ...]:
    return (*x.shape[:dim], part.shape[dim], *x.shape[dim + 1 :])

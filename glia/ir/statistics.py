"""Reductions made of sorting, picking and sums."""

from __future__ import annotations

import math

from glia.base.dtypes import DType, bool_, float64, int32, int64
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, normalize_dim
from glia.ir.arrange import moved, narrow
from glia.ir.build import (
    Scalar,
    abs_,
    add,
    amax,
    amin,
    argmax,
    cast,
    ceil,
    const,
    detach,
    div,
    eq,
    floor,
    full,
    ge,
    le,
    logical_not,
    lt,
    maximum,
    mean,
    minimum,
    mul,
    ne,
    neg,
    power,
    reduce,
    round_,
    sqrt,
    sub,
    sum_,
    to_float,
    var,
    where,
)
from glia.ir.expr import Expr
from glia.ir.ops import reduce as _r
from glia.ir.ops.index import gather
from glia.ir.ops.order import argsort, mode_at
from glia.ir.ops.view import broadcast_to, permute, reshape

Pair = tuple[Expr, Expr]
Dims = int | Shape | None


def is_nan(x: Expr) -> Expr:
    return ne(x, x) if x.dtype.kind in ("float", "complex") else full(x.shape, False, bool_)


def argmax_of_any(x: Expr, dim: int | None = None, keepdim: bool = False) -> Expr:
    """``argmax``, of bools too; all dimensions may stay."""
    x = cast(x, int32) if x.dtype is bool_ else x
    found = argmax(x, dim, keepdim)
    return reshape(found, (1,) * x.ndim) if dim is None and keepdim else found


def argmin(x: Expr, dim: int | None = None, keepdim: bool = False) -> Expr:
    """Index of the first minimum: the maximum of the numbers in reverse order."""
    if x.dtype.kind == "float":
        backwards = neg(x)
    elif x.dtype is bool_:
        backwards = logical_not(x)
    else:
        top = 2 ** (8 * x.dtype.itemsize) - 1 if x.dtype.kind == "uint" else -1
        backwards = sub(full(x.shape, top, x.dtype), x)
    return argmax_of_any(backwards, dim, keepdim)


def pick(x: Expr, index: Expr, dim: int, keepdim: bool) -> Pair:
    """The elements at one place of every row, and these places."""
    values = gather(x, index, dim)
    if keepdim:
        return values, index
    shape = (*x.shape[:dim], *x.shape[dim + 1 :])
    return reshape(values, shape), reshape(index, shape)


def extreme(x: Expr, dim: int, keepdim: bool, largest: bool) -> Pair:
    """The largest (or smallest) elements along ``dim``, and where the first of each stands."""
    at = normalize_dim(dim, x.ndim)
    if not x.ndim:
        return x, const(0, int64)
    return pick(x, (argmax_of_any if largest else argmin)(x, at, True), at, keepdim)


def extreme_of_any(x: Expr, dims: Dims, keepdim: bool, smallest: bool) -> Expr:
    """``amin`` or ``amax``, of bools too."""
    function = amin if smallest else amax
    if x.dtype is bool_:
        return cast(function(cast(x, int32), dims, keepdim), bool_)
    return function(x, dims, keepdim)


def all_(x: Expr, dims: Dims = None, keepdim: bool = False) -> Expr:
    found = eq(_count(logical_not(x), dims, keepdim), 0)
    return cast(found, x.dtype) if x.dtype.name == "uint8" else found


def any_(x: Expr, dims: Dims = None, keepdim: bool = False) -> Expr:
    found = ne(_count(cast(x, bool_), dims, keepdim), 0)
    return cast(found, x.dtype) if x.dtype.name == "uint8" else found


def _count(x: Expr, dims: Dims, keepdim: bool) -> Expr:
    return reduce(_r.SUM, cast(x, int64), dims, keepdim)


def count_nonzero(x: Expr, dims: Dims = None) -> Expr:
    return _count(cast(x, bool_), dims, False)


def nansum(x: Expr, dims: Dims, keepdim: bool) -> Expr:
    return sum_(where(is_nan(x), const(0, x.dtype), x), dims, keepdim)


def nanmean(x: Expr, dims: Dims, keepdim: bool) -> Expr:
    count = _count(logical_not(is_nan(x)), dims, keepdim)
    return div(nansum(x, dims, keepdim), cast(count, x.dtype))


def std(x: Expr, dims: Dims, correction: float, keepdim: bool) -> Expr:
    """The root of the variance; where that is 0, the derivative is 0 too."""
    return safe_root(var(x, dims, correction, keepdim))


def safe_root(x: Expr) -> Expr:
    """``√x`` with derivative 0 at 0."""
    zero = eq(x, 0.0)
    return where(zero, 0.0, sqrt(where(zero, 1.0, x)))


def std_mean(x: Expr, dims: Dims, correction: float, keepdim: bool) -> Pair:
    return std(x, dims, correction, keepdim), mean(x, dims, keepdim)


def var_mean(x: Expr, dims: Dims, correction: float, keepdim: bool) -> Pair:
    return var(x, dims, correction, keepdim), mean(x, dims, keepdim)


# Norms


def norm(x: Expr, p: float, dims: Dims, keepdim: bool) -> Expr:
    """``(Σ |x|ᵖ)^(1/p)``; the largest or smallest of ``|x|`` for ±∞, how many are not 0 for 0."""
    x = to_float(x)
    size = abs_(x)
    if p == math.inf:
        return amax(size, dims, keepdim)
    if p == -math.inf:
        return amin(size, dims, keepdim)
    if p == 0:
        return cast(_count(ne(x, 0.0), dims, keepdim), size.dtype)
    if p == 1:
        return sum_(size, dims, keepdim)
    if p == 2:
        return safe_root(sum_(mul(size, size), dims, keepdim))
    zero = eq(size, 0.0)
    at_zero = 0.0 if p > 0 else math.inf
    powers = where(zero, at_zero, power(where(zero, 1.0, size), p))
    total = sum_(powers, dims, keepdim)
    none = eq(total, 0.0)
    return where(none, 0.0, power(where(none, 1.0, total), 1.0 / p))


def dist(x: Expr, other: Expr, p: float) -> Expr:
    return norm(sub(x, other), p, None, False)


def renorm(x: Expr, p: float, dim: int, maxnorm: float) -> Expr:
    """Slices along ``dim`` whose norm is above ``maxnorm`` are scaled down to it."""
    at = normalize_dim(dim, x.ndim)
    size = norm(x, p, tuple(d for d in range(x.ndim) if d != at), True)
    return mul(x, where(lt(maxnorm, size), div(maxnorm, add(size, 1e-7)), 1.0))


# Sorted elements


def sort(x: Expr, dim: int, descending: bool) -> Pair:
    at = normalize_dim(dim, x.ndim)
    if not x.ndim:
        return x, const(0, int64)
    order = argsort(x, at, descending)
    return gather(x, order, at), order


def topk(x: Expr, k: int, dim: int, largest: bool) -> Pair:
    """The ``k`` largest (or smallest) elements along ``dim``, in order."""
    at = normalize_dim(dim, x.ndim)
    size = x.shape[at] if x.ndim else 1
    if not 0 <= k <= size:
        what = tr(
            f"topk: expected k from 0 to {size}, got {k} (shape {x.shape}, dimension {dim}).",
            f"topk：k 应在 0 到 {size} 之间，得到 {k}（形状 {x.shape}，维度 {dim}）。",
        )
        raise ArgumentError(teach(what))
    if not x.ndim:
        return x, const(0, int64)
    order = narrow(argsort(x, at, largest), at, 0, k)
    return gather(x, order, at), order


def kthvalue(x: Expr, k: int, dim: int, keepdim: bool) -> Pair:
    """The k-th smallest element along ``dim``, counted from 1."""
    at = normalize_dim(dim, x.ndim)
    size = x.shape[at] if x.ndim else 1
    if not 1 <= k <= size:
        what = tr(
            f"kthvalue: expected k from 1 to {size}, got {k} (shape {x.shape}, dimension {dim}).",
            f"kthvalue：k 应在 1 到 {size} 之间，得到 {k}（形状 {x.shape}，维度 {dim}）。",
        )
        raise ArgumentError(teach(what))
    if not x.ndim:
        return x, const(0, int64)
    return pick(x, narrow(argsort(x, at), at, k - 1, k), at, keepdim)


def _some(name: str, x: Expr, dim: int) -> int:
    at = normalize_dim(dim, x.ndim)
    if x.ndim and not x.shape[at]:
        what = tr(
            f"{name}: nothing to choose from in dimension {dim} of shape {x.shape}.",
            f"{name}：形状 {x.shape} 的第 {dim} 维为空。",
        )
        raise ShapeError(teach(what))
    return at


def median(x: Expr, dim: int, keepdim: bool, skip_nan: bool = False) -> Pair:
    """The lower middle element along ``dim``; NaN if there is one, or leaving them out."""
    at = _some("median", x, dim)
    if not x.ndim:
        return x, const(0, int64)
    order = argsort(x, at)
    size = x.shape[at]
    place = narrow(order, at, (size - 1) // 2, (size - 1) // 2 + 1)
    if x.dtype.kind == "float":
        missing = is_nan(x)
        if skip_nan:
            known = _count(logical_not(missing), at, True)
            middle = maximum(_half(sub(known, 1)), 0)
            place = gather(order, middle, at)
        else:
            place = where(any_(missing, at, True), argmax(cast(missing, int32), at, True), place)
    return pick(x, place, at, keepdim)


def _half(count: Expr) -> Expr:
    from glia.ir.build import floor_divide

    return floor_divide(count, 2)


def median_of_all(x: Expr, skip_nan: bool = False) -> Expr:
    """The lower middle of all elements; equal ones share the gradient."""
    flat = reshape(x, (x.numel,))
    if not x.numel:
        if x.dtype.kind == "float":
            return const(math.nan, x.dtype)
        _some("median", flat, 0)
    found = detach(median(flat, 0, False, skip_nan)[0])
    if x.dtype.kind != "float":
        return found
    wide = broadcast_to(found, flat.shape)
    hit = add(eq(flat, wide), mul(is_nan(flat), is_nan(wide)))
    return amax(where(hit, flat, -math.inf))


def mode(x: Expr, dim: int, keepdim: bool) -> Pair:
    """The most frequent element along ``dim``, the smallest of several, and where it stands."""
    at = _some("mode", x, dim)
    if not x.ndim:
        return x, const(0, int64)
    return pick(x, mode_at(x, at), at, keepdim)


INTERPOLATIONS = ("linear", "lower", "higher", "nearest", "midpoint")


def quantile(
    x: Expr, q: Expr, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool
) -> Expr:
    """Between the sorted elements at ``q (n - 1)``; the dimension of ``q`` comes first."""
    if interpolation not in INTERPOLATIONS:
        names = ", ".join(INTERPOLATIONS)
        what = tr(
            f"quantile: expected interpolation {names}, found {interpolation!r}.",
            f"quantile：interpolation 应为 {names}，得到 {interpolation!r}。",
        )
        raise ArgumentError(teach(what))
    rank = x.ndim
    at = 0 if dim is None else normalize_dim(dim, rank)
    left = (1,) * rank if dim is None else tuple(1 if d == at else n for d, n in enumerate(x.shape))
    rows = reshape(x, (x.numel,)) if dim is None or not rank else moved(x, (at,), (rank - 1,))
    last = rows.ndim - 1
    _some("quantile", rows, last)
    places = broadcast_to(reshape(q, (q.numel,)), (*rows.shape[:-1], q.numel))
    found = _between(rows, places, interpolation, skip_nan)
    out = moved(found, (last,), (0,))
    lead = q.shape
    kept = left if keepdim else rows.shape[:-1]
    return reshape(out, (*lead, *kept))


def _between(rows: Expr, q: Expr, interpolation: str, skip_nan: bool) -> Expr:
    """Along the last dimension: what lies at a part ``q`` of the way through sorted rows."""
    last, size = rows.ndim - 1, rows.shape[-1]
    ordered = gather(rows, argsort(rows, last), last)
    missing = is_nan(rows)
    if skip_nan:
        known = cast(_count(logical_not(missing), last, True), q.dtype)
        rank = mul(q, maximum(sub(known, 1.0), 0.0))
    else:
        rank = mul(q, float(size - 1))
        rank = where(any_(missing, last, True), float(size - 1), rank)
    if interpolation == "lower":
        rank = floor(rank)
    elif interpolation == "higher":
        rank = ceil(rank)
    elif interpolation == "nearest":
        rank = round_(rank)
    under = floor(rank)
    low = gather(ordered, cast(under, int64), last)
    if interpolation not in ("linear", "midpoint"):
        return low
    part = full(rank.shape, 0.5, q.dtype) if interpolation == "midpoint" else sub(rank, under)
    high = gather(ordered, cast(ceil(rank), int64), last)
    return _mix(low, high, part)


def _mix(a: Expr, b: Expr, part: Expr) -> Expr:
    """From ``a`` to ``b``, exact at both ends."""
    step = sub(b, a)
    near = add(a, mul(part, step))
    far = sub(b, mul(step, sub(1.0, part)))
    return where(lt(part, 0.5), near, far)


# Tables of numbers


def cov(x: Expr, correction: float, fweights: Expr | None, aweights: Expr | None) -> Expr:
    """Covariances of the rows; columns are observations, which may have weights."""
    x = to_float(reshape(x, (1, x.numel)) if x.ndim < 2 else x)
    count = x.shape[1]
    weights = None
    for part in (fweights, aweights):
        if part is not None:
            known = cast(part, x.dtype)
            weights = known if weights is None else mul(weights, known)
    if weights is None:
        average = mean(x, 1, True)
        factor: Expr | Scalar = float(max(count - correction, 0))
        spread = scaled = sub(x, average)
    else:
        total = sum_(weights)
        average = div(sum_(mul(x, weights), 1, True), total)
        spread = sub(x, average)
        scaled = mul(spread, weights)
        factor = sub(total, float(correction))
        if aweights is not None and correction:
            again = sum_(mul(weights, cast(aweights, x.dtype)))
            factor = sub(total, mul(div(again, total), float(correction)))
        factor = maximum(factor, 0.0)
    from glia.ir.products import matmul

    found = div(matmul(spread, permute(scaled, (1, 0))), factor)
    return reshape(found, ()) if x.shape[0] == 1 else found


def corrcoef(x: Expr) -> Expr:
    """Covariances of the rows over the product of their deviations, within ±1."""
    from glia.ir.arrange import diagonal

    found = cov(x, 1, None, None)
    if not found.ndim:
        return div(found, found)
    deviation = sqrt(diagonal(found, 0, 0, 1))
    n = deviation.numel
    scaled = div(div(found, reshape(deviation, (n, 1))), deviation)
    return minimum(maximum(scaled, -1.0), 1.0)


def histc(x: Expr, bins: int, low: float, high: float) -> Expr:
    """How many elements fall into each of ``bins`` equal parts from ``low`` to ``high``."""
    from glia.ir.ops.index import scatter_add

    kind: DType = x.dtype
    flat = cast(reshape(x, (x.numel,)), float64)
    if low == high and x.numel:
        first, last = amin(flat), amax(flat)
        even = eq(first, last)
        first, last = where(even, sub(first, 1.0), first), where(even, add(last, 1.0), last)
    else:
        first, last = const(low, float64), const(high if high != low else low + 1, float64)
    place = floor(div(mul(sub(flat, first), float(bins)), sub(last, first)))
    inside = mul(ge(flat, first), le(flat, last))
    index = where(inside, cast(minimum(place, float(bins - 1)), int64), -1)
    return scatter_add(full(flat.shape, 1, kind), index, 0, bins)

"""Lengths of vectors and distances between them, as expressions."""

from __future__ import annotations

import math

from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import broadcast, normalize_dim, normalize_dims
from glia.ir import build, lookup
from glia.ir.expr import Expr
from glia.nn.formulas import check_float


def length(x: Expr, p: float, dims: int | tuple[int, ...], keepdim: bool) -> Expr:
    """``(Σ |xᵢ|ᵖ)^(1/p)``; for p = 0 how many are not 0, for ±∞ the largest or smallest.

    The derivative at 0 is 0 where it is not determined.
    """
    check_float("norm", x)
    found = normalize_dims(dims, x.ndim)
    size = build.abs_(x)
    if p == 0:
        return build.sum_(build.cast(build.ne(x, 0.0), x.dtype), found, keepdim)
    if p == math.inf:
        return build.amax(size, found, keepdim)
    if p == -math.inf:
        return build.amin(size, found, keepdim)
    if p == 1:
        return build.sum_(size, found, keepdim)
    if p == 2:
        return _root(build.sum_(build.mul(x, x), found, keepdim), 2)
    blank = build.eq(size, 0.0)
    if p < 0:
        return build.power(build.sum_(build.power(size, p), found, keepdim), 1 / p)
    powers = build.where(blank, 0.0, build.power(build.where(blank, 1.0, size), p))
    return _root(build.sum_(powers, found, keepdim), p)


def _root(x: Expr, p: float) -> Expr:
    """``x^(1/p)``, at 0 without a derivative of infinity."""
    blank = build.eq(x, 0.0)
    safe = build.where(blank, 1.0, x)
    return build.where(blank, 0.0, build.sqrt(safe) if p == 2 else build.power(safe, 1 / p))


def at_least(x: Expr, bound: float) -> Expr:
    """``max(x, bound)``; from the bound on the derivative is 1. NaN stays NaN."""
    return build.where(build.lt(x, bound), bound, x)


def _as_if(x: Expr, value: Expr) -> Expr:
    """``value``, with the derivative of x."""
    return build.add(build.sub(x, build.detach(x)), build.detach(value))


def normalize(x: Expr, p: float, dim: int, eps: float) -> Expr:
    """``x / max(‖x‖ₚ, ε)``."""
    return build.div(x, at_least(length(x, p, dim, True), eps))


def cosine_similarity(x: Expr, y: Expr, dim: int, eps: float) -> Expr:
    """``Σ x/max(‖x‖, ε) · y/max(‖y‖, ε)``; the derivative is that of ``‖x‖`` throughout."""
    _check_floats("cosine_similarity", x, y)
    x, y = build.pair(x, y)
    at = normalize_dim(dim, x.ndim)
    unit = []
    for z in (x, y):
        size = length(z, 2, at, True)
        unit.append(build.div(z, _as_if(size, at_least(size, eps))))
    return build.sum_(build.mul(*unit), at)


def pairwise_distance(x: Expr, y: Expr, p: float, eps: float, keepdim: bool) -> Expr:
    """``‖x - y + ε‖ₚ`` over the last dimension."""
    return length(build.add(build.to_float(build.sub(x, y)), eps), p, -1, keepdim)


def _check_floats(name: str, x: Expr, y: Expr) -> None:
    if x.dtype.kind == y.dtype.kind == "float":
        return
    names = f"{x.dtype.name}, {y.dtype.name}"
    what = tr(
        f"{name}: expected floating-point tensors, found {names}.",
        f"{name}：需要浮点张量，得到 {names}。",
    )
    raise DTypeError(teach(what, tr("convert: x.float()", "请转换：x.float()")))


def check_power(name: str, p: float) -> float:
    if not p >= 0:
        what = tr(f"{name}: expected p ≥ 0, found {p}.", f"{name}：p 应不小于 0，得到 {p}。")
        raise ArgumentError(teach(what))
    return float(p)


def cdist(x: Expr, y: Expr, p: float) -> Expr:
    """``‖xᵢ - yⱼ‖ₚ`` for rows xᵢ and yⱼ of the last two dimensions."""
    _check_floats("cdist", x, y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        what = tr(
            f"cdist: expected (…, P, M) and (…, R, M), got {x.shape} and {y.shape}.",
            f"cdist：需要 (…, P, M) 与 (…, R, M)，得到 {x.shape} 与 {y.shape}。",
        )
        raise ShapeError(teach(what, tr("rows are the points", "每一行是一个点")))
    rows = build.reshape(x, (*x.shape[:-1], 1, x.shape[-1]))
    columns = build.reshape(y, (*y.shape[:-2], 1, *y.shape[-2:]))
    if not x.shape[-1]:
        lead = broadcast(x.shape[:-2], y.shape[:-2])
        return build.full((*lead, x.shape[-2], y.shape[-2]), 0.0, x.dtype)
    return length(build.sub(rows, columns), p, -1, False)


def pdist(x: Expr, first: Expr, second: Expr, p: float) -> Expr:
    """``‖xᵢ - xⱼ‖ₚ`` for the pairs of rows that two indices name."""
    if not first.numel or not x.shape[-1]:
        return build.full(first.shape, 0.0, x.dtype)
    apart = build.sub(lookup.take(x, first, 0), lookup.take(x, second, 0))
    return length(apart, p, -1, False)

"""What attention computes, as expressions. Checks stand here: they run once per new shape."""

from __future__ import annotations

import math

from glia.base.dtypes import DType, bool_
from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.ir.ops.source import iota
from glia.ir.ops.view import expand
from glia.nn.formulas import check_dtype, check_float


def weights(query: Expr, key: Expr, *rest: object) -> Expr:
    """``softmax(q kᵀ scale + mask)``; ``rest`` is [mask], causal, scale."""
    *masks, causal, scale = rest
    check_float("attention", query)
    check_dtype("attention", query, key)
    if query.ndim < 2 or key.ndim < 2 or query.shape[-1] != key.shape[-1]:
        what = tr(
            f"attention: queries {query.shape} and keys {key.shape} do not fit.",
            f"attention：查询 {query.shape} 与键 {key.shape} 不相符。",
        )
        help = tr("both must end in (time, features)", "两者都应以（时间，特征）结尾")
        raise ShapeError(teach(what, help))
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = products.matmul(query, build.transpose(key, -2, -1))
    scores = build.mul(scores, factor)  # type: ignore[arg-type]
    if causal:
        scores = build.where(past(*scores.shape[-2:]), scores, -math.inf)
    if not masks:
        return build.softmax(scores, -1)
    for mask in masks:
        scores = _masked(scores, mask)  # type: ignore[arg-type]
    return _softmax_or_zero(scores)


def repeated(x: Expr, heads: int) -> Expr:
    """Each head of (…, heads, time, features) as often as there are queries' heads for it."""
    if x.ndim < 3 or not x.shape[-3] or heads % x.shape[-3]:
        what = tr(
            f"attention: {heads} heads of queries cannot share those of {x.shape}.",
            f"attention：{heads} 个查询头无法平分形状 {x.shape} 的各头。",
        )
        help = tr("heads are the last but two size", "头数是倒数第三维")
        raise ShapeError(teach(what, help))
    *lead, groups, time, size = x.shape
    wide = expand(
        build.reshape(x, (*lead, groups, 1, time, size)),
        (*lead, groups, heads // groups, time, size),
    )
    return build.reshape(wide, (*lead, heads, time, size))


def past(queries: int, keys: int) -> Expr:
    """Query i sees the keys up to number i; nothing is stored."""
    rows = build.reshape(iota(queries), (queries, 1))
    return build.ge(rows, build.reshape(iota(keys), (1, keys)))


def future(like: Expr, queries: int, keys: int) -> Expr:
    """-∞ where a query would see a later key, as numbers to add."""
    return build.where(past(queries, keys), build.const(0.0, like.dtype), -math.inf)


def no_mask(mask: Expr) -> Expr:
    """A column of zeros beside a mask: nothing is hidden."""
    return build.full((*mask.shape[:-1], 1), 0.0, mask.dtype)


def no_step(x: Expr) -> Expr:
    """One time step of zeros."""
    return build.full((*x.shape[:2], 1, x.shape[3]), 0.0, x.dtype)


def forbidden(mask: Expr, dtype: DType) -> Expr:
    """A mask as numbers to add: -∞ where it is True."""
    if mask.dtype is not bool_:
        return build.cast(mask, dtype)
    return build.where(mask, build.const(-math.inf, dtype), 0.0)


def _masked(scores: Expr, mask: Expr) -> Expr:
    if mask.dtype is bool_:
        found = build.where(mask, scores, -math.inf)
    else:
        check_dtype("attention", mask, scores)
        found = build.add(scores, mask)
    if found.shape != scores.shape:
        what = tr(
            f"attention: mask {mask.shape} does not fit the scores {scores.shape}.",
            f"attention：掩码 {mask.shape} 与得分 {scores.shape} 不符。",
        )
        raise ShapeError(teach(what))
    return found


def _softmax_or_zero(scores: Expr) -> Expr:
    """Zero where nothing may be looked at, instead of 0/0."""
    top = build.detach(build.amax(scores, -1, True))
    top = build.where(build.eq(top, -math.inf), 0.0, top)
    e = build.exp(build.sub(scores, top))
    total = build.sum_(e, -1, True)
    return build.div(e, build.where(build.eq(total, 0.0), 1.0, total))


def mixed(share: Expr, value: Expr) -> Expr:
    """The weighted sum of values."""
    check_dtype("attention", value, share)
    if value.ndim < 2 or value.shape[-2] != share.shape[-1]:
        what = tr(
            f"attention: expected {share.shape[-1]} values, got {value.shape}.",
            f"attention：需要 {share.shape[-1]} 个值，得到 {value.shape}。",
        )
        raise ShapeError(teach(what, tr("one value for each key", "每个键对应一个值")))
    return products.matmul(share, value)

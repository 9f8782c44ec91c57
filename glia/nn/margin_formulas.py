"""What the losses with margins compute, as expressions."""

from __future__ import annotations

from glia.base.dtypes import bool_, int64
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import broadcast
from glia.ir import build, lookup, products
from glia.ir.expr import Expr
from glia.ir.ops.index import gather, scatter_add
from glia.ir.ops.source import iota
from glia.nn.distance_formulas import at_least, length
from glia.nn.formulas import check_float
from glia.nn.loss_formulas import check_pair, reduced


def hinge(x: Expr) -> Expr:
    """``max(x, 0)``; the derivative at 0 is 1, as PyTorch's losses have it."""
    return at_least(x, 0.0)


def _signs(name: str, x: Expr, y: Expr) -> Expr:
    """A target of -1 and 1 in the prediction's dtype."""
    check_float(name, x)
    if x.shape != y.shape:
        what = tr(
            f"{name}: expected target of the prediction's shape {x.shape}, got {y.shape}.",
            f"{name}：目标的形状应与预测相同，即 {x.shape}，得到 {y.shape}。",
        )
        raise ShapeError(teach(what, tr("losses do not broadcast", "损失函数不做广播")))
    return build.cast(y, x.dtype)


def hinge_embedding(x: Expr, y: Expr, margin: float, reduction: str) -> Expr:
    """``x`` where y = 1, ``max(0, margin - x)`` where y = -1."""
    y = _signs("HingeEmbeddingLoss", x, y)
    apart = build.where(build.ne(y, 1.0), hinge(build.sub(margin, x)), 0.0)
    return reduced(build.add(apart, build.where(build.ne(y, -1.0), x, 0.0)), reduction)


def soft_margin(x: Expr, y: Expr, reduction: str) -> Expr:
    """``ln(1 + e^(-y x))``."""
    y = _signs("SoftMarginLoss", x, y)
    return reduced(build.softplus(build.neg(build.mul(y, x))), reduction)


def margin_ranking(x: Expr, y: Expr, target: Expr, margin: float, reduction: str) -> Expr:
    """``max(0, -t (x - y) + margin)``."""
    x, y = build.to_float(x), build.to_float(y)
    check_pair("MarginRankingLoss", x, y)
    t = _signs("MarginRankingLoss", x, target)
    values = build.neg(build.mul(t, build.sub(x, y)))
    return reduced(hinge(build.add(values, margin)), reduction)


def cosine_embedding(x: Expr, y: Expr, target: Expr, margin: float, reduction: str) -> Expr:
    """``1 - cos`` where t = 1, ``max(0, cos - margin)`` where t = -1."""
    x, y = build.to_float(x), build.to_float(y)
    check_pair("CosineEmbeddingLoss", x, y)
    if x.ndim not in (1, 2) or target.shape != x.shape[:-1]:
        what = tr(
            f"CosineEmbeddingLoss: expected (N, D), (N, D) and (N), got {x.shape}, {y.shape} and "
            f"{target.shape}.",
            f"CosineEmbeddingLoss：需要 (N, D)、(N, D) 与 (N)，得到 {x.shape}、{y.shape} 与 "
            f"{target.shape}。",
        )
        raise ShapeError(teach(what, tr("one target for every row", "每一行一个目标")))
    sizes = [build.add(build.sum_(build.mul(z, z), -1), 1e-12) for z in (x, y)]
    cosine = build.div(build.sum_(build.mul(x, y), -1), build.sqrt(build.mul(*sizes)))
    alike = build.where(build.eq(target, 1), build.sub(1.0, cosine), 0.0)
    apart = build.where(build.eq(target, -1), hinge(build.sub(cosine, margin)), 0.0)
    return reduced(build.add(alike, apart), reduction)


def check_rows(name: str, x: Expr, target: Expr, wanted: tuple[int, ...]) -> None:
    """Scores (N, C) or (C), and whole numbers as target."""
    check_float(name, x)
    if target.dtype.kind not in ("int", "uint"):
        what = tr(
            f"{name}: expected whole numbers as labels, found {target.dtype.name}.",
            f"{name}：标签应为整数，得到 {target.dtype.name}。",
        )
        raise DTypeError(teach(what, tr("convert: y.long()", "请转换：y.long()")))
    if x.ndim not in (1, 2) or target.shape != wanted:
        what = tr(
            f"{name}: for scores {x.shape} expected labels {wanted}, got {target.shape}.",
            f"{name}：得分形状为 {x.shape} 时标签应为 {wanted}，得到 {target.shape}。",
        )
        raise ShapeError(teach(what, tr("scores are (N, C) or (C)", "得分为 (N, C) 或 (C)")))


def _one_row(x: Expr, target: Expr) -> tuple[Expr, Expr]:
    """A single score is a row of one class."""
    return (build.reshape(x, (1,)), build.reshape(target, (1,))) if not x.ndim else (x, target)


def multi_margin(x: Expr, target: Expr, *rest: object) -> Expr:
    """``Σⱼ max(0, margin - x[y] + x[j])ᵖ / C`` over j ≠ y; ``rest``: [weight], p, margin, …"""
    *weight, p, margin, reduction = rest
    x, target = _one_row(x, target)
    if x.ndim == 1 and target.shape == (1,):
        target = build.reshape(target, ())
    check_rows("MultiMarginLoss", x, target, x.shape[:-1])
    flat = build.reshape(build.cast(target, int64), x.shape[:-1])
    label = build.reshape(flat, (*flat.shape, 1))
    picked = gather(x, label, x.ndim - 1)
    values = hinge(build.add(build.sub(x, picked), margin))  # type: ignore[arg-type]
    values = build.mul(values, values) if p == 2 else values
    if weight:
        (w,) = weight
        assert isinstance(w, Expr)
        if w.shape != x.shape[-1:]:
            what = tr(
                f"MultiMarginLoss: expected {x.shape[-1]} weights, got {w.shape}.",
                f"MultiMarginLoss：需要 {x.shape[-1]} 个权重，得到 {w.shape}。",
            )
            raise ShapeError(teach(what))
        own = build.reshape(lookup.take(build.cast(w, x.dtype), flat, 0), label.shape)
        values = build.mul(values, own)
    others = build.logical_not(products.one_hot(flat, x.shape[-1], bool_))
    total = build.sum_(build.where(others, values, 0.0), -1)
    return reduced(build.div(total, float(x.shape[-1])), str(reduction))


def multilabel_margin(x: Expr, target: Expr, reduction: str) -> Expr:
    """``Σ max(0, 1 - (x[y] - x[j])) / C`` over the labels y (up to the first -1) and others j."""
    x, target = _one_row(x, target)
    check_rows("MultiLabelMarginLoss", x, target, x.shape)
    classes = x.shape[-1]
    batch = x.shape[:-1]
    rank = x.ndim
    wide = build.cast(target, int64)
    ended = build.cast(build.lt(wide, 0), int64)
    below = products.matmul(
        build.cast(build.reshape(ended, (*batch, 1, classes)), x.dtype),
        _upper(classes, x),
    )
    named = build.eq(build.reshape(below, x.shape), 0.0)  # before the first -1
    place = build.where(named, wide, 0)
    picked = gather(x, place, rank - 1)
    marks = scatter_add(build.cast(named, x.dtype), place, rank - 1, classes)
    other = build.eq(marks, 0.0)
    gap = build.sub(
        build.reshape(x, (*batch, 1, classes)), build.reshape(picked, (*batch, classes, 1))
    )
    both = build.mul(
        build.reshape(named, (*batch, classes, 1)), build.reshape(other, (*batch, 1, classes))
    )
    values = build.where(both, hinge(build.add(gap, 1.0)), 0.0)
    total = build.sum_(values, (-2, -1))
    return reduced(build.div(total, float(classes)), reduction)


def _upper(size: int, x: Expr) -> Expr:
    """``i ≤ j`` as numbers: a product with it sums all places up to one."""
    rows = build.reshape(iota(size), (size, 1))
    return build.cast(build.le(rows, build.reshape(iota(size), (1, size))), x.dtype)


def multilabel_soft_margin(x: Expr, y: Expr, *rest: object) -> Expr:
    """``-mean(y ln σ(x) + (1 - y) ln σ(-x))`` over the classes; ``rest``: [weight], reduction."""
    *weight, reduction = rest
    check_pair("MultiLabelSoftMarginLoss", x, y)
    soft = build.softplus(build.neg(x))
    values = build.add(build.mul(build.sub(1.0, y), x), soft)
    if weight:
        values = build.mul(values, weight[0])  # type: ignore[arg-type]
        if values.shape != x.shape:
            what = tr(
                f"MultiLabelSoftMarginLoss: the weight does not fit scores {x.shape}.",
                f"MultiLabelSoftMarginLoss：权重与得分形状 {x.shape} 不符。",
            )
            raise ShapeError(teach(what))
    return reduced(build.mean(values, -1), str(reduction))


def triplet(
    anchor: Expr,
    positive: Expr,
    negative: Expr,
    margin: float,
    p: float,
    eps: float,
    swap: bool,
    reduction: str,
) -> Expr:
    """``max(0, ‖a - p‖ - ‖a - n‖ + margin)``; ``swap``: the smaller of ‖a - n‖ and ‖p - n‖."""
    for other in (positive, negative):
        check_triplet(anchor, other)

    def distance(x: Expr, y: Expr) -> Expr:
        return length(build.add(build.sub(x, y), eps), p, -1, False)

    far = distance(anchor, negative)
    if swap:
        far = build.minimum(far, distance(positive, negative))
    return from_distances(distance(anchor, positive), far, margin, reduction)


def check_triplet(x: Expr, y: Expr) -> None:
    if x.ndim == y.ndim and x.ndim:
        broadcast(x.shape, y.shape)
        return
    what = tr(
        f"TripletMarginLoss: expected tensors of equal rank, got {x.shape} and {y.shape}.",
        f"TripletMarginLoss：各张量维数应相同，得到 {x.shape} 与 {y.shape}。",
    )
    raise ShapeError(teach(what))


def from_distances(near: Expr, far: Expr, margin: float, reduction: str) -> Expr:
    """``max(0, near - far + margin)``."""
    return reduced(hinge(build.add(build.sub(near, far), margin)), reduction)


def check_margin(name: str, margin: float) -> float:
    if not margin > 0:
        what = tr(
            f"{name}: expected a margin above 0, found {margin}.",
            f"{name}：margin 应大于 0，得到 {margin}。",
        )
        raise ArgumentError(teach(what))
    return float(margin)

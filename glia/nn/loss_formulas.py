"""What the losses compute, as expressions. Checks stand here: they run once per new shape."""

from __future__ import annotations

import math

from glia.base.dtypes import int64
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import broadcast
from glia.ir import build, lookup
from glia.ir.expr import Expr
from glia.ir.ops.index import gather

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: str) -> str:
    if reduction not in REDUCTIONS:
        what = tr(
            f"expected reduction 'mean', 'sum' or 'none', found {reduction!r}.",
            f"reduction 应为 'mean'、'sum' 或 'none'，得到 {reduction!r}。",
        )
        raise ArgumentError(teach(what))
    return reduction


def reduced(values: Expr, reduction: str) -> Expr:
    """Mean, sum, or the values themselves."""
    if reduction == "none":
        return values
    return build.mean(values) if reduction == "mean" else build.sum_(values)


def check_pair(name: str, x: Expr, y: Expr) -> None:
    """Prediction and target must have one shape: broadcasting would be silently wrong."""
    if x.shape != y.shape:
        what = tr(
            f"{name}: expected target of the prediction's shape {x.shape}, got {y.shape}.",
            f"{name}：目标的形状应与预测相同，即 {x.shape}，得到 {y.shape}。",
        )
        if x.numel == y.numel:
            help = tr(
                f"reshape the target: y.reshape{x.shape}", f"请改变目标的形状：y.reshape{x.shape}"
            )
        else:
            help = tr("losses do not broadcast", "损失函数不做广播")
        raise ShapeError(teach(what, help))
    if x.dtype.kind != "float" or y.dtype.kind != "float":
        names = f"{x.dtype.name}, {y.dtype.name}"
        what = tr(
            f"{name}: expected floating-point prediction and target, found {names}.",
            f"{name}：预测与目标应为浮点数，得到 {names}。",
        )
        raise DTypeError(teach(what, tr("convert: y.float()", "请转换：y.float()")))


def _weighted(name: str, values: Expr, weight: list, reduction: str) -> Expr:
    """Weighted values reduced; their mean is ``Σ w v / Σ w``."""
    if not weight:
        return reduced(values, reduction)
    (w,) = weight
    if w.shape != values.shape:
        what = tr(
            f"{name}: expected a weight of shape {values.shape}, got {w.shape}.",
            f"{name}：权重的形状应为 {values.shape}，得到 {w.shape}。",
        )
        raise ShapeError(teach(what, tr("one weight for each value", "每个值对应一个权重")))
    values = build.mul(values, w)
    if reduction == "mean":
        return build.div(build.sum_(values), build.sum_(w))
    return reduced(values, reduction)


def mse(x: Expr, y: Expr, *rest: object) -> Expr:
    """``(x - y)²``; ``rest`` is [weight], reduction."""
    *weight, reduction = rest
    check_pair("MSELoss", x, y)
    difference = build.sub(x, y)
    return _weighted("MSELoss", build.mul(difference, difference), weight, str(reduction))


def l1(x: Expr, y: Expr, *rest: object) -> Expr:
    """``|x - y|``; ``rest`` is [weight], reduction."""
    *weight, reduction = rest
    check_pair("L1Loss", x, y)
    return _weighted("L1Loss", build.abs_(build.sub(x, y)), weight, str(reduction))


def huber(x: Expr, y: Expr, *rest: object) -> Expr:
    """``d²/2`` where ``d = |x - y| < δ``, else ``δ (d - δ/2)``; times ``scale``.

    ``rest`` is [weight], reduction, delta, scale. A mean divides by the count, weighted or not.
    """
    *weight, reduction, delta, scale = rest
    assert isinstance(delta, float) and isinstance(scale, float)
    check_pair("HuberLoss", x, y)
    difference = build.sub(x, y)
    size = build.abs_(difference)
    near = build.mul(build.mul(difference, difference), 0.5 * scale)
    far = build.mul(build.sub(size, 0.5 * delta), delta * scale)
    values = _weighted("HuberLoss", build.where(build.lt(size, delta), near, far), weight, "none")
    return reduced(values, str(reduction))


def bce(x: Expr, y: Expr, *rest: object) -> Expr:
    """``-(y ln x + (1 - y) ln(1 - x))``, logarithms held above -100.

    ``rest`` is [weight], reduction.
    """
    *weight, reduction = rest
    check_pair("BCELoss", x, y)
    rising = build.mul(y, _bounded_log(x))
    falling = build.mul(build.sub(1.0, y), _bounded_log(build.sub(1.0, x)))
    values = build.neg(build.add(rising, falling))
    if weight:
        values = build.mul(values, weight[0])  # type: ignore[arg-type]
    return reduced(values, str(reduction))


def _bounded_log(x: Expr) -> Expr:
    """``max(ln x, -100)`` without a gradient of 0/0 at 0; NaN outside [0, 1]."""
    positive = build.ne(x, 0.0)
    return build.where(
        positive, build.maximum(build.log(build.where(positive, x, 1.0)), -100), -100
    )


def bce_with_logits(x: Expr, y: Expr, *rest: object) -> Expr:
    """``(1 - y) z + (1 + (p - 1) y) softplus(-z)``: BCE of σ(z), stable for any z.

    ``rest`` is [weight], [pos_weight], flags, reduction; flags say which of the two are there.
    """
    *tensors, flags, reduction = rest
    check_pair("BCEWithLogitsLoss", x, y)
    given = dict(zip(str(flags), tensors, strict=True))
    soft = build.softplus(build.neg(x))
    if "p" in given:
        factor = build.add(build.mul(build.sub(given["p"], 1.0), y), 1.0)  # type: ignore[arg-type]
        soft = build.mul(soft, factor)
    values = build.add(build.mul(build.sub(1.0, y), x), soft)
    if "w" in given:
        values = build.mul(values, given["w"])  # type: ignore[arg-type]
    if values.shape != x.shape:
        what = tr(
            f"BCEWithLogitsLoss: the weights do not fit the prediction of shape {x.shape}.",
            f"BCEWithLogitsLoss：权重与形状为 {x.shape} 的预测不符。",
        )
        raise ShapeError(teach(what))
    return reduced(values, str(reduction))


# Classification


def cross_entropy(x: Expr, target: Expr, *rest: object) -> Expr:
    """``-ln softmax(x)[target]``; ``rest``: [weight], ignore_index, reduction, label_smoothing."""
    *weight, ignore_index, reduction, smoothing = rest
    _check_classes("CrossEntropyLoss", x, target)
    w = _class_weight("CrossEntropyLoss", x, weight)
    if target.dtype.kind == "float":
        log_p = build.log_softmax(x, _class_dim(x))
        return _soft(log_p, target, w, str(reduction), float(smoothing))  # type: ignore[arg-type]
    shifted, total = build.shifted_and_total(x, _class_dim(x))
    options = (int(ignore_index), str(reduction), float(smoothing))  # type: ignore
    return _hard(shifted, build.log(total), target, w, *options)


def nll(log_p: Expr, target: Expr, *rest: object) -> Expr:
    """``-log_p[target]``; ``rest``: [weight], ignore_index, reduction."""
    *weight, ignore_index, reduction = rest
    if target.dtype.kind == "float":
        _refuse_float_labels("NLLLoss", target)
    _check_classes("NLLLoss", log_p, target)
    w = _class_weight("NLLLoss", log_p, weight)
    return _hard(log_p, None, target, w, int(ignore_index), str(reduction), 0.0)  # type: ignore


def _class_dim(x: Expr) -> int:
    return 0 if x.ndim == 1 else 1


def _refuse_float_labels(name: str, target: Expr) -> None:
    what = tr(
        f"{name}: expected whole numbers as labels, found {target.dtype.name}.",
        f"{name}：标签应为整数，得到 {target.dtype.name}。",
    )
    raise DTypeError(teach(what, tr("convert: y.long()", "请转换：y.long()")))


def _check_classes(name: str, x: Expr, target: Expr) -> None:
    if x.dtype.kind != "float" or x.ndim == 0:
        what = tr(
            f"{name}: expected floating-point scores (N, C), found {x.dtype.name} {x.shape}.",
            f"{name}：需要形状 (N, C) 的浮点得分，得到 {x.dtype.name} {x.shape}。",
        )
        raise DTypeError(teach(what))
    dim = _class_dim(x)
    wanted = (*x.shape[:dim], *x.shape[dim + 1 :])
    if target.dtype.kind == "float":
        if target.shape == x.shape:
            return
        if target.shape == wanted:
            _refuse_float_labels(name, target)
    if target.shape == wanted and target.dtype.kind in ("int", "uint"):
        return
    what = tr(
        f"{name}: for scores {x.shape} expected labels {wanted} of int64"
        f" (or probabilities {x.shape}), got {target.dtype.name} {target.shape}.",
        f"{name}：得分形状为 {x.shape} 时，标签应为 int64 {wanted}"
        f"（或概率 {x.shape}），得到 {target.dtype.name} {target.shape}。",
    )
    if target.numel == math.prod(wanted):
        help = tr(f"use y.reshape{wanted}.long()", f"请用 y.reshape{wanted}.long()")
    else:
        help = tr("one label for every row of scores", "每一行得分对应一个标签")
    raise ShapeError(teach(what, help))


def _class_weight(name: str, x: Expr, weight: list) -> Expr | None:
    if not weight:
        return None
    classes = x.shape[_class_dim(x)]
    if weight[0].shape != (classes,):
        found = weight[0].shape
        what = tr(
            f"{name}: expected one weight for each of {classes} classes, got shape {found}.",
            f"{name}：{classes} 个类别各需一个权重，得到形状 {found}。",
        )
        raise ShapeError(teach(what))
    return _along_classes(build.cast(weight[0], x.dtype), x)


def _along_classes(values: Expr, x: Expr) -> Expr:
    """A vector over the classes, shaped to broadcast with the scores."""
    dim = _class_dim(x)
    return build.reshape(values, (*(1,) * dim, values.shape[0], *(1,) * (x.ndim - dim - 1)))


def _hard(
    scores: Expr,
    norm: Expr | None,
    target: Expr,
    weight: Expr | None,
    ignore: int,
    reduction: str,
    smoothing: float,
) -> Expr:
    """Labels as class numbers; log-probabilities are ``scores - norm`` (norm 0 for None).

    Of the scores only the label's is read. A label that names no class makes the loss NaN.
    """
    dim = _class_dim(scores)
    classes = scores.shape[dim]
    label = build.cast(target, int64)
    counted = build.ne(label, ignore)
    place = build.where(counted, label, 0)
    one = build.reshape(place, (*label.shape[:dim], 1, *label.shape[dim:]))
    picked = gather(scores, one, dim)
    values = build.neg(picked) if norm is None else build.sub(norm, picked)
    own = None
    if weight is not None:
        flat = build.reshape(weight, (classes,))
        own = build.reshape(lookup.take(flat, place, 0), values.shape)
        values = build.mul(values, own)
    if smoothing:
        log_p = scores if norm is None else build.sub(scores, norm)
        weighted = log_p if weight is None else build.mul(log_p, weight)
        rest = build.neg(build.sum_(weighted, dim, True))
        values = build.add(build.mul(values, 1.0 - smoothing), build.mul(rest, smoothing / classes))
    values = build.where(counted, build.reshape(values, label.shape), 0.0)
    if reduction != "mean":
        return reduced(values, reduction)
    share = build.cast(counted, scores.dtype)
    if own is not None:
        share = build.mul(share, build.reshape(own, label.shape))
    return build.div(build.sum_(values), build.sum_(share))


def _soft(log_p: Expr, target: Expr, weight: Expr | None, reduction: str, smoothing: float) -> Expr:
    """Labels as probabilities of the classes."""
    dim = _class_dim(log_p)
    classes = log_p.shape[dim]
    target = build.cast(target, log_p.dtype)
    if smoothing:
        target = build.add(build.mul(target, 1.0 - smoothing), smoothing / classes)
    weighted = log_p if weight is None else build.mul(log_p, weight)
    return reduced(build.neg(build.sum_(build.mul(weighted, target), dim)), reduction)


def kl_div(x: Expr, y: Expr, reduction: str, log_target: bool) -> Expr:
    """``y (ln y - x)`` where x is a log-probability; ``batchmean`` divides by the batch."""
    check_pair("KLDivLoss", x, y)
    if log_target:
        values = build.mul(build.exp(y), build.sub(y, x))
    else:
        there = build.ne(y, 0.0)
        entropy = build.mul(y, build.log(build.where(there, y, 1.0)))
        values = build.sub(build.where(there, entropy, 0.0), build.mul(y, x))
    if reduction == "batchmean":
        return build.div(build.sum_(values), float(x.shape[0] if x.ndim else 1))
    return reduced(values, reduction)


def poisson_nll(x: Expr, y: Expr, log_input: bool, full: bool, eps: float, reduction: str) -> Expr:
    """``eˣ - y x``, or ``x - y ln(x + ε)``; ``full`` adds Stirling's ``ln y!`` where y > 1."""
    x, y = build.to_float(x), build.to_float(y)
    check_pair("PoissonNLLLoss", x, y)
    if log_input:
        values = build.sub(build.exp(x), build.mul(y, x))
    else:
        values = build.sub(x, build.mul(y, build.log(build.add(x, eps))))
    if full:
        many = build.gt(y, 1.0)
        safe = build.where(many, y, 1.0)
        logs = build.log(safe)
        half = build.mul(build.add(logs, math.log(2 * math.pi)), 0.5)
        stirling = build.add(build.mul(safe, build.sub(logs, 1.0)), half)
        values = build.add(values, build.where(many, stirling, 0.0))
    return reduced(values, reduction)


def gaussian_nll(x: Expr, y: Expr, variance: Expr, full: bool, eps: float, reduction: str) -> Expr:
    """``(ln v + (x - y)²/v) / 2`` with v held above ε; the derivative is as if it were not."""
    shape = broadcast(x.shape, y.shape)
    if variance.shape != shape:
        if variance.shape == shape[:-1]:
            variance = build.reshape(variance, (*variance.shape, 1))
        sizes = list(zip(shape, variance.shape, strict=False))
        apart = [b for a, b in sizes if a != b]
        if variance.ndim != len(shape) or (apart and apart != [1]):
            what = tr(
                f"GaussianNLLLoss: a variance of shape {variance.shape} does not fit {shape}.",
                f"GaussianNLLLoss：方差形状 {variance.shape} 与 {shape} 不符。",
            )
            help = tr("give one for each value, or a last size of 1", "每个值一个，或最后一维为 1")
            raise ShapeError(teach(what, help))
    held = build.detach(build.sub(build.maximum(variance, eps), variance))
    v = build.add(variance, held)
    difference = build.sub(x, y)
    values = build.add(build.log(v), build.div(build.mul(difference, difference), v))
    values = build.mul(values, 0.5)
    return reduced(build.add(values, 0.5 * math.log(2 * math.pi)) if full else values, reduction)

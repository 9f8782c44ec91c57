"""Connectionist temporal classification: the probability of a text over all its alignments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import bool_, int64
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build, lookup
from glia.ir.expr import Expr
from glia.ir.ops.view import concat, expand, slice_
from glia.nn.loss_formulas import check_reduction, reduced
from glia.tensor.create import arange
from glia.tensor.scan import scan
from glia.tensor.tensor import Tensor, apply, as_tensor, to_numpy

#: The logarithm of "impossible": finite, so that no difference of two is NaN.
_NEVER = -1e30


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """``-ln p(text)``: p sums over all ways to stretch the text, with blanks, over the steps.

    One compiled loop over the steps computes it, and one the other way its derivative: the
    true one with respect to ``log_probs``. (PyTorch's is that of the scores before a
    log-softmax; behind ``log_softmax`` the two agree.)

    Args:
        log_probs: logarithms of probabilities of the classes at every step.
        targets: class numbers without blanks; rows, or all texts one after the other.
        input_lengths: how many steps each sequence has.
        target_lengths: how long each text is.
        blank: the class that stands for no label.
        reduction: ``"mean"`` divides each loss by its text's length before the mean.
        zero_infinity: whether a text too long for its steps costs 0 instead of infinity.

    Shape:
        log_probs (T, N, C), targets (N, S) or (sum of lengths), lengths (N) → () or (N);
        or log_probs (T, C), targets (S), lengths () → ().

    Raises:
        ShapeError: sizes that do not fit.
        ArgumentError: lengths or labels out of range, where they are known.

    Example:
        >>> import glia as gl
        >>> x = gl.nn.functional.log_softmax(gl.zeros(2, 1, 3), 2)
        >>> ctc_loss(x, gl.tensor([[1]]), [2], [1]).exp()  # 1 / (3 of 9 alignments)
        tensor(3.)

    Source: Graves et al., "Connectionist temporal classification" (2006).
    """
    check_reduction(reduction)
    single = log_probs.ndim == 2
    x = log_probs.unsqueeze(1) if single else log_probs
    if x.ndim != 3 or x.dtype.kind != "float":
        what = tr(
            f"ctc_loss: expected floating-point log_probs (T, N, C), found {x.dtype.name} "
            f"{log_probs.shape}.",
            f"ctc_loss：log_probs 应为浮点 (T, N, C)，得到 {x.dtype.name} {log_probs.shape}。",
        )
        raise ShapeError(teach(what))
    steps = _lengths("input_lengths", input_lengths, x.shape[1], x.shape[0])
    sizes = _lengths("target_lengths", target_lengths, x.shape[1], None)
    if not 0 <= blank < x.shape[2]:
        what = tr(
            f"ctc_loss: blank {blank} is none of {x.shape[2]} classes.",
            f"ctc_loss：blank {blank} 不在 {x.shape[2]} 个类别之中。",
        )
        raise ArgumentError(teach(what))
    labels = _rows(targets.unsqueeze(0) if single else targets, sizes, x.shape[1])
    emitted = apply(_emitted, (x, labels), blank)  # (T, N, 2 S + 1)
    skips = apply(_skips, (labels,), blank)
    start = apply(_start, (emitted,))

    def step(alpha: Tensor, now: tuple[Tensor, Tensor]) -> tuple[Tensor, None]:
        time, scores = now
        return apply(_step, (alpha, scores, skips, time, steps)), None

    alpha, _ = scan(step, start, (arange(x.shape[0]), emitted))
    losses = apply(_loss, (alpha, sizes), bool(zero_infinity), reduction)
    return losses.squeeze(0) if single and reduction == "none" else losses


def _lengths(name: str, lengths: Any, batch: int, most: int | None) -> Tensor:
    """One length for each sequence, none above ``most``."""
    if not isinstance(lengths, Tensor):
        lengths = Tensor(np.asarray(lengths, np.int64))
    if lengths.dtype.kind not in ("int", "uint") or lengths.shape not in ((batch,), (1,), ()):
        what = tr(
            f"ctc_loss: expected {batch} whole numbers as {name}, found {lengths.dtype.name} "
            f"{lengths.shape}.",
            f"ctc_loss：{name} 应为 {batch} 个整数，得到 {lengths.dtype.name} {lengths.shape}。",
        )
        raise ShapeError(teach(what, tr("one length for every sequence", "每个序列一个长度")))
    value = lengths._node.value
    if value is not None and value.slot.array.size:
        low, high = int(value.slot.array.min()), int(value.slot.array.max())
        if low < 0 or (most is not None and high > most):
            what = tr(
                f"ctc_loss: {name} from {low} to {high}, but there are {most} steps.",
                f"ctc_loss：{name} 在 {low} 到 {high} 之间，而共有 {most} 步。",
            )
            raise ArgumentError(teach(what))
    return lengths.to(int64).expand(batch)


def _rows(targets: Tensor, sizes: Tensor, batch: int) -> Tensor:
    """Targets (N, S); texts one after the other are set in rows, which needs their lengths."""
    if targets.dtype.kind not in ("int", "uint"):
        found = targets.dtype.name
        what = tr(
            f"ctc_loss: expected whole numbers as targets, found {found}.",
            f"ctc_loss：targets 应为整数，得到 {found}。",
        )
        raise DTypeError(teach(what, tr("convert: y.long()", "请转换：y.long()")))
    if targets.ndim == 2 and targets.shape[0] == batch:
        return targets.to(int64)
    counts = to_numpy(sizes)
    if targets.ndim != 1 or targets.shape[0] != counts.sum():
        what = tr(
            f"ctc_loss: expected targets ({batch}, S) or ({counts.sum()}), got {targets.shape}.",
            f"ctc_loss：targets 应为 ({batch}, S) 或 ({counts.sum()})，得到 {targets.shape}。",
        )
        raise ShapeError(teach(what))
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])[:, None]
    longest = int(counts.max()) if batch else 0
    places = np.minimum(first + np.arange(longest), max(targets.shape[0] - 1, 0))
    if not targets.shape[0]:
        return as_tensor(np.zeros((batch, 0), np.int64))
    return apply(_take_rows, (targets.to(int64), as_tensor(places)))


def _take_rows(targets: Expr, places: Expr) -> Expr:
    return lookup.take(targets, places, 0)


def _with_blanks(labels: Expr, blank: int) -> Expr:
    """A blank before, between and after the labels: (N, 2 S + 1)."""
    batch, size = labels.shape
    pairs = concat(
        [
            build.full((batch, size, 1), blank, int64),
            build.reshape(labels, (batch, size, 1)),
        ],
        2,
    )
    flat = build.reshape(pairs, (batch, 2 * size))
    return concat([flat, build.full((batch, 1), blank, int64)], 1)


def _emitted(x: Expr, labels: Expr, blank: int) -> Expr:
    """At every step the score of every place of the text with blanks. Padding may be any number."""
    steps, _, classes = x.shape
    path = _with_blanks(labels, blank)
    known = lookup.inside(path, classes)
    path = build.where(known, path, 0)
    wide = expand(build.reshape(path, (1, *path.shape)), (steps, *path.shape))
    return build.maximum(lookup.take_along(x, wide, 2), _NEVER)


def _skips(labels: Expr, blank: int) -> Expr:
    """Whether a place can be reached from the one before its blank: two labels that differ."""
    path = _with_blanks(labels, blank)
    batch, size = path.shape
    if size < 3:
        return build.full((batch, size), False, bool_)
    before = slice_(path, (0, 0), (batch, size - 2), (1, 1))
    here = slice_(path, (0, 2), (batch, size), (1, 1))
    differ = build.mul(build.ne(here, before), build.ne(here, blank))
    return concat([build.full((batch, 2), False, bool_), differ], 1)


def _start(emitted: Expr) -> Expr:
    """Before the first step: as if one stood on a blank before the text."""
    _, batch, size = emitted.shape
    first = build.full((batch, 1), 0.0, emitted.dtype)
    if size == 1:
        return first
    return concat([first, build.full((batch, size - 1), _NEVER, emitted.dtype)], 1)


def _moved(alpha: Expr, by: int) -> Expr:
    batch, size = alpha.shape
    blank = build.full((batch, min(by, size)), _NEVER, alpha.dtype)
    if by >= size:
        return blank
    return concat([blank, slice_(alpha, (0, 0), (batch, size - by), (1, 1))], 1)


def _step(alpha: Expr, scores: Expr, skips: Expr, time: Expr, steps: Expr) -> Expr:
    """``α'ₛ = emittedₛ + ln(e^αₛ + e^αₛ₋₁ + [may skip] e^αₛ₋₂)``; sequences that ended stay."""
    one = _moved(alpha, 1)
    two = build.where(skips, _moved(alpha, 2), _NEVER)
    top = build.detach(build.maximum(build.maximum(alpha, one), two))
    total = build.exp(build.sub(alpha, top))
    for other in (one, two):
        total = build.add(total, build.exp(build.sub(other, top)))
    new = build.add(build.add(build.log(total), top), scores)
    going = build.lt(time, build.reshape(steps, (steps.shape[0], 1)))
    return build.where(going, new, alpha)


def _loss(alpha: Expr, sizes: Expr, zero_infinity: bool, reduction: str) -> Expr:
    """The text may end on its last label or on the blank behind it."""
    batch = alpha.shape[0]
    last = build.reshape(build.mul(sizes, 2), (batch, 1))
    empty = build.eq(last, 0)
    ends = [
        lookup.take_along(alpha, last, 1),
        build.where(
            empty,
            _NEVER,
            lookup.take_along(alpha, build.where(empty, 0, build.sub(last, 1)), 1),
        ),
    ]
    losses = build.neg(build.reshape(build.logsumexp(concat(ends, 1), 1), (batch,)))
    infinite = 0.0 if zero_infinity else float("inf")
    losses = build.where(build.gt(losses, -0.1 * _NEVER), infinite, losses)
    if reduction == "mean":
        counts = build.cast(build.maximum(sizes, 1), losses.dtype)
        return build.mean(build.div(losses, counts))
    return reduced(losses, reduction)

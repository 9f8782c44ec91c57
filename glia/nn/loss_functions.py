"""Losses as functions; ``glia.nn.functional`` has them under PyTorch's names."""

from __future__ import annotations

from glia.nn import loss_formulas as _l
from glia.nn.functional_checks import check_probability
from glia.tensor.tensor import Tensor, apply


def _given(*tensors: Tensor | None) -> tuple[Tensor, ...]:
    return tuple(t for t in tensors if t is not None)


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return apply(_l.mse, (input, target), _l.check_reduction(reduction))


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return apply(_l.l1, (input, target), _l.check_reduction(reduction))


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    return apply(_l.huber, (input, target), _l.check_reduction(reduction), float(delta), 1.0)


def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    if beta == 0:
        return l1_loss(input, target, reduction)
    attrs = (_l.check_reduction(reduction), float(beta), 1.0 / beta)
    return apply(_l.huber, (input, target), *attrs)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    tensors = (input, target) if weight is None else (input, target, weight)
    check_probability("label_smoothing", label_smoothing)
    attrs = (ignore_index, _l.check_reduction(reduction), float(label_smoothing))
    return apply(_l.cross_entropy, tensors, *attrs)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    tensors = (input, target, *_given(weight))
    return apply(_l.nll, tensors, ignore_index, _l.check_reduction(reduction))


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    return apply(_l.bce, (input, target, *_given(weight)), _l.check_reduction(reduction))


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    flags = ("" if weight is None else "w") + ("" if pos_weight is None else "p")
    tensors = (input, target, *_given(weight, pos_weight))
    return apply(_l.bce_with_logits, tensors, flags, _l.check_reduction(reduction))


def kl_div(
    input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    if reduction != "batchmean":
        _l.check_reduction(reduction)
    return apply(_l.kl_div, (input, target), reduction, bool(log_target))

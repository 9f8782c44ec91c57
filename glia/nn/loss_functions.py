"""Losses as functions; ``glia.nn.functional`` has them under PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import loss_formulas as _l
from glia.nn.functional_checks import check_probability
from glia.nn.linear_functions import linear
from glia.tensor.node import tracer
from glia.tensor.tensor import Tensor, apply


def _given(*tensors: Tensor | None) -> tuple[Tensor, ...]:
    return tuple(t for t in tensors if t is not None)


def mse_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """``(x - y)²``; a weighted mean is ``Σ w (x - y)² / Σ w``.

    >>> import glia as gl
    >>> x, y = gl.tensor([1.0, 2.0]), gl.tensor([0.0, 4.0])
    >>> mse_loss(x, y), mse_loss(x, y, weight=gl.tensor([3.0, 1.0]))
    (tensor(2.5), tensor(1.75))
    """
    return apply(_l.mse, (input, target, *_given(weight)), _l.check_reduction(reduction))


def l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """``|x - y|``; a weighted mean is ``Σ w |x - y| / Σ w``.

    >>> import glia as gl
    >>> l1_loss(gl.tensor([1.0, 2.0]), gl.tensor([0.0, 4.0]), reduction="none")
    tensor([1., 2.])
    """
    return apply(_l.l1, (input, target, *_given(weight)), _l.check_reduction(reduction))


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """``d²/2`` where ``d = |x - y| < δ``, else ``δ (d - δ/2)``. Source: Huber (1964).

    >>> import glia as gl
    >>> huber_loss(gl.tensor([0.5, 4.0]), gl.zeros(2), reduction="none", delta=2.0)
    tensor([0.125, 6.   ])
    """
    attrs = (_l.check_reduction(reduction), float(delta), 1.0)
    return apply(_l.huber, (input, target, *_given(weight)), *attrs)


def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Huber's loss with δ = beta, divided by beta.

    >>> import glia as gl
    >>> smooth_l1_loss(gl.tensor([0.5, 4.0]), gl.zeros(2), reduction="none", beta=2.0)
    tensor([0.0625, 3.    ])
    """
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
    """``-ln softmax(x)[y]``; see :class:`glia.nn.CrossEntropyLoss`.

    >>> import glia as gl
    >>> cross_entropy(gl.tensor([[1.0, 2.0, 3.0]]), gl.tensor([2]))
    tensor(0.4076)
    >>> cross_entropy(gl.zeros(2, 3), gl.tensor([0, -100]), reduction="none")
    tensor([1.0986, 0.    ])
    """
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
    """``-x[y]`` for log-probabilities x; options as in ``cross_entropy``.

    >>> import glia as gl
    >>> nll_loss(gl.tensor([[-1.0, -2.0], [-3.0, -4.0]]), gl.tensor([0, 1]))
    tensor(2.5)
    """
    tensors = (input, target, *_given(weight))
    return apply(_l.nll, tensors, ignore_index, _l.check_reduction(reduction))


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """``-(y ln x + (1 - y) ln(1 - x))`` for probabilities x; logarithms held above -100.

    >>> import glia as gl
    >>> binary_cross_entropy(gl.tensor([0.5, 0.0]), gl.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.6931, 100.    ])
    """
    return apply(_l.bce, (input, target, *_given(weight)), _l.check_reduction(reduction))


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross entropy of ``σ(z)``, exact for any z; ``pos_weight`` weighs the positive.

    >>> import glia as gl
    >>> z = gl.tensor([0.0, 1000.0])
    >>> binary_cross_entropy_with_logits(z, gl.tensor([1.0, 0.0]), reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    flags = ("" if weight is None else "w") + ("" if pos_weight is None else "p")
    tensors = (input, target, *_given(weight, pos_weight))
    return apply(_l.bce_with_logits, tensors, flags, _l.check_reduction(reduction))


def kl_div(
    input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """``y (ln y - x)`` for log-probabilities x; ``"batchmean"`` is the mathematical mean.

    >>> import glia as gl
    >>> q, p = gl.tensor([[0.5, 0.5]]), gl.tensor([[1.0, 0.0]])
    >>> kl_div(q.log(), p, reduction="batchmean")
    tensor(0.6931)
    """
    if reduction != "batchmean":
        _l.check_reduction(reduction)
    return apply(_l.kl_div, (input, target), reduction, bool(log_target))


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """``eˣ - y x`` for the logarithm x of a rate; see :class:`glia.nn.PoissonNLLLoss`.

    >>> import glia as gl
    >>> poisson_nll_loss(gl.tensor([0.0, 0.0]), gl.tensor([0.0, 3.0]), reduction="none")
    tensor([1., 1.])
    """
    attrs = (bool(log_input), bool(full), float(eps), _l.check_reduction(reduction))
    return apply(_l.poisson_nll, (input, target), *attrs)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """``(ln v + (x - y)²/v) / 2``; see :class:`glia.nn.GaussianNLLLoss`.

    >>> import glia as gl
    >>> gaussian_nll_loss(gl.tensor([1.0]), gl.tensor([3.0]), gl.tensor([4.0]))
    tensor(1.1931)
    """
    if not isinstance(var, Tensor):
        var = Tensor(np.full(input.shape, var, input.dtype.np))
    value = var._node.value
    if value is not None and tracer() is None and (value.slot.array < 0).any():
        what = tr("gaussian_nll_loss: a variance is negative.", "gaussian_nll_loss：方差为负。")
        raise ArgumentError(teach(what, tr("give exp of what is learnt", "请对学习的量取 exp")))
    attrs = (bool(full), float(eps), _l.check_reduction(reduction))
    return apply(_l.gaussian_nll, (input, target, var), *attrs)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """``cross_entropy(x Wᵀ + b, y)``: a last layer and its loss.

    Args:
        input: (in_features) or (N, in_features).
        linear_weight: (C, in_features), or (C, d₁, …, in_features) for targets (N, d₁, …).
        target: class numbers, or probabilities.
        linear_bias: of the weight's shape without in_features.
        weight, reduction, label_smoothing: as in ``cross_entropy``.
        ignore_index: None is -100.
        options: only None.

    Example:
        >>> import glia as gl
        >>> linear_cross_entropy(gl.zeros(2, 3), gl.zeros(4, 3), gl.tensor([0, 3]))
        tensor(1.3863)
    """
    if options is not None:
        what = tr(
            "linear_cross_entropy: options are not offered.",
            "linear_cross_entropy：不支持 options。",
        )
        raise ArgumentError(teach(what, tr("leave them out", "请去掉 options")))
    classes = linear_weight.shape[:-1]
    flat = linear_weight.reshape(-1, linear_weight.shape[-1])
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    scores = linear(input, flat, bias).reshape(*input.shape[:-1], *classes)
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(scores, target, weight, ignored, reduction, label_smoothing)

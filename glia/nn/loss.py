"""Losses as modules. Prediction and target must have one shape: nothing broadcasts."""

from __future__ import annotations

from glia.nn import functional as F
from glia.nn.functional_checks import check_probability
from glia.nn.loss_formulas import check_reduction
from glia.nn.module import Module
from glia.tensor.tensor import Tensor


class _Loss(Module):
    """A loss reduced to its mean, its sum, or not at all."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = check_reduction(reduction)


class MSELoss(_Loss):
    """``mean (x - y)²``.

    Example:
        >>> import glia as gl
        >>> gl.nn.MSELoss()(gl.tensor([1.0, 2.0]), gl.tensor([0.0, 4.0])).item()
        2.5
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """``mean |x - y|``."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class HuberLoss(_Loss):
    """``d²/2`` where ``d = |x - y| < δ``, else ``δ (d - δ/2)``. Source: Huber (1964)."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(_Loss):
    """Huber's loss with δ = beta, divided by beta."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class BCELoss(_Loss):
    """``-(y ln x + (1 - y) ln(1 - x))`` for probabilities x; logarithms held above -100."""

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """BCE of σ(z), stable for any z: ``(1 - y) z + (1 + (p - 1) y) ln(1 + e⁻ᶻ)``.

    Args:
        weight: a factor for every element.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        pos_weight: p, the weight of positive examples, one per class.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )


class CrossEntropyLoss(_Loss):
    """``-ln softmax(x)[y]`` for scores x and class numbers y, or ``-Σ y ln softmax(x)``.

    Args:
        weight: a factor for every class; the mean divides by the sum of those used.
        ignore_index: rows with this label count nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: ε; the target becomes ``(1 - ε) y + ε / C``.

    Shape:
        scores (N, C) or (N, C, d₁, …) or (C); labels (N), (N, d₁, …) or () of an integer dtype,
        or probabilities of the scores' shape.

    Example:
        >>> import glia as gl
        >>> loss = gl.nn.CrossEntropyLoss()(gl.tensor([[1.0, 2.0, 3.0]]), gl.tensor([2]))
        >>> round(loss.item(), 6)
        0.407606

    Numerics:
        a label that names no class makes the loss NaN.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = check_probability("label_smoothing", label_smoothing)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class NLLLoss(_Loss):
    """``-x[y]`` for log-probabilities x and class numbers y; options as in CrossEntropyLoss."""

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class KLDivLoss(Module):
    """``y (ln y - x)`` for log-probabilities x; ``"batchmean"`` is the mathematical mean."""

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__()
        self.reduction, self.log_target = reduction, log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, self.reduction, self.log_target)

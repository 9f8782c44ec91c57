"""Losses as modules. Prediction and target must have one shape: nothing broadcasts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glia.nn import functional as F
from glia.nn.functional_checks import check_probability
from glia.nn.linear import Linear, check_count
from glia.nn.loss_formulas import check_reduction
from glia.nn.module import Module
from glia.tensor.tensor import Tensor


class Reduced(Module):
    """A loss reduced to its mean, its sum, or not at all."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = check_reduction(reduction)


class MSELoss(Reduced):
    """``mean (x - y)²``.

    Example:
        >>> import glia as gl
        >>> gl.nn.MSELoss()(gl.tensor([1.0, 2.0]), gl.tensor([0.0, 4.0])).item()
        2.5
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class L1Loss(Reduced):
    """``mean |x - y|``.

    Example:
        >>> import glia as gl
        >>> gl.nn.L1Loss()(gl.tensor([1.0, 2.0]), gl.tensor([0.0, 4.0]))
        tensor(1.5)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class HuberLoss(Reduced):
    """``d²/2`` where ``d = |x - y| < δ``, else ``δ (d - δ/2)``. Source: Huber (1964).

    Example:
        >>> import glia as gl
        >>> gl.nn.HuberLoss("none", delta=2.0)(gl.tensor([0.5, 4.0]), gl.zeros(2))
        tensor([0.125, 6.   ])
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(Reduced):
    """Huber's loss with δ = beta, divided by beta.

    Example:
        >>> import glia as gl
        >>> gl.nn.SmoothL1Loss("none", beta=2.0)(gl.tensor([0.5, 4.0]), gl.zeros(2))
        tensor([0.0625, 3.    ])
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class BCELoss(Reduced):
    """``-(y ln x + (1 - y) ln(1 - x))`` for probabilities x; logarithms held above -100.

    Example:
        >>> import glia as gl
        >>> loss_fn = gl.nn.BCELoss(reduction="none")
        >>> loss_fn(gl.tensor([0.5, 0.0]), gl.tensor([1.0, 1.0]))
        tensor([  0.6931, 100.    ])
    """

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(Reduced):
    """BCE of σ(z), stable for any z: ``(1 - y) z + (1 + (p - 1) y) ln(1 + e⁻ᶻ)``.

    Args:
        weight: a factor for every element.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        pos_weight: p, the weight of positive examples, one per class.

    Example:
        >>> import glia as gl
        >>> loss_fn = gl.nn.BCEWithLogitsLoss(reduction="none")
        >>> loss_fn(gl.tensor([0.0, 1000.0]), gl.tensor([1.0, 0.0]))
        tensor([6.9315e-01, 1.0000e+03])
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


class CrossEntropyLoss(Reduced):
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


class NLLLoss(Reduced):
    """``-x[y]`` for log-probabilities x and class numbers y; options as in CrossEntropyLoss.

    Example:
        >>> import glia as gl
        >>> loss_fn = gl.nn.NLLLoss()
        >>> loss_fn(gl.tensor([[-1.0, -2.0], [-3.0, -4.0]]), gl.tensor([0, 1]))
        tensor(2.5)
    """

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class KLDivLoss(Module):
    """``y (ln y - x)`` for log-probabilities x; ``"batchmean"`` is the mathematical mean.

    Example:
        >>> import glia as gl
        >>> q, p = gl.tensor([[0.5, 0.5]]), gl.tensor([[1.0, 0.0]])
        >>> gl.nn.KLDivLoss("batchmean")(q.log(), p)
        tensor(0.6931)
    """

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__()
        self.reduction, self.log_target = reduction, log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, self.reduction, self.log_target)


class PoissonNLLLoss(Reduced):
    """``eˣ - y x``: the count y is Poisson with rate eˣ; without ``log_input`` the rate is x.

    Args:
        log_input: whether x is the logarithm of the rate; else the loss is ``x - y ln(x + ε)``.
        full: whether to add Stirling's approximation of ``ln y!`` where y > 1.
        eps: ε.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example:
        >>> import glia as gl
        >>> gl.nn.PoissonNLLLoss(reduction="none")(gl.zeros(2), gl.tensor([0.0, 3.0]))
        tensor([1., 1.])
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        options = (self.log_input, self.full, self.eps, self.reduction)
        return F.poisson_nll_loss(log_input, target, *options)


class GaussianNLLLoss(Reduced):
    """``(ln v + (x - y)²/v) / 2``: the target y is normal around x with variance v.

    Args:
        full: whether to add ``ln(2π) / 2``.
        eps: the variance is held above it; the derivative is as if it were not.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Shape:
        input and target (…, D), var the same, or with a last size of 1, or without the last.

    Example:
        >>> import glia as gl
        >>> gl.nn.GaussianNLLLoss()(gl.tensor([1.0]), gl.tensor([3.0]), gl.tensor([4.0]))
        tensor(1.1931)

    Source: Nix and Weigend, "Estimating the mean and variance of the target" (1994).
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class CTCLoss(Reduced):
    """``-ln p(text)`` over all alignments of a text with a sequence; see :func:`F.ctc_loss`.

    Example:
        >>> import glia as gl
        >>> x = gl.full((2, 1, 3), 1 / 3).log()  # two places, three equally likely letters
        >>> gl.nn.CTCLoss()(x, gl.tensor([[1]]), [2], [1])  # -ln 3/9: of the paths 01, 10 and 11
        tensor(1.0986)
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor | Sequence[int],
        target_lengths: Tensor | Sequence[int],
    ) -> Tensor:
        options = (self.blank, self.reduction, self.zero_infinity)
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, *options)


class LinearCrossEntropyLoss(Reduced):
    """``cross_entropy(x Wᵀ + b, y)``: a last layer, ``linear``, and its loss.

    Args:
        in_features: size of x.
        num_classes: C.
        out_features: sizes d₁, … of several targets for each x.
        bias: whether there is b.
        reduction, weight, ignore_index, label_smoothing: as in CrossEntropyLoss; an
            ``ignore_index`` of None is -100.
        options: only None.

    Shape:
        (N, in_features) and (N, d₁, …) or (N, C, d₁, …) → () or (N, d₁, …).

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.LinearCrossEntropyLoss(3, 4)
        >>> layer(gl.zeros(2, 3), gl.tensor([0, 3])), layer.linear.weight.shape
        (tensor(1.3863, requires_grad=True), (4, 3))
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.num_classes = check_count("LinearCrossEntropyLoss", "num_classes", num_classes)
        self.out_features = tuple(out_features)
        self.ignore_index = ignore_index
        self.label_smoothing = check_probability("label_smoothing", label_smoothing)
        self.linear = Linear(
            in_features, math.prod(self.out_features, start=num_classes), bias, dtype
        )
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        shape = (self.num_classes, *self.out_features)
        bias = None if self.linear.bias is None else self.linear.bias.reshape(shape)
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=bias,
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        fields = {
            "in_features": self.linear.in_features,
            "num_classes": self.num_classes,
            "out_features": self.out_features,
            "bias": self.linear.bias is not None,
            "reduction": self.reduction,
            "ignore_index": self.ignore_index,
            "label_smoothing": self.label_smoothing,
            "options": self.options,
        }
        return ", ".join(f"{name}={value}" for name, value in fields.items())

"""Losses with margins as modules. Nothing broadcasts, but where the text says so."""

from __future__ import annotations

from collections.abc import Callable

from glia.nn import functional as F
from glia.nn.distance import PairwiseDistance
from glia.nn.loss import Reduced
from glia.nn.margin_formulas import check_margin
from glia.tensor.tensor import Tensor


class HingeEmbeddingLoss(Reduced):
    """``x`` where y = 1, ``max(0, margin - x)`` where y = -1: x is a distance.

    Example:
        >>> import glia as gl
        >>> loss_fn = gl.nn.HingeEmbeddingLoss(reduction="none")
        >>> loss_fn(gl.tensor([2.0, 0.25]), gl.tensor([1, -1]))
        tensor([2.  , 0.75])
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, self.reduction)


class SoftMarginLoss(Reduced):
    """``ln(1 + e^(-y x))`` for targets of -1 and 1, exact for any x.

    Example:
        >>> import glia as gl
        >>> loss_fn = gl.nn.SoftMarginLoss("none")
        >>> loss_fn(gl.tensor([0.0, -1000.0]), gl.tensor([1, 1]))
        tensor([6.9315e-01, 1.0000e+03])
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, self.reduction)


class MarginRankingLoss(Reduced):
    """``max(0, -t (x₁ - x₂) + margin)``: with t = 1 the first should be larger, with -1 smaller.

    Example:
        >>> import glia as gl
        >>> x, y = gl.tensor([1.0, 2.0]), gl.tensor([2.0, 1.0])
        >>> gl.nn.MarginRankingLoss(reduction="none")(x, y, gl.tensor([1, 1]))
        tensor([1., 0.])
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class CosineEmbeddingLoss(Reduced):
    """``1 - cos(x₁, x₂)`` where t = 1, ``max(0, cos - margin)`` where t = -1.

    Shape:
        (N, D), (N, D), (N) → (); or (D), (D), () → ().

    Example:
        >>> import glia as gl
        >>> x, y = gl.tensor([[1.0, 0.0], [1.0, 0.0]]), gl.tensor([[0.0, 2.0], [3.0, 0.0]])
        >>> gl.nn.CosineEmbeddingLoss(reduction="none")(x, y, gl.tensor([1, -1]))
        tensor([1., 1.])
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class MultiMarginLoss(Reduced):
    """``Σⱼ max(0, margin - x[y] + x[j])ᵖ / C`` over the classes j ≠ y, times the weight of y.

    Shape:
        scores (N, C) or (C), labels (N) or ().

    Example:
        >>> import glia as gl
        >>> gl.nn.MultiMarginLoss()(gl.tensor([[0.1, 0.2, 0.4, 0.8]]), gl.tensor([3]))
        tensor(0.325)
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.p, self.margin = p, margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        options = (self.p, self.margin, self.weight, self.reduction)
        return F.multi_margin_loss(input, target, *options)


class MultiLabelMarginLoss(Reduced):
    """``Σ max(0, 1 - (x[y] - x[j])) / C`` over the labels y of a row and all other classes j.

    Shape:
        scores and labels (N, C) or (C); -1 ends the labels of a row.

    Example:
        >>> import glia as gl
        >>> x = gl.tensor([0.1, 0.2, 0.4, 0.8])
        >>> gl.nn.MultiLabelMarginLoss()(x, gl.tensor([3, 0, -1, 1]))  # labels 3 and 0
        tensor(0.85)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, self.reduction)


class MultiLabelSoftMarginLoss(Reduced):
    """``-mean(y ln σ(x) + (1 - y) ln σ(-x))`` over the classes, each with its weight.

    Example:
        >>> import glia as gl
        >>> loss_fn = gl.nn.MultiLabelSoftMarginLoss()
        >>> loss_fn(gl.tensor([[0.0, 1000.0]]), gl.tensor([[1.0, 1.0]]))  # (ln 2 + 0) / 2
        tensor(0.3466)
    """

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)


class TripletMarginLoss(Reduced):
    """``max(0, ‖a - p + ε‖ - ‖a - n + ε‖ + margin)``; see :func:`F.triplet_margin_loss`.

    Example:
        >>> import glia as gl
        >>> a, p, n = gl.tensor([[0.0]]), gl.tensor([[1.0]]), gl.tensor([[3.0]])
        >>> gl.nn.TripletMarginLoss(margin=4)(a, p, n)
        tensor(2.)

    Source: Balntas et al., "Learning local feature descriptors with triplets" (2016).
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.margin = check_margin("TripletMarginLoss", margin)
        self.p, self.eps, self.swap = p, eps, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        options = (self.margin, self.p, self.eps, self.swap, self.reduction)
        return F.triplet_margin_loss(anchor, positive, negative, *options)


class TripletMarginWithDistanceLoss(Reduced):
    """``max(0, d(a, p) - d(a, n) + margin)`` with a distance of your own.

    Example:
        >>> import glia as gl
        >>> loss_fn = gl.nn.TripletMarginWithDistanceLoss(
        ...     distance_function=lambda x, y: (x - y).abs().sum(-1), margin=4
        ... )
        >>> loss_fn(gl.tensor([[0.0]]), gl.tensor([[1.0]]), gl.tensor([[3.0]]))
        tensor(2.)
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.distance_function = (
            PairwiseDistance() if distance_function is None else distance_function
        )
        self.margin = check_margin("TripletMarginWithDistanceLoss", margin)
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )

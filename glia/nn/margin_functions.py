"""Losses with margins as functions; ``glia.nn.functional`` has them under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import margin_formulas as _m
from glia.nn.distance_functions import pairwise_distance
from glia.nn.loss_formulas import check_reduction
from glia.tensor.tensor import Tensor, apply

Distance = Callable[[Tensor, Tensor], Tensor]


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """``x`` where y = 1, ``max(0, margin - x)`` where y = -1.

    >>> import glia as gl
    >>> hinge_embedding_loss(gl.tensor([2.0, 0.25]), gl.tensor([1, -1]), reduction="none")
    tensor([2.  , 0.75])
    """
    attrs = (float(margin), check_reduction(reduction))
    return apply(_m.hinge_embedding, (input, target), *attrs)


def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """``ln(1 + e^(-y x))`` for targets of -1 and 1, exact for any x.

    >>> import glia as gl
    >>> soft_margin_loss(gl.tensor([0.0, -1000.0]), gl.tensor([1, 1]), reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    return apply(_m.soft_margin, (input, target), check_reduction(reduction))


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, reduction: str = "mean"
) -> Tensor:
    """``max(0, -t (x₁ - x₂) + margin)``: with t = 1 the first should be larger.

    >>> import glia as gl
    >>> x, y = gl.tensor([1.0, 2.0]), gl.tensor([2.0, 1.0])
    >>> margin_ranking_loss(x, y, gl.tensor([1, 1]), reduction="none")
    tensor([1., 0.])
    """
    attrs = (float(margin), check_reduction(reduction))
    return apply(_m.margin_ranking, (input1, input2, target), *attrs)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, reduction: str = "mean"
) -> Tensor:
    """``1 - cos(x₁, x₂)`` where t = 1, ``max(0, cos - margin)`` where t = -1.

    Shape:
        (N, D), (N, D), (N) → (); or (D), (D), () → ().

    Example:
        >>> import glia as gl
        >>> x, y = gl.tensor([[1.0, 0.0], [1.0, 0.0]]), gl.tensor([[0.0, 2.0], [3.0, 0.0]])
        >>> cosine_embedding_loss(x, y, gl.tensor([1, -1]), reduction="none")
        tensor([1., 1.])
    """
    attrs = (float(margin), check_reduction(reduction))
    return apply(_m.cosine_embedding, (input1, input2, target), *attrs)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``Σⱼ max(0, margin - x[y] + x[j])ᵖ / C`` over the classes j ≠ y, times the weight of y.

    >>> import glia as gl
    >>> multi_margin_loss(gl.tensor([[0.1, 0.2, 0.4, 0.8]]), gl.tensor([3]))
    tensor(0.325)
    """
    if p not in (1, 2):
        what = tr(
            f"multi_margin_loss: expected p of 1 or 2, found {p}.",
            f"multi_margin_loss：p 应为 1 或 2，得到 {p}。",
        )
        raise ArgumentError(teach(what))
    tensors = (input, target) if weight is None else (input, target, weight)
    return apply(_m.multi_margin, tensors, int(p), float(margin), check_reduction(reduction))


def multilabel_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """``Σ max(0, 1 - (x[y] - x[j])) / C`` over the labels y of a row and all other classes j.

    A row of the target holds class numbers; -1 ends it where it is shorter.

    >>> import glia as gl
    >>> x = gl.tensor([[0.1, 0.2, 0.4, 0.8]])
    >>> multilabel_margin_loss(x, gl.tensor([[3, 0, -1, 1]]))
    tensor(0.85)
    """
    return apply(_m.multilabel_margin, (input, target), check_reduction(reduction))


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """``-mean(y ln σ(x) + (1 - y) ln σ(-x))`` over the classes, exact for any x.

    >>> import glia as gl
    >>> x = gl.tensor([[0.0, 1000.0]])
    >>> multilabel_soft_margin_loss(x, gl.tensor([[1.0, 1.0]]))  # (ln 2 + 0) / 2
    tensor(0.3466)
    """
    tensors = (input, target) if weight is None else (input, target, weight)
    return apply(_m.multilabel_soft_margin, tensors, check_reduction(reduction))


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, ‖a - p + ε‖ - ‖a - n + ε‖ + margin)``.

    With ``swap`` the smaller of ‖a - n‖ and ‖p - n‖ stands for the second distance.

    >>> import glia as gl
    >>> a, p, n = gl.tensor([[0.0]]), gl.tensor([[1.0]]), gl.tensor([[3.0]])
    >>> triplet_margin_loss(a, p, n, margin=4)
    tensor(2.)
    >>> triplet_margin_loss(a, p, n, margin=4, swap=True)
    tensor(3.)

    Source: Balntas et al., "Learning local feature descriptors with triplets" (2016).
    """
    margin = _m.check_margin("triplet_margin_loss", margin)
    attrs = (margin, float(p), float(eps), bool(swap), check_reduction(reduction))
    return apply(_m.triplet, (anchor, positive, negative), *attrs)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Distance | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, d(a, p) - d(a, n) + margin)`` with a distance of your own.

    >>> import glia as gl
    >>> a, p, n = gl.tensor([[0.0]]), gl.tensor([[1.0]]), gl.tensor([[3.0]])
    >>> distance = lambda x, y: (x - y).abs().sum(-1)
    >>> triplet_margin_with_distance_loss(a, p, n, distance_function=distance, margin=4)
    tensor(2.)
    """
    margin = _m.check_margin("triplet_margin_with_distance_loss", margin)
    check_reduction(reduction)
    for other in (positive, negative):
        _m.check_triplet(anchor._node.expr, other._node.expr)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return apply(_m.from_distances, (near, far), margin, reduction)

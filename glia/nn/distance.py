"""Distances as modules."""

from __future__ import annotations

from glia.nn import functional as F
from glia.nn.module import Module
from glia.tensor.tensor import Tensor


class PairwiseDistance(Module):
    """``‖x₁ - x₂ + ε‖ₚ`` over the last dimension.

    Example:
        >>> import glia as gl
        >>> x, y = gl.tensor([[0.0, 0.0]]), gl.tensor([[3.0, 4.0]])
        >>> gl.nn.PairwiseDistance()(x, y), gl.nn.PairwiseDistance(p=1, keepdim=True)(x, y)
        (tensor([5.]), tensor([[7.]]))
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """``x₁·x₂ / (max(‖x₁‖, ε) max(‖x₂‖, ε))`` along ``dim``.

    Example:
        >>> import glia as gl
        >>> x, y = gl.tensor([[1.0, 0.0], [0.0, 0.0]]), gl.tensor([[3.0, 4.0], [1.0, 1.0]])
        >>> gl.nn.CosineSimilarity()(x, y)
        tensor([0.6, 0. ])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)

"""Softmax over many classes, the rare ones in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.nn import functional as F
from glia.nn.containers import ModuleList, Sequential
from glia.nn.linear import Linear, check_count
from glia.nn.module import Module
from glia.tensor.create import cat
from glia.tensor.tensor import Tensor


class AdaptiveLogSoftmax(NamedTuple):
    """The log-probability of each label, and minus their mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """``ln p(y)``: frequent classes directly, rare ones as ``ln p(cluster) + ln p(y | cluster)``.

    Classes are to be numbered by falling frequency. A cluster's scores go through fewer
    features, ``in_features / div_valueⁱ``, the rarer it is. Every cluster is computed for every
    row.

    Args:
        in_features: size of the input.
        n_classes: number of classes.
        cutoffs: where the clusters begin: rising numbers below ``n_classes``.
        div_value: by how much each cluster has fewer features.
        head_bias: whether the scores of frequent classes and clusters have a bias.

    Shape:
        (N, in_features) and labels (N), or (in_features) and () → output (N) or (), loss ().

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4, 10])
        >>> layer(gl.zeros(2, 16), gl.tensor([3, 15])).output.shape
        (2,)

    Source: Grave et al., "Efficient softmax approximation for GPUs" (2016).
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_features = check_count("AdaptiveLogSoftmaxWithLoss", "in_features", in_features)
        self.n_classes = check_count("AdaptiveLogSoftmaxWithLoss", "n_classes", n_classes)
        ends = list(cutoffs)
        if not ends or ends != sorted(set(ends)) or ends[0] < 1 or ends[-1] >= n_classes:
            what = tr(
                f"AdaptiveLogSoftmaxWithLoss: expected rising cutoffs from 1 to {n_classes - 1}, "
                f"found {cutoffs}.",
                f"AdaptiveLogSoftmaxWithLoss：cutoffs 应为 1 到 {n_classes - 1} 之间递增的整数，"
                f"得到 {cutoffs}。",
            )
            raise ArgumentError(teach(what))
        self.cutoffs = [*ends, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = ends[0], len(ends)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            size = int(in_features // div_value ** (i + 1))
            count = self.cutoffs[i + 1] - self.cutoffs[i]
            inner = Linear(in_features, size, False, dtype)
            self.tail.append(Sequential(inner, Linear(size, count, False, dtype)))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for cluster in self.tail:
            for part in cluster.children():
                part.reset_parameters()

    def forward(self, input: Tensor, target: Tensor) -> AdaptiveLogSoftmax:
        if input.ndim != target.ndim + 1 or input.shape[:-1] != target.shape or target.ndim > 1:
            what = tr(
                f"AdaptiveLogSoftmaxWithLoss: expected (N, features) and (N), got {input.shape} "
                f"and {target.shape}.",
                f"AdaptiveLogSoftmaxWithLoss：需要 (N, 特征) 与 (N)，得到 {input.shape} 与 "
                f"{target.shape}。",
            )
            raise ShapeError(teach(what))
        found = -F.nll_loss(self._all(input), target, reduction="none")
        return AdaptiveLogSoftmax(found, -found.mean())

    def _all(self, x: Tensor) -> Tensor:
        """The log-probabilities of all classes."""
        head = F.log_softmax(self.head(x), -1)
        parts = [head[..., : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            at = self.shortlist_size + i
            parts.append(F.log_softmax(cluster(x), -1) + head[..., at : at + 1])
        return cat(parts, -1)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, features) → (N, n_classes)."""
        return self._all(input)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row."""
        return self._all(input).argmax(-1)

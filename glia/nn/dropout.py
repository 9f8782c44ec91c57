"""Dropout as modules."""

from __future__ import annotations

from glia.nn import functional as F
from glia.nn.functional_checks import check_probability
from glia.nn.module import Module
from glia.tensor.tensor import Tensor


class Dropout(Module):
    """While training each element is zero with probability p, else divided by ``1 - p``.

    Source: Srivastava et al., "Dropout" (2014).
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p = check_probability(type(self).__name__, p)
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """As Dropout, but whole channels of (N, C, L) or (C, L) are dropped together."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(Dropout):
    """As Dropout, but whole channels of (N, C, H, W) or (C, H, W) are dropped together.

    Source: Tompson et al., "Efficient object localization using convolutional networks" (2015).
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(Dropout):
    """As Dropout, but whole channels of (N, C, D, H, W) or (C, D, H, W) are dropped together."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(Dropout):
    """Dropout that keeps mean 0 and variance 1 behind SELU; see :func:`F.alpha_dropout`.

    Source: Klambauer et al., "Self-normalizing neural networks" (2017).
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(Dropout):
    """As AlphaDropout, but whole channels of (N, C, …) are dropped together."""

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)

"""Dropout as modules."""

from __future__ import annotations

from glia.nn import functional as F
from glia.nn.functional_checks import check_probability
from glia.nn.module import Module
from glia.tensor.tensor import Tensor


class Dropout(Module):
    """While training each element is zero with probability p, else divided by ``1 - p``.

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.Dropout(0.75)
        >>> sorted(set(layer(gl.ones(100)).tolist()))
        [0.0, 4.0]
        >>> layer.eval()(gl.ones(3))
        tensor([1., 1., 1.])

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
    """As Dropout, but whole channels of (N, C, L) or (C, L) are dropped together.

    Example:
        >>> import glia as gl
        >>> y = gl.nn.Dropout1d()(gl.ones(8, 5, 2))
        >>> bool((y[:, :, 0] == y[:, :, 1]).all())
        True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(Dropout):
    """As Dropout, but whole channels of (N, C, H, W) or (C, H, W) are dropped together.

    Example:
        >>> import glia as gl
        >>> y = gl.nn.Dropout2d()(gl.ones(8, 5, 1, 2))
        >>> bool((y[..., 0] == y[..., 1]).all())
        True

    Source: Tompson et al., "Efficient object localization using convolutional networks" (2015).
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(Dropout):
    """As Dropout, but whole channels of (N, C, D, H, W) or (C, D, H, W) are dropped together.

    Example:
        >>> import glia as gl
        >>> y = gl.nn.Dropout3d()(gl.ones(8, 5, 1, 1, 2))
        >>> bool((y[..., 0] == y[..., 1]).all())
        True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(Dropout):
    """Dropout that keeps mean 0 and variance 1 behind SELU; see :func:`F.alpha_dropout`.

    Example:
        >>> import glia as gl
        >>> y = gl.nn.AlphaDropout()(gl.zeros(100))
        >>> gl.unique(y)  # dropped, kept
        tensor([-0.7792,  0.7792])

    Source: Klambauer et al., "Self-normalizing neural networks" (2017).
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(Dropout):
    """As AlphaDropout, but whole channels of (N, C, …) are dropped together.

    Example:
        >>> import glia as gl
        >>> y = gl.nn.FeatureAlphaDropout()(gl.ones(8, 5, 2))
        >>> bool((y[:, :, 0] == y[:, :, 1]).all())
        True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)

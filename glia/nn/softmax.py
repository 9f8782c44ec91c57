"""Activations along a dimension as modules."""

from __future__ import annotations

from glia.nn import activation_formulas as _a
from glia.nn import functional as F
from glia.nn.module import Module
from glia.tensor.tensor import Tensor, apply


class Softmax(Module):
    """``e^xᵢ / Σⱼ e^xⱼ`` along ``dim``.

    Example:
        >>> import glia as gl
        >>> gl.nn.Softmax(dim=1)(gl.tensor([[1.0, 1.0], [1000.0, 0.0]]))
        tensor([[0.5, 0.5],
                [1. , 0. ]])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmin(Module):
    """``softmax(-x)`` along ``dim``.

    Example:
        >>> import glia as gl
        >>> gl.nn.Softmin(dim=0)(gl.tensor([1.0, 1.0, 1000.0]))
        tensor([0.5, 0.5, 0. ])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W), at every position.

    Example:
        >>> import glia as gl
        >>> gl.nn.Softmax2d()(gl.zeros(4, 1, 2))[:, 0, 0]
        tensor([0.25, 0.25, 0.25, 0.25])
    """

    def forward(self, input: Tensor) -> Tensor:
        return apply(_a.softmax2d, (input,))


class LogSoftmax(Module):
    """``xᵢ - ln Σⱼ e^xⱼ`` along ``dim``.

    Example:
        >>> import glia as gl
        >>> gl.nn.LogSoftmax(dim=0)(gl.tensor([0.0, 1000.0]))
        tensor([-1000.,     0.])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"

"""Linear and bilinear maps as functions."""

from __future__ import annotations

from glia.nn import formulas as _f
from glia.tensor.tensor import Tensor, apply


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x Wᵀ + b`` over the last dimension; see :class:`glia.nn.Linear`.

    >>> import glia as gl
    >>> w, b = gl.tensor([[1.0, 2.0], [0.0, 1.0]]), gl.tensor([10.0, 20.0])
    >>> linear(gl.tensor([3.0, 4.0]), w, b)
    tensor([21., 24.])
    """
    tensors = (input, weight) if bias is None else (input, weight, bias)
    return apply(_f.linear, tensors)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``yₖ = x₁ᵀ Wₖ x₂ + bₖ`` over the last dimensions; see :class:`glia.nn.Bilinear`.

    >>> import glia as gl
    >>> w = gl.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    >>> bilinear(gl.tensor([1.0, 2.0]), gl.tensor([3.0, 4.0]), w)
    tensor([11.])
    """
    tensors = (input1, input2, weight) if bias is None else (input1, input2, weight, bias)
    return apply(_f.bilinear, tensors)

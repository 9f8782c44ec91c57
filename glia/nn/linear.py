"""Linear, Bilinear, Flatten and Identity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glia.base.dtypes import as_dtype, float32
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import formulas as _f
from glia.nn import init
from glia.nn.module import Module
from glia.tensor.tensor import Parameter, Tensor, apply


def empty_parameter(shape: tuple[int, ...], dtype: Any = None) -> Parameter:
    """A parameter whose values ``reset_parameters`` will set."""
    return Parameter(np.zeros(shape, as_dtype(float32 if dtype is None else dtype).np))


def check_count(layer: str, name: str, value: int, least: int = 1) -> int:
    """A size must be a whole number of at least ``least``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        what = tr(
            f"{layer}: expected {name} to be an integer ≥ {least}, found {value!r}.",
            f"{layer}：{name} 应为不小于 {least} 的整数，得到 {value!r}。",
        )
        raise ArgumentError(teach(what))
    return int(value)


class Linear(Module):
    """``y = x Wᵀ + b`` over the last dimension.

    Weights and bias start uniform in ±1/√in_features.

    Args:
        in_features: size of the last dimension of the input.
        out_features: size of the last dimension of the output.
        bias: whether to add b.
        dtype: floating-point type of the parameters.

    Shape:
        (..., in_features) → (..., out_features); weight (out_features, in_features).

    Example:
        >>> import glia as gl
        >>> gl.nn.Linear(3, 2)(gl.zeros(5, 3)).shape
        (5, 2)

    Source: Goodfellow, Bengio, Courville, "Deep Learning", ch. 6.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features = check_count("Linear", "in_features", in_features)
        self.out_features = check_count("Linear", "out_features", out_features)
        self.weight = empty_parameter((self.out_features, self.in_features), dtype)
        self.register_parameter("bias", empty_parameter((out_features,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        bias = self.bias
        if bias is None:
            return apply(_f.linear, (input, self.weight))
        return apply(_f.linear, (input, self.weight, bias))

    def extra_repr(self) -> str:
        sizes = f"in_features={self.in_features}, out_features={self.out_features}"
        return f"{sizes}, bias={self.bias is not None}"


class Bilinear(Module):
    """``yₖ = x₁ᵀ Wₖ x₂ + bₖ`` over the last dimensions.

    Weights and bias start uniform in ±1/√in1_features.

    Args:
        in1_features, in2_features: last sizes of the inputs.
        out_features: last size of the output.
        bias: whether to add b.
        dtype: floating-point type of the parameters.

    Shape:
        (..., in1_features), (..., in2_features) → (..., out_features);
        weight (out_features, in1_features, in2_features).

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.Bilinear(2, 3, 4)
        >>> layer(gl.ones(5, 2), gl.ones(5, 3)).shape, layer.weight.shape
        ((5, 4), (4, 2, 3))
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in1_features = check_count("Bilinear", "in1_features", in1_features)
        self.in2_features = check_count("Bilinear", "in2_features", in2_features)
        self.out_features = check_count("Bilinear", "out_features", out_features)
        self.weight = empty_parameter((out_features, in1_features, in2_features), dtype)
        self.register_parameter("bias", empty_parameter((out_features,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and bias anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        inputs = (input1, input2, self.weight)
        return apply(_f.bilinear, inputs if self.bias is None else (*inputs, self.bias))

    def extra_repr(self) -> str:
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}"
        return f"{sizes}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """Dimensions ``start_dim`` to ``end_dim`` as one.

    Shape:
        (N, C, H, W) → (N, C·H·W) by default.

    Example:
        >>> import glia as gl
        >>> gl.nn.Flatten()(gl.ones(2, 3, 4, 5)).shape
        (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        return apply(_f.flatten, (input,), self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """Returns its input; arguments are accepted and ignored.

    Example:
        >>> import glia as gl
        >>> gl.nn.Identity(54, unused=True)(gl.tensor([1.0, 2.0]))
        tensor([1., 2.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input

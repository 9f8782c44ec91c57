"""Activation functions as modules."""

from __future__ import annotations

from typing import Any

from glia.nn import functional as F
from glia.nn import init
from glia.nn.linear import check_count, empty_parameter
from glia.nn.module import Module
from glia.tensor.tensor import Tensor


def _place(layer: Any) -> str:
    return ", inplace=True" if layer.inplace else ""


class ReLU(Module):
    """``max(x, 0)``. Source: Nair and Hinton (2010).

    Example:
        >>> import glia as gl
        >>> gl.nn.ReLU()(gl.tensor([-2.0, 0.0, 3.0]))
        tensor([0., 0., 3.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _place(self)[2:]


class ReLU6(Module):
    """``min(max(x, 0), 6)``.

    Example:
        >>> import glia as gl
        >>> gl.nn.ReLU6()(gl.tensor([-2.0, 3.0, 8.0]))
        tensor([0., 3., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _place(self)[2:]


class Hardtanh(Module):
    """``x`` held between ``min_val`` and ``max_val``.

    Example:
        >>> import glia as gl
        >>> gl.nn.Hardtanh()(gl.tensor([-3.0, 0.5, 3.0]))
        tensor([-1. ,  0.5,  1. ])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.min_val, self.max_val = min_val, max_val

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, inplace=self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}" + _place(self)


class LeakyReLU(Module):
    """``x`` where positive, else ``negative_slope · x``. Source: Maas et al. (2013).

    Example:
        >>> import glia as gl
        >>> gl.nn.LeakyReLU(0.1)(gl.tensor([-2.0, 3.0]))
        tensor([-0.2,  3. ])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, inplace=self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}" + _place(self)


class PReLU(Module):
    """``x`` where positive, else ``w x`` with learnt w. Source: He et al. (2015).

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.PReLU()
        >>> layer(gl.tensor([-2.0, 3.0]))
        tensor([-0.5,  3. ], requires_grad=True)
        >>> layer.weight.tolist()
        [0.25]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = check_count("PReLU", "num_parameters", num_parameters)
        self.init = init
        self.weight = empty_parameter((num_parameters,), dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Every w as at the start."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """``x`` where positive, else ``a x``; a is random while training, else the middle.

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.RReLU(0.25, 0.75).eval()
        >>> layer(gl.tensor([-4.0, 1.0]))
        tensor([-2.,  1.])

    Source: Xu et al., "Empirical evaluation of rectified activations" (2015).
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.lower, self.upper = lower, upper

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, inplace=self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + _place(self)


class ELU(Module):
    """``x`` where positive, else ``alpha (eˣ - 1)``. Source: Clevert et al. (2015).

    Example:
        >>> import glia as gl
        >>> gl.nn.ELU(alpha=2.0)(gl.tensor([-1e9, 3.0]))
        tensor([-2.,  3.])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, inplace=self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + _place(self)


class CELU(Module):
    """``x`` where positive, else ``alpha (e^(x / alpha) - 1)``. Source: Barron (2017).

    Example:
        >>> import glia as gl
        >>> gl.nn.CELU(alpha=2.0)(gl.tensor([-1e9, -2.0, 3.0]))
        tensor([-2.    , -1.2642,  3.    ])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, inplace=self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + _place(self)


class SELU(Module):
    """ELU scaled to keep mean 0 and variance 1. Source: Klambauer et al. (2017).

    Example:
        >>> import glia as gl
        >>> gl.nn.SELU()(gl.tensor([-1e9, 0.0, 1.0]))
        tensor([-1.7581,  0.    ,  1.0507])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _place(self)[2:]


class Sigmoid(Module):
    """``1 / (1 + e⁻ˣ)``.

    Example:
        >>> import glia as gl
        >>> gl.nn.Sigmoid()(gl.tensor([-1e9, 0.0, 1.0]))
        tensor([0.    , 0.5   , 0.7311])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class LogSigmoid(Module):
    """``ln σ(x)``.

    Example:
        >>> import glia as gl
        >>> gl.nn.LogSigmoid()(gl.tensor([-1000.0, 0.0]))
        tensor([-1.0000e+03, -6.9315e-01])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Hardsigmoid(Module):
    """0 up to -3, 1 from 3 on, ``(x + 3) / 6`` between. Source: Courbariaux et al. (2015).

    Example:
        >>> import glia as gl
        >>> gl.nn.Hardsigmoid()(gl.tensor([-4.0, 0.0, 1.5, 4.0]))
        tensor([0.  , 0.5 , 0.75, 1.  ])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, inplace=self.inplace)


class Tanh(Module):
    """``(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)``.

    Example:
        >>> import glia as gl
        >>> gl.nn.Tanh()(gl.tensor([-1e9, 0.0, 1.0]))
        tensor([-1.    ,  0.    ,  0.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class Tanhshrink(Module):
    """``x - tanh x``.

    Example:
        >>> import glia as gl
        >>> gl.nn.Tanhshrink()(gl.tensor([0.0, 1.0, 100.0]))
        tensor([ 0.    ,  0.2384, 99.    ])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class Softsign(Module):
    """``x / (1 + |x|)``.

    Example:
        >>> import glia as gl
        >>> gl.nn.Softsign()(gl.tensor([-1.0, 0.0, 3.0]))
        tensor([-0.5 ,  0.  ,  0.75])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class SiLU(Module):
    """``x σ(x)``. Source: Elfwing et al. (2017).

    Example:
        >>> import glia as gl
        >>> gl.nn.SiLU()(gl.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.2689,  0.    ,  0.7311])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _place(self)[2:]


class Hardswish(Module):
    """``x hardsigmoid(x)``. Source: Howard et al., "Searching for MobileNetV3" (2019).

    Example:
        >>> import glia as gl
        >>> gl.nn.Hardswish()(gl.tensor([-4.0, 0.0, 3.0]))
        tensor([0., 0., 3.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, inplace=self.inplace)


class GLU(Module):
    """``a σ(b)``: a and b are the halves of the input along ``dim``.

    Example:
        >>> import glia as gl
        >>> gl.nn.GLU()(gl.tensor([2.0, 4.0, 0.0, 0.0]))
        tensor([1., 2.])

    Source: Dauphin et al., "Language modeling with gated convolutional networks" (2016).
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Mish(Module):
    """``x tanh(ln(1 + eˣ))``. Source: Misra (2019).

    Example:
        >>> import glia as gl
        >>> gl.nn.Mish()(gl.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.3034,  0.    ,  0.8651])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _place(self)[2:]


class GELU(Module):
    """``x Φ(x)``, Φ the normal distribution. Source: Hendrycks and Gimpel (2016).

    Example:
        >>> import glia as gl
        >>> gl.nn.GELU()(gl.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.    ,  0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """``ln(1 + e^(βx)) / β``; x itself where ``βx > threshold``.

    Example:
        >>> import glia as gl
        >>> gl.nn.Softplus()(gl.tensor([0.0, 1.0, 1000.0]))
        tensor([6.9315e-01, 1.3133e+00, 1.0000e+03])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardshrink(Module):
    """0 where ``|x| ≤ λ``, else x.

    Example:
        >>> import glia as gl
        >>> gl.nn.Hardshrink()(gl.tensor([-0.75, 0.25, 0.75]))
        tensor([-0.75,  0.  ,  0.75])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Module):
    """``x - λ`` above λ, ``x + λ`` below -λ, 0 between.

    Example:
        >>> import glia as gl
        >>> gl.nn.Softshrink()(gl.tensor([-2.0, 0.25, 1.0]))
        tensor([-1.5,  0. ,  0.5])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Threshold(Module):
    """``x`` where above the threshold, else ``value``.

    Example:
        >>> import glia as gl
        >>> gl.nn.Threshold(1.0, -9.0)(gl.tensor([0.5, 1.0, 2.0]))
        tensor([-9., -9.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        self.threshold, self.value = threshold, value

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, inplace=self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + _place(self)

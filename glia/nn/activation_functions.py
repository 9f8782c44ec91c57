"""Activations as functions; ``glia.nn.functional`` has them under PyTorch's names."""

from __future__ import annotations

from typing import Any

from glia.base.dtypes import DType, as_dtype
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.nn import activation_formulas as _a
from glia.tensor.inplace import rebind
from glia.tensor.random import key_tensor
from glia.tensor.tensor import Tensor, apply

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def _done(input: Tensor, out: Tensor, inplace: bool, name: str) -> Tensor:
    """The result; with ``inplace`` the input takes its value, as methods like ``relu_`` do."""
    return rebind(input, out, name) if inplace else out


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``max(x, 0)``. Source: Nair and Hinton (2010).

    >>> import glia as gl
    >>> relu(gl.tensor([-2.0, 0.0, 3.0]))
    tensor([0., 0., 3.])
    """
    return _done(input, apply(build.relu, (input,)), inplace, "relu_")


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """``min(max(x, 0), 6)``.

    >>> import glia as gl
    >>> relu6(gl.tensor([-2.0, 3.0, 8.0]))
    tensor([0., 3., 6.])
    """
    return _done(input, apply(_a.hardtanh, (input,), 0.0, 6.0), inplace, "relu6_")


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """``x`` held between ``min_val`` and ``max_val``; the derivative at both is 0.

    >>> import glia as gl
    >>> hardtanh(gl.tensor([-3.0, 0.5, 3.0]))
    tensor([-1. ,  0.5,  1. ])
    >>> hardtanh(gl.tensor([-3.0, 0.5, 3.0]), 0.0, 2.0)
    tensor([0. , 0.5, 2. ])
    """
    return _done(
        input, apply(_a.hardtanh, (input,), float(min_val), float(max_val)), inplace, "hardtanh_"
    )


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``x`` where positive, else ``negative_slope · x``. Source: Maas et al. (2013).

    >>> import glia as gl
    >>> leaky_relu(gl.tensor([-2.0, 3.0]), 0.1)
    tensor([-0.2,  3. ])
    """
    return _done(
        input, apply(_a.leaky_relu, (input,), float(negative_slope)), inplace, "leaky_relu_"
    )


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """``x`` where positive, else ``w x``, one w or one per channel. Source: He et al. (2015).

    >>> import glia as gl
    >>> prelu(gl.tensor([[-2.0, -2.0]]), gl.tensor([0.5, 0.25]))
    tensor([[-1. , -0.5]])
    """
    return apply(_a.prelu, (input, weight))


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """``x`` where positive, else ``a x``; a is random while training, else the middle.

    While training every element draws its a uniformly from ``lower`` to ``upper``.

    >>> import glia as gl
    >>> rrelu(gl.tensor([-4.0, 1.0]), 0.25, 0.75)
    tensor([-2.,  1.])

    Source: Xu et al., "Empirical evaluation of rectified activations" (2015).
    """
    if not lower <= upper:
        what = tr(f"rrelu: {lower} is above {upper}.", f"rrelu：{lower} 大于 {upper}。")
        raise ArgumentError(teach(what, tr("exchange the two", "请交换二者")))
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    return _done(
        input, apply(_a.rrelu, (input, key_tensor()), float(lower), float(upper)), inplace, "rrelu_"
    )


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``x`` where positive, else ``alpha (eˣ - 1)``. Source: Clevert et al. (2015).

    >>> import glia as gl
    >>> elu(gl.tensor([-1e9, -1.0, 2.0]))
    tensor([-1.    , -0.6321,  2.    ])
    """
    return _done(input, apply(_a.elu, (input,), float(alpha), 1.0, 1.0), inplace, "elu_")


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``x`` where positive, else ``alpha (e^(x / alpha) - 1)``: smooth for every alpha.

    >>> import glia as gl
    >>> celu(gl.tensor([-1e9, -2.0, 2.0]), alpha=2.0)
    tensor([-2.    , -1.2642,  2.    ])

    Source: Barron, "Continuously differentiable exponential linear units" (2017).
    """
    if alpha == 0:
        what = tr("celu: alpha must not be 0.", "celu：alpha 不能为 0。")
        raise ArgumentError(teach(what, tr("use relu", "请用 relu")))
    return _done(input, apply(_a.elu, (input,), float(alpha), 1.0, 1.0 / alpha), inplace, "celu_")


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """ELU scaled to keep mean 0 and variance 1. Source: Klambauer et al. (2017).

    >>> import glia as gl
    >>> selu(gl.tensor([-1e9, 0.0, 1.0]))
    tensor([-1.7581,  0.    ,  1.0507])
    """
    return _done(input, apply(_a.elu, (input,), SELU_ALPHA, SELU_SCALE, 1.0), inplace, "selu_")


def sigmoid(input: Tensor) -> Tensor:
    """``1 / (1 + e⁻ˣ)``.

    >>> import glia as gl
    >>> sigmoid(gl.tensor([-1e9, 0.0, 1.0]))
    tensor([0.    , 0.5   , 0.7311])
    """
    return apply(_a.sigmoid, (input,))


def logsigmoid(input: Tensor) -> Tensor:
    """``ln σ(x)``, exact for large ``|x|``.

    >>> import glia as gl
    >>> logsigmoid(gl.tensor([-1000.0, 0.0]))
    tensor([-1.0000e+03, -6.9315e-01])
    """
    return apply(_a.log_sigmoid, (input,))


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """0 up to -3, 1 from 3 on, ``(x + 3) / 6`` between. Source: Courbariaux et al. (2015).

    >>> import glia as gl
    >>> hardsigmoid(gl.tensor([-4.0, 0.0, 1.5, 4.0]))
    tensor([0.  , 0.5 , 0.75, 1.  ])
    """
    return _done(input, apply(_a.hardsigmoid, (input,)), inplace, "hardsigmoid_")


def tanh(input: Tensor) -> Tensor:
    """``(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)``.

    >>> import glia as gl
    >>> tanh(gl.tensor([-1e9, 0.0, 1.0]))
    tensor([-1.    ,  0.    ,  0.7616])
    """
    return apply(build.tanh, (input,))


def tanhshrink(input: Tensor) -> Tensor:
    """``x - tanh x``.

    >>> import glia as gl
    >>> tanhshrink(gl.tensor([0.0, 1.0, 100.0]))
    tensor([ 0.    ,  0.2384, 99.    ])
    """
    return apply(_a.tanhshrink, (input,))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``x σ(x)``. Source: Elfwing et al. (2017).

    >>> import glia as gl
    >>> silu(gl.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.    ,  0.7311])
    """
    return _done(input, apply(_a.silu, (input,)), inplace, "silu_")


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """``x hardsigmoid(x)``. Source: Howard et al., "Searching for MobileNetV3" (2019).

    >>> import glia as gl
    >>> hardswish(gl.tensor([-4.0, 0.0, 3.0]))
    tensor([0., 0., 3.])
    """
    return _done(input, apply(_a.hardswish, (input,)), inplace, "hardswish_")


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """``x tanh(ln(1 + eˣ))``. Source: Misra (2019).

    >>> import glia as gl
    >>> mish(gl.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.3034,  0.    ,  0.8651])
    """
    return _done(input, apply(_a.mish, (input,)), inplace, "mish_")


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``x Φ(x)``, Φ the normal distribution; ``"tanh"`` approximates it.

    >>> import glia as gl
    >>> gelu(gl.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.    ,  0.8413])
    >>> gelu(gl.tensor([-1.0, 0.0, 1.0]), "tanh")
    tensor([-0.1588,  0.    ,  0.8412])

    Source: Hendrycks and Gimpel (2016).
    """
    if approximate not in ("none", "tanh"):
        what = tr(
            f"gelu: expected approximate 'none' or 'tanh', found {approximate!r}.",
            f"gelu：approximate 应为 'none' 或 'tanh'，得到 {approximate!r}。",
        )
        raise ArgumentError(teach(what))
    return apply(_a.gelu, (input,), approximate)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """``a σ(b)``: a and b are the halves of the input along ``dim``.

    >>> import glia as gl
    >>> glu(gl.tensor([2.0, 4.0, 0.0, 0.0]))
    tensor([1., 2.])

    Source: Dauphin et al., "Language modeling with gated convolutional networks" (2016).
    """
    return apply(_a.glu, (input,), dim)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``ln(1 + e^(βx)) / β``; x itself where ``βx > threshold``.

    >>> import glia as gl
    >>> softplus(gl.tensor([0.0, 1.0, 1000.0]))
    tensor([6.9315e-01, 1.3133e+00, 1.0000e+03])
    """
    return apply(_a.softplus, (input,), float(beta), float(threshold))


def softsign(input: Tensor) -> Tensor:
    """``x / (1 + |x|)``.

    >>> import glia as gl
    >>> softsign(gl.tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5 ,  0.  ,  0.75])
    """
    return apply(_a.softsign, (input,))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 where ``|x| ≤ λ``, else x.

    >>> import glia as gl
    >>> hardshrink(gl.tensor([-0.75, 0.25, 0.75]))
    tensor([-0.75,  0.  ,  0.75])
    """
    return apply(_a.hardshrink, (input,), float(lambd))


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``x - λ`` above λ, ``x + λ`` below -λ, 0 between.

    >>> import glia as gl
    >>> softshrink(gl.tensor([-2.0, 0.25, 1.0]))
    tensor([-1.5,  0. ,  0.5])
    """
    if lambd < 0:
        what = tr(
            f"softshrink: expected lambd of at least 0, found {lambd}.",
            f"softshrink：lambd 应不小于 0，得到 {lambd}。",
        )
        raise ArgumentError(teach(what))
    return apply(_a.softshrink, (input,), float(lambd))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``x`` where above the threshold, else ``value``.

    >>> import glia as gl
    >>> threshold(gl.tensor([0.5, 1.0, 2.0]), 1.0, -9.0)
    tensor([-9., -9.,  2.])
    """
    whole = input.dtype.kind in ("int", "uint")
    kind: Any = int if whole else float
    return _done(
        input, apply(_a.threshold, (input,), threshold, kind(value)), inplace, "threshold_"
    )


# Along a dimension


def _named_dim(name: str, dim: int | None) -> int:
    if dim is None:
        what = tr(f"{name}: dim is missing.", f"{name}：没有给出 dim。")
        help = tr("for scores (N, C) write dim=1", "得分形状为 (N, C) 时请写 dim=1")
        raise ArgumentError(teach(what, help))
    return dim


def _dtype(dtype: Any) -> DType | None:
    return None if dtype is None else as_dtype(dtype)


def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """``e^xᵢ / Σⱼ e^xⱼ`` along ``dim``; ``dtype`` converts the input first.

    >>> import glia as gl
    >>> softmax(gl.tensor([[1.0, 1.0], [1000.0, 0.0]]), dim=1)
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    return apply(_a.softmax, (input,), _named_dim("softmax", dim), _dtype(dtype))


def softmin(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """``softmax(-x)`` along ``dim``.

    >>> import glia as gl
    >>> softmin(gl.tensor([1.0, 1.0, 1000.0]), dim=0)
    tensor([0.5, 0.5, 0. ])
    """
    return apply(_a.softmin, (input,), _named_dim("softmin", dim), _dtype(dtype))


def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """``xᵢ - ln Σⱼ e^xⱼ`` along ``dim``, exact for any x; ``dtype`` converts the input first.

    >>> import glia as gl
    >>> log_softmax(gl.tensor([0.0, 1000.0]), dim=0)
    tensor([-1000.,     0.])
    """
    return apply(_a.log_softmax, (input,), _named_dim("log_softmax", dim), _dtype(dtype))


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """``softmax((z + g) / τ)``: a sample from the categories that can be differentiated.

    Args:
        logits: z, unnormalised log-probabilities.
        tau: τ; small values make the sample nearly one-hot.
        hard: whether to give the one-hot vector itself, with the gradient of the soft sample.
        eps: accepted, without effect.
        dim: the categories.

    Example:
        >>> import glia as gl
        >>> gumbel_softmax(gl.zeros(4, 3), hard=True).sum(1)
        tensor([1., 1., 1., 1.])

    Source: Jang, Gu, Poole, "Categorical reparameterization with Gumbel-softmax" (2016).
    """
    if not tau > 0:
        what = tr(
            f"gumbel_softmax: expected tau above 0, found {tau}.",
            f"gumbel_softmax：tau 应大于 0，得到 {tau}。",
        )
        raise ArgumentError(teach(what))
    return apply(_a.gumbel_softmax, (logits, key_tensor()), float(tau), bool(hard), dim)

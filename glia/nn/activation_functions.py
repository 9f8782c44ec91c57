"""Activations and dropout as functions; ``glia.nn.functional`` has them under PyTorch's names."""

from __future__ import annotations

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.nn import formulas as _f
from glia.nn.functional_checks import check_probability
from glia.tensor import random as _random
from glia.tensor.tensor import Tensor, apply


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    return apply(build.relu, (input,))


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    return apply(_f.hardtanh, (input,), 0.0, 6.0)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    return apply(_f.hardtanh, (input,), float(min_val), float(max_val))


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    return apply(_f.leaky_relu, (input,), float(negative_slope))


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    return apply(_f.prelu, (input, weight))


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    return apply(_f.elu, (input,), float(alpha), 1.0)


SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    return apply(_f.elu, (input,), SELU_ALPHA, SELU_SCALE)


def sigmoid(input: Tensor) -> Tensor:
    return apply(_f.sigmoid, (input,))


def logsigmoid(input: Tensor) -> Tensor:
    return apply(_f.log_sigmoid, (input,))


def tanh(input: Tensor) -> Tensor:
    return apply(build.tanh, (input,))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    return apply(_f.silu, (input,))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    return apply(_f.mish, (input,))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    if approximate not in ("none", "tanh"):
        what = tr(
            f"gelu: expected approximate 'none' or 'tanh', found {approximate!r}.",
            f"gelu：approximate 应为 'none' 或 'tanh'，得到 {approximate!r}。",
        )
        raise ArgumentError(teach(what))
    return apply(_f.gelu, (input,), approximate)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    return apply(_f.softplus, (input,), float(beta), float(threshold))


def softsign(input: Tensor) -> Tensor:
    return apply(_f.softsign, (input,))


def _named_dim(name: str, dim: int | None) -> int:
    if dim is None:
        what = tr(f"{name}: dim is missing.", f"{name}：没有给出 dim。")
        help = tr("for scores (N, C) write dim=1", "得分形状为 (N, C) 时请写 dim=1")
        raise ArgumentError(teach(what, help))
    return dim


def softmax(input: Tensor, dim: int | None = None) -> Tensor:
    return apply(_f.softmax, (input,), _named_dim("softmax", dim))


def log_softmax(input: Tensor, dim: int | None = None) -> Tensor:
    return apply(_f.log_softmax, (input,), _named_dim("log_softmax", dim))


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element zero with probability p, else divided by ``1 - p``; only while training."""
    check_probability("dropout", p)
    return _random.dropout(input, float(p)) if training and p > 0 else input


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As ``dropout``, but for whole channels of (N, C, H, W) or (C, H, W)."""
    check_probability("dropout2d", p)
    if input.ndim not in (3, 4):
        what = tr(
            f"dropout2d: expected (N, C, H, W) or (C, H, W), got {input.shape}.",
            f"dropout2d：需要 (N, C, H, W) 或 (C, H, W)，得到 {input.shape}。",
        )
        raise ShapeError(teach(what, tr("use dropout", "请用 dropout")))
    return _random.dropout(input, float(p), 2) if training and p > 0 else input

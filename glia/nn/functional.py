"""Layers and losses as functions, with PyTorch's names: ``import glia.nn.functional as F``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.base.dtypes import int64
from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.nn import formulas as _f
from glia.nn import loss_formulas as _l
from glia.tensor import random as _random
from glia.tensor.indexing import check_index
from glia.tensor.tensor import Tensor, apply, to_numpy

Size = int | Sequence[int]


def pair(name: str, value: Any) -> tuple[int, int]:
    """One number for both dimensions, or two."""
    found = (value, value) if isinstance(value, int) else tuple(value)
    if len(found) != 2 or not all(isinstance(item, int) for item in found):
        what = tr(
            f"{name}: expected an integer or two, found {value!r}.",
            f"{name}：需要一个或两个整数，得到 {value!r}。",
        )
        raise ArgumentError(teach(what))
    return found


def positive_pair(name: str, value: Any) -> tuple[int, int]:
    found = pair(name, value)
    if min(found) < 1:
        what = tr(
            f"{name}: expected at least 1, found {value!r}.", f"{name} 至少为 1，得到 {value!r}。"
        )
        raise ArgumentError(teach(what))
    return found


def check_probability(name: str, p: float) -> float:
    if not 0.0 <= p <= 1.0:
        what = tr(
            f"{name}: expected a probability from 0 to 1, found {p!r}.",
            f"{name}：概率应在 0 与 1 之间，得到 {p!r}。",
        )
        raise ArgumentError(teach(what))
    return float(p)


# Activations


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


# Layers


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    tensors = (input, weight) if bias is None else (input, weight, bias)
    return apply(_f.linear, tensors)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Row ``input[…]`` of ``weight`` for every index; see :class:`glia.nn.Embedding`."""
    check_embedding(max_norm, scale_grad_by_freq)
    check_index("embedding", input, weight.shape[0])
    return apply(_f.embedding, (input, weight), check_padding(padding_idx, weight.shape[0]))


def check_embedding(max_norm: float | None, scale_grad_by_freq: bool) -> None:
    for name, given in (("max_norm", max_norm), ("scale_grad_by_freq", scale_grad_by_freq)):
        if given:
            what = tr(f"Embedding: {name} is not supported.", f"Embedding：不支持 {name}。")
            raise ArgumentError(teach(what, tr("leave the option out", "请去掉这个选项")))


def check_padding(padding_idx: int | None, rows: int) -> int | None:
    """The row for padding, counted from the start."""
    if padding_idx is None or -rows <= padding_idx < rows:
        return None if padding_idx is None else padding_idx % rows
    what = tr(
        f"Embedding: padding_idx {padding_idx} is out of range for {rows} rows.",
        f"Embedding：padding_idx {padding_idx} 超出 {rows} 行的范围。",
    )
    raise ArgumentError(teach(what))


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    tensors = (input, weight) if bias is None else (input, weight, bias)
    steps, apart = positive_pair("stride", stride), positive_pair("dilation", dilation)
    kernel = (weight.shape[-2], weight.shape[-1])
    around = conv_padding(padding, kernel, steps, apart)
    return apply(_f.conv2d, tensors, steps, around, apart, groups)


def conv_padding(
    padding: Size | str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Zeros above, below, left and right."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        if stride != (1, 1):
            what = tr(
                f"padding='same' needs stride 1, found {stride}.",
                f"padding='same' 要求步长为 1，得到 {stride}。",
            )
            raise ArgumentError(teach(what, tr("give padding as numbers", "请用数字给出 padding")))
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        (up, left), (all_v, all_h) = (t // 2 for t in total), total
        return up, all_v - up, left, all_h - left
    if isinstance(padding, str):
        what = tr(
            f"expected padding 'same', 'valid' or numbers, found {padding!r}.",
            f"padding 应为 'same'、'valid' 或数字，得到 {padding!r}。",
        )
        raise ArgumentError(teach(what))
    vertical, horizontal = pair("padding", padding)
    if min(vertical, horizontal) < 0:
        what = tr(f"padding: found {padding!r}.", f"padding 为 {padding!r}。")
        raise ArgumentError(teach(what, tr("use numbers ≥ 0", "请用不小于 0 的数")))
    return vertical, vertical, horizontal, horizontal


def _pool_padding(name: str, kernel: tuple[int, int], padding: Any) -> tuple[int, int]:
    around = pair("padding", padding)
    if any(p < 0 or 2 * p > k for p, k in zip(around, kernel, strict=True)):
        what = tr(
            f"{name}: padding {padding!r} is more than half the kernel {kernel}.",
            f"{name}：padding {padding!r} 超过窗口 {kernel} 的一半。",
        )
        raise ArgumentError(teach(what, tr("use less padding", "请减小 padding")))
    return around


def max_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
) -> Tensor:
    kernel = positive_pair("kernel_size", kernel_size)
    steps = kernel if stride is None else positive_pair("stride", stride)
    around = _pool_padding("max_pool2d", kernel, padding)
    return apply(
        _f.max_pool2d, (input,), kernel, steps, around, positive_pair("dilation", dilation)
    )


def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    count_include_pad: bool = True,
) -> Tensor:
    kernel = positive_pair("kernel_size", kernel_size)
    steps = kernel if stride is None else positive_pair("stride", stride)
    around = _pool_padding("avg_pool2d", kernel, padding)
    return apply(_f.avg_pool2d, (input,), kernel, steps, around, bool(count_include_pad))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    affine = [t for t in (weight, bias) if t is not None]
    return apply(_f.layer_norm, (input, *affine), tuple(normalized_shape), float(eps))


def _one_hot(index: Expr, classes: int) -> Expr:
    return products.one_hot(index, classes, int64)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the label's place in a new last dimension, else 0, as int64.

    With ``num_classes=-1`` the labels are computed to find the largest.
    """
    if tensor.dtype.kind not in ("int", "uint"):
        name = tensor.dtype.name
        what = tr(
            f"one_hot: expected whole numbers, found {name}.", f"one_hot：需要整数，得到 {name}。"
        )
        raise DTypeError(teach(what, tr("convert: y.long()", "请转换：y.long()")))
    classes = int(to_numpy(tensor).max()) + 1 if num_classes == -1 else num_classes
    return apply(_one_hot, (tensor,), classes)


# Losses


def _given(*tensors: Tensor | None) -> tuple[Tensor, ...]:
    return tuple(t for t in tensors if t is not None)


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return apply(_l.mse, (input, target), _l.check_reduction(reduction))


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return apply(_l.l1, (input, target), _l.check_reduction(reduction))


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    return apply(_l.huber, (input, target), _l.check_reduction(reduction), float(delta), 1.0)


def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    if beta == 0:
        return l1_loss(input, target, reduction)
    attrs = (_l.check_reduction(reduction), float(beta), 1.0 / beta)
    return apply(_l.huber, (input, target), *attrs)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    tensors = (input, target) if weight is None else (input, target, weight)
    check_probability("label_smoothing", label_smoothing)
    attrs = (ignore_index, _l.check_reduction(reduction), float(label_smoothing))
    return apply(_l.cross_entropy, tensors, *attrs)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    tensors = (input, target, *_given(weight))
    return apply(_l.nll, tensors, ignore_index, _l.check_reduction(reduction))


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    return apply(_l.bce, (input, target, *_given(weight)), _l.check_reduction(reduction))


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    flags = ("" if weight is None else "w") + ("" if pos_weight is None else "p")
    tensors = (input, target, *_given(weight, pos_weight))
    return apply(_l.bce_with_logits, tensors, flags, _l.check_reduction(reduction))


def kl_div(
    input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    if reduction != "batchmean":
        _l.check_reduction(reduction)
    return apply(_l.kl_div, (input, target), reduction, bool(log_target))

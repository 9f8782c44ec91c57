"""Layers and losses as functions, with PyTorch's names: ``import glia.nn.functional as F``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.base.dtypes import int64
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.nn import attention_formulas as _a
from glia.nn import formulas as _f
from glia.nn.functional_checks import check_probability, pair, positive_pair
from glia.nn.loss_functions import (  # noqa: F401
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from glia.tensor import random as _random
from glia.tensor.indexing import check_index
from glia.tensor.tensor import Tensor, apply, to_numpy

Size = int | Sequence[int]


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


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    tensors = (input, weight) if bias is None else (input, weight, bias)
    attrs = transposed_sizes(stride, padding, output_padding, dilation)
    return apply(_f.conv_transpose2d, tensors, *attrs, groups)


def transposed_sizes(
    stride: Size, padding: Size, output_padding: Size, dilation: Size
) -> tuple[tuple[int, int], ...]:
    """Stride, padding, output padding and dilation, two numbers each, checked."""
    steps, apart = positive_pair("stride", stride), positive_pair("dilation", dilation)
    around, extra = pair("padding", padding), pair("output_padding", output_padding)
    most = tuple(map(max, steps, apart))
    if min(*around, *extra) < 0 or any(e >= m for e, m in zip(extra, most, strict=True)):
        what = tr(
            f"ConvTranspose2d: found padding {padding!r} and output_padding {output_padding!r}.",
            f"ConvTranspose2d：padding 为 {padding!r}，output_padding 为 {output_padding!r}。",
        )
        help = tr(
            "output_padding must be smaller than stride or dilation, both at least 0",
            "output_padding 应小于 stride 或 dilation，且两者不小于 0",
        )
        raise ArgumentError(teach(what, help))
    return steps, around, extra, apart


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


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over so many windows; None keeps a size."""
    return apply(_f.adaptive_avg_pool2d, (input,), adaptive_size(output_size))


def adaptive_size(size: Any) -> tuple[int | None, ...]:
    found = (size, size) if size is None or isinstance(size, int) else tuple(size)
    if len(found) != 2 or any(n is not None and (not isinstance(n, int) or n < 1) for n in found):
        what = tr(
            f"AdaptiveAvgPool2d: expected one or two integers ≥ 1 or None, found {size!r}.",
            f"AdaptiveAvgPool2d：需要一个或两个不小于 1 的整数或 None，得到 {size!r}。",
        )
        raise ArgumentError(teach(what))
    return found


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``softmax(q kᵀ scale + mask) v`` over the last two dimensions (time, features).

    Args:
        query: (..., L, E).
        key: (..., S, E).
        value: (..., S, V).
        attn_mask: broadcasts to (..., L, S): bool, True where a query may look; or a float added.
            A query that may look nowhere gets zeros.
        dropout_p: probability of dropping a weight, whether or not a module is training.
        is_causal: query i looks at keys 0 … i only; the mask is computed, not stored.
        scale: 1/√E by default.
        enable_gqa: only False.

    Returns:
        (..., L, V).

    Raises:
        ArgumentError: ``attn_mask`` and ``is_causal`` together.

    Example:
        >>> import glia as gl
        >>> x = gl.zeros(2, 4, 10, 8)
        >>> scaled_dot_product_attention(x, x, x, is_causal=True).shape
        (2, 4, 10, 8)

    Source: Vaswani et al., "Attention is all you need" (2017), equation 1.
    """
    if enable_gqa or (is_causal and attn_mask is not None):
        what = tr(
            "attention: enable_gqa, or attn_mask together with is_causal, is not supported.",
            "attention：不支持 enable_gqa，也不支持同时使用 attn_mask 与 is_causal。",
        )
        raise ArgumentError(teach(what, tr("put both into one mask", "请合并为一个掩码")))
    masks = () if attn_mask is None else (attn_mask,)
    factor = None if scale is None else float(scale)
    weights = apply(_a.weights, (query, key, *masks), bool(is_causal), factor)
    return apply(_a.mixed, (dropout(weights, dropout_p), value))


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

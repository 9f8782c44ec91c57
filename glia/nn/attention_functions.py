"""Attention as a function."""

from __future__ import annotations

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import attention_formulas as _a
from glia.nn.dropout_functions import dropout
from glia.tensor.tensor import Tensor, apply


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

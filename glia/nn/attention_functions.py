"""Attention as functions; ``glia.nn.functional`` has them under PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.nn import attention_formulas as _a
from glia.nn.dropout_functions import dropout
from glia.nn.linear_functions import linear
from glia.tensor.create import cat
from glia.tensor.tensor import Tensor, apply

#: One more key and value, (1, 1, E), or zeros for None.
Extra = tuple[Tensor | None, Tensor | None]


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
        enable_gqa: whether keys and values, (..., H, S, E), may have fewer heads than queries;
            each of theirs then serves as many queries' heads.

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
    if is_causal and attn_mask is not None:
        what = tr(
            "attention: found attn_mask together with is_causal.",
            "attention：同时给出了 attn_mask 与 is_causal。",
        )
        raise ArgumentError(teach(what, tr("put both into one mask", "请合并为一个掩码")))
    if enable_gqa and query.ndim > 2:
        heads = query.shape[-3]
        key, value = (apply(_a.repeated, (x,), heads) for x in (key, value))
    masks = () if attn_mask is None else (attn_mask,)
    factor = None if scale is None else float(scale)
    weights = apply(_a.weights, (query, key, *masks), bool(is_causal), factor)
    return apply(_a.mixed, (dropout(weights, dropout_p), value))


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """``concat(head₁ … headₕ) Wₒ + bₒ``; what :class:`glia.nn.MultiheadAttention` computes.

    Args:
        query, key, value: (L, N, E), (S, N, …), (S, N, …); all without N for one sequence.
        embed_dim_to_check: E.
        num_heads: a divisor of E.
        in_proj_weight: the projections of queries, keys and values, (3 E, E); or, with
            ``use_separate_proj_weight``, ``q_proj_weight`` and so on.
        in_proj_bias: (3 E).
        bias_k, bias_v: (1, 1, E), one more key and value.
        add_zero_attn: whether to add a key and a value of zeros.
        dropout_p: probability of dropping an attention weight while training.
        key_padding_mask: (N, S); True where a key must not be looked at, or a float added.
        need_weights, average_attn_weights: see Returns.
        attn_mask: (L, S) or (N · num_heads, L, S); as ``key_padding_mask``.
        static_k, static_v: (N · num_heads, S, E / num_heads), keys and values as they are.
        is_causal: query i looks at keys 0 … i only; ``attn_mask`` is then not read.

    Returns:
        (L, N, E) and, with ``need_weights``, the weights (N, L, S), averaged over the heads, or
        (N, num_heads, L, S).

    Example:
        >>> import glia as gl
        >>> x, eye = gl.tensor([[1.0], [3.0]]), gl.eye(1)
        >>> w = gl.tensor([[0.0], [0.0], [1.0]])  # no query, no key: all keys count the same
        >>> options = (None, None, False, 0.0, eye, None)
        >>> y, weights = multi_head_attention_forward(x, x, x, 1, 1, w, None, *options)
        >>> y.tolist(), weights.tolist()
        ([[2.0], [2.0]], [[0.5, 0.5], [0.5, 0.5]])
    """
    single = query.ndim == 2
    if single:
        query, key, value = (x.unsqueeze(1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, size = query.shape
    weights = (q_proj_weight, k_proj_weight, v_proj_weight)
    _check_heads(size, embed_dim_to_check, num_heads, in_proj_weight, weights)
    inputs = (query, key, value)
    if use_separate_proj_weight:
        projected = _apart(inputs, weights, in_proj_bias)
    else:
        assert in_proj_weight is not None
        projected = _together(inputs, in_proj_weight, in_proj_bias)
    heads = [x.reshape(x.shape[0], batch, num_heads, -1).permute(1, 2, 0, 3) for x in projected]
    for i, static in ((1, static_k), (2, static_v)):
        if static is not None:
            heads[i] = static.reshape(batch, num_heads, *static.shape[1:])
    masks = _masks(attn_mask, key_padding_mask, heads, is_causal)
    extra = _extra(bias_k, bias_v, add_zero_attn)
    if extra:
        heads, masks, is_causal = _extended(heads, masks, extra, is_causal)
    share = apply(_a.weights, (heads[0], heads[1], *masks), bool(is_causal), None)
    share = dropout(share, dropout_p, training)  # (N, heads, L, S)
    out = apply(_a.mixed, (share, heads[2])).permute(2, 0, 1, 3).reshape(length, batch, size)
    out = linear(out, out_proj_weight, out_proj_bias)
    out = out.squeeze(1) if single else out
    if not need_weights:
        return out, None
    shown = share.mean(1) if average_attn_weights else share
    return out, shown.squeeze(0) if single else shown


def _check_heads(
    size: int, wanted: int, heads: int, whole: Tensor | None, weights: tuple[Tensor | None, ...]
) -> None:
    if size == wanted and size % heads == 0 and (whole is not None or None not in weights):
        return
    what = tr(
        f"attention: expected queries of size {wanted} for {heads} heads and a weight for each "
        f"projection, got size {size}.",
        f"attention：查询大小应为 {wanted}，可分给 {heads} 个头，且各投影都有权重，得到 {size}。",
    )
    raise ShapeError(teach(what))


def _together(inputs: tuple[Tensor, ...], weight: Tensor, bias: Tensor | None) -> list[Tensor]:
    """Queries, keys and values; in one product where all three are one."""
    size = weight.shape[0] // 3
    first = inputs[0]
    if all(x._node is first._node for x in inputs):
        whole = linear(first, weight, bias)
        return [whole[..., i * size : (i + 1) * size] for i in range(3)]
    return _apart(inputs, [weight[i * size : (i + 1) * size] for i in range(3)], bias)


def _apart(
    inputs: tuple[Tensor, ...], weights: Sequence[Tensor | None], bias: Tensor | None
) -> list[Tensor]:
    found = []
    for i, (x, w) in enumerate(zip(inputs, weights, strict=True)):
        assert w is not None
        size = w.shape[0]
        found.append(linear(x, w, None if bias is None else bias[i * size : (i + 1) * size]))
    return found


def _masks(
    attn: Tensor | None, padding: Tensor | None, heads: list[Tensor], causal: bool
) -> list[Tensor]:
    """What is added to the scores (N, heads, L, S)."""
    batch, count = heads[0].shape[:2]
    dtype = heads[0].dtype
    found = []
    if attn is not None and not causal:
        shape = (batch, count, *attn.shape[1:]) if attn.ndim == 3 else attn.shape
        found.append(apply(_a.forbidden, (attn,), dtype).reshape(*shape))
    if padding is not None:
        found.append(apply(_a.forbidden, (padding,), dtype).reshape(batch, 1, 1, -1))
    return found


def _extra(key: Tensor | None, value: Tensor | None, zeros: bool) -> list[Extra]:
    """Keys and values to add: learnt ones, then zeros."""
    found: list[Extra] = []
    if key is not None and value is not None:
        found.append((key, value))
    return [*found, (None, None)] if zeros else found


def _extended(
    heads: list[Tensor], masks: list[Tensor], extra: list[Extra], causal: bool
) -> tuple[list[Tensor], list[Tensor], bool]:
    """Keys and values with more of them, which every query sees: the causal mask is spelt out."""
    if causal:
        sizes = heads[0].shape[2], heads[1].shape[2]
        masks = [*masks, apply(_a.future, (heads[0],), *sizes)]
    for more in extra:
        masks = [cat([mask, apply(_a.no_mask, (mask,))], -1) for mask in masks]
        heads = [heads[0], *(_longer(x, y) for x, y in zip(heads[1:], more, strict=True))]
    return heads, masks, False


def _longer(x: Tensor, more: Tensor | None) -> Tensor:
    """One more time step of (N, heads, S, head_dim): a bias (1, 1, E), or zeros."""
    batch, heads, _, size = x.shape
    if more is None:
        return cat([x, apply(_a.no_step, (x,))], 2)
    return cat([x, more.reshape(1, heads, 1, size).expand(batch, heads, 1, size)], 2)

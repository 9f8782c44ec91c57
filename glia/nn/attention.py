"""Multi-head attention."""

from __future__ import annotations

from typing import Any

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.nn import functional as F
from glia.nn import init
from glia.nn.functional_checks import check_probability
from glia.nn.linear import Linear, check_count, empty_parameter
from glia.nn.module import Module
from glia.tensor.tensor import Parameter, Tensor


class MultiheadAttention(Module):
    """``concat(head₁ … headₕ) Wₒ + bₒ`` with ``headᵢ = attention(q Wᵢq, k Wᵢk, v Wᵢv)``.

    The projections start Xavier-uniform, biases zero.

    Args:
        embed_dim: size of queries and of the result; each head takes its share.
        num_heads: number of heads, a divisor of ``embed_dim``.
        dropout: probability of dropping an attention weight while training.
        bias: whether projections have biases.
        add_bias_kv: whether to learn one more key and value, ``bias_k`` and ``bias_v``.
        add_zero_attn: whether to add a key and a value of zeros.
        kdim, vdim: sizes of keys and values; ``embed_dim`` by default.
        batch_first: (N, L, E) instead of (L, N, E).

    Shape:
        query (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim) → (L, N, embed_dim) and
        weights (N, L, S); without N for a single sequence; N first with ``batch_first``.

    Example:
        >>> import glia as gl
        >>> x = gl.zeros(2, 5, 8)
        >>> out, weights = gl.nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)
        >>> out.shape, weights.shape
        ((2, 5, 8), (2, 5, 5))

    Source: Vaswani et al., "Attention is all you need" (2017).
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.embed_dim = check_count("MultiheadAttention", "embed_dim", embed_dim)
        self.num_heads = check_count("MultiheadAttention", "num_heads", num_heads)
        self.dropout = check_probability("MultiheadAttention", dropout)
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        if embed_dim % num_heads:
            what = tr(
                f"MultiheadAttention: embed_dim {embed_dim} must divide by num_heads {num_heads}.",
                f"MultiheadAttention：embed_dim {embed_dim} 应能被 num_heads {num_heads} 整除。",
            )
            raise ArgumentError(teach(what))
        same = self.kdim == embed_dim and self.vdim == embed_dim
        shapes = {
            "in_proj_weight": (3 * embed_dim, embed_dim) if same else None,
            "q_proj_weight": None if same else (embed_dim, embed_dim),
            "k_proj_weight": None if same else (embed_dim, self.kdim),
            "v_proj_weight": None if same else (embed_dim, self.vdim),
            "in_proj_bias": (3 * embed_dim,) if bias else None,
        }
        for name, shape in shapes.items():
            self.register_parameter(name, None if shape is None else empty_parameter(shape, dtype))
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype)
        for name in ("bias_k", "bias_v"):
            extra = empty_parameter((1, 1, embed_dim), dtype) if add_bias_kv else None
            self.register_parameter(name, extra)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the projections anew; biases are zero."""
        for weight in self._weights():
            init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            assert self.out_proj.bias is not None
            init.zeros_(self.out_proj.bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def _weights(self) -> list[Parameter]:
        parts = (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        return [weight for weight in parts if weight is not None]

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The mixed values and, if wanted, the weights (of all heads on average).

        Args:
            query, key, value: see Shape.
            key_padding_mask: (N, S); True where a key is padding and must not be looked at.
            need_weights: whether to return the weights.
            attn_mask: (L, S) or (N · num_heads, L, S); True where a query must not look (the
                opposite of ``scaled_dot_product_attention``), or a float added.
            average_attn_weights: over the heads; else weights are (N, num_heads, L, S).
            is_causal: query i looks at keys 0 … i only; ``attn_mask`` is then not read.
        """
        single = query.ndim == 2
        inputs = [x.unsqueeze(1) if single else x for x in (query, key, value)]
        if single and key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
        if self.batch_first and not single:
            inputs = [x.transpose(0, 1) for x in inputs]
        self._check(inputs)
        out, weights = F.multi_head_attention_forward(
            inputs[0],
            inputs[1],
            inputs[2],
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            self.in_proj_weight is None,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        if single:
            return out.squeeze(1), None if weights is None else weights.squeeze(0)
        return out.transpose(0, 1) if self.batch_first else out, weights

    def _check(self, inputs: list[Tensor]) -> None:
        wanted = (self.embed_dim, self.kdim, self.vdim)
        shapes = [x.shape for x in inputs]
        fits = all(x.ndim == 3 and x.shape[2] == n for x, n in zip(inputs, wanted, strict=True))
        if not fits or len({s[1] for s in shapes}) > 1 or shapes[1][0] != shapes[2][0]:
            what = tr(
                f"MultiheadAttention: expected sizes (time, batch, {wanted}), got {shapes}.",
                f"MultiheadAttention：形状应为（时间，批量，{wanted}），得到 {shapes}。",
            )
            help = tr("set batch_first=True for (N, L, E)", "(N, L, E) 请设 batch_first=True")
            raise ShapeError(teach(what, help))

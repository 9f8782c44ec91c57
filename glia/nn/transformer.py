"""Transformer layers: encoder, decoder, and both together."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from glia.base.dtypes import as_dtype, float32
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.nn import functional as F
from glia.nn import init
from glia.nn.attention import MultiheadAttention
from glia.nn.containers import ModuleList
from glia.nn.dropout import Dropout
from glia.nn.linear import Linear
from glia.nn.module import Module
from glia.nn.normalization import LayerNorm
from glia.tensor.tensor import Tensor

Activation = str | Callable[[Tensor], Tensor]


def _function(activation: Any) -> Any:
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        what = tr(
            f"Transformer: expected activation 'relu', 'gelu' or a function, found {activation!r}.",
            f"Transformer：activation 应为 'relu'、'gelu' 或函数，得到 {activation!r}。",
        )
        raise ArgumentError(teach(what))
    return F.relu if activation == "relu" else F.gelu


def _clones(layer: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


class _Layer(Module):
    """What layers of the encoder and of the decoder have in common."""

    norm_first: bool
    activation: Any

    def _forward_part(self, x: Tensor, last: Dropout) -> Tensor:
        """``W₂ act(W₁ x)``."""
        hidden = self.dropout(self.activation(self.linear1(x)))
        return last(self.linear2(hidden))


class TransformerEncoderLayer(_Layer):
    """``x ← norm₁(x + attention(x))``, then ``x ← norm₂(x + W₂ act(W₁ x))``.

    With ``norm_first`` each norm stands before its part instead: ``x ← x + attention(norm₁(x))``.

    Args:
        d_model: size E of the vectors.
        nhead: heads of the attention.
        dim_feedforward: size between W₁ and W₂.
        dropout: probability, behind each part and inside.
        activation: ``"relu"``, ``"gelu"`` or a function.
        layer_norm_eps: ε of the norms.
        batch_first: (N, L, E) instead of (L, N, E).
        norm_first: see above.
        bias: whether linear maps and norms have biases.

    Shape:
        (L, N, E) or (L, E) → the same.

    Example:
        >>> import glia as gl
        >>> gl.nn.TransformerEncoderLayer(8, 2, 16)(gl.zeros(5, 1, 8)).shape
        (5, 1, 8)

    Source: Vaswani et al., "Attention is all you need" (2017).
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        attention = {"bias": bias, "batch_first": batch_first, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, **attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        self.activation = _function(activation)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """One layer; masks as in MultiheadAttention."""
        options = {
            "key_padding_mask": src_key_padding_mask,
            "attn_mask": src_mask,
            "need_weights": False,
            "is_causal": is_causal,
        }
        x = src
        if self.norm_first:
            y = self.norm1(x)
            x = x + self.dropout1(self.self_attn(y, y, y, **options)[0])
            return x + self._forward_part(self.norm2(x), self.dropout2)
        x = self.norm1(x + self.dropout1(self.self_attn(x, x, x, **options)[0]))
        return self.norm2(x + self._forward_part(x, self.dropout2))


class TransformerDecoderLayer(_Layer):
    """An encoder layer with a second attention, to ``memory``, in the middle.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias: as in TransformerEncoderLayer.

    Shape:
        tgt (T, N, E), memory (S, N, E) → (T, N, E).

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.TransformerDecoderLayer(8, 2, 16)
        >>> layer(gl.zeros(5, 1, 8), gl.zeros(3, 1, 8)).shape
        (5, 1, 8)

    Source: Vaswani et al., "Attention is all you need" (2017).
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        attention = {"bias": bias, "batch_first": batch_first, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, **attention)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, **attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype)
        self.norm_first = norm_first
        for number in (1, 2, 3):
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
            self.add_module(f"norm{number}", norm)
        for number in (1, 2, 3):
            self.add_module(f"dropout{number}", Dropout(dropout))
        self.activation = _function(activation)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """One layer; masks as in MultiheadAttention."""

        def attended(x: Tensor) -> Tensor:
            masks = (tgt_key_padding_mask, False, tgt_mask)
            found = self.self_attn(x, x, x, *masks, is_causal=tgt_is_causal)[0]
            return self.dropout1(found)  # type: ignore[no-any-return]

        def recalled(x: Tensor) -> Tensor:
            masks = (memory_key_padding_mask, False, memory_mask)
            found = self.multihead_attn(x, memory, memory, *masks, is_causal=memory_is_causal)[0]
            return self.dropout2(found)  # type: ignore[no-any-return]

        x = tgt
        if self.norm_first:
            x = x + attended(self.norm1(x))
            x = x + recalled(self.norm2(x))
            return x + self._forward_part(self.norm3(x), self.dropout3)
        x = self.norm1(x + attended(x))
        x = self.norm2(x + recalled(x))
        return self.norm3(x + self._forward_part(x, self.dropout3))


class TransformerEncoder(Module):
    """``num_layers`` copies of an encoder layer, one after the other, and perhaps a norm.

    Args:
        encoder_layer: the layer to copy; each copy learns weights of its own.
        num_layers: how many.
        norm: what follows the last.
        enable_nested_tensor, mask_check: accepted, without effect.

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.TransformerEncoderLayer(8, 2, 16)
        >>> net = gl.nn.TransformerEncoder(layer, 2)
        >>> net(gl.zeros(5, 1, 8)).shape, net.num_layers
        ((5, 1, 8), 2)
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """All layers; the masks go to each. ``is_causal`` True stands for a causal mask."""
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(Module):
    """``num_layers`` copies of a decoder layer, one after the other, and perhaps a norm.

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.TransformerDecoderLayer(8, 2, 16)
        >>> net = gl.nn.TransformerDecoder(layer, 2, norm=gl.nn.LayerNorm(8))
        >>> net(gl.zeros(5, 1, 8), gl.zeros(3, 1, 8)).shape
        (5, 1, 8)
    """

    def __init__(
        self,
        decoder_layer: TransformerDecoderLayer,
        num_layers: int,
        norm: Module | None = None,
    ) -> None:
        super().__init__()
        self.layers = _clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """All layers; the masks and ``memory`` go to each."""
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        x = tgt
        for layer in self.layers:
            x = layer(x, memory, *masks, bool(tgt_is_causal), memory_is_causal)
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """Encoder and decoder, each with a norm at its end; projections start Xavier-uniform.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias: as in TransformerEncoderLayer.
        num_encoder_layers, num_decoder_layers: how many of each.
        custom_encoder, custom_decoder: modules to use instead.

    Shape:
        src (S, N, E), tgt (T, N, E) → (T, N, E).

    Example:
        >>> import glia as gl
        >>> net = gl.nn.Transformer(8, 2, 1, 1, 16)
        >>> net(gl.zeros(3, 1, 8), gl.zeros(5, 1, 8)).shape
        (5, 1, 8)

    Source: Vaswani et al., "Attention is all you need" (2017).
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        sizes = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        options = (batch_first, norm_first, bias, dtype)
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*sizes, *options),
            num_encoder_layers,
            LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype),
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*sizes, *options),
            num_decoder_layers,
            LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype),
        )
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The decoder's result; masks as in MultiheadAttention."""
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            what = tr(
                f"Transformer: expected vectors of size {self.d_model}, got {src.shape} and "
                f"{tgt.shape}.",
                f"Transformer：向量大小应为 {self.d_model}，得到 {src.shape} 与 {tgt.shape}。",
            )
            raise ShapeError(teach(what, tr("d_model is the last size", "d_model 是最后一维")))
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        found = self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)
        return found  # type: ignore[no-any-return]

    @staticmethod
    def generate_square_subsequent_mask(sz: int, dtype: Any = None) -> Tensor:
        """-∞ above the diagonal, 0 elsewhere: query i looks at keys 0 … i only.

        >>> Transformer.generate_square_subsequent_mask(2)
        tensor([[  0., -inf],
                [  0.,   0.]])
        """
        mask = np.triu(np.full((sz, sz), -np.inf), 1)
        return Tensor(mask.astype(as_dtype(float32 if dtype is None else dtype).np))

"""GPT: a transformer that says what comes next, with nanoGPT's names."""

from __future__ import annotations

import math

import numpy as np

from glia import nn
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.nn import functional as F
from glia.tensor.create import arange
from glia.tensor.random import host_rng
from glia.tensor.tensor import Tensor, as_tensor, no_grad


class CausalSelfAttention(nn.Module):
    """Every position looks at itself and those before it, in several heads."""

    def __init__(self, n_embd: int, n_head: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.c_attn = nn.Linear(n_embd, 3 * n_embd, bias)
        self.c_proj = nn.Linear(n_embd, n_embd, bias)
        self.resid_dropout = nn.Dropout(dropout)
        self.n_head, self.dropout = n_head, dropout

    def forward(self, x: Tensor) -> Tensor:
        batch, time, size = x.shape
        parts = self.c_attn(x).reshape(batch, time, 3, self.n_head, size // self.n_head)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (batch, n_head, time, head_dim) each
        dropped = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropped, is_causal=True)
        y = y.permute(0, 2, 1, 3).reshape(batch, time, size)
        return self.resid_dropout(self.c_proj(y))


class MLP(nn.Module):
    """Two linear layers, four times as wide between them, with GELU."""

    def __init__(self, n_embd: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.c_fc = nn.Linear(n_embd, 4 * n_embd, bias)
        self.gelu = nn.GELU()
        self.c_proj = nn.Linear(4 * n_embd, n_embd, bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.c_proj(self.gelu(self.c_fc(x))))


class Block(nn.Module):
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``."""

    def __init__(self, n_embd: int, n_head: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(n_embd, bias=bias)
        self.attn = CausalSelfAttention(n_embd, n_head, dropout, bias)
        self.ln_2 = nn.LayerNorm(n_embd, bias=bias)
        self.mlp = MLP(n_embd, dropout, bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))  # (batch, time, n_embd)
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """Token and position embeddings, blocks of attention and MLP, a score for every next token.

    Weights start normal with standard deviation 0.02, those that end a residual branch with
    ``0.02 / √(2 n_layer)``; biases are zero. The head has weights of its own.

    Args:
        vocab_size: number of different tokens.
        block_size: longest sequence.
        n_layer: number of blocks.
        n_head: attention heads, a divisor of ``n_embd``.
        n_embd: size of a token's vector.
        dropout: probability of dropping, while training.
        bias: whether linear layers and layer norms have biases.

    Shape:
        (batch, time) of whole numbers -> (batch, time, vocab_size)

    Example:
        >>> from glia.tensor.create import tensor
        >>> GPT(vocab_size=11, block_size=8, n_layer=1, n_head=2, n_embd=16)(tensor([[1, 2]])).shape
        (1, 2, 11)

    Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019;
    A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
    """

    def __init__(
        self,
        vocab_size: int = 50304,
        block_size: int = 1024,
        n_layer: int = 12,
        n_head: int = 12,
        n_embd: int = 768,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if n_embd % n_head:
            what = tr(
                f"GPT: n_embd {n_embd} does not divide by n_head {n_head}.",
                f"GPT：n_embd {n_embd} 不能被 n_head {n_head} 整除。",
            )
            raise ArgumentError(teach(what))
        self.block_size = block_size
        self.wte = nn.Embedding(vocab_size, n_embd)
        self.wpe = nn.Embedding(block_size, n_embd)
        self.drop = nn.Dropout(dropout)
        self.h = nn.ModuleList(Block(n_embd, n_head, dropout, bias) for _ in range(n_layer))
        self.ln_f = nn.LayerNorm(n_embd, bias=bias)
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self._draw(n_layer)

    def _draw(self, n_layer: int) -> None:
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                last = name.endswith("c_proj")
                std = 0.02 / math.sqrt(2 * n_layer) if last else 0.02
                nn.init.normal_(module.weight, std=std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, idx: Tensor) -> Tensor:
        if idx.ndim != 2 or idx.shape[1] > self.block_size:
            what = tr(
                f"GPT: expected (batch, time) with time ≤ {self.block_size}, got {idx.shape}.",
                f"GPT：需要（批量，时间）且时间不超过 {self.block_size}，得到 {idx.shape}。",
            )
            raise ShapeError(teach(what, tr("cut the sequence", "请截短序列")))
        time = idx.shape[1]
        x = self.drop(self.wte(idx) + self.wpe(arange(time)))  # (batch, time, n_embd)
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))  # (batch, time, vocab_size)

    def generate(
        self, idx: Tensor, max_new_tokens: int, temperature: float = 1.0, top_k: int | None = None
    ) -> Tensor:
        """``idx`` (batch, time) with tokens drawn one after another behind it.

        Sequences are filled up to ``block_size``, so that one program serves every length.

        Args:
            idx: how the sequences begin; at least one token.
            max_new_tokens: how many to draw.
            temperature: scores are divided by it; 0 always takes the likeliest token.
            top_k: draw among so many likeliest tokens only.
        """
        tokens = as_tensor(idx).numpy()
        rng = host_rng()
        for _ in range(max_new_tokens):
            seen = tokens[:, -self.block_size :]
            room = self.block_size - seen.shape[1]
            with no_grad():
                scores = self(Tensor(np.pad(seen, ((0, 0), (0, room)))))
            last = scores.numpy()[:, seen.shape[1] - 1]  # (batch, vocab_size)
            drawn = _draw_tokens(last.astype(np.float64), temperature, top_k, rng)
            tokens = np.concatenate([tokens, drawn[:, None].astype(tokens.dtype)], 1)
        return Tensor(tokens)


def _draw_tokens(
    scores: np.ndarray, temperature: float, top_k: int | None, rng: np.random.Generator
) -> np.ndarray:
    """One token for every row of scores."""
    if temperature == 0:
        return scores.argmax(1)
    scores = scores / temperature
    if top_k is not None and top_k < scores.shape[1]:
        least = np.partition(scores, -top_k, 1)[:, -top_k, None]
        scores = np.where(scores < least, -np.inf, scores)
    share = np.exp(scores - scores.max(1, keepdims=True)).cumsum(1)
    return (share < rng.random((len(share), 1)) * share[:, -1:]).sum(1)

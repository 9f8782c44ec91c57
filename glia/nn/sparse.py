"""Embeddings: vectors looked up by number, alone and in bags."""

from __future__ import annotations

from typing import Any

import numpy as np

from glia.nn import functional as F
from glia.nn import init
from glia.nn.linear import check_count, empty_parameter
from glia.nn.lookup_functions import check_padding
from glia.nn.module import Module
from glia.tensor.functional import write
from glia.tensor.tensor import Parameter, Tensor


class Embedding(Module):
    """``out[…] = W[input[…]]``: a row of the weights for every number.

    Weights start standard normal; the row for padding is zero and stays as it is. Numbers out of
    range are an error where they are known when the layer is called; inside ``jit``, or where
    they are still to be computed, they give NaN.

    Args:
        num_embeddings: rows; the input holds numbers from 0 to num_embeddings - 1.
        embedding_dim: size of a row.
        padding_idx: a row that is not trained; negative counts from the end.
        max_norm: rows longer than this are shortened to it, in place, when they are looked up.
        norm_type: p of the norm that ``max_norm`` is about.
        scale_grad_by_freq: whether to divide a row's gradient by how often the input names it.
        sparse: accepted, without effect.
        dtype: floating-point type of the weights.

    Shape:
        (...) of whole numbers → (..., embedding_dim); weight (num_embeddings, embedding_dim).

    Raises:
        ArgumentError: a number is out of range.

    Example:
        >>> import glia as gl
        >>> gl.nn.Embedding(10, 3)(gl.tensor([[1, 2], [9, 0]])).shape
        (2, 2, 3)

    Source: Bengio et al., "A neural probabilistic language model" (2003).
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = check_count("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = check_count("Embedding", "embedding_dim", embedding_dim)
        self.padding_idx = check_padding(padding_idx, num_embeddings)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.weight = empty_parameter((num_embeddings, embedding_dim), dtype)
        self.reset_parameters()

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """A layer with these rows; frozen ones are not trained."""
        rows, size = embeddings.shape
        options = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        layer = cls(rows, size, *options)
        layer.weight = Parameter(embeddings.detach(), requires_grad=not freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draw the rows anew; the one for padding is zero."""
        _draw(self.weight, self.padding_idx)

    def forward(self, input: Tensor) -> Tensor:
        options = (self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse)
        return F.embedding(input, self.weight, self.padding_idx, *options)

    def extra_repr(self) -> str:
        shown = {
            "padding_idx": (self.padding_idx, None),
            "max_norm": (self.max_norm, None),
            "norm_type": (self.norm_type, 2),
            "scale_grad_by_freq": (self.scale_grad_by_freq, False),
            "sparse": (self.sparse, False),
        }
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        return text + _options(shown)


def _draw(weight: Parameter, padding: int | None) -> None:
    init.normal_(weight)
    if padding is not None:
        rows = weight.detach().numpy()
        rows[padding] = 0
        write([(weight, np.asarray(rows))])


def _options(shown: dict[str, tuple[Any, Any]]) -> str:
    """The options that are not as they are by default."""
    return "".join(f", {name}={v}" for name, (v, usual) in shown.items() if v != usual)


class EmbeddingBag(Module):
    """Sum, mean or maximum of the rows that each bag of numbers names.

    Args:
        num_embeddings, embedding_dim: as in Embedding; so are max_norm, norm_type,
            scale_grad_by_freq, sparse and dtype.
        mode: ``"sum"``, ``"mean"`` or ``"max"``.
        include_last_offset: whether a last offset says where the last bag ends.
        padding_idx: a row that is not trained, and counts nothing.

    Shape:
        (B, N), or (N) with offsets (B) → (B, embedding_dim).

    Example:
        >>> import glia as gl
        >>> gl.nn.EmbeddingBag(10, 3)(gl.tensor([1, 2, 9]), gl.tensor([0, 2])).shape
        (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = check_count("EmbeddingBag", "num_embeddings", num_embeddings)
        self.embedding_dim = check_count("EmbeddingBag", "embedding_dim", embedding_dim)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.mode, self.sparse = scale_grad_by_freq, mode, sparse
        self.include_last_offset = include_last_offset
        self.padding_idx = check_padding(padding_idx, num_embeddings)
        self.weight = empty_parameter((num_embeddings, embedding_dim), dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the rows anew; the one for padding is zero."""
        _draw(self.weight, self.padding_idx)

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        shown = {
            "max_norm": (self.max_norm, None),
            "norm_type": (self.norm_type, 2),
            "scale_grad_by_freq": (self.scale_grad_by_freq, False),
            "mode": (repr(self.mode), None),
            "padding_idx": (self.padding_idx, None),
        }
        return f"{self.num_embeddings}, {self.embedding_dim}" + _options(shown)

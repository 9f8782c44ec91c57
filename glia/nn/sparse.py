"""Embedding: vectors looked up by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from glia.nn import functional as F
from glia.nn import init
from glia.nn.linear import check_count, empty_parameter
from glia.nn.linear_functions import check_embedding, check_padding
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
        max_norm, scale_grad_by_freq: only None and False.
        norm_type, sparse: accepted, without effect.
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
        check_embedding(max_norm, scale_grad_by_freq)
        self.num_embeddings = check_count("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = check_count("Embedding", "embedding_dim", embedding_dim)
        self.padding_idx = check_padding(padding_idx, num_embeddings)
        self.weight = empty_parameter((num_embeddings, embedding_dim), dtype)
        self.reset_parameters()

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None
    ) -> Embedding:
        """A layer with these rows; frozen ones are not trained."""
        rows, size = embeddings.shape
        layer = cls(rows, size, padding_idx)
        layer.weight = Parameter(embeddings.detach(), requires_grad=not freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draw the rows anew; the one for padding is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            rows = self.weight.detach().numpy()
            rows[self.padding_idx] = 0
            write([(self.weight, np.asarray(rows))])

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        return text if self.padding_idx is None else f"{text}, padding_idx={self.padding_idx}"

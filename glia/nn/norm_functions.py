"""Normalisation as functions."""

from __future__ import annotations

from collections.abc import Sequence

from glia.nn import formulas as _f
from glia.tensor.tensor import Tensor, apply


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    affine = [t for t in (weight, bias) if t is not None]
    return apply(_f.layer_norm, (input, *affine), tuple(normalized_shape), float(eps))

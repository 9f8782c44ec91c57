"""Distances as functions; ``glia.nn.functional`` has them under PyTorch's names."""

from __future__ import annotations

import numpy as np

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.nn import distance_formulas as _d
from glia.tensor.tensor import Tensor, apply

#: PyTorch's names of ways to compute; differences are taken directly for each of them.
_MODES = (
    "use_mm_for_euclid_dist_if_necessary",
    "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """``x / max(‖x‖ₚ, ε)``: vectors along ``dim`` of length 1.

    >>> import glia as gl
    >>> normalize(gl.tensor([[3.0, 4.0]]))
    tensor([[0.6, 0.8]])
    """
    return apply(_d.normalize, (input,), float(p), dim, float(eps))


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """``x₁·x₂ / (max(‖x₁‖, ε) max(‖x₂‖, ε))`` along ``dim``; the other dimensions broadcast.

    >>> import glia as gl
    >>> cosine_similarity(gl.tensor([3.0, 4.0]), gl.tensor([4.0, 3.0]), dim=0)
    tensor(0.96)
    """
    return apply(_d.cosine_similarity, (x1, x2), dim, float(eps))


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """``‖x₁ - x₂ + ε‖ₚ`` over the last dimension.

    >>> import glia as gl
    >>> pairwise_distance(gl.tensor([[1.0, 2.0]]), gl.tensor([[4.0, 6.0]]), eps=0)
    tensor([5.])
    """
    return apply(_d.pairwise_distance, (x1, x2), float(p), float(eps), bool(keepdim))


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = _MODES[0]) -> Tensor:
    """``‖xᵢ - yⱼ‖ₚ`` between every row of ``x1`` and every row of ``x2``.

    Differences are taken directly, for every ``compute_mode``: nothing cancels for close points.

    Shape:
        (..., P, M), (..., R, M) → (..., P, R).

    Example:
        >>> import glia as gl
        >>> cdist(gl.tensor([[0.0, 0.0]]), gl.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([[5., 1.]])
    """
    if compute_mode not in _MODES:
        known = ", ".join(_MODES)
        what = tr(
            f"cdist: unknown compute_mode {compute_mode!r}.",
            f"cdist：未知的 compute_mode {compute_mode!r}。",
        )
        raise ArgumentError(teach(what, tr(f"use one of {known}", f"可用：{known}")))
    return apply(_d.cdist, (x1, x2), _d.check_power("cdist", p))


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """``‖xᵢ - xⱼ‖ₚ`` for all rows i < j, one after the other: (N, M) → (N (N - 1) / 2).

    >>> import glia as gl
    >>> pdist(gl.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])).shape
    (3,)
    """
    if input.ndim != 2:
        what = tr(
            f"pdist: expected rows (N, M), got {input.shape}.",
            f"pdist：需要 (N, M)，得到 {input.shape}。",
        )
        raise ShapeError(teach(what, tr("use cdist for batches", "批量请用 cdist")))
    first, second = (Tensor(index) for index in np.triu_indices(input.shape[0], 1))
    return apply(_d.pdist, (input, first, second), _d.check_power("pdist", p))

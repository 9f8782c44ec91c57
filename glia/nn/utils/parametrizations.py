"""Weights by direction and length, and weights of spectral norm 1."""

from __future__ import annotations

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.nn.distance_formulas import length, normalize
from glia.nn.module import Module
from glia.nn.utils.parametrize import register_parametrization
from glia.tensor.functional import defer, flush, settled
from glia.tensor.random import host_rng
from glia.tensor.tensor import Tensor, apply, to_numpy


def _lengths(v: Expr, dim: int | None) -> Expr:
    """``‖v‖`` of every slice along ``dim``; of the whole for None."""
    if dim is None:
        return length(v, 2, tuple(range(v.ndim)), False)
    at = normalize_dim(dim, v.ndim)
    return length(v, 2, tuple(d for d in range(v.ndim) if d != at), True)


def _weight(g: Expr, v: Expr, dim: int | None) -> Expr:
    return build.mul(v, build.div(g, _lengths(v, dim)))


class _WeightNorm(Module):
    """``w = g v / ‖v‖``."""

    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return apply(_weight, (weight_g, weight_v), self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return apply(_lengths, (weight,), self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let a weight be ``g v / ‖v‖``, lengths g and directions v learnt apart.

    They stand under ``parametrizations.<name>.original0`` and ``original1``.

    Args:
        module: whose weight it is.
        name: the weight's name.
        dim: each slice along it has a length of its own; None: one length for all.

    Example:
        >>> import glia as gl
        >>> layer = weight_norm(gl.nn.Linear(20, 40))
        >>> layer.parametrizations.weight.original0.shape
        (40, 1)

    Source: Salimans and Kingma, "Weight normalization" (2016).
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


def _matrix(weight: Expr, dim: int) -> Expr:
    order = (dim, *(d for d in range(weight.ndim) if d != dim))
    turned = build.permute(weight, order)
    return build.reshape(turned, (turned.shape[0], weight.numel // max(turned.shape[0], 1)))


def _left(_old: Expr, weight: Expr, v: Expr, dim: int, eps: float) -> Expr:
    """``W v`` as a unit vector."""
    return normalize(products.matmul(_matrix(build.detach(weight), dim), v), 2, 0, eps)


def _right(_old: Expr, weight: Expr, u: Expr, dim: int, eps: float) -> Expr:
    """``Wᵀ u`` as a unit vector."""
    turned = build.transpose(_matrix(build.detach(weight), dim), 0, 1)
    return normalize(products.matmul(turned, u), 2, 0, eps)


def _divided(weight: Expr, u: Expr, v: Expr, dim: int) -> Expr:
    """``W / (uᵀ W v)``."""
    image = products.matmul(_matrix(weight, dim), build.detach(v))
    return build.div(weight, build.sum_(build.mul(build.detach(u), image)))


class _SpectralNorm(Module):
    """``w = W / σ(W)``; σ by steps of the power method, one or more at each use in training."""

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        self.dim, self.eps = normalize_dim(dim, weight.ndim), float(eps)
        self.n_power_iterations = n_power_iterations
        if weight.ndim < 2:
            return
        matrix = np.moveaxis(to_numpy(weight), self.dim, 0)
        matrix = matrix.reshape(matrix.shape[0], -1)
        u, v = (host_rng().normal(size=n).astype(matrix.dtype) for n in matrix.shape)
        for _ in range(15):
            u = _unit(matrix @ v, eps)
            v = _unit(matrix.T @ u, eps)
        self.register_buffer("_u", Tensor(u))
        self.register_buffer("_v", Tensor(v))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim < 2:
            return apply(normalize, (weight,), 2.0, 0, self.eps)
        if self.training:
            for _ in range(self.n_power_iterations):
                defer(self._u, _left, (weight, self._v), self.dim, self.eps)
                defer(self._v, _right, (weight, self._u), self.dim, self.eps)
        elif not (settled(self._u) and settled(self._v)):
            flush()
        return apply(_divided, (weight, self._u, self._v), self.dim)


def _unit(x: np.ndarray, eps: float) -> np.ndarray:
    return x / max(float(np.linalg.norm(x)), eps)


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Let a weight be ``W / σ(W)``, σ its largest singular value as a matrix.

    σ is ``uᵀ W v``; u and v come closer to the singular vectors at each use while training.
    W stands under ``parametrizations.<name>.original``.

    Args:
        module: whose weight it is.
        name: the weight's name.
        n_power_iterations: steps of the power method at each use.
        eps: the least length that is divided by.
        dim: what counts the matrix's rows; the first, the second for transposed convolutions.

    Example:
        >>> import glia as gl
        >>> layer = spectral_norm(gl.nn.Linear(3, 4))
        >>> sorted(dict(layer.named_buffers()))
        ['parametrizations.weight.0._u', 'parametrizations.weight.0._v']

    Source: Miyato et al., "Spectral normalization for GANs" (2018).
    """
    weight = module._parameters.get(name)
    if weight is None or n_power_iterations < 1:
        what = tr(
            f"spectral_norm: no parameter '{name}', or {n_power_iterations} steps.",
            f"spectral_norm：没有参数“{name}”，或步数为 {n_power_iterations}。",
        )
        raise ArgumentError(teach(what))
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    made = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return register_parametrization(module, name, made)

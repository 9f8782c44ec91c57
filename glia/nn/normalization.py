"""Normalisation as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import as_dtype, float32
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import functional as F
from glia.nn import init
from glia.nn import norm_formulas as _n
from glia.nn.linear import check_count, empty_parameter
from glia.nn.module import Module
from glia.nn.norm_functions import scale_and_shift
from glia.tensor.functional import defer, flush, settled, write
from glia.tensor.tensor import Parameter, Tensor, apply


class _Tracked(Module):
    """A norm over channels that may keep running averages of mean and variance."""

    ranks: tuple[int, ...] = ()
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = check_count(type(self).__name__, "num_features", num_features)
        self.eps = float(eps)
        self.momentum = None if momentum is None else float(momentum)
        self.affine, self.track_running_stats = affine, track_running_stats
        shape = (num_features,)
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, empty_parameter(shape, dtype) if wanted else None)
        kind = as_dtype(float32 if dtype is None else dtype).np
        values = {
            "running_mean": np.zeros(shape, kind),
            "running_var": np.ones(shape, kind),
            "num_batches_tracked": np.zeros((), np.int64),
        }
        for name, value in values.items():
            self.register_buffer(name, Tensor(value) if track_running_stats else None)
        if self.weight is not None:
            init.ones_(self.weight)

    def reset_running_stats(self) -> None:
        """Mean 0, variance 1, no batches."""
        if self.running_mean is not None and self.running_var is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            assert self.num_batches_tracked is not None
            write([(self.num_batches_tracked, np.zeros((), np.int64))])

    def reset_parameters(self) -> None:
        """Running statistics, scale and shift as at the start."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        text = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"
        text += f", affine={self.affine}, bias={self.bias is not None}"
        return text + f", track_running_stats={self.track_running_stats}"


class _BatchNorm(_Tracked):
    """``y = (x - E x) / √(Var x + ε) · w + b``, E and Var per channel.

    While training, E and Var are those of the batch (biased variance), and running averages of
    them (unbiased variance) are kept for evaluation: ``r ← (1 - momentum) r + momentum · new``.
    The averages are computed by ``optimizer.step()``, in the same program as the gradients.

    Args:
        num_features: channels, the second size of the input.
        eps: ε.
        momentum: weight of the new batch; None gives the plain average over all batches.
        affine: whether to learn w and b; ``bias=False`` leaves b out.
        track_running_stats: whether to keep averages; else the batch's own are always used.

    Source: Ioffe and Szegedy, "Batch normalization" (2015).
    """

    def forward(self, input: Tensor) -> Tensor:
        _n.check_rank(input._node.expr, self.num_features, self.ranks, type(self).__name__)
        mean, variance = self.running_mean, self.running_var
        parts, flags = scale_and_shift(self.weight, self.bias)
        if self.training or mean is None or variance is None:
            out = apply(_n.batch_norm_train, (input, *parts), flags, self.eps)
            if self.training and mean is not None:
                self._track(input)
            return out
        if not (settled(mean) and settled(variance)):
            flush()
        return apply(_n.norm_eval, (input, mean, variance, *parts), flags, self.eps)

    def _track(self, input: Tensor) -> None:
        mean, variance, count = self.running_mean, self.running_var, self.num_batches_tracked
        assert mean is not None and variance is not None and count is not None
        defer(count, _n.count_up, ())
        if self.momentum is None:
            defer(mean, _n.average_mean, (input, count))
            defer(variance, _n.average_variance, (input, count))
        else:
            defer(mean, _n.running_mean, (input,), self.momentum)
            defer(variance, _n.running_variance, (input,), self.momentum)


class BatchNorm1d(_BatchNorm):
    """Batch norm of (N, C) or (N, C, L).

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.BatchNorm1d(1)
        >>> layer(gl.tensor([[2.0], [6.0]]))
        tensor([[-1.],
                [ 1.]], requires_grad=True)
        >>> layer.running_mean, layer.running_var
        (tensor([0.4]), tensor([1.7]))
    """

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch norm of (N, C, H, W).

    Example:
        >>> import glia as gl
        >>> x = gl.tensor([1.0, 3.0, 10.0, 30.0]).reshape(1, 2, 1, 2)
        >>> gl.nn.BatchNorm2d(2, affine=False)(x)[0, :, 0]
        tensor([[-1.,  1.],
                [-1.,  1.]])
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch norm of (N, C, D, H, W).

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.BatchNorm3d(2, track_running_stats=False)
        >>> layer(gl.ones(1, 2, 3, 3, 3)).shape, list(layer.state_dict())
        ((1, 2, 3, 3, 3), ['weight', 'bias'])
    """

    ranks = (5,)


class _InstanceNorm(_Tracked):
    """``y = (x - E x) / √(Var x + ε) · w + b``, E and Var of each sample's channel.

    Args:
        num_features: C.
        eps: ε.
        momentum: weight of the new batch in the running averages.
        affine: whether to learn w and b; ``bias=False`` leaves b out.
        track_running_stats: whether to keep averages, and to use them in evaluation mode.

    Source: Ulyanov, Vedaldi, Lempitsky, "Instance normalization" (2016).
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        single = input.ndim == self.ranks[0] - 1
        x = input.unsqueeze(0) if single else input
        _n.check_rank(x._node.expr, self.num_features, self.ranks, type(self).__name__)
        mean, variance = self.running_mean, self.running_var
        own = self.training or mean is None
        if not own and mean is not None and variance is not None:
            if not (settled(mean) and settled(variance)):
                flush()
        momentum = 0.0 if self.momentum is None else self.momentum
        parts = (mean, variance, self.weight, self.bias)
        out = F.instance_norm(x, *parts, own, momentum, self.eps)
        return out.squeeze(0) if single else out


class InstanceNorm1d(_InstanceNorm):
    """Instance norm of (N, C, L) or (C, L).

    Example:
        >>> import glia as gl
        >>> gl.nn.InstanceNorm1d(2)(gl.tensor([[[1.0, 3.0], [10.0, 30.0]]]))
        tensor([[[-1.,  1.],
                 [-1.,  1.]]])
    """

    ranks = (3,)


class InstanceNorm2d(_InstanceNorm):
    """Instance norm of (N, C, H, W) or (C, H, W).

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.InstanceNorm2d(3)
        >>> layer(gl.ones(2, 3, 4, 4)).shape, list(layer.parameters())
        ((2, 3, 4, 4), [])
    """

    ranks = (4,)


class InstanceNorm3d(_InstanceNorm):
    """Instance norm of (N, C, D, H, W) or (C, D, H, W).

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.InstanceNorm3d(3, affine=True)
        >>> layer(gl.ones(2, 3, 4, 4, 4)).shape, layer.weight.shape
        ((2, 3, 4, 4, 4), (3,))
    """

    ranks = (5,)


_KINDS: tuple[type[Module], ...] = (BatchNorm1d, BatchNorm2d, BatchNorm3d)
_KINDS += (InstanceNorm1d, InstanceNorm2d, InstanceNorm3d)
for _kind in _KINDS:
    _shape, _, _example = (_kind.__doc__ or "").partition("\n\n")
    _kind.__doc__ = f"{_shape}\n\n    {_kind.__mro__[1].__doc__}\n\n{_example}"


class LayerNorm(Module):
    """``y = (x - E x) / √(Var x + ε) · w + b`` over the last dimensions of each sample.

    Args:
        normalized_shape: sizes of the last dimensions, or the last size.
        eps: ε.
        elementwise_affine: whether to learn w and b, of that shape.
        bias: whether there is b.

    Shape:
        (..., *normalized_shape) → the same.

    Example:
        >>> import glia as gl
        >>> gl.nn.LayerNorm(2, elementwise_affine=False)(gl.tensor([[1.0, 3.0], [10.0, 30.0]]))
        tensor([[-1.,  1.],
                [-1.,  1.]])

    Source: Ba, Kiros, Hinton, "Layer normalization" (2016).
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _checked_sizes("LayerNorm", normalized_shape)
        self.eps, self.elementwise_affine = float(eps), elementwise_affine
        for name, wanted in (("weight", True), ("bias", bias)):
            made = elementwise_affine and wanted
            shape = self.normalized_shape
            self.register_parameter(name, empty_parameter(shape, dtype) if made else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1, shift 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = self.elementwise_affine
        text = f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}"
        return f"{text}, bias={self.bias is not None}"


def _checked_sizes(layer: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    sizes = [shape] if isinstance(shape, int) else shape
    return tuple(check_count(layer, "normalized_shape", size) for size in sizes)


class RMSNorm(Module):
    """``y = x / √(E x² + ε) · w`` over the last dimensions of each sample.

    Args:
        normalized_shape: sizes of the last dimensions, or the last size.
        eps: ε; None is the smallest step above 1 in the input's dtype.
        elementwise_affine: whether to learn w, of that shape.

    Shape:
        (..., *normalized_shape) → the same.

    Example:
        >>> import glia as gl
        >>> gl.nn.RMSNorm(4, elementwise_affine=False)(gl.tensor([3.0, 4.0, 0.0, 0.0]))
        tensor([1.2, 1.6, 0. , 0. ])

    Source: Zhang and Sennrich, "Root mean square layer normalization" (2019).
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _checked_sizes("RMSNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        shape = self.normalized_shape
        made = empty_parameter(shape, dtype) if elementwise_affine else None
        self.register_parameter("weight", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        affine = self.elementwise_affine
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}"


class GroupNorm(Module):
    """``y = (x - E x) / √(Var x + ε) · w + b``, E and Var over groups of channels of each sample.

    Args:
        num_groups: how many groups; a divisor of the channels.
        num_channels: C.
        eps: ε.
        affine: whether to learn w and b, one per channel; ``bias=False`` leaves b out.

    Shape:
        (N, C, …) → the same.

    Example:
        >>> import glia as gl
        >>> gl.nn.GroupNorm(2, 4, affine=False)(gl.tensor([[1.0, 3.0, 10.0, 30.0]]))
        tensor([[-1.,  1., -1.,  1.]])

    Source: Wu and He, "Group normalization" (2018).
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_groups = check_count("GroupNorm", "num_groups", num_groups)
        self.num_channels = check_count("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            what = tr(
                f"GroupNorm: {num_channels} channels do not divide into {num_groups} groups.",
                f"GroupNorm：{num_channels} 个通道不能分成 {num_groups} 组。",
            )
            raise ArgumentError(teach(what))
        self.eps, self.affine = float(eps), affine
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            made = empty_parameter((num_channels,), dtype) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1, shift 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        text = f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
        return f"{text}, bias={self.bias is not None}"


class LocalResponseNorm(Module):
    """``x / (k + α/n Σ x²)^β``; the sum runs over the n channels around each of (N, C, …).

    Example:
        >>> import glia as gl
        >>> gl.nn.LocalResponseNorm(2, alpha=1.0, beta=1.0)(gl.tensor([[[1.0], [2.0]]]))
        tensor([[[0.6667],
                 [0.5714]]])

    Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification" (2012), section 3.3.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"

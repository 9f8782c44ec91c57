"""Batch norm and layer norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import as_dtype, float32
from glia.ir.expr import Expr
from glia.nn import formulas as _f
from glia.nn import init
from glia.nn.linear import check_count, empty_parameter
from glia.nn.module import Module
from glia.tensor.functional import defer, flush, settled, write
from glia.tensor.tensor import Parameter, Tensor, apply


class _BatchNorm(Module):
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

    def forward(self, input: Tensor) -> Tensor:
        mean, variance = self.running_mean, self.running_var
        affine = tuple([t for t in (self.weight, self.bias) if t is not None])
        kind = (self.num_features, self.ranks, type(self).__name__)
        if self.training or mean is None or variance is None:
            out = apply(_train, (input, *affine), self.eps, *kind)
            if self.training and mean is not None:
                self._track(input)
            return out
        if not (settled(mean) and settled(variance)):
            flush()
        return apply(_eval, (input, mean, variance, *affine), self.eps, *kind)

    def _track(self, input: Tensor) -> None:
        mean, variance, count = self.running_mean, self.running_var, self.num_batches_tracked
        assert mean is not None and variance is not None and count is not None
        defer(count, _f.count_up, ())
        if self.momentum is None:
            defer(mean, _f.average_mean, (input, count))
            defer(variance, _f.average_variance, (input, count))
        else:
            defer(mean, _f.running_mean, (input,), self.momentum)
            defer(variance, _f.running_variance, (input,), self.momentum)

    def extra_repr(self) -> str:
        text = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"
        text += f", affine={self.affine}, bias={self.bias is not None}"
        return text + f", track_running_stats={self.track_running_stats}"


def _train(x: Expr, *rest: Any) -> Expr:
    *affine, eps, features, ranks, layer = rest
    _f.check_batch(x, features, ranks, layer)
    return _f.batch_norm_train(x, *affine, eps)


def _eval(x: Expr, mean: Expr, variance: Expr, *rest: Any) -> Expr:
    *affine, eps, features, ranks, layer = rest
    _f.check_batch(x, features, ranks, layer)
    return _f.batch_norm_eval(x, mean, variance, *affine, eps)


class BatchNorm1d(_BatchNorm):
    """Batch norm of (N, C) or (N, C, L)."""

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch norm of (N, C, H, W)."""

    ranks = (4,)


BatchNorm1d.__doc__ = f"{BatchNorm1d.__doc__}\n\n    {_BatchNorm.__doc__}"
BatchNorm2d.__doc__ = f"{BatchNorm2d.__doc__}\n\n    {_BatchNorm.__doc__}"


class LayerNorm(Module):
    """``y = (x - E x) / √(Var x + ε) · w + b`` over the last dimensions of each sample.

    Args:
        normalized_shape: sizes of the last dimensions, or the last size.
        eps: ε.
        elementwise_affine: whether to learn w and b, of that shape.
        bias: whether there is b.

    Shape:
        (..., *normalized_shape) → the same.

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
        sizes = [normalized_shape] if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(
            check_count("LayerNorm", "normalized_shape", size) for size in sizes
        )
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
        affine = [t for t in (self.weight, self.bias) if t is not None]
        return apply(_f.layer_norm, (input, *affine), self.normalized_shape, self.eps)

    def extra_repr(self) -> str:
        affine = self.elementwise_affine
        text = f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}"
        return f"{text}, bias={self.bias is not None}"

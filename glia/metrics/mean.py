"""Averages: of any number, of the loss, of errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.metrics.metric import Metric, as_array, need_examples, refuse_shapes


class Mean(Metric):
    """The weighted mean ``Σ wᵢ xᵢ / Σ wᵢ``, accumulated in float64.

    Example:
        >>> mean = Mean()
        >>> mean.update(2.0)
        >>> mean.update(5.0, 3)
        >>> mean.compute()
        4.25
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.total = 0.0
        self.weight = 0.0

    def update(self, outputs: Any, labels: Any = None) -> None:
        """Take in values (first argument) with their weights (second; 1 when left out)."""
        values = as_array(outputs).astype(np.float64)
        weights = np.asarray(1.0 if labels is None else as_array(labels), np.float64)
        if weights.shape not in ((), values.shape):
            refuse_shapes(
                "Mean",
                "values, and one weight or as many",
                "若干数值，以及一个或同样多的权重",
                values.shape,
                weights.shape,
            )
        if (weights < 0).any():
            what = tr("Mean: weights must not be negative.", "Mean：权重不能为负。")
            raise ArgumentError(teach(what, tr("pass weights ≥ 0", "请传入不小于 0 的权重")))
        self.total += float((values * weights).sum())
        self.weight += float(np.broadcast_to(weights, values.shape).sum())

    def compute(self) -> float:
        need_examples(type(self).__name__, self.weight)
        return self.total / self.weight


class Loss(Mean):
    """The mean loss per example, each batch weighted by its size.

    Args:
        loss_fn: called as ``loss_fn(outputs, labels)``, giving the mean over the batch. Without
            it ``update`` takes the loss itself first: ``update(loss)`` or ``update(loss, labels)``.

    Raises:
        ShapeError: a loss that is not one number.

    Example:
        >>> loss = Loss()
        >>> loss.update(1.0, [0, 1, 1])  # the mean over three examples
        >>> loss.update(5.0, [1])
        >>> loss.compute()
        2.0
    """

    def __init__(self, loss_fn: Callable[[Any, Any], Any] | None = None) -> None:
        self.loss_fn = loss_fn
        super().__init__()

    def update(self, outputs: Any, labels: Any = None) -> None:
        loss = outputs if self.loss_fn is None else self.loss_fn(outputs, labels)
        value = as_array(loss)
        if value.size != 1:
            refuse_shapes(
                "Loss",
                "one number (a loss with reduction='mean')",
                "一个数（reduction='mean' 的损失）",
                value.shape,
            )
        shape = () if labels is None else tuple(np.shape(as_array(labels)))
        super().update(value.reshape(()), shape[0] if shape else 1)


class _Difference(Mean):
    """Shared by errors of regression: element by element, never broadcast."""

    def update(self, outputs: Any, labels: Any = None) -> None:
        found, wanted = as_array(outputs), as_array(labels)
        if found.shape != wanted.shape:
            refuse_shapes(
                type(self).__name__,
                "outputs and labels of the same shape",
                "形状相同的输出与标签",
                found.shape,
                wanted.shape,
            )
        super().update(self.error(found.astype(np.float64) - wanted.astype(np.float64)))

    def error(self, difference: np.ndarray) -> np.ndarray:
        """What is averaged, from output minus label."""
        raise NotImplementedError


class MSE(_Difference):
    """Mean squared error ``Σ (y - ŷ)² / n``.

    Example:
        >>> error = MSE()
        >>> error.update([1.0, 2.0], [0.0, 4.0])
        >>> error.compute()
        2.5
    """

    def error(self, difference: np.ndarray) -> np.ndarray:
        return difference**2


class MAE(_Difference):
    """Mean absolute error ``Σ |y - ŷ| / n``.

    Example:
        >>> error = MAE()
        >>> error.update([1.0, 2.0], [0.0, 4.0])
        >>> error.compute()
        1.5
    """

    def error(self, difference: np.ndarray) -> np.ndarray:
        return np.abs(difference)

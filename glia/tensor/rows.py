"""``Rows``: batches of a data set that lies in memory, for many steps in one native call."""

from __future__ import annotations

from typing import Any

import numpy as np

from glia.base.dtypes import as_dtype
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.runtime.slots import acquire
from glia.tensor.node import computed
from glia.tensor.tensor import Tensor, to_numpy, wrap


class Rows:
    """At step k of :meth:`jit.many`, the batch ``data[order[k]]``.

    Args:
        data: a tensor or an array; the first dimension counts the examples. An array is read
            where it lies, so it must not change while the steps run.
        order: whole numbers, one row of them for each step: which examples make its batch.

    Shape:
        data (N, …), order (steps, batch); the function gets (batch, …).

    Raises:
        ShapeError: data without a first dimension, or an order that is not a table.
        ArgumentError: an order that leads outside the data.

    Example:
        >>> import glia as gl
        >>> total = gl.jit(lambda x: x.sum())
        >>> batches = gl.Rows(gl.tensor([1.0, 2.0, 4.0, 8.0]), [[0, 3], [2, 2]])
        >>> total.many(2, batches)
        tensor([9., 8.])
    """

    def __init__(self, data: Tensor | np.ndarray, order: Any) -> None:
        array = to_numpy(data) if isinstance(data, Tensor) else np.asarray(data)
        self.dtype = as_dtype(array.dtype)
        self.array = np.ascontiguousarray(array, self.dtype.np)
        self.order = np.ascontiguousarray(order, np.int64)
        if not array.ndim or self.order.ndim != 2:
            what = tr(
                f"Rows: expected data (N, …) and order (steps, batch), found shapes "
                f"{array.shape} and {self.order.shape}.",
                f"Rows：data 应为 (N, …)，order 应为 (步数, 批大小)，"
                f"实际形状为 {array.shape} 和 {self.order.shape}。",
            )
            raise ShapeError(teach(what, "order.reshape(-1, batch_size)"))
        count = len(self.array)
        if self.order.size and not (self.order.min() >= 0 and self.order.max() < count):
            what = tr(
                f"Rows: order must name rows from 0 to {count - 1}, found "
                f"{self.order.min()} to {self.order.max()}.",
                f"Rows：order 中的行号应在 0 到 {count - 1} 之间，实际为 "
                f"{self.order.min()} 到 {self.order.max()}。",
            )
            raise ArgumentError(teach(what))


def check_times(times: object) -> None:
    """How often is a whole number of at least 1."""
    if isinstance(times, bool) or not isinstance(times, int | np.integer) or times < 1:
        what = tr(
            f"many: expected a number of steps of at least 1, found {times!r}.",
            f"many：步数应为不小于 1 的整数，实际为 {times!r}。",
        )
        raise ArgumentError(teach(what, "step.many(100, x, y)"))


def land(argument: Any, times: int, landed: dict[int, Rows]) -> Any:
    """The tensor that batches are copied into, for ``Rows``; any other argument as it is."""
    if not isinstance(argument, Rows):
        return argument
    if len(argument.order) != times:
        what = tr(
            f"many: {times} steps, but the order of Rows has batches for {len(argument.order)}.",
            f"many：共 {times} 步，而 Rows 的 order 只有 {len(argument.order)} 个批次。",
        )
        raise ArgumentError(teach(what, "step.many(len(order), Rows(x, order))"))
    shape = (argument.order.shape[1], *argument.array.shape[1:])
    tensor = wrap(computed(acquire(shape, argument.dtype)))
    landed[id(tensor)] = argument
    return tensor

"""What ``Model.train(sink=True)`` needs: data that lie in memory, and a sense of pace."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.tensor.create import from_numpy
from glia.tensor.rows import Rows
from glia.tensor.tensor import Tensor

#: A native call lasts about so long, so that progress moves and Ctrl-C is heard.
SECONDS = 0.1
#: A call takes at most so many times the steps of the one before, whose pace is known.
GROWTH = 16


class Resident:
    """A loader whose data set lies in memory, as inputs and labels.

    Raises:
        ArgumentError: the data are not such.
    """

    def __init__(self, data: Any) -> None:
        arrays = getattr(data, "resident_arrays", lambda: None)()
        if arrays is None or len(arrays) != 2 or getattr(data, "batch_sampler", None) is not None:
            found = type(getattr(data, "dataset", data)).__name__
            what = tr(
                f"train(sink=True): the data must lie in memory as two arrays, inputs and labels; "
                f"found {found}.",
                f"train(sink=True)：数据须以输入、标签两个数组的形式全部在内存中；实际为 {found}。",
            )
            help = tr(
                "use DataLoader(TensorDataset(x, y), batch_size=32) without collate_fn and "
                "batch_sampler, or leave sink out",
                "请使用不带 collate_fn 和 batch_sampler 的 "
                "DataLoader(TensorDataset(x, y), batch_size=32)，或去掉 sink",
            )
            raise ArgumentError(teach(what, help))
        self.loader = data
        self.arrays = tuple([np.ascontiguousarray(array) for array in arrays])

    def begin(self) -> tuple[np.ndarray, int]:
        """Begin an epoch: its order from where the loader stands, and the batch size."""
        return self.loader.next_order(), self.loader.batch_size

    def advance(self, steps: int) -> None:
        """Batches that were used."""
        self.loader.advance(steps)

    def rows(self, order: np.ndarray) -> list[Rows]:
        """Inputs and labels of batches, for ``jit.many``."""
        return [Rows(array, order) for array in self.arrays]

    def labels(self, order: np.ndarray) -> np.ndarray:
        """The labels of batches, one after the other."""
        return self.arrays[1].take(order.reshape(-1), axis=0)

    def batch(self, order: np.ndarray) -> tuple[Tensor, Tensor]:
        """One batch."""
        x, y = (from_numpy(array.take(order, axis=0)) for array in self.arrays)
        return x, y


class Pace:
    """How many steps a native call may take."""

    def __init__(self) -> None:
        self.steps = 1
        self._started = 0.0

    def start(self) -> None:
        self._started = time.perf_counter()

    def took(self, steps: int) -> None:
        """So many steps were taken since ``start``."""
        seconds = max(time.perf_counter() - self._started, 1e-9)
        self.steps = max(1, int(steps * min(SECONDS / seconds, GROWTH)))

"""What every metric is: a small accumulator, fed batch by batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr


class Metric(ABC):
    """Accumulates over batches: ``reset()``, then ``update(outputs, labels)`` for each, then
    ``compute()``.

    To write one, subclass and give these three; ``update`` may take tensors or arrays, which
    ``as_array`` turns into arrays. Results do not depend on how examples are cut into batches.

    Example:
        >>> class Largest(Metric):
        ...     def reset(self):
        ...         self.value = float("-inf")
        ...     def update(self, outputs, labels=None):
        ...         self.value = max(self.value, float(as_array(outputs).max()))
        ...     def compute(self):
        ...         return self.value
        >>> largest = Largest()
        >>> largest.reset()
        >>> largest.update([1.0, 5.0])
        >>> largest.update([3.0])
        >>> largest.compute()
        5.0
    """

    @abstractmethod
    def reset(self) -> None:
        """Forget everything."""

    @abstractmethod
    def update(self, outputs: Any, labels: Any) -> None:
        """Take in one batch."""

    @abstractmethod
    def compute(self) -> Any:
        """The value over everything since ``reset``."""

    def __call__(self, outputs: Any, labels: Any) -> Any:
        """The value of this one batch, which is also taken in."""
        alone = self.fresh()
        alone.update(outputs, labels)
        self.update(outputs, labels)
        return alone.compute()

    def fresh(self) -> Metric:
        """A metric with the same settings that has seen nothing."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.reset()
        return other


def as_array(values: Any) -> np.ndarray:
    """A NumPy array from a tensor, an array, a list or a number."""
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "numpy"):
        return np.asarray(values.numpy())
    return np.asarray(values)


def refuse_shapes(name: str, expected_en: str, expected_zh: str, *shapes: tuple[int, ...]) -> None:
    """Raise the shape error of a metric: what was expected, what was found, what to do."""
    shown = " / ".join(str(shape) for shape in shapes)
    what = tr(
        f"{name}: expected {expected_en}, found outputs {shown.replace(' / ', ' and labels ')}.",
        f"{name}：应为 {expected_zh}，实际为输出 {shown.replace(' / ', '，标签 ')}。",
    )
    help = tr(
        "pass the network's outputs first, the labels second, one label per example",
        "请先传入网络输出，再传入标签，每个样本一个标签",
    )
    raise ShapeError(teach(what, help))


def need_examples(name: str, count: float) -> None:
    """Refuse to compute from nothing."""
    if count:
        return
    what = tr(f"{name}: nothing to compute from yet.", f"{name}：还没有可计算的数据。")
    help = tr(
        "call update(outputs, labels) first; an empty data set gives none",
        "请先调用 update(outputs, labels)；空数据集没有结果",
    )
    raise ArgumentError(teach(what, help))


def need_whole_labels(name: str, labels: np.ndarray) -> None:
    """Class labels are whole numbers; floats are a sign of swapped or one-hot arguments."""
    if labels.dtype.kind in "iub":
        return
    what = tr(
        f"{name}: labels must be whole numbers, found {labels.dtype}.",
        f"{name}：标签必须是整数，实际为 {labels.dtype}。",
    )
    help = tr(
        "pass class numbers, for example labels.argmax(1) of one-hot labels",
        "请传入类别编号，例如对独热标签使用 labels.argmax(1)",
    )
    raise DTypeError(teach(what, help))


def predicted_classes(name: str, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Class numbers from scores (N, C, …), or the numbers themselves where given.

    A row with a NaN has no largest score; it counts as class -1, which is never right.
    """
    need_whole_labels(name, labels)
    if outputs.shape == labels.shape and outputs.dtype.kind in "iub":
        return outputs.astype(np.int64)
    scores = outputs.ndim >= 2 and outputs.shape[:1] + outputs.shape[2:] == labels.shape
    if not scores or outputs.shape[1] < 2:
        refuse_shapes(
            name,
            "scores (N, C, …) with C ≥ 2 and labels (N, …), or class numbers of the same shape",
            "得分 (N, C, …)（C ≥ 2）与标签 (N, …)，或形状相同的类别编号",
            outputs.shape,
            labels.shape,
        )
    best = outputs.argmax(axis=1)
    if outputs.dtype.kind != "f":
        return best
    largest = np.take_along_axis(outputs, np.expand_dims(best, 1), axis=1).squeeze(1)
    return np.where(np.isnan(largest), -1, best)

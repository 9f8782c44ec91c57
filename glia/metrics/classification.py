"""Metrics of classifiers: accuracy and the confusion matrix with what follows from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.metrics.metric import (
    Metric,
    as_array,
    need_examples,
    need_whole_labels,
    predicted_classes,
    refuse_shapes,
)


class Accuracy(Metric):
    """The share of examples whose label has the largest score: ``right / all``.

    With ``top_k`` an example is right when its label is among the k largest scores (of equal
    scores the one with the lower class number ranks first). With ``threshold`` the outputs are
    one score per example, class 1 when above it: 0 for logits, 0.5 for probabilities.

    Args:
        top_k: 1 or more.
        threshold: for two classes with one output.

    Shape:
        outputs (N, C, …) and labels (N, …); or class numbers shaped as the labels; with
        ``threshold`` outputs (N, …) or (N, 1) and labels (N, …).

    Raises:
        ShapeError: outputs and labels do not fit; nothing is broadcast.
        ArgumentError: impossible settings, or ``compute`` before any example.

    Example:
        >>> import numpy as np
        >>> accuracy = Accuracy()
        >>> accuracy.update(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
        >>> accuracy.compute()
        0.5
    """

    def __init__(self, top_k: int = 1, threshold: float | None = None) -> None:
        if not isinstance(top_k, int) or top_k < 1 or (top_k > 1 and threshold is not None):
            what = tr(
                f"Accuracy: expected top_k ≥ 1, and no threshold with top_k > 1; found "
                f"top_k={top_k!r}, threshold={threshold!r}.",
                f"Accuracy：top_k 应 ≥ 1，且 top_k > 1 时不能用 threshold；实际 "
                f"top_k={top_k!r}，threshold={threshold!r}。",
            )
            raise ArgumentError(teach(what, tr("use top_k=1", "请用 top_k=1")))
        self.top_k = top_k
        self.threshold = threshold
        self.reset()

    def reset(self) -> None:
        self.right = 0
        self.count = 0

    def update(self, outputs: Any, labels: Any) -> None:
        scores, truth = as_array(outputs), as_array(labels)
        if self.threshold is not None:
            right = self._above(scores, truth)
        elif self.top_k > 1:
            right = self._among_best(scores, truth)
        else:
            right = predicted_classes("Accuracy", scores, truth) == truth
        self.right += int(np.count_nonzero(right))
        self.count += right.size

    def compute(self) -> float:
        need_examples("Accuracy", self.count)
        return self.right / self.count

    def _above(self, scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
        need_whole_labels("Accuracy", truth)
        if scores.shape == (*truth.shape, 1):
            scores = scores[..., 0]
        if scores.shape != truth.shape:
            refuse_shapes(
                "Accuracy",
                "one score per label",
                "每个标签一个得分",
                scores.shape,
                truth.shape,
            )
        return ((scores > self.threshold) == (truth == 1)) & ~np.isnan(scores) & (truth >= 0)

    def _among_best(self, scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
        if scores.shape == truth.shape:
            scores = scores[:0]  # class numbers have no second best: refuse them below
        predicted_classes("Accuracy", scores, truth)
        rows = np.moveaxis(scores, 1, -1)
        valid = (truth >= 0) & (truth < rows.shape[-1])
        label = np.where(valid, truth, 0)[..., None].astype(np.int64)
        own = np.take_along_axis(rows, label, -1)
        earlier = np.arange(rows.shape[-1]) < label
        rank = ((rows > own) | ((rows == own) & earlier)).sum(-1)
        return valid & (rank < self.top_k) & ~np.isnan(rows).any(-1)


class ConfusionMatrix(Metric):
    """How often class ``i`` was taken for class ``j``: ``counts[i, j]``, rows the true classes.

    Precision, recall and F1 of each class follow from it:
    ``precision = counts[j, j] / column sum``, ``recall = counts[i, i] / row sum``,
    ``F1 = 2 precision·recall / (precision + recall)``; 0 where the denominator is 0.

    Args:
        num_classes: C; None grows the matrix with the classes that occur.

    Shape:
        outputs (N, C, …) or class numbers shaped as the labels; labels (N, …).

    Raises:
        ShapeError: outputs and labels do not fit.
        ArgumentError: a label outside 0 … C-1, outputs that are NaN, or ``compute`` too early.

    Example:
        >>> matrix = ConfusionMatrix()
        >>> matrix.update([0, 1, 1, 1], [0, 0, 1, 1])  # one 0 is called 1
        >>> matrix.compute()
        array([[1, 1],
               [0, 2]])
        >>> matrix.accuracy(), matrix.recall().tolist(), matrix.precision()[0].item()
        (0.75, [0.5, 1.0], 1.0)
    """

    def __init__(self, num_classes: int | None = None) -> None:
        if num_classes is not None and num_classes < 2:
            what = tr(
                f"ConfusionMatrix: expected num_classes ≥ 2, found {num_classes}.",
                f"ConfusionMatrix：num_classes 应 ≥ 2，实际为 {num_classes}。",
            )
            raise ArgumentError(teach(what, tr("give the number of classes", "请给出类别数")))
        self.num_classes = num_classes
        self.reset()

    def reset(self) -> None:
        size = self.num_classes or 0
        self.counts = np.zeros((size, size), np.int64)

    def update(self, outputs: Any, labels: Any) -> None:
        scores, truth = as_array(outputs), as_array(labels)
        predicted = predicted_classes("ConfusionMatrix", scores, truth).reshape(-1)
        truth = truth.reshape(-1).astype(np.int64)
        if not truth.size:
            return
        size = self._size(scores, predicted, truth)
        if size > len(self.counts):
            extra = size - len(self.counts)
            self.counts = np.pad(self.counts, ((0, extra), (0, extra)))
        size = len(self.counts)
        pairs = np.bincount(truth * size + predicted, minlength=size * size)
        self.counts = self.counts + pairs.reshape(size, size)

    def _size(self, scores: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> int:
        """Classes this batch needs; anything outside is refused, not dropped."""
        classes = int(max(predicted.max(), truth.max())) + 1
        if scores.shape != truth.shape and scores.ndim >= 2:
            classes = max(classes, scores.shape[1])
        limit = self.num_classes or classes
        if predicted.min() < 0 or truth.min() < 0 or classes > limit:
            found = [int(min(predicted.min(), truth.min())), classes - 1]
            what = tr(
                f"ConfusionMatrix: expected classes 0 to {limit - 1}, found {found[0]} to "
                f"{found[1]} (-1 stands for outputs that are NaN).",
                f"ConfusionMatrix：类别应为 0 到 {limit - 1}，实际为 {found[0]} 到 {found[1]}"
                f"（-1 表示输出为 NaN）。",
            )
            help = tr(
                "check num_classes and the labels; NaN means that training diverged",
                "请检查 num_classes 和标签；NaN 表示训练已发散",
            )
            raise ArgumentError(teach(what, help))
        return classes

    def compute(self) -> np.ndarray:
        """The counts, int64 (C, C)."""
        need_examples("ConfusionMatrix", int(self.counts.sum()))
        return self.counts.copy()

    def accuracy(self) -> float:
        """The share on the diagonal."""
        counts = self.compute()
        return float(np.trace(counts) / counts.sum())

    def precision(self) -> np.ndarray:
        """Of what was called class j, the share that is class j; (C,)."""
        counts = self.compute()
        return _ratio(np.diag(counts), counts.sum(axis=0))

    def recall(self) -> np.ndarray:
        """Of what is class i, the share that was found; (C,)."""
        counts = self.compute()
        return _ratio(np.diag(counts), counts.sum(axis=1))

    def f1(self) -> np.ndarray:
        """The harmonic mean of precision and recall; (C,)."""
        counts = self.compute()
        return _ratio(2 * np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.where(whole == 0, 1, whole)

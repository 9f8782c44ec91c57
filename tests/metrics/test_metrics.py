"""Metrics against values worked out by hand or by plain NumPy, and their errors."""

from typing import Any

import numpy as np
import pytest

from glia.base import i18n
from glia.base.errors import ArgumentError, DTypeError, ShapeError
from glia.metrics import MAE, MSE, Accuracy, ConfusionMatrix, Loss, Mean, Metric
from glia.tensor import from_numpy

NAN = float("nan")
SCORES = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.4, 0.4, 0.2]])
LABELS = np.array([1, 2, 2, 1])

VALUES: dict[str, tuple[Metric, Any, Any, float]] = {
    "accuracy": (Accuracy(), SCORES, LABELS, 0.5),
    "class numbers": (Accuracy(), np.array([1, 0, 2]), np.array([1, 1, 2]), 2 / 3),
    "lists": (Accuracy(), [[0.0, 1.0]], [1], 1.0),
    "segmentation": (Accuracy(), SCORES.T[None], LABELS[None], 0.5),
    "NaN is never right": (Accuracy(), np.array([[NAN, 0.0], [1.0, 0.0]]), np.array([0, 0]), 0.5),
    "top 2, ties by number": (Accuracy(top_k=2), SCORES, LABELS, 0.75),
    "ties beyond": (Accuracy(top_k=2), np.full((1, 3), 0.5), np.array([2]), 0.0),
    "top 3": (Accuracy(top_k=3), SCORES, LABELS, 1.0),
    "top 2 with NaN": (Accuracy(top_k=2), np.array([[NAN, 1.0]]), np.array([1]), 0.0),
    "logits": (Accuracy(threshold=0.0), np.array([[-1.0], [2.0]]), np.array([0, 0]), 0.5),
    "logits with NaN": (Accuracy(threshold=0.0), np.array([NAN]), np.array([0]), 0.0),
    "probabilities": (Accuracy(threshold=0.5), np.array([0.4, 0.6]), np.array([0, 1]), 1.0),
    "mean": (Mean(), np.array([1.0, 4.0]), np.array([3.0, 1.0]), 1.75),
    "loss": (Loss(), np.float32(0.5), None, 0.5),
    "mse": (MSE(), np.array([1.0, 3.0]), np.array([0.0, 1.0]), 2.5),
    "mae": (MAE(), np.array([[1.0, 3.0]]), np.array([[2.0, 1.0]]), 1.5),
    "bytes do not wrap": (MAE(), np.array([0], np.uint8), np.array([255], np.uint8), 255.0),
}


@pytest.mark.parametrize("case", VALUES)
def test_values(case: str) -> None:
    metric, outputs, labels, expected = VALUES[case]
    metric.reset()
    metric.update(outputs, labels)
    assert metric.compute() == pytest.approx(expected, abs=1e-15)
    assert isinstance(metric.compute(), float)


@pytest.mark.parametrize("make", [Accuracy, lambda: Accuracy(top_k=2), ConfusionMatrix])
def test_batches_do_not_matter_and_tensors_are_taken(make: Any) -> None:
    scores = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    labels = np.random.default_rng(1).integers(0, 5, 100)
    whole, parts = make(), make()
    whole.update(scores, labels)
    for start in range(0, 100, 7):
        stop = start + 7
        parts.update(from_numpy(scores[start:stop]), from_numpy(labels[start:stop]))
    np.testing.assert_array_equal(whole.compute(), parts.compute())


def test_reset_and_call() -> None:
    accuracy = Accuracy()
    assert accuracy(SCORES[:1], LABELS[:1]) == 1.0
    assert accuracy(SCORES[1:2], LABELS[1:2]) == 0.0  # of this batch alone
    assert accuracy.compute() == 0.5  # of both
    accuracy.reset()
    accuracy.update(SCORES[:1], LABELS[:1])
    assert accuracy.compute() == 1.0


def test_confusion_matrix() -> None:
    matrix = ConfusionMatrix(3)
    matrix.update(np.array([0, 1, 1, 2, 0]), np.array([0, 1, 2, 2, 1]))
    assert matrix.compute().tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    assert matrix.accuracy() == 0.6
    np.testing.assert_allclose(matrix.precision(), [0.5, 0.5, 1.0])
    np.testing.assert_allclose(matrix.recall(), [1.0, 0.5, 0.5])
    np.testing.assert_allclose(matrix.f1(), [2 / 3, 0.5, 2 / 3])
    matrix.compute()[:] = 0  # a copy
    assert matrix.compute().sum() == 5


def test_confusion_matrix_grows_and_absent_classes_are_zero() -> None:
    matrix = ConfusionMatrix()
    matrix.update(np.array([0]), np.array([1]))
    matrix.update(np.array([[0.0, 0.0, 0.0, 1.0]]), np.array([3]))
    assert matrix.compute().shape == (4, 4)
    assert matrix.compute()[1, 0] == matrix.compute()[3, 3] == 1
    assert matrix.precision()[2] == matrix.recall()[2] == matrix.f1()[2] == 0


def test_loss_weighs_batches_by_size() -> None:
    loss = Loss(lambda outputs, labels: np.mean((outputs - labels) ** 2))
    loss.update(np.array([1.0, 1.0, 1.0]), np.zeros(3))
    loss.update(np.array([3.0]), np.zeros(1))
    assert loss.compute() == 3.0  # (1 + 1 + 1 + 9) / 4
    plain = Loss()
    plain.update(np.array(1.0), np.zeros(3))
    plain.update(9.0, np.zeros(1))
    assert plain.compute() == 3.0


BAD: dict[str, tuple[Metric, Any, Any, type, str, str]] = {
    "fewer labels": (Accuracy(), SCORES, LABELS[:3], ShapeError, "and labels (3,)", "标签 (3,)"),
    "column labels": (Accuracy(), SCORES, LABELS[:, None], ShapeError, "labels (4, 1)", "(4, 1)"),
    "one output": (Accuracy(), SCORES[:, :1], LABELS, ShapeError, "C ≥ 2", "C ≥ 2"),
    "swapped": (Accuracy(), LABELS, SCORES, DTypeError, "whole numbers", "必须是整数"),
    "flat floats": (Accuracy(), SCORES[:, 0], LABELS, ShapeError, "outputs (4,)", "输出 (4,)"),
    "top k of classes": (Accuracy(2), LABELS, LABELS, ShapeError, "expected scores", "应为 得分"),
    "threshold shapes": (Accuracy(1, 0.0), SCORES, LABELS, ShapeError, "one score per", "一个得分"),
    "label too large": (ConfusionMatrix(3), SCORES, LABELS + 1, ArgumentError, "0 to 2", "0 到 2"),
    "label negative": (ConfusionMatrix(3), SCORES, LABELS - 2, ArgumentError, "found -1", "-1 到"),
    "too many scores": (ConfusionMatrix(2), SCORES, LABELS * 0, ArgumentError, "0 to 1", "0 到 1"),
    "NaN": (ConfusionMatrix(2), SCORES[:, :2] * NAN, LABELS * 0, ArgumentError, "NaN", "发散"),
    "broadcast": (MSE(), np.zeros((3, 1)), np.zeros(3), ShapeError, "same shape", "形状相同"),
    "weights": (Mean(), np.zeros(3), np.zeros(2), ShapeError, "one weight", "权重"),
    "negative weight": (Mean(), 1.0, -1.0, ArgumentError, "must not be negative", "不能为负"),
    "loss not reduced": (Loss(), np.zeros(3), None, ShapeError, "reduction='mean'", "一个数"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_updates(case: str, language: str) -> None:
    metric, outputs, labels, error, english, chinese = BAD[case]
    i18n.set_language(language)
    with pytest.raises(error) as caught:
        metric.update(outputs, labels)
    assert (english if language == "en" else chinese) in str(caught.value)


@pytest.mark.parametrize("metric", [Accuracy(), ConfusionMatrix(), Mean(), Loss(), MSE(), MAE()])
def test_nothing_to_compute_from(metric: Metric) -> None:
    with pytest.raises(ArgumentError, match=f"{type(metric).__name__}: nothing to compute"):
        metric.compute()
    if not isinstance(metric, (Mean,)):
        metric.update(np.zeros((0, 3)), np.zeros(0, np.int64))
        with pytest.raises(ArgumentError, match="nothing to compute"):
            metric.compute()


@pytest.mark.parametrize("settings", [{"top_k": 0}, {"top_k": 1.5}, {"top_k": 2, "threshold": 0.0}])
def test_bad_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="top_k"):
        Accuracy(**settings)
    with pytest.raises(ArgumentError, match="num_classes"):
        ConfusionMatrix(1)

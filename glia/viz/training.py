"""Pictures of a classifier's training: curves, confusion matrix, mistakes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.viz.figure import BLUE, ORANGE, drawable, label, new_figure, save_png

_MOST_SMOOTHED = 400  # points of a curve before it is thinned by averaging


def _thin(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over equal stretches, so that a long run stays a line and not a band."""
    if len(values) <= _MOST_SMOOTHED:
        return steps, values
    cuts = np.linspace(0, len(values), _MOST_SMOOTHED + 1).astype(int)
    means = np.add.reduceat(values, cuts[:-1]) / np.diff(cuts)
    return steps[cuts[1:] - 1], means


def _series(
    records: Sequence[Mapping[str, Any]], name: str, event: str = "steps"
) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of the records of one kind that have this number."""
    chosen = [record for record in records if record.get("event", event) == event]
    found = [(record["step"], record[name]) for record in chosen if record.get(name) is not None]
    pairs = np.array(found, float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def plot_curves(
    records: Sequence[Mapping[str, Any]], path: str | os.PathLike[str], title: str = ""
) -> None:
    """Loss and accuracy over the steps, with the values on the test set after each epoch.

    Args:
        records: the objects of ``metrics.jsonl``.
        path: the PNG to write.
        title: printed above.

    Raises:
        ArgumentError: no record with a loss.
    """
    steps, losses = _series(records, "loss")
    if not len(steps):
        what = tr("plot_curves: there is no loss to draw.", "plot_curves：没有可绘制的损失。")
        raise ArgumentError(teach(what))
    figure, (left, right) = new_figure(1000, 420, 1, 2)
    figure.suptitle(drawable(title), fontsize=11)
    training, test = label("training", "训练"), label("test", "测试")
    _draw_curves(left, (steps, losses), _series(records, "valid_loss", "epoch"), training, test)
    _logarithmic(left)
    left.set_ylabel(label("loss (logarithmic)", "损失（对数坐标）"))
    accuracy, tested = _series(records, "accuracy"), _series(records, "valid_accuracy", "epoch")
    if len(accuracy[0]) or len(tested[0]):
        _draw_curves(right, _percent(accuracy), _percent(tested), training, test)
        shown = np.concatenate([accuracy[1], tested[1]]) * 100
        right.set_ylim(max(0.0, np.percentile(shown, 10) - 3), 100.5)
        right.set_ylabel(label("accuracy (%)", "准确率（%）"))
    else:
        right.set_visible(False)
    save_png(figure, path)


def _logarithmic(ax: Any) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5."""
    from matplotlib import ticker

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(ticker.NullFormatter())


def _percent(series: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return series[0], series[1] * 100


def _draw_curves(
    ax: Any,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    train_name: str,
    test_name: str,
) -> None:
    ax.plot(*_thin(*train), color=BLUE, linewidth=1.2, label=train_name)
    if len(test[0]):
        last = label(
            f"{test_name} (last {test[1][-1]:.4g})", f"{test_name}（最后 {test[1][-1]:.4g}）"
        )
        ax.plot(*test, "o-", color=ORANGE, markersize=6, label=last)
    ax.set_xlabel(label("step", "步数"))
    ax.set_xlim(left=0)
    ax.grid(color="#eeeeee", which="both")
    ax.legend(frameon=False)


def plot_confusion(
    counts: np.ndarray, names: Sequence[str], path: str | os.PathLike[str], title: str = ""
) -> None:
    """The confusion matrix: rows are the true classes, columns what the net said.

    Colour shows the share of the row, so rare classes are seen as well as frequent ones; the
    numbers are counts.
    """
    size = len(counts)
    side = int(np.clip(180 + 48 * size, 460, 1400))
    figure, ax = new_figure(side, side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    off = shares * (1 - np.eye(size))
    # Right answers are nearly all: without a scale of their own the mistakes would be invisible.
    top = max(float(off.max()), 0.02)
    ax.imshow(np.where(off > 0, off, np.nan), cmap="Oranges", vmin=0, vmax=top * 1.6)
    right = np.where(np.eye(size, dtype=bool), shares, np.nan)
    ax.imshow(right, cmap="Blues", vmin=0, vmax=1.3)
    texts = [drawable(name) for name in names]
    ax.set_xticks(range(size), texts, rotation=0 if max(map(len, texts)) < 4 else 60, ha="center")
    ax.set_yticks(range(size), texts)
    ax.set_xlabel(label("what the net said", "网络的判断"))
    ax.set_ylabel(label("true class", "真实类别"))
    ax.set_title(drawable(title), fontsize=11)
    if size <= 25:
        for row, column in np.argwhere(counts > 0):
            dark = row == column and shares[row, column] > 0.7
            ax.text(
                column, row, int(counts[row, column]), ha="center", va="center",
                fontsize=9 if size <= 12 else 6, color="white" if dark else "#333333",
            )  # fmt: skip
    save_png(figure, path)


def plot_mistakes(
    images: np.ndarray,
    said: np.ndarray,
    truth: np.ndarray,
    sureness: np.ndarray,
    names: Sequence[str],
    path: str | os.PathLike[str],
    title: str = "",
) -> None:
    """A grid of pictures the net got wrong, the ones it was surest of first.

    Args:
        images: uint8, (N, H, W) or (N, H, W, 3): the pictures that were misread.
        said, truth: class numbers, (N,).
        sureness: the probability of what was said, (N,).
        names: of the classes.
        path: the PNG to write.
        title: printed above.
    """
    order = np.argsort(-sureness, kind="stable")[:32]
    columns = 8
    rows = max(1, -(-len(order) // columns))
    figure, axes = new_figure(110 * columns, 142 * rows + 50, rows, columns)
    order_text = label("the surest mistakes first", "最有把握的错误在前")
    figure.suptitle(f"{drawable(title)} · {order_text}", fontsize=11)
    flat = np.atleast_1d(axes).reshape(-1)
    for ax in flat:
        ax.axis("off")
    for ax, at in zip(flat, order, strict=False):
        ax.imshow(images[at], cmap="gray_r" if images.ndim == 3 else None, vmin=0, vmax=255)
        wrong, right = drawable(names[said[at]]), drawable(names[truth[at]])
        verdict = label(f"{wrong}, not {right}", f"{wrong}，应为 {right}")
        ax.set_title(f"{verdict}\n{100 * sureness[at]:.0f} %", fontsize=8, pad=3)
    if not len(order):
        flat[0].text(0, 0.5, label("no mistakes", "没有错误"))
    save_png(figure, path)

"""What a training run knows about itself, shared by the loop and its callbacks."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.metrics.metric import Metric
from glia.tensor.tensor import Tensor, realize, to_numpy

if TYPE_CHECKING:
    from glia.train.model import Model


@dataclass
class Run:
    """One call of ``Model.train``. Callbacks read it; setting ``stop`` ends the run.

    ``epoch`` counts from 1 and ``step`` from the first step of the first epoch; both name the
    one in progress or just done. ``logs`` holds the numbers of the last window of steps, and
    from the end of an epoch on those of the whole epoch and of the validation.

    Example:
        >>> run = Run(model=None, epochs=2, steps_per_epoch=5, data=None, epoch=2, step=7)
        >>> run.step_in_epoch, run.loss
        (2, nan)
    """

    model: Model
    epochs: int
    steps_per_epoch: int
    data: Any
    epoch: int = 0
    step: int = 0
    samples: int = 0
    seconds: float = 0.0  # of training; validation and callbacks' work at epochs' ends apart
    logs: dict[str, float] = field(default_factory=dict)
    stop: bool = False
    interrupted: int = 0  # the signal that asked for an end, 0 when none did
    last: Tensor | None = None  # the loss of the last step
    meter: Meter | None = None

    @property
    def loss(self) -> float:
        """The loss of the last step. Reading it waits for the step to be computed."""
        return float("nan") if self.last is None else float(to_numpy(self.last))

    @property
    def lr(self) -> float:
        """The learning rate of the first parameter group."""
        return float(self.model.optimizer.param_groups[0]["lr"])

    @property
    def step_in_epoch(self) -> int:
        """Counts from 1 within the epoch."""
        return self.step - (self.epoch - 1) * self.steps_per_epoch


class Meter:
    """Gathers losses, outputs and labels step by step; reads them a window at a time.

    Reading a tensor waits for its computation, so nothing is read at the step itself.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._window_metrics = {name: metric.fresh() for name, metric in metrics.items()}
        self._epoch_metrics = {name: metric.fresh() for name, metric in metrics.items()}
        self._losses: list[Tensor | np.ndarray] = []
        self._outputs: list[Tensor | np.ndarray] = []
        self._labels: list[Tensor | np.ndarray] = []
        self._sizes: list[int] = []
        self._loss_total = 0.0
        self._count = 0
        self._started = time.perf_counter()

    def begin_epoch(self) -> None:
        """Forget the epoch before."""
        self._loss_total = 0.0
        self._count = 0
        for metric in self._epoch_metrics.values():
            metric.reset()

    def start_clock(self) -> None:
        """The window's time runs from now."""
        self._started = time.perf_counter()

    def add(self, loss: Tensor, outputs: Tensor, labels: Tensor, size: int) -> None:
        """Keep what a step gave."""
        self._losses.append(loss)
        self._sizes.append(size)
        if self._window_metrics:
            self._outputs.append(outputs)
            self._labels.append(labels)

    def add_many(self, losses: Tensor, outputs: Tensor, labels: np.ndarray, size: int) -> Tensor:
        """Keep what many steps of one size gave; the last loss is returned.

        Shape:
            losses (steps,), outputs (steps, size, …), labels (steps · size, …).
        """
        found = to_numpy(losses)
        self._losses.append(found)
        self._sizes += [size] * len(found)
        if self._window_metrics:
            self._outputs.append(to_numpy(outputs).reshape(-1, *outputs.shape[2:]))
            self._labels.append(labels)
        return Tensor(found[-1])

    def read(self) -> dict[str, float]:
        """Loss and metrics over the steps since the last reading; empty when there were none."""
        if not self._losses:
            return {}
        pending = [*self._losses, *self._outputs]
        realize(*[part for part in pending if isinstance(part, Tensor)])
        sizes = np.array(self._sizes, np.float64)
        losses = np.concatenate([_values(loss).reshape(-1) for loss in self._losses])
        losses = losses.astype(np.float64)
        seconds = time.perf_counter() - self._started
        total = float((losses * sizes).sum())
        self._loss_total += total
        self._count += int(sizes.sum())
        found = {"loss": total / float(sizes.sum())}
        if self._window_metrics:
            outputs = np.concatenate([_values(part) for part in self._outputs])
            labels = np.concatenate([_values(part) for part in self._labels])
            for name, metric in self._window_metrics.items():
                metric.reset()
                metric.update(outputs, labels)
                self._epoch_metrics[name].update(outputs, labels)
                found.update(_numbers(name, metric))
        found["samples_per_second"] = float(sizes.sum()) / max(seconds, 1e-9)
        for kept in (self._losses, self._outputs, self._labels, self._sizes):
            kept.clear()
        self._started = time.perf_counter()
        return found

    def epoch(self) -> dict[str, float]:
        """Loss and metrics over all that was read since the epoch began."""
        if not self._count:
            return {}
        found = {"loss": self._loss_total / self._count}
        for name, metric in self._epoch_metrics.items():
            found.update(_numbers(name, metric))
        return found

    def state(self) -> dict[str, Any]:
        """The sums of the epoch, as JSON, so that a resumed epoch reports all of itself."""
        metrics = {
            name: {key: value for key, value in vars(metric).items() if _plain(value)}
            for name, metric in self._epoch_metrics.items()
        }
        return {"loss": _finite(self._loss_total), "count": self._count, "metrics": metrics}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state()``."""
        self._loss_total = float("nan") if state["loss"] is None else float(state["loss"])
        self._count = int(state["count"])
        for name, values in state["metrics"].items():
            if name in self._epoch_metrics:
                vars(self._epoch_metrics[name]).update(values)


def _values(part: Tensor | np.ndarray) -> np.ndarray:
    return part if isinstance(part, np.ndarray) else to_numpy(part)


def _plain(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _numbers(name: str, metric: Metric) -> dict[str, float]:
    """A metric that is one number; matrices are for ``Model.eval``."""
    value = metric.compute()
    return {name: float(value)} if isinstance(value, int | float | np.number) else {}

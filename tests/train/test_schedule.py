"""``callbacks.Schedule``: learning-rate schedules while a model trains, resumed, and sunk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glia import nn, optim
from glia.base.errors import ArgumentError
from glia.data import DataLoader, TensorDataset
from glia.optim import lr_scheduler
from glia.tensor.random import manual_seed
from glia.train import Callback, Model, Run
from glia.train.callbacks import Schedule
from glia.train.checkpoint import Resumable, load_checkpoint

STEPS = 5  # in an epoch


def data() -> DataLoader:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8 * STEPS, 2)).astype(np.float32)
    return DataLoader(TensorDataset(x, (x[:, 0] > 0).astype(np.int64)), 8, shuffle=True, seed=7)


def model(seed: int = 1) -> Model:
    manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    return Model(net, nn.CrossEntropyLoss(), optim.SGD(net.parameters(), lr=0.1, momentum=0.9))


KINDS: dict[str, tuple[str, Any]] = {
    "epoch": ("epoch", lambda opt: lr_scheduler.ExponentialLR(opt, 0.5)),
    "step": ("step", lambda opt: lr_scheduler.CosineAnnealingLR(opt, 4 * STEPS)),
    "one-cycle": ("step", lambda opt: lr_scheduler.OneCycleLR(opt, 0.2, 4 * STEPS)),
    "chained": (
        "step",
        lambda opt: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ConstantLR(opt, 0.5, 3), lr_scheduler.ExponentialLR(opt, 0.9)]
        ),
    ),
}


class See(Callback):
    """Rate and momentum of every step."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def step_end(self, run: Run) -> None:
        group = run.model.optimizer.param_groups[0]
        self.seen.append((group["lr"], group["momentum"]))


class Stop(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def step_end(self, run: Run) -> None:
        run.stop = run.step == self.step


def by_hand(kind: str, epochs: int) -> list[tuple[float, float]]:
    every, make = KINDS[kind]
    opt = model().optimizer
    schedule, found = make(opt), []
    for _ in range(epochs):
        for _ in range(STEPS):
            found.append((opt.param_groups[0]["lr"], opt.param_groups[0]["momentum"]))
            if every == "step":
                schedule.step()
        if every == "epoch":
            schedule.step()
    return found


def bits(trained: Model) -> list[bytes]:
    return [value.numpy().tobytes() for value in trained.net.state_dict().values()]


@pytest.mark.parametrize("kind", KINDS)
def test_rates(kind: str, tmp_path: Path) -> None:
    """Those of a loop by hand; the same weights when sunk, and when stopped and resumed."""
    every, make = KINDS[kind]
    whole, see = model(), See()
    whole.train(4, data(), [see, Schedule(make(whole.optimizer), every)])
    assert see.seen == by_hand(kind, 4)

    sunk = model()
    sunk.train(4, data(), [Schedule(make(sunk.optimizer), every)], sink=True)
    assert bits(sunk) == bits(whole)

    for at in (7, 10):
        folder = tmp_path / str(at)
        folder.mkdir()
        first = model()
        schedule = Schedule(make(first.optimizer), every)
        first.train(4, data(), [schedule, Resumable(folder, {}), Stop(at)])
        second, loader = model(seed=9), data()
        schedule = Schedule(make(second.optimizer), every)
        resume = load_checkpoint(folder, second, loader, {})
        second.train(4, loader, [schedule], resume=resume)
        assert bits(second) == bits(whole), at


def test_plateau() -> None:
    trained = model()
    options = {"patience": 0, "threshold": 100.0, "threshold_mode": "abs"}
    plateau = lr_scheduler.ReduceLROnPlateau(trained.optimizer, **options)
    trained.train(3, data(), Schedule(plateau, monitor="loss"))
    # with such a threshold only the first epoch is progress
    assert trained.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.1**2)
    with pytest.raises(ArgumentError, match="nothing named 'valid_loss'"):
        trained.train(1, data(), Schedule(plateau, monitor="valid_loss"))
    with pytest.raises(ArgumentError, match="an epoch's numbers"):
        Schedule(plateau, "step")
    with pytest.raises(ArgumentError, match="'epoch' or 'step'"):
        Schedule(plateau, "batch")

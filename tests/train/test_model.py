"""``Model``: training, evaluating, predicting, callbacks, going on."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glia import nn, optim
from glia.base.errors import ArgumentError, CheckpointError
from glia.data import DataLoader, TensorDataset
from glia.interop import load_file
from glia.metrics import Accuracy, ConfusionMatrix
from glia.tensor.random import default_generator, manual_seed
from glia.train import Callback, Interrupted, Model, Run
from glia.train.callbacks import (
    Checkpoint,
    EarlyStopping,
    History,
    JSONLog,
    LearningRate,
    LossMonitor,
)
from glia.train.checkpoint import Resumable, load_checkpoint

BATCH = 8


def data(count: int = 40, seed: int | None = 7, shuffle: bool = True) -> DataLoader:
    """Two classes that a line separates."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, 2)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int64)
    return DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=shuffle, seed=seed)


def model(kind: str = "sgd", dropout: float = 0.0, seed: int = 1) -> Model:
    manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))
    optimizers = {
        "sgd": lambda: optim.SGD(net.parameters(), lr=0.1, momentum=0.9),
        "adam": lambda: optim.Adam(net.parameters(), lr=0.01),
        "adamw": lambda: optim.AdamW(net.parameters(), lr=0.01),
        "nadam": lambda: optim.NAdam(net.parameters(), lr=0.01),
        "asgd": lambda: optim.ASGD(net.parameters(), lr=0.1, t0=2),
        "adagrad": lambda: optim.Adagrad(net.parameters(), initial_accumulator_value=0.1),
        "adafactor": lambda: optim.Adafactor(net.parameters()),
    }
    return Model(net, nn.CrossEntropyLoss(), optimizers[kind](), {"accuracy": Accuracy()})


def weights(trained: Model) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in trained.net.state_dict().items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


class Stop(Callback):
    """Send a signal to this process after a number of steps."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        self.step, self.number = step, number

    def step_end(self, run: Run) -> None:
        if run.step == self.step:
            os.kill(os.getpid(), self.number)


class Calls(Callback):
    """Remembers what was called when."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def begin(self, run: Run) -> None:
        self.seen.append("begin")

    def epoch_begin(self, run: Run) -> None:
        self.seen.append(f"epoch_begin {run.epoch}")

    def step_begin(self, run: Run) -> None:
        self.seen.append(f"step_begin {run.step}")

    def step_end(self, run: Run) -> None:
        self.seen.append(f"step_end {run.step}")

    def log(self, run: Run) -> None:
        self.seen.append(f"log {run.step}")

    def epoch_end(self, run: Run) -> None:
        self.seen.append(f"epoch_end {run.epoch}")

    def end(self, run: Run) -> None:
        self.seen.append("end")


def test_it_learns() -> None:
    trained = model()
    run = trained.train(20, data(), valid=data(shuffle=False))
    assert run.step == 100 and run.samples == 800 and run.seconds > 0
    assert run.logs["accuracy"] > 0.9
    assert trained.eval(data())["accuracy"] == run.logs["valid_accuracy"] > 0.9


def test_same_as_a_plain_loop() -> None:
    trained = model(dropout=0.3)
    trained.train(2, data())
    other = model(dropout=0.3)
    net, loader = other.net, data()
    for _ in range(2):
        for x, y in loader:
            loss = other.loss(net(x), y)  # type: ignore[misc]
            other.optimizer.zero_grad()
            loss.backward()
            other.optimizer.step()
    assert same(weights(trained), weights(other))


def test_order_of_calls() -> None:
    calls = Calls()
    model().train(2, data(16), calls, log_every=2)
    epoch = "step_begin {0} step_end {0} step_begin {1} step_end {1} log {1}"
    assert " ".join(calls.seen) == (
        f"begin epoch_begin 1 {epoch.format(1, 2)} epoch_end 1 "
        f"epoch_begin 2 {epoch.format(3, 4)} epoch_end 2 end"
    )


def test_window_and_epoch_numbers_are_means_over_samples() -> None:
    """20 samples in batches of 8, 8, 4: the small batch counts less."""
    trained = model()
    trained.optimizer.param_groups[0]["lr"] = 0.0
    history = History()
    trained.train(1, data(20), history, log_every=2)
    expected = trained.eval(data(20))
    assert history.epochs[0]["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert history.epochs[0]["accuracy"] == pytest.approx(expected["accuracy"])
    assert [window["step"] for window in history.windows] == [2, 3]


def test_eval_and_predict_leave_the_mode_alone() -> None:
    trained = model(dropout=0.5)
    x = np.ones((4, 2), np.float32)
    first, second = trained.predict(x).numpy(), trained.predict(x).numpy()
    assert np.array_equal(first, second), "dropout is off"
    trained.eval(data())
    assert trained.net.training
    before = default_generator.get_state()
    trained.eval(data(shuffle=False))
    assert default_generator.get_state() == before


def test_eval_returns_matrices_too() -> None:
    trained = model()
    trained.metrics["confusion"] = ConfusionMatrix(2)
    found = trained.eval(data())
    assert found["confusion"].shape == (2, 2) and found["confusion"].sum() == 40
    assert trained.train(1, data()).logs.keys() == {"loss", "accuracy"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 0}, "epochs"),
        ({"epochs": 1.5}, "epochs"),
        ({"log_every": 0}, "log_every"),
        ({"data": data(4).__class__(TensorDataset(np.zeros((0, 2), np.float32)))}, "no batches"),
    ],
)
def test_bad_arguments(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        model().train(**{"epochs": 1, "data": data(), **change})


def test_model_without_optimizer() -> None:
    with pytest.raises(ArgumentError, match="no loss or no optimizer"):
        Model(nn.Linear(2, 2)).train(1, data())


# Callbacks


def test_loss_monitor(capsys: pytest.CaptureFixture[str]) -> None:
    model().train(1, data(), LossMonitor(2))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1 step 2", "epoch 1 step 4"]


def test_checkpoint_keeps_the_last_ones(tmp_path: Path) -> None:
    trained = model()
    trained.train(2, data(), Checkpoint(tmp_path / "sub" / "net", every=2, keep=3))
    names = sorted(path.name for path in (tmp_path / "sub").iterdir())
    assert names == [f"net-{name}.safetensors" for name in ("1_4", "2_1", "2_3", "2_5")][1:]
    assert same(load_file(tmp_path / "sub" / "net-2_5.safetensors"), weights(trained))


def test_early_stopping() -> None:
    trained = model()
    trained.optimizer.param_groups[0]["lr"] = 0.0
    stopping = EarlyStopping("loss", patience=2, min_delta=1e-6)
    assert trained.train(9, data(), stopping).epoch == 3
    with pytest.raises(ArgumentError, match="valid_loss"):
        model().train(2, data(), EarlyStopping())


def test_early_stopping_restores_the_best() -> None:
    trained = model()
    best = EarlyStopping("accuracy", patience=9, restore_best=True)
    kept: list[dict[str, np.ndarray]] = []

    class Keep(Callback):
        def epoch_end(self, run: Run) -> None:
            kept.append(weights(trained))
            run.model.optimizer.param_groups[0]["lr"] = 50.0  # from now on it gets worse

    trained.train(4, data(), [Keep(), best])
    assert same(weights(trained), kept[best.best_epoch - 1])


def test_learning_rate() -> None:
    seen: list[float] = []

    class See(Callback):
        def step_end(self, run: Run) -> None:
            seen.append(run.lr)

    model().train(2, data(16), [LearningRate(lambda t: 1 - t), See()])
    assert seen == [1.0, 0.75, 0.5, 0.25]


def test_json_log(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    model().train(2, data(), JSONLog(path), log_every=3)
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [(r["event"], r["step"]) for r in records] == [
        ("steps", 3), ("steps", 5), ("epoch", 5), ("steps", 6), ("steps", 9), ("steps", 10),
        ("epoch", 10),
    ]  # fmt: skip


def test_json_log_of_a_run_that_diverges(tmp_path: Path) -> None:
    trained = model()
    for parameter in trained.net.parameters():
        parameter.copy_(np.full(parameter.shape, np.nan, np.float32))
    trained.train(1, data(), JSONLog(tmp_path / "m"))
    lines = (tmp_path / "m").read_text("utf-8").splitlines()
    assert lines and all(json.loads(line)["loss"] is None for line in lines)


# Going on


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("stop", [1, 4, 5, 8, 13])
@pytest.mark.parametrize("seed", [7, None])
def test_resumed_equals_uninterrupted(
    kind: str, stop: int, seed: int | None, tmp_path: Path
) -> None:
    """In the middle of an epoch, at its end, with dropout, with a schedule, either seeding."""
    rate = LearningRate(lambda t: 0.05 * (1 - t))
    whole = model(kind, dropout=0.2)
    finished = whole.train(3, data(seed=seed), rate)

    identity = {"model": "small"}
    first = model(kind, dropout=0.2)
    with pytest.raises(Interrupted):
        first.train(3, data(seed=seed), [rate, Resumable(tmp_path, identity), Stop(stop)])

    second = model(kind, dropout=0.2, seed=99)  # other weights: all must come from the file
    loader = data(seed=seed)
    resume = load_checkpoint(tmp_path, second, loader, identity)
    assert resume["step"] == stop
    run = second.train(3, loader, [rate], resume=resume)
    assert same(weights(second), weights(whole))
    assert run.logs["loss"] == pytest.approx(finished.logs["loss"], rel=1e-6)
    assert run.logs["accuracy"] == finished.logs["accuracy"]
    assert run.samples == finished.samples


@pytest.mark.parametrize("kind", ["nadam", "asgd", "adagrad", "adafactor"])
def test_state_of_every_shape_is_resumed(kind: str, tmp_path: Path) -> None:
    """Numbers that parameters share, rows and columns, options that are None."""
    whole = model(kind)
    whole.train(2, data())
    first = model(kind)
    with pytest.raises(Interrupted):
        first.train(2, data(), [Resumable(tmp_path, {}), Stop(4)])
    second, loader = model(kind, seed=99), data()
    resume = load_checkpoint(tmp_path, second, loader, {})
    second.train(2, loader, resume=resume)
    assert same(weights(second), weights(whole))


def test_signal_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    calls = Calls()
    with pytest.raises(Interrupted) as found:
        model().train(2, data(), [Stop(2, signal.SIGTERM), calls])
    assert found.value.number == signal.SIGTERM
    assert calls.seen[-3:] == ["step_end 2", "log 2", "end"]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_checkpoint_of_another_run(tmp_path: Path) -> None:
    model().train(1, data(), Resumable(tmp_path, {"model": "small"}))
    with pytest.raises(CheckpointError, match="'small', not 'large'"):
        load_checkpoint(tmp_path, model(), data(), {"model": "large"})
    other = Model(nn.Linear(2, 2), nn.CrossEntropyLoss())
    other.optimizer = optim.SGD(other.net.parameters(), lr=0.1)
    with pytest.raises(CheckpointError, match="cannot be used"):
        load_checkpoint(tmp_path, other, data(), {"model": "small"})
    with pytest.raises(CheckpointError, match="cannot be used"):
        load_checkpoint(tmp_path, model(), data(100), {"model": "small"})
    with pytest.raises(CheckpointError, match="there is no"):
        load_checkpoint(tmp_path / "none", model(), data(), {})


def test_checkpoint_json_is_readable(tmp_path: Path) -> None:
    model("adam").train(1, data(), Resumable(tmp_path, {"model": "small"}))
    state = json.loads((tmp_path / "checkpoint.json").read_text("utf-8"))
    assert state["epoch"] == 1 and state["step"] == 5 and math.isfinite(state["seconds"])
    assert state["identity"] == {"model": "small"}

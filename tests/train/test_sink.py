"""``Model.train(sink=True)``: many steps in one native call, and nobody can tell by the results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError
from glia.base.events import count_events
from glia.data import DataLoader, Dataset, TensorDataset
from glia.metrics import Accuracy
from glia.models import LeNet5
from glia.train import Callback, Interrupted, Model, Run
from glia.train.callbacks import Checkpoint, History, LearningRate, LossMonitor
from glia.train.checkpoint import Resumable, load_checkpoint

ROWS, BATCH = 44, 8


def mlp() -> nn.Module:
    parts = (nn.Linear(16, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.3), nn.Linear(24, 10))
    return nn.Sequential(nn.Flatten(), *parts)


#: Net, side of the pictures, optimizer.
CASES: dict[str, tuple[Callable[[], nn.Module], int, Callable[[Any], optim.Optimizer]]] = {
    "lenet": (LeNet5, 32, lambda p: optim.SGD(p, lr=0.05, momentum=0.9)),
    "mlp": (mlp, 4, lambda p: optim.Adam(p, lr=0.01)),
}


def loader(side: int = 4, **options: Any) -> DataLoader:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(ROWS, 1, side, side)).astype(np.float32)
    data = TensorDataset(x, rng.integers(0, 10, ROWS))
    return DataLoader(data, **{"batch_size": BATCH, "shuffle": True, **options})


def model(case: str = "mlp") -> Model:
    gl.manual_seed(5)
    make, _, optimizer = CASES[case]
    net = make()
    metrics = {"accuracy": Accuracy()}
    return Model(net, nn.CrossEntropyLoss(), optimizer(net.parameters()), metrics)


class Seen(Callback):
    """What was called when, and how things stood."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.calls: list[Any] = []

    def due(self, step: int) -> bool:
        return step % self.every == 0

    def step_end(self, run: Run) -> None:
        if self.due(run.step):
            first = next(iter(run.model.net.parameters())).detach().numpy().tobytes()
            self.calls.append(("step", run.step, run.loss, run.lr, run.samples, first))

    def log(self, run: Run) -> None:
        kept = {name: value for name, value in run.logs.items() if "second" not in name}
        self.calls.append(("log", run.epoch, run.step, kept, run.lr))

    def epoch_end(self, run: Run) -> None:
        self.calls.append(("epoch", run.epoch, run.logs))


class Stepping(Callback):
    """A schedule of PyTorch's kind, once an epoch."""

    def begin(self, run: Run) -> None:
        self.schedule = optim.lr_scheduler.StepLR(run.model.optimizer, 1, 0.5)

    def epoch_end(self, run: Run) -> None:
        self.schedule.step()


def result(case: str, sink: bool, callbacks: list[Callback], **options: Any) -> list[Any]:
    trained = model(case)
    data = loader(CASES[case][1], **options)
    run = trained.train(3, data, callbacks, valid=data, log_every=4, sink=sink)
    state = [np.asarray(value).tobytes() for value in trained.net.state_dict().values()]
    after = gl.rand(2).tolist()
    return [
        state,
        repr(trained.optimizer),
        run.step,
        run.samples,
        run.loss,
        data.state_dict(),
        after,
    ]


@pytest.mark.parametrize("options", [{}, {"drop_last": True}, {"seed": 4}, {"shuffle": False}])
@pytest.mark.parametrize("case", CASES)
def test_same_bits_as_without(case: str, options: dict[str, Any]) -> None:
    """Shuffling, a last batch that is not full, dropout, two kinds of schedule, metrics."""
    rate = LearningRate(lambda t: 0.05 * (1 - t))
    for schedule in (rate, Stepping()):
        seen = Seen(7), Seen(7)
        plain = result(case, False, [seen[0], schedule], **options)
        assert result(case, True, [seen[1], schedule], **options) == plain
        assert seen[0].calls == seen[1].calls


def test_an_epoch_is_a_few_calls() -> None:
    trained, data = model(), loader(drop_last=True, batch_size=2)
    with count_events() as seen:
        trained.train(20, data, log_every=10_000, sink=True)
    assert seen["realize"] < 20 * (ROWS // 2) / 3


def test_callbacks_of_single_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that ask for every step get every step; files and lines are the same."""
    found = []
    for sink in (False, True):
        folder = tmp_path / str(sink)
        history, every = History(), Seen(1)
        callbacks = [LossMonitor(3), Checkpoint(folder / "net", every=4), history, every]
        model().train(2, loader(), callbacks, log_every=5, sink=sink)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        steps = [window["step"] for window in history.windows]
        found.append((capsys.readouterr().out, files, steps, every.calls))
    assert found[0] == found[1]
    assert len(found[0][1]) == 3


def test_a_callback_before_steps_that_must_not_come_early() -> None:
    weights: list[list[bytes]] = []

    class Look(Callback):
        def step_begin(self, run: Run) -> None:
            weights[-1].append(next(iter(run.model.net.parameters())).detach().numpy().tobytes())

    for sink in (False, True):
        weights.append([])
        model().train(2, loader(), Look(), sink=sink)
    assert weights[0] == weights[1]
    assert len(set(weights[0])) == 12


@pytest.mark.parametrize("stop", [1, 3, 6, 8])
@pytest.mark.parametrize("seed", [4, None])
def test_resumed_equals_uninterrupted(stop: int, seed: int | None, tmp_path: Path) -> None:
    """Stopped inside an epoch, at its end, by a signal; then on, with sink and without."""
    import os
    import signal

    class Stop(Callback):
        def due(self, step: int) -> bool:
            return step == stop

        def step_end(self, run: Run) -> None:
            if self.due(run.step):
                os.kill(os.getpid(), signal.SIGINT)

    whole = model()
    whole.train(2, loader(seed=seed))
    with pytest.raises(Interrupted):
        model().train(2, loader(seed=seed), [Resumable(tmp_path, {}), Stop()], sink=True)
    for sink in (True, False):
        second, data = model(), loader(seed=seed)
        resume = load_checkpoint(tmp_path, second, data, {})
        assert resume["step"] == stop
        run = second.train(2, data, resume=resume, sink=sink)
        assert run.step == 12
        for a, b in zip(second.net.parameters(), whole.net.parameters(), strict=True):
            assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()


class Slow(Dataset):
    def __getitem__(self, index: int) -> Any:
        return np.zeros(16, np.float32), index % 10

    def __len__(self) -> int:
        return ROWS


@pytest.mark.parametrize(
    "data",
    [
        DataLoader(Slow(), BATCH),
        [(gl.zeros(2, 16), gl.tensor([1, 2]))],
        DataLoader(TensorDataset(np.zeros((4, 16), np.float32)), BATCH),
        DataLoader(TensorDataset(np.zeros((4, 16)), np.zeros(4)), batch_sampler=[[0, 1]]),
        DataLoader(TensorDataset(np.zeros((4, 16)), np.zeros(4)), BATCH, collate_fn=list),
    ],
)
def test_data_that_are_not_in_memory_are_refused(data: Any) -> None:
    with pytest.raises(ArgumentError, match=r"in memory.*TensorDataset\(x, y\)"):
        model().train(1, data, sink=True)

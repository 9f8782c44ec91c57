"""Nets trained for some hundred steps: the same bits for any way of running them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.events import count_events
from glia.data import DataLoader, TensorDataset
from glia.models import GPT, LeNet5
from glia.train import Model

STEPS = 300
Arrays = tuple[np.ndarray, np.ndarray]


def pictures(rng: np.random.Generator) -> Arrays:
    """Noise with labels of its own, to be learnt by heart."""
    return rng.normal(size=(64, 1, 32, 32)).astype(np.float32), rng.integers(0, 10, 64)


def counting(rng: np.random.Generator) -> Arrays:
    """Rows that count on from somewhere; the next number is to be said."""
    tokens = (rng.integers(0, 61, (64, 1)) + np.arange(13)) % 61
    return tokens[:, :-1], tokens[:, 1:]


def every_token(outputs: gl.Tensor, y: gl.Tensor) -> gl.Tensor:
    return nn.functional.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), y.reshape(-1))


@dataclass
class Task:
    """A net, what it learns from, and how."""

    net: Callable[[], nn.Module]
    data: Callable[[np.random.Generator], Arrays]
    optimizer: Callable[..., optim.Optimizer]
    lr: float
    loss: Callable[[gl.Tensor, gl.Tensor], gl.Tensor] = nn.functional.cross_entropy


def gpt() -> nn.Module:
    return GPT(vocab_size=61, block_size=12, n_layer=2, n_head=4, n_embd=32, dropout=0.1)


class Reader(nn.Module):
    """Says the next number at every place of a row."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(61, 16)
        self.cell = nn.LSTM(16, 32, num_layers=2, dropout=0.1, batch_first=True)
        self.head = nn.Linear(32, 61)

    def forward(self, x: gl.Tensor) -> gl.Tensor:
        out, _ = self.cell(self.embedding(x))
        return self.head(out)


TASKS = {
    "lenet": Task(LeNet5, pictures, optim.SGD, 0.05),
    "lstm": Task(Reader, counting, optim.Adam, 0.01, every_token),
    "gpt": Task(gpt, counting, optim.AdamW, 0.003, every_token),
}
#: How, and on how many threads.
WAYS = [
    ("plain", 1), ("plain", 4), ("jit", 2), ("jit", 4), ("model", 1), ("model", 2), ("sink", 1),
    ("sink", 2), ("sink", 4),
]  # fmt: skip


def train(name: str, how: str, threads: int) -> str:
    """A hash of all weights after training, and of the last loss."""
    task = TASKS[name]
    before = gl.get_num_threads()
    gl.set_num_threads(threads)
    try:
        gl.manual_seed(5)
        x, y = task.data(np.random.default_rng(6))
        loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True, seed=3)
        epochs = STEPS // len(loader)
        net = task.net()
        optimizer = task.optimizer(net.parameters(), lr=task.lr)
        first = float(task.loss(net(gl.tensor(x)), gl.tensor(y)).item())
        if how in ("model", "sink"):
            run = Model(net, task.loss, optimizer).train(epochs, loader, sink=how == "sink")
            steps, loss = run.step, run.loss
        else:
            steps, loss = loop(net, task.loss, optimizer, loader, epochs, how == "jit")
    finally:
        gl.set_num_threads(before)
    assert steps == STEPS and loss < 0.3 * first
    digest = hashlib.sha256(np.float64(loss).tobytes())
    for value in net.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def loop(
    net: nn.Module,
    criterion: Callable[[gl.Tensor, gl.Tensor], gl.Tensor],
    optimizer: optim.Optimizer,
    loader: DataLoader,
    epochs: int,
    compiled: bool,
) -> tuple[int, float]:
    """A loop as people write it; how many steps, and the last loss."""

    def step(x: gl.Tensor, y: gl.Tensor) -> gl.Tensor:
        loss = criterion(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = gl.jit(step) if compiled else step
    losses = [run(x, y) for _ in range(epochs) for x, y in loader]
    return len(losses), float(losses[-1].item())


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    return {name: train(name, "jit", 1) for name in TASKS}


@pytest.mark.parametrize(("how", "threads"), WAYS)
@pytest.mark.parametrize("name", TASKS)
def test_ways_and_threads(name: str, how: str, threads: int, expected: dict[str, str]) -> None:
    assert train(name, how, threads) == expected[name]


def in_this_process(name: str) -> list[object]:
    """Two ways, and how many kernels had to be compiled."""
    with count_events() as seen:
        found = [train(name, "jit", 2), train(name, "sink", 1)]
    return [*found, seen["kernel"]]


@pytest.mark.parametrize("name", TASKS)
def test_cold_and_cached(name: str, tmp_path: Path, expected: dict[str, str]) -> None:
    """Two new processes: the first compiles everything, the second finds it all on disk."""
    root = Path(__file__).resolve().parents[2]
    known = os.environ.get("PYTHONPATH", "")
    paths = os.pathsep.join([str(root / "tests"), *sys.path, known])
    environment = {**os.environ, "PYTHONPATH": paths, "GLIA_CACHE": str(tmp_path)}
    code = "import json; from train.test_same_bits_long import in_this_process as run; "
    command = [sys.executable, "-c", code + f"print(json.dumps(run({name!r})))"]
    compiled = []
    for _ in range(2):
        result = subprocess.run(command, env=environment, capture_output=True, check=True)
        *found, kernels = json.loads(result.stdout)
        assert found == [expected[name]] * 2
        compiled.append(kernels)
    assert compiled[0] > 20 and compiled[1] == 0

"""A training step has the same bits however it is run and however much of it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.models import LeNet5

STEPS = 6


def mlp() -> nn.Module:
    parts = (nn.Linear(20, 48), nn.ReLU(), nn.Dropout(0.25), nn.Linear(48, 10))
    return nn.Sequential(nn.Flatten(), *parts)


def normed() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 12, 3, stride=2),
        nn.Sigmoid(),
        nn.Flatten(),
        nn.LayerNorm(12 * 4),
        nn.Linear(12 * 4, 10),
    )


CASES = {
    "lenet": (LeNet5, (32, 1, 32, 32), optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "mlp": (mlp, (50, 1, 4, 5), optim.Adam, {"lr": 0.01}),
    "normed": (normed, (17, 1, 12, 12), optim.AdamW, {"lr": 0.01}),
}


def run(case: str, how: str) -> bytes:
    """Weights after some steps, as bytes."""
    make, shape, kind, options = CASES[case]
    gl.manual_seed(7)
    net = make()
    opt = kind(net.parameters(), **options)
    criterion = nn.CrossEntropyLoss()
    rng = np.random.default_rng(3)
    seen: list[Any] = []

    def step(x: gl.Tensor, y: gl.Tensor) -> Any:
        outputs = net(x)
        loss = criterion(outputs, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return (loss.detach(), outputs.detach()) if how == "jit with outputs" else loss.detach()

    compiled: Callable[..., Any] = gl.jit(step) if how.startswith("jit") else step
    for _ in range(STEPS):
        x = gl.tensor(rng.normal(size=shape).astype(np.float32))
        y = gl.tensor(rng.integers(0, 10, shape[0]))
        result = compiled(x, y)
        if how == "looked at":
            seen.append((result.item(), [p.grad.numpy() for p in net.parameters()]))
    return b"".join(value.numpy().tobytes() for value in net.state_dict().values())


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = gl.get_num_threads()
    yield gl.set_num_threads
    gl.set_num_threads(before)


@pytest.mark.parametrize("case", CASES)
def test_loop_jit_and_looking(case: str) -> None:
    plain = run(case, "plain")
    for how in ("jit", "jit with outputs", "looked at"):
        assert run(case, how) == plain, how


@pytest.mark.parametrize("case", CASES)
def test_threads(case: str, threads: Callable[[int], None]) -> None:
    found = set()
    for count in (1, 2, 5):
        threads(count)
        found.add(run(case, "jit"))
    assert len(found) == 1

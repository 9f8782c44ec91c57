"""A small GPT, trained for some hundred steps: the same bits for any way of running it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.models import GPT

STEPS = 300


def train(how: str, threads: int, steps: int = STEPS) -> str:
    """A hash of all weights after training with dropout, and of the last loss."""
    before = gl.get_num_threads()
    gl.set_num_threads(threads)
    gl.manual_seed(5)
    net = GPT(vocab_size=61, block_size=12, n_layer=2, n_head=4, n_embd=32, dropout=0.1)
    opt = optim.AdamW(net.parameters(), lr=0.003)
    criterion = nn.CrossEntropyLoss()
    rng = np.random.default_rng(6)

    def step(x: gl.Tensor, y: gl.Tensor) -> gl.Tensor:
        loss = criterion(net(x).reshape(-1, 61), y.reshape(-1))
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.detach()

    run = gl.jit(step) if how == "jit" else step
    first = loss = None
    try:
        for _ in range(steps):
            tokens = (rng.integers(0, 61, (16, 1)) + np.arange(13)) % 61  # counting
            loss = run(gl.tensor(tokens[:, :-1]), gl.tensor(tokens[:, 1:]))
            first = loss.item() if first is None else first
    finally:
        gl.set_num_threads(before)
    assert loss is not None
    assert loss.item() < 0.2 * first or steps < STEPS
    digest = hashlib.sha256(loss.numpy().tobytes())
    for value in net.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def expected() -> str:
    return train("jit", 1)


@pytest.mark.parametrize(("how", "threads"), [("jit", 2), ("jit", 4), ("plain", 1), ("plain", 4)])
def test_threads_and_jit(how: str, threads: int, expected: str) -> None:
    assert train(how, threads) == expected


def test_cold_and_cached(tmp_path: Path, expected: str) -> None:
    """Two new processes: the first compiles everything, the second finds it all on disk."""
    root = Path(__file__).resolve().parents[2]
    known = os.environ.get("PYTHONPATH", "")
    paths = os.pathsep.join([str(root / "tests"), *sys.path, known])
    environment = {**os.environ, "PYTHONPATH": paths, "GLIA_CACHE": str(tmp_path)}
    code = "from train.test_same_bits_gpt import train; print(train('jit', 2))"
    found = []
    for _ in range(2):
        command = [sys.executable, "-c", code]
        result = subprocess.run(command, env=environment, capture_output=True, check=True)
        found.append(result.stdout.decode().strip())
    assert any(tmp_path.rglob("*.o"))
    assert found == [expected, expected]

"""``gl.explain_memory``: the peak is the peak, and names lead to the user's program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError
from glia.base.i18n import set_language
from glia.compiler.program import Temporary
from glia.explain.memory import at_peak
from glia.models.lenet import LeNet5


@pytest.mark.parametrize(
    ("lives", "peak", "alive"),  # (bytes, first, last)
    [
        ([], 0, []),
        ([(8, 0, 3)], 0, [0]),
        ([(8, 0, 1), (9, 1, 2), (7, 2, 3)], 1, [0, 1]),
        ([(8, 0, 0), (9, 1, 1)], 1, [1]),
        ([(1, 0, 3), (5, 0, 0), (3, 2, 2), (3, 2, 3)], 2, [0, 2, 3]),
    ],
)
def test_at_peak(lives: list[tuple[int, int, int]], peak: int, alive: list[int]) -> None:
    node = gl.ones(2)._node.expr
    values = [Temporary(node, *life) for life in lives]
    found, held = at_peak(values, 4)
    assert found == peak
    assert [values.index(value) for value in held] == alive


@pytest.mark.parametrize("jitted", [False, True])
def test_a_training_step(jitted: bool) -> None:
    gl.manual_seed(0)
    net = LeNet5()
    opt = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    rng = np.random.default_rng(0)
    x = gl.from_numpy(rng.normal(size=(32, 1, 32, 32)).astype("f"))
    y = gl.from_numpy(rng.integers(0, 10, 32))

    def step(x: gl.Tensor, y: gl.Tensor) -> gl.Tensor:
        loss = criterion(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    before = [p.detach().numpy().copy() for p in net.parameters()]
    report = gl.explain_memory(gl.jit(step) if jitted else step)(x, y)
    after = [p.detach().numpy() for p in net.parameters()]
    assert any((a != b).any() for a, b in zip(before, after, strict=True))  # the step was taken

    assert 0 < report.bytes <= report.arena
    assert all(v.first <= report.peak <= v.last for v in report.alive)
    assert [v.bytes for v in report.alive] == sorted((v.bytes for v in report.alive), reverse=True)
    # the activations of the first convolution are kept for the backward pass
    largest = report.alive[0]
    assert report.bytes >= 4 * 32 * 6 * 28 * 28
    assert largest.line.startswith(Path(__file__).name) or Path(__file__).name in str(report)
    assert sum(report.by_module().values()) == report.bytes
    assert any(name for name in report.by_module())
    weights = sum(p.numel() for p in net.parameters())
    assert report.held >= 4 * 2 * weights + x.numel() * 4  # weights, momentum, data


def test_a_chain_needs_what_it_multiplies() -> None:
    """Two products: between them one 64×64 value, whatever else is alive."""
    x = gl.from_numpy(np.ones((64, 64), np.float32))
    report = gl.explain_memory(lambda x: ((x @ x).exp() @ x).sum())(x)
    assert report.bytes >= 4 * 64 * 64
    assert report.held == 4 * 64 * 64


def test_table_in_both_languages() -> None:
    x = gl.ones(64, 64)
    report = gl.explain_memory(lambda x: {"a": [(x @ x).softmax(1).sum(0)]})(x)
    english = report.table(limit=1)
    assert "At the peak, kernel" in english
    assert str(report).count("\n") >= english.count("\n")
    set_language("zh")
    assert "峰值在内核" in report.table()


def test_nothing_to_explain() -> None:
    with pytest.raises(ArgumentError, match="runs no compiled program"):
        gl.explain_memory(lambda: None)()

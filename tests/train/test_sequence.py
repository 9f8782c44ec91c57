"""Classifiers of texts: padding never counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError
from glia.models import SequenceClassifier, WordVotes

NETS: dict[str, Callable[[], nn.Module]] = {
    "gru": lambda: SequenceClassifier(12, cell="gru"),
    "words": lambda: WordVotes(12),
}


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_padding_does_not_count(cell: str) -> None:
    gl.manual_seed(2)
    net = SequenceClassifier(30, 3, cell, 6, 5).eval()
    words = [[4, 9, 2], [7], [3, 3, 8, 1, 5]]
    alone = [net(gl.tensor([row])).detach().numpy()[0] for row in words]
    padded = np.zeros((4, 9), np.int64)
    for row, found in zip(padded, words, strict=False):
        row[: len(found)] = found
    together = net(gl.tensor(padded)).detach().numpy()
    np.testing.assert_allclose(together[:3], alone, atol=1e-6)
    assert np.isfinite(together[3]).all()  # a text without words


@pytest.mark.parametrize("name", NETS)
def test_learns_that_a_word_decides(name: str) -> None:
    """Word 11 stands in the good texts, somewhere."""
    gl.manual_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.integers(2, 11, (64, 7)), rng.integers(0, 2, 64)
    good = np.flatnonzero(y)
    x[good, rng.integers(0, 5, len(good))] = 11
    x[:, 5:] = 0
    net = NETS[name]()
    opt = optim.Adam(net.parameters(), lr=0.05)

    @gl.jit
    def step(x: gl.Tensor, y: gl.Tensor) -> gl.Tensor:
        loss = nn.functional.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.detach()

    for _ in range(60):
        step(gl.tensor(x), gl.tensor(y))
    said = net.eval()(gl.tensor(x)).detach().numpy().argmax(1)
    assert (said == y).mean() > 0.95


def test_unknown_cells() -> None:
    with pytest.raises(ArgumentError, match="rnn, lstm or gru"):
        SequenceClassifier(9, cell="cnn")

"""Embedding against its definition, and what it does with numbers out of range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError, DTypeError

SHAPES: list[tuple[int, ...]] = [(), (7,), (3, 5), (2, 3, 4), (0,), (1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dim", [1, 5, 64])
@pytest.mark.parametrize("padding", [None, 0, -2])
def test_rows_and_their_gradients(shape: tuple[int, ...], dim: int, padding: int | None) -> None:
    rng = np.random.default_rng(0)
    layer = nn.Embedding(11, dim, padding_idx=padding)
    index = rng.integers(0, 11, shape)
    rows = layer.weight.detach().numpy()
    out = layer(gl.tensor(index))
    np.testing.assert_array_equal(out.detach().numpy(), rows[index])
    weight = rng.normal(size=out.shape).astype(np.float32)
    (out * gl.tensor(weight)).sum().backward()
    expected = np.zeros_like(rows)
    np.add.at(expected, index, weight)
    if padding is not None:
        assert not rows[padding].any()
        expected[padding] = 0
    assert layer.weight.grad is not None
    np.testing.assert_array_equal(layer.weight.grad.numpy(), expected)


def test_numbers_out_of_range() -> None:
    layer = nn.Embedding(4, 3)
    for wrong in ([4], [0, -1]):
        with pytest.raises(ArgumentError, match="out of range for size 4"):
            layer(gl.tensor(wrong))
    with pytest.raises(DTypeError, match="whole numbers"):
        layer(gl.tensor([0.0]))
    rows = layer.weight.detach().numpy()
    for call in (gl.jit(layer), lambda index: layer(index * 1)):
        found = call(gl.tensor([1, 4, -1])).detach().numpy()
        np.testing.assert_array_equal(found[0], rows[1])
        assert np.isnan(found[1:]).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_norm": 1.0}, "max_norm is not supported"),
        ({"scale_grad_by_freq": True}, "scale_grad_by_freq is not supported"),
        ({"padding_idx": 4}, "padding_idx 4 is out of range for 4 rows"),
        ({"padding_idx": -5}, "padding_idx -5"),
    ],
)
def test_refused_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        nn.Embedding(4, 3, **options)


def test_from_pretrained() -> None:
    rows = gl.tensor(np.arange(6.0, dtype=np.float32).reshape(3, 2))
    frozen = nn.Embedding.from_pretrained(rows)
    assert not frozen.weight.requires_grad
    assert frozen(gl.tensor([2])).numpy().tolist() == [[4.0, 5.0]]
    assert nn.Embedding.from_pretrained(rows, freeze=False).weight.requires_grad


def test_it_learns() -> None:
    gl.manual_seed(0)
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Embedding(20, 8), nn.Flatten(), nn.Linear(24, 2))
    opt = optim.Adam(net.parameters(), lr=0.05)
    x = gl.tensor(rng.integers(0, 20, (64, 3)))
    y = gl.tensor((x.numpy().sum(1) > 28).astype(np.int64))
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_against_torch() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Embedding(9, 6, padding_idx=-1)
    ours = nn.Embedding(9, 6, padding_idx=-1)
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    index = np.random.default_rng(0).integers(0, 9, (4, 7))
    out, wanted = ours(gl.tensor(index)), theirs(torch.from_numpy(index))
    (out * out).sum().backward()
    (wanted * wanted).sum().backward()
    np.testing.assert_array_equal(out.detach().numpy(), wanted.detach().numpy())
    assert ours.weight.grad is not None
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-6)

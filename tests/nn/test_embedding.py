"""Embedding against its definition, and what it does with numbers out of range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError, DTypeError, ShapeError

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


def test_rows_are_shortened_in_place() -> None:
    layer = nn.Embedding(5, 3, max_norm=1.0, norm_type=1.0)
    before = layer.weight.detach().numpy()
    out = layer(gl.tensor([3, 1, 3]))
    after = layer.weight.detach().numpy()
    sizes = np.abs(before).sum(1)
    scale = np.where(sizes > 1, 1 / (sizes + 1e-7), 1)
    scale[[0, 2, 4]] = 1
    np.testing.assert_allclose(after, before * scale[:, None], rtol=1e-6)
    np.testing.assert_array_equal(out.detach().numpy(), after[[3, 1, 3]])


def test_gradients_by_frequency() -> None:
    layer = nn.Embedding(4, 2, scale_grad_by_freq=True)
    out = layer(gl.tensor([3, 1, 3, 3]))
    (out * gl.tensor([[1.0], [2.0], [3.0], [5.0]])).sum().backward()
    assert layer.weight.grad is not None
    wanted = [[0, 0], [2, 2], [0, 0], [3, 3]]
    np.testing.assert_allclose(layer.weight.grad.numpy(), wanted, rtol=1e-6)
    np.testing.assert_array_equal(out.detach().numpy(), layer.weight.detach().numpy()[[3, 1, 3, 3]])


FLAT = np.array([1, 2, 2, 5, 4, 0, 2, 3])
OFFSETS = np.array([0, 3, 3, 5])
ENDS = [3, 3, 5, 8]
FACTORS = np.random.default_rng(3).normal(size=8)
BAGS = [
    {"mode": mode, **extra}
    for mode in ("sum", "mean", "max")
    for extra in ({}, {"padding_idx": 2}, {"include_last_offset": True})
]


def bag(rows: np.ndarray, numbers: np.ndarray, factors: np.ndarray, options: dict) -> np.ndarray:
    keep = numbers != options.get("padding_idx")
    chosen = rows[numbers[keep]] * factors[keep][:, None]
    if not len(chosen):
        return np.zeros(rows.shape[1])
    return {"sum": np.sum, "mean": np.mean, "max": np.max}[options["mode"]](chosen, 0)


def test_bags_against_the_definition() -> None:
    table = np.random.default_rng(0).normal(size=(6, 3))
    weight, flat = gl.tensor(table), gl.tensor(FLAT)
    found = []
    for options in BAGS:
        last = options.get("include_last_offset", False)
        offsets = np.append(OFFSETS, 7) if last else OFFSETS
        ends = [*ENDS[:3], 7] if last else ENDS
        ones = np.ones(8)
        wanted = [
            bag(table, FLAT[a:b], ones[a:b], options) for a, b in zip(OFFSETS, ends, strict=True)
        ]
        out = nn.functional.embedding_bag(flat, weight, gl.tensor(offsets), **options)
        found.append((out, np.array(wanted)))
        if not last:
            square = FLAT.reshape(4, 2)
            wanted = [bag(table, row, np.ones(2), options) for row in square]
            out = nn.functional.embedding_bag(gl.tensor(square), weight, **options)
            found.append((out, np.array(wanted)))
    factors = gl.tensor(FACTORS)
    wanted = [
        bag(table, FLAT[a:b], FACTORS[a:b], BAGS[0]) for a, b in zip(OFFSETS, ENDS, strict=True)
    ]
    out = nn.functional.embedding_bag(
        flat, weight, gl.tensor(OFFSETS), mode="sum", per_sample_weights=factors
    )
    found.append((out, np.array(wanted)))
    gl.realize(*(out for out, _ in found))
    for out, wanted in found:
        np.testing.assert_allclose(out.numpy(), wanted, rtol=1e-12, atol=1e-12)


def test_bags_against_torch() -> None:
    oracle = pytest.importorskip("nn_oracle")
    torch = oracle.torch
    pairs = []
    for options in BAGS:
        theirs = torch.nn.EmbeddingBag(6, 3, **options).double()
        ours = nn.EmbeddingBag(6, 3, **options, dtype="float64")
        assert repr(ours) == repr(theirs)
        ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
        offsets = np.append(OFFSETS, 8) if "include_last_offset" in options else OFFSETS
        out = ours(gl.tensor(FLAT), gl.tensor(offsets))
        wanted = theirs(torch.from_numpy(FLAT), torch.from_numpy(offsets))
        leaves = [ours.weight], [theirs.weight]
        pairs += oracle.side_by_side(str(options), [out], [wanted], *leaves)
    oracle.settle(pairs)


WRONG = [
    (gl.tensor([1, 2]), {}, "with offsets"),
    (gl.tensor([[1, 2]]), {"mode": "min"}, "'sum', 'mean' or 'max'"),
    (gl.tensor([[1, 2]]), {"per_sample_weights": gl.ones(1, 2)}, "weights go with 'sum'"),
    (gl.tensor([[1, 2]]), {"offsets": gl.tensor([0])}, "with offsets"),
    (
        gl.tensor([[1, 2]]),
        {"mode": "sum", "per_sample_weights": gl.ones(2)},
        r"per_sample_weights \(1, 2\)",
    ),
    (gl.tensor([1, 7]), {"offsets": gl.tensor([0])}, "out of range"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_bags_refused(number: int) -> None:
    index, options, words = WRONG[number]
    with pytest.raises((ArgumentError, ShapeError), match=words):
        nn.functional.embedding_bag(index, gl.zeros(4, 2), **options)

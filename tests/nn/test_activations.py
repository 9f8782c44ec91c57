"""Activations and dropout: against PyTorch, against formulas, at extremes and kinks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, GradError, ShapeError
from glia.nn import functional as F

VECTOR = [(4, 6)]
PICTURE = [(2, 4, 3, 5)]
LAYERS: list[Any] = [
    ("CELU", (), {}, VECTOR),
    ("CELU", (2.5,), {}, VECTOR),
    ("GLU", (), {}, VECTOR),
    ("GLU", (1,), {}, PICTURE),
    ("Hardshrink", (), {}, VECTOR),
    ("Hardshrink", (0.9,), {}, VECTOR),
    ("Hardsigmoid", (), {}, VECTOR),
    ("Hardswish", (), {}, VECTOR),
    ("RReLU", (0.2, 0.2), {}, VECTOR),
    ("Softmax2d", (), {}, PICTURE),
    ("Softmin", (1,), {}, VECTOR),
    ("Softshrink", (), {}, VECTOR),
    ("Tanhshrink", (), {}, VECTOR),
    ("Threshold", (0.3, 7.0), {}, VECTOR),
    ("Dropout1d", (0.0,), {}, [(2, 3, 4)]),
    ("Dropout3d", (0.0,), {}, [(2, 3, 4, 2, 2)]),
    ("AlphaDropout", (0.0,), {}, VECTOR),
    ("FeatureAlphaDropout", (0.0,), {}, VECTOR),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_against_torch(dtype: str) -> None:
    oracle = pytest.importorskip("nn_oracle")
    oracle.layers(LAYERS, dtype)
    oracle.layers(
        [("RReLU", (), {}, VECTOR), ("Dropout3d", (0.5,), {}, [(2, 3, 1, 1, 1)])], dtype, False
    )


#: Values and derivatives at these places; both from the definitions.
X = [-np.inf, -1e30, -4.0, -3.0, -0.5, 0.0, 0.5, 3.0, 4.0, 1e30, np.inf, np.nan]
N = math.nan
KNOWN: dict[str, tuple[list[float], list[float]]] = {
    "hardsigmoid": (
        [0, 0, 0, 0, 2.5 / 6, 0.5, 3.5 / 6, 1, 1, 1, 1, N],
        [0, 0, 0, 0, 1 / 6, 1 / 6, 1 / 6, 0, 0, 0, 0, 1 / 6],
    ),
    "hardswish": (
        [0, 0, 0, 0, -1.25 / 6, 0, 1.75 / 6, 3, 4, 1e30, np.inf, N],
        [0, 0, 0, 0, 2 / 6, 0.5, 4 / 6, 1, 1, 1, 1, 1],
    ),
    "hardshrink": (
        [-np.inf, -1e30, -4, -3, 0, 0, 0, 3, 4, 1e30, np.inf, N],
        [1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1],
    ),
    "softshrink": (
        [-np.inf, -1e30, -3.5, -2.5, 0, 0, 0, 2.5, 3.5, 1e30, np.inf, N],
        [1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1],
    ),
    "relu6": ([0, 0, 0, 0, 0, 0, 0.5, 3, 4, 6, 6, N], [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1]),
    "hardtanh": (
        [-1, -1, -1, -1, -0.5, 0, 0.5, 1, 1, 1, 1, N],
        [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1],
    ),
    "celu": (
        [-1, -1, math.expm1(-4), math.expm1(-3), math.expm1(-0.5), 0, 0.5, 3, 4, 1e30, np.inf, N],
        [0, 0, math.exp(-4), math.exp(-3), math.exp(-0.5), 1, 1, 1, 1, 1, 1, N],
    ),
}


def test_values_and_derivatives_at_the_ends_and_kinks() -> None:
    found = {}
    for name in KNOWN:
        x = gl.tensor(np.array(X, np.float32), requires_grad=True)
        out = getattr(F, name)(x)
        out.sum().backward()
        found[name] = (out.detach(), x.grad)
    gl.realize(*(t for pair in found.values() for t in pair if t is not None))
    for name, (values, slopes) in KNOWN.items():
        out, slope = found[name]
        assert slope is not None
        np.testing.assert_allclose(out.numpy(), np.float32(values), rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(slope.numpy(), np.float32(slopes), 1e-6, 6e-8, err_msg=name)


def test_options_of_softmax() -> None:
    x = gl.tensor([[1, 2, 4]])
    wanted = np.exp([[1.0, 2, 4]]) / np.exp([1.0, 2, 4]).sum()
    np.testing.assert_allclose(F.softmax(x, 1, dtype="float64").numpy(), wanted, rtol=1e-12)
    np.testing.assert_allclose(F.softmin(-x, 1, dtype="float64").numpy(), wanted, rtol=1e-12)
    logs = F.log_softmax(x, -1, dtype="float64").numpy()
    np.testing.assert_allclose(logs, np.log(wanted), rtol=1e-12)
    assert F.softmax(gl.zeros(0, 3), 0).shape == (0, 3)
    assert F.softmax(gl.tensor(3.0), 0).item() == 1
    huge = F.softmax(gl.tensor([-3e38, 3e38, 3e38]), 0)
    assert huge.tolist() == [0, 0.5, 0.5]


def test_random_slopes() -> None:
    gl.manual_seed(1)
    x = gl.tensor(np.full((4000,), -2.0), requires_grad=True)
    out = F.rrelu(x, 0.25, 0.75, training=True)
    out.sum().backward()
    slopes = out.detach().numpy() / -2
    assert slopes.min() > 0.25 and slopes.max() < 0.75
    assert abs(slopes.mean() - 0.5) < 0.01 and abs(slopes.std() - 0.5 / math.sqrt(12)) < 0.005
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), slopes, rtol=1e-12)
    assert F.rrelu(gl.tensor([3.0]), training=True).tolist() == [3]


def test_gumbel_softmax_follows_the_probabilities() -> None:
    gl.manual_seed(2)
    p = np.array([0.1, 0.2, 0.7])
    logits = gl.tensor(np.tile(np.log(p)[:, None], (1, 6000)), requires_grad=True)
    hard = F.gumbel_softmax(logits, tau=0.5, hard=True, dim=0)
    weights = gl.tensor(np.random.default_rng(0).normal(size=(3, 6000)))
    (hard * weights).sum().backward()
    found = hard.detach().numpy()
    np.testing.assert_allclose(np.sort(found, 0), np.tile([[0.0], [0], [1]], 6000), atol=1e-12)
    np.testing.assert_allclose(found.mean(1), p, atol=0.02)
    assert logits.grad is not None and (logits.grad.numpy() != 0).any()
    soft = F.gumbel_softmax(logits.detach(), tau=2.0, dim=0).numpy()
    np.testing.assert_allclose(soft.sum(0), 1)
    assert np.isfinite(soft).all()


@pytest.mark.parametrize("name", ["Dropout1d", "Dropout3d", "FeatureAlphaDropout"])
def test_channels_drop_together(name: str) -> None:
    gl.manual_seed(0)
    size = {"Dropout1d": (5,), "Dropout3d": (2, 2, 2), "FeatureAlphaDropout": (2, 3)}[name]
    layer = getattr(nn, name)(0.3)
    flat = layer(gl.ones(40, 30, *size)).numpy().reshape(1200, -1)
    assert (flat == flat[:, :1]).all()
    assert len(np.unique(flat)) == 2
    assert abs((flat[:, 0] == flat.min()).mean() - 0.3) < 0.05
    assert (layer.eval()(gl.ones(2, 3, *size)).numpy() == 1).all()


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    gl.manual_seed(0)
    x = gl.tensor(np.random.default_rng(0).normal(size=200_000), requires_grad=True)
    out = F.alpha_dropout(x, 0.2, training=True)
    out.sum().backward()
    found = out.detach().numpy()
    assert abs(found.mean()) < 0.01 and abs(found.var() - 1) < 0.02
    assert x.grad is not None
    slopes = x.grad.numpy()
    assert abs((slopes == 0).mean() - 0.2) < 0.01
    assert len(np.unique(slopes)) == 2
    assert (F.alpha_dropout(gl.ones(3), 1.0, True).numpy() == 0).all()


BAD = [
    (lambda: F.glu(gl.zeros(2, 3)), ShapeError, "even size"),
    (lambda: F.celu(gl.zeros(2), 0), ArgumentError, "alpha"),
    (lambda: F.softshrink(gl.zeros(2), -1), ArgumentError, "at least 0"),
    (lambda: F.rrelu(gl.zeros(2), 0.5, 0.1), ArgumentError, "above"),
    (lambda: F.hardtanh(gl.zeros(2), 1, -1), ArgumentError, "above"),
    (lambda: F.gumbel_softmax(gl.zeros(2), 0), ArgumentError, "tau"),
    (lambda: F.softmax(gl.zeros(2)), ArgumentError, "dim is missing"),
    (lambda: F.prelu(gl.zeros(2, 3), gl.zeros(2)), ShapeError, "1 weight or 3"),
    (lambda: nn.Softmax2d()(gl.zeros(2, 3)), ShapeError, "Softmax2d"),
    (lambda: F.dropout3d(gl.zeros(2, 3)), ShapeError, r"\(N, C, D, H, W\)"),
    (lambda: F.dropout1d(gl.zeros(2)), ShapeError, r"\(N, C, L\)"),
    (lambda: F.feature_alpha_dropout(gl.zeros(2), training=True), ShapeError, "use alpha_dropout"),
    (lambda: nn.AlphaDropout(1.5), ArgumentError, "AlphaDropout"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_refused(number: int) -> None:
    call, kind, words = BAD[number]
    with pytest.raises(kind, match=words):
        call()


IN_PLACE = "ReLU ReLU6 Hardtanh LeakyReLU RReLU ELU CELU SELU SiLU Mish Hardsigmoid Hardswish"


def test_in_place_the_input_takes_the_result() -> None:
    pairs = []
    for name in [*IN_PLACE.split(), "Dropout", "AlphaDropout"]:
        plain, kept = getattr(nn, name)().eval(), getattr(nn, name)(inplace=True).eval()
        x = gl.tensor([-4.0, -0.5, 1.0, 9.0]) * 1.5
        wanted = plain(x + 0.0)
        assert kept(x) is x
        pairs.append((x, wanted, name))
    x = gl.tensor([-1.0, 3.0])
    assert F.threshold(x, 0.0, 7.0, inplace=True) is x
    pairs.append((x, gl.tensor([7.0, 3.0]), "threshold"))
    gl.realize(*(t for x, y, _ in pairs for t in (x, y)))
    for x, wanted, name in pairs:
        assert x.tolist() == wanted.tolist(), name
    gl.manual_seed(0)
    x = gl.ones(1000)
    F.dropout(x, 0.5, inplace=True)
    assert set(x.tolist()) == {0.0, 2.0}
    leaf = gl.ones(2, requires_grad=True)
    with pytest.raises(GradError, match="relu_"):
        F.relu(leaf, inplace=True)


def test_in_place_layers_print_as_torch() -> None:
    torch = pytest.importorskip("torch")
    for name in IN_PLACE.split():
        ours, theirs = getattr(nn, name)(inplace=True), getattr(torch.nn, name)(inplace=True)
        assert repr(ours) == repr(theirs)

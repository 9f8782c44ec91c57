"""Layers and losses against golden numbers and plain NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.nn import functional as F

X = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
#: Values at -2, -1, 0, 1, 2.
GOLDEN = {
    "Sigmoid": [0.1192029220, 0.2689414214, 0.5, 0.7310585786, 0.8807970780],
    "Tanh": [-0.9640275801, -0.7615941560, 0, 0.7615941560, 0.9640275801],
    "ReLU": [0, 0, 0, 1, 2],
    "ReLU6": [0, 0, 0, 1, 2],
    "Hardtanh": [-1, -1, 0, 1, 1],
    "LeakyReLU": [-0.02, -0.01, 0, 1, 2],
    "ELU": [-0.8646647168, -0.6321205588, 0, 1, 2],
    "SELU": [-1.5201664686, -1.1113307378, 0, 1.0507009874, 2.1014019747],
    "Softplus": [0.1269280110, 0.3132616875, 0.6931471806, 1.3132616875, 2.1269280110],
    "SiLU": [-0.2384058440, -0.2689414214, 0, 0.7310585786, 1.7615941560],
    "GELU": [-0.0455002639, -0.1586552539, 0, 0.8413447461, 1.9544997361],
    "Mish": [-0.2525014827, -0.3034014614, 0, 0.8650983883, 1.9439589595],
    "LogSigmoid": [-2.1269280110, -1.3132616875, -0.6931471806, -0.3132616875, -0.1269280110],
    "Softsign": [-2 / 3, -0.5, 0, 0.5, 2 / 3],
}
KINKS = {"ReLU": [2], "ReLU6": [2], "LeakyReLU": [2], "Hardtanh": [1, 3], "SELU": [2]}
KINKS |= {"Softsign": [2], "ELU": [2]}  # in the second derivative


@pytest.mark.parametrize("name", GOLDEN)
def test_activation_golden(name: str) -> None:
    layer = getattr(nn, name)()
    np.testing.assert_allclose(layer(gl.tensor(X)).numpy(), GOLDEN[name], rtol=0, atol=6e-11)


@pytest.mark.parametrize("name", GOLDEN)
def test_activation_derivative(name: str) -> None:
    """Against central differences, away from kinks."""
    layer = getattr(nn, name)()
    x = gl.tensor(X, requires_grad=True)
    layer(x).sum().backward()
    h = 1e-6
    up, down = layer(gl.tensor(X + h)).numpy(), layer(gl.tensor(X - h)).numpy()
    smooth = [i for i in range(5) if i not in KINKS.get(name, [])]
    assert x.grad is not None
    found = x.grad.numpy()[smooth]
    np.testing.assert_allclose(found, ((up - down) / (2 * h))[smooth], atol=1e-9)


#: PyTorch's choice where the derivative jumps, and the smooth ones whose parts are not.
AT_ZERO = {
    "ReLU": 0.0,
    "ReLU6": 0.0,
    "LeakyReLU": 0.01,
    "ELU": 1.0,
    "SELU": 1.7580993408473766,
    "Sigmoid": 0.25,
    "Softplus": 0.5,
    "LogSigmoid": 0.5,
    "Softsign": 1.0,
}


@pytest.mark.parametrize("name", AT_ZERO)
def test_activation_derivative_at_zero(name: str) -> None:
    x = gl.tensor(np.zeros(1), requires_grad=True)
    getattr(nn, name)()(x).sum().backward()
    assert x.grad is not None
    assert x.grad.item() == pytest.approx(AT_ZERO[name], rel=1e-12)


EXTREMES = {
    "Sigmoid": [0, 0, 1, 1],
    "SiLU": [0, 0, 1e3, 1e30],
    "Softplus": [0, 0, 1e3, 1e30],
    "LogSigmoid": [-1e30, -1e3, 0, 0],
    "ELU": [-1, -1, 1e3, 1e30],
    "Tanh": [-1, -1, 1, 1],
}


@pytest.mark.parametrize("name", EXTREMES)
def test_activation_extremes(name: str) -> None:
    x = gl.tensor([-1e30, -1e3, 1e3, 1e30], requires_grad=True)
    out = getattr(nn, name)()(x)
    np.testing.assert_allclose(out.detach().numpy(), np.float32(EXTREMES[name]), atol=1e-30)
    out.sum().backward()
    assert x.grad is not None and np.isfinite(x.grad.numpy()).all()


def test_sigmoid_keeps_relative_accuracy() -> None:
    x = np.float32([-80, -40, -20, -5])
    wanted = 1 / (1 + np.exp(-x.astype(np.float64)))
    np.testing.assert_allclose(nn.Sigmoid()(gl.tensor(x)).numpy(), wanted, rtol=1e-6)


def test_softmax_and_cross_entropy_golden() -> None:
    for base in (0.0, 999.0):
        z = gl.tensor(np.array([[1.0, 2.0, 3.0]]) + base, requires_grad=True)
        p = nn.Softmax(dim=1)(z).detach().numpy()[0]
        np.testing.assert_allclose(p, [0.0900305732, 0.2447284711, 0.6652409558], atol=6e-11)
        loss = nn.CrossEntropyLoss()(z, gl.tensor([2]))
        loss.backward()
        assert loss.item() == pytest.approx(0.4076059644, abs=6e-11)
        assert z.grad is not None
        wanted = [0.0900305732, 0.2447284711, -0.3347590442]
        np.testing.assert_allclose(z.grad.numpy()[0], wanted, atol=6e-11)


def test_untrained_classifier_loses_ln_10() -> None:
    labels = gl.tensor(list(range(10)))
    assert F.cross_entropy(gl.zeros(10, 10), labels).item() == pytest.approx(math.log(10))


def test_bce_with_logits_golden() -> None:
    z = gl.tensor(np.array([0.5]), requires_grad=True)
    loss = nn.BCEWithLogitsLoss()(z, gl.tensor(np.array([1.0])))
    loss.backward()
    assert loss.item() == pytest.approx(0.4740769842, abs=6e-11)
    assert z.grad is not None
    assert z.grad.item() == pytest.approx(-0.3775406688, abs=6e-11)
    for value, label, wanted in ((1000, 1, 0), (1000, 0, 1000), (-1000, 1, 1000), (-1000, 0, 0)):
        z = gl.tensor([float(value)], requires_grad=True)
        loss = nn.BCEWithLogitsLoss()(z, gl.tensor([float(label)]))
        loss.backward()
        assert loss.item() == wanted
        assert z.grad is not None
        assert z.grad.item() == (value > 0) - label


def test_bce_at_the_ends() -> None:
    p = gl.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, gl.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert loss.detach().tolist() == [0, 0, 100, 100]
    loss.sum().backward()
    assert p.grad is not None and np.isfinite(p.grad.numpy()).all()


def test_cross_entropy_of_probabilities_golden() -> None:
    q, p = np.array([[0.25, 0.5, 0.25]]), np.array([[0.5, 0.25, 0.25]])
    loss = F.cross_entropy(gl.tensor(np.log(q)), gl.tensor(p))
    assert loss.item() == pytest.approx(1.2130076, abs=6e-8)
    assert F.kl_div(gl.tensor(np.log(q)), gl.tensor(p), "batchmean").item() == pytest.approx(
        0.1732868, abs=6e-8
    )


def test_a_label_that_names_no_class_is_nan() -> None:
    for label in (3, -1):
        assert math.isnan(F.cross_entropy(gl.zeros(2, 3), gl.tensor([0, label])).item())


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels_of_any_integer_dtype(dtype: str) -> None:
    labels = gl.tensor(np.array([2, 0], dtype))
    assert F.cross_entropy(gl.zeros(2, 3), labels).item() == pytest.approx(math.log(3))


def test_linear_is_a_matrix_product() -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(2, 5, 3)), rng.normal(size=(4, 3)), rng.normal(size=4)
    out = F.linear(gl.tensor(x), gl.tensor(w), gl.tensor(b))
    np.testing.assert_allclose(out.numpy(), x @ w.T + b, rtol=1e-12)


def conv_reference(x: np.ndarray, w: np.ndarray, pad: tuple[int, ...], step: int) -> np.ndarray:
    x = np.pad(x, ((0, 0), (0, 0), pad[:2], pad[2:]))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows[:, :, ::step, ::step], w)


@pytest.mark.parametrize(
    ("padding", "around", "stride"),
    [(0, (0, 0, 0, 0), 1), ((1, 2), (1, 1, 2, 2), 2), ("same", (0, 1, 1, 1), 1)],
)
def test_convolution_is_cross_correlation(padding: Any, around: tuple, stride: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 3, 6, 7)), rng.normal(size=(4, 3, 2, 3))
    found = F.conv2d(gl.tensor(x), gl.tensor(w), stride=stride, padding=padding)
    np.testing.assert_allclose(found.numpy(), conv_reference(x, w, around, stride), rtol=1e-11)


def test_pooling() -> None:
    x = gl.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    assert nn.MaxPool2d(2)(x).tolist() == [[[[5, 7], [13, 15]]]]
    assert nn.AvgPool2d(2)(x).tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]
    low = gl.tensor(-np.ones((1, 1, 2, 2)))
    assert nn.MaxPool2d(2, padding=1)(low).tolist() == [[[[-1, -1], [-1, -1]]]]


def test_one_hot() -> None:
    assert F.one_hot(gl.tensor([1, 0, 2])).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert F.one_hot(gl.tensor([[1]]), 3).tolist() == [[[0, 1, 0]]]


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 0.9])
def test_dropout(p: float) -> None:
    gl.manual_seed(0)
    layer = nn.Dropout(p)
    x = gl.ones(200, 100)
    out = layer(x).numpy()
    kept = out != 0
    np.testing.assert_allclose(out[kept], 1 / (1 - p), rtol=1e-6)
    assert abs(kept.mean() - (1 - p)) < 4 * math.sqrt(p * (1 - p) / kept.size) + 1e-12
    again = layer(x).numpy()
    assert p == 0 or (again != out).any()
    layer.eval()
    assert layer(x) is x


def test_dropout_gradient_is_its_mask() -> None:
    x = gl.ones(50, requires_grad=True)
    out = F.dropout(x, 0.5)
    out.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), out.detach().numpy())


def test_batch_norm_formula() -> None:
    x = np.random.default_rng(0).normal(2, 3, size=(8, 3, 4, 5))
    layer = nn.BatchNorm2d(3, dtype="float64")
    found = layer(gl.tensor(x)).detach().numpy()
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
    wanted = (x - mean[:, None, None]) / np.sqrt(var[:, None, None] + 1e-5)
    np.testing.assert_allclose(found, wanted, rtol=1e-10)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * mean, rtol=1e-10)
    unbiased = x.var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.9 + 0.1 * unbiased, rtol=1e-10)
    layer.eval()
    r, v = 0.1 * mean[:, None, None], (0.9 + 0.1 * unbiased)[:, None, None]
    evaluated = layer(gl.tensor(x)).detach().numpy()
    np.testing.assert_allclose(evaluated, (x - r) / np.sqrt(v + 1e-5), rtol=1e-9)


def test_layer_norm_formula() -> None:
    x = np.random.default_rng(0).normal(size=(4, 6))
    found = nn.LayerNorm(6, dtype="float64")(gl.tensor(x)).detach().numpy()
    wanted = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(found, wanted, rtol=1e-10)

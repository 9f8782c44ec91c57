"""Normalisation: against PyTorch and NumPy's formulas, with its running statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, ShapeError
from glia.nn import functional as F

ROW, LINE, PICTURE, BODY = [(5, 4)], [(3, 4, 5)], [(3, 4, 5, 2)], [(2, 4, 3, 2, 2)]
LAYERS: list[Any] = [
    ("BatchNorm1d", (4,), {}, ROW),
    ("BatchNorm2d", (4,), {"bias": False}, PICTURE),
    ("BatchNorm3d", (4,), {}, BODY),
    ("BatchNorm3d", (4,), {"momentum": None, "affine": False}, BODY),
    ("InstanceNorm1d", (4,), {}, LINE),
    ("InstanceNorm1d", (4,), {"affine": True}, [(4, 5)]),
    ("InstanceNorm2d", (4,), {"affine": True, "track_running_stats": True}, PICTURE),
    ("InstanceNorm2d", (4,), {"track_running_stats": True, "momentum": None}, PICTURE),
    ("InstanceNorm3d", (4,), {"affine": True, "bias": False, "eps": 1e-2}, BODY),
    ("GroupNorm", (2, 4), {}, PICTURE),
    ("GroupNorm", (4, 4), {"affine": False}, ROW[:0] + LINE),
    ("GroupNorm", (1, 4), {"bias": False}, ROW),
    ("LayerNorm", ((5, 2),), {}, PICTURE),
    ("RMSNorm", (5,), {}, LINE),
    ("RMSNorm", ((4, 5),), {"eps": 0.1}, LINE),
    ("RMSNorm", (5,), {"elementwise_affine": False}, LINE),
    ("LocalResponseNorm", (3,), {"alpha": 0.5}, PICTURE),
    ("LocalResponseNorm", (2,), {"beta": 0.5, "k": 2.0}, LINE),
    ("LocalResponseNorm", (7,), {}, BODY),
]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_against_torch(dtype: str, training: bool) -> None:
    pytest.importorskip("nn_oracle").layers(LAYERS, dtype, training)


RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 5))
W, B = RNG.normal(size=(2, 4))


def normal(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    return (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + 1e-5)


def test_functions_against_formulas() -> None:
    x, w, b = map(gl.tensor, (X, W, B))
    affine = W[:, None], B[:, None]
    grouped = normal(X.reshape(3, 2, 2, 5), (2, 3)).reshape(X.shape)
    rms = X / np.sqrt((X**2).mean((1, 2), keepdims=True) + 0.5)
    padded = np.pad(X**2, ((0, 0), (1, 1), (0, 0)))
    around = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    cases = [
        (F.batch_norm(x, None, None, w, b, True), normal(X, (0, 2)) * affine[0] + affine[1]),
        (F.batch_norm(x, None, None, bias=b, training=True), normal(X, (0, 2)) + affine[1]),
        (F.instance_norm(x, weight=w, bias=b), normal(X, (2,)) * affine[0] + affine[1]),
        (F.group_norm(x, 2, w, b), grouped * affine[0] + affine[1]),
        (F.layer_norm(x, (4, 5)), normal(X, (1, 2))),
        (F.layer_norm(x, (5,), None, gl.tensor(X[0, 0])), normal(X, (2,)) + X[0, 0]),
        (F.rms_norm(x, (4, 5), eps=0.5), rms),
        (F.local_response_norm(x, 3, 0.3, 0.6, 1.5), X / (1.5 + 0.1 * around) ** 0.6),
    ]
    gl.realize(*(found for found, _ in cases))
    for found, wanted in cases:
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9)


def test_running_statistics_of_functions() -> None:
    x, mean, var = gl.tensor(X), gl.tensor(W), gl.tensor(np.abs(B))
    F.batch_norm(x, mean, var, training=True, momentum=0.25)
    ours, own = X.mean((0, 2)), X.var((0, 2), ddof=1)
    np.testing.assert_allclose(mean.numpy(), 0.75 * W + 0.25 * ours)
    np.testing.assert_allclose(var.numpy(), 0.75 * np.abs(B) + 0.25 * own)
    evaluated = F.batch_norm(x, mean, var)
    spread = np.sqrt(var.numpy() + 1e-5)[:, None]
    wanted = (X - mean.numpy()[:, None]) / spread
    np.testing.assert_allclose(evaluated.numpy(), wanted, rtol=1e-9)
    mean, var = gl.tensor(W), gl.tensor(np.abs(B))
    F.instance_norm(x, mean, var, momentum=0.25)
    own = X.var(2, ddof=1).mean(0)
    np.testing.assert_allclose(var.numpy(), 0.75 * np.abs(B) + 0.25 * own)
    np.testing.assert_allclose(mean.numpy(), 0.75 * W + 0.25 * ours)
    frozen = F.instance_norm(x, mean, var, use_input_stats=False)
    wanted = (X - mean.numpy()[:, None]) / np.sqrt(var.numpy() + 1e-5)[:, None]
    np.testing.assert_allclose(frozen.numpy(), wanted, rtol=1e-9)


BAD = [
    (lambda: F.batch_norm(gl.zeros(2, 3), None, None), ArgumentError, "outside training"),
    (lambda: F.batch_norm(gl.zeros(3), None, None, training=True), ShapeError, r"\(N, C, …\)"),
    (
        lambda: F.batch_norm(gl.zeros(2, 3), gl.zeros(2), gl.zeros(2)),
        ShapeError,
        "running statistics",
    ),
    (lambda: F.batch_norm(gl.zeros(1, 3), None, None, training=True), ShapeError, "more than 1"),
    (lambda: F.group_norm(gl.zeros(2, 3), 2), ShapeError, "multiple of 2"),
    (lambda: F.group_norm(gl.zeros(2, 4), 2, gl.zeros(3)), ShapeError, "weight of 4"),
    (lambda: F.instance_norm(gl.zeros(2, 4, 1)), ShapeError, "more than 1 position"),
    (lambda: F.rms_norm(gl.zeros(2, 4), (3,)), ShapeError, "normalized_shape"),
    (lambda: F.local_response_norm(gl.zeros(2, 4), 3), ArgumentError, r"\(N, C, …\)"),
    (lambda: nn.GroupNorm(3, 4), ArgumentError, "do not divide"),
    (lambda: nn.BatchNorm3d(4)(gl.zeros(2, 4, 5)), ShapeError, r"\(N, 4, D, H, W\)"),
    (lambda: nn.InstanceNorm2d(4)(gl.zeros(2, 3, 5, 5)), ShapeError, r"\(N, 4, H, W\)"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_refused(number: int) -> None:
    call, kind, words = BAD[number]
    with pytest.raises(kind, match=words):
        call()

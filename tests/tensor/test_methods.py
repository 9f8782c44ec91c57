"""Operators and methods against NumPy, over shapes and dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import DTypeError, ShapeError

SHAPES = [(), (1,), (5,), (3, 4), (2, 1, 3), (0,), (2, 0), (17, 33)]
RTOL = {np.float32: 3e-6, np.float64: 1e-13}

Case = tuple[Callable[[gl.Tensor], Any], Callable[[np.ndarray], Any]]


def ddof(array: np.ndarray, n: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.var(array, ddof=n)


UNARY: dict[str, Case] = {
    "neg": (lambda t: -t, lambda a: -a),
    "abs": (abs, np.abs),
    "t.abs": (lambda t: t.abs(), np.abs),
    "exp": (lambda t: t.exp(), np.exp),
    "expm1": (lambda t: t.expm1(), np.expm1),
    "sin": (lambda t: t.sin(), np.sin),
    "cos": (lambda t: t.cos(), np.cos),
    "tanh": (lambda t: t.tanh(), np.tanh),
    "erf": (lambda t: t.erf(), lambda a: np.vectorize(math.erf, otypes=[a.dtype])(a)),
    "sigmoid": (lambda t: t.sigmoid(), lambda a: 1 / (1 + np.exp(-a))),
    "relu": (lambda t: t.relu(), lambda a: np.maximum(a, 0)),
    "sign": (lambda t: t.sign(), np.sign),
    "floor": (lambda t: t.floor(), np.floor),
    "ceil": (lambda t: t.ceil(), np.ceil),
    "round": (lambda t: t.round(), np.round),
    "square": (lambda t: t.square(), np.square),
    "pow 3": (lambda t: t**3, lambda a: a**3),
    "pow 0": (lambda t: t**0, lambda a: a**0),
    "pow 2.5 of |t|": (lambda t: abs(t) ** 2.5, lambda a: np.abs(a) ** 2.5),
    "2 ** t": (lambda t: 2.0**t, lambda a: 2.0**a),
    "clamp": (lambda t: t.clamp(-0.5, 0.5), lambda a: np.clip(a, -0.5, 0.5)),
    "clamp min": (lambda t: t.clamp(min=0.1), lambda a: np.maximum(a, 0.1)),
    "clamp max": (lambda t: t.clamp(max=0.1), lambda a: np.minimum(a, 0.1)),
    "add": (lambda t: t + 2, lambda a: a + 2),
    "radd": (lambda t: 2 + t, lambda a: 2 + a),
    "rsub": (lambda t: 2 - t, lambda a: 2 - a),
    "rdiv": (lambda t: 2 / (t + 4), lambda a: 2 / (a + 4)),
    "mod": (lambda t: t % 0.75, lambda a: a % 0.75),
    "floordiv": (lambda t: t // 0.75, lambda a: a // 0.75),
    "log of t²+1": (lambda t: (t * t + 1).log(), lambda a: np.log(a * a + 1)),
    "log1p of t²": (lambda t: (t * t).log1p(), lambda a: np.log1p(a * a)),
    "sqrt of t²": (lambda t: (t * t).sqrt(), np.abs),
    "rsqrt": (lambda t: (t * t + 1).rsqrt(), lambda a: 1 / np.sqrt(a * a + 1)),
    "maximum": (lambda t: t.maximum(0.3), lambda a: np.maximum(a, 0.3)),
    "minimum": (lambda t: t.minimum(-t), lambda a: np.minimum(a, -a)),
    "clone": (lambda t: t.clone(), lambda a: a),
    "lt": (lambda t: t < 0.1, lambda a: a < 0.1),
    "ge": (lambda t: t >= 0, lambda a: a >= 0),
    "eq": (lambda t: t == t, lambda a: a == a),
    "ne": (lambda t: t != 0, lambda a: a != 0),
    "invert": (lambda t: ~(t > 0), lambda a: ~(a > 0)),
    "and": (lambda t: (t > 0) & (t < 1), lambda a: (a > 0) & (a < 1)),
    "or": (lambda t: (t > 1) | (t < -1), lambda a: (a > 1) | (a < -1)),
    "where": (lambda t: gl.where(t > 0, t, 0.0), lambda a: np.where(a > 0, a, 0).astype(a.dtype)),
    "t.where": (lambda t: t.where(t > 0, -t), lambda a: np.where(a > 0, a, -a)),
    "sum": (lambda t: t.sum(), lambda a: a.sum(dtype=a.dtype)),
    "prod": (lambda t: t.prod(), lambda a: a.prod(dtype=a.dtype)),
    "all": (lambda t: (t > -9).all() if t.numel() else True, lambda a: (a > -9).all()),
    "flatten": (lambda t: t.flatten(), lambda a: a.reshape(-1)),
    "T": (lambda t: t.T, lambda a: a.T),
    "unsqueeze": (lambda t: t.unsqueeze(-1), lambda a: a[..., None]),
    "squeeze": (lambda t: t.squeeze(), lambda a: a.reshape([n for n in a.shape if n != 1])),
    "int": (lambda t: t.int(), lambda a: a.astype(np.int32)),
    "double": (lambda t: t.double(), lambda a: a.astype(np.float64)),
    "bool": (lambda t: t.bool(), lambda a: a.astype(bool)),
}  # fmt: skip


def same(found: Any, expected: Any, dtype: type) -> None:
    value = found.numpy() if isinstance(found, gl.Tensor) else np.asarray(found)
    expected = np.asarray(expected)
    assert value.shape == expected.shape
    if expected.dtype.kind == "f":
        largest = float(np.abs(expected).max()) if expected.size else 1.0
        np.testing.assert_allclose(value, expected, rtol=RTOL[dtype], atol=RTOL[dtype] * largest)
    else:
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UNARY)
def test_as_in_numpy(name: str, dtype: type) -> None:
    rng = np.random.default_rng(0)
    ours, theirs = UNARY[name]
    for shape in SHAPES:
        array = np.asarray(rng.normal(size=shape)).astype(dtype)
        found = ours(gl.tensor(array))
        expected = np.asarray(theirs(array))
        if isinstance(found, gl.Tensor) and expected.dtype.kind == "f":
            assert found.dtype.np == (np.float64 if name == "double" else dtype)
        same(found, expected, dtype)


REDUCTIONS: dict[str, tuple[Callable, Callable]] = {
    "sum": (lambda t, **k: t.sum(**k), np.sum),
    "mean": (lambda t, **k: t.mean(**k), np.mean),
    "prod": (lambda t, **k: t.prod(**k), np.prod),
    "amax": (lambda t, **k: t.amax(**k), np.max),
    "amin": (lambda t, **k: t.amin(**k), np.min),
    "var": (lambda t, **k: t.var(**k), lambda a, **k: np.var(a, ddof=1, **k)),
    "var 0": (lambda t, **k: t.var(correction=0, **k), np.var),
    "std": (lambda t, **k: t.std(**k), lambda a, **k: np.std(a, ddof=1, **k)),
}
DIMS = [None, 0, 1, 2, -1, (0, 2), (1, -1), [0, 1], (0, 1, 2)]


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", DIMS, ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, dim: Any, keepdim: bool) -> None:
    array = np.random.default_rng(1).normal(size=(4, 5, 21))
    ours, theirs = REDUCTIONS[name]
    axis = tuple(dim) if isinstance(dim, list) else dim
    expected = theirs(array, axis=axis, keepdims=keepdim)
    found = ours(gl.tensor(array), dim=dim, keepdim=keepdim)
    same(found, expected, np.float64)


@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_argmax(dim: int | None) -> None:
    array = np.random.default_rng(2).integers(0, 4, (6, 50))
    found = gl.tensor(array).argmax(dim)
    assert found.dtype == gl.int64
    np.testing.assert_array_equal(found.numpy(), np.argmax(array, dim))
    kept = gl.tensor(array).argmax(1, keepdim=True)
    np.testing.assert_array_equal(kept.numpy(), np.argmax(array, 1, keepdims=True))


def test_argmax_takes_the_first_and_nan_wins() -> None:
    assert gl.tensor([1.0, 3.0, 3.0]).argmax().item() == 1
    assert gl.tensor([1.0, np.nan, 5.0, np.nan]).argmax().item() == 1
    assert gl.tensor([-np.inf] * 40).argmax().item() == 0
    assert gl.tensor(np.full((30, 3), -np.inf, np.float32)).argmax(0).tolist() == [0, 0, 0]


def test_nan_passes_through_extremes() -> None:
    x = gl.tensor([1.0, np.nan, 3.0])
    assert math.isnan(x.amax().item()) and math.isnan(x.amin().item())
    assert np.isnan(x.maximum(2.0).numpy()).tolist() == [False, True, False]
    assert np.isnan(x.relu().numpy()).tolist() == [False, True, False]
    long = gl.tensor(np.where(np.arange(100) == 57, np.nan, 1).astype(np.float32))
    assert math.isnan(long.amax().item()) and math.isnan(long.sum().item())


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_and_friends(dim: int) -> None:
    array = np.random.default_rng(3).normal(size=(7, 30)) * 5
    powers = np.exp(array - array.max(dim, keepdims=True))
    expected = powers / powers.sum(dim, keepdims=True)
    x = gl.tensor(array)
    same(x.softmax(dim), expected, np.float64)
    same(x.log_softmax(dim), np.log(expected), np.float64)
    same(x.logsumexp(dim), np.log(np.exp(array).sum(dim)), np.float64)


def test_softmax_of_extreme_values() -> None:
    x = gl.tensor([[1e4, 0.0, -1e4], [-np.inf, 0.0, -np.inf], [88.0, 88.0, 88.0]])
    assert x.softmax(1)[:2].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert x.logsumexp(1)[:2].tolist() == [1e4, 0.0]
    assert gl.tensor([-np.inf, -np.inf]).logsumexp(0).item() == -np.inf
    assert x.log_softmax(1)[0].tolist() == [0.0, -1e4, -2e4]


PRODUCTS = [
    ((3, 4), (4, 5)), ((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 5)), ((2, 3, 4), (4, 5)),
    ((2, 3, 4), (2, 4, 5)), ((4,), (2, 4, 5)), ((2, 3, 4), (4,)), ((6, 1, 3, 4), (2, 4, 5)),
    ((3, 1), (1, 5)), ((1, 33), (33, 1)), ((0, 4), (4, 5)), ((3, 0), (0, 5)), ((1, 1), (1, 1)),
    ((40, 50), (50, 60)), ((2, 17, 33), (2, 33, 9)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize(("a", "b"), PRODUCTS)
def test_matrix_products(a: tuple[int, ...], b: tuple[int, ...], dtype: type) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.integers(-5, 6, a).astype(dtype), rng.integers(-5, 6, b).astype(dtype)
    found = (gl.tensor(x) @ gl.tensor(y)).numpy()
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, x @ y)
    np.testing.assert_array_equal(gl.tensor(x).matmul(gl.tensor(y)).numpy(), x @ y)


VIEWS: dict[str, Case] = {
    "permute": (lambda t: t.permute(2, 0, 1), lambda a: a.transpose(2, 0, 1)),
    "permute tuple": (lambda t: t.permute((1, 0, -1)), lambda a: a.transpose(1, 0, 2)),
    "transpose": (lambda t: t.transpose(0, -1), lambda a: a.swapaxes(0, -1)),
    "reshape": (lambda t: t.reshape(6, -1), lambda a: a.reshape(6, -1)),
    "view": (lambda t: t.view((4, 6)), lambda a: a.reshape(4, 6)),
    "flatten 1": (lambda t: t.flatten(1), lambda a: a.reshape(2, 12)),
    "flatten 0 1": (lambda t: t.flatten(0, 1), lambda a: a.reshape(6, 4)),
    "unsqueeze 0": (lambda t: t.unsqueeze(0), lambda a: a[None]),
    "unsqueeze and expand": (
        lambda t: t.unsqueeze(1).expand(2, 5, -1, -1),
        lambda a: np.broadcast_to(a[:, None], (2, 5, 3, 4)),
    ),
    "expand in front": (lambda t: t.expand(3, 2, 3, 4), lambda a: np.broadcast_to(a, (3, 2, 3, 4))),
    "squeeze a 3": (lambda t: t.squeeze(1), lambda a: a),
    "cat": (lambda t: gl.cat([t, t * 2], 1), lambda a: np.concatenate([a, a * 2], 1)),
    "cat -1": (
        lambda t: gl.cat([t, t[:, :, :1]], -1),
        lambda a: np.concatenate([a, a[:, :, :1]], -1),
    ),
    "stack": (lambda t: gl.stack([t, -t], 0), lambda a: np.stack([a, -a], 0)),
    "stack -1": (lambda t: gl.stack([t, -t], -1), lambda a: np.stack([a, -a], -1)),
    "chained": (
        lambda t: t.permute(2, 1, 0).reshape(3, 8).T.reshape(2, 12).permute(1, 0),
        lambda a: a.transpose(2, 1, 0).reshape(3, 8).T.reshape(2, 12).T,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_views(name: str) -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    ours, theirs = VIEWS[name]
    same(ours(gl.tensor(array)), theirs(array), np.float64)


BAD: list[tuple[Callable[[gl.Tensor], Any], type[Exception], str]] = [
    (lambda t: t + gl.zeros(5), ShapeError, "do not broadcast"),
    (lambda t: t @ gl.zeros(3, 3), ShapeError, "do not fit"),
    (lambda t: t @ gl.tensor(2.0), ShapeError, "scalar"),
    (lambda t: t.reshape(5, 5), ShapeError, "24 elements"),
    (lambda t: t.reshape(-1, -1), ShapeError, "one -1"),
    (lambda t: t.sum(3), ShapeError, "dimension 3 does not exist"),
    (lambda t: t.sum((0, 0)), ShapeError, "twice"),
    (lambda t: t.permute(0, 0, 1), ShapeError, "once"),
    (lambda t: t.expand(2, 9, 4), ShapeError, "does not expand"),
    (lambda t: t.int().mean(), DTypeError, "floating-point"),
    (lambda t: gl.cat([t, gl.zeros(1, 1, 1)], 0), ShapeError, "differ"),
    (lambda t: t[:0].amax(0), ShapeError, "nothing to choose"),
    (lambda t: t.item(), ShapeError, "one element"),
    (lambda t: t.softmax(7), ShapeError, "does not exist"),
    (lambda t: gl.tensor([[1], [2, 3]]), (DTypeError, ValueError), ""),
    (lambda t: gl.tensor("text"), DTypeError, ""),
    (lambda t: t.to("float99"), DTypeError, "expected a dtype"),
    (lambda t: len(gl.tensor(1.0)), ShapeError, "0-dimensional"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "error", "words"), BAD)
def test_mistakes_are_named_when_they_are_made(action, error, words: str) -> None:
    with pytest.raises(error) as caught:
        action(gl.tensor(np.zeros((2, 3, 4), np.float32)))
    assert words in str(caught.value)

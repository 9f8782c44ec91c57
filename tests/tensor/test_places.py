"""Reading and writing at places, against NumPy; values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, DTypeError, GliaError, GradError, ShapeError

RNG = np.random.default_rng(1)
X = RNG.normal(size=(4, 5))
INDEX = np.array([[0, 3, 0, 1, 2], [3, 3, 1, 0, 2]])
SRC = RNG.normal(size=(2, 5))
MASK = X > 0
COLUMNS = np.arange(5)


def t(array: Any) -> gl.Tensor:
    return gl.tensor(np.asarray(array))


def written(function: Any, x: np.ndarray, index: np.ndarray, values: np.ndarray) -> np.ndarray:
    """``x[index[i, j], j] = function(old, values[i, j])``, in order."""
    out = x.copy()
    for i, j in np.ndindex(index.shape):
        out[index[i, j], j] = function(out[index[i, j], j], values[i, j])
    return out


def last(_old: float, new: float) -> float:
    return new


def put(where: Any, values: Any, of: np.ndarray = X) -> np.ndarray:
    out = of.copy()
    out[where] = values
    return out


CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "take": (lambda: t(X).take(t([3, -1])), lambda: np.take(X, [3, -1])),
    "take_along_dim": (
        lambda: t(X).take_along_dim(t(X).argsort(1), 1),
        lambda: np.sort(X, 1),
    ),
    "scatter": (
        lambda: t(X).scatter(0, t(INDEX), t(SRC)),
        lambda: written(last, X, INDEX, SRC),
    ),
    "scatter a number": (
        lambda: t(X).scatter(0, t(INDEX), 2.0),
        lambda: written(last, X, INDEX, SRC * 0 + 2),
    ),
    "scatter multiply": (
        lambda: t(X).scatter(0, t(INDEX), t(SRC), reduce="multiply"),
        lambda: written(lambda a, b: a * b, X, INDEX, SRC),
    ),
    "scatter_reduce max": (
        lambda: t(X).scatter_reduce(0, t(INDEX), t(SRC), "amax"),
        lambda: written(max, X, INDEX, SRC),
    ),
    "scatter_reduce min, alone": (
        lambda: t(X).scatter_reduce(0, t(INDEX), t(SRC), "amin", include_self=False),
        lambda: written(min, put((INDEX, COLUMNS), np.inf), INDEX, SRC),
    ),
    "index_copy": (
        lambda: t(X).index_copy(0, t([3, 1]), t(SRC)),
        lambda: put([3, 1], SRC),
    ),
    "index_fill": (
        lambda: t(X).index_fill(1, t([3, 1]), 7),
        lambda: put((slice(None), [3, 1]), 7),
    ),
    "index_put": (
        lambda: t(X).index_put((t([0, 1]), t([2, 2])), t([5.0, 6.0])),
        lambda: put(([0, 1], [2, 2]), [5, 6]),
    ),
    "index_put adding": (
        lambda: t(np.zeros(3)).index_put((t([1, 1, 2]),), t([5.0, 6.0, 7.0]), True),
        lambda: np.array([0.0, 11, 7]),
    ),
    "put": (
        lambda: t(X).put(t([0, -1]), t([1.0, 2.0])),
        lambda: np.concatenate([[1.0], X.ravel()[1:-1], [2.0]]).reshape(X.shape),
    ),
    "masked_fill": (lambda: t(X).masked_fill(t(MASK), 0), lambda: np.where(MASK, 0, X)),
    "masked_scatter": (
        lambda: t(X).masked_scatter(t(MASK), t(np.arange(20.0))),
        lambda: put(MASK, np.arange(20.0)[: MASK.sum()]),
    ),
    "masked_select": (lambda: t(X).masked_select(t(MASK)), lambda: X[MASK]),
    "nonzero": (lambda: t(MASK).nonzero(), lambda: np.argwhere(MASK)),
    "nonzero_static": (
        lambda: gl.jit(lambda x: x.nonzero_static(size=4))(t([[0, 5], [7, 0]])),
        lambda: np.array([[0, 1], [1, 0], [-1, -1], [-1, -1]]),
    ),
    "unique": (lambda: t(INDEX).unique(), lambda: np.unique(INDEX)),
    "unique rows": (
        lambda: t(INDEX % 2).unique(dim=1, return_counts=True)[1],
        lambda: np.unique(INDEX % 2, axis=1, return_counts=True)[1],
    ),
    "unique_consecutive": (
        lambda: t([1, 1, 2, 1, 3, 3]).unique_consecutive(return_counts=True)[1],
        lambda: np.array([2, 1, 1, 2]),
    ),
    "isin": (lambda: t(INDEX).isin(t([3, 1, 9])), lambda: np.isin(INDEX, [3, 1, 9])),
    "unravel_index": (
        lambda: gl.unravel_index(t([7, 19]), (4, 5))[1],
        lambda: np.unravel_index([7, 19], (4, 5))[1],
    ),
}  # fmt: skip


def test_as_numpy_says() -> None:
    found = {name: ours() for name, (ours, _) in CASES.items()}
    gl.realize(*found.values())
    for name, (_, theirs) in CASES.items():
        wanted = np.asarray(theirs())
        assert found[name].numpy().dtype == wanted.dtype, name
        np.testing.assert_allclose(found[name].numpy(), wanted, 1e-12, 1e-12, err_msg=name)


def test_gradients_reach_what_stays() -> None:
    x, values = gl.zeros(3, requires_grad=True), gl.tensor([1.0, 2.0], requires_grad=True)
    weights = gl.tensor([1.0, 10.0, 100.0])
    (x.scatter(0, gl.tensor([2, 2]), values) * weights).sum().backward()
    assert x.grad is not None and values.grad is not None
    assert x.grad.tolist() == [1, 10, 0]
    assert values.grad.tolist() == [0, 100]
    x.grad = values.grad = None
    top = x.scatter_reduce(0, gl.tensor([0, 1]), values * 0, "amax")
    (top * weights).sum().backward()
    assert x.grad.tolist() == [0.5, 5, 100]
    x.grad = None
    x.masked_select(x == 0).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [
        (lambda: t(X).scatter(0, t(INDEX + 9), 1.0), ArgumentError, "out of range"),
        (lambda: t(X).scatter(0, t(INDEX), t(SRC).float()), DTypeError, "expected values of"),
        (lambda: t(X).scatter(0, t(INDEX), 1.0, reduce="mean"), ArgumentError, "'multiply'"),
        (lambda: t(X).scatter_reduce(0, t(INDEX), t(SRC), "max"), ArgumentError, "amax"),
        (lambda: t(X).index_copy(0, t([0]), t(SRC)), ShapeError, "values of shape"),
        (lambda: t(X).masked_fill(t(X), 0), DTypeError, "a mask of bools"),
        (lambda: t(X).masked_fill(t(MASK), t(X)), ShapeError, "0-d tensor"),
        (lambda: t(X).put(t([0]), t(SRC)), ShapeError, "one value for each"),
        (lambda: t(X).take(t([20])), ArgumentError, "out of range"),
        (lambda: gl.jit(lambda x: x.nonzero())(t(X)), GradError, "a value was asked"),
        (lambda: gl.jit(lambda x: x.unique())(t(X)), GradError, "a value was asked"),
    ],
)
def test_refused(action: Callable[[], object], error: type[GliaError], words: str) -> None:
    with pytest.raises(error, match=words):
        action()

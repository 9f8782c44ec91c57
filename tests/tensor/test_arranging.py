"""Making, joining, cutting and turning tensors, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, GliaError, ShapeError

X = np.arange(24.0).reshape(2, 3, 4)
M = np.arange(20.0).reshape(4, 5)
V = np.array([3.0, 1.0, 2.0])


def t(array: Any) -> gl.Tensor:
    return gl.tensor(np.asarray(array))


def windows(x: np.ndarray, size: int, step: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(x, size, 1)[:, ::step]


CASES: dict[str, tuple[Callable[[], Any], Any]] = {
    "movedim": (lambda: t(X).movedim((0, 2), (1, 0)), np.moveaxis(X, (0, 2), (1, 0))),
    "mT": (lambda: t(X).mT, X.swapaxes(1, 2)),
    "unflatten": (lambda: t(X).unflatten(2, (2, -1)), X.reshape(2, 3, 2, 2)),
    "squeeze": (lambda: t(X[:, :1]).squeeze((0, 1)), X[:, 0]),
    "flip": (lambda: t(X).flip(0, 2), np.flip(X, (0, 2))),
    "roll": (lambda: t(X).roll((1, -2), (0, 2)), np.roll(X, (1, -2), (0, 2))),
    "roll all": (lambda: t(X).roll(5), np.roll(X, 5)),
    **{
        f"rot90 {k}": (lambda k=k: t(X).rot90(k, (1, 2)), np.rot90(X, k, (1, 2)))
        for k in (-1, 1, 2, 4)
    },
    "repeat": (lambda: t(M).repeat(2, 1, 3), np.tile(M, (2, 1, 3))),
    "tile": (lambda: t(X).tile(2), np.tile(X, 2)),
    "repeat_interleave": (lambda: t(M).repeat_interleave(3, 1), np.repeat(M, 3, 1)),
    "repeat_interleave by": (
        lambda: t(V).repeat_interleave(t([0, 2, 1])),
        np.repeat(V, [0, 2, 1]),
    ),
    "unfold": (lambda: t(M).unfold(1, 3, 2), windows(M, 3, 2)),
    "as_strided": (
        lambda: t(M).as_strided((3, 2), (2, 7), 1),
        M.ravel()[1 + np.arange(3)[:, None] * 2 + np.arange(2) * 7],
    ),
    "narrow": (lambda: t(M).narrow(1, -3, 2), M[:, -3:-1]),
    "select": (lambda: t(X).select(1, -1), X[:, -1]),
    "split": (lambda: t(M).split(2, 1)[2], M[:, 4:]),
    "chunk": (lambda: t(M).chunk(3, 1)[2], M[:, 4:]),
    "tensor_split": (lambda: t(M).tensor_split((1, 3))[1], M[1:3]),
    "hsplit": (lambda: t(X).hsplit(3)[1], X[:, 1:2]),
    "unbind": (lambda: t(X).unbind(1)[2], X[:, 2]),
    "slice_scatter": (
        lambda: t(M).slice_scatter(t(-M[:2]), 0, 1, 4, 2),
        np.stack([M[0], -M[0], M[2], -M[1]]),
    ),
    "select_scatter": (
        lambda: t(M).select_scatter(t(-M[0]), 0, 1),
        np.stack([M[0], -M[0], M[2], M[3]]),
    ),
    "diagonal": (lambda: t(X).diagonal(1, 1, 2), X.diagonal(1, 1, 2)),
    "diagonal below": (lambda: t(M).diagonal(-2), M.diagonal(-2)),
    "diag": (lambda: t(V).diag(-1), np.diag(V, -1)),
    "diag_embed": (lambda: t(V).diag_embed(1), np.diag(V, 1)),
    "diagonal_scatter": (
        lambda: t(np.zeros((3, 3))).diagonal_scatter(t(V)),
        np.diag(V),
    ),
    "trace": (lambda: t(M).trace(), np.trace(M)),
    "tril": (lambda: t(X).tril(-1), np.tril(X, -1)),
    "triu": (lambda: t(X).triu(1), np.triu(X, 1)),
    "sum_to_size": (lambda: t(X).sum_to_size(3, 1), X.sum((0, 2))[:, None]),
    "constant_pad_nd": (
        lambda: t(M).constant_pad_nd((1, -2), 7),
        np.pad(M[:, :-2], ((0, 0), (1, 0)), constant_values=7),
    ),
    "hstack": (lambda: gl.hstack([t(V), t(V)]), np.hstack([V, V])),
    "vstack": (lambda: gl.vstack([t(V), t(V)]), np.vstack([V, V])),
    "dstack": (lambda: gl.dstack([t(M), t(M)]), np.dstack([M, M])),
    "column_stack": (lambda: gl.column_stack([t(V), t(V)]), np.column_stack([V, V])),
    "cat of two dtypes": (lambda: gl.cat([t(V), t([1, 2])]), np.concatenate([V, [1.0, 2.0]])),
    "meshgrid": (lambda: gl.meshgrid(t(V), t(M[0]))[1], np.meshgrid(V, M[0], indexing="ij")[1]),
    "meshgrid xy": (lambda: gl.meshgrid(t(V), t(M[0]), indexing="xy")[0], np.meshgrid(V, M[0])[0]),
    "cartesian_prod": (
        lambda: gl.cartesian_prod(t([1, 2]), t([3, 4])),
        np.array([[1, 3], [1, 4], [2, 3], [2, 4]]),
    ),
    "combinations": (lambda: gl.combinations(t(V)), np.array([[3.0, 1], [3, 2], [1, 2]])),
    "broadcast_tensors": (
        lambda: gl.broadcast_tensors(t(V), t(V[:, None]))[1],
        np.broadcast_arrays(V, V[:, None])[1],
    ),
    "atleast_3d": (lambda: gl.atleast_3d(t(M)), np.atleast_3d(M)),
    "linspace": (lambda: gl.linspace(-2, 5, 8, dtype=gl.float64), np.linspace(-2, 5, 8)),
    "logspace": (lambda: gl.logspace(0, 3, 4, dtype=gl.float64), np.logspace(0, 3, 4)),
    "arange down": (lambda: gl.arange(5, 0, -2), np.arange(5, 0, -2)),
    "tril_indices": (lambda: gl.tril_indices(3, 4, 1), np.stack(np.tril_indices(3, 1, 4))),
    "full_like": (lambda: gl.full_like(t(M), 3), np.full_like(M, 3)),
    "new_ones": (lambda: t(M).new_ones(2, 3), np.ones((2, 3))),
    "where of a number": (lambda: gl.where(t([True, False]), t([1, 2]), 0.5),
                          np.array([1, 0.5], np.float32)),
}  # fmt: skip


def test_as_numpy_says() -> None:
    found = {name: ours() for name, (ours, _) in CASES.items()}
    gl.realize(*found.values())
    for name, (_, wanted) in CASES.items():
        value = found[name].numpy()
        assert value.dtype == wanted.dtype, name
        assert value.shape == wanted.shape, name
        np.testing.assert_allclose(value, wanted, 1e-12, 1e-12, err_msg=name)


def test_gradients_of_views() -> None:
    """A view's gradient puts every element back where it came from."""
    views: list[Callable[[gl.Tensor], gl.Tensor]] = [
        lambda x: x.roll(3, 1),
        lambda x: x.unfold(1, 3, 1),
        lambda x: x.diagonal(1),
        lambda x: x.tril(),
        lambda x: x.repeat_interleave(2, 0),
        lambda x: x.diag_embed(),
        lambda x: x.rot90(),
    ]
    for view in views:
        x = gl.tensor(M, requires_grad=True)
        weights = gl.tensor(np.arange(view(x).numel()) + 1.0).reshape(view(x).shape)
        (view(x) * weights).sum().backward()
        assert x.grad is not None
        np.testing.assert_allclose((x.grad * x).sum().item(), (view(x) * weights).sum().item())


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [
        (lambda: t(M).split([1, 2]), ArgumentError, "do not add up"),
        (lambda: t(M).hsplit(2), ShapeError, "equal pieces"),
        (lambda: t(1.0).chunk(2), ShapeError, "no pieces"),
        (lambda: t(M).narrow(0, 3, 2), ShapeError, "within size 4"),
        (lambda: t(M).as_strided((5, 5), (5, 1)), ShapeError, "within 20 elements"),
        (lambda: t(M).select(0, 4), ShapeError, "out of range"),
        (lambda: t(M).unfold(0, 5, 1), ShapeError, "do not fit"),
        (lambda: t(M).repeat(2), ShapeError, "at least 2 numbers"),
        (lambda: t(M).roll((1, 2), 0), ArgumentError, "one shift for each"),
        (lambda: t(M).movedim((0, 0), (0, 1)), ShapeError, "name each once"),
        (lambda: t(X).diag(), ShapeError, "use diagonal"),
        (lambda: t(M).diagonal(0, 1, 1), ShapeError, "two dimensions"),
        (lambda: t(X).trace(), ShapeError, "a matrix"),
        (lambda: t(V).tril(), ShapeError, "at least 2 dimensions"),
        (lambda: t(M).sum_to_size(3), ShapeError, "does not broadcast"),
        (lambda: t(M).slice_scatter(t(M), 0, 1), ShapeError, "values of shape"),
        (lambda: gl.cat([]), ArgumentError, "at least one tensor"),
        (lambda: gl.stack([t(V), t(M)]), ShapeError, "differ"),
        (lambda: gl.meshgrid(t(V), indexing="yx"), ArgumentError, "'xy'"),
        (lambda: gl.meshgrid(t(M)), ShapeError, "vectors"),
        (lambda: gl.block_diag(t(X)), ShapeError, "at most 2"),
        (lambda: gl.combinations(t(M)), ArgumentError, "a vector"),
        (lambda: gl.arange(3, 0), ArgumentError, "does not lead"),
        (lambda: gl.linspace(0, 1, -1), ArgumentError, "steps"),
        (lambda: t(M).constant_pad_nd((1,)), ArgumentError, "pairs"),
    ],
)
def test_refused(action: Callable[[], object], error: type[GliaError], words: str) -> None:
    with pytest.raises(error, match=words):
        action()

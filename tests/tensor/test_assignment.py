"""``x[index] = value``: as NumPy does it, in memory and recorded; its gradient; what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, DTypeError, GradError, ShapeError

ARRAY = np.arange(120.0).reshape(4, 5, 6)
FEW, PAIRS = np.array([1, 2]), np.array([[0], [3]])
ROWS = ARRAY[:, 0, 0] > 20

INDICES: list[Any] = [
    0, (slice(None), 1), (0, 0, 0), slice(3, 1), Ellipsis, (Ellipsis, -1), (None, 0),
    slice(None, None, -1), (slice(3, None, -2), Ellipsis, slice(None, None, 2)), True, False,
    (slice(None), slice(1, 5, 3), slice(4, 0, -3)), ARRAY > 50, ARRAY > 1000, ROWS, (ROWS, 0),
    FEW, (FEW, slice(None), FEW), (FEW, FEW), (slice(None), FEW, FEW), (FEW, None, FEW),
    (slice(None), ARRAY[0] > 10), (PAIRS, FEW), (PAIRS, slice(1, 3), FEW), [0, 3, 0], (0, FEW),
    (slice(None, None, 2), FEW), (Ellipsis, FEW),
    (FEW, 1, 1), np.zeros(0, np.int64),
]  # fmt: skip


def test_as_in_numpy() -> None:
    """In memory, and recorded on a value that is still to be computed."""
    pending, wanted = [], []
    for index in INDICES:
        expected = ARRAY.copy()
        value = -np.arange(1.0, ARRAY[index].size + 1).reshape(ARRAY[index].shape)
        there, later = gl.tensor(ARRAY), gl.tensor(ARRAY) * 1
        for new in (value, 7, 0.5 * value):
            expected[index] = new
            for x in (there, later):
                x[index] = new if isinstance(new, int) else gl.tensor(new)[None]
        np.testing.assert_array_equal(there.numpy(), expected, str(index))
        pending.append(later)
        wanted.append(expected)
    gl.realize(*pending)
    for index, later, expected in zip(INDICES, pending, wanted, strict=True):
        np.testing.assert_array_equal(later.numpy(), expected, str(index))


def test_gradients_go_where_the_values_stand() -> None:
    weight = np.random.default_rng(0).normal(size=ARRAY.shape)
    losses, pairs = [], []
    for index in INDICES:
        x = gl.tensor(ARRAY, requires_grad=True)
        v = gl.tensor(np.zeros(ARRAY[index].shape), requires_grad=True)
        y = x * 2
        y[index] = v * 3
        losses.append((y * gl.tensor(weight)).sum())
        pairs.append((x, v))
    sum(losses).backward()  # type: ignore[union-attr]
    gl.realize(*(t.grad for pair in pairs for t in pair if t.grad is not None))
    for index, (x, v) in zip(INDICES, pairs, strict=True):
        kept = np.full(ARRAY.shape, -1)
        kept[index] = np.arange(v.numel()).reshape(v.shape)
        found = x.grad.numpy() if x.grad is not None else np.zeros(ARRAY.shape)
        np.testing.assert_array_equal(found, np.where(kept < 0, 2 * weight, 0), str(index))
        expected = np.zeros(v.numel())
        expected[kept[kept >= 0]] = 3 * weight[kept >= 0]
        if v.numel():
            np.testing.assert_array_equal(v.grad.numpy().ravel(), expected, str(index))


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32, np.float16, np.complex64])
def test_any_dtype(dtype: Any) -> None:
    array = np.array([1, 0, 3, 0, 1, 0], dtype)
    x, later = gl.tensor(array), gl.tensor(array)[::-1]
    turned = array[::-1].copy()
    for target in (array, turned, x, later):
        target[1::2] = 1
        target[np.array([0, 3])] = np.array([1, 0])
    np.testing.assert_array_equal(x.numpy(), array)
    np.testing.assert_array_equal(later.numpy(), turned)


def test_inside_jit() -> None:
    @gl.jit
    def step(x: gl.Tensor, i: gl.Tensor, v: gl.Tensor) -> gl.Tensor:
        x = x.clone()
        x[i] = v
        x[x < 0] = 0  # nothing needs to be counted
        x[::2, 1] = -1
        return x

    for first in (1.0, 5.0):
        v = gl.tensor([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
        out = step(gl.full((4, 3), first), gl.tensor([1, 1]), v).tolist()
        assert out == [[first, -1, first], [4, 5, 0], [first, -1, first], [first] * 3]

    @gl.jit
    def counts(x: gl.Tensor) -> gl.Tensor:
        return x[x > 0]

    with pytest.raises(GradError, match="recorded"):
        counts(gl.ones(3))


def test_other_tensors_keep_their_values() -> None:
    x = gl.zeros(3)
    later, other = x + 1, x.clone()
    x[0] = 5
    assert later.tolist() == [1, 1, 1]
    assert other.tolist() == [0, 0, 0]
    assert x.tolist() == [5, 0, 0]
    x[1:] = x[:2]
    assert x.tolist() == [5, 5, 0]


def test_leaves_that_gather_gradients() -> None:
    w = gl.ones(3, requires_grad=True)
    with pytest.raises(GradError, match="no_grad"):
        w[0] = 2.0
    with gl.no_grad():
        w[0] = 2.0
    assert w.requires_grad
    (w * w).sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [4, 2, 2]


@pytest.mark.parametrize(
    ("index", "value", "error", "words"),
    [
        (0, np.zeros((3, 2)), ShapeError, "(3, 2) does not fit into (5, 6)"),
        (FEW, np.zeros((3, 5, 6)), ShapeError, "does not fit into (2, 5, 6)"),
        (ARRAY > 50, np.zeros(3), ShapeError, "does not fit into (69,)"),
        (0, 1j, ArgumentError, "not a number of dtype float64"),
        (0, np.array(1j), DTypeError, "complex"),
        (9, 1, ShapeError, "out of range"),
    ],
)
def test_bad_assignments(index: Any, value: Any, error: type, words: str) -> None:
    for x in (gl.tensor(ARRAY), gl.tensor(ARRAY) + 1):
        with pytest.raises(error) as caught:
            x[index] = value
        assert words in str(caught.value)


def test_numbers_that_do_not_fit() -> None:
    x = gl.tensor(np.zeros(2, np.uint8))
    for value in (256, -1, float("nan")):
        with pytest.raises(ArgumentError, match="uint8"):
            x[0] = value
    x[0] = 2.9
    assert x.tolist() == [2, 0]


def test_computed_places_out_of_range_are_an_error() -> None:
    x, i = gl.ones(3) * 2, gl.tensor([1, 3]) * 1
    x[i] = 0
    with pytest.raises(ArgumentError, match="out of range"):
        x.numpy()

"""Basic indexing as NumPy does it, its gradient, and how tensors print."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ShapeError

ARRAY = np.arange(120.0).reshape(4, 5, 6)

INDICES: list[Any] = [
    0, -1, np.int64(2), slice(None), slice(1, 3), slice(-2, None), slice(None, None, 2),
    slice(1, 10), slice(3, 1), slice(0, 0), (0, 1), (0, 1, 2), (slice(None), 2),
    (slice(1, 3), slice(None), slice(0, 6, 4)), (Ellipsis, 0), (0, Ellipsis), (0, Ellipsis, -1),
    (Ellipsis,), None, (None, 0), (0, None, 1), (slice(None), None), (Ellipsis, None),
    (None, Ellipsis, slice(1, 2), None), (-1, -1, -1), (slice(3, None, 3), 4, slice(5, 0)),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_as_in_numpy(index: Any) -> None:
    found = gl.tensor(ARRAY)[index].numpy()
    expected = ARRAY[index]
    assert found.shape == np.shape(expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_gradients_go_back_to_where_they_came_from(index: Any) -> None:
    x = gl.tensor(ARRAY, requires_grad=True)
    part = x[index]
    (part * part).sum().backward()
    expected = np.zeros_like(ARRAY)
    expected[index] = 2 * ARRAY[index]
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (4, "index 4 is out of range for size 4"),
        ((0, -6), "index -6 is out of range for size 5"),
        ((0, 0, 0, 0), "4 indices for a tensor of shape (4, 5, 6)"),
        (slice(None, None, -1), "positive step"),
        ("x", "indexing with str"),
        (1.0, "indexing with float"),
        (True, "indexing with bool"),
    ],
)
def test_bad_indices(index: Any, words: str) -> None:
    with pytest.raises(ShapeError) as caught:
        gl.tensor(ARRAY)[index]
    assert words in str(caught.value)


def test_tensors_of_one_element_are_numbers() -> None:
    assert float(gl.tensor([2.5])) == 2.5
    assert int(gl.tensor(3)) == 3
    assert bool(gl.tensor(0.0)) is False
    assert [10, 20, 30][gl.tensor(1)] == 20
    assert gl.tensor([[4]]).item() == 4
    assert isinstance(gl.tensor(True).item(), bool)
    assert len(gl.zeros(3, 2)) == 3


def test_tensors_are_run_through_row_by_row() -> None:
    assert [row.tolist() for row in gl.tensor([[1, 2], [3, 4]])] == [[1, 2], [3, 4]]
    a, b = gl.tensor([5.0, 6.0])
    assert (a.item(), b.item()) == (5.0, 6.0)


# Printing

PRINTED = [
    (gl.tensor([1.0, 2.5]), "tensor([1. , 2.5])"),
    (gl.tensor([1, 2]), "tensor([1, 2])"),
    (gl.tensor([True, False]), "tensor([ True, False])"),
    (gl.tensor(1.5), "tensor(1.5)"),
    (gl.tensor(np.array([1.0])), "tensor([1.], dtype=glia.float64)"),
    (gl.tensor(np.array([1], np.int8)), "tensor([1], dtype=glia.int8)"),
    (gl.tensor([1 / 3]), "tensor([0.3333])"),
    (gl.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
    (gl.tensor([[1.0, 2.0], [3.0, 4.0]]), "tensor([[1., 2.],\n        [3., 4.]])"),
]


@pytest.mark.parametrize(("tensor", "text"), PRINTED, ids=[text for _, text in PRINTED])
def test_printing(tensor: gl.Tensor, text: str) -> None:
    assert repr(tensor) == text
    assert str(tensor) == text


def test_printing_computes_pending_values() -> None:
    assert repr(gl.tensor([1.0, 2.0]) + 1) == "tensor([2., 3.])"


def test_parameters_say_so() -> None:
    text = repr(gl.Parameter(np.zeros(2, np.float32)))
    assert text == "Parameter containing:\ntensor([0., 0.], requires_grad=True)"


def test_huge_tensors_print_short() -> None:
    assert len(repr(gl.zeros(1000, 1000))) < 200

"""Indexing as NumPy does it, its gradient, and how tensors print."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, DTypeError, ShapeError

ARRAY = np.arange(120.0).reshape(4, 5, 6)

INDICES: list[Any] = [
    0, -1, np.int64(2), slice(None), slice(1, 3), slice(-2, None), slice(None, None, 2),
    slice(1, 10), slice(3, 1), slice(0, 0), (0, 1), (0, 1, 2), (slice(None), 2),
    (slice(1, 3), slice(None), slice(0, 6, 4)), (Ellipsis, 0), (0, Ellipsis), (0, Ellipsis, -1),
    (Ellipsis,), None, (None, 0), (0, None, 1), (slice(None), None), (Ellipsis, None),
    (None, Ellipsis, slice(1, 2), None), (-1, -1, -1), (slice(3, None, 3), 4, slice(5, 0)),
    slice(None, None, -1), (slice(3, None, -2), Ellipsis, slice(None, None, -3)),
    (0, slice(-2, 0, -1), slice(0, 3, -1)), (Ellipsis, slice(9, -9, -4)),
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
        (slice(None, None, 0), "step 0"),
        ((Ellipsis, Ellipsis), "one `...`"),
        ("x", "indexing with str"),
        (1.0, "indexing with float"),
    ],
)
def test_bad_indices(index: Any, words: str) -> None:
    with pytest.raises(ShapeError) as caught:
        gl.tensor(ARRAY)[index]
    assert words in str(caught.value)


def test_what_was_read_stays_when_the_tensor_changes() -> None:
    x = gl.tensor(ARRAY)
    rows = [x[i, 1:, ::-1] for i in range(4)]
    x[0] = 0
    assert [row.tolist() for row in rows] == [ARRAY[i, 1:, ::-1].tolist() for i in range(4)]
    with pytest.raises(IndexError):
        x[7]
    with pytest.raises(IndexError):
        x[x > 5][gl.tensor([True])]


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


# Tensors as indices

BY_ARRAYS: list[Any] = [
    [0, 2, 2], [], [-1, 1], np.array([[3, 0], [1, 1]]), np.array(2), np.array([1], np.uint8),
    (slice(None), [0, 4, -5]), (Ellipsis, [5, 5, 0]), (slice(1, 3), slice(None), [0, 1]),
    ([0, 1, 2], [4, -1, 0]), ([[0], [3]], [1, 2]), (1, [0, 3]), ([2, 3], -1),
    ([0, 1], [1, 2], [3, 4]),
    (slice(None, None, 2), [0, 1], [5, 0]), (None, [1, 2]), ([1, 2], None, slice(0, 2)),
    (slice(None), None, [0, 0]), (Ellipsis, 4, [0, -6]), (Ellipsis, None, [1]),
    ([0, 3], slice(None), [1, 2]), ([[0], [3]], slice(1, 3), [0, 5]), ([1, 2], None, [0, 1]),
    (slice(None, None, -1), [0, 0, 1]), True, False, np.array(True), ARRAY > 50, ARRAY > 1000,
    ARRAY[:, 0, 0] > 20, (slice(None), ARRAY[0] > 10), (ARRAY[:, 0, 0] > 20, 0),
    ([0, 1], slice(None), ARRAY[0, 0] % 3 == 0),
]  # fmt: skip


def as_numpy(index: Any) -> Any:
    """The same index with its lists and tensors as arrays of int64."""
    if isinstance(index, tuple):
        return tuple(as_numpy(item) for item in index)
    return np.array(index, np.int64) if isinstance(index, list) else index


@pytest.mark.parametrize("index", BY_ARRAYS, ids=str)
def test_arrays_as_indices(index: Any) -> None:
    x = gl.tensor(ARRAY, requires_grad=True)
    part = x[as_numpy(index)]
    np.testing.assert_array_equal(part.detach().numpy(), ARRAY[as_numpy(index)])
    weight = np.arange(1.0, part.numel() + 1).reshape(part.shape)
    (part * gl.tensor(weight)).sum().backward()
    expected = np.zeros_like(ARRAY)
    np.add.at(expected, as_numpy(index), weight)
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_integers_are_taken_before_tensors() -> None:
    """As in PyTorch; NumPy would put the dimension of the list first."""
    x, i = gl.tensor(ARRAY), [1, 2]
    for index in ((0, slice(None), i), (gl.tensor(0), slice(None), i)):
        np.testing.assert_array_equal(x[index].numpy(), ARRAY[0][:, i])
    np.testing.assert_array_equal(x[:, 0, i].numpy(), ARRAY[:, 0][:, i])
    np.testing.assert_array_equal(x[i, gl.tensor(1), i].numpy(), ARRAY[i, 1, i])


def test_lists_and_tensors_are_the_same_index() -> None:
    x = gl.tensor(ARRAY)
    for index in ([1, 2], gl.tensor([1, 2]), np.array([1, 2])):
        np.testing.assert_array_equal(x[:, index].numpy(), ARRAY[:, [1, 2]])


def test_places_that_are_computed_may_be_wrong_but_never_silently() -> None:
    x = gl.tensor(ARRAY)
    found = x[gl.tensor([0, 2]) * 2].numpy()
    np.testing.assert_array_equal(found[0], ARRAY[0])
    assert np.isnan(found[1]).all()
    pairs = x[gl.tensor([0, 1]) * 1, gl.tensor([5, 4]) * 1].numpy()
    assert np.isnan(pairs[0]).all()  # not the first element of the next row
    np.testing.assert_array_equal(pairs[1], ARRAY[1, 4])
    total = gl.zeros(3).index_add(0, gl.tensor([1, 3]) * 1, gl.ones(2)).numpy()
    np.testing.assert_array_equal(total, [np.nan, 1, 0])


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        ([0, 4], ArgumentError, "index 4 is out of range for size 4"),
        ((0, [0, -6]), ArgumentError, "index -6 is out of range for size 5"),
        ([0.5], DTypeError, "whole numbers"),
        (np.array([True, False, True]), ShapeError, "a mask of shape (3,)"),
        (([0, 1], [0, 1, 2]), ShapeError, "broadcast"),
        (([0], [0], [0], [0]), ShapeError, "4 indices"),
    ],
)
def test_bad_arrays(index: Any, error: type, words: str) -> None:
    with pytest.raises(error) as caught:
        gl.tensor(ARRAY)[index]
    assert words in str(caught.value)


def test_selecting_and_adding_by_index() -> None:
    x, rng = gl.tensor(ARRAY), np.random.default_rng(0)
    index = rng.integers(0, 5, (4, 3, 6))
    found = x.gather(1, gl.tensor(index)).numpy()
    np.testing.assert_array_equal(found, np.take_along_axis(ARRAY, index, 1))
    smaller = x.gather(1, gl.tensor(index[:2, :, :4])).numpy()
    np.testing.assert_array_equal(smaller, found[:2, :, :4])
    chosen = x.index_select(-1, gl.tensor([5, 0])).numpy()
    np.testing.assert_array_equal(chosen, ARRAY[:, :, [5, 0]])
    values = rng.integers(0, 9, (4, 3, 6)).astype(float)
    expected = ARRAY.copy()
    np.add.at(expected, (np.arange(4)[:, None, None], index, np.arange(6)), values)
    added = x.scatter_add(1, gl.tensor(index), gl.tensor(values)).numpy()
    np.testing.assert_array_equal(added, expected)
    expected = ARRAY.copy()
    np.add.at(expected, (slice(None), [1, 1, 4]), values)
    added = x.index_add(1, gl.tensor([1, 1, 4]), gl.tensor(values)).numpy()
    np.testing.assert_array_equal(added, expected)
    part = x.scatter_add(0, gl.tensor([[[3, 3]]]), gl.tensor(values)).numpy()
    assert part[3, 0, :2].tolist() == (ARRAY[3, 0, :2] + values[0, 0, :2]).tolist()
    assert np.count_nonzero(part != ARRAY) == np.count_nonzero(values[0, 0, :2])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: x.gather(1, gl.tensor([0])), ShapeError, "does not fit"),
        (lambda x: x.gather(0, gl.tensor([[[9]]])), ArgumentError, "out of range"),
        (lambda x: x.gather(0, gl.tensor([[[-1]]])), ArgumentError, "out of range"),
        (lambda x: x.index_select(0, gl.tensor([[0]])), ShapeError, "1 dimension"),
        (lambda x: x.index_select(0, gl.tensor([4])), ArgumentError, "out of range"),
        (lambda x: x.index_add(0, gl.tensor([4]), x[:1]), ArgumentError, "out of range"),
    ],
)
def test_bad_selections(call: Any, error: type, words: str) -> None:
    with pytest.raises(error) as caught:
        call(gl.tensor(ARRAY))
    assert words in str(caught.value)


def test_same_bits_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(1)
    rows = gl.tensor(rng.normal(size=(3000, 130)).astype(np.float32))
    index = gl.tensor(rng.integers(0, 40, 3000))
    before, found = gl.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            gl.set_num_threads(threads)
            found.append(gl.zeros(40, 130).index_add(0, index, rows).numpy())
    finally:
        gl.set_num_threads(before)
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()

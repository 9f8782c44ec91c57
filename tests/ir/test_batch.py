"""One more dimension in front: every row of the table, slice by slice, against the stack."""

from __future__ import annotations

import numpy as np
import pytest
from compiler.oracle import leaves_for

from glia.autodiff.check import gradcheck
from glia.ir import build
from glia.ir.batch import batched, summed
from glia.ir.expr import Expr, intern
from glia.ir.interpret import interpret
from glia.ir.ops.each import each
from glia.ir.ops.source import leaf
from glia.ir.table import TABLE, Op, Sample

#: Rows that read nothing, and so no slice.
ALONE = {"leaf", "bound", "const", "iota"}
ROWS = [row for row in TABLE.values() if row.name not in ALONE]
SIZE = 3


def stack_of(array: np.ndarray, seed: int) -> np.ndarray:
    """The array among others of its kind; places stay places."""
    order = [np.random.default_rng((seed, i)).permutation(array.size) for i in range(SIZE - 1)]
    return np.stack([array, *(array.ravel()[o].reshape(array.shape) for o in order)])


def check(row: Op, sample: Sample, moving: list[bool]) -> None:
    inputs = leaves_for(sample.arrays)
    node = intern(row, tuple(inputs), tuple(sample.attrs[name] for name in row.attrs))
    arrays = [
        stack_of(array, i) if moves else array
        for i, (array, moves) in enumerate(zip(sample.arrays, moving, strict=True))
    ]
    stacks: dict[Expr, Expr] = {}
    values: dict[Expr, np.ndarray] = {}
    for i, (x, array, moves) in enumerate(zip(inputs, arrays, moving, strict=True)):
        stand = leaf(-100 - i, array.shape, x.dtype) if moves else x
        values[stand] = array
        if moves:
            stacks[x] = stand
    whole = batched(node, stacks, SIZE)
    (found,) = interpret([whole], values)
    assert whole.shape == (SIZE, *node.shape)
    for i in range(SIZE):
        slices = [a[i] if moves else a for a, moves in zip(arrays, moving, strict=True)]
        (wanted,) = interpret([node], dict(zip(inputs, slices, strict=True)))
        np.testing.assert_allclose(found[i], wanted, rtol=1e-5, atol=1e-5)
    if found.dtype.kind == "f":
        (total,) = interpret([summed(node, stacks, SIZE)], values)
        np.testing.assert_allclose(total, found.sum(0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_slice_by_slice(row: Op) -> None:
    for sample in row.samples():
        count = len(sample.arrays)
        choices = [[True] * count]
        if count > 1:
            choices += [[i == k for i in range(count)] for k in range(count)]
        for moving in choices:
            check(row, sample, moving)


def test_what_does_not_move_is_repeated() -> None:
    x = leaf(-1, (2,), build.float32)
    value = np.array([1, 2], np.float32)
    doubled = build.mul(x, 2.0)
    found, total = interpret([batched(doubled, {}, SIZE), summed(doubled, {}, SIZE)], {x: value})
    np.testing.assert_array_equal(found, [[2, 4]] * SIZE)
    np.testing.assert_array_equal(total, [6, 12])


def test_what_numpy_does_slice_by_slice_has_the_derivative_of_the_slices() -> None:
    """Rows that have no batch rule: with what moves, what does not, and several results."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(SIZE, 2, 4)), rng.normal(size=(2, 4))
    row = TABLE["complex"]

    def lengths(x: Expr, y: Expr) -> Expr:
        return build.mul(build.abs_(each(row, [x, y], [True, False], ())), build.sin(x))

    assert gradcheck(lengths, [a, b]) < 1e-6
    assert gradcheck(lengths, [a, b], order=2) < 1e-6

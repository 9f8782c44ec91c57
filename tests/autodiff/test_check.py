"""``gradcheck`` accepts right derivatives and finds wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from compiler.oracle import compiled

from glia.autodiff.check import JACOBIAN, gradcheck
from glia.base.errors import ArgumentError, GradError
from glia.ir import build, products
from glia.ir.expr import Expr, intern
from glia.ir.table import TABLE, Op


@pytest.fixture
def wrong_tanh() -> Iterator[Op]:
    """A row like tanh whose derivative forgets the square."""
    right = TABLE["tanh"]

    def gradient(node: Expr, g: Expr) -> tuple[Expr]:
        return (build.mul(g, build.sub(1.0, node)),)

    yield replace(right, name="tanh", gradient=gradient)


def test_right_derivatives_pass() -> None:
    x = np.linspace(-1, 1, 12).reshape(3, 4)
    assert gradcheck(build.tanh, [x]) < 1e-8
    assert gradcheck(lambda a: build.softmax(a, 1), [x]) < 1e-8
    assert gradcheck(lambda a, b: build.div(a, b), [x, x + 3]) < 1e-8
    assert gradcheck(lambda a: build.sum_(build.mul(a, a)), [x]) < 1e-8


def test_float32_inputs_are_checked_in_float64() -> None:
    assert gradcheck(build.exp, [np.array([0.5, -1.0], np.float32)]) < 1e-8


def test_second_derivatives() -> None:
    x = np.linspace(0.2, 1, 6)
    assert gradcheck(build.tanh, [x], order=2) < 1e-7
    assert gradcheck(lambda a, b: build.mul(build.exp(a), b), [x, x * 2], order=2) < 1e-7
    assert gradcheck(lambda a: build.log_softmax(a, 0), [x], order=2) < 1e-7


@pytest.mark.parametrize("size", [3, JACOBIAN + 1])
def test_wrong_derivatives_are_found(wrong_tanh: Op, size: int) -> None:
    x = np.linspace(-1.5, 1, size)
    with pytest.raises(GradError, match="differences give"):
        gradcheck(lambda a: intern(wrong_tanh, (a,)), [x])


def test_the_jacobian_finds_what_a_direction_may_miss() -> None:
    """An error in one entry of many: the entry is named."""
    right = TABLE["neg"]

    def gradient(node: Expr, g: Expr) -> tuple[Expr]:
        mask = build.eq(build.cast(_index(4), g.dtype), 2.0)
        return (build.where(mask, g, build.neg(g)),)

    row = replace(right, gradient=gradient)
    with pytest.raises(GradError, match="differences give"):
        gradcheck(lambda a: intern(row, (a,)), [np.arange(4.0)])


def _index(size: int) -> Expr:
    from glia.ir.ops.source import iota

    return iota(size)


def test_missing_derivatives_are_found() -> None:
    with pytest.raises(GradError):
        gradcheck(lambda a: build.mul(build.detach(a), a), [np.array([1.0, 2.0])])


def test_kinks_are_found() -> None:
    with pytest.raises(GradError, match="kink"):
        gradcheck(build.relu, [np.array([0.0])])


def test_nan_is_not_a_derivative() -> None:
    with pytest.raises(GradError):
        gradcheck(build.sqrt, [np.array([-1.0])])


def test_whole_numbers_are_held_fixed() -> None:
    mask = np.array([True, False, True])
    x, y = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    assert gradcheck(build.where, [mask, x, y]) < 1e-8
    index = np.array([2, 0], np.int64)

    def pick(i: Expr, a: Expr) -> Expr:
        hot = products.one_hot(i, 3, a.dtype)
        return products.matmul(hot, a)

    assert gradcheck(pick, [index, x]) < 1e-8


def test_unused_inputs_have_derivative_zero() -> None:
    assert gradcheck(lambda a, b: build.exp(a), [np.ones(2), np.ones(3)]) < 1e-8


def test_values_may_come_from_elsewhere() -> None:
    assert gradcheck(build.tanh, [np.linspace(-1, 1, 5)], evaluate=compiled) < 1e-7


def test_a_seed_decides_the_direction() -> None:
    x = np.linspace(-1, 1, 100)
    assert gradcheck(build.exp, [x], seed=1) == gradcheck(build.exp, [x], seed=1)


@pytest.mark.parametrize(
    ("function", "inputs", "words"),
    [
        (build.neg, [np.array([1, 2])], "at least one floating-point"),
        (lambda a: build.eq(a, a), [np.ones(2)], "not a float"),
    ],
)
def test_what_cannot_be_checked(function, inputs, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        gradcheck(function, inputs)


def test_only_two_orders() -> None:
    with pytest.raises(ArgumentError, match="order 1 or 2"):
        gradcheck(build.exp, [np.ones(2)], order=3)

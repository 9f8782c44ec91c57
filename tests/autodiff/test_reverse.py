"""Reverse mode on whole formulas: accumulation, seeds, what has no derivative, higher orders."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compiler.oracle import compiled

from glia.autodiff.check import gradcheck
from glia.autodiff.reverse import gradient, pullback
from glia.base.dtypes import float32, float64, int64
from glia.base.errors import GradError
from glia.ir import build, pooling, products
from glia.ir.expr import Expr, intern, topological
from glia.ir.interpret import interpret
from glia.ir.ops.source import leaf
from glia.ir.ops.view import slice_
from glia.ir.table import TABLE

X = np.linspace(-1.3, 1.7, 12).reshape(3, 4)

FORMULAS = {
    "softmax": lambda x: build.softmax(x, 1),
    "log_softmax": lambda x: build.log_softmax(x, 0),
    "logsumexp": lambda x: build.logsumexp(x, 1),
    "var": lambda x: build.var(x, 1),
    "mean": lambda x: build.mean(x, (0, 1)),
    "sigmoid": build.sigmoid,
    "softplus": build.softplus,
    "cube": lambda x: build.power(x, 3),
    "prod": lambda x: build.prod(x, 1),
    "amax": lambda x: build.amax(x, 1),
    "amin": lambda x: build.amin(x, 0),
    "outer": lambda x: products.matmul(x, build.transpose(x, 0, 1)),
    "deep": lambda x: build.tanh(build.mul(build.exp(build.neg(x)), build.tanh(x))),
    "max_pool": lambda x: pooling.max_pool(x, (2,), (1,), (0,), (1,)),
    "avg_pool": lambda x: pooling.avg_pool(x, (3,), (2,), (1,)),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", FORMULAS)
def test_composed_formulas(name: str, order: int) -> None:
    gradcheck(FORMULAS[name], [X], order=order)


def value(node: Expr | None, **known: np.ndarray) -> np.ndarray:
    assert node is not None
    named = {x: np.asarray(array) for x, array in known.values()}  # type: ignore[misc]
    return interpret([node], named)[0]


def test_paths_add_up() -> None:
    x = leaf(0, (), float64)
    y = build.add(build.mul(x, x), build.mul(x, 3.0))  # x² + 3x
    (g,) = gradient(y, [x])
    assert value(g, x=(x, np.float64(5.0))) == 13.0


def test_independent_inputs_have_none() -> None:
    x, y = leaf(0, (), float64), leaf(1, (), float64)
    assert gradient(build.exp(x), [y]) == [None]
    found = gradient(build.exp(x), [x, y])
    assert found[0] is not None and found[1] is None


def test_the_output_itself() -> None:
    x = leaf(0, (), float64)
    (g,) = gradient(x, [x])
    assert value(g, x=(x, np.float64(5.0))) == 1.0


def test_intermediate_nodes_have_gradients_too() -> None:
    x = leaf(0, (), float64)
    middle = build.mul(x, x)
    (g,) = gradient(build.exp(middle), [middle])
    assert value(g, x=(x, np.float64(2.0))) == pytest.approx(math.exp(4))


def test_gradients_are_remembered() -> None:
    x = leaf(0, (3,), float64)
    loss = build.sum_(build.exp(x))
    assert gradient(loss, [x])[0] is gradient(loss, [x])[0]


def test_seeds_weight_the_results() -> None:
    x = leaf(0, (3,), float64)
    seed = leaf(1, (3,), float64)
    (g,) = pullback(build.mul(x, x), [x], seed)
    found = value(g, x=(x, np.array([1.0, 2.0, 3.0])), s=(seed, np.array([1.0, 0.0, -1.0])))
    assert found.tolist() == [2.0, 0.0, -6.0]


def test_no_gradient_through_detach() -> None:
    x = leaf(0, (), float64)
    (g,) = gradient(build.mul(x, build.detach(x)), [x])
    assert value(g, x=(x, np.float64(3.0))) == 3.0


def test_masked_nan_does_not_leak() -> None:
    """√x in the branch not taken must not make the gradient NaN."""
    x = leaf(0, (3,), float64)
    safe = build.where(build.lt(0.0, x), build.sqrt(x), 0.0)
    (g,) = gradient(build.sum_(safe), [x])
    found = value(g, x=(x, np.array([4.0, 0.0, -1.0])))
    assert found.tolist() == [0.25, 0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("relu", 0.0, 0.0),
        ("abs", 0.0, 0.0),
        ("sign", 2.0, 0.0),
        ("floor", 2.5, 0.0),
    ],
)
def test_derivatives_at_kinks(name: str, at: float, expected: float) -> None:

    x = leaf(0, (), float64)
    (g,) = gradient(intern(TABLE[name], (x,)), [x])
    assert (0.0 if g is None else float(value(g, x=(x, np.float64(at))))) == expected


def test_ties_share_the_gradient() -> None:
    x = leaf(0, (4,), float64)
    (g,) = gradient(build.amax(x), [x])
    found = value(g, x=(x, np.array([1.0, 3.0, 3.0, 0.0])))
    assert found.tolist() == [0.0, 0.5, 0.5, 0.0]
    y = leaf(1, (4,), float64)
    gx, gy = gradient(build.sum_(build.maximum(x, y)), [x, y])
    both = {"x": (x, np.arange(4.0)), "y": (y, np.array([1.0, 1.0, 1.0, 5.0]))}
    assert value(gx, **both).tolist() == [0.0, 0.5, 1.0, 0.0]
    assert value(gy, **both).tolist() == [1.0, 0.5, 0.0, 1.0]


def test_products_with_zeros() -> None:
    x = leaf(0, (3,), float64)
    (g,) = gradient(build.prod(x), [x])
    assert value(g, x=(x, np.array([2.0, 3.0, 4.0]))).tolist() == [12.0, 8.0, 6.0]
    assert value(g, x=(x, np.array([2.0, 0.0, 4.0]))).tolist() == [0.0, 8.0, 0.0]
    assert value(g, x=(x, np.array([0.0, 0.0, 4.0]))).tolist() == [0.0, 0.0, 0.0]


def test_powers_at_zero() -> None:
    x, n = leaf(0, (3,), float64), leaf(1, (3,), float64)
    gx, gn = gradient(build.sum_(build.power(x, n)), [x, n])
    known = {"x": (x, np.array([0.0, 2.0, 0.0])), "n": (n, np.array([2.0, 3.0, 1.0]))}
    assert value(gx, **known).tolist() == [0.0, 12.0, 1.0]
    assert value(gn, **known)[0] == 0.0


def test_third_derivative() -> None:
    x = leaf(0, (), float64)
    y = build.mul(build.mul(x, x), build.mul(x, x))
    for _ in range(3):
        (y,) = gradient(y, [x])  # type: ignore[assignment]
    assert value(y, x=(x, np.float64(2.0))) == 48.0


@pytest.mark.parametrize(
    ("build_it", "words"),
    [
        (lambda x: x, "expected a scalar"),
        (lambda x: build.sum_(build.cast(x, int64)), "expected a floating-point scalar"),
        (lambda x: build.sum_(build.floor_divide(x, 2.0)), "'floordiv'"),
    ],
)
def test_what_has_no_derivative(build_it, words: str) -> None:
    x = leaf(0, (3,), float32)
    with pytest.raises(GradError, match=words):
        gradient(build_it(x), [x])


def test_compiled_gradients_of_a_deep_chain() -> None:
    x = leaf(-1, (5,), float64)
    y = x
    for _ in range(40):
        y = build.add(build.mul(y, 0.99), 0.001)
    (g,) = gradient(build.sum_(y), [x])
    assert g is not None
    (found,) = compiled([g], {x: np.ones(5)})
    np.testing.assert_allclose(found, 0.99**40, rtol=1e-12)


def test_gradients_of_pieces_are_put_together() -> None:
    """Pieces that fill the whole are laid side by side; others are padded and added."""
    x = leaf(-1, (2, 6), float64)
    pieces = [slice_(x, (0, at), (2, at + 2), (1, 1)) for at in (2, 0, 4)]
    values = {x: np.arange(12.0).reshape(2, 6)}
    over = slice_(x, (0, 1), (2, 3), (1, 1))
    for parts, joined in ((pieces, True), (pieces[:2], False), ([*pieces, over], False)):
        loss = build.sum_(build.mul(parts[0], parts[0]))
        for i, part in enumerate(parts[1:], 2):
            loss = build.add(loss, build.sum_(build.mul(build.mul(part, part), float(i))))
        (g,) = gradient(loss, [x])
        assert g is not None
        names = {node.op.name for node in topological((g,))}
        assert ("concat" in names) is joined and ("pad" in names) is not joined
        weights = np.zeros(6)
        for i, part in enumerate(parts, 1):
            weights[part.attrs[0][1] : part.attrs[1][1]] += i
        (found,) = interpret([g], values)
        np.testing.assert_array_equal(found, 2 * weights * values[x])

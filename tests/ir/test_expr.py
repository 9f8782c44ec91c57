"""Interning: equal expressions are one object, until the table starts afresh."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compiler.oracle import compiled

from glia.base.dtypes import float32, float64, int32, int64
from glia.base.errors import ShapeError
from glia.ir import build, expr
from glia.ir.expr import compose, forget, interned_count, leaves, on_forget, topological
from glia.ir.ops.source import const, constant_value, leaf


def test_equal_expressions_are_one_object() -> None:
    x = leaf(0, (3,), float32)
    assert build.add(x, 1) is build.add(x, 1)
    assert build.add(x, 1) is not build.add(x, 2)
    assert leaf(0, (3,), float32) is x
    assert leaf(0, (3,), float64) is not x
    assert leaf(1, (3,), float32) is not x


def test_constants_are_told_apart_by_their_bits() -> None:
    assert const(0.0, float32) is not const(-0.0, float32)
    assert math.copysign(1, constant_value(const(-0.0, float32))) == -1
    assert const(math.nan, float32) is const(math.nan, float32)
    assert const(1.0, float32) is not const(1.0, float64)
    assert const(1, int32) is not const(1, int64)
    assert const(0.1, float32) is const(float(np.float32(0.1)), float32)
    assert const(0.1, float64) is not const(float(np.float32(0.1)), float64)
    assert constant_value(const(2**63 - 1, int64)) == 2**63 - 1


def test_expressions_hold_shape_dtype_and_attributes() -> None:
    node = build.sum_(leaf(0, (3, 4), float32), 1, True)
    assert (node.shape, node.dtype, node.ndim, node.numel) == ((3, 1), float32, 2, 3)
    assert node.attr("dims") == (1,)
    assert node.attr_dict() == {"dims": (1,)}
    assert repr(node) == "<sum float32[3,1]>"


def test_the_users_line_is_kept() -> None:
    node = build.mul(leaf(0, (3,), float32), 77)
    assert node.location is not None
    assert node.location.file.endswith("test_expr.py")


def test_refused_expressions_are_not_interned() -> None:
    x, y = leaf(0, (3,), float32), leaf(1, (4,), float32)
    before = interned_count()
    with pytest.raises(ShapeError):
        build.binary(build._e.ADD, x, y)
    assert interned_count() == before


def test_topological_order() -> None:
    x = leaf(0, (3,), float32)
    a = build.neg(x)
    b = build.mul(a, a)
    order = topological([b, a])
    assert order == [x, a, b]
    assert topological([]) == []


def test_leaves() -> None:
    x, y = leaf(0, (3,), float32), leaf(1, (3,), float32)
    both = build.add(x, build.neg(y))
    assert leaves(both) == {x, y}
    assert leaves(build.neg(y)) == {y}
    assert leaves(const(1, int64)) == frozenset()


def test_composed_functions_run_once() -> None:
    calls = []

    def twice(x: expr.Expr, factor: int) -> expr.Expr:
        calls.append(factor)
        return build.mul(x, factor)

    x = leaf(0, (3,), float32)
    assert compose(twice, (x,), (2,)) is compose(twice, (x,), (2,))
    assert compose(twice, (x,), (3,)) is not compose(twice, (x,), (2,))
    assert calls == [2, 3]


def test_forget() -> None:
    told = []
    on_forget(lambda: told.append(True))
    try:
        x = leaf(0, (3,), float32)
        old = build.exp(x)
        forget()
        assert told == [True]
        kept = interned_count()  # variables of loops that other tests have written
        forget()
        assert interned_count() == kept < 1000
        assert leaf(0, (3,), float32) is not x
        # the old ones still work
        values = np.array([0.0, 1.0, 2.0], np.float32)
        found = compiled([build.add(old, build.exp(x))], {x: values})[0]
        np.testing.assert_allclose(found, 2 * np.exp(values), rtol=1e-6)
    finally:
        expr._on_forget.pop()


def test_the_table_starts_afresh_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    kept = interned_count()
    monkeypatch.setattr(expr, "LIMIT", kept + 50)
    x = leaf(0, (3,), float32)
    largest = 0
    for i in range(200):
        node = build.add(x, i)
        largest = max(largest, interned_count())
    assert largest <= kept + 50
    assert leaves(node) == {x}
    found = compiled([node], {x: np.ones(3, np.float32)})[0]
    assert found.tolist() == [200.0] * 3


def test_training_survives_a_fresh_table() -> None:
    """Live tensors, optimizers and jitted steps go on when the table is emptied between steps."""
    import glia as gl

    def run(clear: bool) -> list[float]:
        w = gl.Parameter(np.array([1.0, -2.0], np.float32))
        x = gl.tensor([[0.5, 1.0], [2.0, -1.0]])
        found = []
        for _ in range(4):
            loss = ((x @ w) ** 2).mean()
            if clear:
                forget()
            loss.backward()
            assert w.grad is not None
            with gl.no_grad():
                w.copy_(w - w.grad * 0.1)
            w.grad = None
            if clear:
                forget()
            found.append(loss.item())
        return found

    assert run(True) == run(False)

"""The verifier accepts what is recorded, and names what is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from compiler.random_graphs import random_case

from glia.base.dtypes import float32, float64
from glia.base.errors import VerifyError
from glia.compiler.passes.simplify import simplify
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.source import leaf
from glia.ir.table import TABLE
from glia.ir.verify import verify


def copy(node: Expr) -> Expr:
    """A node outside the table of interned ones, free to be broken."""
    twin = Expr()
    for name in Expr.__slots__:
        setattr(twin, name, getattr(node, name))
    return twin


def fresh() -> Expr:
    x = leaf(0, (2, 3), float32)
    return copy(build.sum_(build.mul(x, x), 1, True))


@pytest.mark.parametrize("seed", range(30))
def test_random_graphs_pass_before_and_after_simplify(seed: int) -> None:
    outputs = random_case(seed).outputs
    verify(outputs)
    verify(simplify(outputs))


def set_shape(node: Expr) -> None:
    node.shape = (2, 2)


def set_sizes(node: Expr) -> None:
    node.shape = [2, 1]  # type: ignore[assignment]


def set_dtype(node: Expr) -> None:
    node.dtype = float64


def set_foreign_dtype(node: Expr) -> None:
    node.dtype = "float32"  # type: ignore[assignment]


def set_input(node: Expr) -> None:
    node.inputs = (3.0,)  # type: ignore[assignment]


def set_list(node: Expr) -> None:
    node.inputs = list(node.inputs)  # type: ignore[assignment]


def set_attrs(node: Expr) -> None:
    node.attrs = ()


def set_unhashable(node: Expr) -> None:
    node.attrs = ([1],)


def set_bad_dims(node: Expr) -> None:
    node.attrs = ((7,),)


def set_op(node: Expr) -> None:
    node.op = replace(node.op, formula="another row of this name")


def set_circle(node: Expr) -> None:
    inner = copy(node.inputs[0])
    inner.inputs = (node, node)
    node.inputs = (inner,)


BROKEN: list[tuple[Callable[[Expr], None], str]] = [
    (set_shape, "infers float32 (2, 1), the node says float32 (2, 2)"),
    (set_sizes, "is not a tuple of sizes"),
    (set_dtype, "infers float32 (2, 1), the node says float64"),
    (set_foreign_dtype, "is unknown"),
    (set_input, "input 0 is 3.0, expected an expression"),
    (set_list, "inputs are a list"),
    (set_attrs, "do not match the names: dims"),
    (set_unhashable, "are not hashable"),
    (set_bad_dims, "its row refuses it"),
    (set_op, "not in the table"),
    (set_circle, "depends on itself"),
]


@pytest.mark.parametrize(("break_it", "words"), BROKEN)
def test_what_is_broken_is_named(break_it: Callable[[Expr], None], words: str) -> None:
    node = fresh()
    verify([node])
    break_it(node)
    with pytest.raises(VerifyError) as caught:
        verify([node])
    assert words in str(caught.value)


def test_broken_nodes_are_found_deep_inside() -> None:
    node = fresh()
    node.shape = (9, 9)
    top = copy(TABLE_NEG(node))
    with pytest.raises(VerifyError, match="sum"):
        verify([top])


def TABLE_NEG(node: Expr) -> Expr:
    user = copy(build.neg(leaf(1, (2, 1), float32)))
    user.op, user.inputs = TABLE["neg"], (node,)
    return user


def test_deep_graphs_need_no_recursion() -> None:
    x = leaf(0, (), float32)
    for _ in range(5000):
        x = build.neg(x)
    verify([x])

"""The printer and the parser: the very same expressions come back, and errors say where."""

from __future__ import annotations

import numpy as np
import pytest
from compiler.oracle import leaves_for
from compiler.random_graphs import random_case

from glia.base.dtypes import bool_, float32, float64, int64
from glia.base.errors import ArgumentError, VerifyError
from glia.ir import build
from glia.ir.expr import Expr, intern
from glia.ir.ops.source import const, leaf
from glia.ir.table import TABLE
from glia.ir.text import parse, show

ROWS = sorted(TABLE)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_survives(name: str) -> None:
    row = TABLE[name]
    for sample in row.samples():
        inputs = tuple(leaves_for(sample.arrays))
        node = intern(row, inputs, tuple(sample.attrs[attr] for attr in row.attrs))
        (back,) = parse(show([node]))
        assert back is node


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs_survive(seed: int) -> None:
    outputs = random_case(seed).outputs
    back = parse(show(outputs))
    assert len(back) == len(outputs)
    assert all(a is b for a, b in zip(back, outputs, strict=True))


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, np.inf, -np.inf, np.nan, 5e-324, 1e300])
def test_constants_keep_their_identity(value: float) -> None:
    node = const(value, float64)
    (back,) = parse(show([node]))
    assert back is node
    assert back is not const(2.0, float64)


@pytest.mark.parametrize(("value", "dtype"), [(True, bool_), (False, bool_), (-(2**63), int64)])
def test_whole_constants(value: int, dtype: object) -> None:
    node = const(value, dtype)  # type: ignore[arg-type]
    assert parse(show([node])) == [node]


def test_the_text_itself() -> None:
    x, w = leaf(0, (2, 3), float32), leaf(7, (3,), float32)
    assert show([build.relu(build.mul(x, w)), x]).splitlines() == [
        "%0 = leaf[slot=0] : float32[2,3]",
        "%1 = leaf[slot=7] : float32[3]",
        "%2 = reshape %1 : float32[1,3]",
        "%3 = expand %2 : float32[2,3]",
        "%4 = mul %0 %3 : float32[2,3]",
        "%5 = relu %4 : float32[2,3]",
        "outputs %5 %0",
    ]


def test_shared_nodes_stand_once() -> None:
    x = leaf(0, (3,), float32)
    for _ in range(60):
        x = build.add(x, x)
    assert len(show([x]).splitlines()) == 62


def test_deep_graphs_need_no_recursion() -> None:
    x = leaf(0, (), float32)
    for _ in range(5000):
        x = build.neg(x)
    assert parse(show([x]))[0] is x


def test_comments_and_blank_lines() -> None:
    text = "# a program\n\n%0 = leaf[slot=1] : float32[]  # the input\noutputs %0 # done\n"
    assert parse(text) == [leaf(1, (), float32)]


def test_any_numbering_goes() -> None:
    text = "%9 = leaf[slot=1] : float32[]\n%3 = neg %9 : float32[]\noutputs %3 %9"
    x = leaf(1, (), float32)
    assert parse(text) == [build.neg(x), x]


def test_no_outputs_are_outputs_too() -> None:
    assert show([]) == "outputs"
    assert parse("outputs") == []


LEAF = "%0 = leaf[slot=0] : float32[3]\n"
BAD = [
    ("", "no outputs line"),
    (LEAF, "no outputs line"),
    (LEAF + "outputs %1", "line 2: %1 is not defined above"),
    (LEAF + LEAF + "outputs %0", "line 2: %0 is defined twice"),
    (LEAF + "outputs %0\noutputs %0", "line 3: nothing may follow"),
    (LEAF + "%1 = negate %0 : float32[3]\noutputs %1", "line 2: there is no operation 'negate'"),
    (LEAF + "%1 = neg %0 : float99[3]\noutputs %1", "line 2: there is no dtype 'float99'"),
    (LEAF + "%1 = neg %0\noutputs %1", "line 2: expected ':', found 'the end of the line'"),
    (LEAF + "%1 = sum[axis=(0,)] %0 : float32[1]\noutputs %1", "has no attribute 'axis'"),
    (LEAF + "%1 = sum %0 : float32[1]\noutputs %1", "line 2: sum needs the attribute 'dims'"),
    (LEAF + "%1 = sum[dims=(0,), dims=(0,)] %0 : float32[1]\noutputs %1", "given twice"),
    (LEAF + "%1 = sum[dims=(0] %0 : float32[1]\noutputs %1", "line 2: expected ','"),
    (LEAF + "%1 = sum[dims=?] %0 : float32[1]\noutputs %1", "unexpected character '?'"),
    (LEAF + "%1 = neg %0 : float32[3] %0\noutputs %1", "line 2: expected the end of the line"),
    ("neg %0 : float32[3]", "line 1: expected a node such as %0"),
    ("%0 = leaf[slot=0] : float32[3", "line 1: expected ','"),
]
INCONSISTENT = [
    (LEAF + "%1 = neg %0 : float32[4]\noutputs %1", "line 2: neg infers float32[3], the text says"),
    (LEAF + "%1 = neg %0 : float64[3]\noutputs %1", "the text says float64[3]"),
    (LEAF + "%1 = reshape %0 : float32[4]\noutputs %1", "line 2: reshape"),
    (LEAF + "%1 = add %0 : float32[3]\noutputs %1", "line 2: add"),
    (LEAF + "%1 = sum[dims=(5,)] %0 : float32[1]\noutputs %1", "line 2:"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_errors_name_the_line(text: str, words: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(("text", "words"), INCONSISTENT)
def test_types_must_be_those_the_rows_infer(text: str, words: str) -> None:
    with pytest.raises(VerifyError) as caught:
        parse(text)
    assert words in str(caught.value)


def test_attributes_without_text_are_refused() -> None:
    node = Expr()
    node.op, node.inputs, node.attrs = TABLE["sum"], (), (1.5,)
    node.shape, node.dtype = (), float32
    with pytest.raises(VerifyError, match="has no text"):
        show([node])

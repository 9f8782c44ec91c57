"""Every row of the op table: its samples, its derivative, its errors, its machine code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from compiler.oracle import TOLERANCE, compare, compiled, leaves_for

from glia.autodiff.check import gradcheck
from glia.base.dtypes import ALL, DType, as_dtype
from glia.base.errors import GliaError
from glia.compiler.codegen import scalar
from glia.ir.expr import Expr, intern
from glia.ir.interpret import interpret
from glia.ir.ops.elementwise import CAST
from glia.ir.table import KINDS, TABLE, Bad, Op, Sample

#: All but those that stand for values from outside.
ROWS = [row for row in TABLE.values() if row.name not in ("leaf", "bound")]
#: Written out in ``Scalar.apply``, not in its table.
WRITTEN_OUT = {"cast", "where"}


def named(row: Op) -> str:
    return row.name


def node_of(row: Op, inputs: Sequence[Expr], attrs: dict) -> Expr:
    return intern(row, tuple(inputs), tuple(attrs[name] for name in row.attrs))


def test_the_table_is_complete() -> None:
    assert set(KINDS) == {row.kind for row in TABLE.values()}
    for row in ROWS:
        assert row.formula, row
        assert row.numpy is not None, row
        assert row.name == "detach" or row.samples(), row
    assert len({row.formula for row in ROWS}) == len(ROWS)


def test_rows_of_several_inputs_say_what_they_refuse() -> None:
    silent = {"cast", "const", "iota", "detach", "not"}
    assert {row.name for row in ROWS if not row.bad()} <= silent


def test_code_covers_every_elementwise_row() -> None:
    covered = set(scalar.TABLE) | set(scalar.FUNCTIONS) | WRITTEN_OUT
    rows = {row.name for row in ROWS if row.kind == "elementwise"}
    assert rows == covered


def test_a_tolerance_for_every_float() -> None:
    assert set(TOLERANCE) == {dtype.name for dtype in ALL if dtype.is_inexact}


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_rows_infer_what_numpy_gives(row: Op) -> None:
    for sample in row.samples():
        node = node_of(row, leaves_for(sample.arrays), sample.attrs)
        assert row.numpy is not None
        with np.errstate(all="ignore"):
            plain = np.asarray(row.numpy(*sample.arrays, **sample.attrs))
        assert node.shape == plain.shape
        assert node.dtype is as_dtype(plain.dtype)
        (found,) = interpret([node], dict(zip(node.inputs, sample.arrays, strict=True)))
        np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_machine_code_is_what_the_interpreter_says(row: Op) -> None:
    nodes: list[Expr] = []
    values: dict[Expr, np.ndarray] = {}
    arrays = [array for sample in row.samples() for array in sample.arrays]
    leaves = iter(leaves_for(arrays))
    for sample in row.samples():
        inputs = [next(leaves) for _ in sample.arrays]
        values.update(zip(inputs, sample.arrays, strict=True))
        nodes.append(node_of(row, inputs, sample.attrs))
    if nodes:
        compare(nodes, values)


def differentiable(row: Op) -> list[Sample]:
    """The samples whose float64 version can be differentiated."""
    found, seen = [], set()
    for sample in row.samples():
        kinds = [array.dtype.kind for array in sample.arrays]
        shape = tuple(array.shape for array in sample.arrays), str(sample.attrs)
        to_float32 = getattr(sample.attrs.get("dtype"), "name", "") == "float32"
        whole = row.name == "cast" and not sample.attrs["dtype"].is_inexact
        if (
            not {"f", "c"} & set(kinds)
            or not sample.differentiable
            or to_float32
            or whole
            or shape in seen
        ):
            continue
        seen.add(shape)
        found.append(sample)
    return found


SMOOTH = [
    row
    for row in ROWS
    if (row.gradient or row.kind == "control") and differentiable(row) and row.name != "argmax"
]


@pytest.mark.parametrize("row", SMOOTH, ids=named)
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives(row: Op, order: int) -> None:
    for sample in differentiable(row):
        if sum(array.size for array in sample.arrays) > (2000 if order == 1 else 300):
            continue
        gradcheck(
            lambda *xs, attrs=sample.attrs: node_of(row, xs, attrs), sample.arrays, order=order
        )


def test_most_rows_have_derivatives() -> None:
    without = {row.name for row in ROWS} - {row.name for row in SMOOTH}
    names = "const iota argmax argsort random_bits not and or xor shl shr lt le eq ne mod floordiv"
    later = "detach custom draw each latest nextafter fmod zeta gcd cumargmax mode_at search "
    later += (
        "cholesky eigh permutation geqrf"  # of one triangle alone, as in PyTorch; whole numbers
    )
    later += " parameter igamma polynomial airy_ai "  # of kind host, for values only
    later += "bessel_y0 bessel_y1 bessel_k0 bessel_k1 bessel_k0e bessel_k1e"
    assert without == {*names.split(), *later.split()}


BAD = [(row, bad) for row in ROWS for bad in row.bad()]


@pytest.mark.parametrize(("row", "bad"), BAD, ids=[f"{row.name}-{b.words}" for row, b in BAD])
def test_bad_inputs_are_refused(row: Op, bad: Bad) -> None:
    with pytest.raises(bad.error) as caught:
        node_of(row, leaves_for(bad.arrays), bad.attrs)
    assert isinstance(caught.value, GliaError)
    assert bad.words in str(caught.value)


# Conversions


@pytest.mark.parametrize("source", ALL, ids=lambda d: d.name)
def test_conversions_between_all_dtypes(source: DType) -> None:
    values = np.array([0, 1, 2, 3, 100, 127, 0, 5, 64] * 5)
    targets = [target for target in ALL if target is not source]
    array = values.astype(source.np)
    (x,) = leaves_for([array])
    compare([intern(CAST, (x,), (target,)) for target in targets], {x: array})
    if source.is_signed:
        array = -array
        # a negative float as an unsigned number means nothing
        targets = [t for t in targets if t.kind != "uint" or source.kind != "float"]
        compare([intern(CAST, (x,), (target,)) for target in targets], {x: array})


def test_fractions_are_cut_off() -> None:
    array = np.array([-2.9, -0.9, -0.1, 0.1, 0.9, 2.9, 1e9, -1e9], np.float32)
    (x,) = leaves_for([array])
    wanted = [as_dtype(name) for name in ("int32", "int64", "bool", "float64")]
    compare([intern(CAST, (x,), (dtype,)) for dtype in wanted], {x: array})


def test_bool_of_special_values() -> None:
    array = np.array([0.0, -0.0, np.nan, np.inf, 1e-45, -1.0], np.float32)
    (x,) = leaves_for([array])
    found = compiled([intern(CAST, (x,), (as_dtype("bool"),))], {x: array})[0]
    assert found.tolist() == [False, False, True, True, True, True]


def test_narrowing_to_float32_rounds_to_even() -> None:
    rng = np.random.default_rng(0)
    array = rng.normal(size=1000) * 10.0 ** rng.integers(-44, 39, 1000)
    (x,) = leaves_for([array])
    with np.errstate(all="ignore"):
        expected = array.astype(np.float32)
    found = compiled([intern(CAST, (x,), (as_dtype("float32"),))], {x: array})[0]
    np.testing.assert_array_equal(found, expected)

"""Which dtype comes out: PyTorch's rules, written down, and PyTorch itself where installed."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.dtypes import ALL, DType, as_dtype, promote

NAMES = "bool uint8 int8 int16 int32 int64 float32 float64".split()
SHORT = {"b": "bool", "u": "uint8", "1": "int8", "2": "int16", "4": "int32", "8": "int64",
         "f": "float32", "d": "float64"}  # fmt: skip
#: One row per left dtype, one letter per right dtype, in the order of NAMES; from PyTorch's docs.
TABLE = {
    "bool": "bu1248fd",
    "uint8": "uu2248fd",
    "int8": "121248fd",
    "int16": "222248fd",
    "int32": "444448fd",
    "int64": "888888fd",
    "float32": "fffffffd",
    "float64": "dddddddd",
}
PAIRS = [(a, b, SHORT[letter]) for a in NAMES for b, letter in zip(NAMES, TABLE[a], strict=True)]


def make(name: str, shape: tuple[int, ...] = (3,)) -> gl.Tensor:
    return gl.tensor(np.ones(shape, as_dtype(name).np))


@pytest.mark.parametrize(("a", "b", "expected"), PAIRS)
def test_two_tensors(a: str, b: str, expected: str) -> None:
    assert (make(a) + make(b)).dtype.name == expected
    assert (make(a) * make(b)).dtype.name == expected
    assert gl.where(make("bool"), make(a), make(b)).dtype.name == expected
    assert (make(a) == make(b)).dtype == gl.bool_
    divided = expected if expected.startswith("float") else "float32"
    assert (make(a) / make(b)).dtype.name == divided


def test_promotion_is_symmetric() -> None:
    for a in ALL:
        for b in ALL:
            assert promote(a, b) is promote(b, a)
            assert promote(a, a) is a


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("float32", "float64", "float32"),
        ("int32", "int64", "int32"),
        ("uint8", "int64", "uint8"),
        ("int8", "uint8", "int8"),
        ("float32", "int64", "float32"),
        ("int64", "float32", "float32"),
        ("int64", "float64", "float64"),
        ("bool", "int64", "int64"),
        ("bool", "uint8", "uint8"),
        ("int16", "bool", "int16"),
        ("bool", "bool", "bool"),
        ("float64", "float32", "float64"),
    ],
)
def test_tensors_without_dimensions_do_not_widen(a: str, b: str, expected: str) -> None:
    """``a`` has dimensions, ``b`` has none."""
    assert (make(a) + make(b, ())).dtype.name == expected
    assert (make(b, ()) + make(a)).dtype.name == expected
    same_rank = promote(as_dtype(a), as_dtype(b))
    assert (make(a, ()) + make(b, ())).dtype is same_rank


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("float32", 2, "float32"),
        ("float32", 2.5, "float32"),
        ("float64", 2.5, "float64"),
        ("int32", 2, "int32"),
        ("int64", 2.5, "float32"),
        ("uint8", 2, "uint8"),
        ("uint8", 2.5, "float32"),
        ("bool", 2, "int64"),
        ("bool", 2.5, "float32"),
        ("bool", True, "bool"),
        ("int16", True, "int16"),
        ("float32", True, "float32"),
    ],
)
def test_python_numbers_do_not_widen(name: str, number: Any, expected: str) -> None:
    assert (make(name) + number).dtype.name == expected
    assert (number + make(name)).dtype.name == expected
    assert (make(name) * number).dtype.name == expected


def test_numpy_scalars_count_as_python_numbers() -> None:
    assert (make("float32") * np.float64(2)).dtype == gl.float32
    assert (make("int32") + np.int64(2)).dtype == gl.int32


@pytest.mark.parametrize("name", NAMES)
def test_reductions_of_small_numbers_are_wide(name: str) -> None:
    expected = name if name.startswith("float") else "int64"
    assert make(name).sum().dtype.name == expected
    assert make(name).prod().dtype.name == expected
    assert make(name).amax().dtype.name == name
    assert make(name).argmax().dtype == gl.int64


@pytest.mark.parametrize("name", [n for n in NAMES if n != "bool"])
def test_functions_of_whole_numbers_are_float32(name: str) -> None:
    expected = name if name.startswith("float") else "float32"
    for function in ("exp", "tanh", "sqrt", "sigmoid"):
        assert getattr(make(name), function)().dtype.name == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (1.5, "float32"),
        ([1.0, 2.0], "float32"),
        (1, "int64"),
        ([True, False], "bool"),
        ([1, 2.5], "float32"),
        (np.float64(1.5), "float64"),
        (np.ones(3), "float64"),
        (np.ones(3, np.float32), "float32"),
        (np.ones(3, np.int16), "int16"),
        (np.ones(3, ">f4"), "float32"),
    ],
)
def test_new_tensors(data: Any, expected: str) -> None:
    assert gl.tensor(data).dtype.name == expected


def test_wrapping_of_small_integers() -> None:
    """Overflow wraps round, as in PyTorch and NumPy."""
    x = gl.tensor(np.array([127, -128, 100], np.int8))
    one = gl.tensor(np.array([1, -1, 100], np.int8))
    assert (x + one).tolist() == [-128, 127, -56]
    assert (x * one).tolist() == [127, -128, 16]
    u = gl.tensor(np.array([0, 255], np.uint8))
    assert (u - 1).tolist() == [255, 254]
    assert (gl.tensor(np.array([2**63 - 1])) + 1).tolist() == [-(2**63)]


def test_unsigned_comparisons_and_division() -> None:
    big = gl.tensor(np.array([2**64 - 1, 5], np.uint64))
    assert (big > 7).tolist() == [True, False]
    assert (big // 2).tolist() == [2**63 - 1, 2]
    assert big.amax().item() == 2**64 - 1
    assert big.to("float64").tolist() == [2.0**64, 5.0]


@pytest.mark.parametrize("function", [operator.add, operator.mul, operator.truediv])
def test_against_pytorch(function: Any) -> None:
    torch = pytest.importorskip("torch")
    for a in NAMES:
        for b in NAMES:
            for shapes in (((3,), (3,)), ((3,), ()), ((), (3,)), ((), ())):
                x = torch.ones(shapes[0], dtype=getattr(torch, a))
                y = torch.ones(shapes[1], dtype=getattr(torch, b))
                expected = str(function(x, y).dtype).removeprefix("torch.")
                found: DType = function(make(a, shapes[0]), make(b, shapes[1])).dtype
                assert found.name == expected, (a, b, shapes)

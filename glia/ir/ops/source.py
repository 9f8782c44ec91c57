"""Where values come from: leaves (slots), constants and running numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import DType, complex64, float32, int64
from glia.base.errors import DTypeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.table import Op, Sample, register

Number = bool | int | float | complex


def encode(value: Number, dtype: DType) -> str | int:
    """A constant as an attribute: floats as hex text, so that -0.0 and NaN keep their identity."""
    if dtype.is_complex:
        number = complex(dtype.np.type(value))
        return f"{number.real.hex()} {number.imag.hex()}"
    if isinstance(value, complex):
        message = f"expected a real number for {dtype.name}, found {value}."
        raise DTypeError(teach(message, "use a complex tensor, or the number's .real"))
    if dtype.kind == "float":
        return float(dtype.np.type(value)).hex()
    return int(value)


def constant_value(node: Expr) -> Number:
    """The Python number that a const node stands for."""
    value = node.attrs[0]
    if isinstance(value, str):
        return _decode(value)
    return bool(value) if node.dtype.kind == "bool" else int(value)


def _decode(text: str) -> float | complex:
    parts = [float.fromhex(part) for part in text.split()]
    return complex(*parts) if len(parts) == 2 else parts[0]


def _const_infer(_inputs: tuple[Expr, ...], value: Any, dtype: DType) -> tuple[Shape, DType]:
    return (), dtype


def _const_numpy(value: str | int, dtype: DType) -> np.ndarray:
    return np.asarray(_decode(value) if isinstance(value, str) else value, dtype.np)


def _leaf_infer(
    _inputs: tuple[Expr, ...], slot: int, shape: Shape, dtype: DType
) -> tuple[Shape, DType]:
    return shape, dtype


def _iota_infer(_inputs: tuple[Expr, ...], size: int, dtype: DType) -> tuple[Shape, DType]:
    return (size,), dtype


def _iota_samples() -> Sequence[Sample]:
    return [
        Sample((), {"size": 5, "dtype": int64}),
        Sample((), {"size": 0, "dtype": int64}),
        Sample((), {"size": 7, "dtype": float32}),
    ]


LEAF = register(Op("leaf", "source", "x", _leaf_infer, None, attrs=("slot", "shape", "dtype")))
CONST = register(
    Op(
        "const",
        "source",
        "c",
        _const_infer,
        _const_numpy,
        attrs=("value", "dtype"),
        samples=lambda: (
            [
                Sample((), {"value": encode(v, float32), "dtype": float32})
                for v in (0.0, -0.0, 1.5, float("inf"), float("nan"))
            ]
            + [Sample((), {"value": encode(-0.0 + 2j, complex64), "dtype": complex64})]
        ),
    )
)
IOTA = register(
    Op(
        "iota",
        "source",
        "out[i] = i",
        _iota_infer,
        lambda size, dtype: np.arange(size, dtype=dtype.np),
        attrs=("size", "dtype"),
        samples=_iota_samples,
    )
)


def leaf(slot: int, shape: Shape, dtype: DType) -> Expr:
    """The value held by a slot of the runtime."""
    return intern(LEAF, (), (slot, shape, dtype))


def const(value: Number, dtype: DType) -> Expr:
    """A scalar constant."""
    return intern(CONST, (), (encode(value, dtype), dtype))


def iota(size: int, dtype: DType = int64) -> Expr:
    """``0, 1, … size-1``."""
    return intern(IOTA, (), (size, dtype))

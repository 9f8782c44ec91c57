"""The operators of an array are the functions of the namespace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glia.array_api import elementwise as e
from glia.array_api.arguments import array
from glia.array_api.array import Array
from glia.array_api.data_types import is_scalar
from glia.array_api.linalg import matmul
from glia.tensor.inplace import rebind
from glia.tensor.tensor import Tensor

_UNARY = {"abs": e.abs, "invert": e.bitwise_invert, "neg": e.negative, "pos": e.positive}
_COMPARE = {
    "eq": e.equal,
    "ge": e.greater_equal,
    "gt": e.greater,
    "le": e.less_equal,
    "lt": e.less,
    "ne": e.not_equal,
}
_BINARY = {
    "add": e.add,
    "and": e.bitwise_and,
    "floordiv": e.floor_divide,
    "lshift": e.bitwise_left_shift,
    "matmul": matmul,
    "mod": e.remainder,
    "mul": e.multiply,
    "or": e.bitwise_or,
    "pow": e.pow,
    "rshift": e.bitwise_right_shift,
    "sub": e.subtract,
    "truediv": e.divide,
    "xor": e.bitwise_xor,
}


def _takes(other: Any) -> bool:
    """Whether an operand is one of the standard's; NumPy's arrays are refused, not mixed."""
    if isinstance(other, np.ndarray):
        array("operator", other)  # refused there
    return isinstance(other, Tensor) or is_scalar(other)


def _operator(function: Callable[..., Array], swapped: bool) -> Callable[..., Any]:
    def method(self: Array, other: Any, /) -> Any:
        if not _takes(other):
            return NotImplemented
        return function(other, self) if swapped else function(self, other)

    return method


def _assigning(function: Callable[..., Array], symbol: str) -> Callable[..., Any]:
    def method(self: Array, other: Any, /) -> Any:
        if not _takes(other):
            return NotImplemented
        return rebind(self, function(self, other), symbol)

    return method


def install() -> None:
    """Give the class its operators."""
    for name, unary in _UNARY.items():
        setattr(Array, f"__{name}__", lambda self, /, unary=unary: unary(self))
    for name, function in (_COMPARE | _BINARY).items():
        setattr(Array, f"__{name}__", _operator(function, False))
    for name, function in _BINARY.items():
        setattr(Array, f"__r{name}__", _operator(function, True))
        setattr(Array, f"__i{name}__", _assigning(function, f"__i{name}__"))
    Array.__hash__ = object.__hash__  # type: ignore[method-assign,assignment]

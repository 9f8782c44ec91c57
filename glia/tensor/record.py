"""Recording an operation from a method: on tensors, and on a tensor and a number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.dtypes import DType
from glia.base.shapes import Shape
from glia.ir.expr import Expr

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor

Number = bool | int | float | complex
Dims = int | tuple[int, ...] | None


class Handle:
    """What every group of methods may take for granted of a tensor."""

    __slots__ = ()
    if TYPE_CHECKING:

        @property
        def shape(self) -> Shape: ...

        @property
        def dtype(self) -> DType: ...

        @property
        def ndim(self) -> Any: ...


def record(function: Any, tensors: tuple[Any, ...], *attrs: Any) -> Tensor:
    from glia.tensor.tensor import apply

    return apply(function, tensors, *attrs)


def record_all(function: Any, tensors: tuple[Any, ...], *attrs: Any) -> Any:
    from glia.tensor.tensor import apply_all

    return apply_all(function, tensors, *attrs)


def sizes_of(sizes: tuple[Any, ...]) -> Shape:
    if len(sizes) == 1 and isinstance(sizes[0], Sequence):
        sizes = tuple(sizes[0])
    return tuple(int(size) for size in sizes)


class _ScalarRight:
    """``function(x, number)`` as a function of x and a hashable description of the number."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def right(self, x: Expr, number: Number, _kind: str) -> Expr:
        return self.function(x, number)

    def left(self, x: Expr, number: Number, _kind: str) -> Expr:
        return self.function(number, x)


@cache
def _scalar(function: Any) -> tuple[Any, Any]:
    scalar = _ScalarRight(function)
    return scalar.right, scalar.left


def _describe(number: Number) -> str:
    """Tells apart what Python holds equal: 1, 1.0, True; 0.0 and -0.0."""
    if isinstance(number, complex):
        return repr(number)
    return type(number).__name__ + ("-" if str(number)[0] == "-" else "")


def binary(function: Any, a: Any, b: Any, swapped: bool = False) -> Any:
    from glia.tensor.tensor import Tensor

    if isinstance(b, Tensor):
        return record(function, (b, a) if swapped else (a, b))
    if isinstance(b, np.generic):
        b = b.item()
    if isinstance(b, bool | int | float | complex):
        return record(_scalar(function)[swapped], (a,), b, _describe(b))
    if isinstance(b, np.ndarray | list | tuple):
        other = Tensor(b)
        return record(function, (other, a) if swapped else (a, other))
    return NotImplemented


def dims(dim: Any) -> Any:
    """Dimensions, hashable; none at all means all of them, as in PyTorch."""
    if isinstance(dim, list | tuple):
        return tuple(dim) or None
    return dim

"""Making tensors, and functions of several of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import DType, as_dtype, float32, int64
from glia.base.shapes import Shape, normalize_dim
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops import view
from glia.tensor.tensor import Tensor, apply, as_tensor


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of ``data``.

    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    return Tensor(data, None if dtype is None else as_dtype(dtype), requires_grad)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor with a copy of the array, in the array's dtype."""
    return Tensor(np.asarray(array))


def _shape(sizes: tuple[Any, ...]) -> Shape:
    if len(sizes) == 1 and isinstance(sizes[0], Sequence):
        sizes = tuple(sizes[0])
    return tuple(int(size) for size in sizes)


def full(size: Sequence[int], value: float, dtype: Any = None) -> Tensor:
    """A tensor of one value."""
    found = as_dtype(dtype) if dtype is not None else (int64 if type(value) is int else float32)
    return Tensor(np.full(tuple(size), value, found.np))


def zeros(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    return Tensor(np.zeros(_shape(size), as_dtype(dtype).np), requires_grad=requires_grad)


def ones(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    return Tensor(np.ones(_shape(size), as_dtype(dtype).np), requires_grad=requires_grad)


def empty(*size: Any, dtype: Any = float32) -> Tensor:
    return zeros(*size, dtype=dtype)


def zeros_like(x: Tensor, dtype: Any = None) -> Tensor:
    return zeros(x.shape, dtype=dtype or x.dtype)


def ones_like(x: Tensor, dtype: Any = None) -> Tensor:
    return ones(x.shape, dtype=dtype or x.dtype)


def arange(start: float, end: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """``start, start + step, …`` below ``end``."""
    if end is None:
        start, end = 0, start
    whole = all(isinstance(value, int) for value in (start, end, step))
    found: DType = as_dtype(dtype) if dtype is not None else (int64 if whole else float32)
    return Tensor(np.arange(start, end, step).astype(found.np))


def linspace(start: float, end: float, steps: int, dtype: Any = float32) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``, both included."""
    return Tensor(np.linspace(start, end, steps).astype(as_dtype(dtype).np))


def eye(n: int, m: int | None = None, dtype: Any = float32) -> Tensor:
    return Tensor(np.eye(n, m, dtype=as_dtype(dtype).np))


def where(condition: Tensor, a: Any, b: Any) -> Tensor:
    """``a`` where the condition holds, else ``b``; gradients flow only into the branch taken."""
    if not isinstance(a, Tensor):
        other = b.dtype if isinstance(b, Tensor) else None
        a = as_tensor(a, other)
    if not isinstance(b, Tensor):
        b = as_tensor(b, a.dtype)
    return apply(build.where, (condition, a, b))


def _concat(*parts: Any) -> Expr:
    *xs, dim = parts
    return view.concat(xs, dim)


def _stack(*parts: Any) -> Expr:
    *xs, dim = parts
    shape = (*xs[0].shape[:dim], 1, *xs[0].shape[dim:])
    return view.concat([view.reshape(x, shape) for x in xs], dim)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """One after the other along an existing dimension."""
    return apply(_concat, tuple(tensors), normalize_dim(dim, tensors[0].ndim))


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Along a new dimension."""
    return apply(_stack, tuple(tensors), normalize_dim(dim, tensors[0].ndim + 1))

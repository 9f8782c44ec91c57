"""Making tensors, and functions of several of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import DType, as_dtype, float32, float64, int64, promote, promote_scalar
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
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


def full(
    size: Sequence[int], fill_value: Any, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of one value; without ``dtype`` of its kind: bool, int64, float32 or complex64."""
    found = as_dtype(type(fill_value) if dtype is None else dtype)
    return Tensor(np.full(tuple(size), fill_value, found.np), requires_grad=requires_grad)


def _filled(size: tuple[Any, ...], value: int, dtype: Any, requires_grad: bool) -> Tensor:
    found = float32 if dtype is None else as_dtype(dtype)
    return Tensor(np.full(_shape(size), value, found.np), requires_grad=requires_grad)


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return _filled(size, 0, dtype, requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return _filled(size, 1, dtype, requires_grad)


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros: no memory is shown that was never written."""
    return _filled(size, 0, dtype, requires_grad)


def full_like(x: Tensor, fill_value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value, in the shape and dtype of another."""
    return full(x.shape, fill_value, dtype or x.dtype, requires_grad)


def zeros_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return full_like(x, 0, dtype, requires_grad)


def ones_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return full_like(x, 1, dtype, requires_grad)


def empty_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return full_like(x, 0, dtype, requires_grad)


def scalar_tensor(s: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-d tensor, float32 unless said otherwise."""
    return full((), s, dtype or float32, requires_grad)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``start, start + step, …`` below ``end``.

    >>> arange(1, 2.5, 0.5)
    tensor([1. , 1.5, 2. ])
    """
    if end is None:
        start, end = 0, start
    if not step or (end - start) / step < 0:
        what = tr(
            f"arange: a step of {step} does not lead from {start} to {end}.",
            f"arange：步长 {step} 无法从 {start} 到 {end}。",
        )
        raise ArgumentError(teach(what, tr("check the sign of the step", "请检查步长的符号")))
    whole = all(isinstance(value, int) for value in (start, end, step))
    found: DType = as_dtype(dtype) if dtype is not None else (int64 if whole else float32)
    if found is int64:
        start, end, step = int(start), int(end), int(step)
    if found.kind in ("int", "uint"):
        count = math.ceil((end - start) / step)
        values: Any = int(start) + int(step) * np.arange(count)
    else:
        values = np.arange(start, end, step)
    return Tensor(values.astype(found.np), requires_grad=requires_grad)


def _numbers(name: str, *values: Any) -> list[Any]:
    """Python numbers of numbers and 0-d tensors."""
    found: list[Any] = [value.item() if isinstance(value, Tensor) else value for value in values]
    if found[-1] < 0:
        what = tr(
            f"{name}: expected steps ≥ 0, got {found[-1]}.",
            f"{name}：steps 应不小于 0，得到 {found[-1]}。",
        )
        raise ArgumentError(teach(what))
    return found


def linspace(
    start: Any, end: Any, steps: int, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``, both included."""
    first, last, count = _numbers("linspace", start, end, steps)
    found = float32 if dtype is None else as_dtype(dtype)
    values = _evenly(first, last, count, found).astype(found.np)
    return Tensor(values, requires_grad=requires_grad)


def _evenly(first: Any, last: Any, count: int, dtype: DType) -> np.ndarray:
    """From both ends towards the middle, so that both are exact; whole numbers are cut off."""
    if count < 2:
        return np.full(count, first)
    kind: Any = np.float32 if dtype.kind in ("int", "uint") else np.float64
    step = kind((last - first) / (count - 1))
    place = np.arange(count).astype(kind)
    if dtype.kind in ("int", "uint"):
        first, last = int(first), int(last)
    return np.where(place < count // 2, first + step * place, last - step * (count - 1 - place))


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers from ``base**start`` to ``base**end``, evenly apart in their exponents."""
    first, last, count = _numbers("logspace", start, end, steps)
    found = float32 if dtype is None else as_dtype(dtype)
    with np.errstate(all="ignore"):
        values = np.power(float(base), _evenly(first, last, count, float64)).astype(found.np)
    return Tensor(values, requires_grad=requires_grad)


def eye(n: int, m: int | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal, zeros elsewhere."""
    found = float32 if dtype is None else as_dtype(dtype)
    return Tensor(np.eye(n, m, dtype=found.np), requires_grad=requires_grad)


def tril_indices(row: int, col: int, offset: int = 0, dtype: Any = int64) -> Tensor:
    """Rows and columns of the places on a diagonal or below it: (2, n)."""
    return Tensor(np.stack(np.tril_indices(row, offset, col)).astype(as_dtype(dtype).np))


def triu_indices(row: int, col: int, offset: int = 0, dtype: Any = int64) -> Tensor:
    """Rows and columns of the places on a diagonal or above it: (2, n)."""
    return Tensor(np.stack(np.triu_indices(row, offset, col)).astype(as_dtype(dtype).np))


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """``input`` where the condition holds, else ``other``; gradients flow only where it is taken.

    Without both: the places where the condition holds, as ``nonzero(as_tuple=True)``.
    """
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    parts = []
    for one, against in ((input, other), (other, input)):
        if isinstance(one, bool | int | float) and isinstance(against, Tensor):
            one = Tensor(one, promote_scalar(against.dtype, one))
        parts.append(as_tensor(one))
    return apply(build.where, (condition, *parts))


def _concat(*parts: Any) -> Expr:
    *xs, dim = parts
    dtype = xs[0].dtype
    for x in xs[1:]:
        dtype = promote(dtype, x.dtype)
    return view.concat([build.cast(x, dtype) for x in xs], dim)


def _stack(*parts: Any) -> Expr:
    *xs, dim = parts
    shape = (*xs[0].shape[:dim], 1, *xs[0].shape[dim:])
    return _concat(*(view.reshape(x, shape) for x in xs), dim)


def _several(name: str, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    if not len(tensors):
        what = tr(f"{name}: expected at least one tensor.", f"{name}：至少需要一个张量。")
        raise ArgumentError(teach(what))
    return tuple(tensors)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """One after the other along an existing dimension."""
    given = _several("cat", tensors)
    some = [x for x in given if x.shape != (0,)] or [given[0]]  # PyTorch overlooks these
    dtype = given[0].dtype
    for x in given:
        dtype = promote(dtype, x.dtype)
    joined = apply(_concat, tuple(some), normalize_dim(dim, some[0].ndim))
    return joined.to(dtype)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Along a new dimension."""
    given = _several("stack", tensors)
    if len({x.shape for x in given}) > 1:
        found = ", ".join(str(x.shape) for x in given)
        what = tr(f"stack: shapes {found} differ.", f"stack：形状 {found} 不同。")
        raise ShapeError(teach(what))
    return apply(_stack, given, normalize_dim(dim, given[0].ndim + 1))

"""The methods and operators of a tensor: thin names over the functions of ``ir/build.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.dtypes import DType, as_dtype, bool_, float32, float64, int32, int64
from glia.base.shapes import Shape, infer_reshape, normalize_dim, numel
from glia.ir import build, lookup, products
from glia.ir.expr import Expr
from glia.ir.ops import view
from glia.tensor.indexing import (
    check_index,
    describe_index,
    flat_index,
    getitem,
    is_array,
    matching,
    take_items,
)

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor

Number = bool | int | float
Dims = int | tuple[int, ...] | None


def _apply(function: Any, tensors: tuple[Any, ...], *attrs: Any) -> Tensor:
    from glia.tensor.tensor import apply

    return apply(function, tensors, *attrs)


def _sizes(sizes: tuple[Any, ...]) -> Shape:
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


_SCALAR = {
    function: (scalar.right, scalar.left)
    for function in (
        build.add,
        build.sub,
        build.mul,
        build.div,
        build.power,
        build.maximum,
        build.minimum,
        build.remainder,
        build.floor_divide,
        build.lt,
        build.le,
        build.gt,
        build.ge,
        build.eq,
        build.ne,
    )
    for scalar in (_ScalarRight(function),)
}


def _describe(number: Number) -> str:
    """Tells apart what Python holds equal: 1, 1.0, True; 0.0 and -0.0."""
    return type(number).__name__ + ("-" if str(number)[0] == "-" else "")


def _binary(function: Any, a: Any, b: Any, swapped: bool = False) -> Any:
    from glia.tensor.tensor import Tensor

    if isinstance(b, Tensor):
        return _apply(function, (b, a) if swapped else (a, b))
    if isinstance(b, np.generic):
        b = b.item()
    if isinstance(b, bool | int | float):
        return _apply(_SCALAR[function][swapped], (a,), b, _describe(b))
    if isinstance(b, np.ndarray | list | tuple):
        other = Tensor(b)
        return _apply(function, (other, a) if swapped else (a, other))
    return NotImplemented


class Methods:
    """Operators and methods, kept apart from what a tensor is (``tensor.py``)."""

    __slots__ = ()
    if TYPE_CHECKING:

        @property
        def shape(self) -> Shape: ...

        @property
        def dtype(self) -> DType: ...

        @property
        def ndim(self) -> Any: ...

    def __add__(self, other: Any) -> Tensor:
        return _binary(build.add, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return _binary(build.add, self, other, True)

    def __sub__(self, other: Any) -> Tensor:
        return _binary(build.sub, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return _binary(build.sub, self, other, True)

    def __mul__(self, other: Any) -> Tensor:
        return _binary(build.mul, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return _binary(build.mul, self, other, True)

    def __truediv__(self, other: Any) -> Tensor:
        return _binary(build.div, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return _binary(build.div, self, other, True)

    def __floordiv__(self, other: Any) -> Tensor:
        return _binary(build.floor_divide, self, other)

    def __mod__(self, other: Any) -> Tensor:
        return _binary(build.remainder, self, other)

    def __pow__(self, other: Any) -> Tensor:
        return _binary(build.power, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return _binary(build.power, self, other, True)

    def __matmul__(self, other: Tensor) -> Tensor:
        return self.matmul(other)

    def __neg__(self) -> Tensor:
        return _apply(build.neg, (self,))

    def __abs__(self) -> Tensor:
        return _apply(build.abs_, (self,))

    def __invert__(self) -> Tensor:
        return _apply(build.logical_not, (self,))

    def __and__(self, other: Any) -> Tensor:
        return _apply(_and, (self, other))

    def __or__(self, other: Any) -> Tensor:
        return _apply(_or, (self, other))

    def __lt__(self, other: Any) -> Tensor:
        return _binary(build.lt, self, other)

    def __le__(self, other: Any) -> Tensor:
        return _binary(build.le, self, other)

    def __gt__(self, other: Any) -> Tensor:
        return _binary(build.gt, self, other)

    def __ge__(self, other: Any) -> Tensor:
        return _binary(build.ge, self, other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return _binary(build.eq, self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return _binary(build.ne, self, other)

    def __getitem__(self, index: Any) -> Tensor:
        items = index if type(index) is tuple else (index,)
        if any([is_array(item) for item in items]):
            return take_items(self, index)  # type: ignore[arg-type]
        return _apply(getitem, (self,), describe_index(index, self.shape))

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))  # type: ignore[arg-type]

    # Elementwise

    def abs(self) -> Tensor:
        return _apply(build.abs_, (self,))

    def exp(self) -> Tensor:
        return _apply(build.exp, (self,))

    def log(self) -> Tensor:
        return _apply(build.log, (self,))

    def log1p(self) -> Tensor:
        return _apply(build.log1p, (self,))

    def expm1(self) -> Tensor:
        return _apply(build.expm1, (self,))

    def sqrt(self) -> Tensor:
        return _apply(build.sqrt, (self,))

    def rsqrt(self) -> Tensor:
        return _apply(build.rsqrt, (self,))

    def sin(self) -> Tensor:
        return _apply(build.sin, (self,))

    def cos(self) -> Tensor:
        return _apply(build.cos, (self,))

    def tanh(self) -> Tensor:
        return _apply(build.tanh, (self,))

    def erf(self) -> Tensor:
        return _apply(build.erf, (self,))

    def sigmoid(self) -> Tensor:
        return _apply(build.sigmoid, (self,))

    def relu(self) -> Tensor:
        return _apply(build.relu, (self,))

    def sign(self) -> Tensor:
        return _apply(build.sign, (self,))

    def floor(self) -> Tensor:
        return _apply(build.floor, (self,))

    def ceil(self) -> Tensor:
        return _apply(build.ceil, (self,))

    def round(self) -> Tensor:
        return _apply(build.round_, (self,))

    def square(self) -> Tensor:
        return _apply(_square, (self,))

    def pow(self, exponent: Any) -> Tensor:
        return self**exponent

    def clamp(self, min: Number | None = None, max: Number | None = None) -> Tensor:
        """Every element held between ``min`` and ``max``."""
        out: Any = self
        if min is not None:
            out = _binary(build.maximum, out, min)
        if max is not None:
            out = _binary(build.minimum, out, max)
        return out

    def maximum(self, other: Any) -> Tensor:
        return _binary(build.maximum, self, other)

    def minimum(self, other: Any) -> Tensor:
        return _binary(build.minimum, self, other)

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """``self`` where the condition holds, else ``other``."""
        from glia.tensor.create import where

        return where(condition, self, other)

    # Reductions

    def sum(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return _apply(build.sum_, (self,), _dims(dim), keepdim)

    def mean(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return _apply(build.mean, (self,), _dims(dim), keepdim)

    def prod(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return _apply(build.prod, (self,), _dims(dim), keepdim)

    def amax(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return _apply(build.amax, (self,), _dims(dim), keepdim)

    def amin(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return _apply(build.amin, (self,), _dims(dim), keepdim)

    def max(self) -> Tensor:
        return self.amax()

    def min(self) -> Tensor:
        return self.amin()

    def var(self, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Tensor:
        return _apply(build.var, (self,), _dims(dim), correction, keepdim)

    def std(self, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Tensor:
        return self.var(dim, correction, keepdim).sqrt()

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return _apply(build.argmax, (self,), dim, keepdim)

    def all(self) -> Tensor:
        return _apply(_all, (self,))

    def any(self) -> Tensor:
        return _apply(_any, (self,))

    def softmax(self, dim: int) -> Tensor:
        return _apply(build.softmax, (self,), dim)

    def log_softmax(self, dim: int) -> Tensor:
        return _apply(build.log_softmax, (self,), dim)

    def logsumexp(self, dim: int, keepdim: bool = False) -> Tensor:
        return _apply(build.logsumexp, (self,), dim, keepdim)

    # Views

    def reshape(self, *shape: Any) -> Tensor:
        return _apply(view.reshape, (self,), infer_reshape(self.shape, _sizes(shape)))

    view = reshape

    def permute(self, *dims: Any) -> Tensor:
        order = tuple(normalize_dim(d, self.ndim) for d in _sizes(dims))
        return _apply(view.permute, (self,), order)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        return _apply(build.transpose, (self,), dim0, dim1)

    @property
    def T(self) -> Tensor:
        return self.permute(*reversed(range(self.ndim)))

    def t(self) -> Tensor:
        return self.transpose(0, 1)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        if not self.shape:
            return self.reshape(1)
        a, b = normalize_dim(start_dim, self.ndim), normalize_dim(end_dim, self.ndim)
        size = numel(self.shape[a : b + 1])
        return self.reshape(*self.shape[:a], size, *self.shape[b + 1 :])

    def squeeze(self, dim: int | None = None) -> Tensor:
        if dim is None:
            return self.reshape(*(size for size in self.shape if size != 1))
        at = normalize_dim(dim, self.ndim)
        keep = self.shape[at : at + 1] if self.shape and self.shape[at] != 1 else ()
        return self.reshape(*self.shape[:at], *keep, *self.shape[at + 1 :])

    def unsqueeze(self, dim: int) -> Tensor:
        at = normalize_dim(dim, self.ndim + 1)
        return self.reshape(*self.shape[:at], 1, *self.shape[at:])

    def expand(self, *sizes: Any) -> Tensor:
        wanted = _sizes(sizes)
        extra = len(wanted) - self.ndim
        known = (*wanted[:extra], *self.shape)
        filled = tuple(k if w == -1 else w for w, k in zip(wanted, known, strict=True))
        return _apply(view.broadcast_to, (self,), filled)

    # Computed places

    def gather(self, dim: Any, index: Tensor) -> Tensor:
        """``out[…, i, …] = self[…, index[…, i, …], …]`` along ``dim``."""
        at = normalize_dim(dim, self.ndim)
        matching("gather", self, index, at)  # type: ignore[arg-type]
        check_index("gather", index, self.shape[at])
        return _apply(lookup.take_along, (self, index), at)

    def index_select(self, dim: Any, index: Tensor) -> Tensor:
        """The slices along ``dim`` that a flat index names."""
        at = normalize_dim(dim, self.ndim)
        flat_index("index_select", index)
        check_index("index_select", index, self.shape[at])
        return _apply(lookup.take, (self, index), at)

    def scatter_add(self, dim: Any, index: Tensor, src: Tensor) -> Tensor:
        """``self`` with ``src[…, i, …]`` added at ``[…, index[…, i, …], …]``."""
        at = normalize_dim(dim, self.ndim)
        matching("scatter_add", src, index, -1)
        check_index("scatter_add", index, self.shape[at])
        return _apply(lookup.add_at, (self, index, src), at)

    def index_add(self, dim: Any, index: Tensor, source: Tensor) -> Tensor:
        """``self`` with the slices of ``source`` along ``dim`` added where the index says."""
        at = normalize_dim(dim, self.ndim)
        flat_index("index_add", index)
        check_index("index_add", index, self.shape[at])
        return _apply(lookup.add_rows, (self, index, source), at)

    def contiguous(self) -> Tensor:
        return self  # type: ignore[return-value]

    # Products

    def matmul(self, other: Tensor) -> Tensor:
        return _apply(products.matmul, (self, other))

    mm = matmul
    bmm = matmul

    # Kinds of number

    def to(self, dtype: Any) -> Tensor:
        """In another dtype; ``"cpu"`` is accepted and changes nothing."""
        if dtype == "cpu":
            return self  # type: ignore[return-value]
        return _apply(build.cast, (self,), as_dtype(dtype))

    type = to

    def float(self) -> Tensor:
        return self.to(float32)

    def double(self) -> Tensor:
        return self.to(float64)

    def long(self) -> Tensor:
        return self.to(int64)

    def int(self) -> Tensor:
        return self.to(int32)

    def bool(self) -> Tensor:
        return self.to(bool_)

    def cpu(self) -> Tensor:
        return self  # type: ignore[return-value]

    def clone(self) -> Tensor:
        return _apply(_identity, (self,))

    def size(self, dim: Any = None) -> Any:
        return self.shape if dim is None else self.shape[normalize_dim(dim, self.ndim)]

    def dim(self) -> Any:
        return self.ndim

    def numel(self) -> Any:
        return numel(self.shape)

    def element_size(self) -> Any:
        return self.dtype.itemsize


def _dims(dim: Any) -> Any:
    return tuple(dim) if isinstance(dim, list) else dim


def _identity(x: Expr) -> Expr:
    return x


def _square(x: Expr) -> Expr:
    return build.mul(x, x)


def _and(a: Expr, b: Expr) -> Expr:
    from glia.ir.ops.elementwise import AND

    return build.binary(AND, a, b)


def _or(a: Expr, b: Expr) -> Expr:
    from glia.ir.ops.elementwise import OR

    return build.binary(OR, a, b)


def _all(x: Expr) -> Expr:
    return build.cast(build.amin(build.cast(build.cast(x, bool_), int32)), bool_)


def _any(x: Expr) -> Expr:
    return build.cast(build.amax(build.cast(build.cast(x, bool_), int32)), bool_)

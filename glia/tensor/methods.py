"""The operators of a tensor, its kinds of number, and all groups of methods together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from glia.base.dtypes import (
    as_dtype,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim, numel
from glia.ir import arithmetic, build
from glia.ir.expr import Expr
from glia.tensor.assignment import assign_items
from glia.tensor.complexes import Complexes
from glia.tensor.draws import Draws
from glia.tensor.elementwise import Elementwise
from glia.tensor.fresh import Fresh
from glia.tensor.indexing import describe_index, getitem, read, take_items
from glia.tensor.inplace import InPlace, install
from glia.tensor.matrices import Matrices
from glia.tensor.ordering import Ordering
from glia.tensor.pairs import Pairs
from glia.tensor.pieces import Pieces
from glia.tensor.places import Places
from glia.tensor.product import Products
from glia.tensor.record import Handle, binary, record
from glia.tensor.reductions import Reductions
from glia.tensor.sets import Sets
from glia.tensor.views import Views

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor

#: Words that name devices, not dtypes.
_DEVICES = frozenset(("cpu", "cuda", "mps", "xpu", "meta"))
#: The groups whose methods are functions too: ``gl.exp(x)`` is ``x.exp()``.
GROUPS = (
    Elementwise,
    Pairs,
    Reductions,
    Ordering,
    Views,
    Pieces,
    Places,
    Sets,
    Products,
    Complexes,
    Matrices,
)


class Methods(
    InPlace,
    Draws,
    Fresh,
    Elementwise,
    Pairs,
    Reductions,
    Ordering,
    Views,
    Pieces,
    Places,
    Sets,
    Products,
    Complexes,
    Matrices,
):
    """Operators and methods, kept apart from what a tensor is (``tensor.py``)."""

    __slots__ = ()

    def __add__(self, other: Any) -> Tensor:
        return binary(build.add, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return binary(build.add, self, other, True)

    def __sub__(self, other: Any) -> Tensor:
        return binary(build.sub, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return binary(build.sub, self, other, True)

    def __mul__(self, other: Any) -> Tensor:
        return binary(build.mul, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return binary(build.mul, self, other, True)

    def __truediv__(self, other: Any) -> Tensor:
        return binary(build.div, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return binary(build.div, self, other, True)

    def __floordiv__(self, other: Any) -> Tensor:
        return binary(build.floor_divide, self, other)

    def __mod__(self, other: Any) -> Tensor:
        return binary(build.remainder, self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return binary(build.floor_divide, self, other, True)

    def __rmod__(self, other: Any) -> Tensor:
        return binary(build.remainder, self, other, True)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __pow__(self, other: Any) -> Tensor:
        return binary(arithmetic.checked_power, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return binary(arithmetic.checked_power, self, other, True)

    def __matmul__(self, other: Tensor) -> Tensor:
        return self.matmul(other)

    def __rmatmul__(self, other: Any) -> Tensor:
        from glia.tensor.tensor import as_tensor

        return as_tensor(other).matmul(self)  # type: ignore[arg-type]

    def __neg__(self) -> Tensor:
        return record(build.neg, (self,))

    def __abs__(self) -> Tensor:
        return record(build.abs_, (self,))

    def __pos__(self) -> Tensor:
        return self.positive()

    def __invert__(self) -> Tensor:
        return record(arithmetic.bitwise_not, (self,))

    def __and__(self, other: Any) -> Tensor:
        return binary(arithmetic.bitwise_and, self, other)

    def __rand__(self, other: Any) -> Tensor:
        return binary(arithmetic.bitwise_and, self, other, True)

    def __or__(self, other: Any) -> Tensor:
        return binary(arithmetic.bitwise_or, self, other)

    def __ror__(self, other: Any) -> Tensor:
        return binary(arithmetic.bitwise_or, self, other, True)

    def __xor__(self, other: Any) -> Tensor:
        return binary(arithmetic.bitwise_xor, self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return binary(arithmetic.bitwise_xor, self, other, True)

    def __lshift__(self, other: Any) -> Tensor:
        return binary(arithmetic.left_shift, self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return binary(arithmetic.left_shift, self, other, True)

    def __rshift__(self, other: Any) -> Tensor:
        return binary(arithmetic.right_shift, self, other)

    def __rrshift__(self, other: Any) -> Tensor:
        return binary(arithmetic.right_shift, self, other, True)

    def __lt__(self, other: Any) -> Tensor:
        return binary(build.lt, self, other)

    def __le__(self, other: Any) -> Tensor:
        return binary(build.le, self, other)

    def __gt__(self, other: Any) -> Tensor:
        return binary(build.gt, self, other)

    def __ge__(self, other: Any) -> Tensor:
        return binary(build.ge, self, other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return binary(build.eq, self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return binary(build.ne, self, other)

    def __getitem__(self, index: Any) -> Tensor:
        found = describe_index(index, self)  # type: ignore[arg-type]
        if found.places:
            return take_items(self, found)  # type: ignore[arg-type]
        there = read(self, found.basic)  # type: ignore[arg-type]
        return record(getitem, (self,), found.basic) if there is None else there

    def __setitem__(self, index: Any, value: Any) -> None:
        assign_items(self, index, value)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))  # type: ignore[arg-type]

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: Any = False,
        copy: Any = False,
    ) -> Tensor:
        """In another dtype: ``to(dtype)``, ``to(other)``, ``to("cpu", dtype)``.

        There is one device, the CPU; a copy is never needed, for no tensor shares memory.

        Raises:
            ArgumentError: another device.
        """
        for arg in args:
            if isinstance(arg, Handle):
                dtype = arg.dtype
            elif isinstance(arg, str) and arg.split(":")[0] in _DEVICES:
                device = arg
            elif arg is not None and arg is not True and arg is not False:
                dtype = arg
        if device is not None and str(device).split(":")[0] != "cpu":
            what = tr(f"to: there is no device '{device}'.", f"to：没有设备“{device}”。")
            raise ArgumentError(teach(what, tr('use "cpu"', '请使用 "cpu"')))
        if dtype is None:
            return self  # type: ignore[return-value]
        return record(build.cast, (self,), as_dtype(dtype))

    type = to

    def float(self) -> Tensor:
        return self.to(float32)

    def double(self) -> Tensor:
        return self.to(float64)

    def half(self) -> Tensor:
        return self.to(float16)

    def cfloat(self) -> Tensor:
        return self.to(complex64)

    def cdouble(self) -> Tensor:
        return self.to(complex128)

    def byte(self) -> Tensor:
        return self.to(uint8)

    def char(self) -> Tensor:
        return self.to(int8)

    def short(self) -> Tensor:
        return self.to(int16)

    def type_as(self, other: Tensor) -> Tensor:
        return self.to(other.dtype)

    def long(self) -> Tensor:
        return self.to(int64)

    def int(self) -> Tensor:
        return self.to(int32)

    def bool(self) -> Tensor:
        return self.to(bool_)

    def cpu(self) -> Tensor:
        return self  # type: ignore[return-value]

    def clone(self) -> Tensor:
        return record(_identity, (self,))

    def size(self, dim: Any = None) -> Any:
        return self.shape if dim is None else self.shape[normalize_dim(dim, self.ndim)]

    def dim(self) -> Any:
        return self.ndim

    def numel(self) -> Any:
        return numel(self.shape)

    def element_size(self) -> Any:
        return self.dtype.itemsize

    ndimension, nelement = dim, numel

    @property
    def itemsize(self) -> Any:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> Any:
        return self.dtype.itemsize * numel(self.shape)

    def is_same_size(self, other: Tensor) -> Any:
        return self.shape == other.shape


install(Methods)


def _identity(x: Expr) -> Expr:
    return x

"""Data types: promotion as in the standard's table, limits, kinds, conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glia.array_api.array import Array, check_device, of
from glia.base.dtypes import (
    ALL,
    DType,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int64,
    promote,
    uint64,
)
from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.tensor.tensor import Tensor

#: The standard's data types, by their names there.
STANDARD = {("bool" if d is bool_ else d.name): d for d in ALL if d is not float16}

#: The kinds of ``isdtype``, as kinds of DType.
KINDS = {
    "bool": ("bool",),
    "signed integer": ("int",),
    "unsigned integer": ("uint",),
    "integral": ("int", "uint"),
    "real floating": ("float",),
    "complex floating": ("complex",),
    "numeric": ("int", "uint", "float", "complex"),
}
#: Which kinds a function takes, by the standard's words for them.
CATEGORIES = {
    **KINDS,
    "integer": KINDS["integral"],
    "integer or boolean": ("bool", "int", "uint"),
    "boolean": ("bool",),
    "floating": ("float", "complex"),
    "real": ("int", "uint", "float"),
    "any": ("bool", "int", "uint", "float", "complex"),
}

_SCALARS = {
    bool: ("bool",),
    int: ("int", "uint", "float", "complex"),
    float: ("float", "complex"),
    complex: ("float", "complex"),
}


def check_category(name: str, dtype: DType, category: str) -> None:
    """Refuse a dtype that the standard does not define a function for."""
    if dtype.kind not in CATEGORIES[category]:
        what = tr(
            f"{name}: expected a dtype of kind {category}, found {dtype.name}.",
            f"{name}：数据类型应为 {category}，得到 {dtype.name}。",
        )
        raise DTypeError(teach(what, tr("convert: astype(x, dtype)", "请转换：astype(x, dtype)")))


def common(a: DType, b: DType) -> DType:
    """The standard's table: kinds do not mix, but for real and complex numbers."""
    mixed = a.kind != b.kind and {a.kind, b.kind} not in ({"int", "uint"}, {"float", "complex"})
    lost = uint64 in (a, b) and "int" in (a.kind, b.kind)
    if mixed or lost:
        what = tr(
            f"{a.name} and {b.name} have no common dtype.",
            f"{a.name} 与 {b.name} 没有共同的数据类型。",
        )
        help = tr("convert one of them: astype(x, dtype)", "请转换其中之一：astype(x, dtype)")
        raise DTypeError(teach(what, help))
    return promote(a, b)


def with_scalar(dtype: DType, value: complex) -> DType:
    """The dtype of an array and a Python number."""
    if dtype.kind not in _SCALARS[type(value)]:
        kind = type(value).__name__
        what = tr(
            f"a Python {kind} does not combine with an array of {dtype.name}.",
            f"Python {kind} 不能与 {dtype.name} 数组运算。",
        )
        raise DTypeError(teach(what, tr("convert the array first", "请先转换数组")))
    if isinstance(value, complex):
        return complex128 if dtype in (float64, complex128) else complex64
    return dtype


def is_scalar(value: Any) -> bool:
    """Whether it is a number of Python."""
    return type(value) in _SCALARS


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype that an operation on these arrays, dtypes and numbers has.

    Raises:
        DTypeError: the standard leaves their mixture undefined.

    Example:
        >>> import glia.array_api as xp
        >>> xp.result_type(xp.int8, xp.uint8)
        glia.int16
    """
    found: DType | None = None
    for item in arrays_and_dtypes:
        if not is_scalar(item):
            dtype = item.dtype if isinstance(item, Tensor) else checked_dtype(item)
            found = dtype if found is None else common(found, dtype)
    if found is None:
        what = tr(
            "result_type: expected at least one array or dtype.",
            "result_type：至少需要一个数组或数据类型。",
        )
        raise ArgumentError(teach(what))
    for item in arrays_and_dtypes:
        if is_scalar(item):
            found = with_scalar(found, item)
    return found


def checked_dtype(dtype: Any) -> DType:
    """One of this namespace's dtypes; names and types of Python are not taken for one."""
    if not isinstance(dtype, DType):
        what = tr(
            f"expected a dtype of this namespace, found {dtype!r}.",
            f"应为本命名空间的数据类型，得到 {dtype!r}。",
        )
        raise DTypeError(teach(what, tr("for example xp.float32", "例如 xp.float32")))
    return dtype


def can_cast(from_: Any, to: DType, /) -> bool:
    """Whether promotion leads from one dtype (or an array's) to the other.

    Example:
        >>> import glia.array_api as xp
        >>> xp.can_cast(xp.int8, xp.int16), xp.can_cast(xp.float32, xp.int64)
        (True, False)
    """
    source = from_.dtype if isinstance(from_, Tensor) else checked_dtype(from_)
    try:
        return common(source, checked_dtype(to)) is to
    except DTypeError:
        return False


def astype(x: Array, dtype: DType, /, *, copy: bool = True, device: Any = None) -> Array:
    """``x`` in another dtype; complex numbers do not become real ones.

    Example:
        >>> import glia.array_api as xp
        >>> xp.astype(xp.asarray([1.5, -1.5]), xp.int8)
        tensor([ 1, -1], dtype=glia.int8)
    """
    check_device(device)
    target = checked_dtype(dtype)
    if x.dtype.is_complex and target.kind in ("int", "uint", "float"):
        what = tr(
            f"astype: {x.dtype.name} does not become {target.name}.",
            f"astype：{x.dtype.name} 不能转换为 {target.name}。",
        )
        raise DTypeError(teach(what, tr("take real(x) or imag(x)", "请取 real(x) 或 imag(x)")))
    if x.dtype is target:
        return of(x.clone()) if copy else of(x)
    return of(x.to(target))


@dataclass(frozen=True)
class FInfo:
    """Limits of a floating-point dtype; of a complex one, those of its parts."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True)
class IInfo:
    """Limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: DType


def _dtype_of(type: Any) -> DType:
    return type.dtype if isinstance(type, Tensor) else checked_dtype(type)


def finfo(type: Any, /) -> FInfo:
    """Limits of a floating-point dtype, or of an array's.

    Example:
        >>> import glia.array_api as xp
        >>> xp.finfo(xp.float32).bits
        32
    """
    dtype = _dtype_of(type)
    check_category("finfo", dtype, "floating")
    real = {complex64: float32, complex128: float64}.get(dtype, dtype)
    found = np.finfo(real.np)
    eps, most, least = float(found.eps), float(found.max), float(found.min)
    return FInfo(found.bits, eps, most, least, float(found.smallest_normal), real)


def iinfo(type: Any, /) -> IInfo:
    """Limits of an integer dtype, or of an array's.

    Example:
        >>> import glia.array_api as xp
        >>> xp.iinfo(xp.int8).max
        127
    """
    dtype = _dtype_of(type)
    check_category("iinfo", dtype, "integral")
    found = np.iinfo(dtype.np)
    return IInfo(found.bits, int(found.max), int(found.min), dtype)


def isdtype(dtype: DType, kind: Any) -> bool:
    """Whether a dtype is of a kind, is another dtype, or is one of several of them.

    Example:
        >>> import glia.array_api as xp
        >>> xp.isdtype(xp.float32, ("integral", "real floating"))
        True
    """
    checked_dtype(dtype)
    if isinstance(kind, tuple):
        return any([isdtype(dtype, one) for one in kind])
    if isinstance(kind, str):
        if kind not in KINDS:
            what = tr(f"isdtype: unknown kind {kind!r}.", f"isdtype：未知的种类 {kind!r}。")
            raise ArgumentError(teach(what, ", ".join(KINDS)))
        return dtype.kind in KINDS[kind]
    return dtype is checked_dtype(kind)


def number_dtype(value: complex) -> DType:
    """The default dtype of a Python number."""
    return {bool: bool_, int: int64, float: float32, complex: complex64}[type(value)]

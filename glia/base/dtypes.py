"""Number types: names, NumPy and LLVM spellings, promotion (PyTorch's rules)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glia.base.errors import DTypeError, teach


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """A number type. Compare with ``is`` or ``==``: there is one object per type."""

    name: str
    kind: str  # "bool", "int", "uint", "float" or "complex"
    itemsize: int  # bytes
    np: np.dtype
    llvm: str
    native: bool = True  # whether there is machine code for it, or NumPy does the work
    is_inexact: bool = False  # whether derivatives with respect to such numbers exist

    def __repr__(self) -> str:
        return f"glia.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    @property
    def is_floating_point(self) -> bool:
        return self.kind == "float"

    @property
    def is_signed(self) -> bool:
        return self.kind in ("int", "float", "complex")

    @property
    def is_complex(self) -> bool:
        return self.kind == "complex"

    def to_real(self) -> DType:
        """The dtype of the parts of a complex number; any other as it is."""
        return BY_NAME[f"float{self.itemsize * 4}"] if self.is_complex else self

    def to_complex(self) -> DType:
        """The dtype of complex numbers with such parts."""
        return self if self.is_complex else complex128 if self is float64 else complex64


def _make(name: str, kind: str, llvm: str, native: bool = True) -> DType:
    numpy_type = np.dtype(name)
    inexact = kind in ("float", "complex")
    return DType(name, kind, numpy_type.itemsize, numpy_type, llvm, native, inexact)


bool_ = _make("bool", "bool", "i8")
int8 = _make("int8", "int", "i8")
int16 = _make("int16", "int", "i16")
int32 = _make("int32", "int", "i32")
int64 = _make("int64", "int", "i64")
uint8 = _make("uint8", "uint", "i8")
uint16 = _make("uint16", "uint", "i16")
uint32 = _make("uint32", "uint", "i32")
uint64 = _make("uint64", "uint", "i64")
float16 = _make("float16", "float", "i16", native=False)
float32 = _make("float32", "float", "float")
float64 = _make("float64", "float", "double")
complex64 = _make("complex64", "complex", "i64", native=False)
complex128 = _make("complex128", "complex", "i128", native=False)

#: Those with native code; the others are kept as bits there, and NumPy works on them.
NATIVE = (bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64)
ALL = (*NATIVE, float16, complex64, complex128)
FLOATS = (float32, float64)
INTS = (int8, int16, int32, int64, uint8, uint16, uint32, uint64)
BY_NAME = {dtype.name: dtype for dtype in ALL}
_BY_NUMPY = {dtype.np: dtype for dtype in ALL}
_ALIASES = {
    "float": float32, "double": float64, "half": float16, "int": int32, "long": int64,
    "short": int16, "cfloat": complex64, "cdouble": complex128,
}  # fmt: skip
_PYTHON = {bool: bool_, int: int64, float: float32, complex: complex64}
_RANK = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}


def as_dtype(spec: object) -> DType:
    """A DType from a DType, a name, a Python type or a NumPy dtype."""
    if isinstance(spec, DType):
        return spec
    if isinstance(spec, str) and (spec in BY_NAME or spec in _ALIASES):
        return BY_NAME.get(spec) or _ALIASES[spec]
    if spec == "bfloat16":
        message = "bfloat16 is not offered: NumPy, which would hold it, has no such type."
        raise DTypeError(teach(message, "use float32, or float16 to store halves"))
    if isinstance(spec, type) and spec in _PYTHON:
        return _PYTHON[spec]
    try:
        return _BY_NUMPY[np.dtype(spec).newbyteorder("=")]  # type: ignore[call-overload]
    except (TypeError, KeyError):
        names = ", ".join(dtype.name for dtype in ALL)
        raise DTypeError(
            teach(f"expected a dtype, found {spec!r}.", f"use one of {names}")
        ) from None


def promote(a: DType, b: DType) -> DType:
    """The dtype both operands are cast to before a binary operation.

    >>> promote(int32, float32)
    glia.float32
    >>> promote(uint8, int8)
    glia.int16
    """
    if a is b:
        return a
    if _RANK[a.kind] != _RANK[b.kind]:
        high, low = (a, b) if _RANK[a.kind] > _RANK[b.kind] else (b, a)
        return complex128 if high.is_complex and low is float64 else high
    if a.kind == b.kind:
        return a if a.itemsize > b.itemsize else b
    signed, unsigned = (a, b) if a.kind == "int" else (b, a)
    if signed.itemsize > unsigned.itemsize:
        return signed
    return BY_NAME[f"int{min(64, unsigned.itemsize * 16)}"]


def promote_scalar(dtype: DType, value: bool | int | float | complex) -> DType:
    """The dtype of ``tensor (op) value``: a Python number never widens within its kind."""
    if isinstance(value, bool):
        return dtype
    if isinstance(value, int):
        return int64 if dtype is bool_ else dtype
    if isinstance(value, complex):
        return dtype.to_complex()
    return dtype if dtype.is_inexact else float32

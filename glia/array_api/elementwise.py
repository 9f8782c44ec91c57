"""Functions of the elements at one place: the standard's names and dtypes over a tensor's methods.

Every function is one line of a table: the dtypes it takes, its formula, the method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glia.array_api.arguments import array, cast, operands, recorded, scalar
from glia.array_api.array import Array, from_array, hosted, of, plain
from glia.array_api.data_types import check_category, is_scalar, with_scalar
from glia.base.errors import DTypeError
from glia.ir import build
from glia.tensor.tensor import Tensor

Unary = Callable[[Array], Array]
Binary = Callable[[Any, Any], Array]


def _compute(method: str, numpy: Callable[..., Any], *arrays: Array) -> Array:
    """A tensor's method; for dtypes it does not know, NumPy's function."""
    found = getattr(Tensor, method, None)
    if found is not None:
        try:
            return of(found(*[plain(one) for one in arrays]))
        except DTypeError:
            if arrays[0].dtype.kind != "complex":
                raise
    return hosted(numpy, *arrays)


def _unary(
    name: str,
    category: str,
    formula: str,
    method: str,
    numpy: Callable[..., Any],
    whole: Callable[[Array], Array] | None = None,
) -> Unary:
    """A function of one array; ``whole`` is what it does to integers, if not the same."""

    def function(x: Array, /) -> Array:
        x = array(name, x, category)
        if whole is not None and x.dtype.kind in ("int", "uint"):
            return whole(x)
        return _compute(method, numpy, x)

    return _named(function, name, f"``{formula}`` of every element; x: {category}.")


def _binary(
    name: str, category: str, formula: str, method: str, numpy: Callable[..., Any]
) -> Binary:
    """A function of two arrays, or of an array and a number."""

    def function(x1: Array | complex, x2: Array | complex, /) -> Array:
        return _compute(method, numpy, *operands(name, x1, x2, category))

    return _named(function, name, f"``{formula}``, elements paired by broadcasting; {category}.")


def _named(function: Any, name: str, text: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = text
    return function


def _same(x: Array) -> Array:
    return of(x.clone())


def _everywhere(value: bool) -> Unary:
    def function(x: Array) -> Array:
        return from_array(np.full(x.shape, value))

    return function


abs = _unary("abs", "numeric", "|x|", "abs", np.abs)
acos = _unary("acos", "floating", "arccos x", "acos", np.arccos)
acosh = _unary("acosh", "floating", "arcosh x", "acosh", np.arccosh)
asin = _unary("asin", "floating", "arcsin x", "asin", np.arcsin)
asinh = _unary("asinh", "floating", "arsinh x", "asinh", np.arcsinh)
atan = _unary("atan", "floating", "arctan x", "atan", np.arctan)
atanh = _unary("atanh", "floating", "artanh x", "atanh", np.arctanh)
bitwise_invert = _unary(
    "bitwise_invert", "integer or boolean", "¬x", "bitwise_not", np.bitwise_invert
)
ceil = _unary("ceil", "real", "⌈x⌉", "ceil", np.ceil, _same)
conj = _unary("conj", "numeric", "x̄", "conj", np.conj)
cos = _unary("cos", "floating", "cos x", "cos", np.cos)
cosh = _unary("cosh", "floating", "cosh x", "cosh", np.cosh)
exp = _unary("exp", "floating", "eˣ", "exp", np.exp)
expm1 = _unary("expm1", "floating", "eˣ - 1", "expm1", np.expm1)
floor = _unary("floor", "real", "⌊x⌋", "floor", np.floor, _same)
isfinite = _unary("isfinite", "numeric", "|x| < ∞", "isfinite", np.isfinite, _everywhere(True))
isinf = _unary("isinf", "numeric", "|x| = ∞", "isinf", np.isinf, _everywhere(False))
isnan = _unary("isnan", "numeric", "x ≠ x", "isnan", np.isnan, _everywhere(False))
log = _unary("log", "floating", "ln x", "log", np.log)
log10 = _unary("log10", "floating", "log₁₀ x", "log10", np.log10)
log1p = _unary("log1p", "floating", "ln(1 + x)", "log1p", np.log1p)
log2 = _unary("log2", "floating", "log₂ x", "log2", np.log2)
logical_not = _unary("logical_not", "boolean", "¬x", "logical_not", np.logical_not)
negative = _unary("negative", "numeric", "-x", "__neg__", np.negative)
positive = _unary("positive", "numeric", "x", "clone", np.positive)
reciprocal = _unary("reciprocal", "floating", "1 / x", "reciprocal", np.reciprocal)
round = _unary("round", "numeric", "x to the nearest integer", "round", np.round, _same)
sign = _unary("sign", "numeric", "x / |x|, or 0", "sgn", np.sign)
signbit = _unary("signbit", "real floating", "whether the sign is -", "signbit", np.signbit)
sin = _unary("sin", "floating", "sin x", "sin", np.sin)
sinh = _unary("sinh", "floating", "sinh x", "sinh", np.sinh)
sqrt = _unary("sqrt", "floating", "√x", "sqrt", np.sqrt)
square = _unary("square", "numeric", "x²", "square", np.square)
tan = _unary("tan", "floating", "tan x", "tan", np.tan)
tanh = _unary("tanh", "floating", "tanh x", "tanh", np.tanh)
trunc = _unary("trunc", "real", "x towards 0", "trunc", np.trunc, _same)

add = _binary("add", "numeric", "a + b", "__add__", np.add)
atan2 = _binary("atan2", "real floating", "the angle of (b, a)", "atan2", np.arctan2)
bitwise_and = _binary("bitwise_and", "integer or boolean", "a ∧ b", "bitwise_and", np.bitwise_and)
bitwise_left_shift = _binary(
    "bitwise_left_shift", "integer", "a · 2ᵇ", "bitwise_left_shift", np.left_shift
)
bitwise_or = _binary("bitwise_or", "integer or boolean", "a ∨ b", "bitwise_or", np.bitwise_or)
bitwise_right_shift = _binary(
    "bitwise_right_shift", "integer", "⌊a / 2ᵇ⌋", "bitwise_right_shift", np.right_shift
)
bitwise_xor = _binary("bitwise_xor", "integer or boolean", "a ⊕ b", "bitwise_xor", np.bitwise_xor)
copysign = _binary("copysign", "real floating", "|a| · sign b", "copysign", np.copysign)
divide = _binary("divide", "floating", "a / b", "__truediv__", np.divide)
equal = _binary("equal", "any", "a = b", "__eq__", np.equal)
greater = _binary("greater", "real", "a > b", "__gt__", np.greater)
greater_equal = _binary("greater_equal", "real", "a ≥ b", "__ge__", np.greater_equal)
hypot = _binary("hypot", "real floating", "√(a² + b²)", "hypot", np.hypot)
less = _binary("less", "real", "a < b", "__lt__", np.less)
less_equal = _binary("less_equal", "real", "a ≤ b", "__le__", np.less_equal)
logaddexp = _binary("logaddexp", "real floating", "ln(eᵃ + eᵇ)", "logaddexp", np.logaddexp)
logical_and = _binary("logical_and", "boolean", "a ∧ b", "logical_and", np.logical_and)
logical_or = _binary("logical_or", "boolean", "a ∨ b", "logical_or", np.logical_or)
logical_xor = _binary("logical_xor", "boolean", "a ⊕ b", "logical_xor", np.logical_xor)
maximum = _binary("maximum", "real", "max(a, b)", "maximum", np.maximum)
minimum = _binary("minimum", "real", "min(a, b)", "minimum", np.minimum)
multiply = _binary("multiply", "numeric", "a b", "__mul__", np.multiply)
nextafter = _binary(
    "nextafter", "real floating", "the number next to a towards b", "nextafter", np.nextafter
)
not_equal = _binary("not_equal", "any", "a ≠ b", "__ne__", np.not_equal)
pow = _binary("pow", "numeric", "aᵇ", "__pow__", np.pow)
remainder = _binary("remainder", "real", "a mod b, with the sign of b", "__mod__", np.remainder)
subtract = _binary("subtract", "numeric", "a - b", "__sub__", np.subtract)


def floor_divide(x1: Array | float, x2: Array | float, /) -> Array:
    """``⌊a / b⌋``, elements paired by broadcasting; an infinite a stays infinite; real."""
    a, b = operands("floor_divide", x1, x2, "real")
    found = of(plain(a) // plain(b))
    if a.dtype.kind != "float":
        return found
    return recorded(build.where, isinf(a), divide(a, b), found)


def real(x: Array, /) -> Array:
    """The real part of every element; of a real number, itself."""
    x = array("real", x, "numeric")
    return of(x.real) if x.dtype.is_complex else _same(x)


def imag(x: Array, /) -> Array:
    """The imaginary part of every element; of a real number, 0."""
    x = array("imag", x, "numeric")
    return of(x.imag) if x.dtype.is_complex else from_array(np.zeros(x.shape, x.dtype.np))


def clip(
    x: Array,
    /,
    min: Array | float | None = None,
    max: Array | float | None = None,
) -> Array:
    """Every element held between bounds, in the dtype of ``x``; a NaN on any side stays.

    Raises:
        DTypeError: bounds of another kind than ``x``.

    Example:
        >>> import glia.array_api as xp
        >>> xp.clip(xp.asarray([1, 5, 9]), 2, 6)
        tensor([2, 5, 6])
    """
    found = array("clip", x, "real")
    for bound, hold in ((min, build.maximum), (max, build.minimum)):
        if bound is not None:
            found = recorded(hold, found, _bound(bound, found))
    return _same(found) if min is None and max is None else found


def _bound(bound: Any, x: Array) -> Array:
    """A bound in the dtype of ``x``; integers beyond its limits hold nothing back."""
    if not is_scalar(bound):
        given = array("clip", bound, "real")
        check_category(
            "clip", given.dtype, "real floating" if x.dtype.kind == "float" else "integer"
        )
        return cast(given, x.dtype)
    with_scalar(x.dtype, bound)
    if x.dtype.kind in ("int", "uint"):
        limits = np.iinfo(x.dtype.np)
        bound = builtin_max(limits.min, builtin_min(limits.max, bound))
    return scalar(bound, x.dtype)


def builtin_max(a: int, b: int) -> int:
    return a if a > b else b


def builtin_min(a: int, b: int) -> int:
    return a if a < b else b


def where(condition: Array, x1: Any, x2: Any, /) -> Array:
    """Elements of ``x1`` where the condition holds, else of ``x2``; one may be a number.

    Example:
        >>> import glia.array_api as xp
        >>> x = xp.asarray([1.0, -2.0])
        >>> xp.where(x > 0, x, 0.0)
        tensor([1., 0.])
    """
    holds = array("where", condition, "boolean")
    return recorded(build.where, holds, *operands("where", x1, x2, "any"))

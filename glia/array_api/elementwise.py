"""Functions of the elements at one place: the standard's names and dtypes over a tensor's methods.

Every function is one line of a table: the dtypes it takes, its formula, the method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glia.array_api.arguments import array, cast, operands, recorded, scalar
from glia.array_api.array import Array, from_array, of, plain
from glia.array_api.data_types import check_category, is_scalar, with_scalar
from glia.array_api.examples import example
from glia.ir import build
from glia.tensor.tensor import Tensor

Unary = Callable[[Array], Array]
Binary = Callable[[Any, Any], Array]


def _compute(method: str, *arrays: Array) -> Array:
    """What a tensor's method gives."""
    return of(getattr(Tensor, method)(*[plain(one) for one in arrays]))


def _unary(
    name: str,
    category: str,
    formula: str,
    method: str,
    whole: Callable[[Array], Array] | None = None,
) -> Unary:
    """A function of one array; ``whole`` is what it does to integers, if not the same."""

    def function(x: Array, /) -> Array:
        x = array(name, x, category)
        if whole is not None and x.dtype.kind in ("int", "uint"):
            return whole(x)
        return _compute(method, x)

    return _named(function, name, f"``{formula}`` of every element; x: {category}.")


def _binary(name: str, category: str, formula: str, method: str) -> Binary:
    """A function of two arrays, or of an array and a number."""

    def function(x1: Array | complex, x2: Array | complex, /) -> Array:
        return _compute(method, *operands(name, x1, x2, category))

    return _named(function, name, f"``{formula}``, elements paired by broadcasting; {category}.")


def _named(function: Any, name: str, text: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}\n\n    {example(name)}"
    return function


def _same(x: Array) -> Array:
    return of(x.clone())


def _everywhere(value: bool) -> Unary:
    def function(x: Array) -> Array:
        return from_array(np.full(x.shape, value))

    return function


abs = _unary("abs", "numeric", "|x|", "abs")
acos = _unary("acos", "floating", "arccos x", "acos")
acosh = _unary("acosh", "floating", "arcosh x", "acosh")
asin = _unary("asin", "floating", "arcsin x", "asin")
asinh = _unary("asinh", "floating", "arsinh x", "asinh")
atan = _unary("atan", "floating", "arctan x", "atan")
atanh = _unary("atanh", "floating", "artanh x", "atanh")
bitwise_invert = _unary("bitwise_invert", "integer or boolean", "¬x", "bitwise_not")
ceil = _unary("ceil", "real", "⌈x⌉", "ceil", _same)
conj = _unary("conj", "numeric", "x̄", "conj")
cos = _unary("cos", "floating", "cos x", "cos")
cosh = _unary("cosh", "floating", "cosh x", "cosh")
exp = _unary("exp", "floating", "eˣ", "exp")
expm1 = _unary("expm1", "floating", "eˣ - 1", "expm1")
floor = _unary("floor", "real", "⌊x⌋", "floor", _same)
isfinite = _unary("isfinite", "numeric", "|x| < ∞", "isfinite", _everywhere(True))
isinf = _unary("isinf", "numeric", "|x| = ∞", "isinf", _everywhere(False))
isnan = _unary("isnan", "numeric", "x ≠ x", "isnan", _everywhere(False))
log = _unary("log", "floating", "ln x", "log")
log10 = _unary("log10", "floating", "log₁₀ x", "log10")
log1p = _unary("log1p", "floating", "ln(1 + x)", "log1p")
log2 = _unary("log2", "floating", "log₂ x", "log2")
logical_not = _unary("logical_not", "boolean", "¬x", "logical_not")
negative = _unary("negative", "numeric", "-x", "__neg__")
positive = _unary("positive", "numeric", "x", "clone")
reciprocal = _unary("reciprocal", "floating", "1 / x", "reciprocal")
sign = _unary("sign", "numeric", "x / |x|, or 0", "sgn")
signbit = _unary("signbit", "real floating", "whether the sign is -", "signbit")
sin = _unary("sin", "floating", "sin x", "sin")
sinh = _unary("sinh", "floating", "sinh x", "sinh")
sqrt = _unary("sqrt", "floating", "√x", "sqrt")
square = _unary("square", "numeric", "x²", "square")
tan = _unary("tan", "floating", "tan x", "tan")
tanh = _unary("tanh", "floating", "tanh x", "tanh")
trunc = _unary("trunc", "real", "x towards 0", "trunc", _same)

add = _binary("add", "numeric", "a + b", "__add__")
atan2 = _binary("atan2", "real floating", "the angle of (b, a)", "atan2")
bitwise_and = _binary("bitwise_and", "integer or boolean", "a ∧ b", "bitwise_and")
bitwise_left_shift = _binary("bitwise_left_shift", "integer", "a · 2ᵇ", "bitwise_left_shift")
bitwise_or = _binary("bitwise_or", "integer or boolean", "a ∨ b", "bitwise_or")
bitwise_right_shift = _binary("bitwise_right_shift", "integer", "⌊a / 2ᵇ⌋", "bitwise_right_shift")
bitwise_xor = _binary("bitwise_xor", "integer or boolean", "a ⊕ b", "bitwise_xor")
copysign = _binary("copysign", "real floating", "|a| · sign b", "copysign")
divide = _binary("divide", "floating", "a / b", "__truediv__")
equal = _binary("equal", "any", "a = b", "__eq__")
greater = _binary("greater", "real", "a > b", "__gt__")
greater_equal = _binary("greater_equal", "real", "a ≥ b", "__ge__")
hypot = _binary("hypot", "real floating", "√(a² + b²)", "hypot")
less = _binary("less", "real", "a < b", "__lt__")
less_equal = _binary("less_equal", "real", "a ≤ b", "__le__")
logaddexp = _binary("logaddexp", "real floating", "ln(eᵃ + eᵇ)", "logaddexp")
logical_and = _binary("logical_and", "boolean", "a ∧ b", "logical_and")
logical_or = _binary("logical_or", "boolean", "a ∨ b", "logical_or")
logical_xor = _binary("logical_xor", "boolean", "a ⊕ b", "logical_xor")
maximum = _binary("maximum", "real", "max(a, b)", "maximum")
minimum = _binary("minimum", "real", "min(a, b)", "minimum")
multiply = _binary("multiply", "numeric", "a b", "__mul__")
nextafter = _binary("nextafter", "real floating", "the number next to a towards b", "nextafter")
not_equal = _binary("not_equal", "any", "a ≠ b", "__ne__")
pow = _binary("pow", "numeric", "aᵇ", "__pow__")
remainder = _binary("remainder", "real", "a mod b, with the sign of b", "__mod__")
subtract = _binary("subtract", "numeric", "a - b", "__sub__")


def floor_divide(x1: Array | float, x2: Array | float, /) -> Array:
    """``⌊a / b⌋``, elements paired by broadcasting; an infinite a stays infinite; real.

    >>> import glia.array_api as xp
    >>> xp.floor_divide(xp.asarray([-5.0, 5.0, xp.inf]), 3)
    tensor([-2.,  1., inf])
    """
    a, b = operands("floor_divide", x1, x2, "real")
    found = of(plain(a) // plain(b))
    if a.dtype.kind != "float":
        return found
    return recorded(build.where, isinf(a), divide(a, b), found)


def round(x: Array, /) -> Array:
    """Every element to the nearest integer, of two the even one; of complex numbers both parts.

    >>> import glia.array_api as xp
    >>> xp.round(xp.asarray([0.5, 1.5, 2.6]))
    tensor([0., 2., 3.])
    """
    x = array("round", x, "numeric")
    if x.dtype.is_complex:
        return of(plain(x).view_as_real().round().view_as_complex())
    return of(plain(x).round()) if x.dtype.kind == "float" else _same(x)


def real(x: Array, /) -> Array:
    """The real part of every element; of a real number, itself.

    >>> import glia.array_api as xp
    >>> xp.real(xp.asarray([1 + 2j]))
    tensor([1.])
    """
    x = array("real", x, "numeric")
    return of(x.real) if x.dtype.is_complex else _same(x)


def imag(x: Array, /) -> Array:
    """The imaginary part of every element; of a real number, 0.

    >>> import glia.array_api as xp
    >>> xp.imag(xp.asarray([1 + 2j])), xp.imag(xp.asarray([3.0]))
    (tensor([2.]), tensor([0.]))
    """
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

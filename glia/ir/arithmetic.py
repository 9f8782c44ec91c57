"""Arithmetic beyond the four operations: rounding, remainders, limits, bits, kinds of number."""

from __future__ import annotations

import math

import numpy as np

from glia.base.dtypes import bool_, complex128, float32, float64
from glia.base.errors import DTypeError, teach
from glia.ir.build import (
    Operand,
    abs_,
    add,
    binary,
    cast,
    detach,
    div,
    eq,
    floor_divide,
    full,
    ge,
    gt,
    le,
    logical_not,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    pair,
    power,
    round_,
    sub,
    to_float,
    where,
)
from glia.ir.expr import Expr, intern
from glia.ir.ops import elementwise as _e
from glia.ir.ops import functions as _f
from glia.ir.ops import whole as _w
from glia.ir.ops.complex import imag, real


def floats(a: Operand, b: Operand) -> tuple[Expr, Expr]:
    """Both operands as floating-point numbers of one dtype and shape."""
    a, b = pair(a, b)
    return to_float(a), to_float(b)


def _integers(name: str, a: Operand, b: Operand, bools: bool = True) -> tuple[Expr, Expr]:
    a, b = pair(a, b)
    if a.dtype.kind not in ("int", "uint") and not (bools and a.dtype is bool_):
        message = f"{name}: expected whole numbers, found {a.dtype.name}."
        raise DTypeError(teach(message, "convert with .to(dtype)"))
    return a, b


# Rounding and remainders


def trunc(x: Expr) -> Expr:
    """Towards zero."""
    return intern(_f.TRUNC, (x,)) if x.dtype.kind == "float" else x


def frac(x: Expr) -> Expr:
    """What ``trunc`` takes away."""
    return sub(x, intern(_f.TRUNC, (x,)))


def round_to(x: Expr, decimals: int) -> Expr:
    """To so many decimal places; where the scaled number is infinite, ``x`` stays."""
    if decimals == 0:
        return round_(x)
    if x.dtype.kind != "float":
        message = f"round: expected a floating-point tensor with decimals, found {x.dtype.name}."
        raise DTypeError(teach(message, "convert first: x.float().round(decimals=...)"))
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return div(round_(mul(x, scale)), scale)
    return mul(round_(div(x, scale)), scale)


def fmod(a: Operand, b: Operand) -> Expr:
    """The remainder with the sign of ``a``."""
    return binary(_f.FMOD, a, b)


def divide_towards_zero(a: Operand, b: Operand) -> Expr:
    a, b = pair(a, b)
    if a.dtype.kind == "float":
        return trunc(div(a, b))
    if a.dtype is bool_:
        a, b = cast(a, float32), cast(b, float32)
        return trunc(div(a, b))
    return floor_divide(sub(a, fmod(a, b)), b)


def divide_down(a: Operand, b: Operand) -> Expr:
    """``floor_divide``, constant for derivatives, as PyTorch's division with that rounding."""
    a, b = pair(a, b)
    return floor_divide(detach(a), detach(b))


# Limits


def at_least(x: Operand, low: Operand) -> Expr:
    """``x`` where it is not below ``low``; NaN stays; at a tie ``x`` has the gradient."""
    x, low = pair(x, low)
    keeps = ge(x, low)
    return where(or_nan(keeps, x), x, low)


def at_most(x: Operand, high: Operand) -> Expr:
    x, high = pair(x, high)
    return where(or_nan(le(x, high), x), x, high)


def or_nan(flag: Expr, x: Expr) -> Expr:
    return add(flag, ne(x, x)) if x.dtype.kind == "float" else flag


def greater(a: Operand, b: Operand) -> Expr:
    """The maximum, also of bools."""
    a, b = pair(a, b)
    return intern(_e.OR, (a, b)) if a.dtype is bool_ else maximum(a, b)


def smaller(a: Operand, b: Operand) -> Expr:
    """The minimum, also of bools."""
    a, b = pair(a, b)
    return intern(_e.AND, (a, b)) if a.dtype is bool_ else minimum(a, b)


def fmax(a: Operand, b: Operand) -> Expr:
    """The larger; of NaN and a number the number."""
    a, b = pair(a, b)
    return where(or_nan(ge(a, b), b), a, b)


def fmin(a: Operand, b: Operand) -> Expr:
    """The smaller; of NaN and a number the number."""
    a, b = pair(a, b)
    return where(or_nan(le(a, b), b), a, b)


# Powers and products


def checked_power(a: Operand, b: Operand) -> Expr:
    """``a ** b``; PyTorch's errors for whole numbers."""
    whole = isinstance(a, Expr) and a.dtype.kind in ("int", "uint", "bool")
    if whole and isinstance(b, int) and not isinstance(b, bool) and b < 0:
        message = f"pow: integers to negative powers are not whole, found exponent {b}."
        raise DTypeError(teach(message, "convert first: x.float()"))
    if isinstance(a, Expr) and a.dtype is bool_ and isinstance(b, int) and not isinstance(b, bool):
        a = cast(a, pair(a, b)[0].dtype)
    return power(a, b)


def float_power(a: Operand, b: Operand) -> Expr:
    """``a ** b`` in float64 (complex128)."""
    a, b = pair(a, b)
    wide = complex128 if a.dtype.is_complex else float64
    return power(cast(a, wide), cast(b, wide))


def ldexp(x: Expr, n: Operand) -> Expr:
    """``x · 2ⁿ``."""
    x = to_float(x)
    if not isinstance(n, Expr):
        return mul(x, 2.0**n)
    exponent = n if n.dtype.is_inexact else cast(n, x.dtype)
    return mul(x, intern(_f.EXP2, (exponent,)))


def hypot(a: Operand, b: Operand) -> Expr:
    return intern(_f.HYPOT, floats(a, b))


def atan2(a: Operand, b: Operand) -> Expr:
    return intern(_f.ATAN2, floats(a, b))


def lerp(start: Expr, end: Expr, weight: Operand) -> Expr:
    """``start + weight (end - start)``, from the nearer side."""
    span = sub(end, start)
    if not isinstance(weight, Expr):
        if abs(weight) < 0.5:
            return add(start, mul(span, weight))
        return sub(end, mul(span, 1 - weight))
    near = add(start, mul(weight, span))
    far = sub(end, mul(span, sub(1.0, weight)))
    return where(lt(abs_(weight), 0.5), near, far)


def reciprocal(x: Expr) -> Expr:
    return div(1.0, x)


def degrees(x: Expr) -> Expr:
    return mul(to_float(x), 180.0 / math.pi)


def radians(x: Expr) -> Expr:
    return mul(to_float(x), math.pi / 180.0)


# Signs and neighbours


def copysign(a: Operand, b: Operand) -> Expr:
    return intern(_f.COPYSIGN, floats(a, b))


def signbit(x: Expr) -> Expr:
    if x.dtype.kind != "float":
        return lt(x, 0) if x.dtype.kind == "int" else full(x.shape, False, bool_)
    return lt(copysign(full(x.shape, 1.0, x.dtype), x), 0.0)


def nextafter(a: Operand, b: Operand) -> Expr:
    return binary(_f.NEXTAFTER, a, b)


def heaviside(x: Operand, values: Operand) -> Expr:
    """0 below 0, 1 above, ``values`` at 0."""
    x, values = pair(x, values)
    return where(eq(x, 0), values, cast(gt(x, 0), x.dtype))


# Kinds of number


def isnan(x: Expr) -> Expr:
    return ne(x, x)


def isinf(x: Expr) -> Expr:
    if not x.dtype.is_inexact:
        return full(x.shape, False, bool_)
    return eq(_size(x), math.inf)


def isfinite(x: Expr) -> Expr:
    if not x.dtype.is_inexact:
        return full(x.shape, True, bool_)
    return lt(_size(x), math.inf)


def _size(x: Expr) -> Expr:
    if not x.dtype.is_complex:
        return abs_(x)
    return maximum(abs_(real(x)), abs_(imag(x)))


def isposinf(x: Expr) -> Expr:
    return eq(x, math.inf) if x.dtype.kind == "float" else full(x.shape, False, bool_)


def isneginf(x: Expr) -> Expr:
    return eq(x, -math.inf) if x.dtype.kind == "float" else full(x.shape, False, bool_)


def isreal(x: Expr) -> Expr:
    return eq(imag(x), 0.0) if x.dtype.is_complex else full(x.shape, True, bool_)


def isclose(a: Expr, b: Expr, rtol: float, atol: float, equal_nan: bool) -> Expr:
    """``a = b``, or ``|a - b| ≤ atol + rtol |b|`` and both finite."""
    if a.dtype is not b.dtype:
        message = f"isclose: expected equal dtypes, found {a.dtype.name} and {b.dtype.name}."
        raise DTypeError(teach(message, "convert with .to(dtype)"))
    close = eq(a, b)
    if equal_nan and a.dtype.is_inexact:
        close = add(close, mul(isnan(a), isnan(b)))
    if rtol == 0 and atol == 0:
        return close
    a, b = to_float(a), to_float(b)
    error = abs_(sub(a, b))
    near = le(error, add(abs_(mul(b, rtol)), atol))
    return add(close, mul(near, lt(error, math.inf)))


def nan_to_num(x: Expr, nan: float, posinf: float | None, neginf: float | None) -> Expr:
    """Numbers in place of NaN and infinities (by default the largest of the dtype)."""
    if x.dtype.kind != "float":
        return x
    most = float(np.finfo(x.dtype.np).max)
    x = where(isnan(x), nan, x)
    x = where(eq(x, math.inf), most if posinf is None else posinf, x)
    return where(eq(x, -math.inf), -most if neginf is None else neginf, x)


# Bits


def bitwise_not(x: Expr) -> Expr:
    if x.dtype is bool_:
        return logical_not(x)
    _integers("bitwise_not", x, x)
    return intern(_e.XOR, (x, full(x.shape, _ones(x), x.dtype)))


def _ones(x: Expr) -> int:
    return -1 if x.dtype.kind == "int" else 2 ** (8 * x.dtype.itemsize) - 1


def bitwise_and(a: Operand, b: Operand) -> Expr:
    return intern(_e.AND, _integers("bitwise_and", a, b))


def bitwise_or(a: Operand, b: Operand) -> Expr:
    return intern(_e.OR, _integers("bitwise_or", a, b))


def bitwise_xor(a: Operand, b: Operand) -> Expr:
    return intern(_e.XOR, _integers("bitwise_xor", a, b))


def left_shift(a: Operand, b: Operand) -> Expr:
    """``a · 2ᵇ``; a shift below 0 or of all bits gives 0."""
    return intern(_e.SHL, _integers("bitwise_left_shift", a, b, False))


def right_shift(a: Operand, b: Operand) -> Expr:
    """``⌊a / 2ᵇ⌋``; a shift below 0 counts as one of all bits."""
    return intern(_e.SHR, _integers("bitwise_right_shift", a, b, False))


def _truths(a: Operand, b: Operand) -> tuple[Expr, Expr]:
    a, b = pair(a, b)
    return cast(a, bool_), cast(b, bool_)


def logical_and(a: Operand, b: Operand) -> Expr:
    return intern(_e.AND, _truths(a, b))


def logical_or(a: Operand, b: Operand) -> Expr:
    return intern(_e.OR, _truths(a, b))


def logical_xor(a: Operand, b: Operand) -> Expr:
    return intern(_e.XOR, _truths(a, b))


def gcd(a: Operand, b: Operand) -> Expr:
    """The greatest common divisor, never negative."""
    return intern(_w.GCD, _integers("gcd", a, b, False))


def lcm(a: Operand, b: Operand) -> Expr:
    """The least common multiple, never negative; 0 with 0."""
    a, b = _integers("lcm", a, b, False)
    return abs_(mul(floor_divide(a, intern(_w.GCD, (a, b))), b))

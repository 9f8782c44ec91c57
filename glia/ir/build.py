"""Expressions from expressions, as people write them: promotion, broadcasting, composed ops.

The primitives are strict (equal shapes, equal dtypes); these functions are not.
"""

from __future__ import annotations

import math

from glia.base.dtypes import DType, bool_, float32, int64, promote, promote_scalar
from glia.base.errors import DTypeError, teach
from glia.base.shapes import Shape, broadcast, normalize_dim, normalize_dims, numel
from glia.ir.expr import Expr, intern
from glia.ir.ops import elementwise as _e
from glia.ir.ops import reduce as _r
from glia.ir.ops.complex import conj, real
from glia.ir.ops.source import const
from glia.ir.ops.view import broadcast_to, permute, reshape
from glia.ir.table import Op

Scalar = bool | int | float | complex
Operand = Expr | Scalar


def cast(x: Expr, dtype: DType) -> Expr:
    """``x`` in another dtype."""
    return x if x.dtype is dtype else intern(_e.CAST, (x,), (dtype,))


def full(shape: Shape, value: Scalar, dtype: DType) -> Expr:
    """A tensor of one value; it takes no memory."""
    return broadcast_to(const(value, dtype), shape)


def pair(a: Operand, b: Operand) -> tuple[Expr, Expr]:
    """Both operands in their common dtype and shape."""
    if not isinstance(a, Expr):
        if not isinstance(b, Expr):
            raise TypeError("expected at least one expression")
        a = const(a, promote_scalar(b.dtype, a))
    elif not isinstance(b, Expr):
        b = const(b, promote_scalar(a.dtype, b))
    if a.shape == b.shape and a.dtype is b.dtype:
        return a, b
    dtype = _common(a, b)
    shape = broadcast(a.shape, b.shape)
    return broadcast_to(cast(a, dtype), shape), broadcast_to(cast(b, dtype), shape)


def _common(a: Expr, b: Expr) -> DType:
    """PyTorch's rule: a 0-d tensor does not widen a tensor of the same kind."""
    if a.dtype is b.dtype:
        return a.dtype
    for one, other in ((a, b), (b, a)):
        if one.ndim == 0 and other.ndim > 0:
            same = one.dtype.kind == other.dtype.kind
            lower = one.dtype.kind in ("bool", "int", "uint") and other.dtype.kind != "bool"
            if same or (lower and other.dtype.kind in ("int", "uint", "float")):
                return other.dtype
            if {one.dtype.kind, other.dtype.kind} == {"float", "complex"}:
                return other.dtype.to_complex()
    return promote(a.dtype, b.dtype)


def to_float(x: Expr) -> Expr:
    """Integers and bools become float32, floats and complex numbers stay."""
    return x if x.dtype.is_inexact else cast(x, float32)


def binary(row: Op, a: Operand, b: Operand) -> Expr:
    return intern(row, pair(a, b))


def add(a: Operand, b: Operand) -> Expr:
    a, b = pair(a, b)
    return intern(_e.OR if a.dtype is bool_ else _e.ADD, (a, b))


def sub(a: Operand, b: Operand) -> Expr:
    return binary(_e.SUB, a, b)


def mul(a: Operand, b: Operand) -> Expr:
    a, b = pair(a, b)
    return intern(_e.AND if a.dtype is bool_ else _e.MUL, (a, b))


def div(a: Operand, b: Operand) -> Expr:
    a, b = pair(a, b)
    return intern(_e.DIV, (to_float(a), to_float(b)))


def power(a: Operand, b: Operand) -> Expr:
    """``a ** b``; small constant powers become products."""
    if isinstance(a, Expr) and not isinstance(b, Expr):
        if b == 2:
            return mul(a, a)
        if b == 1:
            return a
        if b == 0.5:
            return sqrt(a)
        if b == -1 and a.dtype.is_inexact:
            return div(1.0, a)
        if b == 3:
            return mul(mul(a, a), a)
    return binary(_e.POW, a, b)


def maximum(a: Operand, b: Operand) -> Expr:
    a, b = pair(a, b)
    return intern(_e.OR if a.dtype is bool_ else _e.MAX, (a, b))


def minimum(a: Operand, b: Operand) -> Expr:
    a, b = pair(a, b)
    return intern(_e.AND if a.dtype is bool_ else _e.MIN, (a, b))


def remainder(a: Operand, b: Operand) -> Expr:
    return binary(_e.MOD, a, b)


def floor_divide(a: Operand, b: Operand) -> Expr:
    return binary(_e.FLOORDIV, a, b)


def lt(a: Operand, b: Operand) -> Expr:
    return binary(_e.LT, a, b)


def le(a: Operand, b: Operand) -> Expr:
    return binary(_e.LE, a, b)


def gt(a: Operand, b: Operand) -> Expr:
    a, b = pair(a, b)
    return intern(_e.LT, (b, a))


def ge(a: Operand, b: Operand) -> Expr:
    a, b = pair(a, b)
    return intern(_e.LE, (b, a))


def eq(a: Operand, b: Operand) -> Expr:
    return binary(_e.EQ, a, b)


def ne(a: Operand, b: Operand) -> Expr:
    return binary(_e.NE, a, b)


def logical_not(x: Expr) -> Expr:
    return intern(_e.NOT, (cast(x, bool_),))


def where(condition: Expr, a: Operand, b: Operand) -> Expr:
    """``a`` where the condition holds, else ``b``; the branch not taken gets gradient zero."""
    if not isinstance(a, Expr) and not isinstance(b, Expr):
        dtype = float32 if isinstance(a, float) or isinstance(b, float) else int64
        a, b = const(a, dtype), const(b, dtype)
    a, b = pair(a, b)
    shape = broadcast(condition.shape, a.shape)
    parts = (cast(condition, bool_), a, b)
    return intern(_e.WHERE, tuple(broadcast_to(part, shape) for part in parts))


def _float_unary(row: Op, x: Expr) -> Expr:
    return intern(row, (to_float(x),))


def neg(x: Expr) -> Expr:
    return intern(_e.NEG, (x,))


def abs_(x: Expr) -> Expr:
    return x if x.dtype.kind in ("uint", "bool") else intern(_e.ABS, (x,))


def sign(x: Expr) -> Expr:
    if x.dtype is bool_:
        return x
    if x.dtype.kind == "uint":
        return cast(ne(x, 0), x.dtype)
    return intern(_e.SIGN, (x,))


def floor(x: Expr) -> Expr:
    return intern(_e.FLOOR, (x,)) if x.dtype.is_inexact else x


def ceil(x: Expr) -> Expr:
    return intern(_e.CEIL, (x,)) if x.dtype.is_inexact else x


def round_(x: Expr) -> Expr:
    return intern(_e.ROUND, (x,)) if x.dtype.is_inexact else x


def sqrt(x: Expr) -> Expr:
    return _float_unary(_e.SQRT, x)


def rsqrt(x: Expr) -> Expr:
    return div(1.0, sqrt(x))


def exp(x: Expr) -> Expr:
    return _float_unary(_e.EXP, x)


def log(x: Expr) -> Expr:
    return _float_unary(_e.LOG, x)


def log1p(x: Expr) -> Expr:
    return _float_unary(_e.LOG1P, x)


def expm1(x: Expr) -> Expr:
    return _float_unary(_e.EXPM1, x)


def sin(x: Expr) -> Expr:
    return _float_unary(_e.SIN, x)


def cos(x: Expr) -> Expr:
    return _float_unary(_e.COS, x)


def tanh(x: Expr) -> Expr:
    return _float_unary(_e.TANH, x)


def erf(x: Expr) -> Expr:
    return _float_unary(_e.ERF, x)


def sigmoid(x: Expr) -> Expr:
    """``1 / (1 + e⁻ˣ)``, with full relative accuracy on both sides."""
    if x.dtype.is_complex:
        return div(1.0, add(1.0, exp(neg(x))))
    return _float_unary(_e.SIGMOID, x)


def relu(x: Expr) -> Expr:
    """``max(x, 0)``; NaN passes through, the derivative at 0 is 0."""
    if x.dtype.kind != "float":
        return maximum(x, 0)
    return intern(_e.RELU, (x,))


def softplus(x: Expr) -> Expr:
    """``ln(1 + eˣ)``, stable for large ``|x|``."""
    return add(maximum(x, 0), log1p(exp(neg(abs_(x)))))


# Reductions


def _drop(x: Expr, dims: Shape, keepdim: bool) -> Expr:
    if keepdim:
        return x
    return reshape(x, tuple(size for d, size in enumerate(x.shape) if d not in dims))


def reduce(row: Op, x: Expr, dims: int | Shape | None, keepdim: bool) -> Expr:
    found = normalize_dims(dims, x.ndim)
    return _drop(intern(row, (x,), (found,)) if found else x, found, keepdim)


def _wide(x: Expr, whole: DType) -> Expr:
    return x if x.dtype.is_inexact else cast(x, whole)


def sum_(
    x: Expr, dims: int | Shape | None = None, keepdim: bool = False, whole: DType = int64
) -> Expr:
    """Sum; bools and integers are added as ``whole``, in PyTorch int64."""
    return reduce(_r.SUM, _wide(x, whole), dims, keepdim)


def prod(
    x: Expr, dims: int | Shape | None = None, keepdim: bool = False, whole: DType = int64
) -> Expr:
    return reduce(_r.PROD, _wide(x, whole), dims, keepdim)


def amax(x: Expr, dims: int | Shape | None = None, keepdim: bool = False) -> Expr:
    return reduce(_r.RMAX, x, dims, keepdim)


def amin(x: Expr, dims: int | Shape | None = None, keepdim: bool = False) -> Expr:
    return reduce(_r.RMIN, x, dims, keepdim)


def argmax(x: Expr, dim: int | None = None, keepdim: bool = False) -> Expr:
    """Index of the first maximum (of the flattened tensor when ``dim`` is None)."""
    if dim is None:
        x, dim = reshape(x, (x.numel,)), 0
    dim = normalize_dim(dim, x.ndim)
    if x.ndim == 0:
        return const(0, int64)
    return cast(_drop(intern(_r.ARGMAX, (x,), (dim,)), (dim,), keepdim), int64)


def mean(x: Expr, dims: int | Shape | None = None, keepdim: bool = False) -> Expr:
    """Arithmetic mean of a floating-point tensor."""
    if not x.dtype.is_inexact:
        message = f"mean: expected a floating-point tensor, found {x.dtype.name}."
        raise DTypeError(teach(message, "convert first: x.float().mean()"))
    count = numel([x.shape[d] for d in normalize_dims(dims, x.ndim)])
    return div(sum_(x, dims, keepdim), float(count) if count else math.nan)


def var(
    x: Expr, dims: int | Shape | None = None, correction: float = 1, keepdim: bool = False
) -> Expr:
    """``Σ (x - mean)² / (n - correction)``."""
    found = normalize_dims(dims, x.ndim)
    count = numel([x.shape[d] for d in found])
    centred = sub(x, mean(x, found, True))
    total = sum_(real(mul(centred, conj(centred))), found, keepdim)
    return div(total, float(max(count - correction, 0)))


def logsumexp(x: Expr, dims: int | Shape | None, keepdim: bool = False) -> Expr:
    found, x = normalize_dims(dims, x.ndim), to_float(x)
    if not numel([x.shape[d] for d in found]):
        return log(sum_(x, found, keepdim))
    top = amax(x, found, True)
    top = where(lt(abs_(top), math.inf), top, 0.0)
    out = add(log(sum_(exp(sub(x, top)), found, True)), top)
    return _drop(out, found, keepdim)


def softmax(x: Expr, dim: int) -> Expr:
    """``e^(xᵢ - max x) / Σⱼ e^(xⱼ - max x)`` along ``dim``."""
    dim = normalize_dim(dim, x.ndim)
    if not x.numel:
        return to_float(x)
    e = exp(sub(x, detach(amax(x, dim, True))))
    return mul(e, div(1.0, sum_(e, dim, True)))


def log_softmax(x: Expr, dim: int) -> Expr:
    """``xᵢ - max x - ln Σⱼ e^(xⱼ - max x)`` along ``dim``."""
    dim = normalize_dim(dim, x.ndim)
    if not x.numel:
        return to_float(x)
    shifted, total = shifted_and_total(x, dim)
    return sub(shifted, log(total))


def shifted_and_total(x: Expr, dim: int) -> tuple[Expr, Expr]:
    """``s = x - max x`` along ``dim``, and ``Σ eˢ``: what softmax is made of."""
    shifted = sub(x, detach(amax(x, dim, True)))
    return shifted, sum_(exp(shifted), dim, True)


def detach(x: Expr) -> Expr:
    """The same values, through which no gradient flows."""
    if x.op.name in ("const", "iota"):
        return x
    return intern(_DETACH, (x,))


_DETACH = _e.register(
    Op(
        "detach",
        "view",
        "x, constant for derivatives",
        lambda inputs: (inputs[0].shape, inputs[0].dtype),
        lambda x: x,
        lambda node, g: (None,),
    )
)


def transpose(x: Expr, dim0: int, dim1: int) -> Expr:
    order = list(range(x.ndim))
    a, b = normalize_dim(dim0, x.ndim), normalize_dim(dim1, x.ndim)
    if x.ndim:
        order[a], order[b] = order[b], order[a]
    return permute(x, tuple(order))

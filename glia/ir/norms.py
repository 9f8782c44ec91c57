"""Norms of vectors and matrices. Where a norm has a kink its derivative is 0, as in PyTorch."""

from __future__ import annotations

import math

from glia.base.dtypes import DType
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.shapes import Shape, normalize_dim
from glia.ir import statistics
from glia.ir.build import (
    abs_,
    amax,
    amin,
    cast,
    div,
    full,
    mul,
    sum_,
    where,
)
from glia.ir.expr import Expr
from glia.ir.linalg import singular, svdvals
from glia.ir.ops.linalg import check_matrices, inv
from glia.ir.ops.view import permute, reshape

Order = float | str | None


def vector_norm(x: Expr, order: float, dims: int | Shape | None, keepdim: bool) -> Expr:
    """``(Σ |x|ᵖ)^(1/p)``; the largest for ∞, the smallest for -∞, how many are not 0 for 0."""
    if not x.dtype.is_inexact:
        message = f"norm: expected a floating-point or complex tensor, found {x.dtype.name}."
        raise DTypeError(teach(message, "convert first: x.float()"))
    return statistics.norm(x, order, None if dims == () else dims, keepdim)


def matrix_norm(x: Expr, order: float | str, dims: Shape, keepdim: bool) -> Expr:
    """Frobenius, nuclear, or the norm that vectors' 1-, 2- or ∞-norms induce."""
    if not x.dtype.is_inexact:
        message = f"norm: expected a floating-point or complex tensor, found {x.dtype.name}."
        raise DTypeError(teach(message, "convert first: x.float()"))
    if x.ndim < 2 or len(dims) != 2:
        message = f"matrix_norm: expected a matrix in two dimensions, found {x.shape}, dim {dims}."
        raise ShapeError(teach(message, "use vector_norm for vectors"))
    first, second = (normalize_dim(dim, x.ndim) for dim in dims)
    if first == second:
        raise ShapeError(teach(f"matrix_norm: dimensions {dims} are the same."))
    if order == "fro":
        return vector_norm(x, 2.0, (first, second), keepdim)
    if order in ("nuc", 2, -2):
        rest = tuple(i for i in range(x.ndim) if i not in (first, second))
        values = svdvals(permute(x, (*rest, first, second)))
        choose = {"nuc": sum_, 2: amax, -2: amin}[order]
        found = choose(values, -1)
        shape = tuple(1 if i in (first, second) else n for i, n in enumerate(x.shape))
        return reshape(found, shape) if keepdim else found
    if order not in (1, -1, math.inf, -math.inf):
        message = f"matrix_norm: expected 'fro', 'nuc', ±1, ±2 or ±inf, found {order!r}."
        raise ArgumentError(teach(message))
    along, across = (second, first) if math.isinf(float(order)) else (first, second)
    sums = sum_(abs_(x), along, True)
    found = (amax if float(order) > 0 else amin)(sums, across, True)
    kept = tuple(n for i, n in enumerate(found.shape) if i not in (first, second))
    return found if keepdim else reshape(found, kept)


def norm(
    x: Expr, order: Order, dims: int | Shape | None, keepdim: bool, dtype: DType | None = None
) -> Expr:
    """A norm of a matrix where there are two dimensions and an order, else of a vector."""
    x = x if dtype is None else cast(x, dtype)
    if order is None:
        return vector_norm(x, 2.0, dims, keepdim)
    given = (dims,) if isinstance(dims, int) else dims
    count = x.ndim if given is None else len(given)
    if isinstance(order, str) or count == 2:
        if count != 2:
            message = f"norm: {order!r} is a norm of matrices, found {count} dimensions."
            raise ShapeError(teach(message, "give two dimensions: dim=(-2, -1)"))
        return matrix_norm(x, order, (-2, -1) if given is None else given, keepdim)
    if count > 2 or (given is None and count == 0):
        message = f"norm: expected one or two dimensions for order {order}, found {count}."
        raise ShapeError(teach(message, "give dim=, or leave the order out"))
    return vector_norm(x, float(order), dims, keepdim)


def cond(x: Expr, order: Order) -> Expr:
    """``‖A‖ ‖A⁻¹‖``, infinite for singular matrices."""
    if order is None or order in (2, -2):
        check_matrices("cond", x, square=False)
        s = svdvals(x)
        if not s.shape[-1]:
            return full(s.shape[:-1], 0.0, s.dtype)
        top, low = amax(s, -1), amin(s, -1)
        return div(low, top) if order == -2 else div(top, low)
    check_matrices("cond", x)
    if not x.shape[-1]:
        return full(x.shape[:-2], 0.0, x.dtype.to_real())
    inverse, failed = inv(x, False), singular(inv(x, False, 1))
    product = mul(
        matrix_norm(x, order, (-2, -1), False), matrix_norm(inverse, order, (-2, -1), False)
    )
    return where(failed, math.inf, product)


def of_any_kind(x: Expr, p: float | str, dims: int | Shape | None, keepdim: bool) -> Expr:
    """A norm as ``Tensor.norm`` names it: of all elements, or the nuclear norm of matrices."""
    if p == "nuc":
        return norm(x, "nuc", dims, keepdim)
    return vector_norm(x, 2.0 if p == "fro" else float(p), dims, keepdim)

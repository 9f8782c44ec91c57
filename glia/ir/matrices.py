"""Matrices in the last two dimensions: what formulas of linear algebra are written with."""

from __future__ import annotations

from functools import reduce

from glia.base.dtypes import DType
from glia.base.shapes import Shape
from glia.ir import products
from glia.ir.build import cast, eq, ge, le, sub, sum_, transpose, where
from glia.ir.expr import Expr
from glia.ir.ops.complex import conj
from glia.ir.ops.source import iota
from glia.ir.ops.view import broadcast_to, reshape, slice_


def mT(x: Expr) -> Expr:
    return transpose(x, -2, -1)


def mH(x: Expr) -> Expr:
    """Transposed and conjugated."""
    return conj(mT(x))


def mm(*factors: Expr) -> Expr:
    """The product of matrices, from the left."""
    return reduce(products.matmul, factors)


def column(x: Expr) -> Expr:
    """A vector (of vectors) as a matrix of one column."""
    return reshape(x, (*x.shape, 1))


def row(x: Expr) -> Expr:
    """A vector (of vectors) as a matrix of one row."""
    return reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


def _offset(rows: int, columns: int) -> Expr:
    """How far every place lies right of the diagonal."""
    shape = (rows, columns)
    across = broadcast_to(iota(columns), shape)
    return sub(across, broadcast_to(reshape(iota(rows), (rows, 1)), shape))


def tril(x: Expr, diagonal: int = 0) -> Expr:
    """What lies on and below a diagonal, zeros above."""
    return where(le(_offset(*x.shape[-2:]), diagonal), x, 0)


def triu(x: Expr, diagonal: int = 0) -> Expr:
    """What lies on and above a diagonal, zeros below."""
    return where(ge(_offset(*x.shape[-2:]), diagonal), x, 0)


def on_diagonal(rows: int, columns: int) -> Expr:
    """Whether a place lies on the diagonal."""
    return eq(_offset(rows, columns), 0)


def eye(rows: int, columns: int, dtype: DType) -> Expr:
    return cast(on_diagonal(rows, columns), dtype)


def diagonal(x: Expr, offset: int = 0) -> Expr:
    """The elements on a diagonal as a vector."""
    x = part(x, slice(max(-offset, 0), None), slice(max(offset, 0), None))
    rows, columns = x.shape[-2:]
    found = where(on_diagonal(rows, columns), x, 0)
    return cast(sum_(found, -1 if rows <= columns else -2), x.dtype)


def diagonal_matrix(x: Expr) -> Expr:
    """A vector on the diagonal of a matrix of zeros."""
    n = x.shape[-1]
    return where(on_diagonal(n, n), column(x), 0)


def part(x: Expr, rows: slice | None = None, columns: slice | None = None) -> Expr:
    """Some rows and columns of every matrix."""
    start, stop = [0] * x.ndim, list(x.shape)
    for dim, chosen in ((x.ndim - 2, rows), (x.ndim - 1, columns)):
        if chosen is not None:
            start[dim], stop[dim], _ = chosen.indices(x.shape[dim])
            stop[dim] = max(stop[dim], start[dim])
    return slice_(x, tuple(start), tuple(stop), (1,) * x.ndim)


def broadcast_batch(x: Expr, lead: Shape) -> Expr:
    """The same matrices for every element of a larger batch."""
    return broadcast_to(x, (*lead, *x.shape[-2:]))

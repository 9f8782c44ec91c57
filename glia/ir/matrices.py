"""Matrices in the last two dimensions: what formulas of linear algebra are written with."""

from __future__ import annotations

from functools import reduce

from glia.base.dtypes import DType
from glia.base.shapes import Shape
from glia.ir import arrange, products
from glia.ir.build import cast, eq, transpose
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


def tril(x: Expr, diagonal: int = 0) -> Expr:
    """What lies on and below a diagonal, zeros above."""
    return arrange.tril(x, diagonal)


def triu(x: Expr, diagonal: int = 0) -> Expr:
    """What lies on and above a diagonal, zeros below."""
    return arrange.triu(x, diagonal)


def on_diagonal(rows: int, columns: int) -> Expr:
    """Whether a place lies on the diagonal."""
    across = broadcast_to(iota(columns), (rows, columns))
    return eq(across, broadcast_to(reshape(iota(rows), (rows, 1)), (rows, columns)))


def eye(rows: int, columns: int, dtype: DType) -> Expr:
    return cast(on_diagonal(rows, columns), dtype)


def diagonal(x: Expr) -> Expr:
    """The elements on the diagonal as a vector."""
    return arrange.diagonal(x, 0, x.ndim - 2, x.ndim - 1)


def diagonal_matrix(x: Expr) -> Expr:
    """A vector on the diagonal of a matrix of zeros."""
    return arrange.diagonal_matrix(x, 0, x.ndim - 1, x.ndim)


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

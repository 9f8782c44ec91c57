"""Matrices as products of two triangles, rows exchanged. The algorithm is in ``lapack.py``."""

from __future__ import annotations

import numpy as np

from glia.base.dtypes import DType, int32, int64
from glia.base.errors import ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr
from glia.ir.ops import lapack
from glia.ir.ops.decompose import bad_shape, decomposition, sibling
from glia.ir.ops.linalg import check_matrices, solve_triangular, some_matrices
from glia.ir.table import Bad, Op, Sample, register


def _lu_infer(inputs: tuple[Expr, ...], part: int) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("lu", x, square=False)
    *lead, m, n = x.shape
    shapes = (x.shape, (*lead, min(m, n)), (*lead, m))
    return shapes[part], (x.dtype, int32, int64)[part]


def _lu_gradient(node: Expr, g: Expr) -> tuple[Expr | None]:
    """Of both triangles at once: they lie in one matrix."""
    from glia.ir import matrices as m
    from glia.ir.build import add, sub
    from glia.ir.ops.view import concat

    if node.attrs[0]:
        return (None,)
    (x,) = node.inputs
    rows, columns = x.shape[-2:]
    k = min(rows, columns)
    first = slice(0, k)
    corner = m.part(node, first, first)
    lower, upper = m.mH(corner), m.triu(corner)
    g_corner = m.part(g, first, first)
    unit = add(m.tril(corner, -1), m.eye(k, k, x.dtype))
    below = m.mm(m.mH(unit), m.tril(g_corner, -1))
    above = m.mm(m.triu(g_corner), m.mH(upper))
    if columns > k:
        rest = slice(k, columns)
        below = sub(below, m.mm(m.part(g, None, rest), m.mH(m.part(node, None, rest))))
    if rows > k:
        rest = slice(k, rows)
        above = sub(above, m.mm(m.mH(m.part(node, rest)), m.part(g, rest)))
    phi = add(m.tril(below, -1), m.triu(above))
    found = solve_triangular(lower, phi, True, True)
    found = m.mH(solve_triangular(upper, m.mH(found), True))
    if columns > k:
        wide = solve_triangular(lower, m.part(g, None, slice(k, columns)), True, True)
        found = concat([found, wide], x.ndim - 1)
    if rows > k:
        tall = m.mH(solve_triangular(upper, m.mH(m.part(g, slice(k, rows))), True))
        found = concat([found, tall], x.ndim - 2)
    return (put_back(found, sibling(node, 2)),)


def chosen_rows(x: Expr, places: Expr) -> Expr:
    """The rows of every matrix in another order."""
    from glia.ir import matrices as m
    from glia.ir.ops.index import gather
    from glia.ir.ops.view import broadcast_to

    return gather(x, broadcast_to(m.column(places), x.shape), x.ndim - 2)


def put_back(x: Expr, places: Expr) -> Expr:
    """The reverse of ``chosen_rows``."""
    from glia.ir.ops.order import argsort

    return chosen_rows(x, argsort(places, places.ndim - 1))


LU = decomposition(
    "lu",
    "L and U with A[p] = L U; the exchanges; p",
    _lu_infer,
    lapack.lu,
    _lu_gradient,
    (),
    lambda: [
        Sample((some_matrices(*shape, dtype=dtype),), {"part": part}, smooth and part == 0)
        for part in range(3)
        for shape, dtype, smooth in (
            ((2, 3, 3), np.float64, True),
            ((4, 2), np.float64, True),
            ((2, 4), np.float64, True),
            ((40, 36), np.float64, False),
            ((2, 2), np.complex128, True),
            ((3, 3), np.float32, False),
        )
    ],
    bad_shape(part=0),
)


def _permutation_infer(inputs: tuple[Expr, ...], size: int) -> tuple[Shape, DType]:
    (x,) = inputs
    if x.dtype is not int32 or not x.ndim or x.shape[-1] > size:
        message = f"lu: expected at most {size} pivots of int32, found {x.dtype.name} {x.shape}."
        raise ShapeError(teach(message, "give the pivots that lu_factor gave"))
    return (*x.shape[:-1], size), int64


PERMUTATION = register(
    Op(
        "permutation",
        "host",
        "p, where row k was exchanged with row pivots[k]",
        _permutation_infer,
        lambda x, size: lapack.permutation(x, size),
        None,
        ("size",),
        lambda: [
            Sample((np.array([[2, 2, 3], [3, 3, 3]], np.int32),), {"size": 3}),
            Sample((np.array([4, 2], np.int32),), {"size": 4}),
        ],
        lambda: [Bad((np.ones(3, np.int32),), {"size": 2}, ShapeError, "lu_factor")],
    )
)

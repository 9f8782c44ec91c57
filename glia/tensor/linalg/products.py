"""Products and powers of matrices and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.ir import linalg as formulas
from glia.ir.expr import Expr, intern
from glia.ir.ops import linalg as rows
from glia.tensor.tensor import Tensor, apply, as_tensor


def matmul(input: Any, other: Any) -> Tensor:
    """``A B``; ``input @ other``.

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    tensor([[11.]])
    """
    return as_tensor(input).matmul(as_tensor(other))


def multi_dot(tensors: Sequence[Any]) -> Tensor:
    """The product of matrices in the order that takes the fewest multiplications.

    The first and the last may be vectors.

    Raises:
        ShapeError: another is not a matrix, or sizes do not fit.

    >>> multi_dot([[1.0, 2.0], [[1.0], [1.0]], [[2.0]]])
    tensor([6.])
    """
    return apply(formulas.multi_dot, tuple(as_tensor(x) for x in tensors))


def matrix_power(A: Any, n: int) -> Tensor:
    """``Aⁿ`` of square matrices; negative powers are powers of the inverse.

    >>> matrix_power([[1.0, 1.0], [0.0, 1.0]], 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    return apply(formulas.matrix_power, (as_tensor(A),), int(n))


def matrix_exp(A: Any) -> Tensor:
    """``Σ Aᵏ / k!`` of square matrices.

    Source: N. J. Higham, The scaling and squaring method for the matrix exponential revisited
    (2005).

    >>> matrix_exp([[0.0, 1.0], [0.0, 0.0]])
    tensor([[1., 1.],
            [0., 1.]])
    """
    return apply(_matrix_exp, (as_tensor(A),))


def _matrix_exp(x: Expr) -> Expr:
    return intern(rows.MATRIX_EXP, (x,))


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Tensor:
    """``Σ conj(xᵢ) yᵢ`` along a dimension.

    >>> vecdot([1j, 2.0], [1j, 1.0])
    tensor(3.+0.j, dtype=glia.complex64)
    """
    return apply(formulas.vecdot, (as_tensor(x), as_tensor(y)), dim)


def cross(input: Any, other: Any, *, dim: int = -1) -> Tensor:
    """``a × b``, perpendicular to both, of vectors of three along a dimension.

    Raises:
        ShapeError: the dimension does not have size 3.

    >>> cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    tensor([0., 0., 1.])
    """
    return apply(formulas.cross, (as_tensor(input), as_tensor(other)), dim)


def vander(x: Any, N: int | None = None) -> Tensor:
    """``x⁰, x¹, …, xᴺ⁻¹`` as columns; N is as many as there are numbers unless given.

    >>> vander([2, 3], N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    return apply(formulas.vander, (as_tensor(x),), N)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The elements on a diagonal, as a last dimension.

    >>> diagonal([[1.0, 2.0], [3.0, 4.0]])
    tensor([1., 4.])
    """
    return as_tensor(A).diagonal(offset, dim1, dim2)

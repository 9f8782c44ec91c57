"""One number for a matrix or a vector: norms, determinants, rank, condition."""

from __future__ import annotations

from typing import Any, NamedTuple

from glia.base.dtypes import DType, as_dtype
from glia.ir import linalg as formulas
from glia.ir import norms
from glia.ir.build import cast
from glia.ir.expr import Expr, intern
from glia.ir.ops import linalg as rows
from glia.tensor.record import dims
from glia.tensor.tensor import Tensor, apply, apply_all, as_tensor


class SignAndLog(NamedTuple):
    """``det A = sign · exp(logabsdet)``."""

    sign: Tensor
    logabsdet: Tensor


def det(A: Any) -> Tensor:
    """The determinant of square matrices; its derivative holds for singular ones, too.

    Raises:
        ShapeError: the matrix is not square.

    >>> det([[2.0, 1.0], [1.0, 3.0]])
    tensor(5.)
    """
    return apply(_det, (as_tensor(A),))


def slogdet(A: Any) -> SignAndLog:
    """Sign and logarithm of the size of the determinant, which do not overflow.

    >>> slogdet([[2.0, 0.0], [0.0, -3.0]]).sign
    tensor(-1.)
    """
    return SignAndLog(*apply_all(rows.slogdet, (as_tensor(A),)))


def logdet(A: Any) -> Tensor:
    """``ln det A``; -∞ for singular matrices, NaN where the determinant is negative.

    >>> logdet([[2.0, 0.0], [0.0, 0.5]])
    tensor(0.)
    """
    return apply(formulas.logdet, (as_tensor(A),))


def vector_norm(
    x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """``(Σ |xᵢ|ᵖ)^(1/p)`` along dimensions, or of all elements.

    Args:
        ord: p; ``inf`` and ``-inf`` give the largest and the smallest, 0 counts what is not 0.
        dim: over which dimensions; all by default.
        dtype: convert first.

    >>> vector_norm([3.0, -4.0])
    tensor(5.)
    """
    kind = None if dtype is None else as_dtype(dtype)
    return apply(_vector_norm, (as_tensor(x),), float(ord), dims(dim), keepdim, kind)


def matrix_norm(
    A: Any,
    ord: float | str = "fro",
    dim: tuple[int, int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """The size of matrices in two dimensions.

    Args:
        ord: ``"fro"`` ``√Σ|aᵢⱼ|²``, ``"nuc"`` the sum of singular values, 2 and -2 the largest and
            the smallest of them, 1 and -1 of the columns' sums, ``inf`` and ``-inf`` of the rows'.
        dtype: convert first.

    >>> matrix_norm([[1.0, -2.0], [3.0, 4.0]], ord=1)
    tensor(6.)
    """
    kind = None if dtype is None else as_dtype(dtype)
    return apply(_matrix_norm, (as_tensor(A),), ord, dims(dim), keepdim, kind)


def norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """``matrix_norm`` where an order is given for two dimensions, else ``vector_norm``.

    >>> norm([[1.0, 2.0], [2.0, 4.0]])
    tensor(5.)
    """
    kind = None if dtype is None else as_dtype(dtype)
    return apply(norms.norm, (as_tensor(A),), ord, dims(dim), keepdim, kind)


def cond(A: Any, p: Any = None) -> Tensor:
    """``‖A‖ ‖A⁻¹‖``: how far errors grow in solving ``A x = b``; ∞ for singular matrices.

    Args:
        p: the norm, as in ``matrix_norm``; by default 2, for matrices of any shape.

    >>> cond([[1.0, 0.0], [0.0, 4.0]])
    tensor(4.)
    """
    return apply(norms.cond, (as_tensor(A),), p)


def matrix_rank(A: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Tensor:
    """How many singular values are larger than ``max(atol, rtol · σ₁)``.

    Args:
        atol, rtol: 0 and ``max(m, n) ε`` by default; numbers.
        hermitian: whether A equals ``Aᴴ``, which is faster.

    >>> matrix_rank([[1.0, 2.0], [2.0, 4.0]])
    tensor(1)
    """
    attrs = number(atol), number(rtol), hermitian
    return apply(formulas.matrix_rank, (as_tensor(A),), *attrs)


def number(x: Any) -> float | None:
    """A tolerance that may be given as a tensor of one element."""
    return None if x is None else float(x)


def _det(x: Expr) -> Expr:
    return intern(rows.DET, (x,))


def _vector_norm(
    x: Expr, order: float, dim: int | tuple[int, ...] | None, keepdim: bool, kind: DType | None
) -> Expr:
    return norms.vector_norm(x if kind is None else cast(x, kind), order, dim, keepdim)


def _matrix_norm(
    x: Expr, order: float | str, dim: tuple[int, ...], keepdim: bool, kind: DType | None
) -> Expr:
    return norms.matrix_norm(x if kind is None else cast(x, kind), order, dim, keepdim)

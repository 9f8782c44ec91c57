"""Matrices as products of simpler ones. All factors come from one call of NumPy's."""

from __future__ import annotations

from typing import Any, NamedTuple

from glia.base.errors import ArgumentError, teach
from glia.ir import linalg as formulas
from glia.tensor.tensor import Tensor, apply, apply_all, as_tensor


class Cholesky(NamedTuple):
    """A factor, and where there is none (not 0)."""

    L: Tensor
    info: Tensor


class QR(NamedTuple):
    """``A = Q R``."""

    Q: Tensor
    R: Tensor


class Eigen(NamedTuple):
    """``A V = V diag(w)``."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVD(NamedTuple):
    """``A = U diag(S) Vh``."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class PLU(NamedTuple):
    """``A = P L U``."""

    P: Tensor
    L: Tensor
    U: Tensor


class Factored(NamedTuple):
    """L and U in one matrix, and the exchanges of rows."""

    LU: Tensor
    pivots: Tensor


class FactoredInfo(NamedTuple):
    """``Factored``, and the number of the first pivot that is zero, if one is."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


def cholesky(A: Any, *, upper: bool = False) -> Tensor:
    """``L`` with ``A = L Lᴴ``, for positive definite A; only one triangle of A is read.

    Args:
        upper: give ``Lᴴ``, and read the upper triangle.

    Raises:
        LinAlgError: A is not positive definite; raised when the value is computed.

    >>> cholesky([[4.0, 2.0], [2.0, 5.0]])
    tensor([[2., 0.],
            [1., 2.]])
    """
    return apply_all(formulas.cholesky, (as_tensor(A),), upper, True)[0]


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Cholesky:
    """As ``cholesky``; where A is not positive definite, NaN and an ``info`` that is not 0.

    >>> cholesky_ex([[-1.0]]).info
    tensor(1, dtype=glia.int32)
    """
    return Cholesky(*apply_all(formulas.cholesky, (as_tensor(A),), upper, check_errors))


def qr(A: Any, mode: str = "reduced") -> QR:
    """``A = Q R`` with ``Qᴴ Q = I`` and R an upper triangle.

    Args:
        mode: ``"reduced"``: Q has ``min(m, n)`` columns; ``"complete"``: m; ``"r"``: Q is empty.

    Raises:
        GradError: a derivative in mode ``"complete"`` of a matrix with more rows than columns.

    >>> qr([[2.0], [0.0]]).R.abs()
    tensor([[2.]])
    """
    return QR(*apply_all(formulas.qr, (as_tensor(A),), mode))


def eigh(A: Any, UPLO: str = "L") -> Eigen:
    """Eigenvalues, in rising order, and eigenvectors of ``A = Aᴴ``; one triangle is read.

    The derivative of the vectors is infinite where eigenvalues are equal.

    >>> eigh([[2.0, 0.0], [0.0, 1.0]]).eigenvalues
    tensor([1., 2.])
    """
    return Eigen(*apply_all(formulas.eigh, (as_tensor(A),), UPLO))


def eigvalsh(A: Any, UPLO: str = "L") -> Tensor:
    """The eigenvalues of ``A = Aᴴ``, in rising order.

    >>> eigvalsh([[0.0, 1.0], [1.0, 0.0]])
    tensor([-1.,  1.])
    """
    return apply(formulas.eigvalsh, (as_tensor(A),), UPLO)


def eig(A: Any) -> Eigen:
    """Eigenvalues and eigenvectors of square matrices, always complex, in no order.

    The derivative of the vectors is infinite where eigenvalues are equal.

    >>> eig([[2.0, 0.0], [0.0, 3.0]]).eigenvalues
    tensor([2.+0.j, 3.+0.j], dtype=glia.complex64)
    """
    return Eigen(*apply_all(formulas.eig, (as_tensor(A),)))


def eigvals(A: Any) -> Tensor:
    """The eigenvalues of square matrices, always complex.

    >>> eigvals([[0.0, 1.0], [-1.0, 0.0]])
    tensor([0.+1.j, 0.-1.j], dtype=glia.complex64)
    """
    return apply(formulas.eigvals, (as_tensor(A),))


def svd(A: Any, full_matrices: bool = True, *, driver: None = None) -> SVD:
    """``A = U diag(S) Vh`` with S falling and the columns of U and V perpendicular.

    Args:
        full_matrices: whether U and V are square; only the first ``min(m, n)`` vectors have
            derivatives, which are infinite where singular values are equal.
        driver: there is one.

    >>> svd([[0.0, 2.0], [1.0, 0.0]]).S
    tensor([2., 1.])
    """
    if driver is not None:
        raise ArgumentError(teach(f"svd: unknown driver {driver!r}.", "leave it out"))
    return SVD(*apply_all(formulas.svd, (as_tensor(A),), full_matrices))


def svdvals(A: Any, *, driver: None = None) -> Tensor:
    """The singular values, in falling order.

    >>> svdvals([[3.0, 0.0], [0.0, 4.0]])
    tensor([4., 3.])
    """
    if driver is not None:
        raise ArgumentError(teach(f"svdvals: unknown driver {driver!r}.", "leave it out"))
    return apply(formulas.svdvals, (as_tensor(A),))


def _pivoting(name: str, pivot: bool) -> None:
    if not pivot:
        message = f"{name}: pivot=False is not offered, as its results are not to be relied upon."
        raise ArgumentError(teach(message, "leave it out"))


def lu(A: Any, *, pivot: bool = True) -> PLU:
    """``A = P L U``: a permutation, a lower triangle with ones on its diagonal, an upper one.

    >>> lu([[0.0, 2.0], [1.0, 3.0]]).U
    tensor([[1., 3.],
            [0., 2.]])
    """
    _pivoting("lu", pivot)
    return PLU(*apply_all(formulas.lu, (as_tensor(A),)))


def lu_factor(A: Any, *, pivot: bool = True) -> Factored:
    """Both triangles of ``lu`` in one matrix, and which row each step exchanged, from 1.

    >>> lu_factor([[0.0, 2.0], [1.0, 3.0]]).pivots
    tensor([2, 2], dtype=glia.int32)
    """
    return Factored(*lu_factor_ex(A, pivot=pivot)[:2])


def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> FactoredInfo:
    """As ``lu_factor``, and the number of the first pivot that is zero (0: none is).

    >>> lu_factor_ex([[1.0, 1.0], [1.0, 1.0]]).info
    tensor(2, dtype=glia.int32)
    """
    _pivoting("lu_factor", pivot)
    if check_errors:
        message = "lu_factor_ex: check_errors=True is not offered."
        raise ArgumentError(teach(message, "look at info, or use gl.linalg.inv"))
    return FactoredInfo(*apply_all(formulas.lu_factor, (as_tensor(A),)))


def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """X with ``A X = B`` (``X A = B`` where not ``left``; ``Aᴴ`` for A if ``adjoint``).

    >>> lu_solve(*lu_factor([[0.0, 2.0], [1.0, 3.0]]), [[2.0], [4.0]])
    tensor([[1.],
            [1.]])
    """
    tensors = as_tensor(LU), as_tensor(pivots), as_tensor(B)
    return apply(formulas.lu_solve, tensors, left, adjoint)


def householder_product(A: Any, tau: Any) -> Tensor:
    """The first columns of ``Π (I - τᵢ vᵢ vᵢᴴ)``; vᵢ stands below the diagonal of A.

    >>> householder_product([[1.0], [1.0]], [1.0])
    tensor([[ 0.],
            [-1.]])
    """
    return apply(formulas.householder_product, (as_tensor(A), as_tensor(tau)))

"""Equations and inverses."""

from __future__ import annotations

from typing import Any, NamedTuple

from glia.base.dtypes import int64
from glia.base.errors import ArgumentError, teach
from glia.ir import linalg as formulas
from glia.ir.build import full
from glia.ir.expr import Expr
from glia.ir.ops import linalg as rows
from glia.tensor.linalg.measures import number
from glia.tensor.tensor import Tensor, apply, apply_all, as_tensor


class Inverse(NamedTuple):
    """An inverse, and where there is none (not 0)."""

    inverse: Tensor
    info: Tensor


class Solved(NamedTuple):
    """A solution, and where there is none (not 0)."""

    result: Tensor
    info: Tensor


class LeastSquares(NamedTuple):
    """What ``lstsq`` finds."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def inv(A: Any) -> Tensor:
    """``A⁻¹`` of square matrices.

    Raises:
        ShapeError: the matrix is not square.
        LinAlgError: it is singular; raised when the value is computed.

    >>> inv([[2.0, 0.0], [0.0, 4.0]])
    tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return apply(rows.inv, (as_tensor(A),))


def inv_ex(A: Any, *, check_errors: bool = False) -> Inverse:
    """As ``inv``; singular matrices give NaN and an ``info`` that is not 0, instead of an error.

    >>> inv_ex([[1.0, 1.0], [1.0, 1.0]]).info
    tensor(1, dtype=glia.int32)
    """
    return Inverse(*apply_all(_inv_ex, (as_tensor(A),), check_errors))


def solve(A: Any, B: Any, *, left: bool = True) -> Tensor:
    """``X`` with ``A X = B``, or with ``X A = B`` where not ``left``.

    Shape:
        A (…, n, n); B (…, n, k), or vectors (…, n). Batches are broadcast.

    Raises:
        LinAlgError: a matrix is singular; raised when the value is computed.

    >>> solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
    tensor([1. , 0.5])
    """
    return apply_all(formulas.solve, (as_tensor(A), as_tensor(B)), left, True)[0]


def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Solved:
    """As ``solve``; singular matrices give NaN and an ``info`` that is not 0.

    >>> solve_ex([[1.0, 1.0], [1.0, 1.0]], [2.0, 2.0]).info
    tensor(1, dtype=glia.int32)
    """
    return Solved(*apply_all(formulas.solve, (as_tensor(A), as_tensor(B)), left, check_errors))


def solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """``X`` with ``A X = B``, of which only one triangle of A is read.

    Args:
        upper: which triangle.
        left: False for ``X A = B``.
        unitriangular: take the diagonal for ones.

    >>> solve_triangular([[2.0, 0.0], [1.0, 1.0]], [[2.0], [3.0]], upper=False)
    tensor([[1.],
            [2.]])
    """
    tensors = as_tensor(A), as_tensor(B)
    return apply(formulas.solve_triangular, tensors, upper, left, unitriangular)


def pinv(A: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Tensor:
    """The pseudo-inverse ``A⁺`` (Moore, Penrose): the inverse on what A does not map to 0.

    Args:
        atol, rtol: singular values up to ``max(atol, rtol · σ₁)`` count as 0; 0 and
            ``max(m, n) ε`` by default.
        hermitian: whether A equals ``Aᴴ``, which is faster.

    >>> pinv([[1.0], [1.0]])
    tensor([[0.5, 0.5]])
    """
    return apply(formulas.pinv, (as_tensor(A),), number(atol), number(rtol), hermitian)


def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> LeastSquares:
    """The X with the least ``‖A X - B‖``, and the shortest where there are several.

    Args:
        rcond: singular values up to ``rcond · σ₁`` count as 0; ``max(m, n) ε`` by default.
        driver: PyTorch's ``"gelsy"`` (default), ``"gels"``, ``"gelsd"`` or ``"gelss"``. All
            compute alike here; they decide which results are empty: ``gels`` gives no rank,
            ``gelsy`` no residuals, only the last two give singular values.

    Returns:
        solution (…, n, k); residuals ``Σ|A X - B|²`` (…, k), empty unless m > n; rank;
        singular values.

    >>> lstsq([[1.0], [1.0]], [[1.0], [3.0]]).solution
    tensor([[2.]])
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise ArgumentError(teach(f"lstsq: unknown driver {driver!r}.", "leave it out"))
    tensors = as_tensor(A), as_tensor(B)
    return LeastSquares(*apply_all(_lstsq, tensors, number(rcond), driver or "gelsy"))


def tensorinv(A: Any, ind: int = 2) -> Tensor:
    """The inverse for ``tensordot`` over the first ``ind`` dimensions.

    >>> tensorinv([[2.0, 0.0], [0.0, 4.0]], ind=1)
    tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return apply(formulas.tensorinv, (as_tensor(A),), ind)


def tensorsolve(A: Any, B: Any, dims: tuple[int, ...] | None = None) -> Tensor:
    """X with ``tensordot(A, X, X.ndim) = B``; ``dims`` of A are moved to the end first.

    >>> tensorsolve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
    tensor([1. , 0.5])
    """
    listed = None if dims is None else tuple(dims)
    return apply(formulas.tensorsolve, (as_tensor(A), as_tensor(B)), listed)


def _inv_ex(x: Expr, check: bool) -> tuple[Expr, Expr]:
    return rows.inv(x, check), rows.inv(x, check, 1)


def _lstsq(a: Expr, b: Expr, rcond: float | None, driver: str) -> tuple[Expr, ...]:
    solution, residuals, rank, values = formulas.lstsq(a, b, rcond)
    if a.shape[-2] <= a.shape[-1] or driver == "gelsy":
        residuals = full((0,), 0.0, residuals.dtype)
    if driver == "gels":
        rank = full((0,), 0, int64)
    if driver in ("gels", "gelsy"):
        values = full((0,), 0.0, values.dtype)
    return solution, residuals, rank, values

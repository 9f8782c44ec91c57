"""Methods of linear algebra under the names that PyTorch had before ``linalg``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia.ir import linalg as formulas
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


def _linalg() -> Any:
    from glia.tensor import linalg

    return linalg


class Matrices(Handle):
    """Inverses, determinants, decompositions; ``gl.linalg`` has more."""

    __slots__ = ()

    def det(self) -> Tensor:
        """The determinant: ``gl.linalg.det``."""
        return _linalg().det(self)

    def slogdet(self) -> tuple[Tensor, Tensor]:
        """Sign and logarithm of the determinant: ``gl.linalg.slogdet``."""
        return _linalg().slogdet(self)

    def logdet(self) -> Tensor:
        """``ln det A``; -∞ for singular matrices, NaN where the determinant is negative.

        >>> import glia as gl
        >>> gl.eye(2).logdet()
        tensor(0.)
        """
        return record(formulas.logdet, (self,))

    def inverse(self) -> Tensor:
        """``A⁻¹``: ``gl.linalg.inv``."""
        return _linalg().inv(self)

    def pinverse(self, rcond: Any = 1e-15) -> Tensor:
        """The pseudo-inverse: ``gl.linalg.pinv`` with ``rtol=rcond``."""
        return _linalg().pinv(self, rtol=rcond)

    def matrix_exp(self) -> Tensor:
        """``Σ Aᵏ / k!``: ``gl.linalg.matrix_exp``."""
        return _linalg().matrix_exp(self)

    def matrix_power(self, n: int) -> Tensor:
        """``Aⁿ``: ``gl.linalg.matrix_power``."""
        return _linalg().matrix_power(self, n)

    def cholesky(self, upper: bool = False) -> Tensor:
        """``L`` with ``A = L Lᴴ``: ``gl.linalg.cholesky``."""
        return _linalg().cholesky(self, upper=upper)

    def cholesky_inverse(self, upper: bool = False) -> Tensor:
        """``A⁻¹`` from the factor of A.

        >>> import glia as gl
        >>> gl.tensor([[2.0]]).cholesky_inverse()
        tensor([[0.25]])
        """
        return record(formulas.cholesky_inverse, (self,), upper)

    def cholesky_solve(self, L: Any, upper: bool = False) -> Tensor:
        """X with ``A X = self``, from the factor of A.

        >>> import glia as gl
        >>> gl.tensor([[4.0]]).cholesky_solve(gl.tensor([[2.0]]))
        tensor([[1.]])
        """
        from glia.tensor.tensor import as_tensor

        return record(formulas.cholesky_solve, (self, as_tensor(L)), upper)

    def qr(self, some: bool = True) -> tuple[Tensor, Tensor]:
        """``A = Q R``: ``gl.linalg.qr``."""
        return _linalg().qr(self, "reduced" if some else "complete")

    def svd(self, some: bool = True, compute_uv: bool = True) -> tuple[Tensor, ...]:
        """U, S and V (not its conjugate transpose): see ``gl.linalg.svd``.

        Without ``compute_uv`` U and V are zeros, as in PyTorch.

        >>> import glia as gl
        >>> [x.shape for x in gl.ones(3, 2).svd()]
        [(3, 2), (2,), (2, 2)]
        """
        if not compute_uv:
            from glia.tensor.create import zeros

            m, n = self.shape[-2:]
            lead, kind = self.shape[:-2], self.dtype
            values = _linalg().svdvals(self)
            return zeros(*lead, m, m, dtype=kind), values, zeros(*lead, n, n, dtype=kind)
        u, s, vh = _linalg().svd(self, not some)
        return u, s, vh.mH

    def triangular_solve(
        self, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
    ) -> tuple[Tensor, Tensor]:
        """X with ``A X = self`` for a triangle A, and A: ``gl.linalg.solve_triangular``."""
        from glia.tensor.tensor import as_tensor

        A = as_tensor(A)
        turned = A.transpose(-2, -1) if transpose else A
        options = {"upper": upper != transpose, "unitriangular": unitriangular}
        return _linalg().solve_triangular(turned, self, **options), A.clone()

    def lu_solve(self, LU_data: Any, LU_pivots: Any) -> Tensor:
        """X with ``A X = self``, from the triangles of A: ``gl.linalg.lu_solve``."""
        return _linalg().lu_solve(LU_data, LU_pivots, self)

    def geqrf(self) -> tuple[Tensor, Tensor]:
        """``A = Q R``: R above, the reflectors that make Q below the diagonal; their factors.

        >>> import glia as gl
        >>> a, tau = gl.tensor([[3.0, 1.0], [4.0, 2.0]]).geqrf()
        >>> a.triu().abs()
        tensor([[5. , 2.2],
                [0. , 0.4]])
        """
        from glia.tensor.tensor import apply_all

        a, tau = apply_all(formulas.geqrf, (self,))
        return a, tau

    def cross(self, other: Any, dim: int | None = None) -> Tensor:
        """``a × b`` along a dimension; without ``dim`` along the first of size 3.

        >>> import glia as gl
        >>> gl.tensor([1.0, 0.0, 0.0]).cross(gl.tensor([0.0, 1.0, 0.0]))
        tensor([0., 0., 1.])
        """
        sizes = list(self.shape)
        found = dim if dim is not None else sizes.index(3) if 3 in sizes else -1
        return _linalg().cross(self, other, dim=found)

    def ormqr(self, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Tensor:
        """``Q C``, with Q of ``geqrf``'s reflectors; ``C Q`` where not ``left``."""
        from glia.tensor.tensor import as_tensor

        tensors = self, as_tensor(tau), as_tensor(other)
        return record(formulas.ormqr, tensors, left, transpose)


def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> tuple[Tensor, ...]:
    """P, L and U from what ``gl.linalg.lu_factor`` gives; what is not wanted is empty.

    >>> import glia as gl
    >>> lu_unpack(*gl.linalg.lu_factor(gl.eye(2)))[1]
    tensor([[1., 0.],
            [0., 1.]])
    """
    from glia.tensor.create import zeros
    from glia.tensor.tensor import apply_all, as_tensor

    tensors = as_tensor(LU_data), as_tensor(LU_pivots)
    p, lower, upper = apply_all(formulas.lu_unpack, tensors)
    empty = zeros(0, dtype=lower.dtype)
    if not unpack_data:
        lower = upper = empty
    return (p if unpack_pivots else empty), lower, upper


def chain_matmul(*matrices: Any) -> Tensor:
    """The product of matrices: ``gl.linalg.multi_dot``.

    >>> chain_matmul([[1.0, 2.0]], [[1.0], [1.0]])
    tensor([[3.]])
    """
    return _linalg().multi_dot(matrices)

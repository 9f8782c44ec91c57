"""Methods that sum products of two tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build, linalg, products
from glia.ir.expr import Expr
from glia.ir.ops.view import reshape
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Products(Handle):
    """Matrix products and their like."""

    __slots__ = ()

    def matmul(self, other: Tensor) -> Tensor:
        """Vectors, matrices, and batches of matrices whose first dimensions broadcast."""
        return record(products.matmul, (self, other))

    def mm(self, mat2: Tensor) -> Tensor:
        """The product of two matrices."""
        return _ranked("mm", self, mat2, 2, 2).matmul(mat2)

    def bmm(self, mat2: Tensor) -> Tensor:
        """The products of two batches of matrices."""
        x = _ranked("bmm", self, mat2, 3, 3)
        if x.shape[0] != mat2.shape[0]:
            what = tr(
                f"bmm: expected as many matrices, got {x.shape} and {mat2.shape}.",
                f"bmm：矩阵个数应相同，得到 {x.shape} 与 {mat2.shape}。",
            )
            raise ShapeError(teach(what, tr("matmul broadcasts", "matmul 可以广播")))
        return x.matmul(mat2)

    def mv(self, vec: Tensor) -> Tensor:
        """A matrix times a vector."""
        return _ranked("mv", self, vec, 2, 1).matmul(vec)

    def dot(self, tensor: Tensor) -> Tensor:
        """``Σ aᵢ bᵢ`` of two vectors."""
        return _ranked("dot", self, tensor, 1, 1).matmul(tensor)

    def vdot(self, other: Tensor) -> Tensor:
        """``Σ āᵢ bᵢ`` of two vectors."""
        x: Any = self
        return (x.conj() if x.dtype.is_complex else x).dot(other)

    def inner(self, other: Tensor) -> Tensor:
        """``Σ`` over the last dimensions of both."""
        from glia.tensor.einsum import tensordot

        x: Any = self
        if not x.ndim or not other.ndim:
            return x * other  # type: ignore[no-any-return]
        return tensordot(x, other, ([-1], [-1]))

    def outer(self, vec2: Tensor) -> Tensor:
        """``aᵢ bⱼ`` of two vectors."""
        return record(_outer, (_ranked("outer", self, vec2, 1, 1), vec2))

    ger = outer

    def kron(self, other: Tensor) -> Tensor:
        """Every element of ``self`` times the whole of ``other``, side by side."""
        return record(_kron, (self, other))

    def cross(self, other: Tensor, dim: int | None = None) -> Tensor:
        """The vector product along a dimension of size 3: the first one, if not named."""
        if dim is None:
            threes = [d for d, n in enumerate(self.shape) if n == 3]
            if not threes:
                what = tr(
                    f"cross: expected a dimension of size 3, got {self.shape}.",
                    f"cross：需要大小为 3 的维度，得到 {self.shape}。",
                )
                raise ShapeError(teach(what))
            dim = threes[0]
        return record(linalg.cross, (self, other), dim)

    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """``β self + α (mat1 mat2)``."""
        return _plus(self, mat1.mm(mat2), beta, alpha)

    def addmv(self, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """``β self + α (mat vec)``."""
        return _plus(self, mat.mv(vec), beta, alpha)

    def addr(self, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """``β self + α vec1 vec2ᵀ``."""
        return _plus(self, vec1.outer(vec2), beta, alpha)

    def addbmm(
        self, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
    ) -> Tensor:
        """``β self + α Σᵢ batch1ᵢ batch2ᵢ``."""
        return _plus(self, batch1.bmm(batch2).sum(0).to(batch1.dtype), beta, alpha)

    def baddbmm(
        self, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
    ) -> Tensor:
        """``β selfᵢ + α batch1ᵢ batch2ᵢ``."""
        return _plus(self, batch1.bmm(batch2), beta, alpha)

    def vander(self, N: int | None = None, increasing: bool = False) -> Tensor:
        """Powers of a vector's elements in every row, falling unless ``increasing``."""
        if self.ndim != 1:
            what = tr(
                f"vander: expected 1 dimension, got {self.shape}.",
                f"vander：应为 1 维，得到 {self.shape}。",
            )
            raise ShapeError(teach(what))
        found = record(linalg.vander, (self,), N)
        return found if increasing else found.flip(1)


def _ranked(name: str, a: Any, b: Any, rank_a: int, rank_b: int) -> Any:
    if a.ndim != rank_a or b.ndim != rank_b:
        what = tr(
            f"{name}: expected {rank_a} and {rank_b} dimensions, got {a.shape} and {b.shape}.",
            f"{name}：维数应为 {rank_a} 与 {rank_b}，得到 {a.shape} 与 {b.shape}。",
        )
        raise ShapeError(teach(what, tr("matmul takes any", "matmul 不限维数")))
    return a


def _plus(x: Any, product: Any, beta: float, alpha: float) -> Tensor:
    """``β x + α product`` in the product's shape; with ``β = 0`` NaN in ``x`` says nothing."""
    if product.dtype.kind in ("int", "uint", "bool"):
        whole = bool if product.dtype.kind == "bool" else int
        beta, alpha = whole(beta), whole(alpha)
    scaled = product if alpha == 1 else product * alpha
    if not beta:
        return scaled  # type: ignore[no-any-return]
    wide = x.expand(product.shape)
    return (wide if beta == 1 else wide * beta) + scaled  # type: ignore[no-any-return]


def _outer(a: Expr, b: Expr) -> Expr:
    return build.mul(reshape(a, (a.numel, 1)), b)


def _kron(a: Expr, b: Expr) -> Expr:
    rank = max(a.ndim, b.ndim)
    of_a, of_b = ((1,) * (rank - x.ndim) + x.shape for x in (a, b))
    left = reshape(a, tuple(n for size in of_a for n in (size, 1)))
    right = reshape(b, tuple(n for size in of_b for n in (1, size)))
    return reshape(build.mul(left, right), tuple(m * n for m, n in zip(of_a, of_b, strict=True)))

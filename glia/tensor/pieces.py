"""Methods that cut a tensor in several, and those about diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim
from glia.ir import arrange, build
from glia.ir.expr import Expr
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Pieces(Handle):
    """Pieces along a dimension."""

    __slots__ = ()

    def split(self, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Pieces of one size (the last may be smaller), or of the sizes given."""
        at, size = _along("split", self, dim)
        if isinstance(split_size_or_sections, int):
            step = split_size_or_sections
            if step < 0 or (step == 0 and size):
                what = tr(
                    f"split: expected a size > 0, got {step}.", f"split：大小应为正，得到 {step}。"
                )
                raise ArgumentError(teach(what))
            ends = [*range(step, size, step), size] if step else [0]
        else:
            ends, total = [], 0
            for part in split_size_or_sections:
                total += int(part)
                ends.append(total)
            if total != size or any(part < 0 for part in split_size_or_sections):
                what = tr(
                    f"split: sizes {tuple(split_size_or_sections)} do not add up to {size}.",
                    f"split：大小 {tuple(split_size_or_sections)} 之和应为 {size}。",
                )
                raise ArgumentError(teach(what))
        return _cut(self, at, ends)

    def split_with_sizes(self, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        return self.split(list(split_sizes), dim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most so many pieces of equal size; the last may be smaller."""
        _, size = _along("chunk", self, dim)
        if chunks < 1:
            what = tr(
                f"chunk: expected chunks ≥ 1, got {chunks}.",
                f"chunk：块数应不小于 1，得到 {chunks}。",
            )
            raise ArgumentError(teach(what))
        step = -(-size // chunks)
        return self.split(step, dim) if step else self.split([0] * chunks, dim)

    def tensor_split(self, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """So many pieces, the first ones larger by one; or cut before the places given."""
        from glia.tensor.tensor import Tensor

        at, size = _along("tensor_split", self, dim)
        where = indices_or_sections
        if isinstance(where, Tensor):
            where = where.tolist()
        if not isinstance(where, int):
            cuts = [slice(int(i)).indices(size)[1] for i in where]
            starts = [0, *cuts]
            pairs = zip(starts, [*cuts, size], strict=True)
            return tuple(record(arrange.narrow, (self,), at, a, max(a, b)) for a, b in pairs)
        if where < 1:
            what = tr(
                f"tensor_split: expected at least 1 piece, got {where}.",
                f"tensor_split：至少一块，得到 {where}。",
            )
            raise ArgumentError(teach(what))
        base, more = divmod(size, where)
        return self.split([base + (i < more) for i in range(where)], dim)

    def hsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        return _equal_split("hsplit", self, indices_or_sections, 0 if self.ndim == 1 else 1, 1)

    def vsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        return _equal_split("vsplit", self, indices_or_sections, 0, 2)

    def dsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        return _equal_split("dsplit", self, indices_or_sections, 2, 3)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The slices along ``dim``."""
        at, size = _along("unbind", self, dim)
        shape = (*self.shape[:at], *self.shape[at + 1 :])
        return tuple(part.reshape(shape) for part in _cut(self, at, range(1, size + 1)))

    # Diagonals

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """The diagonal of two dimensions, as a new last one."""
        a, b = normalize_dim(dim1, self.ndim), normalize_dim(dim2, self.ndim)
        return record(arrange.diagonal, (self,), int(offset), a, b)

    def diag(self, diagonal: int = 0) -> Tensor:
        """The diagonal of a matrix, or the matrix with this diagonal."""
        if self.ndim not in (1, 2):
            what = tr(
                f"diag: expected 1 or 2 dimensions, got {self.shape}.",
                f"diag：需要 1 或 2 维，得到 {self.shape}。",
            )
            raise ShapeError(teach(what, tr("use diagonal", "请用 diagonal")))
        return self.diagonal(diagonal) if self.ndim == 2 else self.diag_embed(diagonal)

    def diagflat(self, offset: int = 0) -> Tensor:
        """The matrix with all elements on a diagonal."""
        return self.reshape(-1).diag_embed(offset)  # type: ignore[attr-defined, no-any-return]

    def diag_embed(self, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
        """Matrices with the last dimension on a diagonal, zeros elsewhere."""
        rank = self.ndim + 1
        a, b = normalize_dim(dim1, rank), normalize_dim(dim2, rank)
        return record(arrange.diagonal_matrix, (self,), int(offset), a, b)

    def diagonal_scatter(
        self, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
    ) -> Tensor:
        """A copy with ``src`` on the diagonal of two dimensions."""
        a, b = normalize_dim(dim1, self.ndim), normalize_dim(dim2, self.ndim)
        return record(arrange.on_diagonal, (self, src), int(offset), a, b)

    def fill_diagonal(self: Any, fill_value: float) -> Tensor:
        """A copy with one number on the diagonal of a matrix."""
        edge = self.diagonal()
        return self.diagonal_scatter(edge.fill(fill_value))  # type: ignore[no-any-return]

    def trace(self) -> Tensor:
        """``Σ xᵢᵢ`` of a matrix."""
        return record(_trace, (self,))

    def tril(self, diagonal: int = 0) -> Tensor:
        """What lies on a diagonal or below it; zeros elsewhere."""
        return record(arrange.tril, (self,), int(diagonal))

    def triu(self, diagonal: int = 0) -> Tensor:
        """What lies on a diagonal or above it; zeros elsewhere."""
        return record(arrange.triu, (self,), int(diagonal))


def _trace(x: Expr) -> Expr:
    if x.ndim != 2:
        what = tr(f"trace: expected a matrix, got {x.shape}.", f"trace：应为矩阵，得到 {x.shape}。")
        raise ShapeError(teach(what))
    return build.sum_(arrange.diagonal(x, 0, 0, 1))


def _along(name: str, x: Any, dim: int) -> tuple[int, int]:
    if not x.ndim:
        what = tr(f"{name}: a 0-d tensor has no pieces.", f"{name}：0 维张量无法切分。")
        raise ShapeError(teach(what))
    at = normalize_dim(dim, x.ndim)
    return at, x.shape[at]


def _cut(x: Any, at: int, ends: Sequence[int]) -> tuple[Tensor, ...]:
    pairs = zip([0, *ends][:-1], ends, strict=True)
    return tuple(record(arrange.narrow, (x,), at, a, b) for a, b in pairs)


def _equal_split(name: str, x: Any, where: Any, dim: int, rank: int) -> tuple[Tensor, ...]:
    odd = isinstance(where, int) and x.ndim >= rank and (where < 1 or x.shape[dim] % where)
    if x.ndim < rank or odd:
        what = tr(
            f"{name}: {x.shape} has no {where} equal pieces along dimension {dim}.",
            f"{name}：{x.shape} 无法沿第 {dim} 维等分为 {where} 块。",
        )
        raise ShapeError(teach(what, tr("use tensor_split", "请用 tensor_split")))
    return x.tensor_split(where, dim)  # type: ignore[no-any-return]

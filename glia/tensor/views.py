"""Methods that show the same elements in another shape or order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia.base.shapes import infer_reshape, normalize_dim, numel
from glia.ir import build
from glia.ir.ops import view
from glia.tensor.record import Handle, record, sizes_of

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Views(Handle):
    """The same elements, arranged otherwise."""

    __slots__ = ()

    def reshape(self, *shape: Any) -> Tensor:
        return record(view.reshape, (self,), infer_reshape(self.shape, sizes_of(shape)))

    view = reshape

    def permute(self, *dims: Any) -> Tensor:
        order = tuple(normalize_dim(d, self.ndim) for d in sizes_of(dims))
        return record(view.permute, (self,), order)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        return record(build.transpose, (self,), dim0, dim1)

    @property
    def T(self) -> Tensor:
        return self.permute(*reversed(range(self.ndim)))

    def t(self) -> Tensor:
        return self.transpose(0, 1)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        if not self.shape:
            return self.reshape(1)
        a, b = normalize_dim(start_dim, self.ndim), normalize_dim(end_dim, self.ndim)
        size = numel(self.shape[a : b + 1])
        return self.reshape(*self.shape[:a], size, *self.shape[b + 1 :])

    def squeeze(self, dim: int | None = None) -> Tensor:
        if dim is None:
            return self.reshape(*(size for size in self.shape if size != 1))
        at = normalize_dim(dim, self.ndim)
        keep = self.shape[at : at + 1] if self.shape and self.shape[at] != 1 else ()
        return self.reshape(*self.shape[:at], *keep, *self.shape[at + 1 :])

    def unsqueeze(self, dim: int) -> Tensor:
        at = normalize_dim(dim, self.ndim + 1)
        return self.reshape(*self.shape[:at], 1, *self.shape[at:])

    def expand(self, *sizes: Any) -> Tensor:
        wanted = sizes_of(sizes)
        extra = len(wanted) - self.ndim
        known = (*wanted[:extra], *self.shape)
        filled = tuple(k if w == -1 else w for w, k in zip(wanted, known, strict=True))
        return record(view.broadcast_to, (self,), filled)

    def contiguous(self) -> Tensor:
        return self  # type: ignore[return-value]

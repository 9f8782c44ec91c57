"""Methods that read and write at places that are values themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia.base.shapes import normalize_dim
from glia.ir import lookup
from glia.tensor.indexing import check_index, flat_index, matching
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Places(Handle):
    """Gathering, and adding at places."""

    __slots__ = ()

    def gather(self, dim: Any, index: Tensor) -> Tensor:
        """``out[…, i, …] = self[…, index[…, i, …], …]`` along ``dim``."""
        at = normalize_dim(dim, self.ndim)
        matching("gather", self, index, at)  # type: ignore[arg-type]
        check_index("gather", index, self.shape[at])
        return record(lookup.take_along, (self, index), at)

    def index_select(self, dim: Any, index: Tensor) -> Tensor:
        """The slices along ``dim`` that a flat index names."""
        at = normalize_dim(dim, self.ndim)
        flat_index("index_select", index)
        check_index("index_select", index, self.shape[at])
        return record(lookup.take, (self, index), at)

    def scatter_add(self, dim: Any, index: Tensor, src: Tensor) -> Tensor:
        """``self`` with ``src[…, i, …]`` added at ``[…, index[…, i, …], …]``."""
        at = normalize_dim(dim, self.ndim)
        matching("scatter_add", src, index, -1)
        check_index("scatter_add", index, self.shape[at])
        return record(lookup.add_at, (self, index, src), at)

    def index_add(self, dim: Any, index: Tensor, source: Tensor) -> Tensor:
        """``self`` with the slices of ``source`` along ``dim`` added where the index says."""
        at = normalize_dim(dim, self.ndim)
        flat_index("index_add", index)
        check_index("index_add", index, self.shape[at])
        return record(lookup.add_rows, (self, index, source), at)

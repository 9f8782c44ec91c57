"""Methods that make new tensors like this one; they are no functions of the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glia.base.dtypes import as_dtype
from glia.tensor.record import Handle, sizes_of

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Fresh(Handle):
    """New tensors of this one's dtype."""

    __slots__ = ()

    def new_tensor(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """A tensor with a copy of ``data``."""
        from glia.tensor.tensor import Tensor

        return Tensor(data, as_dtype(dtype or self.dtype), requires_grad)

    def new_full(
        self,
        size: Sequence[int],
        fill_value: Any,
        dtype: Any = None,
        requires_grad: bool = False,
    ) -> Tensor:
        """A tensor of one value."""
        from glia.tensor.create import full

        return full(sizes_of((size,)), fill_value, dtype or self.dtype, requires_grad)

    def new_zeros(self, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        return self.new_full(sizes_of(size), 0, dtype, requires_grad)

    def new_ones(self, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        return self.new_full(sizes_of(size), 1, dtype, requires_grad)

    def new_empty(self, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        return self.new_full(sizes_of(size), 0, dtype, requires_grad)

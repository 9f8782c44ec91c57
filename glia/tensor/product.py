"""Methods that sum products of two tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia.ir import products
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Products(Handle):
    """Matrix products."""

    __slots__ = ()

    def matmul(self, other: Tensor) -> Tensor:
        return record(products.matmul, (self, other))

    mm = matmul
    bmm = matmul

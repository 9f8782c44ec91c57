"""Methods that make one element of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia.base.dtypes import bool_, int32
from glia.ir import build
from glia.ir.expr import Expr
from glia.tensor.record import Dims, Handle, dims, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Reductions(Handle):
    """Sums, extremes and the like, over all elements or along dimensions."""

    __slots__ = ()

    def sum(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return record(build.sum_, (self,), dims(dim), keepdim)

    def mean(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return record(build.mean, (self,), dims(dim), keepdim)

    def prod(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return record(build.prod, (self,), dims(dim), keepdim)

    def amax(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return record(build.amax, (self,), dims(dim), keepdim)

    def amin(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return record(build.amin, (self,), dims(dim), keepdim)

    def max(self) -> Tensor:
        return self.amax()

    def min(self) -> Tensor:
        return self.amin()

    def var(self, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Tensor:
        return record(build.var, (self,), dims(dim), correction, keepdim)

    def std(self, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Tensor:
        return self.var(dim, correction, keepdim).sqrt()

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return record(build.argmax, (self,), dim, keepdim)

    def all(self) -> Tensor:
        return record(_all, (self,))

    def any(self) -> Tensor:
        return record(_any, (self,))

    def softmax(self, dim: int, dtype: Any = None) -> Tensor:
        """``e^xᵢ / Σⱼ e^xⱼ`` along ``dim``; ``dtype`` converts the elements first."""
        return record(build.softmax, (_converted(self, dtype),), dim)

    def log_softmax(self, dim: int, dtype: Any = None) -> Tensor:
        """``xᵢ - ln Σⱼ e^xⱼ`` along ``dim``; ``dtype`` converts the elements first."""
        return record(build.log_softmax, (_converted(self, dtype),), dim)

    def logsumexp(self, dim: int, keepdim: bool = False) -> Tensor:
        return record(build.logsumexp, (self,), dim, keepdim)


def _converted(x: Any, dtype: Any) -> Any:
    return x if dtype is None else x.to(dtype)


def _all(x: Expr) -> Expr:
    return build.cast(build.amin(build.cast(build.cast(x, bool_), int32)), bool_)


def _any(x: Expr) -> Expr:
    return build.cast(build.amax(build.cast(build.cast(x, bool_), int32)), bool_)

"""Methods that compute every element from the elements at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia.ir import build
from glia.ir.expr import Expr
from glia.tensor.record import Handle, Number, binary, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Elementwise(Handle):
    """One result for every element."""

    __slots__ = ()

    def abs(self) -> Tensor:
        return record(build.abs_, (self,))

    def exp(self) -> Tensor:
        return record(build.exp, (self,))

    def log(self) -> Tensor:
        return record(build.log, (self,))

    def log1p(self) -> Tensor:
        return record(build.log1p, (self,))

    def expm1(self) -> Tensor:
        return record(build.expm1, (self,))

    def sqrt(self) -> Tensor:
        return record(build.sqrt, (self,))

    def rsqrt(self) -> Tensor:
        return record(build.rsqrt, (self,))

    def sin(self) -> Tensor:
        return record(build.sin, (self,))

    def cos(self) -> Tensor:
        return record(build.cos, (self,))

    def tanh(self) -> Tensor:
        return record(build.tanh, (self,))

    def erf(self) -> Tensor:
        return record(build.erf, (self,))

    def sigmoid(self) -> Tensor:
        return record(build.sigmoid, (self,))

    def relu(self) -> Tensor:
        return record(build.relu, (self,))

    def sign(self) -> Tensor:
        return record(build.sign, (self,))

    def floor(self) -> Tensor:
        return record(build.floor, (self,))

    def ceil(self) -> Tensor:
        return record(build.ceil, (self,))

    def round(self) -> Tensor:
        return record(build.round_, (self,))

    def square(self) -> Tensor:
        return record(_square, (self,))

    def pow(self, exponent: Any) -> Tensor:
        return self**exponent

    def clamp(self, min: Number | None = None, max: Number | None = None) -> Tensor:
        """Every element held between ``min`` and ``max``."""
        out: Any = self
        if min is not None:
            out = binary(build.maximum, out, min)
        if max is not None:
            out = binary(build.minimum, out, max)
        return out

    def maximum(self, other: Any) -> Tensor:
        return binary(build.maximum, self, other)

    def minimum(self, other: Any) -> Tensor:
        return binary(build.minimum, self, other)

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """``self`` where the condition holds, else ``other``."""
        from glia.tensor.create import where

        return where(condition, self, other)


def _square(x: Expr) -> Expr:
    return build.mul(x, x)

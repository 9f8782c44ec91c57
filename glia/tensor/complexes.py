"""Complex numbers: their parts, and what is made of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from glia.base.dtypes import bool_, promote
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import broadcast
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops import complex as rows
from glia.ir.ops.view import broadcast_to, concat, reshape, slice_
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Complexes(Handle):
    """Parts of complex numbers; real numbers are complex ones without an imaginary part."""

    __slots__ = ()

    @property
    def real(self) -> Tensor:
        """The real parts."""
        return record(rows.real, (self,))

    @property
    def imag(self) -> Tensor:
        """The imaginary parts of a complex tensor."""
        return record(rows.imag, (self,))

    @property
    def mH(self) -> Tensor:
        """Every matrix transposed and conjugated."""
        return record(adjoint, (self,))

    @property
    def H(self) -> Tensor:
        """A matrix transposed and conjugated."""
        if self.ndim not in (0, 2):
            message = f"H: expected a matrix, found shape {self.shape}."
            raise ShapeError(teach(message, "use x.mH for many matrices"))
        return record(adjoint if self.ndim else rows.conj, (self,))

    def adjoint(self) -> Tensor:
        """``Aᴴ``, the conjugate of the transposed matrix, for the last two dimensions.

        >>> import glia as gl
        >>> gl.tensor([[1, 2j]]).adjoint()
        tensor([[1.-0.j],
                [0.-2.j]], dtype=glia.complex64)
        """
        return record(adjoint, (self,))

    def conj(self) -> Tensor:
        """``Re z - i Im z``.

        >>> import glia as gl
        >>> gl.tensor([1 + 2j]).conj()
        tensor([1.-2.j], dtype=glia.complex64)
        """
        return record(rows.conj, (self,))

    conj_physical = conj

    def resolve_conj(self) -> Tensor:
        """The same: conjugates are always values of their own."""
        return self  # type: ignore[return-value]

    resolve_neg = resolve_conj

    def is_conj(self) -> bool:
        """False: conjugates are always values of their own."""
        return False

    is_neg = is_conj

    def angle(self) -> Tensor:
        """The angle ``φ`` of ``z = |z| e^(iφ)``, between -π and π; its derivative at 0 is 0.

        >>> import glia as gl
        >>> gl.tensor([1j, -1.0]).angle()
        tensor([1.5708, 3.1416])
        """
        return record(_angle, (self,))

    def sgn(self) -> Tensor:
        """``z / |z|``, and 0 at 0: the sign of a real number.

        >>> import glia as gl
        >>> gl.tensor([3 + 4j, 0]).sgn()
        tensor([0.6+0.8j, 0. +0.j ], dtype=glia.complex64)
        """
        return record(build.sign, (self,))

    def isreal(self) -> Tensor:
        """Whether the imaginary part is zero, element by element."""
        return record(_isreal, (self,))

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def is_floating_point(self) -> bool:
        """Whether the dtype is one of real floating-point numbers."""
        return self.dtype.is_floating_point

    def view_as_real(self) -> Tensor:
        """Real and imaginary part as a last dimension of size 2.

        >>> import glia as gl
        >>> gl.tensor([1 + 2j]).view_as_real()
        tensor([[1., 2.]])
        """
        return record(_view_as_real, (self,))

    def view_as_complex(self) -> Tensor:
        """Complex numbers from a last dimension of size 2: the reverse of ``view_as_real``."""
        return record(_view_as_complex, (self,))


def complex(real: Any, imag: Any) -> Tensor:
    """``real + i · imag``, of two float32 or two float64 tensors.

    >>> complex(1.0, 2.0)
    tensor(1.+2.j, dtype=glia.complex64)
    """
    from glia.tensor.tensor import as_tensor

    return record(_complex, (as_tensor(real), as_tensor(imag)))


def polar(abs: Any, angle: Any) -> Tensor:
    """``abs · e^(i · angle)``.

    >>> polar(2.0, 0.0)
    tensor(2.+0.j, dtype=glia.complex64)
    """
    from glia.tensor.tensor import as_tensor

    return record(_polar, (as_tensor(abs), as_tensor(angle)))


def real(input: Any) -> Tensor:
    """The real parts: ``input.real``."""
    from glia.tensor.tensor import as_tensor

    return as_tensor(input).real


def imag(input: Any) -> Tensor:
    """The imaginary parts of a complex tensor: ``input.imag``."""
    from glia.tensor.tensor import as_tensor

    return as_tensor(input).imag


def adjoint(x: Expr) -> Expr:
    """Transposed in the last two dimensions, and conjugated."""
    return rows.conj(build.transpose(x, -2, -1))


def _angle(x: Expr) -> Expr:
    if x.dtype.is_complex:
        return rows.angle(x)
    x = build.to_float(x)
    return build.where(build.lt(x, 0), math.pi, build.where(build.ne(x, x), x, 0.0))


def _isreal(x: Expr) -> Expr:
    if x.dtype.is_complex:
        return build.eq(rows.imag(x), 0.0)
    return build.full(x.shape, True, bool_)


def _complex(a: Expr, b: Expr) -> Expr:
    shape = broadcast(a.shape, b.shape)
    return rows.complex_(broadcast_to(a, shape), broadcast_to(b, shape))


def _polar(size: Expr, angle: Expr) -> Expr:
    if promote(size.dtype, angle.dtype).kind == "float":
        a, b = build.pair(build.cos(angle), build.sin(angle))
        return _complex(build.mul(size, a), build.mul(size, b))
    message = f"polar: expected real numbers, found {size.dtype.name} and {angle.dtype.name}."
    raise DTypeError(teach(message, "convert with .to(dtype)"))


def _view_as_real(x: Expr) -> Expr:
    last = (*x.shape, 1)
    return concat([reshape(rows.real(x), last), reshape(rows.imag(x), last)], x.ndim)


def _view_as_complex(x: Expr) -> Expr:
    if not x.ndim or x.shape[-1] != 2:
        message = f"view_as_complex: expected a last dimension of size 2, found shape {x.shape}."
        raise ShapeError(teach(message, "stack real and imaginary parts: gl.stack([a, b], -1)"))
    lead, step = x.shape[:-1], (1,) * x.ndim
    parts = [slice_(x, (*(0 for _ in lead), i), (*lead, i + 1), step) for i in (0, 1)]
    return rows.complex_(*(reshape(part, lead) for part in parts))

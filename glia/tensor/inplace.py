"""Methods that end in an underscore: the tensor takes the value that the plain method gives.

A tensor that holds its value keeps its memory (what was detached from it sees the change, and so
do recorded functions); one that is still to be computed, or now depends on something that wants
gradients, becomes a handle on the new expression.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.errors import DTypeError, GradError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.view import broadcast_to
from glia.tensor import node as _node
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor

#: PyTorch's methods that have such a twin.
NAMES = (
    "abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr arccos arccosh arcsin "
    "arcsinh arctan arctan2 arctanh asin asinh atan atan2 atanh baddbmm bitwise_and "
    "bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil clamp "
    "clamp_max clamp_min clip conj_physical copysign cos cosh cumprod cumsum deg2rad digamma div "
    "divide eq erf erfc erfinv exp exp2 expm1 fill fill_diagonal fix float_power floor "
    "floor_divide fmod frac gcd ge greater greater_equal gt heaviside hypot i0 igamma igammac "
    "index_add index_copy index_fill index_put index_reduce lcm ldexp le lerp less less_equal "
    "lgamma log log10 log1p log2 logical_and logical_not logical_or logical_xor logit lt "
    "masked_fill masked_scatter mul multiply mvlgamma nan_to_num ne neg negative nextafter "
    "not_equal polygamma pow put rad2deg reciprocal relu remainder renorm round rsqrt scatter "
    "scatter_add scatter_reduce sgn sigmoid sign sin sinc sinh sqrt square sub subtract tan tanh "
    "tril triu true_divide trunc xlogy zero"
).split()
#: Those that change the shape.
RESHAPING = ("squeeze", "swapaxes", "swapdims", "t", "transpose", "unsqueeze")

_RANK = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}


def _filled(x: Expr, value: Expr) -> Expr:
    return broadcast_to(build.cast(value, x.dtype), x.shape)


def install(methods: type) -> None:
    """Give a class the twins of the methods it has."""
    for name in (*NAMES, *RESHAPING):
        if hasattr(methods, name):
            setattr(methods, name + "_", _twin(name))


def _twin(name: str) -> Callable[..., Tensor]:
    def method(self: Tensor, *args: Any, **options: Any) -> Tensor:
        return rebind(self, getattr(self, name)(*args, **options), name + "_", name in RESHAPING)

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"``{name}``, in place; see there for the arguments."
    return method


def rebind(x: Tensor, new: Tensor, name: str, reshaped: bool = False) -> Tensor:
    """``x`` takes the value of ``new``, in its own dtype; its name for messages is the method's.

    Raises:
        ShapeError: another shape.
        DTypeError: a kind of number that ``x`` cannot hold.
        GradError: a tensor the user made that gathers gradients, outside ``no_grad``.
    """
    if new.shape != x.shape and not reshaped:
        what = tr(
            f"{name}: the result has shape {new.shape}, the tensor {x.shape}.",
            f"{name}：结果形状为 {new.shape}，张量形状为 {x.shape}。",
        )
        plain = name.rstrip("_")
        help = tr(f"make a new tensor: x.{plain}(…)", f"请生成新张量：x.{plain}(…)")
        raise ShapeError(teach(what, help))
    if _RANK[new.dtype.kind] > _RANK[x.dtype.kind]:
        what = tr(
            f"{name}: the result is {new.dtype.name}; a tensor of {x.dtype.name} cannot hold it.",
            f"{name}：结果类型为 {new.dtype.name}，无法存入 {x.dtype.name} 张量。",
        )
        raise DTypeError(teach(what, tr("convert first: x.float()", "请先转换：x.float()")))
    new = new.to(x.dtype)
    node = x._node
    if x.requires_grad and x.is_leaf:
        if _node.grad_enabled.get():
            what = tr(
                f"{name}: this tensor gathers gradients; changing it in place would lose them.",
                f"{name}：该张量需要梯度，原地修改会丢失梯度。",
            )
            help = tr("write with gl.no_grad():", "请使用 with gl.no_grad():")
            raise GradError(teach(what, help))
        return x.copy_(new)
    owns = node.value is not None and node.expr is node.value.slot.leaf
    if owns and not (reshaped and new.shape != x.shape) and _overwrites(x, new, name):
        return x.copy_(new)
    tracing = _node.tracer()
    if tracing is not None and node in tracing.waiting:
        tracing.refuse(f"a tensor from outside, not computed yet, was changed by {name}")
    x._node = new._node
    if x._node.value is None:
        _node.watch(x)
    return x


def _overwrites(x: Tensor, new: Tensor, name: str) -> bool:
    """Whether the memory of ``x`` is to hold the new value; while recording, what is allowed."""
    tracing = _node.tracer()
    if tracing is None:
        return not new.requires_grad
    value = x._node.value
    if value in tracing.made:
        return False
    if x._node.expr in tracing.arguments:
        tracing.refuse(f"an argument was changed by {name}")
    if new.requires_grad:
        what = tr(
            f"{name}: a tensor from outside would depend on gradients of this recording.",
            f"{name}：外部张量会依赖本次录制中的梯度。",
        )
        raise GradError(teach(what, tr("use .detach()", "请使用 .detach()")))
    return True


class InPlace(Handle):
    """Operators that assign, and values written over all elements."""

    __slots__ = ()

    def fill(self: Any, value: Any) -> Tensor:
        """A tensor of this shape and dtype with ``value`` everywhere."""
        from glia.tensor.tensor import Tensor

        if not isinstance(value, Tensor):
            value = Tensor(np.asarray(value).astype(self.dtype.np))
        if value.ndim:
            what = tr(
                f"fill: expected a number or a 0-d tensor, got shape {value.shape}.",
                f"fill：应为数值或 0 维张量，得到形状 {value.shape}。",
            )
            raise ShapeError(teach(what))
        return record(_filled, (self, value))

    def zero(self) -> Tensor:
        """Zeros of this shape and dtype."""
        return self.fill(0)

    def __iadd__(self: Any, other: Any) -> Tensor:
        return rebind(self, self + other, "+=")

    def __isub__(self: Any, other: Any) -> Tensor:
        return rebind(self, self - other, "-=")

    def __imul__(self: Any, other: Any) -> Tensor:
        return rebind(self, self * other, "*=")

    def __itruediv__(self: Any, other: Any) -> Tensor:
        return rebind(self, self / other, "/=")

    def __ifloordiv__(self: Any, other: Any) -> Tensor:
        return rebind(self, self // other, "//=")

    def __imod__(self: Any, other: Any) -> Tensor:
        return rebind(self, self % other, "%=")

    def __ipow__(self: Any, other: Any) -> Tensor:
        return rebind(self, self**other, "**=")

    def __iand__(self: Any, other: Any) -> Tensor:
        return rebind(self, self & other, "&=")

    def __ior__(self: Any, other: Any) -> Tensor:
        return rebind(self, self | other, "|=")

    def __ixor__(self: Any, other: Any) -> Tensor:
        return rebind(self, self ^ other, "^=")

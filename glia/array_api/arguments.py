"""What functions of the standard have in common: their operands and axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glia.array_api.array import Array, from_array, of
from glia.array_api.data_types import check_category, common, is_scalar, with_scalar
from glia.base.dtypes import DType
from glia.base.errors import ArgumentError, DTypeError, PlaceError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, normalize_dims
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops import view
from glia.tensor.tensor import Tensor, apply


def array(name: str, x: Any, category: str = "any") -> Array:
    """An argument that must be an array of some category of dtypes."""
    if not isinstance(x, Tensor):
        kind = type(x).__name__
        what = tr(f"{name}: expected an array, found {kind}.", f"{name}：应为数组，得到 {kind}。")
        raise DTypeError(teach(what, tr("use asarray(x)", "请使用 asarray(x)")))
    check_category(name, x.dtype, category)
    return of(x)


def scalar(value: complex, dtype: DType) -> Array:
    """A Python number as an array of a dtype that holds it."""
    try:
        return from_array(np.array(value, dtype.np))
    except OverflowError:
        what = tr(
            f"{value!r} is out of bounds for {dtype.name}.", f"{value!r} 超出 {dtype.name} 的范围。"
        )
        raise ArgumentError(teach(what)) from None


def operands(name: str, x1: Any, x2: Any, category: str) -> tuple[Array, Array]:
    """Two operands, at most one of them a number, in their common dtype."""
    if is_scalar(x1) and not is_scalar(x2):
        second = array(name, x2)
        dtype = with_scalar(second.dtype, x1)
        first = scalar(x1, dtype)
    elif is_scalar(x2):
        first = array(name, x1)
        dtype = with_scalar(first.dtype, x2)
        second = scalar(x2, dtype)
    else:
        first, second = array(name, x1), array(name, x2)
        dtype = common(first.dtype, second.dtype)
    check_category(name, dtype, category)
    return cast(first, dtype), cast(second, dtype)


def cast(x: Tensor, dtype: DType) -> Array:
    """The array itself if it is of that dtype."""
    return of(x if x.dtype is dtype else x.to(dtype))


def recorded(function: Callable[..., Expr], *arrays: Tensor, attrs: tuple[Any, ...] = ()) -> Array:
    """What a function of expressions makes of arrays."""
    return of(apply(function, arrays, *attrs))


def axes(axis: Any, rank: int) -> Shape:
    """Axes as sorted numbers; None means all of them."""
    if axis is None:
        return tuple(range(rank))
    several = axis if isinstance(axis, tuple | list) else (axis,)
    return normalize_dims([one_axis(one, rank) for one in several], rank)


def one_axis(axis: Any, rank: int) -> int:
    """An axis counted from the start."""
    number = axis.__index__()
    if not -rank <= number < rank:
        what = tr(
            f"axis {number} does not exist in an array of {rank} dimensions.",
            f"{rank} 维数组没有第 {number} 轴。",
        )
        raise PlaceError(teach(what))
    return number % rank


def keepdims_shape(shape: Shape, dims: Shape) -> Shape:
    """A shape whose dimensions ``dims`` were reduced and kept."""
    return tuple(1 if d in dims else n for d, n in enumerate(shape))


def spread(x: Expr, shape: Shape) -> Expr:
    """An expression broadcast; for ``recorded``."""
    return view.broadcast_to(x, shape)


def converted(x: Expr, dtype: DType) -> Expr:
    """An expression in another dtype; for ``recorded``."""
    return build.cast(x, dtype)

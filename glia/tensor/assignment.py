"""``x[index] = value``: a new value for the handle, recorded like any other.

Gradients flow to what was there, except where it was overwritten, and to what was written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.dtypes import DType, bool_, uint8
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, broadcast
from glia.ir import build, lookup
from glia.ir.expr import Expr
from glia.ir.ops import view
from glia.ir.ops.source import iota
from glia.ir.ops.window import dilate
from glia.tensor import node as _node
from glia.tensor.indexing import (
    Basic,
    Index,
    describe_index,
    getitem,
    in_front,
    result_shape,
    slices,
    spans,
    to_place,
    value_of,
)
from glia.tensor.inplace import rebind

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor

_NAME = "x[…] = value"


def assign_items(x: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``: afterwards ``x`` is a handle on the changed tensor."""
    from glia.tensor.tensor import Tensor, apply

    new = value_for(x, value)
    if isinstance(index, np.ndarray) and index.dtype == bool:
        index = Tensor(index)
    masked = isinstance(index, Tensor) and index.dtype is bool_
    if masked and not _settled(index) and _one_for_all(x, index, new):
        rebind(x, apply(_put_mask, (x, index, new)), _NAME)
        return
    found = describe_index(index, x)
    if _writable(x, new):
        _write(x, new, found)
        return
    rebind(x, apply(_put_items, (x, new, *found.places), found.basic, found.dims), _NAME)


def _settled(x: Tensor) -> bool:
    return x._node.value is not None and _node.tracer() is None


def _writable(x: Tensor, value: Tensor) -> bool:
    """Whether the memory can simply be written to: it is there, and no gradient passes."""
    flows = value.requires_grad and _node.grad_enabled.get()
    return value_of(x) is not None and not flows


def _write(x: Tensor, value: Tensor, index: Index) -> None:
    """As ``_put_items``, in memory."""
    from glia.tensor.functional import memories
    from glia.tensor.tensor import to_numpy

    new = to_numpy(value)
    places = [to_numpy(place) for place in index.places]
    (array,) = memories([x])
    with np.errstate(all="ignore"):
        _write_places(array[slices(index.basic)], new, index.dims, places)


def _write_places(into: np.ndarray, value: np.ndarray, dims: Shape, places: list) -> None:
    for i, place in enumerate(places):
        if place.ndim == 0 and len(places) > 1:
            dim, rest = dims[i], (*dims[:i], *dims[i + 1 :])
            left = tuple(d - (d > dim) for d in rest)
            part = into[(slice(None),) * dim + (int(place), Ellipsis)]
            _write_places(part, value, left, places[:i] + places[i + 1 :])
            return
    if not places:
        into[...] = value.reshape(fitting(value.shape, into.shape))
        return
    front, order, behind = _arranged(into.shape, dims, [place.shape for place in places])
    wanted = tuple(behind[d] for d in order)
    value = np.broadcast_to(value.reshape(fitting(value.shape, wanted)), wanted)
    into.transpose(front)[tuple(places)] = value.transpose(_inverse(order))


def value_for(x: Tensor, value: Any) -> Tensor:
    """What is to be written into ``x`` as a tensor; numbers must be ones of its dtype."""
    from glia.tensor.tensor import Tensor, as_tensor

    dtype = x.dtype
    if isinstance(value, bool | int | float | complex):
        return Tensor(_number(value, dtype), dtype)
    tensor = as_tensor(value)
    if tensor.dtype.is_complex and not dtype.is_complex:
        what = tr(
            f"assignment: complex numbers do not fit into {dtype.name}.",
            f"赋值：复数不能存入 {dtype.name}。",
        )
        raise DTypeError(teach(what, tr("take a part: value.real", "请取其一部分：value.real")))
    return tensor


def _number(value: complex, dtype: DType) -> complex:
    whole = dtype.kind in ("int", "uint")
    fits = dtype.is_complex or not isinstance(value, complex)
    if fits and whole and not isinstance(value, complex):
        limits = np.iinfo(dtype.np)
        fits = math.isfinite(value) and limits.min <= math.trunc(value) <= limits.max
    if not fits:
        what = tr(
            f"assignment: {value!r} is not a number of dtype {dtype.name}.",
            f"赋值：{value!r} 不是 {dtype.name} 类型能表示的数。",
        )
        raise ArgumentError(teach(what, tr("convert the tensor first", "请先转换张量的类型")))
    return value if not whole or isinstance(value, complex) else int(value)


def _one_for_all(x: Tensor, mask: Tensor, value: Tensor) -> bool:
    """Whether what is written does not depend on how often the mask holds: nothing is counted."""
    k = mask.ndim
    if not k or mask.shape != x.shape[:k]:
        return False
    left = x.ndim - k
    return value.ndim <= left or (value.ndim == left + 1 and value.shape[0] == 1)


def _put_mask(x: Expr, mask: Expr, value: Expr) -> Expr:
    inner = x.shape[mask.ndim :]
    value = fit(value, (1, *inner), x.dtype)
    value = view.reshape(value, (1,) * mask.ndim + inner)
    shaped = view.reshape(mask, mask.shape + (1,) * len(inner))
    return build.where(shaped, value, x)


def fitting(shape: Shape, into: Shape) -> Shape:
    """The shape of a value without needless dimensions of size 1 in front; checks that it fits."""
    sizes = shape
    while len(sizes) > len(into) and sizes[0] == 1:
        sizes = sizes[1:]
    pairs = zip(reversed(sizes), reversed(into), strict=False)
    if len(sizes) > len(into) or any(a not in (1, b) for a, b in pairs):
        what = tr(
            f"assignment: a value of shape {shape} does not fit into {into}.",
            f"赋值：形状为 {shape} 的值不能放入形状 {into}。",
        )
        help = tr(
            "give it that shape, or one that broadcasts to it",
            "请使用该形状，或可广播到它的形状",
        )
        raise ShapeError(teach(what, help))
    return sizes


def fit(value: Expr, into: Shape, dtype: DType) -> Expr:
    """A value broadcast to where it goes."""
    sizes = fitting(value.shape, into)
    return view.broadcast_to(build.cast(view.reshape(value, sizes), dtype), into)


def _put_items(x: Expr, value: Expr, *rest: Any) -> Expr:
    *places, basic, dims = rest
    if not places:
        return _put_span(x, fit(value, result_shape(basic), x.dtype), basic)
    part = _put_places(getitem(x, basic), value, dims, places)
    return _put_span(x, part, basic)


def _put_span(x: Expr, value: Expr, index: Basic) -> Expr:
    """``x`` with the elements that a basic index names replaced."""
    start, stop, step, backwards = spans(index)
    if not value.numel:
        return x
    sizes = tuple(-(-(b - a) // s) for a, b, s in zip(start, stop, step, strict=True))
    part = view.flip(view.reshape(value, sizes), backwards)
    if sizes == x.shape:
        return part
    small = build.cast(part, uint8) if x.dtype is bool_ else part
    spread = dilate(small, step)
    after = tuple(n - a - m for n, a, m in zip(x.shape, start, spread.shape, strict=True))
    placed = build.cast(view.pad(spread, start, after), x.dtype)
    named: Expr | None = None
    for dim, (size, count) in enumerate(zip(x.shape, sizes, strict=True)):
        if count != size:
            inside = _inside(size, start[dim], stop[dim], step[dim])
            inside = view.reshape(inside, (size,) + (1,) * (x.ndim - dim - 1))
            named = inside if named is None else build.mul(named, inside)
    assert named is not None
    return build.where(named, placed, x)


def _inside(size: int, start: int, stop: int, step: int) -> Expr:
    """Which of ``size`` numbers a range holds."""
    number = iota(size)
    inside = build.mul(build.ge(number, start), build.lt(number, stop))
    if step == 1:
        return inside
    off = build.remainder(build.sub(number, start), step)
    return build.mul(inside, build.eq(off, 0))


def _put_places(x: Expr, value: Expr, dims: Shape, places: list[Expr]) -> Expr:
    """``x`` with a value at the places that tensors name in some dimensions."""
    single = next((i for i, place in enumerate(places) if place.ndim == 0), None)
    if single is not None and len(places) > 1:  # it is taken first, as in reading
        dim, place = dims[single], places[single]
        others = [i for i in range(len(places)) if i != single]
        left = tuple(dims[i] - (dims[i] > dim) for i in others)
        inner = lookup.take_at(x, [place], dim)
        inner = _put_places(inner, value, left, [places[i] for i in others])
        return _put_places(x, inner, (dim,), [place])
    front, order, behind = _arranged(x.shape, dims, [place.shape for place in places])
    value = fit(value, tuple(behind[d] for d in order), x.dtype)
    new = lookup.put_at(view.permute(x, front), places, view.permute(value, _inverse(order)))
    return view.permute(new, _inverse(front))


def _arranged(shape: Shape, dims: Shape, places: Sequence[Shape]) -> tuple[Shape, Shape, Shape]:
    """The order that puts the dimensions of the places first, the order that a result has from
    there, and its shape before that."""
    front, at = in_front(dims, len(shape))
    named = broadcast(*places)
    behind = (*named, *(shape[d] for d in front[len(dims) :]))
    return front, to_place(len(named), at, len(behind)), behind


def _inverse(order: Shape) -> Shape:
    return tuple(order.index(d) for d in range(len(order)))

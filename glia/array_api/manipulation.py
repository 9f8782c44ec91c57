"""The same elements, arranged otherwise."""

from __future__ import annotations

from typing import Any

from glia.array_api.arguments import array, axes, cast, one_axis, recorded, spread
from glia.array_api.array import Array, of, plain
from glia.array_api.data_types import result_type
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, broadcast, infer_reshape
from glia.ir.expr import Expr
from glia.ir.ops import view

Arrays = tuple[Array, ...] | list[Array]


def _several(axis: Any) -> tuple[int, ...]:
    return tuple(axis) if isinstance(axis, tuple | list) else (axis,)


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The common shape of arrays of these shapes.

    >>> import glia.array_api as xp
    >>> xp.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    return broadcast(*shapes)


def broadcast_to(x: Array, /, shape: tuple[int, ...]) -> Array:
    """``x`` repeated along new dimensions in front and those of size 1.

    Example:
        >>> import glia.array_api as xp
        >>> xp.broadcast_to(xp.asarray([1, 2]), (2, 2))
        tensor([[1, 2],
                [1, 2]])
    """
    x, shape = array("broadcast_to", x), tuple(shape)
    if broadcast(x.shape, shape) != shape:
        what = tr(
            f"broadcast_to: {x.shape} does not broadcast to {shape}.",
            f"broadcast_to：{x.shape} 不能广播到 {shape}。",
        )
        raise ShapeError(teach(what))
    return recorded(spread, x, attrs=(shape,))


def broadcast_arrays(*arrays: Array) -> tuple[Array, ...]:
    """Arrays broadcast to each other.

    >>> import glia.array_api as xp
    >>> [x.shape for x in xp.broadcast_arrays(xp.zeros((2, 1)), xp.zeros(3))]
    [(2, 3), (2, 3)]
    """
    shape = broadcast(*(x.shape for x in arrays))
    return tuple(broadcast_to(x, shape) for x in arrays)


def _concat(*parts: Any) -> Expr:
    *xs, dim = parts
    return view.concat(xs, dim)


def concat(arrays: Arrays, /, *, axis: int | None = 0) -> Array:
    """One after the other along an axis; with None each is flattened first.

    Example:
        >>> import glia.array_api as xp
        >>> xp.concat([xp.asarray([1, 2]), xp.asarray([3])])
        tensor([1, 2, 3])
    """
    if not arrays:
        raise ArgumentError(teach(tr("concat: no arrays.", "concat：没有数组。")))
    dtype = result_type(*arrays)
    parts = [cast(array("concat", x), dtype) for x in arrays]
    if axis is None:
        parts, axis = [reshape(part, (part.size,)) for part in parts], 0
    return recorded(_concat, *parts, attrs=(one_axis(axis, parts[0].ndim),))


def stack(arrays: Arrays, /, *, axis: int = 0) -> Array:
    """Side by side along a new axis.

    Example:
        >>> import glia.array_api as xp
        >>> xp.stack([xp.asarray([1, 2]), xp.asarray([3, 4])], axis=1)
        tensor([[1, 3],
                [2, 4]])
    """
    if len({x.shape for x in arrays}) > 1:
        shapes = ", ".join(str(x.shape) for x in arrays)
        what = tr(f"stack: shapes {shapes} differ.", f"stack：形状 {shapes} 不同。")
        raise ShapeError(teach(what))
    return concat([expand_dims(x, axis) for x in arrays], axis=axis)


def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The slices along an axis.

    >>> import glia.array_api as xp
    >>> xp.unstack(xp.asarray([[1, 2], [3, 4]]), axis=1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    x = array("unstack", x)
    at = one_axis(axis, x.ndim)
    return tuple(x[(slice(None),) * at + (i,)] for i in range(x.shape[at]))


def expand_dims(x: Array, /, axis: int | tuple[int, ...] = 0) -> Array:
    """A new dimension of size 1 at ``axis``, or one at each of several.

    >>> import glia.array_api as xp
    >>> xp.expand_dims(xp.zeros(3), (0, -1)).shape
    (1, 3, 1)
    """
    x = array("expand_dims", x)
    new = _several(axis)
    rank = x.ndim + len(new)
    places = {one_axis(one, rank) for one in new}
    if len(places) < len(new):
        raise ArgumentError(teach(tr("expand_dims: axis twice.", "expand_dims：轴重复。")))
    old = iter(x.shape)
    return reshape(x, tuple(1 if d in places else next(old) for d in range(rank)))


def squeeze(x: Array, /, axis: int | tuple[int, ...]) -> Array:
    """Without the dimensions ``axis``, which must have size 1.

    >>> import glia.array_api as xp
    >>> xp.squeeze(xp.zeros((1, 3, 1)), 0).shape
    (3, 1)
    """
    x = array("squeeze", x)
    places = {one_axis(one, x.ndim) for one in _several(axis)}
    if any(x.shape[d] != 1 for d in places):
        what = tr(
            f"squeeze: axes {sorted(places)} of shape {x.shape} are not all of size 1.",
            f"squeeze：形状 {x.shape} 的轴 {sorted(places)} 不全为 1。",
        )
        raise ShapeError(teach(what))
    return reshape(x, tuple(n for d, n in enumerate(x.shape) if d not in places))


def flip(x: Array, /, *, axis: int | tuple[int, ...] | None = None) -> Array:
    """The elements along axes in reverse order.

    >>> import glia.array_api as xp
    >>> xp.flip(xp.asarray([[1, 2], [3, 4]]), axis=1)
    tensor([[2, 1],
            [4, 3]])
    """
    x = array("flip", x)
    return recorded(view.flip, x, attrs=(axes(axis, x.ndim),))


def permute_dims(x: Array, /, axes: tuple[int, ...]) -> Array:
    """The dimensions in another order.

    Example:
        >>> import glia.array_api as xp
        >>> xp.permute_dims(xp.zeros((2, 3, 4)), (2, 0, 1)).shape
        (4, 2, 3)
    """
    x = array("permute_dims", x)
    return recorded(view.permute, x, attrs=(tuple(one_axis(a, x.ndim) for a in axes),))


def moveaxis(
    x: Array, source: int | tuple[int, ...], destination: int | tuple[int, ...], /
) -> Array:
    """Some dimensions at other places, the others in their order.

    Example:
        >>> import glia.array_api as xp
        >>> xp.moveaxis(xp.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    x = array("moveaxis", x)
    first = [one_axis(one, x.ndim) for one in _several(source)]
    last = [one_axis(one, x.ndim) for one in _several(destination)]
    if len(first) != len(last) or len(set(first)) < len(first) or len(set(last)) < len(last):
        what = tr(
            "moveaxis: each source needs one destination of its own.",
            "moveaxis：每个源轴需要各自的目标轴。",
        )
        raise ArgumentError(teach(what))
    placed = dict(zip(last, first, strict=True))
    rest = iter(d for d in range(x.ndim) if d not in first)
    return permute_dims(x, tuple(placed[d] if d in placed else next(rest) for d in range(x.ndim)))


def reshape(x: Array, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Array:
    """The same elements in another shape, in which one size may be -1.

    >>> import glia.array_api as xp
    >>> xp.reshape(xp.zeros((2, 6)), (3, -1)).shape
    (3, 4)
    """
    x = array("reshape", x)
    found = recorded(view.reshape, x, attrs=(infer_reshape(x.shape, tuple(shape)),))
    return of(found.clone()) if copy else found


def roll(
    x: Array, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None
) -> Array:
    """The elements moved along axes; those that leave at the end come in at the start.

    Example:
        >>> import glia.array_api as xp
        >>> xp.roll(xp.asarray([1, 2, 3]), 1)
        tensor([3, 1, 2])
    """
    x = array("roll", x)
    if axis is None:
        return of(plain(x).roll(shift))
    places = [one_axis(one, x.ndim) for one in _several(axis)]
    shifts = tuple(shift) if isinstance(shift, tuple | list) else (shift,) * len(places)
    return of(plain(x).roll(shifts, places))


def repeat(x: Array, repeats: int | Array, /, *, axis: int | None = None) -> Array:
    """Every slice along an axis so many times.

    Example:
        >>> import glia.array_api as xp
        >>> xp.repeat(xp.asarray([5, 6]), xp.asarray([1, 2]))
        tensor([5, 6, 6])
    """
    x = array("repeat", x)
    at = None if axis is None else one_axis(axis, x.ndim)
    times = repeats if isinstance(repeats, int) else plain(array("repeat", repeats, "integer"))
    return of(plain(x).repeat_interleave(times, at))


def tile(x: Array, repetitions: tuple[int, ...], /) -> Array:
    """The whole array so many times along each axis.

    Example:
        >>> import glia.array_api as xp
        >>> xp.tile(xp.asarray([1, 2]), (2, 2))
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    return of(plain(array("tile", x)).tile(tuple(repetitions)))

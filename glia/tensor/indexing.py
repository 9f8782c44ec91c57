"""Indexing: integers, slices, None and ``...`` in a form to be remembered; tensors and masks.

An index is taken apart into a basic one, which is a view, and tensors of whole numbers for some
dimensions of that view. A mask is the numbers of the places where it holds, one tensor for each
of its dimensions; finding them computes the mask. Integers are no tensors here: as in PyTorch
they are taken first, so ``x[0, :, [1, 2]]`` is ``x[0][:, [1, 2]]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.dtypes import bool_
from glia.base.errors import DTypeError, PlaceError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, numel
from glia.ir import lookup
from glia.ir.expr import Expr
from glia.ir.ops import view
from glia.tensor import node as _node

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor

#: One item of a basic index: ("at", i, i + 1, 1), ("span", first, end, step) or ("new", 0, 0, 0).
#: A negative step runs through the span from its end.
Item = tuple[str, int, int, int]
Basic = tuple[Item, ...]


@dataclass(frozen=True)
class Index:
    """A basic index, and tensors of whole numbers for some dimensions of what it gives."""

    basic: Basic
    dims: tuple[int, ...] = ()
    places: tuple[Tensor, ...] = ()


def spans(index: Basic) -> tuple[Shape, Shape, Shape, Shape]:
    """Start, stop and (positive) step along every dimension, and those to run through backwards."""
    found = [item for item in index if item[0] != "new"]
    backwards = tuple(d for d, item in enumerate(found) if item[3] < 0)
    return (
        tuple(item[1] for item in found),
        tuple(item[2] for item in found),
        tuple(abs(item[3]) for item in found),
        backwards,
    )


def result_shape(index: Basic) -> Shape:
    """The shape that a basic index gives."""
    counts = [-(-(b - a) // abs(s)) if kind != "new" else 1 for kind, a, b, s in index]
    return tuple(n for n, item in zip(counts, index, strict=True) if item[0] != "at")


def getitem(x: Expr, index: Basic) -> Expr:
    """Basic indexing."""
    start, stop, step, backwards = spans(index)
    out = view.flip(view.slice_(x, start, stop, step), backwards)
    return view.reshape(out, result_shape(index))


def slices(index: Basic) -> tuple[Any, ...]:
    """A basic index as NumPy takes it, giving a view."""
    found: list[Any] = []
    for kind, a, b, s in index:
        if kind == "new":
            found.append(None)
        elif kind == "at":
            found.append(a)
        else:
            found.append(slice(a, b, s) if s > 0 else slice(b - 1, a - 1 if a else None, s))
    return (*found, Ellipsis)


def _span(item: slice, size: int) -> Item:
    if item.step is not None and item.step == 0:
        what = tr("index: a slice cannot have step 0.", "索引：切片的步长不能为 0。")
        raise PlaceError(teach(what))
    chosen = range(size)[item]
    if not chosen:
        return ("span", 0, 0, 1)
    first, last = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1])
    return ("span", first, last + 1, chosen.step if len(chosen) > 1 else 1)


def _at(item: Any, size: int) -> Item:
    at = int(item)
    if not -size <= at < size:
        what = tr(
            f"index {at} is out of range for size {size}.", f"索引 {at} 超出大小 {size} 的范围。"
        )
        raise PlaceError(teach(what))
    return ("at", at % size, at % size + 1, 1)


def is_whole(item: Any) -> bool:
    """Whether an item is an integer of Python or NumPy."""
    return isinstance(item, int | np.integer) and not isinstance(item, bool | np.bool_)


def is_basic(item: Any) -> bool:
    """Whether an item needs no tensor."""
    return item is None or isinstance(item, slice | EllipsisType) or is_whole(item)


def describe_index(index: Any, x: Tensor) -> Index:
    """An index taken apart; checks it against the shape of ``x``."""
    items = index if type(index) is tuple else (index,)
    if not all([is_basic(item) for item in items]):
        items = tuple([item if is_basic(item) else _as_index(item) for item in items])
    return _Parts(x.shape, items).index()


class _Parts:
    """Goes along the items of an index and the dimensions they use."""

    def __init__(self, shape: Shape, items: tuple[Any, ...]) -> None:
        self.shape = shape
        self.used = sum(_uses(item) for item in items)
        dots = sum(item is Ellipsis for item in items)
        if self.used > len(shape):
            what = tr(
                f"{self.used} indices for a tensor of shape {shape}.",
                f"张量形状为 {shape}，却给出了 {self.used} 个索引。",
            )
            raise PlaceError(teach(what))
        if dots > 1:
            what = tr("an index can hold one `...` only.", "索引中只能有一个 `...`。")
            raise PlaceError(teach(what))
        self.items = items if dots else (*items, Ellipsis)
        self.dim = 0  # of the tensor
        self.basic: list[Item] = []
        self.dims: list[int] = []
        self.places: list[Tensor] = []

    def index(self) -> Index:
        for item in self.items:
            if item is None:
                self.basic.append(("new", 0, 0, 1))
            elif isinstance(item, EllipsisType):
                for _ in range(len(self.shape) - self.used):
                    self.span(slice(None))
            elif isinstance(item, slice):
                self.span(item)
            elif is_whole(item):
                self.basic.append(_at(item, self.shape[self.dim]))
                self.dim += 1
            elif item.dtype is bool_:
                self.mask(item)
            else:
                check_index("indexing", item, self.shape[self.dim], -self.shape[self.dim])
                self.place(item)
        return Index(tuple(self.basic), tuple(self.dims), tuple(self.places))

    def span(self, item: slice) -> None:
        self.basic.append(_span(item, self.shape[self.dim]))
        self.dim += 1

    def place(self, item: Tensor) -> None:
        self.dims.append(sum(found[0] != "at" for found in self.basic))
        self.places.append(item)
        self.span(slice(None))

    def mask(self, mask: Tensor) -> None:
        """The numbers of the places where a mask holds, for as many dimensions as it has."""
        from glia.tensor.tensor import Tensor, to_numpy

        fits = self.shape[self.dim : self.dim + mask.ndim]
        if len(fits) < mask.ndim or any(m not in (n, 0) for m, n in zip(mask.shape, fits)):
            what = tr(
                f"index: a mask of shape {mask.shape} does not fit dimensions of sizes {fits}.",
                f"索引：掩码形状 {mask.shape} 与对应维度的大小 {fits} 不符。",
            )
            raise PlaceError(teach(what))
        if not mask.ndim:  # a dimension of its own, of size 1 or 0
            self.dims.append(sum(found[0] != "at" for found in self.basic))
            self.places.append(Tensor(np.zeros(int(bool(mask)), np.int64)))
            self.basic.append(("new", 0, 0, 1))
            return
        for found in np.nonzero(to_numpy(mask)):
            self.place(Tensor(found.astype(np.int64)))


def _as_index(item: Any) -> Tensor:
    """A tensor, array, list, range or truth value as a tensor."""
    from glia.tensor.tensor import Tensor

    if isinstance(item, Tensor):
        return item
    if isinstance(item, bool | np.ndarray | np.generic):
        return Tensor(item)
    if isinstance(item, list | tuple | range):
        array = np.asarray(item)
        return Tensor(array.astype(np.int64) if not array.size else array)
    kind = type(item).__name__
    what = tr(f"indexing with {kind} is not possible.", f"不能用 {kind} 作索引。")
    help = tr(
        "use integers, slices, None, ... or tensors of whole numbers or bools",
        "请使用整数、切片、None、... 或整数/布尔张量",
    )
    raise PlaceError(teach(what, help))


def _uses(item: Any) -> int:
    """How many dimensions an item stands for."""
    if item is None or item is Ellipsis:
        return 0
    if isinstance(item, slice) or is_whole(item):
        return 1
    return item.ndim if item.dtype is bool_ else 1


# Reading at once

#: Bytes that are copied at once rather than read by a program: another index is another program.
AT_ONCE = 1 << 24


def value_of(x: Tensor) -> np.ndarray | None:
    """The memory of a tensor whose value is there, if nothing about reading it is recorded."""
    value = x._node.value
    if value is None or _node.tracer() is not None or x._node.expr is not value.slot.leaf:
        return None
    return None if x.requires_grad and _node.grad_enabled.get() else value.slot.array


def read(x: Tensor, index: Basic) -> Tensor | None:
    """What a basic index names, copied at once where that is cheap."""
    from glia.tensor.tensor import wrap

    array = value_of(x)
    if array is None or numel(result_shape(index)) * x.dtype.itemsize > AT_ONCE:
        return None
    return wrap(_node.from_array(array[slices(index)]))


# Tensors as indices


def check_index(name: str, index: Tensor, size: int, lowest: int = 0) -> None:
    """Refuse indices that are known to be out of range; those still to be computed give NaN."""
    if index.dtype.kind not in ("int", "uint"):
        found = index.dtype.name
        what = tr(
            f"{name}: expected whole numbers as index, found {found}.",
            f"{name}：索引应为整数，得到 {found}。",
        )
        raise DTypeError(teach(what, tr("convert: index.long()", "请转换：index.long()")))
    value = index._node.value
    if value is None or _node.tracer() is not None or not value.slot.array.size:
        return
    low, high = int(value.slot.array.min()), int(value.slot.array.max())
    if low < lowest or high >= size:
        wrong = low if low < lowest else high
        what = tr(
            f"{name}: index {wrong} is out of range for size {size}.",
            f"{name}：索引 {wrong} 超出大小 {size} 的范围。",
        )
        help = tr(
            f"use indices from {lowest} to {size - 1}", f"索引应在 {lowest} 到 {size - 1} 之间"
        )
        raise PlaceError(teach(what, help))


def take_items(x: Tensor, index: Index) -> Tensor:
    """What tensors name in the dimensions of a view, all at once."""
    from glia.tensor.tensor import apply

    plain = apply(getitem, (x,), index.basic)
    return apply(_take_items, (plain, *index.places), index.dims)


def _take_items(x: Expr, *rest: Any) -> Expr:
    *places, dims = rest
    x, dims, places = singles(x, dims, places)
    if not places:
        return x
    front, at = in_front(dims, x.ndim)
    found = lookup.take_at(view.permute(x, front), places, 0)
    count = found.ndim - (x.ndim - len(dims))
    return view.permute(found, to_place(count, at, found.ndim))


def singles(x: Expr, dims: Shape, places: list[Expr]) -> tuple[Expr, Shape, list[Expr]]:
    """Indices without dimensions are taken first, like integers; what the others name then."""
    left = list(zip(dims, places, strict=True))
    for dim, place in reversed(left.copy()):
        if place.ndim == 0:
            x = lookup.take_at(x, [place], dim)
            left = [(d - (d > dim), p) for d, p in left if d != dim]
    return x, tuple(d for d, _ in left), [p for _, p in left]


def in_front(dims: Shape, rank: int) -> tuple[Shape, int]:
    """The order that puts some dimensions first, and where what replaces them will stand.

    It stands in their place if they are neighbours, else in front.
    """
    neighbours = dims == tuple(range(dims[0], dims[0] + len(dims)))
    rest = tuple(d for d in range(rank) if d not in dims)
    return (*dims, *rest), dims[0] if neighbours else 0


def to_place(count: int, at: int, rank: int) -> Shape:
    """The order that moves the first ``count`` dimensions behind the ``at`` that follow them."""
    first, rest = tuple(range(count)), tuple(range(count, rank))
    return (*rest[:at], *first, *rest[at:])


def matching(name: str, x: Tensor, index: Tensor, dim: int) -> None:
    """An index of as many dimensions as x, no larger but along ``dim``."""
    pairs = zip(x.shape, index.shape, strict=False)
    larger = any(i > n for d, (n, i) in enumerate(pairs) if d != dim)
    if x.ndim != index.ndim or larger:
        what = tr(
            f"{name}: index {index.shape} does not fit {x.shape} except in dimension {dim}.",
            f"{name}：除第 {dim} 维外，索引形状 {index.shape} 应不超过 {x.shape}。",
        )
        raise PlaceError(teach(what))


def flat_index(name: str, index: Tensor) -> None:
    """An index of one dimension."""
    if index.ndim != 1:
        what = tr(
            f"{name}: expected an index of 1 dimension, got {index.shape}.",
            f"{name}：索引应为 1 维，得到 {index.shape}。",
        )
        raise ShapeError(teach(what, tr("use index.flatten()", "请用 index.flatten()")))

"""Indexing by integers, slices, None and ``...``, in a form to be remembered; and by tensors."""

from __future__ import annotations

from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape
from glia.ir import lookup
from glia.ir.expr import Expr
from glia.ir.ops import view
from glia.tensor import node as _node

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


def getitem(x: Expr, index: tuple[tuple[str, int, int, int], ...]) -> Expr:
    """Basic indexing, described as ("at", i) / ("span", a, b, step) / ("new",) per item."""
    start, stop, step, keep = [], [], [], []
    dim = 0
    for kind, a, b, s in index:
        if kind == "new":
            keep.append(-1)
            continue
        start.append(a)
        stop.append(a + 1 if kind == "at" else b)
        step.append(s)
        if kind == "span":
            keep.append(dim)
        dim += 1
    out = view.slice_(x, tuple(start), tuple(stop), tuple(step))
    return view.reshape(out, tuple(1 if d < 0 else out.shape[d] for d in keep))


def _span(item: slice, size: int) -> tuple[str, int, int, int]:
    a, b, s = item.indices(size)
    if s < 0:
        message = f"index {item}: expected a positive step, found {s}."
        raise ShapeError(teach(message, "use .flip(dim)"))
    return ("span", a, max(a, b), s)


def describe_index(index: Any, shape: Shape) -> tuple[tuple[str, int, int, int], ...]:
    """Normalise a basic index: integers, slices, None and ``...``."""
    items = index if isinstance(index, tuple) else (index,)
    used = sum(item is not None and item is not Ellipsis for item in items)
    if used > len(shape):
        raise ShapeError(teach(f"{used} indices for a tensor of shape {shape}."))
    if not any(item is Ellipsis for item in items):
        items = (*items, Ellipsis)
    found: list[tuple[str, int, int, int]] = []
    dim = 0
    for item in items:
        if item is None:
            found.append(("new", 0, 0, 0))
        elif isinstance(item, EllipsisType):
            for _ in range(len(shape) - used):
                found.append(("span", 0, shape[dim], 1))
                dim += 1
        elif isinstance(item, slice):
            found.append(_span(item, shape[dim]))
            dim += 1
        elif isinstance(item, int | np.integer) and not isinstance(item, bool):
            at = int(item)
            if not -shape[dim] <= at < shape[dim]:
                message = f"index {at} is out of range for size {shape[dim]}."
                raise ShapeError(teach(message))
            found.append(("at", at % shape[dim], 0, 1))
            dim += 1
        else:
            message = f"indexing with {type(item).__name__} is not supported yet."
            raise ShapeError(
                teach(message, "use integers, slices, None, ... or whole-number tensors")
            )
    return tuple(found)


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
        raise ArgumentError(teach(what, help))


def is_array(item: Any) -> bool:
    """Whether an index item is a tensor, or what stands for one."""
    return hasattr(item, "_node") or isinstance(item, list | np.ndarray)


def _is_place(item: Any) -> bool:
    return is_array(item) or (
        isinstance(item, int | np.integer) and not isinstance(item, bool | np.bool_)
    )


def take_items(x: Tensor, index: Any) -> Tensor:
    """Indexing where some items are tensors of whole numbers, side by side."""
    from glia.tensor.tensor import apply, as_tensor

    items = list(index) if isinstance(index, tuple) else [index]
    places = [i for i, item in enumerate(items) if _is_place(item)]
    first, last = places[0], places[-1] + 1
    if places != list(range(first, last)):
        message = "indices that are tensors or integers must stand side by side."
        raise ShapeError(teach(message, "index in two steps: x[a][:, b]"))
    rest = (*items[:first], *(slice(None),) * (last - first), *items[last:])
    before = sum(item is not Ellipsis for item in items[:first])
    if Ellipsis in [item for item in items[:first] if not is_array(item)]:
        used = sum(item is not None and item is not Ellipsis for item in items)
        before += len(x.shape) - used
    plain = x[rest]
    indices = []
    for i, item in enumerate(items[first:last]):
        found = as_tensor(np.asarray(item, np.int64) if isinstance(item, int) else item)
        size = plain.shape[before + i]
        check_index("indexing", found, size, -size)
        indices.append(found)
    return apply(_take_items, (plain, *indices), before)


def _take_items(x: Expr, *rest: Any) -> Expr:
    *indices, dim = rest
    return lookup.take_at(x, indices, dim)


def matching(name: str, x: Tensor, index: Tensor, dim: int) -> None:
    """An index of as many dimensions as x, no larger but along ``dim``."""
    pairs = zip(x.shape, index.shape, strict=False)
    larger = any(i > n for d, (n, i) in enumerate(pairs) if d != dim)
    if x.ndim != index.ndim or larger:
        what = tr(
            f"{name}: index {index.shape} does not fit {x.shape} except in dimension {dim}.",
            f"{name}：除第 {dim} 维外，索引形状 {index.shape} 应不超过 {x.shape}。",
        )
        raise ShapeError(teach(what))


def flat_index(name: str, index: Tensor) -> None:
    """An index of one dimension."""
    if index.ndim != 1:
        what = tr(
            f"{name}: expected an index of 1 dimension, got {index.shape}.",
            f"{name}：索引应为 1 维，得到 {index.shape}。",
        )
        raise ShapeError(teach(what, tr("use index.flatten()", "请用 index.flatten()")))

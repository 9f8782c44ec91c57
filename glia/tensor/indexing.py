"""Basic indexing: integers, slices, None and ``...``, described so that it can be remembered."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

import numpy as np

from glia.base.errors import ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr
from glia.ir.ops import view


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
            raise ShapeError(teach(message, "use integers, slices, None or ..."))
    return tuple(found)

"""Slots: the buffers that tensors' values live in, pooled by shape and dtype.

When a tensor dies its slot returns to the pool, and the next tensor of that kind takes it. So
the second iteration of a training loop meets the same slots, hence the same expressions.
"""

from __future__ import annotations

import weakref
from itertools import count
from typing import Any

import numpy as np

from glia.base.dtypes import DType
from glia.base.shapes import Shape, numel
from glia.ir.expr import Expr
from glia.ir.ops.source import leaf

ALIGNMENT = 64  # bytes: a cache line, and the widest vector
TAIL = 128  # bytes behind a buffer, so that a vector read from its start is never outside
PAGE = 4096  # bytes: the smallest piece of memory that a process is given or not
STREAM = 1 << 25  # bytes: results from here on may be written in aligned vectors
#: Free buffers above so many bytes are given back to the system.
KEEP_BYTES = 1 << 30


def aligned_empty(nbytes: int) -> np.ndarray:
    """Uninitialised bytes that start on a cache line; a little room behind for whole vectors."""
    raw = np.empty(nbytes + ALIGNMENT + TAIL, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + nbytes + TAIL]


class Slot:
    """A buffer with a name: the leaf expression that reads it."""

    __slots__ = ("array", "dtype", "index", "leaf", "nbytes", "owner", "pointer", "pool", "shape")

    def __init__(
        self, index: int, shape: Shape, dtype: DType, array: np.ndarray | None = None
    ) -> None:
        self.index = index
        self.shape = shape
        self.dtype = dtype
        self.nbytes = numel(shape) * dtype.itemsize
        self.array = _buffer(shape, dtype) if array is None else array
        self.pointer: int = self.array.ctypes.data
        self.leaf: Expr = leaf(index, shape, dtype)
        self.owner: weakref.ref[Any] | None = None  # the tensor that wants gradients
        #: Where it waits while nobody holds it; None for memory that belongs to others.
        self.pool = _free.setdefault((shape, dtype), []) if array is None else None


def _buffer(shape: Shape, dtype: DType) -> np.ndarray:
    nbytes = numel(shape) * dtype.itemsize
    return aligned_empty(nbytes)[:nbytes].view(dtype.np).reshape(shape)


_slots: dict[int, Slot] = {}
_free: dict[tuple[Shape, DType], list[Slot]] = {}
_indices = count()
_free_bytes = 0


class Value:
    """Keeps a slot taken; gives it back to the pool when the last holder is gone."""

    __slots__ = ("__weakref__", "slot")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot

    def __del__(self) -> None:
        global _free_bytes
        slot = self.slot
        slot.owner = None
        if slot.pool is None or _free_bytes + slot.nbytes > KEEP_BYTES:
            _slots.pop(slot.index, None)
            return
        _free_bytes += slot.nbytes
        slot.pool.append(slot)


def acquire(shape: Shape, dtype: DType) -> Value:
    """A slot of this shape and dtype with undefined contents."""
    global _free_bytes
    pool = _free.get((shape, dtype))
    if pool:
        try:
            slot = pool.pop()
        except IndexError:  # another thread took the last one
            return acquire(shape, dtype)
        _free_bytes -= slot.nbytes
        return Value(slot)
    index = next(_indices)
    slot = _slots[index] = Slot(index, shape, dtype)
    return Value(slot)


def adopt(array: np.ndarray, dtype: DType) -> Value | None:
    """A slot in memory that belongs to others; None where native code could not work in it.

    Vectors are read past the end, which must not leave the last page; results larger than
    the caches are written in whole aligned vectors.
    """
    first, last = array.ctypes.data, array.ctypes.data + max(array.nbytes, 1) - 1
    dense = array.flags.c_contiguous and array.flags.writeable and array.flags.aligned
    inside = last // PAGE == (last + TAIL) // PAGE
    if not dense or not inside or (array.nbytes >= STREAM and first % ALIGNMENT):
        return None
    index = next(_indices)
    slot = _slots[index] = Slot(index, array.shape, dtype, array)
    return Value(slot)


def slot_of(leaf_expr: Expr) -> Slot:
    """The slot that a leaf expression reads."""
    return _slots[leaf_expr.attrs[0]]


def trim() -> None:
    """Give all free buffers back to the system."""
    global _free_bytes
    for pool in _free.values():
        for slot in pool:
            _slots.pop(slot.index, None)
        pool.clear()
    _free_bytes = 0

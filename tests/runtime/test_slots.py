"""Slots: taken from a pool, given back, and told apart by shape and dtype."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import glia as gl
from glia.base.dtypes import float32, float64, int64
from glia.runtime import slots
from glia.runtime.slots import ALIGNMENT, TAIL, acquire, aligned_empty, slot_of, trim


def test_a_freed_slot_is_taken_again() -> None:
    value = acquire((3, 5), float32)
    index = value.slot.index
    del value
    assert acquire((3, 5), float32).slot.index == index


def test_kinds_are_told_apart() -> None:
    trim()
    value = acquire((4,), float32)
    index = value.slot.index
    del value
    assert acquire((2, 2), float32).slot.index != index
    assert acquire((4,), float64).slot.index != index
    assert acquire((4,), float32).slot.index == index


def test_slots_in_use_are_different() -> None:
    held = [acquire((7,), int64) for _ in range(20)]
    assert len({value.slot.index for value in held}) == 20
    assert len({value.slot.pointer for value in held}) == 20


def test_slots_are_found_by_their_leaf() -> None:
    value = acquire((2,), float32)
    assert slot_of(value.slot.leaf) is value.slot
    assert value.slot.leaf.shape == (2,)


@pytest.mark.parametrize("nbytes", [0, 1, 63, 64, 1000])
def test_buffers_start_on_a_cache_line_and_have_room_behind(nbytes: int) -> None:
    buffer = aligned_empty(nbytes)
    assert buffer.ctypes.data % ALIGNMENT == 0
    assert buffer.nbytes == nbytes + TAIL


def test_trimming_gives_free_buffers_back() -> None:
    held, freed = acquire((11, 13), float32), acquire((11, 13), float32)
    index = freed.slot.index
    del freed
    trim()
    assert index not in slots._slots
    assert held.slot.index in slots._slots
    assert acquire((11, 13), float32).slot.index != index


def test_little_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    trim()
    monkeypatch.setattr(slots, "KEEP_BYTES", 1000)
    values = [acquire((100,), float32) for _ in range(5)]
    before = len(slots._slots)
    del values
    gc.collect()
    assert len(slots._slots) == before - 3
    assert slots._free_bytes == 800
    trim()
    assert slots._free_bytes == 0


def test_the_second_iteration_meets_the_same_slots() -> None:
    x = gl.tensor(np.ones((4, 4), np.float32))
    indices = []
    for _ in range(4):
        y = (x + 1).exp()
        gl.realize(y)
        assert y._node.value is not None
        indices.append(y._node.value.slot.index)
        del y
    assert len(set(indices[1:])) == 1


def test_values_that_are_kept_are_not_overwritten() -> None:
    x = gl.tensor([1.0, 2.0])
    kept = [x * float(i) for i in range(5)]
    gl.realize(*kept)
    again = [x * float(i) for i in range(5, 10)]
    gl.realize(*again)
    assert [t.tolist() for t in kept] == [[i, 2.0 * i] for i in range(5)]

"""One program many times over, in native code: pointers move on between two runs.

What a run writes (a loss) lands behind what the run before wrote; what differs from run to run (a
learning rate, a random key) is read from a table row by row; and batches are gathered by a small
kernel that stands before the program's own and is told by a list which rows to take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from glia.ir.expr import Expr
from glia.runtime.execute import Bound, Runnable, profilers
from glia.runtime.slots import Slot, acquire, slot_of
from glia.runtime.threads import pool, running

#: Native code returns after about so many seconds, so that Ctrl-C comes through.
PART_SECONDS = 0.1
#: A part is at most so many times as long as the one before, whose pace is known.
GROWTH = 16
#: Batches of so many bytes are gathered by several threads.
LARGE = 1 << 15


@dataclass(frozen=True, eq=False)
class Gather:
    """Before run k, rows ``order[k]`` of ``rows`` are copied into a slot."""

    leaf: Expr  # reads the slot
    into: Slot
    rows: np.ndarray  # contiguous
    order: np.ndarray  # int64 (times, rows of a batch), contiguous


def repeat(
    program: Runnable,
    outputs: Sequence[Slot],
    times: int,
    tables: Mapping[Expr, Slot],
    gathers: Sequence[Gather],
) -> None:
    """Run a program ``times`` times; ``outputs[i][k]`` is what run k gave.

    Args:
        program: what to run.
        outputs: slots of shape (times, …), one for each output that is not an update.
        times: how often.
        tables: for leaves that differ from run to run, slots of shape (times, …).
        gathers: the leaves that rows of an array are copied into.
    """
    if isinstance(program, Bound) and not profilers:
        with running:
            _native(program, outputs, times, tables, gathers)
    else:
        _one_by_one(program, outputs, times, tables, gathers)


def _one_by_one(
    program: Runnable,
    outputs: Sequence[Slot],
    times: int,
    tables: Mapping[Expr, Slot],
    gathers: Sequence[Gather],
) -> None:
    """The same, run by run: what the native loop must do."""
    for gather in gathers:
        program.read_from(gather.leaf, gather.into)
    singles = [acquire(slot.shape[1:], slot.dtype) for slot in outputs]
    later = [(slot_of(leaf).array, slot_of(leaf).array.copy()) for leaf in tables]
    for k in range(times):
        for gather in gathers:
            gather.into.array[...] = gather.rows[gather.order[k]]
        for leaf, table in tables.items():
            slot_of(leaf).array[...] = table.array[k]
        program.run([single.slot for single in singles])
        for slot, single in zip(outputs, singles, strict=True):
            slot.array[k] = single.slot.array
    for array, value in later:
        array[...] = value


def _native(
    program: Bound,
    outputs: Sequence[Slot],
    times: int,
    tables: Mapping[Expr, Slot],
    gathers: Sequence[Gather],
) -> None:
    table, words = program.with_gathers([gather.into.nbytes >= LARGE for gather in gathers])
    moves: list[tuple[int, int]] = []
    for row, gather in zip(words, gathers, strict=True):
        program.read_from(gather.leaf, gather.into)
        count = gather.order.shape[1]
        nbytes = gather.into.nbytes
        starts = gather.rows.ctypes.data, gather.into.pointer, gather.order.ctypes.data
        row[:] = (*starts, nbytes // max(count, 1), count)
        moves.append((row.ctypes.data + 16, 8 * count))
    for number, slot in enumerate(outputs):
        moves += program.move_output(number, slot.pointer, slot.nbytes // times)
    for leaf, slot in tables.items():
        moves += program.move_leaf(leaf, slot.pointer, slot.nbytes // times)
    program.place_temporaries()
    steps = np.array(moves, np.int64).reshape(-1, 2)
    large = any(gather.into.nbytes >= LARGE for gather in gathers)
    parallel = program.loaded.parallel or large
    try:
        _in_parts(lambda part: pool().repeat(table, parallel, part, steps), times)
        program.loaded.check()
    finally:
        for leaf in tables:
            program.read_from(leaf, slot_of(leaf))


def _in_parts(run: Callable[[int], None], times: int) -> None:
    """So many runs, in calls that do not last long."""
    done, part = 0, 1
    while done < times:
        part = min(part, times - done)
        start = time.perf_counter()
        run(part)
        seconds = time.perf_counter() - start
        done += part
        part = max(1, int(part * min(PART_SECONDS / max(seconds, 1e-9), GROWTH)))

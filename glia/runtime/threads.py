"""The thread pool: persistent threads parked in native code; a program runs on all of them.

A kernel is cut into one share per thread. Every thread walks the program's table of kernels and
takes shares, its own first, then those nobody has taken; before a kernel that needs what others
wrote it waits until their shares are done. So a thread that the system keeps waiting holds nobody
up, and which thread does a share never changes the result. Waiting threads spin briefly, then
yield, and idle workers sleep in Python, so that other processes get the processor.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from glia.base.config import default_threads
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.base.locks import lock
from glia.runtime.control import (
    AFTER,
    BUFFERS,
    FUNCTION,
    LAST_JOB,
    LINE,
    MAX_THREADS,
    ROW,
    SHARES,
    WORDS,
    native,
)
from glia.runtime.slots import aligned_empty

if TYPE_CHECKING:
    from glia.compiler.program import Launch


#: One program at a time: programs share the arena, and all threads work on each.
running = lock()


class Table:
    """A program's kernels as the threads walk them: rows of pointers and counters.

    Consecutive kernels that one thread runs alone are one row: a chain. ``before`` gives rows
    that come first, and that the others wait for: function, buffers, whether to share.
    """

    def __init__(
        self,
        steps: Sequence[Launch],
        functions: Sequence[int],
        buffers: Sequence[int],
        before: Sequence[tuple[int, int, bool]] = (),
    ) -> None:
        units: list[list[int]] = []
        for i, step in enumerate(steps):
            if step.chained:
                units[-1].append(i)
            else:
                units.append([i])
        self.count = len(before) + len(units)
        self.memory = aligned_empty(8 * ROW * max(self.count, 1))
        self.pointer = int(self.memory.ctypes.data)
        self.rows = self.memory[: 8 * ROW * self.count].view(np.int64).reshape(-1, ROW)
        self.rows[:] = 0
        self.parallel = [shared for *_, shared in before]
        self.parallel += [not steps[unit[0]].serial for unit in units]
        self.threads = 0
        self.chains: list[np.ndarray] = []
        for row, (function, words, _) in zip(self.rows, before, strict=False):
            row[FUNCTION], row[BUFFERS] = function, words
        for row, unit in zip(self.rows[len(before) :], units, strict=True):
            first = unit[0]
            row[FUNCTION], row[BUFFERS] = functions[first], buffers[first]
            row[AFTER] = steps[first].barrier or (bool(before) and first == 0)
            if len(unit) > 1:
                pairs = [word for i in unit for word in (functions[i], buffers[i])]
                chain = np.array([len(unit), *pairs], np.int64)
                self.chains.append(chain)
                row[FUNCTION], row[BUFFERS] = native().chain, chain.ctypes.data

    def share(self, threads: int) -> None:
        """Cut every kernel that is worth it into one share per thread."""
        if threads != self.threads:
            self.threads = threads
            self.rows[:, SHARES] = np.where(self.parallel, threads, 1)


class Pool:
    """Worker threads, and the control block they share with whoever launches."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.launch_function, self.worker_function = native().launch, native().worker
        self.words = (ctypes.c_int64 * (WORDS + LINE))()
        start = ctypes.addressof(self.words)
        self.control = start + (-start % 64)
        self.wake = [threading.Semaphore(0) for _ in range(threads)]
        self.asleep = [False] * threads
        self.busy = False
        self.job = 0
        self.workers = [
            threading.Thread(target=self._work, args=(i,), daemon=True, name=f"glia-{i}")
            for i in range(1, threads)
        ]
        for worker in self.workers:
            worker.start()

    def _work(self, thread: int) -> None:
        """The life of a worker: native code while there is work, sleep when there is none."""
        seen = 0
        while True:
            seen = self.worker_function(self.control, seen, thread)
            if seen < 0:
                return
            self.asleep[thread] = True
            # whoever announced a job before the flag was set has not rung: look once more
            if self.busy or self.job != seen:
                self.asleep[thread] = False
                continue
            self.wake[thread].acquire()

    def launch(self, table: Table, parallel: bool) -> None:
        """Run a table of kernels; returns when all are done."""
        with running:
            if parallel and self.threads > 1:
                table.share(self.threads)
                self._announce(table.pointer, table.count, self.threads)
            else:
                self.launch_function(self.control, table.pointer, table.count, 1, 0)

    def repeat(self, table: Table, parallel: bool, times: int, moves: np.ndarray) -> None:
        """Run a table so many times; after each, words move: rows of (address, how far)."""
        ends = (moves.ctypes.data, len(moves), times)
        native_repeat = native().repeat
        with running:
            if parallel and self.threads > 1:
                table.share(self.threads)
                self._ring()
                job = self.job % LAST_JOB + 1
                self.job = (job + times - 2) % LAST_JOB + 1
                native_repeat(self.control, table.pointer, table.count, self.threads, job, *ends)
                self.busy = False
            else:
                native_repeat(self.control, table.pointer, table.count, 1, 0, *ends)

    def _announce(self, table: int, count: int, threads: int) -> None:
        self._ring()
        self.job = self.job % LAST_JOB + 1
        self.launch_function(self.control, table, count, threads, self.job)
        self.busy = False

    def _ring(self) -> None:
        """Keep workers from going to sleep, and wake those that do."""
        self.busy = True
        for thread in range(1, self.threads):
            if self.asleep[thread]:
                self.asleep[thread] = False
                self.wake[thread].release()

    def stop(self) -> None:
        """End the workers."""
        with running:
            self._announce(0, 0, 0)
        for worker in self.workers:
            worker.join()


_pool: Pool | None = None
_wanted: int | None = None


def pool() -> Pool:
    """The pool of this process, started when first needed."""
    global _pool
    if _pool is None:
        with running:
            if _pool is None:
                _pool = Pool(get_num_threads())
    return _pool


_retired: list[object] = []


def retire(table: object) -> None:
    """Keep the table of a dead program until no worker that lags behind can be reading it."""
    if _pool is not None and _retired is not None and _pool.threads > 1:
        _retired.append(table)
        if len(_retired) > 256 and all(_pool.asleep[1:]):
            _retired.clear()


def get_num_threads() -> int:
    """How many threads programs run on."""
    return _wanted if _wanted is not None else min(default_threads(), MAX_THREADS)


def set_num_threads(count: int) -> None:
    """Run programs on so many threads. Results have the same bits for any number."""
    global _pool, _wanted
    if not 1 <= count <= MAX_THREADS:
        what = tr(
            f"threads: expected a number from 1 to {MAX_THREADS}, found {count}.",
            f"线程数：应为 1 到 {MAX_THREADS}，实际为 {count}。",
        )
        help = tr("give the number of cores to use", "请给出要使用的核心数")
        raise ArgumentError(teach(what, help))
    with running:
        if _pool is not None and _pool.threads != count:
            _pool.stop()
            _pool = None
        _wanted = count


def _after_fork() -> None:
    """Threads do not survive a fork: the child starts a pool of its own."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

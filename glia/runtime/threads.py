"""The thread pool: persistent threads parked in native code; a program runs on all of them.

Every thread walks the program's table of kernels and does its static share of each, with a
barrier where one kernel needs what another thread wrote. Waiting threads spin briefly, then
yield, and idle workers go to sleep in Python, so that other processes get the processor.
"""

from __future__ import annotations

import ctypes
import os
import threading
from functools import lru_cache
from typing import Any

from glia.base.config import default_threads
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.compiler.native import linker

#: Words of the shared control block, one cache line each: generation, done, arrived, sense; then
#: the job: table of steps, number of steps, threads.
LINE = 8
GENERATION, DONE, ARRIVED, SENSE, TABLE, COUNT, THREADS = (LINE * i for i in range(7))
WORDS = LINE * 8
SPINS = 2000  # pauses before a waiting thread gives its processor away
IDLE_SPINS = 20000  # pauses of a worker without work before it goes to sleep


#: Barrier, walking a table, worker and launch. A table row is four words: function, buffers,
#: whether one thread runs it alone, whether all threads meet before it.
_RUN = """
declare i32 @sched_yield()
{declare}

define internal void @glia_wait(ptr %word, i64 %old) {{
entry:
  br label %spin
spin:
  %i = phi i64 [ 0, %entry ], [ %next, %back ]
  %now = load atomic i64, ptr %word acquire, align 8
  %changed = icmp ne i64 %now, %old
  br i1 %changed, label %done, label %again
again:
  {pause}
  %next = add i64 %i, 1
  %long = icmp ugt i64 %next, {spins}
  br i1 %long, label %yield, label %back
yield:
  %r = call i32 @sched_yield()
  br label %back
back:
  br label %spin
done:
  ret void
}}

define internal void @glia_barrier(ptr %control, i64 %threads) {{
entry:
  %arrived = getelementptr i64, ptr %control, i64 {ARRIVED}
  %sense = getelementptr i64, ptr %control, i64 {SENSE}
  %old = load atomic i64, ptr %sense acquire, align 8
  %before = atomicrmw add ptr %arrived, i64 1 acq_rel
  %mine = add i64 %before, 1
  %last = icmp eq i64 %mine, %threads
  br i1 %last, label %open, label %stay
open:
  store atomic i64 0, ptr %arrived release, align 8
  %new = add i64 %old, 1
  store atomic i64 %new, ptr %sense release, align 8
  ret void
stay:
  call void @glia_wait(ptr %sense, i64 %old)
  ret void
}}

define internal void @glia_walk(ptr %control, ptr %table, i64 %count, i64 %thread, i64 %threads) {{
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %tail ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %row = mul i64 %i, 4
  %at = getelementptr i64, ptr %table, i64 %row
  %at1 = getelementptr i64, ptr %at, i64 1
  %at2 = getelementptr i64, ptr %at, i64 2
  %at3 = getelementptr i64, ptr %at, i64 3
  %function = load ptr, ptr %at
  %buffers = load ptr, ptr %at1
  %serial = load i64, ptr %at2
  %barrier = load i64, ptr %at3
  %alone = icmp eq i64 %threads, 1
  %need = icmp ne i64 %barrier, 0
  %notalone = xor i1 %alone, true
  %sync = and i1 %need, %notalone
  br i1 %sync, label %meet, label %go
meet:
  call void @glia_barrier(ptr %control, i64 %threads)
  br label %go
go:
  %isserial = icmp ne i64 %serial, 0
  br i1 %isserial, label %one, label %all
one:
  %first = icmp eq i64 %thread, 0
  br i1 %first, label %run1, label %tail
run1:
  call void %function(ptr %buffers, i64 0, i64 1)
  br label %tail
all:
  call void %function(ptr %buffers, i64 %thread, i64 %threads)
  br label %tail
tail:
  %next = add i64 %i, 1
  br label %head
done:
  ret void
}}

; A worker: run every job announced since generation %seen; return the generation last seen
; when nothing came for a while.
define i64 @glia_worker(ptr %control, i64 %seen, i64 %thread) {{
entry:
  %generation = getelementptr i64, ptr %control, i64 {GENERATION}
  %done = getelementptr i64, ptr %control, i64 {DONE}
  %ptable = getelementptr i64, ptr %control, i64 {TABLE}
  %pcount = getelementptr i64, ptr %control, i64 {COUNT}
  %pthreads = getelementptr i64, ptr %control, i64 {THREADS}
  br label %wait
wait:
  %old = phi i64 [ %seen, %entry ], [ %now, %work ]
  br label %spin
spin:
  %i = phi i64 [ 0, %wait ], [ %next, %again ]
  %now = load atomic i64, ptr %generation acquire, align 8
  %fresh = icmp ne i64 %now, %old
  br i1 %fresh, label %got, label %again
again:
  {pause}
  %next = add i64 %i, 1
  %idle = icmp ugt i64 %next, {idle}
  br i1 %idle, label %sleep, label %spin
got:
  %table = load ptr, ptr %ptable
  %count = load i64, ptr %pcount
  %threads = load i64, ptr %pthreads
  %stop = icmp eq i64 %threads, 0
  br i1 %stop, label %leave, label %work
work:
  call void @glia_walk(ptr %control, ptr %table, i64 %count, i64 %thread, i64 %threads)
  %d = atomicrmw add ptr %done, i64 1 acq_rel
  br label %wait
sleep:
  ret i64 %old
leave:
  ret i64 -1
}}

define void @glia_launch(ptr %control, ptr %table, i64 %count, i64 %threads) {{
entry:
  %generation = getelementptr i64, ptr %control, i64 {GENERATION}
  %done = getelementptr i64, ptr %control, i64 {DONE}
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %single, label %many
single:
  call void @glia_walk(ptr %control, ptr %table, i64 %count, i64 0, i64 1)
  ret void
many:
  %ptable = getelementptr i64, ptr %control, i64 {TABLE}
  %pcount = getelementptr i64, ptr %control, i64 {COUNT}
  %pthreads = getelementptr i64, ptr %control, i64 {THREADS}
  store ptr %table, ptr %ptable
  store i64 %count, ptr %pcount
  store i64 %threads, ptr %pthreads
  store atomic i64 0, ptr %done release, align 8
  %g = atomicrmw add ptr %generation, i64 1 seq_cst
  %stop = icmp eq i64 %threads, 0
  br i1 %stop, label %leave, label %work
work:
  call void @glia_walk(ptr %control, ptr %table, i64 %count, i64 0, i64 %threads)
  %others = sub i64 %threads, 1
  br label %spin
spin:
  %now = load atomic i64, ptr %done acquire, align 8
  %all = icmp eq i64 %now, %others
  br i1 %all, label %leave, label %again
again:
  call void @glia_wait(ptr %done, i64 %now)
  br label %spin
leave:
  ret void
}}
"""


def _control_code(triple: str) -> str:
    """The LLVM IR of the pool for a processor."""
    if triple.startswith(("x86_64", "i686", "i386")):
        declare, pause = "declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"
    elif triple.startswith(("aarch64", "arm64")):
        declare = "declare void @llvm.aarch64.hint(i32)"
        pause = "call void @llvm.aarch64.hint(i32 1)"
    else:
        declare, pause = "", "fence acquire"
    return _RUN.format(
        declare=declare,
        pause=pause,
        spins=SPINS,
        idle=IDLE_SPINS,
        GENERATION=GENERATION,
        DONE=DONE,
        ARRIVED=ARRIVED,
        SENSE=SENSE,
        TABLE=TABLE,
        COUNT=COUNT,
        THREADS=THREADS,
    )


@lru_cache(maxsize=1)
def _native() -> tuple[Any, Any]:
    """The native launch and worker functions."""
    link = linker()
    code = link.compile(_control_code(link.target.triple))
    launch_at = link.link("glia_launch", code)
    worker_at = link.address("glia_worker")
    pointer, word = ctypes.c_void_p, ctypes.c_int64
    launch = ctypes.CFUNCTYPE(None, pointer, pointer, word, word)(launch_at)
    worker = ctypes.CFUNCTYPE(word, pointer, word, word)(worker_at)
    return launch, worker


class Pool:
    """Worker threads, and the control block they share with whoever launches."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.launch_function, self.worker_function = _native()
        self.words = (ctypes.c_int64 * (WORDS + LINE))()
        start = ctypes.addressof(self.words)
        self.control = start + (-start % 64)
        self.lock = threading.Lock()
        self.wake = [threading.Semaphore(0) for _ in range(threads)]
        self.asleep = [False] * threads
        self.busy = False
        self.workers = [
            threading.Thread(target=self._work, args=(i,), daemon=True, name=f"glia-{i}")
            for i in range(1, threads)
        ]
        for worker in self.workers:
            worker.start()

    def _generation(self) -> int:
        return ctypes.c_int64.from_address(self.control + 8 * GENERATION).value

    def _work(self, thread: int) -> None:
        """The life of a worker: native code while there is work, sleep when there is none."""
        seen = 0
        while True:
            seen = self.worker_function(self.control, seen, thread)
            if seen < 0:
                return
            self.asleep[thread] = True
            # whoever announced a job before the flag was set has not rung: look once more
            if self.busy or self._generation() != seen:
                self.asleep[thread] = False
                continue
            self.wake[thread].acquire()

    def launch(self, table: int, count: int, threads: int) -> None:
        """Run a table of kernels on so many threads; returns when all are done."""
        with self.lock:
            if threads > 1:
                threads = self.threads
                self._ring()
            self.launch_function(self.control, table, count, threads)
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
        with self.lock:
            self._ring()
            self.launch_function(self.control, None, 0, 0)
        for worker in self.workers:
            worker.join()


_pool: Pool | None = None
_wanted: int | None = None
_guard = threading.Lock()


def pool() -> Pool:
    """The pool of this process, started when first needed."""
    global _pool
    if _pool is None:
        with _guard:
            if _pool is None:
                _pool = Pool(get_num_threads())
    return _pool


def get_num_threads() -> int:
    """How many threads programs run on."""
    return _wanted if _wanted is not None else default_threads()


def set_num_threads(count: int) -> None:
    """Run programs on so many threads. Results have the same bits for any number."""
    global _pool, _wanted
    if count < 1 or count > 1024:
        what = tr(
            f"threads: expected a number from 1 to 1024, found {count}.",
            f"线程数：应为 1 到 1024，实际为 {count}。",
        )
        help = tr("give the number of cores to use", "请给出要使用的核心数")
        raise ArgumentError(teach(what, help))
    with _guard:
        if _pool is not None and _pool.threads != count:
            _pool.stop()
            _pool = None
        _wanted = count


def _after_fork() -> None:
    """Threads do not survive a fork: the child starts a pool of its own."""
    global _pool, _guard
    _pool = None
    _guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

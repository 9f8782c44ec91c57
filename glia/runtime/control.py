"""The native half of the thread pool, in LLVM IR: waiting, taking shares, launching.

A program is a table of kernels, one row each; a thread walks it from top to bottom. ``threads.py``
is the Python half.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

#: Words of the shared control block, a cache line each: the number of the job announced last, and
#: the job itself: table of kernels, its length, number of threads (0: stop).
LINE = 8
JOB, TABLE, COUNT, THREADS = (LINE * i for i in range(4))
WORDS = LINE * 4
#: Words of a table row (a cache line): function, buffers, shares, whether it must wait for the
#: rows before it, which shares are taken (with the job's number above them), how many are done.
ROW = 8
FUNCTION, BUFFERS, SHARES, AFTER, TAKEN, FINISHED = range(6)
LAST_JOB = 0x7FFFFFFF  # then they count from 1 again
MAX_THREADS = 32  # the shares of a kernel are bits of half a word
SPINS = 2000  # pauses before a waiting thread gives its processor away
IDLE_SPINS = 20000  # pauses of a worker without work before it goes to sleep

_CODE = """
declare i32 @sched_yield()
declare i64 @llvm.cttz.i64(i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
{declare}

; One pause of a wait that has lasted i pauses: spin at first, then let others run.
define internal void @glia_pause(i64 %i) {{
entry:
  {pause}
  %long = icmp ugt i64 %i, {SPINS}
  br i1 %long, label %yield, label %done
yield:
  %r = call i32 @sched_yield()
  br label %done
done:
  ret void
}}

; Wait until rows [from, to) are done; false when the job is no longer the one announced.
define internal i1 @glia_wait(ptr %table, i64 %from, i64 %to, i64 %job) {{
entry:
  br label %head
head:
  %k = phi i64 [ %from, %entry ], [ %k1, %next ]
  %more = icmp ult i64 %k, %to
  br i1 %more, label %row, label %done
row:
  %first = mul i64 %k, {ROW}
  %at = getelementptr i64, ptr %table, i64 %first
  %pshares = getelementptr i64, ptr %at, i64 {SHARES}
  %ptaken = getelementptr i64, ptr %at, i64 {TAKEN}
  %pfinished = getelementptr i64, ptr %at, i64 {FINISHED}
  %shares = load i64, ptr %pshares
  br label %spin
spin:
  %i = phi i64 [ 0, %row ], [ %i1, %again ]
  %taken = load atomic i64, ptr %ptaken acquire, align 8
  %tag = lshr i64 %taken, 32
  %mine = icmp eq i64 %tag, %job
  br i1 %mine, label %look, label %stale
look:
  %finished = load atomic i64, ptr %pfinished acquire, align 8
  %all = icmp eq i64 %finished, %shares
  br i1 %all, label %next, label %again
again:
  call void @glia_pause(i64 %i)
  %i1 = add i64 %i, 1
  br label %spin
next:
  %k1 = add i64 %k, 1
  br label %head
done:
  ret i1 true
stale:
  ret i1 false
}}

; Walk the table: take shares of every row until none is left, wait where a row says so.
define internal void @glia_walk(ptr %table, i64 %count, i64 %thread, i64 %job) {{
entry:
  %own = shl i64 1, %thread
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %since = phi i64 [ 0, %entry ], [ %since1, %next ]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %row, label %last
row:
  %first = mul i64 %k, {ROW}
  %at = getelementptr i64, ptr %table, i64 %first
  %pfunction = getelementptr i64, ptr %at, i64 {FUNCTION}
  %pbuffers = getelementptr i64, ptr %at, i64 {BUFFERS}
  %pshares = getelementptr i64, ptr %at, i64 {SHARES}
  %pafter = getelementptr i64, ptr %at, i64 {AFTER}
  %ptaken = getelementptr i64, ptr %at, i64 {TAKEN}
  %pfinished = getelementptr i64, ptr %at, i64 {FINISHED}
  %function = load ptr, ptr %pfunction
  %buffers = load ptr, ptr %pbuffers
  %shares = load i64, ptr %pshares
  %after = load i64, ptr %pafter
  %all1 = shl i64 1, %shares
  %all = sub i64 %all1, 1
  %must = icmp ne i64 %after, 0
  br i1 %must, label %meet, label %ready
meet:
  %ok = call i1 @glia_wait(ptr %table, i64 %since, i64 %k, i64 %job)
  br i1 %ok, label %ready, label %leave
ready:
  %since1 = phi i64 [ %since, %row ], [ %k, %meet ]
  br label %take
take:
  %old = load atomic i64, ptr %ptaken acquire, align 8
  %tag = lshr i64 %old, 32
  %mine = icmp eq i64 %tag, %job
  br i1 %mine, label %current, label %leave
current:
  %left0 = xor i64 %old, -1
  %left = and i64 %left0, %all
  %none = icmp eq i64 %left, 0
  br i1 %none, label %next, label %choose
choose:
  %lowest = call i64 @llvm.cttz.i64(i64 %left, i1 true)
  %low = shl i64 1, %lowest
  %free = and i64 %left, %own
  %isfree = icmp ne i64 %free, 0
  %bit = select i1 %isfree, i64 %own, i64 %low
  %share = select i1 %isfree, i64 %thread, i64 %lowest
  %new = or i64 %old, %bit
  %pair = cmpxchg ptr %ptaken, i64 %old, i64 %new acq_rel acquire
  %won = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %won, label %run, label %take
run:
  call void %function(ptr %buffers, i64 %share, i64 %shares)
  %done = atomicrmw add ptr %pfinished, i64 1 acq_rel
  br label %take
next:
  %k1 = add i64 %k, 1
  br label %head
last:
  %end = call i1 @glia_wait(ptr %table, i64 %since, i64 %count, i64 %job)
  ret void
leave:
  ret void
}}

; Kernels that one thread runs one after another: how many, then function and buffers of each.
define void @glia_chain(ptr %chain, i64 %share, i64 %shares) {{
entry:
  %count = load i64, ptr %chain
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %body ]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %body, label %done
body:
  %twice = mul i64 %k, 2
  %at1 = add i64 %twice, 1
  %at2 = add i64 %twice, 2
  %pfunction = getelementptr i64, ptr %chain, i64 %at1
  %pbuffers = getelementptr i64, ptr %chain, i64 %at2
  %function = load ptr, ptr %pfunction
  %buffers = load ptr, ptr %pbuffers
  call void %function(ptr %buffers, i64 0, i64 1)
  %k1 = add i64 %k, 1
  br label %head
done:
  ret void
}}

; One thread alone: no counting, no waiting.
define internal void @glia_alone(ptr %table, i64 %count) {{
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %row ]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %row, label %done
row:
  %first = mul i64 %k, {ROW}
  %at = getelementptr i64, ptr %table, i64 %first
  %pbuffers = getelementptr i64, ptr %at, i64 {BUFFERS}
  %function = load ptr, ptr %at
  %buffers = load ptr, ptr %pbuffers
  call void %function(ptr %buffers, i64 0, i64 1)
  %k1 = add i64 %k, 1
  br label %head
done:
  ret void
}}

; A worker: help with every job announced after %seen. Returns the last job seen when nothing came
; for a while, -1 to stop. While the number is 0 the next job is being written.
define i64 @glia_worker(ptr %control, i64 %seen, i64 %thread) {{
entry:
  %pjob = getelementptr i64, ptr %control, i64 {JOB}
  %ptable = getelementptr i64, ptr %control, i64 {TABLE}
  %pcount = getelementptr i64, ptr %control, i64 {COUNT}
  %pthreads = getelementptr i64, ptr %control, i64 {THREADS}
  br label %wait
wait:
  %old = phi i64 [ %seen, %entry ], [ %now, %work ], [ %old, %got ]
  br label %spin
spin:
  %i = phi i64 [ 0, %wait ], [ %i1, %again ]
  %now = load atomic i64, ptr %pjob acquire, align 8
  %other = icmp ne i64 %now, %old
  %written = icmp ne i64 %now, 0
  %fresh = and i1 %other, %written
  br i1 %fresh, label %got, label %again
again:
  call void @glia_pause(i64 %i)
  %i1 = add i64 %i, 1
  %idle = icmp ugt i64 %i1, {IDLE_SPINS}
  br i1 %idle, label %sleep, label %spin
got:
  %table = load atomic ptr, ptr %ptable acquire, align 8
  %count = load atomic i64, ptr %pcount acquire, align 8
  %threads = load atomic i64, ptr %pthreads acquire, align 8
  %check = load atomic i64, ptr %pjob acquire, align 8
  %same = icmp eq i64 %check, %now
  br i1 %same, label %whole, label %wait
whole:
  %stop = icmp eq i64 %threads, 0
  br i1 %stop, label %leave, label %work
work:
  call void @glia_walk(ptr %table, i64 %count, i64 %thread, i64 %now)
  br label %wait
sleep:
  ret i64 %old
leave:
  ret i64 -1
}}

; The table again and again; after each time words (pointers, mostly) move on. A move is the
; address of the word and how far it moves.
define void @glia_repeat(ptr %control, ptr %table, i64 %count, i64 %threads, i64 %job,
                         ptr %moves, i64 %moving, i64 %times) {{
entry:
  br label %head
head:
  %n = phi i64 [ 0, %entry ], [ %n1, %moved ]
  %now = phi i64 [ %job, %entry ], [ %later, %moved ]
  %more = icmp ult i64 %n, %times
  br i1 %more, label %run, label %done
run:
  call void @glia_launch(ptr %control, ptr %table, i64 %count, i64 %threads, i64 %now)
  %rest = urem i64 %now, {LAST_JOB}
  %later = add i64 %rest, 1
  br label %move
move:
  %k = phi i64 [ 0, %run ], [ %k1, %one ]
  %left = icmp ult i64 %k, %moving
  br i1 %left, label %one, label %moved
one:
  %first = mul i64 %k, 2
  %second = add i64 %first, 1
  %pword = getelementptr i64, ptr %moves, i64 %first
  %pstride = getelementptr i64, ptr %moves, i64 %second
  %word = load ptr, ptr %pword
  %stride = load i64, ptr %pstride
  %old = load i64, ptr %word
  %new = add i64 %old, %stride
  store i64 %new, ptr %word
  %k1 = add i64 %k, 1
  br label %move
moved:
  %n1 = add i64 %n, 1
  br label %head
done:
  ret void
}}

; A kernel: copy rows of an array one after another. Its buffers are the array, the place to copy
; to, the numbers of the rows, the bytes of a row and how many rows.
define void @glia_gather(ptr %buffers, i64 %share, i64 %shares) {{
entry:
  %pto = getelementptr i64, ptr %buffers, i64 1
  %porder = getelementptr i64, ptr %buffers, i64 2
  %pbytes = getelementptr i64, ptr %buffers, i64 3
  %pcount = getelementptr i64, ptr %buffers, i64 4
  %from = load ptr, ptr %buffers
  %to = load ptr, ptr %pto
  %order = load ptr, ptr %porder
  %bytes = load i64, ptr %pbytes
  %count = load i64, ptr %pcount
  %next = add i64 %share, 1
  %before = mul i64 %share, %count
  %after = mul i64 %next, %count
  %low = udiv i64 %before, %shares
  %high = udiv i64 %after, %shares
  br label %head
head:
  %k = phi i64 [ %low, %entry ], [ %k1, %row ]
  %more = icmp ult i64 %k, %high
  br i1 %more, label %row, label %done
row:
  %pnumber = getelementptr i64, ptr %order, i64 %k
  %number = load i64, ptr %pnumber
  %there = mul i64 %number, %bytes
  %here = mul i64 %k, %bytes
  %source = getelementptr i8, ptr %from, i64 %there
  %target = getelementptr i8, ptr %to, i64 %here
  call void @llvm.memcpy.p0.p0.i64(ptr %target, ptr %source, i64 %bytes, i1 false)
  %k1 = add i64 %k, 1
  br label %head
done:
  ret void
}}

define void @glia_launch(ptr %control, ptr %table, i64 %count, i64 %threads, i64 %job) {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %single, label %many
single:
  call void @glia_alone(ptr %table, i64 %count)
  ret void
many:
  %pjob = getelementptr i64, ptr %control, i64 {JOB}
  %ptable = getelementptr i64, ptr %control, i64 {TABLE}
  %pcount = getelementptr i64, ptr %control, i64 {COUNT}
  %pthreads = getelementptr i64, ptr %control, i64 {THREADS}
  %tag = shl i64 %job, 32
  br label %head
head:
  %k = phi i64 [ 0, %many ], [ %k1, %row ]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %row, label %announce
row:
  %first = mul i64 %k, {ROW}
  %at = getelementptr i64, ptr %table, i64 %first
  %ptaken = getelementptr i64, ptr %at, i64 {TAKEN}
  %pfinished = getelementptr i64, ptr %at, i64 {FINISHED}
  store atomic i64 0, ptr %pfinished release, align 8
  store atomic i64 %tag, ptr %ptaken release, align 8
  %k1 = add i64 %k, 1
  br label %head
announce:
  store atomic i64 0, ptr %pjob seq_cst, align 8
  store atomic ptr %table, ptr %ptable release, align 8
  store atomic i64 %count, ptr %pcount release, align 8
  store atomic i64 %threads, ptr %pthreads release, align 8
  store atomic i64 %job, ptr %pjob seq_cst, align 8
  %stop = icmp eq i64 %threads, 0
  br i1 %stop, label %leave, label %work
work:
  call void @glia_walk(ptr %table, i64 %count, i64 0, i64 %job)
  ret void
leave:
  ret void
}}
"""


def _code_for(triple: str) -> str:
    """The LLVM IR of the pool for a processor."""
    if triple.startswith(("x86_64", "i686", "i386")):
        declare, pause = "declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"
    elif triple.startswith(("aarch64", "arm64")):
        declare = "declare void @llvm.aarch64.hint(i32)"
        pause = "call void @llvm.aarch64.hint(i32 1)"
    else:
        declare, pause = "", "fence acquire"
    names = "ROW FUNCTION BUFFERS SHARES AFTER TAKEN FINISHED JOB TABLE COUNT THREADS SPINS"
    numbers = {name: globals()[name] for name in (*names.split(), "IDLE_SPINS", "LAST_JOB")}
    return _CODE.format(declare=declare, pause=pause, **numbers)


@dataclass(frozen=True)
class Native:
    """The functions that Python calls, and the addresses of those that stand in tables."""

    launch: Any
    worker: Any
    repeat: Any
    chain: int
    gather: int


@lru_cache(maxsize=1)
def native() -> Native:
    """The native half, compiled and linked."""
    from glia.compiler.native import linker

    link = linker()
    link.module("glia_launch", _code_for(link.target.triple))
    launch_at, worker_at = link.address("glia_launch"), link.address("glia_worker")
    pointer, word = ctypes.c_void_p, ctypes.c_int64
    launch = ctypes.CFUNCTYPE(None, pointer, pointer, word, word, word)(launch_at)
    worker = ctypes.CFUNCTYPE(word, pointer, word, word)(worker_at)
    kinds = (pointer, pointer, word, word, word, pointer, word, word)
    repeat = ctypes.CFUNCTYPE(None, *kinds)(link.address("glia_repeat"))
    return Native(launch, worker, repeat, link.address("glia_chain"), link.address("glia_gather"))

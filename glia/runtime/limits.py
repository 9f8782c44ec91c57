"""What this machine can do at most, measured: multiply-adds in registers, and copies."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

import numpy as np

_CHAINS = 12  # independent accumulators: more than latency × units of any processor here
_TURNS = 1 << 23  # some 30 ms: a thread may wait 5 ms for the interpreter before it starts


def _fma_text(lanes: int) -> str:
    """LLVM IR of a loop of multiply-adds that touch no memory."""
    kind = f"<{lanes} x float>"
    one = ", ".join(["float 1.0"] * lanes)
    chains = range(_CHAINS)
    phis = [f"  %a{c} = phi {kind} [ <{one}>, %entry ], [ %b{c}, %loop ]" for c in chains]
    call = f"call {kind} @llvm.fma.v{lanes}f32"
    fmas = [f"  %b{c} = {call}({kind} %a{c}, {kind} %x, {kind} %a{c})" for c in chains]
    stores = [
        line
        for c in chains
        for line in (
            f"  %p{c} = getelementptr {kind}, ptr %out, i64 {c}",
            f"  store {kind} %b{c}, ptr %p{c}, align 4",
        )
    ]
    return "\n".join(
        [
            f"declare {kind} @llvm.fma.v{lanes}f32({kind}, {kind}, {kind})",
            "define void @glia_fma_peak(ptr %out, i64 %n) {",
            "entry:",
            f"  %x = load {kind}, ptr %out, align 4",
            "  br label %loop",
            "loop:",
            "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
            *phis,
            *fmas,
            "  %next = add i64 %i, 1",
            "  %more = icmp ult i64 %next, %n",
            "  br i1 %more, label %loop, label %done",
            "done:",
            *stores,
            "  ret void",
            "}",
        ]
    )


def fma_peak(threads: int) -> float:
    """Floating-point operations a second with every operand in a register."""
    from glia.compiler.native import linker

    link = linker()
    lanes = link.target.lanes(4)
    link.module("glia_fma_peak", _fma_text(lanes))
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
    function = kind(link.address("glia_fma_peak"))
    buffers = [np.zeros(lanes * _CHAINS, np.float32) for _ in range(threads)]
    seconds = together(lambda i: function(buffers[i].ctypes.data, _TURNS), threads)
    return 2.0 * lanes * _CHAINS * _TURNS * threads / seconds


def copy_rate(threads: int) -> float:
    """Bytes read and written a second."""
    count = 1 << 25
    pairs = [(np.ones(count, np.float32), np.zeros(count, np.float32)) for _ in range(threads)]
    seconds = together(lambda i: np.copyto(pairs[i][1], pairs[i][0]), threads)
    return 8.0 * count * threads / seconds


def together(work: Callable[[int], object], threads: int, tries: int = 7) -> float:
    """Least seconds for all threads to do their work at once."""
    best = float("inf")
    for _ in range(tries):
        started = threading.Barrier(threads + 1)

        def one(i: int, started: threading.Barrier = started) -> None:
            started.wait()
            work(i)

        pool = [threading.Thread(target=one, args=(i,)) for i in range(threads)]
        for thread in pool:
            thread.start()
        started.wait()
        start = time.perf_counter()
        for thread in pool:
            thread.join()
        best = min(best, time.perf_counter() - start)
    return best

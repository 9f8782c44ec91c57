"""What this machine can do at most: arithmetic, copies, and a library's matrix product.

    python -m glia.bench.limits THREADS

prints them as JSON; ``measure`` does that in a process of its own, with pools of that size.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from glia.bench.worker import environment, hold_to_cores

_CHAINS = 12  # independent accumulators: more than latency × units of any processor here
_TURNS = 1 << 23  # some 30 ms: a thread may wait 5 ms for the interpreter before it starts


@dataclass(frozen=True)
class Limits:
    """Rates of this machine on a number of threads."""

    threads: int
    fma: float  # floating-point operations a second, of multiply-adds in registers
    copy: float  # bytes read and written a second, copying more than fits any cache
    sgemm: float  # floating-point operations a second, NumPy's 1024³ product

    def seconds(self, flops: float, nbytes: float) -> float:
        """The least time for so much arithmetic and memory traffic."""
        return max(flops / self.fma, nbytes / self.copy)


def measure(threads: int) -> Limits:
    """Measure in a new process, whose pools have the right size."""
    process = subprocess.Popen(
        [sys.executable, "-m", "glia.bench.limits", str(threads)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(threads),
    )
    hold_to_cores(process.pid, threads)
    out, _ = process.communicate()
    return Limits(**json.loads(out.splitlines()[-1]))


def machine() -> dict[str, str | int]:
    """The processor and the system, for the page of figures."""
    import llvmlite
    import llvmlite.binding as llvm

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    features = llvm.get_host_cpu_features()
    vectors = next((n for n in ("avx512f", "avx2", "neon") if features.get(n)), "-")
    return {
        "processor": _processor_name() or platform.processor() or platform.machine(),
        "architecture": f"{platform.machine()} ({llvm.get_host_cpu_name()}, {vectors})",
        "cores": cores or 1,
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "llvmlite": llvmlite.__version__,
    }


def _processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.split(":")[1].strip() for line in file if "model name" in line), "")
    except OSError:
        return ""


def _memory_gib() -> int:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    except (AttributeError, ValueError, OSError):
        return 0


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
    seconds = _together(lambda i: function(buffers[i].ctypes.data, _TURNS), threads)
    return 2.0 * lanes * _CHAINS * _TURNS * threads / seconds


def copy_rate(threads: int) -> float:
    """Bytes read and written a second."""
    count = 1 << 25
    pairs = [(np.ones(count, np.float32), np.zeros(count, np.float32)) for _ in range(threads)]
    seconds = _together(lambda i: np.copyto(pairs[i][1], pairs[i][0]), threads)
    return 8.0 * count * threads / seconds


def sgemm_rate() -> float:
    """NumPy's product of two 1024×1024 matrices, in floating-point operations a second."""
    a = np.random.default_rng(0).standard_normal((1024, 1024), dtype=np.float32)
    out = np.empty_like(a)
    return 2.0 * 1024**3 / _together(lambda _: np.matmul(a, a, out=out), 1)


def _together(work: Callable[[int], object], threads: int, tries: int = 7) -> float:
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


if __name__ == "__main__":
    wanted = int(sys.argv[1])
    print(json.dumps(asdict(Limits(wanted, fma_peak(wanted), copy_rate(wanted), sgemm_rate()))))

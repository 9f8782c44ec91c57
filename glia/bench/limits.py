"""What this machine can do at most: arithmetic, copies, and a library's matrix product.

    python -m glia.bench.limits THREADS

prints them as JSON; ``measure`` does that in a process of its own, with pools of that size.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass

import numpy as np

from glia.bench.worker import environment, hold_to_cores
from glia.runtime.limits import copy_rate, fma_peak, together


@dataclass(frozen=True)
class Limits:
    """Rates of this machine on a number of threads."""

    threads: int
    fma: float  # floating-point operations a second, of multiply-adds in registers
    copy: float  # bytes read and written a second, copying more than fits any cache
    sgemm: float  # floating-point operations a second, NumPy's 1024³ product

    def most(self, other: Limits) -> Limits:
        """The higher rates of two measurements."""
        rates = (self.fma, self.copy, self.sgemm), (other.fma, other.copy, other.sgemm)
        return Limits(self.threads, *map(max, *rates))

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


def sgemm_rate() -> float:
    """NumPy's product of two 1024×1024 matrices, in floating-point operations a second."""
    a = np.random.default_rng(0).standard_normal((1024, 1024), dtype=np.float32)
    out = np.empty_like(a)
    return 2.0 * 1024**3 / together(lambda _: np.matmul(a, a, out=out), 1)


if __name__ == "__main__":
    wanted = int(sys.argv[1])
    print(json.dumps(asdict(Limits(wanted, fma_peak(wanted), copy_rate(wanted), sgemm_rate()))))

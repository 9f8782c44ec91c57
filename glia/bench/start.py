"""Cold and warm starts: from a new process to the first result of a training step."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glia.bench.harness import Settings
from glia.bench.modes import MODES, python_of
from glia.bench.worker import Process, WorkerError
from glia.bench.workloads import Workload, chosen

NETS = ("W3", "W4", "W10")


@dataclass
class Start:
    """One start of one library."""

    library: str
    mode: str
    workload: str
    warm: bool  # kernels compiled before lie on the disk
    ready: float = 0.0  # seconds until the library is imported
    ready_bytes: int = 0  # memory then
    first: float = 0.0  # seconds from there to the loss of the first step
    error: str = ""


def measure_starts(
    libraries: Sequence[str], settings: Settings, say: Callable[[str], None]
) -> list[Start]:
    """glia with an empty cache and with a full one; peers as they start."""
    found = []
    for workload in (w for w in chosen([]) if w.name in NETS):
        with tempfile.TemporaryDirectory(prefix="glia-bench-") as folder:
            arrays = Path(folder) / "arrays.npz"
            workload.write(arrays)
            for library, name in (("glia", "jit"), ("torch", "eager"), ("jax", "jit")):
                if library not in libraries or python_of(library) is None:
                    continue
                for warm in (False, True) if library == "glia" else (False,):
                    start = Start(library, name, workload.name, warm)
                    say(f"{workload.name}  {library}")
                    _measure(start, workload, arrays, Path(folder) / "cache", settings)
                    found.append(start)
    return found


def _measure(
    start: Start, workload: Workload, arrays: Path, cache: Path, settings: Settings
) -> None:
    python = python_of(start.library)
    assert python is not None
    script = next(mode.script for mode in MODES if mode.library == start.library)
    begun = time.perf_counter()
    process = Process(python, script, {"GLIA_CACHE": str(cache)}, settings.threads)
    try:
        ready = process.greet()
        start.ready = time.perf_counter() - begun
        start.ready_bytes = ready["bytes"]
        begun = time.perf_counter()
        process.ask(
            "build", settings.patience, task=workload.task(), arrays=str(arrays),
            threads=settings.threads, mode=start.mode,
        )  # fmt: skip
        process.ask("trace", settings.patience, steps=1)
        start.first = time.perf_counter() - begun
    except WorkerError as error:
        start.error = str(error)
    finally:
        process.stop()

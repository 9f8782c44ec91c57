"""What all workers share: requests arrive as lines of JSON, every one is answered by a line.

    {"do": "build", "task": {...}, "arrays": "x.npz", "threads": 2, "mode": "eager"}
    {"do": "trace", "steps": 5}   the losses of the next steps, or samples of a result
    {"do": "run", "steps": 100}   seconds that many steps took
    {"do": "kernels"}             what takes longest in a step
    {"do": "memory"}              the most memory this process has had, in bytes
    {"do": "quit"}

A worker imports its library, NumPy, and the files beside it: it runs in an environment of its own.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np


class Job:
    """A workload built in some library: a step that can be taken again and again."""

    #: Whether a step needs the one before. If not, a library could compute several at once.
    dependent = True

    def step(self, i: int) -> Any:
        """Take step ``i`` and return its loss, or the result of a forward workload."""
        raise NotImplementedError

    def wait(self, value: Any) -> None:
        """Return when a step's result has been computed."""

    def array(self, value: Any) -> np.ndarray:
        """A step's result for NumPy."""
        return np.asarray(value)

    def kernels(self) -> list[str]:
        """Where the time of a step goes, where the library can tell: its longest kernels."""
        return []

    def trace(self, steps: int) -> list[float]:
        """Losses of the next steps; for a forward workload, samples of its result."""
        first = self.array(self.step(0))
        if first.size > 1:
            return samples(first, steps)
        return [float(first)] + [float(self.array(self.step(i))) for i in range(1, steps)]

    def run(self, steps: int) -> float:
        """Seconds for so many steps."""
        value = None
        start = time.perf_counter()
        for i in range(steps):
            value = self.step(i)
            if not self.dependent:
                self.wait(value)
        if self.dependent:
            self.wait(value)
        return time.perf_counter() - start


def samples(result: np.ndarray, count: int) -> list[float]:
    """A few numbers that change when the result does: the first elements, or mean and some."""
    flat = result.ravel()
    if flat.size <= 4096:  # a trace of losses
        return [float(value) for value in flat[:count]]
    places = np.linspace(0, flat.size - 1, count - 1).astype(np.int64)
    return [float(np.abs(flat).mean(dtype=np.float64))] + [float(flat[at]) for at in places]


class Arrays:
    """Data and initial weights, as the harness wrote them."""

    def __init__(self, path: str) -> None:
        with np.load(path) as file:
            self.held = {name: file[name] for name in file.files}

    @property
    def weights(self) -> list[np.ndarray]:
        """Initial weights in the order of PyTorch's modules."""
        count = sum(name.startswith("w") for name in self.held)
        return [self.held[f"w{i}"] for i in range(count)]

    def batches(self, convert: Callable[[np.ndarray], Any]) -> list[tuple[Any, ...]]:
        """The data batch by batch, each array through ``convert``."""
        names = [name for name in ("x", "y") if name in self.held]
        columns = [[convert(np.ascontiguousarray(part)) for part in self.held[n]] for n in names]
        return list(zip(*columns, strict=True))


Make = Callable[[dict, Arrays, int, str], Job]


class Worker:
    """Answers requests with the help of ``make``, which builds a job."""

    def __init__(self, make: Make, versions: Callable[[], dict[str, str]]) -> None:
        self.make = make
        self.versions = versions
        self.job: Job | None = None

    def answer(self, request: dict) -> dict:
        wanted = request["do"]
        if wanted == "build":
            start = time.perf_counter()
            arrays = Arrays(request["arrays"])
            self.job = self.make(request["task"], arrays, request["threads"], request["mode"])
            return {"seconds": time.perf_counter() - start}
        if wanted == "memory":
            return {"bytes": peak_memory()}
        assert self.job is not None, "build something first"
        if wanted == "kernels":
            return {"kernels": self.job.kernels()}
        if wanted == "trace":
            return {"values": self.job.trace(request["steps"])}
        return {"seconds": self.job.run(request["steps"])}


def peak_memory() -> int:
    """Most bytes of memory this process has had at once."""
    try:  # what getrusage knows begins with the memory of the process that started this one
        with open("/proc/self/status", encoding="utf-8") as file:
            return 1024 * next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def serve(make: Make, versions: Callable[[], dict[str, str]]) -> None:
    """Answer requests until there are no more."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    worker = Worker(make, versions)

    def say(answer: dict) -> None:
        print(json.dumps(answer), file=out, flush=True)

    ready = {"versions": versions(), "bytes": peak_memory()}
    say(ready)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "quit":
            break
        try:
            say(worker.answer(request))
        except Exception as error:
            first = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            say({"error": first[:300]})

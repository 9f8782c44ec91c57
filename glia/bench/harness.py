"""One row: all modes started, their losses compared, their rounds interleaved.

Only one process computes at a time: round by round glia, then every peer in turn, so that a
machine whose speed drifts slows all alike. Ratios within a row can be believed, times between
rows less.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from glia.base.i18n import tr
from glia.bench.modes import WITHOUT_AVX512, Mode, python_of
from glia.bench.worker import Process, WorkerError
from glia.bench.workloads import Workload

TRACED = 4  # losses compared
HOPELESS = 3.0  # times slower than the best after two rounds: measured no further
BUSY = ("W2", "W3", "W7")  # rows that are also measured beside a busy process


@dataclass(frozen=True)
class Settings:
    """How long to measure, on how many threads."""

    threads: int = 2
    rounds: int = 5
    seconds: float = 0.4  # of one round of one mode
    busy: bool = False
    patience: float = 240.0


@dataclass
class Result:
    """What one mode did in one row."""

    library: str
    mode: str
    versions: dict[str, str] = field(default_factory=dict)
    rounds: list[float] = field(default_factory=list)  # milliseconds of a step
    busy_rounds: list[float] = field(default_factory=list)
    trace: list[float] = field(default_factory=list)
    agrees: bool = True
    first_seconds: float = 0.0  # building and the first steps, compilation included
    peak_bytes: int = 0
    kernels: list[str] = field(default_factory=list)  # that take longest
    error: str = ""

    @property
    def label(self) -> str:
        return f"{self.library} {self.mode}"

    @property
    def counts(self) -> bool:
        """Whether its time may be compared."""
        return bool(self.rounds) and self.agrees

    @property
    def ms(self) -> float:
        return statistics.median(self.rounds)

    @property
    def busy_ratio(self) -> float | None:
        """Beside a busy process, over its own quiet time."""
        return statistics.median(self.busy_rounds) / self.ms if self.busy_rounds else None


Say = Callable[[str], None]


@dataclass
class _Runner:
    """A mode at work."""

    result: Result
    process: Process
    steps: int = 1

    def round(self, settings: Settings) -> float:
        """Milliseconds a step takes, over one round."""
        answer = self.process.ask("run", settings.patience, steps=self.steps)
        return 1e3 * answer["seconds"] / self.steps


def measure(
    workload: Workload, modes: Sequence[Mode], settings: Settings, say: Say
) -> list[Result]:
    """All modes' results of a row."""
    results = [Result(mode.library, mode.name) for mode in modes]
    runners: list[_Runner] = []
    try:
        with tempfile.TemporaryDirectory(prefix="glia-bench-") as folder:
            arrays = Path(folder) / "arrays.npz"
            workload.write(arrays)
            for mode, result in zip(modes, results, strict=True):
                say(tr(f"{mode.label}: starting", f"{mode.label}：启动"))
                _start(workload, mode, result, runners, settings)
            for runner in list(runners):
                _attempt(runners, runner, _greet)
            for runner in list(runners):
                say(tr(f"{runner.result.label}: first steps", f"{runner.result.label}：前几步"))
                _attempt(runners, runner, lambda r: _prepare(workload, r, arrays, settings))
        compare(results, workload.tolerance)
        _interleave(runners, settings, say)
        if settings.busy and workload.name in BUSY:
            with busy_process():
                _interleave(_best_of_each(runners), settings, say, busy=True)
        for runner in list(runners):
            _attempt(runners, runner, _look)
    finally:
        for runner in runners:
            runner.process.stop()
    return results


def _start(
    workload: Workload, mode: Mode, result: Result, runners: list[_Runner], settings: Settings
) -> None:
    python = python_of(mode.library)
    if python is None:
        result.error = tr("not installed", "未安装")
        return
    env = dict(mode.env)
    if workload.without == "avx512":
        env |= WITHOUT_AVX512.get(mode.library, {})
    runner = _Runner(result, Process(python, mode.script, env, settings.threads))
    runners.append(runner)


def _attempt(runners: list[_Runner], runner: _Runner, what: Callable[[_Runner], None]) -> None:
    """Do something with a worker; one that fails leaves, and the row goes on without it."""
    try:
        what(runner)
    except WorkerError as error:
        runner.result.error = str(error)
        runner.process.stop()
        runners.remove(runner)


def _greet(runner: _Runner) -> None:
    runner.result.versions = runner.process.greet()["versions"]


def _prepare(workload: Workload, runner: _Runner, arrays: Path, settings: Settings) -> None:
    """Build, take the first steps, and find how many steps make a round."""
    ask, result = runner.process.ask, runner.result
    start = time.perf_counter()
    ask(
        "build", settings.patience, task=workload.task(), arrays=str(arrays),
        threads=settings.threads, mode=result.mode,
    )  # fmt: skip
    result.trace = ask("trace", settings.patience, steps=TRACED)["values"]
    result.first_seconds = time.perf_counter() - start
    once = ask("run", settings.patience, steps=1)["seconds"]
    if once < settings.seconds / 4:
        count = max(1, int(settings.seconds / 4 / max(once, 1e-6)))
        once = ask("run", settings.patience, steps=min(count, 2000))["seconds"] / count
    runner.steps = max(1, min(20000, round(settings.seconds / max(once, 1e-7))))


def _look(runner: _Runner) -> None:
    """What the rounds took, after them: memory first, since looking at kernels takes some."""
    runner.result.peak_bytes = runner.process.ask("memory")["bytes"]
    runner.result.kernels = runner.process.ask("kernels")["kernels"]


def _interleave(runners: list[_Runner], settings: Settings, say: Say, busy: bool = False) -> None:
    """Rounds in turn. Who is far behind after two rounds is measured no further."""
    active = list(runners)
    for number in range(settings.rounds):
        for runner in list(active):
            beside = tr(", beside a busy process", "，旁边有繁忙的进程") if busy else ""
            place = f"{number + 1}/{settings.rounds}"
            say(f"{runner.result.label}: {place}{beside}")
            time.sleep(0.02)  # until the threads of the one before have gone to sleep
            found = runner.result.busy_rounds if busy else runner.result.rounds
            _attempt(active, runner, partial(_round, settings=settings, into=found))
        if number == 1 and active and not busy:
            best = min(min(runner.result.rounds) for runner in active)
            active = [r for r in active if _hopeful(r.result, best)]
    runners[:] = [runner for runner in runners if not runner.result.error]


def _round(runner: _Runner, settings: Settings, into: list[float]) -> None:
    into.append(runner.round(settings))


def _hopeful(result: Result, best: float) -> bool:
    return result.library == "glia" or min(result.rounds) < HOPELESS * best


def _best_of_each(runners: Sequence[_Runner]) -> list[_Runner]:
    """The fastest mode of every library."""
    best: dict[str, _Runner] = {}
    for runner in sorted(runners, key=lambda r: r.result.ms):
        best.setdefault(runner.result.library, runner)
    return list(best.values())


@contextmanager
def busy_process() -> Iterator[None]:
    """Another process that never rests."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        yield
    finally:
        process.kill()
        process.wait()


def compare(results: Sequence[Result], tolerance: float) -> None:
    """Mark those whose losses are not those of the majority: they compute something else."""
    traced = [result for result in results if result.trace]
    if len(traced) < 2:
        return
    traces = np.array([result.trace for result in traced])
    sound = traces[np.isfinite(traces).all(1)]
    middle = np.median(sound if len(sound) else traces, 0)
    scale = np.abs(middle).max()
    for result, trace in zip(traced, traces, strict=True):
        off = np.abs(trace - middle).max()
        result.agrees = bool(off <= tolerance * scale)


def to_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    return [asdict(result) for result in results]


def from_json(rows: Sequence[dict[str, Any]]) -> list[Result]:
    return [Result(**row) for row in rows]

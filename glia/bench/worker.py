"""A worker process: started, asked, stopped. Between questions it waits without computing."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from glia.base.i18n import tr

#: Seconds a worker may take to start, and to answer one question.
PATIENCE = 300.0


class WorkerError(Exception):
    """A worker that could not do what it was asked, in its own words."""


class Process:
    """A worker script run by the Python of its library.

    Every thread pool there is gets the same size, and the process is held to as many cores.
    """

    def __init__(self, python: str, script: Path, env: dict[str, str], threads: int) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has died
        self.lines: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [python, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            encoding="utf-8",
            env=environment(threads) | {"PATH": _path(python)} | env,
        )
        hold_to_cores(self.process.pid, threads)
        threading.Thread(target=self._read, daemon=True).start()
        self.ready: dict[str, Any] = {}

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def greet(self) -> dict[str, Any]:
        """Wait until the library is imported; what the worker says about itself."""
        self.ready = self._answer(PATIENCE)
        return self.ready

    def ask(self, do: str, patience: float = PATIENCE, **rest: Any) -> dict[str, Any]:
        """Ask and wait for the answer.

        Raises:
            WorkerError: it answers with an error, dies, or takes too long.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **rest}) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise WorkerError(self._last_words()) from None
        return self._answer(patience)

    def _answer(self, patience: float) -> dict[str, Any]:
        try:
            line = self.lines.get(timeout=patience)
        except queue.Empty:
            self.stop()
            text = tr(f"no answer within {patience:.0f} s", f"{patience:.0f} 秒内没有应答")
            raise WorkerError(text) from None
        if not line:
            raise WorkerError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _last_words(self) -> str:
        self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        status = self.process.returncode
        return lines[-1][:300] if lines else tr(f"ended with {status}", f"以状态 {status} 结束")

    def stop(self) -> None:
        """End the process, by force if need be."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                pass  # it had not read what we last wrote
        self.errors.close()


def environment(threads: int) -> dict[str, str]:
    """The environment of all workers: pools of one size, glia importable, no other settings."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    pools = ("OMP", "MKL", "OPENBLAS", "GLIA")
    package = Path(__file__).resolve().parents[2]
    paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **kept,
        **{f"{name}_NUM_THREADS": str(threads) for name in pools},
        "PYTHONPATH": os.pathsep.join(paths),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "GLOG_v": "3",
    }


def _path(python: str) -> str:
    """As in an activated environment: its own programs first."""
    return os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)])


def hold_to_cores(pid: int, threads: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:threads]
        os.sched_setaffinity(pid, cores)

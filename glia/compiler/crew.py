"""Many modules compiled at once, by processes beside this one.

llvmlite lets one thread at a time into LLVM, so threads do not help. A worker is a bare Python
that imports llvmlite only: it is ready after less than a tenth of a second, and gone when the work
is done. This process works along, and does by itself whatever a worker could not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from glia.compiler import worker
from glia.compiler.codegen.targets import Target

#: So many modules for every process: starting one takes as long as compiling a few.
SHARE = 8
MAX_WORKERS = 15


class Crew:
    """Workers for a ``with`` block; none when there is too little to do or one processor only."""

    def __init__(self, target: Target, modules: int, processors: int) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        for _ in range(min(modules // SHARE, processors - 1, MAX_WORKERS)):
            process = _start(target)
            if process is None:
                break
            self.processes.append(process)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_exception: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                try:
                    if stream is not None:
                        stream.close()
                except OSError:  # what was still to be written to it
                    pass

    def compile(self, texts: Sequence[str], here: Callable[[str], bytes]) -> list[bytes]:
        """The object files of these modules; ``here`` compiles one in this process."""
        done: dict[int, bytes] = {}
        jobs = deque(sorted(range(len(texts)), key=lambda i: -len(texts[i])))
        threads = [
            threading.Thread(target=_feed, args=(process, jobs, texts, done), daemon=True)
            for process in self.processes
        ]
        for thread in threads:
            thread.start()
        while (number := _next(jobs)) is not None:
            done[number] = here(texts[number])
        for thread in threads:
            thread.join()
        return [done[i] if i in done else here(text) for i, text in enumerate(texts)]


def _next(jobs: deque[int]) -> int | None:
    try:
        return jobs.popleft()
    except IndexError:
        return None


def _feed(
    process: subprocess.Popen[bytes], jobs: deque[int], texts: Sequence[str], done: dict[int, bytes]
) -> None:
    """Hand a worker one module after the other. What it does not return is left undone."""
    assert process.stdin is not None and process.stdout is not None
    try:
        if worker.receive(process.stdout) is None:
            return
        while (number := _next(jobs)) is not None:
            worker.send(process.stdin, texts[number].encode())
            code = worker.receive(process.stdout)
            if not code:
                return
            done[number] = code
    except (OSError, ValueError):  # the worker died, or the block was left
        return


def _start(target: Target) -> subprocess.Popen[bytes] | None:
    """A worker that is starting; None where this program is not an ordinary Python."""
    import llvmlite

    script = Path(worker.__file__)
    name = Path(sys.executable or "").name.lower()
    if not name.startswith(("python", "pypy")) or not script.exists():
        return None
    head = {
        "path": os.path.dirname(os.path.dirname(os.path.abspath(llvmlite.__file__))),
        "target": (target.triple, target.cpu, target.features),
    }
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(head).encode() + b"\n")
        process.stdin.flush()
    except OSError:
        return None
    return process

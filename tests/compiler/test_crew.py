"""Workers that compile beside this process: the same code, and no harm when one fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glia.compiler import crew
from glia.compiler.crew import Crew
from glia.compiler.native import linker
from glia.compiler.worker import Compiler


def module(name: str, times: int) -> str:
    """A function that multiplies by a number."""
    return f"define i64 @{name}(i64 %x) {{\n  %y = mul i64 %x, {times}\n  ret i64 %y\n}}\n"


TEXTS = [module(f"times{i}", 3 + i) for i in range(30)]


@pytest.fixture
def compiler() -> Compiler:
    return linker().compiler


@pytest.mark.parametrize(
    ("modules", "processors", "workers"), [(7, 8, 0), (100, 1, 0), (16, 8, 2), (100, 3, 2)]
)
def test_how_many_workers(modules: int, processors: int, workers: int) -> None:
    with Crew(linker().target, modules, processors) as found:
        assert len(found.processes) == workers
        running = list(found.processes)
    assert all(process.poll() is not None for process in running)


def test_workers_give_the_same_code(compiler: Compiler) -> None:
    here = [compiler.compile(text) for text in TEXTS]
    with Crew(linker().target, len(TEXTS), 3) as found:
        # whatever this process would compile it leaves to the workers
        assert found.compile(TEXTS, lambda text: _wait_for(found, text, compiler)) == here


def _wait_for(found: Crew, text: str, compiler: Compiler) -> bytes:
    for process in found.processes:
        assert process.poll() is None
    return compiler.compile(text)


def test_the_work_is_shared(compiler: Compiler) -> None:
    compiled: list[str] = []

    def slowly(text: str) -> bytes:
        compiled.append(text)
        while len(compiled) == 1 and not done:
            pass
        return compiler.compile(text)

    done: dict[int, bytes] = {}
    with Crew(linker().target, len(TEXTS), 2) as found:
        feed = crew._feed

        def watched(process, jobs, texts, results):  # type: ignore[no-untyped-def]
            feed(process, jobs, texts, results)
            done.update(results)

        crew._feed = watched
        try:
            found.compile(TEXTS, slowly)
        finally:
            crew._feed = feed
    # this process held its first module until the worker had done all the others
    assert len(compiled) == 1
    assert len(done) == len(TEXTS) - 1


def test_what_a_dead_worker_leaves_is_compiled_here(compiler: Compiler) -> None:
    with Crew(linker().target, len(TEXTS), 3) as found:
        for process in found.processes:
            process.kill()
            process.wait()
        codes = found.compile(TEXTS, compiler.compile)
    assert codes == [compiler.compile(text) for text in TEXTS]


def test_what_does_not_compile_is_an_error_here(compiler: Compiler) -> None:
    with (
        Crew(linker().target, 16, 2) as found,
        pytest.raises(RuntimeError, match="expected"),
    ):
        found.compile([*TEXTS[:15], "this is no module"], compiler.compile)


@pytest.mark.parametrize("name", ["", "uwsgi", "notebook.exe"])
def test_no_workers_without_an_ordinary_python(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, "executable", name)
    with Crew(linker().target, 100, 4) as found:
        assert found.processes == []


SCRIPT = """
print("started")
import glia as gl
from glia.compiler import crew
started = []
real = crew._start
crew._start = lambda target: started.append(1) or real(target)
xs = [gl.tensor([1.0] * n) for n in range(1, 21)]
gl.realize(*(x.cos() * n for n, x in enumerate(xs)))
print("workers", len(started))
"""


def test_a_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    """Workers import nothing of the user's."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    environment = {
        "GLIA_CACHE": str(tmp_path / "cache"),
        "GLIA_NUM_THREADS": "2",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["started", "workers", "1"]
    assert done.stderr == ""

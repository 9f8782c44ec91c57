"""Rows, tables and files of a run."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from glia.base.errors import ArgumentError
from glia.base.i18n import set_language
from glia.bench import limits, modes, report, weights
from glia.bench import run as runs
from glia.bench.harness import TRACED, Result, Settings, compare
from glia.bench.limits import Limits
from glia.bench.run import Run
from glia.bench.start import Start
from glia.bench.workloads import WORKLOADS, Workload, chosen
from glia.runtime.threads import get_num_threads

LIMITS = Limits(2, 400e9, 40e9, 300e9)


def result(library: str, *rounds: float, **rest: object) -> Result:
    found = Result(library, rest.pop("mode", "m"), rounds=list(rounds), trace=[1.0])  # type: ignore
    return dataclasses.replace(found, **rest)


def sample() -> Run:
    rows = {
        "W1-many": [result("glia", 2.0), result("jax", 4.0)],
        "W2": [
            result("glia", 1.0, 2.0, 1.5, busy_rounds=[3.0]),
            result("torch", 6.0, mode="eager"),
            result("torch", 3.0, mode="tuned"),
            result("jax", 0.1, agrees=False),
        ],
        "W4": [result("glia", error="no layer"), result("torch", 900.0, peak_bytes=10**9)],
    }
    starts = [Start("glia", "jit", "W3", warm, 0.2, 5 * 10**7, 0.8) for warm in (False, True)]
    run = Run(Settings(), ["glia", "torch", "jax"], False, "glia bench", {"cores": 2}, LIMITS)
    return dataclasses.replace(run, rows=rows, starts=starts)


def test_main_table() -> None:
    table = report.main_table(sample())
    rows = {row[0]: row[2:] for row in table.rows}
    assert table.head[2:] == ["glia", "PyTorch", "JAX", "ratio", "goal", "of the limit"]
    assert rows["W1-many"] == ["2.00", "–", "4.00 m", "0.50", "≤ 0.6", "–"]
    share = 100 * 2 * 128 * (3 * 668672 - 401408) / 400e9 / 1.5e-3
    ratio, goal = "0.50", "≤ 0.65"
    assert rows["W2"] == ["1.50", "3.00 tuned", "other result", ratio, goal, f"{share:.0f}%"]
    assert rows["W4"] == ["not available", "900 m", "–", "–", "≤ 0.75", "–"]


def test_other_tables() -> None:
    main, busy, memory, start = report.tables(sample())
    assert busy.rows == [["W2", "glia m", "1.50", "3.00", "2.0×"]]
    assert memory.rows == [["W4", "PyTorch m", "1,000"]]
    assert [row[1] for row in start.rows] == ["glia jit, empty cache", "glia jit, full cache"]
    assert start.rows[0][2:] == ["0.200", "50", "0.800", "1.00"]
    assert len(report.tables(sample(), memory=False)) == 3
    assert main.without("ratio").head == [name for name in main.head if name != "ratio"]
    assert report.remarks(sample()) == ["W2 jax m: its losses differ (1)", "W4 glia m: no layer"]


def test_markdown() -> None:
    for language in ("en", "zh"):
        set_language(language)
        lines = report.main_table(sample()).markdown().splitlines()
        assert len(lines) == 5
        assert len({line.count("|") for line in lines}) == 1
        assert set(lines[1]) == set("|-: ")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01234, "0.012"), (0.999, "0.999"), (1.234, "1.23"), (9.99, "9.99"), (9.996, "10.0"),
     (12.34, "12.3"), (99.96, "100"), (999.6, "1,000"), (12345.6, "12,346")],
)  # fmt: skip
def test_number(value: float, text: str) -> None:
    assert report.number(value) == text


def test_a_run_is_kept_and_gone_on_with(tmp_path: Path) -> None:
    path, run = tmp_path / "run.json", sample()
    run.save(path)
    assert runs.load(path) == run
    fresh = Run(Settings(), ["jax", "torch", "glia"], False, "again")
    assert runs.resume(fresh, path) == run
    assert runs.resume(fresh, tmp_path / "new.json") is fresh
    for other in (
        dataclasses.replace(fresh, quick=True),
        dataclasses.replace(fresh, settings=Settings(threads=1)),
        dataclasses.replace(fresh, libraries=["glia"]),
    ):
        with pytest.raises(ArgumentError, match="other settings"):
            runs.resume(other, path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": 3}', "null"])
def test_a_file_that_holds_something_else(text: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ArgumentError, match="no results"):
        runs.load(path)


def test_only_missing_rows_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def measure(workload: Workload, *_rest: object) -> list[Result]:
        measured.append(workload.name)
        return [result("glia", 1.0)]

    monkeypatch.setattr(runs, "measure", measure)
    more = Limits(2, 300e9, 50e9, 300e9)
    monkeypatch.setattr(runs.machine_limits, "measure", lambda threads: more)
    run, path = sample(), tmp_path / "run.json"
    runs.perform(run, chosen(["W2", "W3"]), False, lambda text: None, path)
    assert measured == ["W3", "W3-avx2"]
    assert list(runs.load(path).rows) == ["W1-many", "W2", "W4", "W3", "W3-avx2"]
    assert runs.load(path).limits == Limits(2, 400e9, 50e9, 300e9)


# ---------------------------------------------------------------- the table of workloads


def test_chosen() -> None:
    assert [w.name for w in chosen(["W1", "W11-sum0", "W1-loop"])] == [
        "W1-many", "W1-step", "W1-loop", "W11-sum0",
    ]  # fmt: skip
    assert chosen([]) == list(WORKLOADS)
    with pytest.raises(ArgumentError, match="no workload W12"):
        chosen(["W12"])


def test_every_workload_has_a_title() -> None:
    for language in ("en", "zh"):
        set_language(language)
        assert all(workload.title() for workload in WORKLOADS)


@pytest.mark.parametrize(
    ("name", "gflops"),  # of a step: the limits in ms that were published, times 474 GFLOP/s
    [("W2", 0.411), ("W3", 0.0725), ("W4", 213.0), ("W5", 195.0), ("W5i", 8.2), ("W6", 144.0),
     ("W7", 0.94), ("W8", 3.77), ("W9", 2.83), ("W10", 57.0), ("W11-matmul", 2.15)],
)  # fmt: skip
def test_arithmetic(name: str, gflops: float) -> None:
    assert chosen([name])[0].flops / 1e9 == pytest.approx(gflops, rel=0.02)


def test_same_weights_for_everybody(tmp_path: Path) -> None:
    (workload,) = chosen(["W2"])
    for name in ("a.npz", "b.npz"):
        workload.write(tmp_path / name)
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert a.files == b.files
        assert all(np.array_equal(a[key], b[key]) for key in a.files)
        assert a["x"].shape == (2, 128, 784) and a["y"].max() < 10
        assert [a[f"w{i}"].shape for i in range(2)] == [(512, 784), (512,)]


@pytest.mark.parametrize("name", list(weights.NETS))
def test_weights_are_those_of_the_modules(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nets as modules hold just these weights, in this order."""
    import glia as gl
    from glia import nn

    monkeypatch.syspath_prepend(str(modes.SCRIPTS))
    from bench_modules import NETS

    functional = {"cat": gl.cat, "attention": None, "arange": gl.arange}
    try:
        net = NETS[name](nn, functional)
    except AttributeError as error:
        pytest.skip(str(error))
    assert [p.shape for p in net.parameters()] == [w.shape for w in weights.NETS[name]()]


# ---------------------------------------------------------------- machine and environments


def test_limits() -> None:
    assert limits.fma_peak(1) > 1e9
    assert LIMITS.seconds(400e9, 0) == 1.0
    assert LIMITS.seconds(0, 80e9) == 2.0
    facts = limits.machine()
    assert facts["processor"] and facts["cores"]


def test_peak_memory_is_of_the_process_alone() -> None:
    """A large process may start a small one."""
    ballast = np.ones(1 << 25, np.float64)
    code = "import bench_protocol; print(bench_protocol.peak_memory())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(modes.SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 5e6 < int(done.stdout) < ballast.nbytes


def test_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIA_BENCH_ENVS", str(tmp_path))
    assert modes.python_of("glia") == sys.executable
    assert modes.python_of("torch") is None
    python = tmp_path / "torch" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert modes.python_of("torch") == str(python)


def test_who_takes_part() -> None:
    def labels(*args: object) -> list[str]:
        return [mode.label for mode in modes.taking_part(*args)]  # type: ignore

    assert labels("many", "W1-many", modes.LIBRARIES, True) == ["glia many", "jax scan"]
    assert labels("step", "W3", ["glia"], True) == ["glia jit", "glia plain"]
    assert labels("step", "W4", ["glia"], True) == ["glia jit"]
    quick = labels("step", "W2", modes.LIBRARIES, True)
    assert set(quick) < set(labels("step", "W2", modes.LIBRARIES, False))
    assert {mode.library for mode in modes.MODES} == set(modes.LIBRARIES)
    assert all(mode.script.exists() for mode in modes.MODES)


def test_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be run; the environment itself is venv's and pip's work."""
    monkeypatch.setenv("GLIA_BENCH_ENVS", str(tmp_path))
    made: list[Path] = []

    def create(folder: Path, **_options: object) -> None:
        made.append(folder)
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
        (folder / "bin" / "python").chmod(0o755)

    monkeypatch.setattr(modes.venv, "create", create)
    said: list[str] = []
    with pytest.raises(OSError, match="jax could not be installed: no room"):
        modes.install("jax", said.append)
    assert made == [tmp_path / "jax"]
    assert said[-1].startswith("pip install numpy jax==")
    with pytest.raises(ArgumentError, match="no peer theano"):
        modes.install("theano", said.append)


@pytest.mark.parametrize("name", ["W1-step", "W2", "W3"])
def test_a_peer_that_does_not_learn_stands_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the steps compared the losses move by far more than the tolerance."""
    monkeypatch.syspath_prepend(str(modes.SCRIPTS))
    from bench_protocol import Arrays
    from glia_worker import make

    workload = chosen([name])[0]
    workload.write(tmp_path / "a.npz")
    results = []
    for lr in (workload.lr, 0.9 * workload.lr, 0.0):
        task = {**workload.task(), "lr": lr}
        trace = make(task, Arrays(str(tmp_path / "a.npz")), get_num_threads(), "plain").trace(
            TRACED
        )
        results.append(Result("glia", str(lr), trace=trace))
    for other in results[1:]:
        compare([results[0], results[0], other], workload.tolerance)
        assert results[0].agrees and not other.agrees

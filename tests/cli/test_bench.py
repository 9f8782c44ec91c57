"""``glia bench``: options, files, tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_helpers import CJK

from glia.bench import run as runs
from glia.bench.harness import Result
from glia.bench.limits import Limits
from glia.bench.workloads import Workload
from glia.cli.text import width

LIMITS = Limits(2, 400e9, 40e9, 300e9)


def test_help(glia: Callable) -> None:
    for language in ("en", "zh"):
        shown = glia("bench", "--help", "--lang", language)
        assert shown.status == 0
        for option in "peers quick memory busy start json threads install".split():
            assert f"--{option}" in shown.out
        assert bool(CJK.search(shown.out)) == (language == "zh")
        assert all(width(line) < 100 for line in shown.out.splitlines())


def test_command(glia: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command measures what it is told to, keeps it, and shows the tables."""
    wanted: list[str] = []

    def measure(workload: Workload, *_rest: object) -> list[Result]:
        wanted.append(workload.name)
        return [
            Result("glia", "jit", rounds=[1.0], peak_bytes=10**8),
            Result("jax", "jit", rounds=[2.0]),
        ]

    monkeypatch.setattr(runs, "measure", measure)
    monkeypatch.setattr(
        runs.machine_limits, "measure", lambda threads: Limits(2, 400e9, 40e9, 300e9)
    )
    path = tmp_path / "r.json"
    words = ("--peers", "jax", "--quick", "--json", path)
    shown = glia("bench", "W2", "--lang", "en", *words)
    assert shown.status == 0
    assert "0.50" in shown.out and "400 GFLOP/s" in shown.out
    shown = glia("bench", "--memory", "--lang", "zh", *words)
    assert "进程内存峰值" in shown.out
    assert wanted == ["W2", "W4", "W5", "W6", "W10"]
    assert set(runs.load(path).rows) == set(wanted)
    assert glia("bench", "W99").status == 2
    assert glia("bench", "--peers", "theano").status == 2
    assert glia("bench", "--threads", "0").status == 2

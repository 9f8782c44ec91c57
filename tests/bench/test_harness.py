"""The harness with workers that only pretend: order of rounds, comparison of losses, failures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from glia.bench import harness, modes
from glia.bench.harness import Result, Settings, compare, measure
from glia.bench.modes import Mode
from glia.bench.workloads import chosen

FAKE = Path(__file__).with_name("fake_worker.py")
SHORT = Settings(rounds=3, seconds=0.05, patience=60)


@dataclass(frozen=True)
class FakeMode(Mode):
    """Runs the pretending worker."""

    @property
    def script(self) -> Path:
        return FAKE


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Mode]]:
    """Modes whose workers pretend; the first is glia's."""
    monkeypatch.setattr(harness, "python_of", lambda library: sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(modes.SCRIPTS))

    def make(**kinds: str) -> list[Mode]:
        log = str(tmp_path / "log")
        return [
            FakeMode(name, "m", ("step",), {"FAKE_NAME": name, "FAKE_KIND": kind, "FAKE_LOG": log})
            for name, kind in kinds.items()
        ]

    return make


def run(modes: list[Mode], settings: Settings = SHORT) -> dict[str, Result]:
    (workload,) = chosen(["W3-avx2"])
    results = measure(workload, modes, settings, lambda text: None)
    return {result.library: result for result in results}


def test_rounds_are_interleaved(fakes: Callable, tmp_path: Path) -> None:
    found = run(fakes(glia="", a="", b=""))
    assert all(len(result.rounds) == 3 and result.agrees for result in found.values())
    order = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert order[-9:] == ["glia", "a", "b"] * 3


def test_who_computes_something_else_does_not_count(fakes: Callable) -> None:
    found = run(fakes(glia="", a="", lazy="lazy"))
    assert found["glia"].counts and found["a"].counts
    assert not found["lazy"].agrees and not found["lazy"].counts


def test_far_behind_leaves_after_two_rounds(fakes: Callable) -> None:
    found = run(fakes(glia="", a="slow"))
    assert len(found["a"].rounds) == 2
    assert found["a"].ms == pytest.approx(1000)
    assert len(run(fakes(glia="slow", a=""))["glia"].rounds) == 3


@pytest.mark.parametrize(
    ("kind", "words"),
    [("unable", "NotImplementedError: no such layer"), ("dying", "out of memory")],
)
def test_a_row_goes_on_without_who_fails(kind: str, words: str, fakes: Callable) -> None:
    found = run(fakes(glia="", a=kind, b=""))
    assert found["a"].error == words
    assert not found["a"].rounds
    assert len(found["b"].rounds) == 3


def test_a_missing_library_is_said_so(fakes: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    having = {"glia": sys.executable}
    monkeypatch.setattr(harness, "python_of", having.get)
    found = run(fakes(glia="", a=""))
    assert found["a"].error == "not installed"
    assert found["glia"].counts


def test_beside_a_busy_process(fakes: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "BUSY", ("W3-avx2",))
    found = run(fakes(glia="", a=""), Settings(rounds=2, seconds=0.02, busy=True))
    assert len(found["a"].busy_rounds) == 2
    assert found["glia"].busy_ratio == pytest.approx(1)


def test_what_the_processor_does_without(fakes: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(modes.WITHOUT_AVX512, "a", {"FAKE_KIND": "unable"})
    assert run(fakes(glia="", a=""))["a"].error  # its environment reached it


@pytest.mark.parametrize(
    ("traces", "agree"),
    [
        ([[2.0, 1.0]], [True]),
        ([[2.0, 1.0], [2.0, 1.001]], [True, True]),
        ([[2.0, 1.0], [2.0, 1.0], [2.0, 2.0]], [True, True, False]),
        ([[2.0, 1.0], [2.0, 2.0]], [False, False]),  # nobody knows who is right
        ([[2.0, 1.0], [2.0, 1.0], [2.0, float("nan")]], [True, True, False]),
        ([[], [2.0], [2.0]], [True, True, True]),
    ],
)
def test_compare(traces: list[list[float]], agree: list[bool]) -> None:
    results = [Result("x", str(i), trace=trace) for i, trace in enumerate(traces)]
    compare(results, 2e-3)
    assert [result.agrees for result in results] == agree

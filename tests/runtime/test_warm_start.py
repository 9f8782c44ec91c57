"""A second process finds what the first one planned and compiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from compiler.plan_checks import TARGETS

import glia as gl
from glia import nn, optim
from glia.base.events import count_events
from glia.compiler import native, outline
from glia.compiler.outline import Outline
from glia.compiler.program import Buffer, Launch
from glia.ir import build
from glia.ir.expr import forget
from glia.ir.ops.source import leaf


@pytest.fixture
def planned_every_time() -> None:
    """Not here: plans on disk are what these tests are about."""


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv("GLIA_CACHE", str(tmp_path / "cache"))
    yield tmp_path / "cache"
    forget()


def train() -> tuple[list[bytes], Counter[str]]:
    """Two steps of a net as a new process would do them: the bits, and what happened."""
    forget()
    native.linker().addresses.clear()
    gl.manual_seed(5)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5))
    opt = optim.Adam(net.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    with count_events() as seen:
        for _ in range(2):
            x = gl.tensor(rng.normal(size=(9, 1, 6, 6)).astype(np.float32))
            loss = nn.CrossEntropyLoss()(net(x), gl.tensor(rng.integers(0, 5, 9)))
            opt.zero_grad()
            loss.backward()
            opt.step()
        found = [loss.numpy().tobytes(), *(p.detach().numpy().tobytes() for p in net.parameters())]
    return found, seen


def test_a_second_start_plans_and_compiles_nothing(cache: Path) -> None:
    cold, first = train()
    warm, second = train()
    assert warm == cold
    assert first["plan"] > 0 and first["kernel"] > 16
    # what is left are programs too small to be worth a file
    assert second["kernel"] == 0
    assert second["plan"] == first["plan"] - len(list(cache.rglob("*.plan")))
    assert list(cache.rglob("*.plan"))


def test_a_plan_whose_kernels_are_gone_is_made_again(cache: Path) -> None:
    cold, first = train()
    for path in sorted(cache.rglob("*.o"))[::3]:
        path.unlink()
    again, second = train()
    assert again == cold
    assert second["plan"] == first["plan"]
    assert 0 < second["kernel"] < first["kernel"]


def test_a_damaged_plan_is_made_again(cache: Path) -> None:
    cold, first = train()
    for path in cache.rglob("*.plan"):
        path.write_bytes(path.read_bytes()[:-5])
    again, second = train()
    assert again == cold
    assert second["plan"] == first["plan"] and second["kernel"] == 0


def test_a_program_from_disk_can_be_looked_into(cache: Path) -> None:
    def rows() -> list[tuple[str, float]]:
        with gl.profile() as seen:
            train()
        return sorted((row.op, row.flops) for row in seen.rows)

    assert rows() == rows()


def test_outlines_come_back_from_text() -> None:
    args = (Buffer("leaf", 3), Buffer("arena", 1 << 40), Buffer("out", 0))
    steps = [Launch(args, True, False, False), Launch(args[:1], False, True, True)]
    found = Outline.parse(Outline(["b", "a"], steps, [0, 5, 3], 1 << 41).text())
    assert found == Outline(["b", "a"], steps, [0, 5, 3], 1 << 41)


def test_the_name_of_an_outline_tells_programs_apart() -> None:
    from glia.base.dtypes import float32

    x, y = leaf(0, (4,), float32), leaf(1, (4,), float32)
    programs = [([build.add(x, y)], [None]), ([build.add(x, y)], [x]), ([build.add(x, y)], [y])]
    programs += [([build.add(y, x)], [None]), ([build.add(x, x)], [None])]
    names = {
        outline.name_of(outputs, targets, target)
        for outputs, targets in programs
        for target in TARGETS.values()
    }
    assert len(names) == len(programs) * len(TARGETS)

"""Programs: compiled once, bounded in memory, cached on disk, and never silently wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.events import count_events
from glia.compiler import native, program
from glia.ir.expr import forget, interned_count
from glia.runtime import control, execute, slots


@pytest.fixture
def afresh() -> Iterator[None]:
    """Nothing compiled before but the pool's own code, nothing left behind."""
    control.native()
    forget()
    native.linker().addresses.clear()
    yield
    forget()


class Loop:
    """A plain training loop on a small net."""

    def __init__(self) -> None:
        gl.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
        self.opt = optim.Adam(self.net.parameters(), lr=0.01)
        self.loss_fn = nn.MSELoss()
        self.x = gl.tensor(np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3))
        self.y = gl.tensor(np.ones((4, 1), np.float32))

    def step(self) -> gl.Tensor:
        loss = self.loss_fn(self.net(self.x), self.y)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss


# Compiled once


def test_later_steps_compile_nothing() -> None:
    loop = Loop()
    loop.step().item()
    loop.step().item()
    with count_events() as seen:
        for _ in range(5):
            loop.step().item()
    assert seen["compile"] == 0
    assert seen["kernel"] == 0
    assert seen["realize"] == 5  # one program a step, the loss included


def test_the_second_step_records_no_new_expressions() -> None:
    loop = Loop()
    for _ in range(3):
        loop.step()
    before = interned_count()
    for _ in range(10):
        loop.step()
    assert interned_count() == before


def test_a_second_net_of_the_same_shape_compiles_nothing() -> None:
    first = Loop()
    for _ in range(3):
        first.step().item()
    with count_events() as seen:
        second = Loop()
        for _ in range(3):
            second.step().item()
    assert seen["compile"] == 0


def test_two_outputs_in_one_program() -> None:
    x = gl.tensor(np.arange(5, dtype=np.float32))
    with count_events() as seen:
        a, b = x + 1, x * 2
        gl.realize(a, b)
    assert seen["realize"] == 1
    assert a.tolist() == [1, 2, 3, 4, 5]
    assert b.tolist() == [0, 2, 4, 6, 8]


# Memory


def resident_bytes() -> int:
    """What the process holds in memory now."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_ten_thousand_steps_take_no_more_memory() -> None:
    loop = Loop()
    for _ in range(500):
        loop.step()
    counts = interned_count(), len(slots._slots), len(execute._programs)
    before = resident_bytes()
    for _ in range(10_000):
        loop.step()
    grown = resident_bytes() - before
    assert (interned_count(), len(slots._slots), len(execute._programs)) == counts
    assert grown < 2 * 2**20, f"{grown / 2**20:.1f} MB more"


def test_losses_kept_by_the_user_stay_right() -> None:
    loop, again = Loop(), Loop()
    kept = [loop.step() for _ in range(20)]
    read = [again.step().item() for _ in range(20)]
    assert [loss.item() for loss in kept] == read


# The cache on disk


def doubled() -> list[float]:
    """A program of a size that no other test uses."""
    return (gl.tensor(np.arange(23, dtype=np.float32)) * 2 + 0.25).tolist()


EXPECTED = [2.0 * i + 0.25 for i in range(23)]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, afresh: None) -> Path:
    monkeypatch.setenv("GLIA_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def objects(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.o"))


def run_again() -> int:
    """Run the program as a new process would; how many kernels were compiled."""
    forget()
    native.linker().addresses.clear()
    with count_events() as seen:
        assert doubled() == EXPECTED
    return seen["kernel"]


def test_kernels_are_found_on_disk_again(cache: Path) -> None:
    assert run_again() == 1
    assert len(objects(cache)) == 1
    assert run_again() == 0


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "foreign"])
def test_damaged_entries_are_compiled_again(cache: Path, damage: str) -> None:
    assert run_again() == 1
    (path,) = objects(cache)
    data = path.read_bytes()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        path.write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
    else:
        path.write_bytes(b"\x7fELF" + data[4:])
    assert run_again() == 1
    assert path.read_bytes() == data
    assert run_again() == 0


def test_the_name_of_a_kernel_tells_machines_apart() -> None:
    from compiler.plan_checks import TARGETS, check_program

    from glia.base.dtypes import float32
    from glia.ir import build
    from glia.ir.ops.source import leaf

    (step,) = check_program([build.neg(leaf(0, (64,), float32))]).plan.steps
    names = {native.kernel_name(step.kernel, target) for target in TARGETS.values()}
    assert len(names) == len(TARGETS)


# Other ways to run


def python(code: str, **environment: str) -> str:
    """The output of a program in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


STEP = """
import sys, numpy as np, glia as gl
from glia import nn, optim
gl.manual_seed(3)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
opt = optim.SGD(net.parameters(), lr=0.1)
rng = np.random.default_rng(0)
for _ in range(3):
    x = gl.tensor(rng.normal(size=(7, 1, 8, 8)).astype(np.float32))
    loss = nn.CrossEntropyLoss()(net(x), gl.tensor(rng.integers(0, 5, 7)))
    opt.zero_grad(); loss.backward(); opt.step()
print(loss.item(), "llvmlite" in sys.modules)
"""


def test_everything_in_the_interpreter() -> None:
    slow, without = python(STEP, GLIA_INTERPRET="1").split()
    fast, with_llvm = python(STEP).split()
    assert (without, with_llvm) == ("False", "True")
    assert float(slow) == pytest.approx(float(fast), rel=1e-5)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="other instruction sets")
@pytest.mark.parametrize("disabled", ["avx512", "avx512,avx2,fma,avx"])
def test_older_processors(disabled: str) -> None:
    """The same step without AVX-512, and with nothing but SSE."""
    old, _ = python(STEP, GLIA_CPU_DISABLE=disabled).split()
    new, _ = python(STEP).split()
    assert float(old) == pytest.approx(float(new), rel=1e-5)


def test_tests_find_no_plan_on_disk() -> None:
    """Else those that change how programs are planned would test nothing."""
    from glia.compiler import cache, outline

    name = "0" * 32
    cache.write(name, "plan", outline.Outline([], [], [], 0).text().encode())
    assert cache.read(name, "plan") is not None
    assert outline.read(name) is None


def test_what_does_not_compile_runs_in_the_interpreter_and_says_so(
    monkeypatch: pytest.MonkeyPatch, afresh: None
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no register left")

    monkeypatch.setattr(program, "partition", broken)
    with count_events() as seen, pytest.warns(RuntimeWarning) as caught:
        assert doubled() == EXPECTED
    (warning,) = caught
    text = str(warning.message)
    assert "could not compile" in text and "no register left" in text
    assert "test_execute.py" in text
    assert seen["fallback"] == 1


def test_a_program_that_fell_back_still_updates_in_place(
    monkeypatch: pytest.MonkeyPatch, afresh: None
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no register left")

    x, y = gl.tensor([1.0, 2.0]), gl.tensor([3.0, 5.0])
    monkeypatch.setattr(program, "partition", broken)
    from glia.tensor.node import assign

    with pytest.warns(RuntimeWarning):
        old = x * 10
        total = (x + y)._node
        assign([(x, y._node.expr, y._node.hold), (y, total.expr, total.hold)])
        assert (x.tolist(), y.tolist(), old.tolist()) == ([3, 5], [4, 7], [10, 20])

"""Threads: the same bits for any number of them, forks, and several Python threads at once."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from compiler.oracle import compiled, leaves_for
from compiler.random_graphs import random_case

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError
from glia.base.events import count_events
from glia.compiler import program
from glia.ir import build, products
from glia.runtime import control
from glia.runtime.threads import get_num_threads, set_num_threads


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = get_num_threads()
    yield
    set_num_threads(before)


def train(steps: int = 3) -> list[bytes]:
    """The bits of loss and parameters of a small convolutional net, after some steps."""
    gl.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.2), nn.Linear(6 * 14 * 14, 10),
    )  # fmt: skip
    opt = optim.Adam(net.parameters(), lr=1e-3)
    loss_fn = nn.CrossEntropyLoss()
    rng = np.random.default_rng(0)
    found = []
    for _ in range(steps):
        x = gl.tensor(rng.normal(size=(19, 1, 28, 28)).astype(np.float32))
        loss = loss_fn(net(x), gl.tensor(rng.integers(0, 10, 19)))
        opt.zero_grad()
        loss.backward()
        opt.step()
        found.append(np.float32(loss.item()).tobytes())
    return found + [p.detach().numpy().tobytes() for p in net.parameters()]


def test_training_has_the_same_bits_for_any_number_of_threads() -> None:
    found = {}
    for threads in (1, 2, 3, 8):
        set_num_threads(threads)
        assert get_num_threads() == threads
        found[threads] = train()
    assert all(bits == found[1] for bits in found.values())


def test_large_kernels_have_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in ((301, 257), (257, 129))]
    x, w = leaves_for(arrays)
    y = products.matmul(build.tanh(x), w)
    outputs = [y, build.sum_(y), build.softmax(y, 1), build.sum_(x, 0), build.argmax(y, 1)]
    found = []
    for threads in (1, 2, 3, 8):
        set_num_threads(threads)
        values = compiled(outputs, {x: arrays[0], w: arrays[1]})
        found.append([value.tobytes() for value in values])
    assert all(bits == found[0] for bits in found)


def test_random_graphs_with_everything_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even the smallest kernels are cut in shares, more shares than elements."""
    from glia.ir.expr import forget

    monkeypatch.setattr(program, "SERIAL", 0.0)
    monkeypatch.setattr(program, "SHARED", 0.0)
    forget()
    cases = [random_case(seed) for seed in range(15)]
    found = []
    with count_events() as seen:
        for threads in (1, 2, 5):
            set_num_threads(threads)
            bits = [v.tobytes() for case in cases for v in compiled(case.outputs, case.values)]
            found.append(bits)
    forget()
    assert seen["plan"] == len(cases), "programs planned before are cut as before"
    assert all(bits == found[0] for bits in found)


def test_small_programs_stay_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that would be worth sharing alone is not when it is all there is to share."""
    from glia.compiler.codegen.targets import host

    def shared(size: int) -> int:
        x, w = leaves_for([np.zeros((size, 64), np.float32), np.zeros((64, 64), np.float32)])
        plan = program.build([products.matmul(build.tanh(x), w)], [None], host())
        return sum(not step.serial for step in plan.steps)

    assert shared(128) == 0
    assert shared(1024) > 0
    monkeypatch.setattr(program, "SHARED", 0.0)
    assert shared(128) > 0


@pytest.mark.parametrize("count", [0, -1, 2000])
def test_bad_numbers_of_threads(count: int) -> None:
    with pytest.raises(ArgumentError, match="expected a number from 1 to"):
        set_num_threads(count)


def test_the_pool_starts_again_after_sleep() -> None:
    """Workers that went to sleep wake up for the next program."""
    set_num_threads(3)
    x = gl.tensor(np.ones((400, 400), np.float32))
    for _ in range(3):
        assert (x * 2).sum().item() == 320_000
        time.sleep(0.2)  # far longer than an idle worker spins


def test_many_short_programs_in_a_row() -> None:
    set_num_threads(4)
    x = gl.tensor(np.arange(40_000, dtype=np.float32))
    expected = np.arange(40_000, dtype=np.float32)
    for i in range(300):
        found = (x + float(i)).numpy()
        assert np.array_equal(found, expected + np.float32(i)), i


def test_changing_the_number_of_threads_stops_the_old_ones() -> None:
    before = threading.active_count()
    for count in (4, 2, 6, 1):
        set_num_threads(count)
        gl.realize(gl.tensor(np.ones((300, 300), np.float32)) * 2)
    assert threading.active_count() <= before + 1


def matrix(seed: int) -> tuple[gl.Tensor, np.ndarray]:
    array = np.random.default_rng(seed).integers(-3, 4, (96, 96)).astype(np.float32)
    return gl.tensor(array), array


def test_a_job_that_is_still_being_written_is_left_alone() -> None:
    """Its number is 0 then; table and length may belong to different jobs."""
    calls: list[int] = []
    kernel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    noted = kernel(lambda _buffers, share, _shares: calls.append(share))
    row = (ctypes.c_int64 * control.ROW)()
    row[control.FUNCTION], row[control.SHARES] = ctypes.cast(noted, ctypes.c_void_p).value or 0, 1
    words = (ctypes.c_int64 * control.WORDS)()
    words[control.TABLE], words[control.COUNT] = ctypes.addressof(row), 1
    words[control.THREADS] = 2
    worker = control.native().worker
    assert worker(ctypes.addressof(words), 7, 1) == 7 and not calls
    words[control.JOB], row[control.TAKEN] = 8, 8 << 32
    assert worker(ctypes.addressof(words), 7, 1) == 8 and calls == [0]


def test_two_python_threads_at_once() -> None:
    problems: list[str] = []

    def work(seed: int) -> None:
        try:
            for i in range(40):
                x, array = matrix(seed * 1000 + i)
                found = (x @ x + float(seed)).sum(0).numpy()
                if not np.array_equal(found, (array @ array + np.float32(seed)).sum(0)):
                    problems.append(f"thread {seed}, round {i}: wrong result")
        except Exception as error:
            problems.append(f"thread {seed}: {error!r}")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not problems, problems[:5]
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_computes_too() -> None:
    set_num_threads(2)
    x, array = matrix(5)
    expected = (array @ array).sum()
    assert (x @ x).sum().item() == expected  # the pool runs
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            same = (x @ x).sum().item() == expected
            fresh = (x + 2).amax().item() == array.max() + 2
            os.write(write, b"ok" if same and fresh else b"wrong")
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    limit = time.monotonic() + 60
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > limit:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("the child hangs")
        time.sleep(0.02)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"ok"
    assert (x @ x).sum().item() == expected  # and the parent goes on
    assert sys.platform != "win32"

"""Several Python threads at once: each gets what it would have got alone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.locks import lock
from glia.ir.expr import forget
from glia.runtime.threads import get_num_threads, set_num_threads
from glia.tensor import node


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = get_num_threads()
    yield
    set_num_threads(before)


def together(work: Callable[[int], object], count: int) -> list[object]:
    """What ``work`` gives for 0..count-1, each in a thread of its own, all at once."""
    start = threading.Barrier(count)
    found: list[object] = [None] * count

    def one(i: int) -> None:
        start.wait()
        try:
            found[i] = work(i)
        except Exception as error:
            found[i] = error

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return found


class Run:
    """A net and its training, all from numbers of its own."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.net = nn.Sequential(nn.Linear(20, 30 + seed % 2), nn.Tanh())
        self.net.append(nn.Linear(30 + seed % 2, 5))
        for p in self.net.parameters():
            p.copy_(gl.tensor(rng.normal(size=p.shape).astype(np.float32) / 5))
        self.opt = optim.Adam(self.net.parameters(), lr=0.01)
        self.x = rng.normal(size=(40, 16, 20)).astype(np.float32)
        self.y = rng.integers(0, 5, (40, 16))

    def train(self, steps: int = 40) -> list[bytes]:
        loss_fn = nn.CrossEntropyLoss()
        found = []
        for i in range(steps):
            loss = loss_fn(self.net(gl.tensor(self.x[i])), gl.tensor(self.y[i]))
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            if i % 7 == 0:
                found.append(loss.numpy().tobytes())
        return found + [p.detach().numpy().tobytes() for p in self.net.parameters()]


def test_four_threads_train_four_nets() -> None:
    set_num_threads(2)
    alone = [Run(seed).train() for seed in range(4)]
    forget()  # all of them compile at the same time, too
    runs = [Run(seed) for seed in range(4)]
    assert together(lambda i: runs[i].train(), 4) == alone


def test_changing_the_number_of_threads_while_others_compute() -> None:
    alone = [Run(seed).train() for seed in range(3)]
    runs = [Run(seed) for seed in range(3)]
    working = [True] * 3

    def work(i: int) -> object:
        if i < 3:
            try:
                return runs[i].train()
            finally:
                working[i] = False
        turn = 0
        while any(working):
            turn += 1
            set_num_threads(1 + turn % 4)
            time.sleep(0.001)
        return None

    assert together(work, 4)[:3] == alone


def test_one_jitted_function_in_four_threads() -> None:
    """Each call computes with its own arguments, whatever the other threads hand over."""
    w = gl.tensor(np.eye(64, dtype=np.float32) * 3)
    double = gl.jit(lambda x: (x @ w).sum(0))
    double(gl.zeros(64, 64))

    def work(i: int) -> bool:
        for turn in range(60):
            x = np.full((64, 64), i * 100 + turn, np.float32)
            if not np.array_equal(double(gl.tensor(x)).numpy(), 3 * x.sum(0)):
                return False
        return True

    assert together(work, 4) == [True] * 4


def test_programs_of_growing_size_share_one_arena() -> None:
    """The arena may not move under a program that runs."""
    set_num_threads(2)

    def work(i: int) -> bool:
        for n in range(20 + i, 200, 13):
            a = np.random.default_rng(n).integers(-2, 3, (n, n)).astype(np.float32)
            x = gl.tensor(a)
            if not np.array_equal(((x @ x) @ (x + 1)).numpy(), (a @ a) @ (a + 1)):
                return False
        return True

    assert together(work, 4) == [True] * 4


def test_tracing_concerns_its_own_thread_only() -> None:
    inside, outside = threading.Event(), threading.Event()

    def traced(x: gl.Tensor) -> gl.Tensor:
        inside.set()
        assert outside.wait(60)
        return x * 2

    def work(i: int) -> float:
        if i == 0:
            return gl.jit(traced)(gl.tensor([4.0])).item()
        assert inside.wait(60)
        try:
            return (gl.tensor([1.0]) + 1).item()  # a value, while the other thread records
        finally:
            outside.set()

    assert together(work, 2) == [8.0, 2.0]
    assert node.tracer() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_a_lock_of_the_parent() -> None:
    held, done = lock(), threading.Event()
    taken = threading.Event()

    def hold() -> None:
        with held:
            taken.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(60)
    child = os.fork()
    if child == 0:
        with held:
            os._exit(0)
    limit = time.monotonic() + 30
    while (found := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < limit:
        time.sleep(0.01)
    if found == (0, 0):
        os.kill(child, 9)
        os.waitpid(child, 0)
    done.set()
    thread.join()
    assert found == (child, 0)

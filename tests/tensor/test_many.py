"""``jit.many``: many steps in one native call, with the bits of as many calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError, GliaError, GradError, ShapeError
from glia.base.events import count_events
from glia.models import LeNet5

BATCH, STEPS = 8, 7


def dropping() -> nn.Module:
    parts = (nn.Linear(20, 32), nn.ReLU(), nn.Dropout(0.25), nn.Linear(32, 32), nn.BatchNorm1d(32))
    return nn.Sequential(nn.Flatten(), *parts, nn.Dropout(0.5), nn.Linear(32, 10))


#: Net, shape of an example, optimizer.
CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], Callable[[Any], Any]]] = {
    "lenet": (LeNet5, (1, 32, 32), lambda p: optim.SGD(p, lr=0.02, momentum=0.9)),
    "mlp": (dropping, (1, 4, 5), lambda p: optim.Adam(p, lr=0.01)),
    "decayed": (dropping, (20,), lambda p: optim.AdamW(p, lr=0.01, amsgrad=True)),
    "rmsprop": (dropping, (20,), lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5)),
}


class Run:
    """Weights and losses after some steps with a schedule, plain or in one call."""

    def __init__(self, case: str) -> None:
        make, shape, optimizer = CASES[case]
        gl.manual_seed(3)
        self.net = make()
        self.opt = optimizer(self.net.parameters())
        self.schedule = optim.lr_scheduler.ExponentialLR(self.opt, 0.8)
        self.loss_fn = nn.CrossEntropyLoss()
        rng = np.random.default_rng(5)
        self.x = rng.normal(size=(30, *shape)).astype(np.float32)
        self.y = rng.integers(0, 10, 30)
        self.order = rng.permutation(30 * 2)[: BATCH * STEPS].reshape(STEPS, BATCH) % 30
        self.compiled = gl.jit(self.step)

    def step(self, x: gl.Tensor, y: gl.Tensor) -> tuple[gl.Tensor, gl.Tensor]:
        outputs = self.net(x)
        loss = self.loss_fn(outputs, y)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.detach(), outputs.detach()

    def plain(self, order: np.ndarray) -> list[list[np.ndarray]]:
        found = []
        for numbers in order:
            x, y = gl.tensor(self.x[numbers]), gl.tensor(self.y[numbers])
            found.append([part.numpy() for part in self.step(x, y)])
            self.schedule.step()
        return found

    def many(self, order: np.ndarray) -> list[list[np.ndarray]]:
        batches = (gl.Rows(self.x, order), gl.Rows(self.y, order))
        found = self.compiled.many(len(order), *batches, between=self.schedule.step)
        return [list(parts) for parts in zip(*[part.numpy() for part in found], strict=True)]

    def state(self) -> list[bytes]:
        tensors = [*self.net.state_dict().values()]
        for entry in self.opt.state_dict()["state"].values():
            tensors += entry.values()
        return [np.asarray(t).tobytes() for t in tensors] + [repr(self.opt).encode()]


def same(a: Any, b: Any) -> None:
    for left, right in zip(a, b, strict=True):
        for x, y in zip(left, right, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_same_bits_as_the_loop(case: str, threads: int) -> None:
    """Shuffled batches, a schedule, dropout's keys, step counters; twice, then mixed."""
    before = gl.get_num_threads()
    gl.set_num_threads(threads)
    try:
        loop, sunk = Run(case), Run(case)
        gl.manual_seed(9)
        expected = loop.plain(loop.order)
        gl.manual_seed(9)
        found = sunk.many(sunk.order[:4]) + sunk.many(sunk.order[4:6]) + sunk.plain(sunk.order[6:])
        same(found, expected)
        assert sunk.state() == loop.state()
    finally:
        gl.set_num_threads(before)


def test_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no machine code the steps run one by one."""
    from glia.runtime import execute

    monkeypatch.setattr(execute, "interpret_only", lambda: True)
    monkeypatch.setattr(execute, "_programs", {})
    loop, sunk = Run("mlp"), Run("mlp")
    gl.manual_seed(4)
    expected = loop.plain(loop.order)
    gl.manual_seed(4)
    same(sunk.many(sunk.order), expected)
    assert sunk.state() == loop.state()


def test_profiled() -> None:
    """A profile runs programs one by one, kernel by kernel."""
    expected = Run("mlp")
    wanted = expected.many(expected.order)
    profiled = Run("mlp")
    with gl.profile() as seen:
        same(profiled.many(profiled.order), wanted)
    assert profiled.state() == expected.state()
    assert STEPS in {row.calls for row in seen.rows}


def test_the_same_arguments_at_every_step() -> None:
    loop, sunk = Run("mlp"), Run("mlp")
    x, y = gl.tensor(loop.x[:BATCH]), gl.tensor(loop.y[:BATCH])
    gl.manual_seed(1)
    expected = [loop.step(x, y)[0].item() for _ in range(STEPS)]
    gl.manual_seed(1)
    losses, outputs = sunk.compiled.many(STEPS, x, y)
    assert losses.tolist() == expected
    assert outputs.shape == (STEPS, BATCH, 10)
    assert sunk.state() == loop.state()


def test_calls_between_and_after() -> None:
    """One step, many, one step: as if all had been single calls."""
    loop, mixed = Run("mlp"), Run("mlp")
    gl.manual_seed(2)
    expected = loop.plain(loop.order)
    gl.manual_seed(2)

    def single(k: int) -> list[np.ndarray]:
        numbers = mixed.order[k]
        x, y = gl.tensor(mixed.x[numbers]), gl.tensor(mixed.y[numbers])
        found = [part.numpy() for part in mixed.compiled(x, y)]
        mixed.schedule.step()
        return found

    found = [single(0), *mixed.many(mixed.order[1:6]), single(6)]
    same(found, expected)
    assert mixed.state() == loop.state()


def test_later_calls_compile_nothing() -> None:
    run = Run("lenet")
    run.many(run.order[:3])
    with count_events() as seen:
        run.many(run.order[3:])
        run.many(run.order)
    assert seen["compile"] == seen["kernel"] == 0
    assert seen["realize"] == 2


def test_values_waiting_outside_are_those_from_before() -> None:
    run = Run("mlp")
    weight = next(iter(run.net.parameters()))
    waiting, expected = weight * 2, weight.detach().numpy() * 2
    run.many(run.order)
    np.testing.assert_array_equal(waiting.detach().numpy(), expected)
    assert not np.array_equal(weight.detach().numpy() * 2, expected)


def test_long_calls_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception (Ctrl-C) between two parts leaves a whole number of steps done."""
    from glia.runtime import repeat

    total = gl.tensor([0.0])

    @gl.jit
    def add(x: gl.Tensor) -> gl.Tensor:
        total.copy_(total + x)
        return total.sum()

    monkeypatch.setattr(repeat, "PART_SECONDS", 0.0)
    assert add.many(5, gl.tensor([2.0])).tolist() == [2, 4, 6, 8, 10]
    parts = []
    run = repeat.pool().repeat

    def interrupted(*arguments: Any) -> None:
        parts.append(arguments[2])
        if len(parts) == 3:
            raise KeyboardInterrupt
        run(*arguments)

    monkeypatch.setattr(repeat.pool(), "repeat", interrupted)
    with pytest.raises(KeyboardInterrupt):
        add.many(5, gl.tensor([2.0]))
    assert parts == [1, 1, 1]
    assert total.tolist() == [14.0]
    monkeypatch.undo()
    assert add(gl.tensor([1.0])).item() == 15.0
    assert add.many(2, gl.tensor([1.0])).tolist() == [16.0, 17.0]


def test_large_batches_are_gathered_by_all_threads() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(40, 700)).astype(np.float32)
    order = rng.integers(0, 40, (6, 33))
    total = gl.jit(lambda x: x * 2)
    np.testing.assert_array_equal(total.many(6, gl.Rows(data, order)).numpy(), data[order] * 2)


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint8", "bool", "int32"])
def test_rows_of_any_dtype(dtype: str) -> None:
    data = (np.arange(24) % 5).reshape(6, 2, 2).astype(dtype)
    order = np.array([[5, 0, 0], [1, 2, 3]])
    same_back = gl.jit(lambda x: x)
    found = same_back.many(2, gl.Rows(data[:, :, ::-1], order)).numpy()
    np.testing.assert_array_equal(found, data[:, :, ::-1][order])
    assert found.dtype == data.dtype


BAD: list[tuple[Callable[[], Any], type[GliaError], str]] = [
    (lambda: gl.jit(lambda x: x).many(0, gl.ones(2)), ArgumentError, "at least 1"),
    (lambda: gl.jit(lambda x: x).many(True, gl.ones(2)), ArgumentError, "at least 1"),
    (lambda: gl.jit(lambda x: x).many(3, gl.Rows(gl.ones(4), [[0, 1]])), ArgumentError, "for 1"),
    (lambda: gl.Rows(gl.ones(4), [[0, 4]]), ArgumentError, "0 to 3"),
    (lambda: gl.Rows(gl.ones(4), [[-1, 0]]), ArgumentError, "0 to 3"),
    (lambda: gl.Rows(gl.ones(4), [0, 1]), ShapeError, "order"),
    (lambda: gl.Rows(gl.tensor(1.0), [[0]]), ShapeError, "data"),
    (lambda: gl.jit(lambda x: gl.jit(lambda z: z).many(2, x))(gl.ones(2)), GradError, "many"),
]


def test_between_changes_numbers_only() -> None:
    run = Run("decayed")

    def switch() -> None:
        run.opt.param_groups[0]["weight_decay"] = 0.0

    x, y = gl.tensor(run.x[:BATCH]), gl.tensor(run.y[:BATCH])
    run.compiled(x, y)
    before = run.state()
    with pytest.raises(GradError, match="more than numbers"):
        run.compiled.many(3, x, y, between=switch)
    assert run.state()[:-1] == before[:-1]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_what_cannot_work_is_refused(number: int) -> None:
    attempt, kind, words = BAD[number]
    with pytest.raises(kind, match=words):
        attempt()


def test_keys_in_bulk_are_the_same_keys() -> None:
    one, many = gl.manual_seed(5), gl.tensor([0])
    singles = [one.next_key().tolist() for _ in range(7)]
    many = gl.manual_seed(5)
    assert many.next_key().tolist() == singles[0]
    assert many.next_keys(5).tolist() == singles[1:6]
    assert many.next_key().tolist() == singles[6]

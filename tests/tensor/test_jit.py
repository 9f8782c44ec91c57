"""``jit``: the same bits as the plain function, recorded once, and no value frozen in secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import GradError
from glia.base.events import count_events

Step = Callable[..., Any]


def data(step: int, rows: int = 6) -> tuple[gl.Tensor, gl.Tensor]:
    rng = np.random.default_rng(step)
    x = gl.tensor(rng.normal(size=(rows, 4)).astype(np.float32))
    return x, gl.tensor(rng.integers(0, 3, rows))


def classifier() -> nn.Module:
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
    )


class Run:
    """A net, its optimizer and one training step, plain or jitted."""

    def __init__(self, make: Callable[[Any], optim.Optimizer], jitted: bool) -> None:
        gl.manual_seed(7)
        self.net = classifier()
        self.opt = make(self.net.parameters())
        self.loss_fn = nn.CrossEntropyLoss()
        self.step: Step = gl.jit(self._step) if jitted else self._step

    def _step(self, x: gl.Tensor, y: gl.Tensor) -> gl.Tensor:
        loss = self.loss_fn(self.net(x), y)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss

    def arrays(self) -> list[np.ndarray]:
        return [np.asarray(t) for t in self.net.state_dict().values()]

    def state(self) -> list[bytes]:
        return [array.tobytes() for array in self.arrays()]


OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_has_the_same_bits(name: str) -> None:
    """With dropout, batch norm's running statistics, and a learning rate that changes."""
    plain, jitted = (Run(OPTIMIZERS[name], flag) for flag in (False, True))
    losses: list[list[float]] = [[], []]
    for found, run in zip(losses, (plain, jitted), strict=True):
        gl.manual_seed(11)
        for step in range(6):
            if step == 3:
                run.opt.param_groups[0]["lr"] = 0.003
            found.append(run.step(*data(step)).item())
    assert losses[0] == losses[1]
    assert plain.state() == jitted.state()
    assert len(set(losses[0])) == 6


def test_later_calls_compile_nothing() -> None:
    run = Run(OPTIMIZERS["adam"], True)
    run.step(*data(0))
    run.step(*data(1))
    with count_events() as seen:
        for step in range(2, 7):
            run.step(*data(step)).item()
    assert seen["compile"] == seen["kernel"] == 0


def test_plain_and_jitted_steps_can_be_mixed() -> None:
    mixed, plain = Run(OPTIMIZERS["adam"], True), Run(OPTIMIZERS["adam"], False)
    gl.manual_seed(3)
    for step in range(6):
        (mixed.step if step % 2 else mixed._step)(*data(step))
    gl.manual_seed(3)
    for step in range(6):
        plain.step(*data(step))
    assert mixed.state() == plain.state()


def test_other_shapes_are_recorded_anew() -> None:
    calls = []

    @gl.jit
    def double(x: gl.Tensor) -> gl.Tensor:
        calls.append(x.shape)
        return x * 2

    assert double(gl.tensor([1.0])).tolist() == [2.0]
    assert double(gl.tensor([4.0])).tolist() == [8.0]
    assert double(gl.tensor([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert double(gl.tensor([3])).tolist() == [6]
    assert double(gl.tensor([5.0])).tolist() == [10.0]
    assert calls == [(1,), (2,), (1,)]


def test_python_arguments_are_part_of_the_key() -> None:
    @gl.jit
    def scaled(x: gl.Tensor, factor: float, *, shift: int = 0) -> gl.Tensor:
        return x * factor + shift

    x = gl.tensor([1.0, 2.0])
    assert scaled(x, 2.0).tolist() == [2.0, 4.0]
    assert scaled(x, 3.0).tolist() == [3.0, 6.0]
    assert scaled(x, 3.0, shift=1).tolist() == [4.0, 7.0]
    assert scaled(x, 2.0).tolist() == [2.0, 4.0]


def test_nested_arguments_and_results() -> None:
    @gl.jit
    def swap(pair: tuple[gl.Tensor, gl.Tensor], named: dict[str, gl.Tensor]) -> dict[str, Any]:
        a, b = pair
        return {"list": [b, a + named["z"]], "same": a, "number": 3}

    a, b, z = gl.tensor([1.0]), gl.tensor([2.0]), gl.tensor([10.0])
    for _ in range(2):
        found = swap((a, b), {"z": z})
        assert [t.tolist() for t in found["list"]] == [[2.0], [11.0]]
        assert found["same"].tolist() == [1.0]
        assert found["number"] == 3


def test_pending_arguments_are_computed() -> None:
    @gl.jit
    def double(x: gl.Tensor) -> gl.Tensor:
        return x * 2

    x = gl.tensor([1.0])
    for i in range(3):
        assert double(x + float(i)).tolist() == [2.0 + 2 * i]


def test_results_are_kept_from_call_to_call() -> None:
    @gl.jit
    def double(x: gl.Tensor) -> gl.Tensor:
        return x * 2

    kept = [double(gl.tensor([float(i)])) for i in range(5)]
    assert [t.tolist() for t in kept] == [[0], [2], [4], [6], [8]]
    assert double(kept[1]).tolist() == [4]
    assert kept[1].tolist() == [2]


def test_the_same_tensor_twice() -> None:
    @gl.jit
    def add(a: gl.Tensor, b: gl.Tensor) -> gl.Tensor:
        return a + b * 10

    x, y = gl.tensor([1.0]), gl.tensor([2.0])
    assert add(x, x).tolist() == [11.0]
    assert add(x, y).tolist() == [21.0]


@pytest.mark.parametrize(
    "read",
    [
        lambda t: t.item(),
        lambda t: t.numpy(),
        lambda t: t.tolist(),
        lambda t: float(t),
        lambda t: bool(t > 0),
        lambda t: np.asarray(t),
        lambda t: gl.realize(t),
    ],
)
def test_values_cannot_be_read_inside(read: Callable[[gl.Tensor], Any]) -> None:
    @gl.jit
    def careless(x: gl.Tensor) -> gl.Tensor:
        read(x.sum() + 1)
        return x

    for _ in range(2):
        with pytest.raises(GradError, match="while 'careless' was being recorded"):
            careless(gl.tensor([1.0, 2.0]))
    assert (gl.tensor([1.0]) + 1).item() == 2.0  # recording has ended


def test_an_argument_cannot_be_read_inside() -> None:
    @gl.jit
    def careless(x: gl.Tensor) -> gl.Tensor:
        return x * 2 if x.item() > 0 else x

    with pytest.raises(GradError, match="being recorded"):
        careless(gl.tensor(1.0))


def test_an_exception_inside_leaves_nothing_behind() -> None:
    run = Run(OPTIMIZERS["sgd"], False)
    before = run.state()

    @gl.jit
    def broken(x: gl.Tensor, y: gl.Tensor) -> gl.Tensor:
        run._step(x, y)
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        broken(*data(0))
    assert run.state() == before
    run.step(*data(0))
    assert run.state() != before


def test_train_and_eval_are_recorded_apart() -> None:
    gl.manual_seed(0)
    net = classifier()
    forward = gl.jit(lambda x: net(x))
    x, _ = data(0)
    net.eval()
    first = forward(x).numpy()
    np.testing.assert_array_equal(first, net(x).detach().numpy())
    net.train()
    assert not np.array_equal(forward(x).numpy(), first)
    net.eval()
    np.testing.assert_array_equal(forward(x).numpy(), net(x).detach().numpy())


def test_two_optimizers_in_one_function() -> None:
    """As in a GAN: each net learns from the other, one after the other."""

    def run(jitted: bool) -> tuple[list[float], list[bytes]]:
        gl.manual_seed(5)
        maker, judge = nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
        opt_maker = optim.Adam(maker.parameters(), lr=0.05)
        opt_judge = optim.SGD(judge.parameters(), lr=0.1)
        loss_fn = nn.BCEWithLogitsLoss()

        def step(real: gl.Tensor, noise: gl.Tensor) -> tuple[gl.Tensor, gl.Tensor]:
            ones, zeros = gl.ones(5, 1), gl.zeros(5, 1)
            fake = maker(noise)
            loss_judge = loss_fn(judge(real), ones) + loss_fn(judge(fake.detach()), zeros)
            opt_judge.zero_grad()
            loss_judge.backward()
            opt_judge.step()
            loss_maker = loss_fn(judge(maker(noise)), ones)
            opt_maker.zero_grad()
            loss_maker.backward()
            opt_maker.step()
            return loss_judge, loss_maker

        do = gl.jit(step) if jitted else step
        found = []
        for i in range(5):
            rng = np.random.default_rng(i)
            real, noise = (gl.tensor(rng.normal(size=(5, n)).astype(np.float32)) for n in (2, 3))
            found += [loss.item() for loss in do(real, noise)]
        parameters = [*maker.parameters(), *judge.parameters()]
        return found, [p.detach().numpy().tobytes() for p in parameters]

    assert run(True) == run(False)


def test_two_steps_in_one_call() -> None:
    twice, once = Run(OPTIMIZERS["adam"], False), Run(OPTIMIZERS["adam"], False)

    @gl.jit
    def both(x: gl.Tensor, y: gl.Tensor) -> tuple[gl.Tensor, gl.Tensor]:
        return twice._step(x, y), twice._step(x, y)

    gl.manual_seed(2)
    pairs = [[loss.item() for loss in both(*data(i))] for i in range(3)]
    gl.manual_seed(2)
    singles = [[once.step(*data(i)).item(), once.step(*data(i)).item()] for i in range(3)]
    np.testing.assert_allclose(pairs, singles, rtol=1e-6)
    # what is fused with what decides where a product and a sum round once instead of twice
    for a, b in zip(twice.arrays(), once.arrays(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_random_numbers_are_fresh_at_every_call() -> None:
    @gl.jit
    def noisy(x: gl.Tensor) -> gl.Tensor:
        return x + gl.rand(4)

    gl.manual_seed(1)
    x = gl.zeros(4)
    found = [noisy(x).tolist() for _ in range(3)]
    gl.manual_seed(1)
    assert found == [gl.rand(4).tolist() for _ in range(3)]
    assert found[0] != found[1] != found[2]


def test_gradients_made_inside_stay_inside() -> None:
    run = Run(OPTIMIZERS["sgd"], True)
    run.step(*data(0))
    assert all(p.grad is None for p in run.net.parameters())


def test_left_over_gradients_are_refused() -> None:
    w = gl.Parameter(np.ones(2, np.float32))
    (w * w).sum().backward()

    @gl.jit
    def accumulate(x: gl.Tensor) -> gl.Tensor:
        loss = (w * x).sum()
        loss.backward()
        return loss

    with pytest.raises(GradError, match="left over from outside"):
        accumulate(gl.tensor([1.0, 2.0]))


def test_values_waiting_outside_are_those_from_before() -> None:
    run = Run(OPTIMIZERS["sgd"], True)
    run.step(*data(0))
    weight = next(iter(run.net.parameters()))
    waiting, expected = weight * 2, weight.detach().numpy() * 2
    run.step(*data(1))
    np.testing.assert_array_equal(waiting.detach().numpy(), expected)
    assert not np.array_equal(weight.detach().numpy() * 2, expected)


def test_parameters_replaced_between_calls() -> None:
    """Loading weights between calls is seen by the next call."""
    run, other = Run(OPTIMIZERS["sgd"], True), Run(OPTIMIZERS["sgd"], False)
    run.step(*data(0))
    run.net.load_state_dict(other.net.state_dict())
    run.opt.state.clear()
    gl.manual_seed(4)
    a = run.step(*data(1)).item()
    gl.manual_seed(4)
    assert a == other.step(*data(1)).item()


@pytest.mark.parametrize("jitted", [False, True])
def test_what_changes_the_formula_is_noticed(jitted: bool) -> None:
    """Momentum switched on; then optimizer state dropped and a parameter frozen."""
    found = Run(lambda p: optim.SGD(p, lr=0.1), jitted)
    for step in range(9):
        if step == 3:
            found.opt.param_groups[0]["momentum"] = 0.9
        if step == 6:
            found.opt.state.clear()
            next(iter(found.net.parameters())).requires_grad_(False)
        found.step(*data(step))
    expected = Run(lambda p: optim.SGD(p, lr=0.1), False)
    for step in range(9):
        if step == 3:
            expected.opt = optim.SGD(expected.net.parameters(), lr=0.1, momentum=0.9)
        if step == 6:
            first, *others = expected.net.parameters()
            first.requires_grad_(False)
            expected.opt = optim.SGD(others, lr=0.1, momentum=0.9)
        expected.step(*data(step))
    assert found.state() == expected.state()


def test_methods_keep_their_recordings_on_the_instance() -> None:
    class Scale:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        @gl.jit
        def __call__(self, x: gl.Tensor) -> gl.Tensor:
            return x * self.factor

        @gl.jit
        def shifted(self, x: gl.Tensor) -> gl.Tensor:
            return x * self.factor + 1

    x = gl.tensor([1.0])
    two, three = Scale(2.0), Scale(3.0)
    assert two.shifted(x).tolist() == [3.0]
    assert three.shifted(x).tolist() == [4.0]
    assert two.shifted(x).tolist() == [3.0]


def test_jit_inside_jit() -> None:
    @gl.jit
    def inner(x: gl.Tensor) -> gl.Tensor:
        return x + 1

    @gl.jit
    def outer(x: gl.Tensor) -> gl.Tensor:
        return inner(x) * 2

    assert outer(gl.tensor([1.0])).tolist() == [4.0]
    assert outer(gl.tensor([2.0])).tolist() == [6.0]


def test_what_was_recorded_is_not_computed_as_well() -> None:
    """Without waiting for a collection of garbage: the recording itself holds no tensors."""
    import gc

    run = Run(OPTIMIZERS["sgd"], True)
    x, y = data(0)
    gl.realize(x, y, *run.net.parameters())
    gc.disable()
    try:
        with count_events() as seen:
            run.step(x, y)
            run.step(x, y)
    finally:
        gc.enable()
    assert seen["realize"] == 2


@pytest.mark.parametrize("what", ["result", "parameter"])
def test_tensors_made_inside_stay_what_they_are(what: str) -> None:
    """Their memory must not go to the next tensor of their kind."""
    total = gl.zeros(5, 7)

    @gl.jit
    def step(x: gl.Tensor) -> gl.Tensor:
        mask = gl.tensor(np.tri(5, 7, dtype=np.float32))
        if what == "parameter":
            total.copy_(total + mask)
        return (x * mask).sum()

    others = []
    for _ in range(3):
        assert step(gl.ones(5, 7)).item() == np.tri(5, 7).sum()
        others += [gl.tensor(np.full((5, 7), 9.0, np.float32)) for _ in range(20)]
    expected = 3 * np.tri(5, 7) if what == "parameter" else np.zeros((5, 7))
    np.testing.assert_array_equal(total.numpy(), expected)

"""``gl.scan`` against loops in Python: values, gradients, nesting, and what it refuses."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, GradError, ShapeError
from glia.base.events import count_events
from glia.base.i18n import set_language
from glia.ir.expr import interned_count, topological

RNG = np.random.default_rng(12)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def numbers(*shape: int) -> gl.Tensor:
    return gl.tensor(normal(*shape), requires_grad=True)


def by_hand(f: Callable, carry: Any, xs: gl.Tensor, reverse: bool = False) -> tuple[Any, Any]:
    """The same loop, step after step; outputs must be single tensors."""
    order = range(xs.shape[0])
    found = []
    for t in reversed(order) if reverse else order:
        carry, y = f(carry, xs[t])
        found.append(y)
    return carry, gl.stack(found[::-1] if reverse else found)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_running_sum(reverse: bool) -> None:
    x = normal(6, 3)
    last, sums = gl.scan(lambda s, v: (s + v, s + v), np.zeros(3), gl.tensor(x), reverse=reverse)
    wanted = np.cumsum(x[::-1], 0)[::-1] if reverse else np.cumsum(x, 0)
    np.testing.assert_allclose(sums.numpy(), wanted, atol=1e-14)
    np.testing.assert_allclose(last.numpy(), x.sum(0), atol=1e-14)


# Bodies: (function of weights, carry and step)


def plain(w: gl.Tensor, b: gl.Tensor, h: gl.Tensor, x: gl.Tensor) -> Any:
    h = (x + h @ w + b).tanh()
    return h, h


def other_output(w: gl.Tensor, b: gl.Tensor, h: gl.Tensor, x: gl.Tensor) -> Any:
    return (h * 0.5 + x).tanh(), (h @ w) * x + b


def output_of_the_input(w: gl.Tensor, b: gl.Tensor, h: gl.Tensor, x: gl.Tensor) -> Any:
    return h * 0.9 + x @ w, x @ w + b


def masked(w: gl.Tensor, b: gl.Tensor, h: gl.Tensor, x: gl.Tensor) -> Any:
    new = (h @ w + x).tanh()
    return gl.where(x.sum(-1, keepdim=True) > 0, new, h), new.softmax(-1) * b


def constant(w: gl.Tensor, b: gl.Tensor, h: gl.Tensor, x: gl.Tensor) -> Any:
    return h, w @ b


def cut(w: gl.Tensor, b: gl.Tensor, h: gl.Tensor, x: gl.Tensor) -> Any:
    return (h.detach() @ w + x).tanh(), h * b


BODIES = [plain, other_output, output_of_the_input, masked, constant, cut]


@pytest.mark.parametrize("reverse", [False, True], ids=["forth", "back"])
@pytest.mark.parametrize("body", BODIES, ids=lambda f: f.__name__)
def test_values_and_gradients_are_the_loops(body: Callable, reverse: bool) -> None:
    w, b, h, x = numbers(3, 3), numbers(3), numbers(2, 3), numbers(5, 2, 3)
    everything = [w, b, h, x]
    results = []
    for run in (gl.scan, by_hand):
        for tensor in everything:
            tensor.grad = None
        last, ys = run(lambda c, v: body(w, b, c, v), h, x, reverse=reverse)
        loss = (last * gl.tensor(np.arange(6.0).reshape(2, 3))).sum() + (ys * ys).sum()
        loss.backward()
        gl.realize(last, ys, *(t.grad for t in everything if t.grad is not None))
        gradients = [np.zeros(t.shape) if t.grad is None else t.grad.numpy() for t in everything]
        results.append([last.detach().numpy(), ys.detach().numpy(), *gradients])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_trees_of_all_kinds() -> None:
    State = namedtuple("State", "h count")

    def f(carry: Any, step: Any) -> Any:
        state, rest = carry
        x, (flag, nothing) = step["x"], step["more"]
        assert nothing is None
        h = gl.where(flag, state.h + x, state.h)
        return (State(h, state.count + 1), rest), {"double": h * 2, "none": None}

    xs = {"x": gl.tensor([1.0, 2.0, 3.0]), "more": [gl.tensor([True, False, True]), None]}
    (state, rest), ys = gl.scan(f, (State(0.0, 0), [None, gl.ones(2)]), xs)
    assert type(state) is State
    assert (state.h.item(), state.count.item()) == (4.0, 3)
    assert rest[0] is None and rest[1].tolist() == [1.0, 1.0]
    assert ys["double"].tolist() == [2.0, 2.0, 8.0] and ys["none"] is None


def test_a_length_instead_of_a_sequence() -> None:
    last, powers = gl.scan(lambda c, _: (c * 2, c), 1.0, length=5)
    assert last.item() == 32 and powers.tolist() == [1, 2, 4, 8, 16]
    none, squares = gl.scan(lambda _, x: (None, x * x), None, gl.tensor([1.0, 3.0]))
    assert none is None and squares.tolist() == [1, 9]


def test_derivatives_are_those_of_differences() -> None:
    w, x = normal(3, 3), normal(4, 3)

    def loss(w: Any, x: Any) -> gl.Tensor:
        last, ys = gl.scan(lambda c, v: ((c @ w + v).tanh(), c * v), np.ones(3), x)
        return (last * last).sum() + (ys * 0.3).sum()

    for place, array in enumerate((w, x)):
        arrays = [gl.tensor(w), gl.tensor(x)]
        arrays[place].requires_grad_()
        loss(*arrays).backward()
        found = arrays[place].grad.numpy()
        for element in np.ndindex(array.shape):
            sides = []
            for step in (1e-6, -1e-6):
                moved = [w.copy(), x.copy()]
                moved[place][element] += step
                sides.append(loss(*map(gl.tensor, moved)).item())
            assert found[element] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-8)


def test_only_some_results_want_gradients() -> None:
    w = gl.ones(3, requires_grad=True)
    (h, n), ys = gl.scan(lambda c, x: ((c[0] + x, c[1] + 1), c[1]), (w * 2, 0), gl.ones(4, 3))
    assert h.requires_grad and not n.requires_grad and not ys.requires_grad
    h.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [2, 2, 2]
    with gl.no_grad():
        assert not gl.scan(lambda c, x: (c * w, None), gl.ones(3), gl.ones(4, 3))[0].requires_grad
    outside = gl.scan(lambda c, x: (c * w, None), gl.ones(3), gl.ones(4, 3))[0]
    assert outside.requires_grad  # through w alone
    assert not gl.scan(lambda c, x: (c + x, None), gl.ones(3), gl.ones(4, 3))[0].requires_grad


def test_masked_nans_do_not_leak() -> None:
    x = gl.tensor([1.0, -1.0, 4.0], requires_grad=True)
    last, _ = gl.scan(lambda c, v: (c + gl.where(v > 0, v.sqrt(), 0.0), None), 0.0, x)
    y = gl.tensor([1.0, -1.0], requires_grad=True)
    _, logs = gl.scan(lambda c, v: (c + v, (y * v).log()), gl.zeros(2), gl.ones(2, 2))
    (last + gl.where(y > 0, logs, 0.0).sum()).backward()
    gl.realize(last, x.grad, y.grad)
    assert last.item() == 3.0
    assert x.grad is not None and x.grad.tolist() == [0.5, 0.0, 0.25]
    assert y.grad is not None and y.grad.tolist() == [2.0, 0.0]


def test_what_was_detached_before_gets_no_gradient() -> None:
    w = gl.ones(3, requires_grad=True)
    computed = (w * 2).detach()
    last, _ = gl.scan(lambda c, x: (c * w + x * computed, None), computed, gl.ones(2, 3))
    last.sum().backward()
    assert w.grad is not None
    # c₂ = (2w + 2) w + 2 with both twos constant
    assert w.grad.tolist() == [6, 6, 6]


def test_layers_inside() -> None:
    cell, head = nn.GRUCell(3, 4).double(), nn.Linear(4, 2).double()
    x = numbers(5, 2, 3)

    def f(h: gl.Tensor, v: gl.Tensor) -> Any:
        h = cell(v, h)
        return h, head(h)

    start = gl.tensor(np.zeros((2, 4)))
    results = []
    for run in (gl.scan, by_hand):
        for p in (*cell.parameters(), *head.parameters(), x):
            p.grad = None
        _, ys = run(f, start, x)
        (ys * ys).sum().backward()
        tensors = [ys.detach(), x.grad, *(p.grad for p in cell.parameters()), head.weight.grad]
        gl.realize(*tensors)
        results.append([t.numpy() for t in tensors])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)


# The compiler leaves a loop within a loop to the interpreter, with a warning.
nested = pytest.mark.filterwarnings("ignore:glia could not compile:RuntimeWarning")


@nested
def test_a_loop_within_a_loop() -> None:
    w, h, x = numbers(3, 3), numbers(3), numbers(4, 2, 3)

    def inner(c: gl.Tensor, v: gl.Tensor) -> Any:
        c = (c @ w + v).tanh()
        return c, c * v

    def outer(run: Callable) -> Callable:
        def f(c: gl.Tensor, rows: gl.Tensor) -> Any:
            scaled = rows * c
            c, ys = run(lambda s, v: inner(s, v * c), c, scaled)
            return c, ys.sum(0) + w[0]

        return f

    results = []
    for run in (gl.scan, by_hand):
        for tensor in (w, h, x):
            tensor.grad = None
        last, ys = run(outer(run), h, x)
        (last.sum() + (ys * ys).sum()).backward()
        results.append([t.numpy() for t in (last.detach(), ys.detach(), w.grad, h.grad, x.grad)])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_recorded_anew_it_is_the_same() -> None:
    w = gl.tensor(normal(3, 3), requires_grad=True)
    x = gl.tensor(normal(5, 3))

    def step() -> float:
        last, ys = gl.scan(lambda c, v: ((c @ w + v).tanh(), c), np.zeros(3), x)
        loss = (last * last).sum() + ys.sum()
        w.grad = None
        loss.backward()
        gl.realize(loss, w.grad)
        return loss.item()

    for _ in range(3):
        first = step()
    before = interned_count()
    with count_events() as seen:
        assert step() == first
    assert interned_count() == before
    assert seen["compile"] == 0


def test_plain_and_jit_agree() -> None:
    w = gl.tensor(np.eye(3, dtype=np.float32), requires_grad=True)
    opt = gl.optim.SGD([w], lr=0.1)

    def step(x: gl.Tensor) -> gl.Tensor:
        last, ys = gl.scan(lambda c, v: ((c @ w + v).tanh(), c), gl.zeros(3), x)
        loss = (last - 0.5).square().sum() + ys.mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.detach()

    x = gl.tensor(np.linspace(-1, 1, 18, dtype=np.float32).reshape(6, 3))
    start = w.detach().numpy()
    plain = [step(x).item() for _ in range(4)]
    w.copy_(start)
    compiled = gl.jit(step)
    assert [compiled(x).item() for _ in range(4)] == plain
    assert plain[-1] < plain[0]


def test_random_numbers_are_drawn_anew_in_every_step() -> None:
    gl.manual_seed(0)
    x = gl.ones(50, 8)

    def f(c: gl.Tensor, v: gl.Tensor) -> Any:
        return c, (nn.functional.dropout(v), gl.rand(2))

    @gl.jit
    def drawn() -> Any:
        return gl.scan(f, 0.0, x)[1]

    first, second = ([t.numpy() for t in pair] for pair in (drawn(), drawn()))
    for a, b in zip(first, second, strict=True):
        assert len(np.unique(a, axis=0)) > 40
        assert (a != b).any()
    plain = gl.scan(f, 0.0, x)[1]
    assert len(np.unique(plain[1].numpy())) == 100
    assert abs((plain[0].numpy() == 0).mean() - 0.5) < 0.1


def test_as_long_as_you_like() -> None:
    def size(length: int) -> int:
        last, _ = gl.scan(lambda c, x: ((c + x).tanh(), None), gl.zeros(2), gl.ones(length, 2))
        return len(topological([last._node.expr]))

    assert size(10) == size(100_000)


# What is refused

KEPT: list[Any] = []
NORM = nn.BatchNorm1d(2)
W = gl.ones(2, requires_grad=True)
X = gl.ones(4, 2)


def start() -> gl.Tensor:
    return gl.zeros(2)


WRONG: list[tuple[Callable[[], Any], type, str]] = [
    (lambda: gl.scan(lambda c, x: (c, c), start()), ArgumentError, "expected xs or length"),
    (
        lambda: gl.scan(lambda c, x: (c, c), start(), {"a": X, "b": gl.ones(3)}),
        ShapeError,
        "expected xs['b'] with 4 steps first, got shape (3,)",
    ),
    (lambda: gl.scan(lambda c, x: (c, c), start(), X, 5), ShapeError, "expected xs with 5 steps"),
    (lambda: gl.scan(lambda c, x: (c, c), start(), 1.0), ShapeError, "got shape ()"),
    (lambda: gl.scan(lambda c, x: (c, c), start(), gl.ones(0, 2)), ShapeError, "at least one step"),
    (lambda: gl.scan(lambda c, x: c, start(), X), ArgumentError, "(carry, output), found tensor"),
    (
        lambda: gl.scan(lambda c, x: ((c, c), None), start(), X),
        ArgumentError,
        "expected tensor, found (tensor, tensor)",
    ),
    (
        lambda: gl.scan(lambda c, x: ({"h": c["h"] + X}, None), {"h": start()}, X),
        ShapeError,
        "carry['h'] must keep its shape and dtype: it is float32 (2,) in init, and float32 (4, 2)",
    ),
    (
        lambda: gl.scan(lambda c, x: (c + 0.5, None), 0, length=3),
        ShapeError,
        "it is int64 () in init, and float32 () after a step",
    ),
    (
        lambda: gl.scan(lambda c, x: (c if c.sum().item() > 0 else x, None), start(), X),
        GradError,
        "a value was asked for inside f",
    ),
    (
        lambda: gl.scan(lambda c, x: (KEPT.append(c + x) or c, None), start(), X),
        GradError,
        "keeps a tensor",
    ),
    (
        lambda: gl.scan(lambda c, x: (c, (c * W).sum().backward()), start(), X),
        GradError,
        "backward() was called",
    ),
    (lambda: gl.scan(lambda c, x: (c, W.copy_(x)), start(), X), GradError, "was overwritten"),
    (
        lambda: gl.scan(lambda c, x: (c, NORM(x)), None, gl.ones(3, 4, 2)),
        GradError,
        "running statistics",
    ),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("wrong", "error", "words"), WRONG, ids=[w[2] for w in WRONG])
def test_errors_teach(wrong: Callable, error: type, words: str, language: str) -> None:
    set_language(language)
    with pytest.raises(error) as caught:
        wrong()
    KEPT.clear()
    assert "test_scan.py:" in str(caught.value)
    if language == "en":
        assert words in str(caught.value)
    # nothing of the body is left behind
    assert gl.scan(lambda c, x: (c + x, None), start(), X)[0].tolist() == [4, 4]
    assert (NORM.eval()(X)).shape == (4, 2)
    NORM.train()

"""Recording gradients: what backward adds up, what stops it, and what happens in place."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import DTypeError, GradError, ShapeError


def leaf(*values: float) -> gl.Tensor:
    return gl.tensor(list(values), requires_grad=True)


def grad(x: gl.Tensor) -> list[float]:
    assert x.grad is not None
    return x.grad.tolist()


# backward


def test_backward_adds_up() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    assert grad(x) == [2.0, 4.0]
    (x * 3).sum().backward()
    assert grad(x) == [5.0, 7.0]
    x.grad = None
    x.sum().backward()
    assert grad(x) == [1.0, 1.0]


def test_backward_twice_through_one_graph() -> None:
    x = leaf(3.0)
    y = (x * x).sum()
    y.backward()
    y.backward()
    assert grad(x) == [12.0]


def test_shared_parts_and_several_leaves() -> None:
    x, w = leaf(2.0), leaf(5.0)
    shared = x * w
    (shared + shared * x).sum().backward()
    assert grad(x) == [5.0 + 2 * 2 * 5.0]
    assert grad(w) == [2.0 + 4.0]


def test_seeds() -> None:
    x = leaf(1.0, 2.0, 3.0)
    (x * x).backward(gl.tensor([1.0, 0.0, -1.0]))
    assert grad(x) == [2.0, 0.0, -6.0]
    with pytest.raises(ShapeError, match="expected a gradient of shape"):
        (x * x).backward(gl.tensor([1.0]))


def test_backward_before_and_after_reading_the_value() -> None:
    x, y = leaf(1.0, -2.0), leaf(1.0, -2.0)
    first = x.exp().sum()
    first.item()
    first.backward()
    y.exp().sum().backward()
    assert grad(x) == grad(y)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: x * 2, "expected a scalar"),
        (lambda x: x.detach().sum(), "does not depend on anything"),
        (lambda x: gl.tensor(1.0), "does not depend on anything"),
        (lambda x: (x > 0).sum(), "does not depend on anything"),
        (lambda x: (x // 2).sum(), "has no derivative"),
    ],
)
def test_what_backward_refuses(make, words: str) -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(GradError, match=words):
        make(x).backward()


def test_only_floats_want_gradients() -> None:
    with pytest.raises(DTypeError, match="floating-point"):
        gl.tensor([1, 2]).requires_grad_()
    with pytest.raises(GradError, match="the user made"):
        (leaf(1.0) * 2).requires_grad_()
    with pytest.raises(ShapeError, match="grad: expected shape"):
        leaf(1.0).grad = gl.zeros(3)


# What stops gradients


def test_no_grad() -> None:
    x = leaf(1.0)
    with gl.no_grad():
        assert not (x * 2).requires_grad
        with gl.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_no_grad_ends_with_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), gl.no_grad():
        1 / 0  # noqa: B018
    assert (leaf(1.0) * 2).requires_grad


def test_no_grad_as_decorator() -> None:
    @gl.no_grad()
    def double(x: gl.Tensor) -> gl.Tensor:
        """Twice."""
        return x * 2

    x = leaf(1.0)
    assert not double(x).requires_grad
    assert not double(x).requires_grad
    assert (double.__name__, double.__doc__) == ("double", "Twice.")
    assert (x * 2).requires_grad


def test_values_from_no_grad_are_constants_even_while_pending() -> None:
    x = leaf(3.0)
    with gl.no_grad():
        constant = x * x
    (constant * x).sum().backward()
    assert grad(x) == [9.0]


@pytest.mark.parametrize("read_first", [False, True])
def test_detach(read_first: bool) -> None:
    x = leaf(3.0)
    y = x * x
    if read_first:
        y.numpy()
    (y.detach() * x).sum().backward()
    assert grad(x) == [9.0]
    x.grad = None
    (x.detach() * x).sum().backward()
    assert grad(x) == [3.0]
    assert not x.detach().requires_grad


def test_detached_values_do_not_follow_the_original() -> None:
    x = leaf(1.0)
    seen = x.detach()
    with gl.no_grad():
        x.copy_(gl.tensor([5.0]))
    assert x.tolist() == [5.0]
    assert seen.tolist() in ([1.0], [5.0])  # PyTorch shares memory here
    later = x.detach() + 0
    with gl.no_grad():
        x.copy_(gl.tensor([7.0]))
    assert later.tolist() == [5.0]


def test_numpy_of_a_tensor_that_wants_gradients() -> None:
    with pytest.raises(GradError, match="detach"):
        leaf(1.0).numpy()
    assert leaf(1.0).detach().numpy().tolist() == [1.0]


# Names


def test_in_place_operators_are_recorded() -> None:
    x = leaf(2.0)
    y = x * 1
    y += 1
    y *= y
    y.sum().backward()
    assert grad(x) == [6.0]


def test_views_do_not_alias() -> None:
    x = gl.tensor([[1.0, 2.0], [3.0, 4.0]])
    row = x[0]
    with gl.no_grad():
        x.copy_(x * 10)
    assert row.tolist() == [1.0, 2.0]
    assert x[0].tolist() == [10.0, 20.0]


def test_copies_from_numpy_are_copies() -> None:
    array = np.ones(3, np.float32)
    x = gl.tensor(array)
    array[0] = 5
    assert x.tolist() == [1, 1, 1]
    out = x.numpy()
    out[0] = 7
    assert x.tolist() == [1, 1, 1]


def test_deep_copies_stand_alone() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    twin = copy.deepcopy(x)
    assert grad(twin) == [2.0, 4.0]
    with gl.no_grad():
        x.copy_(gl.tensor([9.0, 9.0]))
    assert twin.tolist() == [1.0, 2.0]
    assert twin.requires_grad


# Pending values are never stale


def test_values_recorded_before_a_step_are_those_from_before() -> None:
    net = nn.Linear(2, 1)
    opt = optim.SGD(net.parameters(), lr=0.5)
    x = gl.tensor([[1.0, 2.0]])
    before = net(x).detach().numpy()
    output = net(x)
    squared = output * output
    weight = net.weight * 1
    old_weight = net.weight.detach().numpy()
    squared.sum().backward()
    opt.step()
    np.testing.assert_array_equal(output.detach().numpy(), before)
    np.testing.assert_array_equal(squared.detach().numpy(), before * before)
    np.testing.assert_array_equal(weight.detach().numpy(), old_weight)
    assert not np.array_equal(net(x).detach().numpy(), before)


def test_gradients_read_after_the_step_are_those_from_before() -> None:
    w = gl.Parameter(np.array([1.0, 2.0], np.float32))
    opt = optim.SGD([w], lr=0.1)
    (w * w).sum().backward()
    opt.step()
    assert grad(w) == [2.0, 4.0]
    np.testing.assert_allclose(w.tolist(), [0.8, 1.6], rtol=1e-6)


def test_a_graph_from_before_a_step_ends_there() -> None:
    """After the parameters changed, the old graph has no gradient to give: an error, no lie."""
    w = gl.Parameter(np.array([3.0], np.float32))
    opt = optim.SGD([w], lr=1.0)
    loss = (w * w).sum()
    loss.backward()
    opt.step()
    assert loss.item() == 9.0
    with pytest.raises(GradError):
        loss.backward()


def test_chains_of_pending_values_over_several_steps() -> None:
    w = gl.Parameter(np.array([1.0], np.float32))
    opt = optim.SGD([w], lr=0.25)
    kept, expected, value = [], [], 1.0
    for _ in range(5):
        loss = (w * w).sum()
        kept.append(loss + sum(kept[-1:], gl.tensor(0.0)).detach())
        expected.append(value * value + (expected[-1] if expected else 0.0))
        opt.zero_grad()
        loss.backward()
        opt.step()
        value -= 0.25 * 2 * value
    assert [k.item() for k in kept] == pytest.approx(expected, rel=1e-6)


def test_copy_into_a_tensor_others_wait_on() -> None:
    x = gl.tensor([1.0, 2.0])
    waiting = [x + i for i in range(3)]
    x.copy_(x * 100)
    assert [w.tolist() for w in waiting] == [[1, 2], [2, 3], [3, 4]]
    assert x.tolist() == [100, 200]

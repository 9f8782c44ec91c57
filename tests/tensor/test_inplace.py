"""Methods and operators that change a tensor in place, as PyTorch does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import glia as gl
from glia.base.errors import DTypeError, GliaError, GradError, ShapeError


def test_all_handles_see_the_change_and_earlier_results_do_not() -> None:
    x = gl.tensor([1.0, 2.0])
    same, detached, copied, tripled = x, x.detach(), x.clone(), x * 3
    x += 1
    assert [same.tolist(), detached.tolist()] == [[2, 3], [2, 3]]
    assert [copied.tolist(), tripled.tolist()] == [[1, 2], [3, 6]]
    assert x.clamp_(max=2.5) is x
    assert same.tolist() == [2, 2.5]
    pending = gl.ones(2) * 2
    other = pending
    pending *= 3
    assert other.tolist() == [6, 6]
    assert other.zero_().tolist() == pending.tolist() == [0, 0]
    assert gl.ones(2, 3).t_().shape == (3, 2)


def test_whole_numbers_stay_whole() -> None:
    i = gl.tensor([1, 5])
    i *= 2
    i.fill_(7)
    assert i.dtype is gl.int64
    assert i.tolist() == [7, 7]


def test_parameters() -> None:
    p = gl.Parameter([1.0, 2.0])
    before, seen = p._node, p.detach()
    with gl.no_grad():
        p -= 3
        p.relu_()
    assert p._node is before
    assert p.is_leaf and p.requires_grad
    assert seen.tolist() == [0, 0]
    p.data.fill_(2)
    assert p.tolist() == [2, 2]


def test_gradients_flow_through() -> None:
    p = gl.Parameter([1.0, 2.0])
    q = p.clone()
    assert not q.is_leaf
    q *= p
    total = gl.zeros(2)
    total += q
    total.sum().backward()
    assert p.grad is not None
    assert p.grad.tolist() == [2, 4]
    p.grad.fill_(1)
    assert p.grad.tolist() == [1, 1]


def test_in_recorded_functions() -> None:
    outside = gl.zeros(2)

    @gl.jit
    def step(x: gl.Tensor) -> tuple[gl.Tensor, gl.Tensor]:
        inside, copy = gl.zeros(2), gl.zeros(2)
        inside += x
        inside *= 2
        copy.copy_(x)
        copy += outside
        outside.__iadd__(x)
        return inside, copy

    for turn in range(3):
        inside, copy = step(gl.tensor([1.0, 2.0]))
        assert inside.tolist() == [2, 4]
        assert copy.tolist() == [1 + turn, 2 + 2 * turn]
        assert outside.tolist() == [1 + turn, 2 + 2 * turn]


def _of_an_argument() -> None:
    gl.jit(lambda x: x.zero_())(gl.ones(2))


def _of_what_waits() -> None:
    x = gl.ones(2) * 5
    gl.jit(lambda y: x.__iadd__(y))(gl.ones(2))


def _with_a_gradient_inside() -> None:
    x, p = gl.ones(2), gl.Parameter([1.0, 2.0])
    gl.jit(lambda: x.__iadd__(p))()


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [
        (lambda: gl.Parameter([1.0]).__iadd__(1), GradError, "no_grad"),
        (lambda: gl.Parameter([1.0]).zero_(), GradError, "no_grad"),
        (lambda: gl.tensor([1, 2]).__iadd__(0.5), DTypeError, "cannot hold it"),
        (lambda: gl.ones(2).__iadd__(gl.ones(3, 2)), ShapeError, "has shape"),
        (lambda: gl.ones(2).fill_(gl.ones(2)), ShapeError, "0-d tensor"),
        (lambda: gl.ones(2).copy_(gl.ones(3, 2)), ShapeError, "expected shape"),
        (_of_an_argument, GradError, "an argument was changed"),
        (_of_what_waits, GradError, "from outside"),
        (_with_a_gradient_inside, GradError, "depend on gradients"),
    ],
)
def test_refused(action: Callable[[], object], error: type[GliaError], words: str) -> None:
    with pytest.raises(error, match=words):
        action()


def test_copy_broadcasts() -> None:
    x = gl.zeros(2, 3)
    assert x.copy_(gl.tensor([1.0, 2.0, 3.0])).tolist() == np.tile([1.0, 2, 3], (2, 1)).tolist()

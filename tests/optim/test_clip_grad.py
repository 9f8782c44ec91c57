"""Gradient clipping: against NumPy and PyTorch, in one program with the step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import optim
from glia.base.errors import ArgumentError, GradError, ShapeError
from glia.nn import utils
from glia.tensor import node as recorder

GRADS = [np.array([[3.0, -4.0], [0.0, 1.0]]), np.array(2.0), np.array([-0.5, 0.25, 0.0])]
ORDERS = (2.0, 1.0, 3.0, 0.5, 0.0, math.inf, -math.inf)


def with_gradients(dtypes: Any = (np.float64,) * 3) -> list[gl.Parameter]:
    params = [gl.Parameter(np.zeros_like(g, dtype=d)) for g, d in zip(GRADS, dtypes, strict=True)]
    for p, g, d in zip(params, GRADS, dtypes, strict=True):
        p.grad = gl.tensor(g.astype(d))
    return params


def norm(values: Any, order: float) -> float:
    flat = np.abs(np.concatenate([np.ravel(v) for v in values]))
    if order == 0:
        return np.count_nonzero(flat)
    if math.isinf(order):
        return flat.max() if order > 0 else flat.min()
    return (flat**order).sum() ** (1 / order)


@pytest.mark.parametrize("order", [o for o in ORDERS if o != 0])
def test_norm(order: float) -> None:
    params, wanted = with_gradients(), norm(GRADS, order)
    total = utils.clip_grad_norm_(iter(params), 1.5, order)
    assert total.item() == pytest.approx(wanted, rel=1e-12)
    factor = min(1.0, 1.5 / (wanted + 1e-6))
    for p, g in zip(params, GRADS, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), g * factor, rtol=1e-12)


def test_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    kinds = (np.float32, np.float64, np.float32)
    for order in ORDERS:
        for most in (0.5, 100.0):
            ours = with_gradients(kinds)
            theirs = [torch.nn.Parameter(torch.from_numpy(p.detach().numpy())) for p in ours]
            for p, q in zip(ours, theirs, strict=True):
                q.grad = torch.from_numpy(p.grad.numpy())
            found = utils.clip_grad_norm_(ours, most, order)
            wanted = torch.nn.utils.clip_grad_norm_(theirs, most, order)
            assert found.item() == pytest.approx(wanted.item(), rel=1e-6), order
            for p, q in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-6)
                assert p.grad.numpy().dtype == q.grad.numpy().dtype


def test_value() -> None:
    params = with_gradients()
    params.append(gl.Parameter([1.0]))  # has none
    utils.clip_grad_value_(params, 0.75)
    for p, g in zip(params, GRADS, strict=False):
        np.testing.assert_array_equal(p.grad.numpy(), np.clip(g, -0.75, 0.75))
    utils.clip_grad_value_(params[0], 0.5)
    assert params[0].grad.numpy().max() == 0.5


def test_what_is_not_finite() -> None:
    params = with_gradients()
    params[1].grad = gl.tensor(np.array(math.nan))
    with pytest.raises(GradError, match="norm of order 2 is nan"):
        utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert params[0].grad.numpy()[0, 0] == 3.0
    assert math.isnan(utils.clip_grad_norm_(params, 1.0).item())
    assert np.isnan(params[0].grad.numpy()).all()
    with pytest.raises(ArgumentError, match="order of a norm"):
        utils.get_total_norm(GRADS, math.nan)
    assert utils.get_total_norm([]).item() == 0.0
    with pytest.warns(UserWarning, match="only once"):
        utils.clip_grad_norm_(iter([]), 1.0)


def test_clipping_is_part_of_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """One program with it, the same each step; and the same numbers inside jit."""

    def run(jitted: bool) -> list[float]:
        p = gl.Parameter(np.full((3,), 10.0))
        opt = optim.SGD([p], lr=0.1)

        def step(x: gl.Tensor) -> gl.Tensor:
            opt.zero_grad()
            (p * p * x).sum().backward()
            total = utils.clip_grad_norm_([p], 2.0)
            opt.step()
            return total

        again = gl.jit(step) if jitted else step
        return [again(gl.tensor(np.ones(3))).item() for _ in range(6)] + p.detach().tolist()

    programs: list[Any] = []
    execute = recorder.execute

    def counted(outputs: Any, into: Any, overwritten: Any = ()) -> None:
        programs.append(len(overwritten))
        execute(outputs, into, overwritten)

    monkeypatch.setattr(recorder, "execute", counted)
    plain = run(False)
    assert programs == [1] * 6
    monkeypatch.undo()
    at = np.full(3, 10.0)
    for total in plain[:6]:
        assert total == pytest.approx(np.linalg.norm(2 * at), rel=1e-12)
        at -= 0.1 * 2 * at * 2.0 / (total + 1e-6)
    assert plain[6:] == pytest.approx(at, rel=1e-12)
    assert run(True) == plain


def test_parameters_as_a_vector() -> None:
    net = gl.nn.Linear(3, 2)
    vector = utils.parameters_to_vector(net.parameters())
    wanted = [*net.weight.detach().numpy().ravel(), *net.bias.detach().numpy()]
    assert vector.tolist() == wanted
    (vector * vector).sum().backward()
    np.testing.assert_array_equal(net.bias.grad.numpy(), 2 * net.bias.detach().numpy())
    utils.vector_to_parameters(gl.tensor(np.arange(8.0)), net.parameters())
    assert net.weight.tolist() == [[0, 1, 2], [3, 4, 5]] and net.bias.tolist() == [6, 7]
    with pytest.raises(ShapeError, match="a vector of 8 numbers"):
        utils.vector_to_parameters(gl.zeros(7), net.parameters())

"""L-BFGS: against PyTorch, on Rosenbrock's valley, saved and loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError, CheckpointError, GradError

OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.5, "max_iter": 7, "history_size": 3},
    {"line_search_fn": "strong_wolfe"},
    {"lr": 2.0, "line_search_fn": "strong_wolfe", "max_iter": 5, "max_eval": 9},
    {"line_search_fn": "strong_wolfe", "tolerance_grad": 1e-2, "tolerance_change": 1e-3},
]


def start(dtype: Any) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(7)
    values = [rng.normal(size=s).astype(dtype) for s in ((3, 4), (4,), (4, 2), (2,))]
    return values, rng.normal(size=(16, 3)).astype(dtype)


def stepper(opt: Any, params: list, x: Any) -> Any:
    def closure() -> Any:
        opt.zero_grad()
        first, a, second, b = params
        out = (x @ first + a).tanh() @ second + b
        loss = ((out - x[:, :2]) * (out - x[:, :2])).mean()
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: "-".join(row) or "default")
def test_agrees_with_torch(row: dict) -> None:
    """Losses and parameters, call after call; state handed over half-way, both ways."""
    torch = pytest.importorskip("torch")
    values, x = start(np.float64)
    ours = [gl.Parameter(v) for v in values]
    theirs = [torch.nn.Parameter(torch.from_numpy(v.copy())) for v in values]
    opt, peer = optim.LBFGS(ours, **row), torch.optim.LBFGS(theirs, **row)
    mine, other = stepper(opt, ours, gl.tensor(x)), stepper(peer, theirs, torch.from_numpy(x))

    def both_agree() -> None:
        assert opt.step(mine).item() == pytest.approx(peer.step(other).item(), rel=1e-7)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-7)

    for _ in range(2):
        both_agree()
    counts = [which.state[p[0]]["func_evals"] for which, p in ((opt, ours), (peer, theirs))]
    assert counts[0] == counts[1]
    with torch.no_grad():
        for a, b in zip(ours, theirs, strict=True):
            b.copy_(torch.from_numpy(a.detach().numpy()))
    opt.load_state_dict(peer.state_dict())
    both_agree()
    saved = opt.state_dict()
    state = {name: to_torch(value, torch) for name, value in saved["state"][0].items()}
    peer.load_state_dict({**saved, "state": {0: state}})
    both_agree()


def to_torch(value: Any, torch: Any) -> Any:
    if isinstance(value, list):
        return [to_torch(item, torch) for item in value]
    return torch.from_numpy(value.numpy()) if isinstance(value, gl.Tensor) else value


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rosenbrock(dtype: type) -> None:
    """The valley's floor bends; the minimum is at (1, 1), and found to the dtype's precision."""
    p = gl.Parameter(np.array([-1.2, 1.0], dtype))
    kind = {"max_iter": 100, "tolerance_change": 1e-14, "line_search_fn": "strong_wolfe"}
    opt = optim.LBFGS([p], **kind)

    def closure() -> gl.Tensor:
        opt.zero_grad()
        a, b = 1 - p[0], p[1] - p[0] * p[0]
        loss = a * a + 100 * b * b
        loss.backward()
        return loss

    for _ in range(2):
        opt.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), 1.0, atol=1e-3 if dtype is np.float32 else 1e-6)
    assert opt.state[p]["func_evals"] < 100


def test_goes_on_from_a_saved_state() -> None:
    values, x = start(np.float32)

    def made(values: list) -> tuple[Any, Any, list]:
        params = [gl.Parameter(v) for v in values]
        opt = optim.LBFGS(params, max_iter=4, line_search_fn="strong_wolfe")
        return opt, stepper(opt, params, gl.tensor(x)), params

    opt, closure, params = made(values)
    opt.step(closure)
    other, again, copies = made([p.detach().numpy() for p in params])
    other.load_state_dict(opt.state_dict())
    assert [opt.step(closure).item() for _ in range(3)] == [
        other.step(again).item() for _ in range(3)
    ]
    assert all((p == q).all().item() for p, q in zip(params, copies, strict=True))
    small = optim.LBFGS([gl.Parameter([1.0])])
    with pytest.raises(CheckpointError, match="groups of"):
        small.load_state_dict(opt.state_dict())
    state = {**opt.state_dict(), "param_groups": small.state_dict()["param_groups"]}
    with pytest.raises(CheckpointError, match="expected 1 numbers"):
        small.load_state_dict(state)


def test_whole_batches_and_running_statistics() -> None:
    """A network with batch norm; its averages are up to date after the step."""
    gl.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    x, opt = gl.randn(20, 3), optim.LBFGS(net.parameters(), lr=0.5, max_iter=3)

    def closure() -> gl.Tensor:
        opt.zero_grad()
        loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
        loss.backward()
        return loss

    losses = [opt.step(closure).item() for _ in range(4)]
    assert losses[3] < 0.5 * losses[0]
    assert net[1].num_batches_tracked.item() == 12


def test_refused() -> None:
    p = gl.Parameter([1.0])
    opt = optim.LBFGS([p])
    with pytest.raises(ArgumentError, match="needs a closure"):
        opt.step()
    with pytest.raises(ArgumentError, match="only one group"):
        opt.add_param_group({"params": [gl.Parameter([1.0])]})
    with pytest.raises(ArgumentError, match="unknown line_search_fn"):
        optim.LBFGS([p], line_search_fn="weak")
    with pytest.raises(ArgumentError, match="history_size"):
        optim.LBFGS([p], history_size=0)

    def closure() -> gl.Tensor:
        loss = (p * p).sum()
        loss.backward()
        return loss

    with pytest.raises(GradError, match="a value was asked for"):
        gl.jit(lambda: opt.step(closure))()

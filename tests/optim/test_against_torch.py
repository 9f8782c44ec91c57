"""Optimizers against PyTorch: fifty steps of a small network with every option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import optim

torch = pytest.importorskip("torch")

DECAY = {"weight_decay": 0.1}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "foreach": True},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "fused": True},
        {"lr": 0.05, "momentum": 0.5, "dampening": 0.2, **DECAY},
        {"lr": 0.01, "maximize": True, "momentum": 0.5},
    ],
    "ASGD": [
        {"lr": 0.1},
        {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 5, **DECAY},
        {"lr": 0.01, "maximize": True},
    ],
    "Adam": [
        {"lr": 0.01},
        {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3},
        {"lr": 0.01, "amsgrad": True, **DECAY},
        {"lr": 0.01, "maximize": True},
        {"lr": 0.01, "decoupled_weight_decay": True, **DECAY},
    ],
    "AdamW": [{"lr": 0.01}, {"lr": 0.01, "weight_decay": 0.5, "amsgrad": True}],
    "NAdam": [
        {},
        {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "momentum_decay": 0.1, **DECAY},
        {"lr": 0.01, "decoupled_weight_decay": True, "maximize": True, **DECAY},
    ],
    "RAdam": [
        {},
        {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, **DECAY},
        {"lr": 0.01, "decoupled_weight_decay": True, "maximize": True, **DECAY},
    ],
    "Adamax": [{}, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, **DECAY}, {"maximize": True}],
    "RMSprop": [
        {"lr": 0.01},
        {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, **DECAY},
        {"lr": 0.001, "momentum": 0.9},
        {"lr": 0.001, "centered": True, "eps": 1e-2},
        {"lr": 0.001, "centered": True, "momentum": 0.5, "maximize": True, "eps": 1e-2},
    ],
    "Adagrad": [
        {"lr": 0.1},
        {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3, **DECAY},
        {"lr": 0.01, "maximize": True},
    ],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.5, "eps": 1e-3, **DECAY}, {"maximize": True}],
    "Rprop": [
        {},
        {"maximize": True, "step_sizes": (1e-6, 0.02)},
        {"lr": 0.1, "etas": (0.3, 1.1), "step_sizes": (1e-3, 0.2)},
    ],
    "Adafactor": [
        {},
        {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-4, 1e-2), "d": 2.0, **DECAY},
        {"maximize": True},
    ],
    "Muon": [
        {},
        {"momentum": 0.5, "nesterov": False, "weight_decay": 0.0, "eps": 1e-3},
        {"lr": 1e-4, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3},
        {"lr": 1e-4, "adjust_lr_fn": "original", "ns_coefficients": (3.0, -3.2, 1.2)},
    ],
}
STEPS = 50


def start(dtype: Any, kind: str = "") -> tuple[list[np.ndarray], np.ndarray]:
    """Weights of a network of two layers, and batches for it."""
    rng = np.random.default_rng(7)
    shapes = [(3, 4), (4,), (4, 2), (2,)] if kind != "Muon" else [(3, 4), (4, 2)]
    return [rng.normal(size=s).astype(dtype) for s in shapes], rng.normal(size=(STEPS, 8, 3))


def loss_of(x: Any, params: Any) -> Any:
    """The network should give back two of the three inputs."""
    if len(params) == 2:
        first, second = params
        out = (x @ first).tanh() @ second
    else:
        first, a, second, b = params
        out = (x @ first + a).tanh() @ second + b
    return ((out - x[:, :2]) * (out - x[:, :2])).mean()


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("kind", OPTIONS)
def test_fifty_steps(kind: str, dtype: type) -> None:
    rows = OPTIONS[kind] if dtype is np.float64 else OPTIONS[kind][:2]
    values, data = start(dtype, kind)
    ours = [[gl.Parameter(v) for v in values] for _ in rows]
    theirs = [[torch.nn.Parameter(torch.from_numpy(v.copy())) for v in values] for _ in rows]
    opts = [getattr(optim, kind)(p, **row) for p, row in zip(ours, rows, strict=True)]
    peers = [getattr(torch.optim, kind)(p, **row) for p, row in zip(theirs, rows, strict=True)]

    @gl.jit
    def step(x: gl.Tensor) -> list[gl.Tensor]:
        for opt, params in zip(opts, ours, strict=True):
            loss_of(x, params).backward()
            opt.step()
            opt.zero_grad()
        return []

    limit = 1e-5 if dtype is np.float32 or kind == "Muon" else 1e-11
    for batch in data.astype(dtype):
        step(gl.tensor(batch))
        for peer, params in zip(peers, theirs, strict=True):
            peer.zero_grad()
            loss_of(torch.from_numpy(batch), params).backward()
            peer.step()
        for row, p, q in zip(rows, ours, theirs, strict=True):
            for a, b in zip(p, q, strict=True):
                found, wanted = a.detach().numpy(), b.detach().numpy()
                np.testing.assert_allclose(found, wanted, rtol=limit, atol=limit, err_msg=str(row))


SECOND = {kind: rows[1] for kind, rows in OPTIONS.items()}
SECOND["RMSprop"] = OPTIONS["RMSprop"][4]
SECOND["Adam"] = OPTIONS["Adam"][2]


def follow(opt: Any, params: list, make: Any, batches: Any) -> None:
    for batch in batches:
        opt.zero_grad()
        loss_of(make(batch), params).backward()
        opt.step()


@pytest.mark.parametrize("kind", SECOND)
def test_state_goes_from_torch_to_glia_and_back(kind: str) -> None:
    """Either goes on where the other stood."""
    values, data = start(np.float64, kind)
    options = SECOND[kind]
    theirs = [torch.nn.Parameter(torch.from_numpy(v.copy())) for v in values]
    peer = getattr(torch.optim, kind)(theirs, **options)
    follow(peer, theirs, torch.from_numpy, data[:5])
    ours = [gl.Parameter(p.detach().numpy().copy()) for p in theirs]
    opt = getattr(optim, kind)(ours)
    opt.load_state_dict(peer.state_dict())
    follow(opt, ours, gl.tensor, data[5:10])
    follow(peer, theirs, torch.from_numpy, data[5:10])
    limit = 1e-5 if kind == "Muon" else 1e-11
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=limit, atol=limit)

    saved = opt.state_dict()
    state = {
        i: {name: torch.from_numpy(np.asarray(value)) for name, value in entry.items()}
        for i, entry in saved["state"].items()
    }
    mirrored = [torch.nn.Parameter(torch.from_numpy(p.detach().numpy())) for p in ours]
    again = getattr(torch.optim, kind)(mirrored)
    assert set(saved["param_groups"][0]) == set(again.state_dict()["param_groups"][0])
    again.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    follow(opt, ours, gl.tensor, data[10:15])
    follow(again, mirrored, torch.from_numpy, data[10:15])
    for a, b in zip(ours, mirrored, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=limit, atol=limit)


@pytest.mark.parametrize("kind", ["SGD", "Adam", "NAdam", "RMSprop", "Adafactor"])
def test_changing_numbers_and_missing_gradients(kind: str) -> None:
    """lr and weight decay change on the way; some parameters sit out some steps."""
    values, data = start(np.float64)
    options = {"lr": 0.1, "weight_decay": 0.0}
    if kind == "SGD":
        options |= {"momentum": 0.9, "dampening": 0.5}
    ours = [gl.Parameter(v) for v in values]
    theirs = [torch.nn.Parameter(torch.from_numpy(v.copy())) for v in values]
    opt, peer = (
        getattr(module, kind)([{"params": p[:1], "lr": 0.05}, {"params": p[1:]}], **options)
        for module, p in ((optim, ours), (torch.optim, theirs))
    )
    for i, batch in enumerate(data[:20]):
        for which, params, data in (
            (opt, ours, gl.tensor(batch)),
            (peer, theirs, torch.from_numpy(batch)),
        ):
            which.param_groups[0]["lr"] = 0.1 / (i + 1)
            which.param_groups[-1]["weight_decay"] = 0.1 * (i > 5)
            which.zero_grad()
            loss_of(data, params).backward()
            if i % 3 == 1:
                params[i % 4].grad = None
            which.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-10)

"""Optimizers and schedules against PyTorch: twenty steps of every option."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import optim

torch = pytest.importorskip("torch")

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.5, "dampening": 0.2, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "maximize": True, "momentum": 0.5}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "amsgrad": True}),
    ("Adam", {"lr": 0.05, "maximize": True}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.5, "amsgrad": True}),
    ("RMSprop", {"lr": 0.02}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.01, "centered": True}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.5, "maximize": True}),
]


def problem(dtype: type) -> tuple[Any, ...]:
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(3, 4)).astype(dtype), rng.normal(size=(4,)).astype(dtype)
    x = rng.normal(size=(20, 8, 3)).astype(dtype)
    return a, b, x


def loss_of(x: Any, a: Any, b: Any) -> Any:
    out = x @ a + b
    return (out * out).mean() + 0.1 * (b * b * b * b).sum()


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: f"{row[0]}-{'-'.join(row[1])}")
def test_twenty_steps(row: tuple[str, dict], dtype: type) -> None:
    kind, options = row
    a, b, x = problem(dtype)
    ours = [gl.Parameter(a), gl.Parameter(b)]
    theirs = [torch.nn.Parameter(torch.from_numpy(v.copy())) for v in (a, b)]
    opt = getattr(optim, kind)(ours, **options)
    peer = getattr(torch.optim, kind)(theirs, **options)
    limit = 1e-5 if dtype is np.float32 else 1e-11
    for batch in x:
        for which, params, data in (
            (opt, ours, gl.tensor(batch)),
            (peer, theirs, torch.from_numpy(batch)),
        ):
            which.zero_grad()
            loss_of(data, *params).backward()
            which.step()
        for p, q in zip(ours, theirs, strict=True):
            found, wanted = p.detach().numpy(), q.detach().numpy()
            np.testing.assert_allclose(found, wanted, rtol=limit, atol=limit)


@pytest.mark.parametrize("kind", ["SGD", "Adam", "RMSprop"])
def test_changing_numbers_and_missing_gradients(kind: str) -> None:
    """lr and weight decay change on the way; some parameters sit out some steps."""
    options = {"lr": 0.1, "weight_decay": 0.0}
    if kind == "SGD":
        options |= {"momentum": 0.9, "dampening": 0.5}
    a, b, x = problem(np.float64)
    ours = [gl.Parameter(a), gl.Parameter(b)]
    theirs = [torch.nn.Parameter(torch.from_numpy(v.copy())) for v in (a, b)]
    opt = getattr(optim, kind)([{"params": [ours[0]], "lr": 0.05}, {"params": ours[1:]}], **options)
    peer = getattr(torch.optim, kind)(
        [{"params": [theirs[0]], "lr": 0.05}, {"params": theirs[1:]}], **options
    )
    if kind == "Adam":
        opt, peer = optim.Adam(ours, **options), torch.optim.Adam(theirs, **options)
    for i, batch in enumerate(x):
        for which, params, data in (
            (opt, ours, gl.tensor(batch)),
            (peer, theirs, torch.from_numpy(batch)),
        ):
            which.param_groups[0]["lr"] = 0.1 / (i + 1)
            which.param_groups[-1]["weight_decay"] = 0.1 * (i > 5)
            which.zero_grad()
            loss_of(data, *params).backward()
            if i % 3 == 1:
                params[i % 2].grad = None
            which.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-11)


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_state_dict_of_torch_continues(kind: str) -> None:
    options = {"lr": 0.1, "momentum": 0.9} if kind == "SGD" else {"lr": 0.1}
    a, b, x = problem(np.float64)
    theirs = [torch.nn.Parameter(torch.from_numpy(v.copy())) for v in (a, b)]
    peer = getattr(torch.optim, kind)(theirs, **options)

    def run(which: Any, params: list, make: Any, batches: Any) -> None:
        for batch in batches:
            which.zero_grad()
            loss_of(make(batch), *params).backward()
            which.step()

    run(peer, theirs, torch.from_numpy, x[:5])
    ours = [gl.Parameter(p.detach().numpy().copy()) for p in theirs]
    opt = getattr(optim, kind)(ours, **options)
    saved = peer.state_dict()
    state = {
        i: {n: v.numpy() for n, v in entry.items() if v is not None}
        for i, entry in saved["state"].items()
    }
    opt.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    run(peer, theirs, torch.from_numpy, x[5:10])
    run(opt, ours, gl.tensor, x[5:10])
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-11)


SCHEDULES = [
    ("StepLR", (3,), {"gamma": 0.5}),
    ("MultiStepLR", ([2, 5, 5],), {"gamma": 0.3}),
    ("ExponentialLR", (0.9,), {}),
    ("CosineAnnealingLR", (7,), {"eta_min": 0.01}),
    ("LambdaLR", (lambda epoch: 1 / (1 + epoch),), {}),
]


@pytest.mark.parametrize("row", SCHEDULES, ids=lambda row: row[0])
def test_schedule(row: tuple) -> None:
    kind, args, options = row
    opt = optim.SGD([gl.Parameter(1.0)], lr=0.2)
    peer = torch.optim.SGD([torch.nn.Parameter(torch.tensor(1.0))], lr=0.2)
    ours = getattr(optim.lr_scheduler, kind)(opt, *args, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(torch.optim.lr_scheduler, kind)(peer, *args, **options)
        for _ in range(15):
            assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), abs=1e-15)
            peer.step()
            ours.step()
            theirs.step()

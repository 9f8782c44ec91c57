"""Averaged weights: against NumPy and PyTorch, in one program, inside jit; SWALR."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError
from glia.optim import swa_utils as ours
from glia.tensor import node as recorder


def net() -> nn.Module:
    gl.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))


def weights(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in module.state_dict().items()}


def halves(average: Any, new: Any, count: Any) -> Any:
    return (average + new) / 2


def halves_in_place(averages: Any, new: Any, count: Any) -> None:
    for a, p in zip(averages, new, strict=True):
        a.copy_((a + p) / 2)


def mean(values: list[np.ndarray]) -> np.ndarray:
    return np.mean(values, axis=0)


def fading(factor: float) -> Any:
    def average(values: list[np.ndarray]) -> np.ndarray:
        found = values[0]
        for value in values[1:]:
            found = factor * found + (1 - factor) * value
        return found

    return average


KINDS: dict[str, tuple[Any, Any]] = {
    "mean": (lambda s: {}, mean),
    "swa": (lambda s: {"avg_fn": s.get_swa_avg_fn()}, mean),
    "swa-multi": (lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()}, mean),
    "ema": (lambda s: {"avg_fn": s.get_ema_avg_fn(0.8)}, fading(0.8)),
    "ema-multi": (lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.8)}, fading(0.8)),
    "own": (lambda s: {"avg_fn": halves}, fading(0.5)),
}


def trained(module: nn.Module, averaged: Any, steps: int) -> list[dict[str, np.ndarray]]:
    """Weights after every step, each taken into the average."""
    x = gl.randn(10, 3)
    opt, seen = optim.SGD(module.parameters(), lr=0.1), []
    for _ in range(steps):
        opt.zero_grad()
        (module(x) * module(x)).mean().backward()
        opt.step()
        averaged.update_parameters(module)
        seen.append(weights(module))
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_average(kind: str) -> None:
    options, average = KINDS[kind]
    module = net()
    averaged = ours.AveragedModel(module, **options(ours))
    seen = trained(module, averaged, 5)
    for name, value in weights(averaged.module).items():
        values = [w[name] for w in seen]
        learned = name.endswith(("weight", "bias"))
        wanted = average(values) if learned else values[-1]  # buffers are copied
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-7, err_msg=name)
    assert averaged.n_averaged.item() == 5
    x = gl.randn(2, 3)
    assert (averaged(x) == averaged.module(x)).all().item()
    other = ours.AveragedModel(net())
    other.load_state_dict(averaged.state_dict())
    assert other.n_averaged.item() == 5


def test_own_rule_in_place() -> None:
    module = net()
    averaged = ours.AveragedModel(module, multi_avg_fn=halves_in_place)
    seen = trained(module, averaged, 4)
    wanted = fading(0.5)([w["0.weight"] for w in seen])
    np.testing.assert_allclose(averaged.module[0].weight.detach().numpy(), wanted, rtol=1e-5)


def test_agrees_with_torch() -> None:
    """Buffers averaged too, whole numbers included."""
    torch = pytest.importorskip("torch")
    for kind in ("mean", "ema", "ema-multi"):
        module = net()
        peer = torch.nn.Sequential(
            torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 2)
        )
        averaged = ours.AveragedModel(module, use_buffers=True, **KINDS[kind][0](ours))
        theirs = torch.optim.swa_utils.AveragedModel(
            peer, use_buffers=True, **KINDS[kind][0](torch.optim.swa_utils)
        )
        for _ in range(4):
            trained(module, ours.AveragedModel(module), 1)
            state = {name: torch.from_numpy(value) for name, value in weights(module).items()}
            peer.load_state_dict(state)
            averaged.update_parameters(module)
            theirs.update_parameters(peer)
        wanted = theirs.state_dict()
        found = weights(averaged)
        assert set(found) == set(wanted)
        for name, value in found.items():
            np.testing.assert_allclose(value, wanted[name].numpy(), rtol=1e-5, atol=1e-7)


def test_one_program_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    module = net()
    averaged = ours.AveragedModel(module, multi_avg_fn=ours.get_ema_multi_avg_fn(0.9))
    programs: list[Any] = []
    execute = recorder.execute

    def counted(outputs: Any, into: Any, overwritten: Any = ()) -> None:
        programs.append((outputs, overwritten))
        execute(outputs, into, overwritten)

    monkeypatch.setattr(recorder, "execute", counted)
    for _ in range(4):
        averaged.update_parameters(module)
    assert len(programs) == 4 and len(set(programs)) == 1


def test_inside_jit() -> None:
    def run(jitted: bool) -> list[bytes]:
        module = net()
        averaged = ours.AveragedModel(module, multi_avg_fn=ours.get_ema_multi_avg_fn(0.7))
        opt = optim.Adam(module.parameters(), lr=0.05)

        def step(x: gl.Tensor) -> gl.Tensor:
            opt.zero_grad()
            loss = (module(x) * module(x)).mean()
            loss.backward()
            opt.step()
            averaged.update_parameters(module)
            return loss

        once = gl.jit(step) if jitted else step
        for _ in range(4):
            once(gl.tensor(np.arange(12, dtype=np.float32).reshape(4, 3)))
        return [value.tobytes() for value in weights(averaged).values()]

    assert run(True) == run(False)


def test_update_bn() -> None:
    """Means over the batches; momentum and mode as before."""
    module, data = net().eval(), np.random.default_rng(0).normal(size=(3, 8, 3))
    batches = [(gl.tensor(batch.astype(np.float32)), None) for batch in data]
    ours.update_bn(batches, module)
    layer, first = module[1], module[0]
    assert layer.momentum == 0.1 and not module.training
    hidden = data @ first.weight.detach().numpy().T + first.bias.detach().numpy()
    mean, var = hidden.mean(1).mean(0), hidden.var(1, ddof=1).mean(0)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-4)
    assert layer.num_batches_tracked.item() == 3
    ours.update_bn(batches, nn.Linear(3, 3))  # nothing to do


SWALRS: list[dict[str, Any]] = [
    {"swa_lr": 0.05},
    {"swa_lr": [0.5, 0.01], "anneal_epochs": 4, "anneal_strategy": "linear"},
    {"swa_lr": 0.05, "anneal_epochs": 0},
]


def two_groups(module: Any, parameter: Any) -> Any:
    groups = [{"params": [parameter()]}, {"params": [parameter()], "lr": 0.1}]
    return module.SGD(groups, lr=0.4)


def test_swalr_by_hand() -> None:
    opt = two_groups(optim, lambda: gl.Parameter(1.0))
    schedule = ours.SWALR(opt, **SWALRS[1])
    seen = []
    for _ in range(6):
        seen.append(schedule.get_last_lr())
        schedule.step()
    assert np.transpose(seen) == pytest.approx(
        np.array([[0.4, 0.425, 0.45, 0.475, 0.5, 0.5], [0.1, 0.0775, 0.055, 0.0325, 0.01, 0.01]])
    )


@pytest.mark.parametrize("row", SWALRS, ids=["cos", "linear", "at-once"])
def test_swalr_agrees_with_torch(row: dict) -> None:
    torch = pytest.importorskip("torch")
    opt = two_groups(optim, lambda: gl.Parameter(1.0))
    peer = two_groups(torch.optim, lambda: torch.nn.Parameter(torch.tensor(1.0)))
    mine, theirs = ours.SWALR(opt, **row), torch.optim.swa_utils.SWALR(peer, **row)
    for step in range(60):
        assert mine.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-12)
        peer.step()
        if step == 3:
            mine.load_state_dict(theirs.state_dict())
        mine.step()
        theirs.step()


def test_refused() -> None:
    with pytest.raises(ArgumentError, match=r"decay in \[0, 1\]"):
        ours.get_ema_multi_avg_fn(1.5)
    with pytest.raises(ArgumentError, match="in two ways"):
        ours.AveragedModel(net(), avg_fn=halves, multi_avg_fn=halves_in_place)
    opt = optim.SGD([gl.Parameter(1.0)])
    with pytest.raises(ArgumentError, match="anneal_epochs"):
        ours.SWALR(opt, 0.1, anneal_epochs=-1)
    with pytest.raises(ArgumentError, match="unknown anneal_strategy"):
        ours.SWALR(opt, 0.1, anneal_strategy="no")

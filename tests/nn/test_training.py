"""Whole trainings: against PyTorch from the same weights and batches, and running statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.data.mnist import MNIST
from glia.nn import functional as F
from glia.tensor import functional as updates

STEPS = 100


def lenet(kit: Any) -> Any:
    return kit.Sequential(
        kit.Conv2d(1, 6, 5, padding=2),
        kit.ReLU(),
        kit.MaxPool2d(2),
        kit.Conv2d(6, 16, 5),
        kit.ReLU(),
        kit.MaxPool2d(2),
        kit.Flatten(),
        kit.Linear(400, 120),
        kit.ReLU(),
        kit.Linear(120, 84),
        kit.ReLU(),
        kit.Linear(84, 10),
    )


def normed(kit: Any) -> Any:
    return kit.Sequential(
        kit.Conv2d(1, 4, 3, stride=2, bias=False),
        kit.BatchNorm2d(4),
        kit.ReLU(),
        kit.Conv2d(4, 8, 3, stride=2, bias=False),
        kit.BatchNorm2d(8),
        kit.SiLU(),
        kit.AvgPool2d(6),
        kit.Flatten(),
        kit.LayerNorm(8),
        kit.Linear(8, 10),
    )


def batches(steps: int, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Handwritten digits in the order of the file."""
    x, y = MNIST("test", size=28).arrays
    spans = [slice(i * size, (i + 1) * size) for i in range(steps)]
    return [(x[span], y[span].astype(np.int64)) for span in spans]


def losses(net: Any, opt: Any, loss_fn: Any, data: Any, tensor: Any) -> list[float]:
    found = []
    for x, y in data:
        loss = loss_fn(net(tensor(x)), tensor(y))
        opt.zero_grad()
        loss.backward()
        opt.step()
        found.append(loss.item())
    return found


CASES = [
    ("lenet-momentum", lenet, "SGD", {"lr": 0.01, "momentum": 0.9}),
    ("lenet-adam", lenet, "Adam", {"lr": 1e-3}),
    ("normed-adamw", normed, "AdamW", {"lr": 1e-2}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_losses_follow_torch(case: tuple) -> None:
    """From the same weights and batches the losses stay together.

    Now and then two elements of a pooling window, or a sum and zero, are equal within rounding,
    and which one wins differs between any two ways of adding up; from there on two float32
    trainings drift apart, PyTorch's own from its float64 too. The seed is one where none does.
    """
    torch = pytest.importorskip("torch")
    _, make, kind, options = case
    torch.manual_seed(0)
    theirs = make(torch.nn)
    ours = make(nn)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    data = batches(STEPS, 32)
    peer = getattr(torch.optim, kind)(theirs.parameters(), **options)
    wanted = losses(theirs, peer, torch.nn.CrossEntropyLoss(), data, torch.from_numpy)
    opt = getattr(optim, kind)(ours.parameters(), **options)
    found = losses(ours, opt, nn.CrossEntropyLoss(), data, gl.tensor)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    assert np.mean(wanted[-10:]) < 0.6 * np.mean(wanted[:10])
    for (name, b), c in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(b.numpy(), c.numpy(), rtol=1e-3, atol=1e-3, err_msg=name)


def test_a_curve_is_fitted() -> None:
    """The course's first program: a cosine with noise, two linear layers, momentum-free SGD."""
    gl.manual_seed(0)
    rng = np.random.default_rng(0)
    x = np.arange(0, 5, 0.1, dtype=np.float32)[:, None]
    y = np.cos(x) + rng.uniform(-0.1, 0.1, x.shape).astype(np.float32)
    net = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
    opt = optim.SGD(net.parameters(), lr=0.05)
    data = [(x, y)] * 600
    found = losses(net, opt, nn.MSELoss(), data, gl.tensor)
    assert found[-1] < 0.1 < found[0]


def two_forwards(layer: nn.Module, opt: optim.Optimizer, a: gl.Tensor, b: gl.Tensor) -> None:
    opt.zero_grad()
    (layer(a).square().mean() + layer(b).abs().mean()).backward()
    opt.step()


def test_running_statistics_of_several_forwards_per_step() -> None:
    """Every forward counts, whether or not a step follows, and reading shows the newest value."""
    gl.manual_seed(0)
    layer = nn.BatchNorm1d(3, momentum=0.25)
    opt = optim.SGD(layer.parameters(), lr=0.01)
    a, b = gl.randn(6, 3), gl.randn(5, 3) + 1
    mean, seen = np.zeros(3), 0

    def expect(*batches: gl.Tensor) -> None:
        nonlocal mean, seen
        for batch in batches:
            mean = 0.75 * mean + 0.25 * batch.numpy().mean(0)
            seen += 1

    for _ in range(3):
        two_forwards(layer, opt, a, b)
        expect(a, b)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-5)
    layer(a)
    expect(a)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-5)
    layer.eval()(b)
    layer.train()
    for _ in range(5):
        layer(b)
        expect(b)
    with gl.no_grad():
        layer(a)
    expect(a)
    saved = layer.state_dict()
    np.testing.assert_allclose(saved["running_mean"].numpy(), mean, rtol=1e-5)
    assert saved["num_batches_tracked"].item() == seen
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0, 0, 0] and layer.num_batches_tracked.item() == 0


def test_evaluation_leaves_the_statistics_alone() -> None:
    layer = nn.BatchNorm1d(2)
    layer(gl.randn(4, 2))
    layer.eval()
    before = layer.running_mean.numpy()
    layer(gl.randn(4, 2) + 9).sum().item()
    np.testing.assert_array_equal(layer.running_mean.numpy(), before)
    assert updates.settled(layer.running_mean)


def test_detached_parameters_are_constants() -> None:
    p = nn.Parameter(np.float32(3.0))
    (p.detach() * p).backward()
    assert p.grad is not None and p.grad.item() == 3
    q = nn.Parameter(np.float32(2.0))
    F.relu(q.detach() + q).backward()
    assert q.grad is not None and q.grad.item() == 1


def test_gradients_add_up() -> None:
    gl.manual_seed(0)
    net = nn.Linear(3, 1)
    x = gl.randn(8, 3)
    net(x).mean().backward()
    whole = net.weight.grad.numpy()
    net.zero_grad()
    for part in (x[:4], x[4:]):
        (net(part).mean() / 2).backward()
    np.testing.assert_allclose(net.weight.grad.numpy(), whole, rtol=1e-5)

"""The networks in ``glia/models``: sizes, shapes, gradients against PyTorch, and learning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import models, nn, optim
from glia.base.errors import ArgumentError, ShapeError
from glia.models import GPT, MLP, LeNet5, UNet
from glia.models.resnet import BasicBlock, Bottleneck, ResNet
from glia.nn.module import Module
from glia.tensor.tensor import Tensor


def count(net: Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("net", "shape", "classes", "parameters"),
    [
        (LeNet5(), (1, 32, 32), 10, 61_706),
        (LeNet5(5, 3), (3, 32, 32), 5, 61_581),
        (MLP(), (1, 28, 28), 10, 669_706),
        (MLP(3, 3, 8, 16), (3, 8, 8), 3, 3_411),
    ],
)
def test_size(net: Module, shape: tuple[int, ...], classes: int, parameters: int) -> None:
    assert count(net) == parameters
    assert net(Tensor(np.zeros((2, *shape), np.float32))).shape == (2, classes)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (models.resnet18, 11_689_512),
        (models.resnet34, 21_797_672),
        (models.resnet50, 25_557_032),
        (lambda: models.resnet18(num_classes=10, small_images=True), 11_173_962),
        (lambda: ResNet(Bottleneck, (3, 4, 6, 3), groups=32, width_per_group=4), 25_028_904),
        (lambda: UNet(width=32), 7_762_465),
        (lambda: GPT(5000, 128, 4, 4, 256), 5_752_320),
    ],
)
def test_parameters(make: Callable[[], Module], parameters: int) -> None:
    assert count(make()) == parameters


def pixels(x: np.ndarray) -> np.ndarray:
    return (x[:, :1] > 0.3).astype(x.dtype)


def small_gpt() -> GPT:
    return GPT(vocab_size=13, block_size=9, n_layer=2, n_head=2, n_embd=8)


#: name: our net, PyTorch's, shape of the input, kind of target
PAIRS: dict[str, tuple[Callable[[], Module], str, tuple[Any, ...], tuple[int, ...], str]] = {
    "resnet, small images": (
        lambda: ResNet(BasicBlock, (1, 2, 1, 1), 5, small_images=True),
        "ResNet",
        (False, (1, 2, 1, 1), 5, True),
        (3, 3, 16, 16),
        "classes",
    ),
    "resnet, bottlenecks": (
        lambda: ResNet(Bottleneck, (2, 1, 1, 1), 4),
        "ResNet",
        (True, (2, 1, 1, 1), 4, False),
        (2, 3, 40, 40),
        "classes",
    ),
    "unet": (lambda: UNet(2, 1, 4, 3), "UNet", (2, 1, 4, 3), (2, 2, 16, 24), "pixels"),
    "gpt": (small_gpt, "GPT", (13, 9, 2, 2, 8), (3, 7), "tokens"),
}


def example(shape: tuple[int, ...], kind: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    if kind == "tokens":
        x = rng.integers(0, classes, (shape[0], shape[1] + 1))
        return x[:, :-1], x[:, 1:]
    x = rng.normal(size=shape)
    return x, pixels(x) if kind == "pixels" else rng.integers(0, classes, shape[0])


def loss_of(library: Any, kind: str, scores: Any, target: Any) -> Any:
    if kind == "pixels":
        return library.BCEWithLogitsLoss()(scores, target)
    flat = scores.reshape(-1, scores.shape[-1])
    return library.CrossEntropyLoss()(flat, target.reshape(-1))


@pytest.mark.parametrize("name", PAIRS)
def test_one_step_is_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    from train import torch_nets

    make, kind, args, shape, target = PAIRS[name]
    theirs = getattr(torch_nets, kind)(*args).double()
    ours = make().to("float64")
    wanted = dict(theirs.state_dict())
    assert {k: tuple(v.shape) for k, v in wanted.items()} == {
        k: v.shape for k, v in ours.state_dict().items()
    }
    ours.load_state_dict({k: v.numpy() for k, v in wanted.items()})
    x, y = example(shape, target, args[0] if target == "tokens" else 4)
    a = loss_of(nn, target, ours(gl.tensor(x)), gl.tensor(y))
    b = loss_of(torch.nn, target, theirs(torch.from_numpy(x)), torch.from_numpy(y))
    a.backward()
    b.backward()
    gradients = {name: p.grad for name, p in ours.named_parameters()}
    gl.realize(a, *gradients.values())
    assert abs(a.item() - b.item()) < 1e-10
    for name, q in theirs.named_parameters():
        found = gradients[name].numpy()
        np.testing.assert_allclose(found, q.grad.numpy(), atol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", [name for name in PAIRS if "bottle" not in name])
def test_learning(name: str) -> None:
    make, _, args, shape, target = PAIRS[name]
    gl.manual_seed(0)
    net = make()
    opt = optim.Adam(net.parameters(), lr=0.01)
    x, y = example(shape, target, args[0] if target == "tokens" else 4)
    x = x.astype(np.float32) if target != "tokens" else x
    y = y.astype(np.float32) if target == "pixels" else y

    @gl.jit
    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = loss_of(nn, target, net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    losses = [step(gl.tensor(x), gl.tensor(y)).item() for _ in range(40)]
    assert losses[-1] < 0.3 * losses[0]


def test_residual_branches_may_start_at_zero() -> None:
    net = ResNet(BasicBlock, (1, 1, 1, 1), 3, zero_init_residual=True, small_images=True)
    names = [n for n, p in net.named_parameters() if n.endswith("bn2.weight")]
    values = dict(net.named_parameters())
    assert len(names) == 4
    assert not any(values[n].detach().numpy().any() for n in names)


def test_tokens_that_follow() -> None:
    net = small_gpt().eval()
    start = gl.tensor([[1, 2, 3], [4, 5, 6]])
    likeliest = net.generate(start, 8, temperature=0).numpy()
    assert likeliest.shape == (2, 11)  # longer than the block
    assert likeliest[:, :3].tolist() == start.tolist()
    scores = net(gl.tensor(likeliest[:, :5])).detach().numpy()
    assert scores[:, -1].argmax(1).tolist() == likeliest[:, 5].tolist()
    assert net.generate(start, 8, top_k=1).tolist() == likeliest.tolist()
    gl.manual_seed(1)
    once = net.generate(start, 5).tolist()
    gl.manual_seed(1)
    assert net.generate(start, 5).tolist() == once


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: models.resnet18(weights="DEFAULT"), ArgumentError, "not part of glia"),
        (lambda: ResNet(BasicBlock, (1, 1, 1, 1), groups=2), ArgumentError, "use Bottleneck"),
        (lambda: UNet(width=2)(gl.zeros(1, 1, 16, 24)), ShapeError, "multiples of 16"),
        (lambda: GPT(5, 8, 1, 3, 16), ArgumentError, "does not divide"),
        (lambda: small_gpt()(gl.tensor([[0] * 10])), ShapeError, "time ≤ 9"),
    ],
)
def test_refused(call: Callable[[], Any], error: type, words: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)

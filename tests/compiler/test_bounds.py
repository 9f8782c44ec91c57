"""Whole training steps of real nets: every program they build is proved in bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from compiler.plan_checks import (
    TARGETS,
    check_kernel,
    check_program,
    reach,
)

import glia as gl
from glia import nn, optim
from glia.compiler import program
from glia.compiler.index import Var, variable
from glia.compiler.schedule.loops import Guard
from glia.ir.expr import forget
from glia.models.lenet import LeNet5

Built = list[tuple]


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Iterator[Built]:
    """Takes down every program that is compiled."""
    found: Built = []
    build = program.build

    def record(outputs, targets, target):  # type: ignore[no-untyped-def]
        found.append((outputs, targets))
        return build(outputs, targets, target)

    forget()  # what an earlier test compiled would not be built again
    monkeypatch.setattr(program, "build", record)
    yield found


class BatchNormNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(5)
        self.head = nn.Linear(5 * 4 * 5, 3)

    def forward(self, x: gl.Tensor) -> gl.Tensor:
        hidden = self.norm(self.conv(x)).relu()
        return self.head(hidden.flatten(1))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(13, 31), nn.Tanh(), nn.Dropout(0.3), nn.Linear(31, 7))


def sgd(net: nn.Module) -> optim.SGD:
    return optim.SGD(net.parameters(), lr=0.05, momentum=0.9)


def adam(net: nn.Module) -> optim.Adam:
    return optim.Adam(net.parameters(), lr=1e-3)


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "lenet": (LeNet5, (1, 32, 32), 10),
    "mlp": (mlp, (13,), 7),
    "batch norm": (BatchNormNet, (3, 7, 9), 3),
}


@pytest.mark.parametrize("optimizer", [sgd, adam])
@pytest.mark.parametrize("batch", [1, 5, 33])
@pytest.mark.parametrize("name", NETS)
def test_training_steps(name: str, batch: int, optimizer, built: Built) -> None:
    gl.manual_seed(0)
    make, shape, classes = NETS[name]
    net = make()
    opt = optimizer(net)
    loss_fn = nn.CrossEntropyLoss()
    rng = np.random.default_rng(0)
    if batch == 1 and name == "batch norm":
        batch = 2
    for _ in range(2):
        x = gl.tensor(rng.normal(size=(batch, *shape)).astype(np.float32))
        y = gl.tensor(rng.integers(0, classes, batch))
        loss = loss_fn(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    assert np.isfinite(loss.item())
    assert built
    for outputs, targets in built:
        for target in TARGETS.values():
            check_program(outputs, targets, target)


# The prover itself


def test_offsets_are_enumerated_under_their_guards() -> None:
    i = Var("i", 10)
    guard = Guard(variable(i) + -2, 0, 5)
    assert reach(variable(i) * 3, (), [i])[:2] == (0, 27)
    assert reach(variable(i) * 3, (guard,), [i])[:2] == (6, 18)
    never = Guard(variable(i), 20, 30)
    assert reach(variable(i), (never,), [i])[:2] == (0, 0)
    with pytest.raises(AssertionError, match="not a loop"):
        reach(variable(Var("j", 3)), (), [i])


def one_kernel():  # type: ignore[no-untyped-def]
    from glia.base.dtypes import float32
    from glia.ir import build
    from glia.ir.ops.source import leaf

    (planned,) = check_program([build.neg(leaf(0, (6, 7), float32))]).order
    return planned


@pytest.mark.parametrize(("sizes", "words"), [((41, 42), "load"), ((42, 43), "stores")])
def test_accesses_outside_are_found(sizes: tuple[int, int], words: str) -> None:
    planned = one_kernel()
    check_kernel(planned.kernel, (42, 42))
    with pytest.raises(AssertionError, match=words):
        check_kernel(planned.kernel, sizes)


def test_unwritten_outputs_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that lays its result out otherwise than the output wants leaves it unwritten."""
    from glia.base.dtypes import float32
    from glia.compiler.schedule import kernels
    from glia.compiler.schedule.layout import dim_last
    from glia.ir import build
    from glia.ir.ops.source import leaf

    monkeypatch.setattr(kernels, "natural", lambda shape: dim_last(shape, 0))
    with pytest.raises((AssertionError, KeyError)):
        check_program([build.neg(leaf(0, (6, 7), float32))])

"""Optimizers by themselves: golden numbers, what they refuse, what they save, what they record."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError, CheckpointError, DTypeError, GradError, ShapeError
from glia.base.i18n import set_language
from glia.tensor import node as recorder


def follow(opt: Any, p: gl.Parameter, loss: Any, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        opt.zero_grad()
        loss(p).backward()
        opt.step()
        found.append(p.detach().item())
    return found


def one(value: float = 1.0) -> gl.Parameter:
    return gl.Parameter(np.float64(value))


def test_momentum_golden() -> None:
    p = one()
    found = follow(optim.SGD([p], lr=0.1, momentum=0.9), p, lambda p: p, 3)
    assert found == pytest.approx([0.9, 0.71, 0.439], abs=1e-12)


def test_adam_golden() -> None:
    p = one()
    found = follow(optim.Adam([p], lr=0.1), p, lambda p: p * p, 3)
    assert found == pytest.approx([0.9000000005, 0.8004122287, 0.7015862729], abs=1e-10)


def test_quadratic_bowl_follows_the_closed_form() -> None:
    p = one(3.0)
    found = follow(optim.SGD([p], lr=0.1), p, lambda p: p * p * 0.5 * 4.0, 12)
    assert found == pytest.approx([3 * (1 - 0.1 * 4) ** k for k in range(1, 13)], rel=1e-12)


def reference_rmsprop(steps: int) -> list[float]:
    p, v, found = 1.0, 0.0, []
    for _ in range(steps):
        g = 2 * p
        v = 0.99 * v + 0.01 * g * g
        p -= 0.01 * g / (v**0.5 + 1e-8)
        found.append(p)
    return found


def reference_adamw(steps: int) -> list[float]:
    p, m, v, found = 1.0, 0.0, 0.0, []
    for t in range(1, steps + 1):
        g = 2 * p
        p *= 1 - 1e-3 * 1e-2
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p -= 1e-3 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
        found.append(p)
    return found


def reference_nesterov(steps: int) -> list[float]:
    p, b, found = 1.0, 0.0, []
    for _ in range(steps):
        g = 2 * p + 0.1 * p
        b = 0.9 * b + g
        p -= 0.01 * (g + 0.9 * b)
        found.append(p)
    return found


@pytest.mark.parametrize(
    ("make", "reference"),
    [
        (optim.RMSprop, reference_rmsprop),
        (optim.AdamW, reference_adamw),
        (
            lambda p: optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.1, nesterov=True),
            reference_nesterov,
        ),
    ],
    ids=["rmsprop", "adamw", "nesterov"],
)
def test_formula(make: Any, reference: Any) -> None:
    p = one()
    assert follow(make([p]), p, lambda p: p * p, 20) == pytest.approx(reference(20), rel=1e-11)


def test_maximize_climbs() -> None:
    p = one()
    assert follow(optim.SGD([p], lr=0.5, maximize=True), p, lambda p: p * 3, 1) == [2.5]


def square() -> gl.Parameter:
    return gl.Parameter(np.eye(2))


def net_and_data() -> tuple[nn.Module, gl.Tensor, gl.Tensor]:
    gl.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 3))
    return net, gl.randn(6, 4), gl.tensor([0, 1, 2, 0, 1, 2])


MAKERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1),
    "adam": lambda p: optim.Adam(p),
    "amsgrad": lambda p: optim.AdamW(p, amsgrad=True),
    "rmsprop": lambda p: optim.RMSprop(p, momentum=0.5, centered=True),
    "nadam": lambda p: optim.NAdam(p),
    "asgd": lambda p: optim.ASGD(p, lr=0.1, t0=2),
    "rprop": lambda p: optim.Rprop(p),
    "adagrad": lambda p: optim.Adagrad(p),
    "lion": lambda p: optim.Lion(p),
    "adafactor": lambda p: optim.Adafactor(p),
}


@pytest.mark.parametrize("name", MAKERS)
def test_one_program_whatever_the_learning_rate(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward, backward, update, state and running statistics: one program, the same each step."""
    programs: list[Any] = []
    execute = recorder.execute

    def counted(outputs: Any, into: Any, overwritten: Any = ()) -> None:
        programs.append((outputs, overwritten))
        execute(outputs, into, overwritten)

    net, x, y = net_and_data()
    opt = MAKERS[name](net.parameters())
    schedule = optim.lr_scheduler.ExponentialLR(opt, 0.9)
    loss_fn = nn.CrossEntropyLoss()
    monkeypatch.setattr(recorder, "execute", counted)
    for _ in range(8):
        loss = loss_fn(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        schedule.step()
    assert len(programs) == 8
    assert len(set(programs[3:])) == 1


@pytest.mark.parametrize("name", MAKERS)
def test_state_dict_round_trip(name: str) -> None:
    """Training goes on with the same bits from a saved network and optimizer."""

    def run(net: nn.Module, opt: Any, steps: int) -> list[float]:
        found = []
        for _ in range(steps):
            loss = nn.CrossEntropyLoss()(net(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            found.append(loss.item())
        return found

    net, x, y = net_and_data()
    opt = MAKERS[name](net.parameters())
    run(net, opt, 3)
    saved_net, saved_opt = net.state_dict(), opt.state_dict()
    wanted = run(net, opt, 3)
    other = net_and_data()[0]
    other.load_state_dict(saved_net)
    resumed = MAKERS[name](other.parameters())
    resumed.load_state_dict(saved_opt)
    assert run(other, resumed, 3) == wanted


def test_a_copy_goes_its_own_way() -> None:
    net, x, _ = net_and_data()
    opt = optim.Adam(net.parameters(), lr=0.1)

    def step(net: nn.Module, opt: Any) -> list[list[float]]:
        opt.zero_grad()
        (net(x) * net(x)).mean().backward()
        opt.step()
        return [p.detach().tolist() for p in net.parameters()]

    step(net, opt)
    other, copied = copy.deepcopy((net, opt))
    assert copied.param_groups[0]["params"][0] is next(other.parameters())
    assert step(other, copied) == step(net, opt)
    copied.param_groups[0]["lr"] = 0.0
    before = [p.detach().tolist() for p in other.parameters()]
    assert step(other, copied) == before != step(net, opt)


class Halving(optim.Optimizer):
    """What people write themselves: no formula, only ``step``."""

    def __init__(self, params: Any, lr: float = 0.5) -> None:
        super().__init__(params, {"lr": lr})

    @gl.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p]
                    state["count"] = state.get("count", 0) + 1
                    p.copy_(p * group["lr"])


def test_an_optimizer_of_ones_own() -> None:
    p = one(8.0)
    opt = Halving([p])
    schedule = optim.lr_scheduler.ExponentialLR(opt, 0.5)
    seen = follow(opt, p, lambda p: p * p, 2)
    schedule.step()
    assert seen + follow(opt, p, lambda p: p * p, 1) == [4.0, 2.0, 0.5]
    assert opt.state[p]["count"] == 3
    fresh = Halving([one()])
    fresh.load_state_dict(opt.state_dict())
    assert fresh.param_groups[0]["lr"] == 0.25
    assert fresh.state_dict()["state"] == {0: {"count": 3}}


def test_a_tensor_as_a_later_rate_counts_as_it_is() -> None:
    p = one()
    opt = optim.SGD([p], lr=0.1)
    opt.param_groups[0]["lr"] = gl.tensor(0.5)
    assert opt.param_groups[0]["lr"] == 0.5
    assert follow(opt, p, lambda p: p, 1) == [0.5]


def test_names_of_parameters_are_kept() -> None:
    net, _, _ = net_and_data()
    opt = optim.SGD(net.named_parameters())
    wanted = ["0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias"]
    assert opt.state_dict()["param_groups"][0]["param_names"] == wanted


def test_batch_norm_without_steps_does_not_grow() -> None:
    """Forward after forward in training mode, no optimizer: pending updates are computed."""
    layer = nn.BatchNorm1d(2, momentum=0.5)
    data = np.random.default_rng(0).normal(size=(12, 5, 2)).astype(np.float32)
    mean, var = np.zeros(2), np.ones(2)
    for batch in data:
        layer(gl.tensor(batch))
        mean = 0.5 * mean + 0.5 * batch.mean(0)
        var = 0.5 * var + 0.5 * batch.var(0, ddof=1)
        assert len(recorder.leaves(layer.running_mean._node.expr)) <= 3
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-5)
    assert layer.num_batches_tracked.item() == 12


def test_values_from_before_the_step_stay_right() -> None:
    p = one(2.0)
    opt = optim.SGD([p], lr=0.25)
    loss = p * p
    later = loss + 1  # not computed yet
    seen = p * 3
    assert seen.item() == 6  # computed, its history kept
    loss.backward()
    opt.step()
    assert (p.detach().item(), loss.item(), later.item()) == (1.0, 4.0, 5.0)
    assert (seen + 1).item() == 7


def test_closure() -> None:
    p = one(2.0)
    opt = optim.SGD([p], lr=0.25)

    def closure() -> gl.Tensor:
        opt.zero_grad()
        loss = p * p
        loss.backward()
        return loss

    assert opt.step(closure).item() == 4.0
    assert p.detach().item() == 1.0


def test_zero_grad() -> None:
    p = one()
    opt = optim.SGD([p], lr=0.1)
    (p * 2).backward()
    opt.zero_grad(set_to_none=False)
    assert p.grad is not None and p.grad.item() == 0
    opt.zero_grad()
    assert p.grad is None
    opt.step()  # nothing to do
    assert p.detach().item() == 1


def test_groups_have_their_own_options() -> None:
    a, b = one(), one()
    opt = optim.SGD([{"params": a}, {"params": [("b", b)], "lr": 0.5}], lr=0.1)
    (a + b).backward()
    opt.step()
    assert (a.detach().item(), b.detach().item()) == (0.9, 0.5)
    c = one()
    opt.add_param_group({"params": [c], "lr": 1.0})
    assert [group["lr"] for group in opt.param_groups] == [0.1, 0.5, 1.0]


BAD = [
    (lambda: optim.SGD([one()], lr=-1), ArgumentError, "lr ≥ 0", "lr 应"),
    (lambda: optim.SGD([one()], momentum=-0.1), ArgumentError, "momentum", "momentum"),
    (lambda: optim.SGD([one()], nesterov=True), ArgumentError, "nesterov needs", "要求"),
    (lambda: optim.Adam([one()], betas=(0.9, 1.0)), ArgumentError, "betas[1] in [0, 1)", "betas"),
    (lambda: optim.Adam([one()], betas=0.9), ArgumentError, "two numbers", "两个数"),
    (lambda: optim.Adam([one()], eps=-1), ArgumentError, "eps", "eps"),
    (lambda: optim.AdamW([one()], weight_decay=-1), ArgumentError, "weight_decay", "weight"),
    (lambda: optim.RMSprop([one()], alpha="x"), ArgumentError, "alpha", "alpha"),
    (
        lambda: optim.Adam([one()], lr=gl.tensor(0.1)),
        ArgumentError,
        "param_groups[0]['lr']",
        "修改",
    ),
    (lambda: optim.Adam([one()], differentiable=True), ArgumentError, "differentiable", "求导"),
    (lambda: optim.SGD([one()], foreach=True, fused=True), ArgumentError, "fused and", "不能同时"),
    (lambda: optim.Rprop([one()], etas=(1.2, 0.5)), ArgumentError, "etas with 0 <", "应满足"),
    (lambda: optim.Rprop([one()], step_sizes=1.0), ArgumentError, "step_sizes to be two", "两个数"),
    (lambda: optim.Adadelta([one()], rho=1.1), ArgumentError, "rho in [0, 1", "rho"),
    (lambda: optim.Adagrad([one()], lr_decay=-1), ArgumentError, "lr_decay", "lr_decay"),
    (lambda: optim.NAdam([one()], momentum_decay=-1), ArgumentError, "momentum_decay", "应"),
    (lambda: optim.Adafactor([one()], d=0.5), ArgumentError, "d ≥ 1", "d 应"),
    (lambda: optim.Adafactor([one()], beta2_decay=0.5), ArgumentError, "beta2_decay", "应"),
    (lambda: optim.Lion([one()], betas=(1.0, 0.9)), ArgumentError, "betas[0]", "betas[0]"),
    (lambda: optim.LAMB([one()], eps=-1), ArgumentError, "eps", "eps"),
    (lambda: optim.Muon([one()]), ShapeError, "expected matrices", "只接受矩阵"),
    (lambda: optim.Muon([square()], ns_steps=100), ArgumentError, "ns_steps", "整数"),
    (lambda: optim.Muon([square()], ns_coefficients=(1, 2)), ArgumentError, "three", "三个数"),
    (lambda: optim.Muon([square()], adjust_lr_fn="no"), ArgumentError, "unknown adjust", "未知"),
    (lambda: optim.SparseAdam([one()]), ArgumentError, "sparse gradients", "稀疏梯度"),
    (lambda: optim.SGD([]), ArgumentError, "empty", "为空"),
    (lambda: optim.SGD(one()), DTypeError, "one tensor", "一个张量"),
    (lambda: optim.SGD([1.0]), DTypeError, "found float", "float"),
    (lambda: optim.SGD([one() * 2]), GradError, "computed from others", "计算得到"),
    (lambda: optim.SGD([p := one(), p]), ArgumentError, "twice", "两次"),
    (
        lambda: optim.Adam([one()]).param_groups[0].update(betas=(0.9,)),
        ArgumentError,
        "as many numbers as in (0.9, 0.999)",
        "数的个数应与",
    ),
    (lambda: optim.SGD([("a", one()), one()]), ArgumentError, "some have none", "部分没有"),
    (lambda: optim.SGD([{"params": [one()], "rate": 1}]), ArgumentError, "'rate'", "未知"),
    (
        lambda: optim.SGD([one()]).load_state_dict(optim.SGD([one(), one()]).state_dict()),
        CheckpointError,
        "groups of [2]",
        "参数个数",
    ),
]


@pytest.mark.parametrize("row", BAD, ids=lambda row: row[2])
def test_refused(row: tuple) -> None:
    make, error, english, chinese = row
    for language, words in (("en", english), ("zh", chinese)):
        set_language(language)
        try:
            with pytest.raises(error) as caught:
                make()
        finally:
            set_language("en")
        assert words in str(caught.value)


def test_repr_names_the_options() -> None:
    text = repr(optim.SGD([one()], lr=0.5))
    assert "Parameter Group 0" in text and "lr: 0.5" in text

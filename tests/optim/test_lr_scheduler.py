"""Learning-rate schedules: against their formulas and against PyTorch, over sixty steps."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import optim
from glia.base.errors import ArgumentError, DTypeError
from glia.base.i18n import set_language
from glia.optim import lr_scheduler as ours

STEPS = 60


class Fading:
    """A callable with state."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, epoch: float) -> float:
        return self.factor ** (epoch / 10)


def sequence(s: Any, opt: Any) -> Any:
    parts = [
        s.LinearLR(opt, start_factor=0.1, total_iters=5),
        s.CosineAnnealingWarmRestarts(opt, T_0=6, T_mult=2),
        s.ExponentialLR(opt, 0.9),
        s.CosineAnnealingLR(opt, 10),
    ]
    return s.SequentialLR(opt, parts, [5, 30, 40])


def chain(s: Any, opt: Any) -> Any:
    return s.ChainedScheduler([s.ConstantLR(opt, 0.2, 7), s.ExponentialLR(opt, 0.97)])


def chain_then_step(s: Any, opt: Any) -> Any:
    first = s.ChainedScheduler([s.ConstantLR(opt, 0.5, 4), s.StepLR(opt, 3, 0.9)])
    return s.SequentialLR(opt, [first, s.MultiStepLR(opt, [4, 9], 0.5)], [20])


SCHEDULES: dict[str, Any] = {
    "StepLR": lambda s, opt: s.StepLR(opt, 7, gamma=0.5),
    "MultiStepLR": lambda s, opt: s.MultiStepLR(opt, [2, 15, 15, 40], gamma=0.3),
    "ConstantLR": lambda s, opt: s.ConstantLR(opt),
    "ConstantLR-9": lambda s, opt: s.ConstantLR(opt, factor=0.25, total_iters=9),
    "LinearLR": lambda s, opt: s.LinearLR(opt),
    "LinearLR-down": lambda s, opt: s.LinearLR(opt, 1.0, 0.1, total_iters=33),
    "ExponentialLR": lambda s, opt: s.ExponentialLR(opt, 0.9),
    "PolynomialLR": lambda s, opt: s.PolynomialLR(opt),
    "PolynomialLR-2": lambda s, opt: s.PolynomialLR(opt, total_iters=50, power=2.0),
    "CosineAnnealingLR": lambda s, opt: s.CosineAnnealingLR(opt, 7, eta_min=0.01),
    "CosineAnnealingLR-long": lambda s, opt: s.CosineAnnealingLR(opt, 100),
    "WarmRestarts": lambda s, opt: s.CosineAnnealingWarmRestarts(opt, 8, eta_min=0.01),
    "WarmRestarts-2": lambda s, opt: s.CosineAnnealingWarmRestarts(opt, 5, T_mult=2),
    "LambdaLR": lambda s, opt: s.LambdaLR(opt, [lambda e: 1 / (1 + e), Fading(0.5)]),
    "MultiplicativeLR": lambda s, opt: s.MultiplicativeLR(opt, lambda e: 1 - 0.1 / (1 + e)),
    "OneCycleLR": lambda s, opt: s.OneCycleLR(opt, 0.5, total_steps=STEPS + 1),
    "OneCycleLR-three": lambda s, opt: s.OneCycleLR(
        opt, [0.5, 0.2], epochs=8, steps_per_epoch=8, anneal_strategy="linear", three_phase=True
    ),
    "OneCycleLR-rate": lambda s, opt: s.OneCycleLR(opt, 0.5, 70, pct_start=0.1, div_factor=5.0),
    "CyclicLR": lambda s, opt: s.CyclicLR(opt, 0.01, 0.1, step_size_up=7),
    "CyclicLR-2": lambda s, opt: s.CyclicLR(opt, 0.01, [0.1, 0.2], 5, 8, "triangular2"),
    "CyclicLR-exp": lambda s, opt: s.CyclicLR(opt, 0.01, 0.1, 9, mode="exp_range", gamma=0.98),
    "CyclicLR-own": lambda s, opt: s.CyclicLR(
        opt, 0.01, 0.1, 6, scale_fn=Fading(0.5), scale_mode="iterations", cycle_momentum=False
    ),
    "SequentialLR": sequence,
    "ChainedScheduler": chain,
    "Chained-in-Sequential": chain_then_step,
}


def optimizer(kind: str = "SGD") -> Any:
    a, b = gl.Parameter(1.0), gl.Parameter(1.0)
    options = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(optim, kind)([{"params": [a]}, {"params": [b], "lr": 0.1}], lr=0.4, **options)


def state(opt: Any) -> list[tuple[float, float]]:
    """Rates, and momentum or β₁."""
    found = []
    for group in opt.param_groups:
        momentum = group["betas"][0] if "betas" in group else group["momentum"]
        found.append((group["lr"], momentum))
    return found


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_agrees_with_torch(name: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    opt = optimizer(kind)
    params = [torch.nn.Parameter(torch.tensor(1.0)) for _ in range(2)]
    options = {"momentum": 0.9} if kind == "SGD" else {}
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.1}]
    peer = getattr(torch.optim, kind)(groups, lr=0.4, **options)
    mine = SCHEDULES[name](ours, opt)
    with quiet():
        theirs = SCHEDULES[name](torch.optim.lr_scheduler, peer)
        for step in range(STEPS):
            assert mine.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-12, abs=1e-15)
            np.testing.assert_allclose(state(opt), state(peer), rtol=1e-12, atol=1e-15)
            if step == 25:  # state from PyTorch
                opt = optimizer(kind)
                mine = SCHEDULES[name](ours, opt)
                opt.load_state_dict(peer.state_dict())
                mine.load_state_dict(theirs.state_dict())
            if step == 40:  # and to it
                saved = mine.state_dict()
                assert set(saved) <= set(theirs.state_dict())
                theirs.load_state_dict(saved)
            mine.step()
            theirs.step()


@pytest.mark.parametrize("name", SCHEDULES)
def test_goes_on_from_a_saved_state(name: str) -> None:
    opt = optimizer()
    whole = SCHEDULES[name](ours, opt)
    fresh, resumed = None, None
    for step in range(STEPS):
        if step == 17:
            fresh = optimizer()
            resumed = SCHEDULES[name](ours, fresh)
            resumed.load_state_dict(whole.state_dict())
            fresh.load_state_dict(opt.state_dict())
        if resumed is not None:
            assert state(fresh) == state(opt)
            assert resumed.get_last_lr() == whole.get_last_lr()
            resumed.step()
        whole.step()


def cosine(t: float) -> float:
    return (1 + math.cos(math.pi * t)) / 2


FORMULAS: dict[str, Any] = {
    "StepLR": lambda e: 0.5 ** (e // 7),
    "MultiStepLR": lambda e: 0.3 ** ((e >= 2) + 2 * (e >= 15) + (e >= 40)),
    "ConstantLR-9": lambda e: 0.25 if e < 9 else 1.0,
    "LinearLR-down": lambda e: 1 - 0.9 * min(e, 33) / 33,
    "ExponentialLR": lambda e: 0.9**e,
    "PolynomialLR-2": lambda e: (1 - min(e, 50) / 50) ** 2,
    "CosineAnnealingLR-long": lambda e: cosine(e / 100),
    "WarmRestarts-2": lambda e: cosine(
        e / 5 if e < 5 else (e - 5) / 10 if e < 15 else (e - 15) / 20 if e < 35 else (e - 35) / 40
    ),
    "MultiplicativeLR": lambda e: math.prod(1 - 0.1 / (1 + k) for k in range(1, e + 1)),
    "ChainedScheduler": lambda e: (0.2 if e < 7 else 1.0) * 0.97**e,
    "SequentialLR": lambda e: (
        0.1 + 0.9 * e / 5
        if e < 5
        else cosine((e - 5) / 6 if e < 11 else (e - 11) / 12 if e < 23 else (e - 23) / 24)
        if e < 30
        else 0.9 ** (e - 30)
        if e < 40
        else cosine((e - 40) / 10)
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name: str) -> None:
    opt = optimizer()
    schedule = SCHEDULES[name](ours, opt)
    for epoch in range(STEPS):
        wanted = [base * FORMULAS[name](epoch) for base in (0.4, 0.1)]
        assert schedule.get_last_lr() == pytest.approx(wanted, rel=1e-9, abs=1e-12), epoch
        schedule.step()


def test_cycles_by_hand() -> None:
    opt = optimizer()
    one = ours.OneCycleLR(opt, 1.0, total_steps=11, pct_start=0.3, anneal_strategy="linear")
    seen = []
    for _ in range(11):
        seen.append((round(one.get_last_lr()[0], 6), round(opt.param_groups[0]["momentum"], 6)))
        one.step()
    top = 3.3 - 1
    assert seen[0] == (0.04, 0.95)
    assert seen[1] == (round(0.04 + 0.96 / top, 6), round(0.95 - 0.1 / top, 6))
    assert seen[10] == (round(0.04 / 1e4, 6), 0.95)
    opt = optimizer("Adam")
    cyclic = ours.CyclicLR(opt, 0.1, 0.5, step_size_up=4, step_size_down=2, mode="triangular2")
    rates, betas = [], []
    for _ in range(13):
        rates.append(cyclic.get_last_lr()[0])
        betas.append(opt.param_groups[1]["betas"])
        cyclic.step()
    wanted = [0.1, 0.2, 0.3, 0.4, 0.5, 0.3, 0.1, 0.15, 0.2, 0.25, 0.3, 0.2, 0.1]
    assert rates == pytest.approx(wanted)
    assert betas[0] == (0.9, 0.999) and betas[4] == pytest.approx((0.8, 0.999))


PLATEAUS: list[dict[str, Any]] = [
    {"patience": 2},
    {"patience": 1, "factor": 0.5, "cooldown": 3, "min_lr": 0.01},
    {"patience": 0, "threshold": 0.05, "threshold_mode": "abs", "min_lr": [0.02, 0.001]},
    {"mode": "max", "patience": 3, "threshold": 0.1},
    {"mode": "max", "patience": 3, "threshold": 0.01, "threshold_mode": "abs"},
]


@pytest.mark.parametrize("row", PLATEAUS, ids=lambda row: "-".join(row))
def test_plateau_agrees_with_torch(row: dict) -> None:
    torch = pytest.importorskip("torch")
    opt = optimizer()
    params = [torch.nn.Parameter(torch.tensor(1.0)) for _ in range(2)]
    peer = torch.optim.SGD([{"params": params[:1]}, {"params": params[1:], "lr": 0.1}], lr=0.4)
    mine = ours.ReduceLROnPlateau(opt, **row)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(peer, **row)
    rng = np.random.default_rng(1)
    for step in range(STEPS):
        value = 1 / (1 + step) + rng.normal() * 0.02
        if step == 30:
            mine.load_state_dict(theirs.state_dict())
            theirs.load_state_dict(mine.state_dict())
        mine.step(gl.tensor(value))
        theirs.step(torch.tensor(value, dtype=torch.float32))
        assert mine.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-12)
        assert [mine.best, mine.num_bad_epochs, mine.cooldown_counter] == pytest.approx(
            [theirs.best, theirs.num_bad_epochs, theirs.cooldown_counter]
        )


def test_plateau_by_hand() -> None:
    opt = optimizer()
    schedule = ours.ReduceLROnPlateau(opt, factor=0.5, patience=1, cooldown=1)
    rates = []
    for loss in (5.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 3.0):
        schedule.step(loss)
        rates.append(schedule.get_last_lr()[0])
    assert rates == [0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1, 0.1]


def test_no_schedule_recompiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates and momentum are numbers in slots: a jitted step is recorded once."""
    p = gl.Parameter(np.ones(3))
    opt = optim.Adam([p], lr=0.1)
    schedule = ours.OneCycleLR(opt, 0.1, total_steps=20)
    recorded = []

    @gl.jit
    def step() -> gl.Tensor:
        recorded.append(1)
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        opt.step()
        return loss

    losses = []
    for _ in range(19):
        losses.append(step().item())
        schedule.step()
    assert len(recorded) == 1
    q, m, v = np.ones(3), 0.0, 0.0
    again = optim.Adam([gl.Parameter(1.0)], lr=0.1)
    schedule = ours.OneCycleLR(again, 0.1, total_steps=20)
    for t in range(1, 20):
        assert losses[t - 1] == pytest.approx((q * q).sum(), rel=1e-10)
        b1, b2 = again.param_groups[0]["betas"]
        m, v = b1 * m + (1 - b1) * 2 * q, b2 * v + (1 - b2) * 4 * q * q
        size = schedule.get_last_lr()[0] / (1 - b1**t)
        q = q - size * m / (np.sqrt(v / (1 - b2**t)) + 1e-8)
        schedule.step()


def sgd() -> Any:
    return optim.SGD([gl.Parameter(1.0)], lr=0.1)


BAD = [
    (lambda: ours.StepLR(sgd(), 0), ArgumentError, "step_size", "整数"),
    (lambda: ours.StepLR(gl.Parameter(1.0), 1), DTypeError, "takes an optimizer", "需要优化器"),
    (lambda: ours.StepLR(sgd(), 1, last_epoch=3), ArgumentError, "initial_lr", "去掉 last_epoch"),
    (lambda: ours.LambdaLR(sgd(), [abs, abs]), ArgumentError, "expected 1 functions", "1 个参数组"),
    (lambda: ours.MultiplicativeLR(sgd(), 0.9), DTypeError, "a function of the epoch", "函数"),
    (lambda: ours.ConstantLR(sgd(), 2.0), ArgumentError, "factor in [0, 1]", "factor 应在"),
    (lambda: ours.LinearLR(sgd(), 0.0), ArgumentError, "start_factor in (0, 1]", "start_factor 应"),
    (lambda: ours.LinearLR(sgd(), 0.5, 1.5), ArgumentError, "end_factor", "end_factor 应"),
    (lambda: ours.PolynomialLR(sgd(), 0), ArgumentError, "total_iters", "total_iters 应"),
    (lambda: ours.CosineAnnealingLR(sgd(), 0), ArgumentError, "T_max", "T_max 应"),
    (lambda: ours.CosineAnnealingWarmRestarts(sgd(), 0), ArgumentError, "T_0", "T_0 应"),
    (lambda: ours.OneCycleLR(sgd(), 0.1), ArgumentError, "how long", "总步数"),
    (lambda: ours.OneCycleLR(sgd(), 0.1, 9, pct_start=2.0), ArgumentError, "pct_start", "应在"),
    (lambda: ours.OneCycleLR(sgd(), 0.1, 9, anneal_strategy="no"), ArgumentError, "'no'", "可用"),
    (lambda: ours.OneCycleLR(sgd(), [0.1, 0.2], 9), ArgumentError, "1 values of max_lr", "同样多"),
    (
        lambda: ours.CyclicLR(optim.Rprop([gl.Parameter(1.0)]), 0.1, 0.2),
        ArgumentError,
        "neither momentum nor betas",
        "没有可循环的",
    ),
    (lambda: ours.CyclicLR(sgd(), 0.1, 0.2, mode="no"), ArgumentError, "unknown mode", "未知的"),
    (lambda: ours.ReduceLROnPlateau(sgd(), factor=1.0), ArgumentError, "factor < 1", "小于 1"),
    (lambda: ours.ReduceLROnPlateau(sgd(), "no"), ArgumentError, "unknown mode", "未知的"),
    (
        lambda: ours.SequentialLR(opt := sgd(), [ours.StepLR(opt, 1)], [1]),
        ArgumentError,
        "one milestone between",
        "各需一个",
    ),
    (
        lambda: ours.SequentialLR(sgd(), [ours.StepLR(sgd(), 1)], []),
        ArgumentError,
        "another optimizer",
        "另一个优化器",
    ),
    (
        lambda: ours.ChainedScheduler([ours.ReduceLROnPlateau(sgd())]),
        ArgumentError,
        "without a number",
        "指标",
    ),
    (lambda: ours.ChainedScheduler([]), ArgumentError, "no schedules", "没有调度器"),
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


class Sawtooth(ours.LRScheduler):
    """What people write themselves."""

    def get_lr(self) -> list[float]:
        return [base * (1 - self.last_epoch % 4 / 4) for base in self.base_lrs]


def test_a_schedule_of_ones_own() -> None:
    opt = optimizer()
    schedule = Sawtooth(opt)
    seen = []
    for _ in range(6):
        seen.append(schedule.get_last_lr()[0])
        schedule.step()
    assert seen == pytest.approx([0.4, 0.3, 0.2, 0.1, 0.4, 0.3])
    schedule.step(2)
    assert schedule.get_last_lr() == pytest.approx([0.2, 0.05])


def test_loading_a_schedule_sets_its_rate() -> None:
    """Without the optimizer's state, too."""
    opt = optim.SGD([gl.Parameter(1.0)], lr=1.0)
    schedule = ours.StepLR(opt, 2, 0.5)
    for _ in range(5):
        schedule.step()
    fresh = optim.SGD([gl.Parameter(1.0)], lr=1.0)
    resumed = ours.StepLR(fresh, 2, 0.5)
    resumed.load_state_dict(schedule.state_dict())
    assert resumed.get_last_lr() == [0.25] == [fresh.param_groups[0]["lr"]]
    resumed.step()
    assert resumed.get_last_lr() == [0.125]


def test_too_many_steps() -> None:
    schedule = ours.OneCycleLR(sgd(), 0.1, total_steps=3)
    for _ in range(3):
        schedule.step()
    with pytest.raises(ArgumentError, match="step 4 of a run of 3"):
        schedule.step()

"""Rates that rise and fall, and momentum that does the opposite."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.optim.lr_scheduler.base import (
    LRScheduler,
    check_between,
    check_choice,
    check_count,
    check_optimizer,
    per_group,
)
from glia.optim.optimizer import Group, Optimizer


class CosineAnnealingWarmRestarts(LRScheduler):
    """``η_min + (lr - η_min) (1 + cos(π T_cur / T_i)) / 2``, from the top again after T_i epochs.

    Args:
        optimizer: whose learning rates to set.
        T_0: the first T_i.
        T_mult: T_i grows by this factor at each restart.
        eta_min: η_min.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=2)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [1.0, 0.5, 1.0, 0.5, 1.0]

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        check_count("CosineAnnealingWarmRestarts", "T_0", T_0)
        check_count("CosineAnnealingWarmRestarts", "T_mult", T_mult)
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to a certain one; fractions are allowed."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            check_between("CosineAnnealingWarmRestarts", "epoch", epoch, 0.0, math.inf)
            self._go_to(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())

    def _go_to(self, epoch: float) -> None:
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            grown = epoch / self.T_0 * (self.T_mult - 1) + 1
            restarts = int(math.log(grown, self.T_mult))
            past = self.T_0 * (self.T_mult**restarts - 1) / (self.T_mult - 1)
            self.T_cur, self.T_i = epoch - past, self.T_0 * self.T_mult**restarts


def cycles_momentum(
    kind: str, optimizer: Optimizer, lowest: Any, highest: Any, fresh: bool
) -> bool:
    """Begin to cycle momentum, or β₁; returns whether it is β₁."""
    betas = "betas" in optimizer.defaults
    if not betas and "momentum" not in optimizer.defaults:
        name = type(optimizer).__name__
        what = tr(
            f"{kind}: {name} has neither momentum nor betas to cycle.",
            f"{kind}：{name} 没有可循环的 momentum 或 betas。",
        )
        raise ArgumentError(teach(what, "cycle_momentum=False"))
    low = per_group(kind, "base_momentum", optimizer, lowest)
    high = per_group(kind, "max_momentum", optimizer, highest)
    if fresh:
        for group, base, top in zip(optimizer.param_groups, low, high, strict=True):
            set_momentum(group, top, betas)
            group["max_momentum"], group["base_momentum"] = top, base
    return betas


def set_momentum(group: Group, value: float, betas: bool) -> None:
    if betas:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


class CyclicLR(LRScheduler):
    """``base_lr + (max_lr - base_lr) · triangle(epoch) · scale``; one cycle is up and down.

    Args:
        optimizer: whose learning rates to set.
        base_lr: lowest rate, or one for each group.
        max_lr: highest rate, or one for each group.
        step_size_up: steps from the lowest to the highest.
        step_size_down: and back; the same by default.
        mode: scale is 1 ("triangular"), ``1 / 2^(cycle - 1)`` ("triangular2") or ``γ^epoch``
            ("exp_range").
        gamma: γ.
        scale_fn: scale as a function, which takes the place of ``mode``.
        scale_mode: what it is a function of: "cycle" or "iterations".
        cycle_momentum: let momentum, or β₁, fall while the rate rises.
        base_momentum: its lowest value, or one for each group.
        max_momentum: its highest value, or one for each group.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.CyclicLR(opt, base_lr=0.1, max_lr=0.3, step_size_up=2)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [0.1, 0.2, 0.3, 0.2, 0.1]

    Source: Smith, "Cyclical learning rates for training neural networks" (2017).
    """

    _hidden = ("optimizer", "_scale_fn_custom")

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        base_lrs = per_group("CyclicLR", "base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                group["lr"] = lr
        self.max_lrs = per_group("CyclicLR", "max_lr", optimizer, max_lr)
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            check_choice("CyclicLR", "mode", mode, ("triangular", "triangular2", "exp_range"))
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            low, high, fresh = base_momentum, max_momentum, last_epoch == -1
            self.use_beta1 = cycles_momentum("CyclicLR", optimizer, low, high, fresh)
            self.base_momentums = per_group("CyclicLR", "base_momentum", optimizer, low)
            self.max_momentums = per_group("CyclicLR", "max_momentum", optimizer, high)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Height of a cycle."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return 1 / 2.0 ** (x - 1)
        return self.gamma**x if self.mode == "exp_range" else 1.0

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        rising = x <= self.step_ratio
        height = x / self.step_ratio if rising else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            ends = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, ends, strict=True):
                set_momentum(group, high - (high - low) * height, self.use_beta1)
        pairs = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height for low, high in pairs]

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer and a plain function."""
        custom = self._scale_fn_custom
        plain = custom is None or isinstance(custom, types.FunctionType)
        return {**super().state_dict(), "_scale_fn_custom": None if plain else dict(vars(custom))}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        if state_dict.get("_scale_fn_custom") and self._scale_fn_custom is not None:
            vars(self._scale_fn_custom).update(state_dict["_scale_fn_custom"])


class OneCycleLR(LRScheduler):
    """Up from ``max_lr / div_factor`` to ``max_lr``, then down to a tiny rate, once in a run.

    Args:
        optimizer: whose learning rates to set.
        max_lr: the highest rate, or one for each group.
        total_steps: length of the run in steps; or give the next two.
        epochs: and
        steps_per_epoch: whose product is the length.
        pct_start: share of the run in which the rate rises.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: let momentum, or β₁, fall while the rate rises, and rise again.
        base_momentum: its lowest value, or one for each group.
        max_momentum: its highest value, or one for each group.
        div_factor: the first rate is ``max_lr / div_factor``.
        final_div_factor: the last rate is the first divided by this.
        three_phase: come down to the first rate in as many steps as up, then to the last.
        last_epoch: -1 to start afresh.

    Raises:
        ArgumentError: an option out of range, or more steps than the run has.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.OneCycleLR(opt, max_lr=1.0, total_steps=5)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [0.04, 0.9505, 0.6113, 0.1883, 0.0]

    Source: Smith and Topin, "Super-convergence: very fast training of neural networks using
    large learning rates" (2018).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.total_steps = _length(total_steps, epochs, steps_per_epoch)
        check_between("OneCycleLR", "pct_start", pct_start, 0.0, 1.0)
        check_choice("OneCycleLR", "anneal_strategy", anneal_strategy, ("cos", "linear"))
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(float(pct_start), self.total_steps, three_phase)
        tops = per_group("OneCycleLR", "max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, top in zip(optimizer.param_groups, tops, strict=True):
                group["initial_lr"] = top / div_factor
                group["max_lr"] = top
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            low, high, fresh = base_momentum, max_momentum, last_epoch == -1
            self.use_beta1 = cycles_momentum("OneCycleLR", optimizer, low, high, fresh)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        at = self.last_epoch
        if at > self.total_steps:
            what = tr(
                f"OneCycleLR: step {at} of a run of {self.total_steps}.",
                f"OneCycleLR：总共 {self.total_steps} 步，却要走第 {at} 步。",
            )
            help = tr("give the run's length as total_steps", "请用 total_steps 给出训练总步数")
            raise ArgumentError(teach(what, help))
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if at <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        share = (at - start) / (phase["end_step"] - start)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                set_momentum(group, self._between(*ends, share), self.use_beta1)
        return rates

    def _between(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


def _length(total: Any, epochs: Any, steps: Any) -> int:
    if total is not None:
        check_count("OneCycleLR", "total_steps", total)
        return total
    if epochs is None or steps is None:
        what = tr(
            "OneCycleLR: how long is the run?",
            "OneCycleLR：需要知道训练的总步数。",
        )
        help = tr(
            "give total_steps, or epochs and steps_per_epoch",
            "请给出 total_steps，或 epochs 与 steps_per_epoch",
        )
        raise ArgumentError(teach(what, help))
    check_count("OneCycleLR", "epochs", epochs)
    check_count("OneCycleLR", "steps_per_epoch", steps)
    return epochs * steps


def _phases(share: float, total: int, three: bool) -> list[dict[str, Any]]:
    """Where each phase ends, and between what it goes; in PyTorch's words."""
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    low, high = "base_momentum", "max_momentum"
    rows: list[tuple[Any, ...]] = [(share * total - 1, "initial_lr", "max_lr", high, low)]
    if three:
        rows.append((2 * share * total - 2, "max_lr", "initial_lr", low, high))
        rows.append((total - 1, "initial_lr", "min_lr", high, high))
    else:
        rows.append((total - 1, "max_lr", "min_lr", low, high))
    return [dict(zip(names, row, strict=True)) for row in rows]

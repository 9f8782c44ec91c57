"""Learning-rate schedules. ``scheduler.step()`` after each epoch sets the groups' ``lr``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.optim.optimizer import Optimizer


class LRScheduler:
    """Base: ``lr(epoch)`` of every group in closed form, from the rate it started with.

    Args:
        optimizer: whose learning rates to set.
        last_epoch: -1 to start afresh, else the epoch to resume after.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            found = type(optimizer).__name__
            what = tr(
                f"a scheduler takes an optimizer, found {found}.",
                f"学习率调度器需要优化器，得到 {found}。",
            )
            raise DTypeError(teach(what))
        self.optimizer = optimizer
        self.last_epoch = last_epoch
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.step()

    def rate(self, base: float, epoch: int, group: int) -> float:
        """The learning rate in ``epoch`` of a group that started with ``base``."""
        raise NotImplementedError

    def step(self) -> None:
        """Go to the next epoch."""
        self.last_epoch += 1
        for i, base in enumerate(self.base_lrs):
            self.optimizer.param_groups[i]["lr"] = self.rate(base, self.last_epoch, i)

    def get_last_lr(self) -> list[float]:
        """The learning rates in force."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer and functions."""
        hidden = ("optimizer", "lr_lambdas")
        return {name: value for name, value in self.__dict__.items() if name not in hidden}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        known = self.state_dict()
        self.__dict__.update({k: v for k, v in state_dict.items() if k in known})
        for i, base in enumerate(self.base_lrs):
            self.optimizer.param_groups[i]["lr"] = self.rate(base, self.last_epoch, i)


class StepLR(LRScheduler):
    """``lr · γ^⌊epoch / step_size⌋``."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        _positive("StepLR", "step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int, group: int) -> float:
        return base * self.gamma ** (epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """``lr · γ^k`` after k of the milestones."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int, group: int) -> float:
        return base * self.gamma ** sum(epoch >= milestone for milestone in self.milestones)


class ExponentialLR(LRScheduler):
    """``lr · γ^epoch``."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int, group: int) -> float:
        return base * self.gamma**epoch


class CosineAnnealingLR(LRScheduler):
    """``η_min + (lr - η_min) (1 + cos(π epoch / T_max)) / 2``.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        _positive("CosineAnnealingLR", "T_max", T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int, group: int) -> float:
        share = (1 + math.cos(math.pi * epoch / self.T_max)) / 2
        return self.eta_min + (base - self.eta_min) * share


class LambdaLR(LRScheduler):
    """``lr · f(epoch)``, with one function or one for each group."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        given = lr_lambda if isinstance(lr_lambda, list | tuple) else [lr_lambda] * groups
        if len(given) != groups:
            what = tr(
                f"LambdaLR: expected {groups} functions, one for each group, found {len(given)}.",
                f"LambdaLR：{groups} 个参数组需要同样多的函数，得到 {len(given)} 个。",
            )
            raise ArgumentError(teach(what))
        self.lr_lambdas = list(given)
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: int, group: int) -> float:
        return base * self.lr_lambdas[group](epoch)


def _positive(name: str, option: str, value: Any) -> None:
    if not isinstance(value, int) or value < 1:
        what = tr(
            f"{name}: expected {option} to be an integer ≥ 1, found {value!r}.",
            f"{name}：{option} 应为不小于 1 的整数，得到 {value!r}。",
        )
        raise ArgumentError(teach(what))

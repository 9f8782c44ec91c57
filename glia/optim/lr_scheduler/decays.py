"""Rates that follow a formula of the epoch."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.optim.lr_scheduler.base import LRScheduler, check_between, check_count
from glia.optim.optimizer import Optimizer


class StepLR(LRScheduler):
    """``lr · γ^⌊epoch / step_size⌋``.

    Args:
        optimizer: whose learning rates to set.
        step_size: epochs between two cuts.
        gamma: γ.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=0.5)
        >>> schedule = gl.optim.lr_scheduler.StepLR(opt, 2, gamma=0.5)
        >>> rates = []
        >>> for epoch in range(4):
        ...     rates.append(opt.param_groups[0]["lr"])
        ...     schedule.step()
        >>> rates
        [0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        check_count("StepLR", "step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self.rates()
        return [lr * self.gamma for lr in self.rates()]

    def _get_closed_form_lr(self) -> list[float]:
        return [lr * self.gamma ** (self.last_epoch // self.step_size) for lr in self.base_lrs]


class MultiStepLR(LRScheduler):
    """``lr · γ^k`` after k of the milestones.

    Args:
        optimizer: whose learning rates to set.
        milestones: epochs at which the rate is cut; one given twice counts twice.
        gamma: γ.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.MultiStepLR(opt, [1, 3], gamma=0.5)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch not in self.milestones:
            return self.rates()
        return [lr * self.gamma ** self.milestones[self.last_epoch] for lr in self.rates()]

    def _get_closed_form_lr(self) -> list[float]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [lr * self.gamma**passed for lr in self.base_lrs]


class ConstantLR(LRScheduler):
    """``lr · factor`` for the first epochs, then ``lr``.

    Args:
        optimizer: whose learning rates to set.
        factor: in [0, 1].
        total_iters: how many epochs.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.ConstantLR(opt, factor=0.5, total_iters=2)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [0.5, 0.5, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        check_between("ConstantLR", "factor", factor, 0.0, 1.0)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [lr * self.factor for lr in self.rates()]
        if self.last_epoch != self.total_iters:
            return self.rates()
        if self.factor == 0:
            return list(self.base_lrs)
        return [lr * (1.0 / self.factor) for lr in self.rates()]

    def _get_closed_form_lr(self) -> list[float]:
        factor = self.factor if self.last_epoch < self.total_iters else 1.0
        return [lr * factor for lr in self.base_lrs]


class LinearLR(LRScheduler):
    """``lr · (a + (b - a) · min(epoch, n) / n)``: the usual warm-up, before another schedule.

    Args:
        optimizer: whose learning rates to set.
        start_factor: a, in (0, 1].
        end_factor: b, in [0, 1].
        total_iters: n.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.LinearLR(opt, start_factor=0.25, total_iters=3)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            what = tr(
                f"LinearLR: expected start_factor in (0, 1], found {start_factor!r}.",
                f"LinearLR：start_factor 应在 (0, 1] 内，得到 {start_factor!r}。",
            )
            raise ArgumentError(teach(what, tr("start with a small rate", "请从较小的值开始")))
        check_between("LinearLR", "end_factor", end_factor, 0.0, 1.0)
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [lr * self.start_factor for lr in self.rates()]
        if self._is_initial or self.last_epoch > self.total_iters:
            return self.rates()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return [lr * (1.0 + rise / before) for lr in self.rates()]

    def _get_closed_form_lr(self) -> list[float]:
        share = min(self.total_iters, self.last_epoch) / self.total_iters
        factor = self.start_factor + (self.end_factor - self.start_factor) * share
        return [lr * factor for lr in self.base_lrs]


class ExponentialLR(LRScheduler):
    """``lr · γ^epoch``.

    Args:
        optimizer: whose learning rates to set.
        gamma: γ.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.ExponentialLR(opt, 0.5)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [1.0, 0.5, 0.25, 0.125, 0.0625]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self.rates()
        return [lr * self.gamma for lr in self.rates()]

    def _get_closed_form_lr(self) -> list[float]:
        return [lr * self.gamma**self.last_epoch for lr in self.base_lrs]


class PolynomialLR(LRScheduler):
    """``lr · (1 - min(epoch, n) / n)^power``.

    Args:
        optimizer: whose learning rates to set.
        total_iters: n, after which the rate is 0.
        power: 1 for a straight line.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.PolynomialLR(opt, total_iters=4)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [1.0, 0.75, 0.5, 0.25, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        check_count("PolynomialLR", "total_iters", total_iters)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._is_initial or self.last_epoch > self.total_iters:
            return self.rates()
        left, before = (1.0 - k / self.total_iters for k in (self.last_epoch, self.last_epoch - 1))
        return [lr * (left / before) ** self.power for lr in self.rates()]

    def _get_closed_form_lr(self) -> list[float]:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [lr * left**self.power for lr in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """``η_min + (lr - η_min) (1 + cos(π epoch / T_max)) / 2``.

    Args:
        optimizer: whose learning rates to set.
        T_max: epochs from the highest to the lowest rate.
        eta_min: η_min.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=4)
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [1.0, 0.8536, 0.5, 0.1464, 0.0]

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not T_max > 0:
            check_count("CosineAnnealingLR", "T_max", T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def _wave(self, epoch: float) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self.rates()
        if self._step_count == 1 and self.last_epoch > 0:
            return self._get_closed_form_lr()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # the wave was 0
            rise = (2 - self._wave(1)) / 2
            return [
                lr + (base - self.eta_min) * rise
                for lr, base in zip(self.rates(), self.base_lrs, strict=True)
            ]
        factor = self._wave(self.last_epoch) / self._wave(self.last_epoch - 1)
        return [factor * (lr - self.eta_min) + self.eta_min for lr in self.rates()]

    def _get_closed_form_lr(self) -> list[float]:
        height = self._wave(self.last_epoch) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]

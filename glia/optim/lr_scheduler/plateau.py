"""A rate that falls when a measured number no longer gets better."""

from __future__ import annotations

import math
from typing import SupportsFloat

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.optim.lr_scheduler.base import LRScheduler, check_choice, per_group
from glia.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """``lr ← max(lr · factor, min_lr)`` after more than ``patience`` epochs without progress.

    Args:
        optimizer: whose learning rates to set.
        mode: "min" where less is better (a loss), "max" where more is (accuracy).
        factor: below 1.
        patience: how many epochs without progress are borne.
        threshold: progress that counts: of ``best · threshold`` ("rel") or ``threshold`` ("abs").
        threshold_mode: "rel" or "abs".
        cooldown: epochs after a cut that are not counted.
        min_lr: lowest rate, or one for each group.
        eps: smallest cut that is made.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=0.5)
        >>> schedule = gl.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=1)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     schedule.step(loss)
        >>> schedule.get_last_lr()
        [0.05]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            what = tr(
                f"ReduceLROnPlateau: expected factor < 1, found {factor!r}.",
                f"ReduceLROnPlateau：factor 应小于 1，得到 {factor!r}。",
            )
            raise ArgumentError(teach(what, "factor=0.1"))
        check_choice("ReduceLROnPlateau", "mode", mode, ("min", "max"))
        check_choice("ReduceLROnPlateau", "threshold_mode", threshold_mode, ("rel", "abs"))
        self.min_lrs = per_group("ReduceLROnPlateau", "min_lr", optimizer, min_lr)
        self.default_min_lr = None if isinstance(min_lr, list | tuple) else min_lr
        self.optimizer = optimizer
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.eps = cooldown, eps
        self.last_epoch = 0
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self._last_lr = self.rates()
        self._reset()

    def _reset(self) -> None:
        """Forget what was seen."""
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    def step(  # type: ignore[override]
        self, metrics: SupportsFloat, epoch: int | None = None
    ) -> None:
        """Take the number measured in this epoch; a tensor's value is read."""
        current = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self.rates()

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            lowest = self.min_lrs if self.default_min_lr is None else self.default_min_lr
            self.min_lrs = per_group("ReduceLROnPlateau", "min_lr", self.optimizer, lowest)
        for group, least in zip(groups, self.min_lrs, strict=True):
            lr = max(group["lr"] * self.factor, least)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

    @property
    def in_cooldown(self) -> bool:
        """Whether a cut was made not long ago."""
        return self.cooldown_counter > 0

    def _is_better(self, value: float, best: float) -> bool:
        if self.mode == "min":
            rel = self.threshold_mode == "rel"
            return value < (best * (1.0 - self.threshold) if rel else best - self.threshold)
        if self.threshold_mode == "rel":
            return value > best * (self.threshold + 1.0)
        return value > best + self.threshold

    def get_lr(self) -> list[float]:
        return self.rates()

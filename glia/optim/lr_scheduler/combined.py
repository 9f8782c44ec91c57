"""Schedules one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.optim.lr_scheduler.base import LRScheduler, check_optimizer
from glia.optim.lr_scheduler.plateau import ReduceLROnPlateau
from glia.optim.optimizer import Optimizer


class _Combined(LRScheduler):
    """Several schedules of one optimizer, whose states are saved together."""

    _hidden = ("optimizer", "_schedulers")

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> None:
        check_optimizer(optimizer)
        kind = type(self).__name__
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler) or isinstance(scheduler, ReduceLROnPlateau):
                found = type(scheduler).__name__
                what = tr(
                    f"{kind}: schedule {i} is a {found}, which cannot be stepped without a number.",
                    f"{kind}：第 {i} 个调度器是 {found}，不能在没有指标的情况下步进。",
                )
                raise ArgumentError(teach(what, tr("step it by itself", "请单独步进它")))
            if scheduler.optimizer is not optimizer:
                what = tr(
                    f"{kind}: schedule {i} belongs to another optimizer.",
                    f"{kind}：第 {i} 个调度器属于另一个优化器。",
                )
                raise ArgumentError(teach(what))
        self.optimizer = optimizer
        self._schedulers = list(schedulers)

    def state_dict(self) -> dict[str, Any]:
        """With the states of all schedules."""
        parts = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": parts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)
        super().load_state_dict(state_dict)


class SequentialLR(_Combined):
    """One schedule after the other: the next begins, at its own epoch 0, at each milestone.

    Args:
        optimizer: whose learning rates to set.
        schedulers: schedules of this optimizer.
        milestones: epochs at which the next takes over; one fewer than schedules.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> from glia.optim import lr_scheduler as s
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=0.4)
        >>> warmup = s.LinearLR(opt, start_factor=0.25, total_iters=3)
        >>> schedule = s.SequentialLR(opt, [warmup, s.CosineAnnealingLR(opt, T_max=4)], [3])
        >>> rates = []
        >>> for step in range(7):
        ...     rates.append(round(opt.param_groups[0]["lr"], 2))
        ...     schedule.step()
        >>> rates
        [0.1, 0.2, 0.3, 0.4, 0.34, 0.2, 0.06]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        super().__init__(optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            what = tr(
                f"SequentialLR: expected one milestone between any two of {len(schedulers)} "
                f"schedules, found {len(milestones)}.",
                f"SequentialLR：{len(schedulers)} 个调度器之间各需一个 milestone，"
                f"得到 {len(milestones)} 个。",
            )
            raise ArgumentError(teach(what))
        if any(isinstance(scheduler, _Combined) for scheduler in schedulers[1:]):
            what = tr(
                "SequentialLR: only the first schedule may itself be a combined one; the others "
                "start over at a milestone, which a combined one cannot.",
                "SequentialLR：只有第一个调度器可以是组合调度器；其余的在 milestone 处从头开始，"
                "组合调度器做不到。",
            )
            raise ArgumentError(teach(what, tr("list its parts here", "请直接列出其各部分")))
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        _undo(self)
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._begin()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Go to the next epoch."""
        self.last_epoch += 1
        at = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[at]
        if at > 0 and self._milestones[at - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _undo(scheduler: LRScheduler) -> None:
    """Take back the step that a schedule's constructor took."""
    if isinstance(scheduler, _Combined):
        for part in scheduler._schedulers:
            _undo(part)
    else:
        scheduler.last_epoch -= 1


class ChainedScheduler(_Combined):
    """All schedules at each step, each on the rate that the one before has left.

    Args:
        schedulers: schedules of one optimizer.
        optimizer: that of the schedules by default.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> s = gl.optim.lr_scheduler
        >>> parts = [s.ConstantLR(opt, 0.5, 2), s.ExponentialLR(opt, 0.9)]
        >>> schedule = s.ChainedScheduler(parts)
        >>> rates = []
        >>> for epoch in range(4):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [0.5, 0.45, 0.81, 0.729]
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        if not schedulers:
            what = tr("ChainedScheduler: no schedules.", "ChainedScheduler：没有调度器。")
            raise ArgumentError(teach(what))
        super().__init__(optimizer or schedulers[0].optimizer, schedulers)
        self._last_lr = self.rates()

    def step(self) -> None:  # type: ignore[override]
        """Go to the next epoch."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self.rates()

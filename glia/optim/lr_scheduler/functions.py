"""Rates that a function gives."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.optim.lr_scheduler.base import LRScheduler, check_optimizer
from glia.optim.optimizer import Optimizer

Rule = Callable[[int], float]


class LambdaLR(LRScheduler):
    """``lr · f(epoch)``, with one function or one for each group.

    Args:
        optimizer: whose learning rates to set.
        lr_lambda: f, or a list of them. State of a callable object is saved; a function's is not.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.LambdaLR(opt, lambda epoch: 1 / (1 + epoch))
        >>> rates = []
        >>> for epoch in range(4):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [1.0, 0.5, 0.3333, 0.25]
    """

    _hidden = ("optimizer", "lr_lambdas")

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Rule | list[Rule], last_epoch: int = -1
    ) -> None:
        check_optimizer(optimizer)
        kind, groups = type(self).__name__, len(optimizer.param_groups)
        given = lr_lambda if isinstance(lr_lambda, list | tuple) else [lr_lambda] * groups
        if len(given) != groups:
            what = tr(
                f"{kind}: expected {groups} functions, one for each group, found {len(given)}.",
                f"{kind}：{groups} 个参数组需要同样多的函数，得到 {len(given)} 个。",
            )
            raise ArgumentError(teach(what))
        for rule in given:
            if not callable(rule):
                found = type(rule).__name__
                what = tr(
                    f"{kind}: expected a function of the epoch, found {found}.",
                    f"{kind}：需要以 epoch 为参数的函数，得到 {found}。",
                )
                raise DTypeError(teach(what, "lambda epoch: 0.95**epoch"))
        self.lr_lambdas = list(given)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        pairs = zip(self.lr_lambdas, self.base_lrs, strict=True)
        return [base * rule(self.last_epoch) for rule, base in pairs]

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer and plain functions."""
        saved = [
            None if isinstance(rule, types.FunctionType) else dict(getattr(rule, "__dict__", {}))
            for rule in self.lr_lambdas
        ]
        return {**super().state_dict(), "lr_lambdas": saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        saved = state_dict.get("lr_lambdas", [])
        for rule, state in zip(self.lr_lambdas, saved, strict=False):
            if state:
                rule.__dict__.update(state)


class MultiplicativeLR(LambdaLR):
    """``lr · f(1) · f(2) · … · f(epoch)``.

    Args:
        optimizer: whose learning rates to set.
        lr_lambda: f, or a list of them, one for each group.
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = gl.optim.lr_scheduler.MultiplicativeLR(opt, lambda epoch: 0.9)
        >>> rates = []
        >>> for epoch in range(4):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [1.0, 0.9, 0.81, 0.729]
    """

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self.rates()
        pairs = zip(self.lr_lambdas, self.rates(), strict=True)
        return [lr * rule(self.last_epoch) for rule, lr in pairs]

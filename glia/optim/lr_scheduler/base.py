"""What all schedules have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.optim.optimizer import Optimizer


class LRScheduler:
    """Base: a subclass says in ``get_lr`` what the rates become in ``last_epoch``.

    ``get_lr`` starts from the rates in force (``self.rates()``), so that schedules can be
    chained, and may have a closed form beside it, ``_get_closed_form_lr``.

    Args:
        optimizer: whose learning rates to set.
        last_epoch: -1 to start afresh, else the epoch to resume after.

    Raises:
        DTypeError: not an optimizer.
        ArgumentError: resumed without the optimizer's state.

    Example:
        >>> from glia import Parameter, optim
        >>> class Halved(LRScheduler):
        ...     def get_lr(self):
        ...         return [lr / 2 if self.last_epoch else lr for lr in self.rates()]
        >>> schedule = Halved(optim.SGD([Parameter(1.0)], lr=0.8))
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.4]
    """

    #: Whether this is the step that the constructor takes.
    _is_initial = False
    #: What ``state_dict`` leaves out.
    _hidden: tuple[str, ...] = ("optimizer",)
    _last_lr: list[float]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                what = tr(
                    f"last_epoch={last_epoch}, but group {i} has no 'initial_lr' to go on from.",
                    f"last_epoch={last_epoch}，但第 {i} 组没有可供继续的 'initial_lr'。",
                )
                help = tr(
                    "load the optimizer's state first, or leave last_epoch out",
                    "请先载入优化器状态，或去掉 last_epoch",
                )
                raise ArgumentError(teach(what, help))
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    def _begin(self) -> None:
        """The first step, to epoch 0."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def rates(self) -> list[float]:
        """The learning rates in force."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_lr(self) -> list[float]:
        """The learning rates of ``last_epoch``, from those of the epoch before."""
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """The learning rates that this schedule set last."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to a certain one."""
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = getattr(self, "_get_closed_form_lr", None)
        self._set(self.get_lr() if epoch is None or closed is None else closed())

    def _set(self, values: Sequence[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            group["lr"] = lr
        self._last_lr = self.rates()

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer and functions."""
        return {name: value for name, value in self.__dict__.items() if name not in self._hidden}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what ``state_dict()``, ours or PyTorch's, gave, and set the rates it had set."""
        known = set(self.__dict__) - set(self._hidden)
        self.__dict__.update({name: v for name, v in state_dict.items() if name in known})
        self._set(self._last_lr)


def check_optimizer(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        found = type(optimizer).__name__
        what = tr(
            f"a scheduler takes an optimizer, found {found}.",
            f"学习率调度器需要优化器，得到 {found}。",
        )
        raise DTypeError(teach(what))


def check_count(kind: str, option: str, value: Any) -> None:
    """An integer from 1 on."""
    if not isinstance(value, int) or value < 1:
        what = tr(
            f"{kind}: expected {option} to be an integer ≥ 1, found {value!r}.",
            f"{kind}：{option} 应为不小于 1 的整数，得到 {value!r}。",
        )
        raise ArgumentError(teach(what))


def check_between(kind: str, option: str, value: float, low: float, high: float) -> None:
    """A number in [low, high]."""
    if not low <= value <= high:
        what = tr(
            f"{kind}: expected {option} in [{low:g}, {high:g}], found {value!r}.",
            f"{kind}：{option} 应在 [{low:g}, {high:g}] 内，得到 {value!r}。",
        )
        raise ArgumentError(teach(what))


def check_choice(kind: str, option: str, value: Any, choices: Sequence[str]) -> None:
    """One of some names."""
    if value not in choices:
        names = ", ".join(choices)
        what = tr(f"{kind}: unknown {option} {value!r}.", f"{kind}：未知的 {option} {value!r}。")
        raise ArgumentError(teach(what, tr(f"there are {names}", f"可用：{names}")))


def per_group(kind: str, option: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value for each group."""
    check_optimizer(optimizer)
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        what = tr(
            f"{kind}: expected {groups} values of {option}, one for each group, "
            f"found {len(value)}.",
            f"{kind}：{groups} 个参数组需要同样多的 {option}，得到 {len(value)} 个。",
        )
        raise ArgumentError(teach(what))
    return list(value)

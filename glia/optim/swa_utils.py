"""Averages of weights along the way: stochastic weight averaging, exponential moving averages."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from glia.base.dtypes import int64
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn.module import Module
from glia.nn.normalization import _BatchNorm
from glia.optim.lr_scheduler.base import LRScheduler, check_choice, per_group
from glia.optim.optimizer import Optimizer
from glia.tensor.create import where, zeros
from glia.tensor.functional import flush
from glia.tensor.node import assign
from glia.tensor.tensor import Tensor, no_grad

#: ``rule(average, new, count)``: the next average, ``count`` being how many are in it.
Rule = Callable[[Tensor, Tensor, Tensor], Tensor]
#: The same for lists, in place.
Rules = Callable[[Sequence[Tensor], Sequence[Tensor], Tensor], None]


def get_ema_avg_fn(decay: float = 0.999) -> Rule:
    """``a ← decay · a + (1 - decay) · p``, for one tensor.

    Example:
        >>> import glia as gl
        >>> rule = get_ema_avg_fn(0.5)
        >>> rule(gl.tensor(1.0), gl.tensor(2.0), gl.tensor(7))
        tensor(1.5)
    """
    _check_decay(decay)

    def rule(average: Tensor, new: Tensor, _count: Tensor) -> Tensor:
        return average * decay + new * (1 - decay)

    return rule


def get_swa_avg_fn() -> Rule:
    """``a ← a + (p - a) / (count + 1)``, the plain mean, for one tensor.

    Example:
        >>> import glia as gl
        >>> rule = get_swa_avg_fn()
        >>> rule(gl.tensor(1.0), gl.tensor(4.0), gl.tensor(2))
        tensor(2.)
    """

    def rule(average: Tensor, new: Tensor, count: Tensor) -> Tensor:
        return average + (new - average) / (count + 1)

    return rule


def get_ema_multi_avg_fn(decay: float = 0.999) -> Rules:
    """``a ← a + (1 - decay) (p - a)``, for all tensors in one program.

    Args:
        decay: in [0, 1]; how much of the average stays.

    Example:
        >>> import glia as gl
        >>> from glia.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
        >>> net = gl.nn.Linear(2, 1)
        >>> ema = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9))
        >>> for value in (1.0, 2.0):
        ...     _ = gl.nn.init.constant_(net.bias, value)
        ...     ema.update_parameters(net)
        >>> round(ema.module.bias.item(), 6)
        1.1
    """
    plain = get_ema_avg_fn(decay)

    def rule(average: Tensor, new: Tensor, count: Tensor) -> Tensor:
        if average.dtype.kind != "float":
            return plain(average, new, count)
        return average + (new - average) * (1 - decay)

    return _for_lists(rule)


def get_swa_multi_avg_fn() -> Rules:
    """``a ← a + (p - a) / (count + 1)``, the plain mean, for all tensors in one program.

    Example:
        >>> import glia as gl
        >>> mean = [gl.tensor([1.0])]
        >>> get_swa_multi_avg_fn()(mean, [gl.tensor([4.0])], gl.tensor(2))
        >>> mean
        [tensor([2.])]
    """
    return _for_lists(get_swa_avg_fn())


def _for_lists(rule: Rule) -> Rules:
    @no_grad()
    def update(averages: Sequence[Tensor], new: Sequence[Tensor], count: Tensor) -> None:
        _overwrite([(a, rule(a, p, count)) for a, p in zip(averages, new, strict=True)])

    update.each = rule  # type: ignore[attr-defined]
    return update


def _overwrite(pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Give tensors new values, all in one program."""
    nodes = [(a, value.to(a.dtype)._node) for a, value in pairs]
    assign([(a, node.expr, node.hold) for a, node in nodes])


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        what = tr(
            f"expected decay in [0, 1], found {decay!r}.", f"decay 应在 [0, 1] 内，得到 {decay!r}。"
        )
        raise ArgumentError(teach(what, "decay=0.999"))


class AveragedModel(Module):
    """A copy of a network whose weights are averages of the network's, for evaluation.

    ``update_parameters`` is one program, and may stand inside a jitted training step.

    Args:
        model: the network; it is copied.
        device: ``"cpu"`` or None.
        avg_fn: how one tensor is averaged, as a function of the average, the new value and how
            many are in it; the plain mean by default.
        multi_avg_fn: how lists of them are averaged, in place.
        use_buffers: average the buffers too; else they are copied.

    Example:
        >>> import glia as gl
        >>> net = gl.nn.Linear(2, 1)
        >>> mean = gl.optim.swa_utils.AveragedModel(net)
        >>> for value in (1.0, 2.0, 6.0):
        ...     _ = gl.nn.init.constant_(net.bias, value)
        ...     mean.update_parameters(net)
        >>> mean.module.bias.item(), mean.n_averaged.item()
        (3.0, 3)

    Source: Izmailov et al., "Averaging weights leads to wider optima and better generalization"
    (2018).
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Rule | None = None,
        multi_avg_fn: Rules | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            what = tr(
                "AveragedModel: avg_fn and multi_avg_fn say the same thing in two ways.",
                "AveragedModel：avg_fn 与 multi_avg_fn 只能给出一个。",
            )
            raise ArgumentError(teach(what, tr("leave one out", "请省略其中一个")))
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module.to(device)
        self.register_buffer("n_averaged", zeros((), dtype=int64))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the network's weights into the average; the first ones are copied."""
        flush()
        averages, new = _tensors(self.module, self.use_buffers), _tensors(model, self.use_buffers)
        count = self.n_averaged
        rule = self.avg_fn
        if self.multi_avg_fn is not None:
            rule = getattr(self.multi_avg_fn, "each", None)
        elif rule is None:
            rule = get_swa_avg_fn()
        if rule is not None:
            first = count == 0
            values = [
                where(first, p, rule(a, p, count).to(a.dtype))
                for a, p in zip(averages, new, strict=True)
            ]
        elif count.item() == 0:
            values = new
        else:
            assert self.multi_avg_fn is not None
            self.multi_avg_fn(averages, new, count)
            values = averages
        pairs = [(a, v) for a, v in zip(averages, values, strict=True) if a is not v]
        if not self.use_buffers:
            own, theirs = self.module.buffers(), model.buffers()
            pairs += zip(own, [b.detach() for b in theirs], strict=True)
        _overwrite([*pairs, (count, count + 1)])


def _tensors(model: Module, buffers: bool) -> list[Tensor]:
    found = [*model.parameters(), *(model.buffers() if buffers else ())]
    return [tensor.detach() for tensor in found]


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Running statistics of batch norm for the weights as they are: plain means over all batches.

    Args:
        loader: batches, or tuples that begin with one.
        model: the network; in training mode meanwhile.
        device: ``"cpu"`` or None.

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.BatchNorm1d(1)
        >>> update_bn([gl.tensor([[1.0], [3.0]]), gl.tensor([[5.0], [7.0]])], layer)
        >>> layer.running_mean
        tensor([4.])
    """
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not layers:
        return
    momenta, training = [layer.momentum for layer in layers], model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    model.train()
    try:
        for batch in loader:
            model(batch[0] if isinstance(batch, list | tuple) else batch)
        flush()
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """The rate goes to ``swa_lr`` within ``anneal_epochs``, and stays there.

    Args:
        optimizer: whose learning rates to set.
        swa_lr: where to go, or one for each group.
        anneal_epochs: how long it takes.
        anneal_strategy: "cos" or "linear".
        last_epoch: -1 to start afresh.

    Example:
        >>> import glia as gl
        >>> opt = gl.optim.SGD([gl.Parameter(1.0)], lr=1.0, momentum=0.9)
        >>> schedule = SWALR(opt, swa_lr=0.2, anneal_epochs=4, anneal_strategy="linear")
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates.append(round(schedule.get_last_lr()[0], 4))
        ...     schedule.step()
        >>> rates
        [1.0, 0.8, 0.6, 0.4, 0.2]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        ends = per_group("SWALR", "swa_lr", optimizer, swa_lr)
        check_choice("SWALR", "anneal_strategy", anneal_strategy, ("cos", "linear"))
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            what = tr(
                f"SWALR: expected anneal_epochs to be an integer ≥ 0, found {anneal_epochs!r}.",
                f"SWALR：anneal_epochs 应为不小于 0 的整数，得到 {anneal_epochs!r}。",
            )
            raise ArgumentError(teach(what, "anneal_epochs=10"))
        for group, end in zip(optimizer.param_groups, ends, strict=True):
            group["swa_lr"] = end
        self.anneal_epochs, self._anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, step: float) -> float:
        """How much of the way is done, in [0, 1]."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[float]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        found = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            start = end if before == 1 else (group["lr"] - before * end) / (1 - before)
            found.append(end * now + start * (1 - now))
        return found

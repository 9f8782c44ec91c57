"""Callbacks: what else happens while a model trains."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.interop.safetensors import save_file
from glia.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from glia.train.run import Run


class Callback:
    """Override what you need; each is called with the :class:`Run`.

    Order of calls: ``begin``, then per epoch ``epoch_begin``, per step ``step_begin`` and
    ``step_end``, after every window of steps ``log``, at its end ``epoch_end``; at last ``end``,
    also when training was interrupted.

    With ``Model.train(sink=True)`` many steps run in one native call. A callback with a
    ``step_end`` says by ``due`` after which steps it must be called; one whose ``step_begin``
    only sets the optimizer's numbers sets ``ahead``, and is then called before the steps run.

    Example:
        >>> import numpy as np
        >>> from glia import nn, optim
        >>> from glia.data import DataLoader, TensorDataset
        >>> from glia.train import Model
        >>> class Count(Callback):
        ...     steps = 0
        ...     def step_end(self, run):
        ...         self.steps += 1
        >>> net, count = nn.Linear(1, 1), Count()
        >>> model = Model(net, nn.MSELoss(), optim.SGD(net.parameters(), lr=0.1))
        >>> x = np.ones((6, 1), np.float32)
        >>> run = model.train(3, DataLoader(TensorDataset(x, x), batch_size=2), callbacks=[count])
        >>> count.steps
        9
    """

    #: Whether ``step_begin`` may be called before the steps before it have run.
    ahead = False

    def due(self, step: int) -> bool:
        """Whether ``step_end`` has something to do after this step; True is always right."""
        return True

    def begin(self, run: Run) -> None:
        """Before the first epoch."""

    def epoch_begin(self, run: Run) -> None:
        """Before the first step of an epoch."""

    def step_begin(self, run: Run) -> None:
        """Before a step."""

    def step_end(self, run: Run) -> None:
        """After a step, its loss in ``run.loss``."""

    def log(self, run: Run) -> None:
        """After a window of steps, its means in ``run.logs``."""

    def epoch_end(self, run: Run) -> None:
        """After an epoch and its validation, the numbers in ``run.logs``."""

    def end(self, run: Run) -> None:
        """After the last epoch, or when training was stopped."""


def listeners(callbacks: list[Callback], name: str) -> list[Callable[[Run], None]]:
    """The methods that a callback really defines; the loop calls no empty ones.

    >>> len(listeners([History(), LossMonitor()], "log")), listeners([History()], "end")
    (1, [])
    """
    return [
        getattr(callback, name)
        for callback in callbacks
        if getattr(type(callback), name, None) is not getattr(Callback, name)
    ]


def _check_every(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        what = tr(
            f"{name}: expected a whole number of at least 1, found {value!r}.",
            f"{name}：应为不小于 1 的整数，实际为 {value!r}。",
        )
        raise ArgumentError(teach(what))
    return value


class LossMonitor(Callback):
    """Print the loss of every ``every``-th step.

    Reading the loss waits for the step, so a small number makes training slower.

    Example:
        >>> from glia import Tensor
        >>> from glia.train import Run
        >>> run = Run(None, epochs=2, steps_per_epoch=200, data=None, epoch=1, step=100)
        >>> run.last = Tensor(0.25)
        >>> LossMonitor(every=100).step_end(run)
        epoch 1 step 100: loss 0.25
    """

    def __init__(self, every: int = 1) -> None:
        self.every = _check_every("LossMonitor", every)

    def due(self, step: int) -> bool:
        return step % self.every == 0

    def step_end(self, run: Run) -> None:
        if not self.due(run.step):
            return
        epoch, step, loss = run.epoch, run.step_in_epoch, run.loss
        print(
            tr(
                f"epoch {epoch} step {step}: loss {loss:.6g}",
                f"第 {epoch} 轮 第 {step} 步：损失 {loss:.6g}",
            )
        )


class Checkpoint(Callback):
    """Save the net's weights as ``PREFIX-EPOCH_STEP.safetensors``.

    Args:
        prefix: a path without ending; its folder is made if need be.
        every: steps between two files; None saves at the end of every epoch.
        keep: how many files to keep; older ones of this run are removed.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from glia import nn
        >>> from glia.train import Model, Run
        >>> with TemporaryDirectory() as folder:
        ...     run = Run(Model(nn.Linear(1, 1)), epochs=3, steps_per_epoch=8, data=None)
        ...     save = Checkpoint(Path(folder) / "net", keep=2)
        ...     for run.epoch, run.step in ((1, 8), (2, 16), (3, 24)):
        ...         save.epoch_end(run)
        ...     sorted(path.name for path in Path(folder).iterdir())
        ['net-2_8.safetensors', 'net-3_8.safetensors']
    """

    def __init__(
        self, prefix: str | os.PathLike[str], every: int | None = None, keep: int = 10
    ) -> None:
        self.prefix = Path(prefix)
        self.every = None if every is None else _check_every("Checkpoint", every)
        self.keep = _check_every("Checkpoint", keep)
        self.files: list[Path] = []

    def begin(self, run: Run) -> None:
        self.prefix.parent.mkdir(parents=True, exist_ok=True)

    def due(self, step: int) -> bool:
        return self.every is not None and step % self.every == 0

    def step_end(self, run: Run) -> None:
        if self.due(run.step):
            self._save(run)

    def epoch_end(self, run: Run) -> None:
        if self.every is None:
            self._save(run)

    def _save(self, run: Run) -> None:
        name = f"{self.prefix.name}-{run.epoch}_{run.step_in_epoch}.safetensors"
        path = self.prefix.with_name(name)
        save_file(run.model.net.state_dict(), path)
        self.files.append(path)
        while len(self.files) > self.keep:
            self.files.pop(0).unlink(missing_ok=True)


class EarlyStopping(Callback):
    """Stop when a number has not become better for ``patience`` epochs.

    Args:
        monitor: a name in ``run.logs``: ``"valid_loss"``, ``"loss"``, ``"valid_accuracy"``, …
        patience: epochs without progress that are borne.
        min_delta: a change smaller than this is no progress.
        mode: ``"min"`` or ``"max"``; ``"auto"`` takes ``"max"`` for names with ``accuracy``.
        restore_best: give the net the weights of the best epoch at the end.

    Example:
        >>> from glia.train import Run
        >>> run, stop = Run(None, epochs=9, steps_per_epoch=1, data=None), EarlyStopping(patience=2)
        >>> for run.epoch, run.logs["valid_loss"] in enumerate([3.0, 2.0, 2.5, 2.1, 1.0], 1):
        ...     stop.epoch_end(run)
        ...     if run.stop:
        ...         break
        >>> run.epoch, stop.best_epoch
        (4, 2)
    """

    def __init__(
        self,
        monitor: str = "valid_loss",
        patience: int = 1,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = False,
    ) -> None:
        if mode not in ("auto", "min", "max"):
            what = tr(
                f"EarlyStopping: expected mode 'auto', 'min' or 'max', found {mode!r}.",
                f"EarlyStopping：mode 应为 'auto'、'min' 或 'max'，实际为 {mode!r}。",
            )
            raise ArgumentError(teach(what))
        self.monitor = monitor
        self.patience = _check_every("EarlyStopping", patience)
        self.min_delta = min_delta
        upward = mode == "max" or (mode == "auto" and "accuracy" in monitor)
        self._sign = 1.0 if upward else -1.0
        self.restore_best = restore_best
        self.best_epoch = 0
        self.best = -math.inf
        self._weights: Any = None

    def epoch_end(self, run: Run) -> None:
        if self.monitor not in run.logs:
            known = ", ".join(run.logs)
            what = tr(
                f"EarlyStopping: there is no '{self.monitor}'; there are {known}.",
                f"EarlyStopping：没有“{self.monitor}”；现有 {known}。",
            )
            help = tr("pass valid=… to train()", "请给 train() 传入 valid=…")
            raise ArgumentError(teach(what, help))
        value = self._sign * run.logs[self.monitor]
        if value > self.best + self.min_delta:
            self.best, self.best_epoch = value, run.epoch
            if self.restore_best:
                self._weights = run.model.net.state_dict()
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop = True

    def end(self, run: Run) -> None:
        if self._weights is not None and not run.interrupted:
            run.model.net.load_state_dict(self._weights)


class History(Callback):
    """Keep the numbers of every epoch, and of every window of steps, in lists.

    Example:
        >>> from glia.train import Run
        >>> run, history = Run(None, epochs=2, steps_per_epoch=5, data=None), History()
        >>> run.epoch, run.step, run.logs = 1, 5, {"loss": 0.5}
        >>> history.epoch_end(run)
        >>> history.epochs
        [{'epoch': 1, 'step': 5, 'loss': 0.5}]
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.windows: list[dict[str, float]] = []

    def log(self, run: Run) -> None:
        self.windows.append({"epoch": run.epoch, "step": run.step, **run.logs})

    def epoch_end(self, run: Run) -> None:
        self.epochs.append({"epoch": run.epoch, "step": run.step, **run.logs})


class LearningRate(Callback):
    """Set the learning rate before every step.

    Args:
        rate: a function of the fraction of the run that is done, 0 ≤ t < 1.

    Example:
        >>> decay = LearningRate(lambda t: 0.1 * (1 - t))
    """

    ahead = True

    def __init__(self, rate: Callable[[float], float]) -> None:
        self.rate = rate

    def step_begin(self, run: Run) -> None:
        value = self.rate((run.step - 1) / (run.epochs * run.steps_per_epoch))
        for group in run.model.optimizer.param_groups:
            group["lr"] = value


class Schedule(Callback):
    """Step a schedule of ``optim.lr_scheduler``: after every epoch, or after every step.

    A run that is resumed takes the schedule to where it stood; give it as at the start.

    Args:
        scheduler: of the model's optimizer.
        every: "epoch" or "step".
        monitor: the number, among those an epoch logs, that ``ReduceLROnPlateau`` looks at.

    Example:
        >>> from glia import Parameter, optim
        >>> opt = optim.SGD([Parameter(1.0)], lr=0.1)
        >>> decay = Schedule(optim.lr_scheduler.CosineAnnealingLR(opt, T_max=10))
    """

    ahead = True

    def __init__(self, scheduler: LRScheduler, every: str = "epoch", monitor: str = "loss") -> None:
        if every not in ("epoch", "step"):
            what = tr(
                f"Schedule: expected every to be 'epoch' or 'step', found {every!r}.",
                f"Schedule：every 应为 'epoch' 或 'step'，得到 {every!r}。",
            )
            raise ArgumentError(teach(what))
        if every == "step" and isinstance(scheduler, ReduceLROnPlateau):
            what = tr(
                "Schedule: ReduceLROnPlateau looks at an epoch's numbers.",
                "Schedule：ReduceLROnPlateau 依据每轮的数值。",
            )
            raise ArgumentError(teach(what, 'every="epoch"'))
        self.scheduler, self.every, self.monitor = scheduler, every, monitor
        self._taken = 0

    def begin(self, run: Run) -> None:
        if run.step == 0:
            self._taken = 0
        elif not self._taken:
            self._resume()
            if self.every == "epoch":
                self._catch_up(run.step // run.steps_per_epoch)

    def _resume(self) -> None:
        """Rates as at the start: all steps that were taken are taken again."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            what = tr(
                "Schedule: a resumed run does not know what ReduceLROnPlateau has seen.",
                "Schedule：恢复的训练不知道 ReduceLROnPlateau 看到过什么。",
            )
            help = tr(
                "call its step() in a loop of your own, and save its state_dict()",
                "请在自己的循环中调用其 step()，并保存 state_dict()",
            )
            raise ArgumentError(teach(what, help))
        groups, rates = self.scheduler.optimizer.param_groups, self.scheduler.get_last_lr()
        for group, lr in zip(groups, rates, strict=True):
            group["lr"] = lr

    def _catch_up(self, due: int) -> None:
        while self._taken < due:
            self.scheduler.step()
            self._taken += 1

    def step_begin(self, run: Run) -> None:
        if self.every == "step":
            self._catch_up(run.step - 1)

    def epoch_end(self, run: Run) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self._look(self.scheduler, run)
        elif self.every == "epoch":
            self._catch_up(run.epoch)

    def _look(self, scheduler: ReduceLROnPlateau, run: Run) -> None:
        if self.monitor not in run.logs:
            names = ", ".join(run.logs)
            what = tr(
                f"Schedule: nothing named {self.monitor!r} is logged.",
                f"Schedule：日志中没有名为 {self.monitor!r} 的数。",
            )
            raise ArgumentError(teach(what, tr(f"there are {names}", f"可用：{names}")))
        scheduler.step(run.logs[self.monitor])
        self._taken += 1

    def end(self, run: Run) -> None:
        if self.every == "step":
            self._catch_up(run.step)


class JSONLog(Callback):
    """Append one JSON object per window of steps, and one per epoch, to a file.

    ``event`` is ``"steps"`` or ``"epoch"``: whether the numbers are means over the last window
    of steps or over the whole epoch.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from glia.train import Run
        >>> run = Run(None, epochs=2, steps_per_epoch=5, data=None, seconds=1.5)
        >>> run.epoch, run.step, run.logs = 1, 5, {"loss": 0.5}
        >>> with TemporaryDirectory() as folder:
        ...     log = JSONLog(Path(folder) / "metrics.jsonl")
        ...     log.epoch_end(run)
        ...     print(log.path.read_text("utf-8"), end="")
        {"event": "epoch", "epoch": 1, "step": 5, "loss": 0.5, "seconds": 1.5}
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def begin(self, run: Run) -> None:
        """Drop what an earlier, interrupted run wrote after the point we go on from."""
        if not self.path.exists():
            return
        lines = [json.loads(line) for line in self.path.read_text("utf-8").splitlines() if line]
        kept = [line for line in lines if line["step"] <= run.step]
        self.path.write_text("".join(map(_json_line, kept)), "utf-8")

    def log(self, run: Run) -> None:
        self._append("steps", run, {"lr": run.lr})

    def epoch_end(self, run: Run) -> None:
        self._append("epoch", run, {"seconds": round(run.seconds, 3)})

    def _append(self, event: str, run: Run, more: dict[str, Any]) -> None:
        values = {"event": event, "epoch": run.epoch, "step": run.step, **run.logs, **more}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_json_line(values))


def _json_line(values: dict[str, Any]) -> str:
    """NaN and infinity do not exist in JSON: they become null."""
    clean = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }
    return json.dumps(clean, allow_nan=False) + "\n"

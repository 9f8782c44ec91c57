"""``Model``: a net, its loss, its optimizer and its metrics; train, evaluate, predict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.metrics.metric import Metric
from glia.nn.module import Module
from glia.tensor.jit import jit
from glia.tensor.tensor import Tensor, as_tensor, no_grad, realize, to_numpy
from glia.train.callbacks import Callback, listeners
from glia.train.run import Meter, Run
from glia.train.signals import Interrupted, SignalCatcher
from glia.train.sink import Pace, Resident

#: Outputs of so many batches are kept before they are read while evaluating.
_EVAL_WINDOW = 16


class Model:
    """Binds what training needs; every step runs as one compiled program.

    Args:
        net: the network.
        loss: called as ``loss(outputs, labels)``, giving one number: the mean over the batch.
        optimizer: over the net's parameters.
        metrics: name -> metric, over outputs and labels.

    Example:
        >>> import numpy as np
        >>> from glia import nn, optim
        >>> from glia.data import DataLoader, TensorDataset
        >>> net = nn.Linear(2, 1)
        >>> model = Model(net, nn.MSELoss(), optim.SGD(net.parameters(), lr=0.1))
        >>> x = np.eye(2, dtype=np.float32)
        >>> run = model.train(3, DataLoader(TensorDataset(x, x[:, :1]), batch_size=2))
        >>> run.step
        3
    """

    def __init__(
        self,
        net: Module,
        loss: Callable[[Tensor, Tensor], Tensor] | None = None,
        optimizer: Any = None,
        metrics: Mapping[str, Metric] | None = None,
    ) -> None:
        self.net = net
        self.loss = loss
        self.optimizer = optimizer
        self.metrics = dict(metrics or {})
        self._train_step = jit(self._step)
        self._eval_step = jit(self._evaluate)
        self._predict_step = jit(self._predict)

    # The three programs

    def _step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        assert self.loss is not None
        outputs = self.net(x)
        loss = self.loss(outputs, y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach(), outputs.detach()

    def _evaluate(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        assert self.loss is not None
        with no_grad():
            outputs = self.net(x)
            return self.loss(outputs, y), outputs

    def _predict(self, x: Tensor) -> Tensor:
        with no_grad():
            return self.net(x)

    # What users call

    def train(
        self,
        epochs: int,
        data: Any,
        callbacks: Sequence[Callback] | Callback = (),
        valid: Any = None,
        log_every: int = 50,
        resume: Mapping[str, Any] | None = None,
        sink: bool = False,
    ) -> Run:
        """Train for a number of epochs.

        Args:
            epochs: passes over the data, in all: a resumed run counts those done before.
            data: gives batches ``(x, y)`` and has a length; a ``DataLoader``.
            callbacks: one, or several in the order in which they are called.
            valid: data evaluated after every epoch; its numbers are ``valid_loss`` and so on.
            log_every: steps per window; the losses of a window are read together at its end,
                so that computing never waits for reading.
            resume: where to go on, from :func:`glia.train.checkpoint.load_checkpoint`.
            sink: take many steps in one native call, with the same result to the last bit. The
                data must lie in memory: a ``DataLoader`` over a ``TensorDataset``. A call lasts
                at most about 0.2 s; between calls Ctrl-C is heard and callbacks are called, those
                of single steps as :meth:`glia.train.Callback.due` says.

        Returns:
            the run, with its last numbers in ``logs``.

        Raises:
            ArgumentError: no optimizer, no data, an impossible number of epochs; with ``sink``,
                data that do not lie in memory.
            Interrupted: Ctrl-C or SIGTERM; the step under way and the callbacks' ``end`` were
                completed. It is a ``KeyboardInterrupt``.
        """
        several = [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        self._check(epochs, data, log_every)
        resident = Resident(data) if sink else None
        run = Run(self, epochs, len(data), data)
        run.meter = Meter(self.metrics)
        if resume is not None:
            for name in ("epoch", "step", "samples", "seconds"):
                setattr(run, name, resume[name])
            run.meter.load(resume["meter"])
        with SignalCatcher() as signals:
            _Loop(self, run, several, signals, log_every, valid, resident).go()
        if run.interrupted:
            raise Interrupted(run.interrupted)
        return run

    def eval(self, data: Any) -> dict[str, Any]:
        """The loss and every metric over a data set, the net in evaluation mode.

        Returns:
            ``{"loss": …, "accuracy": …}``; a matrix for a metric that is one.
        """
        return evaluate(self, data, self.metrics)

    def predict(self, x: Any) -> Tensor:
        """The net's outputs for a batch, in evaluation mode, without gradients."""
        was_training = self.net.training
        self.net.eval()
        try:
            outputs = self._predict_step(as_tensor(x))
            realize(outputs)
            return outputs
        finally:
            self.net.train(was_training)

    def _check(self, epochs: object, data: Any, log_every: object) -> None:
        for name, value in (("epochs", epochs), ("log_every", log_every)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                what = tr(
                    f"train: {name} must be a whole number of at least 1, found {value!r}.",
                    f"train：{name} 应为不小于 1 的整数，实际为 {value!r}。",
                )
                raise ArgumentError(teach(what))
        if self.loss is None or self.optimizer is None:
            what = tr(
                "train: this Model has no loss or no optimizer.",
                "train：该 Model 没有损失函数或优化器。",
            )
            help = tr("write Model(net, loss, optimizer)", "请写 Model(net, loss, optimizer)")
            raise ArgumentError(teach(what, help))
        if len(data) == 0:
            what = tr("train: there are no batches in the data.", "train：数据中没有任何批次。")
            help = tr("is the data set smaller than one batch?", "数据集是否小于一个批次？")
            raise ArgumentError(teach(what, help))


def evaluate(
    model: Model,
    data: Any,
    metrics: Mapping[str, Metric],
    keep: Callable[[np.ndarray, np.ndarray], None] | None = None,
) -> dict[str, Any]:
    """See :meth:`Model.eval`; ``keep(outputs, labels)`` is called for every few batches."""
    fresh = {name: metric.fresh() for name, metric in metrics.items()}
    total, count = 0.0, 0
    waiting: list[tuple[Tensor, Tensor, Tensor]] = []

    def read() -> None:
        nonlocal total, count
        realize(*(tensor for triple in waiting for tensor in triple))
        for loss, outputs, labels in waiting:
            found, truth = to_numpy(outputs), to_numpy(labels)
            total += float(to_numpy(loss)) * len(truth)
            count += len(truth)
            for metric in fresh.values():
                metric.update(found, truth)
            if keep is not None:
                keep(found, truth)
        waiting.clear()

    was_training = model.net.training
    model.net.eval()
    try:
        for x, y in data:
            waiting.append((*model._eval_step(x, y), y))
            if len(waiting) >= _EVAL_WINDOW:
                read()
        read()
    finally:
        model.net.train(was_training)
    if not count:
        raise ArgumentError(teach(tr("eval: there are no examples.", "eval：没有任何样本。")))
    return {"loss": total / count, **{name: m.compute() for name, m in fresh.items()}}


class _Loop:
    """The loop of ``Model.train``."""

    def __init__(
        self,
        model: Model,
        run: Run,
        callbacks: list[Callback],
        signals: SignalCatcher,
        log_every: int,
        valid: Any,
        resident: Resident | None,
    ) -> None:
        self.model, self.run, self.signals, self.valid = model, run, signals, valid
        self.log_every, self.resident = log_every, resident
        names = "begin epoch_begin step_begin step_end log epoch_end end".split()
        self.listeners = {name: listeners(callbacks, name) for name in names}
        self.looking = [c for c in callbacks if listeners([c], "step_end")]
        self.ahead = all(c.ahead for c in callbacks if listeners([c], "step_begin"))
        self.pace = Pace()
        assert run.meter is not None
        self.meter = run.meter

    def tell(self, event: str) -> None:
        for listener in self.listeners[event]:
            listener(self.run)

    def go(self) -> None:
        run = self.run
        was_training = self.model.net.training
        self.model.net.train()
        self.tell("begin")
        try:
            while not run.stop and not run.interrupted and self._epochs_done() < run.epochs:
                self._epoch()
        finally:
            self.model.net.train(was_training)
        self.tell("end")

    def _epochs_done(self) -> int:
        return self.run.step // self.run.steps_per_epoch

    def _epoch(self) -> None:
        run = self.run
        run.epoch = self._epochs_done() + 1
        if run.step == (run.epoch - 1) * run.steps_per_epoch:
            self.meter.begin_epoch()
        self.tell("epoch_begin")
        self._steps()
        finished = run.step == run.epoch * run.steps_per_epoch
        if not finished:
            return
        run.logs = self.meter.epoch()
        if self.valid is not None:
            found = evaluate(self.model, self.valid, self.model.metrics)
            plain = {k: v for k, v in found.items() if isinstance(v, int | float)}
            run.logs |= {f"valid_{name}": float(value) for name, value in plain.items()}
        self.tell("epoch_end")
        run.interrupted = self.signals.received

    def _steps(self) -> None:
        self.meter.start_clock()
        self.started = time.perf_counter()
        if self.resident is not None:
            self._sunk_steps(self.resident)
            return
        for x, y in self.run.data:
            self._step(x, y)
            if self._ends():
                return

    def _step(self, x: Tensor, y: Tensor) -> None:
        """One step."""
        run = self.run
        run.step += 1
        self.tell("step_begin")
        loss, outputs = self.model._train_step(x, y)
        run.last = loss
        run.samples += len(y)
        self.meter.add(loss, outputs, y, len(y))
        self.tell("step_end")

    def _ends(self) -> bool:
        """At the end of a window read and report; whether the epoch ends before its time."""
        run = self.run
        at_window = run.step % self.log_every == 0 or run.step == run.epoch * run.steps_per_epoch
        run.interrupted = self.signals.received
        over = bool(run.stop or run.interrupted)
        if at_window or over:
            run.logs = self.meter.read()
            now = time.perf_counter()
            run.seconds, self.started = run.seconds + now - self.started, now
            self.tell("log")
        return bool(over or run.stop)

    def _sunk_steps(self, resident: Resident) -> None:
        """Steps over data in memory, many in one native call."""
        order, size = resident.begin()
        pace = self.pace
        while len(order):
            full = len(order) // size
            steps = self._until_due(min(full, pace.steps)) if full else 1
            part, order = order[: steps * size], order[steps * size :]
            pace.start()
            if full:
                self._sink(resident, part.reshape(steps, size))
            else:
                self._step(*resident.batch(part))
            pace.took(steps)
            resident.advance(steps)
            if self._ends():
                return

    def _until_due(self, most: int) -> int:
        """So many steps, or as many as there are until a callback or the window wants to see."""
        if not self.ahead:
            return 1
        step = self.run.step
        most = min(most, self.log_every - step % self.log_every)
        for steps in range(1, most):
            if any(callback.due(step + steps) for callback in self.looking):
                return steps
        return most

    def _sink(self, resident: Resident, order: np.ndarray) -> None:
        """Steps in one native call; ``step_begin`` is called for all of them before."""
        run, last = self.run, self.run.step + len(order)

        def begin() -> None:
            if run.step < last:
                run.step += 1
                self.tell("step_begin")

        begin()
        batches = resident.rows(order)
        between = begin if self.listeners["step_begin"] else None
        losses, outputs = self.model._train_step.many(len(order), *batches, between=between)
        run.step = last
        run.samples += order.size
        run.last = self.meter.add_many(losses, outputs, resident.labels(order), order.shape[1])
        for callback in self.looking:
            if callback.due(last):
                callback.step_end(run)

"""How far training is: a bar on a terminal, plain lines where there is none."""

from __future__ import annotations

from typing import Any

from glia.base.i18n import tr
from glia.train.callbacks import Callback
from glia.train.run import Run

_LINES_PER_EPOCH = 10


class Progress(Callback):
    """Shows loss, accuracy, samples per second and the time left.

    Args:
        console: a rich console; by default one on standard output.
    """

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console

        self.console = console or Console()
        self._bar: Any = None
        self._task: Any = None
        self._rate = 0.0
        self._tenth = 0  # of the epoch, when the last plain line was printed

    def begin(self, run: Run) -> None:
        if not self.console.is_terminal:
            return
        from rich import progress as rich

        self._bar = rich.Progress(
            rich.TextColumn("{task.fields[epoch]}"),
            rich.BarColumn(bar_width=24),
            rich.TextColumn("{task.percentage:>3.0f}%"),
            rich.TextColumn("{task.fields[numbers]}"),
            console=self.console,
            transient=True,
        )
        self._task = self._bar.add_task(
            "", total=run.steps_per_epoch, epoch="", numbers=tr("compiling…", "正在编译…")
        )
        self._bar.start()

    def epoch_begin(self, run: Run) -> None:
        if self._bar is not None:
            done = run.step - (run.epoch - 1) * run.steps_per_epoch
            self._bar.update(self._task, completed=done, epoch=_epoch(run))

    def log(self, run: Run) -> None:
        rate = run.logs.get("samples_per_second", 0.0)
        self._rate = rate if not self._rate else 0.8 * self._rate + 0.2 * rate
        done, total = run.step_in_epoch, run.steps_per_epoch
        if self._bar is not None:
            self._bar.update(self._task, completed=done, numbers=self._numbers(run))
            return
        tenth = done * _LINES_PER_EPOCH // total
        if tenth != self._tenth:
            self._tenth = tenth
            step = tr(f"step {done}/{total}", f"第 {done}/{total} 步")
            self._print(f"{_epoch(run)}  {step}  {self._numbers(run)}")

    def epoch_end(self, run: Run) -> None:
        parts = [_epoch(run), _shown("loss", run.logs.get("loss"))]
        parts += [_shown(name, run.logs.get(name)) for name in run.logs if name not in _SPECIAL]
        if "valid_loss" in run.logs:
            parts.append(_shown("valid_loss", run.logs["valid_loss"]))
        self._print("  ".join(parts))

    def end(self, run: Run) -> None:
        self.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar off the terminal, also when training ended by an error."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _print(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _numbers(self, run: Run) -> str:
        per_step = run.samples / max(run.step, 1)
        left = (run.epochs * run.steps_per_epoch - run.step) * per_step / max(self._rate, 1e-9)
        shown = [_shown(name, run.logs.get(name)) for name in ("loss", "accuracy")]
        shown.append(tr(f"{self._rate:,.0f} images/s", f"{self._rate:,.0f} 张/秒"))
        shown.append(tr(f"{_clock(left)} left", f"剩余 {_clock(left)}"))
        return "  ".join(part for part in shown if part)


_SPECIAL = ("loss", "valid_loss", "samples_per_second")


def _epoch(run: Run) -> str:
    return tr(f"epoch {run.epoch}/{run.epochs}", f"第 {run.epoch}/{run.epochs} 轮")


def _shown(name: str, value: float | None) -> str:
    """A number with its name, in the user's language."""
    if value is None:
        return ""
    if name.endswith("accuracy"):
        kind = tr("test accuracy", "测试准确率") if "valid" in name else tr("accuracy", "准确率")
        return f"{kind} {100 * value:.2f}%"
    if name.endswith("loss"):
        return (
            f"{tr('test loss', '测试损失') if 'valid' in name else tr('loss', '损失')} {value:.4f}"
        )
    return f"{name} {value:.4g}"


def _clock(seconds: float) -> str:
    """m:ss, or h:mm:ss."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

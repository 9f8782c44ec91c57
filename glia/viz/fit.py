"""The two animations of the regression example, drawn in a process of their own.

Drawing takes far longer than training. :class:`FitFilm` starts a process and sends it copies of
the numbers; a thread does the sending, so training never waits for a pencil.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from glia.base.errors import GliaError
from glia.base.i18n import language, set_language, tr
from glia.viz.animate import Animation
from glia.viz.figure import BLUE, GREY, ORANGE, RED, label, new_figure, save_png

FRAME_MILLISECONDS = 100
_SIZE = 640, 480
_CAPTION = 440, 16  # where step and loss are written
_LOSS_TOP = 1.5


class FitFilm:
    """Sends what is to be drawn to another process.

    Args:
        folder: where ``regression_loss.gif``, ``regression_result.gif`` and
            ``regression_result.png`` are written.
        x, y: the points that are fitted.
        steps: how many training steps there will be: the width of the loss picture.
    """

    def __init__(self, folder: Path, x: np.ndarray, y: np.ndarray, steps: int) -> None:
        head = {
            "folder": str(folder.resolve()),
            "x": x.astype(float).tolist(),
            "y": y.astype(float).tolist(),
            "steps": steps,
            "language": language(),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "glia.viz.fit"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._queue.put(json.dumps(head).encode() + b"\n")
        self._sender = threading.Thread(target=self._send, name="glia-film", daemon=True)
        self._sender.start()

    def add(self, step: int, losses: np.ndarray, prediction: np.ndarray) -> None:
        """One frame: the losses since the last frame and the prediction of now."""
        self._put(np.array([step, len(losses)]), losses, prediction)

    def finish(self) -> None:
        """Wait until the pictures are written.

        Raises:
            GliaError: the drawing process failed.
        """
        self._put(np.array([-1, 0]))
        self._queue.put(None)
        self._sender.join()
        text = self._wait()
        if self._process.returncode:
            lines = text.decode("utf-8", "replace").strip().splitlines() or ["?"]
            raise GliaError(
                tr(
                    f"the pictures could not be drawn: {lines[-1]}",
                    f"无法绘制图片：{lines[-1]}",
                )
            )

    def stop(self) -> None:
        """Give up: nothing is written."""
        self._process.kill()
        self._queue.put(None)
        self._sender.join()
        self._wait()

    def _wait(self) -> bytes:
        """Let the process end; what it said on its standard error."""
        errors = self._process.stderr
        assert errors is not None
        text = b"" if errors.closed else errors.read()
        errors.close()
        self._process.wait()
        return text

    def _put(self, *parts: np.ndarray) -> None:
        self._queue.put(b"".join(np.ascontiguousarray(part, "<f8").tobytes() for part in parts))

    def _send(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            with pipe:
                while (message := self._queue.get()) is not None:
                    pipe.write(message)
                    pipe.flush()
        except (OSError, ValueError):
            pass  # the process died or was stopped; finish() tells why


class _LossPicture:
    """The loss over the steps, axes 0 … steps × 0 … 1.5 as in the course."""

    def __init__(self, steps: int) -> None:
        self.figure, ax = new_figure(*_SIZE)
        ax.set(xlim=(0, steps), ylim=(0, _LOSS_TOP))
        ax.set_xlabel(label("step", "步数"))
        ax.set_ylabel(label("loss (mean squared error)", "损失（均方误差）"))
        ax.set_title(label("The loss while the net learns", "训练过程中的损失"), loc="left")
        ax.grid(color="#eeeeee")
        self.steps: list[float] = []
        self.losses: list[float] = []
        (self.line,) = ax.plot([0, steps], [_LOSS_TOP, 0], color=BLUE, linewidth=1.8)
        self.film = Animation(self.figure, [self.line], _CAPTION)

    def add(self, step: int, losses: np.ndarray) -> None:
        first = step - len(losses) + 1
        self.steps += range(first, step + 1)
        self.losses += losses.tolist()
        self.line.set_data(self.steps, self.losses)
        self.film.add(_caption(step, losses[-1]))


class _ResultPicture:
    """The points, the curve they came from, and what the net says."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.figure, ax = new_figure(*_SIZE)
        ax.set(xlim=(x.min() - 0.1, x.max() + 0.1), ylim=(-1.5, 1.5))
        ax.set_xlabel("x")
        ax.set_ylabel("y")
        ax.set_title(label("What the net says", "网络的输出"), loc="left")
        ax.grid(color="#eeeeee")
        ax.plot(x, y, "o", color=ORANGE, markersize=4, label=label("data", "数据"))
        fine = np.linspace(x.min(), x.max(), 200)
        ax.plot(fine, np.cos(fine), "--", color=GREY, linewidth=1, label="cos x")
        (self.line,) = ax.plot(x, y, color=RED, linewidth=2, label=label("net", "网络"))
        self.x = x
        ax.legend(loc="upper center", ncols=3, frameon=False)
        self.film = Animation(self.figure, [self.line], _CAPTION)

    def add(self, step: int, loss: float, prediction: np.ndarray) -> None:
        self.line.set_data(self.x, prediction)
        self.film.add(_caption(step, loss))

    def save_last(self, path: Path) -> None:
        """The last frame as a picture that stands still."""
        for artist in self.film.moving:
            artist.set_animated(False)
        save_png(self.figure, path)


def _caption(step: int, loss: float) -> str:
    return label(f"step {step}   loss {loss:.4f}", f"第 {step} 步   损失 {loss:.4f}")


def _read(stream: BinaryIO, count: int) -> np.ndarray:
    content = stream.read(8 * count)
    if len(content) < 8 * count:
        raise SystemExit(1)  # training was given up
    return np.frombuffer(content, "<f8")


def draw(stream: BinaryIO) -> None:
    """Read numbers until the end is announced, then write the pictures."""
    head: dict[str, Any] = json.loads(stream.readline() or "null") or sys.exit(1)
    set_language(head["language"])
    x, y = np.array(head["x"]), np.array(head["y"])
    loss_picture, result = _LossPicture(head["steps"]), _ResultPicture(x, y)
    while True:
        step, count = _read(stream, 2).astype(int).tolist()
        if step < 0:
            break
        losses = _read(stream, count)
        prediction = _read(stream, len(x))
        loss_picture.add(step, losses)
        result.add(step, float(losses[-1]), prediction)
    folder = Path(head["folder"])
    loss_picture.film.save(folder / "regression_loss.gif", FRAME_MILLISECONDS)
    result.film.save(folder / "regression_result.gif", FRAME_MILLISECONDS)
    result.save_last(folder / "regression_result.png")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process decides
    draw(sys.stdin.buffer)

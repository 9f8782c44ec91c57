"""Checkpoints: all that is needed to go on with a run as if it had never stopped.

``checkpoint.safetensors`` holds every number and, in its header, where the run stands, so that
both change at one stroke. ``checkpoint.json`` says the same about the run for people to read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from glia.base.errors import CheckpointError, GliaError, teach
from glia.base.i18n import tr
from glia.interop.files import write_json
from glia.interop.safetensors import load_file, load_metadata, save_file
from glia.tensor.random import default_generator
from glia.tensor.tensor import Tensor, to_numpy
from glia.train.callbacks import Callback
from glia.train.model import Model
from glia.train.run import Run

WEIGHTS_NAME = "checkpoint.safetensors"
TEXT_NAME = "checkpoint.json"
_FORMAT = 1
_KEY = "glia"  # of the header's only entry: with one entry the bytes are the same every time


class Resumable(Callback):
    """Keep a checkpoint of the run in a folder: at the end of each epoch and when interrupted.

    Args:
        folder: an existing folder.
        identity: what must be equal when the run goes on, as texts and numbers.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self.identity = dict(identity)
        self._saved_at = -1

    def epoch_end(self, run: Run) -> None:
        self._save(run)

    def end(self, run: Run) -> None:
        # Weights of a run that diverged are of no use: the checkpoint before is kept.
        if run.step != self._saved_at and math.isfinite(run.logs.get("loss", 0.0)):
            self._save(run)

    def _save(self, run: Run) -> None:
        save_checkpoint(self.folder, run, self.identity)
        self._saved_at = run.step


def save_checkpoint(folder: Path, run: Run, identity: Mapping[str, Any]) -> None:
    """Write both files of a checkpoint."""
    model = run.model
    tensors: dict[str, Any] = {
        f"net.{name}": value for name, value in model.net.state_dict().items()
    }
    optimizer = _pack(model.optimizer.state_dict(), "optimizer", tensors)
    assert run.meter is not None
    state = {
        "format": _FORMAT,
        "identity": dict(identity),
        "epoch": run.epoch,
        "step": run.step,
        "samples": run.samples,
        "seconds": run.seconds,
        "epochs": run.epochs,
        "steps_per_epoch": run.steps_per_epoch,
        "meter": run.meter.state(),
        "loader": run.data.state_dict() if hasattr(run.data, "state_dict") else None,
        "generator": list(default_generator.get_state()),
        "optimizer": optimizer,
    }
    save_file(tensors, folder / WEIGHTS_NAME, {_KEY: json.dumps(state, allow_nan=False)})
    write_json(folder / TEXT_NAME, state)


def load_checkpoint(
    folder: Path, model: Model, data: Any, identity: Mapping[str, Any]
) -> dict[str, Any]:
    """Put net, optimizer, data and random numbers back to where the checkpoint was made.

    Returns:
        what ``Model.train`` takes as ``resume``.

    Raises:
        CheckpointError: no checkpoint, a damaged one, or one of another model or data.
    """
    state, tensors = read_checkpoint(folder)
    check_identity(folder, state["identity"], identity)
    try:
        prefix = "net."
        weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        packed = _unpack(state["optimizer"], tensors)
        model.net.load_state_dict(weights)
        model.optimizer.load_state_dict(packed)
        if state["loader"] is not None:
            data.load_state_dict(state["loader"])
        seed, drawn = state["generator"]
        default_generator.set_state((int(seed), int(drawn)))
        numbers = {name: int(state[name]) for name in ("epoch", "step", "samples")}
        return {**numbers, "seconds": float(state["seconds"]), "meter": state["meter"]}
    except GliaError as error:
        _refuse(folder, str(error))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        _refuse(folder, f"{type(error).__name__}: {error}")


def read_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """State and tensors of a run folder's checkpoint, nothing applied yet.

    Raises:
        CheckpointError: missing or damaged.
    """
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        text = tr(
            f"run folder '{folder}': there is no {WEIGHTS_NAME} to go on from.",
            f"运行文件夹 '{folder}'：没有可供继续的 {WEIGHTS_NAME}。",
        )
        help = tr("start a new run without --resume", "请不带 --resume 重新开始")
        raise CheckpointError(teach(text, help, where=False))
    tensors = load_file(path)
    try:
        state = json.loads(load_metadata(path)[_KEY])
        if state["format"] != _FORMAT:
            raise ValueError(f"format {state['format']}")
        if not isinstance(state["identity"], dict):
            raise TypeError("identity")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        _refuse(folder, f"{type(error).__name__}: {error}")
    return state, tensors


def check_identity(folder: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with a run of something else.

    Raises:
        CheckpointError: naming the first thing that differs.
    """
    for name, value in wanted.items():
        if saved.get(name) != value:
            text = tr(
                f"run folder '{folder}': its {name} is {saved.get(name)!r}, not {value!r}.",
                f"运行文件夹 '{folder}'：其 {name} 为 {saved.get(name)!r}，而不是 {value!r}。",
            )
            help = tr(
                "go on with the model, data and settings it was started with, or start a new run",
                "请用它开始时的模型、数据和设置继续，或重新开始",
            )
            raise CheckpointError(teach(text, help, where=False))


def _refuse(folder: Path, reason: str) -> NoReturn:
    text = tr(
        f"run folder '{folder}': its checkpoint cannot be used ({reason}).",
        f"运行文件夹 '{folder}'：其检查点无法使用（{reason}）。",
    )
    help = tr("start a new run without --resume", "请不带 --resume 重新开始")
    raise CheckpointError(teach(text, help, where=False)) from None


def _pack(value: Any, path: str, tensors: dict[str, Any]) -> Any:
    """Nested state as JSON; tensors go to ``tensors`` and leave their name behind."""
    if isinstance(value, Tensor | np.ndarray):
        tensors[path] = to_numpy(value) if isinstance(value, Tensor) else value
        return {"tensor": path}
    if isinstance(value, Mapping):
        pairs = [[key, _pack(item, f"{path}.{key}", tensors)] for key, item in value.items()]
        return {"pairs": pairs}
    if isinstance(value, list | tuple):
        items = [_pack(item, f"{path}.{at}", tensors) for at, item in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": items}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    what = tr(
        f"{path}: {type(value).__name__} cannot be saved.",
        f"{path}：无法保存 {type(value).__name__}。",
    )
    raise CheckpointError(teach(what, where=False))


def _unpack(packed: Any, tensors: Mapping[str, np.ndarray]) -> Any:
    """The reverse of ``_pack``."""
    if "tensor" in packed:
        return Tensor(tensors[packed["tensor"]])
    if "pairs" in packed:
        return {key: _unpack(item, tensors) for key, item in packed["pairs"]}
    if "value" in packed:
        return packed["value"]
    if "tuple" in packed:
        return tuple(_unpack(item, tensors) for item in packed["tuple"])
    return [_unpack(item, tensors) for item in packed["list"]]

"""The settings of a training run: typed, taken from a run to resume, or by default."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from glia.base.errors import ArgumentError, CheckpointError
from glia.base.i18n import tr
from glia.cli import options
from glia.data import ImageData
from glia.models import MLP, LeNet5
from glia.nn.module import Module

MODELS = ("lenet5", "mlp")
OPTIMIZERS = ("sgd", "adam", "adamw")
MOMENTUM = 0.9
_DEFAULT_RATE = {"sgd": 0.02, "adam": 0.001, "adamw": 0.001}
_DEFAULTS = {"data": None, "epochs": 2, "batch": 32, "optimizer": "sgd", "seed": 0}
_MAX_SIDE = 4096


@dataclass(frozen=True)
class Wanted:
    """What was typed; None where nothing was."""

    model: str
    data: str | None
    epochs: int | None
    batch: int | None
    lr: float | None
    optimizer: str | None
    seed: int | None


@dataclass(frozen=True)
class Settings:
    """What a run does, all of it decided."""

    model: str
    data: str | None  # a folder, None for MNIST
    epochs: int
    batch: int
    lr: float
    optimizer: str
    seed: int


@dataclass(frozen=True)
class Pictures:
    """What a run must know about its data to read further pictures in the same way."""

    name: str
    classes: tuple[str, ...]
    channels: int
    side: int  # height and width of the pictures as they are stored
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fingerprint: str


def decide(wanted: Wanted, saved: Settings | None) -> Settings:
    """Complete what was typed and check it.

    Raises:
        ArgumentError: an impossible value.
        CheckpointError: a value other than that of the run to resume.
    """
    options.check_choice(tr("model", "模型"), wanted.model, MODELS)
    found = {name: value for name, value in asdict(wanted).items() if value is not None}
    if "data" in found:
        found["data"] = str(Path(found["data"]).resolve())
    if saved is not None:
        for name, value in found.items():
            if value != getattr(saved, name):
                _differs(name, getattr(saved, name), value)
        found = asdict(saved)
    found = {**_DEFAULTS, **found}
    options.check_choice("--optimizer", found["optimizer"], OPTIMIZERS)
    found.setdefault("lr", _DEFAULT_RATE[found["optimizer"]])
    options.check_whole("--epochs", found["epochs"], 1, 100_000)
    options.check_whole("--batch", found["batch"], 1, 1_000_000)
    options.check_rate(found["lr"])
    return Settings(**found)


def _differs(name: str, saved: object, typed: object) -> NoReturn:
    option = tr("model", "模型") if name == "model" else f"--{name}"
    raise CheckpointError(
        tr(
            f"--resume: the run was started with {option} {saved}, not {typed}. "
            "Help: leave it out, or start a new run.",
            f"--resume：该运行开始时 {option} 为 {saved}，而不是 {typed}。"
            "建议：去掉该选项，或重新开始。",
        )
    )


def check_against(settings: Settings, data: ImageData) -> None:
    """Settings that only the data can refute.

    Raises:
        ArgumentError: a batch larger than the training set.
    """
    count = len(data.train_images)
    if settings.batch > count:
        raise ArgumentError(
            tr(
                f"--batch: {settings.batch} pictures per step, but there are only {count} to "
                f"train on. Help: use --batch {min(32, count)}.",
                f"--batch：每步 {settings.batch} 张图片，但训练集只有 {count} 张。"
                f"建议：使用 --batch {min(32, count)}。",
            )
        )


def describe(data: ImageData) -> Pictures:
    """What ``config.json`` keeps of the data."""
    digest = hashlib.sha256()
    parts = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    for part in parts:
        digest.update(repr(part.shape).encode())
        digest.update(np.ascontiguousarray(part).data)
    return Pictures(
        data.name,
        tuple(data.class_names),
        data.channels,
        int(data.train_images.shape[1]),
        tuple(data.mean),
        tuple(data.std),
        digest.hexdigest()[:16],
    )


def make_net(model: str, pictures: Pictures) -> Module:
    """The network, with weights from the global random numbers."""
    classes = len(pictures.classes)
    if model == "lenet5":
        return LeNet5(classes, pictures.channels)
    return MLP(classes, pictures.channels, pictures.side)


def save_config(path: Path, settings: Settings, pictures: Pictures, parameters: int) -> None:
    """Write ``config.json``."""
    from glia.interop.files import write_json

    value = {
        "glia": options.version(),
        "settings": asdict(settings),
        "pictures": asdict(pictures),
        "parameters": parameters,
    }
    write_json(path, value)


def load_config(folder: Path) -> tuple[Settings, Pictures]:
    """Read a run folder's ``config.json``.

    Raises:
        CheckpointError: missing, damaged, or not of a training run.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise CheckpointError(
            tr(
                f"'{folder}' is not a run folder: there is no config.json in it. "
                "Help: name a folder that glia train has written, for example runs/lenet5-1.",
                f"'{folder}' 不是运行文件夹：其中没有 config.json。"
                "建议：请给出 glia train 写入的文件夹，例如 runs/lenet5-1。",
            )
        )
    try:
        value = json.loads(path.read_text("utf-8"))
        settings = Settings(**_typed(Settings, value["settings"]))
        pictures = Pictures(**_typed(Pictures, value["pictures"]))
        sensible = (
            settings.model in MODELS
            and pictures.channels in (1, 3)
            and 1 <= pictures.side <= _MAX_SIDE
            and 2 <= len(pictures.classes) <= 1000
            and len(pictures.mean) == len(pictures.std) == pictures.channels
        )
        if not sensible:
            raise ValueError("values out of range")
        return settings, pictures
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(
            tr(
                f"'{path}' cannot be read as the settings of a run ({reason}). Help: train again.",
                f"无法将 '{path}' 读作运行设置（{reason}）。建议：请重新训练。",
            )
        ) from None


_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "float": (float, int),
}


def _typed(kind: type, values: Any) -> dict[str, Any]:
    """The fields of a data class from JSON, every one present and of its type."""
    found = {}
    for entry in fields(kind):
        value = values[entry.name]
        text = str(entry.type)
        if text.startswith("tuple"):
            inner = _TYPES[text[len("tuple[") : text.index(",")]]
            if not isinstance(value, list) or not all(isinstance(v, inner) for v in value):
                raise TypeError(entry.name)
            value = tuple(value)
        elif not isinstance(value, _TYPES[text]) or isinstance(value, bool):
            raise TypeError(entry.name)
        found[entry.name] = value
    return found

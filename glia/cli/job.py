"""The work behind ``glia train``: data, net, training, pictures, and the run folder."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from glia import nn, optim
from glia.base.errors import ArgumentError, GliaError
from glia.base.i18n import tr
from glia.cli import options
from glia.cli.screen import console, rows, say
from glia.cli.settings import (
    MOMENTUM,
    Pictures,
    Settings,
    Wanted,
    check_against,
    decide,
    describe,
    load_config,
    make_net,
    save_config,
)
from glia.data import DataLoader, ImageData, open_images
from glia.interop import save_file
from glia.interop.files import write_json
from glia.metrics import Accuracy, ConfusionMatrix
from glia.tensor.random import manual_seed
from glia.train import Interrupted, Model
from glia.train.callbacks import Callback, JSONLog, LearningRate
from glia.train.checkpoint import Resumable, check_identity, load_checkpoint, read_checkpoint
from glia.train.model import evaluate
from glia.train.progress import Progress
from glia.train.run import Run

__all__ = ["Wanted", "train_classifier"]

_EVAL_BATCH = 500


def train_classifier(wanted: Wanted, out: str | None, resume: str | None) -> None:
    """All of ``glia train``. Everything that can be wrong is found before anything is written."""
    if out is not None and resume is not None:
        raise ArgumentError(
            tr(
                "--out and --resume cannot be given together: a run goes on in its own folder.",
                "--out 与 --resume 不能同时使用：继续的运行会写回它自己的文件夹。",
            )
        )
    saved = load_config(Path(resume)) if resume is not None else None
    settings = decide(wanted, saved[0] if saved else None)
    data = open_images(settings.data)
    check_against(settings, data)
    pictures = describe(data)
    identity = {**asdict(settings), "data": pictures.fingerprint}
    manual_seed(settings.seed)
    job = _Job(settings, data, pictures)
    start = None
    if resume is not None:
        folder = Path(resume)
        check_identity(folder, read_checkpoint(folder)[0]["identity"], identity)
        start = load_checkpoint(folder, job.model, job.train_data, identity)
    else:
        folder = _new_folder(settings.model, out)
        save_config(folder / "config.json", settings, pictures, job.parameters)
    job.announce(folder, start)
    job.train(folder, identity, start)
    job.finish(folder)


class _Job:
    """One training run, in memory."""

    def __init__(self, settings: Settings, data: ImageData, pictures: Pictures) -> None:
        self.settings, self.data, self.pictures = settings, data, pictures
        net = make_net(settings.model, pictures)
        size: Any = net.image_size
        self.parameters = sum(parameter.numel() for parameter in net.parameters())
        self.train_data = DataLoader(
            data.dataset("train", size), settings.batch, shuffle=True, seed=settings.seed
        )
        self.test_data = DataLoader(data.dataset("test", size), _EVAL_BATCH)
        metrics = {"accuracy": Accuracy()}
        optimizer = _optimizer(settings, net)
        self.model = Model(net, nn.CrossEntropyLoss(), optimizer, metrics)
        self.run: Run | None = None

    def announce(self, folder: Path, start: dict[str, Any] | None) -> None:
        """What is about to happen, in three lines."""
        s, train, test = self.settings, len(self.data.train_labels), len(self.data.test_labels)
        say(
            tr(
                f"{s.model}: {self.parameters:,} parameters; {self.data.name}: {train:,} pictures "
                f"to train on, {test:,} to test, {len(self.pictures.classes)} classes",
                f"{s.model}：{self.parameters:,} 个参数；{self.data.name}：训练图片 {train:,} 张，"
                f"测试图片 {test:,} 张，共 {len(self.pictures.classes)} 类",
            )
        )
        say(
            tr(
                f"{s.optimizer}, learning rate {s.lr:g} falling to 0, {s.batch} pictures per step, "
                f"seed {s.seed}; run folder {folder}",
                f"优化器 {s.optimizer}，学习率从 {s.lr:g} 降到 0，每步 {s.batch} 张，"
                f"种子 {s.seed}；运行文件夹 {folder}",
            )
        )
        if start is not None:
            step = start["step"]
            say(tr(f"going on after step {step:,}", f"从第 {step:,} 步之后继续"))

    def train(self, folder: Path, identity: dict[str, Any], start: dict[str, Any] | None) -> None:
        """Train; on Ctrl-C say how to go on."""
        s = self.settings
        diverged = _Diverged()
        with Progress(console()) as progress:
            callbacks: list[Callback] = [
                LearningRate(lambda done: s.lr * (1 - done)),
                diverged,
                JSONLog(folder / "metrics.jsonl"),
                Resumable(folder, identity),
                progress,
            ]
            try:
                self.run = self.model.train(
                    s.epochs, self.train_data, callbacks, self.test_data, resume=start, sink=True
                )
            except Interrupted:
                progress.close()
                say(
                    tr(
                        f"stopped; go on with: glia train {s.model} --resume {folder}",
                        f"已停止；继续训练请运行：glia train {s.model} --resume {folder}",
                    )
                )
                raise
        if diverged.step:
            raise GliaError(
                tr(
                    f"the loss is no longer a number at step {diverged.step}: training diverged. "
                    f"Help: use a smaller learning rate, for example --lr {s.lr / 10:g}.",
                    f"第 {diverged.step} 步的损失已不是数：训练发散。"
                    f"建议：减小学习率，例如 --lr {s.lr / 10:g}。",
                )
            )

    def finish(self, folder: Path) -> None:
        """Test, write what a run folder holds, and say what there is."""
        assert self.run is not None
        scores, labels = [], []

        def keep(outputs: np.ndarray, truth: np.ndarray) -> None:
            scores.append(outputs)
            labels.append(truth)

        classes = len(self.pictures.classes)
        metrics = {"accuracy": Accuracy(), "confusion": ConfusionMatrix(classes)}
        found = evaluate(self.model, self.test_data, metrics, keep)
        result = self._result(found)
        save_file(self.model.net.state_dict(), folder / "model.safetensors")
        self._draw(folder, found["confusion"], np.concatenate(scores), np.concatenate(labels))
        write_json(folder / "result.json", result)
        _report(folder, result, self.pictures)

    def _result(self, found: dict[str, Any]) -> dict[str, Any]:
        run, s = self.run, self.settings
        assert run is not None
        return {
            "model": s.model,
            "test_accuracy": float(found["accuracy"]),
            "test_loss": float(found["loss"]),
            "test_images": len(self.data.test_labels),
            "train_images": len(self.data.train_labels),
            "epochs": s.epochs,
            "steps": run.step,
            "seconds": round(run.seconds, 3),
            "samples_per_second": round(run.samples / max(run.seconds, 1e-9), 1),
            "parameters": self.parameters,
            "seed": s.seed,
            "glia": options.version(),
        }

    def _draw(
        self, folder: Path, confusion: np.ndarray, scores: np.ndarray, labels: np.ndarray
    ) -> None:
        from glia.viz.training import plot_confusion, plot_curves, plot_mistakes

        name = f"{self.settings.model} · {self.data.name}"
        text = (folder / "metrics.jsonl").read_text("utf-8")
        records = [json.loads(line) for line in text.splitlines()]
        plot_curves(records, folder / "curves.png", name)
        plot_confusion(confusion, self.pictures.classes, folder / "confusion.png", name)
        said = scores.argmax(1)
        wrong = np.flatnonzero(said != labels)
        shares = np.exp(scores[wrong] - scores[wrong].max(1, keepdims=True))
        sureness = 1 / shares.sum(1) if len(wrong) else np.zeros(0)
        images = self.data.test_images[wrong]
        path = folder / "mistakes.png"
        plot_mistakes(
            images, said[wrong], labels[wrong], sureness, self.pictures.classes, path, name
        )


class _Diverged(Callback):
    """Stops a run whose loss has become NaN or infinite."""

    def __init__(self) -> None:
        self.step = 0

    def log(self, run: Run) -> None:
        if not math.isfinite(run.logs.get("loss", 0.0)):
            self.step = run.step
            run.stop = True


def _optimizer(settings: Settings, net: nn.Module) -> Any:
    if settings.optimizer == "sgd":
        return optim.SGD(net.parameters(), lr=settings.lr, momentum=MOMENTUM)
    if settings.optimizer == "adam":
        return optim.Adam(net.parameters(), lr=settings.lr)
    return optim.AdamW(net.parameters(), lr=settings.lr)


def _new_folder(model: str, out: str | None) -> Path:
    """The folder of a new run, made now; the next free number without ``--out``."""
    if out is not None:
        folder = options.writable_folder(Path(out))
        if any(folder.iterdir()):
            raise ArgumentError(
                tr(
                    f"--out: the folder '{folder}' is not empty. "
                    "Help: name a new one, or go on with a run by --resume.",
                    f"--out：文件夹 '{folder}' 不是空的。建议：换一个，或用 --resume 继续。",
                )
            )
        return folder
    parent = options.writable_folder(Path("runs"))
    number = 1
    while True:
        folder = parent / f"{model}-{number}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def _report(folder: Path, result: dict[str, Any], pictures: Pictures) -> None:
    """The end of ``glia train``: how good, what was written, what to try next."""
    accuracy, count = result["test_accuracy"], result["test_images"]
    wrong = round((1 - accuracy) * count)
    say()
    say(
        tr(
            f"test accuracy {100 * accuracy:.2f}% ({wrong:,} of {count:,} wrong), "
            f"test loss {result['test_loss']:.4f}",
            f"测试准确率 {100 * accuracy:.2f}%（{count:,} 张中错 {wrong:,} 张），"
            f"测试损失 {result['test_loss']:.4f}",
        ),
        style="bold green",
    )
    say(
        tr(
            f"trained in {result['seconds']:.1f} s, {result['samples_per_second']:,.0f} pictures/s",
            f"训练用时 {result['seconds']:.1f} 秒，每秒 {result['samples_per_second']:,.0f} 张图片",
        )
    )
    say()
    say(tr(f"In {folder}:", f"{folder} 中有："))
    rows(
        [
            ("curves.png", tr("loss and accuracy over the steps", "损失与准确率随步数的变化")),
            ("confusion.png", tr("which class is taken for which", "哪些类别被混淆")),
            ("mistakes.png", tr("the pictures it got wrong", "判断错误的图片")),
            ("model.safetensors", tr("the weights", "权重")),
            ("metrics.jsonl, result.json, config.json", tr("all numbers", "全部数值")),
        ]
    )
    say()
    say(
        tr(
            f"Try it on a picture of your own: glia predict {folder} PICTURE.png",
            f"用自己的图片试试：glia predict {folder} 图片.png",
        )
    )

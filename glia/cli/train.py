"""``glia train``: train a classifier of pictures and keep the run in a folder."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from glia.base.i18n import tr
from glia.cli import options


def _model() -> Any:
    return typer.Argument(
        metavar="lenet5|mlp",
        help=tr("Which network to train.", "要训练的网络。"),
        show_default=False,
    )


def _data() -> Any:
    text = tr(
        "Folder with IDX files like MNIST's, or with one folder of pictures per class. "
        "By default MNIST, which ships with glia.",
        "数据文件夹：MNIST 那样的 IDX 文件，或每个类别一个图片文件夹。"
        "默认使用随 glia 附带的 MNIST。",
    )
    return typer.Option("--data", help=text, metavar=tr("FOLDER", "文件夹"), show_default=False)


def _epochs() -> Any:
    text = tr("Passes over the training pictures (default 2).", "遍历训练图片的轮数（默认 2）。")
    return typer.Option("--epochs", help=text, metavar=tr("NUMBER", "整数"), show_default=False)


def _batch() -> Any:
    text = tr("Pictures per step (default 32).", "每一步的图片数（默认 32）。")
    return typer.Option("--batch", help=text, metavar=tr("NUMBER", "整数"), show_default=False)


def _lr() -> Any:
    text = tr(
        "Learning rate at the start; it falls to 0 in a straight line "
        "(default 0.02 for sgd, 0.001 for adam and adamw)",
        "初始学习率，训练中线性降到 0（默认 sgd 为 0.02，adam 和 adamw 为 0.001）。",
    )
    return typer.Option("--lr", help=text, metavar=tr("RATE", "数值"), show_default=False)


def _optimizer() -> Any:
    text = tr("How the weights are updated (default sgd).", "更新权重的方法（默认 sgd）。")
    return typer.Option("--optimizer", help=text, metavar="sgd|adam|adamw", show_default=False)


def _resume() -> Any:
    text = tr(
        "Go on with an interrupted run; its settings are taken over.",
        "继续一次中断的训练，沿用其设置。",
    )
    return typer.Option("--resume", help=text, metavar=tr("RUN", "运行文件夹"), show_default=False)


def _seed() -> Any:
    text = tr(
        "Seed of all random numbers: the same seed gives the same weights (default 0).",
        "所有随机数的种子：种子相同，得到的权重相同（默认 0）。",
    )
    return typer.Option("--seed", help=text, metavar=tr("NUMBER", "整数"), show_default=False)


def _out() -> Any:
    text = tr(
        "Folder for this run. By default runs/lenet5-1, runs/lenet5-2, …",
        "本次运行的文件夹。默认依次为 runs/lenet5-1、runs/lenet5-2……",
    )
    return options.out(text)


def train(
    model: Annotated[str, _model()],
    data: Annotated[str | None, _data()] = None,
    epochs: Annotated[int | None, _epochs()] = None,
    batch: Annotated[int | None, _batch()] = None,
    lr: Annotated[float | None, _lr()] = None,
    optimizer: Annotated[str | None, _optimizer()] = None,
    resume: Annotated[str | None, _resume()] = None,
    seed: Annotated[int | None, _seed()] = None,
    threads: Annotated[int | None, options.threads()] = None,
    out: Annotated[str | None, _out()] = None,
    lang: Annotated[str, options.lang()] = "",
) -> None:
    """Check what was typed, then do the work."""
    from glia.cli.job import Wanted, train_classifier

    options.start(seed, threads)
    wanted = Wanted(model, data, epochs, batch, lr, optimizer, seed)
    train_classifier(wanted, out, resume)


def add_to(app: typer.Typer, kind: Any) -> None:
    """Register the command."""
    text = tr(
        "Train a network on handwritten digits, or on your own pictures.\n\n"
        "Ctrl-C stops after the step under way; --resume goes on from there.",
        "用手写数字或你自己的图片训练一个网络。\n\n"
        "Ctrl-C 会在当前步完成后停下，用 --resume 可继续。",
    )
    short = tr("Train a network on pictures.", "用图片训练网络。")
    app.command("train", cls=kind, help=text, short_help=short)(train)

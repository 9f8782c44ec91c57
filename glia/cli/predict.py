"""``glia predict``: what a trained network sees in pictures of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from glia.base.i18n import tr
from glia.cli import options

_BAR = 30
#: With more classes only the most probable are shown.
_SHOWN = 12


def _run() -> Any:
    text = tr("Folder that glia train has written.", "glia train 写入的文件夹。")
    return typer.Argument(metavar=tr("RUN", "运行文件夹"), help=text, show_default=False)


def _images() -> Any:
    text = tr(
        "Pictures to classify: PNG, JPEG and others, of any size.",
        "要分类的图片：PNG、JPEG 等，大小不限。",
    )
    return typer.Argument(metavar=tr("IMAGE...", "图片..."), help=text, show_default=False)


def _out() -> Any:
    text = tr(
        "Also write the probabilities to predictions.json in this folder.",
        "同时把概率写入该文件夹的 predictions.json。",
    )
    return options.out(text)


def predict(
    run: Annotated[str, _run()],
    images: Annotated[list[str], _images()],
    seed: Annotated[int, options.seed()] = 0,
    threads: Annotated[int | None, options.threads()] = None,
    out: Annotated[str | None, _out()] = None,
    lang: Annotated[str, options.lang()] = "",
) -> None:
    """Read all pictures, then show what the network says about each."""
    import numpy as np

    from glia.cli.screen import say
    from glia.cli.settings import load_config, make_net
    from glia.data import prepare_images, read_picture
    from glia.interop import load_file
    from glia.interop.files import write_json
    from glia.train import Model

    options.start(seed, threads)
    folder = Path(run)
    settings, pictures = load_config(folder)
    net = make_net(settings.model, pictures)
    net.load_state_dict(load_file(_weights(folder)))
    pixels = np.stack([read_picture(i, pictures.side, channels=pictures.channels) for i in images])
    size: Any = net.image_size
    x = prepare_images(pixels, size, pictures.mean, pictures.std)
    folder_out = options.writable_folder(Path(out)) if out is not None else None
    shares = Model(net).predict(x).softmax(1).numpy()
    for name, row in zip(images, shares, strict=True):
        _show(name, row, pictures.classes)
    if folder_out is not None:
        write_json(folder_out / "predictions.json", _as_json(images, shares, pictures.classes))
        say(tr(f"written: {folder_out}/predictions.json", f"已写入：{folder_out}/predictions.json"))


def _weights(folder: Path) -> Path:
    """The final weights, or those of the checkpoint of a run that is not finished."""
    from glia.base.errors import CheckpointError

    path = folder / "model.safetensors"
    if not path.is_file() and (folder / "checkpoint.safetensors").is_file():
        raise CheckpointError(
            tr(
                f"the run in '{folder}' is not finished. Help: finish it with --resume {folder}.",
                f"'{folder}' 中的训练尚未完成。建议：用 --resume {folder} 完成它。",
            )
        )
    return path


def _show(name: str, shares: Any, classes: tuple[str, ...]) -> None:
    """One picture: the verdict, and a bar per class."""
    from glia.cli.screen import say
    from glia.cli.text import pad, width

    best = int(shares.argmax())
    verdict = f"{classes[best]} ({100 * shares[best]:.1f}%)"
    say(f"{name}: {verdict}", style="bold")
    shown = range(len(classes))
    if len(classes) > _SHOWN:
        shown = sorted(shown, key=lambda at: -shares[at])[:_SHOWN]  # type: ignore[assignment]
    columns = max(width(classes[at]) for at in shown)
    for at in shown:
        eighths = round(float(shares[at]) * _BAR * 8)
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
        text = f"  {pad(classes[at], columns)}  {pad(bar, _BAR)} {100 * shares[at]:5.1f}%"
        say(text, style="green" if at == best else "")


def _as_json(images: list[str], shares: Any, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "image": name,
            "class": classes[int(row.argmax())],
            "probabilities": {label: float(p) for label, p in zip(classes, row, strict=True)},
        }
        for name, row in zip(images, shares, strict=True)
    ]


def add_to(app: typer.Typer, kind: Any) -> None:
    """Register the command."""
    text = tr(
        "Classify pictures with a trained network.\n\n"
        "Dark ink on bright paper is inverted, as the digits of MNIST are bright on dark.",
        "用训练好的网络判断图片的类别。\n\nMNIST 是黑底白字，所以亮底深色的图片会自动反色。",
    )
    short = tr("Classify your own pictures.", "判断你自己的图片。")
    app.command("predict", cls=kind, help=text, short_help=short)(predict)

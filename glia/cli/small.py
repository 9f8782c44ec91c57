"""``glia run``: the course's small examples."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from glia.base.i18n import tr
from glia.cli import options

_POINTS = 50


def _out() -> Any:
    text = tr(
        "Folder for the pictures. By default runs/fit, runs/xor, runs/fruit.",
        "图片所在文件夹。默认为 runs/fit、runs/xor、runs/fruit。",
    )
    return options.out(text)


def fit(
    seed: Annotated[int, options.seed()] = 0,
    threads: Annotated[int | None, options.threads()] = None,
    out: Annotated[str, _out()] = "runs/fit",
    lang: Annotated[str, options.lang()] = "",
) -> None:
    """Train, with the two animations drawn beside it."""
    from glia.cli.screen import say
    from glia.learn import fit as lesson
    from glia.tensor.random import manual_seed
    from glia.viz.fit import FitFilm

    options.start(seed, threads)
    folder = options.writable_folder(Path(out))
    started = time.perf_counter()
    manual_seed(seed)
    points = lesson.make_points()
    net = lesson.make_net()
    say(
        tr(
            f"{_POINTS} points of y = cos x + noise; Linear(1,10)-ReLU-Linear(10,1), 31 parameters",
            f"y = cos x + 噪声，共 {_POINTS} 个点；Linear(1,10)-ReLU-Linear(10,1)，31 个参数",
        )
    )
    film = FitFilm(folder, *points, lesson.STEPS)
    try:
        begun = time.perf_counter()
        result = lesson.fit(points, net, frame=film.add)
        trained = time.perf_counter() - begun
        _fit_losses(result.losses)
        film.finish()
    except BaseException:
        film.stop()
        raise
    total = time.perf_counter() - started
    last, floor = result.losses[-1], lesson.NOISE_FLOOR
    say(tr(f"loss at the end {last:.5f}", f"最终损失 {last:.5f}"), style="bold green")
    say(
        tr(
            f"(the noise alone contributes about {floor:.4f}: a good fit ends near that)",
            f"（噪声本身约占 {floor:.4f}，好的拟合会接近它）",
        )
    )
    if last > 0.05:
        say(
            tr(
                "That is a poor fit: some hidden units answer 0 to every x and no longer learn. "
                "Try another --seed.",
                "拟合得不好：有的隐藏单元对所有 x 都输出 0，无法再学习。请换一个 --seed 试试。",
            )
        )
    say(
        tr(
            f"trained in {trained:.2f} s, everything in {total:.1f} s",
            f"训练 {trained:.2f} 秒，总共 {total:.1f} 秒",
        )
    )
    names = ("regression_loss.gif", "regression_result.gif", "regression_result.png")
    _written(folder, names)


def _fit_losses(losses: Any) -> None:
    from glia.cli.screen import rows

    steps = [0, 100, 300, 1000, len(losses) - 1]
    head = [tr("step", "步")] + [str(step) for step in steps]
    values = [tr("loss", "损失")] + [f"{losses[step]:.4f}" for step in steps]
    rows([head, values])


def _written(folder: Path, names: tuple[str, ...]) -> None:
    from glia.cli.screen import say

    shown = ", ".join(names)
    say(tr(f"pictures in {folder}: {shown}", f"图片在 {folder} 中：{shown}"))


def xor(
    seed: Annotated[int, options.seed()] = 0,
    threads: Annotated[int | None, options.threads()] = None,
    out: Annotated[str, _out()] = "runs/xor",
    lang: Annotated[str, options.lang()] = "",
) -> None:
    """The written solution stage by stage, then a net that learns it."""
    from glia.cli.lessons import show_xor

    options.start(seed, threads)
    folder = options.writable_folder(Path(out))
    show_xor(seed, folder / "xor.png")
    _written(folder, ("xor.png",))


def fruit(
    seed: Annotated[int, options.seed()] = 0,
    threads: Annotated[int | None, options.threads()] = None,
    out: Annotated[str, _out()] = "runs/fruit",
    lang: Annotated[str, options.lang()] = "",
) -> None:
    """One neuron, four fruits."""
    from glia.cli.lessons import show_fruit

    options.start(seed, threads)
    folder = options.writable_folder(Path(out))
    show_fruit(folder / "fruit.png")
    _written(folder, ("fruit.png",))


def add_to(app: typer.Typer, kind: Any) -> None:
    """Register the three examples."""
    text = tr(
        "Fit a noisy cosine with a small net, and film it: two GIFs.",
        "用小网络拟合带噪声的余弦曲线，并制作两个 GIF 动画。",
    )
    app.command("fit", cls=kind, help=text)(fit)
    text = tr(
        "Exclusive or: the textbook's solution stage by stage, then a net that learns it.",
        "异或问题：逐步展示教科书的解，再训练一个网络。",
    )
    app.command("xor", cls=kind, help=text)(xor)
    text = tr(
        "Tell apples from oranges with one neuron.",
        "用一个神经元区分苹果和橘子。",
    )
    app.command("fruit", cls=kind, help=text)(fruit)

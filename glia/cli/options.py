"""Options that several commands share, and the checks of their values."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from glia.base.errors import ArgumentError
from glia.base.i18n import tr

MAX_SEED = 2**63 - 1
MAX_THREADS = 1024


def version() -> str:
    """glia's own version."""
    return str(getattr(sys.modules["glia"], "__version__", "?"))


def seed() -> Any:
    text = tr(
        "Seed of all random numbers: the same seed gives the same result.",
        "所有随机数的种子：种子相同，结果相同。",
    )
    return typer.Option("--seed", help=text, metavar=tr("NUMBER", "整数"))


def threads() -> Any:
    text = tr("Threads to compute with; all cores by default.", "计算用的线程数；默认用全部核心。")
    return typer.Option("--threads", help=text, metavar=tr("NUMBER", "整数"), show_default=False)


def out(what: str) -> Any:
    return typer.Option("--out", help=what, metavar=tr("FOLDER", "文件夹"), show_default=False)


def lang() -> Any:
    text = tr("Language of all texts: en or zh.", "所有文字的语言：en 或 zh。")
    return typer.Option("--lang", help=text, metavar="en|zh", show_default=False)


_WHOLE = ("--seed", "--threads", "--epochs", "--batch")
_NUMBER = ("--lr",)


def expected(name: str) -> str:
    """What kind of value an option takes, for the error when it got another."""
    if name in _WHOLE:
        return tr("expected a whole number.", "应为整数。")
    if name in _NUMBER:
        return tr("expected a number.", "应为数字。")
    return ""


def check_whole(name: str, value: int, least: int, most: int, help: str = "") -> None:
    """A whole number within its range.

    Raises:
        ArgumentError: outside.
    """
    if least <= value <= most:
        return
    text = tr(
        f"{name}: expected a whole number from {least} to {most}, found {value}.",
        f"{name}：应为 {least} 到 {most} 的整数，实际为 {value}。",
    )
    raise ArgumentError(text + help)


def check_rate(value: float) -> None:
    """A learning rate that can work at all.

    Raises:
        ArgumentError: not a positive number.
    """
    if math.isfinite(value) and 0 < value <= 1e3:
        return
    raise ArgumentError(
        tr(
            f"--lr: expected a learning rate above 0 and at most 1000, found {value:g}. "
            "Help: for example 0.01.",
            f"--lr：学习率应大于 0 且不超过 1000，实际为 {value:g}。建议：例如 0.01。",
        )
    )


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """One of a few words.

    Raises:
        ArgumentError: another word.
    """
    if value in choices:
        return
    listed = ", ".join(choices)
    text = tr(
        f"{name}: expected one of {listed}, found '{value}'.",
        f"{name}：应为 {listed} 之一，实际为 '{value}'。",
    )
    raise ArgumentError(text)


def start(seed: int | None, threads: int | None) -> None:
    """Check and apply what all commands share."""
    if seed is not None:
        check_whole("--seed", seed, 0, MAX_SEED)
    if threads is None:
        return
    check_whole("--threads", threads, 1, MAX_THREADS)
    try:
        from glia.runtime.threads import set_num_threads
    except ImportError:
        return
    set_num_threads(threads)


def writable_folder(folder: Path) -> Path:
    """Make a folder to write into.

    Raises:
        ArgumentError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".glia-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        if isinstance(error, FileExistsError):
            reason = tr("it is a file", "它是一个文件")
        text = tr(
            f"--out: the folder '{folder}' cannot be written: {reason}. Help: choose another one.",
            f"--out：无法写入文件夹 '{folder}'：{reason}。建议：换一个文件夹。",
        )
        raise ArgumentError(text) from None
    return folder

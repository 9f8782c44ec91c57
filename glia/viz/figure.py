"""Figures without a window and without global state: matplotlib's Agg canvas alone.

Nothing here touches ``pyplot``, so a user's own figures and settings are left alone. matplotlib
is loaded when the first figure is made.
"""

from __future__ import annotations

import io
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.i18n import language
from glia.interop.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours that stay apart in print and for colour-blind readers (Okabe and Ito).
BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#666666"

_CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC",
    "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "SimHei", "Arial Unicode MS",
)  # fmt: skip


@cache
def cjk_font() -> str | None:
    """The name of an installed font with Chinese characters, None when there is none."""
    from matplotlib import font_manager

    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in _CJK_FONTS if name in installed), None)


@cache
def text_font(pixels: int) -> Any:
    """A font for Pillow: the one the figures are written in."""
    from matplotlib import font_manager
    from PIL import ImageFont

    return ImageFont.truetype(font_manager.findfont(cjk_font() or "DejaVu Sans"), pixels)


def label(en: str, zh: str) -> str:
    """Text for a picture: Chinese only where a font can draw it, else boxes would appear."""
    return zh if language() == "zh" and cjk_font() is not None else en


def drawable(text: str) -> str:
    """A user's text with what no font here can draw replaced by question marks."""
    if cjk_font() is not None or text.isascii():
        return text
    return "".join(char if ord(char) < 0x2E80 else "?" for char in text)


def new_figure(width: int, height: int, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """A figure of ``width`` × ``height`` pixels at 100 dots per inch, and its axes.

    Returns:
        The figure and one axes, or an array of axes for several rows or columns.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 100, height / 100), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns)
    for ax in np.atleast_1d(axes).flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors="#333333")
    return figure, axes


def settle_fonts(figure: Figure) -> None:
    """Let every text of a finished figure find Chinese characters.

    Done at the end and on the texts themselves: changing matplotlib's settings would change the
    user's own figures.
    """
    from matplotlib.text import Text

    font = cjk_font()
    if font is None:
        return
    for text in figure.findobj(Text):
        text.set_fontfamily([font, "DejaVu Sans"])  # type: ignore[attr-defined]


def save_png(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure at one stroke; the same figure gives the same bytes."""
    settle_fonts(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    write_bytes(path, stream.getvalue())

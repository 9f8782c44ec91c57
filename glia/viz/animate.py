"""Frames of a figure in which little moves: the rest is drawn once.

matplotlib takes 40 ms to draw a figure from nothing, far too long for hundreds of frames. Here
axes, ticks and texts are drawn once; for each frame the picture is restored from memory, only
the moving parts are drawn, and only the pixels that changed are turned into palette colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from glia.viz.figure import settle_fonts, text_font
from glia.viz.gif import Palette, save_gif

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


class Animation:
    """Collects frames of one figure.

    Args:
        figure: from ``new_figure``, complete but for the moving parts.
        moving: the artists that change. Give them typical contents first: the palette is chosen
            from a picture with and a picture without them.
        caption: left end and middle of a line of changing text, in pixels, over white.
    """

    def __init__(
        self, figure: Figure, moving: Sequence[Artist], caption: tuple[int, int] = (0, 0)
    ) -> None:
        self.moving = list(moving)
        self.frames: list[Any] = []
        self._canvas = cast(Any, figure.canvas)
        for artist in self.moving:
            artist.set_animated(True)
        settle_fonts(figure)
        self._canvas.draw()
        figure.set_layout_engine("none")  # the axes must not move any more
        self._background = self._canvas.copy_from_bbox(figure.bbox)
        still = self._pixels().copy()
        self._draw()
        self._palette = Palette([_rgb(still), _rgb(self._pixels())])
        self._last = still
        self._index = self._palette.index(_rgb(still))
        self._caption = caption
        grey = np.arange(256, dtype=np.uint8)
        self._greys = self._palette.index(np.stack([grey] * 3, -1))

    def add(self, text: str = "") -> None:
        """Draw the moving parts as they are now and keep the picture as the next frame."""
        self._draw()
        pixels = self._pixels()
        changed = np.flatnonzero(pixels != self._last)
        colours = _rgb(pixels.reshape(-1)[changed])
        self._index.reshape(-1)[changed] = self._palette.index(colours)
        self._last = pixels.copy()
        index = self._index.copy()
        if text:
            self._write(index, text)
        self.frames.append(self._palette.picture(index))

    def save(self, path: Path, milliseconds: int) -> None:
        """Write the frames as a GIF."""
        save_gif(path, self.frames, milliseconds)

    def _write(self, index: np.ndarray, text: str) -> None:
        """Pillow writes a line in 0.2 ms, matplotlib in 4."""
        from PIL import Image, ImageDraw

        left, middle = self._caption
        box = Image.new("L", (index.shape[1] - left, 20), 255)
        draw = ImageDraw.Draw(box)
        draw.text((0, 10), text, fill=90, font=text_font(13), anchor="lm")
        index[middle - 10 : middle + 10, left:] = self._greys[np.asarray(box)]

    def _draw(self) -> None:
        self._canvas.restore_region(self._background)
        for artist in self.moving:
            artist.axes.draw_artist(artist)  # type: ignore[union-attr]

    def _pixels(self) -> np.ndarray:
        """The canvas, one 32-bit number per pixel; a view that the next drawing overwrites."""
        rgba = np.asarray(self._canvas.buffer_rgba())
        return rgba.view(np.uint32)[..., 0]


def _rgb(pixels: np.ndarray) -> np.ndarray:
    """32-bit pixels as (…, 3) bytes."""
    return pixels[..., None].view(np.uint8)[..., :3]

"""Animated GIFs from pictures in memory."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.interop.files import write_bytes

#: Colours of a GIF: 4 bits each of red, green and blue are told apart while choosing them.
_COLOURS = 128


class Palette:
    """A few colours that stand for all, found once and used for every frame.

    A picture of curves has few colours, so one look-up per pixel does, without dithering.
    """

    def __init__(self, samples: Sequence[np.ndarray]) -> None:
        from PIL import Image

        tall = np.concatenate([sample.reshape(-1, 3) for sample in samples])
        packed, counts = np.unique(tall @ np.array([65536, 256, 1]), return_counts=True)
        packed = packed[np.argsort(counts, kind="stable")[::-1]]
        found = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], -1)
        if len(found) > _COLOURS:
            picture = Image.fromarray(tall.reshape(1, -1, 3))
            table = picture.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT).getpalette()
            rest = np.array(table, np.uint8).reshape(-1, 3)[:_COLOURS]
            found = np.unique(np.concatenate([found[:_COLOURS], rest]), axis=0)
        self.colours = found.astype(np.uint8)
        self._lookup = self._nearest()

    def _nearest(self) -> np.ndarray:
        """For each of 16×16×16 colours the number of the nearest one in the palette."""
        grid = np.arange(16) * 17
        cube = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), -1).reshape(-1, 1, 3)
        distance = ((cube - self.colours.astype(np.int64)[None]) ** 2).sum(-1)
        return distance.argmin(1).astype(np.uint8)

    def index(self, rgb: np.ndarray) -> np.ndarray:
        """(…, 3) uint8 -> (…) uint8, numbers of colours."""
        high = (rgb >> 4).astype(np.uint16)
        return self._lookup[(high[..., 0] << 8) | (high[..., 1] << 4) | high[..., 2]]

    def picture(self, index: np.ndarray) -> Any:
        """(H, W) numbers of colours -> a Pillow picture."""
        from PIL import Image

        image = Image.fromarray(index, "L")
        image.putpalette(self.colours.tobytes())
        return image


def save_gif(
    path: str | os.PathLike[str], frames: Sequence[Any], milliseconds: int, loop: int = 0
) -> None:
    """Write palette pictures as an animation.

    Args:
        path: the file to write.
        frames: Pillow pictures of one size, from :meth:`Palette.picture`.
        milliseconds: how long each is shown; GIF counts in hundredths of a second.
        loop: how often to repeat; 0 for ever.

    Raises:
        ArgumentError: no frames, or a time that GIF cannot express.
    """
    if not frames or milliseconds < 20 or milliseconds % 10:
        what = tr(
            f"save_gif: expected frames and a time in tens of milliseconds, at least 20; "
            f"found {len(frames)} frames, {milliseconds} ms.",
            f"save_gif：需要至少一帧，时间应为不小于 20 的 10 毫秒整数倍；"
            f"实际有 {len(frames)} 帧，{milliseconds} 毫秒。",
        )
        raise ArgumentError(teach(what))
    stream = io.BytesIO()
    frames[0].save(
        stream,
        format="GIF",
        save_all=True,
        append_images=frames[1:],
        duration=milliseconds,
        loop=loop,
        optimize=False,
        disposal=1,
    )
    write_bytes(path, stream.getvalue())

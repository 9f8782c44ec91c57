"""Read one picture file, made by anybody, as the small square of pixels a network takes."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from glia.base.errors import ArgumentError, DataError, teach
from glia.base.i18n import tr

#: Endings of the files that count as pictures.
ENDINGS = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".pbm")
)
#: Pictures with more pixels are refused before they are decoded.
MAX_PIXELS = 64_000_000
_SEE_THROUGH = frozenset(("LA", "La", "PA", "RGBA", "RGBa"))


def _pillow() -> Any:
    """Pillow, loaded only when a picture is read."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        what = tr(
            "reading pictures needs Pillow, which is not installed.",
            "读取图片需要 Pillow，但尚未安装。",
        )
        raise DataError(teach(what, "pip install pillow")) from None
    return Image, ImageOps


def _unreadable(path: Path, reason: str) -> NoReturn:
    if not path.exists():
        what = tr(f"there is no picture '{path}'.", f"图片 '{path}' 不存在。")
        raise DataError(teach(what, tr("check the name and the folder", "请检查文件名和文件夹")))
    what = tr(
        f"picture '{path}' cannot be read: {reason}.",
        f"无法读取图片 '{path}'：{reason}。",
    )
    help = tr(
        "open it in a picture viewer and save it as PNG, or remove it",
        "请用看图软件打开并另存为 PNG，或将其移除",
    )
    raise DataError(teach(what, help))


def _decode(path: Path, mode: str) -> np.ndarray:
    """The pixels of a file, upright, on white where it is transparent; (H, W, C) uint8."""
    image_module, ops = _pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", image_module.DecompressionBombWarning)
            with image_module.open(path) as file:
                if file.width * file.height > MAX_PIXELS:
                    reason = tr(
                        f"{file.width}×{file.height} is more than {MAX_PIXELS} pixels",
                        f"{file.width}×{file.height} 超过 {MAX_PIXELS} 像素的上限",
                    )
                    _unreadable(path, reason)
                image = ops.exif_transpose(file)
                if image.mode.startswith("I"):  # 16-bit grey: convert() would clip, not scale
                    grey = np.asarray(image, np.float64) / 257.0
                    image = image_module.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
                if image.mode in _SEE_THROUGH or "transparency" in image.info:
                    white = image_module.new("RGBA", image.size, "white")
                    image = image_module.alpha_composite(white, image.convert("RGBA"))
                pixels = np.asarray(image.convert(mode))
    except DataError:
        raise
    # Decoders raise nearly anything on hostile files: struct.error, SyntaxError, OverflowError…
    except Exception as error:
        _unreadable(path, _reason(error))
    return pixels.reshape(*pixels.shape[:2], -1)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (
        tr("not a picture, or a damaged one", "不是图片，或文件已损坏")
        + f" ({type(error).__name__})"
    )


def _border(pixels: np.ndarray) -> np.ndarray:
    """The pixels along the four edges, (n, C)."""
    top_bottom = pixels[[0, -1]].reshape(-1, pixels.shape[2])
    left_right = pixels[:, [0, -1]].reshape(-1, pixels.shape[2])
    return np.concatenate([top_bottom, left_right])


def _make_square(pixels: np.ndarray) -> np.ndarray:
    """Extend the shorter side with the border's median colour, so that nothing is distorted."""
    height, width, channels = pixels.shape
    side = max(height, width)
    if height == width:
        return pixels
    colour = np.median(_border(pixels), axis=0).astype(np.uint8)
    square = np.empty((side, side, channels), np.uint8)
    square[:] = colour
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = pixels
    return square


def read_picture(path: str | os.PathLike[str], size: int = 28, *, channels: int = 1) -> np.ndarray:
    """Read a picture for prediction, or as an example to learn from.

    The picture is turned upright (EXIF), put on white where it is transparent, extended to a
    square with the colour of its border, and resized with anti-aliasing. A grey picture whose
    border is bright (mean above 127) is *inverted*, because MNIST is white ink on black while
    people write dark on bright. Coloured pictures are never inverted.

    Args:
        path: a PNG, JPEG, BMP, GIF, WebP, TIFF or PNM file.
        size: height and width of the result.
        channels: 1 for grey, 3 for colour.

    Shape:
        (size, size) for grey, (size, size, 3) for colour; uint8.

    Raises:
        DataError: missing or not readable as a picture, or Pillow is not installed.
        ArgumentError: a size below 1 or channels other than 1 and 3.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "white.png"
        ...     Image.new("L", (2, 4), 255).save(path)
        ...     read_picture(path, size=2)  # white paper becomes black
        array([[0, 0],
               [0, 0]], dtype=uint8)
    """
    if channels not in (1, 3) or size < 1:
        what = tr(
            f"expected channels 1 or 3 and size ≥ 1, found channels={channels!r}, size={size!r}.",
            f"channels 应为 1 或 3，size 应 ≥ 1；实际 channels={channels!r}，size={size!r}。",
        )
        raise ArgumentError(teach(what, tr("use channels=1, size=28", "请用 channels=1、size=28")))
    path = Path(path)
    pixels = _make_square(_decode(path, "L" if channels == 1 else "RGB"))
    if channels == 1 and _border(pixels).mean() > 127:
        pixels = 255 - pixels
    image_module, _ = _pillow()
    image = image_module.fromarray(pixels[..., 0] if channels == 1 else pixels)
    if image.size != (size, size):
        image = image.resize(
            (size, size),
            image_module.Resampling.BOX
            if pixels.shape[0] % size == 0
            else image_module.Resampling.LANCZOS,
        )
    return np.array(image, np.uint8)

"""MNIST, which ships with glia, and the preparation of 28×28 pictures for a network."""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.data.dataset import TensorDataset
from glia.data.idx import read_idx

#: Mean and standard deviation of MNIST's training pixels, on the scale 0 to 1.
MNIST_MEAN = 0.1307
MNIST_STD = 0.3081
_PREFIX = {"train": "train", "test": "t10k"}
_CHUNK = 512  # images prepared at a time, to keep temporary memory small


def load_mnist(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """MNIST as it is: white ink (255) on black (0).

    Args:
        split: ``"train"`` (60,000 examples) or ``"test"`` (10,000).

    Returns:
        Images, uint8, (N, 28, 28), and labels 0 to 9, uint8, (N,).

    Raises:
        ArgumentError: another split.

    Example:
        >>> images, labels = load_mnist("test")
        >>> images.shape, labels[:4].tolist()
        ((10000, 28, 28), [7, 2, 1, 0])

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
    """
    if split not in _PREFIX:
        what = tr(
            f"split: expected 'train' or 'test', found {split!r}.",
            f"split：应为 'train' 或 'test'，实际为 {split!r}。",
        )
        raise ArgumentError(teach(what, tr('write split="train"', '请写 split="train"')))
    folder = files("glia.data") / "files" / "mnist"
    with as_file(folder / f"{_PREFIX[split]}-images-idx3-ubyte.gz") as path:
        images = read_idx(path)
    with as_file(folder / f"{_PREFIX[split]}-labels-idx1-ubyte.gz") as path:
        labels = read_idx(path)
    return images, labels


def _fit(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 (N, H, W, C) -> (N, size, size, C): padded with zeros, or averaged over blocks."""
    height, width = images.shape[1:3]
    if height != width or size < 1 or (size < height and height % size):
        what = tr(
            f"size: cannot bring {height}×{width} pictures to {size!r}×{size!r}.",
            f"size：无法将 {height}×{width} 的图片变为 {size!r}×{size!r}。",
        )
        help = tr(
            f"use a size of at least {max(height, width)} (zeros are added around), or one that "
            f"divides it (blocks are averaged)",
            f"请使用不小于 {max(height, width)} 的尺寸（四周补零），或能整除它的尺寸（按块求平均）",
        )
        raise ArgumentError(teach(what, help))
    if size < height:
        block = height // size
        shape = (len(images), size, block, size, block, images.shape[3])
        means = images.reshape(shape).mean(axis=(2, 4), dtype=np.float64)
        return np.rint(means).astype(np.uint8)
    before = (size - height) // 2
    after = size - height - before
    return np.pad(images, ((0, 0), (before, after), (before, after), (0, 0)))


def prepare_images(
    images: np.ndarray,
    size: int = 32,
    mean: float | tuple[float, ...] | None = MNIST_MEAN,
    std: float | tuple[float, ...] = MNIST_STD,
) -> np.ndarray:
    """Pictures as a network takes them: ``(pixel / 255 - mean) / std``, after padding.

    A larger ``size`` is reached by zeros around the picture, as LeNet-5 does (28 -> 32: two on
    each side), *before* normalising, so the border has the value of black,
    ``(0 - mean) / std``. A smaller one must divide the picture's side; blocks are averaged.

    Args:
        images: uint8, grey (N, H, W) or coloured (N, H, W, C), square.
        size: height and width wanted.
        mean: subtracted, one number or one per channel; None leaves pixels in 0 to 1.
        std: divided by.

    Shape:
        (N, H, W) -> (N, 1, size, size); (N, H, W, C) -> (N, C, size, size).

    Returns:
        A new float32 array.

    Raises:
        ArgumentError: a size that cannot be reached, or pictures that are not uint8.

    Example:
        >>> import numpy as np
        >>> prepare_images(np.full((1, 2, 2), 255, np.uint8), 4, mean=0.5, std=0.5)[0, 0]
        array([[-1., -1., -1., -1.],
               [-1.,  1.,  1., -1.],
               [-1.,  1.,  1., -1.],
               [-1., -1., -1., -1.]], dtype=float32)
    """
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        what = tr(
            f"images: expected uint8 in 3 or 4 dimensions, found {images.dtype} "
            f"of shape {images.shape}.",
            f"images：应为 3 维或 4 维的 uint8 数组，实际为 {images.dtype}，形状 {images.shape}。",
        )
        help = tr("pass pixels 0 to 255 as uint8", "请传入 0 到 255 的 uint8 像素")
        raise ArgumentError(teach(what, help))
    coloured = images if images.ndim == 4 else images[..., None]
    count, channels = len(coloured), coloured.shape[3]
    _fit(coloured[:1], size)  # refuse before memory is taken
    # Only 256 values exist: one table per channel makes this a single look-up per pixel.
    pixels = np.arange(256) / 255.0
    means = np.broadcast_to(np.asarray(0.0 if mean is None else mean), (channels,))
    stds = np.broadcast_to(np.asarray(1.0 if mean is None else std), (channels,))
    result = np.empty((count, channels, size, size), np.float32)
    for start in range(0, count, _CHUNK):
        part = _fit(coloured[start : start + _CHUNK], size)
        for channel in range(channels):
            table = ((pixels - means[channel]) / stds[channel]).astype(np.float32)
            target = result[start : start + len(part), channel]
            np.take(table, part[..., channel], out=target, mode="clip")  # "clip": no buffer
    return result


class MNIST(TensorDataset):
    """MNIST as a data set of ``(image, label)``.

    The whole split is padded and normalised once, so a batch is only a gather; the training
    split takes 245 MB at size 32. Pixels become ``(pixel / 255 - 0.1307) / 0.3081``; see
    ``prepare_images`` for padding.

    Args:
        split: ``"train"`` or ``"test"``.
        size: 32 as LeNet-5 wants it, 28 as the images are, larger, or a divisor of 28.
        normalize: False leaves pixels in 0 to 1.

    Shape:
        image (1, size, size) float32, label () int64.

    Raises:
        ArgumentError: another split, or a size that cannot be reached.

    Example:
        >>> from glia.data import MNIST, DataLoader
        >>> loader = DataLoader(MNIST("train"), batch_size=32, shuffle=True)  # doctest: +SKIP
    """

    def __init__(self, split: str = "train", size: int = 32, normalize: bool = True) -> None:
        images, labels = load_mnist(split)
        mean = MNIST_MEAN if normalize else None
        super().__init__(prepare_images(images, size, mean), labels.astype(np.int64))
        self.split = split
        self.size = size
        self.normalize = normalize
        self.classes = [str(digit) for digit in range(10)]

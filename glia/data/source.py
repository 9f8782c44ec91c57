"""Open pictures with labels, wherever they come from: MNIST, IDX files, folders of pictures."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glia.base.errors import ArgumentError, DataError, teach
from glia.base.i18n import tr
from glia.data.dataset import TensorDataset
from glia.data.folder import read_class_folders
from glia.data.idx import read_idx
from glia.data.mnist import MNIST_MEAN, MNIST_STD, load_mnist, prepare_images

#: Labels above this are taken for damage, not for classes.
MAX_CLASSES = 1000
_PARTS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
_FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ImageData:
    """Pictures with labels, in two parts.

    Shape:
        images uint8, (N, H, W) when ``channels`` is 1, else (N, H, W, 3); labels int64 (N,).

    Example:
        >>> data = open_images()
        >>> data.test_images.shape, data.class_names[:3]
        ((10000, 28, 28), ('0', '1', '2'))
        >>> image, label = data.dataset("test", size=28)[0]
        >>> image.shape, label.item()
        ((1, 28, 28), 7)
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    channels: int
    mean: tuple[float, ...]  # of the training pixels on the scale 0 to 1, one per channel
    std: tuple[float, ...]

    def dataset(
        self, split: str = "train", size: int = 32, normalize: bool = True
    ) -> TensorDataset:
        """A data set of ``(image, label)``; see ``prepare_images`` for padding and scaling.

        Shape:
            image (channels, size, size) float32, label () int64.

        Raises:
            ArgumentError: a split other than train and test, or a size that cannot be reached.
        """
        if split not in ("train", "test"):
            what = tr(
                f"split: expected 'train' or 'test', found {split!r}.",
                f"split：应为 'train' 或 'test'，实际为 {split!r}。",
            )
            raise ArgumentError(teach(what, tr('write split="train"', '请写 split="train"')))
        train = split == "train"
        images = self.train_images if train else self.test_images
        labels = self.train_labels if train else self.test_labels
        mean = self.mean if normalize else None
        return TensorDataset(prepare_images(images, size, mean, self.std), labels)


def _pixel_statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation per channel, from counts of the 256 values: exact and without copies."""
    coloured = images if images.ndim == 4 else images[..., None]
    values = np.arange(256) / 255.0
    means, deviations = [], []
    for channel in range(coloured.shape[3]):
        counts = np.bincount(coloured[..., channel].reshape(-1), minlength=256)
        share = counts / max(counts.sum(), 1)
        mean = float(share @ values)
        means.append(mean)
        deviations.append(float(np.sqrt(share @ (values - mean) ** 2)) or 1.0)
    return tuple(means), tuple(deviations)


def _fail(folder: Path, what: str, help: str) -> DataError:
    where = tr(f"data folder '{folder}': ", f"数据文件夹 '{folder}'：")
    return DataError(teach(where + what, help))


def _idx_files(folder: Path) -> dict[str, Path]:
    """Which of the four IDX files the folder holds, under any of their usual names."""
    found = {}
    for part in _PARTS:
        rank = "idx3" if part.endswith("images") else "idx1"
        names = (f"{part}-{rank}-ubyte", f"{part}.{rank}-ubyte")
        for name in [f"{stem}{end}" for stem in names for end in ("", ".gz")]:
            if (folder / name).is_file():
                found[part] = folder / name
                break
    return found


def _check_part(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape:
        raise _fail(
            folder,
            tr(
                f"{part}-images: expected uint8 pictures (N, H, W), found {images.dtype} "
                f"of shape {images.shape}.",
                f"{part}-images：应为 uint8 图片 (N, H, W)，"
                f"实际为 {images.dtype}，形状 {images.shape}。",
            ),
            tr(
                "check that the images file is not the labels file",
                "请检查是否把标签文件当成了图片文件",
            ),
        )
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise _fail(
            folder,
            tr(
                f"{part}-labels: expected whole numbers (N,), found {labels.dtype} "
                f"of shape {labels.shape}.",
                f"{part}-labels：应为一维整数 (N,)，实际为 {labels.dtype}，形状 {labels.shape}。",
            ),
            tr(
                "check that the labels file is not the images file",
                "请检查是否把图片文件当成了标签文件",
            ),
        )
    if len(images) != len(labels):
        raise _fail(
            folder,
            tr(
                f"{part}: {len(images)} images but {len(labels)} labels.",
                f"{part}：有 {len(images)} 张图片，却有 {len(labels)} 个标签。",
            ),
            tr(
                "the two files must come from the same data set: copy both again",
                "两个文件必须来自同一数据集，请重新复制",
            ),
        )


def _class_names(folder: Path, train_labels: np.ndarray) -> tuple[str, ...]:
    """From ``classes.txt`` (one name a line) where there is one, else the numbers."""
    listing = folder / "classes.txt"
    if listing.is_file():
        try:
            lines = listing.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise _fail(
                folder, tr("classes.txt is not readable as UTF-8 text.",
                "classes.txt 不是可读的 UTF-8 文本。"),
                tr("save it as UTF-8, one class name a line",
                "请保存为 UTF-8，每行一个类别名"),
            ) from None  # fmt: skip
        return tuple(line.strip() for line in lines if line.strip())
    count = min(max(int(train_labels.max()) + 1, 1), MAX_CLASSES)
    if count == len(_FASHION) and "fashion" in folder.name.lower():
        return _FASHION
    return tuple(str(number) for number in range(count))


def _check_labels(folder: Path, part: str, labels: np.ndarray, classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        wrong = low if low < 0 else high
        raise _fail(
            folder,
            tr(
                f"{part}-labels: expected 0 to {classes - 1}, found {wrong}.",
                f"{part}-labels：标签应为 0 到 {classes - 1}，实际出现 {wrong}。",
            ),
            tr(
                "labels must count from 0, and the test labels must occur in training; "
                "check classes.txt if there is one",
                "标签须从 0 开始，且测试标签必须在训练集中出现；若有 classes.txt 请检查",
            ),
        )


def _open_idx(folder: Path, found: dict[str, Path]) -> ImageData:
    missing = [part for part in _PARTS if part not in found]
    if missing:
        files = [f"{p}-{'idx3' if 'images' in p else 'idx1'}-ubyte" for p in missing]
        shown = ", ".join(files)
        raise _fail(
            folder,
            tr(f"missing {shown} (plain or .gz).", f"缺少 {shown}（原始文件或 .gz）。"),
            tr(
                "put all four files of the data set into the folder",
                "请把数据集的四个文件都放进该文件夹",
            ),
        )
    train_x, train_y, test_x, test_y = (read_idx(found[part]) for part in _PARTS)
    _check_part(folder, "train", train_x, train_y)
    _check_part(folder, "t10k", test_x, test_y)
    if train_x.shape[1:] != test_x.shape[1:]:
        raise _fail(
            folder,
            tr(
                f"training pictures are {train_x.shape[1:]}, test pictures {test_x.shape[1:]}.",
                f"训练图片尺寸为 {train_x.shape[1:]}，测试图片为 {test_x.shape[1:]}。",
            ),
            tr("use files of one data set", "请使用同一数据集的文件"),
        )
    names = _class_names(folder, train_y)
    _check_labels(folder, "train", train_y, len(names))
    _check_labels(folder, "t10k", test_y, len(names))
    if len(np.unique(train_y)) < 2:
        raise _fail(
            folder,
            tr(
                f"train-labels: all labels are {int(train_y[0])}; expected at least two classes.",
                f"train-labels：所有标签都是 {int(train_y[0])}；至少需要两个类别。",
            ),
            tr(
                "a classifier needs examples of two or more classes",
                "训练分类器需要两个或更多类别的样本",
            ),
        )
    mean, std = _pixel_statistics(train_x)
    train = train_x, train_y.astype(np.int64)
    test = test_x, test_y.astype(np.int64)
    return ImageData(folder.name, *train, *test, names, 1, mean, std)


def _open_mnist() -> ImageData:
    train_x, train_y = load_mnist("train")
    test_x, test_y = load_mnist("test")
    train = train_x, train_y.astype(np.int64)
    test = test_x, test_y.astype(np.int64)
    names = tuple(str(digit) for digit in range(10))
    return ImageData("MNIST", *train, *test, names, 1, (MNIST_MEAN,), (MNIST_STD,))


def open_images(
    path: str | os.PathLike[str] | None = None, *, size: int = 28, channels: int = 1
) -> ImageData:
    """Open a data set of pictures.

    Args:
        path: None for MNIST, which ships with glia; a folder with the four IDX files of MNIST
            or a relative (plain or .gz; ``classes.txt`` may name the classes); or a folder with
            one folder of pictures per class, either directly or below ``train/`` and ``test/``.
            Without ``test/`` one sixth of each class is set aside, always the same pictures.
        size: height and width that pictures from folders are brought to.
        channels: 1 reads pictures from folders as grey, 3 as colour. Grey pictures with a
            bright border are inverted, exactly as ``read_picture`` does for prediction.

    Returns:
        The pictures, labels and class names, as ``ImageData``.

    Raises:
        DataError: what the folder holds is missing, damaged or contradicts itself.

    Example:
        >>> data = open_images()
        >>> data.train_images.shape
        (60000, 28, 28)
        >>> round(data.mean[0], 4), round(data.std[0], 4)
        (0.1307, 0.3081)
    """
    if path is None:
        return _open_mnist()
    folder = Path(path)
    if not folder.is_dir():
        what = tr("does not exist.", "不存在。")
        if folder.exists():
            what = tr("is a file, expected a folder.", "是文件，应为文件夹。")
        raise _fail(
            folder,
            what,
            tr(
                "pass a folder with four IDX files, or with one folder of pictures per class",
                "请指定含四个 IDX 文件的文件夹，或每个类别一个图片文件夹的文件夹",
            ),
        )
    folder = folder.resolve()
    found = _idx_files(folder)
    if found:
        return _open_idx(folder, found)
    names, train, test = read_class_folders(folder, size, channels)
    mean, std = _pixel_statistics(train[0])
    return ImageData(folder.name, *train, *test, names, channels, mean, std)

"""Folders of pictures, one folder per class, as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glia.base.errors import DataError, teach
from glia.base.i18n import tr
from glia.data.picture import ENDINGS, read_picture
from glia.data.sampler import permutation

Part = tuple[np.ndarray, np.ndarray]
Listing = dict[str, list[Path]]

_TEST_NAMES = ("test", "val", "valid", "validation")
_TEST_SHARE = 6  # one in six is set aside for testing, as in MNIST (10,000 of 70,000 is one in 7)


def _fail(folder: Path, what: str, help: str) -> DataError:
    where = tr(f"data folder '{folder}': ", f"数据文件夹 '{folder}'：")
    return DataError(teach(where + what, help))


def _order(path: Path) -> tuple[int, int, str]:
    """Numbers by value before names by spelling, so that class 10 follows class 9."""
    number = path.name.isascii() and path.name.isdigit() and len(path.name) < 10
    return (0, int(path.name), path.name) if number else (1, 0, path.name)


def _subfolders(folder: Path) -> list[Path]:
    found = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))]
    return sorted(found, key=_order)


def _pictures(folder: Path) -> list[Path]:
    found = [p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file()]
    return sorted(p for p in found if not p.name.startswith("."))


def _list_classes(folder: Path) -> Listing:
    """Class name -> its pictures, for the folders that hold any."""
    listing = {sub.name: _pictures(sub) for sub in _subfolders(folder)}
    listing = {name: paths for name, paths in listing.items() if paths}
    if not listing:
        raise _fail(
            folder,
            tr(
                "no pictures found; expected one folder per class with PNG or JPEG files inside.",
                "没有找到图片；应为每个类别一个文件夹，内含 PNG 或 JPEG 文件。",
            ),
            tr(
                "arrange it as folder/cat/1.png, folder/dog/1.png, or give the four IDX files",
                "请整理为 文件夹/猫/1.png、文件夹/狗/1.png，或提供四个 IDX 文件",
            ),
        )
    return listing


def _split(listing: Listing) -> tuple[Listing, Listing]:
    """Set one sixth of each class aside; which ones depends on their number alone."""
    train, test = {}, {}
    for name, paths in listing.items():
        count = len(paths)
        aside = max(1, round(count / _TEST_SHARE)) if count > 1 else 0
        chosen = set(permutation(count, seed=0)[:aside].tolist())
        train[name] = [path for i, path in enumerate(paths) if i not in chosen]
        test[name] = [path for i, path in enumerate(paths) if i in chosen]
    return train, test


def _read(listing: Listing, names: tuple[str, ...], size: int, channels: int) -> Part:
    total = sum(len(paths) for paths in listing.values())
    shape = (total, size, size) if channels == 1 else (total, size, size, channels)
    images = np.empty(shape, np.uint8)
    labels = np.empty(total, np.int64)
    at = 0
    for label, name in enumerate(names):
        for path in listing.get(name, ()):
            images[at] = read_picture(path, size, channels=channels)
            labels[at] = label
            at += 1
    return images, labels


def read_class_folders(
    folder: Path, size: int, channels: int
) -> tuple[tuple[str, ...], Part, Part]:
    """Read a folder of class folders, or one with ``train`` and ``test`` above them.

    Returns:
        Class names, training part and test part; a part is (images, labels).

    Raises:
        DataError: no pictures, a single class, a class that only the test part has, or a
            picture that cannot be read.
    """
    tests = [folder / name for name in _TEST_NAMES if (folder / name).is_dir()]
    parted = (folder / "train").is_dir()
    listing = _list_classes(folder / "train" if parted else folder)
    names = tuple(listing)
    if len(names) < 2:
        raise _fail(
            folder,
            tr(
                f"only one class, '{names[0]}'; expected at least two class folders with pictures.",
                f"只有一个类别 '{names[0]}'；至少需要两个含图片的类别文件夹。",
            ),
            tr(
                "add a folder of pictures for each further class",
                "请为其他类别各添加一个图片文件夹",
            ),
        )
    if parted and tests:
        train, test = listing, _list_classes(tests[0])
        unknown = [name for name in test if name not in listing]
        if unknown:
            raise _fail(
                folder,
                tr(
                    f"class '{unknown[0]}' is in {tests[0].name}/ but not in train/.",
                    f"类别 '{unknown[0]}' 在 {tests[0].name}/ 中出现，但 train/ 中没有。",
                ),
                tr("give both parts the same class folders", "请让两部分含有相同的类别文件夹"),
            )
    else:
        train, test = _split(listing)
    if not any(test.values()):
        raise _fail(
            folder,
            tr(
                "one picture per class leaves none to test with.",
                "每个类别只有一张图片，没有可用于测试的图片。",
            ),
            tr(
                "add pictures: at least two per class, better dozens",
                "请添加图片：每类至少两张，最好几十张",
            ),
        )
    return names, _read(train, names, size, channels), _read(test, names, size, channels)

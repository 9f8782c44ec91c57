"""Data sets of pictures from every kind of place, and what is said to bad ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glia.base import i18n
from glia.base.errors import ArgumentError, DataError
from glia.data import open_images, write_idx

IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def write_set(folder: Path, ending: str = "", dotted: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    arrays = (
        np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4),
        np.array([0, 1, 2, 0, 1, 2], np.uint8),
        np.ones((2, 4, 4), np.uint8),
        np.array([2, 0], np.uint8),
    )
    for name, array in zip(IDX, arrays):
        name = name.replace("-idx", ".idx") if dotted else name
        write_idx(folder / f"{name}{ending}", array)
    return folder


def write_pictures(folder: Path, count: int, first: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(folder / f"{number:03}.png")


@pytest.mark.parametrize(("ending", "dotted"), [("", False), (".gz", False), ("", True)])
def test_four_idx_files(tmp_path: Path, ending: str, dotted: bool) -> None:
    data = open_images(write_set(tmp_path / "mine", ending, dotted))
    assert (data.name, data.channels, data.class_names) == ("mine", 1, ("0", "1", "2"))
    assert data.train_images.shape == (6, 4, 4) and data.test_images.shape == (2, 4, 4)
    assert data.train_labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert data.test_labels.dtype == np.int64
    assert data.mean[0] == pytest.approx(data.train_images.mean() / 255)
    assert data.std[0] == pytest.approx(data.train_images.std() / 255)


def test_class_names_from_a_file(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "mine")
    (folder / "classes.txt").write_text("猫\ndog\n鸟\n", encoding="utf-8")
    assert open_images(str(folder)).class_names == ("猫", "dog", "鸟")


def test_fashion_mnist_is_known_by_its_folder(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "Fashion-MNIST")
    labels = np.array([0, 1, 2, 3, 4, 9], np.uint8)
    write_idx(folder / IDX[1], labels)
    assert open_images(folder).class_names[9] == "Ankle boot"


def test_bundled_mnist() -> None:
    data = open_images(None)
    assert (data.name, len(data.train_labels), len(data.test_labels)) == ("MNIST", 60000, 10000)
    assert (data.mean, data.std) == ((0.1307,), (0.3081,))
    test = data.dataset("test", size=28, normalize=False)
    assert test.arrays[0].shape == (10000, 1, 28, 28) and test.arrays[0].max() == 1
    with pytest.raises(ArgumentError, match="expected 'train' or 'test'"):
        data.dataset("dev")


def test_class_folders_are_split(tmp_path: Path) -> None:
    for name, count in (("9", 12), ("10", 6), ("cat", 2), ("dog", 1)):
        write_pictures(tmp_path / name, count)
    (tmp_path / ".git").mkdir()
    (tmp_path / "9" / "notes.txt").write_text("not a picture")
    data = open_images(tmp_path)
    assert data.class_names == ("9", "10", "cat", "dog")
    assert np.bincount(data.train_labels).tolist() == [10, 5, 1, 1]
    assert np.bincount(data.test_labels).tolist() == [2, 1, 1]
    assert data.train_images.shape == (17, 28, 28)
    nine = [data.train_images[data.train_labels == 0], data.test_images[data.test_labels == 0]]
    assert sorted(np.concatenate(nine)[:, 0, 0].tolist()) == list(range(12))  # none twice
    again = open_images(tmp_path)
    np.testing.assert_array_equal(again.test_images, data.test_images)


@pytest.mark.parametrize("test_name", ["test", "val"])
def test_train_and_test_folders(tmp_path: Path, test_name: str) -> None:
    write_pictures(tmp_path / "train" / "a", 3)
    write_pictures(tmp_path / "train" / "b" / "deeper", 2, first=50)
    write_pictures(tmp_path / test_name / "b", 1, first=60)
    data = open_images(tmp_path, size=8)
    assert data.train_labels.tolist() == [0, 0, 0, 1, 1]
    assert data.train_images[:, 0, 0].tolist() == [0, 1, 2, 50, 51]
    assert data.test_labels.tolist() == [1] and data.test_images[0, 0, 0] == 60


def test_colour(tmp_path: Path) -> None:
    for name, colour in (("a", (200, 0, 0)), ("b", (0, 100, 0))):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.new("RGB", (8, 8), colour).save(tmp_path / name / f"{i}.png")
    data = open_images(tmp_path, channels=3)
    assert data.train_images.shape == (2, 28, 28, 3) and data.channels == 3
    assert data.mean == pytest.approx((100 / 255, 50 / 255, 0))
    assert data.std[2] == 1.0  # a constant channel is not divided by zero
    assert data.dataset("train").arrays[0].shape == (2, 3, 32, 32)


def spoil(name: int, array: np.ndarray) -> Callable[[Path], None]:
    return lambda folder: write_idx(write_set(folder) / IDX[name], array)


def remove(*names: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        write_set(folder)
        for name in names:
            (folder / IDX[name]).unlink()

    return change


def cut(folder: Path) -> None:
    path = write_set(folder) / IDX[2]
    path.write_bytes(path.read_bytes()[:-3])


def text_classes(content: bytes) -> Callable[[Path], None]:
    return lambda folder: (write_set(folder) / "classes.txt").write_bytes(content) and None


def class_folders(**counts: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for name, count in counts.items():
            write_pictures(folder / name.replace("__", "/"), count)

    return make


def damaged(folder: Path) -> None:
    class_folders(a=3, b=3)(folder)
    (folder / "b" / "001.png").write_bytes(b"\x89PNG damaged")


BAD: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no folder": (lambda folder: None, "does not exist", "不存在"),
    "a file": (lambda folder: folder.write_bytes(b""), "is a file, expected a folder", "是文件"),
    "empty": (lambda folder: folder.mkdir(), "no pictures found", "没有找到图片"),
    "one missing": (remove(2), "missing t10k-images-idx3-ubyte", "缺少 t10k-images-idx3-ubyte"),
    "two missing": (remove(1, 3), f"missing {IDX[1]}, {IDX[3]}", f"缺少 {IDX[1]}, {IDX[3]}"),
    "cut": (cut, "expected 32 bytes of values, found 29", "只有 29 字节"),
    "counts": (spoil(1, np.zeros(5, np.uint8)), "6 images but 5 labels", "却有 5 个标签"),
    "swapped": (spoil(0, np.zeros(6, np.uint8)), "train-images: expected uint8", "应为 uint8 图片"),
    "no images": (spoil(0, np.zeros((0, 4, 4), np.uint8)), "of shape (0, 4, 4)", "形状 (0, 4, 4)"),
    "labels 2-D": (spoil(1, np.zeros((6, 1), np.uint8)), "whole numbers (N,)", "一维整数"),
    "labels float": (spoil(3, np.zeros(2, np.float32)), "found float32", "实际为 float32"),
    "sizes": (spoil(2, np.zeros((2, 4, 5), np.uint8)), "test pictures (4, 5)", "测试图片为 (4, 5)"),
    "test label": (spoil(3, np.array([0, 3], np.uint8)), "0 to 2, found 3", "实际出现 3"),
    "negative": (spoil(1, np.array([0, 1, -1, 0, 1, 1], np.int8)), "found -1", "实际出现 -1"),
    "all negative": (spoil(1, np.full(6, -2, np.int8)), "found -2", "实际出现 -2"),
    "enormous": (spoil(1, np.array([0, 1, 9, 9, 9, 2**30], np.int32)), "0 to 999", "0 到 999"),
    "one label": (spoil(1, np.zeros(6, np.uint8)), "expected 0 to 0, found 2", "实际出现 2"),
    "few names": (text_classes(b"a\nb\n"), "0 to 1, found 2", "实际出现 2"),
    "garbled names": (text_classes(b"\xff\xfe\xfd"), "not readable as UTF-8", "UTF-8 文本"),
    "one class": (class_folders(a=3), "only one class, 'a'", "只有一个类别 'a'"),
    "one train class": (class_folders(train__a=3, test__b=3), "only one class", "只有一个"),
    "unknown class": (
        class_folders(train__a=3, train__b=3, test__c=1),
        "class 'c' is in test/ but not in train/",
        "类别 'c' 在 test/ 中出现",
    ),
    "none to test": (class_folders(a=1, b=1), "leaves none to test", "没有可用于测试的图片"),
    "flat": (lambda folder: write_pictures(folder, 3), "no pictures found", "没有找到图片"),
    "damaged picture": (damaged, "001.png' cannot be read", "无法读取图片"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_sources(tmp_path: Path, case: str, language: str) -> None:
    make, english, chinese = BAD[case]
    make(tmp_path / "mine")
    i18n.set_language(language)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "mine")
    text = str(caught.value)
    assert (english if language == "en" else chinese) in text
    assert "mine" in text and ("Help: " if language == "en" else "建议：") in text


def test_all_labels_the_same_in_both_parts(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "mine")
    write_idx(folder / IDX[1], np.zeros(6, np.uint8))
    write_idx(folder / IDX[3], np.zeros(2, np.uint8))
    with pytest.raises(DataError, match="all labels are 0; expected at least two classes"):
        open_images(folder)

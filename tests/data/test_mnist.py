"""The MNIST that ships inside the package, and how pictures are prepared."""

import gzip
import hashlib
from importlib.resources import files

import numpy as np
import pytest

from glia.base import i18n
from glia.base.errors import ArgumentError
from glia.data import MNIST, MNIST_MEAN, MNIST_STD, load_mnist, prepare_images
from glia.tensor import Tensor

MD5 = {
    "train-images-idx3": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.mark.parametrize("name", MD5)
def test_the_files_are_the_original(name: str) -> None:
    packed = (files("glia.data") / "files" / "mnist" / f"{name}-ubyte.gz").read_bytes()
    digest = hashlib.md5(gzip.decompress(packed), usedforsecurity=False).hexdigest()
    assert digest == MD5[name]
    assert packed[4:8] == bytes(4)  # no time inside: the same bytes each build


def test_load() -> None:
    images, labels = load_mnist("test")
    assert (images.shape, images.dtype, labels.shape) == ((10000, 28, 28), np.uint8, (10000,))
    assert labels[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_dataset() -> None:
    data = MNIST("test")
    image, label = data[0]
    assert isinstance(image, Tensor) and label.numpy() == 7
    assert (image.numpy().shape, image.numpy().dtype) == ((1, 32, 32), np.float32)
    assert data.arrays[1].dtype == np.int64 and len(data) == 10000
    raw = load_mnist("test")[0][0]
    inner = image.numpy()[0, 2:30, 2:30]
    np.testing.assert_array_equal(inner, ((raw / 255 - 0.1307) / 0.3081).astype(np.float32))
    black = np.float32(-MNIST_MEAN / MNIST_STD)
    assert (image.numpy()[0, [0, 1, 30, 31]] == black).all()  # padded before normalising


def test_published_mean_and_deviation_are_those_of_the_training_pixels() -> None:
    images, _ = load_mnist("train")
    assert len(images) == 60000
    share = np.bincount(images.reshape(-1), minlength=256) / images.size
    pixels = np.arange(256) / 255
    mean = share @ pixels
    assert round(float(mean), 4) == MNIST_MEAN
    assert round(float(np.sqrt(share @ (pixels - mean) ** 2)), 4) == MNIST_STD


@pytest.mark.parametrize("language", ["en", "zh"])
def test_other_splits_are_refused(language: str) -> None:
    i18n.set_language(language)
    with pytest.raises(
        ArgumentError, match="expected 'train'" if language == "en" else "应为 'train'"
    ):
        load_mnist("valid")


def ramp(size: int = 4) -> np.ndarray:
    return np.arange(2 * size * size, dtype=np.uint8).reshape(2, size, size)


@pytest.mark.parametrize("size", [4, 5, 7])
def test_padding_is_centred(size: int) -> None:
    result = prepare_images(ramp(), size, mean=None)
    before = (size - 4) // 2
    assert result.shape == (2, 1, size, size) and result.dtype == np.float32
    inner = result[:, 0, before : before + 4, before : before + 4]
    np.testing.assert_array_equal(inner, (ramp() / 255).astype(np.float32))
    assert np.count_nonzero(result) == np.count_nonzero(ramp())


def test_shrinking_averages_blocks() -> None:
    result = prepare_images(ramp(), 2, mean=None)
    means = ramp().reshape(2, 2, 2, 2, 2).mean((2, 4))
    np.testing.assert_array_equal(result[:, 0] * np.float32(255), np.rint(means))


def test_colour_and_one_mean_per_channel() -> None:
    images = np.zeros((600, 2, 2, 3), np.uint8)
    images[..., 1] = 255
    images[-1, 0, 1, 2] = 51  # in the last chunk
    result = prepare_images(images, 2, mean=(0.5, 0.5, 0.2), std=(0.5, 0.25, 1.0))
    assert result.shape == (600, 3, 2, 2)
    assert result[0, :, 0, 0].tolist() == [-1.0, 2.0, np.float32(-0.2)]
    assert result[-1, 2, 0, 1] == 0


BAD = {
    "does not divide": (ramp(), 3, "cannot bring 4×4 pictures to 3×3", "无法将 4×4"),
    "zero": (ramp(), 0, "to 0×0", "0×0"),
    "not square": (ramp()[:, :3], 8, "cannot bring 3×4", "无法将 3×4"),
    "floats": (ramp().astype(float), 4, "expected uint8", "uint8 数组"),
    "two dimensions": (ramp()[0], 4, "of shape (4, 4)", "形状 (4, 4)"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_arguments(case: str, language: str) -> None:
    images, size, english, chinese = BAD[case]
    i18n.set_language(language)
    with pytest.raises(ArgumentError) as caught:
        prepare_images(images, size)
    assert (english if language == "en" else chinese) in str(caught.value)

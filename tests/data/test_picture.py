"""Pictures as people make them: dark on bright, turned, transparent, damaged."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glia.base import i18n
from glia.base.errors import ArgumentError, DataError
from glia.data import picture, read_picture


def cross(ink: int, paper: int, size: int = 28) -> np.ndarray:
    pixels = np.full((size, size), paper, np.uint8)
    pixels[size // 2, 4:-4] = ink
    pixels[4 : size // 2, size // 2] = ink
    return pixels


def save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_white_on_black_is_kept_and_dark_on_bright_inverted(tmp_path: Path) -> None:
    wanted = cross(255, 0)
    for paper, ink in ((0, 255), (255, 0)):
        found = read_picture(save(tmp_path / "a.png", cross(ink, paper)))
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == np.uint8 and found.flags.writeable


@pytest.mark.parametrize("side", [56, 100, 14])
def test_resizing(tmp_path: Path, side: int) -> None:
    found = read_picture(save(tmp_path / "a.png", np.full((side, side), 90, np.uint8)), 28)
    assert found.shape == (28, 28) and (found == 90).all()


def test_a_wide_picture_is_extended_not_stretched(tmp_path: Path) -> None:
    pixels = np.full((28, 56), 10, np.uint8)
    pixels[4:24, 18:38] = 250  # a square stays a square
    found = read_picture(save(tmp_path / "a.png", pixels), 56)
    ys, xs = np.nonzero(found > 127)
    assert np.ptp(ys) == np.ptp(xs) == 19
    assert (found[:14] == 10).all()


def test_kinds_of_pixels(tmp_path: Path) -> None:
    wanted = cross(255, 0)
    grey = Image.fromarray(cross(0, 255))
    clear = Image.new("RGBA", (28, 28), (0, 0, 0, 0))  # transparent black is white paper
    clear.paste((0, 0, 0, 255), mask=Image.fromarray(cross(255, 0)))
    deep = Image.fromarray(cross(255, 0).astype(np.uint16) * 257)
    kinds = {
        "grey": grey,
        "colour": grey.convert("RGB"),
        "palette": grey.convert("P"),
        "bits": grey.convert("1"),
        "alpha": clear,
        "deep": deep,
    }
    assert np.asarray(deep).max() == 65535
    for name, image in kinds.items():
        image.save(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(read_picture(tmp_path / f"{name}.png"), wanted, name)


def test_16_bits_are_scaled_to_8(tmp_path: Path) -> None:
    pixels = np.zeros((28, 28), np.uint16)
    pixels[5, :3] = (100 * 257, 200 * 257, 255 * 257)
    found = read_picture(save(tmp_path / "a.png", pixels))
    assert found[5, :3].tolist() == [100, 200, 255]


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    image = Image.fromarray(cross(255, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees
    image.rotate(90).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), cross(255, 0))


def test_colour_is_not_inverted(tmp_path: Path) -> None:
    pixels = np.zeros((28, 28, 3), np.uint8)
    pixels[:] = (250, 200, 150)
    found = read_picture(save(tmp_path / "a.png", pixels), channels=3)
    assert found.shape == (28, 28, 3) and found[3, 3].tolist() == [250, 200, 150]


def png() -> bytes:
    import io

    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)).save(
        stream, "PNG"
    )
    return stream.getvalue()


BAD = {
    "empty": (b"", "not a picture", "不是图片"),
    "text": (b"hello", "not a picture", "不是图片"),
    "cut": (png()[:300], "damaged", "已损坏"),
    "cut in head": (png()[:20], "damaged", "已损坏"),
    "flipped": (png()[:200] + b"\0\0\0" + png()[203:], "damaged", "已损坏"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_pictures(tmp_path: Path, case: str, language: str) -> None:
    content, english, chinese = BAD[case]
    i18n.set_language(language)
    path = tmp_path / "digit.png"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_picture(path)
    assert (english if language == "en" else chinese) in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_and_huge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="there is no picture"):
        read_picture(tmp_path / "none.png")
    monkeypatch.setattr(picture, "MAX_PIXELS", 783)
    with pytest.raises(DataError, match="28×28 is more than 783 pixels"):
        read_picture(save(tmp_path / "a.png", cross(0, 255)))


@pytest.mark.parametrize("arguments", [{"channels": 2}, {"size": 0}])
def test_bad_arguments(tmp_path: Path, arguments: dict[str, int]) -> None:
    with pytest.raises(ArgumentError, match="channels 1 or 3"):
        read_picture(tmp_path / "a.png", **arguments)

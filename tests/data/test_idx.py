"""The IDX reader: what it reads, and what it says to each kind of bad file."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glia.base import i18n
from glia.base.errors import DataError
from glia.data import read_idx, write_idx
from glia.data.idx import TYPES


def header(code: int, *sizes: int) -> bytes:
    return bytes([0, 0, code, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)


GOOD = header(8, 2, 3) + bytes(range(6))


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_round_trip(tmp_path: Path, dtype: str, ending: str) -> None:
    array = (np.arange(24) - 3).reshape(2, 3, 4).astype(dtype)
    path = tmp_path / f"a{ending}"
    write_idx(path, array)
    found = read_idx(path)
    assert found.dtype == np.dtype(dtype) and found.dtype.isnative
    np.testing.assert_array_equal(found, array)
    found[0, 0, 0] = 7  # the result may be written to


def test_values_are_big_endian_in_row_major_order(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(header(0x0B, 2, 2) + bytes([0, 1, 0, 2, 1, 0, 0xFF, 0xFF]))
    assert read_idx(path).tolist() == [[1, 2], [256, -1]]


def test_an_empty_array_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(header(8, 0, 28, 28))
    assert read_idx(path).shape == (0, 28, 28)


def test_compression_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    (tmp_path / "plain.gz").write_bytes(GOOD)
    (tmp_path / "packed").write_bytes(gzip.compress(GOOD))
    for name in ("plain.gz", "packed"):
        assert read_idx(tmp_path / name).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_compressed_output_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, np.arange(5, dtype=np.uint8))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a.gz").read_bytes()[4:8] == bytes(4)  # no time inside


PACKED = gzip.compress(header(8, 2000) + bytes(i * 7 % 251 for i in range(2000)), mtime=0)

BAD = {
    "empty": (b"", "found nothing", "空文件"),
    "short magic": (b"\0\0", "found 00 00", "实际为 00 00"),
    "text": (b"hello world", "not an IDX file", "不是 IDX 文件"),
    "unknown type": (b"\0\0\x0a\x01" + bytes(8), "not an IDX file", "不是 IDX 文件"),
    "no dimensions": (b"\0\0\x08\0x", "1 to 8 dimensions, found 0", "实际为 0"),
    "many dimensions": (b"\0\0\x08\x09" + bytes(40), "1 to 8 dimensions, found 9", "实际为 9"),
    "sizes cut": (GOOD[:9], "expected 8 bytes of sizes after the first 4, found 5", "只有 5 字节"),
    "values cut": (GOOD[:-1], "expected 6 bytes of values, found 5", "只有 5 字节"),
    "no values": (GOOD[:12], "expected 6 bytes of values, found 0", "只有 0 字节"),
    "left over": (GOOD + b"x", "bytes after the 6 bytes", "多余的字节"),
    "huge": (header(8, 2**31, 2**31, 2**31), "the limit is", "超过上限"),
    "huge but zero": (header(8, 0, 2**32 - 1, 2**32 - 1), "the limit is", "超过上限"),
    "overflow": (header(14, *[2**32 - 1] * 8), "the limit is", "超过上限"),
    "gzip cut": (PACKED[:-20], "truncated or garbled", "不完整或已损坏"),
    "gzip cut in head": (PACKED[:5], "truncated or garbled", "不完整或已损坏"),
    "gzip flipped": (PACKED[:10] + b"\x07" + PACKED[11:], "garbled", "损坏"),
    "gzip wrong sum": (PACKED[:-8] + bytes(4) + PACKED[-4:], "CRC", "CRC"),
    "gzip of text": (gzip.compress(b"hello"), "not an IDX file", "不是 IDX 文件"),
    "gzip of short": (gzip.compress(GOOD[:-2]), "found 4", "只有 4 字节"),
    "gzip of long": (gzip.compress(GOOD + b"xy"), "bytes after", "多余的字节"),
    "gzip then junk": (gzip.compress(GOOD) + b"junk", "garbled", "损坏"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_files(tmp_path: Path, case: str, language: str) -> None:
    content, english, chinese = BAD[case]
    i18n.set_language(language)
    path = tmp_path / "digits-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(path)
    text = str(caught.value)
    assert (english if language == "en" else chinese) in text
    assert str(path) in text and ("Help: " if language == "en" else "建议：") in text


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_idx(path)


def test_a_limit_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(GOOD)
    assert read_idx(path, max_bytes=6).size == 6
    with pytest.raises(DataError, match="6 bytes; the limit is 5"):
        read_idx(path, max_bytes=5)


@pytest.mark.parametrize("bad", [np.zeros(3, np.int64), np.float32(1), np.zeros((1,) * 9, "u1")])
def test_what_cannot_be_written(tmp_path: Path, bad: np.ndarray) -> None:
    with pytest.raises(DataError, match="cannot hold"):
        write_idx(tmp_path / "a", bad)
    assert not (tmp_path / "a").exists()


FUZZ = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read_or_refuse(path: Path, content: bytes) -> None:
    """Either an array that accounts for every byte, or a DataError; nothing else."""
    path.write_bytes(content)
    try:
        array = read_idx(path, max_bytes=1 << 20)
    except DataError as error:
        assert str(path) in str(error)
        return
    raw = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert len(raw) == 4 + 4 * array.ndim + array.nbytes


@FUZZ
@given(
    code=st.sampled_from([*TYPES, 0, 10]),
    sizes=st.lists(st.integers(0, 5) | st.integers(0, 2**32 - 1), max_size=4),
    values=st.binary(max_size=40),
    packed=st.booleans(),
)
def test_fuzz_headers(
    tmp_path: Path, code: int, sizes: list[int], values: bytes, packed: bool
) -> None:
    content = header(code, *sizes) + values
    read_or_refuse(tmp_path / "f", gzip.compress(content) if packed else content)


@FUZZ
@given(
    at=st.integers(0, len(PACKED) - 1),
    value=st.integers(0, 255),
    cut=st.integers(0, len(PACKED)),
    packed=st.booleans(),
)
def test_fuzz_damage(tmp_path: Path, at: int, value: int, cut: int, packed: bool) -> None:
    content = bytearray(PACKED if packed else GOOD)
    content[at % len(content)] = value
    read_or_refuse(tmp_path / "f", bytes(content[: max(cut, 1)]))

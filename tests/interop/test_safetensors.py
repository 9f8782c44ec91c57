"""Weights in safetensors files: round trips, equal bytes, and files that lie."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glia.base.errors import CheckpointError
from glia.interop import load_file, load_metadata, save_file
from glia.interop.files import write_bytes
from glia.tensor.tensor import Tensor

TYPES = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split()


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)], ids=str)
def test_round_trip(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    array = (np.arange(np.prod(shape, dtype=int)) % 2).astype(name).reshape(shape)
    save_file({"a.b": array, "t": Tensor(array)}, tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert sorted(found) == ["a.b", "t"]
    for value in found.values():
        assert value.dtype == array.dtype and value.shape == shape
        assert np.array_equal(value, array)


def test_arrays_that_are_not_contiguous(tmp_path: Path) -> None:
    array = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    save_file({"t": array.T, "s": array[:, ::2]}, tmp_path / "x")
    found = load_file(tmp_path / "x")
    assert np.array_equal(found["t"], array.T) and np.array_equal(found["s"], array[:, ::2])


def test_same_tensors_same_bytes(tmp_path: Path) -> None:
    a, b = np.ones(3, np.float32), np.zeros((2, 2), np.float32)
    save_file({"a": a, "b": b}, tmp_path / "1", {"glia": "x"})
    save_file({"b": b, "a": a}, tmp_path / "2", {"glia": "x"})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert load_metadata(tmp_path / "1") == {"glia": "x"}


def test_text_is_not_numbers(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'name'"):
        save_file({"name": np.array(["x"])}, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def header(value: object, data: bytes = b"") -> bytes:
    text = json.dumps(value).encode()
    return struct.pack("<Q", len(text)) + text + data


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}

HOSTILE = {
    "empty": b"",
    "short": b"\x01\x02",
    "huge header": struct.pack("<Q", 1 << 60) + b"{}",
    "header beyond the file": struct.pack("<Q", 100) + b"{}",
    "not json": struct.pack("<Q", 4) + b"abcd",
    "a list": header([1, 2]),
    "offsets beyond the file": header({"a": {**ENTRY, "data_offsets": [0, 1 << 40]}}, b"\0" * 8),
    "offsets backwards": header({"a": {**ENTRY, "data_offsets": [8, 0]}}, b"\0" * 8),
    "negative shape": header({"a": {**ENTRY, "shape": [-2]}}, b"\0" * 8),
    "huge shape": header({"a": {**ENTRY, "shape": [1 << 62, 1 << 62]}}, b"\0" * 8),
    "shape and size differ": header({"a": {**ENTRY, "shape": [3]}}, b"\0" * 8),
    "unknown dtype": header({"a": {**ENTRY, "dtype": "X9"}}, b"\0" * 8),
    "bytes left over": header({"a": ENTRY}, b"\0" * 9),
    "truncated": header({"a": ENTRY}, b"\0" * 7),
    "overlap": header({"a": ENTRY, "b": {**ENTRY, "data_offsets": [4, 12]}}, b"\0" * 12),
    "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    for read in (load_file, load_metadata):
        with pytest.raises(CheckpointError) as found:
            read(path)
        assert "bad.safetensors" in str(found.value) and "\n" not in str(found.value)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture],
          deadline=None)  # fmt: skip
@given(data=st.data())
def test_garbled_files_never_crash(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "x"
    save_file({"a": np.arange(6, dtype=np.float32)}, path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        load_file(path)
    except CheckpointError:
        pass


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_file(tmp_path / "none")


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_bytes(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError):
        write_bytes(tmp_path / "no folder" / "x", b"new")

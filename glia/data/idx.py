"""Reader and writer of IDX files, the format of MNIST and its relatives.

An IDX file is: two zero bytes, one byte for the number type, one byte for the number of
dimensions, each dimension as a big-endian 32-bit number, then the values in row-major order.
Files come from outside, so nothing is believed: sizes are checked before memory is taken, and
each way of being wrong has its own message.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import numpy as np

from glia.base.errors import DataError, teach
from glia.base.i18n import tr

#: Type byte of an IDX file -> NumPy type (big-endian on disk).
TYPES: dict[int, np.dtype] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}

#: No array larger than this is read unless the caller allows it: 4 GiB.
MAX_BYTES = 1 << 32
#: NumPy holds up to 64 dimensions, IDX files in use have 1 to 4.
MAX_DIMENSIONS = 8
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 22


def _refuse(path: Path, what: str, help: str) -> NoReturn:
    """Raise the one error of this reader: which file, what is wrong, what to do."""
    where = tr(f"IDX file '{path}': ", f"IDX 文件 '{path}'：")
    raise DataError(teach(where + what, help))


def _truncated(path: Path, expected: int, found: int) -> NoReturn:
    _refuse(
        path,
        tr(
            f"truncated: expected {expected} bytes of values, found {found}.",
            f"文件不完整：应有 {expected} 字节的数据，实际只有 {found} 字节。",
        ),
        tr("download or copy the file again", "请重新下载或复制该文件"),
    )


def _garbled(path: Path, reason: str) -> NoReturn:
    _refuse(
        path,
        tr(
            f"the gzip compression is truncated or garbled ({reason}).",
            f"gzip 压缩数据不完整或已损坏（{reason}）。",
        ),
        tr("download or copy the file again", "请重新下载或复制该文件"),
    )


def _read_up_to(stream: BinaryIO, count: int) -> bytearray:
    """Up to ``count`` bytes, in pieces: a lying size costs no more memory than the file has."""
    values = bytearray()
    while len(values) < count:
        piece = stream.read(min(count - len(values), _CHUNK))
        if not piece:
            break
        values += piece
    return values


def _read_header(stream: BinaryIO, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """The number type and the shape, both checked."""
    magic = bytes(_read_up_to(stream, 4))
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        shown = magic.hex(" ") or tr("nothing", "空文件")
        _refuse(
            path,
            tr(
                f"not an IDX file: expected it to start with 00 00 and a number type, "
                f"found {shown}.",
                f"不是 IDX 文件：开头应为 00 00 加数据类型字节，实际为 {shown}。",
            ),
            tr(
                "check that this is the unpacked .idx/-ubyte file or its .gz",
                "请确认这是 -ubyte 文件或它的 .gz 压缩文件",
            ),
        )
    rank = magic[3]
    if not 1 <= rank <= MAX_DIMENSIONS:
        _refuse(
            path,
            tr(
                f"expected 1 to {MAX_DIMENSIONS} dimensions, found {rank}.",
                f"维数应为 1 到 {MAX_DIMENSIONS}，实际为 {rank}。",
            ),
            tr(
                "check that this is an IDX file; download it again",
                "请确认这是 IDX 文件，并重新下载",
            ),
        )
    sizes = _read_up_to(stream, 4 * rank)
    if len(sizes) < 4 * rank:
        _refuse(
            path,
            tr(
                f"truncated: expected {4 * rank} bytes of sizes after the first 4, "
                f"found {len(sizes)}.",
                f"文件不完整：前 4 字节之后应有 {4 * rank} 字节的尺寸，"
                f"实际只有 {len(sizes)} 字节。",
            ),
            tr("download or copy the file again", "请重新下载或复制该文件"),
        )
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    return TYPES[magic[2]], shape


def _read_stream(stream: BinaryIO, path: Path, limit: int, plain_size: int | None) -> np.ndarray:
    """Read a whole IDX stream; ``plain_size`` is the file's size when it is not compressed."""
    dtype, shape = _read_header(stream, path)
    declared = math.prod(max(size, 1) for size in shape) * dtype.itemsize
    if declared > limit:  # a zero among huge sizes would still be too much for NumPy
        _refuse(
            path,
            tr(
                f"declares shape {shape}, {declared} bytes; the limit is {limit}.",
                f"声明的形状为 {shape}，共 {declared} 字节，超过上限 {limit}。",
            ),
            tr(
                "check the file, or pass a larger max_bytes to read_idx",
                "请检查该文件，或给 read_idx 传入更大的 max_bytes",
            ),
        )
    expected = math.prod(shape) * dtype.itemsize
    header = 4 + 4 * len(shape)
    if plain_size is not None and plain_size < header + expected:
        _truncated(path, expected, plain_size - header)
    values = _read_up_to(stream, expected)
    if len(values) < expected:
        _truncated(path, expected, len(values))
    if stream.read(1):
        _refuse(
            path,
            tr(
                f"there are bytes after the {expected} bytes of values that shape {shape} needs.",
                f"形状 {shape} 只需 {expected} 字节的数据，文件末尾还有多余的字节。",
            ),
            tr(
                "the header and the values disagree: download the file again",
                "文件头与数据不一致，请重新下载该文件",
            ),
        )
    array = np.frombuffer(values, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """Read an IDX file, plain or gzip-compressed (told by its first bytes, not by its name).

    Args:
        path: the file.
        max_bytes: refuse a file that declares more bytes of values than this.

    Returns:
        A new array in the file's shape and number type, in the machine's byte order.

    Raises:
        DataError: missing, not an IDX file, truncated, garbled, too large, or with bytes left over.

    Example:
        >>> import numpy as np
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "numbers.gz"
        ...     write_idx(path, np.array([[7, 8]], np.int16))
        ...     read_idx(path)
        array([[7, 8]], dtype=int16)

    Source: the format is described at the end of Y. LeCun's page "The MNIST database".
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            compressed = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            if not compressed:
                size = os.fstat(file.fileno()).st_size
                return _read_stream(file, path, max_bytes, size)
            with gzip.GzipFile(fileobj=file) as stream:
                return _read_stream(cast(BinaryIO, stream), path, max_bytes, None)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        _garbled(path, str(error))
    except OSError as error:
        _refuse(
            path,
            tr(
                f"cannot be read: {error.strerror or error}.",
                f"无法读取：{error.strerror or error}。",
            ),
            tr("check the path and the permissions", "请检查路径和权限"),
        )


def write_idx(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write an array as an IDX file; compressed, the same bytes each time, if it ends in .gz.

    Args:
        path: the file to write.
        array: uint8, int8, int16, int32, float32 or float64; 1 to 8 dimensions.

    Raises:
        DataError: the array's type or number of dimensions does not exist in IDX.

    Example:
        >>> import numpy as np
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "numbers.idx"
        ...     write_idx(path, np.array([7, 8], np.uint8))
        ...     path.read_bytes().hex(" ")
        '00 00 08 01 00 00 00 02 07 08'
    """
    path = Path(path)
    array = np.asarray(array)
    codes = {dtype.newbyteorder("="): code for code, dtype in TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None or not 1 <= array.ndim <= MAX_DIMENSIONS:
        _refuse(
            path,
            tr(
                f"cannot hold {array.dtype} in {array.ndim} dimensions.",
                f"无法保存 {array.ndim} 维的 {array.dtype}。",
            ),
            tr(
                "convert with .astype(np.uint8) or .astype(np.float32)",
                "请用 .astype(np.uint8) 或 .astype(np.float32) 转换",
            ),
        )
    head = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = head + array.astype(TYPES[code]).tobytes()
    if path.suffix == ".gz":
        content = gzip.compress(content, 9, mtime=0)
    path.write_bytes(content)

"""Weights in safetensors files: a JSON header and raw numbers, nothing that can run.

The package ``safetensors`` checks every offset and size against the file, so a hostile file is
an error, never a wrong read; glia turns its words into one line that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from glia.base.errors import CheckpointError, teach
from glia.base.i18n import tr
from glia.interop.files import write_bytes
from glia.tensor.tensor import Tensor, to_numpy


def _refuse(path: Path, reason: str, help: str) -> NoReturn:
    text = tr(f"weights file '{path}': {reason}", f"权重文件 '{path}'：{reason}")
    raise CheckpointError(teach(text, help, where=False)) from None


def _as_array(name: str, value: Any) -> np.ndarray:
    array = to_numpy(value) if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind not in "biuf":
        what = tr(
            f"save_file: '{name}' is not numbers but {array.dtype}.",
            f"save_file：'{name}' 不是数值，而是 {array.dtype}。",
        )
        raise CheckpointError(teach(what))
    return np.ascontiguousarray(array).reshape(array.shape)


def save_file(
    tensors: Mapping[str, Tensor | np.ndarray],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named tensors as a safetensors file.

    The same tensors give the same bytes: names are sorted, and there is no time stamp. The file
    is replaced at one stroke, so a crash leaves the old one as it was.

    Args:
        tensors: name -> tensor or array.
        path: the file to write.
        metadata: further texts for the header. With more than one key their order, hence the
            bytes, may differ between runs.

    Raises:
        CheckpointError: a value that is not numbers.
        OSError: the file cannot be written.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glia as gl
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "net.safetensors"
        ...     save_file({"w": gl.ones(2)}, path)
        ...     load_file(path)["w"].tolist()
        [1.0, 1.0]
    """
    from safetensors.numpy import save

    arrays = {name: _as_array(name, tensors[name]) for name in sorted(tensors)}
    write_bytes(path, save(arrays, dict(metadata) if metadata else None))


def load_file(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read a safetensors file as NumPy arrays, which ``Module.load_state_dict`` takes.

    Raises:
        CheckpointError: missing, truncated, damaged, or of a number type NumPy lacks.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glia as gl
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "net.safetensors"
        ...     save_file({"w": gl.tensor([1.0, 2.0])}, path)
        ...     load_file(path)
        {'w': array([1., 2.], dtype=float32)}

    Source: https://github.com/huggingface/safetensors, "Format".
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(path)
    content = _read(path)
    try:
        return dict(load(content))
    except (SafetensorError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        _damaged(path, error)


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The texts in the header of a safetensors file.

    Raises:
        CheckpointError: missing or damaged.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glia as gl
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "net.safetensors"
        ...     save_file({"w": gl.ones(2)}, path, {"epoch": "3"})
        ...     load_metadata(path)
        {'epoch': '3'}
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    _read(path, 1)
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, ValueError, OverflowError, MemoryError) as error:
        _damaged(path, error)


def _read(path: Path, limit: int = -1) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except OSError as error:
        reason = error.strerror or str(error)
        what = tr(f"cannot be read: {reason}.", f"无法读取：{reason}。")
        _refuse(path, what, tr("check the path and the permissions", "请检查路径和权限"))


def _damaged(path: Path, error: Exception) -> NoReturn:
    reason = " ".join(str(error).split()) or type(error).__name__
    reason = reason.removeprefix("Error while deserializing header: ").rstrip(".")
    what = tr(
        f"not a safetensors file, or a damaged one ({reason}).",
        f"不是 safetensors 文件，或文件已损坏（{reason}）。",
    )
    help = tr("copy the file again, or train again", "请重新复制该文件，或重新训练")
    _refuse(path, what, help)

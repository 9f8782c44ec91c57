"""What was compiled before, in files: found by name, whole or not at all, bounded in size.

An entry's name is the hash of all it depends on, so entries are never wrong, only unused. They
lie in 256 folders by the first two digits of their names; each folder keeps to its part of the
limit, and what was not used for longest goes first.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import warnings
from functools import lru_cache
from pathlib import Path

from glia.base.config import cache_folder, cache_limit
from glia.base.events import emit
from glia.base.i18n import tr

MAGIC = b"glia-cache\0"
HEAD = len(MAGIC) + 32
FOLDERS = 256
#: Seconds after which a read entry is marked as used again.
MARK_AFTER = 3600
_HERE = Path(__file__).resolve().parent

#: Folders that could not be written to: one attempt, one warning.
_unwritable: set[Path] = set()


@lru_cache(maxsize=8)
def fingerprint(*parts: str) -> str:
    """A hash of folders and files of the compiler's source: what they write changes with it."""
    found = hashlib.sha256()
    for part in parts:
        place = _HERE / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


def _path(folder: Path, name: str, kind: str) -> Path:
    return folder / name[:2] / f"{name}.{kind}"


def read(name: str, kind: str) -> bytes | None:
    """An entry, or None when there is none that is whole."""
    path = _path(cache_folder(), name, kind)
    try:
        data = path.read_bytes()
    except OSError:
        return None
    _mark(path)
    content = data[HEAD:]
    whole = data[: len(MAGIC)] == MAGIC
    if not whole or data[len(MAGIC) : HEAD] != hashlib.sha256(content).digest():
        return None
    return content


def _mark(path: Path) -> None:
    """An entry that is used stays."""
    try:
        if time.time() - path.stat().st_mtime > MARK_AFTER:
            os.utime(path)
    except OSError:  # a cache that may only be read
        pass


def write(name: str, kind: str, content: bytes) -> None:
    """Keep an entry; other processes may do the same at the same time.

    It is written under another name and renamed, so nobody ever reads half of one.
    """
    folder, limit = cache_folder(), cache_limit()
    if limit == 0 or folder in _unwritable:
        return
    path = _path(folder, name, kind)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # code: nobody else may put it there
        path.parent.mkdir(exist_ok=True)
        _write_whole(path, MAGIC + hashlib.sha256(content).digest() + content)
        _shrink(path.parent, limit // FOLDERS, path)
    except OSError as error:
        _give_up(folder, error)


def _write_whole(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def _shrink(folder: Path, limit: int, newest: Path) -> None:
    """Remove the entries not used for longest until the folder is no larger than it may be."""
    entries = []
    for entry in os.scandir(folder):
        try:
            found = entry.stat()
        except OSError:  # another process removed it
            continue
        entries.append((found.st_mtime_ns, found.st_size, entry.path))
    size = sum(entry[1] for entry in entries)
    for _, nbytes, path in sorted(entries):
        if size <= limit:
            return
        if path == str(newest):
            continue
        size -= nbytes
        try:
            os.unlink(path)
        except OSError:
            pass


def _give_up(folder: Path, error: OSError) -> None:
    """This process does without the folder from now on."""
    _unwritable.add(folder)
    emit("cache", folder=str(folder), error=str(error))
    what = tr(
        f"glia cannot keep compiled kernels in {folder} ({error.strerror}); the next run compiles "
        "them again. Set GLIA_CACHE to a folder that can be written, or GLIA_CACHE_SIZE=0 to do "
        "without.",
        f"glia 无法在 {folder} 中保存编译好的内核（{error.strerror}），下次运行将重新编译。"
        "请把 GLIA_CACHE 设为可写的文件夹，或设 GLIA_CACHE_SIZE=0 不使用缓存。",
    )
    warnings.warn(what, RuntimeWarning, stacklevel=2)

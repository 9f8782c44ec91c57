"""The cache on disk: entries whole or not at all, the least used go first, nothing ever fails."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path

import pytest

from glia.base.config import cache_limit
from glia.compiler import cache

#: Names that lie in one folder.
NAMES = [f"ab{i:030x}" for i in range(10)]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GLIA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_unwritable", set())
    return tmp_path / "cache"


def path_of(folder: Path, name: str) -> Path:
    return folder / name[:2] / f"{name}.o"


def test_what_was_written_is_read(folder: Path) -> None:
    assert cache.read(NAMES[0], "o") is None
    cache.write(NAMES[0], "o", b"code")
    cache.write(NAMES[0], "plan", b"a plan")
    assert cache.read(NAMES[0], "o") == b"code"
    assert cache.read(NAMES[0], "plan") == b"a plan"
    assert cache.read(NAMES[1], "o") is None


def test_only_the_owner_may_enter(folder: Path) -> None:
    """What lies in there is run: nobody else may put it there."""
    cache.write(NAMES[0], "o", b"code")
    if os.name == "posix":
        assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_cut_and_flipped_entries_are_not_there(folder: Path, at: int) -> None:
    cache.write(NAMES[0], "o", b"some object code")
    path = path_of(folder, NAMES[0])
    data = path.read_bytes()
    assert len(data) == 59
    path.write_bytes(data[:at])
    assert cache.read(NAMES[0], "o") is None
    path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
    assert cache.read(NAMES[0], "o") is None
    cache.write(NAMES[0], "o", b"some object code")
    assert cache.read(NAMES[0], "o") == b"some object code"


def test_writers_at_the_same_time(folder: Path) -> None:
    """Readers see one of the versions, never a mixture."""
    contents = [bytes([i]) * 50_000 for i in range(4)]
    seen: set[bytes | None] = set()

    def work(content: bytes) -> None:
        for _ in range(25):
            cache.write(NAMES[0], "o", content)
            seen.add(cache.read(NAMES[0], "o"))

    threads = [threading.Thread(target=work, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen <= set(contents)
    assert [path.name for path in (folder / "ab").iterdir()] == [f"{NAMES[0]}.o"]


def test_the_least_recently_used_go_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "FOLDERS", 16)
    monkeypatch.setenv("GLIA_CACHE_SIZE", "1")  # 64 KB for each folder
    for age, name in enumerate(NAMES[:6]):
        cache.write(name, "o", bytes(10_000))
        os.utime(path_of(folder, name), (0, 1_000_000 * (age + 1)))
    assert cache.read(NAMES[0], "o") is not None  # the oldest, used again
    cache.write(NAMES[6], "o", bytes(20_000))
    left = [cache.read(name, "o") is not None for name in NAMES[:7]]
    assert left == [True, False, False, True, True, True, True]


def test_an_entry_larger_than_its_folder_may_be_is_kept_until_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "FOLDERS", 16)
    monkeypatch.setenv("GLIA_CACHE_SIZE", "1")
    cache.write(NAMES[0], "o", bytes(100_000))
    assert cache.read(NAMES[0], "o") is not None
    os.utime(path_of(folder, NAMES[0]), (0, 0))
    cache.write(NAMES[1], "o", b"small")
    assert cache.read(NAMES[0], "o") is None
    assert cache.read(NAMES[1], "o") == b"small"


@pytest.mark.parametrize(("text", "limit"), [("", 512), ("7", 7), ("0", 0), ("much", 512)])
def test_the_limit_is_in_megabytes(monkeypatch: pytest.MonkeyPatch, text: str, limit: int) -> None:
    monkeypatch.setenv("GLIA_CACHE_SIZE", text)
    assert cache_limit() == limit << 20


def test_a_limit_of_nothing_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIA_CACHE_SIZE", "0")
    cache.write(NAMES[0], "o", b"code")
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_said_once(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    with pytest.warns(RuntimeWarning, match="cannot keep compiled kernels") as caught:
        for name in NAMES:
            cache.write(name, "o", b"code")
    assert len(caught) == 1
    assert "GLIA_CACHE" in str(caught[0].message)
    assert cache.read(NAMES[0], "o") is None


def test_a_full_disk_leaves_nothing_half_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    cache.write(NAMES[0], "o", b"code")
    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        cache.write(NAMES[1], "o", b"code")
    assert [path.name for path in (folder / "ab").iterdir()] == [f"{NAMES[0]}.o"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.write(NAMES[2], "o", b"code")
    assert cache.read(NAMES[0], "o") == b"code"


def test_a_fingerprint_follows_the_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, "_HERE", tmp_path)
    (tmp_path / "codegen").mkdir()
    (tmp_path / "codegen" / "nest.py").write_text("x = 1\n")
    (tmp_path / "worker.py").write_text("y = 1\n")
    found = set()
    for path in (None, "codegen/nest.py", "worker.py"):
        if path is not None:
            (tmp_path / path).write_text("z = 2\n")
        cache.fingerprint.cache_clear()
        found.add(cache.fingerprint("codegen", "worker.py"))
        found.add(cache.fingerprint("codegen", "worker.py"))
    cache.fingerprint.cache_clear()
    assert len(found) == 3

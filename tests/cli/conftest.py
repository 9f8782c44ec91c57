"""Small picture sets, and a way to run the command line inside the test's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from glia.base import i18n
from glia.cli.main import main
from glia.data import write_idx


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


Glia = Callable[..., Outcome]


@pytest.fixture
def glia(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Glia]:
    """Run a command line in an empty folder; the language is put back afterwards."""
    from glia.cli import screen

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    before = i18n.language()

    def run(*words: object) -> Outcome:
        screen.console.cache_clear()  # it holds the standard output of the test before
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Outcome(status, *capsys.readouterr())

    yield run
    i18n.set_language(before)
    screen.console.cache_clear()


def striped(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy 28×28 pictures in which class c has a bright stripe at height 5 c."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % classes).astype(np.uint8)
    images = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 + 5 * label : 6 + 5 * label] += 150
    return images, labels


def write_set(folder: Path, train: int = 192, test: int = 40, classes: int = 4) -> Path:
    """The four IDX files of a small set."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count, seed in (("train", train, 0), ("t10k", test, 1)):
        images, labels = striped(count, classes, seed)
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)
    return folder


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """192 pictures to train on, 40 to test, four classes."""
    return write_set(tmp_path_factory.mktemp("data") / "stripes")


@pytest.fixture(scope="session")
def finished_run(small_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that is done: three epochs, seed 3."""
    folder = tmp_path_factory.mktemp("runs") / "done"
    words = ["train", "lenet5", "--data", small_set, "--epochs", "3", "--batch", "8"]
    assert main([str(word) for word in [*words, "--seed", "3", "--out", folder]]) == 0
    return folder

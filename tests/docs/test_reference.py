"""The API reference: every public name stands there, on one page of its own package, once."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import glia
from glia.tensor.functions import functions

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = """
glia.array_api glia.array_api.fft glia.array_api.linalg glia.data glia.interop glia.metrics
glia.models glia.nn glia.nn.functional glia.nn.utils glia.optim glia.optim.lr_scheduler
glia.tensor.linalg glia.train
""".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pdoc")
    made = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, ROOT / "scripts" / "reference", made], check=True)
    return made


def names(folder: Path, module: str) -> Counter[str]:
    """The headings of a page, ``Class.method`` among them."""
    page = folder.joinpath(*module.split(".")).with_suffix(".html").read_text("utf-8")
    return Counter(re.findall(r'<(?:section|div) id="([\w.]+)"', page))


@pytest.mark.parametrize("module", PACKAGES)
def test_packages(folder: Path, module: str) -> None:
    shown = names(folder, module)
    inside = importlib.import_module(module)
    wanted = {name for name in inside.__all__ if callable(getattr(inside, name))}
    assert wanted <= set(shown)
    assert {name for name, count in shown.items() if count > 1} == set()


def test_functions(folder: Path) -> None:
    shown = names(folder, "glia")
    assert set(functions()) <= set(shown)
    assert "Model" in shown and "Tensor" not in shown
    assert {name for name, count in shown.items() if count > 1} == set()


def test_tensor(folder: Path) -> None:
    shown = names(folder, "glia.tensor.tensor")
    wanted = {f"Tensor.{name}" for name in dir(glia.Tensor) if not name.startswith("_")}
    assert wanted <= set(shown)
    assert {name for name, count in shown.items() if count > 1} == set()

"""The programs in ``examples/`` run, and the three ways to train LeNet agree to the last bit."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glia as gl
from glia.interop import load_file

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LENET = ("lenet_loop", "lenet_jit", "lenet_model")
IMAGES = 12 * 32


def run(name: str, *words: object) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "GLIA_LANG": "en"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_are_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*LENET, "regression_from_pytorch"}


def test_three_ways_one_result(tmp_path: Path) -> None:
    found = {}
    for name in LENET:
        path = tmp_path / f"{name}.safetensors"
        out = run(name, "--images", IMAGES, "--seed", 4, "--save", path)
        right = re.search(r"right: (\d+)", out)
        assert right is not None
        found[name] = path.read_bytes(), right[1]
    assert found["lenet_loop"] == found["lenet_jit"] == found["lenet_model"]
    weights = load_file(tmp_path / "lenet_loop.safetensors")
    assert sum(value.size for value in weights.values()) == 61_706


def test_regression_of_the_course(capsys: pytest.CaptureFixture[str]) -> None:
    np.random.seed(1)
    gl.manual_seed(1)
    values = runpy.run_path(str(EXAMPLES / "regression_from_pytorch.py"))
    assert len(values["loss_all"]) == 3000
    assert values["loss_all"][-1] < 0.05
    assert values["y_pre"].shape == (50,)
    assert "loss" in capsys.readouterr().out


def test_only_import_lines_differ_from_pytorch() -> None:
    """glia is named in the import lines and nowhere else in the program."""
    source = (EXAMPLES / "regression_from_pytorch.py").read_text("utf-8")
    body = source.split('"""', 2)[2]
    lines = [line for line in body.splitlines() if "glia" in line]
    assert lines == ["import glia as torch", "from glia import nn"]

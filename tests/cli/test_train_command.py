"""``glia train`` and ``glia predict`` from end to end, on a set of pictures made by the test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glia.data import read_idx

FILES = (
    "config.json metrics.jsonl result.json curves.png confusion.png mistakes.png "
    "model.safetensors checkpoint.safetensors checkpoint.json"
).split()
SETTINGS = ["--epochs", "3", "--batch", "8", "--seed", "3"]


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_run_folder(finished_run: Path) -> None:
    assert sorted(path.name for path in finished_run.iterdir()) == sorted(FILES)
    result = json.loads((finished_run / "result.json").read_text("utf-8"))
    assert result["test_accuracy"] >= 0.9
    assert result["test_images"] == 40 and result["train_images"] == 192
    assert result["steps"] == 72 and result["seed"] == 3 and result["epochs"] == 3
    assert result["seconds"] > 0 and result["samples_per_second"] > 0
    lines = (finished_run / "metrics.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    for record in records:
        assert {"event", "epoch", "step", "loss", "accuracy"} <= set(record)
    assert [r["step"] for r in records if r["event"] == "epoch"] == [24, 48, 72]
    assert records[-1]["valid_accuracy"] == pytest.approx(result["test_accuracy"])
    for name in ("curves", "confusion", "mistakes"):
        with Image.open(finished_run / f"{name}.png") as picture:
            assert len(picture.convert("L").getcolors(1 << 20) or []) > 10, "an empty picture"


def test_same_seed_same_bytes(
    glia: Callable, small_set: Path, finished_run: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    words = ["train", "lenet5", "--data", small_set, *SETTINGS, "--threads", 1, "--out", again]
    assert glia(*words).status == 0
    assert weights(again) == weights(finished_run)
    other = tmp_path / "other"
    words = ["train", "lenet5", "--data", small_set, *SETTINGS[:4], "--seed", 4, "--out", other]
    assert glia(*words).status == 0
    assert weights(other) != weights(finished_run)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_mlp_and_optimizers(
    optimizer: str, glia: Callable, small_set: Path, tmp_path: Path
) -> None:
    """Without --out runs are numbered."""
    words = ["train", "mlp", "--data", small_set, "--epochs", 1, "--optimizer", optimizer]
    assert glia(*words).status == 0
    assert glia(*words, "--lang", "zh").status == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["mlp-1", "mlp-2"]
    assert weights(tmp_path / "runs" / "mlp-1") == weights(tmp_path / "runs" / "mlp-2")


def test_report_names_files_and_the_next_command(
    glia: Callable, small_set: Path, tmp_path: Path
) -> None:
    words = ["train", "lenet5", "--data", small_set, "--epochs", 1, "--out", tmp_path / "r"]
    outcome = glia(*words, "--lang", "en")
    for text in ("test accuracy", "curves.png", "confusion.png", "mistakes.png", "glia predict"):
        assert text in outcome.out
    assert "测试准确率" in glia(*words[:-1], tmp_path / "s", "--lang", "zh").out


# Interrupting and going on

EPOCHS = 60


def start(small_set: Path, folder: Path) -> subprocess.Popen[str]:
    words = ["train", "lenet5", "--data", str(small_set), "--batch", "8", "--seed", "5"]
    words += ["--epochs", str(EPOCHS), "--out", str(folder), "--lang", "en"]
    program = "import sys; from glia.cli.main import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture(scope="module")
def uninterrupted(small_set: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    process = start(small_set, folder)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return weights(folder)


def wait_for_lines(path: Path, count: int) -> None:
    for _ in range(6000):
        if path.exists() and path.read_text("utf-8").count("\n") >= count:
            return
        time.sleep(0.005)
    raise AssertionError(f"{path.name} did not grow")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_interrupted_run_goes_on_to_the_same_weights(
    number: signal.Signals, glia: Callable, small_set: Path, tmp_path: Path, uninterrupted: bytes
) -> None:
    folder = tmp_path / "stopped"
    process = start(small_set, folder)
    wait_for_lines(folder / "metrics.jsonl", 3)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, "it was over before the signal came"
    assert err == ""
    assert f"glia train lenet5 --resume {folder}" in out
    state = json.loads((folder / "checkpoint.json").read_text("utf-8"))
    assert 0 < state["step"] < EPOCHS * 24
    assert not (folder / "result.json").exists()
    assert glia("predict", folder, "x.png").status == 2  # not finished yet

    outcome = glia("train", "lenet5", "--resume", folder)
    assert outcome.status == 0, outcome.err
    assert weights(folder) == uninterrupted
    lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    epochs = [json.loads(line) for line in lines if '"event": "epoch"' in line]
    assert [record["epoch"] for record in epochs] == list(range(1, EPOCHS + 1))


def test_resume_of_a_finished_run_changes_nothing(
    glia: Callable, finished_run: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished_run, copy)
    (copy / "result.json").unlink()
    assert glia("train", "lenet5", "--resume", copy).status == 0
    assert weights(copy) == weights(finished_run)
    first = json.loads((finished_run / "result.json").read_text("utf-8"))
    again = json.loads((copy / "result.json").read_text("utf-8"))
    assert {**again, "seconds": 0, "samples_per_second": 0} == {
        **first,
        "seconds": 0,
        "samples_per_second": 0,
    }
    assert (copy / "metrics.jsonl").read_bytes() == (finished_run / "metrics.jsonl").read_bytes()


# Predicting


def test_predict(glia: Callable, finished_run: Path, small_set: Path, tmp_path: Path) -> None:
    images = read_idx(small_set / "t10k-images-idx3-ubyte")
    labels = read_idx(small_set / "t10k-labels-idx1-ubyte")
    paths = []
    for at in (0, 1):
        paths.append(tmp_path / f"{at}.png")
        Image.fromarray(images[at]).resize((84, 84)).save(paths[-1])
    outcome = glia("predict", finished_run, *paths, "--out", tmp_path / "p", "--lang", "en")
    assert outcome.status == 0, outcome.err
    found = json.loads((tmp_path / "p" / "predictions.json").read_text("utf-8"))
    for at, entry in enumerate(found):
        assert entry["class"] == str(labels[at])
        assert sum(entry["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert np.argmax(list(entry["probabilities"].values())) == labels[at]
    assert outcome.out.count("█") > 10
    assert outcome.out.count("%") == 2 * (1 + 4)

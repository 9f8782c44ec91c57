"""Bad input gets one clear line on standard error and exit status 2, and leaves nothing behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import CJK
from PIL import Image

from glia.data import write_idx

Make = Callable[[Path, Path, Path], list[object]]


def train(*words: object) -> Make:
    return lambda here, data, done: ["train", "lenet5", "--data", data, *words]


def damaged(name: str, change: Callable[[Path], None]) -> Make:
    """Train on a copy of the small set in which one file was changed."""

    def make(here: Path, data: Path, done: Path) -> list[object]:
        copy = here / "damaged"
        shutil.copytree(data, copy)
        change(copy / name)
        return ["train", "lenet5", "--data", copy, "--out", here / "run"]

    return make


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def fewer_labels(path: Path) -> None:
    write_idx(path, np.zeros(7, np.uint8))


def pictures(*files: str, content: bytes | None = None) -> Make:
    """Train on a folder of pictures."""

    def make(here: Path, data: Path, done: Path) -> list[object]:
        for name in files:
            path = here / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((9, 9), np.uint8)).save(path)
            if content is not None:
                path.write_bytes(content)
        return ["train", "lenet5", "--data", here / "pictures", "--out", here / "run"]

    return make


def out_is_a_file(here: Path, data: Path, done: Path) -> list[object]:
    (here / "run").write_text("mine")
    return ["train", "lenet5", "--data", data, "--out", here / "run"]


def other_data(here: Path, data: Path, done: Path) -> list[object]:
    """The data under the same name changed since the run began."""
    run, copy = here / "old", here / "data"
    shutil.copytree(done, run)
    shutil.copytree(data, copy)
    write_idx(copy / "train-labels-idx1-ubyte", np.arange(192).astype(np.uint8)[::-1] % 4)
    config = json.loads((run / "config.json").read_text("utf-8"))
    config["settings"]["data"] = str(copy)
    (run / "config.json").write_text(json.dumps(config), "utf-8")
    return ["train", "lenet5", "--resume", run]


def broken_checkpoint(here: Path, data: Path, done: Path) -> list[object]:
    run = here / "old"
    shutil.copytree(done, run)
    cut(run / "checkpoint.safetensors")
    return ["train", "lenet5", "--resume", run]


def broken_config(here: Path, data: Path, done: Path) -> list[object]:
    run = here / "old"
    shutil.copytree(done, run)
    (run / "config.json").write_text('{"settings": {"model": "lenet5", "epochs": "two"}}')
    return ["predict", run, here / "x.png"]


def text_as_picture(here: Path, data: Path, done: Path) -> list[object]:
    (here / "x.png").write_text("hello")
    return ["predict", done, here / "x.png"]


def words(*given: object) -> Make:
    return lambda here, data, done: list(given)


#: name, command line, part of the English text, part of the Chinese text
TABLE: list[tuple[str, Make, str, str]] = [
    ("no such folder", words("train", "lenet5", "--data", "nowhere"), "not exist", "不存在"),
    ("truncated", damaged("train-images-idx3-ubyte", cut), "truncated", "不完整"),
    ("missing file", damaged("t10k-labels-idx1-ubyte", Path.unlink), "missing", "缺少"),
    ("mismatch", damaged("train-labels-idx1-ubyte", fewer_labels), "7 labels", "7 个标签"),
    ("one class", pictures("a/1.png", "a/2.png"), "only one class", "只有一个类别"),
    (
        "bad picture",
        pictures("a/1.png", "a/2.png", "b/1.png", "b/2.png", content=b"no"),
        "cannot be read",
        "无法读取",
    ),
    ("batch 0", train("--batch", 0), "--batch", "--batch"),
    ("batch too large", train("--batch", 193), "only 192", "只有 192"),
    ("epochs 0", train("--epochs", 0), "--epochs", "--epochs"),
    ("epochs 1.5", train("--epochs", 1.5), "whole number", "整数"),
    ("lr 0", train("--lr", 0), "learning rate", "学习率"),
    ("lr nan", train("--lr", "nan"), "learning rate", "学习率"),
    ("lr word", train("--lr", "big"), "expected a number", "应为数字"),
    ("seed -1", train("--seed", -1), "--seed", "--seed"),
    ("threads 0", train("--threads", 0), "--threads", "--threads"),
    ("optimizer", train("--optimizer", "sgdd"), "sgd, adam, adamw", "sgd, adam, adamw"),
    ("model", words("train", "resnet"), "lenet5, mlp", "lenet5, mlp"),
    ("no model", words("train"), "missing", "缺少"),
    ("no option", words("train", "lenet5", "--fast"), "--fast", "--fast"),
    ("no value", words("run", "fit", "--seed"), "needs a value", "缺少值"),
    ("no command", words("fly"), "no command fly", "没有命令 fly"),
    ("extra word", words("doctor", "now"), "too many", "多余"),
    ("out is a file", out_is_a_file, "it is a file", "它是一个文件"),
    ("out is full", lambda h, d, r: ["train", "mlp", "--data", d, "--out", r], "empty", "不是空的"),
    ("fit out", lambda h, d, r: ["run", "fit", "--out", r / "result.json"], "a file", "一个文件"),
    ("out and resume", train("--resume", "x", "--out", "y"), "together", "同时"),
    ("no run", words("train", "lenet5", "--resume", "none"), "not a run", "不是运行"),
    ("other model", lambda h, d, r: ["train", "mlp", "--resume", r], "lenet5, not mlp", "不是 mlp"),
    ("other rate", lambda h, d, r: ["train", "lenet5", "--resume", r, "--lr", 1], "--lr", "--lr"),
    ("other data", other_data, "its data", "其 data"),
    ("bad checkpoint", broken_checkpoint, "checkpoint.safetensors", "checkpoint.safetensors"),
    ("bad config", broken_config, "config.json", "config.json"),
    ("no picture", lambda h, d, r: ["predict", r, "none.png"], "none.png", "none.png"),
    ("no pictures", lambda h, d, r: ["predict", r], "missing", "缺少"),
    ("text as picture", text_as_picture, "x.png", "x.png"),
    ("predict without run", words("predict", "nowhere", "x.png"), "not a run", "不是运行"),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("make", "en", "zh"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])  # fmt: skip
def test_one_line_and_status_2(
    make: Make,
    en: str,
    zh: str,
    language: str,
    glia: Callable,
    small_set: Path,
    finished_run: Path,
    tmp_path: Path,
) -> None:
    arguments = make(tmp_path, small_set, finished_run)
    before = sorted(tmp_path.rglob("*"))
    outcome = glia("--lang", language, *arguments)
    assert outcome.status == 2
    line = outcome.err
    assert line.startswith("glia: ") and line.count("\n") == 1, line
    assert (zh if language == "zh" else en) in line, line
    assert bool(CJK.search(line)) == (language == "zh")
    assert sorted(tmp_path.rglob("*")) == before, "something was written"


def test_no_place_of_a_program_is_named(glia: Callable) -> None:
    """Errors name the user's line in programs; on the command line there is none."""
    assert " At " not in glia("train", "lenet5", "--data", "nowhere", "--lang", "en").err


def test_unknown_language(glia: Callable) -> None:
    outcome = glia("doctor", "--lang", "fr")
    assert outcome.status == 2
    assert "en" in outcome.err and "zh" in outcome.err


def test_divergence(glia: Callable, small_set: Path, tmp_path: Path) -> None:
    """A rate that is possible but far too large: the loss becomes NaN, and that is said."""
    outcome = glia("train", "mlp", "--data", small_set, "--lr", 900, "--epochs", 3,
                   "--lang", "en", "--out", tmp_path / "run")  # fmt: skip
    assert outcome.status == 2
    assert "diverged" in outcome.err and outcome.err.count("\n") == 1
    assert not (tmp_path / "run" / "result.json").exists()

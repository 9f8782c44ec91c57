"""Help pages: complete, in both languages, quick to show."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from cli_helpers import CJK

from glia.cli.text import pad, width, wrap

COMMANDS = [["train"], ["predict"], ["run", "fit"], ["run", "xor"], ["run", "fruit"], ["doctor"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_the_common_options(command: list[str], glia: Callable) -> None:
    for language in ("en", "zh"):
        outcome = glia(*command, "--help", "--lang", language)
        assert outcome.status == 0
        for option in ("--seed", "--threads", "--out", "--lang", "--help"):
            assert option in outcome.out
        assert bool(CJK.search(outcome.out)) == (language == "zh")
        assert all(width(line) < 100 for line in outcome.out.splitlines())


@pytest.mark.parametrize("words", [["--help"], [], ["run"], ["run", "--help"]], ids=" ".join)
def test_groups_list_their_commands(words: list[str], glia: Callable) -> None:
    english = glia(*words, "--lang", "en")
    chinese = glia(*words, "--lang=zh")
    assert english.status == chinese.status == 0
    for name in ("fit", "xor", "fruit") if "run" in words else ("train", "predict", "doctor"):
        assert name in english.out and name in chinese.out
    assert "Usage:" in english.out and "用法：" in chinese.out
    assert "Usage" not in chinese.out and "Options" not in chinese.out


def test_version(glia: Callable) -> None:
    assert glia("--version").out.startswith("glia ")


def test_help_is_light() -> None:
    """Help loads no plotting, no compiler, no progress bars."""
    program = (
        "import json, sys, time\n"
        "start = time.perf_counter()\n"
        "from glia.cli.main import main\n"
        "status = main(['--help'])\n"
        "print(json.dumps([status, time.perf_counter() - start, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    status, seconds, modules = json.loads(done.stdout.splitlines()[-1])
    print(f"glia --help: {seconds:.3f} s")
    assert status == 0
    assert not {"matplotlib", "llvmlite", "PIL", "safetensors"} & set(modules)


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("", 5, [""]),
        ("一二三四五", 4, ["一二", "三四", "五"]),
        ("一二，三", 4, ["一", "二，", "三"]),
        ("用 --lang zh 选择", 9, ["用 --lang", "zh 选择"]),
    ],
)
def test_wrap(text: str, columns: int, lines: list[str]) -> None:
    assert wrap(text, columns) == lines


def test_pad_counts_columns() -> None:
    assert pad("中", 4) == "中  "
    assert pad("long", 2) == "long"

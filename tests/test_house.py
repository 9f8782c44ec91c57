"""The rules of the house: layers, sizes, languages and imports, read from the source itself."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "glia"

#: A folder may import those before it, and its own files.
LAYERS = (
    "base ir autodiff compiler runtime tensor array_api nn optim data metrics interop train "
    "explain viz models learn search course lab bench cli"
).split()

MAX_LINES = 500
MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 60

#: Modules a package brings when its name is not the distribution's.
MODULE_OF = {"pillow": "PIL"}
#: Loaded at first use, never by ``import glia``.
LAZY = ("llvmlite", "matplotlib", "PIL", "rich", "typer")

CJK = re.compile(r"[\u3400-\u9fff]")
#: What has no place in a published file.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:root|home|Users|work|tmp)/"),
    "a package index": re.compile(r"\b(?:extra[-_])?index[-_]url\b|\bfind[-_]links\b", re.I),
    "an unfinished note": re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b"),
}
#: Programs for other frameworks, run as scripts in environments of their own.
PEERS = PACKAGE / "bench" / "peers"
#: Pickle runs code from the file it reads.
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


# ---------------------------------------------------------------- reading the source


def python_files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_names(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported, at whatever depth.

    ``from a import b`` gives ``a.b``: b may be a folder. ``module`` resolves relative imports.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                parents = module.split(".")[: -node.level]
                source = ".".join([*parents, *filter(None, [source])])
            for alias in node.names:
                yield node.lineno, f"{source}.{alias.name}"


def layer_violations(tree: ast.AST, module: str) -> list[str]:
    """What ``module`` (``glia.<folder>.<name>``) imports from a later layer or the root."""
    own = module.split(".")[1]
    if own not in LAYERS:
        return [f"{module}: {own!r} is not a layer"]
    allowed = set(LAYERS[: LAYERS.index(own) + 1])
    found = []
    for line, name in imported_names(tree, module):
        parts = name.split(".")
        target = parts[1] if len(parts) > 1 else "(the root)"
        if parts[0] == "glia" and target not in allowed:
            found.append(f"{module}:{line}: {own} may not import {name}")
    return found


def columns(line: str) -> int:
    """Width on a terminal: a Chinese character takes two columns."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end, the docstring not counted."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def size_violations(text: str, name: str) -> list[str]:
    lines = text.splitlines()
    found = []
    if len(lines) > MAX_LINES:
        found.append(f"{name}: {len(lines)} lines")
    for number, line in enumerate(lines, 1):
        if columns(line) > MAX_COLUMNS:
            found.append(f"{name}:{number}: {columns(line)} columns")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            count = body_lines(node)
            if count > MAX_FUNCTION_LINES:
                found.append(f"{name}:{node.lineno}: {node.name} has {count} lines")
    return found


def literal_text(node: ast.AST) -> str | None:
    """The text written in a string, f-string or sum of them; None for anything else."""
    if not isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
        return None
    parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return "".join(part for part in parts if isinstance(part, str))


def translation_violations(tree: ast.AST, name: str) -> list[str]:
    """Calls of ``tr`` without an English text first and a Chinese text second."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
        if called != "tr":
            continue
        texts = [literal_text(argument) for argument in node.args]
        if len(texts) != 2 or node.keywords or not all(texts):
            found.append(f"{name}:{node.lineno}: tr needs two written texts")
        elif not CJK.search(texts[1] or ""):
            found.append(f"{name}:{node.lineno}: the second text of tr is not Chinese")
    return found


def forbidden_text(text: str, name: str) -> list[str]:
    return [
        f"{name}:{number}: {what}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def report(violations: list[str]) -> None:
    assert not violations, "\n" + "\n".join(violations)


# ---------------------------------------------------------------- layers and imports


def test_layers() -> None:
    found: list[str] = []
    for path in python_files(PACKAGE):
        if path.parent not in (PACKAGE, PEERS):
            found += layer_violations(parse(path), module_name(path))
    report(found)


def test_root_holds_only_the_front_door() -> None:
    found = {path.name for path in PACKAGE.glob("*.py")}
    assert "__init__.py" in found
    assert found <= {"__init__.py", "__main__.py"}


def test_every_folder_is_a_package() -> None:
    """A folder without ``__init__.py`` would import, but tools would name its files otherwise."""
    folders = {path.parent for path in python_files(PACKAGE)}
    report([shown(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()])


@pytest.mark.parametrize(
    ("source", "module", "count"),
    [
        ("from glia.base import shapes", "glia.ir.expr", 0),
        ("from glia.ir.text import show", "glia.ir.expr", 0),
        ("from glia import base", "glia.ir.expr", 0),
        ("import numpy", "glia.ir.expr", 0),
        ("import glia.tensor", "glia.ir.expr", 1),
        ("from glia import base, tensor", "glia.ir.expr", 1),
        ("from glia.compiler import compile", "glia.autodiff.backward", 1),
        ("def f():\n    from glia.nn import Linear", "glia.tensor.tensor", 1),
        ("if TYPE_CHECKING:\n    import glia.cli.main", "glia.lab.server", 1),
        ("from ..tensor import Tensor", "glia.ir.expr", 1),
        ("from .text import show", "glia.ir.expr", 0),
        ("import glia", "glia.cli.main", 1),
        ("from glia import *", "glia.cli.main", 1),
        ("", "glia.cellar.wine", 1),
    ],
)
def test_layer_checker(source: str, module: str, count: int) -> None:
    assert len(layer_violations(ast.parse(source), module)) == count


def test_no_relative_imports() -> None:
    report(
        [
            f"{shown(path)}:{node.lineno}: write the full name"
            for path in python_files(PACKAGE)
            for node in ast.walk(parse(path))
            if isinstance(node, ast.ImportFrom) and node.level
        ]
    )


def test_third_party_imports_are_declared() -> None:
    """What an installed glia imports is what pip installed with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.split(r"[^\w.-]", entry)[0] for entry in project["dependencies"]]
    known = {MODULE_OF.get(name, name) for name in names} | sys.stdlib_module_names | {"glia"}
    found = []
    for path in python_files(PACKAGE):
        if path.parent == PEERS:
            continue
        for line, name in imported_names(parse(path), module_name(path)):
            top = name.split(".")[0]
            if top not in known or top in UNSAFE_MODULES:
                found.append(f"{shown(path)}:{line}: {top}")
    report(found)


@pytest.mark.parametrize("path", python_files(PEERS), ids=lambda path: path.stem)
def test_workers_import_their_library_only(path: Path) -> None:
    """A worker runs where nothing but its own library, NumPy and the files beside it are."""
    beside = {other.stem for other in PEERS.glob("bench_*.py")}
    known = {"numpy", *beside, *sys.stdlib_module_names} - UNSAFE_MODULES
    if path.stem.endswith("_worker"):
        known.add(path.stem.removesuffix("_worker"))
    found = {name.split(".")[0] for _, name in imported_names(parse(path), module_name(path))}
    assert not found - known


# ---------------------------------------------------------------- sizes and texts


@pytest.mark.parametrize("folder", ["glia", "tests", "benchmarks", "scripts"])
def test_sizes(folder: str) -> None:
    found: list[str] = []
    for path in python_files(ROOT / folder):
        found += size_violations(path.read_text("utf-8"), shown(path))
    report(found)


def test_size_checker() -> None:
    assert not size_violations("x = 1\n" * MAX_LINES, "a")
    assert len(size_violations("x = 1\n" * (MAX_LINES + 1), "a")) == 1
    assert not size_violations("#" * MAX_COLUMNS, "a")
    assert len(size_violations("#" * (MAX_COLUMNS + 1), "a")) == 1
    assert len(size_violations("#" + "字" * (MAX_COLUMNS // 2), "a")) == 1
    body = "    pass\n" * (MAX_FUNCTION_LINES - 1)
    assert not size_violations('def f():\n    """One\n\n    two."""\n' + body, "a")
    assert len(size_violations("def f():\n    pass\n" + body, "a")) == 1


def test_users_text_is_bilingual() -> None:
    found: list[str] = []
    for path in python_files(PACKAGE):
        found += translation_violations(parse(path), shown(path))
    report(found)


@pytest.mark.parametrize(
    ("call", "count"),
    [
        ("tr('loss', '损失')", 0),
        ("tr(f'epoch {n}', f'第 {n} 轮')", 0),
        ("i18n.tr('a' + b, '甲' + b)", 0),
        ("tr('loss', 'loss')", 1),
        ("tr('loss', '')", 1),
        ("tr('', '损失')", 1),
        ("tr('loss')", 1),
        ("tr(en, zh)", 1),
        ("tr(*texts)", 1),
        ("tr('loss', zh='损失')", 1),
        ("outer(tr('loss', 'x'))", 1),
    ],
)
def test_translation_checker(call: str, count: int) -> None:
    assert len(translation_violations(ast.parse(call), "a")) == count


def published_texts() -> list[Path]:
    folders = [ROOT / name for name in ("glia", "tests", "benchmarks", "docs", "scripts", ".ci")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    kinds = {".py", ".md", ".toml", ".sh", ".txt", ".html", ".js", ".css", ".json", ""}
    shipped = PACKAGE / "data" / "files"
    return [path for path in files if path.suffix in kinds and shipped not in path.parents]


def test_no_forbidden_text() -> None:
    found: list[str] = []
    for path in published_texts():
        found += forbidden_text(path.read_text("utf-8", errors="replace"), shown(path))
    report(found)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("see /" + "home/ann/glia", 1),
        ("pip install --index" + "-url x", 1),
        ("# TO" + "DO later", 1),
        ("https://example.org/homework/1", 0),
        ("docs/work/notes.md", 0),
    ],
)
def test_forbidden_text_checker(text: str, count: int) -> None:
    assert len(forbidden_text(text, "a")) == count


# ---------------------------------------------------------------- the front door


def code_blocks(path: Path) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)


def test_readmes_agree() -> None:
    """Both languages show the same commands and code; the test command is the one CI runs."""
    blocks = code_blocks(ROOT / "README.md")
    assert blocks == code_blocks(ROOT / "README.zh.md")
    assert "scripts/test\n" in blocks
    ci = (ROOT / ".ci" / "run").read_text("utf-8").strip().splitlines()
    assert ci[-1].endswith(" scripts/test")


def test_installed_glia_is_tested() -> None:
    if os.environ.get("GLIA_TEST_INSTALLED") != "1":
        pytest.skip("not started by scripts/test")
    import glia

    assert PACKAGE not in Path(glia.__file__).resolve().parents


def test_import_is_light(capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import json, sys, time\n"
        "start = time.perf_counter()\n"
        "import glia\n"
        "print(json.dumps([time.perf_counter() - start, sorted(sys.modules)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    seconds, modules = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\nimport glia: {seconds:.3f} s")
    assert "glia" in modules
    assert not set(LAZY) & set(modules)

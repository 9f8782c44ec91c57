"""What the documentation shows is true: code runs, outputs are those shown, languages agree."""

from __future__ import annotations

import doctest
import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from glia.base.i18n import language, set_language

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LANGUAGES = ("en", "zh")
#: What an executed block is called in error messages.
NAME = "example.py"
SHOWN = "# -> "

Block = tuple[str, str]


def blocks(path: Path) -> list[Block]:
    """Language and text of every fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text("utf-8"), re.M | re.S)


def pages() -> list[Path]:
    """Pages with code in English; the Chinese ones have the same code."""
    return [ROOT / "README.md", *sorted((DOCS / "en").glob("*.md"))]


def expected_output(code: str) -> str:
    """The text behind ``# ->`` at the start of lines."""
    lines = [line[len(SHOWN) :] for line in code.splitlines() if line.startswith(SHOWN)]
    return "".join(line + "\n" for line in lines)


def check_output(code: str) -> None:
    """Run a block; if it shows any output, it shows all of it."""
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(code, NAME, "exec"), {"__name__": "__main__"})
    if SHOWN in code:
        assert out.getvalue() == expected_output(code)


def check_session(code: str) -> None:
    """Run a block written as a session with ``>>>``."""
    test = doctest.DocTestParser().get_doctest(code, {}, NAME, NAME, 0)
    report = io.StringIO()
    result = doctest.DocTestRunner(verbose=False).run(test, out=report.write)
    assert not result.failed, report.getvalue()


def check(code: str) -> None:
    if ">>> " in code:
        check_session(code)
    else:
        check_output(code)


EXAMPLES = [
    pytest.param(code, id=f"{path.stem}-{number}")
    for path in pages()
    for number, (kind, code) in enumerate(blocks(path), 1)
    if kind == "python"
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_code_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = language()
    set_language("en")
    try:
        check(code)
    finally:
        set_language(before)


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("print(1)\n# -> 1\n", True),
        ("print(1)\n# -> 2\n", False),
        ("print(1)\nprint(2)\n# -> 1\n", False),
        ("print(1)\n", True),
        (">>> 1 + 1\n2\n", True),
        (">>> 1 + 1\n3\n", False),
    ],
)
def test_checker(code: str, right: bool) -> None:
    if right:
        check(code)
    else:
        with pytest.raises(AssertionError):
            check(code)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 10


def test_languages_have_the_same_pages() -> None:
    english, chinese = ({p.name for p in (DOCS / lang).glob("*.md")} for lang in LANGUAGES)
    assert english == chinese


@pytest.mark.parametrize("name", [path.name for path in pages()[1:]])
def test_languages_show_the_same_code(name: str) -> None:
    assert blocks(DOCS / "en" / name) == blocks(DOCS / "zh" / name)


@pytest.mark.parametrize("name", [path.name for path in pages()[1:]])
def test_languages_are_divided_alike(name: str) -> None:
    """As many headings and table rows in both."""
    english, chinese = (_frame((DOCS / lang / name).read_text("utf-8")) for lang in LANGUAGES)
    assert english == chinese


def _frame(text: str) -> list[str]:
    """The level of every heading, and a bar for every table row, in order."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    found = []
    for line in text.splitlines():
        heading = re.match(r"#+(?= )", line)
        if heading:
            found.append(heading[0])
        elif line.startswith("|"):
            found.append("|")
    return found


def test_readmes_link_every_page_of_their_language() -> None:
    for readme, lang in (("README.md", "en"), ("README.zh.md", "zh")):
        text = (ROOT / readme).read_text("utf-8")
        for path in (DOCS / lang).glob("*.md"):
            assert f"](docs/{lang}/{path.name})" in text, f"{readme} does not link {path.name}"


def test_links_lead_somewhere() -> None:
    missing = []
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8")):
            if "://" not in target and not (path.parent / target).exists():
                missing.append(f"{path.relative_to(ROOT)}: {target}")
    assert not missing, "\n".join(missing)


def test_every_error_class_is_explained() -> None:
    from glia.base import errors

    names = {name for name, found in vars(errors).items() if _is_error(found, errors.GliaError)}
    for lang in LANGUAGES:
        text = (DOCS / lang / "errors.md").read_text("utf-8")
        assert {name for name in names if f"| `{name}` |" in text} == names


def _is_error(found: object, root: type) -> bool:
    return isinstance(found, type) and issubclass(found, root) and found is not root


def _commands() -> dict[str, list[str]]:
    """Options of every command, as the program itself knows them."""
    import typer

    from glia.cli.app import build

    found: dict[str, list[str]] = {}

    def visit(command: object, name: str) -> None:
        children = getattr(command, "commands", {})
        for child_name, child in children.items():
            visit(child, f"{name} {child_name}")
        if not children:
            parameters = getattr(command, "params", ())
            found[name] = [o for p in parameters for o in p.opts if o.startswith("--")]

    visit(typer.main.get_command(build()), "glia")
    return found


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_command_and_option_is_described(lang: str) -> None:
    text = (DOCS / lang / "command-line.md").read_text("utf-8")
    for command, options in _commands().items():
        first, *rest = command.split()[1:]
        assert f"`glia {first}" in text
        assert all(f"`glia {first} {word}`" in text for word in rest)
        for option in options:
            assert f"`{option}" in text, f"{command} {option}"

"""Printing for people: plain text that also reads well when it is piped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from glia.cli.text import pad, width


@cache
def console() -> Any:
    """rich's console on standard output, without guesses about what to colour."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def say(text: str = "", style: str = "") -> None:
    """Print a line; ``style`` is rich's, and disappears where there are no colours."""
    console().print(text, style=style or None, markup=False)


def rows(pairs: Sequence[Sequence[str]], indent: int = 2, gap: int = 2) -> None:
    """Print a table: columns as wide as their widest cell, two languages alike."""
    widths = [max(width(row[at]) for row in pairs) for at in range(len(pairs[0]))]
    for row in pairs:
        cells = [pad(cell, columns + gap) for cell, columns in zip(row, widths, strict=True)]
        say((" " * indent + "".join(cells)).rstrip())

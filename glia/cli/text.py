"""Text on a terminal, where a Chinese character takes two columns."""

from __future__ import annotations

import unicodedata

#: No line begins with one of these.
_CLOSING = set("，。；：！？、）》”’」』…,.;:!?)]}")


def width(text: str) -> int:
    """Columns the text takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def pad(text: str, columns: int) -> str:
    """The text with spaces after it, up to a width."""
    return text + " " * max(0, columns - width(text))


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most so many columns; breaks at spaces and between Chinese characters."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and width((line + piece).rstrip()) > columns:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    lines.append(line.rstrip())
    return lines


def _pieces(text: str) -> list[str]:
    """What may not be broken: a word with the space after it, a character with its comma."""
    pieces: list[str] = []
    for char in text:
        wide = unicodedata.east_asian_width(char) in "WF"
        glued = pieces and (
            char in _CLOSING
            or char == " "
            or not (wide or pieces[-1].endswith(" ") or _ends_wide(pieces[-1]))
        )
        if glued:
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _ends_wide(piece: str) -> bool:
    return unicodedata.east_asian_width(piece[-1]) in "WF" and piece[-1] not in "（《“‘「『"

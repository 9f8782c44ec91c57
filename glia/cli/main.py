"""``glia``: the entry point. It chooses the language, runs a command, and turns errors to lines.

Exit status: 0 done, 1 something does not work, 2 bad input, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from glia.base.errors import ArgumentError, GliaError
from glia.base.i18n import LANGUAGES, set_language, tr

#: "At file.py:12." in an error's text: no help to somebody who wrote no program.
_PLACE = re.compile(r" (?:At |位置：)[^\s:]+:\d+[.。]")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        choose_language(given)
        from glia.cli.app import run

        return run(given)
    except KeyboardInterrupt as stop:
        number = getattr(stop, "number", 2)
        if not hasattr(stop, "number"):
            say_error(tr("stopped", "已停止"))
        return 128 + int(number)
    except BrokenPipeError:
        # The reader of our output has left, as `head` does: there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except GliaError as error:
        say_error(str(error))
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        say_error(f"{name}{error.strerror or error}")
    return 2


def choose_language(arguments: Sequence[str]) -> None:
    """Take ``--lang`` before anything is built: help texts are in that language too."""
    wanted = None
    for at, word in enumerate(arguments):
        if word == "--":
            break
        if word == "--lang" and at + 1 < len(arguments):
            wanted = arguments[at + 1]
        elif word.startswith("--lang="):
            wanted = word.removeprefix("--lang=")
    if wanted is None:
        return
    if wanted not in LANGUAGES:
        raise ArgumentError(
            tr(
                f"--lang: expected en or zh, found '{wanted}'.",
                f"--lang：应为 en 或 zh，实际为 '{wanted}'。",
            )
        )
    set_language(wanted)


def say_error(text: str) -> None:
    """One line on standard error."""
    line = " ".join(_PLACE.sub("", text).split())
    print(f"glia: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

"""Where in the user's program we are: file, line and module path."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from types import FrameType

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

#: Names of the modules being called, outermost first. ``nn.Module.__call__`` pushes and pops.
module_stack: list[str] = []


@dataclass(frozen=True, slots=True)
class Location:
    """A line of the user's program."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"


def user_location() -> Location | None:
    """The innermost frame outside glia, or None when there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((_PACKAGE, "<frozen", "<__array", "<@beartype", "<@beartype")):
            return Location(name, frame.f_lineno)
        frame = frame.f_back
    return None


def current_module_path() -> str:
    """Dotted path of the module being called, ``""`` outside any."""
    return ".".join(name for name in module_stack if name)

"""The errors glia raises. Each says what was expected, what was found, where, and one thing to do.

Every class derives from the built-in one that a Python programmer would catch.
"""

from __future__ import annotations

from glia.base.i18n import tr
from glia.base.source import current_module_path, user_location


class GliaError(Exception):
    """Root of all errors raised by glia."""


class ShapeError(GliaError, ValueError):
    """Shapes do not fit together."""


class DTypeError(GliaError, TypeError):
    """A dtype is not one the operation takes."""


class ArgumentError(GliaError, ValueError):
    """An argument is outside what the function accepts."""


class PlaceError(ShapeError, ArgumentError, IndexError):
    """An index names no element, or does not fit the tensor."""


class GradError(GliaError, RuntimeError):
    """A derivative was asked for where there is none."""


class LinAlgError(GliaError, RuntimeError):
    """A matrix has no inverse, is not positive definite, or the like."""


class DataError(GliaError, ValueError):
    """A file or data set is not what it claims to be."""


class CheckpointError(GliaError, ValueError):
    """Saved weights or a run folder do not fit."""


class CompileError(GliaError, RuntimeError):
    """A program could not be turned into native code."""


class VerifyError(GliaError, AssertionError):
    """The intermediate representation breaks its own rules: a defect of glia."""


def teach(what: str, help: str = "", *, where: bool = True) -> str:
    """Compose an error text: module path, the fact, the user's line, one thing to do."""
    path = current_module_path()
    text = f"{path}: {what}" if path else what
    if where:
        location = user_location()
        if location is not None:
            text += tr(f" At {location}.", f" 位置：{location}。")
    if help:
        text += tr(f" Help: {help}", f" 建议：{help}")
    return text

"""Every public name says what it does, and shows it by an example that is executed.

A class's example stands for its methods; those have a text, their own or inherited.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import pytest

#: Modules whose public names are complete.
MODULES = """
glia.nn glia.nn.functional glia.nn.init glia.nn.utils glia.nn.utils.parametrizations
glia.nn.utils.parametrize glia.optim glia.optim.lr_scheduler glia.optim.swa_utils
glia.array_api glia.array_api.fft glia.array_api.linalg
glia.data glia.metrics glia.models glia.interop glia.train glia.train.callbacks
""".split()


def own(name: str, module: ModuleType) -> bool:
    """Whether a name is meant for users, where no ``__all__`` says so: it is defined here."""
    value = getattr(module, name)
    return not name.startswith("_") and getattr(value, "__module__", None) == module.__name__


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Classes and functions."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name in vars(module) if own(name, module)]
    for name in names:
        value = getattr(module, name)
        home = getattr(value, "__module__", None) or ""
        if (inspect.isclass(value) or inspect.isroutine(value)) and home.startswith("glia"):
            yield name, value


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """What a class itself defines: methods and properties."""
    for name, value in vars(kind).items():
        if not name.startswith("_") and (
            inspect.isroutine(value) or isinstance(value, property | classmethod | staticmethod)
        ):
            yield name, getattr(kind, name)


@cache
def executed(module: str) -> set[str]:
    """The names in a module whose examples the search for examples finds."""
    tests = doctest.DocTestFinder().find(importlib.import_module(module))
    return {test.name for test in tests if test.examples}


def faults(module: ModuleType) -> list[str]:
    found = []
    for name, value in public(module):
        if ">>> " not in (value.__doc__ or ""):
            found.append(f"{module.__name__}.{name} has no example of its own")
        elif f"{value.__module__}.{value.__qualname__}" not in executed(value.__module__):
            found.append(f"{module.__name__}.{name}: its example is not executed")
        for inner, method in methods(value) if inspect.isclass(value) else ():
            if not inspect.getdoc(method):
                found.append(f"{module.__name__}.{name}.{inner} has no text")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert list(public(module))
    assert not faults(module)

"""Every method of a tensor as a function of the package: ``gl.exp(x)`` is ``x.exp()``.

The first argument may be a number or an array too. What takes several tensors in a row (``cat``,
``where``, ``einsum``) is a function of its own elsewhere.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from glia.tensor.methods import GROUPS
from glia.tensor.tensor import as_tensor

#: Methods that other functions of the package are named like, or that only make sense behind a dot.
_ONLY_METHODS = frozenset(("where", "view", "contiguous", "polygamma"))


def _function(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def function(input: Any, *args: Any, **options: Any) -> Any:
        return getattr(as_tensor(input), name)(*args, **options)

    function.__module__ = "glia"
    return function


@lru_cache(maxsize=1)
def functions() -> dict[str, Callable[..., Any]]:
    """All of them, by name."""
    found = {}
    for group in GROUPS:
        for name, method in vars(group).items():
            public = not name.startswith("_") and callable(method)
            if public and name not in _ONLY_METHODS:
                found[name] = _function(name, method)
    return found

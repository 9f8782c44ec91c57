"""One stream of events: what was compiled, realised and stepped, for profiler, tests and lab.

``GLIA_DEBUG`` prints from the same stream:

====  ==========================================================
 1    planned and compiled programs
 2    compiled kernels and cache hits
 3    every realised program
 4    passes with their times
 5    everything
====  ==========================================================
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: From which ``GLIA_DEBUG`` on an event is printed.
LEVELS = {"compile": 1, "plan": 1, "kernel": 2, "fallback": 0, "realize": 3, "pass": 4}

Listener = Callable[[str, dict[str, Any]], None]

counts: Counter[str] = Counter()
_listeners: list[Listener] = []
_debug = int(os.environ.get("GLIA_DEBUG", "0") or 0)


def emit(name: str, /, **facts: Any) -> None:
    """Record that something happened."""
    counts[name] += 1
    if _debug and _debug >= LEVELS.get(name, 5):
        shown = " ".join(f"{key}={value}" for key, value in facts.items())
        print(f"glia: {name} {shown}", file=sys.stderr)
    for listener in _listeners:
        listener(name, facts)


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Call ``listener(name, facts)`` for every event inside the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def count_events() -> Iterator[Counter[str]]:
    """Count the events inside the block by name; the tests' "second step compiles nothing"."""
    seen: Counter[str] = Counter()
    with listen(lambda name, _facts: seen.update((name,))):
        yield seen

"""Locks that a forked child can go on with."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from typing import Any


def lock() -> AbstractContextManager[Any]:
    """A lock that its holder may take again; free in a forked child, where no holder lives on."""
    made = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=made._at_fork_reinit)  # type: ignore[attr-defined]
    return made

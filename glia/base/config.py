"""Settings that come from the environment, read once."""

from __future__ import annotations

import os
from pathlib import Path

from glia.base.processors import usable


def cache_folder() -> Path:
    """Where compiled kernels are kept: ``GLIA_CACHE``, else the user's cache folder."""
    wanted = os.environ.get("GLIA_CACHE")
    if wanted:
        return Path(wanted)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "glia"


def cache_limit() -> int:
    """Bytes that folder may hold: ``GLIA_CACHE_SIZE`` in megabytes, else 512; 0 keeps nothing."""
    wanted = os.environ.get("GLIA_CACHE_SIZE", "")
    return (int(wanted) if wanted.isdigit() else 512) << 20


def default_threads() -> int:
    """``GLIA_NUM_THREADS``, else the cores this process may use."""
    wanted = os.environ.get("GLIA_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return usable()


def interpret_only() -> bool:
    """``GLIA_INTERPRET=1`` runs everything through the NumPy interpreter."""
    return os.environ.get("GLIA_INTERPRET", "") == "1"

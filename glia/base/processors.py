"""How many processors this process may use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable() -> int:
    """The cores the system runs this process on, or fewer where a container gets less time."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = min(_quotas(Path("/")), default=float(cores))
    return max(1, min(cores, math.ceil(quota)))


def _quotas(root: Path) -> Iterator[float]:
    """Processors' worth of time that each control group around this process grants (Linux)."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, kinds, name = line.split(":", 2)
        if kinds == "":  # version 2: one tree
            top, read = root / "sys/fs/cgroup", _second
        elif "cpu" in kinds.split(","):
            top, read = root / "sys/fs/cgroup/cpu", _first
        else:
            continue
        inside = top / name.lstrip("/")
        # in a container the names may be those outside: then only the top is there
        for folder in (inside, *inside.parents):
            found = read(folder)
            if found is not None:
                yield found
            if folder == top:
                break


def _second(folder: Path) -> float | None:
    words = _text(folder / "cpu.max").split()
    return _ratio(*words) if len(words) == 2 else None


def _first(folder: Path) -> float | None:
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    return _ratio(*[_text(folder / name).strip() for name in names])


def _ratio(quota: str, period: str) -> float | None:
    """Microseconds granted in each period; ``max``, -1 or nothing is no limit."""
    if not (quota.isdigit() and period.isdigit()) or int(quota) * int(period) == 0:
        return None
    return int(quota) / int(period)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""

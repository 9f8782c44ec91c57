"""Cores this process may use: what the scheduler allows, and what a container is given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glia.base import processors
from glia.base.config import default_threads


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V1 = "4:memory:/a\n3:cpu,cpuacct:/job\n1:name=systemd:/\n"
CASES = {
    "nothing known": ({}, []),
    "version 2": ({"proc/self/cgroup": "0::/job\n", "job/cpu.max": "150000 100000\n"}, [1.5]),
    "no limit": ({"proc/self/cgroup": "0::/job\n", "job/cpu.max": "max 100000\n"}, []),
    "of the group around": (
        {"proc/self/cgroup": "0::/a/b\n", "a/b/cpu.max": "max 1000", "a/cpu.max": "2000 1000"},
        [2.0],
    ),
    "both": (
        {"proc/self/cgroup": "0::/a/b\n", "a/b/cpu.max": "500 1000", "a/cpu.max": "2000 1000"},
        [0.5, 2.0],
    ),
    "names from outside": ({"proc/self/cgroup": "0::/x/y\n", "cpu.max": "3000 1000"}, [3.0]),
    "version 1": (
        {
            "proc/self/cgroup": V1,
            "cpu/job/cpu.cfs_quota_us": "250000\n",
            "cpu/job/cpu.cfs_period_us": "100000\n",
        },
        [2.5],
    ),
    "version 1, no limit": (
        {
            "proc/self/cgroup": V1,
            "cpu/job/cpu.cfs_quota_us": "-1\n",
            "cpu/job/cpu.cfs_period_us": "100000\n",
        },
        [],
    ),
    "nonsense": ({"proc/self/cgroup": "0::/j\n", "j/cpu.max": "a lot", "cpu.max": "1 0"}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_quotas(tmp_path: Path, case: str) -> None:
    files, expected = CASES[case]
    place = {name: name if name[:4] == "proc" else f"sys/fs/cgroup/{name}" for name in files}
    root = tree(tmp_path, {place[name]: text for name, text in files.items()})
    assert list(processors._quotas(root)) == expected


@pytest.mark.parametrize(("quotas", "cores"), [([], 6), ([2.5], 3), ([8.0, 0.2], 1), ([99.0], 6)])
def test_usable(monkeypatch: pytest.MonkeyPatch, quotas: list[float], cores: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    monkeypatch.setattr(processors, "_quotas", lambda _: iter(quotas))
    monkeypatch.delenv("GLIA_NUM_THREADS", raising=False)
    assert processors.usable() == cores
    assert default_threads() == cores
    monkeypatch.setenv("GLIA_NUM_THREADS", "5")
    assert default_threads() == 5

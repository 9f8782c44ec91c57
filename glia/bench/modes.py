"""The libraries and the ways to run them: who takes part in which row, in which environment."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from glia.base.config import cache_folder
from glia.base.errors import ArgumentError
from glia.base.i18n import tr

SCRIPTS = Path(__file__).parent / "peers"

#: The C library gives freed memory back to the system and asks for it again at every step.
#: Told not to, PyTorch's large elementwise operations run up to three times faster.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "9999999999"}

#: What pip installs for a peer: versions are pinned so that figures can be compared.
REQUIREMENTS = {
    "torch": ("torch==2.13.0",),
    "jax": ("jax==0.10.2",),
    "tensorflow": ("tensorflow==2.21.0",),
    "mindspore": ("mindspore==2.10.0",),
    "tinygrad": ("tinygrad==0.14.0",),
}
LIBRARIES = ("glia", *REQUIREMENTS)

#: How each library is told to do without AVX-512.
WITHOUT_AVX512 = {
    "glia": {"GLIA_CPU_DISABLE": "avx512"},
    "torch": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "jax": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
    "tensorflow": {"ONEDNN_MAX_CPU_ISA": "AVX2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
}


@dataclass(frozen=True)
class Mode:
    """One way to run a library."""

    library: str
    name: str
    rows: tuple[str, ...]  # kinds of rows it takes part in: step, loop, many, forward
    env: dict[str, str] = field(default_factory=dict, hash=False)
    quick: bool = True  # takes part in a quick run
    only: tuple[str, ...] = ()  # workloads, where not all of these kinds

    @property
    def label(self) -> str:
        return f"{self.library} {self.name}"

    @property
    def script(self) -> Path:
        return SCRIPTS / f"{self.library}_worker.py"


#: Rows these two finish within seconds.
_MINDSPORE = ("W1-step", "W2", "W3", "W5i", "W7", "W8", "W9", "W10")
_TINYGRAD = ("W1-step", "W2", "W3", "W11-matmul", "W11-softmax")

MODES = (
    Mode("glia", "jit", ("step", "forward")),
    Mode("glia", "plain", ("loop", "step"), only=("W1-loop", "W3")),
    Mode("glia", "many", ("many",)),
    Mode("torch", "eager", ("loop", "step", "forward")),
    Mode("torch", "tuned", ("step", "forward"), KEEP_MEMORY),
    Mode("torch", "compile", ("step", "forward"), KEEP_MEMORY, quick=False),
    Mode("jax", "jit", ("step", "forward")),
    Mode("jax", "scan", ("many",)),
    Mode("tensorflow", "graph", ("step", "forward"), quick=False),
    Mode("tensorflow", "xla", ("step", "forward"), quick=False),
    Mode("tensorflow", "eager", ("loop",), quick=False),
    Mode("mindspore", "graph", ("step", "forward"), quick=False, only=_MINDSPORE),
    Mode("mindspore", "pynative", ("loop",), quick=False),
    Mode("tinygrad", "jit", ("step", "forward"), quick=False, only=_TINYGRAD),
)


def environments() -> Path:
    """The folder of the peers' environments: ``GLIA_BENCH_ENVS``, else in the user's cache."""
    wanted = os.environ.get("GLIA_BENCH_ENVS")
    return Path(wanted) if wanted else cache_folder() / "bench"


def python_of(library: str) -> str | None:
    """The Python that has a library, or None."""
    if library == "glia":
        return sys.executable
    path = environments() / library / ("Scripts" if os.name == "nt" else "bin") / "python"
    return str(path) if path.exists() else None


def check_libraries(names: Sequence[str]) -> None:
    """Raises:
    ArgumentError: a name that is no peer's.
    """
    for name in names:
        if name not in REQUIREMENTS:
            known = ", ".join(REQUIREMENTS)
            raise ArgumentError(
                tr(
                    f"there is no peer {name}. Help: choose among {known}.",
                    f"没有名为 {name} 的对比框架。建议：从 {known} 中选择。",
                )
            )


def taking_part(kind: str, workload: str, libraries: Sequence[str], quick: bool) -> list[Mode]:
    """Modes for a row, glia's first; of libraries that are installed."""
    found = []
    for mode in MODES:
        wanted = mode.library in libraries and kind in mode.rows
        wanted = wanted and (not mode.only or workload in mode.only)
        if wanted and (mode.quick or not quick):
            found.append(mode)
    return found


def install(library: str, say: Callable[[str], None]) -> Path:
    """Make a peer's environment with pinned versions; returns its folder.

    Raises:
        OSError: pip could not do it; its last words are in the text.
    """
    check_libraries([library])
    folder = environments() / library
    say(tr(f"{library}: an environment in {folder}", f"{library}：在 {folder} 建立环境"))
    venv.create(folder, with_pip=True, clear=True)
    wanted = ["numpy", *REQUIREMENTS[library]]
    say("pip install " + " ".join(wanted))
    python = python_of(library)
    assert python is not None
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise OSError(
            tr(
                f"{library} could not be installed: {words[-1] if words else '?'}",
                f"无法安装 {library}：{words[-1] if words else '?'}",
            )
        )
    return folder

"""What the code generator must know of a processor, in one place."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Target:
    """A processor: LLVM's names for it, its vector width and number of vector registers."""

    triple: str
    cpu: str
    features: str
    vector_bytes: int
    registers: int
    multiply_bytes: int  # of vectors multiplied and added in a cycle

    def lanes(self, itemsize: int) -> int:
        """Elements of a vector."""
        return max(1, self.vector_bytes // itemsize)

    def products(self, nbytes: int) -> float:
        """Multiply-adds of vectors of so many bytes in a cycle."""
        return min(2.0, self.multiply_bytes / nbytes)

    @property
    def has_scale(self) -> bool:
        """Whether it has AVX-512's instruction for x · 2ⁿ."""
        return self.vector_bytes == 64


def describe(triple: str, cpu: str, features: dict[str, bool]) -> Target:
    """The target of a processor with these features."""
    flat = ",".join(("+" if on else "-") + name for name, on in sorted(features.items()))
    if features.get("avx512f"):
        # Zen 4 runs wide vectors in two halves
        once = 64 if cpu == "znver4" else 128
        return Target(triple, cpu, flat + ",-prefer-256-bit", 64, 32, once)
    if features.get("avx2") and features.get("fma"):
        return Target(triple, cpu, flat, 32, 16, 64)
    arm = triple.startswith(("aarch64", "arm64"))
    return Target(triple, cpu, flat, 16, 32 if arm else 16, 32)


def _disabled() -> set[str]:
    """Features to do without: ``GLIA_CPU_DISABLE=avx512`` switches off all that begin so."""
    return {name for name in os.environ.get("GLIA_CPU_DISABLE", "").split(",") if name}


@lru_cache(maxsize=1)
def host() -> Target:
    """This machine."""
    import llvmlite.binding as llvm

    features = dict(llvm.get_host_cpu_features())
    for prefix in _disabled():
        features = {k: on and not k.startswith(prefix) for k, on in features.items()}
    triple = llvm.get_process_triple()
    cpu = llvm.get_host_cpu_name() if not _disabled() else "x86-64-v2"
    if _disabled() and platform.machine().lower() in ("aarch64", "arm64"):
        cpu = "generic"
    return describe(triple, cpu, features)

"""Kernels to machine code: generated, optimised by LLVM, cached on disk, linked into the process.

A kernel's text, the generator, LLVM and the target decide its code, so they are the key.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from glia.base.events import emit
from glia.base.locks import lock
from glia.compiler import cache, worker
from glia.compiler.cache import fingerprint
from glia.compiler.codegen import (
    contraction,
    nest,
    repeat,
    scatter,
    transpose,
    winograd,
    winograd_gradient,
)
from glia.compiler.codegen.targets import Target, host
from glia.compiler.crew import Crew
from glia.compiler.host import host_address
from glia.compiler.schedule.loops import (
    Contraction,
    Host,
    Kernel,
    Repeat,
    Scatter,
    Winograd,
    WinogradGradient,
)
from glia.compiler.worker import Compiler

#: How the names of kernels begin that NumPy runs; they are not kept on disk.
HOST = "host_"
#: The source that turns a kernel's text into code: part of every key.
SOURCE = ("codegen", "worker.py", "index.py", "schedule/loops.py")


def llvm_text(kernel: Kernel, name: str, target: Target) -> str:
    """LLVM IR of a kernel, before optimisation."""
    if isinstance(kernel, Host):
        return f"; {kernel.op}: NumPy computes it"
    if isinstance(kernel, Repeat):
        return repeat.generate(kernel, name, lambda part, called: llvm_text(part, called, target))
    if isinstance(kernel, Contraction):
        return contraction.generate(kernel, name, target)
    if isinstance(kernel, Winograd):
        return winograd.generate(kernel, name, target)
    if isinstance(kernel, WinogradGradient):
        return winograd_gradient.generate(kernel, name, target)
    if isinstance(kernel, Scatter):
        return scatter.generate(kernel, name, target)
    if transpose.turned(kernel, target):
        return transpose.generate(kernel, name, target)
    return nest.generate(kernel, name, target)


def kernel_name(kernel: Kernel, target: Target) -> str:
    """A name that is the same for the same code only."""
    kind = HOST if isinstance(kernel, Host) else "glia_"
    return kind + hashed(target, fingerprint(*SOURCE), str(kernel))


def hashed(target: Target, *parts: str) -> str:
    """What a file depends on, as its name: LLVM, the processor, and the parts."""
    import llvmlite
    from llvmlite.binding import llvm_version_info

    versions = (llvmlite.__version__, str(llvm_version_info))
    return hashlib.sha256("\n".join((*versions, str(target), *parts)).encode()).hexdigest()[:32]


class Linker:
    """Compiles for this machine and keeps what is linked."""

    def __init__(self) -> None:
        import llvmlite.binding as llvm

        self.llvm = llvm
        self.target = host()
        self.compiler = Compiler(self.target.triple, self.target.cpu, self.target.features)
        backing = llvm.parse_assembly("")
        backing.triple = self.target.triple
        machine = create_machine(self.target)  # the engine keeps it
        self.engine = llvm.create_mcjit_compiler(backing, machine)
        self.addresses: dict[str, int] = {}
        self.lock = lock()

    def functions(
        self, names: Sequence[str], kernels: Sequence[Kernel], processors: int = 1
    ) -> list[int]:
        """The addresses of the kernels' code; what is not on disk is compiled."""
        with self.lock:
            self._provide(names, kernels, processors)
        return [self.addresses[name] for name in names]

    def _provide(self, names: Sequence[str], kernels: Sequence[Kernel], processors: int) -> None:
        missing: dict[str, Kernel] = {}
        for name, kernel in zip(names, kernels, strict=True):
            if self.found(name):
                continue
            if isinstance(kernel, Host):
                self.addresses[name] = host_address(kernel)
            else:
                missing[name] = kernel
        if missing:
            self._make(missing, processors)

    def names(self, kernels: Sequence[Kernel]) -> list[str]:
        """What the kernels' code is called."""
        return [kernel_name(kernel, self.target) for kernel in kernels]

    def found(self, name: str) -> bool:
        """Whether a kernel is linked already, or can be from the disk."""
        if name not in self.addresses:
            code = None if name.startswith(HOST) else cache.read(name[5:], "o")
            if code is None:
                return False
            self.link(name, code)
        return True

    @staticmethod
    def hosts(names: Sequence[str]) -> bool:
        """Whether NumPy runs one of these kernels."""
        return any(name.startswith(HOST) for name in names)

    def _make(self, kernels: Mapping[str, Kernel], processors: int) -> None:
        """Compile kernels, with other processes where they are many."""
        start = time.perf_counter()
        with Crew(self.target, len(kernels), processors) as crew:
            texts = [llvm_text(kernel, name, self.target) for name, kernel in kernels.items()]
            codes = crew.compile(texts, self.compiler.compile)
        milliseconds = (time.perf_counter() - start) * 1e3 / len(codes)
        for name, code in zip(kernels, codes, strict=True):
            emit("kernel", kernel=name, milliseconds=round(milliseconds, 1), cached=False)
            cache.write(name[5:], "o", code)
            self.link(name, code)

    def module(self, name: str, text: str) -> None:
        """Link a module that is not a kernel; ``name`` is one of its functions."""
        key = hashed(self.target, fingerprint("worker.py"), text)
        with self.lock:
            if name in self.addresses:
                return
            code = cache.read(key, "o")
            if code is None:
                code = self.compiler.compile(text)
                cache.write(key, "o", code)
            self.link(name, code)

    def link(self, name: str, code: bytes) -> None:
        """Put an object file into the process; ``name`` is one of its functions."""
        self.engine.add_object_file(self.llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()
        self.addresses[name] = self.address(name)

    def address(self, name: str) -> int:
        """Where a linked function is."""
        return int(self.engine.get_function_address(name))

    def shown(self, kernel: Kernel, kind: str) -> str:
        """The kernel's ``"loops"``, optimised ``"llvm"`` or ``"asm"``, for people."""
        if kind == "loops":
            return str(kernel)
        text = llvm_text(kernel, kernel_name(kernel, self.target), self.target)
        if kind == "llvm":
            return str(self.compiler.optimised(text))
        return self.compiler.assembly(text)


def create_machine(target: Target) -> Any:
    """LLVM's description of a target, cross-compiling included."""
    return worker.create_machine(target.triple, target.cpu, target.features)


@lru_cache(maxsize=1)
def linker() -> Linker:
    """The one linker of this process."""
    return Linker()

"""Kernels to machine code: generated, optimised by LLVM, cached on disk, linked into the process.

A kernel's text and the target decide its code, so they are the key. The cache holds plain object
files; a damaged or foreign one is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from glia.base.config import cache_folder
from glia.base.events import emit
from glia.compiler.codegen import contraction, nest, transpose
from glia.compiler.codegen.targets import Target, host
from glia.compiler.schedule.loops import Contraction, Kernel

#: Part of every key: raise it when the generated code changes for the same kernel text.
GENERATION = 7
MAGIC = b"glia-object\0"


def llvm_text(kernel: Kernel, name: str, target: Target) -> str:
    """LLVM IR of a kernel, before optimisation."""
    if isinstance(kernel, Contraction):
        return contraction.generate(kernel, name, target)
    if transpose.turned(kernel, target):
        return transpose.generate(kernel, name, target)
    return nest.generate(kernel, name, target)


def kernel_name(kernel: Kernel, target: Target) -> str:
    """A name that is the same for the same code only."""
    import llvmlite

    parts = (str(GENERATION), llvmlite.__version__, target.triple, target.cpu, target.features)
    text = "\n".join((*parts, str(target.vector_bytes), str(target.registers), str(kernel)))
    return "glia_" + hashlib.sha256(text.encode()).hexdigest()[:32]


class Linker:
    """Compiles for this machine and keeps what is linked."""

    def __init__(self) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.llvm = llvm
        self.target = host()
        self.machine = create_machine(self.target)
        backing = llvm.parse_assembly("")
        backing.triple = self.target.triple
        self.engine = llvm.create_mcjit_compiler(backing, create_machine(self.target))
        self.addresses: dict[str, int] = {}

    def function(self, kernel: Kernel) -> int:
        """The address of the kernel's code."""
        name = kernel_name(kernel, self.target)
        found = self.addresses.get(name)
        if found is None:
            found = self.addresses[name] = self.link(name, self._object(kernel, name))
        return found

    def link(self, name: str, code: bytes) -> int:
        """Put an object file into the process; the address of one of its functions."""
        self.engine.add_object_file(self.llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()
        return self.address(name)

    def address(self, name: str) -> int:
        """Where a linked function is."""
        return int(self.engine.get_function_address(name))

    def _object(self, kernel: Kernel, name: str) -> bytes:
        path = cache_folder() / name[5:7] / (name[5:] + ".o")
        code = _read(path)
        if code is None:
            start = time.perf_counter()
            code = self.compile(llvm_text(kernel, name, self.target))
            milliseconds = (time.perf_counter() - start) * 1e3
            emit("kernel", kernel=name, milliseconds=round(milliseconds, 1), cached=False)
            _write(path, code)
        return code

    def compile(self, text: str) -> bytes:
        """Optimised machine code of a module, as an object file."""
        module = self.optimised(text)
        return bytes(self.machine.emit_object(module))

    def optimised(self, text: str) -> Any:
        """The module after LLVM's passes."""
        module = self.llvm.parse_assembly(f'target triple = "{self.target.triple}"\n{text}')
        options = self.llvm.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization = True
        options.slp_vectorization = False
        options.loop_unrolling = True
        builder = self.llvm.create_pass_builder(self.machine, options)
        builder.getModulePassManager().run(module, builder)
        return module

    def assembly(self, kernel: Kernel) -> str:
        """The kernel's assembly, for people."""
        name = kernel_name(kernel, self.target)
        return str(self.machine.emit_assembly(self.optimised(llvm_text(kernel, name, self.target))))


def create_machine(target: Target) -> Any:
    """LLVM's description of a target, cross-compiling included."""
    import llvmlite.binding as llvm

    found = llvm.Target.from_triple(target.triple)
    return found.create_target_machine(
        cpu=target.cpu, features=target.features, opt=3, reloc="default", codemodel="jitdefault"
    )


@lru_cache(maxsize=1)
def linker() -> Linker:
    """The one linker of this process."""
    return Linker()


def _read(path: Path) -> bytes | None:
    """A cached object, or None when there is none that is whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head = len(MAGIC) + 32
    code = data[head:]
    if data[: len(MAGIC)] != MAGIC or data[len(MAGIC) : head] != hashlib.sha256(code).digest():
        return None
    return code


def _write(path: Path, code: bytes) -> None:
    """Keep an object; another process may do the same at the same time. Failure costs nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC + hashlib.sha256(code).digest() + code)
        os.replace(temporary, path)
    except OSError as error:
        emit("cache", error=str(error))

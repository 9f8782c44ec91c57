"""LLVM IR to object files; also a program of its own, so that several can work at once.

Run as a script it reads a line that describes the target, then modules, and writes object files.
It is started by its path, not with ``-m`` or by multiprocessing, so it imports neither glia nor
anything of the user's.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import IO, Any


class Compiler:
    """LLVM's passes and code generator for one target."""

    def __init__(self, triple: str, cpu: str, features: str) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.llvm = llvm
        self.triple = triple
        self.machine = create_machine(triple, cpu, features)

    def optimised(self, text: str) -> Any:
        """The module after LLVM's passes."""
        module = self.llvm.parse_assembly(f'target triple = "{self.triple}"\n{text}')
        options = self.llvm.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization = True
        options.slp_vectorization = False
        options.loop_unrolling = True
        builder = self.llvm.create_pass_builder(self.machine, options)
        builder.getModulePassManager().run(module, builder)
        return module

    def compile(self, text: str) -> bytes:
        """Optimised machine code of a module, as an object file."""
        return bytes(self.machine.emit_object(self.optimised(text)))

    def assembly(self, text: str) -> str:
        """The same as assembly, for people."""
        return str(self.machine.emit_assembly(self.optimised(text)))


def create_machine(triple: str, cpu: str, features: str) -> Any:
    """LLVM's description of a target, cross-compiling included."""
    import llvmlite.binding as llvm

    found = llvm.Target.from_triple(triple)
    return found.create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="default", codemodel="jitdefault"
    )


# Messages between the processes: eight bytes of length, then so many bytes


def send(stream: IO[bytes], data: bytes) -> None:
    stream.write(len(data).to_bytes(8, "little") + data)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """The next message; None when the other side is gone."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "little")
    data = stream.read(size)
    return data if len(data) == size else None


def main() -> None:
    """Compile what comes in until there is no more; an empty answer means it did not compile."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us decides when to stop
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that LLVM prints may get between the answers
    head = json.loads(sys.stdin.buffer.readline())
    sys.path.append(head["path"])
    compiler = Compiler(*head["target"])
    send(answers, b"")  # ready
    while (text := receive(sys.stdin.buffer)) is not None:
        try:
            code = compiler.compile(text.decode())
        except Exception:
            code = b""
        send(answers, code)


if __name__ == "__main__":
    main()

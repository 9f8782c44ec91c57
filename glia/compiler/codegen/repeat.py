"""Code for a repetition: its kernels as functions of one module, and the loops that call them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glia.compiler.codegen.llvm import Builder, joined
from glia.compiler.codegen.nest import pointers, share
from glia.compiler.schedule.loops import Address, Call, Contraction, Nest, Repeat, Scatter

Generate = Callable[[Nest | Contraction | Scatter, str], str]


def generate(kernel: Repeat, name: str, code_of: Generate) -> str:
    """LLVM IR of the repetition; ``code_of`` gives that of a kernel inside, under a name."""
    return _Generator(kernel, name).run(code_of)


class _Generator:
    def __init__(self, kernel: Repeat, name: str) -> None:
        self.k, self.name = kernel, name
        self.b = Builder()
        self.functions: dict[str, tuple[str, Nest | Contraction | Scatter]] = {}

    def run(self, code_of: Generate) -> str:
        b, k = self.b, self.k
        self.pointers = pointers(b, len(k.args))
        most = max(len(call.args) for _, calls in k.sections for call in calls)
        self.given = b.op(f"alloca [{most} x ptr], align 16")
        low, high = share(b, k.slices)

        def one(s: str, _carried: list[str]) -> list[str]:
            for turns, calls in k.sections:
                self.section(s, turns, calls)
            return []

        b.loop(low, high, 1, (), one, "slice")
        b.line("ret void")
        own = b.text(self.name, "ptr %buffers, i64 %thread, i64 %threads")
        return joined(own, [code_of(kernel, name) for name, kernel in self.functions.values()])

    def section(self, s: str, turns: int, calls: Sequence[Call]) -> None:
        def turn(t: str, _carried: list[str]) -> list[str]:
            for call in calls:
                self.call(call, s, t)
            return []

        if turns == 1:
            turn("0", [])
        else:
            self.b.loop("0", str(turns), 1, (), turn, "turn")

    def call(self, call: Call, s: str, t: str) -> None:
        b = self.b
        for number, address in enumerate(call.args):
            at = b.op(f"getelementptr ptr, ptr {self.given}, i64 {number}")
            b.line(f"store ptr {self.place(address, s, t)}, ptr {at}")
        b.line(f"call void @{self.function(call.kernel)}(ptr {self.given}, i64 0, i64 1)")

    def place(self, address: Address, s: str, t: str) -> str:
        b = self.b
        offset = str(address.start)
        for step, of in ((address.per_turn, t), (address.per_slice, s)):
            if step and of != "0":
                offset = b.integer("add nsw", b.integer("mul nsw", of, str(step)), offset)
        return b.address(self.pointers[address.arg], offset, self.k.args[address.arg])

    def function(self, kernel: Nest | Contraction | Scatter) -> str:
        """The name of a kernel's function; equal kernels are one."""
        name = f"{self.name}_{len(self.functions)}"
        return self.functions.setdefault(str(kernel), (name, kernel))[0]

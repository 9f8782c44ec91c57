"""Writing LLVM IR as text: names, blocks, loops, and typed instructions over lanes.

With ``lanes == 1`` an instruction works on scalars, else on vectors of so many elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glia.base.dtypes import DType
from glia.compiler.index import Index, Quotient, Remainder, Var


def splat_type(scalar: str, lanes: int) -> str:
    """``float`` or ``<16 x float>``."""
    return scalar if lanes == 1 else f"<{lanes} x {scalar}>"


def register_type(dtype: DType, lanes: int) -> str:
    """The type of a value in a register: bools are single bits there, bytes in memory."""
    return splat_type("i1" if dtype.kind == "bool" else dtype.llvm, lanes)


def float_text(value: float, dtype: DType) -> str:
    """A floating-point constant as LLVM wants it: the bits of the double, in hex."""
    import struct

    import numpy as np

    if dtype.itemsize == 4:
        with np.errstate(over="ignore"):
            value = float(np.float32(value))
    return "0x" + struct.pack(">d", value).hex().upper()


#: What every module ends with: how LLVM should treat loops, and stores past the caches.
METADATA = (
    '!0 = distinct !{!0, !1, !2}\n!1 = !{!"llvm.loop.vectorize.enable", i1 false}\n'
    '!2 = !{!"llvm.loop.unroll.disable"}\n!3 = !{i32 1}\n'
)


def joined(module: str, others: Sequence[str]) -> str:
    """One module with the functions of all; those of the others can be called from inside only."""
    declared: dict[str, None] = {}
    functions: list[str] = []
    for text in (module, *others):
        head, _, body = text.removesuffix(METADATA).partition("\n\ndefine ")
        declared.update(dict.fromkeys(head.splitlines()))
        if functions:
            body = "internal " + body.replace(") nounwind {", ") nounwind noinline {", 1)
        functions.append("define " + body)
    return "\n".join(declared) + "\n\n" + "".join(functions) + METADATA


class Builder:
    """Text of one function; ``scales`` where vectors of 64 bytes can be scaled by powers of two."""

    def __init__(self, scales: bool = False) -> None:
        self.scales = scales
        self.lines: list[str] = []
        self.declarations: dict[str, str] = {}
        self.block = "entry"
        self._count = 0
        self._metadata = 0
        self.lines.append("entry:")

    def fresh(self, hint: str = "t") -> str:
        self._count += 1
        return f"%{hint}{self._count}"

    def line(self, text: str) -> None:
        self.lines.append("  " + text)

    def op(self, text: str) -> str:
        """An instruction with a result."""
        name = self.fresh()
        self.line(f"{name} = {text}")
        return name

    def start(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.block = label

    def label(self, hint: str) -> str:
        self._count += 1
        return f"{hint}{self._count}"

    def declare(self, name: str, signature: str) -> None:
        self.declarations[name] = signature

    def call(self, name: str, result: str, args: Sequence[tuple[str, str]]) -> str:
        """Call an intrinsic or library function."""
        types = ", ".join(kind for kind, _ in args)
        self.declare(name, f"declare {result} @{name}({types})")
        shown = ", ".join(f"{kind} {value}" for kind, value in args)
        return self.op(f"call {result} @{name}({shown})")

    # Integers

    def integer(self, operation: str, a: str, b: str) -> str:
        return self.op(f"{operation} i64 {a}, {b}")

    def index(self, index: Index, env: dict[Var, str]) -> str:
        """An index as an i64."""
        total = ""
        for atom, coefficient in index.terms:
            term = self._atom(atom, env)
            if coefficient != 1:
                term = self.integer("mul nsw", term, str(coefficient))
            total = term if not total else self.integer("add nsw", total, term)
        if not total:
            return str(index.constant)
        if index.constant:
            total = self.integer("add nsw", total, str(index.constant))
        return total

    def _atom(self, atom: Var | Quotient | Remainder, env: dict[Var, str]) -> str:
        if isinstance(atom, Var):
            return env[atom]
        inner = self.index(atom.of, env)
        low, _ = atom.of.bounds()
        shift = -(low // atom.by) if low < 0 else 0
        if shift:
            inner = self.integer("add nsw", inner, str(shift * atom.by))
        if isinstance(atom, Remainder):
            return self.integer("urem", inner, str(atom.by))
        result = self.integer("udiv", inner, str(atom.by))
        return self.integer("sub nsw", result, str(shift)) if shift else result

    def loop(
        self,
        low: str,
        high: str,
        step: int,
        carried: Sequence[tuple[str, str]],
        body: Callable[[str, list[str]], list[str]],
        hint: str = "loop",
        unroll: bool = False,
    ) -> list[str]:
        """``for i in range(low, high, step)`` carrying (type, initial value) pairs along."""
        head, inside, done = (self.label(f"{hint}.{part}") for part in ("head", "body", "done"))
        before = self.block
        self.line(f"br label %{head}")
        self.start(head)
        i = self.fresh("i")
        phis = [self.fresh("acc") for _ in carried]
        mark = len(self.lines)
        self.lines.append("")  # the phis, once the back edge is known
        more = self.op(f"icmp slt i64 {i}, {high}")
        self.line(f"br i1 {more}, label %{inside}, label %{done}")
        self.start(inside)
        results = body(i, phis)
        following = self.integer("add nsw", i, str(step))
        tail = self.block
        self.line(f"br label %{head}" + ("" if unroll else ", !llvm.loop !0"))
        text = [f"  {i} = phi i64 [ {low}, %{before} ], [ {following}, %{tail} ]"]
        for phi, (kind, initial), result in zip(phis, carried, results, strict=True):
            text.append(f"  {phi} = phi {kind} [ {initial}, %{before} ], [ {result}, %{tail} ]")
        self.lines[mark] = "\n".join(text)
        self.start(done)
        return phis

    def branch(self, condition: str, then: Callable[[], None], other: Callable[[], None]) -> None:
        """``if condition: then() else: other()``, without results."""
        yes, no, join = self.label("then"), self.label("else"), self.label("join")
        self.line(f"br i1 {condition}, label %{yes}, label %{no}")
        self.start(yes)
        then()
        self.line(f"br label %{join}")
        self.start(no)
        other()
        self.line(f"br label %{join}")
        self.start(join)

    # Lanes

    def splat(self, value: str, scalar: str, lanes: int) -> str:
        """A scalar in every lane."""
        if lanes == 1:
            return value
        kind = splat_type(scalar, lanes)
        if value[0] != "%":
            return f"splat ({scalar} {value})"
        single = self.op(f"insertelement {kind} poison, {scalar} {value}, i64 0")
        mask = f"<{lanes} x i32> zeroinitializer"
        return self.op(f"shufflevector {kind} {single}, {kind} poison, {mask}")

    def address(self, pointer: str, offset: str, dtype: DType) -> str:
        return self.op(f"getelementptr inbounds {dtype.llvm}, ptr {pointer}, i64 {offset}")

    def load(self, pointer: str, offset: str, dtype: DType, lanes: int) -> str:
        """Consecutive elements from memory into a register."""
        at = self.address(pointer, offset, dtype)
        kind = splat_type(dtype.llvm, lanes)
        value = self.op(f"load {kind}, ptr {at}, align {dtype.itemsize}")
        if dtype.kind == "bool":
            return (
                self.op(f"icmp ne {kind} {value}, zeroinitializer")
                if lanes > 1
                else self.op(f"icmp ne {kind} {value}, 0")
            )
        return value

    def prefetch(self, pointer: str, offset: str, dtype: DType, write: bool) -> None:
        """Ask for the line of an element, which will be read or written."""
        at = self.address(pointer, offset, dtype)
        self.declare("llvm.prefetch.p0", "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.line(f"call void @llvm.prefetch.p0(ptr {at}, i32 {int(write)}, i32 3, i32 1)")

    def store(
        self,
        value: str,
        pointer: str,
        offset: str,
        dtype: DType,
        lanes: int,
        stream: bool = False,
    ) -> None:
        """A register to memory; with ``stream`` past the caches, to whole aligned vectors."""
        at = self.address(pointer, offset, dtype)
        kind = splat_type(dtype.llvm, lanes)
        if dtype.kind == "bool":
            value = self.op(f"zext {register_type(dtype, lanes)} {value} to {kind}")
        how = f"align {dtype.itemsize}"
        if stream:
            how = f"align {dtype.itemsize * lanes}, !nontemporal !3"
        self.line(f"store {kind} {value}, ptr {at}, {how}")

    def text(self, name: str, arguments: str) -> str:
        """The finished module."""
        body = "\n".join(self.lines)
        declared = "\n".join(self.declarations.values())
        return (
            f"{declared}\n\ndefine void @{name}({arguments}) nounwind {{\n{body}\n}}\n\n" + METADATA
        )

"""Kernels as text: what each computes, for which line, in which loops, and its machine code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.base.i18n import tr
from glia.compiler.program import Step
from glia.ir.expr import Expr, intern, topological
from glia.ir.ops.source import leaf
from glia.ir.text import show
from glia.runtime.execute import Bound, profilers
from glia.runtime.threads import pool

#: What a kernel can be shown as.
KINDS = ("loops", "llvm", "asm")
#: Operations written between their arguments.
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "lt": "<", "le": "<="}
INFIX |= {"gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
#: Columns of a formula in one line.
LONG = 90


class Watch:
    """Keeps the programs that run inside a ``with`` block, and lets them run."""

    def __init__(self) -> None:
        self.programs: list[Any] = []

    def __enter__(self) -> Watch:
        profilers.append(self)
        return self

    def __exit__(self, *_exception: object) -> None:
        profilers.remove(self)

    def run(self, program: Bound) -> None:
        """Run a program as ever; remember it once."""
        if program.loaded not in self.programs:
            self.programs.append(program.loaded)
        pool().launch(program.table, program.loaded.parallel)

    def text(self, kind: str) -> str:
        """All kernels of these programs."""
        from glia.compiler.native import linker

        steps = [step for program in self.programs for step in program.plan.steps]
        parts = []
        for number, step in enumerate(steps, 1):
            code = f"  {kind}:\n" + _indented(linker().shown(step.kernel, kind))
            parts.append(f"{_title(step, number, len(steps))}\n{_formula(step)}\n{code}")
        return "\n\n".join(parts)


def _title(step: Step, number: int, count: int) -> str:
    """Which kernel, for which part of the user's program, and what its arguments are."""
    head = tr(f"kernel {number} of {count}", f"内核 {number}/{count}")
    serial = tr("one thread", "单线程") if step.serial else tr("all threads", "多线程")
    node = step.node
    if node.op.name == "leaf":  # a slot: many programs' lines have read it
        place = [tr("copy", "复制"), serial]
    else:
        place = [node.op.name, node.path, str(node.location or ""), serial]
    lines = [f"── {head}: " + " · ".join(part for part in place if part)]
    for number, (value, buffer) in enumerate(zip(step.values, step.args, strict=True)):
        written = number in step.writes
        verb = tr("writes", "写") if written else tr("reads", "读")
        size = ",".join(map(str, value.shape))
        lines.append(f"  arg{number} {verb} {value.dtype.name}[{size}] ({_where(buffer.kind)})")
    return "\n".join(lines)


def _where(kind: str) -> str:
    if kind == "arena":
        return tr("temporary", "临时")
    return tr("a tensor", "张量") if kind == "leaf" else tr("result", "结果")


def _formula(step: Step) -> str:
    """What the results are in terms of the other arguments, in the notation of ``ir/text.py``."""
    inputs = {
        value: leaf(number, value.shape, value.dtype)
        for number, value in reversed(list(enumerate(step.values)))
        if number not in step.writes
    }
    results = _in_terms_of([step.values[number] for number in step.writes], inputs)
    *lines, last = show(results).splitlines()
    names = zip(step.writes, last.split()[1:], strict=True)
    lines = [_as_argument(line) for line in lines]
    lines += [f"arg{number} = {name}" for number, name in names]
    short = [_short(result) for result in results]
    heads = [f"  arg{n} = {text}" for n, text in zip(step.writes, short, strict=True) if text]
    return "\n".join([*heads, _indented("\n".join(lines))])


def _short(result: Expr) -> str:
    """The formula in one line, without changes of shape; nothing when it would be long."""
    texts: dict[Expr, str] = {}
    sums: set[Expr] = set()  # what needs parentheses inside another operation
    for node in topological((result,)):
        plain = [texts[child] for child in node.inputs]
        args = [f"({texts[c]})" if c in sums else texts[c] for c in node.inputs]
        name = node.op.name
        if name == "leaf":
            texts[node] = f"arg{node.attrs[0]}"
        elif name == "const":
            texts[node] = _number(node.attrs[0])
        elif name == "contract" or name in INFIX:
            sums.add(node)
            texts[node] = "Σ " + "·".join(args) if name == "contract" else _infix(name, args)
        elif node.op.kind == "view":
            texts[node] = plain[0]
            if node.inputs[0] in sums:
                sums.add(node)
        else:
            texts[node] = f"{name}({', '.join(plain)})"
        if len(texts[node]) > LONG:
            return ""
    return texts[result]


def _infix(name: str, args: Sequence[str]) -> str:
    return f"{args[0]} {INFIX[name]} {args[1]}"


def _number(value: object) -> str:
    return f"{float.fromhex(value):g}" if isinstance(value, str) else str(value)


def _as_argument(line: str) -> str:
    return line.replace("leaf[slot=", "arg").replace("]", "", 1) if "leaf[slot=" in line else line


def _in_terms_of(results: Sequence[Expr], inputs: dict[Expr, Expr]) -> list[Expr]:
    """The results, cut off at the inputs."""
    done = dict(inputs)
    stack = list(results)
    while stack:
        node = stack[-1]
        missing = [child for child in node.inputs if child not in done]
        if node in done or not missing:
            stack.pop()
            if node not in done:
                children = tuple([done[child] for child in node.inputs])
                done[node] = intern(node.op, children, node.attrs)
        else:
            stack.extend(missing)
    return [done[node] for node in results]


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.rstrip().splitlines())

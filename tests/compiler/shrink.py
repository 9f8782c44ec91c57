"""A program with inputs to compare on; what is wrong with it; and a smaller one as wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from glia.ir.expr import Expr, intern, topological
from glia.ir.interpret import interpret
from glia.ir.ops import source
from glia.ir.text import show


@dataclass
class Case:
    """Outputs, the arrays their leaves hold, and how far each output may be off."""

    outputs: list[Expr]
    values: dict[Expr, np.ndarray]
    allowed: dict[Expr, float] = field(default_factory=dict)

    def text(self) -> str:
        return show(self.outputs)


Run = Callable[[Sequence[Expr], dict[Expr, np.ndarray]], list[np.ndarray]]


def fault(case: Case, run: Run) -> str | None:
    """What is wrong with the compiled values, or None."""
    expected = interpret(case.outputs, case.values)
    try:
        found = run(case.outputs, case.values)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    for i, (node, a, b) in enumerate(zip(case.outputs, found, expected)):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"output {i}: {a.dtype}{a.shape} instead of {b.dtype}{b.shape}"
        allowed = case.allowed.get(node, 0.0)
        if a.dtype.kind == "f":
            with np.errstate(all="ignore"):
                wrong = ~(abs(a - b) <= allowed) & ~(np.isnan(a) & np.isnan(b)) & (a != b)
        else:
            wrong = a != b
        if wrong.any():
            where = tuple(int(n) for n in np.argwhere(wrong)[0])
            share = f"{int(wrong.sum())} of {wrong.size} wrong"
            return f"output {i}{list(where)}: {a[where]!r}, expected {b[where]!r} ({share})"
    return None


def shrink(case: Case, run: Run) -> Case:
    """A smaller case that fails too: fewer outputs, inner nodes replaced by leaves."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(case):
            if fault(candidate, run) is not None:
                case, smaller = candidate, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """One output less, one node replaced by its value, or a part instead of an output."""
    if len(case.outputs) > 1:
        for i in range(len(case.outputs)):
            rest = case.outputs[:i] + case.outputs[i + 1 :]
            yield Case(rest, _needed(rest, case.values), case.allowed)
    order = topological(case.outputs)
    for node in reversed(order):
        if node.op.kind != "source" and node not in case.outputs:
            yield _cut(case, node)
        elif node in case.outputs and node.op.kind != "source":
            # a failing part of an output is the better output
            children = [c for c in node.inputs if c.op.kind != "source"]
            for child in children:
                loose = max(case.allowed.get(node, 0.0), 0.0)
                outputs = [child if o is node else o for o in case.outputs]
                allowed = {**case.allowed, child: case.allowed.get(child, loose)}
                yield Case(outputs, _needed(outputs, case.values), allowed)


def _needed(outputs: Sequence[Expr], values: dict[Expr, np.ndarray]) -> dict[Expr, np.ndarray]:
    return {n: values[n] for n in topological(outputs) if n.op.name == "leaf"}


def _cut(case: Case, node: Expr) -> Case:
    """The case with one node replaced by a leaf of its value."""
    (value,) = interpret([node], case.values)
    fresh = source.leaf(min(n.attrs[0] for n in case.values) - 1, node.shape, node.dtype)
    done: dict[Expr, Expr] = {}
    for part in topological(case.outputs):
        inputs = tuple(done[child] for child in part.inputs)
        done[part] = fresh if part is node else intern(part.op, inputs, part.attrs)
    outputs = [done[o] for o in case.outputs]
    values = {**case.values, fresh: value}
    allowed = {done[o]: case.allowed.get(o, 0.0) for o in case.outputs}
    return Case(outputs, _needed(outputs, values), allowed)

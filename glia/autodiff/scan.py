"""The derivative of a scan: a scan that runs the other way.

At step t the gradient of the carry after the step, ``ḡ``, becomes that of the carry before it and
of what the step read: ``pullback(body, ḡ)``. What the body's pullback needs of the forward pass is
taken from stacks of the forward loop: the carries, and contractions' followers; cheaper values
are computed again. Gradients of constants are summed after the loop, in one contraction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glia.ir.build import add, full
from glia.ir.expr import Expr, substituted, topological
from glia.ir.ops.control import fresh, variables
from glia.ir.ops.view import reshape
from glia.ir.scan import Loop, part

Pullback = Callable[[Expr, Sequence[Expr], Expr], list[Expr | None]]
#: Looked through to find what is worth storing.
VIEWS = frozenset(("reshape", "permute", "expand", "slice", "flip", "detach"))


def scan_gradient(node: Expr, g: Expr, pullback: Pullback) -> tuple[Expr | None, ...]:
    """One gradient per input of a scan."""
    return _Reverse(node, g, pullback).run()


class _Reverse:
    def __init__(self, node: Expr, g: Expr, pullback: Pullback) -> None:
        self.node, self.g, self.pullback = node, g, pullback
        self.kind, self.out, carry, sequences, self.length, self.reverse = node.attrs
        self.carry: tuple[Expr, ...] = carry
        parts = variables(node.inputs, len(carry), sequences)
        self.state, self.slices, self.consts = parts
        self.forward = Loop(
            self.state,
            node.inputs[: len(carry)],
            self.slices,
            node.inputs[len(carry) : len(carry) + sequences],
            carry,
            (),
            self.reverse,
            self.length,
        )
        # the forward loop as it is: same inputs, same numbers
        self.forward.inputs, self.forward.sequences = node.inputs, sequences
        self.forward.names = {v: v for v in (*self.state, *self.slices, *self.consts)}
        self.forward.body = carry

    def run(self) -> tuple[Expr | None, ...]:
        floats = [i for i, c in enumerate(self.carry) if c.dtype.kind == "float"]
        incoming = {i: fresh(self.carry[i].shape, self.carry[i].dtype) for i in floats}
        start, xs = self._seeds(floats)
        parts = self._pulled(incoming, xs)
        zero = {self.state[i]: self._zero(i) for i in floats}
        roots = {**zero, **parts}
        known = self._residuals(list(roots.values()))
        given = {node: fresh(node.shape, node.dtype) for node in known}
        slices = {**xs, **{given[node]: stack for node, stack in known.items()}}
        given.update(zip(self.consts, self.node.inputs[-len(self.consts) :], strict=False))
        roots = dict(zip(roots, substituted(roots.values(), given), strict=True))
        loop = Loop(
            list(incoming.values()),
            [start[i] for i in floats],
            list(slices),
            list(slices.values()),
            [roots[self.state[i]] for i in floats],
            [roots[v] for v in (*self.slices, *self.consts) if v in roots],
            not self.reverse,
            self.length,
        )
        return self._results(loop, floats, roots)

    def _zero(self, number: int) -> Expr:
        return full(self.carry[number].shape, 0.0, self.carry[number].dtype)

    def _results(
        self, loop: Loop, floats: list[int], roots: dict[Expr, Expr]
    ) -> tuple[Expr | None, ...]:
        found: list[Expr | None] = [None] * len(self.state)
        for place, i in enumerate(floats):
            found[i] = loop.final(place)
            if self.kind == "states" and i == self.out:
                first = self._at(self.length if self.reverse else 0)
                found[i] = add(loop.final(place), first)
        found += [loop.stack(roots[v]) if v in roots else None for v in self.slices]
        found += [loop.total(roots[v]) if v in roots else None for v in self.consts]
        return tuple(found)

    # What comes in

    def _at(self, t: int) -> Expr:
        """The incoming gradient of one of the states."""
        return reshape(part(self.g, t, 1), self.g.shape[1:])

    def _seeds(self, floats: list[int]) -> tuple[dict[int, Expr], dict[Expr, Expr]]:
        """The gradients the reverse loop starts with, and those it meets on its way."""
        start = {i: self._zero(i) for i in floats}
        if self.kind == "final":
            start[self.out] = self.g
            return start, {}
        last = 0 if self.reverse else self.length
        if self.kind == "states":
            low, high = support(self.g)
            if (low, high) == (last, last + 1):
                start[self.out] = self._at(last)
                return start, {}
            met = part(self.g, 0 if self.reverse else 1, self.length)
        else:
            met = self.g
        self.met = fresh(met.shape[1:], met.dtype)
        return start, {self.met: met}

    def _pulled(self, incoming: dict[int, Expr], xs: dict[Expr, Expr]) -> dict[Expr, Expr]:
        """The gradient of everything the body reads."""
        wanted = [*self.state, *self.slices, *self.consts]
        wanted = [v for v in wanted if v.dtype.kind == "float"]
        seeds = []
        for i, seed in incoming.items():
            if xs and self.kind == "states" and i == self.out:
                seed = add(seed, self.met)
            seeds.append((self.carry[i], seed))
        if self.kind == "stack" and self.out.dtype.kind == "float":
            seeds.append((self.out, self.met))
        parts: dict[Expr, Expr] = {}
        for value, seed in seeds:
            for v, g in zip(wanted, self.pullback(value, wanted, seed), strict=True):
                if g is not None:
                    parts[v] = add(parts[v], g) if v in parts else g
        return parts

    # What is kept of the forward loop

    def _residuals(self, roots: Sequence[Expr]) -> dict[Expr, Expr]:
        """Values of the forward body that the reverse one reads, with their stacks."""
        outs = [self.out] if self.kind == "stack" else []
        primal = set(topological([*self.carry, *outs]))
        border: set[Expr] = set()
        for node in topological(roots, primal):
            border.update(child for child in node.inputs if child in primal)
        border.update(root for root in roots if root in primal)
        kept = {v: self.forward.before(number) for number, v in enumerate(self.state)}
        kept.update((v, self.forward.stacks[v]) for v in self.slices)
        for number, value in enumerate(self.carry):
            kept.setdefault(value, self.forward.after(number))
        for node in topological(border):
            base = node
            while base.op.name in VIEWS and base.inputs:
                base = base.inputs[0]
            if node in border and self._costly(base, kept):
                kept[base] = self.forward._given(base)
        used = set(topological(roots, kept)) | set(roots)
        read = {child for node in used for child in node.inputs} | set(roots)
        return {node: stack for node, stack in kept.items() if node in read}

    def _costly(self, node: Expr, kept: dict[Expr, Expr]) -> bool:
        """Whether it takes a contraction to compute a value again."""
        if node in kept:
            return False
        return any(n.op.name in ("contract", "scan") for n in topological((node,), kept))


def support(g: Expr) -> tuple[int, int]:
    """Outside which range of the first dimension an expression is certainly zero."""
    return _support(g, 0)


def _support(g: Expr, dim: int) -> tuple[int, int]:
    size = g.shape[dim]
    if g.op.name == "permute":
        return _support(g.inputs[0], g.attrs[0][dim])
    if g.op.name == "pad":
        before = g.attrs[0][dim]
        low, high = _support(g.inputs[0], dim)
        return before + low, before + high
    if g.op.name == "add":
        (a, b), (c, d) = (_support(child, dim) for child in g.inputs)
        return min(a, c), max(b, d)
    if g.op.name == "slice" and g.attrs[2][dim] == 1:
        start = g.attrs[0][dim]
        low, high = _support(g.inputs[0], dim)
        return max(low - start, 0), min(high - start, size)
    return 0, size

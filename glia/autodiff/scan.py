"""The derivative of a loop: a loop that runs the other way.

At step t the gradient of the carry after the step, ``ḡ``, becomes that of the carry before it and
of what the step read: ``pullback(body, ḡ)``. What the body's pullback needs of the forward pass is
taken from stacks of the forward loop: the carries, and contractions' followers; cheaper values
are computed again. Gradients of constants are summed after the loop, in one contraction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from glia.ir.build import add, full
from glia.ir.expr import Expr, substituted, topological
from glia.ir.ops.control import fresh, variables
from glia.ir.ops.view import reshape
from glia.ir.scan import Loop, part

Pullback = Callable[[Mapping[Expr, Expr], Sequence[Expr]], list[Expr | None]]
#: Looked through to find what is worth storing.
VIEWS = frozenset(("reshape", "permute", "expand", "slice", "flip", "detach"))


def scan_gradient(
    results: Sequence[tuple[Expr, Expr]], pullback: Pullback
) -> tuple[Expr | None, ...]:
    """One gradient per input of a loop, from some of its results and their gradients."""
    return _Reverse(results, pullback).run()


def _added(to: dict[Any, Expr], key: Any, g: Expr) -> None:
    """Add to what there is."""
    to[key] = add(to[key], g) if key in to else g


class _Reverse:
    def __init__(self, results: Sequence[tuple[Expr, Expr]], pullback: Pullback) -> None:
        self.results, self.pullback = results, pullback
        self.node = node = results[0][0]
        carry, sequences, self.length, self.reverse = node.attrs[2:]
        self.carry: tuple[Expr, ...] = carry
        self.outs = [node.attrs[1] for node, _ in results if node.attrs[0] == "stack"]
        parts = variables(node.inputs, len(carry), sequences)
        self.state, self.slices, self.consts = parts
        self.forward = Loop.again(node, self.outs)

    def run(self) -> tuple[Expr | None, ...]:
        floats = [i for i, c in enumerate(self.carry) if c.dtype.kind == "float"]
        incoming = {i: fresh(self.carry[i].shape, self.carry[i].dtype) for i in floats}
        start, first, seeds, xs = self._seeds()
        for i, variable in incoming.items():
            _added(seeds, self.carry[i], variable)
        parts = self._pulled(seeds)
        zero = {self.state[i]: self._zero(i) for i in floats}
        roots = {**zero, **parts}
        known = self._residuals(list(roots.values()))
        given = {node: fresh(node.shape, node.dtype) for node in known}
        slices = {**xs, **{given[node]: stack for node, stack in known.items()}}
        given.update(zip(self.consts, self.node.inputs[-len(self.consts) :], strict=False))
        roots = dict(zip(roots, substituted(roots.values(), given), strict=True))
        loop = Loop(
            list(incoming.values()),
            [start.get(i, self._zero(i)) for i in floats],
            list(slices),
            list(slices.values()),
            [roots[self.state[i]] for i in floats],
            [roots[v] for v in (*self.slices, *self.consts) if v in roots],
            not self.reverse,
            self.length,
        )
        found: list[Expr | None] = [None] * len(self.state)
        for place, i in enumerate(floats):
            last = loop.final(place)
            found[i] = add(last, first[i]) if i in first else last
        found += [loop.stack(roots[v]) if v in roots else None for v in self.slices]
        found += [loop.total(roots[v]) if v in roots else None for v in self.consts]
        return tuple(found)

    def _zero(self, number: int) -> Expr:
        return full(self.carry[number].shape, 0.0, self.carry[number].dtype)

    # What comes in

    def _seeds(
        self,
    ) -> tuple[dict[int, Expr], dict[int, Expr], dict[Expr, Expr], dict[Expr, Expr]]:
        """Gradients of the carries after the last step and before the first; those that come in
        at every step, as variables of the values they belong to; and the variables' stacks.
        """
        start: dict[int, Expr] = {}
        first: dict[int, Expr] = {}
        seeds: dict[Expr, Expr] = {}
        xs: dict[Expr, Expr] = {}
        begin, end = (self.length, 0) if self.reverse else (0, self.length)
        for node, g in self.results:
            kind, out = node.attrs[:2]
            if kind == "final":
                _added(start, out, g)
                continue
            met, value = g, out
            if kind == "states":
                low, high = support(g)
                if low <= begin < high:
                    _added(first, out, _at(g, begin))
                if (low, high) == (end, end + 1):
                    _added(start, out, _at(g, end))
                    continue
                met, value = part(g, 0 if self.reverse else 1, self.length), self.carry[out]
            variable = fresh(met.shape[1:], met.dtype)
            xs[variable] = met
            _added(seeds, value, variable)
        return start, first, seeds, xs

    def _pulled(self, seeds: dict[Expr, Expr]) -> dict[Expr, Expr]:
        """The gradient of everything the body reads."""
        wanted = [*self.state, *self.slices, *self.consts]
        wanted = [v for v in wanted if v.dtype.kind == "float"]
        found = zip(wanted, self.pullback(seeds, wanted), strict=True)
        return {v: g for v, g in found if g is not None}

    # What is kept of the forward loop

    def _residuals(self, roots: Sequence[Expr]) -> dict[Expr, Expr]:
        """Values of the forward body that the reverse one reads, with their stacks."""
        primal = set(topological([*self.carry, *self.outs]))
        border: dict[Expr, None] = {}  # in an order that is the same in every process
        for node in topological(roots, primal):
            border.update(dict.fromkeys(child for child in node.inputs if child in primal))
        border.update(dict.fromkeys(root for root in roots if root in primal))
        kept = {v: self.forward.before(number) for number, v in enumerate(self.state)}
        kept.update((v, self.forward.stacks[v]) for v in self.slices)
        for number, value in enumerate(self.carry):
            kept.setdefault(value, self.forward.after(number))
        for node in topological(border):
            base = node
            while base.op.name in VIEWS and base.inputs:
                base = base.inputs[0]
            if node in border and self._costly(base, kept):
                kept[base] = self.forward.given(base)
        used = set(topological(roots, kept)) | set(roots)
        read = {child for node in used for child in node.inputs} | set(roots)
        return {node: stack for node, stack in kept.items() if node in read}

    def _costly(self, node: Expr, kept: dict[Expr, Expr]) -> bool:
        """Whether it takes a contraction to compute a value again."""
        if node in kept:
            return False
        return any(n.op.name in ("contract", "scan") for n in topological((node,), kept))


def _at(g: Expr, t: int) -> Expr:
    """One step of a stack."""
    return reshape(part(g, t, 1), g.shape[1:])


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

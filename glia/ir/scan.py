"""Building scans: what stays in the loop, and what is better done before or after it.

What depends on the sequences alone and holds a contraction is computed before the loop for all
steps at once; what only leaves the loop and ends in a contraction is computed after it, likewise.
Both are the same values; one large contraction runs faster than many small ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from glia.ir.batch import CannotBatch, batched, summed
from glia.ir.expr import Expr, intern, substituted, topological
from glia.ir.ops.control import SCAN, bound, variables
from glia.ir.ops.view import slice_

#: Operations looked through when deciding what to compute after the loop.
OUTER = frozenset(("contract", "sum", "add", "reshape", "permute", "pad", "slice", "expand"))


class Loop:
    """A scan being built: its results are made on demand and all run as one loop.

    ``state`` and ``slices`` are the variables that ``carry`` (their values after the step) and
    ``outs`` (what a step gives out) are written in. Whatever else they read is constant.
    """

    def __init__(
        self,
        state: Sequence[Expr],
        start: Sequence[Expr],
        slices: Sequence[Expr],
        xs: Sequence[Expr],
        carry: Sequence[Expr],
        outs: Sequence[Expr] = (),
        reverse: bool = False,
        length: int | None = None,
    ) -> None:
        self.length = xs[0].shape[0] if length is None else length
        self.reverse = reverse
        self.stacks: dict[Expr, Expr] = dict(zip(slices, xs, strict=True))
        self.state, self.carry = tuple(state), tuple(carry)
        self.moving = self._depending((*carry, *outs), {*state, *slices})
        self.changing = self._depending((*carry, *outs), set(state))
        self.needed = set(topological(carry))
        self._hoist((*carry, *outs))
        inside = [self._cuts(out) for out in outs]
        self._close(start, [*carry, *(node for cuts in inside for node in cuts)])

    @classmethod
    def again(cls, node: Expr, outs: Sequence[Expr]) -> Loop:
        """The loop that a scan is a result of: its inputs and its variables, as they are."""
        carry, sequences, length, reverse = node.attrs[2:]
        state, slices, consts = variables(node.inputs, len(carry), sequences)
        ends = len(carry), len(carry) + sequences
        start, xs = node.inputs[: ends[0]], node.inputs[ends[0] : ends[1]]
        loop = cls(state, start, slices, xs, carry, outs, reverse, length)
        loop.inputs, loop.sequences, loop.body = node.inputs, sequences, carry
        loop.names = {v: v for v in (*state, *slices, *consts)}
        return loop

    @staticmethod
    def _depending(roots: Sequence[Expr], on: set[Expr]) -> set[Expr]:
        found = set(on)
        for node in topological(roots):
            if any(child in found for child in node.inputs):
                found.add(node)
        return found

    # Before the loop

    def _hoist(self, roots: Sequence[Expr]) -> None:
        """Stack what depends on the sequences alone and is worth it."""
        worth: set[Expr] = set()
        order = topological(roots)
        for node in order:
            apart = node in self.moving and node not in self.changing
            if apart and (node.op.name == "contract" or any(c in worth for c in node.inputs)):
                worth.add(node)
        read = [child for node in order if node in self.changing for child in node.inputs]
        for node in (*read, *roots):
            if node in worth and node not in self.stacks:
                with suppress(CannotBatch):
                    self.stacks[node] = batched(node, self.stacks, self.length)

    # After the loop

    def _cuts(self, out: Expr) -> list[Expr]:
        """The values a step must give out so that the rest can be computed afterwards."""
        found: list[Expr] = []
        contracts = False
        pending, seen = [out], set()
        while pending:
            node = pending.pop()
            if node in seen or node not in self.moving:
                continue
            seen.add(node)
            through = node.op.name in OUTER and node not in self.needed and node in self.changing
            if through and node not in self.stacks:
                contracts = contracts or node.op.name == "contract"
                pending.extend(node.inputs)
            else:
                found.append(node)
        if contracts:
            return found
        return [out] if out in self.moving else []

    # The loop itself

    def _close(self, start: Sequence[Expr], roots: Sequence[Expr]) -> None:
        """Number the variables: carries, the sequences still read, then constants."""
        done = {*self.state, *self.stacks}
        order = topological(roots, done)
        read = {child for node in order for child in node.inputs} | set(roots)
        xs = [node for node in self.stacks if node in read]
        consts = []
        for node in order:
            if node in self.moving and node not in done:
                consts += [c for c in node.inputs if self._constant(c) and c not in consts]
        consts += [root for root in roots if self._constant(root) and root not in consts]
        self.names: dict[Expr, Expr] = {}
        for number, node in enumerate((*self.state, *xs, *consts)):
            self.names[node] = bound(number, node.shape, node.dtype)
        self.inputs = (*start, *(self.stacks[node] for node in xs), *consts)
        self.sequences = len(xs)
        self.body = substituted(self.carry, self.names)

    def _constant(self, node: Expr) -> bool:
        """Whether a value comes from outside; numbers written in the body stay there."""
        if node in self.moving or node in self.stacks:
            return False
        while node.op.name in ("expand", "reshape"):
            node = node.inputs[0]
        return node.op.name not in ("const", "iota")

    # Results

    def _scan(self, kind: str, out: Expr | int) -> Expr:
        attrs = (kind, out, self.body, self.sequences, self.length, self.reverse)
        return intern(SCAN, self.inputs, attrs)

    def final(self, number: int) -> Expr:
        """A carry after the last step."""
        return self._scan("final", number)

    def states(self, number: int) -> Expr:
        """A carry at all times: before the first step and after every one, stacked."""
        return self._scan("states", number)

    def before(self, number: int) -> Expr:
        """A carry as every step finds it, stacked."""
        return part(self.states(number), 1 if self.reverse else 0, self.length)

    def after(self, number: int) -> Expr:
        """A carry as every step leaves it, stacked."""
        return part(self.states(number), 0 if self.reverse else 1, self.length)

    def given(self, node: Expr) -> Expr:
        """A value of the body, stacked over the steps."""
        if node in self.stacks:
            return self.stacks[node]
        if node in self.carry:
            return self.after(self.carry.index(node))
        if node in self.state:
            return self.before(self.state.index(node))
        if node not in self.changing:
            with suppress(CannotBatch):
                return batched(node, self.stacks, self.length)
        return self._scan("stack", substituted((node,), self.names)[0])

    def stack(self, out: Expr) -> Expr:
        """An output, stacked over the steps."""
        cuts = self._cuts(out)
        if cuts == [out]:
            return self.given(out)
        return batched(out, {node: self.given(node) for node in cuts}, self.length)

    def total(self, out: Expr) -> Expr:
        """The sum of an output over all steps."""
        cuts = self._cuts(out)
        return summed(out, {node: self.given(node) for node in cuts}, self.length)


def part(states: Expr, first: int, length: int) -> Expr:
    """``states[first : first + length]``."""
    start = (first, *(0 for _ in states.shape[1:]))
    stop = (first + length, *states.shape[1:])
    return slice_(states, start, stop, (1,) * states.ndim)

"""Forward mode: tangents as expressions, in one walk from the inputs.

No row has a rule for this: where an operation is linear its tangent is the operation itself, and
where every element of the result comes from elements at one place the gradient's rule serves both
ways. What is left is the derivative, transposed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from glia.autodiff.custom import custom_tangent
from glia.autodiff.reverse import no_derivative, pullback_all
from glia.base.errors import GradError
from glia.base.source import module_stack
from glia.ir.build import add, full, mul, neg, where
from glia.ir.expr import Expr, intern, substituted, topological
from glia.ir.ops.control import fresh, loop_of, stand_in, variables
from glia.ir.ops.reduce import SUM
from glia.ir.scan import Loop

Parts = list[Expr | None]

#: The tangent is the operation on the tangent, with what is no number as it is.
LINEAR = frozenset(
    "reshape permute expand pad slice flip concat mark neg cast sum window fold gather "
    "scatter_add real imag conj complex".split()
)
#: Every element of x belongs to one element of the result.
REDUCED = frozenset(("prod", "max", "min"))


def pushforward(outputs: Sequence[Expr], tangents: Mapping[Expr, Expr]) -> tuple[Parts, Parts]:
    """The outputs, and ``Σ ∂output/∂x · ẋ`` for each: None where it depends on no x.

    The outputs are as they came, but that loops which also carry tangents give them along.
    """
    walk = _Forward(outputs, tangents)
    found = [walk.done.get(output) for output in outputs]
    present = [x for x in found if x is not None]
    renewed = iter(substituted((*outputs, *present), walk.renewed))
    values: Parts = [next(renewed) for _ in outputs]
    return values, [None if x is None else next(renewed) for x in found]


class _Forward:
    def __init__(self, outputs: Sequence[Expr], tangents: Mapping[Expr, Expr]) -> None:
        self.done: dict[Expr, Expr] = dict(tangents)
        self.renewed: dict[Expr, Expr] = {}
        order = topological(outputs)
        self.loops: dict[object, list[Expr]] = {}
        for node in order:
            if node.op.name == "scan":
                self.loops.setdefault(loop_of(node), []).append(node)
        for node in order:
            if node not in self.done and node.dtype.is_inexact:
                self._visit(node)

    def _visit(self, node: Expr) -> None:
        parts = [self.done.get(child) for child in node.inputs]
        if all(part is None for part in parts):
            return
        module_stack.append(f"{node.path} tangent" if node.path else "")
        if node.op.name == "scan":
            self._loop(self.loops[loop_of(node)], parts)
        else:
            found = tangent(node, parts)
            if found is not None:
                self.done[node] = found
        module_stack.pop()

    def _loop(self, results: Sequence[Expr], parts: Parts) -> None:
        """Tangents of all results of a loop: a loop that carries both."""
        node = results[0]
        carry, sequences, length, reverse = node.attrs[2:]
        state, slices, consts = variables(node.inputs, len(carry), sequences)
        ends = len(state), len(state) + len(slices)
        floats = [i for i, c in enumerate(carry) if c.dtype.is_inexact]
        moved = {state[i]: fresh(carry[i].shape, carry[i].dtype) for i in floats}
        xs = {}
        for variable, part in zip(slices, parts[ends[0] : ends[1]], strict=True):
            if part is not None:
                moved[variable] = fresh(variable.shape, variable.dtype)
                xs[moved[variable]] = part
        known = {v: p for v, p in zip(consts, parts[ends[1] :], strict=True) if p is not None}
        outs = [r.attrs[1] for r in results if r.attrs[0] == "stack"]
        found = _Forward((*carry, *outs), {**moved, **known}).done
        after = [_or_zero(found.get(carry[i]), carry[i]) for i in floats]
        tangents = {out: _or_zero(found.get(out), out) for out in outs}
        given = dict(zip(consts, node.inputs[ends[1] :], strict=True))
        roots = substituted((*carry, *after, *outs, *tangents.values()), given)
        n, m = len(carry) + len(floats), len(outs)
        start = [_or_zero(parts[i], carry[i]) for i in floats]
        loop = Loop(
            [*state, *(moved[state[i]] for i in floats)],
            [*node.inputs[: ends[0]], *start],
            [*slices, *xs],
            [*node.inputs[ends[0] : ends[1]], *xs.values()],
            roots[:n],
            roots[n:],
            reverse,
            length,
        )
        place = {i: len(carry) + j for j, i in enumerate(floats)}
        late = dict(zip(outs, zip(roots[n : n + m], roots[n + m :], strict=True), strict=True))
        for result in results:
            kind, out = result.attrs[:2]
            dot: Expr | None
            if kind == "stack":
                value, dot = (loop.stack(x) for x in late[out])
            else:
                made = loop.final if kind == "final" else loop.states
                value, dot = made(out), made(place[out]) if out in place else None
            (self.renewed[result],) = substituted((value,), self.renewed)
            if dot is not None and result.dtype.is_inexact:
                self.done[result] = dot


def _or_zero(x: Expr | None, like: Expr) -> Expr:
    return full(like.shape, 0, like.dtype) if x is None else x


def tangent(node: Expr, parts: Parts) -> Expr | None:
    """The tangent of one operation's result from those of its inputs."""
    name = node.op.name
    if name == "detach":
        return None
    if name == "custom":
        return custom_tangent(node, parts)
    rule = _RULES.get(name)
    if rule is not None:
        return rule(node, parts)
    if node.op.gradient is None:
        raise GradError(no_derivative(node))
    if node.op.kind == "elementwise" and not any(x.dtype.is_complex for x in (node, *node.inputs)):
        return _both_ways(node, parts)
    return _transposed(node, parts)


def _total(parts: Parts) -> Expr | None:
    found: Expr | None = None
    for part in parts:
        if part is not None:
            found = part if found is None else add(found, part)
    return found


def _add(node: Expr, parts: Parts) -> Expr | None:
    return _total(parts)


def _sub(node: Expr, parts: Parts) -> Expr | None:
    a, b = parts
    if a is None:
        return None if b is None else neg(b)
    return a if b is None else intern(node.op, (a, b))


def _where(node: Expr, parts: Parts) -> Expr:
    condition, a, b = node.inputs
    return where(condition, _or_zero(parts[1], a), _or_zero(parts[2], b))


def _linear(node: Expr, parts: Parts) -> Expr | None:
    """Inputs that are no numbers (places) stay; others without a tangent are constant."""
    inputs = [
        _or_zero(part, x) if x.dtype.is_inexact else x
        for x, part in zip(node.inputs, parts, strict=True)
    ]
    return intern(node.op, tuple(inputs), node.attrs)


def _contract(node: Expr, parts: Parts) -> Expr | None:
    a, b = node.inputs
    da, db = parts
    return _total(
        [
            None if da is None else intern(node.op, (da, b), node.attrs),
            None if db is None else intern(node.op, (a, db), node.attrs),
        ]
    )


def _reduced(node: Expr, parts: Parts) -> Expr | None:
    """``Σ ẋ · ∂y/∂x`` over the elements that make y."""
    if node.dtype.is_complex:
        return _transposed(node, parts)
    assert node.op.gradient is not None
    (factor,) = node.op.gradient(node, full(node.shape, 1.0, node.dtype))
    (part,) = parts
    if factor is None or part is None:
        return None
    return intern(SUM, (mul(factor, part),), node.attrs)


def _both_ways(node: Expr, parts: Parts) -> Expr | None:
    """Elementwise: the derivative is diagonal, hence its own transpose."""
    assert node.op.gradient is not None
    return _total(
        [
            None if part is None else node.op.gradient(node, part)[place]
            for place, part in enumerate(parts)
        ]
    )


def _transposed(node: Expr, parts: Parts) -> Expr | None:
    """The gradient is linear in what comes in; its own gradient is the derivative."""
    assert node.op.gradient is not None
    coming = stand_in(1 << 18, 0, node.shape, node.dtype)
    back = node.op.gradient(node, coming)
    seeds: dict[Expr, Expr] = {}
    for g, part in zip(back, parts, strict=True):
        if g is not None and part is not None:
            seeds[g] = add(seeds[g], part) if g in seeds else part
    (found,) = pullback_all(seeds, [coming])
    if found is None:
        return None
    zero = {coming: full(coming.shape, 0, coming.dtype)}
    return substituted((found,), zero)[0]


_RULES: dict[str, Callable[[Expr, Parts], Expr | None]] = {
    **dict.fromkeys(LINEAR, _linear),
    **dict.fromkeys(REDUCED, _reduced),
    "add": _add,
    "sub": _sub,
    "where": _where,
    "contract": _contract,
}

"""What a contraction's operands read: through views, under guards, from copies among zeros."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from glia.compiler.index import Index, Var, combine, number, variable
from glia.compiler.schedule.layout import Layout, arranged
from glia.compiler.schedule.loops import Guard, Load
from glia.compiler.schedule.lower import Indices, Lowering
from glia.compiler.schedule.partition import SIMPLE_VIEWS
from glia.compiler.schedule.tile import Side
from glia.ir.expr import Expr
from glia.ir.ops.contract import Affine
from glia.ir.ops.view import pad
from glia.ir.ops.window import dilated


@dataclass
class Space:
    """The loops of a contraction, and what it reads at every point of them.

    An operand spread out with zeros between (the gradient of a convolution with strides) is read
    as it was before: the result's positions are told apart by their remainder, and for each only
    the taps that meet elements are summed.
    """

    loops: list[Var]
    reduce: list[Var]
    at: list[Index]  # of the contraction's variables
    operands: list[Expr]
    indices: list[Indices]
    guards: list[Guard]

    def split(self, old: Var, outer: Var, inner: Var | None, stands_for: Index) -> None:
        """Put one or two loops in the place of one."""
        group = self.loops if old in self.loops else self.reduce
        where = group.index(old)
        group[where : where + 1] = [outer] if inner is None else [outer, inner]
        self.at = [stands_for if i == variable(old) else i for i in self.at]


def space(core: Expr, phases: bool) -> Space:
    """The index space of a contraction, with or without telling positions apart."""
    sizes, rank, *maps = core.attrs
    names = [Var(f"{'i' if v < rank else 'k'}{v}", n) for v, n in enumerate(sizes)]
    found = Space(names[:rank], names[rank:], [variable(v) for v in names], [], [], [])
    direct: dict[tuple[int, int], Index] = {}
    found.operands = list(core.inputs)
    for which, operand in enumerate(core.inputs):
        inner = dilated(operand)
        if inner is None or not phases:
            continue
        cuts = _cuts(maps[which], inner[1], names, rank)
        if cuts is None:
            continue
        found.operands[which] = inner[0]
        for dim, (place, tap, step, offset) in cuts.items():
            direct[which, dim] = _phases(found, place, tap, step, offset)
    for which, index_map in enumerate(maps):
        index = _map_index(index_map, found.at)
        index = tuple(direct.get((which, dim), at) for dim, at in enumerate(index))
        found.indices.append(index)
    return found


Cut = tuple[Var, Var | None, int, int]  # place, tap, step, offset: place + offset - tap


def _cuts(
    index_map: Sequence[Affine], steps: Sequence[int], names: Sequence[Var], rank: int
) -> dict[int, Cut] | None:
    """For every spread dimension the variables to split; None when they do not divide."""
    found: dict[int, Cut] = {}
    used: set[Var] = set()
    for dim, ((offset, terms), step) in enumerate(zip(index_map, steps, strict=True)):
        if step == 1:
            continue
        places = [names[v] for v, c in terms if v < rank and c == 1]
        taps = [names[v] for v, c in terms if v >= rank and c == -1]
        if len(places) != 1 or len(taps) > 1 or len(places) + len(taps) != len(terms):
            return None
        if places[0].size % step or used & {*places, *taps}:
            return None
        used |= {*places, *taps}
        found[dim] = places[0], taps[0] if taps else None, step, offset
    return found


def _phases(space: Space, place: Var, tap: Var | None, step: int, offset: int) -> Index:
    """Split place and tap by their remainders; the index before spreading."""
    outer, phase = Var(place.name + "q", place.size // step), Var(place.name + "r", step)
    space.split(place, outer, phase, variable(outer) * step + variable(phase))
    start = variable(phase) + offset
    index = variable(outer) + start // step
    if tap is None:
        space.guards.append(Guard(start % step, 0, 1))
        return index
    few = Var(tap.name + "q", -(-tap.size // step))
    stands_for = variable(few) * step + start % step
    if tap.size == 1:
        space.reduce[space.reduce.index(tap)] = few
        space.guards.append(Guard(start % step, 0, 1))
        return index
    space.split(tap, few, None, stands_for)
    bound = Guard(stands_for, 0, tap.size)
    if not bound.always():
        space.guards.append(bound)
    return index + variable(few) * -1


@dataclass
class Operands:
    """Finds the stored values behind operands."""

    layouts: Mapping[Expr, list[Layout]]
    layout_of: Callable[[Expr], list[Layout]]

    def side(self, node: Expr, index: Indices) -> Side:
        """Follow simple views down to the stored value."""
        base, at = _Probe(self.layouts).find(node, index)
        if dilated(base) is not None and base not in self.layouts:
            return Side(base, at, arranged(base.shape, self.order(base)), (), False)
        return Side(base, at, self.layout_of(base)[0])

    def ways(self, node: Expr, index: Indices) -> list[Side]:
        """How an operand can be read: where it has elements, or from a copy among zeros."""
        stored = self.side(node, index)
        tests = [Guard(i, 0, size) for i, size in zip(index, node.shape, strict=True)]
        tests = [test for test in tests if not test.always()]
        if not tests:
            return [stored]
        spans = [i.bounds() for i in index]
        before = tuple(max(0, -low) for low, _ in spans)
        after = tuple(
            max(0, high - size + 1) for (_, high), size in zip(spans, node.shape, strict=True)
        )
        wide = pad(node, before, after)
        moved = tuple(i + front for i, front in zip(index, before, strict=True))
        layout = arranged(wide.shape, self.order(node))
        return [replace(stored, guards=tuple(tests)), Side(wide, moved, layout, (), False)]

    def order(self, node: Expr) -> list[int]:
        """The dimensions of a view of a stored value, by their strides there."""
        names = [Var(f"i{d}", size) for d, size in enumerate(node.shape)]
        base, at = _Probe(self.layouts).find(node, tuple(variable(var) for var in names))
        inner = dilated(base)
        if inner is not None and base not in self.layouts:
            offset = arranged(base.shape, self.order(inner[0])).offset(at)
        else:
            offset = self.layout_of(base)[0].offset(at)
        strides = [abs(offset.coefficient(var)) for var in names]
        far = max(strides, default=0) + 1
        return sorted(range(len(names)), key=lambda d: (-(strides[d] or far), d))


class _Probe(Lowering):
    """Finds the stored value behind simple views, and the index into it."""

    def __init__(self, layouts: Mapping[Expr, list[Layout]]) -> None:
        super().__init__({}, lambda node: 0)
        self.known = layouts

    def find(self, node: Expr, index: Indices) -> tuple[Expr, Indices]:
        self.found: tuple[Expr, Indices] | None = None
        self.value(node, index)
        assert self.found is not None
        return self.found

    def _value(self, node: Expr, index: Indices, guards: tuple) -> Load:  # type: ignore[type-arg]
        if node.op.name in SIMPLE_VIEWS and node not in self.known:
            self.computed(node, index, guards)
        else:
            self.found = (node, index)
        return Load(node.dtype, 0, number(0))


def _map_index(index_map: Sequence[Affine], at: Sequence[Index]) -> Indices:
    return tuple(
        combine([(number(offset), 1)] + [(at[v], c) for v, c in terms])
        for offset, terms in index_map
    )

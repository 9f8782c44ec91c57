"""Kernels to be: the values each stores, what it reads, and which of them are joined."""

from __future__ import annotations

from dataclasses import dataclass, field

from glia.base.shapes import Shape, numel
from glia.compiler.schedule.lower import inline_limit
from glia.ir.expr import Expr

#: Values that lie in memory from the start: those of slots, and what the loop around a body holds.
HELD = frozenset(("leaf", "bound"))
#: What runs as a kernel of its own and reads its first operands from memory.
ALONE = frozenset(("contract", "scatter_add", "scan"))


@dataclass(eq=False)
class Group:
    """A kernel to be: the values it stores, over one index space or over its rows."""

    roots: list[Expr]
    core: Expr | None = None  # the contraction, scan or (first) long reduction inside
    sums: set[Expr] = field(default_factory=set)  # the long reductions inside
    parts: list[Group] = field(default_factory=list)  # the kernels it was joined from
    inner: list[Expr] = field(default_factory=list)  # computed on the way, not written
    row_major: bool = False  # an operand in the order a product wants: a kernel of its own

    def __post_init__(self) -> None:
        if self.core is not None and self.core.op.kind == "reduce":
            self.sums.add(self.core)

    @property
    def shape(self) -> Shape:
        """The index space."""
        first = self.roots[0]
        pieces = side_by_side(first) if self.core is None else ()
        return pieces[0].shape if pieces else first.shape

    def all_parts(self) -> list[Group]:
        """What it was joined from, or a copy of itself."""
        return self.parts or [Group(list(self.roots), self.core)]


def side_by_side(node: Expr) -> tuple[Expr, ...]:
    """The parts of a concatenation of equal ones; one kernel stores them next to each other."""
    equal = node.op.name == "concat" and len({part.shape for part in node.inputs}) == 1
    return node.inputs if equal else ()


def is_long_reduction(node: Expr) -> bool:
    """Whether a reduction needs loops of its own; short ones are written out where used."""
    return node.op.kind == "reduce" and not hosted(node) and not inline_limit(node)


def hosted(node: Expr) -> bool:
    """Whether NumPy computes a value, between native kernels.

    That is what rows of kind ``host`` are for, and all work on numbers without native code.
    """
    if node.op.kind == "host":
        return True
    return node.op.name not in HELD and not all(x.dtype.native for x in (node, *node.inputs))


def alone(node: Expr) -> bool:
    """Whether a value is the core of its kernel: nothing computes it on the way."""
    return node.op.name in ALONE or hosted(node) or is_long_reduction(node)


def reads(group: Group, stored: set[Expr]) -> set[Expr]:
    """The stored values and leaves a kernel reads."""
    found: set[Expr] = set()
    seen: set[Expr] = set()
    stack = [child for root in group.roots for child in root.inputs]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in stored or node.op.name in HELD:
            found.add(node)
        else:
            stack.extend(node.inputs)
    return found


def merge(groups: list[Group], stored: set[Expr], kept: set[Expr]) -> list[Group]:
    """Join elementwise kernels over one index space that read the same values or each other.

    What only the kernel itself reads is not written then, unless it is to be ``kept``.
    """
    reading = {id(group): reads(group, stored) for group in groups}
    place = {root: i for i, group in enumerate(groups) for root in group.roots}
    home = {root: group for group in groups for root in group.roots}
    level = Reach(reading, home)
    result: list[Group] = []
    for group in groups:
        earlier = len(result)
        result.append(group)
        for number in reversed(range(earlier)):
            other = result[number]
            if (
                _over_same_points(other, group)
                and _related(group, other, reading, stored)
                and level.may_join(other, group)
            ):
                other.roots += group.roots
                reading[id(other)] |= reading[id(group)]
                level.join(other, group)
                result.remove(group)
                group = other
    _forget_inner(result, reading, kept)
    return _sorted(result, reading, place)


def _over_same_points(group: Group, other: Group) -> bool:
    """Whether two kernels are elementwise over one index space."""
    plain = all(g.core is None and not g.row_major for g in (group, other))
    return plain and group.shape == other.shape and numel(group.shape) > 1


def _forget_inner(groups: list[Group], reading: dict[int, set[Expr]], kept: set[Expr]) -> None:
    """Values that only the kernel reads which computes them need not be written."""
    readers: dict[Expr, int] = {}
    for group in groups:
        for node in reading[id(group)]:
            readers[node] = readers.get(node, 0) + 1
    for group in groups:
        if len(group.roots) > 1 and not group.parts:
            own = reading[id(group)]
            group.inner = [
                root
                for root in group.roots
                if root not in kept and readers.get(root, 0) == (root in own)
            ]
            group.roots = [root for root in group.roots if root not in group.inner]


def _related(group: Group, other: Group, reading: dict[int, set[Expr]], stored: set[Expr]) -> bool:
    """Whether joining saves reading something of full size."""
    size = numel(group.shape)
    own = reading[id(group)]
    if any(root in own for root in other.roots):
        return all(_only_pointwise(root, set(other.roots), stored) for root in group.roots)
    return any(node.numel == size for node in own & reading[id(other)])


def _only_pointwise(root: Expr, targets: set[Expr], stored: set[Expr]) -> bool:
    """Whether every way from a value to the targets keeps the index."""
    stack = [(root, True)]
    seen: set[tuple[Expr, bool]] = set()
    while stack:
        node, straight = stack.pop()
        if (node, straight) in seen:
            continue
        seen.add((node, straight))
        if node in targets:
            if not straight:
                return False
            continue
        if node.op.kind == "source" or (node in stored and node is not root):
            continue
        keeps = straight and (node.op.kind == "elementwise" or node.op.name == "detach")
        keeps = keeps or (node is root and bool(side_by_side(node)))
        stack.extend((child, keeps) for child in node.inputs)
    return True


class Reach:
    """Which kernels lie between which: joining two must not close a circle."""

    def __init__(self, reading: dict[int, set[Expr]], home: dict[Expr, Group]) -> None:
        self.home = home
        self.reading = reading

    def may_join(self, first: Group, second: Group) -> bool:
        """No third kernel lies on a way from the first to the second."""
        seen: set[int] = {id(second)}  # it reads what is made inside it, too
        stack = [self.home[n] for n in self.reading[id(second)] if n in self.home]
        stack = [group for group in stack if group is not first]
        while stack:
            group = stack.pop()
            if id(group) in seen:
                continue
            seen.add(id(group))
            if group is first:
                return False
            stack.extend(self.home[n] for n in self.reading[id(group)] if n in self.home)
        return True

    def join(self, first: Group, second: Group) -> None:
        for root in second.roots:
            self.home[root] = first


def _sorted(
    groups: list[Group], reading: dict[int, set[Expr]], place: dict[Expr, int]
) -> list[Group]:
    """Producers before consumers."""
    home = {root: group for group in groups for root in group.roots}
    done: list[Group] = []
    state: dict[int, int] = {}
    for start in groups:
        stack = [(start, False)]
        while stack:
            group, finished = stack.pop()
            if finished:
                state[id(group)] = 2
                done.append(group)
                continue
            if state.get(id(group)):
                continue
            state[id(group)] = 1
            stack.append((group, True))
            inputs = [node for node in reading[id(group)] if node in home]
            for node in sorted(inputs, key=place.__getitem__, reverse=True):
                other = home[node]
                if other is not group and not state.get(id(other)):
                    stack.append((other, False))
    return done

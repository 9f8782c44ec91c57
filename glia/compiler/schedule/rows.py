"""Several reductions over the same rows, and the elementwise work around them, in one kernel.

A softmax reads its row for the largest element, again for the sum of exponentials, and again to
divide. Kernel by kernel that would be three ways through memory; in one kernel, row by row, the
row comes from memory once and then from the cache. So kernels over the same rows are joined where
one reads what the other makes or both read the same, provided that every element is used in the
row it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glia.base.shapes import Shape, numel
from glia.compiler.codegen.body import across_rows, fits_lanes
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Var
from glia.compiler.schedule import loopnest
from glia.compiler.schedule.groups import Group, Reach, is_long_reduction, reads
from glia.compiler.schedule.loops import Load, Reduction, Value, indices_of, walk
from glia.ir.expr import Expr

#: With fewer rows there is too little to share among threads.
FEWEST_ROWS = 8
#: A longer row does not stay in the cache from pass to pass.
LONGEST_ROW = 1 << 18
#: What one kernel computes is bounded, and so is its compilation.
MOST_SUMS, MOST_ROOTS = 8, 24

FULL, ROW, OTHER = "full", "row", "other"


@dataclass(frozen=True)
class Rows:
    """An index space seen as rows: the dimensions ``dims`` of ``shape`` run along a row."""

    shape: Shape
    dims: tuple[int, ...]

    @property
    def outer(self) -> Shape:
        """The shape of what there is once per row."""
        return tuple(1 if d in self.dims else n for d, n in enumerate(self.shape))

    def level(self, node: Expr) -> str:
        """Whether a value has an element per point, one per row, or neither."""
        if node.shape == self.shape:
            return FULL
        return ROW if squeezed(node.shape) == squeezed(self.outer) else OTHER


def squeezed(shape: Shape) -> Shape:
    return tuple(n for n in shape if n != 1)


def rows_of(core: Expr) -> Rows:
    """The rows a reduction runs over."""
    dims = core.attrs[0] if isinstance(core.attrs[0], tuple) else (core.attrs[0],)
    return Rows(core.inputs[0].shape, dims)


def join_rows(groups: list[Group], stored: set[Expr], outputs: Sequence[Expr]) -> list[Group]:
    """The groups, those over the same rows joined; not yet in order."""
    return _Joining(groups, stored, outputs).run()


class _Joining:
    def __init__(self, groups: list[Group], stored: set[Expr], outputs: Sequence[Expr]) -> None:
        self.groups = groups
        self.stored = stored
        self.outputs = frozenset(outputs)
        self.place = {root: i for i, group in enumerate(groups) for root in group.roots}
        self.home = {root: group for group in groups for root in group.roots}
        self.reading = {id(group): reads(group, stored) for group in groups}
        self.reach = Reach(self.reading, self.home)
        self.rows = {id(g): rows_of(core) for g in groups if (core := _row_core(g)) is not None}
        self.gone: set[int] = set()

    def run(self) -> list[Group]:
        if not self.rows:
            return self.groups
        sharing: dict[Expr, list[Group]] = {}
        for group in self.groups:
            for node in self.reading[id(group)]:
                sharing.setdefault(node, []).append(group)
        for start in self.groups:
            if id(start) in self.gone or id(start) not in self.rows:
                continue
            frontier = [start]
            while frontier:
                group = frontier.pop()
                for other in self._neighbours(group, sharing):
                    if (
                        id(other) not in self.gone
                        and other is not start
                        and self._fits(start, other)
                    ):
                        self._join(start, other)
                        frontier.append(other)
                        frontier.append(start)
        left = [group for group in self.groups if id(group) not in self.gone]
        for group in left:
            if group.parts:
                self._forget_inner(group, left)
        return left

    def _neighbours(self, group: Group, sharing: dict[Expr, list[Group]]) -> list[Group]:
        """Kernels that read what this one makes or reads, and those it reads from."""
        mine = sorted(self.reading[id(group)], key=lambda node: self.place.get(node, -1))
        found = [self.home[node] for node in mine if node in self.home]
        for root in group.roots:
            found += sharing.get(root, [])
        rows = self.rows.get(id(group))
        for node in mine:
            if rows is not None and node.numel >= numel(rows.shape):
                found += [g for g in sharing[node] if g.core is not None]
        whole = [self.home[g.roots[0]] for g in found]
        unique = {id(g): g for g in whole if g is not group}
        return sorted(unique.values(), key=lambda g: self.place[g.roots[0]])

    def _fits(self, group: Group, other: Group) -> bool:
        """Whether two kernels may become one."""
        rows = self.rows[id(group)]
        if other.core is not None and self.rows.get(id(other)) != rows:
            return False
        if other.core is not None and other.core.dtype is not next(iter(group.sums)).dtype:
            return False
        roots = [*group.roots, *other.roots]
        if len(group.sums | other.sums) > MOST_SUMS or len(roots) > MOST_ROOTS:
            return False
        levels = {root: rows.level(root) for root in roots}
        if OTHER in levels.values():
            return False
        if not all(self._aligned(root, levels, rows) for root in roots):
            return False
        return self.reach.may_join(group, other) and self.reach.may_join(other, group)

    def _aligned(self, root: Expr, levels: dict[Expr, str], rows: Rows) -> bool:
        """Whether a value uses the others at the same point or row as its own."""
        stack = [(root, levels[root])]
        seen: set[tuple[Expr, str]] = set()
        while stack:
            node, level = stack.pop()
            if (node, level) in seen:
                continue
            seen.add((node, level))
            if node is not root:
                if node in levels:
                    if level != levels[node]:
                        return False
                    continue
                if node in self.stored or node.op.kind == "source":
                    continue
            below = _below(node, level, rows)
            stack.extend((child, below) for child in node.inputs)
        return True

    def _join(self, group: Group, other: Group) -> None:
        group.parts = group.all_parts() + other.all_parts()
        group.parts.sort(key=lambda part: self.place[part.roots[0]])
        group.roots = sorted([*group.roots, *other.roots], key=self.place.__getitem__)
        group.sums |= other.sums
        self.reading[id(group)] |= self.reading[id(other)]
        self.reach.join(group, other)
        self.gone.add(id(other))

    def _forget_inner(self, group: Group, groups: list[Group]) -> None:
        """Values that only this kernel reads need not be written."""
        outside: set[Expr] = set()
        for other in groups:
            if other is not group:
                outside |= self.reading[id(other)]
        group.roots = [r for r in group.roots if r in outside or r in self.outputs]


def _row_core(group: Group) -> Expr | None:
    """The group's reduction, if others may join it row by row."""
    core = group.core
    if core is None or core.op.kind != "reduce" or core.op.name == "argmax":
        return None
    rows = rows_of(core)
    count = numel(rows.outer)
    fits = count >= FEWEST_ROWS and 0 < numel(rows.shape) // count <= LONGEST_ROW
    return core if fits else None


def _below(node: Expr, level: str, rows: Rows) -> str:
    """The place in the rows at which a value's inputs are used."""
    if node.op.kind == "elementwise" or node.op.name in ("detach", "reshape"):
        return level
    if node.op.name == "expand" and level == FULL:
        straight = node.shape == rows.shape and node.inputs[0].shape == rows.outer
        return ROW if straight else OTHER
    if node.op.kind == "reduce" and level == ROW and is_long_reduction(node):
        return FULL if rows_of(node) == rows else OTHER
    return OTHER


def same_sums(
    reductions: Sequence[Reduction], loops: Sequence[Var], reduce: Sequence[Var], target: Target
) -> bool:
    """Whether each reduction runs as it would in a kernel of its own, so that its bits agree."""
    kinds = {_how(r.value, loops, reduce, target) for r in reductions}
    return len(kinds) <= 1


def _how(
    value: Value, loops: Sequence[Var], reduce: Sequence[Var], target: Target
) -> tuple[object, ...]:
    """What decides the order in which a reduction adds up."""
    inside = walk([value])
    wide = any(v.dtype.itemsize == 8 and v.dtype.kind == "float" for v in inside)
    lanes = target.lanes(8 if wide else 4)
    strides = {v: 0 for v in reduce}
    for load in inside:
        if isinstance(load, Load):
            for v in reduce:
                strides[v] = max(strides[v], abs(load.offset.coefficient(v)))
    order = tuple(sorted(reduce, key=lambda v: -strides[v]))
    merged = loopnest.merges(order, indices_of([value]))
    along = bool(reduce) and fits_lanes([value], (), reduce[-1])

    def rows(v: Var) -> bool:
        side = across_rows([value], v, reduce) or not along
        return v.size >= lanes and side and fits_lanes([value], (), v)

    across = any(rows(v) for v in loops), bool(loops) and rows(loops[-1])
    return wide, order, tuple(map(tuple, merged)), along, across


def row_order(reductions: Sequence[Reduction], reduce: Sequence[Var]) -> tuple[Var, ...]:
    """Reduce variables with the one along which memory is read contiguously last."""
    strides: dict[Var, int] = {v: 0 for v in reduce}
    for value in walk([r.value for r in reductions]):
        if isinstance(value, Load):
            for v in strides:
                strides[v] = max(strides[v], abs(value.offset.coefficient(v)))
    live = [v for v in reduce if v.size != 1]
    if any(r.kind == "argmax" for r in reductions):
        return tuple(live)
    return tuple(sorted(live, key=lambda v: -strides[v]))

"""Nests: the kernels of elementwise work and reductions, with the layouts of what they store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from glia.base.dtypes import DType
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Index, Var, variable
from glia.compiler.schedule import loopnest
from glia.compiler.schedule.groups import Group, side_by_side
from glia.compiler.schedule.layout import Key, Layout, arranged, natural
from glia.compiler.schedule.loops import Kernel, Load, Nest, Store, walk
from glia.compiler.schedule.lower import CannotLower, Indices, Lowering, regroup
from glia.compiler.schedule.rows import FULL, Rows, row_order, rows_of, same_sums, squeezed
from glia.ir.expr import Expr

#: A value in a layout, or in a place of another name.
Ref = tuple[Expr, Key]


@dataclass
class Planned:
    """A kernel and the values its arguments are."""

    kernel: Kernel
    args: list[Ref]
    writes: list[int]
    node: Expr  # what it computes, for people
    work: float  # rough cycles on one core


@dataclass
class Args:
    """The values a kernel reads and writes, numbered as they turn up."""

    layouts: dict[Expr, list[Layout]]
    refs: list[Ref] = field(default_factory=list)

    def number(self, node: Expr) -> int:
        return self.of((node, self.layouts[node][0].key))

    def of(self, ref: Ref) -> int:
        if ref not in self.refs:
            self.refs.append(ref)
        return self.refs.index(ref)

    def dtypes(self) -> tuple[DType, ...]:
        return tuple(node.dtype for node, _ in self.refs)


def first_layouts(layouts: Mapping[Expr, list[Layout]]) -> dict[Expr, Layout]:
    """The layout each value is read in, unless a contraction wants another."""
    return {node: found[0] for node, found in layouts.items()}


def plan_nest(
    group: Group,
    layouts: dict[Expr, list[Layout]],
    target: Target,
    row_major: bool,
    fixed: Mapping[Expr, Layout],
) -> tuple[Planned, dict[Expr, Layout]]:
    """The kernel of a group and where its results lie: row-major, as what it reads, or as fixed."""
    return _Nests(group, layouts, target).run(row_major, fixed)


@dataclass
class _Lowered:
    """A group lowered at some index."""

    lowering: Lowering
    stores: list[Store]
    args: Args

    def indices(self) -> list[Index]:
        return loopnest.all_indices(self.lowering.reductions, self.stores)


class _Nests:
    def __init__(self, group: Group, layouts: dict[Expr, list[Layout]], target: Target) -> None:
        self.group = group
        self.known = layouts
        self.primary = first_layouts(layouts)
        self.target = target
        core = group.core
        self.rows = rows_of(core) if core is not None else Rows(group.shape, ())
        self.names = [Var(f"i{d}", size) for d, size in enumerate(self.rows.outer)]
        self.row_vars = tuple(
            Var(f"r{i}", self.rows.shape[d]) for i, d in enumerate(self.rows.dims)
        )

    def run(
        self, row_major: bool, fixed: Mapping[Expr, Layout]
    ) -> tuple[Planned, dict[Expr, Layout]]:
        outer, roots = self.rows.outer, self.group.roots
        index: Indices = tuple(variable(var) for var in self.names)
        row: Indices = tuple(variable(var) for var in self.row_vars)
        order: Sequence[int] = range(len(outer))
        leading = next((fixed[r] for r in roots if r in fixed and r.ndim == len(outer)), None)
        if leading is not None:
            order = leading.order
        elif not row_major:
            plain = {root: natural(root.shape) for root in roots}
            order = self.memory_order(self.lowered(plain, index, row))
        layouts = {root: fixed.get(root) or self.layout(root, order) for root in roots}
        loops = tuple(self.names[d] for d in order if outer[d] != 1)
        loops, index = loopnest.improved(
            loops, index, lambda at: self.lowered(layouts, at, row).indices()
        )
        reduce, row = self.improved_row(loops, layouts, index, row)
        found = self.lowered(layouts, index, row)
        reductions = tuple(found.lowering.reductions)
        kernel = Nest(found.args.dtypes(), loops, reduce, reductions, tuple(found.stores))
        writes = list(dict.fromkeys(store.arg for store in found.stores))
        node = roots[-1] if self.group.parts else roots[0]
        return Planned(kernel, found.args.refs, writes, node, nest_work(kernel)), layouts

    def lowered(self, layouts: Mapping[Expr, Layout], index: Indices, row: Indices) -> _Lowered:
        """Everything the group stores, at an index of its rows and an index along the row."""
        args = Args(self.known)
        lowering = Lowering(self.primary, args.number)
        lowering.loop_over = frozenset(self.group.sums)
        lowering.row = row
        stores = []
        for node in self.group.inner:
            lowering.value(node, index)
        for root in self.group.roots:
            if self.pieces(root):
                stores += self.stored_pieces(root, layouts[root], index, lowering, args)
                continue
            at = self.place(root, index, row)
            value = lowering.computed(root, at)
            lowering.bound[root] = (at, value)
            layout = layouts[root]
            stores.append(Store(args.of((root, layout.key)), layout.offset(at), value))
        return _Lowered(lowering, stores, args)

    def pieces(self, root: Expr) -> tuple[Expr, ...]:
        """The parts that are stored next to each other in place of a concatenation."""
        alone = self.group.core is None and not self.group.parts
        return side_by_side(root) if alone else ()

    def stored_pieces(
        self, root: Expr, layout: Layout, index: Indices, lowering: Lowering, args: Args
    ) -> list[Store]:
        (dim,), arg = root.attrs, args.of((root, layout.key))
        stores = []
        for number, piece in enumerate(self.pieces(root)):
            first = number * piece.shape[dim]
            at = tuple(i + first if d == dim else i for d, i in enumerate(index))
            stores.append(Store(arg, layout.offset(at), lowering.value(piece, index)))
        return stores

    def along(self, root: Expr) -> bool:
        """Whether a value has an element for every point of a row, not one for the row."""
        return bool(self.rows.dims) and self.rows.level(root) == FULL and bool(self.group.parts)

    def place(self, root: Expr, index: Indices, row: Indices) -> Indices:
        if not self.along(root):
            return regroup(index, self.rows.outer, root.shape)
        at = list(index)
        for dim, part in zip(self.rows.dims, row, strict=True):
            at[dim] = part
        return tuple(at)

    def memory_order(self, found: _Lowered) -> list[int]:
        """The order of dimensions in which the largest value that is read lies in memory."""
        variables = list(self.names)
        for dim, var in zip(self.rows.dims, self.row_vars, strict=True):
            variables[dim] = var
        largest, strides = 0, [0] * len(variables)
        values = [store.value for store in found.stores]
        for value in walk(values + [r.value for r in found.lowering.reductions]):
            if isinstance(value, Load):
                size = found.args.refs[value.arg][0].numel
                steps = [abs(value.offset.coefficient(var)) for var in variables]
                if size > largest and any(steps):
                    largest, strides = size, steps
        far = max(strides, default=0) + 1
        return sorted(range(len(strides)), key=lambda d: (-(strides[d] or far), d))

    def layout(self, root: Expr, order: Sequence[int]) -> Layout:
        """Where a result lies: its dimensions in the order of those of the rows."""
        shape = self.rows.shape if self.along(root) else self.rows.outer
        if root.shape == shape or self.pieces(root):
            return arranged(root.shape, order)
        if squeezed(root.shape) != squeezed(shape):
            return natural(root.shape)
        live = [d for d, n in enumerate(root.shape) if n != 1]
        of = dict(zip([d for d, n in enumerate(shape) if n != 1], live, strict=True))
        rest = [d for d, n in enumerate(root.shape) if n == 1]
        return arranged(root.shape, [*rest, *(of[d] for d in order if d in of)])

    def improved_row(
        self, loops: tuple[Var, ...], layouts: Mapping[Expr, Layout], index: Indices, row: Indices
    ) -> tuple[tuple[Var, ...], Indices]:
        """The variables of a row in the order of memory, run as one where that is possible."""
        if not self.group.sums:
            return (), row
        found = self.lowered(layouts, index, row)
        reductions = found.lowering.reductions
        reduce = row_order(reductions, self.row_vars)
        groups = loopnest.merges(reduce, found.indices())
        if len(reductions) > 1 or self.group.parts:
            alone = loopnest.merges(reduce, loopnest.all_indices(reductions[:1], ()))
            if alone != groups or not same_sums(reductions, loops, reduce, self.target):
                raise CannotLower("the sums of these rows would run in another order")
        reduce, table = loopnest.merged_replacement(groups)
        return reduce, loopnest.replaced(row, table)


def copy_kernel(origin: Ref, source: Layout, target: Ref, layout: Layout) -> Planned:
    """Copy a stored value into another layout or place."""
    node, shape = origin[0], source.shape
    names = [Var(f"i{d}", size) for d, size in enumerate(shape)]
    # cut into panels, the source is read from end to end: it comes from further away
    along = source if layout.panel and layout.panel[0] == source.order[-1] else layout
    loops = tuple(names[d] for d in along.order if shape[d] != 1)
    index: Indices = tuple(variable(var) for var in names)

    def build(index: Indices) -> tuple[Store, ...]:
        load = Load(node.dtype, 0, source.offset(index))
        return (Store(1, layout.offset(index), load),)

    loops, index = loopnest.improved(
        loops, index, lambda index: loopnest.all_indices((), build(index))
    )
    kernel = Nest((node.dtype, node.dtype), loops, (), (), build(index))
    return Planned(kernel, [origin, target], [1], node, nest_work(kernel))


def nest_work(kernel: Nest) -> float:
    points = 1.0
    for var in (*kernel.loops, *kernel.reduce):
        points *= var.size
    values = walk([s.value for s in kernel.stores] + [r.value for r in kernel.reductions])
    return points * max(1, len(values)) / 4

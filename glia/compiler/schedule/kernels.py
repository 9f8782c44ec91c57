"""From groups of values to kernels in the loop IR, choosing the memory layout of each value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from glia.base.dtypes import DType
from glia.base.shapes import Shape
from glia.compiler.codegen.body import fits_lanes
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Index, Var, combine, number, variable, variables
from glia.compiler.schedule import loopnest
from glia.compiler.schedule.layout import Key, Layout, arranged, natural
from glia.compiler.schedule.loops import (
    Apply,
    Contraction,
    Kernel,
    Load,
    Nest,
    Operand,
    Reduced,
    Reduction,
    Scatter,
    Store,
    Tile,
    indices_of,
    walk,
)
from glia.compiler.schedule.lower import CannotLower, Indices, Lowering, regroup
from glia.compiler.schedule.partition import SIMPLE_VIEWS, Group, reads
from glia.compiler.schedule.tile import Choice, Side, choose, summing_order
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
class _Args:
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


class Scheduler:
    """Plans the kernels of a program, group by group.

    Layouts and tiles follow from what a value is computed from, not from which values leave the
    program: so a step has the same bits however much of it is looked at. What must leave
    row-major and lies otherwise is copied at the end.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.layouts: dict[Expr, list[Layout]] = {}
        self.kernels: list[Planned] = []
        self.read: set[Expr] = set()  # stored values that kernels read

    def layout_of(self, node: Expr) -> list[Layout]:
        if node not in self.layouts and node.op.name == "leaf":
            self.layouts[node] = [natural(node.shape)]
        return self.layouts[node]

    def run(self, groups: Sequence[Group], leaves: Iterable[Expr]) -> list[Planned]:
        for leaf in leaves:
            self.layout_of(leaf)
        stored = {root for group in groups for root in group.roots}
        self.read = {node for group in groups for node in reads(group, stored)}
        for group in groups:
            self.group(group)
        return self.kernels

    def group(self, group: Group) -> None:
        core = group.core
        if core is not None and core.op.name == "scatter_add":
            self.scatter(core)
            return
        if core is None or core.op.name != "contract":
            self.nest(group)
            return
        choice_and_parts = self.contraction(group)
        if not choice_and_parts:
            self.split(group)

    def split(self, group: Group) -> None:
        """The epilogue does not fit the core after all: two kernels."""
        (root,), core = group.roots, group.core
        assert core is not None and root is not core
        self.group(Group([core], core))
        self.group(Group([root], None))

    def primary(self) -> dict[Expr, Layout]:
        """The layout each value is read in, unless a contraction wants another."""
        return {node: layouts[0] for node, layouts in self.layouts.items()}

    # Elementwise and reduction nests

    def nest(self, group: Group) -> None:
        first = group.roots[0]
        leaves_only = group.core is None and self.read.isdisjoint(group.roots)
        layout = natural(first.shape) if leaves_only else self.best_layout(group)
        try:
            planned = self.lowered(group, layout)
        except CannotLower:
            if group.core is None or group.core is first:
                raise
            self.split(group)
            return
        for root in group.roots:
            self.layouts[root] = [layout]
        self.kernels.append(planned)

    def best_layout(self, group: Group) -> Layout:
        """The order of dimensions in which the largest value that is read lies in memory."""
        root = group.roots[0]
        loops = [Var(f"i{d}", size) for d, size in enumerate(root.shape)]
        index = tuple(variable(var) for var in loops)
        args = _Args(self.layouts)
        lowering, stores = self.lower_roots(group, index, natural(root.shape), args)
        largest, strides = 0, [0] * len(loops)
        for value in walk([s.value for s in stores] + [r.value for r in lowering.reductions]):
            if isinstance(value, Load) and args.refs[value.arg][0].numel > largest:
                found = [abs(value.offset.coefficient(var)) for var in loops]
                if any(found):
                    largest, strides = args.refs[value.arg][0].numel, found
        if not largest:
            return natural(root.shape)
        far = max(strides) + 1
        order = sorted(range(len(loops)), key=lambda d: (-(strides[d] or far), d))
        return arranged(root.shape, order)

    def lower_roots(
        self, group: Group, index: Indices, layout: Layout, args: _Args
    ) -> tuple[Lowering, list[Store]]:
        lowering = Lowering(self.primary(), args.number)
        if group.core is not None:
            lowering.loop_over = frozenset((group.core,))
        stores = []
        for root in group.roots:
            value = lowering.computed(root, index)
            lowering.bound[root] = (index, value)
            stores.append(Store(args.of((root, layout.key)), layout.offset(index), value))
        return lowering, stores

    def lowered(self, group: Group, layout: Layout) -> Planned:
        """The nest with its variables split and merged until nothing more is to be gained."""
        root = group.roots[0]
        names = [Var(f"i{d}", size) for d, size in enumerate(root.shape)]
        loops = tuple(names[d] for d in layout.order if root.shape[d] != 1)
        index: Indices = tuple(variable(var) for var in names)

        def build(index: Indices) -> tuple[Lowering, list[Store], _Args]:
            args = _Args(self.layouts)
            return (*self.lower_roots(group, index, layout, args), args)

        def used(index: Indices) -> list[Index]:
            lowering, stores, _ = build(index)
            return loopnest.all_indices(lowering.reductions, stores)

        loops, index = loopnest.improved(loops, index, used)
        lowering, stores, args = build(index)
        reduce, reductions = _ordered_reduction(lowering)
        kernel = Nest(args.dtypes(), loops, reduce, reductions, tuple(stores))
        work = _nest_work(kernel)
        writes = [store.arg for store in stores]
        return Planned(kernel, args.refs, writes, root, work)

    # Contractions

    def contraction(self, group: Group) -> bool:
        """Plan a contraction with its epilogue; False when the two do not go together."""
        core = group.core
        assert core is not None
        sizes, rank, a_map, b_map = core.attrs
        names = [Var(f"{'i' if v < rank else 'k'}{v}", n) for v, n in enumerate(sizes)]
        loops, reduce = tuple(names[:rank]), tuple(names[rank:])
        index = tuple(variable(var) for var in loops)
        sides = (
            self.side(core.inputs[0], _map_index(a_map, names)),
            self.side(core.inputs[1], _map_index(b_map, names)),
        )
        choice = batch = None
        if core.dtype.kind == "float" and core.numel and min(sizes) > 0:
            batch = self.batch(loops, sides)
            itemsize = core.dtype.itemsize
            choice = choose(loops, reduce, sides, self.target, itemsize, batch)
        if choice is None:
            return self.plain_contraction(group, loops, reduce, sides, index)
        return self.tiled_contraction(group, loops, reduce, sides, index, choice, batch)

    def batch(self, loops: tuple[Var, ...], sides: Sequence[Side]) -> Var | None:
        """The variable that runs over the batch, when the result should have it innermost.

        Then convolutions, pooling and everything elementwise run along the batch in whole
        vectors, whatever the sizes of images. It is the first variable of the result, occurs in
        the first operand alone, and lies innermost there already; or the operand comes from
        outside and looks like a batch of images, or of rows for a weight of rows.
        """
        live = [v for v in loops if v.size > 1]
        data, weight = sides
        if not live or 2 * live[0].size < self.target.lanes(data.base.dtype.itemsize):
            return None
        first = live[0]
        if any(first in variables(at) for at in weight.index):
            return None
        if data.base.op.name == "leaf":
            flat = data.base.ndim == weight.base.ndim == 2
            rows = flat and weight.index[-1] == data.index[-1]
            return first if rows or data.base.ndim > 2 else None
        if not data.index:
            return None
        innermost = data.layout.order[-1]
        return first if data.index[innermost] == variable(first) else None

    def side(self, node: Expr, index: Indices) -> Side:
        """Follow simple views down to the stored value."""
        probe = _Probe(self.layouts)
        base, at = probe.find(node, index)
        return Side(base, at, self.layout_of(base)[0])

    def plain_contraction(
        self,
        group: Group,
        loops: tuple[Var, ...],
        reduce: tuple[Var, ...],
        sides: Sequence[Side],
        index: Indices,
    ) -> bool:
        """Whole numbers and odd cases: a plain sum of products."""
        (root,), core = group.roots, group.core
        if root is not core:
            return False
        layout = natural(root.shape)
        self.layouts[root] = [layout]
        args = _Args(self.layouts)
        lowering = Lowering(self.primary(), args.number)
        parts = tuple(lowering.value(side.base, side.index) for side in sides)
        reduction = Reduction("sum", Apply(root.dtype, "mul", parts))
        store = Store(args.number(root), layout.offset(index), Reduced(root.dtype, 0))
        live = tuple(v for v in loops if v.size != 1)
        summed = tuple(v for v in reduce if v.size != 1)
        kernel = Nest(args.dtypes(), live, summed, (reduction,), (store,))
        self.kernels.append(Planned(kernel, args.refs, [store.arg], root, _nest_work(kernel)))
        return True

    def tiled_contraction(
        self,
        group: Group,
        loops: tuple[Var, ...],
        reduce: tuple[Var, ...],
        sides: Sequence[Side],
        index: Indices,
        choice: Choice,
        batch: Var | None,
    ) -> bool:
        (root,), core = group.roots, group.core
        assert core is not None
        tile = choice.tile
        root_index = regroup(index, core.shape, root.shape)
        layout = natural(root.shape)
        if batch is not None and not tile.lanes_reduced:
            layout = _along(root_index, root.shape, tile)
        args = _Args(self.layouts)
        operands = []
        for side, wanted in zip(sides, choice.layouts, strict=True):
            arg = args.of((side.base, wanted.key))
            operands.append(Operand(arg, wanted.offset(side.index)))
        result = Reduced(core.dtype, 0)
        lowering = Lowering(self.primary(), args.number, {core: (index, result)})
        try:
            value = result if root is core else lowering.computed(root, root_index)
        except CannotLower:
            return False
        if lowering.reductions:
            return False
        if root is not core and not tile.lanes_reduced:
            fine = fits_lanes([value], [layout.offset(root_index)], tile.lanes_over)
            if not fine:
                return False
        for side, wanted in zip(sides, choice.layouts, strict=True):
            self.repack(side.base, wanted)
        self.layouts[root] = [layout]
        store = Store(args.of((root, layout.key)), layout.offset(root_index), value)
        summed = summing_order(reduce, [o.offset for o in operands])
        outer = [v for v in loops if v.size != 1 and v != tile.lanes_over]
        outer += [tile.lanes_over] if tile.lanes_over in loops else []
        a, b = operands
        kernel = Contraction(args.dtypes(), tuple(outer), summed, a, b, core.dtype, (store,), tile)
        self.kernels.append(Planned(kernel, args.refs, [store.arg], root, choice.cost))
        return True

    # Adding at computed places

    def scatter(self, node: Expr) -> None:
        """Plan a scatter_add; its values are read in the order of their own dimensions."""
        values, at = node.inputs
        dim, size = node.attrs
        names = [Var(f"i{d}", n) for d, n in enumerate(node.shape)]
        steps = Var("k", values.shape[dim])
        loops = tuple(v for d, v in enumerate(names) if d != dim and v.size != 1)
        names[dim] = steps
        layout = natural(node.shape)
        base = self.side(values, tuple(variable(v) for v in names)).base
        wanted = natural(base.shape)
        self.repack(base, wanted)
        self.layouts[node] = [layout]

        def build(index: Indices) -> tuple[_Args, Scatter]:
            args = _Args(self.layouts)
            side = self.side(values, index)
            value = Load(node.dtype, args.of((base, wanted.key)), wanted.offset(side.index))
            place = Lowering(self.primary(), args.number).place(at, index, size)
            arg = args.number(node)
            offset = layout.offset((*index[:dim], variable(place), *index[dim + 1 :]))
            return args, Scatter(args.dtypes(), loops, steps, place, arg, offset, value)

        def used(index: Indices) -> list[Index]:
            kernel = build(index)[1]
            return [*indices_of([kernel.value, kernel.place.value]), kernel.offset]

        loops, index = loopnest.improved(loops, tuple(variable(v) for v in names), used)
        args, kernel = build(index)
        points = node.numel + 2.0 * values.numel
        self.kernels.append(Planned(kernel, args.refs, [kernel.arg], node, points))

    def repack(self, base: Expr, wanted: Layout) -> None:
        """Make a copy of a stored value in another layout, once."""
        known = self.layout_of(base)
        if any(layout.key == wanted.key for layout in known):
            return
        source = (base, known[0].key)
        self.kernels.append(copy_kernel(source, known[0], (base, wanted.key), wanted))
        known.append(wanted)


class _Probe(Lowering):
    """Finds the stored value behind simple views, and the index into it."""

    def __init__(self, layouts: dict[Expr, list[Layout]]) -> None:
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


def _along(index: Indices, shape: Shape, tile: Tile) -> Layout:
    """The layout in which a tile's results lie together: lanes innermost, then rows."""

    def rank(dim: int) -> tuple[int, int]:
        if index[dim].coefficient(tile.lanes_over) == 1:
            return 2, dim
        is_row = tile.rows is not None and index[dim].coefficient(tile.rows[0]) == 1
        return int(is_row), dim

    return arranged(shape, sorted(range(len(shape)), key=rank))


def copy_kernel(origin: Ref, source: Layout, target: Ref, layout: Layout) -> Planned:
    """Copy a stored value into another layout or place."""
    node = origin[0]
    names = [Var(f"i{d}", size) for d, size in enumerate(node.shape)]
    loops = tuple(names[d] for d in layout.order if node.shape[d] != 1)
    index: Indices = tuple(variable(var) for var in names)

    def build(index: Indices) -> tuple[Store, ...]:
        load = Load(node.dtype, 0, source.offset(index))
        return (Store(1, layout.offset(index), load),)

    loops, index = loopnest.improved(
        loops, index, lambda index: loopnest.all_indices((), build(index))
    )
    kernel = Nest((node.dtype, node.dtype), loops, (), (), build(index))
    return Planned(kernel, [origin, target], [1], node, _nest_work(kernel))


def _map_index(index_map: Sequence, names: Sequence[Var]) -> Indices:
    return tuple(
        combine([(number(offset), 1)] + [(variable(names[v]), c) for v, c in terms])
        for offset, terms in index_map
    )


def _ordered_reduction(lowering: Lowering) -> tuple[tuple[Var, ...], tuple[Reduction, ...]]:
    """Reduce variables with the one along which memory is read contiguously last."""
    strides: dict[Var, int] = {v: 0 for v in lowering.reduce}
    for value in walk([r.value for r in lowering.reductions]):
        if isinstance(value, Load):
            for v in strides:
                strides[v] = max(strides[v], abs(value.offset.coefficient(v)))
    live = [v for v in lowering.reduce if v.size != 1]
    if any(r.kind == "argmax" for r in lowering.reductions):
        return tuple(live), tuple(lowering.reductions)
    return tuple(sorted(live, key=lambda v: -strides[v])), tuple(lowering.reductions)


def _nest_work(kernel: Nest) -> float:
    points = 1.0
    for var in (*kernel.loops, *kernel.reduce):
        points *= var.size
    values = walk([s.value for s in kernel.stores] + [r.value for r in kernel.reductions])
    return points * max(1, len(values)) / 4

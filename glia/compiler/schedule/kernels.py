"""From groups of values to kernels in the loop IR, choosing the memory layout of each value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from glia.base.shapes import Shape
from glia.compiler.codegen.body import fits_lanes
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Index, Var, variable, variables
from glia.compiler.schedule import loopnest, winograd
from glia.compiler.schedule.groups import Group, hosted, reads
from glia.compiler.schedule.layout import Layout, arranged, natural
from glia.compiler.schedule.loops import (
    Apply,
    Contraction,
    Host,
    Load,
    Nest,
    Operand,
    Reduced,
    Reduction,
    Scatter,
    Store,
    Value,
    indices_of,
    walk,
)
from glia.compiler.schedule.lower import CannotLower, Indices, Lowering, regroup
from glia.compiler.schedule.nests import (
    Args,
    Planned,
    Ref,
    copy_kernel,
    first_layouts,
    nest_work,
    plan_nest,
)
from glia.compiler.schedule.operands import Operands, Space, space
from glia.compiler.schedule.tile import Choice, Problem, Side, choose, running_order
from glia.ir.expr import Expr

#: Convolutions to so many vectors of channels keep them innermost.
MANY = 2
#: Values of so many elements are turned before a kernel would read them across.
LARGE = 1 << 12


@dataclass(frozen=True)
class Inner:
    """The variable along which a contraction's result lies innermost, and the one beside it."""

    lanes_over: Var
    beside: Var | None = None  # None: the rows of a tile


class Scheduler:
    """Plans the kernels of a program, group by group.

    Layouts and tiles follow from what a value is computed from, not from which values leave the
    program: so a step has the same bits however much of it is looked at. What must leave
    row-major and lies otherwise is copied at the end.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.layouts: dict[Expr, list[Layout]] = {}
        self.operands = Operands(self.layouts, self.layout_of)
        self.kernels: list[Planned] = []
        self.read: set[Expr] = set()  # stored values that kernels read
        self.fixed: dict[Expr, Layout] = {}  # layouts that are decided beforehand
        self.transformed: set[Ref] = set()  # weights in Winograd's form

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
        if core is not None and hosted(core):
            self.host(group)
            return
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
        """What was joined does not fit after all: its parts, or the core and its epilogue."""
        if group.parts:
            for part in group.parts:
                self.group(part)
            return
        (root,), core = group.roots, group.core
        assert core is not None and root is not core
        self.group(Group([core], core))
        self.group(Group([root], None))

    def primary(self) -> dict[Expr, Layout]:
        """The layout each value is read in, unless a contraction wants another."""
        return first_layouts(self.layouts)

    # Elementwise and reduction nests

    def nest(self, group: Group) -> None:
        row_major = group.core is None and self.read.isdisjoint(group.roots)
        row_major = row_major or group.row_major
        try:
            planned, layouts = plan_nest(group, self.layouts, self.target, row_major, self.fixed)
            astray = self.across(planned)
            if astray:
                straight = {node: [natural(node.shape)] for node in astray}
                known = {**self.layouts, **straight}
                again = plan_nest(group, known, self.target, row_major, self.fixed)
                if not self.across(again[0]):
                    planned, layouts = again
                    for node, (layout,) in straight.items():
                        self.repack(node, layout)
        except CannotLower:
            if not group.parts and group.core in (None, group.roots[0]):
                raise
            self.split(group)
            return
        self.layouts.update({root: [layout] for root, layout in layouts.items()})
        self.kernels.append(planned)

    def across(self, planned: Planned) -> list[Expr]:
        """Large values that a kernel reads across its innermost loop: turning them pays."""
        kernel = planned.kernel
        if not isinstance(kernel, Nest) or not kernel.loops:
            return []
        found = []
        values = [store.value for store in kernel.stores] + [r.value for r in kernel.reductions]
        for load in walk(values):
            if not isinstance(load, Load):
                continue
            step = abs(load.offset.coefficient(kernel.loops[-1]))
            along = kernel.reduce and load.offset.coefficient(kernel.reduce[-1]) == 1
            node, key = planned.args[load.arg]
            turned = key != natural(node.shape).key and node.numel >= LARGE
            if step >= self.target.lanes(4) and not along and turned and node not in found:
                found.append(node)
        return found

    # Contractions

    def contraction(self, group: Group) -> bool:
        """Plan a contraction with its epilogue; False when the two do not go together."""
        core = group.core
        assert core is not None
        found = space(core, True)
        ways = [
            self.operands.ways(operand, at)
            for operand, at in zip(found.operands, found.indices, strict=True)
        ]
        choice = inner = None
        if core.dtype.kind == "float" and core.numel and min(core.attrs[0]) > 0:
            inner = self.wished(group, found) or self.inner(
                tuple(found.loops), [way[0] for way in ways]
            )
            lanes_over = inner.lanes_over if inner else None
            problem = Problem(
                tuple(found.loops),
                tuple(found.reduce),
                tuple(map(tuple, ways)),
                tuple(found.guards),
                self.target,
                core.dtype.itemsize,
            )
            choice = choose(problem, lanes_over)
        if choice is None:
            return self.plain_contraction(group)
        if self.winograd(group, found, ways, inner, choice):
            return True
        return self.tiled_contraction(group, found, choice, inner)

    def wished(self, group: Group, found: Space) -> Inner | None:
        """The variable that lies innermost in the layout decided for the result, if one is."""
        (root,), core = group.roots, group.core
        fixed = self.fixed.get(root)
        if core is None or fixed is None or not fixed.order:
            return None
        index = regroup(tuple(found.at[: core.ndim]), core.shape, root.shape)[fixed.order[-1]]
        for var in variables(index):
            if index == variable(var):
                return Inner(var)
        return None

    def inner(self, loops: tuple[Var, ...], sides: Sequence[Side]) -> Inner | None:
        """The variable that the result should have innermost, if there is one.

        Then whatever follows runs along it in whole vectors, whatever the sizes of images. For a
        convolution with many channels it is the channel. Otherwise it is the batch: the first
        variable of the result, which occurs in the first operand alone and lies innermost there
        already; or the operand comes from outside and looks like a batch of images, or of rows
        for a weight of rows.
        """
        data, weight = sides
        live = [v for v in loops if v.size > 1]
        of_data = set().union(*map(variables, data.index))
        of_weight = set().union(*map(variables, weight.index))
        lanes = self.target.lanes(data.base.dtype.itemsize)
        places = [v for v in live if v not in of_weight]
        channels = max((v for v in live if v not in of_data), key=lambda v: v.size, default=None)
        if len(places) > 1 and channels is not None and channels.size >= MANY * lanes:
            return Inner(channels, places[0])
        if not places or 2 * places[0].size < lanes:
            return None
        first = places[0]
        if data.base.op.name == "leaf":
            flat = data.base.ndim == weight.base.ndim == 2
            rows = flat and weight.index[-1] == data.index[-1]
            fits = first == live[0] and (rows or data.base.ndim > 2)
            return Inner(first) if fits else None
        if not data.index or data.layout.key == natural(data.base.shape).key:
            return None
        innermost = data.layout.order[-1]
        return Inner(first) if data.index[innermost] == variable(first) else None

    def plain_contraction(self, group: Group) -> bool:
        """Whole numbers and odd cases: a plain sum of products."""
        (root,), core = group.roots, group.core
        if root is not core:
            return False
        found = space(core, False)
        index = tuple(found.at[: core.ndim])
        sides = [
            self.operands.ways(operand, at)[-1]
            for operand, at in zip(found.operands, found.indices, strict=True)
        ]
        layout = natural(root.shape)
        self.layouts[root] = [layout]
        args = Args(self.layouts)
        lowering = Lowering(self.primary(), args.number)
        parts = tuple(lowering.value(side.base, side.index) for side in sides)
        reduction = Reduction("sum", Apply(root.dtype, "mul", parts))
        store = Store(args.number(root), layout.offset(index), Reduced(root.dtype, 0))
        live = tuple(v for v in found.loops if v.size != 1)
        summed = tuple(v for v in found.reduce if v.size != 1)
        kernel = Nest(args.dtypes(), live, summed, (reduction,), (store,))
        self.kernels.append(Planned(kernel, args.refs, [store.arg], root, nest_work(kernel)))
        return True

    def tiled_contraction(
        self,
        group: Group,
        found: Space,
        choice: Choice,
        inner: Inner | None,
    ) -> bool:
        (root,), core = group.roots, group.core
        assert core is not None
        tile = choice.tile
        index = tuple(found.at[: core.ndim])
        root_index = regroup(index, core.shape, root.shape)
        layout = natural(root.shape)
        if inner is not None and not tile.lanes_reduced:
            beside = inner.beside or (tile.rows[0] if tile.rows else None)
            along = _along(root_index, root.shape, tile.lanes_over, beside)
            layout = self.fixed.get(root, along)
        args = Args(self.layouts)
        operands = []
        for side, wanted in zip(choice.sides, choice.layouts, strict=True):
            arg = args.of((side.base, wanted.key))
            operands.append(Operand(arg, wanted.offset(side.index)))
        lanes_over = None if tile.lanes_reduced else tile.lanes_over
        value = self.epilogue(group, index, layout, args, lanes_over)
        if value is None:
            return False
        for side, wanted in zip(choice.sides, choice.layouts, strict=True):
            self.repack(side.base, wanted)
        self.layouts[root] = [layout]
        store = Store(args.of((root, layout.key)), layout.offset(root_index), value)
        offsets = [operand.offset for operand in operands]
        size = core.dtype.itemsize
        outer = running_order(found.loops, found.reduce, offsets, tile, size)
        a, b = operands
        guards = dict.fromkeys((*found.guards, *(g for side in choice.sides for g in side.guards)))
        kernel = Contraction(
            args.dtypes(), outer, choice.order, a, b, core.dtype, (store,), tile, tuple(guards)
        )
        self.kernels.append(Planned(kernel, args.refs, [store.arg], root, choice.cost))
        return True

    def epilogue(
        self, group: Group, index: Indices, layout: Layout, args: Args, lanes_over: Var | None
    ) -> Value | None:
        """What is stored in place of a contraction's sum; None when it needs loops of its own."""
        (root,), core = group.roots, group.core
        assert core is not None
        result = Reduced(core.dtype, 0)
        if root is core:
            return result
        at = regroup(index, core.shape, root.shape)
        lowering = Lowering(self.primary(), args.number, {core: (index, result)})
        try:
            value = lowering.computed(root, at)
        except CannotLower:
            return None
        fine = lanes_over is None or fits_lanes([value], [layout.offset(at)], lanes_over)
        return value if fine and not lowering.reductions else None

    def winograd(
        self,
        group: Group,
        found: Space,
        ways: Sequence[Sequence[Side]],
        inner: Inner | None,
        choice: Choice,
    ) -> bool:
        """Plan a 3x3 convolution in Winograd's form, if it is one and that is cheaper."""
        (root,), core = group.roots, group.core
        assert core is not None
        channel = inner.lanes_over if inner is not None else None
        form = winograd.form_of(found, [way[0] for way in ways], channel)
        blocks = None if form is None else form.blocks(self.target)
        if form is None or blocks is None or inner is None:
            return False
        cost = form.price(blocks, self.target)
        index = tuple(found.at[: core.ndim])
        root_index = regroup(index, core.shape, root.shape)
        layout = _along(root_index, root.shape, form.channel, inner.beside)
        if cost > winograd.WORTH * choice.cost or self.fixed.get(root, layout) != layout:
            return False
        args = Args(self.layouts)
        refs = form.refs(blocks)
        places = [args.of(ref) for ref in refs]
        value = self.epilogue(group, index, layout, args, form.channel)
        if value is None:
            return False
        if isinstance(form, winograd.Form) and refs[1] not in self.transformed:
            self.transformed.add(refs[1])
            lying = arranged(form.weights.base.shape, winograd.inner_order(form))
            self.repack(form.weights.base, lying)
            plain = form.weights.base, lying.key
            self.kernels.append(winograd.weights_kernel(form, blocks, plain, refs[1]))
        self.layouts[root] = [layout]
        store = Store(args.of((root, layout.key)), layout.offset(root_index), value)
        kernel = form.kernel(blocks, places, args.dtypes(), store)
        self.kernels.append(Planned(kernel, args.refs, [store.arg], root, cost))
        return True

    # What NumPy computes

    def host(self, group: Group) -> None:
        """Plan the call of a function of NumPy's: everything it reads and writes is row-major."""
        core = group.core
        assert core is not None
        if core.op.kind == "control":
            raise CannotLower(f"{core.op.name} of numbers without native code")
        args = Args(self.layouts)
        for child in core.inputs:
            self.repack(child, natural(child.shape))
        for root in group.roots:
            self.layouts[root] = [natural(root.shape)]

        def places(nodes: Sequence[Expr]) -> tuple[tuple[int, Shape], ...]:
            return tuple((args.of((x, natural(x.shape).key)), x.shape) for x in nodes)

        reads, writes = places(core.inputs), places(group.roots)
        several = core.op.parts is not None
        parts = tuple(root.attrs[-1] for root in group.roots) if several else ()
        attrs = core.attrs[:-1] if several else core.attrs
        kernel = Host(args.dtypes(), core.op.name, attrs, reads, writes, parts)
        written = [arg for arg, _ in writes]
        self.kernels.append(Planned(kernel, args.refs, written, group.roots[0], 0.0))

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
        base = self.operands.side(values, tuple(variable(v) for v in names)).base
        wanted = natural(base.shape)
        self.repack(base, wanted)
        self.layouts[node] = [layout]

        def build(index: Indices) -> tuple[Args, Scatter]:
            args = Args(self.layouts)
            side = self.operands.side(values, index)
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
        if base not in self.layouts and base.op.name in ("pad", "fold"):
            group = Group([base], None)
            planned, _ = plan_nest(group, self.layouts, self.target, False, {base: wanted})
            self.kernels.append(planned)
            self.layouts[base] = [wanted]
            return
        known = self.layout_of(base)
        if any(layout.key == wanted.key for layout in known):
            return
        source = (base, known[0].key)
        self.kernels.append(copy_kernel(source, known[0], (base, wanted.key), wanted))
        known.append(wanted)


def _along(index: Indices, shape: Shape, lanes_over: Var, beside: Var | None) -> Layout:
    """The layout in which a tile's results lie together: lanes innermost, then rows.

    Where the lanes are channels the batch comes next: positions of images are matrices of one
    row per image, and a convolution is products of such matrices.
    """

    def rank(dim: int) -> tuple[int, int]:
        if index[dim].coefficient(lanes_over) == 1:
            return 2, dim
        return int(beside is not None and index[dim].coefficient(beside) == 1), dim

    return arranged(shape, sorted(range(len(shape)), key=rank))

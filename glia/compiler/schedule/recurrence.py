"""Scans: one body of kernels, run for every step, on slices of the batch that never wait.

The body is planned like a program of its own, over variables that stand for the carries, for one
step of every sequence and for the constants. If the values fall apart along their first dimension
(the batch), the body is made for a slice of it, and each slice runs through all steps by itself.
Otherwise there is one slice. How the batch is cut does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from glia.base.shapes import Shape
from glia.compiler.index import Var
from glia.compiler.passes.narrow import CannotNarrow, narrowed
from glia.compiler.passes.simplify import simplify
from glia.compiler.schedule import memory
from glia.compiler.schedule.groups import Group
from glia.compiler.schedule.kernels import Inner, Scheduler
from glia.compiler.schedule.layout import Layout, arranged, natural, room, within
from glia.compiler.schedule.loops import Address, Call, Contraction, Nest, Repeat, Scatter
from glia.compiler.schedule.lower import CannotLower
from glia.compiler.schedule.nests import Planned, Ref, copy_kernel
from glia.compiler.schedule.partition import partition, steps_of
from glia.compiler.schedule.tile import Side
from glia.ir.expr import Expr
from glia.ir.ops.control import bound, variables

#: A slice of the batch has at most so many rows, and there are at least so many slices ...
ROWS, SLICES = 16, 4
#: ... unless they would have fewer rows than this.
FEW = 4


class ProgramScheduler(Scheduler):
    """A scheduler that knows scans."""

    def run(self, groups: Sequence[Group], leaves: Iterable[Expr]) -> list[Planned]:
        self.loops: dict[int, _Recurrence] = {}
        for group in groups:
            if _is_scan(group):
                loop = self.loops[id(group)] = _Recurrence(self, group)
                loop.ask()
        return super().run(groups, leaves)

    def group(self, group: Group) -> None:
        if _is_scan(group):
            self.loops[id(group)].plan()
        else:
            super().group(group)


def _is_scan(group: Group) -> bool:
    return group.core is not None and group.core.op.name == "scan"


class _Body(Scheduler):
    """Plans a body: everything row-major.

    Constants are brought into another layout before the loop, not in it.
    """

    def __init__(self, outer: Scheduler, constants: dict[Expr, Expr]) -> None:
        super().__init__(outer.target)
        self.outer, self.constants = outer, constants

    def winograd(self, *_product: object) -> bool:
        """Never: weights would be transformed at every turn."""
        return False

    def inner(self, loops: tuple[Var, ...], sides: Sequence[Side]) -> Inner | None:
        live = [var for var in loops if var.size > 1]
        return Inner(live[-1]) if live else None

    def repack(self, base: Expr, wanted: Layout) -> None:
        if base not in self.constants:
            super().repack(base, wanted)
            return
        self.outer.repack(self.constants[base], wanted)
        if all(layout.key != wanted.key for layout in self.layouts[base]):
            self.layouts[base].append(wanted)


@dataclass(frozen=True)
class _Place:
    """Where a value of the body lies: an argument of the loop, moving with steps and slices."""

    ref: Ref
    start: int = 0
    per_turn: int = 0
    per_slice: int = 0


class _Recurrence:
    """One loop: the scans over the same inputs with the same carries."""

    def __init__(self, outer: Scheduler, group: Group) -> None:
        self.outer, self.roots = outer, group.roots
        first = group.roots[0]
        _, _, carry, sequences, self.length, self.reverse = first.attrs
        self.carry: tuple[Expr, ...] = carry
        n = len(carry)
        self.inputs = first.inputs
        self.stacked = [root for root in group.roots if root.attr("kind") == "stack"]
        self.values = [*carry, *(root.attr("out") for root in self.stacked)]
        self.sequences = range(n, n + sequences)
        self._cut(variables(first.inputs, n, sequences))

    # The batch

    def _cut(self, parts: tuple[tuple[Expr, ...], ...]) -> None:
        """Cut the batch in slices, if the body falls apart along it."""
        state, slices, consts = parts
        self.variables = [*state, *slices, *consts]
        self.moving = [*state, *slices]
        self.batch = self.width = 0
        self.body: tuple[Expr, ...] = tuple(self.values)
        sizes = {v.shape[0] if v.shape else 0 for v in self.moving}
        if len(sizes) != 1 or 0 in sizes or not state:
            return
        (size,) = sizes
        width = _slice(size)
        if width == size or any(not value.shape for value in self.values):
            return
        new = [bound(i, (width, *v.shape[1:]), v.dtype) for i, v in enumerate(self.moving)]
        with suppress(CannotNarrow):
            self.body = narrowed(self.values, dict(zip(self.moving, new, strict=True)))
            self.variables[: len(new)] = new
            self.batch, self.width = size, width

    @property
    def slices(self) -> int:
        return self.batch // self.width if self.width else 1

    def ask(self) -> None:
        """Let those who make the sequences lay them out as the loop reads them."""
        for i in self.sequences:
            base, _ = steps_of(self.inputs[i])
            if base.op.name not in ("leaf", "bound", "scan"):
                self.outer.fixed.setdefault(base, natural(base.shape))
        for root in self.roots:
            self.outer.fixed[root] = natural(root.shape)

    # The plan

    def plan(self) -> None:
        self.places: dict[Ref, _Place] = {}
        self.before: list[Planned] = []
        self.after: list[Planned] = []
        self.args: list[Ref] = []
        n = len(self.carry)
        moving = len(self.moving)
        consts = dict(zip(self.variables[moving:], self.inputs[moving:], strict=True))
        self.scheduler = _Body(self.outer, consts)
        simple = simplify(self.body)
        for i in range(n):
            self._carry(i)
        for i in self.sequences:
            self._sequence(i)
        for v, node in consts.items():
            self.scheduler.layouts[v] = [self.outer.layout_of(node)[0]]
        outs = self._results(simple)
        groups = partition(simple)
        kernels = self.scheduler.run(groups, ())
        kernels += self._copies(outs)
        for v, node in consts.items():
            for layout in self.scheduler.layouts[v]:
                self.places[v, layout.key] = _Place((node, layout.key))
        for root in self.roots:
            self._final(root)
        self._emit(kernels)

    def _within(self, layout: Layout, shape: Shape, first: int) -> Layout:
        """The layout of a slice of one step of a value."""
        return within(layout, shape, range(first, first + len(shape)))

    def _place(self, node: Expr, layout: Layout, stacked: bool, first: int = 0) -> _Place:
        """Where the slices of an outer value lie, step by step."""
        turn = layout.strides[0] if stacked else 0
        slice_step = layout.strides[int(stacked)] * self.width if self.width else 0
        start = first * turn
        if stacked and self.reverse:
            start, turn = (first + self.length - 1) * turn, -turn
        return _Place((node, layout.key), start, turn, slice_step)

    def _carry(self, i: int) -> None:
        """The carry's place, and the kernel that puts the first value there."""
        v = self.variables[i]
        states = self._root("states", i)
        if states is not None:
            layout = self.outer.fixed[states]
            inner = self._within(layout, v.shape, 1)
            place = self._place(states, layout, True, int(self.reverse))
            start = _Place(place.ref, place.start, 0, place.per_slice)
        else:
            inner = natural(v.shape)
            place = start = _Place((v, ("carry",)))
        self.scheduler.layouts[v] = [inner]
        self.places[v, inner.key] = place
        node, layout = self._held(self.inputs[i])
        source = (node, ("start", i))
        self.places[source] = self._place(node, layout, False)
        target = (v, ("start", i))
        self.places[target] = start
        given = self._within(layout, v.shape, 0)
        self.before.append(copy_kernel(source, given, target, inner))

    def _held(self, node: Expr) -> tuple[Expr, Layout]:
        layout = self.outer.layout_of(node)[0]
        if layout.panel is not None:
            layout = natural(node.shape)
            self.outer.repack(node, layout)
        return node, layout

    def _sequence(self, i: int) -> None:
        v = self.variables[i]
        base, first = steps_of(self.inputs[i])
        layout = self.outer.layout_of(base)[0]
        wanted = natural(base.shape)
        if layout.key != wanted.key:
            self.outer.repack(base, wanted)
        inner = self._within(wanted, v.shape, 1)
        self.scheduler.layouts[v] = [inner]
        self.places[v, inner.key] = self._place(base, wanted, True, first)

    def _root(self, kind: str, out: object) -> Expr | None:
        for root in self.roots:
            if root.attr("kind") == kind and root.attr("out") is out:
                return root
        return None

    def _results(self, simple: Sequence[Expr]) -> list[tuple[Expr, _Place, Layout]]:
        """Where the step's results go."""
        found: list[tuple[Expr, _Place, Layout]] = []
        for i, value in enumerate(simple):
            v = self.variables[i] if i < len(self.carry) else None
            if v is None:
                root = self.stacked[i - len(self.carry)]
                layout = self.outer.fixed[root]
                place = self._place(root, layout, True)
                found.append((value, place, self._within(layout, value.shape, 1)))
                continue
            (layout,) = self.scheduler.layouts[v]
            place = self.places[v, layout.key]
            states = self._root("states", i)
            if states is not None:
                outer = self.outer.fixed[states]
                place = self._place(states, outer, True, int(not self.reverse))
            found.append((value, place, layout))
            if states is None:
                continue
            self._direct(value, place, layout)
        for value, place, layout in found[len(self.carry) :]:
            self._direct(value, place, layout)
        return found

    def _direct(self, value: Expr, place: _Place, layout: Layout) -> None:
        """Let the kernel that makes a value write it where it goes."""
        if value.op.name != "bound" and value not in self.scheduler.fixed:
            self.scheduler.fixed[value] = layout
            self.places[value, layout.key] = place

    def _copies(self, outs: list[tuple[Expr, _Place, Layout]]) -> list[Planned]:
        """Copies at the end of a step, of what could not be written in place.

        Carries come last; one that becomes another is set aside before that one is overwritten.
        """
        first: list[Planned] = []
        early: list[Planned] = []
        late: list[Planned] = []
        for i, (value, place, layout) in enumerate(outs):
            have = self.scheduler.layout_of(value)[0]
            if self.places.get((value, have.key)) == place:
                continue
            source: Ref = (value, have.key)
            carried = place.ref[1] == ("carry",)
            if carried and value in self.variables:
                aside: Ref = (value, ("aside", i))
                dense = arranged(value.shape, have.order)
                first.append(copy_kernel(source, have, aside, dense))
                source, have = aside, dense
            target: Ref = (value, ("result", i))
            self.places[target] = place
            (late if carried else early).append(copy_kernel(source, have, target, layout))
        return first + early + late

    def _final(self, root: Expr) -> None:
        """The last value of a carry, copied out after the loop."""
        if root.attr("kind") != "final":
            return
        i = root.attr("out")
        v = self.variables[i]
        (inner,) = self.scheduler.layouts[v][:1]
        states = self._root("states", i)
        place = self.places[v, inner.key]
        if states is not None:
            step = self.outer.fixed[states].strides[0]
            start = 0 if self.reverse else self.length * step
            place = _Place(place.ref, start, 0, place.per_slice)
        source: Ref = (v, ("end", i))
        self.places[source] = place
        layout = self.outer.fixed[root]
        target: Ref = (root, layout.key)
        self.places[target] = self._place(root, layout, False)
        given = self._within(layout, v.shape, 0)
        self.after.append(copy_kernel(source, inner, target, given))

    # The kernel

    def _emit(self, kernels: list[Planned]) -> None:
        root = self.roots[0]
        scratch = self._scratch(root, kernels)
        sections = tuple(
            (turns, tuple(self._call(planned) for planned in part))
            for turns, part in self._turns(kernels)
            if part
        )
        dtypes = tuple(node.dtype for node, _ in self.args)
        own = {root: self.outer.fixed[root].key for root in self.roots}
        writes = [i for i, (node, key) in enumerate(self.args) if own.get(node) == key]
        if scratch in self.args:
            writes.append(self.args.index(scratch))
        for node, key in own.items():
            assert (node, key) in self.args, "a result that nothing writes"
            self.outer.layouts[node] = [self.outer.fixed[node]]
        work = self.slices * sum(turns * p.work for turns, ps in self._turns(kernels) for p in ps)
        kernel = Repeat(dtypes, self.slices, sections)
        self.outer.kernels.append(Planned(kernel, self.args, writes, root, work))

    def _turns(self, kernels: list[Planned]) -> list[tuple[int, list[Planned]]]:
        return [(1, self.before), (self.length, kernels), (1, self.after)]

    def _scratch(self, root: Expr, kernels: list[Planned]) -> Ref:
        """Memory for what lives inside a slice: carries, and temporaries of a step."""
        lives: dict[Ref, list[int]] = {}
        last = len(kernels)
        for turn, planned in enumerate(kernels):
            for ref in planned.args:
                if ref not in self.places:
                    lives.setdefault(ref, [turn, turn])[1] = turn
        found = [place.ref for place in self.places.values() if place.ref[1] == ("carry",)]
        kept = dict.fromkeys(found)  # in an order that is the same in every process
        for ref in kept:
            lives[ref] = [0, last]
        sizes = [_room(ref) * ref[0].dtype.itemsize for ref in lives]
        spans = [memory.Life(n, *span) for n, span in zip(sizes, lives.values(), strict=True)]
        offsets, total = memory.plan(spans)
        item = root.dtype.itemsize
        scratch: Ref = (root, ("scratch", total * self.slices // item))
        for ref, offset in zip(lives, offsets, strict=True):
            place = _Place(scratch, offset // item, 0, total // item)
            if ref in kept:
                self.moved(ref, place)
            else:
                self.places[ref] = place
        return scratch

    def moved(self, old: Ref, place: _Place) -> None:
        """Give a carry its place in the scratch memory."""
        for ref, known in self.places.items():
            if known.ref == old:
                self.places[ref] = place

    def _call(self, planned: Planned) -> Call:
        if isinstance(planned.kernel, Repeat):
            raise CannotLower("a scan inside a scan")
        assert isinstance(planned.kernel, Nest | Contraction | Scatter)
        addresses = []
        for ref in planned.args:
            place = self.places[ref]
            if place.ref not in self.args:
                self.args.append(place.ref)
            arg = self.args.index(place.ref)
            addresses.append(Address(arg, place.start, place.per_turn, place.per_slice))
        return Call(planned.kernel, tuple(addresses))


def _room(ref: Ref) -> int:
    """Elements that a value inside a slice takes."""
    node, key = ref
    return max(1, room(node.shape, key))


def _slice(size: int) -> int:
    """How much of the batch one slice takes: slices are of one size."""
    most = max(FEW, min(ROWS, size // SLICES))
    whole = [width for width in range(1, size + 1) if size % width == 0]
    below = max(width for width in whole if width <= most)
    return below if 2 * below > most or below == size else min(w for w in whole if w > most)

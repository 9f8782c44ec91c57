"""A whole program: kernels in order, their buffers, barriers, and the size of the arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glia.compiler.codegen.targets import Target
from glia.compiler.index import variables
from glia.compiler.passes.simplify import simplify
from glia.compiler.schedule import memory, thrift
from glia.compiler.schedule.layout import Layout, natural, room
from glia.compiler.schedule.loops import (
    Contraction,
    Host,
    Kernel,
    Load,
    Repeat,
    Scatter,
    Winograd,
    WinogradGradient,
    walk,
)
from glia.compiler.schedule.nests import Planned, Ref, copy_kernel
from glia.compiler.schedule.partition import partition
from glia.compiler.schedule.recurrence import ProgramScheduler
from glia.ir.expr import Expr, topological

#: Kernels of less work (in cycles) run on one thread: sharing them would cost more.
SERIAL = 6000.0
#: Programs with less work than this to share run on one thread altogether: meeting and handing
#: values from cache to cache would cost more than it saves.
SHARED = 40_000.0


@dataclass(frozen=True)
class Buffer:
    """Where an argument lives: a leaf's slot, an output's slot, or the arena."""

    kind: str  # "leaf", "out" or "arena"
    at: int  # number of the leaf or output, or byte offset


@dataclass
class Launch:
    """What running a kernel takes."""

    args: tuple[Buffer, ...]
    serial: bool
    barrier: bool  # wait for the kernels before it
    chained: bool  # runs right after the one before, on the same thread


@dataclass
class Step(Launch):
    """One kernel of a program."""

    kernel: Kernel
    writes: tuple[int, ...]
    node: Expr
    values: tuple[Expr, ...]  # what the arguments hold; a written one, what it will hold
    bytes: int  # of all arguments


@dataclass(frozen=True)
class Temporary:
    """A value in the arena, alive from one kernel to another (inclusive)."""

    node: Expr
    nbytes: int
    first: int
    last: int


@dataclass
class Plan:
    """What has to be run to compute a program's outputs."""

    steps: list[Step]
    leaves: list[Expr]
    arena: int  # bytes
    temporaries: list[Temporary]  # what lies in the arena


def build(outputs: Sequence[Expr], targets: Sequence[Expr | None], target: Target) -> Plan:
    """Plan a program. ``targets`` names, per output, the leaf whose slot it overwrites."""
    simple = simplify(outputs)
    found = {node for node in topological(simple) if node.op.name == "leaf"}
    leaves = sorted(found, key=lambda node: node.attrs[0])
    groups = partition(simple)
    scheduler = ProgramScheduler(target)
    kernels = scheduler.run(groups, leaves)
    return _Assembler(simple, targets, leaves, kernels, scheduler.primary()).run()


class _Assembler:
    """Orders kernels, decides what is written in place, places temporaries, sets barriers."""

    def __init__(
        self,
        outputs: Sequence[Expr],
        targets: Sequence[Expr | None],
        leaves: list[Expr],
        kernels: list[Planned],
        layouts: Mapping[Expr, Layout],
    ) -> None:
        self.outputs = outputs
        self.targets = targets
        self.leaves = leaves
        self.kernels = kernels
        self.layouts = layouts
        self.writer = {planned.args[w]: planned for planned in kernels for w in planned.writes}
        self.place: dict[Ref, Buffer] = {}

    def run(self) -> Plan:
        for i, leaf in enumerate(self.leaves):
            self.place[leaf, natural(leaf.shape).key] = Buffer("leaf", i)
        late = self._outputs()
        order = self._thrifty(self._ordered(), late) + late
        arena = self._arena(order)
        return Plan(self._steps(order), self.leaves, arena, self.temporaries)

    # Outputs

    def _outputs(self) -> list[Planned]:
        """Let kernels write straight into output slots where that is safe; copy otherwise."""
        self.before: dict[int, list[Planned]] = {}  # kernel -> kernels that must run earlier
        copies = []
        self._save_old_values()
        for i, (node, overwritten) in enumerate(zip(self.outputs, self.targets, strict=True)):
            ref = (node, natural(node.shape).key)
            free = ref in self.writer and ref not in self.place
            if free and (overwritten is None or self._in_place(ref, overwritten)):
                self.place[ref] = Buffer("out", i)
                continue
            out: Ref = (node, ("out", i))
            self.place[out] = Buffer("out", i)
            layout = self.layouts[node]
            source = self.saved.get(node, (node, layout.key))
            copies.append(copy_kernel(source, layout, out, natural(node.shape)))
        return copies

    def _save_old_values(self) -> None:
        """Outputs that are the old values of slots this program overwrites are set aside first."""
        self.saved: dict[Expr, Ref] = {}
        for node in self.outputs:
            if node.op.name == "leaf" and node in self.targets and node not in self.saved:
                aside: Ref = (node, ("old",))
                layout = natural(node.shape)
                planned = copy_kernel((node, layout.key), layout, aside, layout)
                self.saved[node] = aside
                self.writer[aside] = planned
                self.kernels.insert(0, planned)

    def _in_place(self, ref: Ref, overwritten: Expr) -> bool:
        """Whether a kernel may overwrite the slot of a leaf that others (or itself) read."""
        if overwritten not in self.leaves:
            return True
        old: Ref = (overwritten, natural(overwritten.shape).key)
        writer = self.writer[ref]
        if old in writer.args and not _reads_pointwise(writer, old, ref):
            return False
        readers = [k for k in self.kernels if old in k.args and k is not writer]
        if any(self._depends(reader, writer) for reader in readers):
            return False
        self.before.setdefault(id(writer), []).extend(readers)
        return True

    def _inputs(self, planned: Planned) -> list[Planned]:
        found = [
            self.writer[ref]
            for i, ref in enumerate(planned.args)
            if i not in planned.writes and ref in self.writer
        ]
        found = [other for other in found if other is not planned]
        return found + self.before.get(id(planned), [])

    def _depends(self, planned: Planned, on: Planned) -> bool:
        seen: set[int] = set()
        stack = [planned]
        while stack:
            current = stack.pop()
            if current is on:
                return True
            if id(current) not in seen:
                seen.add(id(current))
                stack.extend(self._inputs(current))
        return False

    def _ordered(self) -> list[Planned]:
        """Producers first, and readers of an old value before the kernel that overwrites it."""
        done: list[Planned] = []
        state: dict[int, int] = {}
        for start in self.kernels:
            stack = [(start, False)]
            while stack:
                planned, finished = stack.pop()
                if finished:
                    done.append(planned)
                elif not state.get(id(planned)):
                    state[id(planned)] = 1
                    stack.append((planned, True))
                    stack.extend((other, False) for other in reversed(self._inputs(planned)))
        return done

    def _thrifty(self, order: list[Planned], late: list[Planned]) -> list[Planned]:
        """Another order where it saves much memory."""
        touched = [planned.args for planned in (*order, *late)]
        sizes = {
            ref: max(_elements(ref), 1) * ref[0].dtype.itemsize
            for refs in touched
            for ref in refs
            if ref not in self.place
        }
        now = thrift.peak(touched, sizes)
        if now < thrift.LARGE:
            return order
        number = {id(planned): i for i, planned in enumerate(order)}
        reads = [[number[id(p)] for p in self._inputs(planned)] for planned in order]
        last = {ref for planned in late for ref in planned.args}
        freed = {ref: size for ref, size in sizes.items() if ref not in last}
        found = [order[i] for i in thrift.thrifty(reads, touched[: len(order)], freed)]
        then = thrift.peak([planned.args for planned in (*found, *late)], sizes)
        return found if then <= thrift.WORTH * now else order

    # Memory and barriers

    def _arena(self, order: list[Planned]) -> int:
        lives: dict[Ref, list[int]] = {}
        for step, planned in enumerate(order):
            for ref in planned.args:
                if ref not in self.place:
                    lives.setdefault(ref, [step, step])[1] = step
        refs = list(lives)
        sizes = [max(_elements(ref), 1) * ref[0].dtype.itemsize for ref in refs]
        offsets, total = memory.plan(
            [memory.Life(n, *lives[ref]) for ref, n in zip(refs, sizes, strict=True)]
        )
        self.bytes: dict[Ref, int] = dict(zip(refs, sizes, strict=True))
        self.temporaries = [Temporary(ref[0], self.bytes[ref], *lives[ref]) for ref in refs]
        for ref, offset in zip(refs, offsets, strict=True):
            self.place[ref] = Buffer("arena", offset)
        return total

    def _steps(self, order: list[Planned]) -> list[Step]:
        """Kernels one thread runs alone are chained while they follow one another."""
        shared = sum(planned.work for planned in order if planned.work >= SERIAL)
        least = SERIAL if shared >= SHARED else float("inf")
        units: list[list[Planned]] = []
        for planned in order:
            alone = planned.work < least
            if alone and units and units[-1][-1].work < least:
                units[-1].append(planned)
            else:
                units.append([planned])
        steps: list[Step] = []
        recent: list[Planned] = []  # since the last barrier
        for unit in units:
            barrier = any(self._conflict(k, other) for k in unit for other in recent)
            recent = list(unit) if barrier else recent + unit
            for i, k in enumerate(unit):
                args = tuple(self.place[ref] for ref in k.args)
                serial = k.work < least
                writes = tuple(k.writes)
                size = sum(node.numel * node.dtype.itemsize for node, _ in k.args)
                waits = barrier and i == 0
                launch = (args, serial, waits, i > 0)
                values = tuple(node for node, _ in k.args)
                steps.append(Step(*launch, k.kernel, writes, k.node, values, size))
        return steps

    def _conflict(self, later: Planned, earlier: Planned) -> bool:
        """Whether one writes what the other reads or writes."""
        for i, ref in enumerate(later.args):
            for j, other in enumerate(earlier.args):
                if (i in later.writes or j in earlier.writes) and self._overlap(ref, other):
                    return True
        return False

    def _overlap(self, a: Ref, b: Ref) -> bool:
        x, y = self.place[a], self.place[b]
        if x.kind == "arena" and y.kind == "arena":
            return x.at < y.at + self.bytes[b] and y.at < x.at + self.bytes[a]
        if x.kind == y.kind:
            return x.at == y.at
        if {x.kind, y.kind} == {"leaf", "out"}:
            leaf, out = (x, y) if x.kind == "leaf" else (y, x)
            return self.targets[out.at] is self.leaves[leaf.at]
        return False


def _elements(ref: Ref) -> int:
    node, key = ref
    return room(node.shape, key)


def _reads_pointwise(planned: Planned, old: Ref, new: Ref) -> bool:
    """Whether every element of ``old`` is read only where the same element of ``new`` is made."""
    arg, kernel = planned.args.index(old), planned.kernel
    if isinstance(kernel, Scatter | Repeat | Host):
        return False
    out = planned.args.index(new)
    offset = next(store.offset for store in kernel.stores if store.arg == out)
    if isinstance(kernel, Contraction):
        if arg in (kernel.a.arg, kernel.b.arg):
            return False
        roots = [store.value for store in kernel.stores]
    elif isinstance(kernel, Winograd | WinogradGradient):
        if arg in (0, 1):  # what is multiplied
            return False
        roots = [store.value for store in kernel.stores]
    else:
        reduced = [r.value for r in kernel.reductions]
        # of a row, others may be read after this one is written: only its own store may read it
        if not variables(offset).isdisjoint(kernel.reduce):
            reduced += [store.value for store in kernel.stores if store.arg != out]
        if any(isinstance(v, Load) and v.arg == arg for v in walk(reduced)):
            return False
        roots = [store.value for store in kernel.stores]
    loads = [v for v in walk(roots) if isinstance(v, Load) and v.arg == arg]
    return all(load.offset == offset and not load.guards for load in loads)

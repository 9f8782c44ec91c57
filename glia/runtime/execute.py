"""From expressions to values: find or make the program, hand it its buffers, run it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from glia.base.config import interpret_only
from glia.base.events import emit
from glia.base.locks import lock
from glia.ir.expr import Expr, derived, leaves, on_forget, topological
from glia.ir.interpret import interpret
from glia.ir.ops.source import leaf
from glia.runtime.control import native
from glia.runtime.slots import Slot, aligned_empty, slot_of
from glia.runtime.threads import Table, get_num_threads, pool, retire, running

if TYPE_CHECKING:
    from glia.compiler.program import Plan


@runtime_checkable
class Runnable(Protocol):
    """Something that fills output slots, and overwrites those it was made to overwrite."""

    def run(self, outputs: Sequence[Slot]) -> None: ...

    def read_from(self, source: Expr, slot: Slot) -> None:
        """From now on take the value of a leaf from another slot."""


class Interpreted:
    """A program run by the interpreter: the definition of what the compiled one must do."""

    def __init__(self, outputs: tuple[Expr, ...], overwritten: Sequence[Slot]) -> None:
        self.outputs = outputs
        self.overwritten = overwritten
        self.leaves = sorted(
            {leaf for output in outputs for leaf in leaves(output)}, key=lambda e: e.attrs[0]
        )
        self.moved: dict[Expr, Slot] = {}

    def read_from(self, source: Expr, slot: Slot) -> None:
        self.moved[source] = slot

    def run(self, outputs: Sequence[Slot]) -> None:
        values = {leaf: (self.moved.get(leaf) or slot_of(leaf)).array for leaf in self.leaves}
        copies = [result.copy() for result in interpret(self.outputs, values)]
        for slot, result in zip((*outputs, *self.overwritten), copies, strict=True):
            slot.array[...] = result


class Arena:
    """The memory for temporaries, shared by all programs: one runs at a time."""

    def __init__(self) -> None:
        self.buffer = aligned_empty(0)
        self.version = 0

    def reserve(self, nbytes: int) -> None:
        if self.buffer.nbytes < nbytes:
            self.buffer = aligned_empty(nbytes)
            self.version += 1

    @property
    def pointer(self) -> int:
        return int(self.buffer.ctypes.data)


_arena = Arena()


class Loaded:
    """A program whose kernels are machine code; independent of the slots it will read."""

    def __init__(self, outputs: tuple[Expr, ...], targets: tuple[Expr | None, ...]) -> None:
        from glia.compiler import outline
        from glia.compiler.native import linker

        start = time.perf_counter()
        link = linker()
        self.outputs, self.targets = outputs, targets
        name = outline.name_of(outputs, targets, link.target)
        found = outline.read(name)
        if found is None or not all([link.found(kernel) for kernel in found.kernels]):
            kernels = [step.kernel for step in self.plan.steps]
            names = link.names(kernels)
            self.functions = link.functions(names, kernels, get_num_threads())
            found = outline.Outline.of(self.plan, names)
            outline.write(name, found)
        else:
            self.functions = [link.addresses[kernel] for kernel in found.kernels]
        self.steps, self.leaves, self.arena = found.launches, found.leaves, found.arena
        self.parallel = any(not step.serial for step in self.steps)
        self.hosted = link.hosts(found.kernels)
        milliseconds = round((time.perf_counter() - start) * 1e3, 1)
        emit("compile", kernels=len(self.functions), milliseconds=milliseconds)

    def check(self) -> None:
        """Raise what a function of NumPy's raised while the program ran."""
        if self.hosted:
            from glia.compiler.host import failure

            error = failure()
            if error is not None:
                raise error

    @cached_property
    def plan(self) -> Plan:
        """Kernels and what they compute; planned when first asked for."""
        from glia.compiler.native import linker
        from glia.compiler.program import build

        start = time.perf_counter()
        plan = build(self.outputs, self.targets, linker().target)
        milliseconds = round((time.perf_counter() - start) * 1e3, 1)
        emit("plan", kernels=len(plan.steps), milliseconds=milliseconds)
        return plan


class Bound:
    """A loaded program with the slots it reads: its pointers filled in, ready to launch."""

    def __init__(
        self, loaded: Loaded, names: Sequence[Expr], free: int, overwritten: Sequence[Slot]
    ) -> None:
        self.loaded = loaded
        self.names = names
        self.sources = [slot_of(name) for name in names]
        self.reads: dict[int, list[int]] = {}
        steps = loaded.steps
        self.buffers = np.zeros(sum(len(step.args) for step in steps) + 1, np.int64)
        self.outs: list[list[int]] = [[] for _ in range(free + len(overwritten))]
        self.temporaries: list[tuple[int, int]] = []
        self.starts: list[int] = []
        at = 0
        for step in steps:
            self.starts.append(int(self.buffers.ctypes.data) + 8 * at)
            for buffer in step.args:
                self._place(at, buffer.kind, buffer.at)
                at += 1
        for slot, places in zip(overwritten, self.outs[free:], strict=True):
            self.buffers[places] = slot.pointer
        self.into = [0] * free  # where the outputs went last
        self.table = Table(steps, loaded.functions, self.starts)
        self.tables: dict[tuple[bool, ...], tuple[Table, np.ndarray]] = {}  # with gathers
        self.arena_version = -1

    def __del__(self, retire: Callable[[object], None] = retire) -> None:
        retire((getattr(self, "table", None), getattr(self, "tables", None)))

    def _place(self, at: int, kind: str, number: int) -> None:
        if kind == "leaf":
            source = self.loaded.leaves[number]
            self.buffers[at] = self.sources[source].pointer
            self.reads.setdefault(source, []).append(at)
        elif kind == "arena":
            self.temporaries.append((at, number))
        else:
            self.outs[number].append(at)

    def read_from(self, source: Expr, slot: Slot) -> None:
        if source in self.names:
            for at in self.reads.get(self.names.index(source), ()):
                self.buffers[at] = slot.pointer

    def place_temporaries(self) -> None:
        """Point into the arena as it is now."""
        if self.arena_version != _arena.version or self.loaded.arena > _arena.buffer.nbytes:
            _arena.reserve(self.loaded.arena)
            for at, offset in self.temporaries:
                self.buffers[at] = _arena.pointer + offset
            self.arena_version = _arena.version

    def with_gathers(self, shared: Sequence[bool]) -> tuple[Table, np.ndarray]:
        """The table with gathering kernels before the others, and the buffers of those."""
        key = tuple(shared)
        if key not in self.tables:
            words = np.zeros((len(key), 5), np.int64)
            rows = [
                (native().gather, row.ctypes.data, s) for row, s in zip(words, key, strict=True)
            ]
            table = Table(self.loaded.steps, self.loaded.functions, self.starts, rows)
            self.tables[key] = table, words
        return self.tables[key]

    def move_output(self, number: int, pointer: int, stride: int) -> list[tuple[int, int]]:
        """Start an output at ``pointer``: the words that move on after every run, and how far."""
        self.into[number] = 0
        return self._move(self.outs[number], pointer, stride)

    def move_leaf(self, source: Expr, pointer: int, stride: int) -> list[tuple[int, int]]:
        """The same for a leaf that reads a table."""
        return self._move(self.reads.get(self.names.index(source), []), pointer, stride)

    def _move(self, places: list[int], pointer: int, stride: int) -> list[tuple[int, int]]:
        self.buffers[places] = pointer
        return [(int(self.buffers.ctypes.data) + 8 * at, stride) for at in places]

    def run(self, outputs: Sequence[Slot]) -> None:
        with running:
            self._run(outputs)

    def _run(self, outputs: Sequence[Slot]) -> None:
        buffers = self.buffers
        self.place_temporaries()
        into = self.into
        for number, slot in enumerate(outputs):
            if slot.pointer != into[number]:
                into[number] = slot.pointer
                for at in self.outs[number]:
                    buffers[at] = slot.pointer
        if profilers:
            profilers[-1].run(self)
        else:
            pool().launch(self.table, self.loaded.parallel)
        self.loaded.check()


@runtime_checkable
class Profiler(Protocol):
    """Something that runs programs in its own way, to see how long their parts take."""

    def run(self, program: Bound) -> None: ...


#: Open profiles; the innermost runs the programs.
profilers: list[Profiler] = []

_programs: dict[tuple[Any, ...], Runnable] = {}
_loaded: dict[tuple[Any, ...], Loaded] = {}
_making = lock()
on_forget(_programs.clear)
on_forget(_loaded.clear)


def execute(
    outputs: tuple[Expr, ...], into: Sequence[Slot], overwritten: tuple[Expr, ...] = ()
) -> None:
    """Compute ``outputs``: the first ones into slots, the others over the leaves ``overwritten``.

    The outputs may read the leaves that are overwritten: every read sees the value from before.
    """
    key = (outputs, overwritten)
    program = _programs.get(key)
    if program is None:
        program = _programs[key] = make(outputs, [slot_of(leaf_expr) for leaf_expr in overwritten])
    emit("realize", outputs=len(outputs))
    program.run(into)


def make(outputs: tuple[Expr, ...], overwritten: Sequence[Slot]) -> Runnable:
    """A program for these outputs, the last of which overwrite slots."""
    if interpret_only():
        return Interpreted(outputs, overwritten)
    with _making:
        return _make(outputs, overwritten)


def _make(outputs: tuple[Expr, ...], overwritten: Sequence[Slot]) -> Runnable:
    names, general = canonical(outputs)
    number = {leaf_expr: i for i, leaf_expr in enumerate(names)}
    free = len(outputs) - len(overwritten)
    targets = [None] * free + [number.get(slot.leaf) for slot in overwritten]
    key = (general, tuple(targets))
    loaded = _loaded.get(key)
    if loaded is None:
        slots = tuple(None if t is None else _general_leaf(names[t], t) for t in targets)
        try:
            loaded = _loaded[key] = Loaded(general, slots)
        except Exception as error:
            _report(outputs, error)
            return Interpreted(outputs, overwritten)
    return Bound(loaded, names, free, overwritten)


def _report(outputs: tuple[Expr, ...], error: Exception) -> None:
    """A program that does not compile runs in the interpreter, and says so."""
    place = next((str(o.location) for o in outputs if o.location), "unknown")
    emit("fallback", place=place, error=repr(error))
    message = (
        f"glia could not compile the program recorded at {place} ({error!r}); the slow interpreter "
        "runs it instead. Please report this."
    )
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def _general_leaf(node: Expr, number: int) -> Expr:
    return leaf(number, node.shape, node.dtype)


def canonical(outputs: tuple[Expr, ...]) -> tuple[list[Expr], tuple[Expr, ...]]:
    """The same program over slots numbered as they turn up, and the real leaves in that order.

    Programs that differ only in the slots they read share one plan and its machine code.
    """
    names: list[Expr] = []
    done: dict[Expr, Expr] = {}
    for node in topological(outputs):
        if node.op.name == "leaf":
            done[node] = _general_leaf(node, len(names))
            names.append(node)
        else:
            done[node] = derived(node, tuple([done[child] for child in node.inputs]))
    return names, tuple(done[output] for output in outputs)

"""A proof about a loop: walked step by step, no slice reads what it has not written itself."""

from __future__ import annotations

import numpy as np
from compiler.plan_checks import reach

from glia.compiler.codegen.body import walk
from glia.compiler.index import variables
from glia.compiler.schedule.layout import room
from glia.compiler.schedule.loops import Contraction, Load, Nest, Repeat, Scatter
from glia.compiler.schedule.nests import Planned

#: By number of the argument: the offsets read or written.
Touched = list[tuple[int, np.ndarray]]


def check_repeat(planned: Planned) -> None:
    """Accesses lie inside; values are written before they are read, by the same slice; all are."""
    kernel = planned.kernel
    assert isinstance(kernel, Repeat)
    sizes = [max(1, room(node.shape, key)) for node, key in planned.args]
    owner = {arg: np.full(sizes[arg], -1) for arg in planned.writes}
    known = {id(call): touched(call.kernel) for _, calls in kernel.sections for call in calls}
    for part in range(kernel.slices):
        for turns, calls in kernel.sections:
            for turn in range(turns):
                for call in calls:
                    read, written = known[id(call)]
                    for which, found in ((0, read), (1, written)):
                        for arg, offsets in found:
                            place = call.args[arg]
                            start = place.start + turn * place.per_turn + part * place.per_slice
                            at = offsets + start
                            assert not at.size or at.min() >= 0, (place, turn, part)
                            assert not at.size or at.max() < sizes[place.arg], (place, turn, part)
                            if which:
                                assert np.isin(owner[place.arg][at], (-1, part)).all(), place
                                owner[place.arg][at] = part
                            elif place.arg in owner:
                                assert (owner[place.arg][at] == part).all(), (place, turn, part)
    for arg, written_by in owner.items():
        scratch = planned.args[arg][1][:1] == ("scratch",)
        assert scratch or (written_by >= 0).all(), f"argument {arg} is not written whole"


def touched(kernel: Nest | Contraction | Scatter) -> tuple[Touched, Touched]:
    """What a kernel reads and what it writes."""
    if isinstance(kernel, Scatter):
        loops = (*kernel.loops, kernel.steps)
        values = [kernel.value, kernel.place.value]
        return _loads(values, loops), [
            (kernel.arg, _all(kernel.offset, (*kernel.loops, kernel.place)))
        ]
    loops = (*kernel.loops, *kernel.reduce)
    values = [store.value for store in kernel.stores]
    read: Touched = []
    if isinstance(kernel, Contraction):
        for operand in (kernel.a, kernel.b):
            read.append((operand.arg, _all(operand.offset, loops, kernel.guards)))
    else:
        values += [reduction.value for reduction in kernel.reductions]
    written = []
    for store in kernel.stores:
        along = not variables(store.offset).isdisjoint(kernel.reduce)
        written.append((store.arg, _all(store.offset, loops if along else kernel.loops)))
    return read + _loads(values, loops), written


def _loads(values, loops) -> Touched:  # type: ignore[no-untyped-def]
    loads = [value for value in walk(values) if isinstance(value, Load)]
    return [(load.arg, _all(load.offset, loops, load.guards)) for load in loads]


def _all(offset, loops, guards=()) -> np.ndarray:  # type: ignore[no-untyped-def]
    _, _, chosen = reach(offset, guards, loops)
    assert chosen is not None
    return np.unique(chosen)

"""In which order a nest goes over a row: reductions that need others' results come after them.

A pass runs once over the reduce variables. What it computes with effort and later passes need
again is kept in a row on the stack, when that is short; all else is computed anew from memory that
the pass before has just brought into the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from glia.compiler.costs import DEAR
from glia.compiler.index import Index, combine, variable, variables
from glia.compiler.schedule.loops import (
    Apply,
    Bits,
    Constant,
    Nest,
    Reduced,
    Store,
    Value,
    own_indices,
    parts_of,
    varies,
    walk,
)

#: Bytes of all rows kept on the stack together.
STACK = 1 << 16


@dataclass
class Pass:
    """Reductions (by number) and stores at every point of the row; what to keep, what was kept."""

    reductions: list[int] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    keeps: list[Value] = field(default_factory=list)
    kept: list[Value] = field(default_factory=list)
    hoisted: list[Value] = field(default_factory=list)  # the same all along the row
    apart: bool = False  # stores that do not lie side by side, in a pass of their own

    def roots(self, nest: Nest) -> list[Value]:
        values = [nest.reductions[k].value for k in self.reductions]
        return values + [store.value for store in self.stores]


def along_row(nest: Nest, store: Store) -> bool:
    """Whether a store happens at every point of the row, not once after it."""
    return any(var in variables(store.offset) for var in nest.reduce)


def row_index(nest: Nest) -> Index:
    """The place of a point in its row."""
    step, parts = 1, []
    for var in reversed(nest.reduce):
        parts.append((variable(var), step))
        step *= var.size
    return combine(parts)


def passes_of(nest: Nest, lanes: int, apart: bool) -> list[Pass]:
    """The passes in order; ``lanes`` elements are kept side by side for every point of a row.

    With ``apart``, stores get passes of their own.
    """
    level: list[int] = []
    found: list[Pass] = []

    def at(value: Value) -> Pass:
        needs = [level[v.which] for v in walk([value]) if isinstance(v, Reduced)]
        place = 1 + max(needs, default=-1)
        while len(found) <= place:
            found.append(Pass())
        return found[place]

    for k, reduction in enumerate(nest.reductions):
        home = at(reduction.value)
        home.reductions.append(k)
        level.append(found.index(home))
    for store in nest.stores:
        if along_row(nest, store):
            at(store.value).stores.append(store)
    if apart:
        pairs = [(Pass(one.reductions), Pass(stores=one.stores, apart=True)) for one in found]
        found = [one for pair in pairs for one in pair if one.reductions or one.stores]
    varying = _varying(nest, found)
    _keep(nest, found, varying, lanes)
    for one in found:
        one.hoisted = _hoisted(one, nest, varying)
    return found


def _varying(nest: Nest, passes: Sequence[Pass]) -> set[int]:
    """The values (by id) that differ from point to point of a row."""
    known: dict[int, bool] = {}

    def own(value: Value) -> bool:
        return any(varies(index, var) for index in own_indices(value) for var in nest.reduce)

    stack = [(root, False) for one in passes for root in one.roots(nest)]
    while stack:
        value, done = stack.pop()
        if id(value) in known:
            continue
        if done:
            known[id(value)] = own(value) or any(known[id(part)] for part in parts_of(value))
            continue
        stack.append((value, True))
        stack.extend((part, False) for part in parts_of(value))
    return {key for key, yes in known.items() if yes}


def _keep(nest: Nest, passes: Sequence[Pass], varying: set[int], lanes: int) -> None:
    """Decide what is kept from one pass for a later one."""
    size = lanes
    for var in nest.reduce:
        size *= var.size
    room = STACK
    first: dict[int, Pass] = {}  # where a dear value is computed
    kept: set[int] = set()
    for one in passes:
        reached: list[Value] = []
        stack, seen = one.roots(nest), set()
        while stack:
            value = stack.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            dear = isinstance(value, Bits) or (isinstance(value, Apply) and value.op in DEAR)
            if dear and id(value) in varying:
                nbytes = size * value.dtype.itemsize
                if id(value) in first and (id(value) in kept or nbytes <= room):
                    if id(value) not in kept:
                        kept.add(id(value))
                        first[id(value)].keeps.append(value)
                        room -= nbytes
                    one.kept.append(value)
                    continue
                reached.append(value)
            stack.extend(parts_of(value))
        for value in reached:
            first.setdefault(id(value), one)


def _hoisted(one: Pass, nest: Nest, varying: set[int]) -> list[Value]:
    """What a pass needs that is the same all along the row."""
    found: dict[int, Value] = {}
    stop = {id(value) for value in one.kept}
    stack, seen = one.roots(nest), set()
    while stack:
        value = stack.pop()
        if id(value) in seen or id(value) in stop:
            continue
        seen.add(id(value))
        if id(value) in varying:
            stack.extend(parts_of(value))
        elif not isinstance(value, Constant):
            found[id(value)] = value
    return list(found.values())

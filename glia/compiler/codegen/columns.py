"""Reductions down the columns: several vectors of neighbouring columns at a time.

Each column is summed from top to bottom, whatever is summed beside it; so how many go together
changes how memory is read, not the result. Few columns keep their sums in registers. Of many, the
sums lie on the stack, and memory is read as it lies, row after row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from glia.compiler.codegen.passes import Pass
from glia.compiler.codegen.sums import first_of_each
from glia.compiler.index import Var
from glia.compiler.schedule.loops import walk

if TYPE_CHECKING:
    from glia.compiler.codegen.nest import Generator

#: Sums in registers, at most.
REGISTERS = 16
#: Columns whose sums lie on the stack together; so many or more are read as they lie.
SHEET = 2048


class Columns:
    """The last loop of a nest whose vectors lie across the columns."""

    def __init__(self, generator: Generator) -> None:
        self.g = generator
        nest, passes = generator.nest, generator.passes
        self.one: Pass = passes[0]
        size = nest.loops[-1].size
        plain = all(r.kind != "argmax" and r.value.dtype.kind != "bool" for r in nest.reductions)
        single = len(passes) == 1 and not self.one.stores
        self.sheet = single and plain and size >= SHEET
        self.sums: list[str] = []  # on the stack, one place per reduction
        self.count = 1 if any(one.keeps for one in passes) else self._beside(size)

    def _beside(self, size: int) -> int:
        """How many vectors go down together."""
        sums = max(len(one.reductions) for one in self.g.passes)
        work = len(walk([r.value for r in self.g.nest.reductions]))
        count = max(1, min(REGISTERS // max(sums, 1), 8 * REGISTERS // work))
        while count > 1 and count * self.g.lanes > size:
            count //= 2
        return count

    def prepare(self) -> None:
        """Room on the stack, claimed where the function begins."""
        if self.sheet:
            types = [r.value.dtype.llvm for r in self.g.nest.reductions]
            self.sums = [self.g.b.op(f"alloca [{SHEET} x {t}], align 64") for t in types]

    def run(self, var: Var, low: str, high: str) -> str:
        """Columns from ``low`` on, as many as go together; where those begin that are left."""
        b = self.g.b
        if self.sheet:
            b.loop(low, high, SHEET, (), self._sheet(var, high), "sheet")
            return high
        if self.count == 1:
            return low
        wide = self.count * self.g.lanes
        length = b.integer("sub", high, low)
        blocks = b.integer("sub", length, b.integer("urem", length, str(wide)))
        end = b.integer("add", low, blocks)
        b.loop(low, end, wide, (), self._registers(var), var.name + "block")
        return end

    # Sums in registers

    def _registers(self, var: Var) -> Callable[[str, list[str]], list[str]]:
        g = self.g

        def body(i: str, _carried: list[str]) -> list[str]:
            more = range(1, self.count)
            at = [i] + [g.b.integer("add nsw", i, str(v * g.lanes)) for v in more]
            reduced = [[""] * len(g.nest.reductions) for _ in at]
            for one in g.passes:
                self._down(one, var, at, reduced)
            for place, found in zip(at, reduced, strict=True):
                g.env[var] = place
                g.finish(found, g.lanes, var)
            return []

        return body

    def _down(self, one: Pass, var: Var, at: list[str], reduced: list[list[str]]) -> None:
        """A pass over several vectors of columns, point by point."""
        g, hoisted = self.g, []
        for place, known in zip(at, reduced, strict=True):
            g.env[var] = place
            hoisted.append(g.hoist(one, known, g.lanes, var))
        start = g.start(one, g.lanes)
        count = len(start)

        def step(current: list[str]) -> list[str]:
            results = []
            for v, place in enumerate(at):
                g.env[var] = place
                mine = current[v * count : (v + 1) * count]
                results += g.step(one, mine, reduced[v], hoisted[v], g.lanes, var)
            return results

        found = g.sweep(g.nest.reduce, start * len(at), step)
        kinds = [g.nest.reductions[k] for k in one.reductions]
        for v, known in enumerate(reduced):
            values = first_of_each(kinds, found[v * count : (v + 1) * count])
            for k, value in zip(one.reductions, values, strict=True):
                known[k] = value

    # Sums on the stack

    def _sheet(self, var: Var, high: str) -> Callable[[str, list[str]], list[str]]:
        b = self.g.b

        def body(first: str, _carried: list[str]) -> list[str]:
            beyond = b.integer("add", first, str(SHEET))
            less = b.op(f"icmp slt i64 {beyond}, {high}")
            end = b.op(f"select i1 {less}, i64 {beyond}, i64 {high}")
            self._along(var, first, end, self._clear)
            self._rows(list(self.g.nest.reduce), var, first, end)
            self._along(
                var, first, end, lambda at: self.g.finish(self._held(at), self.g.lanes, var)
            )
            return []

        return body

    def _along(self, var: Var, first: str, end: str, point: Callable[[str], None]) -> None:
        """All vectors of a sheet; ``point`` gets the place in it."""

        def body(j: str, _carried: list[str]) -> list[str]:
            self.g.env[var] = j
            point(self.g.b.integer("sub", j, first))
            return []

        self.g.b.loop(first, end, self.g.lanes, (), body, var.name)

    def _rows(self, reduce: list[Var], var: Var, first: str, end: str) -> None:
        """Down all rows, the last variable some rows at a time."""
        row, *inner = reduce
        together = 1 if inner else next(n for n in (4, 2, 1) if row.size % n == 0)

        def body(r: str, _carried: list[str]) -> list[str]:
            self.g.env[row] = r
            if inner:
                self._rows(inner, var, first, end)
            else:
                self._along(var, first, end, lambda at: self._add(row, r, together, var, at))
            return []

        self.g.b.loop("0", str(row.size), together, (), body, row.name)

    def _add(self, row: Var, r: str, together: int, var: Var, at: str) -> None:
        g, current = self.g, self._held(at)
        for u in range(together):
            g.env[row] = g.b.integer("add nsw", r, str(u)) if u else r
            current = g.step(
                self.one, current, [], g.hoist(self.one, [], g.lanes, var), g.lanes, var
            )
        self._hold(current, at)

    def _clear(self, at: str) -> None:
        self._hold([zero for _, zero in self.g.start(self.one, self.g.lanes)], at)

    def _held(self, at: str) -> list[str]:
        pairs = zip(self.sums, self.g.nest.reductions, strict=True)
        return [self.g.b.load(p, at, r.value.dtype, self.g.lanes) for p, r in pairs]

    def _hold(self, current: list[str], at: str) -> None:
        triples = zip(current, self.sums, self.g.nest.reductions, strict=True)
        for value, place, r in triples:
            self.g.b.store(value, place, at, r.value.dtype, self.g.lanes)

"""Code for elementwise and reduction nests: outer loops shared among threads, vectors inside.

The share of a thread is a range of the outer loops, so every element is computed whole by one
thread and the result has the same bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glia.base.dtypes import int32 as _INT32
from glia.compiler.codegen.body import Body, across_rows, fits_lanes
from glia.compiler.codegen.columns import Columns
from glia.compiler.codegen.llvm import Builder, register_type
from glia.compiler.codegen.passes import Pass, along_row, passes_of, row_index
from glia.compiler.codegen.scalar import Scalar
from glia.compiler.codegen.sums import (
    add_lanes,
    argmax_step,
    carried,
    combine,
    first_of_each,
)
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Var
from glia.compiler.schedule.loops import Nest, Store, Value, walk

#: Outer loops are run as one until they have so many steps to share out.
SHARES = 64
#: Independent accumulators in a loop that sums along vectors, to hide the adder's latency.
UNROLL = 4
#: Results of more bytes than this are written past the caches.
STREAM = 1 << 25


def pointers(b: Builder, count: int) -> list[str]:
    """The kernel's buffers, from the table it is handed."""
    found = []
    for i in range(count):
        at = b.op(f"getelementptr inbounds ptr, ptr %buffers, i64 {i}")
        found.append(b.op(f"load ptr, ptr {at}, align 8"))
    return found


def share(b: Builder, total: int, grain: int = 1) -> tuple[str, str]:
    """This thread's range of ``0 .. total``, in multiples of ``grain``."""
    blocks = -(-total // grain)
    bounds = []
    for thread in ("%thread", b.integer("add", "%thread", "1")):
        product = b.integer("mul", thread, str(blocks))
        at = b.integer("udiv", product, "%threads")
        if grain > 1:
            at = b.integer("mul", at, str(grain))
            too_far = b.op(f"icmp sgt i64 {at}, {total}")
            at = b.op(f"select i1 {too_far}, i64 {total}, i64 {at}")
        bounds.append(at)
    return bounds[0], bounds[1]


def decode(b: Builder, flat: str, loops: tuple[Var, ...], env: dict[Var, str]) -> None:
    """Loop variables from the number of the step in the loops run as one."""
    for var in reversed(loops[1:]):
        env[var] = b.integer("urem", flat, str(var.size))
        flat = b.integer("udiv", flat, str(var.size))
    if loops:
        env[loops[0]] = flat


def generate(nest: Nest, name: str, target: Target) -> str:
    """LLVM IR of the kernel."""
    return Generator(nest, target).run(name)


class Generator:
    """Writes one nest: shares, loops, and what stands inside them."""

    def __init__(self, nest: Nest, target: Target) -> None:
        self.nest = nest
        self.b = Builder(target.has_scale)
        self.env: dict[Var, str] = {}
        self.dtypes = nest.args
        reduced = [r.value for r in nest.reductions]
        # the vectors of a sum follow from the sum alone, not from what becomes of it
        kinds = [value.dtype for value in walk(reduced)] if reduced else list(self.dtypes)
        wide = any(d.itemsize == 8 and d.kind == "float" for d in kinds)
        self.lanes = target.lanes(8 if wide else 4)
        inside = [store for store in nest.stores if along_row(nest, store)]
        self.after = [store for store in nest.stores if not along_row(nest, store)]
        inner = nest.loops[-1] if nest.loops else None
        last = nest.reduce[-1] if nest.reduce else None
        self.stores_fit = inner is not None and _fit(self.after, inner, reduced)
        self.along_reduce = (
            last is not None
            and last.size >= self.lanes
            and all(r.kind != "argmax" for r in nest.reductions)
            and fits_lanes(reduced, (), last)
        )
        self.along_loop = (
            inner is not None
            and inner.size >= self.lanes
            and (fits_lanes(reduced, (), inner) if reduced else self.stores_fit)
            and not (self.along_reduce and not across_rows(reduced, inner, nest.reduce))
            and all(
                r.position is None or not r.position.coefficient(inner) for r in nest.reductions
            )
        )
        self.along_reduce = self.along_reduce and not self.along_loop
        if self.along_loop and inner is not None and not _fit(inside, inner):
            self.along_loop = False  # element by element, each sum in the same order
        apart = self.along_reduce and last is not None and not _fit(inside, last)
        self.passes = passes_of(nest, self.lanes if self.along_loop else 1, apart)
        down = self.along_loop and nest.reduce and nest.reductions
        self.columns = Columns(self) if down else None
        vectors = self.along_loop or self.along_reduce
        self.streams = [store for store in nest.stores if vectors and self.streamed(store)]

    def run(self, name: str) -> str:
        b, loops = self.b, self.nest.loops
        self.pointers = pointers(b, len(self.dtypes))
        self.rows = self.kept_rows()
        if self.columns is not None:
            self.columns.prepare()
        if len(loops) <= 1:
            grain = self.lanes if self.along_loop else 1
            if loops:
                low, high = share(b, loops[0].size, grain)
                self.inner(loops[0], low, high)
            else:
                self.point(1)
        else:
            self.outer(loops)
        if self.streams:
            b.line("fence seq_cst")  # what went past the caches is there before others may read it
        b.line("ret void")
        return b.text(name, "ptr %buffers, i64 %thread, i64 %threads")

    def streamed(self, store: Store) -> bool:
        """Whether a result is so large that it leaves the cache before it is read.

        Then it goes straight to memory: an ordinary store would first read what it overwrites.
        """
        along = along_row(self.nest, store)
        count = 1
        for var in (*self.nest.loops, *(self.nest.reduce if along else ())):
            count *= var.size
        lane_var = self.nest.loops[-1] if self.along_loop else self.nest.reduce[-1]
        rest = [c for v, c in store.offset.terms if v != lane_var]
        aligned = all(c % self.lanes == 0 for c in (*rest, store.offset.constant))
        beside = store.offset.coefficient(lane_var) == 1
        return beside and aligned and count * self.dtypes[store.arg].itemsize >= STREAM

    def kept_rows(self) -> dict[int, str]:
        """Room on the stack for what later passes need again."""
        size = self.lanes if self.along_loop else 1
        for var in self.nest.reduce:
            size *= var.size
        found = {}
        for value in [v for one in self.passes for v in one.keeps]:
            found[id(value)] = self.b.op(f"alloca [{size} x {value.dtype.llvm}], align 64")
        return found

    def outer(self, loops: tuple[Var, ...]) -> None:
        """Share the first loops among threads, nest the others, the last one is inner."""
        b = self.b
        count, total = 1, loops[0].size
        while count < len(loops) - 1 and total < SHARES:
            total *= loops[count].size
            count += 1
        low, high = share(b, total)

        def body(flat: str, _carried: list[str]) -> list[str]:
            decode(b, flat, loops[:count], self.env)
            self.nested(loops[count:])
            return []

        b.loop(low, high, 1, (), body, "share")

    def nested(self, loops: tuple[Var, ...]) -> None:
        if len(loops) == 1:
            self.inner(loops[0], "0", str(loops[0].size))
            return

        def body(i: str, _carried: list[str]) -> list[str]:
            self.env[loops[0]] = i
            self.nested(loops[1:])
            return []

        self.b.loop("0", str(loops[0].size), 1, (), body, loops[0].name)

    def inner(self, var: Var, low: str, high: str) -> None:
        """The last loop: whole vectors first, then what is left."""
        b = self.b

        def step(lanes: int) -> Callable[[str, list[str]], list[str]]:
            def body(i: str, _carried: list[str]) -> list[str]:
                self.env[var] = i
                self.point(lanes, var if lanes > 1 else None)
                return []

            return body

        if self.along_loop:
            length = b.integer("sub", high, low)
            whole = b.integer("sub", length, b.integer("urem", length, str(self.lanes)))
            middle = b.integer("add", low, whole)
            low = self.columns.run(var, low, middle) if self.columns is not None else low
            b.loop(low, middle, self.lanes, (), step(self.lanes), var.name)
            if var.size % self.lanes:
                b.loop(middle, high, 1, (), step(1), var.name + "rest")
        else:
            free = not self.nest.reductions and not self.along_reduce
            b.loop(low, high, 1, (), step(1), var.name, unroll=free)

    def point(self, lanes: int, lane_var: Var | None = None) -> None:
        """Everything inside the loops: passes over the row, then stores."""
        self.finish(self.run_passes(lanes, lane_var), lanes, lane_var)

    def finish(self, reduced: list[str], lanes: int, lane_var: Var | None) -> None:
        """What is stored once per row."""
        if lanes > 1 and not self.stores_fit:
            self.lane_by_lane(reduced, lanes, lane_var)
            return
        self.stores(self.after, self.body(lanes, lane_var, reduced), lanes)

    def stores(self, stores: Sequence[Store], body: Body, lanes: int) -> None:
        values = [body.emit(store.value) for store in stores]  # before any of them is written
        for store, value in zip(stores, values, strict=True):
            offset = self.b.index(store.offset, self.env)
            dtype = self.dtypes[store.arg]
            stream = lanes > 1 and store in self.streams
            self.b.store(value, self.pointers[store.arg], offset, dtype, lanes, stream)

    def lane_by_lane(self, reduced: list[str], lanes: int, lane_var: Var | None) -> None:
        """Store results that do not lie side by side, or need what does not."""
        assert lane_var is not None
        start = self.env[lane_var]
        for lane in range(lanes):
            singles = []
            for reduction, vector in zip(self.nest.reductions, reduced, strict=True):
                dtype = _INT32 if reduction.kind == "argmax" else reduction.value.dtype
                kind = register_type(dtype, lanes)
                singles.append(self.b.op(f"extractelement {kind} {vector}, i64 {lane}"))
            self.env[lane_var] = self.b.integer("add nsw", start, str(lane))
            self.stores(self.after, self.body(1, None, singles), 1)
        self.env[lane_var] = start

    def body(self, lanes: int, lane_var: Var | None, reduced: Sequence[str]) -> Body:
        return Body(self.b, self.pointers, self.dtypes, self.env, lanes, lane_var, reduced)

    # Passes over a row

    def run_passes(self, lanes: int, lane_var: Var | None) -> list[str]:
        """Go over the row as often as needed; one result per reduction."""
        reduced = [""] * len(self.nest.reductions)
        for one in self.passes:
            if self.along_reduce and not one.apart:
                found = self.across(one, reduced)
            else:
                found = self.down(one, reduced, lanes, lane_var)
            for k, value in zip(one.reductions, found, strict=True):
                reduced[k] = value
        return reduced

    def start(self, one: Pass, lanes: int) -> list[tuple[str, str]]:
        """What the reductions of a pass start from."""
        return [pair for k in one.reductions for pair in carried(self.nest.reductions[k], lanes)]

    def hoist(self, one: Pass, reduced: list[str], lanes: int, var: Var | None) -> dict[int, str]:
        """Registers with what is the same all along the row."""
        body = self.body(lanes, var, reduced)
        return {id(value): body.emit(value) for value in one.hoisted}

    def down(self, one: Pass, reduced: list[str], lanes: int, lane_var: Var | None) -> list[str]:
        """A pass point by point; vectors lie across rows, if at all."""
        hoisted = self.hoist(one, reduced, lanes, lane_var)

        def step(current: list[str]) -> list[str]:
            return self.step(one, current, reduced, hoisted, lanes, lane_var)

        results = self.sweep(self.nest.reduce, self.start(one, lanes), step)
        return first_of_each([self.nest.reductions[k] for k in one.reductions], results)

    def sweep(
        self,
        reduce: tuple[Var, ...],
        accumulators: list[tuple[str, str]],
        step: Callable[[list[str]], list[str]],
    ) -> list[str]:
        """Loops over the reduce variables, carrying accumulators along."""
        if not reduce:
            return step([value for _, value in accumulators])

        def body(i: str, inside: list[str]) -> list[str]:
            self.env[reduce[0]] = i
            kinds = [kind for kind, _ in accumulators]
            return self.sweep(reduce[1:], list(zip(kinds, inside, strict=True)), step)

        high = str(reduce[0].size)
        return self.b.loop("0", high, 1, accumulators, body, reduce[0].name)

    def step(
        self,
        one: Pass,
        current: list[str],
        reduced: Sequence[str],
        hoisted: dict[int, str],
        lanes: int,
        lane_var: Var | None,
    ) -> list[str]:
        """All of a pass at the point the loop variables stand at."""
        body = self.body(lanes, lane_var, reduced)
        body.give(hoisted)
        body.give({id(value): self.recalled(value, lanes) for value in one.kept})
        ops = Scalar(self.b, lanes)
        results: list[str] = []
        for k in one.reductions:
            reduction, at = self.nest.reductions[k], len(results)
            value = body.emit(reduction.value)
            dtype = reduction.value.dtype
            if reduction.kind == "argmax":
                assert reduction.position is not None
                position = body.number(reduction.position, _INT32)
                results += argmax_step(ops, dtype, current[at], current[at + 1], value, position)
            else:
                results.append(combine(ops, reduction.kind, dtype, current[at], value))
        for kept in one.keeps:
            self.b.store(body.emit(kept), *self.place(kept), kept.dtype, lanes)
        self.stores(one.stores, body, lanes)
        return results

    def place(self, value: Value) -> tuple[str, str]:
        """Where a kept value lies: its row, and the place of this point in it."""
        at = self.b.index(row_index(self.nest), self.env)
        if self.along_loop:
            at = self.b.integer("mul nsw", at, str(self.lanes))
        return self.rows[id(value)], at

    def recalled(self, value: Value, lanes: int) -> str:
        return self.b.load(*self.place(value), value.dtype, lanes)

    def across(self, one: Pass, reduced: list[str]) -> list[str]:
        """A pass along vectors of the last reduce variable; add up the lanes at the end.

        Four vectors at a time, then those left over one by one, then single elements.
        """
        *before, last = self.nest.reduce
        lanes, b, count = self.lanes, self.b, len(one.reductions)
        unroll = UNROLL if last.size >= UNROLL * lanes else 1
        broad = [self.splat(k, value) for k, value in enumerate(reduced)]
        hoisted = self.hoist(one, broad, lanes, last)
        single_hoisted = self.hoist(one, reduced, 1, None)
        ends = [last.size - last.size % step for step in (unroll * lanes, lanes, 1)]

        def vectors(parts: int) -> Callable[[str, list[str]], list[str]]:
            def body(i: str, inside: list[str]) -> list[str]:
                results: list[str] = []
                for u in range(parts):
                    self.env[last] = b.integer("add nsw", i, str(u * lanes)) if u else i
                    part = inside[u * count : (u + 1) * count]
                    results += self.step(one, part, broad, hoisted, lanes, last)
                return results

            return body

        def single(i: str, inside: list[str]) -> list[str]:
            self.env[last] = i
            return self.step(one, inside, reduced, single_hoisted, 1, None)

        def along(pairs: list[tuple[str, str]]) -> list[str]:
            kinds, wide = [kind for kind, _ in pairs], count * unroll
            found = b.loop("0", str(ends[0]), unroll * lanes, pairs[:wide], vectors(unroll))
            if ends[1] > ends[0]:
                first = list(zip(kinds[:count], found[:count], strict=True))
                begin, end = str(ends[0]), str(ends[1])
                found[:count] = b.loop(begin, end, lanes, first, vectors(1))
            rest = pairs[wide:]
            if ends[2] > ends[1]:
                return found + b.loop(str(ends[1]), str(ends[2]), 1, rest, single)
            return found + [value for _, value in rest]

        def run(outer: list[Var], pairs: list[tuple[str, str]]) -> list[str]:
            if not outer:
                return along(pairs)

            def body(i: str, inside: list[str]) -> list[str]:
                self.env[outer[0]] = i
                return run(outer[1:], list(zip([k for k, _ in pairs], inside, strict=True)))

            return b.loop("0", str(outer[0].size), 1, pairs, body, outer[0].name)

        found = run(before, self.start(one, lanes) * unroll + self.start(one, 1))
        return [self.gather(one, found, k, unroll) for k in range(count)]

    def splat(self, which: int, value: str) -> str:
        """A reduction's result in every lane, once it is known."""
        dtype = self.nest.reductions[which].value.dtype
        return self.b.splat(value, register_type(dtype, 1), self.lanes) if value else ""

    def gather(self, one: Pass, found: list[str], which: int, unroll: int) -> str:
        """The vector accumulators and the scalar one of a reduction, combined in fixed order."""
        count, reduction = len(one.reductions), self.nest.reductions[one.reductions[which]]
        dtype = reduction.value.dtype
        wide = Scalar(self.b, self.lanes)
        total = found[which]
        for u in range(1, unroll):
            total = combine(wide, reduction.kind, dtype, total, found[u * count + which])
        single = add_lanes(self.b, reduction.kind, dtype, total, self.lanes)
        return combine(Scalar(self.b, 1), reduction.kind, dtype, single, found[-count + which])


def _fit(stores: Sequence[Store], var: Var, values: Sequence[Value] = ()) -> bool:
    """Whether these stores (and values) can be made in vectors along a variable."""
    wanted = [*values, *(store.value for store in stores)]
    return fits_lanes(wanted, [store.offset for store in stores], var)

"""Code for elementwise and reduction nests: outer loops shared among threads, vectors inside.

The share of a thread is a range of the outer loops, so every element is computed whole by one
thread and the result has the same bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable

from glia.base.dtypes import DType
from glia.base.dtypes import int32 as _INT32
from glia.compiler.codegen.body import Body, fits_lanes
from glia.compiler.codegen.llvm import Builder, float_text, register_type, splat_type
from glia.compiler.codegen.scalar import Scalar
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Var
from glia.compiler.schedule.loops import Nest, Reduction, walk

#: Outer loops are run as one until they have so many steps to share out.
SHARES = 64
#: Independent accumulators in a loop that sums along vectors, to hide the adder's latency.
UNROLL = 4


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
    return _Generator(nest, target).run(name)


class _Generator:
    def __init__(self, nest: Nest, target: Target) -> None:
        self.nest = nest
        self.b = Builder()
        self.env: dict[Var, str] = {}
        self.dtypes = nest.args
        reduced = [r.value for r in nest.reductions]
        # the vectors of a sum follow from the sum alone, not from what becomes of it
        kinds = [value.dtype for value in walk(reduced)] if reduced else list(self.dtypes)
        wide = any(d.itemsize == 8 and d.kind == "float" for d in kinds)
        self.lanes = target.lanes(8 if wide else 4)
        self.values = [r.value for r in nest.reductions] + [s.value for s in nest.stores]
        offsets = [s.offset for s in nest.stores]
        inner = nest.loops[-1] if nest.loops else None
        self.stores_fit = inner is not None and fits_lanes(self.values, offsets, inner)
        fits = fits_lanes(reduced, (), inner) if reduced and inner else self.stores_fit
        self.along_loop = (
            inner is not None
            and inner.size >= self.lanes
            and fits
            and all(
                r.position is None or not r.position.coefficient(inner) for r in nest.reductions
            )
        )
        last = nest.reduce[-1] if nest.reduce else None
        self.along_reduce = (
            not self.along_loop
            and last is not None
            and last.size >= self.lanes
            and all(r.kind != "argmax" for r in nest.reductions)
            and fits_lanes([r.value for r in nest.reductions], (), last)
        )

    def run(self, name: str) -> str:
        b, loops = self.b, self.nest.loops
        self.pointers = pointers(b, len(self.dtypes))
        if len(loops) <= 1:
            grain = self.lanes if self.along_loop else 1
            if loops:
                low, high = share(b, loops[0].size, grain)
                self.inner(loops[0], low, high)
            else:
                self.point(1)
        else:
            self.outer(loops)
        b.line("ret void")
        return b.text(name, "ptr %buffers, i64 %thread, i64 %threads")

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
            b.loop(low, middle, self.lanes, (), step(self.lanes), var.name)
            if var.size % self.lanes:
                b.loop(middle, high, 1, (), step(1), var.name + "rest")
        else:
            free = not self.nest.reductions and not self.along_reduce
            b.loop(low, high, 1, (), step(1), var.name, unroll=free)

    def point(self, lanes: int, lane_var: Var | None = None) -> None:
        """Everything inside the loops: reductions, then stores."""
        reduced = self.reductions(lanes, lane_var) if self.nest.reductions else []
        if lanes > 1 and not self.stores_fit:
            self.lane_by_lane(reduced, lanes, lane_var)
            return
        self.stores(self.body(lanes, lane_var, reduced), lanes)

    def stores(self, body: Body, lanes: int) -> None:
        for store in self.nest.stores:
            value = body.emit(store.value)
            offset = self.b.index(store.offset, self.env)
            dtype = self.dtypes[store.arg]
            self.b.store(value, self.pointers[store.arg], offset, dtype, lanes)

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
            self.stores(self.body(1, None, singles), 1)
        self.env[lane_var] = start

    def body(self, lanes: int, lane_var: Var | None, reduced: list[str]) -> Body:
        return Body(self.b, self.pointers, self.dtypes, self.env, lanes, lane_var, reduced)

    # Reductions

    def reductions(self, lanes: int, lane_var: Var | None) -> list[str]:
        """Run the reduce loops and return one result per reduction."""
        if self.along_reduce:
            return self.across()
        accumulators = [pair for r in self.nest.reductions for pair in carried(r, lanes)]
        results = self.loops(self.nest.reduce, accumulators, lanes, lane_var)
        return _first_of_each(self.nest.reductions, results)

    def loops(
        self,
        reduce: tuple[Var, ...],
        accumulators: list[tuple[str, str]],
        lanes: int,
        lane_var: Var | None,
    ) -> list[str]:
        if not reduce:
            current = [value for _, value in accumulators]
            return self.accumulate(current, lanes, lane_var)

        def body(i: str, inside: list[str]) -> list[str]:
            self.env[reduce[0]] = i
            kinds = [kind for kind, _ in accumulators]
            pairs = list(zip(kinds, inside, strict=True))
            return self.loops(reduce[1:], pairs, lanes, lane_var)

        high = str(reduce[0].size)
        return self.b.loop("0", high, 1, accumulators, body, reduce[0].name)

    def accumulate(self, current: list[str], lanes: int, lane_var: Var | None) -> list[str]:
        """One step of every reduction at the point the loop variables stand at."""
        body = self.body(lanes, lane_var, [])
        ops = Scalar(self.b, lanes)
        results: list[str] = []
        at = 0
        for reduction in self.nest.reductions:
            value = body.emit(reduction.value)
            dtype = reduction.value.dtype
            if reduction.kind == "argmax":
                position = body._number(reduction.position, _INT32)  # type: ignore[arg-type]
                results += _argmax_step(ops, dtype, current[at], current[at + 1], value, position)
                at += 2
            else:
                results.append(combine(ops, reduction.kind, dtype, current[at], value))
                at += 1
        return results

    def across(self) -> list[str]:
        """Reduce along vectors of the last reduce variable; add up the lanes at the end."""
        *before, last = self.nest.reduce
        lanes, b = self.lanes, self.b
        unroll = UNROLL if last.size >= UNROLL * lanes else 1
        step = unroll * lanes
        start = [pair for r in self.nest.reductions for pair in carried(r, lanes)] * unroll
        rest = [pair for r in self.nest.reductions for pair in carried(r, 1)]
        count = len(self.nest.reductions)

        def run(outer: tuple[Var, ...], pairs: list[tuple[str, str]]) -> list[str]:
            if outer:

                def body(i: str, inside: list[str]) -> list[str]:
                    self.env[outer[0]] = i
                    return run(outer[1:], list(zip([k for k, _ in pairs], inside, strict=True)))

                return b.loop("0", str(outer[0].size), 1, pairs, body, outer[0].name)
            vectors, scalars = pairs[: count * unroll], pairs[count * unroll :]
            whole = last.size - last.size % step
            wide = b.loop("0", str(whole), step, vectors, vector_body, last.name)
            high = str(last.size)
            single = b.loop(str(whole), high, 1, scalars, scalar_body, last.name + "rest")
            return wide + single

        def vector_body(i: str, inside: list[str]) -> list[str]:
            results: list[str] = []
            for u in range(unroll):
                self.env[last] = b.integer("add nsw", i, str(u * lanes)) if u else i
                part = inside[u * count : (u + 1) * count]
                results += self.accumulate(part, lanes, last)
            return results

        def scalar_body(i: str, inside: list[str]) -> list[str]:
            self.env[last] = i
            return self.accumulate(inside, 1, None)

        found = run(tuple(before), start + rest)
        return [self.gather(found, k, count, unroll) for k in range(count)]

    def gather(self, found: list[str], which: int, count: int, unroll: int) -> str:
        """The vector accumulators and the scalar one of a reduction, combined in fixed order."""
        reduction = self.nest.reductions[which]
        dtype = reduction.value.dtype
        wide = Scalar(self.b, self.lanes)
        total = found[which]
        for u in range(1, unroll):
            total = combine(wide, reduction.kind, dtype, total, found[u * count + which])
        single = add_lanes(self.b, reduction.kind, dtype, total, self.lanes)
        return combine(Scalar(self.b, 1), reduction.kind, dtype, single, found[-count + which])


def add_lanes(b: Builder, kind: str, dtype: DType, vector: str, lanes: int) -> str:
    """Combine the lanes of a vector by halves, in an order that is always the same."""
    while lanes > 2:
        half = lanes // 2
        wide = register_type(dtype, lanes)
        parts = []
        for start in (0, half):
            picks = ", ".join(f"i32 {start + i}" for i in range(half))
            parts.append(
                b.op(f"shufflevector {wide} {vector}, {wide} poison, <{half} x i32> <{picks}>")
            )
        vector = combine(Scalar(b, half), kind, dtype, *parts)
        lanes = half
    if lanes == 1:
        return vector
    kind_of_two = register_type(dtype, 2)
    pair = [b.op(f"extractelement {kind_of_two} {vector}, i64 {i}") for i in range(2)]
    return combine(Scalar(b, 1), kind, dtype, *pair)


def combine(ops: Scalar, kind: str, dtype: DType, a: str, b: str) -> str:
    """One step of a reduction."""
    if dtype.kind == "bool":
        op = {"sum": "or", "max": "or", "prod": "and", "min": "and"}[kind]
    else:
        op = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}[kind]
    return ops.apply(op, dtype, [a, b], dtype)


def neutral(kind: str, dtype: DType) -> str:
    """What a reduction starts from."""
    if dtype.kind == "float":
        value = {"sum": 0.0, "prod": 1.0, "max": -float("inf"), "min": float("inf")}
        return float_text(value.get(kind, -float("inf")), dtype)
    if dtype.kind == "bool":
        return "true" if kind in ("prod", "min") else "false"
    bits = 8 * dtype.itemsize
    low = -(2 ** (bits - 1)) if dtype.kind == "int" else 0
    high = 2 ** (bits - 1) - 1 if dtype.kind == "int" else 2**bits - 1
    return str({"sum": 0, "prod": 1, "min": high}.get(kind, low))


def carried(reduction: Reduction, lanes: int) -> list[tuple[str, str]]:
    """Types and initial values of what a reduction carries from step to step."""
    dtype = reduction.value.dtype
    scalar = register_type(dtype, 1)
    start = neutral(reduction.kind, dtype)
    text = start if lanes == 1 else f"splat ({scalar} {start})"
    pairs = [(register_type(dtype, lanes), text)]
    if reduction.kind == "argmax":
        none = "-1" if lanes == 1 else "splat (i32 -1)"
        pairs.append((register_type(_INT32, lanes), none))
    return pairs


def _argmax_step(
    ops: Scalar, dtype: DType, best: str, place: str, value: str, position: str
) -> list[str]:
    """Take the new element when it is greater, is the first at all, or is the first NaN."""
    flag, kind, ints = splat_type("i1", ops.lanes), ops.kind(dtype), ops.kind(_INT32)
    better = ops.apply("lt", dtype, [best, value], dtype)
    none = ops.b.op(f"icmp slt {ints} {place}, zeroinitializer")
    better = ops.b.op(f"or {flag} {better}, {none}")
    if dtype.kind == "float":
        is_nan = ops.b.op(f"fcmp uno {kind} {value}, {value}")
        was_number = ops.b.op(f"fcmp ord {kind} {best}, {best}")
        better = ops.b.op(f"or {flag} {better}, {ops.b.op(f'and {flag} {is_nan}, {was_number}')}")
    return [ops.select(better, value, best, dtype), ops.select(better, position, place, _INT32)]


def _first_of_each(reductions: tuple[Reduction, ...], results: list[str]) -> list[str]:
    """An argmax carries (value, position) and its result is the position."""
    found, at = [], 0
    for reduction in reductions:
        wide = reduction.kind == "argmax"
        found.append(results[at + 1] if wide else results[at])
        at += 2 if wide else 1
    return found

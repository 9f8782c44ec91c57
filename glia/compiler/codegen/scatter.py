"""Code for adding at computed places: every thread owns a part of each row, and walks all steps.

Nothing is added by two threads, and sums are taken in the order of the steps, so the result has
the same bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable

from glia.compiler.codegen.body import Body, fits_lanes
from glia.compiler.codegen.llvm import Builder, float_text, register_type
from glia.compiler.codegen.nest import decode, pointers, share
from glia.compiler.codegen.scalar import Scalar
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Var
from glia.compiler.schedule.loops import Scatter, indices_of, varies


def generate(kernel: Scatter, name: str, target: Target) -> str:
    """LLVM IR of the kernel."""
    return _Generator(kernel, target).run(name)


class _Generator:
    def __init__(self, kernel: Scatter, target: Target) -> None:
        self.k = kernel
        self.b = Builder()
        self.env: dict[Var, str] = {}
        self.dtype = kernel.args[kernel.arg]
        self.lanes = target.lanes(self.dtype.itemsize)
        self.outer, self.inner = kernel.loops, None
        last = kernel.loops[-1] if kernel.loops else None
        if last is not None and self.fits(last):
            self.outer, self.inner = kernel.loops[:-1], last

    def fits(self, last: Var) -> bool:
        """Whether a variable can be the lanes: the place must be one for all of them."""
        places = indices_of([self.k.place.value])
        if any(varies(index, last) for index in places):
            return False
        return fits_lanes([self.k.value], [self.k.offset], last)

    def run(self, name: str) -> str:
        b = self.b
        self.pointers = pointers(b, len(self.k.args))
        total = 1
        for var in self.outer:
            total *= var.size
        span = (0, self.inner.size) if self.inner is not None else (0, 1)
        if total > 1 or self.inner is None:
            low, high = share(b, total)

            def body(flat: str, _carried: list[str]) -> list[str]:
                decode(b, flat, self.outer, self.env)
                self.rows(str(span[0]), str(span[1]))
                return []

            b.loop(low, high, 1, (), body, "share")
        else:
            self.rows(*share(b, span[1], self.lanes))
        b.line("ret void")
        return b.text(name, "ptr %buffers, i64 %thread, i64 %threads")

    def rows(self, low: str, high: str) -> None:
        """Zeros in this part of every row; then one step after another."""
        k, b = self.k, self.b

        def clear(place: str, _carried: list[str]) -> list[str]:
            self.env[k.place] = place
            self.along(low, high, self.zero)
            return []

        b.loop("0", str(k.place.size), 1, (), clear, k.place.name)

        def step(i: str, _carried: list[str]) -> list[str]:
            self.env[k.steps] = i
            single = Body(b, self.pointers, k.args, self.env)
            raw = single.emit(k.place.value)
            inside = b.op(f"icmp ult i64 {raw}, {k.place.size}")
            self.env[k.place] = raw
            b.branch(inside, lambda: self.along(low, high, self.add), lambda: None)
            return []

        b.loop("0", str(k.steps.size), 1, (), step, k.steps.name)

    def along(self, low: str, high: str, point: Callable[[int], None]) -> None:
        """The last loop: whole vectors first, then what is left."""
        b, var = self.b, self.inner
        if var is None:
            point(1)
            return

        def body(lanes: int) -> Callable[[str, list[str]], list[str]]:
            def run(i: str, _carried: list[str]) -> list[str]:
                self.env[var] = i
                point(lanes)
                return []

            return run

        length = b.integer("sub", high, low)
        whole = b.integer("sub", length, b.integer("urem", length, str(self.lanes)))
        middle = b.integer("add", low, whole)
        b.loop(low, middle, self.lanes, (), body(self.lanes), var.name)
        if var.size % self.lanes:
            b.loop(middle, high, 1, (), body(1), var.name + "rest")

    def zero(self, lanes: int) -> None:
        kind = register_type(self.dtype, 1)
        value = float_text(0.0, self.dtype) if self.dtype.kind == "float" else "0"
        value = value if lanes == 1 else f"splat ({kind} {value})"
        self.store(value, lanes)

    def add(self, lanes: int) -> None:
        body = Body(self.b, self.pointers, self.k.args, self.env, lanes, self.inner)
        value = body.emit(self.k.value)
        at = self.b.index(self.k.offset, self.env)
        before = self.b.load(self.pointers[self.k.arg], at, self.dtype, lanes)
        self.store(
            Scalar(self.b, lanes).apply("add", self.dtype, [before, value], self.dtype), lanes
        )

    def store(self, value: str, lanes: int) -> None:
        at = self.b.index(self.k.offset, self.env)
        self.b.store(value, self.pointers[self.k.arg], at, self.dtype, lanes)

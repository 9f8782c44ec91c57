"""Random loops against the same steps written one after another: values and gradients.

The interpreter runs both in float64; the compiled loop is compared with it.
"""

from __future__ import annotations

import numpy as np
import pytest
from compiler.oracle import assert_close, compiled

from glia.autodiff.reverse import gradient
from glia.base.dtypes import as_dtype, bool_, float64, int64
from glia.ir import build as b
from glia.ir import lookup, products
from glia.ir.expr import Expr, forget, intern, substituted, topological
from glia.ir.interpret import interpret
from glia.ir.ops.control import fresh
from glia.ir.ops.source import leaf
from glia.ir.ops.view import FLIP, concat, pad, reshape, slice_
from glia.ir.scan import Loop
from glia.ir.verify import verify

CASES, PER_TEST = 120, 10
Shape = tuple[int, ...]


class Body:
    """A random loop: two or three carries, some sequences, constants, outputs."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.length = int(rng.integers(1, 5))
        self.shape = (int(rng.choice([1, 2, 3, 32])), int(rng.choice([2, 4])))
        self.reverse = bool(rng.random() < 0.4)
        self.values: dict[Expr, np.ndarray] = {}
        n, k = self.shape
        self.w, self.bias = self.given(k, k), self.given(k)
        self.places = self.whole(k, self.shape)
        self.xs = [self.given(self.length, n, k) for _ in range(int(rng.integers(0, 3)))]
        if rng.random() < 0.5:
            self.xs.append(self.put(rng.random((self.length, n, 1)) < 0.6))
        self.start = [self.given(n, k) for _ in range(int(rng.integers(1, 3)))]
        self.start.append(b.const(0, int64))
        self.slices = [fresh(x.shape[1:], x.dtype) for x in self.xs]
        self.state = [fresh(x.shape, x.dtype) for x in self.start]
        self.pool = [v for v in (*self.slices, *self.state) if v.shape == self.shape]
        for _ in range(int(rng.integers(3, 10))):
            self.pool.append(self.node())
        self.carry = [b.tanh(self.any()) for _ in self.state[:-1]]
        if rng.random() < 0.2:
            self.carry[0] = self.state[0]
        self.carry.append(b.add(self.state[-1], 1))
        self.outs = [self.any(), b.sum_(b.mul(self.any(), self.bias), 1), self.state[-1]]

    def put(self, array: np.ndarray) -> Expr:
        node = leaf(-1 - len(self.values), array.shape, as_dtype(array.dtype))
        self.values[node] = array
        return node

    def given(self, *shape: int) -> Expr:
        return self.put(self.rng.normal(size=shape) * 0.7)

    def whole(self, size: int, shape: Shape) -> Expr:
        return self.put(self.rng.integers(0, size, shape))

    def any(self) -> Expr:
        return self.pool[int(self.rng.integers(len(self.pool)))]

    def node(self) -> Expr:
        """Something of the pool's shape, from what is there."""
        x, y, (n, k) = self.any(), self.any(), self.shape
        masks = [v for v in self.slices if v.dtype is bool_]
        turn = b.cast(b.remainder(self.state[-1], 2), float64)
        one = slice_(x, (0, 0), (n, 1), (1, 1))
        choices = [
            lambda: b.add(x, y),
            lambda: b.mul(x, b.sigmoid(y)),
            lambda: b.tanh(products.linear(x, self.w)),
            lambda: products.linear(x, self.w, self.bias),
            lambda: b.sub(x, b.mean(y, 1, True)),
            lambda: b.softmax(x, 1),
            lambda: pad(one, (0, 0), (0, k - 1)),
            lambda: concat([slice_(x, (0, 1), (n, k), (1, 1)), one], 1),
            lambda: intern(FLIP, (x,), ((1,),)),
            lambda: b.mul(x, turn),
            lambda: lookup.take_along(x, self.places, 1),
            lambda: products.linear(b.mul(x, y), b.mul(self.w, self.w)),
            lambda: b.where(masks[0] if masks else b.gt(turn, 0), x, b.mul(y, 0.5)),
        ]
        return choices[int(self.rng.integers(len(choices)))]()

    def results(self) -> list[Expr]:
        """By one loop: every carry and output in every form."""
        loop = Loop(
            self.state, self.start, self.slices, self.xs, self.carry, self.outs, self.reverse,
            self.length,
        )  # fmt: skip
        found = [loop.stack(out) for out in self.outs]
        for i in range(len(self.state)):
            found += [loop.final(i), loop.after(i), loop.before(i)]
        return found

    def unrolled(self) -> list[Expr]:
        """The same, step after step."""
        state = list(self.start)
        before, after, outs = [], [], []
        steps = range(self.length)
        for t in reversed(steps) if self.reverse else steps:
            here = dict(zip(self.state, state, strict=True))
            here.update((v, _step(x, t)) for v, x in zip(self.slices, self.xs, strict=True))
            now = substituted((*self.carry, *self.outs), here)
            before.append(state)
            state = list(now[: len(state)])
            after.append(state)
            outs.append(now[len(state) :])

        def stacked(parts: list, i: int) -> Expr:
            ordered = parts[::-1] if self.reverse else parts
            return concat([reshape(p[i], (1, *p[i].shape)) for p in ordered], 0)

        found = [stacked(outs, i) for i in range(len(self.outs))]
        for i, last in enumerate(state):
            found += [last, stacked(after, i), stacked(before, i)]
        return found


def _step(x: Expr, t: int) -> Expr:
    rest = x.shape[1:]
    whole = slice_(x, (t, *(0 for _ in rest)), (t + 1, *rest), (1,) * x.ndim)
    return reshape(whole, rest)


def with_gradients(results: list[Expr], chosen: list[int], leaves: list[Expr]) -> list[Expr]:
    """The results, and the gradients of a number made of the chosen ones."""
    floats = [results[i] for i in chosen if results[i].dtype is float64]
    total: Expr = b.const(0.0, float64)
    for found in floats:
        total = b.add(total, b.sum_(b.mul(found, b.sin(found))))
    gradients = gradient(total, leaves)
    return [*results, *(b.full(x.shape, 0.0, x.dtype) if g is None else g
                        for x, g in zip(leaves, gradients, strict=True))]  # fmt: skip


def check(seed: int, by_machine: bool) -> None:
    body = Body(seed)
    leaves = [x for x in body.values if x.dtype is float64]
    results = body.results()
    count = int(body.rng.integers(1, 4))
    chosen = [int(i) for i in body.rng.permutation(len(results))[:count]]
    looped = with_gradients(results, chosen, leaves)
    verify(looped)
    wanted = interpret(with_gradients(body.unrolled(), chosen, leaves), body.values)
    for i, (found, expected) in enumerate(zip(interpret(looped, body.values), wanted, strict=True)):
        assert_close(found, expected, f"seed {seed}, result {i}", 100)
    if by_machine:
        for i, (found, expected) in enumerate(zip(compiled(looped, body.values), wanted)):
            assert_close(found, expected, f"seed {seed}, compiled result {i}", 100)


@pytest.mark.parametrize("block", range(CASES // PER_TEST))
def test_loops_are_their_steps(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        check(seed, False)


@pytest.mark.parametrize("seed", range(1000, 1016))
def test_compiled_loops_are_their_steps(seed: int) -> None:
    check(seed, True)


def test_loops_outlive_the_table_of_expressions() -> None:
    body = Body(1)
    leaves = [x for x in body.values if x.dtype is float64]
    results = body.results()
    before = interpret(with_gradients(results, [0, 4], leaves), body.values)
    forget()
    after = interpret(with_gradients(results, [0, 4], leaves), body.values)
    for a, c in zip(after, before, strict=True):
        np.testing.assert_array_equal(a, c)


def test_all_kinds_of_loops_turn_up() -> None:
    seen: set[object] = set()
    for seed in range(40):
        for node in topological(Body(seed).results()):
            if node.op.name == "scan":
                seen |= {node.attr("kind"), node.attr("reverse")}
    assert seen == {"final", "states", "stack", True, False}

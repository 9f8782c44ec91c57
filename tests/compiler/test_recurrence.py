"""Loops over sequences: compiled against the interpreter and against NumPy, and how they run."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest
from compiler.oracle import compare
from compiler.plan_checks import check_program

from glia.autodiff.check import gradcheck
from glia.autodiff.reverse import gradient
from glia.base.dtypes import DType, float32, float64
from glia.compiler.codegen.targets import host
from glia.compiler.program import build as plan
from glia.compiler.schedule.loops import Contraction, Repeat
from glia.ir import build as b
from glia.ir import products
from glia.ir.expr import Expr
from glia.ir.interpret import interpret
from glia.ir.ops.control import fresh
from glia.ir.ops.source import leaf
from glia.ir.scan import Loop

KINDS = ("final", "after", "before", "stack")
#: Steps, batch, inputs, hidden: whole slices of the batch, ragged ones, and none at all.
SIZES = [
    (5, 4, 3, 6),
    (7, 16, 3, 6),
    (6, 32, 8, 16),
    (3, 64, 5, 9),
    (4, 50, 5, 7),
    (4, 17, 5, 7),
    (1, 3, 1, 1),
]


@dataclass
class Net:
    """A recurrent net: the step ``h = tanh(x Wᵢᵀ + b + h Wₕᵀ)``, and ``(h' h) Wₕᵀ`` given out."""

    sizes: tuple[int, int, int, int]
    dtype: DType

    def __post_init__(self) -> None:
        t, n, e, h = self.sizes
        shapes = ((t, n, e), (n, h), (h, e), (h, h), (h,))
        self.leaves = [leaf(i, shape, self.dtype) for i, shape in enumerate(shapes)]
        rng = np.random.default_rng(3)
        self.arrays = [rng.normal(size=s).astype(self.dtype.np) * 0.3 for s in shapes]
        self.values = dict(zip(self.leaves, self.arrays, strict=True))

    def run(self, kind: str, reverse: bool, *given: Expr) -> Expr:
        x, start, w_in, w, bias = given or self.leaves
        h, step = fresh(start.shape, self.dtype), fresh(x.shape[1:], self.dtype)
        after = b.tanh(b.add(products.linear(step, w_in, bias), products.linear(h, w)))
        out = products.linear(b.mul(after, h), w)
        loop = Loop([h], [start], [step], [x], [after], [out], reverse)
        if kind == "stack":
            return loop.stack(out)
        return {"final": loop.final, "after": loop.after, "before": loop.before}[kind](0)

    def numpy(self, kind: str, reverse: bool) -> np.ndarray:
        x, h, w_in, w, bias = [array.astype(np.float64) for array in self.arrays]
        found: dict[str, list[np.ndarray]] = {"before": [], "after": [], "stack": []}
        for step in x[::-1] if reverse else x:
            after = np.tanh(step @ w_in.T + bias + h @ w.T)
            for name, value in (("before", h), ("after", after), ("stack", (after * h) @ w.T)):
                found[name].append(value)
            h = after
        return h if kind == "final" else np.stack(found[kind][:: -1 if reverse else 1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_interpreter_is_a_loop(kind: str, reverse: bool) -> None:
    net = Net((5, 4, 3, 6), float64)
    (found,) = interpret([net.run(kind, reverse)], net.values)
    np.testing.assert_allclose(found, net.numpy(kind, reverse), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_derivatives(kind: str, reverse: bool) -> None:
    net = Net((3, 2, 2, 3), float64)
    gradcheck(lambda *given: net.run(kind, reverse, *given), net.arrays)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("dtype", [float32, float64], ids=lambda d: d.name)
@pytest.mark.parametrize("reverse", [False, True])
def test_compiled_steps_and_their_gradients(
    sizes: tuple[int, int, int, int], dtype: DType, reverse: bool
) -> None:
    net = Net(sizes, dtype)
    for kind in KINDS[:2] if reverse else KINDS:
        out = net.run(kind, reverse)
        loss = b.sum_(b.mul(out, out))
        parts = [part for part in gradient(loss, net.leaves) if part is not None]
        check_program([out, loss, *parts])
        compare([out, loss, *parts], net.values, factor=20)


def outputs(length: int, batch: int = 64) -> list[Expr]:
    net = Net((length, batch, 24, 32), float32)
    last = net.run("final", False)
    return [last, *(g for g in gradient(b.sum_(b.mul(last, last)), net.leaves) if g is not None)]


def test_weights_wait_until_after_the_loop() -> None:
    """Two loops; what the sequences alone decide, and what is only summed, stays outside."""
    steps = plan(outputs(10), [None] * 6, host()).steps
    loops = [step.kernel for step in steps if isinstance(step.kernel, Repeat)]
    assert len(loops) == 2
    for loop in loops:
        inside = [call.kernel for _, calls in loop.sections for call in calls]
        assert sum(isinstance(kernel, Contraction) for kernel in inside) == 1
    outside = [step for step in steps if isinstance(step.kernel, Contraction)]
    assert len(outside) == 4  # projection; gradients of inputs, of both weights


def test_code_does_not_grow_with_the_sequence() -> None:
    texts = []
    for length in (2000, 10):
        steps = plan(outputs(length), [None] * 6, host()).steps
        loops = [str(step.kernel) for step in steps if isinstance(step.kernel, Repeat)]
        texts.append([re.sub(r"[+-]?\d+", "n", text) for text in loops])
    assert texts[0] == texts[1]


def test_slices_of_the_batch_do_not_wait_for_one_another() -> None:
    for batch, slices in ((64, 4), (48, 4), (32, 4), (8, 2), (7, 1), (1, 1)):
        steps = plan(outputs(5, batch), [None] * 6, host()).steps
        found = {step.kernel.slices for step in steps if isinstance(step.kernel, Repeat)}
        assert found == {slices}

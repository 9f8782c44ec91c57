"""Passes over rows and columns: compiled programs at the sizes where other code takes over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from compiler.oracle import compiled
from compiler.plan_checks import check_program

from glia.autodiff.reverse import gradient
from glia.base.dtypes import DType, float32, float64, int64
from glia.compiler.schedule.loops import Nest
from glia.ir import build
from glia.ir.expr import Expr, topological
from glia.ir.interpret import interpret
from glia.ir.ops.source import leaf
from glia.nn import loss_formulas, norm_formulas

RNG = np.random.default_rng(5)


def softmax_step(x: Expr) -> list[Expr]:
    y = build.softmax(x, x.ndim - 1)
    return [y, *found(build.sum_(build.mul(y, x)), x)]


def found(loss: Expr, *wanted: Expr) -> list[Expr]:
    parts = gradient(loss, list(wanted))
    assert all(part is not None for part in parts)
    return [part for part in parts if part is not None]


def layer_norm_step(x: Expr) -> list[Expr]:
    y = norm_formulas.layer_norm(x, "", (x.shape[-1],), 1e-5)
    return [y, *found(build.sum_(build.mul(y, build.sin(x))), x)]


def cross_entropy_step(x: Expr) -> list[Expr]:
    labels = leaf(1, (x.shape[0],), int64)
    loss = loss_formulas.cross_entropy(x, labels, -100, "mean", 0.0)
    return [loss, *found(loss, x)]


def batch_norm_step(x: Expr) -> list[Expr]:
    y = build.relu(norm_formulas.batch_norm_train(x, "", 1e-5))
    return [y, *found(build.sum_(build.mul(y, x)), x)]


def turned(x: Expr) -> list[Expr]:
    """Stores that do not lie side by side where the sums do."""
    return [build.softmax(x, 0), build.transpose(build.softmax(x, 1), 0, 1)]


def standard(x: Expr) -> list[Expr]:
    """Columns, several passes."""
    centred = build.sub(x, build.mean(x, 0, True))
    return [build.div(centred, build.sqrt(build.mean(build.mul(centred, centred), 0, True)))]


def columns(x: Expr) -> list[Expr]:
    squares = build.mul(x, x)
    return [build.sum_(x, 0), build.mean(squares, 0), build.amax(x, 0), build.argmax(x, 0)]


Step = Callable[[Expr], list[Expr]]
STEPS: list[Step] = [softmax_step, layer_norm_step, turned, standard]
SHAPES = [(9, 17), (24, 64), (33, 100), (40, 1000), (70, 300)]


def agree(step: Step, x: np.ndarray, dtype: DType = float32, *rest: np.ndarray) -> None:
    """Compiled against the interpreter in double precision, to some units in the last place."""
    results = []
    for kind, run in ((dtype, compiled), (float64, interpret)):
        outputs = step(leaf(0, x.shape, kind))
        arrays = [x.astype(dtype.np).astype(kind.np), *rest]
        leaves = [node for node in topological(outputs) if node.op.name == "leaf"]
        results.append(run(outputs, {node: arrays[node.attrs[0]] for node in leaves}))
    eps = float(np.finfo(dtype.np).eps)
    for got, wanted in zip(*results, strict=True):
        scale = float(np.abs(wanted).max())
        np.testing.assert_allclose(got, wanted, rtol=50 * eps, atol=50 * eps * scale)


@pytest.mark.parametrize("dtype", [float32, float64], ids=lambda d: d.name)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("step", STEPS, ids=lambda f: f.__name__)
def test_rows(step: Step, shape: tuple[int, ...], dtype: DType) -> None:
    agree(step, RNG.normal(size=shape), dtype)


@pytest.mark.parametrize("shape", [(16, 20), (40, 130), (64, 1000)], ids=str)
def test_cross_entropy(shape: tuple[int, ...]) -> None:
    labels = RNG.integers(0, shape[1], shape[0])
    labels[::5] = -100
    agree(cross_entropy_step, RNG.normal(size=shape), float32, labels)


@pytest.mark.parametrize("shape", [(8, 20, 6, 5), (32, 16, 8, 8), (4, 150, 3, 3)], ids=str)
def test_batch_norm(shape: tuple[int, ...]) -> None:
    agree(batch_norm_step, RNG.normal(size=shape) * 2 + 3)


@pytest.mark.parametrize("dtype", [float32, float64], ids=lambda d: d.name)
@pytest.mark.parametrize("shape", [(30, 255), (48, 512), (5, 2048), (70, 5000)], ids=str)
def test_columns(shape: tuple[int, ...], dtype: DType) -> None:
    agree(columns, RNG.normal(size=shape), dtype)


def test_results_that_go_past_the_caches() -> None:
    x = RNG.normal(size=(2100, 4112))  # 34 MB
    agree(lambda x: [build.add(x, 1.0)], x)
    agree(lambda x: [build.softmax(x, 1)], x)


def test_infinite_and_missing_values_in_a_row() -> None:
    x = RNG.normal(size=(8, 40)).astype(np.float32)
    x[0, 3], x[1, 20], x[2, 39] = np.nan, np.inf, -np.inf
    program = leaf(0, x.shape, float32)
    outputs = [build.softmax(program, 1)]
    (got,), (wanted,) = compiled(outputs, {program: x}), interpret(outputs, {program: x})
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


X = leaf(0, (64, 256), float32)
KERNELS: list[tuple[str, Callable[[], list[Expr]], int]] = [
    ("softmax", lambda: [build.softmax(X, 1)], 1),
    ("softmax and its gradient", lambda: softmax_step(X), 1),
    ("layer norm and its gradient", lambda: layer_norm_step(X), 1),
    ("two sums", lambda: [build.sum_(X, 1), build.amax(X, 1)], 1),
    ("a row's sum and what is updated by it", lambda: [build.mul(X, build.sum_(X, 1, True))], 1),
]


@pytest.mark.parametrize(("name", "program", "count"), KERNELS, ids=[k[0] for k in KERNELS])
def test_number_of_kernels(name: str, program: Callable[[], list[Expr]], count: int) -> None:
    steps = check_program(program()).plan.steps
    assert len(steps) <= count, "\n\n".join(str(step.kernel) for step in steps)


def test_cross_entropy_reads_its_scores_once() -> None:
    """Loss and gradient: one kernel over the scores, small ones for labels and the mean."""
    plan = check_program(cross_entropy_step(leaf(0, (64, 256), float32))).plan
    large = [s for s in plan.steps if isinstance(s.kernel, Nest) and 256 in row_sizes(s.kernel)]
    assert len(large) == 1


def row_sizes(kernel: Nest) -> set[int]:
    return {var.size for var in kernel.reduce}


def test_rows_that_do_not_belong_together() -> None:
    """Sums by row and by column of a square stay apart."""

    def mixed(x: Expr) -> list[Expr]:
        rows = build.sub(x, build.mean(x, 1, True))
        return [build.mul(rows, build.mean(build.mul(rows, rows), 0, True))]

    agree(mixed, RNG.normal(size=(64, 64)))

"""Random programs: machine code against the interpreter. ``scripts/fuzz`` runs many more."""

from __future__ import annotations

import numpy as np
import pytest
from compiler.oracle import compiled
from compiler.plan_checks import TARGETS, check_program
from compiler.random_convs import program, random_conv, reference, values
from compiler.random_graphs import random_case
from compiler.random_updates import update_fault
from compiler.shrink import Case, fault, shrink

from glia.base.dtypes import float32
from glia.ir import build
from glia.ir.expr import Expr, topological
from glia.ir.interpret import interpret
from glia.ir.ops.source import leaf
from glia.ir.table import TABLE
from glia.ir.text import parse

GRAPHS, PER_TEST = 150, 10


@pytest.mark.parametrize("block", range(GRAPHS // PER_TEST))
def test_random_graphs(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        case = random_case(seed)
        problem = fault(case, compiled)
        if problem is not None:
            small = shrink(case, compiled)
            now = fault(small, compiled)
            pytest.fail(f"seed {seed}: {problem}\nshrunk: {now}\n{small.text()}")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("block", range(4))
def test_random_plans_stay_in_bounds(block: int, target: str) -> None:
    for seed in range(1000 + block * 25, 1025 + block * 25):
        case = random_case(seed, 24)
        try:
            check_program(case.outputs, target=TARGETS[target])
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}\n{case.text()}")


@pytest.mark.parametrize("block", range(50))
def test_random_convolutions(block: int) -> None:
    """Whole numbers, so every sum is exact, whatever its order."""
    for seed in range(block * 10, block * 10 + 10):
        conv = random_conv(seed)
        outputs, leaves = program(conv)
        known = values(conv, leaves, seed)
        expected = reference(conv, *(known[x] for x in leaves))
        found = compiled(outputs, known)
        for name, a, b in zip(("result", "input", "weight"), found, expected, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"{name} of seed {seed}: {conv}")


def test_random_convolutions_stay_in_bounds() -> None:
    for seed in range(60):
        outputs, _ = program(random_conv(seed))
        for target in TARGETS.values():
            check_program(outputs, target=target)


@pytest.mark.parametrize("block", range(8))
def test_random_updates_in_place(block: int) -> None:
    for seed in range(block * 5, block * 5 + 5):
        problem = update_fault(seed)
        assert problem is None, f"seed {seed}: {problem}"


#: Programs that were wrong once.
ONCE_WRONG = {
    "the second output was laid out by the first and never written": """
        %0 = leaf[slot=-1] : float32[40,31,1]
        %1 = leaf[slot=-3] : float32[40,31,1]
        %2 = minimum %0 %1 : float32[40,31,1]
        %3 = reshape %2 : float32[1240,1]
        %4 = leaf[slot=-4] : float32[1,2]
        %5 = contract[sizes=(1240, 2, 1), rank=2, a_map=((0, ((0, 1),)), (0, ((2, 1),))),
        b_map=((0, ((2, 1),)), (0, ((1, 1),)))] %3 %4 : float32[1240,2]
        %6 = abs %0 : float32[40,31,1]
        outputs %5 %6""",
    "loops of size 0 were merged by dividing by it": """
        %0 = leaf[slot=-1] : float32[2,0]
        %1 = neg %0 : float32[2,0]
        outputs %1""",
    "strides of 0 were divided by": """
        %0 = leaf[slot=-1] : float32[2,0]
        %1 = reshape %0 : float32[0]
        outputs %1""",
    "every use of a value was walked: four to the power of fifteen": """
        %0 = leaf[slot=-1] : float32[3,16]
        %1 = argmax[dim=1] %0 : int32[3,1]
        outputs %1""",
    "places of their own taken for one, as all are the first of one": """
        %0 = leaf[slot=-1] : float32[3,5]
        %1 = leaf[slot=-2] : int64[3,5]
        %2 = scatter_add[dim=0, size=1] %0 %1 : float32[1,5]
        outputs %2""",
}


@pytest.mark.parametrize("name", ONCE_WRONG)
def test_what_was_wrong_once(name: str) -> None:
    outputs = parse(ONCE_WRONG[name].replace(",\n", ","))
    rng = np.random.default_rng(0)
    known = {
        node: rng.integers(-3, 4, node.shape).astype(node.dtype.np)
        for node in topological(outputs)
        if node.op.name == "leaf"
    }
    check_program(outputs)
    assert fault(Case(outputs, known), compiled) is None


# The fuzzers themselves


def test_all_kinds_of_ops_turn_up() -> None:
    seen: set[str] = set()
    for seed in range(GRAPHS):
        seen |= {node.op.name for node in topological(random_case(seed).outputs)}
    hosted = {name for name, row in TABLE.items() if row.kind == "host"}  # NumPy runs them
    # bound stands in the bodies of loops; simplify sees through the other two
    assert seen == set(TABLE) - hosted - {"bound", "mark", "custom"}


def test_a_seed_gives_the_same_graph() -> None:
    assert random_case(3).text() == random_case(3).text()
    assert random_case(3).text() != random_case(4).text()


def wrong_tanh(outputs: list[Expr], values: dict[Expr, np.ndarray]) -> list[np.ndarray]:
    """A compiler whose tanh is wrong by a thousandth."""
    results = []
    for node in outputs:
        (value,) = interpret([node], values)
        bad = any(part.op.name == "tanh" for part in topological([node]))
        results.append(value * np.float32(1.001) + np.float32(0.001) if bad else value)
    return results


def test_faults_are_found_and_shrunk() -> None:
    x, y = leaf(-1, (4, 5), float32), leaf(-2, (5,), float32)
    inner = build.tanh(build.mul(build.exp(x), y))
    outputs = [build.sum_(build.mul(inner, 3), 1), build.neg(y), build.add(x, y)]
    known = {x: np.ones((4, 5), np.float32), y: np.ones(5, np.float32)}
    case = Case(outputs, known, dict.fromkeys(outputs, 1e-5))
    problem = fault(case, wrong_tanh)
    assert problem is not None and problem.startswith("output 0[0]")
    small = shrink(case, wrong_tanh)
    assert fault(small, wrong_tanh) is not None
    assert [node.op.name for node in topological(small.outputs)] == ["leaf", "tanh"]
    assert fault(small, interpret) is None

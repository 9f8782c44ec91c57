"""From expressions to the loop IR: dimensions regrouped, guards, taps, short reductions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from compiler.plan_checks import check_program
from compiler.test_index import evaluate

from glia.base.dtypes import float32, int64
from glia.compiler.index import Var, variable
from glia.compiler.schedule.loops import Constant, Guarded, Load
from glia.compiler.schedule.lower import (
    CannotLower,
    Lowering,
    inline_limit,
    regroup,
    unflatten,
)
from glia.ir import build
from glia.ir.expr import Expr, intern
from glia.ir.ops import reduce, view
from glia.ir.ops.source import iota, leaf
from glia.ir.ops.window import dilate, window

SHAPES = [
    ((6,), (2, 3)),
    ((2, 3), (6,)),
    ((4, 6), (2, 2, 6)),
    ((4, 6), (4, 2, 3)),
    ((4, 6), (8, 3)),
    ((2, 3, 4), (4, 3, 2)),
    ((1, 6, 1), (6,)),
    ((6,), (1, 6, 1, 1)),
    ((2, 1, 3), (2, 3, 1)),
    ((5, 1, 4), (1, 20)),
    ((3, 4, 5), (3, 20)),
    ((1,), ()),
    ((), (1, 1)),
    ((2, 6, 5), (4, 3, 5)),
    ((12, 1), (3, 4)),
]


def loops_of(shape: tuple[int, ...]) -> list[Var]:
    return [Var(f"i{d}", size) for d, size in enumerate(shape)]


@pytest.mark.parametrize(("shape", "target"), SHAPES)
def test_regrouping(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    loops = loops_of(shape)
    found = regroup(tuple(variable(var) for var in loops), shape, target)
    assert len(found) == len(target)
    for place in product(*map(range, shape)):
        at = dict(zip(loops, place, strict=True))
        flat = np.ravel_multi_index(place, shape) if shape else 0
        expected = tuple(int(n) for n in np.unravel_index(flat, target)) if target else ()
        assert tuple(evaluate(index, at) for index in found) == expected


@pytest.mark.parametrize("seed", range(40))
def test_regrouping_random_shapes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors = [int(n) for n in rng.choice([1, 2, 2, 3, 4, 5], int(rng.integers(1, 6)))]

    def cut() -> tuple[int, ...]:
        """The same factors in the same order, multiplied together in groups."""
        sizes = [1]
        for factor in factors:
            if rng.random() < 0.5:
                sizes.append(factor)
            else:
                sizes[-1] *= factor
        return tuple(sizes)

    test_regrouping(cut(), cut())


def test_dimensions_that_stay_keep_their_index() -> None:
    """So a guard on an index out of range stays a guard on one variable."""
    loops = loops_of((4, 6, 5))
    index = (variable(loops[0]), variable(loops[1]) + -2, variable(loops[2]))
    assert regroup(index, (4, 6, 5), (4, 1, 6, 5))[2] == index[1]
    assert regroup(index, (4, 6, 5), (2, 2, 6, 5))[2:] == index[1:]


def test_unflatten_leaves_sizes_of_one_at_zero() -> None:
    flat = variable(Var("f", 12))
    assert [str(i) for i in unflatten(flat, (3, 1, 4))] == ["(f / 4)", "0", "(f % 4)"]


# Values


def lowered(node: Expr) -> tuple[object, Lowering]:
    """The value of a node over leaves, at an index of plain variables."""
    from glia.compiler.schedule.layout import natural
    from glia.ir.expr import leaves

    layouts = {x: natural(x.shape) for x in leaves(node)}
    lowering = Lowering(layouts, lambda x: x.attrs[0])
    index = tuple(variable(var) for var in loops_of(node.shape))
    return lowering.value(node, index), lowering


X = leaf(0, (4, 6), float32)


@pytest.mark.parametrize(
    ("node", "offset"),
    [
        (X, "6*i0 + i1"),
        (view.permute(X, (1, 0)), "i0 + 6*i1"),
        (view.slice_(X, (1, 2), (3, 6), (1, 2)), "6*i0 + 2*i1 + 8"),
        (intern(view.FLIP, (X,), ((1,),)), "6*i0 + -1*i1 + 5"),
        (view.expand(view.reshape(X, (4, 6, 1)), (4, 6, 9)), "6*i0 + i1"),
        (view.reshape(X, (24,)), "i0"),
        (view.reshape(X, (8, 3)), "3*i0 + i1"),
        (window(X, (3,), (2,), (1,)), "6*i0 + 2*i1 + i2"),
        (build.detach(X), "6*i0 + i1"),
        (view.reshape(view.permute(X, (1, 0)), (24,)), "6*(i0 % 4) + (i0 / 4)"),
    ],
    ids=lambda case: case if isinstance(case, str) else case.op.name,
)
def test_views_become_offsets(node: Expr, offset: str) -> None:
    value, _ = lowered(node)
    assert isinstance(value, Load)
    assert not value.guards
    assert set(str(value.offset).split(" + ")) == set(offset.split(" + "))


def test_padding_becomes_guards() -> None:
    value, _ = lowered(view.pad(X, (1, 0), (0, 2)))
    assert isinstance(value, Guarded)
    assert [str(guard) for guard in value.guards] == ["0<=i0 + -1<4", "0<=i1<6"]
    assert isinstance(value.inside, Load)
    assert value.inside.guards == value.guards
    assert isinstance(value.outside, Constant)


def test_padding_that_is_never_seen_vanishes() -> None:
    padded = view.pad(X, (1, 0), (0, 2))
    inside = view.slice_(padded, (1, 0), (5, 6), (1, 1))
    value, _ = lowered(inside)
    assert isinstance(value, Load)
    assert not value.guards


def test_only_padding_is_zero() -> None:
    padded = view.pad(X, (2, 0), (0, 0))
    value, _ = lowered(view.slice_(padded, (0, 0), (2, 6), (1, 1)))
    assert isinstance(value, Constant)


def test_equal_values_are_one() -> None:
    node = build.mul(build.add(X, 1), build.add(X, 1))
    value, _ = lowered(node)
    assert value.args[0] is value.args[1]  # type: ignore[attr-defined]


def test_short_reductions_are_written_out() -> None:
    node = intern(reduce.SUM, (leaf(0, (5, 4), float32),), ((1,),))
    assert inline_limit(node)
    value, lowering = lowered(node)
    assert not lowering.reductions
    assert str(value).count("Load") == 4


def test_long_reductions_are_not() -> None:
    node = intern(reduce.SUM, (leaf(0, (5, 40), float32),), ((1,),))
    assert not inline_limit(node)
    with pytest.raises(CannotLower, match="too long"):
        lowered(node)


def test_running_numbers_need_no_memory() -> None:
    checked = check_program([build.add(iota(10, int64), 5)])
    (planned,) = checked.order
    assert [ref[0].op.name for ref in planned.args] == ["add"]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_spreading_apart_divides_once(step: int) -> None:
    """Dilated rows are read where they exist, else zero: one load, whatever the step."""
    value, _ = lowered(dilate(leaf(0, (7,), float32), (step,)))
    text = str(value)
    assert text.count("Load") == 1
    assert ("Guarded" in text) == (step > 1)

"""Every rewrite, as the text before and after; and what must stay as it is."""

from __future__ import annotations

import pytest
from compiler.random_graphs import random_case
from compiler.shrink import fault

from glia.compiler.passes.simplify import RULES, simplify, uniform
from glia.ir.interpret import interpret
from glia.ir.text import parse, show
from glia.ir.verify import verify

X = "%0 = leaf[slot=0] : float32[2,3]\n"
WHOLE = "%0 = leaf[slot=0] : int64[2,3]\n"


def constant(value: str, dtype: str) -> str:
    """A tensor of one value, as nodes 1 to 3."""
    return (
        f"%1 = const[value={value}] : {dtype}[]\n%2 = reshape %1 : {dtype}[1,1]\n"
        f"%3 = expand %2 : {dtype}[2,3]\n"
    )


ONE, ZERO = constant("0x1.0000000000000p+0", "float32"), constant("0x0.0p+0", "float32")
WHOLE_ONE, WHOLE_ZERO = constant("1", "int64"), constant("0", "int64")
TRUE, FALSE = constant("1", "bool"), constant("0", "bool")

CHANGES = {
    "x times 1": (X + ONE + "%4 = mul %0 %3 : float32[2,3]", X, 0),
    "1 times x": (X + ONE + "%4 = mul %3 %0 : float32[2,3]", X, 0),
    "x divided by 1": (X + ONE + "%4 = div %0 %3 : float32[2,3]", X, 0),
    "whole x plus 0": (WHOLE + WHOLE_ZERO + "%4 = add %0 %3 : int64[2,3]", WHOLE, 0),
    "0 plus whole x": (WHOLE + WHOLE_ZERO + "%4 = add %3 %0 : int64[2,3]", WHOLE, 0),
    "whole x times 1": (WHOLE + WHOLE_ONE + "%4 = mul %0 %3 : int64[2,3]", WHOLE, 0),
    "minus minus x": (
        X + "%1 = neg %0 : float32[2,3]\n%2 = neg %1 : float32[2,3]",
        X,
        0,
    ),
    "where true": (
        X + TRUE + "%4 = neg %0 : float32[2,3]\n%5 = where %3 %0 %4 : float32[2,3]",
        X,
        0,
    ),
    "where false": (
        X + FALSE + "%4 = neg %0 : float32[2,3]\n%5 = where %3 %4 %0 : float32[2,3]",
        X,
        0,
    ),
    "where of equals": (
        X + "%1 = leaf[slot=1] : bool[2,3]\n%2 = where %1 %0 %0 : float32[2,3]",
        X,
        0,
    ),
    "reshape of reshape": (
        X + "%1 = reshape %0 : float32[3,2]\n%2 = reshape %1 : float32[6]",
        X + "%1 = reshape %0 : float32[6]",
        1,
    ),
    "reshape and back": (
        X + "%1 = reshape %0 : float32[3,2]\n%2 = reshape %1 : float32[2,3]",
        X,
        0,
    ),
    "permute and back": (
        X + "%1 = permute[dims=(1, 0)] %0 : float32[3,2]\n"
        "%2 = permute[dims=(1, 0)] %1 : float32[2,3]",
        X,
        0,
    ),
    "permute that does nothing": (X + "%1 = permute[dims=(0, 1)] %0 : float32[2,3]", X, 0),
    "expand that does nothing": (X + "%1 = expand %0 : float32[2,3]", X, 0),
    "expand of expand": (
        "%0 = leaf[slot=0] : float32[1,1]\n%1 = expand %0 : float32[2,1]\n"
        "%2 = expand %1 : float32[2,3]",
        "%0 = leaf[slot=0] : float32[1,1]\n%1 = expand %0 : float32[2,3]",
        1,
    ),
    "an argument of a transform": (X + "%1 = mark[level=0, number=1] %0 : float32[2,3]", X, 0),
    "a derivative of its own": (
        X + '%1 = custom[number=0, results=1, way="vjp", templates=()] %0 : float32[2,3]',
        X,
        0,
    ),
    "cast to the same": (X + "%1 = cast %0 : float32[2,3]", X, 0),
    "deep inside": (
        X + ONE + "%4 = mul %0 %3 : float32[2,3]\n%5 = exp %4 : float32[2,3]",
        X + "%1 = exp %0 : float32[2,3]",
        1,
    ),
    "long contraction with a sliding variable": (
        "%0 = leaf[slot=0] : float32[122,100]\n%1 = leaf[slot=1] : float32[120,100]\n"
        "%2 = contract[sizes=(3, 120, 100), rank=1, a_map=((0, ((0, 1), (1, 1))), "
        "(0, ((2, 1),))), b_map=((0, ((1, 1),)), (0, ((2, 1),)))] %0 %1 : float32[3]",
        "%0 = leaf[slot=0] : float32[122,100]\n%1 = leaf[slot=1] : float32[120,100]\n"
        "%2 = contract[sizes=(60, 3, 2, 100), rank=2, a_map=((0, ((0, 2), (1, 1), (2, 1))), "
        "(0, ((3, 1),))), b_map=((0, ((0, 2), (2, 1))), (0, ((3, 1),)))] %0 %1 : float32[60,3]\n"
        "%3 = sum[dims=(0,)] %2 : float32[1,3]\n%4 = reshape %3 : float32[3]",
        4,
    ),
    "long sum": (
        "%0 = leaf[slot=0] : float32[64,512]\n%1 = sum[dims=(0, 1)] %0 : float32[1,1]",
        "%0 = leaf[slot=0] : float32[64,512]\n%1 = reshape %0 : float32[64,1,512]\n"
        "%2 = sum[dims=(1, 2)] %1 : float32[64,1,1]\n%3 = sum[dims=(0,)] %2 : float32[1,1,1]\n"
        "%4 = reshape %3 : float32[1,1]",
        4,
    ),
    "one value a row is added": (
        "%0 = leaf[slot=0] : float32[2,1]\n%1 = leaf[slot=1] : int32[2,1]\n"
        "%2 = scatter_add[dim=1, size=3] %0 %1 : float32[2,3]",
        "%0 = leaf[slot=1] : int32[2,1]\n%1 = expand %0 : int32[2,3]\n"
        "%2 = iota[size=3] : int32[3]\n%3 = reshape %2 : int32[1,3]\n"
        "%4 = expand %3 : int32[2,3]\n%5 = eq %1 %4 : bool[2,3]\n"
        "%6 = leaf[slot=0] : float32[2,1]\n%7 = expand %6 : float32[2,3]\n"
        "%8 = const[value=0x0.0p+0] : float32[]\n%9 = reshape %8 : float32[1,1]\n"
        "%10 = expand %9 : float32[2,3]\n%11 = where %5 %7 %10 : float32[2,3]",
        11,
    ),
}

#: Programs that must come out as they went in.
STAYS = {
    "contraction reading outside": (
        "%0 = leaf[slot=0] : float32[4]\n%1 = leaf[slot=1] : float32[3]\n"
        "%2 = contract[sizes=(4, 3), rank=1, a_map=((-1, ((0, 1), (1, 1))),), "
        "b_map=((0, ((1, 1),)),)] %0 %1 : float32[4]"
    ),
    "x plus 0.0 turns -0.0 into 0.0": X + ZERO + "%4 = add %0 %3 : float32[2,3]",
    "x minus x may be NaN": X + "%1 = sub %0 %0 : float32[2,3]",
    "x times 0.0 may be NaN": X + ZERO + "%4 = mul %0 %3 : float32[2,3]",
    "x divided by x may be NaN": X + "%1 = div %0 %0 : float32[2,3]",
    "1 divided by x": X + ONE + "%4 = div %3 %0 : float32[2,3]",
    "a cast that rounds": X
    + "%1 = cast %0 : float64[2,3]\n%2 = exp %1 : float64[2,3]\n%3 = cast %2 : float32[2,3]",
    "two values a row are added": X
    + "%1 = leaf[slot=1] : int32[2,3]\n%2 = scatter_add[dim=0, size=3] %0 %1 : float32[3,3]",
    "a permute": X + "%1 = permute[dims=(1, 0)] %0 : float32[3,2]",
    "a short sum": X + "%1 = sum[dims=(0,)] %0 : float32[1,3]",
    "a contraction that stays inside": "%0 = leaf[slot=0] : float32[6]\n"
    "%1 = leaf[slot=1] : float32[3]\n"
    "%2 = contract[sizes=(4, 3), rank=1, a_map=((0, ((0, 1), (1, 1))),), "
    "b_map=((0, ((1, 1),)),)] %0 %1 : float32[4]",
    "a sum with many results": "%0 = leaf[slot=0] : float32[200,500]\n"
    "%1 = sum[dims=(1,)] %0 : float32[200,1]",
}


def program(text: str) -> str:
    """The text with its last node as the output."""
    last = text.strip().splitlines()[-1].split()[0]
    return text.strip() + f"\noutputs {last}"


@pytest.mark.parametrize("name", CHANGES)
def test_changes(name: str) -> None:
    before, expected, output = CHANGES[name]
    found = simplify(parse(program(before)))
    verify(found)
    assert show(found) == expected.strip() + f"\noutputs %{output}"


@pytest.mark.parametrize("name", STAYS)
def test_no_change(name: str) -> None:
    nodes = parse(program(STAYS[name]))
    assert list(simplify(nodes)) == nodes


def test_every_rule_has_a_case() -> None:
    texts = " ".join(before for before, _, _ in CHANGES.values())
    aliases = {"prod", "max", "min"}  # the same function as for sum
    assert [name for name in RULES if f"= {name}" not in texts and name not in aliases] == []


@pytest.mark.parametrize("seed", range(60))
def test_values_stay(seed: int) -> None:
    """The interpreter sees no difference, but for the order of additions."""
    case = random_case(seed)
    problem = fault(case, lambda outputs, values: interpret(simplify(outputs), values))
    assert problem is None, f"seed {seed}: {problem}\n{case.text()}"


def test_simplifying_twice_changes_nothing_more() -> None:
    for seed in range(40):
        once = simplify(random_case(seed).outputs)
        assert simplify(once) == once, seed


def test_uniform_values() -> None:
    (node,) = parse(program(ONE))
    assert uniform(node) == 1.0
    assert uniform(parse(program(X))[0]) is None

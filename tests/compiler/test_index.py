"""Index arithmetic against brute force: equal values everywhere, bounds that hold, normal forms."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from glia.compiler.index import (
    ZERO,
    Index,
    Quotient,
    Var,
    combine,
    number,
    quotient,
    remainder,
    substitute,
    variable,
    variables,
)


def evaluate(index: Index, at: dict[Var, int]) -> int:
    """The value of an index where the variables stand."""
    total = index.constant
    for atom, coefficient in index.terms:
        if isinstance(atom, Var):
            total += coefficient * at[atom]
        elif isinstance(atom, Quotient):
            total += coefficient * (evaluate(atom.of, at) // atom.by)
        else:
            total += coefficient * (evaluate(atom.of, at) % atom.by)
    return total


def points(loops: list[Var]) -> Iterator[dict[Var, int]]:
    for values in product(*(range(var.size) for var in loops)):
        yield dict(zip(loops, values, strict=True))


class Pair:
    """An index, and what it should be at every point."""

    def __init__(self, index: Index, values: np.ndarray) -> None:
        self.index = index
        self.values = values


def random_pair(rng: np.random.Generator, loops: list[Var]) -> Pair:
    """A random index, grown step by step together with its values."""
    grid = list(points(loops))

    def of(var: Var) -> Pair:
        return Pair(variable(var), np.array([at[var] for at in grid]))

    made = [of(var) for var in loops]
    for _ in range(int(rng.integers(2, 9))):
        a, b = made[int(rng.integers(len(made)))], made[int(rng.integers(len(made)))]
        by = int(rng.choice([1, 2, 3, 4, 6, 8, 12, 24]))
        kind = int(rng.integers(5))
        if kind == 0:
            factors = int(rng.integers(-4, 5)), int(rng.integers(-4, 5))
            parts = [(a.index, factors[0]), (b.index, factors[1])]
            made.append(Pair(combine(parts), a.values * factors[0] + b.values * factors[1]))
        elif kind == 1:
            made.append(Pair(a.index // by, a.values // by))
        elif kind == 2:
            made.append(Pair(a.index % by, a.values % by))
        elif kind == 3:
            shift = int(rng.integers(-9, 10))
            made.append(Pair(a.index * by + shift, a.values * by + shift))
        else:  # quotient and remainder put together again, in part or whole
            whole = combine([(a.index // by, by), (a.index % by, 1)])
            made.append(Pair(whole, a.values))
    return made[-1]


def some_loops(rng: np.random.Generator) -> list[Var]:
    sizes = rng.choice([1, 2, 3, 4, 5, 6, 8, 12], int(rng.integers(1, 4)))
    return [Var(f"i{d}", int(size)) for d, size in enumerate(sizes)]


@pytest.mark.parametrize("block", range(20))
def test_random_indices(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        rng = np.random.default_rng(seed)
        loops = some_loops(rng)
        pair = random_pair(rng, loops)
        found = np.array([evaluate(pair.index, at) for at in points(loops)])
        assert (found == pair.values).all(), (seed, str(pair.index))
        low, high = pair.index.bounds()
        assert low <= found.min() and found.max() <= high, (seed, str(pair.index))


@pytest.mark.parametrize("seed", range(60))
def test_substitution(seed: int) -> None:
    rng = np.random.default_rng(seed)
    loops = some_loops(rng)
    index = random_pair(rng, loops).index
    outer = Var("o", 3)
    inner = Var("n", max(loops[0].size // 3, 1))
    stands_for = variable(outer) * inner.size + variable(inner)
    if stands_for.bounds()[1] >= loops[0].size:
        stands_for = variable(inner)
    replaced = substitute(index, lambda var: stands_for if var == loops[0] else None)
    for at in points([outer, inner, *loops[1:]]):
        old = {**at, loops[0]: evaluate(stands_for, at)}
        assert evaluate(replaced, at) == evaluate(index, old)
    assert loops[0] not in variables(replaced)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 5), (4, 1, 6), (2, 2, 2, 3), (7,), (8, 9)])
def test_flattening_and_unflattening_vanish(shape: tuple[int, ...]) -> None:
    """``unflatten(flatten(i))`` is i itself, in normal form."""
    from glia.compiler.schedule.lower import flatten, unflatten

    index = tuple(variable(Var(f"i{d}", size)) for d, size in enumerate(shape))
    assert unflatten(flatten(index, shape), shape) == index
    flat = variable(Var("f", int(np.prod(shape))))
    assert flatten(unflatten(flat, shape), shape) == flat


@pytest.mark.parametrize("seed", range(80))
def test_equal_indices_compare_equal(seed: int) -> None:
    """The same sum, added up in another order, is an equal object."""
    rng = np.random.default_rng(seed)
    loops = some_loops(rng)
    parts = [(random_pair(rng, loops).index, int(rng.integers(-3, 4))) for _ in range(4)]
    assert combine(parts) == combine(parts[::-1])


def text_cases() -> list[tuple[Index, str]]:
    i, j, k = Var("i", 12), Var("j", 4), Var("k", 100)
    x, y, z = variable(i), variable(j), variable(k)
    return [
        (ZERO, "0"),
        (variable(Var("one", 1)), "0"),
        (x * 0, "0"),
        (x + 3 + -3, "i"),
        ((x * 4 + y) // 4, "i"),
        ((x * 4 + y) % 4, "j"),
        ((x * 8 + y * 2) // 8, "i"),
        ((x * 8 + y * 2 + 1) % 8, "2*j + 1"),
        (x // 12, "0"),
        (x % 12, "i"),
        (x // 3 // 2, "(i / 6)"),
        ((x % 6) // 3, "((i / 3) % 2)"),
        ((x % 6) % 3, "(i % 3)"),
        ((x // 3) * 3 + (x % 3), "i"),
        ((x // 3) * 6 + (x % 3) * 2, "2*i"),
        (z * 6 // 4, "(3*k / 2)"),
        (z * 6 % 4, "2*(3*k % 2)"),
        ((x + -12) // 12, "-1"),
        ((x + 24) % 12, "i"),
        (x * -1 + 11, "-1*i + 11"),
        ((y + 4) // 4, "1"),
    ]  # fmt: skip


@pytest.mark.parametrize(("index", "text"), text_cases(), ids=[t for _, t in text_cases()])
def test_normal_forms(index: Index, text: str) -> None:
    assert str(index) == text


def test_bounds_of_single_terms() -> None:
    x = variable(Var("i", 5))
    assert (x * -2 + 1).bounds() == (-7, 1)
    assert quotient(x + -2, 3).bounds() == (-1, 0)
    assert remainder(x + -2, 3).bounds() == (0, 2)
    assert number(7).bounds() == (7, 7)

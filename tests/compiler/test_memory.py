"""The memory planner: values alive together never share bytes, and the arena is not wasteful."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glia.compiler.schedule.memory import ALIGN, TAIL, Life, plan


@st.composite
def lives(draw: st.DrawFn) -> list[Life]:
    count = draw(st.integers(0, 25))
    found = []
    for _ in range(count):
        first = draw(st.integers(0, 20))
        last = first + draw(st.integers(0, 8))
        found.append(Life(draw(st.integers(1, 5000)), first, last))
    return found


def room(life: Life) -> int:
    return -(-(life.nbytes + TAIL) // ALIGN) * ALIGN


def together(a: Life, b: Life) -> bool:
    return a.first <= b.last and b.first <= a.last


@given(lives())
def test_values_alive_together_are_apart(given_lives: list[Life]) -> None:
    offsets, total = plan(given_lives)
    for i, a in enumerate(given_lives):
        assert offsets[i] >= 0
        assert offsets[i] % ALIGN == 0
        assert offsets[i] + a.nbytes + TAIL <= total
        for j, b in enumerate(given_lives[:i]):
            if together(a, b):
                apart = offsets[i] + a.nbytes + TAIL <= offsets[j]
                assert apart or offsets[j] + b.nbytes + TAIL <= offsets[i]


@given(lives())
def test_the_arena_is_between_the_busiest_moment_and_the_sum(given_lives: list[Life]) -> None:
    _, total = plan(given_lives)
    assert total <= sum(map(room, given_lives))
    moments = range(30)
    busiest = max(sum(room(x) for x in given_lives if x.first <= m <= x.last) for m in moments)
    assert total >= busiest


@given(lives())
def test_the_plan_is_always_the_same(given_lives: list[Life]) -> None:
    assert plan(given_lives) == plan(given_lives)


def test_values_one_after_another_share_one_place() -> None:
    chain = [Life(1000, step, step + 1) for step in range(0, 100, 2)]
    offsets, total = plan(chain)
    assert set(offsets) == {0}
    assert total == room(chain[0])


def test_a_chain_needs_two_places() -> None:
    chain = [Life(1000, step, step + 1) for step in range(100)]
    offsets, total = plan(chain)
    assert total == 2 * room(chain[0])
    assert len(set(offsets)) == 2


def test_nothing_needs_nothing() -> None:
    assert plan([]) == ([], 0)

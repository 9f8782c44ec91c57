"""Where temporary values live: offsets in one arena, shared by values not alive together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALIGN = 64
TAIL = 128  # room behind every value for a whole vector


@dataclass(frozen=True)
class Life:
    """A value of so many bytes, alive from one kernel to another (inclusive)."""

    nbytes: int
    first: int
    last: int


def plan(lives: Sequence[Life]) -> tuple[list[int], int]:
    """Offsets for all values, and the size of the arena.

    Largest first, each at the lowest place that is free throughout its life.
    """
    offsets = [0] * len(lives)
    placed: list[int] = []
    total = 0
    for i in sorted(range(len(lives)), key=lambda i: (-lives[i].nbytes, i)):
        life = lives[i]
        size = _room(life.nbytes)
        busy = sorted(
            (offsets[j], offsets[j] + _room(lives[j].nbytes))
            for j in placed
            if lives[j].first <= life.last and life.first <= lives[j].last
        )
        at = 0
        for low, high in busy:
            if at + size <= low:
                break
            at = max(at, high)
        offsets[i] = at
        placed.append(i)
        total = max(total, at + size)
    return offsets, total


def _room(nbytes: int) -> int:
    return -(-(nbytes + TAIL) // ALIGN) * ALIGN

"""The order of kernels that needs least memory, where that is worth a change.

Kernels are taken in the order given, but as soon as one that is ready frees more memory than it
takes, it goes first: a weight's gradient runs when what it reads is there, not when all
gradients of activations are done.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

#: Smaller arenas stay as they are.
LARGE = 4 << 20
#: So much of the memory must be left at most.
WORTH = 0.75


def thrifty(
    reads: Sequence[Sequence[int]],
    touched: Sequence[Sequence[Any]],
    sizes: Mapping[Any, int],
) -> list[int]:
    """Numbers of kernels in the order in which they should run.

    Args:
        reads: for every kernel, those that must run before it.
        touched: for every kernel, the values it reads and writes.
        sizes: bytes of those values that lie in the arena.
    """
    count = len(reads)
    before = [set(numbers) - {i} for i, numbers in enumerate(reads)]
    after: list[list[int]] = [[] for _ in range(count)]
    for i, numbers in enumerate(before):
        for number in numbers:
            after[number].append(i)
    values = [[ref for ref in dict.fromkeys(refs) if ref in sizes] for refs in touched]
    uses: dict[Hashable, int] = {}
    for refs in values:
        for ref in refs:
            uses[ref] = uses.get(ref, 0) + 1
    waiting = [len(numbers) for numbers in before]
    ready = [i for i in range(count) if not waiting[i]]
    alive: set[Hashable] = set()
    order: list[int] = []

    def change(*steps: int) -> int:
        """Bytes more after these kernels, one after the other, than before them."""
        left: dict[Hashable, int] = {}
        for i in steps:
            for ref in values[i]:
                left[ref] = left.get(ref, uses[ref]) - 1
        taken = sum(sizes[ref] for ref, n in left.items() if n and ref not in alive)
        return taken - sum(sizes[ref] for ref, n in left.items() if not n and ref in alive)

    def gain(i: int) -> int:
        """Of a kernel alone, or with one that only waits for it (the sum of its parts)."""
        follow = [change(i, j) for j in after[i] if waiting[j] == 1]
        return min(change(i), *follow, 0)

    touching: dict[Hashable, list[int]] = {}
    for i, refs in enumerate(values):
        for ref in refs:
            touching.setdefault(ref, []).append(i)
    known: dict[int, int] = {}  # gains that still hold
    while ready:
        known.update((i, gain(i)) for i in ready if i not in known)
        best = min(ready, key=lambda i: (known[i], i))
        ready.remove(best)
        order.append(best)
        for i in after[best]:
            waiting[i] -= 1
            if not waiting[i]:
                ready.append(i)
        changed = list(after[best])
        for ref in values[best]:
            uses[ref] -= 1
            (alive.add if uses[ref] else alive.discard)(ref)
            changed += touching[ref]
        for i in changed:
            known.pop(i, None)
            for j in before[i]:
                known.pop(j, None)
    return order


def peak(touched: Sequence[Sequence[Any]], sizes: Mapping[Any, int]) -> int:
    """Bytes alive when most are, with kernels in this order."""
    first: dict[Hashable, int] = {}
    last: dict[Hashable, int] = {}
    for step, refs in enumerate(touched):
        for ref in refs:
            if ref in sizes:
                first.setdefault(ref, step)
                last[ref] = step
    change = [0] * (len(touched) + 1)
    for ref, step in first.items():
        change[step] += sizes[ref]
        change[last[ref] + 1] -= sizes[ref]
    now = most = 0
    for delta in change:
        now += delta
        most = max(most, now)
    return most

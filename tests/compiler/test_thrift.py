"""The order that needs least memory: it keeps what depends on what, and saves where it can."""

from __future__ import annotations

import numpy as np

from glia.compiler.schedule.thrift import peak, thrifty


def chain(layers: int) -> tuple[list[list[int]], list[list[str]], dict[str, int]]:
    """A forward chain, gradients backwards, then all gradients of weights, in two parts each."""
    reads, touched = [], []
    for i in range(layers):
        reads.append([i - 1] if i else [])
        touched.append([f"h{i - 1}", f"h{i}"])
    for i in reversed(range(layers)):
        reads.append([len(reads) - 1, i])
        touched.append([f"g{i + 1}", f"h{i}", f"g{i}"])
    for i in range(layers):
        reads += [[layers + layers - 1 - i, i], [len(reads)]]
        touched += [[f"h{i}", f"g{i}", f"part{i}"], [f"part{i}", f"w{i}"]]
    names = {name for names in touched for name in names if name[0] != "w"}
    return reads, touched, {name: 300 if name[0] == "p" else 100 for name in names}


def test_weights_get_their_gradients_as_soon_as_they_can() -> None:
    reads, touched, sizes = chain(8)
    order = thrifty(reads, touched, sizes)
    assert sorted(order) == list(range(len(reads)))
    place = {number: i for i, number in enumerate(order)}
    assert all(place[j] < place[i] for i, found in enumerate(reads) for j in found)
    before, after = peak(touched, sizes), peak([touched[i] for i in order], sizes)
    assert before == 1900
    assert after == 1200


def test_random_programs_keep_what_depends_on_what() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 7, 60):
        reads: list[list[int]] = [
            sorted({int(j) for j in rng.integers(0, i, rng.integers(0, 3))}) if i else []
            for i in range(count)
        ]
        touched = [[*(f"v{j}" for j in found), f"v{i}"] for i, found in enumerate(reads)]
        sizes = {f"v{i}": int(rng.integers(1, 100)) for i in range(count)}
        order = thrifty(reads, touched, sizes)
        place = {number: i for i, number in enumerate(order)}
        assert len(place) == count
        assert all(place[j] < place[i] for i, found in enumerate(reads) for j in found)


def test_an_order_that_saves_nothing_is_kept() -> None:
    reads: list[list[int]] = [[], [], [0, 1], [2]]
    touched = [["a"], ["b"], ["a", "b", "c"], ["c", "d"]]
    assert thrifty(reads, touched, dict.fromkeys("abcd", 8)) == [0, 1, 2, 3]

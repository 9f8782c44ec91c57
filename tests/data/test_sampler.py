"""Orders of examples: complete, seeded, unbiased."""

import numpy as np
import pytest

from glia.base.errors import ArgumentError
from glia.data import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from glia.data import sampler as module
from glia.data.sampler import permutation
from glia.tensor.random import Generator

PINNED = [0, 2, 1, 5, 4, 3, 6, 7]


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_permutation_is_one(count: int) -> None:
    assert sorted(permutation(count, 3).tolist()) == list(range(count))


def test_permutation_is_pinned() -> None:
    """The same on every machine and with every NumPy, or saved runs could not be repeated."""
    assert permutation(8, seed=0).tolist() == PINNED
    assert permutation(8, seed=1).tolist() != PINNED
    assert permutation(8, seed=0, stream=1).tolist() != PINNED


def test_permutation_is_uniform() -> None:
    orders = [tuple(permutation(3, seed)) for seed in range(6000)]
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert np.abs(counts - 1000).max() < 150  # five standard deviations


def test_global_seed_is_used_afresh_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = iter([5, 6])
    monkeypatch.setattr(module, "next_seed", lambda: next(seeds))
    sampler = RandomSampler(range(20))
    first, second = list(sampler), list(sampler)
    assert first == permutation(20, 5).tolist()
    assert second == permutation(20, 6).tolist()


def test_own_generator_leaves_the_global_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "next_seed", lambda: pytest.fail("drew from the global one"))
    runs = [list(RandomSampler(range(20), generator=np.random.default_rng(4))) for _ in range(2)]
    assert runs[0] == runs[1]
    assert list(SequentialSampler(range(3))) == [0, 1, 2]


def test_glias_generator() -> None:
    def run(seed: int) -> list[int]:
        return list(RandomSampler(range(20), generator=Generator().manual_seed(seed)))

    assert run(1) == run(1) != run(2)


def test_more_or_fewer_samples_than_data() -> None:
    many = RandomSampler(range(4), num_samples=10).indices(0)
    assert sorted(many[:4].tolist()) == sorted(many[4:8].tolist()) == [0, 1, 2, 3]
    assert len(many) == 10
    few = RandomSampler(range(10), num_samples=3).indices(0).tolist()
    assert len(set(few)) == 3
    drawn = RandomSampler(range(4), replacement=True, num_samples=4000).indices(0)
    assert np.abs(np.bincount(drawn, minlength=4) - 1000).max() < 150


def test_subset() -> None:
    assert sorted(SubsetRandomSampler([4, 9, 2]).indices(1).tolist()) == [2, 4, 9]


def test_weights_are_respected() -> None:
    drawn = WeightedRandomSampler([0, 1, 3, 0], 4000).indices(0)
    counts = np.bincount(drawn, minlength=4)
    assert counts[0] == counts[3] == 0
    assert abs(counts[1] - 1000) < 150


def test_weight_zero_is_never_drawn_even_at_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = WeightedRandomSampler([0, 1, 3, 0], 1)
    for bits, index in ((0, 1), (2**64 - 1, 2)):
        fixed = np.array([bits], np.uint64)
        monkeypatch.setattr(module, "random_bits", lambda *_, fixed=fixed: fixed)
        assert weights.indices(0).tolist() == [index]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [1, float("nan")], [[1]]])
def test_bad_weights(weights: list) -> None:
    with pytest.raises(ArgumentError, match="finite numbers"):
        WeightedRandomSampler(weights, 1)


def test_bad_arguments() -> None:
    with pytest.raises(ArgumentError, match="Generator of glia or NumPy, found int"):
        RandomSampler(range(3), generator=3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="num_samples"):
        RandomSampler(range(3), num_samples=0)
    with pytest.raises(ArgumentError, match="batch_size"):
        BatchSampler(range(3), 0)


def test_batches() -> None:
    assert list(BatchSampler(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, drop_last=True)) == [[0, 1], [2, 3]]
    assert [len(BatchSampler(range(5), 2, drop)) for drop in (False, True)] == [3, 2]

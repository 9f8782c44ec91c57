"""The loader: order, workers, early ends, errors, resuming."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from glia.base import i18n
from glia.base.errors import ArgumentError
from glia.data import BatchSampler, DataLoader, Dataset, Sampler, Subset, TensorDataset
from glia.data import sampler as sampler_module
from glia.tensor import Tensor


class Slow(Dataset):
    """Later examples are ready sooner, so that order must be kept by the loader."""

    def __init__(self, count: int, broken: int = -1) -> None:
        self.count, self.broken, self.touched = count, broken, 0

    def __getitem__(self, index: int) -> int:
        self.touched += 1
        time.sleep(0.003 if index % 4 == 0 else 0)
        if index == self.broken:
            raise KeyError(f"example {index} is damaged")
        return index

    def __len__(self) -> int:
        return self.count


def numbers(count: int = 10) -> TensorDataset:
    return TensorDataset(np.arange(count, dtype=np.float32), np.arange(count))


def threaded(count: int = 10) -> Subset:
    """The same examples, but not as arrays in memory, which threads would never touch."""
    return Subset(numbers(count), range(count))


def seen(loader: DataLoader) -> list[list[int]]:
    """The label of every example, batch by batch."""
    return [(batch[1] if isinstance(batch, list) else batch).numpy().tolist() for batch in loader]


def flat(batches: list[list[int]]) -> list[int]:
    return [label for batch in batches for label in batch]


def workers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("glia-loader")]


def wait_for_no_workers() -> None:
    for _ in range(200):
        if not workers():
            return
        time.sleep(0.01)
    pytest.fail(f"threads still there: {workers()}")


@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_order_kinds_and_lengths(num_workers: int) -> None:
    loader = DataLoader(threaded(), batch_size=4, num_workers=num_workers)
    assert seen(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] and len(loader) == 3
    x, y = next(iter(loader))
    assert isinstance(x, Tensor) and (x.numpy().dtype, y.numpy().dtype) == (np.float32, np.int64)
    dropped = DataLoader(threaded(), batch_size=4, drop_last=True, num_workers=num_workers)
    assert seen(dropped) == [[0, 1, 2, 3], [4, 5, 6, 7]] and len(dropped) == 2
    assert seen(DataLoader(Slow(6), batch_size=2, num_workers=num_workers)) == [
        [0, 1],
        [2, 3],
        [4, 5],
    ]


def test_defaults_are_pytorchs() -> None:
    loader = DataLoader(numbers(3))
    assert seen(loader) == [[0], [1], [2]]
    assert (loader.num_workers, loader.drop_last, loader.prefetch_factor) == (0, False, None)
    assert DataLoader(numbers(3), num_workers=1).prefetch_factor == 2


@pytest.mark.parametrize("num_workers", [0, 3])
def test_shuffling_is_fresh_each_epoch_and_seeded(num_workers: int) -> None:
    def run(seed: int) -> list:
        loader = DataLoader(threaded(50), 7, shuffle=True, num_workers=num_workers, seed=seed)
        return [seen(loader), seen(loader)]

    first, second = run(3)
    assert sorted(flat(first)) == sorted(flat(second)) == list(range(50))
    assert first != second
    assert run(3) == [first, second] != run(4)
    alone = DataLoader(numbers(50), 7, shuffle=True, seed=3)
    assert [seen(alone), seen(alone)] == [first, second]


def test_the_global_seed_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(sampler_module, "next_seed", lambda: drawn.append(1) or len(drawn))
    loader = DataLoader(numbers(), shuffle=True)
    iter(loader)
    assert len(drawn) == 1  # at iter(), not at the first next()
    assert seen(loader) != seen(loader)
    assert len(drawn) == 3
    seen(DataLoader(numbers()))
    assert len(drawn) == 3  # nothing random, nothing drawn


def test_prefetching_is_bounded() -> None:
    data = Slow(100)
    iterator = iter(DataLoader(data, num_workers=2, prefetch_factor=2))
    next(iterator)
    time.sleep(0.05)
    assert data.touched <= 1 + 2 * 2
    iterator.close()  # type: ignore[attr-defined]
    wait_for_no_workers()


def test_early_break_leaves_no_threads() -> None:
    loader = DataLoader(Slow(100), num_workers=2)
    for _batch in loader:
        assert workers()
        break
    wait_for_no_workers()
    assert len(seen(loader)) == 100


def test_early_break_cancels_what_is_queued() -> None:
    data = Slow(400)
    iterator = iter(DataLoader(data, batch_size=4, num_workers=1, prefetch_factor=100))
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]
    wait_for_no_workers()
    assert data.touched < 40


def test_after_ctrl_c_the_next_epoch_works() -> None:
    loader = DataLoader(Slow(12), num_workers=2, batch_size=4)
    with pytest.raises(KeyboardInterrupt):
        for _batch in loader:
            raise KeyboardInterrupt
    assert seen(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    wait_for_no_workers()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_workers_error_is_raised_at_its_batch(num_workers: int) -> None:
    received = []
    with pytest.raises(KeyError, match="example 5 is damaged"):
        for batch in DataLoader(Slow(20, broken=5), batch_size=2, num_workers=num_workers):
            received.append(batch.numpy().tolist())
    assert received == [[0, 1], [2, 3]]
    wait_for_no_workers()


def test_two_iterators_at_once() -> None:
    loader = DataLoader(numbers(4), 2)
    pairs = [(a[1].numpy().tolist(), b[1].numpy().tolist()) for a, b in zip(loader, loader)]
    assert pairs == [([0, 1], [0, 1]), ([2, 3], [2, 3])]


class Evens(Sampler):
    def __iter__(self) -> Iterator[int]:
        return iter(range(0, 10, 2))

    def __len__(self) -> int:
        return 5


def test_own_samplers() -> None:
    assert seen(DataLoader(numbers(), 2, sampler=Evens())) == [[0, 2], [4, 6], [8]]
    assert seen(DataLoader(numbers(), 2, sampler=[3, 1, 2], drop_last=True)) == [[3, 1]]
    batches = BatchSampler(Evens(), 3)
    loader = DataLoader(threaded(), batch_sampler=batches, num_workers=2)
    assert seen(loader) == [[0, 2, 4], [6, 8]] and len(loader) == 2


def test_own_collate_function_sees_samples() -> None:
    assert list(DataLoader(Slow(5), 2, collate_fn=sum)) == [1, 5, 4]
    samples = next(iter(DataLoader(numbers(), 2, collate_fn=lambda s: s)))
    assert len(samples) == 2 and isinstance(samples[0], tuple)


def test_no_batching() -> None:
    loader = DataLoader(numbers(3), batch_size=None)
    assert [x.numpy().shape for x, y in loader] == [(), (), ()] and len(loader) == 3
    assert list(DataLoader(Slow(3), batch_size=None)) == [0, 1, 2]


class Doubled(TensorDataset):
    """Changes single examples; the way batches are gathered must follow."""

    def __getitem__(self, index: int) -> Any:
        return tuple(np.asarray(2 * array[index]) for array in self.arrays)


def test_a_changed_getitem_is_not_passed_over() -> None:
    loader = DataLoader(Doubled(np.arange(4.0), np.arange(4)), 2)
    assert seen(loader) == [[0, 2], [4, 6]]
    assert seen(DataLoader(Subset(loader.dataset, [3, 1]), 2)) == [[6, 2]]
    assert loader.resident_arrays() is None


def test_an_empty_data_set_gives_no_batches() -> None:
    for shuffle in (False, True):
        assert list(DataLoader(numbers(0), 2, shuffle=shuffle)) == []


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("stop", [0, 1, 4, 7, 8])
def test_resume_in_the_middle(num_workers: int, stop: int) -> None:
    """Stop after ``stop`` batches of the second epoch; a new loader continues exactly."""

    def make() -> DataLoader:
        return DataLoader(threaded(16), 2, shuffle=True, num_workers=num_workers, seed=9)

    whole = make()
    epochs = [seen(whole) for _ in range(3)]
    first = make()
    seen(first)
    iterator = iter(first)
    got = [next(iterator)[1].numpy().tolist() for _ in range(stop)]
    state = first.state_dict()
    second = make()
    second.load_state_dict(state)
    assert second.state_dict() == state
    rest = [seen(second)] if stop < 8 else [[]]
    assert got + rest[0] == epochs[1]
    assert seen(second) == epochs[2]


def test_resume_with_the_global_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = iter(range(100))
    monkeypatch.setattr(sampler_module, "next_seed", lambda: next(seeds))
    loader = DataLoader(numbers(6), 2, shuffle=True)
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    rest = [batch[1].numpy().tolist() for batch in iterator]
    other = DataLoader(numbers(6), 2, shuffle=True)
    other.load_state_dict(state)
    assert seen(other) == rest
    assert next(seeds) == 1  # resuming drew nothing


def test_state_of_a_fresh_loader() -> None:
    loader = DataLoader(numbers(6), 2)
    loader.load_state_dict(DataLoader(numbers(6), 2).state_dict())
    assert seen(loader) == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("state", [{}, {"epoch": 1, "seed": 1, "position": 0, "batches": 4}])
def test_a_foreign_state_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="does not fit a DataLoader of 3 batches"):
        DataLoader(numbers(6), 2).load_state_dict(state)


def test_a_whole_epoch_at_once() -> None:
    a, b = (DataLoader(numbers(7), 2, shuffle=True, seed=1, drop_last=True) for _ in range(2))
    for _ in range(2):
        assert a.next_order().tolist() == flat(seen(b))
        a.advance(1)
        a.advance(2)
    assert a.state_dict() == b.state_dict()
    assert a.resident_arrays() is a.dataset.arrays
    assert DataLoader(Slow(3)).resident_arrays() is None
    assert DataLoader(numbers(), collate_fn=sum).resident_arrays() is None
    with pytest.raises(ArgumentError, match="no fixed batch_size"):
        DataLoader(numbers(), batch_size=None).next_order()


BAD = {
    "zero": ({"batch_size": 0}, "batch_size must be", "batch_size 必须是"),
    "negative": ({"batch_size": -4}, "found -4", "实际为 -4"),
    "fraction": ({"batch_size": 2.0}, "found 2.0", "实际为 2.0"),
    "bool": ({"batch_size": True}, "found True", "实际为 True"),
    "text": ({"batch_size": "32"}, "found '32'", "实际为 '32'"),
    "workers": ({"num_workers": -1}, "num_workers must be", "num_workers 必须是"),
    "no workers": ({"num_workers": None}, "num_workers must be", "num_workers 必须是"),
    "prefetch": ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor must", "prefetch_"),
    "prefetch alone": ({"prefetch_factor": 2}, "cannot be given together", "不能同时使用"),
    "two orders": ({"shuffle": True, "sampler": [0]}, "shuffle and sampler", "shuffle 与 sampler"),
    "two batches": ({"batch_sampler": [[0]], "batch_size": 2}, "batch_size cannot", "batch_size"),
    "two seeds": ({"seed": 1, "generator": np.random.default_rng(0)}, "seed and gen", "seed 与"),
    "drop what": ({"batch_size": None, "drop_last": True}, "drop_last cannot", "drop_last 不能"),
    "seed": ({"seed": -1}, "seed must be", "seed 必须是"),
    "generator": ({"generator": 5}, "or NumPy", "随机数生成器"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_arguments(case: str, language: str) -> None:
    arguments, english, chinese = BAD[case]
    i18n.set_language(language)
    with pytest.raises(ArgumentError) as caught:
        DataLoader(numbers(), **arguments)
    assert (english if language == "en" else chinese) in str(caught.value)

"""In which order the examples of a data set are visited.

Orders are drawn from Philox, a counter-based generator, keyed by a seed. Only its raw 64-bit
stream is used, which NumPy promises never to change: the same seed gives the same order on any
machine, with any NumPy, whatever the number of workers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence, Sized
from typing import Any, Protocol

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.tensor.random import Generator, next_seed


class NumPyGenerator(Protocol):
    """``numpy.random.default_rng(0)`` and its like."""

    def integers(self, high: int, /) -> Any: ...


#: What the ``generator`` argument takes: glia's own generator or NumPy's.
SeedSource = Generator | NumPyGenerator


def random_bits(seed: int, count: int, stream: int = 0) -> np.ndarray:
    """``count`` random 64-bit numbers, a pure function of ``seed`` and ``stream``."""
    mask = (1 << 64) - 1
    key = np.array([seed & mask, stream & mask], np.uint64)
    return np.asarray(np.random.Philox(key=key).random_raw(count), np.uint64)


def permutation(count: int, seed: int, stream: int = 0) -> np.ndarray:
    """A random order of ``0 .. count-1``: sort by random 64-bit keys, ties by position."""
    return np.argsort(random_bits(seed, count, stream), kind="stable")


def draw_seed(generator: SeedSource | None) -> int:
    """A fresh seed from ``generator``, or from the generator that ``gl.manual_seed`` sets."""
    if generator is None:
        return int(next_seed())
    if isinstance(generator, Generator):
        low, high = generator.next_key().tolist()
        return (low | high << 32) & ((1 << 63) - 1)
    return int(generator.integers((1 << 63) - 1))


def check_generator(generator: object) -> None:
    """Refuse what cannot draw integers."""
    if generator is None or isinstance(generator, Generator) or hasattr(generator, "integers"):
        return
    what = tr(
        f"generator: expected a Generator of glia or NumPy, found {type(generator).__name__}.",
        f"generator：应为 glia 或 NumPy 的随机数生成器，实际为 {type(generator).__name__}。",
    )
    help = tr(
        "pass numpy.random.default_rng(0), or give DataLoader seed=0",
        "请传入 numpy.random.default_rng(0)，或给 DataLoader 传入 seed=0",
    )
    raise ArgumentError(teach(what, help))


def _check_count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        what = tr(
            f"{name}: expected a whole number of at least 1, found {value!r}.",
            f"{name}：应为不小于 1 的整数，实际为 {value!r}。",
        )
        raise ArgumentError(teach(what, tr(f"pass {name}=1 or more", f"请传入 {name}=1 或更大")))
    return int(value)


class Sampler(ABC):
    """An order of indices. Subclass it with ``__iter__`` and ``__len__``, as in PyTorch.

    Example:
        >>> class Backwards(Sampler):
        ...     def __init__(self, data):
        ...         self.data = data
        ...     def __iter__(self):
        ...         return iter(range(len(self.data))[::-1])
        ...     def __len__(self):
        ...         return len(self.data)
        >>> list(Backwards("abc"))
        [2, 1, 0]
    """

    @abstractmethod
    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} has no length")


class SeededSampler(Sampler):
    """A sampler whose whole order is a function of one seed, so that a run can be resumed."""

    generator: SeedSource | None = None

    @abstractmethod
    def indices(self, seed: int, stream: int = 0) -> np.ndarray:
        """The order of one epoch, int64; the same arguments always give the same order."""

    def draw_seed(self) -> int:
        """A fresh seed for the next epoch."""
        return draw_seed(self.generator)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices(self.draw_seed()).tolist())


class SequentialSampler(SeededSampler):
    """``0, 1, 2, …``

    Example:
        >>> list(SequentialSampler("abc"))
        [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def indices(self, seed: int, stream: int = 0) -> np.ndarray:
        return np.arange(len(self.data_source))

    def draw_seed(self) -> int:
        return 0  # nothing is random: leave the global generator alone

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(SeededSampler):
    """A fresh random order each epoch.

    Args:
        data_source: anything with a length.
        replacement: draw each index independently instead of permuting.
        num_samples: how many to draw; all by default.
        generator: where seeds come from; by default what ``gl.manual_seed`` sets.

    Example:
        >>> sorted(RandomSampler("abc"))
        [0, 1, 2]
        >>> len(list(RandomSampler("abc", replacement=True, num_samples=10)))
        10
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: SeedSource | None = None,
    ) -> None:
        check_generator(generator)
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = (
            None if num_samples is None else _check_count("num_samples", num_samples)
        )
        self.generator = generator

    def indices(self, seed: int, stream: int = 0) -> np.ndarray:
        size, count = len(self.data_source), len(self)
        if self.replacement:
            return (random_bits(seed, count, stream) % np.uint64(max(size, 1))).astype(np.int64)
        rounds = max(1, -(-count // max(size, 1)))  # more samples than data: permute repeatedly
        keys = random_bits(seed, size * rounds, stream).reshape(rounds, size)
        return np.argsort(keys, axis=1, kind="stable").reshape(-1)[:count]

    def __len__(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples


class SubsetRandomSampler(SeededSampler):
    """The given indices in a fresh random order each epoch.

    Example:
        >>> sorted(SubsetRandomSampler([7, 4, 9]))
        [4, 7, 9]
    """

    def __init__(self, indices: Sequence[int], generator: SeedSource | None = None) -> None:
        check_generator(generator)
        self._indices = np.array(indices, np.int64)
        self.generator = generator

    def indices(self, seed: int, stream: int = 0) -> np.ndarray:
        return self._indices[permutation(len(self._indices), seed, stream)]

    def __len__(self) -> int:
        return len(self._indices)


class WeightedRandomSampler(SeededSampler):
    """Indices drawn with replacement, index ``i`` with probability ``weights[i] / sum(weights)``.

    Args:
        weights: one non-negative number per example, not all zero.
        num_samples: how many to draw per epoch.
        generator: where seeds come from.

    Raises:
        ArgumentError: negative, non-finite or all-zero weights.

    Example:
        >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 4))
        [1, 1, 1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        generator: SeedSource | None = None,
    ) -> None:
        check_generator(generator)
        self.weights = np.array(weights, np.float64)
        self.num_samples = _check_count("num_samples", num_samples)
        self.generator = generator
        fine = self.weights.ndim == 1 and np.isfinite(self.weights).all()
        if not fine or (self.weights < 0).any() or not self.weights.sum() > 0:
            what = tr(
                "weights: expected finite numbers ≥ 0 in one dimension, at least one above 0.",
                "weights：应为一维、有限且不小于 0 的数，其中至少一个大于 0。",
            )
            help = tr(
                "a common choice is 1 / (number of examples of the class)",
                "常用的取值是 1 /（该类样本数）",
            )
            raise ArgumentError(teach(what, help))

    def indices(self, seed: int, stream: int = 0) -> np.ndarray:
        ends = np.cumsum(self.weights)
        uniform = (random_bits(seed, self.num_samples, stream) >> np.uint64(11)) * 2.0**-53
        found = np.searchsorted(ends, uniform * ends[-1], side="right")
        # Rounding may land on the very end; the last index with a weight is meant.
        return np.minimum(found, np.flatnonzero(self.weights)[-1])

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Groups of ``batch_size`` indices from another sampler, each a list.

    >>> list(BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool = False) -> None:
        self.sampler = sampler
        self.batch_size = _check_count("batch_size", batch_size)
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        group: list[int] = []
        for index in self.sampler:
            group.append(index)
            if len(group) == self.batch_size:
                yield group
                group = []
        if group and not self.drop_last:
            yield group

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

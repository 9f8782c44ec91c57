"""Batches from a data set: order, gathering, prefetching by threads, resuming."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.data.arrays import collate_arrays, default_collate, to_tensors
from glia.data.dataset import TensorDataset
from glia.data.sampler import (
    RandomSampler,
    SeededSampler,
    SeedSource,
    SequentialSampler,
    check_generator,
)
from glia.tensor import from_numpy


class DataLoader:
    """Iterate over a data set in batches; names and defaults are PyTorch's.

    Shuffling draws a fresh permutation each epoch from Philox. Its seed comes from the generator
    that ``gl.manual_seed`` sets, from ``generator``, or is ``(seed, epoch number)``. The batches
    and their order are the same for any ``num_workers``.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``; a ``__getitems__`` is used where
            there is one, so arrays in memory are gathered with one NumPy call per batch.
        batch_size: examples per batch; None gives single examples without batching.
        shuffle: visit the examples in a fresh random order each epoch.
        sampler: an order of indices instead of ``shuffle``.
        batch_sampler: an order of lists of indices instead of ``batch_size``, ``shuffle``,
            ``sampler`` and ``drop_last``.
        num_workers: how many *threads* prepare batches ahead; 0 prepares them when asked for.
            Threads share memory and start in microseconds; they help when examples are read or
            decoded by code that releases the interpreter lock (files, Pillow, NumPy). A
            ``TensorDataset``, already in memory, is always read directly.
        collate_fn: makes a batch from a list of samples; default ``default_collate``.
        pin_memory: accepted so that programs carry over; memory of the CPU needs no pinning.
        drop_last: leave out a last batch that is not full.
        generator: a ``Generator``, glia's or NumPy's, to draw seeds from.
        prefetch_factor: batches prepared ahead per worker; 2 by default.
        persistent_workers: accepted so that programs carry over; starting threads is cheap.
        seed: make the orders a function of this number and the epoch alone.

    Returns (of iteration):
        For each batch a list with one tensor per field, or what ``collate_fn`` gives.

    Raises:
        ArgumentError: impossible values, or arguments that contradict each other. An exception
            in a worker is raised, unchanged, where the batch is asked for.

    Example:
        >>> from glia.data import DataLoader, TensorDataset
        >>> import numpy as np
        >>> data = TensorDataset(np.arange(6, dtype=np.float32), np.arange(6))
        >>> [x.numpy().tolist() for x, y in DataLoader(data, batch_size=4)]
        [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        generator: SeedSource | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        seed: int | None = None,
    ) -> None:
        _check(batch_size, num_workers, prefetch_factor, seed)
        _check_together(
            (shuffle, sampler is not None, "shuffle", "sampler"),
            (batch_sampler is not None, batch_size != 1, "batch_sampler", "batch_size"),
            (batch_sampler is not None, shuffle, "batch_sampler", "shuffle"),
            (batch_sampler is not None, sampler is not None, "batch_sampler", "sampler"),
            (batch_sampler is not None, drop_last, "batch_sampler", "drop_last"),
            (batch_size is None, drop_last, "batch_size=None", "drop_last"),
            (seed is not None, generator is not None, "seed", "generator"),
            (prefetch_factor is not None, num_workers == 0, "prefetch_factor", "num_workers=0"),
        )
        check_generator(generator)
        if sampler is None:
            sampler = (
                RandomSampler(dataset, generator=generator)
                if shuffle and len(dataset)
                else SequentialSampler(dataset)
            )
        self.dataset = dataset
        self.batch_size = None if batch_sampler is not None else batch_size
        self.sampler: Any = sampler
        self.batch_sampler: Any = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.generator = generator
        self.prefetch_factor = (prefetch_factor or 2) if num_workers else None
        self.persistent_workers = persistent_workers
        self.seed = seed
        self._epoch = 0  # epochs begun
        self._epoch_seed: int | None = None  # of the latest epoch
        self._position = 0  # batches handed out in the latest epoch
        self._resume: dict[str, int | None] | None = None

    def __len__(self) -> int:
        """Batches per epoch."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)
        if self.batch_size is None:
            return len(self.sampler)
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

    def __iter__(self) -> Iterator[Any]:
        seed, start = self._begin_epoch()
        groups = self._groups(seed, self._epoch - 1)
        groups = islice(groups, start, None) if start else groups
        fetch, finish = self._fetcher()
        # Rows of arrays in memory are gathered faster than handed from thread to thread.
        if self.num_workers and self.resident_arrays() is None:
            return self._prefetch(groups, fetch, finish, self._epoch)
        return self._produce(groups, fetch, finish, self._epoch)

    # -- one epoch -------------------------------------------------------------------------

    def _begin_epoch(self) -> tuple[int, int]:
        """Seed and first batch of the epoch that starts now."""
        if self._resume is not None:
            state, self._resume = self._resume, None
            self._epoch_seed = state["seed"]
            self._position = int(state["position"] or 0)
            return int(self._epoch_seed or 0), self._position
        self._epoch += 1
        self._position = 0
        self._epoch_seed = self._draw_seed()
        return self._epoch_seed, 0

    def _draw_seed(self) -> int:
        if self.seed is not None:
            return self.seed
        if isinstance(self.sampler, SeededSampler):
            return self.sampler.draw_seed()
        return 0

    def _order(self, seed: int, epoch: int) -> np.ndarray | None:
        """All indices of an epoch, when the sampler can tell them at once."""
        if not isinstance(self.sampler, SeededSampler) or self.batch_sampler is not None:
            return None
        return self.sampler.indices(seed, epoch if self.seed is not None else 0)

    def _groups(self, seed: int, epoch: int) -> Iterator[Any]:
        """The indices of each batch (of each example when there is no batching)."""
        if self.batch_sampler is not None:
            return iter(self.batch_sampler)
        order = self._order(seed, epoch)
        if self.batch_size is None:
            return iter(self.sampler if order is None else order.tolist())
        size, drop_last = self.batch_size, self.drop_last
        if order is not None:
            stop = len(order) - len(order) % size if drop_last else len(order)
            return iter([order[at : at + size] for at in range(0, stop, size)])
        return _group(iter(self.sampler), size, drop_last)

    def _fetcher(self) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """How to get a batch (in any thread) and what to do with it in the iterating thread."""
        dataset, collate = self.dataset, self.collate_fn
        if self.batch_size is None and self.batch_sampler is None:
            if collate is not None:
                return (lambda index: collate(dataset[index])), _as_is
            return dataset.__getitem__, to_tensors
        if collate is not None and collate is not default_collate:
            return (lambda group: collate(_samples(dataset, group))), _as_is
        fetch_many = getattr(dataset, "__getitems__", None)
        if fetch_many is None:
            return (lambda group: collate_arrays(_samples(dataset, group))), to_tensors

        def fetch(group: Any) -> Any:
            found = fetch_many(group)
            return found if isinstance(found, tuple) else collate_arrays(found)

        return fetch, _fields_to_tensors

    def _produce(
        self, groups: Iterator[Any], fetch: Callable, finish: Callable, epoch: int
    ) -> Iterator[Any]:
        for group in groups:
            batch = finish(fetch(group))
            self._count(epoch)
            yield batch

    def _prefetch(
        self, groups: Iterator[Any], fetch: Callable, finish: Callable, epoch: int
    ) -> Iterator[Any]:
        """Keep a bounded queue of batches in preparation; hand them out in order.

        The threads wait for nothing but work, so leaving the loop early, by ``break`` or by
        Ctrl-C, leaves nothing blocked: what is queued is cancelled, what runs ends by itself.
        """
        waiting: deque[Future[Any]] = deque()
        pool = ThreadPoolExecutor(self.num_workers, thread_name_prefix="glia-loader")
        try:
            ahead = self.num_workers * (self.prefetch_factor or 2)
            waiting.extend(pool.submit(fetch, group) for group in islice(groups, ahead))
            while waiting:
                batch = finish(waiting.popleft().result())
                waiting.extend(pool.submit(fetch, group) for group in islice(groups, 1))
                self._count(epoch)
                yield batch
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _count(self, epoch: int) -> None:
        if epoch == self._epoch:  # an older iterator still running does not move the position
            self._position += 1

    # -- for whole epochs in one call --------------------------------------------------------

    def resident_arrays(self) -> tuple[np.ndarray, ...] | None:
        """The data set's arrays when all of it lies in memory and batches are plain rows of it.

        With ``next_order`` this lets a whole epoch run without Python in between.
        """
        if self.collate_fn not in (None, default_collate) or self.batch_size is None:
            return None
        if not isinstance(self.dataset, TensorDataset):
            return None
        rows = type(self.dataset).__getitems__ is TensorDataset.__getitems__
        return self.dataset.arrays if rows else None

    def next_order(self) -> np.ndarray:
        """Begin an epoch and give all its indices at once; ``advance`` then counts its batches.

        Returns:
            int64 indices; with ``drop_last`` a multiple of ``batch_size`` of them.

        Raises:
            ArgumentError: the loader has a ``batch_sampler`` or no ``batch_size``.
        """
        if self.batch_size is None:
            what = tr(
                "next_order: this DataLoader has no fixed batch_size.",
                "next_order：该 DataLoader 没有固定的 batch_size。",
            )
            raise ArgumentError(teach(what, tr("pass batch_size=32", "请传入 batch_size=32")))
        seed, start = self._begin_epoch()
        order = self._order(seed, self._epoch - 1)
        if order is None:
            order = np.fromiter(self.sampler, np.int64)
        stop = len(order) - len(order) % self.batch_size if self.drop_last else len(order)
        return order[start * self.batch_size : stop]

    def advance(self, batches: int) -> None:
        """So many batches more of the epoch that ``next_order`` began have been used."""
        self._position += batches

    # -- resuming --------------------------------------------------------------------------

    def state_dict(self) -> dict[str, int | None]:
        """Where iteration stands: enough to continue in the middle of an epoch.

        ``position`` counts the batches the loop has received, whatever was prefetched. The
        state of the global generator is not part of it; save that with the run.
        """
        if self._resume is not None:
            return dict(self._resume)
        return {
            "epoch": self._epoch,
            "seed": self._epoch_seed,
            "position": self._position,
            "batches": len(self),
        }

    def load_state_dict(self, state: dict[str, int | None]) -> None:
        """Continue from ``state_dict()``: the next iteration yields the batches still to come.

        After the state of a finished epoch, or of none, the next iteration is a new epoch.

        Raises:
            ArgumentError: the state is not from a loader with as many batches.
        """
        missing = {"epoch", "seed", "position", "batches"} - set(state)
        if missing or state["batches"] != len(self):
            if missing:
                found = tr(f"it lacks {sorted(missing)}", f"缺少 {sorted(missing)}")
            else:
                count = state["batches"]
                found = tr(f"it has {count} batches", f"其批数为 {count}")
            what = tr(
                f"state does not fit a DataLoader of {len(self)} batches: {found}.",
                f"该状态与批数为 {len(self)} 的 DataLoader 不符：{found}。",
            )
            help = tr(
                "use the same data set and batch_size as in the saved run",
                "请使用与保存时相同的数据集和 batch_size",
            )
            raise ArgumentError(teach(what, help))
        self._epoch = int(state["epoch"] or 0)
        self._epoch_seed = state["seed"]
        self._position = int(state["position"] or 0)
        unfinished = self._epoch > 0 and self._position < len(self)
        self._resume = dict(state) if unfinished else None


def _as_is(batch: Any) -> Any:
    return batch


def _fields_to_tensors(batch: Any) -> Any:
    if type(batch) is tuple:  # the fast path: fields that __getitems__ gathered
        return [from_numpy(field) for field in batch]
    return to_tensors(batch)


def _samples(dataset: Any, group: Any) -> list[Any]:
    indices = group.tolist() if isinstance(group, np.ndarray) else group
    return [dataset[index] for index in indices]


def _group(indices: Iterator[Any], size: int, drop_last: bool) -> Iterator[list[Any]]:
    while group := list(islice(indices, size)):
        if len(group) < size and drop_last:
            return
        yield group


def _check(batch_size: object, num_workers: object, prefetch: object, seed: object) -> None:
    """Each number is a whole number in its range."""
    rows = (
        ("batch_size", batch_size, 1, "batch_size=32"),
        ("num_workers", num_workers, 0, "num_workers=2"),
        ("prefetch_factor", prefetch, 1, "prefetch_factor=2"),
        ("seed", seed, 0, "seed=0"),
    )
    for name, value, least, example in rows:
        if value is None and name != "num_workers":
            continue
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if whole and value >= least:  # type: ignore[operator]
            continue
        what = tr(
            f"DataLoader: {name} must be a whole number of at least {least}, found {value!r}.",
            f"DataLoader：{name} 必须是不小于 {least} 的整数，实际为 {value!r}。",
        )
        raise ArgumentError(teach(what, tr(f"for example {example}", f"例如 {example}")))


def _check_together(*rules: tuple[bool, bool, str, str]) -> None:
    """Arguments that contradict each other are refused."""
    for first, second, name, other in rules:
        if first and second:
            what = tr(
                f"DataLoader: {name} and {other} cannot be given together.",
                f"DataLoader：{name} 与 {other} 不能同时使用。",
            )
            raise ArgumentError(teach(what, tr("leave one of them out", "请去掉其中一个")))

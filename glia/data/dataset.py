"""Data sets: things with a length and numbered examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.data.arrays import as_array, to_tensors
from glia.data.sampler import SeedSource, check_generator, draw_seed, permutation
from glia.tensor import Tensor


class Dataset(ABC):
    """Numbered examples. Write ``__getitem__`` and ``__len__``; all else follows.

    A data set that can fetch many examples at once may also have ``__getitems__(indices)``.
    It returns either a *tuple of arrays*, one per field, with the batch as first dimension
    (nothing more is done to it), or, as in PyTorch, a *list of samples* to be collated.

    Example:
        >>> class Squares(Dataset):
        ...     def __getitem__(self, index):
        ...         return index, index**2
        ...     def __len__(self):
        ...         return 10
        >>> Squares()[3], len(Squares())
        ((3, 9), 10)
    """

    @abstractmethod
    def __getitem__(self, index: int) -> Any: ...

    def __init_subclass__(cls, **settings: Any) -> None:
        """A subclass that changes ``__getitem__`` alone must not be passed over in batches."""
        super().__init_subclass__(**settings)
        changed = "__getitem__" in vars(cls) and "__getitems__" not in vars(cls)
        if changed and hasattr(cls, "__getitems__"):
            cls.__getitems__ = _one_by_one

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} has no length")


def _one_by_one(dataset: Any, indices: Sequence[int] | np.ndarray) -> list[Any]:
    return [dataset[index] for index in np.asarray(indices).tolist()]


class TensorDataset(Dataset):
    """Arrays or tensors that agree in their first dimension; example ``i`` is row ``i`` of each.

    Args:
        tensors: at least one tensor or NumPy array. Arrays are used where they are, not copied.

    Returns (of ``dataset[i]``):
        A tuple of tensors.

    Raises:
        ShapeError: first dimensions differ, or an array has no dimension.
        ArgumentError: no tensors at all.

    Example:
        >>> import numpy as np
        >>> data = TensorDataset(np.zeros((5, 3), np.float32), np.arange(5))
        >>> len(data)
        5
    """

    def __init__(self, *tensors: Tensor | np.ndarray) -> None:
        self.arrays = tuple(as_array(values) for values in tensors)
        if not self.arrays:
            what = tr(
                "TensorDataset: expected at least one tensor.", "TensorDataset：至少需要一个张量。"
            )
            raise ArgumentError(
                teach(what, tr("pass TensorDataset(x, y)", "请写 TensorDataset(x, y)"))
            )
        if len({array.shape[:1] for array in self.arrays}) > 1 or not self.arrays[0].ndim:
            shapes = ", ".join(str(array.shape) for array in self.arrays)
            what = tr(
                f"TensorDataset: all tensors need the same first dimension, found shapes {shapes}.",
                f"TensorDataset：所有张量的第一维必须相同，实际形状为 {shapes}。",
            )
            help = tr(
                "the first dimension counts the examples: check that inputs and labels belong "
                "together",
                "第一维是样本数，请检查输入与标签是否对应",
            )
            raise ShapeError(teach(what, help))

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The whole data set as tensors."""
        return tuple(to_tensors(list(self.arrays)))

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(to_tensors([np.array(array[index]) for array in self.arrays]))

    def __getitems__(self, indices: Sequence[int] | np.ndarray) -> tuple[np.ndarray, ...]:
        """Rows of every array, gathered at once: a tuple of arrays, the batch first."""
        return tuple([array.take(indices, axis=0) for array in self.arrays])

    def __len__(self) -> int:
        return len(self.arrays[0])


class Subset(Dataset):
    """The examples of ``dataset`` at ``indices``.

    Example:
        >>> list(Subset("abcdef", [5, 0]))
        ['f', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        self._positions = np.asarray(indices, np.int64)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self._positions[index])]

    def __getitems__(self, indices: Sequence[int] | np.ndarray) -> Any:
        positions = self._positions[indices]
        fetch = getattr(self.dataset, "__getitems__", None)
        if fetch is not None:
            return fetch(positions)
        return _one_by_one(self.dataset, positions)

    def __len__(self) -> int:
        return len(self._positions)


class ConcatDataset(Dataset):
    """Several data sets one after another.

    Example:
        >>> data = ConcatDataset(["ab", "cde"])
        >>> data[3], len(data)
        ('d', 5)
    """

    def __init__(self, datasets: Sequence[Any]) -> None:
        self.datasets = list(datasets)
        self.cumulative_sizes = np.cumsum([len(part) for part in self.datasets]).tolist()
        if not self.datasets:
            what = tr(
                "ConcatDataset: expected at least one data set.",
                "ConcatDataset：至少需要一个数据集。",
            )
            raise ArgumentError(teach(what))

    def __getitem__(self, index: int) -> Any:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"index {index} of a data set of {len(self)} examples")
        part = int(np.searchsorted(self.cumulative_sizes, position, side="right"))
        before = self.cumulative_sizes[part - 1] if part else 0
        return self.datasets[part][position - before]

    def __len__(self) -> int:
        return int(self.cumulative_sizes[-1])


def _split_sizes(count: int, lengths: Sequence[int | float]) -> list[int]:
    """Whole numbers that add up to ``count``, from numbers or from fractions that add up to 1."""
    if lengths and all(0 <= part <= 1 for part in lengths) and abs(sum(lengths) - 1) < 1e-9:
        sizes = [int(count * part + 1e-9) for part in lengths]
        for extra in range(count - sum(sizes)):  # what rounding left over, one each from the front
            sizes[extra % len(sizes)] += 1
        return sizes
    whole = all(isinstance(part, (int, np.integer)) and part >= 0 for part in lengths)
    if not whole or sum(lengths) != count:
        what = tr(
            f"random_split: expected lengths that add up to {count}, or fractions that add up "
            f"to 1; found {list(lengths)}, sum {sum(lengths)}.",
            f"random_split：各长度之和应为 {count}，或各比例之和应为 1；"
            f"实际为 {list(lengths)}，总和 {sum(lengths)}。",
        )
        help = tr(
            "for example random_split(dataset, [0.8, 0.2])",
            "例如 random_split(dataset, [0.8, 0.2])",
        )
        raise ArgumentError(teach(what, help))
    return [int(part) for part in lengths]


def random_split(
    dataset: Any,
    lengths: Sequence[int | float],
    generator: SeedSource | int | None = None,
) -> list[Subset]:
    """Split a data set at random into parts that do not overlap.

    Args:
        dataset: the data set.
        lengths: sizes that add up to ``len(dataset)``, or fractions that add up to 1.
        generator: a seed, or a ``Generator``, glia's or NumPy's; by default what
            ``gl.manual_seed`` sets.

    Returns:
        One ``Subset`` per length.

    Raises:
        ArgumentError: lengths that do not add up.

    Example:
        >>> import glia as gl
        >>> train, valid = random_split(range(10), [0.8, 0.2], gl.Generator().manual_seed(0))
        >>> len(train), len(valid), sorted([*train, *valid]) == list(range(10))
        (8, 2, True)
    """
    sizes = _split_sizes(len(dataset), lengths)
    if isinstance(generator, (int, np.integer)):
        seed = int(generator)
    else:
        check_generator(generator)
        seed = draw_seed(generator)
    order = permutation(len(dataset), seed)
    ends = np.cumsum([0, *sizes])
    return [Subset(dataset, order[a:b].tolist()) for a, b in pairwise(ends)]

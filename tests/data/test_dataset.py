"""Data sets, their splits, and how samples become a batch."""

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from glia.base import i18n
from glia.base.errors import ArgumentError, ShapeError
from glia.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)
from glia.tensor import Tensor, from_numpy


class Squares(Dataset):
    def __init__(self, count: int) -> None:
        self.count = count

    def __getitem__(self, index: int) -> int:
        return index * index

    def __len__(self) -> int:
        return self.count


def pair(count: int = 6) -> TensorDataset:
    return TensorDataset(np.arange(count * 2, dtype=np.float32).reshape(count, 2), np.arange(count))


def test_tensor_dataset_gives_rows_as_tensors() -> None:
    x, y = pair()[2]
    assert isinstance(x, Tensor) and isinstance(y, Tensor)
    assert x.numpy().tolist() == [4, 5] and y.numpy().tolist() == 2
    assert [array.dtype for array in pair().arrays] == [np.float32, np.int64]


def test_tensor_dataset_takes_tensors_too() -> None:
    data = TensorDataset(from_numpy(np.ones((3, 2), np.float32)), np.zeros(3))
    assert data.arrays[0].shape == (3, 2) and len(data) == 3
    assert all(isinstance(tensor, Tensor) for tensor in data.tensors)


@pytest.mark.parametrize("shapes", [[(3,), (4,)], [(), ()], [(3,), ()]])
def test_tensor_dataset_refuses(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(ShapeError, match="same first dimension"):
        TensorDataset(*(np.zeros(shape) for shape in shapes))


def test_tensor_dataset_needs_something() -> None:
    i18n.set_language("zh")
    with pytest.raises(ArgumentError, match="至少需要一个张量"):
        TensorDataset()


def test_index_past_the_end_is_an_index_error() -> None:
    """Otherwise ``for sample in dataset`` would not end."""
    assert len(list(iter(pair(3)))) == 3
    for data in (pair(3), Subset(pair(3), [0]), ConcatDataset([pair(3)])):
        with pytest.raises(IndexError):
            data[3]


def test_subset_and_concat() -> None:
    part = Subset(Squares(10), [7, 1])
    assert [part[0], part[1], part[-1]] == [49, 1, 1]
    assert part.__getitems__([1, 0]) == [1, 49]
    both = ConcatDataset([part, Squares(3)])
    assert [both[i] for i in range(len(both))] == [49, 1, 0, 1, 4]
    assert both[-1] == 4
    nested = Subset(Subset(pair(), [5, 3, 1]), [2, 0])
    assert nested.__getitems__(np.array([0, 1]))[1].tolist() == [1, 5]


@pytest.mark.parametrize(
    ("count", "lengths", "sizes"),
    [
        (10, [7, 3], [7, 3]),
        (10, [0.7, 0.3], [7, 3]),
        (10, [1.0, 0.0], [10, 0]),
        (10, [0.5, 0.25, 0.25], [6, 2, 2]),
        (11, [1 / 3, 1 / 3, 1 / 3], [4, 4, 3]),
        (0, [0, 0], [0, 0]),
    ],
)
def test_random_split(count: int, lengths: list, sizes: list[int]) -> None:
    parts = random_split(Squares(count), lengths, generator=1)
    assert [len(part) for part in parts] == sizes
    assert sorted(i for part in parts for i in part.indices) == list(range(count))
    again = random_split(Squares(count), lengths, generator=1)
    assert [part.indices for part in parts] == [part.indices for part in again]


@pytest.mark.parametrize("lengths", [[5, 4], [0.5, 0.4], [-1, 11], [2.5, 7.5], []])
def test_random_split_refuses(lengths: list) -> None:
    with pytest.raises(ArgumentError, match="add up to 10"):
        random_split(Squares(10), lengths)


Point = namedtuple("Point", "x y")

COLLATE = {
    "ints": ([1, 2], np.int64, [1, 2]),
    "floats become float32": ([1.5, 2.0], np.float32, [1.5, 2.0]),
    "bools": ([True, False], np.bool_, [True, False]),
    "arrays keep their type": ([np.ones(2), np.zeros(2)], np.float64, [[1, 1], [0, 0]]),
    "scalars of NumPy": ([np.uint8(3), np.uint8(4)], np.uint8, [3, 4]),
}


@pytest.mark.parametrize("case", COLLATE)
def test_collate(case: str) -> None:
    samples, dtype, expected = COLLATE[case]
    batch = default_collate(samples)
    assert isinstance(batch, Tensor)
    assert batch.numpy().dtype == dtype and batch.numpy().tolist() == expected


def shown(batch: Any) -> Any:
    if isinstance(batch, Tensor):
        return batch.numpy().tolist()
    if isinstance(batch, dict):
        return {key: shown(value) for key, value in batch.items()}
    if isinstance(batch, list):
        return [shown(value) for value in batch]
    return batch


def test_collate_nested() -> None:
    assert shown(default_collate([(1, "a"), (2, "b")])) == [[1, 2], ["a", "b"]]
    assert shown(default_collate([{"x": 1, "y": [2]}, {"x": 3, "y": [4]}])) == {
        "x": [1, 3],
        "y": [[2, 4]],
    }
    point = default_collate([Point(1, 2), Point(3, 4)])
    assert isinstance(point, Point) and shown(point.y) == [2, 4]
    assert shown(default_collate([from_numpy(np.ones(1)), from_numpy(np.zeros(1))])) == [[1], [0]]


@pytest.mark.parametrize(
    ("samples", "error", "english", "chinese"),
    [
        ([np.ones(2), np.ones(3)], ShapeError, "number 1 has (3,)", "第 1 个为 (3,)"),
        ([(1, 2), (1,)], ShapeError, "same number of fields", "字段数必须一致"),
        ([object(), object()], ArgumentError, "object objects", "无法将 object"),
        ([None, None], ArgumentError, "NoneType", "NoneType"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_collate_refuses(
    samples: list, error: type, english: str, chinese: str, language: str
) -> None:
    i18n.set_language(language)
    with pytest.raises(error) as caught:
        default_collate(samples)
    assert (english if language == "en" else chinese) in str(caught.value)


def test_list_of_samples_from_getitems_is_collated() -> None:
    (batch,) = DataLoader(Subset(Squares(4), [3, 2, 1]), batch_size=3)
    assert shown(batch) == [9, 4, 1]

"""The one door between NumPy arrays and tensors for this folder, and how samples form a batch.

Loading works on NumPy arrays, in worker threads too; tensors are made at the very end, in the
thread that iterates, so that the recording of expressions stays in one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.tensor import Tensor, from_numpy


def as_array(values: Any) -> np.ndarray:
    """A NumPy array from an array, a tensor, a number or a nested list."""
    if isinstance(values, np.ndarray):
        return values
    if isinstance(values, Tensor):
        return np.asarray(values.numpy())
    return np.asarray(values)


def map_arrays(batch: Any, function: Callable[[np.ndarray], Any]) -> Any:
    """Apply ``function`` to every array inside nested lists, tuples and mappings."""
    if isinstance(batch, np.ndarray):
        return function(batch)
    if isinstance(batch, Mapping):
        return {key: map_arrays(value, function) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(map_arrays(value, function) for value in batch))
    if isinstance(batch, (list, tuple)):
        return type(batch)(map_arrays(value, function) for value in batch)
    return batch


def to_tensors(batch: Any) -> Any:
    """Replace every array of a batch by a tensor; a flat batch of arrays is the usual case."""
    return map_arrays(batch, from_numpy)


def _stack(samples: Sequence[Any]) -> np.ndarray:
    arrays = [as_array(sample) for sample in samples]
    shape = arrays[0].shape
    for position, array in enumerate(arrays):
        if array.shape != shape:
            what = tr(
                f"samples of one batch must have one shape: the first has {shape}, "
                f"number {position} has {array.shape}.",
                f"同一批样本的形状必须一致：第 0 个为 {shape}，第 {position} 个为 {array.shape}。",
            )
            help = tr(
                "resize or pad the samples in the data set, or pass a collate_fn",
                "请在数据集中缩放或填充样本，或传入 collate_fn",
            )
            raise ShapeError(teach(what, help))
    return np.stack(arrays)


def collate_arrays(samples: Sequence[Any]) -> Any:
    """Form one batch of NumPy arrays from samples; the rules are ``default_collate``'s."""
    first = samples[0]
    if isinstance(first, (np.ndarray, np.generic, Tensor)):
        return _stack(samples)
    if isinstance(first, bool):
        return np.array(samples, np.bool_)
    if isinstance(first, int):
        return np.array(samples, np.int64)
    if isinstance(first, float):
        return np.array(samples, np.float32)
    if isinstance(first, (str, bytes)):
        return list(samples)
    if isinstance(first, Mapping):
        return {key: collate_arrays([sample[key] for sample in samples]) for key in first}
    if isinstance(first, (tuple, list)):
        return _collate_fields(first, samples)
    what = tr(
        f"cannot form a batch of {type(first).__name__} objects.",
        f"无法将 {type(first).__name__} 类型的对象组成一批。",
    )
    help = tr(
        "let the data set return tensors, arrays, numbers, strings, tuples or dicts of these, "
        "or pass a collate_fn",
        "请让数据集返回张量、数组、数字、字符串，或由它们组成的元组、字典，或传入 collate_fn",
    )
    raise ArgumentError(teach(what, help))


def _collate_fields(first: Any, samples: Sequence[Any]) -> Any:
    if any(len(sample) != len(first) for sample in samples):
        what = tr(
            f"samples of one batch must have the same number of fields; the first has "
            f"{len(first)}, others differ.",
            f"同一批样本的字段数必须一致：第 0 个有 {len(first)} 个字段，其他样本不同。",
        )
        help = tr(
            "make __getitem__ return the same fields for every index, or pass a collate_fn",
            "请让 __getitem__ 对每个下标返回相同的字段，或传入 collate_fn",
        )
        raise ShapeError(teach(what, help))
    fields = [collate_arrays(column) for column in zip(*samples, strict=True)]
    return type(first)(*fields) if hasattr(first, "_fields") else fields


def default_collate(samples: Sequence[Any]) -> Any:
    """Form a batch from a list of samples, as PyTorch's ``default_collate`` does.

    Arrays and tensors are stacked along a new first dimension; ints become int64, bools bool;
    strings stay a list; tuples and lists become a list of batches, named tuples and mappings
    keep their kind. One difference from PyTorch: Python floats become float32, not float64,
    because float32 is what the layers compute in.

    Args:
        samples: what ``dataset[i]`` gave, at least one.

    Returns:
        The same nesting, with tensors.

    Raises:
        ShapeError: samples with different shapes or numbers of fields.
        ArgumentError: a kind of object that has no obvious batch.

    Example:
        >>> default_collate([(1.5, 0), (2.5, 1)])
        [tensor([1.5, 2.5]), tensor([0, 1])]
    """
    return to_tensors(collate_arrays(samples))

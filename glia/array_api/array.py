"""The standard's array: a tensor with the standard's operators and attributes.

Where PyTorch and the standard differ (a tensor without dimensions does not widen in PyTorch, and
``size`` is a method there), a class of its own keeps them apart. Its operators are the functions
of this namespace, put in place by ``operators.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import numel
from glia.tensor.node import watch
from glia.tensor.tensor import Tensor, wrap

VERSION = "2024.12"
DEVICE = "cpu"


class Array(Tensor):
    """An array of the Python array API standard; everything a ``Tensor`` can do, it can too.

    Example:
        >>> import glia.array_api as xp
        >>> x = xp.asarray([1, 2, 3])
        >>> x.size, x.device
        (3, 'cpu')
    """

    __slots__ = ()

    @property
    def device(self) -> str:
        """Where the elements are: always ``"cpu"``."""
        return DEVICE

    @property
    def size(self) -> int:  # type: ignore[override]
        """The number of elements."""
        return numel(self.shape)

    @property
    def T(self) -> Array:
        """The transpose of a matrix."""
        if self.ndim != 2:
            what = tr(
                f"T: expected 2 dimensions, got shape {self.shape}.",
                f"T：应为 2 维，得到形状 {self.shape}。",
            )
            raise ShapeError(teach(what, tr("use mT or permute_dims", "请用 mT 或 permute_dims")))
        return of(self.permute(1, 0))

    @property
    def mT(self) -> Array:
        """The transpose of the last two dimensions."""
        if self.ndim < 2:
            what = tr(
                f"mT: expected at least 2 dimensions, got shape {self.shape}.",
                f"mT：至少应为 2 维，得到形状 {self.shape}。",
            )
            raise ShapeError(teach(what))
        return of(self.transpose(-1, -2))

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        return namespace(api_version)

    def to_device(self, device: Any, /, *, stream: Any = None) -> Array:
        """The array on another device, of which there is none."""
        check_device(device)
        if stream is not None:
            what = tr("to_device: a CPU has no streams.", "to_device：CPU 没有 stream。")
            raise ArgumentError(teach(what))
        return self

    def __getitem__(self, index: Any) -> Array:
        return of(Tensor.__getitem__(self, index))

    def __complex__(self) -> complex:
        return complex(self.item())


def namespace(api_version: str | None = None) -> ModuleType:
    """This namespace, if it offers the version asked for."""
    import glia.array_api

    if api_version not in (None, "2021.12", "2022.12", "2023.12", VERSION):
        what = tr(
            f"array API version {api_version!r} is not offered.",
            f"不支持数组 API 版本 {api_version!r}。",
        )
        raise ArgumentError(teach(what, tr(f"use {VERSION!r}", f"请使用 {VERSION!r}")))
    return glia.array_api


def of(tensor: Tensor) -> Array:
    """A tensor as an array of the standard: another handle on the same value."""
    if isinstance(tensor, Array):
        return tensor
    array = Array.__new__(Array)
    array._node = tensor._node
    array._grad = None
    if array._node.value is None:
        watch(array)
    return array


def plain(array: Tensor) -> Tensor:
    """The same value as a tensor whose operators are PyTorch's."""
    return wrap(array._node) if isinstance(array, Array) else array


def from_array(array: Any, dtype: DType | None = None) -> Array:
    """A copy of a NumPy array."""
    return of(Tensor(np.asarray(array), dtype))


def check_device(device: Any) -> None:
    """There is one device."""
    if device is not None and device != DEVICE:
        what = tr(f"device {device!r} does not exist.", f"设备 {device!r} 不存在。")
        raise ArgumentError(teach(what, tr('use "cpu"', "请使用 cpu")))

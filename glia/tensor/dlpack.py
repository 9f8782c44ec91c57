"""Memory shared with other libraries, without copying: DLPack, in NumPy's words.

What is lent out keeps its memory until the borrower is done with it, whatever becomes of the
tensor; in-place changes are seen on both sides.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glia.base.dtypes import as_dtype
from glia.base.errors import ArgumentError, GradError, teach
from glia.base.i18n import tr
from glia.runtime.slots import Value, adopt
from glia.tensor import node as _node
from glia.tensor.node import computed
from glia.tensor.tensor import Tensor, realize, wrap

CPU = (1, 0)  # DLPack's number of the device


class _Lent:
    """Memory for NumPy that holds the value it belongs to."""

    def __init__(self, value: Value) -> None:
        self.value = value
        self.__array_interface__ = value.slot.array.__array_interface__


def lend(
    tensor: Tensor,
    max_version: tuple[int, int] | None,
    dl_device: tuple[int, int] | None,
    copy: bool | None,
) -> Any:
    """A DLPack capsule of the tensor's memory, or of a copy."""
    if tensor.requires_grad:
        what = tr(
            "__dlpack__: this tensor requires gradients, which others would not record.",
            "__dlpack__：该张量需要梯度，其他库不会记录。",
        )
        raise GradError(teach(what, tr("use t.detach()", "请用 t.detach()")))
    tracer = _node.tracer()
    if tracer is not None:
        tracer.refuse("a value was asked for")
    realize(tensor)
    value = tensor._node.value
    assert value is not None
    array = value.slot.array.copy() if copy else np.asarray(_Lent(value))
    return array.__dlpack__(max_version=max_version, dl_device=dl_device)


class _Exporter:
    """What ``np.from_dlpack`` takes, copying nothing."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def __dlpack_device__(self) -> tuple[int, int]:
        return tuple(self.source.__dlpack_device__())  # type: ignore[return-value]

    def __dlpack__(self, **options: Any) -> Any:
        try:
            return self.source.__dlpack__(**options)
        except TypeError:  # a producer from before these options
            return self.source.__dlpack__()


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor of what another library lends, in the same memory where possible.

    Memory that is read-only or not dense is copied, and such that ends with a page.

    Args:
        ext_tensor: anything with ``__dlpack__`` and ``__dlpack_device__``, on a CPU.
        device: None or ``"cpu"``.
        copy: True: always copy; False: an error where a copy is needed.

    Raises:
        ArgumentError: another device, or ``copy=False`` where a copy is needed.

    Example:
        >>> array = np.arange(3)
        >>> x = from_dlpack(array)
        >>> array[0] = 7
        >>> x
        tensor([7, 1, 2])
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        kind = type(ext_tensor).__name__
        what = tr(
            f"from_dlpack: {kind} has no __dlpack__.", f"from_dlpack：{kind} 没有 __dlpack__。"
        )
        raise ArgumentError(teach(what))
    where = ext_tensor.__dlpack_device__()
    if where[0] != CPU[0] or device not in (None, "cpu"):
        what = tr(
            f"from_dlpack: expected memory of a CPU, found device {tuple(where)}.",
            f"from_dlpack：应为 CPU 内存，得到设备 {tuple(where)}。",
        )
        raise ArgumentError(teach(what))
    if isinstance(ext_tensor, Tensor) and not copy and not ext_tensor.requires_grad:
        return ext_tensor.detach()
    array = np.from_dlpack(_Exporter(ext_tensor))
    value = None if copy else adopt(array, as_dtype(array.dtype))
    if value is not None:
        return wrap(computed(value))
    if copy is False:
        what = tr(
            "from_dlpack: this memory cannot be shared (read-only, not dense, or at a page's end).",
            "from_dlpack：该内存无法共享（只读、不连续或位于页尾）。",
        )
        raise ArgumentError(teach(what, "copy=None"))
    return Tensor(array)

"""Making arrays."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from glia.array_api.arguments import array, scalar
from glia.array_api.array import Array, check_device, from_array, of, plain
from glia.array_api.data_types import (
    check_category,
    checked_dtype,
    is_scalar,
    number_dtype,
    result_type,
)
from glia.base.dtypes import DType, as_dtype, complex64, complex128, float32, float64, int64
from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, broadcast
from glia.ir.ops import view
from glia.tensor.dlpack import from_dlpack as _adopted
from glia.tensor.tensor import Tensor, apply


def _sizes(shape: Any) -> Shape:
    if isinstance(shape, tuple | list):
        return tuple(size.__index__() for size in shape)
    return (shape.__index__(),)


def _dtype(dtype: Any, default: DType) -> DType:
    return default if dtype is None else checked_dtype(dtype)


def asarray(
    obj: Any, /, *, dtype: DType | None = None, device: Any = None, copy: bool | None = None
) -> Array:
    """An array of a number, a nested sequence of numbers, an array, or what lends its buffer.

    Floats become float32, integers int64, complex numbers complex64 unless a dtype is given; what
    has a dtype keeps it. An array of the right dtype is not copied unless ``copy`` is True.

    Raises:
        ArgumentError: ``copy=False`` where a copy is needed.

    Example:
        >>> import glia.array_api as xp
        >>> xp.asarray([[1, 2], [3, 4]]).shape
        (2, 2)
    """
    check_device(device)
    wanted = None if dtype is None else checked_dtype(dtype)
    if isinstance(obj, Tensor):
        if wanted is None or wanted is obj.dtype:
            return of(obj.clone()) if copy else of(obj)
        _refuse_copy(copy)
        return of(plain(obj).to(wanted))
    _refuse_copy(copy)
    if is_scalar(obj):
        return scalar(obj, wanted or number_dtype(obj))
    if wanted is not None:
        return _sequence(obj, wanted)
    found = np.asarray(obj)
    named = hasattr(_first(obj), "dtype") or _lends(obj)
    if found.dtype == np.float64 and not named:
        return _sequence(obj, float32)
    if found.dtype == np.complex128 and not named:
        return _sequence(obj, complex64)
    if found.dtype == object:
        return from_array(found)  # refused there
    return from_array(found.astype(as_dtype(found.dtype).np, copy=False))


def _sequence(obj: Any, dtype: DType) -> Array:
    try:
        with np.errstate(all="ignore"):
            return from_array(
                np.asarray(obj).astype(dtype.np) if _lends(obj) else np.array(obj, dtype.np)
            )
    except OverflowError:
        what = tr(
            f"asarray: a number is out of bounds for {dtype.name}.",
            f"asarray：有数值超出 {dtype.name} 的范围。",
        )
        raise ArgumentError(teach(what)) from None


def _first(obj: Any) -> Any:
    """The first innermost element of a nested sequence."""
    while isinstance(obj, list | tuple) and obj:
        obj = obj[0]
    return obj


def _lends(obj: Any) -> bool:
    """Whether an object has a buffer, and so a dtype."""
    try:
        memoryview(obj)
    except TypeError:
        return False
    return True


def _refuse_copy(copy: bool | None) -> None:
    if copy is False:
        what = tr(
            "asarray: this cannot be done without a copy.", "asarray：无法在不复制的情况下完成。"
        )
        raise ArgumentError(teach(what, "copy=None"))


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Array:
    """An array of what another library lends by DLPack, in the same memory where possible.

    Memory that is read-only, not dense or not aligned to 64 bytes is copied.

    Raises:
        ArgumentError: ``copy=False`` where a copy is needed, or another device.

    Example:
        >>> import numpy as np
        >>> import glia.array_api as xp
        >>> xp.from_dlpack(np.arange(3))
        tensor([0, 1, 2])
    """
    check_device(device)
    return of(_adopted(x, copy=copy))


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: DType | None = None,
    device: Any = None,
) -> Array:
    """``start, start + step, …`` before ``stop``; with one number, from 0 to before it.

    Example:
        >>> import glia.array_api as xp
        >>> xp.arange(1, 8, 3)
        tensor([1, 4, 7])
    """
    check_device(device)
    if stop is None:
        start, stop = 0, start
    numbers: tuple[Any, Any, Any] = (start, stop, step)
    whole = all(isinstance(number, int) for number in numbers)
    found = _dtype(dtype, int64 if whole else float32)
    check_category("arange", found, "real")
    if step == 0:
        raise ArgumentError(teach(tr("arange: step is 0.", "arange：步长为 0。")))
    if whole and found.kind != "float":
        return from_array(np.array(range(*numbers), found.np))
    return from_array(np.arange(start, stop, step).astype(found.np))


def linspace(
    start: complex,
    stop: complex,
    /,
    num: int,
    *,
    dtype: DType | None = None,
    device: Any = None,
    endpoint: bool = True,
) -> Array:
    """``num`` numbers at equal distances from ``start`` to ``stop``, which may be left out.

    Example:
        >>> import glia.array_api as xp
        >>> xp.linspace(0, 1, 4, endpoint=False)
        tensor([0.  , 0.25, 0.5 , 0.75])
    """
    check_device(device)
    bent = isinstance(start, complex) or isinstance(stop, complex)
    found = _dtype(dtype, complex64 if bent else float32)
    check_category("linspace", found, "complex floating" if bent else "floating")
    if num < 0:
        raise ArgumentError(teach(tr("linspace: num is negative.", "linspace：num 为负数。")))
    precise = complex128 if found.is_complex else float64
    ends: tuple[Any, Any] = (precise.np.type(start), precise.np.type(stop))
    numbers = np.linspace(*ends, num, endpoint=endpoint, dtype=precise.np)
    return from_array(numbers.astype(found.np))


def full(
    shape: int | tuple[int, ...],
    fill_value: complex,
    *,
    dtype: DType | None = None,
    device: Any = None,
) -> Array:
    """An array of one value, by default in the value's dtype.

    Example:
        >>> import glia.array_api as xp
        >>> xp.full(2, True)
        tensor([ True,  True])
    """
    check_device(device)
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    given: Any = fill_value
    number = given if is_scalar(given) else given.item()
    one = scalar(number, _dtype(dtype, number_dtype(number)))
    return from_array(np.full(_sizes(shape), one.numpy()))


def full_like(
    x: Array, /, fill_value: complex, *, dtype: DType | None = None, device: Any = None
) -> Array:
    """As ``full``, with the shape and by default the dtype of ``x``.

    >>> import glia.array_api as xp
    >>> xp.full_like(xp.asarray([1, 2]), 7)
    tensor([7, 7])
    """
    return full(x.shape, fill_value, dtype=_dtype(dtype, x.dtype), device=device)


def zeros(shape: int | tuple[int, ...], *, dtype: DType | None = None, device: Any = None) -> Array:
    """Zeros, by default float32.

    >>> import glia.array_api as xp
    >>> xp.zeros(2), xp.zeros((2, 0)).shape
    (tensor([0., 0.]), (2, 0))
    """
    return full(shape, 0, dtype=_dtype(dtype, float32), device=device)


def zeros_like(x: Array, /, *, dtype: DType | None = None, device: Any = None) -> Array:
    """Zeros in the shape and by default the dtype of ``x``.

    >>> import glia.array_api as xp
    >>> xp.zeros_like(xp.asarray([True, False]))
    tensor([False, False])
    """
    return zeros(x.shape, dtype=_dtype(dtype, x.dtype), device=device)


def ones(shape: int | tuple[int, ...], *, dtype: DType | None = None, device: Any = None) -> Array:
    """Ones, by default float32.

    >>> import glia.array_api as xp
    >>> xp.ones((2, 2), dtype=xp.int64)
    tensor([[1, 1],
            [1, 1]])
    """
    return full(shape, 1, dtype=_dtype(dtype, float32), device=device)


def ones_like(x: Array, /, *, dtype: DType | None = None, device: Any = None) -> Array:
    """Ones in the shape and by default the dtype of ``x``.

    >>> import glia.array_api as xp
    >>> xp.ones_like(xp.asarray([5, 6]))
    tensor([1, 1])
    """
    return ones(x.shape, dtype=_dtype(dtype, x.dtype), device=device)


def empty(shape: int | tuple[int, ...], *, dtype: DType | None = None, device: Any = None) -> Array:
    """Zeros: what is empty here is never left over from something else.

    >>> import glia.array_api as xp
    >>> xp.empty(2)
    tensor([0., 0.])
    """
    return zeros(shape, dtype=dtype, device=device)


def empty_like(x: Array, /, *, dtype: DType | None = None, device: Any = None) -> Array:
    """As ``empty``, in the shape and by default the dtype of ``x``.

    >>> import glia.array_api as xp
    >>> xp.empty_like(xp.asarray([5, 6]))
    tensor([0, 0])
    """
    return zeros_like(x, dtype=dtype, device=device)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: DType | None = None,
    device: Any = None,
) -> Array:
    """Ones on the k-th diagonal, zeros elsewhere.

    Example:
        >>> import glia.array_api as xp
        >>> xp.eye(2, 3, k=1, dtype=xp.int64)
        tensor([[0, 1, 0],
                [0, 0, 1]])
    """
    check_device(device)
    return from_array(np.eye(n_rows, n_cols, k, dtype=_dtype(dtype, float32).np))


def meshgrid(*arrays: Array, indexing: Literal["xy", "ij"] = "xy") -> tuple[Array, ...]:
    """Coordinates of a grid: each of the 1-d arrays spread along its own dimension.

    Example:
        >>> import glia.array_api as xp
        >>> [part.shape for part in xp.meshgrid(xp.arange(2), xp.arange(3))]
        [(3, 2), (3, 2)]
    """
    if indexing not in ("xy", "ij"):
        what = tr(f"meshgrid: unknown indexing {indexing!r}.", f"meshgrid：未知的 {indexing!r}。")
        raise ArgumentError(teach(what, "xy / ij"))
    if len({x.dtype for x in arrays}) > 1:
        result_type(*arrays)
        raise DTypeError(teach(tr("meshgrid: dtypes differ.", "meshgrid：数据类型不同。")))
    swapped = indexing == "xy" and len(arrays) > 1
    order = [1, 0, *range(2, len(arrays))] if swapped else list(range(len(arrays)))
    lines = []
    for x, at in zip(arrays, order, strict=True):
        found = array("meshgrid", x)
        if found.ndim != 1:
            raise ArgumentError(
                teach(tr("meshgrid: expected 1-d arrays.", "meshgrid：应为一维数组。"))
            )
        sizes = tuple(found.size if d == at else 1 for d in range(len(arrays)))
        lines.append(plain(found).reshape(sizes))
    if not lines:
        return ()
    shape = broadcast(*(line.shape for line in lines))
    return tuple(of(apply(view.broadcast_to, (line,), shape)) for line in lines)


def _triangle(x: Array, k: int, lower: bool) -> Array:
    x = array("tril" if lower else "triu", x)
    if x.ndim < 2:
        what = tr(
            f"expected at least 2 dimensions, got shape {x.shape}.",
            f"至少应为 2 维，得到形状 {x.shape}。",
        )
        raise ArgumentError(teach(what))
    return of(plain(x).tril(k) if lower else plain(x).triu(k))


def tril(x: Array, /, *, k: int = 0) -> Array:
    """The last two dimensions up to the k-th diagonal, zeros above.

    >>> import glia.array_api as xp
    >>> xp.tril(xp.ones((2, 3)))
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    return _triangle(x, k, True)


def triu(x: Array, /, *, k: int = 0) -> Array:
    """The last two dimensions from the k-th diagonal on, zeros below.

    >>> import glia.array_api as xp
    >>> xp.triu(xp.ones((2, 3)), k=1)
    tensor([[0., 1., 1.],
            [0., 0., 1.]])
    """
    return _triangle(x, k, False)

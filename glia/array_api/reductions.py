"""Statistical functions, and those of truth values: one element of many."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glia.array_api.arguments import array, axes, cast, keepdims_shape, one_axis, recorded
from glia.array_api.array import Array, from_array, of, plain
from glia.array_api.data_types import checked_dtype, result_type
from glia.base.dtypes import DType, bool_, int64, uint64
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, numel
from glia.ir import build
from glia.ir.expr import Expr

Axis = int | tuple[int, ...] | None


def _added_in(x: Array, dtype: DType | None) -> DType:
    """Small integers are added as int64 or uint64, unless another dtype is asked for."""
    if dtype is not None:
        return checked_dtype(dtype)
    return {"bool": int64, "int": int64, "uint": uint64}.get(x.dtype.kind, x.dtype)


def _total(
    name: str, x: Any, axis: Axis, dtype: DType | None, keepdims: bool, function: Any
) -> Array:
    x = array(name, x)
    wanted = _added_in(x, dtype)
    found = recorded(function, cast(x, wanted), attrs=(axes(axis, x.ndim), keepdims))
    return cast(found, wanted)


def sum(
    x: Array, /, *, axis: Axis = None, dtype: DType | None = None, keepdims: bool = False
) -> Array:
    """``Σ x`` over all elements or along axes.

    Example:
        >>> import glia.array_api as xp
        >>> xp.sum(xp.asarray([100, 100, 100], dtype=xp.uint8))
        tensor(300, dtype=glia.uint64)
    """
    return _total("sum", x, axis, dtype, keepdims, build.sum_)


def prod(
    x: Array, /, *, axis: Axis = None, dtype: DType | None = None, keepdims: bool = False
) -> Array:
    """``Π x`` over all elements or along axes; dtypes as in ``sum``.

    >>> import glia.array_api as xp
    >>> xp.prod(xp.asarray([2, 3])), xp.prod(xp.zeros(0))
    (tensor(6), tensor(1.))
    """
    return _total("prod", x, axis, dtype, keepdims, build.prod)


def _extreme(name: str, x: Any, axis: Axis, keepdims: bool, function: Any) -> Array:
    x = array(name, x, "real")
    dims = axes(axis, x.ndim)
    if not numel([x.shape[d] for d in dims]):
        what = tr(
            f"{name}: nothing to compare in shape {x.shape}.",
            f"{name}：形状 {x.shape} 中没有可比较的元素。",
        )
        raise ArgumentError(teach(what))
    return recorded(function, x, attrs=(dims, keepdims))


def max(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest element, of all or along axes; NaN if there is one.

    >>> import glia.array_api as xp
    >>> xp.max(xp.asarray([[1, 4], [3, 2]]), axis=0), xp.max(xp.asarray([1.0, xp.nan]))
    (tensor([3, 4]), tensor(nan))
    """
    return _extreme("max", x, axis, keepdims, build.amax)


def min(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest element, of all or along axes; NaN if there is one.

    >>> import glia.array_api as xp
    >>> xp.min(xp.asarray([[1, 4], [3, 2]]), axis=1, keepdims=True)
    tensor([[1],
            [2]])
    """
    return _extreme("min", x, axis, keepdims, build.amin)


def _mean(x: Expr, dims: Shape, keepdims: bool) -> Expr:
    count = numel([x.shape[d] for d in dims])
    return build.div(build.sum_(x, dims, keepdims), float(count) if count else math.nan)


def mean(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """``Σ x / n`` over all elements or along axes; NaN where there are none.

    >>> import glia.array_api as xp
    >>> xp.mean(xp.asarray([1.0, 2.0, 6.0])), xp.mean(xp.zeros(0))
    (tensor(3.), tensor(nan))
    """
    x = array("mean", x, "floating")
    return recorded(_mean, x, attrs=(axes(axis, x.ndim), keepdims))


def _variance(x: Expr, dims: Shape, correction: float, keepdims: bool) -> Expr:
    count = numel([x.shape[d] for d in dims])
    centred = build.sub(x, _mean(x, dims, True))
    total = build.sum_(build.mul(centred, centred), dims, keepdims)
    return build.div(total, float(count - correction) if count > correction else math.nan)


def var(
    x: Array, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
) -> Array:
    """``Σ (x - mean)² / (n - correction)`` over all elements or along axes.

    Example:
        >>> import glia.array_api as xp
        >>> xp.var(xp.asarray([1.0, 3.0]), correction=1)
        tensor(2.)
    """
    x = array("var", x, "real floating")
    return recorded(_variance, x, attrs=(axes(axis, x.ndim), float(correction), keepdims))


def std(
    x: Array, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
) -> Array:
    """The square root of ``var``.

    >>> import glia.array_api as xp
    >>> xp.std(xp.asarray([1.0, 3.0])), xp.std(xp.asarray([1.0, 3.0]), correction=1)
    (tensor(1.), tensor(1.4142))
    """
    return of(var(x, axis=axis, correction=correction, keepdims=keepdims).sqrt())


def _every(x: Expr, dims: Shape, keepdims: bool) -> Expr:
    return build.eq(build.sum_(build.eq(build.cast(x, bool_), False), dims, keepdims), 0)


def _some(x: Expr, dims: Shape, keepdims: bool) -> Expr:
    return build.ne(_count(x, dims, keepdims), 0)


def _count(x: Expr, dims: Shape, keepdims: bool) -> Expr:
    return build.sum_(build.cast(build.cast(x, bool_), int64), dims, keepdims)


def all(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether all elements, or all along axes, are not 0; NaN is not 0.

    >>> import glia.array_api as xp
    >>> xp.all(xp.asarray([[1, 0], [2, 3]]), axis=1), xp.all(xp.zeros(0))
    (tensor([False,  True]), tensor(True))
    """
    x = array("all", x)
    return recorded(_every, x, attrs=(axes(axis, x.ndim), keepdims))


def any(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether any element, of all or along axes, is not 0; NaN is not 0.

    >>> import glia.array_api as xp
    >>> xp.any(xp.asarray([0.0, xp.nan])), xp.any(xp.zeros(0))
    (tensor(True), tensor(False))
    """
    x = array("any", x)
    return recorded(_some, x, attrs=(axes(axis, x.ndim), keepdims))


def count_nonzero(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """How many elements, of all or along axes, are not 0.

    >>> import glia.array_api as xp
    >>> xp.count_nonzero(xp.asarray([[1, 0], [2, 3]]), axis=0)
    tensor([2, 1])
    """
    x = array("count_nonzero", x)
    return recorded(_count, x, attrs=(axes(axis, x.ndim), keepdims))


def _running(
    name: str, x: Any, axis: int | None, dtype: DType | None, initial: bool, start: int
) -> Array:
    from glia.array_api.manipulation import concat

    x = array(name, x)
    if axis is None and x.ndim > 1:
        what = tr(
            f"{name}: axis is needed for {x.ndim} dimensions.",
            f"{name}：{x.ndim} 维数组需要指定 axis。",
        )
        raise ArgumentError(teach(what))
    at = one_axis(axis, x.ndim) if axis is not None and x.ndim else 0
    wanted = _added_in(x, dtype)
    x = cast(x, wanted)
    if not x.ndim:
        x = of(x.reshape(1))
    found = of(plain(x).cumsum(at) if name == "cumulative_sum" else plain(x).cumprod(at))
    found = cast(found, wanted)
    if not initial:
        return found
    first = from_array(np.full(keepdims_shape(x.shape, (at,)), start, wanted.np))
    return concat((first, found), axis=at)


def cumulative_sum(
    x: Array,
    /,
    *,
    axis: int | None = None,
    dtype: DType | None = None,
    include_initial: bool = False,
) -> Array:
    """``Σ x₀ … xᵢ`` for every i along an axis, with ``include_initial`` from 0 on.

    Example:
        >>> import glia.array_api as xp
        >>> xp.cumulative_sum(xp.asarray([1, 2, 3]), include_initial=True)
        tensor([0, 1, 3, 6])
    """
    return _running("cumulative_sum", x, axis, dtype, include_initial, 0)


def cumulative_prod(
    x: Array,
    /,
    *,
    axis: int | None = None,
    dtype: DType | None = None,
    include_initial: bool = False,
) -> Array:
    """``Π x₀ … xᵢ`` for every i along an axis, with ``include_initial`` from 1 on.

    >>> import glia.array_api as xp
    >>> xp.cumulative_prod(xp.asarray([2, 3, 4]), include_initial=True)
    tensor([ 1,  2,  6, 24])
    """
    return _running("cumulative_prod", x, axis, dtype, include_initial, 1)


def diff(
    x: Array,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Array | None = None,
    append: Array | None = None,
) -> Array:
    """Differences of neighbours along an axis, n times over.

    Example:
        >>> import glia.array_api as xp
        >>> xp.diff(xp.asarray([1, 4, 9]))
        tensor([3, 5])
    """
    x = array("diff", x)
    at = one_axis(axis, x.ndim)
    if n < 0:
        raise ArgumentError(teach(tr("diff: n is negative.", "diff：n 为负数。")))
    for end in (prepend, append):
        if end is not None:
            result_type(x, end)
    first, last = (None if end is None else plain(end) for end in (prepend, append))
    return of(plain(x).diff(n, at, first, last))

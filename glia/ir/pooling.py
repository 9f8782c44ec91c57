"""Windows over the last dimensions, each reduced to one number: largest element, mean, p-norm."""

from __future__ import annotations

import math

from glia.base.dtypes import DType, bool_, int32, int64
from glia.base.shapes import Shape, numel
from glia.ir.build import (
    abs_,
    add,
    cast,
    div,
    eq,
    floor_divide,
    full,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    power,
    relu,
    remainder,
    sign,
    sub,
    sum_,
    where,
)
from glia.ir.expr import Expr, intern
from glia.ir.ops import reduce as _r
from glia.ir.ops.source import iota
from glia.ir.ops.view import broadcast_to, reshape
from glia.ir.ops.window import window
from glia.ir.padding import pad_value


def extent(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """How many windows there are; with ``ceil``, one that hangs over the end counts too.

    None may start in the padding at the end.
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (room + (stride - 1 if ceil else 0)) // stride + 1
    return count - (ceil and (count - 1) * stride >= size + padding)


class Windows:
    """Sizes of windows over the last dimensions of a tensor."""

    def __init__(
        self,
        size: Shape,
        kernel: Shape,
        stride: Shape,
        padding: Shape,
        dilation: Shape,
        ceil: bool,
    ) -> None:
        self.size, self.kernel, self.stride = size, kernel, stride
        self.padding, self.dilation = padding, dilation
        every = zip(size, kernel, stride, padding, dilation, strict=True)
        self.counts = tuple([extent(*sizes, ceil) for sizes in every])
        self.after = tuple(
            max(p, (c - 1) * s + d * (k - 1) + 1 - n - p)
            for c, n, k, s, p, d in zip(
                self.counts, size, kernel, stride, padding, dilation, strict=True
            )
        )

    @property
    def hangs_over(self) -> bool:
        """Whether windows reach further than the padding."""
        return self.after != self.padding

    def of(self, x: Expr, value: bool | int | float) -> Expr:
        """(…, *counts, *kernel), with a value where there is no element."""
        x = pad_value(x, self.padding, self.after, value)
        return window(x, self.kernel, self.stride, self.dilation)

    def flat(self, x: Expr, value: bool | int | float) -> Expr:
        """(…, *counts, elements of a window)."""
        taps = self.of(x, value)
        return reshape(taps, (*taps.shape[: taps.ndim - len(self.kernel)], numel(self.kernel)))

    def places(self, tap: Expr) -> Expr:
        """Numbers of elements of a window, (…, *counts), as places in the flattened dimensions."""
        k = len(self.kernel)
        place, rest, block = None, cast(tap, int64), 1
        for i in reversed(range(k)):
            at, rest = remainder(rest, self.kernel[i]), floor_divide(rest, self.kernel[i])
            at = mul(at, self.dilation[i]) if self.dilation[i] > 1 else at
            first = sub(mul(iota(self.counts[i]), self.stride[i]), self.padding[i])
            at = mul(add(along(first, i, k), at), block)
            place = at if place is None else add(place, at)
            block *= self.size[i]
        assert place is not None
        return place


def along(values: Expr, dim: int, rank: int) -> Expr:
    """A row of values as dimension ``dim`` of the last ``rank`` dimensions."""
    return reshape(values, tuple(values.numel if d == dim else 1 for d in range(rank)))


def lowest(dtype: DType) -> int | float:
    """What no element is less than."""
    if dtype.kind == "float":
        return -math.inf
    return 0 if dtype.kind in ("uint", "bool") else -(2 ** (8 * dtype.itemsize - 1))


def select(x: Expr, index: Expr) -> Expr:
    """Of the last dimension of ``x`` the element at ``index`` (last size 1); differentiable."""
    hit = eq(broadcast_to(index, x.shape), broadcast_to(iota(x.shape[-1], index.dtype), x.shape))
    return sum_as_is(where(hit, x, full(x.shape, 0, x.dtype)), (x.ndim - 1,))


def sum_as_is(x: Expr, dims: Shape) -> Expr:
    """A sum in the dtype of what is added."""
    return cast(sum_(x, dims), x.dtype)


def first_largest(taps: Expr) -> Expr:
    """The number of the largest of the last dimension, the first one of equals."""
    return intern(_r.ARGMAX, (taps,), (taps.ndim - 1,))


def max_pool(
    x: Expr, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, ceil: bool = False
) -> Expr:
    """Largest element of every window; the gradient goes to the first of equal ones."""
    taps = Windows(x.shape[-len(kernel) :], kernel, stride, padding, dilation, ceil).flat(
        x, lowest(x.dtype)
    )
    return select(taps, first_largest(taps))


def max_places(
    x: Expr, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, ceil: bool
) -> Expr:
    """Where the largest elements stand in the flattened last dimensions, as int64."""
    k = len(kernel)
    windows = Windows(x.shape[-k:], kernel, stride, padding, dilation, ceil)
    taps = windows.flat(x, lowest(x.dtype))
    hit = first_largest(taps)
    if any((*padding, *windows.after)):
        # where all are lowest, one of the elements, not of what is around them
        top = broadcast_to(reshape(select(taps, hit), hit.shape), taps.shape)
        there = broadcast_to(windows.flat(full(x.shape[-k:], True, bool_), False), taps.shape)
        hit = first_largest(cast(mul(there, add(eq(taps, top), ne(taps, taps))), int32))
    return windows.places(reshape(hit, hit.shape[:-1]))


def avg_pool(
    x: Expr,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    count_include_pad: bool = True,
    ceil: bool = False,
    divisor: int | None = None,
) -> Expr:
    """Mean of every window, or its sum by a given divisor."""
    k = len(kernel)
    windows = Windows(x.shape[-k:], kernel, stride, padding, (1,) * k, ceil)
    total = sum_as_is(windows.of(x, 0), tuple(range(x.ndim, x.ndim + k)))
    whole = not windows.hangs_over and (count_include_pad or not any(padding))
    if divisor is not None or whole:
        return _quotient(total, numel(kernel) if divisor is None else divisor)
    counts = [_counts(windows, i, count_include_pad) for i in range(k)]
    product = counts[0]
    for count in counts[1:]:
        product = mul(product, count)
    return _quotient(total, cast(product, x.dtype))


def _counts(windows: Windows, i: int, padding_too: bool) -> Expr:
    """How many elements each window holds along one dimension."""
    n, p = windows.size[i], windows.padding[i]
    start = sub(mul(iota(windows.counts[i]), windows.stride[i]), p)
    stop = add(start, windows.kernel[i])
    if padding_too:
        inside = sub(minimum(stop, n + p), start)
    else:
        inside = sub(minimum(stop, n), maximum(start, 0))
    return along(inside, i, len(windows.size))


def _quotient(total: Expr, count: Expr | int) -> Expr:
    """Integers are divided towards zero."""
    if total.dtype.kind == "float":
        return div(total, count if isinstance(count, Expr) else float(count))
    if isinstance(count, int) and count < 0:
        total, count = neg(total), -count
    return mul(sign(total), floor_divide(abs_(total), count))


def lp_pool(x: Expr, p: float, kernel: Shape, stride: Shape, ceil: bool) -> Expr:
    """``(Σ xᵖ)^(1/p)`` over every window."""
    mean = avg_pool(power(x, p), kernel, stride, (0,) * len(kernel), True, ceil)
    size = mul(sign(mean), relu(abs_(mean)))
    return power(mul(size, float(numel(kernel))), 1.0 / p)

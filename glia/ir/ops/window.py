"""Windows sliding over the last dimensions, and their transpose, fold.

``window`` is a view with overlapping elements; pooling is a reduction of it. ``fold`` adds the
taps back where they came from; with windows of one element it spreads elements apart (dilate).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.view import reshape
from glia.ir.table import Bad, Op, Sample, register


def positions(size: int, kernel: int, stride: int, dilation: int) -> int:
    """How many windows fit: ⌊(size - dilation (kernel-1) - 1) / stride⌋ + 1."""
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def _window_infer(
    inputs: tuple[Expr, ...], kernel: Shape, stride: Shape, dilation: Shape
) -> tuple[Shape, DType]:
    (x,) = inputs
    k = len(kernel)
    if not 0 < k <= x.ndim or len(stride) != k or len(dilation) != k:
        raise ShapeError(teach(f"window: {kernel} does not fit shape {x.shape}."))
    lead, body = x.shape[: x.ndim - k], x.shape[x.ndim - k :]
    counts = tuple(map(positions, body, kernel, stride, dilation))
    if min(counts) < 1:
        message = f"window of size {kernel} (dilation {dilation}) is larger than the input {body}."
        raise ShapeError(teach(message, "use a smaller kernel, or pad the input"))
    return (*lead, *counts, *kernel), x.dtype


def _fold_infer(
    inputs: tuple[Expr, ...], size: Shape, stride: Shape, dilation: Shape
) -> tuple[Shape, DType]:
    (x,) = inputs
    k = len(size)
    lead = x.shape[: x.ndim - 2 * k]
    counts, kernel = x.shape[x.ndim - 2 * k : x.ndim - k], x.shape[x.ndim - k :]
    if x.ndim < 2 * k or tuple(map(positions, size, kernel, stride, dilation)) != counts:
        raise ShapeError(teach(f"fold: windows {x.shape} do not come from a size of {size}."))
    return (*lead, *size), x.dtype


def _taps(
    counts: Shape, kernel: Shape, stride: Shape, dilation: Shape
) -> Iterator[tuple[Any, Any]]:
    """For every tap of the window: its index, and the elements it touches."""
    for tap in product(*map(range, kernel)):
        spans = []
        for i, count, s, d in zip(tap, counts, stride, dilation, strict=True):
            spans.append(slice(i * d, i * d + (count - 1) * s + 1, s))
        yield tap, tuple(spans)


def _window_numpy(x: np.ndarray, kernel: Shape, stride: Shape, dilation: Shape) -> np.ndarray:
    k = len(kernel)
    body = x.shape[x.ndim - k :]
    counts = tuple(map(positions, body, kernel, stride, dilation))
    out = np.empty((*x.shape[: x.ndim - k], *counts, *kernel), x.dtype)
    for tap, spans in _taps(counts, kernel, stride, dilation):
        out[(..., *tap)] = x[(..., *spans)]
    return out


def _fold_numpy(x: np.ndarray, size: Shape, stride: Shape, dilation: Shape) -> np.ndarray:
    k = len(size)
    counts, kernel = x.shape[x.ndim - 2 * k : x.ndim - k], x.shape[x.ndim - k :]
    out = np.zeros((*x.shape[: x.ndim - 2 * k], *size), x.dtype)
    for tap, spans in _taps(counts, kernel, stride, dilation):
        out[(..., *spans)] += x[(..., *tap)]
    return out


def _window_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    kernel, stride, dilation = node.attrs
    (x,) = node.inputs
    size = x.shape[x.ndim - len(kernel) :]
    return (intern(FOLD, (g,), (size, stride, dilation)),)


def _fold_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    size, stride, dilation = node.attrs
    kernel = node.inputs[0].shape[node.inputs[0].ndim - len(size) :]
    return (intern(WINDOW, (g,), (kernel, stride, dilation)),)


_CASES = (
    ((2, 3, 6), (2,), (2,), (1,)),
    ((2, 7), (3,), (2,), (1,)),
    ((8,), (3,), (1,), (2,)),
    ((2, 5, 6), (2, 3), (1, 1), (1, 1)),
    ((1, 6, 6), (2, 2), (2, 2), (1, 1)),
    ((9,), (2,), (3,), (2,)),
)


def _window_samples() -> Sequence[Sample]:
    rng = np.random.default_rng(5)
    found = []
    for shape, kernel, stride, dilation in _CASES:
        attrs = {"kernel": kernel, "stride": stride, "dilation": dilation}
        found.append(Sample((rng.normal(size=shape).astype(np.float32),), attrs))
    return found


def _fold_samples() -> Sequence[Sample]:
    found = []
    for sample in _window_samples():
        x, attrs = sample.arrays[0], dict(sample.attrs)
        windows = _window_numpy(x, **attrs)
        attrs["size"] = x.shape[x.ndim - len(attrs.pop("kernel")) :]
        found.append(Sample((windows,), attrs))
    return found


_ONE = {"stride": (1,), "dilation": (1,)}
WINDOW = register(
    Op(
        "window",
        "window",
        "out[…, y, i] = x[…, y s + i d]",
        _window_infer,
        _window_numpy,
        _window_gradient,
        ("kernel", "stride", "dilation"),
        _window_samples,
        lambda: [Bad((np.ones(3, np.float32),), {"kernel": (4,), **_ONE}, ShapeError, "larger")],
    )
)
FOLD = register(
    Op(
        "fold",
        "window",
        "out[…, h] = Σ x[…, y, i] over y s + i d = h",
        _fold_infer,
        _fold_numpy,
        _fold_gradient,
        ("size", "stride", "dilation"),
        _fold_samples,
        lambda: [Bad((np.ones((3, 2), np.float32),), {"size": (9,), **_ONE}, ShapeError, "come")],
    )
)


def window(x: Expr, kernel: Shape, stride: Shape, dilation: Shape) -> Expr:
    return intern(WINDOW, (x,), (kernel, stride, dilation))


def dilate(x: Expr, step: Shape) -> Expr:
    """Spread elements ``step`` apart with zeros between, ending at the last element."""
    if all(s == 1 for s in step):
        return x
    size = tuple((n - 1) * s + 1 for n, s in zip(x.shape, step, strict=True))
    single = reshape(x, x.shape + (1,) * x.ndim)
    return intern(FOLD, (single,), (size, step, (1,) * x.ndim))


def dilated(node: Expr) -> tuple[Expr, Shape] | None:
    """What was spread out, and how far apart its elements now are, if ``dilate`` was used."""
    steps = (1,) * node.ndim
    inner = node
    while inner.op is FOLD:
        (x,) = inner.inputs
        size, step, _ = inner.attrs
        k = len(size)
        if x.ndim != 2 * k or any(n != 1 for n in x.shape[k:]):
            break
        while x.op.name == "reshape":
            (x,) = x.inputs
        inner = reshape(x, inner.inputs[0].shape[:k])
        steps = tuple(a * b for a, b in zip(steps, step, strict=True))
    return None if inner is node else (inner, steps)

"""Random convolutions, forward and both gradients, against plain sums in float64."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from glia.autodiff.reverse import pullback
from glia.base.dtypes import float32
from glia.base.shapes import Shape
from glia.ir import products
from glia.ir.expr import Expr
from glia.ir.ops.source import leaf


@dataclass(frozen=True)
class Conv:
    """A configuration: sizes, and the numbers of the layer."""

    batch: int
    channels: int
    filters: int
    size: Shape
    kernel: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    groups: int

    @property
    def out(self) -> Shape:
        each = zip(self.size, self.kernel, self.stride, self.padding, self.dilation, strict=True)
        return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in each)


def random_conv(seed: int) -> Conv:
    """The configuration that belongs to a seed."""
    rng = np.random.default_rng(seed)
    while True:
        dims = int(rng.choice([1, 2, 2]))
        groups = 1
        channels = int(rng.choice([1, 2, 3, 4, 6, 8, 10]))
        if rng.random() < 0.35:
            groups = int(rng.choice([n for n in range(1, channels + 1) if channels % n == 0]))
        filters = groups * int(rng.choice([1, 2, 3, 5]))
        largest = 14
        if rng.random() < 0.25:  # channels fill vectors
            channels, filters = (int(n) for n in rng.choice([32, 33, 40, 48], 2))
            groups, largest = 1, 7

        def numbers(low: int, high: int, dims: int = dims) -> Shape:
            return tuple(int(n) for n in rng.integers(low, high, dims))

        kernel = numbers(1, 6 if rng.random() < 0.2 else 4)
        found = Conv(
            int(rng.choice([1, 1, 2, 3, 5, 8, 16, 17, 33])),
            channels,
            filters,
            numbers(3, largest),
            kernel,
            numbers(1, 4) if rng.random() < 0.5 else (1,) * dims,
            numbers(0, 4) if rng.random() < 0.6 else (0,) * dims,
            numbers(1, 4) if rng.random() < 0.3 else (1,) * dims,
            groups,
        )
        if min(found.out) >= 1:
            return found


def program(c: Conv) -> tuple[list[Expr], list[Expr]]:
    """Result and both gradients as one program, and the leaves x, w, g."""
    x = leaf(-1, (c.batch, c.channels, *c.size), float32)
    w = leaf(-2, (c.filters, c.channels // c.groups, *c.kernel), float32)
    y = products.conv(x, w, None, c.stride, c.padding, c.dilation, c.groups)
    g = leaf(-3, y.shape, float32)
    dx, dw = pullback(y, (x, w), g)
    assert dx is not None and dw is not None
    return [y, dx, dw], [x, w, g]


def reference(
    c: Conv, x: np.ndarray, w: np.ndarray, g: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Result and gradients by the definition: one tap of the kernel after another."""
    x, w, g = (a.astype(np.float64) for a in (x, w, g))
    per = c.channels // c.groups
    wide = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in c.padding)])
    wide = wide.reshape(c.batch, c.groups, per, *wide.shape[2:])
    kernels = w.reshape(c.groups, c.filters // c.groups, per, *c.kernel)
    given = g.reshape(c.batch, c.groups, c.filters // c.groups, *c.out)
    y, dx, dw = np.zeros_like(given), np.zeros_like(wide), np.zeros_like(kernels)
    for tap in product(*map(range, c.kernel)):
        spans = tuple(
            slice(i * d, i * d + (n - 1) * s + 1, s)
            for i, d, n, s in zip(tap, c.dilation, c.out, c.stride, strict=True)
        )
        seen, k = wide[(..., *spans)], kernels[(..., *tap)]
        y += np.einsum("ngc...,gfc->ngf...", seen, k)
        dx[(..., *spans)] += np.einsum("ngf...,gfc->ngc...", given, k)
        dw[(..., *tap)] = np.einsum(
            "ngfs,ngcs->gfc", *(_flat(a, len(c.out)) for a in (given, seen))
        )
    middle = tuple(slice(p, p + n) for p, n in zip(c.padding, c.size, strict=True))
    dx = dx.reshape(c.batch, c.channels, *dx.shape[3:])[(..., *middle)]
    return y.reshape(g.shape), dx, dw.reshape(w.shape)


def _flat(a: np.ndarray, dims: int) -> np.ndarray:
    return a.reshape(*a.shape[: a.ndim - dims], -1)


def values(c: Conv, leaves: list[Expr], seed: int) -> dict[Expr, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {node: rng.integers(-4, 5, node.shape).astype(np.float32) for node in leaves}

"""Pictures read at computed places: the grid says where, neighbours are mixed."""

from __future__ import annotations

from itertools import product

from glia.base.dtypes import int64
from glia.base.shapes import Shape, numel
from glia.ir.arrange import narrow
from glia.ir.build import (
    abs_,
    add,
    cast,
    div,
    floor,
    full,
    ge,
    gt,
    le,
    lt,
    mul,
    round_,
    sub,
    transpose,
    where,
)
from glia.ir.expr import Expr
from glia.ir.ops.index import gather
from glia.ir.ops.source import iota
from glia.ir.ops.view import broadcast_to, concat, reshape
from glia.ir.products import matmul
from glia.ir.resize import cubic_shares


class Grid:
    """Where in x (N, C, *size) is read: ``grid`` (N, *out, dimensions), the last one first."""

    def __init__(self, x: Expr, grid: Expr, padding: str, corners: bool) -> None:
        self.size: Shape = x.shape[2:]
        self.out: Shape = grid.shape[1:-1]
        self.batch, self.channels = x.shape[:2]
        self.flat = reshape(x, (self.batch, self.channels, numel(self.size)))
        self.padding, self.corners = padding, corners
        k = len(self.size)
        #: Places along each dimension of x, (N, points), in elements.
        self.at = [self._place(grid, k - 1 - i, n) for i, n in enumerate(self.size)]

    def _place(self, grid: Expr, column: int, n: int) -> Expr:
        """From -1 … 1 to elements."""
        shown = narrow(grid, grid.ndim - 1, column, column + 1)
        u = reshape(shown, (self.batch, numel(self.out)))
        if self.corners:
            return mul(mul(add(u, 1.0), 0.5), n - 1.0)
        return mul(sub(mul(add(u, 1.0), float(n)), 1.0), 0.5)

    def inward(self, at: Expr, n: int) -> Expr:
        """A place outside moved to the edge, or mirrored, as the padding says."""
        if self.padding == "reflection":
            low, span = (0.0, n - 1.0) if self.corners else (-0.5, float(n))
            at = _mirrored(at, low, span)
        if self.padding != "zeros":
            at = where(gt(at, 0.0), where(lt(at, n - 1.0), at, n - 1.0), 0.0)
        return at

    def read(self, wholes: list[Expr]) -> Expr:
        """x at whole places (N, points), one for each dimension; zero outside: (N, C, points)."""
        place, inside = None, None
        for whole, n in zip(wholes, self.size, strict=True):
            fits = mul(ge(whole, 0.0), le(whole, n - 1.0))
            inside = fits if inside is None else mul(inside, fits)
            index = cast(where(fits, whole, 0.0), int64)
            place = index if place is None else add(mul(place, n), index)
        assert place is not None and inside is not None
        shape = (self.batch, self.channels, numel(self.out))
        spread = broadcast_to(reshape(place, (self.batch, 1, shape[2])), shape)
        within = broadcast_to(reshape(inside, (self.batch, 1, shape[2])), shape)
        return where(within, gather(self.flat, spread, 2), 0.0)

    def mixed(self, taps: list[list[tuple[Expr, Expr]]]) -> Expr:
        """``Σ Π shares · x[places]`` over neighbours along every dimension."""
        total = None
        for corner in product(*taps):
            found, share = self.read([whole for whole, _ in corner]), corner[0][1]
            for _, more in corner[1:]:
                share = mul(share, more)
            share = reshape(cast(share, found.dtype), (self.batch, 1, found.shape[2]))
            part = mul(found, share)
            total = part if total is None else add(total, part)
        assert total is not None
        return reshape(total, (self.batch, self.channels, *self.out))


def _mirrored(at: Expr, low: float, span: float) -> Expr:
    """Mirrored at ``low`` and ``low + span``, as often as it takes."""
    if span <= 0:
        return mul(at, 0.0)
    away = abs_(sub(at, low))
    rest = sub(away, mul(floor(div(away, span)), span))
    flips = floor(div(away, span))
    even = le(sub(flips, mul(floor(mul(flips, 0.5)), 2.0)), 0.5)
    return where(even, add(rest, low), sub(low + span, rest))


def nearest(grid: Grid) -> Expr:
    wholes = [round_(grid.inward(at, n)) for at, n in zip(grid.at, grid.size, strict=True)]
    return reshape(grid.read(wholes), (grid.batch, grid.channels, *grid.out))


def linear(grid: Grid) -> Expr:
    """From the two neighbours along every dimension."""
    taps = []
    for at, n in zip(grid.at, grid.size, strict=True):
        place = grid.inward(at, n)
        low = floor(place)
        share = sub(place, low)
        taps.append([(low, sub(1.0, share)), (add(low, 1.0), share)])
    return grid.mixed(taps)


def cubic(grid: Grid) -> Expr:
    """From four neighbours along every dimension; each is moved inward by itself."""
    taps = []
    for at, n in zip(grid.at, grid.size, strict=True):
        low = floor(at)
        wholes = [grid.inward(add(low, float(j)), n) for j in (-1, 0, 1, 2)]
        taps.append(list(zip(wholes, cubic_shares(sub(at, low)), strict=True)))
    return grid.mixed(taps)


def affine_grid(theta: Expr, size: Shape, corners: bool) -> Expr:
    """Where theta (N, k, k + 1) sends the middles of pixels: (N, *size, k), in -1 … 1."""
    k, dtype = len(size), theta.dtype
    columns = []
    for i in reversed(range(k)):
        n = size[i]
        at = cast(iota(n), dtype)
        if corners:
            row = sub(mul(at, 2.0 / (n - 1)), 1.0) if n > 1 else full((n,), 0.0, dtype)
        else:
            row = sub(div(add(mul(at, 2.0), 1.0), float(n)), 1.0)
        shape = tuple(n if d == i else 1 for d in range(k))
        columns.append(reshape(broadcast_to(reshape(row, shape), size), (numel(size), 1)))
    columns.append(full((numel(size), 1), 1.0, dtype))
    base = concat(columns, 1)
    turned = matmul(base, transpose(theta, 1, 2))
    return reshape(turned, (theta.shape[0], *size, k))

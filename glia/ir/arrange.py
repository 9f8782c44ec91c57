"""The same elements otherwise: turned, repeated, on and off the diagonal, in windows."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.dtypes import bool_, int64
from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, normalize_dim, numel
from glia.ir.build import add, full, le, sum_, where
from glia.ir.expr import Expr, intern
from glia.ir.ops.source import const, iota
from glia.ir.ops.view import FLIP, broadcast_to, concat, expand, pad, permute, reshape, slice_
from glia.ir.ops.window import window


def flip(x: Expr, dims: Shape) -> Expr:
    return intern(FLIP, (x,), (dims,)) if dims and x.ndim else x


def narrow(x: Expr, dim: int, start: int, stop: int, step: int = 1) -> Expr:
    """``x[…, start:stop:step, …]``; the numbers lie within the size."""
    first = tuple(start if d == dim else 0 for d in range(x.ndim))
    last = tuple(stop if d == dim else n for d, n in enumerate(x.shape))
    return slice_(x, first, last, tuple(step if d == dim else 1 for d in range(x.ndim)))


def roll(x: Expr, shifts: Shape, dims: Shape) -> Expr:
    """Elements move on by ``shifts``; those that leave at the end come in at the beginning."""
    for shift, dim in zip(shifts, dims, strict=True):
        size = x.shape[dim]
        at = shift % size if size else 0
        if at:
            tail, head = narrow(x, dim, size - at, size), narrow(x, dim, 0, size - at)
            x = concat([tail, head], dim)
    return x


def moved(x: Expr, source: Shape, destination: Shape) -> Expr:
    """Dimensions moved to other places; the others keep their order."""
    order = [d for d in range(x.ndim) if d not in source]
    for to, d in sorted(zip(destination, source, strict=True)):
        order.insert(to, d)
    return permute(x, tuple(order))


def repeat(x: Expr, sizes: Shape) -> Expr:
    """The whole tensor so many times along every dimension."""
    shape = (1,) * (len(sizes) - x.ndim) + x.shape
    apart = tuple(n for size in shape for n in (1, size))
    spread = tuple(n for pair in zip(sizes, shape, strict=True) for n in pair)
    whole = tuple(a * b for a, b in zip(sizes, shape, strict=True))
    return reshape(expand(reshape(x, apart), spread), whole)


def repeat_each(x: Expr, times: int, dim: int) -> Expr:
    """Every element so many times in a row along ``dim``."""
    before, after = x.shape[: dim + 1], x.shape[dim + 1 :]
    spread = expand(reshape(x, (*before, 1, *after)), (*before, times, *after))
    return reshape(spread, (*before[:-1], before[-1] * times, *after))


def stack(xs: Sequence[Expr], dim: int) -> Expr:
    shape = (*xs[0].shape[:dim], 1, *xs[0].shape[dim:])
    return concat([reshape(x, shape) for x in xs], dim)


def unfold(x: Expr, dim: int, size: int, step: int) -> Expr:
    """All windows of ``size`` elements, ``step`` apart; what is inside them comes last."""
    if not x.ndim:
        return reshape(x, (size,))
    turned = moved(x, (dim,), (x.ndim - 1,))
    found = window(turned, (size,), (step,), (1,))
    return moved(found, (x.ndim - 1,), (dim,))


# The diagonal


def below(shape: Shape, diagonal: int) -> Expr:
    """Whether a place of a matrix (the last two dimensions) lies on a diagonal or below it."""
    rows, columns = _matrix(shape)
    row, column = reshape(iota(rows, int64), (rows, 1)), iota(columns, int64)
    return le(column, add(row, diagonal))


def _matrix(shape: Shape) -> tuple[int, int]:
    if len(shape) < 2:
        what = tr(
            f"expected at least 2 dimensions, got shape {shape}.",
            f"至少需要 2 维，得到形状 {shape}。",
        )
        raise ShapeError(teach(what))
    return shape[-2], shape[-1]


def tril(x: Expr, diagonal: int) -> Expr:
    return where(broadcast_to(below(x.shape, diagonal), x.shape), x, const(0, x.dtype))


def triu(x: Expr, diagonal: int) -> Expr:
    under = broadcast_to(below(x.shape, diagonal - 1), x.shape)
    return where(under, const(0, x.dtype), x)


def _corner(rows: int, columns: int, offset: int) -> tuple[int, int, int]:
    """Where a diagonal starts, and how long it is."""
    row, column = max(-offset, 0), max(offset, 0)
    return row, column, max(min(rows - row, columns - column), 0)


def diagonal(x: Expr, offset: int, dim1: int, dim2: int) -> Expr:
    """The diagonal of two dimensions, as a new last one."""
    if dim1 == dim2:
        what = tr(
            f"diagonal: expected two dimensions, got {dim1} twice.",
            f"diagonal：需要两个不同的维度，得到两个 {dim1}。",
        )
        raise ShapeError(teach(what))
    x = moved(x, (dim1, dim2), (x.ndim - 2, x.ndim - 1))
    row, column, m = _corner(*_matrix(x.shape), offset)
    lead = x.shape[:-2]
    if not m:
        return full((*lead, 0), 0, x.dtype)
    square = narrow(narrow(x, x.ndim - 2, row, row + m), x.ndim - 1, column, column + m)
    none = (0,) * len(lead)
    # one element more in every row, and the diagonal is a column
    flat = pad(reshape(square, (*lead, m * m)), (*none, 0), (*none, m))
    return reshape(narrow(reshape(flat, (*lead, m, m + 1)), len(lead) + 1, 0, 1), (*lead, m))


def diagonal_matrix(x: Expr, offset: int, dim1: int, dim2: int) -> Expr:
    """The last dimension on a diagonal, zeros elsewhere; the inverse of ``diagonal``."""
    *lead, m = x.shape
    size = m + abs(offset)
    none = (0,) * len(lead)
    spread = pad(reshape(x, (*lead, m, 1)), (*none, 0, 0), (*none, 0, m))
    flat = narrow(reshape(spread, (*lead, m * (m + 1))), len(lead), 0, m * m)
    before = (max(-offset, 0), max(offset, 0))
    after = (size - m - before[0], size - m - before[1])
    whole = pad(reshape(flat, (*lead, m, m)), (*none, *before), (*none, *after))
    return moved(whole, (x.ndim - 1, x.ndim), (dim1, dim2))


def on_diagonal(x: Expr, values: Expr, offset: int, dim1: int, dim2: int) -> Expr:
    """``x`` with other values on the diagonal of two dimensions."""
    rows, columns = x.shape[dim1], x.shape[dim2]
    row, column, m = _corner(rows, columns, offset)
    wanted = (*(n for d, n in enumerate(x.shape) if d not in (dim1, dim2)), m)
    if values.shape != wanted:
        what = tr(
            f"diagonal_scatter: expected values of shape {wanted}, got {values.shape}.",
            f"diagonal_scatter：值的形状应为 {wanted}，得到 {values.shape}。",
        )
        raise ShapeError(teach(what))
    if not m:
        return x

    def placed(part: Expr) -> Expr:
        square = diagonal_matrix(part, 0, part.ndim - 1, part.ndim)
        none = (0,) * (part.ndim - 1)
        after = (rows - row - m, columns - column - m)
        whole = pad(square, (*none, row, column), (*none, *after))
        return moved(whole, (whole.ndim - 2, whole.ndim - 1), (dim1, dim2))

    return where(placed(full(values.shape, True, bool_)), placed(values), x)


def block_diag(*xs: Expr) -> Expr:
    """Matrices along the diagonal, zeros elsewhere."""
    matrices = [reshape(x, (1,) * (2 - x.ndim) + x.shape) for x in xs]
    width = sum(x.shape[1] for x in matrices)
    rows, at = [], 0
    for x in matrices:
        rows.append(pad(x, (0, at), (0, width - at - x.shape[1])))
        at += x.shape[1]
    return concat(rows, 0)


def sum_to(x: Expr, shape: Shape) -> Expr:
    """Summed over what broadcasting would repeat, down to ``shape``."""
    extra = x.ndim - len(shape)
    fits = extra >= 0 and all(b in (1, a) for a, b in zip(x.shape[extra:], shape, strict=True))
    if not fits:
        what = tr(
            f"sum_to_size: {shape} does not broadcast to {x.shape}.",
            f"sum_to_size：{shape} 不能广播到 {x.shape}。",
        )
        raise ShapeError(teach(what))
    dims = [*range(extra)]
    dims += [extra + d for d, n in enumerate(shape) if n == 1 and x.shape[extra + d] != 1]
    if not dims and x.ndim:
        return reshape(x, shape)
    return reshape(sum_(x, tuple(dims), True), shape)


def placed_slice(x: Expr, values: Expr, dim: int, start: int, stop: int, step: int) -> Expr:
    """``x`` with ``values`` in ``[…, start:stop:step, …]``."""
    from glia.ir.ops.window import dilate

    size = len(range(start, stop, step))
    wanted = tuple(size if d == dim else n for d, n in enumerate(x.shape))
    if values.shape != wanted:
        what = tr(
            f"slice_scatter: expected values of shape {wanted}, got {values.shape}.",
            f"slice_scatter：值的形状应为 {wanted}，得到 {values.shape}。",
        )
        raise ShapeError(teach(what))
    if not numel(wanted):
        return x

    def spread(part: Expr) -> Expr:
        apart = dilate(part, tuple(step if d == dim else 1 for d in range(x.ndim)))
        before = tuple(start if d == dim else 0 for d in range(x.ndim))
        after = (n - b - s for n, b, s in zip(x.shape, before, apart.shape, strict=True))
        return pad(apart, before, tuple(after))

    # whether a place is one of them, told by its number
    place = iota(x.shape[dim], int64)
    hit = _every(place, start, start + (size - 1) * step, step)
    shape = tuple(n if d == dim else 1 for d, n in enumerate(x.shape))
    return where(broadcast_to(reshape(hit, shape), x.shape), spread(values), x)


def _every(place: Expr, first: int, last: int, step: int) -> Expr:
    from glia.ir.build import eq, ge, mul, remainder, sub

    hit = mul(ge(place, first), le(place, last))
    return hit if step == 1 else mul(hit, eq(remainder(sub(place, first), step), 0))


def rot90(x: Expr, times: int, dims: Shape) -> Expr:
    """A quarter turn from the first of two dimensions towards the second, so many times."""
    a, b = (normalize_dim(d, x.ndim) for d in dims)
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    turns = times % 4
    if turns == 1:
        return permute(flip(x, (b,)), tuple(order))
    if turns == 2:
        return flip(x, tuple(sorted((a, b))))
    return permute(flip(x, (a,)), tuple(order)) if turns == 3 else x

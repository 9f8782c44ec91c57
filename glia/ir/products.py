"""Layers' arithmetic on expressions: matrix products, convolution, pooling, one-hot coding."""

from __future__ import annotations

from glia.base.dtypes import DType, promote
from glia.base.errors import ShapeError, teach
from glia.base.shapes import Shape, broadcast, numel
from glia.ir.build import add, cast, eq
from glia.ir.expr import Expr
from glia.ir.ops import contract as _contract
from glia.ir.ops.source import iota
from glia.ir.ops.view import broadcast_to, reshape


def matmul(a: Expr, b: Expr) -> Expr:
    """Matrix product with NumPy's rules for vectors and for leading (batch) dimensions."""
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError(teach("matmul: expected at least one dimension, found a scalar.", "use *"))
    dtype = promote(a.dtype, b.dtype)
    a, b = cast(a, dtype), cast(b, dtype)
    left = reshape(a, (1, a.shape[0])) if a.ndim == 1 else a
    right = reshape(b, (b.shape[0], 1)) if b.ndim == 1 else b
    m, k = left.shape[-2:]
    if right.shape[-2] != k:
        message = f"matmul: {a.shape} and {b.shape} do not fit: {k} against {right.shape[-2]}."
        raise ShapeError(teach(message, "the last size of a must be the last but one of b"))
    n = right.shape[-1]
    lead = broadcast(left.shape[:-2], right.shape[:-2])
    out = _batched(left, right, lead, m, k, n)
    shape = (*lead, *(() if a.ndim == 1 else (m,)), *(() if b.ndim == 1 else (n,)))
    return reshape(out, shape)


def _batched(a: Expr, b: Expr, lead: Shape, m: int, k: int, n: int) -> Expr:
    p = _contract.plain
    if all(size == 1 for size in b.shape[:-2]):
        # one matrix on the right: the batch joins the rows
        rows = numel(lead) * m
        b, turned = _straight(reshape(b, (k, n)))
        of_b = (p(1), p(2)) if turned else (p(2), p(1))
        a = reshape(broadcast_to(a, (*lead, m, k)), (rows, k))
        return _contract.contract(a, b, (rows, n, k), 2, (p(0), p(2)), of_b)
    r = len(lead)
    b, turned = _straight(b)
    last = (n, k) if turned else (k, n)
    a, b = broadcast_to(a, (*lead, m, k)), broadcast_to(b, (*lead, *last))
    batch = tuple(p(i) for i in range(r))
    b_map = (*batch, p(r + 1), p(r + 2)) if turned else (*batch, p(r + 2), p(r + 1))
    return _contract.contract(a, b, (*lead, m, n, k), r + 2, (*batch, p(r), p(r + 2)), b_map)


def _straight(matrix: Expr) -> tuple[Expr, bool]:
    """A transposed matrix (or batch of them) as it was before, and whether it was transposed.

    Its gradient is then computed the way it lies, too.
    """
    rank = matrix.ndim
    turned = (*range(rank - 2), rank - 1, rank - 2)
    if matrix.op.name == "permute" and matrix.attrs[0] == turned:
        return matrix.inputs[0], True
    return matrix, False


def linear(x: Expr, weight: Expr, bias: Expr | None = None) -> Expr:
    """``x Wᵀ + b`` over the last dimension."""
    if x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        message = f"linear: expected last dimension {weight.shape[1]}, got {x.shape}."
        help = f"give the layer in_features={x.shape[-1] if x.ndim else 1}, or reshape the input"
        raise ShapeError(teach(message, help))
    p = _contract.plain
    rows = numel(x.shape[:-1])
    flat = reshape(x, (rows, x.shape[-1]))
    out = _contract.contract(flat, weight, (rows, *weight.shape), 2, (p(0), p(2)), (p(1), p(2)))
    if bias is not None:
        out = add(out, bias)
    return reshape(out, (*x.shape[:-1], weight.shape[0]))


def conv(
    x: Expr,
    weight: Expr,
    bias: Expr | None,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    groups: int,
    behind: Shape | None = None,
) -> Expr:
    """Cross-correlation of x (N, C, *spatial) with weight (O, C/groups, *kernel), plus bias.

    ``behind``: zeros after the last element, where they are not as many as before the first.
    """
    batch, channels, *size = x.shape
    filters, per_group, *kernel = weight.shape
    if channels != per_group * groups or filters % groups:
        message = f"conv: expected {per_group * groups} input channels, got {x.shape}."
        raise ShapeError(teach(message, f"give the layer in_channels={channels}"))
    out = tuple(
        (s + p + q - d * (k - 1) - 1) // t + 1
        for s, p, q, d, k, t in zip(
            size, padding, behind or padding, dilation, kernel, stride, strict=True
        )
    )
    if min(out) < 1:
        message = f"conv: kernel {tuple(kernel)} is larger than the padded input {x.shape}."
        raise ShapeError(teach(message, "use a smaller kernel or more padding"))
    grouped = reshape(x, (batch, groups, per_group, *size))
    w = reshape(weight, (groups, filters // groups, per_group, *kernel))
    attrs = _contract.conv_attrs(
        batch, channels, filters, out, tuple(kernel), stride, padding, dilation, groups
    )
    result = reshape(_contract.contract(grouped, w, *attrs), (batch, filters, *out))
    if bias is not None:
        result = add(result, reshape(bias, (filters, *(1 for _ in out))))
    return result


def spread(x: Expr, weight: Expr, groups: int) -> Expr:
    """Every element of x (N, C, *spatial) times its window of weight (C, O/groups, *kernel).

    The windows stand side by side: a transposed convolution whose step is its kernel.
    """
    batch, channels, *size = x.shape
    _, per_group, *kernel = weight.shape
    k, c = len(kernel), channels // groups
    grouped = reshape(x, (batch, groups, c, *size))
    w = reshape(weight, (groups, c, per_group, *kernel))
    p = _contract.plain
    sizes = [n for pair in zip(size, kernel, strict=True) for n in pair]
    last = 3 + 2 * k
    a_map = (p(0), p(1), p(last), *(p(3 + 2 * i) for i in range(k)))
    b_map = (p(1), p(last), p(2), *(p(4 + 2 * i) for i in range(k)))
    shape = (batch, groups, per_group, *sizes, c)
    out = _contract.contract(grouped, w, shape, last, a_map, b_map)
    whole = (n * m for n, m in zip(size, kernel, strict=True))
    return reshape(out, (batch, groups * per_group, *whole))


def one_hot(index: Expr, classes: int, dtype: DType) -> Expr:
    """1 where the last dimension's number equals the index, else 0. Free: nothing is stored."""
    running = iota(classes, index.dtype)
    return cast(eq(reshape(index, (*index.shape, 1)), running), dtype)

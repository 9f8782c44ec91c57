"""Give every contraction operands it never reads outside of: explicit zeros instead of tests."""

from __future__ import annotations

from glia.ir.expr import Expr, intern
from glia.ir.ops.contract import CONTRACT, Affine
from glia.ir.ops.view import pad


def pad_contraction(node: Expr) -> Expr:
    """An equal contraction whose index forms stay inside its operands."""
    sizes, rank, a_map, b_map = node.attrs
    a, a_map = _inside(node.inputs[0], a_map, sizes)
    b, b_map = _inside(node.inputs[1], b_map, sizes)
    return intern(CONTRACT, (a, b), (sizes, rank, a_map, b_map))


def _inside(
    x: Expr, index_map: tuple[Affine, ...], sizes: tuple[int, ...]
) -> tuple[Expr, tuple[Affine, ...]]:
    before, after, moved = [], [], []
    for (offset, terms), size in zip(index_map, x.shape, strict=True):
        low = offset + sum(min(0, c * (sizes[v] - 1)) for v, c in terms)
        high = offset + sum(max(0, c * (sizes[v] - 1)) for v, c in terms)
        front, back = max(0, -low), max(0, high - size + 1)
        before.append(front)
        after.append(back)
        moved.append((offset + front, terms))
    return pad(x, tuple(before), tuple(after)), tuple(moved)

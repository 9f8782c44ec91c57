"""Cut a contraction that sums over very much into chunks, and add their results.

The weight gradient of a convolution sums over all positions of all images. A tile of it would
read both operands from end to end; chunk by chunk they stay in the cache, and threads have chunks
to share. Like ``reductions.py``, this depends on shapes alone.
"""

from __future__ import annotations

from glia.ir.expr import Expr, intern
from glia.ir.ops.contract import CONTRACT, Affine
from glia.ir.ops.reduce import SUM
from glia.ir.ops.view import reshape

#: Sums of fewer products are left whole: a tile's operands stay in the second-level cache.
LONG = 6000
#: Partial results of more elements than this would cost more than they save.
MOST = 1 << 23
SMALLEST, LARGEST = 4, 64  # how many chunks


def cut_contraction(node: Expr) -> Expr | None:
    """``Σ_k a b`` as ``Σ_y (Σ_rest a b)``, y a position that slides over an operand."""
    sizes, rank, a_map, b_map = node.attrs
    extent = 1
    for size in sizes[rank:]:
        extent *= size
    if extent < LONG or node.dtype.kind != "float":
        return None
    sliding = {v for _, terms in (*a_map, *b_map) if len(terms) > 1 for v, _ in terms}
    for v in range(rank, len(sizes)):
        fits = SMALLEST <= sizes[v] <= LARGEST and node.numel * sizes[v] <= MOST
        if v in sliding and fits:
            return _cut(node, v)
    return None


def _cut(node: Expr, chunk: int) -> Expr:
    sizes, rank, a_map, b_map = node.attrs
    rest = [v for v in range(len(sizes)) if v != chunk]
    number = {v: i + 1 for i, v in enumerate(rest)}
    number[chunk] = 0

    def renamed(index_map: tuple[Affine, ...]) -> tuple[Affine, ...]:
        return tuple(
            (offset, tuple(sorted((number[v], c) for v, c in terms))) for offset, terms in index_map
        )

    new_sizes = (sizes[chunk], *(sizes[v] for v in rest))
    attrs = (new_sizes, rank + 1, renamed(a_map), renamed(b_map))
    parts = intern(CONTRACT, node.inputs, attrs)
    return reshape(intern(SUM, (parts,), ((0,),)), node.shape)

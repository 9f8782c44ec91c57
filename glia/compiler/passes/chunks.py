"""Cut a contraction that sums over very much into chunks, and add their results.

The weight gradient of a convolution sums over all positions of all images. A tile of it would
read both operands from end to end; chunk by chunk they stay in the cache, and threads have chunks
to share. Like ``reductions.py``, this depends on shapes alone.
"""

from __future__ import annotations

from glia.ir.expr import Expr, intern
from glia.ir.ops.contract import CONTRACT, Map
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
        chunks = _chunks(sizes[v], any(_slides(v, node.attrs, m) for m in (a_map, b_map)))
        if v in sliding and chunks >= SMALLEST and node.numel * chunks <= MOST:
            return _cut(node, v, chunks)
    return None


def _chunks(size: int, pairs: bool) -> int:
    """The largest number of chunks; of whole pairs of positions, if that is wanted and can be."""
    found = [n for n in range(1, LARGEST + 1) if size % n == 0]
    even = [n for n in found if size // n % 2 == 0]
    return max(even or found if pairs else found, default=1)


def _slides(v: int, attrs: tuple, index_map: Map) -> bool:
    """Whether three taps slide in steps of one: in Winograd's form, positions go in pairs."""
    sizes, rank, *_ = attrs
    return any(
        set(terms) == {(v, 1), (w, c)} and w < rank and sizes[w] == 3
        for _, terms in index_map
        for w, c in terms
        if w != v
    )


def _cut(node: Expr, cut: int, chunks: int) -> Expr:
    """Variable ``cut`` as number of the chunk, which comes first, and place within it."""
    sizes, rank, a_map, b_map = node.attrs
    within = sizes[cut] // chunks
    number = {v: v + 1 for v in range(len(sizes))}

    def renamed(terms: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        found = {number[v]: c for v, c in terms}
        if number[cut] in found:
            found[0] = found[number[cut]] * within
            if within == 1:
                del found[number[cut]]
        return tuple(sorted(found.items()))

    maps = [tuple((at, renamed(terms)) for at, terms in m) for m in (a_map, b_map)]
    new_sizes = (chunks, *(within if v == cut else n for v, n in enumerate(sizes)))
    parts = intern(CONTRACT, node.inputs, (new_sizes, rank + 1, *maps))
    return reshape(intern(SUM, (parts,), ((0,),)), node.shape)

"""Cut a long reduction with few results into chunks, so that threads can share it.

The chunks depend on shapes alone, never on the number of threads: the order of additions, and so
every bit of the result, is always the same.
"""

from __future__ import annotations

from glia.ir.expr import Expr, intern
from glia.ir.ops.view import reshape

#: Reductions of fewer elements, or with more results, are left whole.
LONG = 1 << 14
FEW = 128
#: Rows that lie whole in memory are shared among threads as they are, if there are so many.
ROWS = 16
CHUNKS = 64


def split_reduction(node: Expr) -> Expr | None:
    """``reduce(x, dims)`` as a reduction of chunks and then of their results."""
    (x,) = node.inputs
    (dims,) = node.attrs
    trailing = dims == tuple(range(x.ndim - len(dims), x.ndim))
    if not dims or node.numel >= (ROWS if trailing else FEW) or x.numel < LONG:
        return None
    dim = max(dims, key=lambda d: (_chunks(x.shape[d]), -d))
    chunks = _chunks(x.shape[dim])
    if chunks < 4 or (x.shape[dim] == chunks and len(dims) == 1):
        return None
    cut = (*x.shape[:dim], chunks, x.shape[dim] // chunks, *x.shape[dim + 1 :])
    inner = tuple(d if d < dim else d + 1 for d in dims if d != dim)
    partial = intern(node.op, (reshape(x, cut),), (tuple(sorted((*inner, dim + 1))),))
    return reshape(intern(node.op, (partial,), ((dim,),)), node.shape)


def _chunks(size: int) -> int:
    """The largest divisor of a size that is not above ``CHUNKS``."""
    return max(n for n in range(1, min(size, CHUNKS) + 1) if size % n == 0) if size else 1

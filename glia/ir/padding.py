"""Elements around a tensor: a constant, mirrored, repeated or wrapped ones; all of them views."""

from __future__ import annotations

from glia.base.dtypes import bool_
from glia.base.shapes import Shape
from glia.ir.arrange import narrow
from glia.ir.build import Scalar, full, where
from glia.ir.expr import Expr, intern
from glia.ir.ops.view import FLIP, concat, expand, pad

#: Elements in front of the first and behind the last, for each of the last dimensions.
Around = tuple[tuple[int, int], ...]


def pad_value(x: Expr, before: Shape, after: Shape, value: Scalar) -> Expr:
    """Surround the last dimensions with a constant."""
    lead = (0,) * (x.ndim - len(before))
    before, after = (*lead, *before), (*lead, *after)
    padded = pad(x, before, after)
    if value == 0 or padded is x:
        return padded
    inside = pad(full(x.shape, True, bool_), before, after)
    return where(inside, padded, value)


def cropped(x: Expr, around: Around) -> Expr:
    """Without the elements that negative numbers take away."""
    first = x.ndim - len(around)
    for dim, (before, after) in enumerate(around, first):
        x = narrow(x, dim, max(-before, 0), x.shape[dim] - max(-after, 0))
    return x


def _grown(around: Around) -> Around:
    return tuple((max(before, 0), max(after, 0)) for before, after in around)


def constant(x: Expr, around: Around, value: Scalar) -> Expr:
    before, after = zip(*_grown(around), strict=True)
    return pad_value(cropped(x, around), before, after, x.dtype.np.type(value).item())


def reflect(x: Expr, around: Around) -> Expr:
    """``… x₂ x₁ | x₀ x₁ … | …``: the edge itself is not repeated."""
    for dim, (before, after) in enumerate(_grown(around), x.ndim - len(around)):
        n = x.shape[dim]
        left = intern(FLIP, (narrow(x, dim, 1, 1 + before),), ((dim,),)) if before else None
        right = intern(FLIP, (narrow(x, dim, n - 1 - after, n - 1),), ((dim,),)) if after else None
        x = concat([part for part in (left, x, right) if part is not None], dim)
    return cropped(x, around)


def replicate(x: Expr, around: Around) -> Expr:
    """``… x₀ x₀ | x₀ x₁ … | …``."""
    for dim, (before, after) in enumerate(_grown(around), x.ndim - len(around)):
        n = x.shape[dim]
        edges = ((narrow(x, dim, 0, 1), before), (narrow(x, dim, n - 1, n), after))
        left, right = (_repeated(edge, dim, count) for edge, count in edges)
        x = concat([*left, x, *right], dim)
    return cropped(x, around)


def _repeated(edge: Expr, dim: int, count: int) -> list[Expr]:
    wide = tuple(count if d == dim else n for d, n in enumerate(edge.shape))
    return [expand(edge, wide)] if count else []


def circular(x: Expr, around: Around) -> Expr:
    """``… xₙ₋₁ | x₀ x₁ … | x₀ …``; what is taken away is not wrapped."""
    x = cropped(x, around)
    for dim, (before, after) in enumerate(_grown(around), x.ndim - len(around)):
        n = x.shape[dim]
        left = [narrow(x, dim, n - before, n)] if before else []
        right = [narrow(x, dim, 0, after)] if after else []
        x = concat([*left, x, *right], dim)
    return x


#: By PyTorch's names; the constant takes its value besides.
MODES = {"reflect": reflect, "replicate": replicate, "circular": circular}

"""Sums of products over labelled dimensions: two tensors at a time, each pair one contraction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from glia.base.dtypes import promote
from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, numel
from glia.ir.arrange import diagonal
from glia.ir.build import cast, mul, sum_
from glia.ir.expr import Expr
from glia.ir.ops.contract import contract, plain
from glia.ir.ops.view import permute, reshape

#: A tensor and the labels of its dimensions.
Labelled = tuple[Expr, tuple[int, ...]]


def einsum(*parts: Any) -> Expr:
    """``out[…] = Σ x₁[…] x₂[…] …``: tensors, the labels of each, and those of the result."""
    *xs, labels, out = parts
    given = [_without_twins(x, tuple(names)) for x, names in zip(xs, labels, strict=True)]
    sizes = _sizes(given)
    left = [_without_ones(x, names, sizes) for x, names in given]
    wanted: tuple[int, ...] = tuple(out)
    while len(left) > 1:
        first, second = _cheapest(left, wanted, sizes)
        a, b = left[first], left[second]
        left = [pair for i, pair in enumerate(left) if i not in (first, second)]
        kept = {*wanted, *(name for _, names in left for name in names)}
        left.append(_product(a, b, kept, sizes, wanted))
    x, names = _summed(left[0], set(wanted))
    shape = tuple(sizes[name] for name in wanted)
    return _in_order(x, names, wanted, shape)


def _sizes(given: Iterable[Labelled]) -> dict[int, int]:
    """How large every label is; a size of 1 goes with any other."""
    found: dict[int, int] = {}
    for x, names in given:
        for name, size in zip(names, x.shape, strict=True):
            known = found.setdefault(name, size)
            if known == 1:
                found[name] = size
            elif size not in (1, known):
                what = tr(
                    f"einsum: one label stands for sizes {known} and {size}.",
                    f"einsum：同一下标对应大小 {known} 与 {size}。",
                )
                help = tr("sizes of one label must be equal, or 1", "同一下标的大小应相等，或为 1")
                raise ShapeError(teach(what, help))
    return found


def _without_twins(x: Expr, names: tuple[int, ...]) -> Labelled:
    """A label that a tensor bears twice means its diagonal."""
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            a = names.index(name)
            b = names.index(name, a + 1)
            if x.shape[a] != x.shape[b]:
                what = tr(
                    f"einsum: a label repeated in one operand stands for sizes {x.shape[a]} and "
                    f"{x.shape[b]}.",
                    f"einsum：同一操作数中重复的下标对应大小 {x.shape[a]} 与 {x.shape[b]}。",
                )
                raise ShapeError(teach(what))
            x = diagonal(x, 0, a, b)
            names = (*(n for d, n in enumerate(names) if d not in (a, b)), name)
    return x, names


def _without_ones(x: Expr, names: tuple[int, ...], sizes: dict[int, int]) -> Labelled:
    """Dimensions of size 1 that others have larger say nothing."""
    kept = [d for d, name in enumerate(names) if x.shape[d] == sizes[name]]
    return reshape(x, tuple(x.shape[d] for d in kept)), tuple(names[d] for d in kept)


def _cheapest(
    left: Sequence[Labelled], wanted: tuple[int, ...], sizes: dict[int, int]
) -> tuple[int, int]:
    """The two whose product is smallest; the first ones of equals."""

    def cost(pair: tuple[int, int]) -> int:
        others = {name for i, (_, names) in enumerate(left) if i not in pair for name in names}
        both = {*left[pair[0]][1], *left[pair[1]][1]}
        return numel([sizes[name] for name in both if name in others or name in wanted])

    return min(combinations(range(len(left)), 2), key=cost)


def _summed(given: Labelled, kept: set[int]) -> Labelled:
    """Summed over the labels that nobody asks for; whole numbers become int64, as in ``sum``."""
    x, names = given
    gone = tuple(d for d, name in enumerate(names) if name not in kept)
    if not gone:
        return given
    return sum_(x, gone), tuple(name for name in names if name in kept)


def _product(
    a: Labelled, b: Labelled, kept: set[int], sizes: dict[int, int], wanted: tuple[int, ...]
) -> Labelled:
    x, of_x = _summed(a, kept | set(b[1]))
    y, of_y = _summed(b, kept | set(a[1]))
    dtype = promote(x.dtype, y.dtype)
    x, y = cast(x, dtype), cast(y, dtype)
    shared = [name for name in of_x if name in of_y]
    over = [name for name in shared if name not in kept]
    both = [*of_x, *(name for name in of_y if name not in of_x)]
    if set(both) - set(over) == set(wanted):
        names = wanted
    else:
        first = [name for name in shared if name in kept]
        names = (*first, *(name for name in both if name not in first and name not in over))
    shape = tuple(sizes[name] for name in names)
    if not over:
        ones = [
            reshape(permute(z, order), tuple(sizes[n] if n in of else 1 for n in names))
            for z, of in ((x, of_x), (y, of_y))
            for order in [tuple(of.index(n) for n in names if n in of)]
        ]
        return mul(*ones), names
    number = {name: plain(i) for i, name in enumerate((*names, *over))}
    every = (*shape, *(sizes[name] for name in over))
    maps = [tuple(number[name] for name in of) for of in (of_x, of_y)]
    return contract(x, y, every, len(names), *maps), names


def _in_order(x: Expr, names: tuple[int, ...], wanted: tuple[int, ...], shape: Shape) -> Expr:
    from glia.ir.ops.view import broadcast_to

    x = permute(x, tuple(names.index(name) for name in wanted if name in names))
    known = tuple(n if name in names else 1 for name, n in zip(wanted, shape, strict=True))
    return broadcast_to(reshape(x, known), shape)

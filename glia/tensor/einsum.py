"""Sums of products written with labels: ``einsum`` and its relatives."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from glia.base.dtypes import promote
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim
from glia.ir.einsum import einsum as _einsum
from glia.tensor.tensor import Tensor, apply

_LETTERS = string.ascii_uppercase + string.ascii_lowercase
_DOTS = "..."


def einsum(equation: Any, *operands: Any) -> Tensor:
    """``einsum("ij,jk->ik", a, b)``: products summed over labels that the result does not bear.

    Args:
        equation: the labels of each operand, separated by commas, and after ``->`` those of the
            result (without it: all that occur once, in alphabetical order). ``...`` stands for any
            dimensions, which broadcast. Or instead: each operand followed by a list of numbers
            below 52 (and ``...``), and such a list for the result.
        operands: tensors, or one list of them.

    Raises:
        ArgumentError: labels that do not fit the operands.
        ShapeError: one label for different sizes.

    Example:
        >>> import glia as gl
        >>> gl.einsum("ij,j->i", gl.tensor([[1.0, 2.0], [3.0, 4.0]]), gl.tensor([1.0, 10.0]))
        tensor([21., 43.])
    """
    if isinstance(equation, str):
        one = len(operands) == 1 and isinstance(operands[0], list | tuple)
        tensors = list(operands[0]) if one else list(operands)
        left, arrow, right = equation.replace(" ", "").partition("->")
        inputs = [_letters(part) for part in left.split(",")]
        output = _letters(right) if arrow else None
    else:
        given = [equation, *operands]
        output = _numbered(given.pop()) if len(given) % 2 else None
        tensors, inputs = given[::2], [_numbered(part) for part in given[1::2]]
    if len(inputs) != len(tensors):
        what = tr(
            f"einsum: labels for {len(inputs)} operands, got {len(tensors)}.",
            f"einsum：给出了 {len(inputs)} 个操作数的下标，得到 {len(tensors)} 个。",
        )
        raise ArgumentError(teach(what))
    rest = [_dots(names, x) for names, x in zip(inputs, tensors, strict=True)]
    most = max(rest, default=0)
    if output is None:
        output = _implied(inputs)
    labels = tuple(_spelled(names, most, n) for names, n in zip(inputs, rest, strict=True))
    out = _spelled(output, most, most)
    known = {label for names in labels for label in names}
    if len(set(out)) != len(out) or not set(out) <= known:
        what = tr(
            "einsum: each label of the result must stand there once, and in some operand.",
            "einsum：结果的每个下标只能出现一次，且须出现在某个操作数中。",
        )
        raise ArgumentError(teach(what))
    return _contracted(tensors, labels, out)


def _contracted(tensors: Sequence[Tensor], labels: Any, out: tuple[int, ...]) -> Tensor:
    dtype = tensors[0].dtype
    for x in tensors[1:]:
        dtype = promote(dtype, x.dtype)
    return apply(_einsum, tuple(x.to(dtype) for x in tensors), labels, out)


def _letters(text: str) -> list[str]:
    """Labels and ``...`` of one operand."""
    before, dots, after = text.partition(_DOTS)
    found = [*before, *([_DOTS] if dots else []), *after]
    wrong = [name for name in found if name != _DOTS and name not in _LETTERS]
    if wrong:
        what = tr(
            f"einsum: expected letters and at most one '...', found {text!r}.",
            f"einsum：下标应为字母，至多一个 '...'，得到 {text!r}。",
        )
        raise ArgumentError(teach(what))
    return found


def _numbered(part: Any) -> list[str]:
    return [_DOTS if item is Ellipsis else _LETTERS[int(item)] for item in part]


def _dots(names: list[str], x: Tensor) -> int:
    """How many dimensions ``...`` stands for."""
    count = len(names) - names.count(_DOTS)
    if count > x.ndim or (count < x.ndim and _DOTS not in names):
        what = tr(
            f"einsum: {count} labels for an operand of shape {x.shape}.",
            f"einsum：形状 {x.shape} 的操作数有 {count} 个下标。",
        )
        raise ArgumentError(teach(what, tr("one label for each dimension", "每一维一个下标")))
    return x.ndim - count


def _implied(inputs: Sequence[list[str]]) -> list[str]:
    every = [name for names in inputs for name in names]
    once = sorted({name for name in every if name != _DOTS and every.count(name) == 1})
    return [_DOTS, *once] if _DOTS in every else once


def _spelled(names: Sequence[str], most: int, count: int) -> tuple[int, ...]:
    """Labels as numbers; the dimensions of ``...`` are numbered from the end, below zero."""
    found: list[int] = []
    for name in names:
        found += range(-count, 0) if name == _DOTS else [_LETTERS.index(name)]
    return tuple(found)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Products summed over dimensions of ``a`` and of ``b``.

    ``dims`` is how many: the last ones of ``a`` with the first ones of ``b``; or two lists.
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        dims = (range(a.ndim - dims, a.ndim), range(dims))
    pairs = [(part,) if isinstance(part, int) else part for part in dims]
    over = [[normalize_dim(d, x.ndim) for d in part] for x, part in zip((a, b), pairs, strict=True)]
    sizes = [[x.shape[d] for d in part] for x, part in zip((a, b), over, strict=True)]
    if any(m != n and 1 not in (m, n) for m, n in zip(*sizes, strict=True)):
        what = tr(
            f"tensordot: sizes {sizes[0]} and {sizes[1]} are summed over together; shapes "
            f"{a.shape} and {b.shape}.",
            f"tensordot：求和的大小 {sizes[0]} 与 {sizes[1]} 不同；形状为 {a.shape} 与 {b.shape}。",
        )
        raise ShapeError(teach(what))
    of_a = tuple(range(a.ndim))
    of_b = tuple(over[0][over[1].index(d)] if d in over[1] else a.ndim + d for d in range(b.ndim))
    out = tuple(n for n in (*of_a, *of_b) if n not in over[0])
    return _contracted((a, b), (of_a, of_b), out).to(promote(a.dtype, b.dtype))

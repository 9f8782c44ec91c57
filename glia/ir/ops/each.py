"""A row of kind host for every slice of a batch: what NumPy does, done again and again.

Rows that have no batch rule of their own are batched by this one (``ir/batch.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import GradError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern, substituted
from glia.ir.ops.control import stand_in
from glia.ir.table import TABLE, Bad, Op, Sample, register

#: Depth of the variables that stand for slices while a derivative is written.
DEPTH = 1 << 19


def _slices(inputs: Sequence[Expr], moving: tuple[bool, ...]) -> list[Expr]:
    """Variables for one slice of what moves, and for the rest."""
    pairs = enumerate(zip(inputs, moving, strict=True))
    return [
        stand_in(DEPTH, i, x.shape[1:] if moves else x.shape, x.dtype) for i, (x, moves) in pairs
    ]


def _attrs(row: Op, attrs: tuple[Any, ...], part: int) -> tuple[Any, ...]:
    return attrs if row.parts is None else (*attrs, part)


def _infer(
    inputs: tuple[Expr, ...],
    name: str,
    attrs: tuple[Any, ...],
    moving: tuple[bool, ...],
    part: int,
) -> tuple[Shape, DType]:
    sizes = {x.shape[:1] for x, moves in zip(inputs, moving, strict=True) if moves}
    if name not in TABLE or len(sizes) != 1 or sizes == {()} or sizes == {(0,)}:
        raise ShapeError(teach(f"each: expected one batch of slices for {name!r}, found {sizes}."))
    row = TABLE[name]
    inner = intern(row, tuple(_slices(inputs, moving)), _attrs(row, attrs, part))
    (size,) = sizes
    return (*size, *inner.shape), inner.dtype


def _parts(
    *arrays: np.ndarray, name: str, attrs: tuple[Any, ...], moving: tuple[bool, ...]
) -> Sequence[np.ndarray]:
    row = TABLE[name]
    size = next(len(array) for array, moves in zip(arrays, moving, strict=True) if moves)
    found: list[Sequence[np.ndarray]] = []
    for i in range(size):
        given = [array[i] if moves else array for array, moves in zip(arrays, moving, strict=True)]
        if row.parts is not None:
            named = dict(zip(row.attrs[:-1], attrs, strict=True))
            found.append(row.parts(*given, **named))
        else:
            assert row.numpy is not None
            found.append([row.numpy(*given, **dict(zip(row.attrs, attrs, strict=True)))])
    return [np.stack(results) for results in zip(*found, strict=True)]


def _numpy(*arrays: np.ndarray, part: int, **named: Any) -> np.ndarray:
    return _parts(*arrays, **named)[part]


def _gradient(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """The row's own derivative, batched; summed for what does not move."""
    from glia.ir.batch import batched, summed

    name, attrs, moving, part = node.attrs
    row, size = TABLE[name], node.shape[0]
    if row.gradient is None:
        message = f"the operation '{name}' has no derivative."
        raise GradError(teach(message, "call .detach() on its input if no gradient should flow"))
    slices = _slices(node.inputs, moving)
    inner = intern(row, tuple(slices), _attrs(row, attrs, part))
    coming = stand_in(DEPTH, len(slices), inner.shape, inner.dtype)
    back = row.gradient(inner, coming)
    triples = list(zip(slices, node.inputs, moving, strict=True))
    fixed = {v: x for v, x, moves in triples if not moves}
    stacks = {v: x for v, x, moves in triples if moves} | {coming: g}
    found: list[Expr | None] = []
    for template, moves in zip(back, moving, strict=True):
        if template is None:
            found.append(None)
            continue
        (written,) = substituted((template,), fixed)
        found.append((batched if moves else summed)(written, stacks, size))
    return tuple(found)


def _samples() -> Sequence[Sample]:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(3, 4, 5))
    attrs = {"name": "argsort", "attrs": (1, False), "moving": (True,), "part": 0}
    return [Sample((array,), attrs, False) for array in (x, x[:1].astype(np.float32))]


EACH = register(
    Op(
        "each",
        "host",
        "f(x₀), f(x₁), …",
        _infer,
        _numpy,
        _gradient,
        ("name", "attrs", "moving", "part"),
        _samples,
        lambda: [
            Bad(
                (np.ones((0, 2)),),
                {"name": "argsort", "attrs": (0, False), "moving": (True,), "part": 0},
                ShapeError,
                "one batch of slices",
            )
        ],
        _parts,
    )
)


def each(row: Op, inputs: Sequence[Expr], moving: Sequence[bool], attrs: tuple[Any, ...]) -> Expr:
    """The row of kind host on every slice of the inputs that move, stacked."""
    rest, part = (attrs, 0) if row.parts is None else (attrs[:-1], attrs[-1])
    return intern(EACH, tuple(inputs), (row.name, rest, tuple(moving), part))

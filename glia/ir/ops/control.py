"""Repetition: one body run once for every element of a sequence.

``scan`` carries values from step to step. Its body is a tuple of expressions over *bound*
variables, numbered: first the carries, then one slice of every sequence, then the constants. The
body stands in the attributes, so it is one expression however long the sequence is.

A scan has one result, like every op: the last value of a carry (``final``), all its values with
the first in front (``states``), or an output of every step (``stack``). Scans over the same
inputs with the same carries run as one loop.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import DType, as_dtype, float32, float64
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.interpret import interpret
from glia.ir.ops.elementwise import ADD, MUL
from glia.ir.table import Bad, Op, Sample, register


def _bound_infer(
    _inputs: tuple[Expr, ...], number: int, shape: Shape, dtype: DType
) -> tuple[Shape, DType]:
    return shape, dtype


BOUND = register(Op("bound", "source", "x", _bound_infer, None, attrs=("number", "shape", "dtype")))


def bound(number: int, shape: Shape, dtype: DType) -> Expr:
    """A variable of a body, which has no meaning outside it."""
    return intern(BOUND, (), (number, shape, dtype))


_count = itertools.count(1)


def fresh(shape: Shape, dtype: DType) -> Expr:
    """A variable for a body that is being written; ``Loop`` numbers it anew."""
    return bound(-next(_count), shape, dtype)


def stand_in(depth: int, number: int, shape: Shape, dtype: DType) -> Expr:
    """A variable for a body that users' code is writing, so many loops deep.

    The same each time, so that writing a body again finds the expressions of the first time.
    """
    return bound(-(1 << 40) - (depth << 20) - number, shape, dtype)


def variables(
    inputs: Sequence[Expr], carries: int, sequences: int
) -> tuple[tuple[Expr, ...], tuple[Expr, ...], tuple[Expr, ...]]:
    """The bound variables of a scan over these inputs: carries, slices, constants."""
    found = []
    for number, x in enumerate(inputs):
        slice_of = carries <= number < carries + sequences
        found.append(bound(number, x.shape[1:] if slice_of else x.shape, x.dtype))
    first, second = carries, carries + sequences
    return tuple(found[:first]), tuple(found[first:second]), tuple(found[second:])


def loop_of(node: Expr) -> tuple[object, ...]:
    """What the scans that run as one loop have in common."""
    return node.inputs, *node.attrs[2:]


def _infer(
    inputs: tuple[Expr, ...],
    kind: str,
    out: Expr | int,
    carry: tuple[Expr, ...],
    sequences: int,
    length: int,
    reverse: bool,
) -> tuple[Shape, DType]:
    for start, after in zip(inputs, carry, strict=False):
        if (start.shape, start.dtype) != (after.shape, after.dtype):
            found = f"{after.dtype.name} {after.shape} after {start.dtype.name} {start.shape}"
            message = f"scan: a carry must keep its shape and dtype, found {found}."
            raise ShapeError(teach(message, "return the carry as it came in, .to() or .reshape()"))
    for x in inputs[len(carry) : len(carry) + sequences]:
        if not x.shape or x.shape[0] != length:
            message = f"scan: expected sequences of length {length}, found shape {x.shape}."
            raise ShapeError(teach(message, "steps run over the first dimension of every sequence"))
    if length < 1:
        raise ShapeError(teach("scan: expected at least one step.", "check that xs is not empty"))
    if isinstance(out, int):
        last = carry[out]
        return (last.shape if kind == "final" else (length + 1, *last.shape)), last.dtype
    if kind != "stack":
        raise DTypeError(teach(f"scan: kind {kind!r} does not go with an expression."))
    return (length, *out.shape), out.dtype


def _numpy(
    *arrays: np.ndarray,
    kind: str,
    out: Expr | int,
    carry: tuple[Expr, ...],
    sequences: int,
    length: int,
    reverse: bool,
) -> np.ndarray:
    n = len(carry)
    state, xs, consts = list(arrays[:n]), arrays[n : n + sequences], arrays[n + sequences :]
    kept = [state[out]] if isinstance(out, int) else []
    roots = carry if isinstance(out, int) else (*carry, out)
    for t in reversed(range(length)) if reverse else range(length):
        given = [*state, *(x[t] for x in xs), *consts]
        values = {bound(i, a.shape, as_dtype(a.dtype)): np.asarray(a) for i, a in enumerate(given)}
        results = interpret(roots, values)
        state = results[:n]
        kept.append(state[out] if isinstance(out, int) else results[n])
    if kind == "final":
        return kept[-1]
    return np.stack(kept[::-1] if reverse else kept)


def _samples() -> Sequence[Sample]:
    rng = np.random.default_rng(11)
    found = []
    for dtype in (float32, float64):
        h, x, c = (bound(i, (3,), dtype) for i in range(3))
        after = intern(ADD, (intern(MUL, (h, c)), x))
        arrays = [rng.normal(size=s).astype(dtype.np) for s in ((3,), (5, 3), (3,))]
        for kind, out in (("final", 0), ("states", 0), ("stack", intern(MUL, (h, x)))):
            for reverse in (False, True):
                values: tuple[Any, ...] = (kind, out, (after,), 1, 5, reverse)
                named = dict(zip(_NAMES, values, strict=True))
                found.append(Sample(tuple(arrays), named, dtype is float64))
    return found


def _bad() -> Sequence[Bad]:
    h, x = bound(0, (3,), float32), bound(1, (3,), float32)
    attrs: tuple[Any, ...] = ("final", 0, (intern(ADD, (h, x)),), 1, 5, False)
    named = dict(zip(_NAMES, attrs, strict=True))
    start = np.ones(3, np.float32)
    return [
        Bad((start, np.ones((4, 3), np.float32)), named, ShapeError, "length 5"),
        Bad((start[:2], np.ones((5, 3), np.float32)), named, ShapeError, "keep its shape"),
    ]


_NAMES = ("kind", "out", "carry", "sequences", "length", "reverse")
SCAN = register(
    Op(
        "scan",
        "control",
        "cₜ = f(cₜ₋₁, xₜ)",
        _infer,
        _numpy,
        attrs=_NAMES,
        samples=_samples,
        bad=_bad,
    )
)

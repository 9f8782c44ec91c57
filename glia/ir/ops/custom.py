"""What transforms of functions write into expressions; programs see through both.

``mark`` is an argument of a function that is being transformed: its value, but an object of its
own, so that derivatives are taken by this argument and not by whatever else has the same value.
``custom`` is a value whose derivative is written beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType, float32
from glia.base.errors import ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.control import bound
from glia.ir.ops.elementwise import MUL
from glia.ir.table import Bad, Op, Sample, register


def _mark_infer(inputs: tuple[Expr, ...], level: int, number: int) -> tuple[Shape, DType]:
    if level < 0:
        raise ShapeError(teach(f"mark: expected a level of at least 0, found {level}."))
    return inputs[0].shape, inputs[0].dtype


MARK = register(
    Op(
        "mark",
        "view",
        "x, an argument",
        _mark_infer,
        lambda x, level, number: x,
        lambda node, g: (g,),
        ("level", "number"),
        lambda: [Sample((np.arange(3.0),), {"level": 0, "number": n}) for n in range(2)],
        lambda: [Bad((np.ones(3),), {"level": -1, "number": 0}, ShapeError, "at least 0")],
    )
)


def mark(x: Expr, level: int, number: int) -> Expr:
    """``x`` as an argument, with a number, of the transform so many transforms deep."""
    return intern(MARK, (x,), (level, number))


#: How a template is to be read.
WAYS = ("vjp", "again", "jvp")


def _infer(
    inputs: tuple[Expr, ...],
    number: int,
    results: int,
    way: str,
    templates: tuple[Expr | None, ...],
) -> tuple[Shape, DType]:
    if not 0 <= number < results <= len(inputs) or way not in WAYS:
        raise ShapeError(teach(f"custom: no result {number} of {results}, or way {way!r}."))
    wanted = inputs[:results] if way == "jvp" else inputs[results:]
    fits = len(wanted) == len(templates) and all(
        t is None or (t.shape, t.dtype) == (x.shape, x.dtype)
        for t, x in zip(templates, wanted, strict=True)
    )
    if not fits:
        raise ShapeError(teach("custom: derivatives must have the shapes of what they belong to."))
    return inputs[number].shape, inputs[number].dtype


def scope(node: Expr) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    """The variables of a custom node's templates: for what it reads, and for what comes in.

    What comes in are the gradients of all results, or the tangents of all that is read.
    """
    _, results, way, _ = node.attrs
    reads = node.inputs[results:]
    coming = reads if way == "jvp" else node.inputs[:results]
    count = len(reads)
    first = tuple([bound(i, x.shape, x.dtype) for i, x in enumerate(reads)])
    second = tuple([bound(count + i, x.shape, x.dtype) for i, x in enumerate(coming)])
    return first, second


def _samples() -> Sequence[Sample]:
    x, g = (bound(i, (3,), float32) for i in range(2))
    arrays = (np.arange(3, dtype=np.float32), np.ones(3, np.float32))
    attrs = {"number": 0, "results": 1, "way": "vjp", "templates": (intern(MUL, (x, g)),)}
    return [Sample(arrays, {**attrs, "way": way}, False) for way in WAYS]


CUSTOM = register(
    Op(
        "custom",
        "control",
        "y, with a derivative of its own",
        _infer,
        lambda *arrays, number, results, way, templates: arrays[number],
        attrs=("number", "results", "way", "templates"),
        samples=_samples,
        bad=lambda: [
            Bad(
                (np.ones(3), np.ones(2)),
                {"number": 0, "results": 1, "way": "vjp", "templates": (bound(0, (3,), float32),)},
                ShapeError,
                "shapes of what they belong to",
            )
        ],
    )
)


def custom(
    values: Sequence[Expr], reads: Sequence[Expr], way: str, templates: Sequence[Expr | None]
) -> tuple[Expr, ...]:
    """The values, whose derivatives are templates over what is read.

    Templates of way ``vjp`` are the gradients of what is read, from those of all values; ``again``
    says the same, and that the values' own tangents are right; those of way ``jvp`` are the
    tangents of all values, from those of what is read, in which they must be linear.
    """
    inputs, count = (*values, *reads), len(values)
    attrs = (count, way, tuple(templates))
    return tuple([intern(CUSTOM, inputs, (number, *attrs)) for number in range(count)])

"""The op table: one row per primitive. Tests, docs, gradients and the lab read it.

A row says everything that is independent of how the op is executed. What other layers need to
know of an op (native code, ONNX names) they keep in tables of their own, keyed by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import GliaError
from glia.base.shapes import Shape

if TYPE_CHECKING:
    from glia.ir.expr import Expr

KINDS = (
    "source",
    "elementwise",
    "reduce",
    "view",
    "window",
    "contract",
    "index",
    "random",
    "control",
    "host",
)

Infer = Callable[..., tuple[Shape, DType]]
Gradient = Callable[..., "tuple[Expr | None, ...]"]


@dataclass(frozen=True)
class Sample:
    """Inputs on which a row is checked: NumPy arrays and the op's attributes."""

    arrays: tuple[np.ndarray, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    differentiable: bool = True  # False at a kink, where a numeric derivative means nothing


@dataclass(frozen=True)
class Bad:
    """Inputs that must be refused, and words its message must hold."""

    arrays: tuple[np.ndarray, ...]
    attrs: dict[str, Any]
    error: type[GliaError]
    words: str


@dataclass(frozen=True, eq=False, repr=False)
class Op:
    """One primitive.

    ``infer(inputs, **attrs)`` gives shape and dtype or raises; ``numpy(*arrays, **attrs)`` is the
    meaning; ``gradient(node, g)`` gives one expression per input (None: no gradient flows).

    Rows of kind ``host`` are run by NumPy also when compiled. Where a function has several
    results, its row gives the one that the last attribute numbers; ``parts(*arrays, **others)``
    gives all, and a program that wants several calls it once.
    """

    name: str
    kind: str
    formula: str
    infer: Infer
    numpy: Callable[..., Any] | None
    gradient: Gradient | None = None
    attrs: tuple[str, ...] = ()
    samples: Callable[[], Sequence[Sample]] = tuple
    bad: Callable[[], Sequence[Bad]] = tuple
    parts: Callable[..., Sequence[Any]] | None = None

    def __repr__(self) -> str:
        return f"<op {self.name}>"


TABLE: dict[str, Op] = {}


def register(op: Op) -> Op:
    """Add a row; a name can stand in the table once."""
    if op.name in TABLE or op.kind not in KINDS:
        raise AssertionError(f"op {op.name!r}: name taken or kind {op.kind!r} unknown")
    TABLE[op.name] = op
    return op

"""The greatest common divisor, and the parts of a floating-point number, by NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType, int32
from glia.base.errors import DTypeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.elementwise import DIV, _bad, _infer, _op
from glia.ir.table import Bad, Op, Sample, register

_WHOLE = ("int", "uint")


def _gcd_samples() -> Sequence[Sample]:
    rng = np.random.default_rng(3)
    pairs = [rng.integers(-40, 40, (2, *shape)) for shape in ((7,), (2, 3), (), (0, 4))]
    kinds = (np.int32, np.int64)
    return [Sample((a.astype(kind), b.astype(kind))) for a, b in pairs for kind in kinds]


GCD = register(
    Op(
        "gcd",
        "host",
        "the greatest number that divides a and b",
        _infer("gcd", 2, _WHOLE, None),
        np.gcd,
        samples=_gcd_samples,
        bad=_bad(2, _WHOLE),
    )
)


def _parts(x: np.ndarray) -> Sequence[np.ndarray]:
    mantissa, exponent = np.frexp(x)
    return np.asarray(mantissa, x.dtype), np.asarray(exponent, np.int32)


def _frexp_infer(inputs: tuple[Expr, ...], part: int) -> tuple[Shape, DType]:
    (x,) = inputs
    if x.dtype.kind != "float":
        message = f"frexp: expected a floating-point tensor, found {x.dtype.name}."
        raise DTypeError(teach(message, "convert first: x.float()"))
    return x.shape, int32 if part else x.dtype


def _frexp_gradient(node: Expr, g: Expr) -> tuple[Expr | None]:
    """The exponent is constant between powers of two."""
    from glia.ir.build import cast
    from glia.ir.ops.functions import EXP2

    if node.attrs[0]:
        return (None,)
    exponent = cast(intern(FREXP, node.inputs, (1,)), g.dtype)
    return (_op(DIV, g, _op(EXP2, exponent)),)


def _frexp_samples() -> Sequence[Sample]:
    rng = np.random.default_rng(4)
    arrays = [rng.normal(size=shape) * 9 for shape in ((7,), (2, 3), (), (0, 4))]
    kinds = (np.float32, np.float64)
    return [
        Sample((x.astype(d),), {"part": p}, not p) for x in arrays for d in kinds for p in (0, 1)
    ]


FREXP = register(
    Op(
        "frexp",
        "host",
        "m, e: x = m 2ᵉ, ½ ≤ |m| < 1",
        _frexp_infer,
        lambda x, part: _parts(x)[part],
        _frexp_gradient,
        attrs=("part",),
        samples=_frexp_samples,
        bad=lambda: [Bad((np.ones(3, np.int32),), {"part": 0}, DTypeError, "floating-point")],
        parts=_parts,
    )
)


def frexp(x: Expr) -> tuple[Expr, Expr]:
    """Mantissa and exponent."""
    return intern(FREXP, (x,), (0,)), intern(FREXP, (x,), (1,))

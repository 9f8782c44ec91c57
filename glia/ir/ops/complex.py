"""Complex numbers and their parts. NumPy does all work on them.

Gradients follow PyTorch: ``∂L/∂Re z + i ∂L/∂Im z``, so that a step against it goes downhill. For
a function with a complex derivative that is ``g · conj(f′(z))`` (``analytic``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.source import const
from glia.ir.ops.view import broadcast_to
from glia.ir.table import TABLE, Bad, Gradient, Op, Sample, register


def _infer_part(inputs: tuple[Expr, ...]) -> tuple[Shape, DType]:
    (x,) = inputs
    _complex_only("real, imag", x)
    return x.shape, x.dtype.to_real()


def _infer_conj(inputs: tuple[Expr, ...]) -> tuple[Shape, DType]:
    (x,) = inputs
    _complex_only("conj", x)
    return x.shape, x.dtype


def _complex_only(name: str, x: Expr) -> None:
    if not x.dtype.is_complex:
        message = f"{name}: expected complex numbers, found {x.dtype.name}."
        raise DTypeError(teach(message, "convert first: x.to(glia.complex64)"))


def _infer_complex(inputs: tuple[Expr, ...]) -> tuple[Shape, DType]:
    a, b = inputs
    names = ("float32", "float64")
    if a.dtype is not b.dtype or a.dtype.name not in names:
        message = f"complex: expected float32 or float64 twice, found {a.dtype.name}"
        raise DTypeError(teach(f"{message} and {b.dtype.name}.", "convert with .to(dtype)"))
    if a.shape != b.shape:
        message = f"complex: expected equal shapes, found {a.shape} and {b.shape}."
        raise ShapeError(teach(message, "broadcast first"))
    return a.shape, a.dtype.to_complex()


def _numpy_complex(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.empty(a.shape, np.result_type(a.dtype, np.complex64))
    out.real, out.imag = a, b
    return out


def _samples() -> Sequence[Sample]:
    rng = np.random.default_rng(11)
    found = []
    for shape in ((7,), (2, 3), (), (0, 4)):
        z = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        found += [Sample((np.asarray(z, dtype),)) for dtype in (np.complex64, np.complex128)]
    return found


def _pairs() -> Sequence[Sample]:
    rng = np.random.default_rng(12)
    shapes = ((7,), (2, 3), (), (0, 4))
    arrays = [tuple(rng.normal(size=(2, *shape)).astype(np.float32)) for shape in shapes]
    return [Sample((np.asarray(a), np.asarray(b))) for a, b in arrays]


def _row(name: str, formula: str, infer: Callable, function: Callable, gradient: Gradient) -> Op:
    wrong = Bad((np.ones(3),), {}, DTypeError, "expected complex")
    row = Op(
        name, "host", formula, infer, function, gradient, samples=_samples, bad=lambda: [wrong]
    )
    return register(row)


def _zeros(like: Expr) -> Expr:
    return broadcast_to(const(0.0, like.dtype), like.shape)


REAL = _row("real", "Re z", _infer_part, np.real, lambda n, g: (complex_(g, _zeros(g)),))
IMAG = _row("imag", "Im z", _infer_part, np.imag, lambda n, g: (complex_(_zeros(g), g),))
CONJ = _row("conj", "z̄", _infer_conj, np.conj, lambda n, g: (conj(g),))
ANGLE = _row("angle", "φ of |z| e^(iφ)", _infer_part, np.angle, lambda n, g: (_turn(n, g),))
COMPLEX = register(
    Op(
        "complex",
        "host",
        "a + b i",
        _infer_complex,
        _numpy_complex,
        lambda n, g: (real(g), imag(g)),
        samples=_pairs,
        bad=lambda: [
            Bad((np.ones(3), np.ones(3, np.float32)), {}, DTypeError, "twice"),
            Bad((np.ones(3), np.ones(2)), {}, ShapeError, "equal shapes"),
        ],
    )
)


def _turn(node: Expr, g: Expr) -> Expr:
    """``g i z / |z|²``, and 0 at 0."""
    from glia.ir import build

    (z,) = node.inputs
    size = build.abs_(z)
    zero = build.eq(size, 0.0)
    scaled = build.div(build.where(zero, 0.0, g), build.where(zero, 1.0, size))
    unit = intern(TABLE["sign"], (z,))
    return complex_(build.neg(build.mul(scaled, imag(unit))), build.mul(scaled, real(unit)))


def real(x: Expr) -> Expr:
    """The real part; a real number is its own."""
    return intern(REAL, (x,)) if x.dtype.is_complex else x


def imag(x: Expr) -> Expr:
    return intern(IMAG, (x,))


def complex_(a: Expr, b: Expr) -> Expr:
    return intern(COMPLEX, (a, b))


def angle(x: Expr) -> Expr:
    return intern(ANGLE, (x,))


def conj(x: Expr) -> Expr:
    """The conjugate; a real number is its own, and conj(conj(x)) is x."""
    if not x.dtype.is_complex:
        return x
    return x.inputs[0] if x.op is CONJ else intern(CONJ, (x,))


def analytic(rule: Gradient) -> Gradient:
    """A rule that gives ``g · f′``, as ``g · conj(f′)`` where numbers are complex."""

    def gradient(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
        if not g.dtype.is_complex:
            return rule(node, g)
        return tuple([None if part is None else conj(part) for part in rule(node, conj(g))])

    return gradient


def refuse_complex(name: str, *inputs: Expr) -> None:
    """Raise for what asks for an order, or else means nothing for complex numbers."""
    if any(x.dtype.is_complex for x in inputs):
        message = f"{name}: not defined for complex numbers, which have no order."
        raise DTypeError(teach(message, "take x.abs(), x.real or x.imag first"))

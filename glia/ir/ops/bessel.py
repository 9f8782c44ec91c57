"""Bessel's and Airy's functions, by NumPy in float64 (rows of kind ``host``).

Near 0 power series without cancellation, far out the asymptotic series of Hankel; between them
integrals over whole periods, for which the sum over evenly spaced points is exact to the last
digits (NIST's Digital Library of Mathematical Functions, 10.9, 10.17, 10.31, 10.32, 10.40).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from glia.base.errors import DTypeError
from glia.ir.expr import Expr, intern
from glia.ir.ops.elementwise import DIV, EQ, MUL, NEG, SIGN, SUB, WHERE, _like, _op
from glia.ir.ops.gamma import infer_floats
from glia.ir.table import Bad, Gradient, Op, Sample, register

_FAR = 25.0
_TERMS = 25
_EULER = 0.57721566490153286
#: A quarter of 160 points round the circle, and how far Neumann's sums go.
_ANGLES = (np.arange(40) + 0.5) * math.pi / 80
_LAST = 34


def _hankel(order: int, x: np.ndarray) -> list[np.ndarray]:
    """The terms ``a_k(n) / xᵏ`` of Hankel's series."""
    terms = [np.ones_like(x)]
    for k in range(1, _TERMS):
        terms.append(terms[-1] * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k * x))
    return terms


def _alternate(terms: list[np.ndarray]) -> np.ndarray:
    return np.sum([t if k % 2 == 0 else -t for k, t in enumerate(terms)], axis=0)


def _modified_first(order: int, x: np.ndarray) -> np.ndarray:
    """``e^(-|x|) Iₙ(x)``."""
    size = np.abs(x)
    near = np.minimum(size, 30.0)
    term = np.ones_like(size) if order == 0 else near / 2
    total = term
    for k in range(1, 90):
        term = term * (near * near / 4) / (k * (k + order))
        total = total + term
    far = np.maximum(size, 30.0)
    tail = _alternate(_hankel(order, far)) / np.sqrt(2 * math.pi * far)
    found = np.where(size <= 30.0, total * np.exp(-near), tail)
    found = np.where(np.isinf(size), 0.0, found)
    found = np.where(np.isnan(x), x, found)
    return np.copysign(found, x) if order else found


def _first(order: int, x: np.ndarray) -> np.ndarray:
    """``Jₙ(x)`` for n = 0, 1."""
    size = np.abs(x)
    near = np.minimum(size, _FAR)
    total = np.zeros_like(size)
    for angle in _ANGLES:
        wave = near * math.sin(angle)
        total = total + (math.sin(angle) * np.sin(wave) if order else np.cos(wave))
    small = np.minimum(size, 1.0)
    term = np.ones_like(size) if order == 0 else small / 2
    series = term
    for k in range(1, 12):
        term = term * -(small * small / 4) / (k * (k + order))
        series = series + term
    found = np.where(size < 1.0, series, total / len(_ANGLES))
    found = np.where(size > _FAR, _waves(order, size)[0], found)
    return np.where((x < 0) & (order == 1), -found, found)


def _waves(order: int, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``Jₙ`` and ``Yₙ`` far from 0."""
    far = np.maximum(size, _FAR)
    terms = _hankel(order, far)
    even, odd = _alternate(terms[0::2]), _alternate(terms[1::2])
    sine, cosine = np.sin(far), np.cos(far)
    plus, minus = (cosine + sine) / math.sqrt(2), (sine - cosine) / math.sqrt(2)
    c, s = (minus, -plus) if order else (plus, minus)
    factor = np.sqrt(2 / (math.pi * far))
    infinite = np.isinf(far)
    found = (factor * (even * c - odd * s), factor * (even * s + odd * c))
    return np.where(infinite, 0.0, found[0]), np.where(infinite, 0.0, found[1])


def _second(order: int, x: np.ndarray) -> np.ndarray:
    """``Yₙ(x)`` for n = 0, 1: Neumann's series, summed under the integral."""
    near = np.clip(x, 1e-300, _FAR)
    total = np.zeros_like(near)
    for angle in _ANGLES:
        wave, weight = near * math.sin(angle), 0.0
        for k in range(1, _LAST):
            n = 2 * k + order
            part = n / (k * (k + 1)) * math.sin(n * angle) if order else math.cos(n * angle) / k
            weight += part if k % 2 == 0 else -part
        total = total + weight * (np.sin(wave) if order else np.cos(wave))
    total = total / len(_ANGLES)
    logarithm = np.log(near / 2) + _EULER
    if order == 0:
        found = 2 / math.pi * logarithm * _first(0, near) - 4 / math.pi * total
    else:
        found = 2 / math.pi * ((logarithm - 1) * _first(1, near) - _first(0, near) / near - total)
    found = np.where(x > _FAR, _waves(order, x)[1], found)
    return np.where(x < 0, np.nan, np.where(x == 0, -np.inf, np.where(np.isnan(x), x, found)))


def _modified_second(order: int, x: np.ndarray) -> np.ndarray:
    """``eˣ Kₙ(x) = ∫ e^(-x (cosh t - 1)) cosh nt dt`` over t ≥ 0."""
    step = 0.1
    near = np.clip(x, 1e-10, 30.0)
    total = np.full_like(near, 0.5)
    for k in range(1, 320):
        t = k * step
        total = total + np.exp(-2 * near * math.sinh(t / 2) ** 2) * (math.cosh(t) if order else 1)
    far = np.maximum(x, 30.0)
    tail = np.sum(_hankel(order, far), axis=0) * np.sqrt(math.pi / (2 * far))
    found = np.where(x > 30.0, tail, total * step)
    tiny = np.maximum(x, 1e-320)
    limit = 1 / tiny if order else -np.log(tiny / 2) - _EULER
    found = np.where(x < 1e-10, limit * (1 + tiny), found)
    found = np.where(np.isinf(x), 0.0, np.where(x == 0, np.inf, found))
    return np.where(x < 0, np.nan, np.where(np.isnan(x), x, found))


#: Ai and Ai' at -10, -9, … 10.
_AIRY = (
    (0.04024123848644319, 0.99626504413279),
    (-0.022133721547341403, -0.9756639809263316),
    (-0.0527050503563862, 0.9355609381983065),
    (0.18428083525050565, -0.7710081684101265),
    (-0.3291451736298231, 0.3459354872813429),
    (0.35076100902411433, 0.32719281855444315),
    (-0.07026553294928951, -0.7906285753685813),
    (-0.37881429367765806, 0.3145837692165988),
    (0.22740742820168558, 0.618259020741691),
    (0.5355608832923521, -0.01016056711664521),
    (0.3550280538878172, -0.2588194037928068),
    (0.13529241631288141, -0.1591474412967932),
    (0.03492413042327438, -0.05309038443365363),
    (0.006591139357460719, -0.011912976705951319),
    (0.0009515638512048018, -0.001958640950204179),
    (0.00010834442813607442, -0.0002474138908684625),
    (9.947694360252889e-06, -2.4765200397034955e-05),
    (7.492128863997167e-07, -2.008150894738792e-06),
    (4.6922076160992316e-08, -1.3414392979067865e-07),
    (2.47116843087249e-09, -7.480641389658946e-09),
    (1.1047532552898686e-10, -3.5206336767389237e-10),
)


def _airy(x: np.ndarray) -> np.ndarray:
    """Taylor's series of ``y'' = x y`` at the nearest whole number; far out DLMF 9.7."""
    start = np.rint(np.clip(np.nan_to_num(x), -10, 10))
    values = np.array(_AIRY)[(start + 10).astype(int)]
    h = np.clip(x - start, -0.5, 0.5)
    before, now, after = np.zeros_like(h), values[..., 0], values[..., 1]
    total, power = now + after * h, h
    for n in range(30):
        # before, now and after are the coefficients of hⁿ⁻¹, hⁿ and hⁿ⁺¹
        before, now, after = now, after, (start * now + before) / ((n + 2) * (n + 1))
        power = power * h
        total = total + after * power
    size = np.maximum(np.abs(x), 10.0)
    angle = 2 / 3 * size**1.5
    terms = [np.ones_like(angle)]
    for k in range(1, 16):
        factor = (6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216 * k * (2 * k - 1))
        terms.append(terms[-1] * factor / angle)
    root = math.sqrt(math.pi) * size**0.25
    right = np.exp(-angle) * _alternate(terms) / (2 * root)
    even, odd = _alternate(terms[0::2]), _alternate(terms[1::2])
    left = (np.cos(angle - math.pi / 4) * even + np.sin(angle - math.pi / 4) * odd) / root
    found = np.where(x > 10.0, right, np.where(x < -10.0, left, total))
    return np.where(np.isnan(x), x, np.where(np.isinf(x), 0.0, found))


def _samples() -> Sequence[Sample]:
    rng = np.random.default_rng(11)
    arrays = [rng.uniform(0.3, 6.0, shape) for shape in ((7,), (2, 3), (), (0, 4))]
    arrays.append(np.array([-40.0, -7.5, -0.5, 0.0, 0.5, 24.0, 26.0, 31.0, 90.0]))
    found = [Sample((x,), {}, x.size != 9) for x in arrays]
    return [*found, Sample((arrays[0].astype(np.float32),))]


def _row(name: str, formula: str, function: Callable, gradient: Gradient | None = None) -> Op:
    def meaning(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(function(np.asarray(x, np.float64))).astype(x.dtype)

    wrong = Bad((np.ones(3, np.int32),), {}, DTypeError, "floating-point")
    infer = infer_floats(name, 1)
    row = Op(name, "host", formula, infer, meaning, gradient, (), _samples, lambda: [wrong])
    return register(row)


def _over(node: Expr, x: Expr, at_zero: float) -> Expr:
    """``node / x``, and what it tends to at 0."""
    zero = _op(EQ, x, _like(0.0, x))
    safe = _op(WHERE, zero, _like(1.0, x), x)
    return _op(WHERE, zero, _like(at_zero, x), _op(DIV, node, safe))


def _i0_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    return (_op(MUL, g, intern(I1, node.inputs)),)


def _i1_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    slope = _op(SUB, intern(I0, node.inputs), _over(node, node.inputs[0], 0.5))
    return (_op(MUL, g, slope),)


def _i0e_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    kept = _op(MUL, _op(SIGN, node.inputs[0]), node)
    return (_op(MUL, g, _op(SUB, intern(I1E, node.inputs), kept)),)


def _i1e_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    x = node.inputs[0]
    kept = _op(MUL, _op(SIGN, x), node)
    slope = _op(SUB, _op(SUB, intern(I0E, node.inputs), _over(node, x, 0.5)), kept)
    return (_op(MUL, g, slope),)


def _j0_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    return (_op(NEG, _op(MUL, g, intern(J1, node.inputs))),)


def _j1_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    slope = _op(SUB, intern(J0, node.inputs), _over(node, node.inputs[0], 0.5))
    return (_op(MUL, g, slope),)


I0 = _row("i0", "I₀(x)", lambda x: np.exp(np.abs(x)) * _modified_first(0, x), _i0_gradient)
I1 = _row("i1", "I₁(x)", lambda x: np.exp(np.abs(x)) * _modified_first(1, x), _i1_gradient)
I0E = _row("i0e", "e^(-|x|) I₀(x)", lambda x: _modified_first(0, x), _i0e_gradient)
I1E = _row("i1e", "e^(-|x|) I₁(x)", lambda x: _modified_first(1, x), _i1e_gradient)
J0 = _row("bessel_j0", "J₀(x)", lambda x: _first(0, x), _j0_gradient)
J1 = _row("bessel_j1", "J₁(x)", lambda x: _first(1, x), _j1_gradient)
Y0 = _row("bessel_y0", "Y₀(x)", lambda x: _second(0, x))
Y1 = _row("bessel_y1", "Y₁(x)", lambda x: _second(1, x))
K0 = _row("bessel_k0", "K₀(x)", lambda x: np.exp(-x) * _modified_second(0, x))
K1 = _row("bessel_k1", "K₁(x)", lambda x: np.exp(-x) * _modified_second(1, x))
K0E = _row("bessel_k0e", "eˣ K₀(x)", lambda x: _modified_second(0, x))
K1E = _row("bessel_k1e", "eˣ K₁(x)", lambda x: _modified_second(1, x))
AIRY = _row("airy_ai", "Ai(x)", _airy)

"""Elementwise primitives: one scalar function applied at every index.

All inputs have one shape, and one dtype unless the row says otherwise; broadcasting and
promotion happen before (``ir/build.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from glia.base.dtypes import DType, bool_, float32, float64, int32
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.complex import analytic, conj, real, refuse_complex
from glia.ir.ops.source import const
from glia.ir.table import Bad, Gradient, Op, Sample, register

_NUMBERS = ("int", "uint", "float")
_ALL = (*_NUMBERS, "complex")
_SMOOTH = ("float", "complex")
#: What has no complex derivative; their rules speak of real and imaginary part.
_BY_PARTS = ("abs", "sign")


def _same_shape(name: str, inputs: tuple[Expr, ...]) -> Shape:
    shapes = {node.shape for node in inputs}
    if len(shapes) > 1:
        found = ", ".join(str(node.shape) for node in inputs)
        raise ShapeError(teach(f"{name}: expected equal shapes, found {found}.", "broadcast first"))
    return inputs[0].shape


#: The dtype of the results: the inputs' (None), one for all, or a function of the inputs'.
Result = DType | Callable[[DType], DType] | None


def _infer(name: str, arity: int, kinds: tuple[str, ...], result: Result) -> Callable:
    def infer(inputs: tuple[Expr, ...]) -> tuple[Shape, DType]:
        if len(inputs) != arity:
            raise ShapeError(teach(f"{name}: expected {arity} inputs, found {len(inputs)}."))
        shape = _same_shape(name, inputs)
        if "complex" not in kinds:
            refuse_complex(name, *inputs)
        dtypes = {node.dtype for node in inputs}
        if len(dtypes) > 1 or inputs[0].dtype.kind not in kinds:
            found = ", ".join(node.dtype.name for node in inputs)
            message = f"{name}: expected one dtype of kind {' or '.join(kinds)}, found {found}."
            raise DTypeError(teach(message, "convert with .to(dtype)"))
        if result is None or isinstance(result, DType):
            return shape, result or inputs[0].dtype
        return shape, result(inputs[0].dtype)

    return infer


def _unary_samples(low: float, high: float, kinds: tuple[str, ...]) -> Callable[[], Sequence]:
    def samples() -> Sequence[Sample]:
        rng = np.random.default_rng(0)
        found = []
        for shape in ((7,), (2, 3), (), (0, 4), (40,)):
            if "float" in kinds:
                for dtype in (np.float32, np.float64):
                    found.append(Sample((rng.uniform(low, high, shape).astype(dtype),)))
            if "complex" in kinds and shape != (40,):
                z = rng.uniform(0.3, 1, shape) * np.exp(1j * rng.uniform(-3, 3, shape))
                found.append(Sample((np.asarray(z, np.complex128),)))
            if "int" in kinds:
                span = (max(int(low), -9), min(int(high) + 2, 9))
                found.append(Sample((rng.integers(*span, shape).astype(np.int32),)))
            if "bool" in kinds:
                found.append(Sample((rng.integers(0, 2, shape).astype(bool),)))
        return found

    return samples


def _binary_samples(name: str, kinds: tuple[str, ...]) -> Callable[[], Sequence[Sample]]:
    def samples() -> Sequence[Sample]:
        rng = np.random.default_rng(1)
        found = []
        for shape in ((7,), (2, 3), (), (0, 4), (33,)):
            if "float" in kinds:
                low = 0.2 if name == "pow" else -3.0
                a, b = rng.uniform(low, 3.0, (2, *shape))
                b = np.where(abs(b) < 0.1, 0.5, b)
                smooth = name not in ("mod", "floordiv", "fmod", "nextafter")
                for dtype in (np.float32, np.float64):
                    found.append(Sample((a.astype(dtype), b.astype(dtype)), {}, smooth))
            if "complex" in kinds and shape != (33,):
                a, b = rng.uniform(0.5, 2, (2, *shape)) * np.exp(1j * rng.uniform(-3, 3, shape))
                found.append(Sample((np.asarray(a), np.asarray(b))))
            if "int" in kinds:
                a, b = rng.integers(-9, 9, (2, *shape))
                b = np.where(b == 0, 4, b)
                if name in ("shl", "shr", "pow"):
                    a, b = abs(a), abs(b) % 5
                found.append(Sample((a.astype(np.int32), b.astype(np.int32))))
                found.append(Sample((a.astype(np.int64), b.astype(np.int64))))
            if "bool" in kinds:
                a, b = rng.integers(0, 2, (2, *shape))
                found.append(Sample((a.astype(bool), b.astype(bool))))
        return found

    return samples


def _bad(arity: int, kinds: tuple[str, ...]) -> Callable[[], Sequence[Bad]]:
    def bad() -> Sequence[Bad]:
        number = np.ones(3, np.float32) if "float" in kinds else np.ones(3, np.int32)
        wrong = np.ones(3, bool) if "bool" not in kinds else np.ones(3, np.float32)
        found = []
        if "bool" not in kinds or "float" not in kinds:
            found.append(Bad((wrong,) * arity, {}, DTypeError, "expected one dtype"))
        if arity > 1:
            found.append(Bad((number, number[:2]), {}, ShapeError, "equal shapes"))
            other = number.astype(np.int64)
            found.append(Bad((number, other), {}, DTypeError, "expected one dtype"))
        return found

    return bad


def _unary(
    name: str,
    formula: str,
    function: Callable,
    gradient: Gradient | None,
    domain: tuple[float, float] = (-2.0, 2.0),
    kinds: tuple[str, ...] = ("float",),
    result: Result = None,
) -> Op:
    infer = _infer(name, 1, kinds, result)
    if gradient is not None and "complex" in kinds and name not in _BY_PARTS:
        gradient = analytic(gradient)
    samples = _unary_samples(*domain, kinds)
    row = Op(name, "elementwise", formula, infer, function, gradient, (), samples, _bad(1, kinds))
    return register(row)


def _binary(
    name: str,
    formula: str,
    function: Callable,
    gradient: Gradient | None,
    kinds: tuple[str, ...] = _NUMBERS,
    result: Result = None,
) -> Op:
    infer = _infer(name, 2, kinds, result)
    if gradient is not None and "complex" in kinds:
        gradient = analytic(gradient)
    samples = _binary_samples(name, kinds)
    row = Op(name, "elementwise", formula, infer, function, gradient, (), samples, _bad(2, kinds))
    return register(row)


# Builders for gradients. They take operands of one shape and dtype, as the rows do.


def _like(value: float, x: Expr) -> Expr:
    from glia.ir.ops.view import broadcast_to

    return broadcast_to(const(value, x.dtype), x.shape)


def _op(row: Op, *inputs: Expr) -> Expr:
    return intern(row, inputs)


def _sqrt_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    return (_op(DIV, g, _op(MUL, _like(2.0, node), node)),)


def _tanh_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    return (_op(MUL, g, _op(SUB, _like(1.0, node), _op(MUL, node, node))),)


def _erf_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    x = node.inputs[0]
    bell = _op(EXP, _op(NEG, _op(MUL, x, x)))
    return (_op(MUL, g, _op(MUL, _like(2.0 / math.sqrt(math.pi), x), bell)),)


def _abs_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    (x,) = node.inputs
    wide = intern(CAST, (g,), (x.dtype,)) if x.dtype.is_complex else g
    return (_op(MUL, wide, _op(SIGN, x)),)


def _sign(x: np.ndarray) -> np.ndarray:
    if x.dtype.kind != "c":
        return np.sign(x)
    size = np.abs(x)
    return np.where(size == 0, x, x / np.where(size == 0, 1, size).astype(size.dtype))


def _sign_gradient(node: Expr, g: Expr) -> tuple[Expr | None]:
    """On the circle only what lies across ``s = z / |z|`` counts: (g - s Re(s̄ g)) / |z|."""
    (x,) = node.inputs
    if not x.dtype.is_complex:
        return (None,)
    along = intern(CAST, (real(_op(MUL, conj(node), g)),), (x.dtype,))
    size = intern(CAST, (_op(ABS, x),), (x.dtype,))
    zero = _op(EQ, x, _like(0.0, x))
    across = _op(DIV, _op(SUB, g, _op(MUL, node, along)), _op(WHERE, zero, _like(1.0, x), size))
    return (_op(WHERE, zero, _like(0.0, x), across),)


def _div_gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    b = node.inputs[1]
    quotient = _op(DIV, g, b)
    return quotient, _op(NEG, _op(MUL, quotient, node))


def _pow_gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    a, b = node.inputs
    by_a = _op(MUL, b, _op(POW, a, _op(SUB, b, _like(1.0, b))))
    zero = _like(0.0, a)
    by_a = _op(WHERE, _op(EQ, b, zero), zero, by_a)  # a⁰ is 1 also where a is 0
    usable = _op(NE, a, zero) if a.dtype.is_complex else _op(LT, zero, a)
    safe = _op(WHERE, usable, a, _like(1.0, a))
    return _op(MUL, g, by_a), _op(MUL, g, _op(MUL, node, _op(LOG, safe)))


def _pick_gradient(first_wins: Callable[[Expr, Expr], Expr]) -> Gradient:
    """Gradient of max and min: to the winner; a tie is shared equally, as in PyTorch."""

    def gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
        a, b = node.inputs
        zero = _like(0.0, g)
        half = _op(MUL, g, _like(0.5, g))
        tie = _op(EQ, a, b)
        to_a = _op(WHERE, first_wins(a, b), g, _op(WHERE, tie, half, zero))
        to_b = _op(WHERE, first_wins(b, a), g, _op(WHERE, tie, half, zero))
        return to_a, to_b

    return gradient


def _where_infer(inputs: tuple[Expr, ...]) -> tuple[Shape, DType]:
    condition, a, b = inputs
    if condition.dtype is not bool_ or a.dtype is not b.dtype:
        names = ", ".join(node.dtype.name for node in inputs)
        message = f"where: expected bool and two equal dtypes, found {names}."
        raise DTypeError(teach(message, "compare to make a bool; convert with .to(dtype)"))
    return _same_shape("where", inputs), a.dtype


def _where_gradient(node: Expr, g: Expr) -> tuple[None, Expr, Expr]:
    zero = _like(0.0, g)
    condition = node.inputs[0]
    return None, _op(WHERE, condition, g, zero), _op(WHERE, condition, zero, g)


def _where_samples() -> Sequence[Sample]:
    rng = np.random.default_rng(2)
    found = []
    for shape in ((5,), (2, 3), (), (0,)):
        condition = rng.integers(0, 2, shape).astype(bool)
        for dtype in (np.float32, np.float64, np.int64):
            a, b = rng.normal(size=(2, *shape)).astype(dtype)
            found.append(Sample((condition, a, b)))
    return found


def _where_bad() -> Sequence[Bad]:
    x = np.ones(3, np.float32)
    return [
        Bad((x, x, x), {}, DTypeError, "expected bool"),
        Bad((x > 0, x, x[:2]), {}, ShapeError, "equal shapes"),
    ]


def _cast_infer(inputs: tuple[Expr, ...], dtype: DType) -> tuple[Shape, DType]:
    return inputs[0].shape, dtype


def _cast_numpy(x: np.ndarray, dtype: DType) -> np.ndarray:
    """Of a complex number that becomes a real one, the real part is left."""
    drops = x.dtype.kind == "c" and dtype.kind in ("int", "uint", "float")
    return (x.real if drops else x).astype(dtype.np)


def _cast_gradient(node: Expr, g: Expr) -> tuple[Expr | None]:
    source = node.inputs[0].dtype
    if not source.is_inexact or not node.dtype.is_inexact:
        return (None,)
    return (intern(CAST, (g,), (source,)),)


def _cast_samples() -> Sequence[Sample]:
    values = np.array([-2.0, -0.5, 0.0, 0.75, 3.0, 100.0])
    found = [Sample((values.astype(np.float32),), {"dtype": d}) for d in (float64, int32)]
    found.append(Sample((values.astype(np.float64),), {"dtype": float32}))
    found.append(Sample((values.astype(np.float32),), {"dtype": bool_}))
    found.append(Sample((np.arange(4, dtype=np.uint8),), {"dtype": float32}))
    found.append(Sample((np.array([True, False]),), {"dtype": float32}))
    return found


def _sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, np.ones((), x.dtype)) / (e + np.ones((), x.dtype))


def _erf(x: np.ndarray) -> np.ndarray:
    values = [math.erf(v) for v in np.asarray(x, np.float64).ravel().tolist()]
    return np.array(values, x.dtype).reshape(x.shape)


def _power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of integers to negative powers only ±1 have whole results; the others are cut off to 0."""
    if b.dtype.kind != "i":
        return np.power(a, b)
    negative = np.where(a == 1, 1, np.where(a == -1, 1 - 2 * (b & 1), 0)).astype(a.dtype)
    return np.where(b < 0, negative, np.power(a, np.maximum(b, 0)))


NEG = _unary("neg", "-x", np.negative, lambda n, g: (_op(NEG, g),), kinds=_ALL)
ABS = _unary("abs", "|x|", np.abs, _abs_gradient, kinds=("int", *_SMOOTH), result=DType.to_real)
SIGN = _unary("sign", "sign(x)", _sign, _sign_gradient, kinds=("int", *_SMOOTH))
FLOOR = _unary("floor", "⌊x⌋", np.floor, lambda n, g: (None,))
CEIL = _unary("ceil", "⌈x⌉", np.ceil, lambda n, g: (None,))
ROUND = _unary("round", "round half to even(x)", np.round, lambda n, g: (None,))
SQRT = _unary("sqrt", "√x", np.sqrt, _sqrt_gradient, (0.1, 4.0), _SMOOTH)
EXP = _unary("exp", "eˣ", np.exp, lambda n, g: (_op(MUL, g, n),), (-4.0, 4.0), _SMOOTH)
LOG = _unary("log", "ln x", np.log, lambda n, g: (_op(DIV, g, n.inputs[0]),), (0.1, 9.0), _SMOOTH)
LOG1P = _unary(
    "log1p",
    "ln(1 + x)",
    np.log1p,
    lambda n, g: (_op(DIV, g, _op(ADD, n.inputs[0], _like(1.0, g))),),
    (-0.9, 5.0),
    _SMOOTH,
)
EXPM1 = _unary(
    "expm1",
    "eˣ - 1",
    np.expm1,
    lambda n, g: (_op(MUL, g, _op(ADD, n, _like(1.0, n))),),
    kinds=_SMOOTH,
)
SIN = _unary(
    "sin", "sin x", np.sin, lambda n, g: (_op(MUL, g, _op(COS, n.inputs[0])),), (-9, 9), _SMOOTH
)
COS = _unary(
    "cos",
    "cos x",
    np.cos,
    lambda n, g: (_op(NEG, _op(MUL, g, _op(SIN, n.inputs[0]))),),
    (-9, 9),
    _SMOOTH,
)
TANH = _unary("tanh", "tanh x", np.tanh, _tanh_gradient, (-4.0, 4.0), _SMOOTH)
ERF = _unary("erf", "erf x", _erf, _erf_gradient)
SIGMOID = _unary(
    "sigmoid",
    "1 / (1 + e⁻ˣ)",
    _sigmoid,
    lambda n, g: (_op(MUL, g, _op(MUL, n, _op(SUB, _like(1.0, n), n))),),
    (-9.0, 9.0),
)
RELU = _unary(
    "relu",
    "max(x, 0)",
    lambda x: np.where(x <= 0, np.zeros((), x.dtype), x),
    lambda n, g: (_op(WHERE, _op(LE, n, _like(0.0, g)), _like(0.0, g), g),),
)
NOT = _unary("not", "¬x", np.logical_not, None, kinds=("bool",))

ADD = _binary("add", "a + b", np.add, lambda n, g: (g, g), _ALL)
SUB = _binary("sub", "a - b", np.subtract, lambda n, g: (g, _op(NEG, g)), _ALL)
MUL = _binary(
    "mul",
    "a b",
    np.multiply,
    lambda n, g: (_op(MUL, g, n.inputs[1]), _op(MUL, g, n.inputs[0])),
    _ALL,
)
DIV = _binary("div", "a / b", np.divide, _div_gradient, _SMOOTH)
POW = _binary("pow", "aᵇ", _power, _pow_gradient, _ALL)
MAX = _binary("maximum", "max(a, b)", np.maximum, _pick_gradient(lambda a, b: _op(LT, b, a)))
MIN = _binary("minimum", "min(a, b)", np.minimum, _pick_gradient(lambda a, b: _op(LT, a, b)))
MOD = _binary(
    "mod",
    "a mod b, sign of b",
    np.mod,
    lambda n, g: (g, _op(NEG, _op(MUL, g, _op(FLOOR, _op(DIV, *n.inputs))))),
)
FLOORDIV = _binary("floordiv", "⌊a / b⌋", np.floor_divide, None)
LT = _binary("lt", "a < b", np.less, None, (*_NUMBERS, "bool"), bool_)
LE = _binary("le", "a ≤ b", np.less_equal, None, (*_NUMBERS, "bool"), bool_)
EQ = _binary("eq", "a = b", np.equal, None, (*_ALL, "bool"), bool_)
NE = _binary("ne", "a ≠ b", np.not_equal, None, (*_ALL, "bool"), bool_)
AND = _binary("and", "a ∧ b", np.bitwise_and, None, ("bool", "int", "uint"))
OR = _binary("or", "a ∨ b", np.bitwise_or, None, ("bool", "int", "uint"))
XOR = _binary("xor", "a ⊕ b", np.bitwise_xor, None, ("bool", "int", "uint"))
SHL = _binary("shl", "a · 2ᵇ", np.left_shift, None, ("int", "uint"))
SHR = _binary("shr", "⌊a / 2ᵇ⌋", np.right_shift, None, ("int", "uint"))

WHERE = register(
    Op(
        "where",
        "elementwise",
        "a where c, else b",
        _where_infer,
        np.where,
        _where_gradient,
        (),
        _where_samples,
        _where_bad,
    )
)
CAST = register(
    Op(
        "cast",
        "elementwise",
        "x as dtype",
        _cast_infer,
        _cast_numpy,
        _cast_gradient,
        ("dtype",),
        _cast_samples,
    )
)

"""Linear equations, inverses, determinants, exponentials of matrices. NumPy computes them.

Matrices stand in the last two dimensions; those before number them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glia.base.dtypes import DType, int32
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops import lapack
from glia.ir.ops.complex import analytic, conj, imag
from glia.ir.table import Bad, Gradient, Op, Sample, register


def check_matrices(name: str, *inputs: Expr, square: bool = True) -> None:
    """Matrices of one dtype that LAPACK works on, the first of them square."""
    x = inputs[0]
    if any(y.ndim < 2 for y in inputs):
        found = " and ".join(str(y.shape) for y in inputs)
        raise ShapeError(teach(f"{name}: expected a matrix, or a batch of them, found {found}."))
    if square and x.shape[-1] != x.shape[-2]:
        message = f"{name}: expected a square matrix, found shape {x.shape}."
        help = "for other shapes there are gl.linalg.lstsq, pinv, qr and svd"
        raise ShapeError(teach(message, help))
    if (
        not x.dtype.is_inexact
        or x.dtype.itemsize == 2
        or any(y.dtype is not x.dtype for y in inputs)
    ):
        found = " and ".join(y.dtype.name for y in inputs)
        message = (
            f"{name}: expected float32, float64 or complex numbers of one dtype, found {found}."
        )
        raise DTypeError(teach(message, "convert with .to(dtype)"))


def _check_pair(name: str, a: Expr, b: Expr) -> None:
    check_matrices(name, a, b)
    if a.shape[:-1] != b.shape[:-1]:
        message = f"{name}: {a.shape} and {b.shape} do not fit."
        raise ShapeError(teach(message, "as many rows in both, and the same batch"))


def some_matrices(*shape: int, dtype: type = np.float64) -> np.ndarray:
    """Well-conditioned matrices for samples."""
    rng = np.random.default_rng(shape)
    z = rng.normal(size=shape)
    if np.issubdtype(dtype, np.complexfloating):
        z = z + 1j * rng.normal(size=shape)
    return (z + 2 * np.eye(shape[-2], shape[-1])).astype(dtype)


def _square_samples(**attrs: object) -> Callable[[], Sequence[Sample]]:
    kinds = (((2, 3, 3), np.float64), ((4, 4), np.float32), ((2, 2), np.complex128))
    more = (((1, 1), np.float64), ((2, 0, 0), np.float64))
    return lambda: [Sample((some_matrices(*s, dtype=d),), dict(attrs)) for s, d in (*kinds, *more)]


def bad_matrices(**attrs: object) -> Callable[[], Sequence[Bad]]:
    """What every row of square matrices refuses."""
    return lambda: [
        Bad((np.ones(3),), attrs, ShapeError, "expected a matrix"),
        Bad((np.ones((2, 3)),), attrs, ShapeError, "square"),
        Bad((np.ones((2, 2), np.int64),), attrs, DTypeError, "convert"),
    ]


def _infer_same(name: str) -> Callable:
    def infer(inputs: tuple[Expr, ...], **_attrs: object) -> tuple[Shape, DType]:
        check_matrices(name, *inputs)
        return inputs[0].shape, inputs[0].dtype

    return infer


def _square(name: str, formula: str, function: Callable, gradient: Gradient) -> Op:
    """A row of square matrices that gives matrices of the same shape."""
    return register(
        Op(
            name,
            "host",
            formula,
            _infer_same(name),
            function,
            gradient,
            samples=_square_samples(),
            bad=bad_matrices(),
        )
    )


# Inverse and equations


def _inv_infer(inputs: tuple[Expr, ...], check: bool, part: int) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("inv", x)
    return (x.shape, x.dtype) if part == 0 else (x.shape[:-2], int32)


def _inv_parts(x: np.ndarray, check: bool) -> Sequence[np.ndarray]:
    (found,), info = lapack.each("inv", lambda a: [np.linalg.inv(a)], [x], check, "is singular")
    return found, info


def _inv_gradient(node: Expr, g: Expr) -> tuple[Expr | None]:
    from glia.ir import matrices as m
    from glia.ir.build import neg

    if node.attrs[1]:
        return (None,)
    turned = m.mH(node)
    return (neg(m.mm(turned, g, turned)),)


INV = register(
    Op(
        "inv",
        "host",
        "A⁻¹",
        _inv_infer,
        lambda x, check, part: _inv_parts(x, check)[part],
        _inv_gradient,
        ("check", "part"),
        _square_samples(check=True, part=0),
        bad_matrices(check=True, part=0),
        _inv_parts,
    )
)


def _solve_infer(inputs: tuple[Expr, ...], check: bool, part: int) -> tuple[Shape, DType]:
    a, b = inputs
    _check_pair("solve", a, b)
    return (b.shape, b.dtype) if part == 0 else (a.shape[:-2], int32)


def _solve_parts(a: np.ndarray, b: np.ndarray, check: bool) -> Sequence[np.ndarray]:
    def function(a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        return [np.linalg.solve(a, b)]

    (found,), info = lapack.each("solve", function, [a, b], check, "is singular")
    return found, info


def _solve_gradient(node: Expr, g: Expr) -> tuple[Expr | None, Expr | None]:
    from glia.ir import matrices as m
    from glia.ir.build import neg

    if node.attrs[1]:
        return None, None
    by_b = solve(m.mH(node.inputs[0]), g, node.attrs[0])
    return neg(m.mm(by_b, m.mH(node))), by_b


def _pair_samples(**attrs: object) -> Callable[[], Sequence[Sample]]:
    cases = (
        ((2, 3, 3), (2, 3, 2), np.float64),
        ((4, 4), (4, 1), np.float32),
        ((2, 2), (2, 3), np.complex128),
        ((3, 3), (3, 0), np.float64),
    )
    return lambda: [
        Sample((some_matrices(*a, dtype=d), some_matrices(*b, dtype=d)), dict(attrs))
        for a, b, d in cases
    ]


def _bad_pair(**attrs: object) -> Callable[[], Sequence[Bad]]:
    return lambda: [
        Bad((np.ones((2, 3)), np.ones((2, 2))), attrs, ShapeError, "square"),
        Bad((np.ones((3, 3)), np.ones((2, 2))), attrs, ShapeError, "do not fit"),
        Bad((np.ones((3, 3)), np.ones(3)), attrs, ShapeError, "expected a matrix"),
        Bad((np.ones((3, 3)), np.ones((3, 1), np.float32)), attrs, DTypeError, "one dtype"),
    ]


SOLVE = register(
    Op(
        "solve",
        "host",
        "X with A X = B",
        _solve_infer,
        lambda a, b, check, part: _solve_parts(a, b, check)[part],
        _solve_gradient,
        ("check", "part"),
        _pair_samples(check=True, part=0),
        _bad_pair(check=True, part=0),
        _solve_parts,
    )
)


def _triangular_infer(
    inputs: tuple[Expr, ...], upper: bool, unitriangular: bool
) -> tuple[Shape, DType]:
    a, b = inputs
    _check_pair("solve_triangular", a, b)
    return b.shape, b.dtype


def _triangular_numpy(a: np.ndarray, b: np.ndarray, upper: bool, unitriangular: bool) -> np.ndarray:
    if unitriangular:
        a = np.where(np.eye(a.shape[-1], dtype=bool), np.ones((), a.dtype), a)
    return lapack.solve_triangular(a if upper else np.tril(a), b, upper)


def _triangular_gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    from glia.ir import matrices as m
    from glia.ir.build import neg

    upper, unit = node.attrs
    by_b = intern(SOLVE_TRIANGULAR, (m.mH(node.inputs[0]), g), (not upper, unit))
    by_a = neg(m.mm(by_b, m.mH(node)))
    return (m.triu(by_a, int(unit)) if upper else m.tril(by_a, -int(unit))), by_b


SOLVE_TRIANGULAR = register(
    Op(
        "solve_triangular",
        "host",
        "X with A X = B, A a triangle",
        _triangular_infer,
        _triangular_numpy,
        _triangular_gradient,
        ("upper", "unitriangular"),
        lambda: [
            *_pair_samples(upper=True, unitriangular=False)(),
            *_pair_samples(upper=False, unitriangular=True)()[:1],
            *_pair_samples(upper=False, unitriangular=False)()[2:3],
        ],
        _bad_pair(upper=True, unitriangular=False),
    )
)


# Determinants


def _det_infer(inputs: tuple[Expr, ...]) -> tuple[Shape, DType]:
    check_matrices("det", *inputs)
    return inputs[0].shape[:-2], inputs[0].dtype


def _det_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    from glia.ir import matrices as m
    from glia.ir.build import mul

    return (mul(m.column(m.column(g)), conj(intern(COFACTORS, node.inputs))),)


def _cofactors_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    """Of ``det(A) A⁻ᵀ``, hence only where A has an inverse."""
    from glia.ir import matrices as m
    from glia.ir.build import mul, sub, sum_

    inverse = m.mT(inv(node.inputs[0]))
    along = sum_(mul(g, inverse), (-2, -1), True)
    return (sub(mul(along, node), m.mm(node, m.mT(g), inverse)),)


DET = register(
    Op(
        "det",
        "host",
        "det A",
        _det_infer,
        lambda x: np.linalg.det(x).astype(x.dtype),
        _det_gradient,
        samples=_square_samples(),
        bad=bad_matrices(),
    )
)
COFACTORS = _square("cofactors", "∂ det A / ∂A", lapack.cofactors, analytic(_cofactors_gradient))


def _slogdet_infer(inputs: tuple[Expr, ...], part: int) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("slogdet", x)
    return x.shape[:-2], x.dtype.to_real() if part else x.dtype


def _slogdet_parts(x: np.ndarray) -> Sequence[np.ndarray]:
    sign, logarithm = np.linalg.slogdet(x)
    return sign, logarithm


def _slogdet_gradient(node: Expr, g: Expr) -> tuple[Expr | None]:
    from glia.ir import matrices as m
    from glia.ir.build import cast, mul

    (x,) = node.inputs
    if node.attrs[0] == 0:
        if not x.dtype.is_complex:
            return (None,)
        g = mul(imag(mul(g, conj(node))), 1j)
    wide = cast(m.column(m.column(g)), x.dtype)
    return (mul(wide, m.mH(inv(x))),)


SLOGDET = register(
    Op(
        "slogdet",
        "host",
        "sign of det A; ln |det A|",
        _slogdet_infer,
        lambda x, part: np.asarray(_slogdet_parts(x)[part]),
        _slogdet_gradient,
        ("part",),
        lambda: [*_square_samples(part=0)(), *_square_samples(part=1)()],
        bad_matrices(part=0),
        _slogdet_parts,
    )
)


# Functions of matrices


def _exp_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    """The exponential of ``[[Aᴴ, G], [0, Aᴴ]]`` holds the derivative above its diagonal."""
    from glia.ir import matrices as m
    from glia.ir.build import full
    from glia.ir.ops.view import concat

    turned = m.mH(node.inputs[0])
    n = turned.shape[-1]
    zeros = full(turned.shape, 0.0, turned.dtype)
    above = concat([turned, g], turned.ndim - 1)
    below = concat([zeros, turned], turned.ndim - 1)
    whole = intern(MATRIX_EXP, (concat([above, below], turned.ndim - 2),))
    return (m.part(whole, slice(0, n), slice(n, 2 * n)),)


MATRIX_EXP = _square("matrix_exp", "Σ Aᵏ / k!", lapack.matrix_exp, _exp_gradient)


def _pinv_infer(
    inputs: tuple[Expr, ...], atol: str, rtol: str, hermitian: bool
) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("pinv", x, square=hermitian)
    return (*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype


def _pinv_numpy(x: np.ndarray, atol: str, rtol: str, hermitian: bool) -> np.ndarray:
    found = lapack.pinv(x, float.fromhex(atol), float.fromhex(rtol), hermitian)
    return found.astype(x.dtype)


def _pinv_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    """Golub and Pereyra, The differentiation of pseudo-inverses (1973)."""
    from glia.ir import matrices as m
    from glia.ir.build import add, sub

    (a,), p = node.inputs, node
    ph, gh = m.mH(p), m.mH(g)
    if a.shape[-2] <= a.shape[-1]:
        k = m.mm(gh, p)
        kph = m.mm(k, ph)
        rest = m.mm(ph, p, sub(gh, m.mm(k, a)))
        return (add(sub(sub(kph, m.mH(m.mm(p, k))), m.mm(a, p, kph)), rest),)
    k = m.mm(p, gh)
    phk = m.mm(ph, k)
    rest = m.mm(sub(gh, m.mm(a, k)), p, ph)
    return (add(sub(sub(phk, m.mH(m.mm(k, p))), m.mm(phk, p, a)), rest),)


_NO, _EPS = (0.0).hex(), (1e-13).hex()
_SMALL = {"atol": _NO, "rtol": _EPS, "hermitian": False}
PINV = register(
    Op(
        "pinv",
        "host",
        "A⁺",
        _pinv_infer,
        _pinv_numpy,
        _pinv_gradient,
        ("atol", "rtol", "hermitian"),
        lambda: [
            Sample((some_matrices(2, 4, 3),), _SMALL),
            Sample((some_matrices(2, 3, dtype=np.complex128),), _SMALL),
            Sample((some_matrices(0, 3),), _SMALL),
        ],
        lambda: [
            Bad((np.ones(3),), _SMALL, ShapeError, "expected a matrix"),
            Bad((np.ones((2, 3)),), {**_SMALL, "hermitian": True}, ShapeError, "square"),
        ],
    )
)


def inv(x: Expr, check: bool = True, part: int = 0) -> Expr:
    return intern(INV, (x,), (check, part))


def solve(a: Expr, b: Expr, check: bool = True, part: int = 0) -> Expr:
    """``X`` with ``A X = B``, for matrices of one batch."""
    return intern(SOLVE, (a, b), (check, part))


def solve_triangular(a: Expr, b: Expr, upper: bool, unitriangular: bool = False) -> Expr:
    return intern(SOLVE_TRIANGULAR, (a, b), (upper, unitriangular))


def slogdet(x: Expr) -> tuple[Expr, Expr]:
    return intern(SLOGDET, (x,), (0,)), intern(SLOGDET, (x,), (1,))


def pinv(x: Expr, atol: float, rtol: float, hermitian: bool) -> Expr:
    return intern(PINV, (x,), (float(atol).hex(), float(rtol).hex(), hermitian))

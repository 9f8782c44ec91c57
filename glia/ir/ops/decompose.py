"""Matrices as products of simpler ones. NumPy computes them, one call for all factors.

The last attribute of a row numbers the factor that a node stands for. Gradients of the factors
add up, as each is linear in what comes back. Formulas: M. Seeger et al., Auto-differentiating
linear algebra (2017); C. Boeddeker et al., On the computation of complex-valued gradients (2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glia.base.dtypes import DType, int32
from glia.base.errors import GradError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops import lapack
from glia.ir.ops.complex import conj, imag, real
from glia.ir.ops.linalg import bad_matrices, check_matrices, solve, solve_triangular, some_matrices
from glia.ir.table import Bad, Op, Sample, register


def sibling(node: Expr, part: int) -> Expr:
    """Another factor of the same decomposition."""
    return intern(node.op, node.inputs, (*node.attrs[:-1], part))


def decomposition(
    name: str,
    formula: str,
    infer: Callable,
    parts: Callable[..., Sequence[np.ndarray]],
    gradient: Callable | None,
    attrs: tuple[str, ...],
    samples: Callable[[], Sequence[Sample]],
    bad: Callable[[], Sequence[Bad]],
) -> Op:
    def function(x: np.ndarray, part: int, **others: object) -> np.ndarray:
        return np.asarray(parts(x, **others)[part])

    names = (*attrs, "part")
    row = Op(name, "host", formula, infer, function, gradient, names, samples, bad, parts)
    return register(row)


def _samples(
    count: int, shapes: Sequence[Shape], smooth: bool = True, **attrs: object
) -> Callable[[], Sequence[Sample]]:
    """Every factor of matrices of some shapes; complex vectors turn freely, hence have no slope."""

    def samples() -> Sequence[Sample]:
        found = []
        for part in range(count):
            named = {**attrs, "part": part}
            for shape in shapes:
                found.append(Sample((some_matrices(*shape),), named, smooth))
            z = some_matrices(3, 3, dtype=np.complex128)
            found.append(Sample((z,), named, False))
            found.append(Sample((some_matrices(4, 4, dtype=np.float32),), named, False))
        return found

    return samples


def bad_shape(**attrs: object) -> Callable[[], Sequence[Bad]]:
    return lambda: [Bad((np.ones(3),), attrs, ShapeError, "expected a matrix")]


# A = L Lᴴ


def _cholesky_infer(inputs: tuple[Expr, ...], check: bool, part: int) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("cholesky", x)
    return (x.shape, x.dtype) if part == 0 else (x.shape[:-2], int32)


def _cholesky_parts(x: np.ndarray, check: bool) -> Sequence[np.ndarray]:
    trouble = "is not positive definite"
    (found,), info = lapack.each("cholesky", lambda a: [np.linalg.cholesky(a)], [x], check, trouble)
    return found, info


def _cholesky_gradient(node: Expr, g: Expr) -> tuple[Expr | None]:
    from glia.ir import matrices as m
    from glia.ir.build import add, cast, mul

    if node.attrs[1]:
        return (None,)
    turned = m.mH(node)
    phi = m.mm(turned, g)
    below, on = m.tril(phi, -1), real(m.diagonal(phi))  # the diagonal of L is real
    phi = mul(add(add(below, m.mH(below)), cast(m.diagonal_matrix(on), phi.dtype)), 0.5)
    left = solve_triangular(turned, phi, True)
    return (solve_triangular(turned, m.mH(left), True),)


def _positive(dtype: type) -> np.ndarray:
    x = some_matrices(2, 3, 3, dtype=dtype)
    return (x @ x.conj().swapaxes(-1, -2)).astype(dtype)


CHOLESKY = decomposition(
    "cholesky",
    "L with A = L Lᴴ",
    _cholesky_infer,
    _cholesky_parts,
    _cholesky_gradient,
    ("check",),
    lambda: [
        Sample((_positive(dtype),), {"check": False, "part": part}, False)
        for dtype in (np.float32, np.float64, np.complex128)
        for part in (0, 1)
    ],
    bad_matrices(check=True, part=0),
)


# A = Q R


def _qr_infer(inputs: tuple[Expr, ...], full: bool, part: int) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("qr", x, square=False)
    *lead, m, n = x.shape
    k = m if full else min(m, n)
    return ((*lead, m, k) if part == 0 else (*lead, k, n)), x.dtype


def _qr_parts(x: np.ndarray, full: bool) -> Sequence[np.ndarray]:
    q, r = np.linalg.qr(x, "complete" if full else "reduced")
    return q, r


def _qr_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    """For at least as many rows as columns; ``ir/linalg.py`` brings other shapes to this one."""
    from glia.ir import matrices as m
    from glia.ir.build import add, mul, neg

    (x,), (full, part) = node.inputs, node.attrs
    rows, columns = x.shape[-2:]
    if rows < columns or (full and rows > columns):
        form = "complete" if full else "reduced"
        message = f"qr: no derivative for the {form} form of {x.shape}."
        raise GradError(teach(message, 'use mode="reduced" of a matrix with as many rows'))
    q, r = sibling(node, 0), sibling(node, 1)
    inner = m.mm(g, m.mH(r)) if part else neg(m.mm(m.mH(q), g))
    upper = m.triu(inner)
    both = add(upper, m.mH(upper))
    halved = mul(m.diagonal_matrix(m.diagonal(both)), 0.5)
    total = m.mm(q, add(both, neg(halved)))
    if not part:
        total = add(total, g)
    return (m.mH(solve_triangular(r, m.mH(total), True)),)


QR = decomposition(
    "qr",
    "Q and R with A = Q R, Qᴴ Q = I",
    _qr_infer,
    _qr_parts,
    _qr_gradient,
    ("full",),
    lambda: [
        *_samples(2, ((2, 4, 3), (2, 2), (3, 0)), full=False)(),
        *_samples(2, ((4, 2), (2, 4)), False, full=True)(),
    ],
    bad_shape(full=False, part=0),
)


def _reflectors_infer(inputs: tuple[Expr, ...], part: int) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("geqrf", x, square=False)
    return (*x.shape[:-2], min(x.shape[-2:])) if part else x.shape, x.dtype


def _reflectors_parts(x: np.ndarray) -> Sequence[np.ndarray]:
    a, tau = np.linalg.qr(x, "raw")
    return np.swapaxes(a, -1, -2), tau


REFLECTORS = decomposition(
    "geqrf",
    "R and v with A = Π (I - τᵢ vᵢ vᵢᴴ) R; τ",
    _reflectors_infer,
    _reflectors_parts,
    None,
    (),
    _samples(2, ((2, 4, 3), (2, 3)), False),
    bad_shape(part=0),
)


# A = V diag(w) Vᴴ and A = V diag(w) V⁻¹


def _eigh_infer(inputs: tuple[Expr, ...], vectors: bool, part: int) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("eigh", x)
    return (x.shape, x.dtype) if part else (x.shape[:-1], x.dtype.to_real())


def _eigh_parts(x: np.ndarray, vectors: bool) -> Sequence[np.ndarray]:
    if not vectors:
        return lapack.each("eigvalsh", lambda a: [np.linalg.eigvalsh(a)], [x], True, _LOST)[0]
    return lapack.each("eigh", lambda a: list(np.linalg.eigh(a)), [x], True, _LOST)[0]


_LOST = "has no eigenvalues that could be found (is there a NaN or an infinity in it?)"


def _eigh_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    from glia.ir import matrices as m
    from glia.ir.build import add, cast, div, mul, sub, where

    v = intern(node.op, node.inputs, (True, 1))
    if node.attrs[1] == 0:
        return (m.mm(v, cast(m.diagonal_matrix(g), v.dtype), m.mH(v)),)
    w = sibling(node, 0)
    gaps = sub(m.row(w), m.column(w))
    alone = m.on_diagonal(*gaps.shape[-2:])
    turned = m.mm(m.mH(v), g)
    inner = where(alone, 0.0, div(turned, where(alone, 1.0, gaps)))
    inner = mul(add(inner, m.mH(inner)), 0.5)  # as PyTorch: Hermitian, like A
    return (m.mm(v, inner, m.mH(v)),)


def _hermitian() -> Sequence[Sample]:
    return [
        Sample((_positive(dtype),), {"vectors": vectors, "part": part}, False)
        for dtype in (np.float32, np.float64, np.complex128)
        for vectors, part in ((True, 0), (True, 1), (False, 0))
    ]


EIGH = decomposition(
    "eigh",
    "w and V with A = V diag(w) Vᴴ",
    _eigh_infer,
    _eigh_parts,
    _eigh_gradient,
    ("vectors",),
    _hermitian,
    bad_matrices(vectors=True, part=0),
)


def _eig_infer(inputs: tuple[Expr, ...], vectors: bool, part: int) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("eig", x)
    return (x.shape if part else x.shape[:-1]), x.dtype.to_complex()


def _eig_parts(x: np.ndarray, vectors: bool) -> Sequence[np.ndarray]:
    function = np.linalg.eig if vectors else lambda a: (np.linalg.eigvals(a),)
    found, _ = lapack.each("eig", function, [x], True, _LOST)
    return [np.asarray(y, np.result_type(x.dtype, np.complex64)) for y in found]


def _eig_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    from glia.ir import matrices as m
    from glia.ir.build import cast, div, mul, sub, where

    (x,) = node.inputs
    v = intern(node.op, node.inputs, (True, 1))
    turned = m.mH(v)
    if node.attrs[1] == 0:
        inner = m.diagonal_matrix(g)
    else:
        w = sibling(node, 0)
        gaps = conj(sub(m.row(w), m.column(w)))
        alone = m.on_diagonal(*gaps.shape[-2:])
        back = m.mm(turned, g)
        along = cast(m.row(real(m.diagonal(back))), g.dtype)
        across = sub(back, mul(m.mm(turned, v), along))
        inner = where(alone, 0.0, div(across, where(alone, 1.0, gaps)))
    found = solve(turned, m.mm(inner, turned))
    return (found if x.dtype.is_complex else real(found),)


def _with_real_eigenvalues() -> np.ndarray:
    v = some_matrices(3, 3)
    return v @ np.diag([1.0, -2.0, 4.0]) @ np.linalg.inv(v)


EIG = decomposition(
    "eig",
    "w and V with A = V diag(w) V⁻¹",
    _eig_infer,
    _eig_parts,
    _eig_gradient,
    ("vectors",),
    lambda: [
        *(
            Sample((_with_real_eigenvalues(),), {"vectors": vectors, "part": part})
            for vectors, part in ((True, 0), (True, 1), (False, 0))
        ),
        *_samples(2, ((2, 3, 3),), False, vectors=True)(),
    ],
    bad_matrices(vectors=True, part=0),
)


# A = U diag(S) Vᴴ


def _svd_infer(
    inputs: tuple[Expr, ...], full: bool, vectors: bool, part: int
) -> tuple[Shape, DType]:
    (x,) = inputs
    check_matrices("svd", x, square=False)
    *lead, m, n = x.shape
    k = min(m, n)
    u, vh = (m if full else k), (n if full else k)
    shapes = ((*lead, m, u), (*lead, k), (*lead, vh, n))
    return shapes[part], x.dtype.to_real() if part == 1 else x.dtype


def _svd_parts(x: np.ndarray, full: bool, vectors: bool) -> Sequence[np.ndarray]:
    trouble = "has no singular values that could be found (is there a NaN or an infinity in it?)"
    if vectors:
        return lapack.each("svd", lambda a: list(np.linalg.svd(a, full)), [x], True, trouble)[0]

    def values(a: np.ndarray) -> Sequence[np.ndarray]:
        return [np.linalg.svd(a, compute_uv=False)]

    (s,) = lapack.each("svdvals", values, [x], True, trouble)[0]
    return s, s, s


def _svd_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    from glia.ir import matrices as m
    from glia.ir.build import add, cast, div, mul, neg, sub

    (x,), (full, _, part) = node.inputs, node.attrs
    k = min(x.shape[-2:])
    u, s, vh = (intern(node.op, node.inputs, (full, True, i)) for i in range(3))
    u, vh = m.part(u, None, slice(0, k)), m.part(vh, slice(0, k))
    if part == 1:
        return (m.mm(u, cast(m.diagonal_matrix(g), u.dtype), vh),)
    g = m.mH(m.part(g, slice(0, k))) if part else m.part(g, None, slice(0, k))
    side, other = (m.mH(vh), m.mH(u)) if part else (u, vh)
    inner, s = m.mm(m.mH(side), g), cast(s, u.dtype)
    inner = mul(_over_gaps(sub(inner, m.mH(inner)), s), m.column(s) if part else m.row(s))
    if x.dtype.is_complex:
        inner = add(inner, m.diagonal_matrix(_phase(side, g, s, bool(part))))
    if not part:
        found = m.mm(side, inner)
        if x.shape[-2] > k:
            rest = div(g, m.row(s))
            found = add(found, sub(rest, m.mm(side, m.mH(side), rest)))
        return (m.mm(found, other),)
    found = m.mm(inner, m.mH(side))
    if x.shape[-1] > k:
        rest = div(m.mH(g), m.column(s))
        found = add(found, add(rest, neg(m.mm(rest, side, m.mH(side)))))
    return (m.mm(m.mH(other), found),)


def _over_gaps(x: Expr, s: Expr) -> Expr:
    """``x`` over ``s_j² - s_i²``, zero on the diagonal."""
    from glia.ir import matrices as m
    from glia.ir.build import div, mul, sub, where

    squares = mul(s, s)
    alone = m.on_diagonal(*x.shape[-2:])
    gaps = sub(m.row(squares), m.column(squares))
    return where(alone, 0.0, div(x, where(alone, 1.0, gaps)))


def _phase(side: Expr, g: Expr, s: Expr, part: bool) -> Expr:
    """What is left of a turn of both vectors in the complex plane, half of it from each."""
    from glia.ir import matrices as m
    from glia.ir.build import div, mul

    turn = mul(imag(m.diagonal(m.mm(m.mH(side), g))), -0.5j if part else 0.5j)
    return div(turn, s)


SVD = decomposition(
    "svd",
    "U, S and Vᴴ with A = U diag(S) Vᴴ",
    _svd_infer,
    _svd_parts,
    _svd_gradient,
    ("full", "vectors"),
    lambda: [
        *_samples(3, ((2, 4, 3), (2, 3), (3, 3), (0, 2)), full=False, vectors=True)(),
        *_samples(3, ((4, 2),), False, full=True, vectors=True)(),
        Sample((some_matrices(3, 2),), {"full": False, "vectors": False, "part": 1}),
    ],
    bad_shape(full=False, vectors=True, part=0),
)


def factors(row: Op, x: Expr, count: int, *attrs: object) -> tuple[Expr, ...]:
    """All factors of a decomposition."""
    return tuple(intern(row, (x,), (*attrs, part)) for part in range(count))

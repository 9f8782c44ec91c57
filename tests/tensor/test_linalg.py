"""Linear algebra: what defines each result, NumPy's numbers, derivatives, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.autodiff.check import gradcheck
from glia.base.dtypes import complex64, complex128, float32, float64
from glia.base.errors import ArgumentError, DTypeError, GliaError, GradError, ShapeError
from glia.ir import build, norms
from glia.ir import linalg as formulas
from glia.ir import matrices as m
from glia.ir.expr import Expr
from glia.ir.ops import lapack, triangles
from glia.ir.ops.complex import real
from glia.ir.table import TABLE

RNG = np.random.default_rng(5)
L = gl.linalg


def some(*shape: int, dtype: Any = float64) -> np.ndarray:
    z = RNG.normal(size=shape) + 1j * RNG.normal(size=shape)
    return (z if dtype.is_complex else z.real).astype(dtype.np)


def hermitian(x: np.ndarray) -> np.ndarray:
    return x @ x.conj().swapaxes(-1, -2) + np.eye(x.shape[-1], dtype=x.dtype)


def defining(a: gl.Tensor, h: gl.Tensor, b: gl.Tensor) -> dict[str, tuple[Any, Any]]:
    """What must be equal, for any square a, Hermitian positive h and right side b."""
    one = a @ L.inv(a)
    u, s, vh = L.svd(b, full_matrices=False)
    full_u, full_s, full_vh = L.svd(b)
    q, r = L.qr(b)
    wide_q, wide_r = L.qr(b.mT)
    complete = L.qr(b, mode="complete")
    w, v = L.eigh(h)
    upper_w, upper_v = L.eigh(h, UPLO="U")
    z, y = L.eig(a)
    low = L.cholesky(h)
    p, lower, upper = L.lu(b)
    factored = L.lu_factor(a)
    sign, logarithm = L.slogdet(a)
    packed, tau = b.geqrf()
    solved = L.solve(a, b)
    return {
        "inverse": (one @ one, one),
        "solve": (a @ solved, b),
        "solve from the right": (L.solve(a, b.mT, left=False) @ a, b.mT),
        "solve for vectors": (L.solve(a, b[..., 0]), solved[..., 0]),
        "lu_solve": (L.lu_solve(*factored, b), solved),
        "adjoint": (L.lu_solve(*factored, b, adjoint=True), L.solve(a.mH, b)),
        "right": (L.lu_solve(*factored, b.mT, left=False) @ a, b.mT),
        "svd": ((u * s[..., None, :]) @ vh, b),
        "full svd": ((full_u[..., :2] * full_s[..., None, :]) @ full_vh, b),
        "svdvals": (L.svdvals(b), s),
        "qr": (q @ r, b),
        "wide qr": (wide_q @ wide_r, b.mT),
        "complete qr": (complete.Q @ complete.R, b),
        "only r": (L.qr(b, mode="r").R, r),
        "reflectors": (L.householder_product(packed, tau), q),
        "ormqr": (packed.ormqr(tau, b, transpose=True)[..., :2, :], r),
        "eigh": (h @ v, v * w[..., None, :]),
        "eigh of the upper half": (h.triu() @ upper_v + h.tril(-1) @ upper_v, h @ upper_v),
        "eigvalsh": (L.eigvalsh(h, UPLO="U"), upper_w),
        "eig": (a.to(z.dtype) @ y, y * z[..., None, :]),
        "cholesky": (low @ low.mH, h),
        "upper cholesky": (L.cholesky(h, upper=True), low.mH),
        "cholesky_solve": (h @ gl.cholesky_solve(b, low), b),
        "cholesky_inverse": (gl.cholesky_inverse(low), L.inv(h)),
        "lu": (p @ lower @ upper, b),
        "lu_unpack": (gl.lu_unpack(*L.lu_factor(b))[2], upper),
        "triangular": (low @ L.solve_triangular(low, b, upper=False), b),
        "from the right": (L.solve_triangular(low, b.mT, upper=False, left=False) @ low, b.mT),
        "triangular_solve": (low.mT @ gl.triangular_solve(b, low, False, True)[0], b),
        "slogdet": (sign * logarithm.exp(), L.det(a)),
        "logdet": (gl.logdet(h).exp(), L.det(h)),
        "pinv": (L.pinv(b) @ b, L.inv(b.mH @ b) @ (b.mH @ b)),
        "pinv of Hermitian": (L.pinv(h, hermitian=True), L.inv(h)),
        "lstsq": (b.mH @ (b @ L.lstsq(b, b[..., :1] + 1).solution), b.mH @ (b[..., :1] + 1)),
        "exp": (L.matrix_exp(a) @ L.matrix_exp(-a), one),
        "power": (L.matrix_power(a, -3) @ a @ a @ a, one),
        "condition": (L.cond(a, 1), L.norm(a, 1, (-2, -1)) * L.norm(L.inv(a), 1, (-2, -1))),
    }


@pytest.mark.parametrize("dtype", [float32, float64, complex64, complex128], ids=lambda d: d.name)
def test_what_defines_the_results(dtype: Any) -> None:
    a, b = some(2, 3, 3, dtype=dtype), some(2, 3, 2, dtype=dtype)
    pairs = defining(*(gl.tensor(x) for x in (a, hermitian(a), b)))
    gl.realize(*(x for pair in pairs.values() for x in pair))
    close = 1e-3 if dtype.itemsize == 4 * (1 + dtype.is_complex) else 1e-10
    for name, (found, wanted) in pairs.items():
        assert found.dtype is wanted.dtype, name
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), close, close, err_msg=name)


def test_large_matrices_and_orders() -> None:
    """Blocks of columns, pivots, powers of ten in the exponential."""
    a = some(90, 70)
    p, lower, upper = L.lu(gl.tensor(a))
    np.testing.assert_allclose((p @ lower @ upper).numpy(), a, atol=1e-11)
    assert abs(lower.numpy()).max() == 1
    x = np.diag([1.0, -3.0, 12.0])
    t = some(3, 3)
    found = L.matrix_exp(gl.tensor(t @ x @ np.linalg.inv(t))).numpy()
    np.testing.assert_allclose(found, t @ np.diag(np.exp(np.diag(x))) @ np.linalg.inv(t), rtol=1e-8)
    zero = L.solve_triangular(gl.tensor([[2.0, 1], [0, 0]]), gl.tensor([[1.0], [1]]), upper=True)
    assert zero.tolist() == [[-np.inf], [np.inf]]


def test_measures_are_numpys() -> None:
    a, v = some(3, 4), np.array([3.0, -4, 0])
    x, y = gl.tensor(a), gl.tensor(v)
    orders = ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    pairs = [(L.matrix_norm(x, o), np.linalg.norm(a, o)) for o in orders]
    pairs += [(L.norm(y, o), np.linalg.norm(v, o)) for o in (None, 0, 1, 2, 3.5, np.inf, -np.inf)]
    pairs += [(L.vector_norm(x, 3, 1), np.linalg.norm(a, 3, 1)), (x.norm("nuc"), pairs[1][1])]
    pairs += [(L.norm(x, 2, (0, 1), True), np.linalg.norm(a, 2, keepdims=True))]
    pairs += [(L.cond(x), np.linalg.cond(a)), (L.cond(gl.ones(2, 2), 1), np.inf)]
    pairs += [(L.matrix_rank(x), 3), (L.matrix_rank(x[:, :1] @ x[:1]), 1)]
    pairs += [(L.matrix_rank(gl.eye(3) * gl.tensor([1.0, 0.1, 1e-9]), atol=0.05), 2)]
    pairs += [(gl.logdet(-gl.eye(3)), np.nan), (gl.logdet(gl.zeros(2, 2)), -np.inf)]
    pairs += [(L.vecdot(x + 1j, x), np.vecdot(a + 1j, a) if hasattr(np, "vecdot") else None)]
    pairs += [(L.cross(x[:, :3], x[1:2, :3]), np.cross(a[:, :3], a[1:2, :3]))]
    pairs += [
        (L.vander(y, 4), np.vander(v, 4, increasing=True)),
        (L.diagonal(x, offset=1), np.diag(a, 1)),
    ]
    pairs += [(L.multi_dot([y, x, x.mT, x]), v @ a @ a.T @ a)]
    big = a.reshape(3, 2, 2)[:2]
    pairs += [
        (
            L.tensorinv(gl.tensor(big.reshape(4, 2, 1)[:2]), 1),
            np.linalg.tensorinv(big.reshape(4, 2, 1)[:2], 1),
        )
    ]
    t, r = some(2, 3, 6), some(2, 3)
    pairs += [(L.tensorsolve(gl.tensor(t), gl.tensor(r)), np.linalg.tensorsolve(t, r))]
    gl.realize(*(found for found, _ in pairs))
    for i, (found, wanted) in enumerate(pairs):
        if wanted is not None:
            np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-10, err_msg=str(i))


# One call, errors


def test_three_factors_are_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    svd = np.linalg.svd
    monkeypatch.setattr(
        np.linalg, "svd", lambda *args, **options: calls.append(1) or svd(*args, **options)
    )

    @gl.jit
    def rebuilt(x: gl.Tensor) -> gl.Tensor:
        u, s, vh = L.svd(x, full_matrices=False)
        return (u * s) @ vh

    for turn in (1, 2, 3):
        a = some(5, 3)
        np.testing.assert_allclose(rebuilt(gl.tensor(a)).numpy(), a, atol=1e-12)
        assert len(calls) == turn


def test_failures_are_named_when_they_happen() -> None:
    flat = gl.tensor(np.stack([np.eye(2), np.ones((2, 2)), -np.eye(2)]))
    for call, words in (
        (lambda: L.inv(flat), r"inv: matrix \[1\] is singular"),
        (lambda: L.solve(flat, gl.ones(2, 1, dtype=float64)), r"solve: matrix \[1\] is singular"),
        (lambda: L.cholesky(flat), r"cholesky: matrix \[1\] is not positive"),
        (lambda: L.eigvals(flat / 0), "eigenvalues"),
        (lambda: L.svdvals(flat / 0), "singular values"),
    ):
        with pytest.raises(L.LinAlgError, match=words):
            call().numpy()
    assert L.inv_ex(flat).info.tolist() == [0, 1, 0]
    assert L.solve_ex(flat, gl.ones(2, 1, dtype=float64)).info.tolist() == [0, 1, 0]
    assert L.cholesky_ex(flat).info.tolist() == [0, 1, 1]
    assert np.isnan(L.inv_ex(flat).inverse.numpy()).any((1, 2)).tolist() == [False, True, False]
    assert L.lu_factor_ex(flat).info.tolist() == [0, 2, 0]


SQUARE, WIDE = gl.eye(3), gl.ones(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: L.inv(WIDE), ShapeError, "square matrix, found shape (2, 3)"),
        (lambda: L.det(gl.ones(3)), ShapeError, "expected a matrix"),
        (lambda: L.inv(SQUARE.long()), DTypeError, "convert"),
        (lambda: L.solve(SQUARE, gl.ones(2, 1)), ShapeError, "do not fit"),
        (lambda: L.solve(SQUARE, gl.ones(3, 1).double()), DTypeError, "one dtype"),
        (lambda: L.solve(SQUARE, gl.ones(3), left=False), ShapeError, "left=False"),
        (lambda: L.qr(WIDE, "full"), ArgumentError, "'complete'"),
        (lambda: L.eigh(SQUARE, "X"), ArgumentError, "UPLO"),
        (lambda: L.lu(SQUARE, pivot=False), ArgumentError, "pivot"),
        (lambda: L.lstsq(SQUARE, SQUARE, driver="best"), ArgumentError, "driver"),
        (lambda: L.svd(SQUARE, driver="gesvd"), ArgumentError, "driver"),  # type: ignore[arg-type]
        (lambda: L.matrix_norm(WIDE, 3), ArgumentError, "'nuc'"),
        (lambda: L.matrix_norm(gl.ones(3)), ShapeError, "vector_norm"),
        (lambda: L.norm(gl.ones(2, 2, 2), 2), ShapeError, "give dim="),
        (lambda: L.vector_norm(gl.arange(3)), DTypeError, "x.float()"),
        (lambda: L.multi_dot([SQUARE]), ArgumentError, "two tensors"),
        (lambda: L.multi_dot([SQUARE, gl.ones(1, 3, 3), SQUARE]), ShapeError, "batches"),
        (lambda: L.cross(gl.ones(2), gl.ones(2)), ShapeError, "size 3"),
        (lambda: L.tensorinv(gl.ones(2, 3, 4)), ShapeError, "hold 6"),
        (lambda: L.tensorsolve(SQUARE, gl.ones(2)), ShapeError, "do not fit"),
        (lambda: L.householder_product(WIDE, gl.ones(2)), ShapeError, "as many columns"),
        (lambda: L.vander(gl.ones(2), 0), ArgumentError, "at least 1"),
        (lambda: L.lu_solve(SQUARE, gl.ones(3), SQUARE), ShapeError, "lu_factor"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[GliaError], words: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


# Derivatives (those of plain rows are checked with the table)


def both(x: Expr) -> Expr:
    return build.mul(build.add(x, m.mH(x)), 0.5)


def size(x: Expr) -> Expr:
    return build.abs_(x)


DERIVED: dict[str, tuple[Callable[..., Any], tuple[int, int]]] = {
    "cholesky": (lambda x: formulas.cholesky(m.mm(x, m.mH(x)), False, True)[0], (3, 3)),
    "cholesky_solve": (
        lambda x: formulas.cholesky_solve(
            m.tril(x), formulas.cholesky(hermite(x), True, True)[0], True
        ),
        (3, 3),
    ),
    "eigenvalues": (lambda x: formulas.eigh(both(x), "L")[0], (3, 3)),
    "sizes of eigenvectors": (lambda x: size(formulas.eigh(both(x), "U")[1]), (3, 3)),
    "complex eigenvalues": (lambda x: size(formulas.eigvals(x)), (3, 3)),
    "sizes of complex eigenvectors": (lambda x: size(formulas.eig(x)[1]), (3, 3)),
    "wide qr": (lambda x: size(formulas.qr(x, "reduced")[1]), (2, 4)),
    "sizes of singular vectors": (lambda x: size(formulas.svd(x, False)[0]), (3, 2)),
    "projection": (lambda x: projection(*formulas.svd(x, False)), (3, 2)),
    "lu_solve": (
        lambda x: formulas.lu_solve(*formulas.lu_factor(x)[:2], m.triu(x), False, True),
        (3, 3),
    ),
    "householder": (lambda x: formulas.householder_product(x, m.diagonal(x)), (4, 2)),
    "logdet": (lambda x: real(formulas.logdet(hermite(x))), (3, 3)),
    "lstsq": (lambda x: formulas.lstsq(x, m.part(x, None, slice(0, 1)), None)[0], (2, 3)),
    "power": (lambda x: formulas.matrix_power(x, -2), (3, 3)),
    "nuclear norm": (lambda x: norms.norm(x, "nuc", None, False), (3, 2)),
    "spectral norm": (lambda x: norms.norm(x, 2, None, False), (2, 3)),
}


def hermite(x: Expr) -> Expr:
    return m.mm(x, m.mH(x))


def projection(u: Expr, s: Expr, vh: Expr) -> Expr:
    """Turns of both vectors cancel."""
    return m.mm(u, vh)


@pytest.mark.parametrize("dtype", [float64, complex128], ids=lambda d: d.name)
@pytest.mark.parametrize("name", DERIVED)
def test_derivatives(name: str, dtype: Any) -> None:
    function, shape = DERIVED[name]
    x = np.random.default_rng(3).normal(size=(2, *shape))
    array = x[0] + 1j * x[1] if dtype.is_complex else x[0] + 0.5 * np.eye(*shape)
    gradcheck(function, [array], tolerance=1e-5)


def test_derivative_of_the_determinant_of_a_singular_matrix() -> None:
    x = gl.tensor([[1.0, 2], [2, 4]], requires_grad=True)
    L.det(x).backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [[4, -2], [-2, 1]], rtol=1e-5)
    nothing = gl.zeros(3, 3, requires_grad=True)
    L.det(nothing).backward()
    assert nothing.grad is not None and not nothing.grad.numpy().any()
    tall = gl.ones(3, 2, requires_grad=True)
    with pytest.raises(GradError, match="reduced"):
        L.qr(tall, "complete").Q.sum().backward()


def test_every_decomposition_is_asked_for_once() -> None:
    rows = [row for row in TABLE.values() if row.parts is not None]
    assert {"svd", "qr", "eigh", "eig", "lu", "cholesky", "slogdet"} <= {row.name for row in rows}
    packed, pivots, places = lapack.lu(np.array([[0.0, 2], [1, 3]]))
    assert pivots.tolist() == [2, 2] and places.tolist() == [1, 0]
    assert triangles.LU.parts is lapack.lu and packed.tolist() == [[1, 3], [0, 2]]

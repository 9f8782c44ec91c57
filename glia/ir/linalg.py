"""Linear algebra as people write it: broadcasting, both sides, all shapes; on the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import int32, int64
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.shapes import Shape, broadcast, normalize_dim, numel
from glia.ir import matrices as m
from glia.ir.arrange import roll
from glia.ir.build import (
    abs_,
    add,
    amax,
    amin,
    cast,
    eq,
    full,
    log,
    lt,
    maximum,
    mul,
    ne,
    sub,
    sum_,
    where,
)
from glia.ir.expr import Expr, intern
from glia.ir.ops import decompose as d
from glia.ir.ops import linalg as rows
from glia.ir.ops import triangles as t
from glia.ir.ops.complex import conj
from glia.ir.ops.source import iota
from glia.ir.ops.view import broadcast_to, concat, permute, reshape

Tolerance = float | None


def _same_batch(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    lead = broadcast(a.shape[:-2], b.shape[:-2])
    return m.broadcast_batch(a, lead), m.broadcast_batch(b, lead)


def _as_columns(name: str, a: Expr, b: Expr) -> tuple[Expr, bool]:
    """The right side as matrices, and whether it was vectors."""
    vectors = b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1])
    rows.check_matrices(name, a, square=False)
    return (m.column(b) if vectors else b), vectors


def solve(a: Expr, b: Expr, left: bool, check: bool) -> tuple[Expr, Expr]:
    """``X`` with ``A X = B`` (or ``X A = B``), and which matrices are singular."""
    rows.check_matrices("solve", a)
    b, vectors = _as_columns("solve", a, b)
    if vectors and not left:
        raise ShapeError(teach("solve: vectors stand on the right: left=False needs a matrix."))
    if b.ndim < 2:
        raise ShapeError(teach(f"solve: {a.shape} and {b.shape} do not fit."))
    a, b = _same_batch(a if left else m.mT(a), b if left else m.mT(b))
    found = rows.solve(a, b, check)
    info = rows.solve(a, b, check, 1)
    found = found if left else m.mT(found)
    return (reshape(found, found.shape[:-1]) if vectors else found), info


def solve_triangular(a: Expr, b: Expr, upper: bool, left: bool, unit: bool) -> Expr:
    rows.check_matrices("solve_triangular", a, b)
    if not left:
        return m.mT(solve_triangular(m.mT(a), m.mT(b), not upper, True, unit))
    return rows.solve_triangular(*_same_batch(a, b), upper, unit)


def logdet(x: Expr) -> Expr:
    """``ln det A``; NaN where the determinant is negative."""
    sign, logarithm = rows.slogdet(x)
    if x.dtype.is_complex:
        return add(logarithm, log(sign))
    return where(lt(sign, 0), math.nan, logarithm)


def matrix_power(x: Expr, n: int) -> Expr:
    """By squaring; negative powers are powers of the inverse."""
    rows.check_matrices("matrix_power", x)
    if n < 0:
        return matrix_power(rows.inv(x), -n)
    found: Expr | None = None
    while n:
        if n & 1:
            found = x if found is None else m.mm(found, x)
        n >>= 1
        x = m.mm(x, x) if n else x
    size = x.shape[-1]
    return broadcast_to(m.eye(size, size, x.dtype), x.shape) if found is None else found


def multi_dot(*factors: Expr) -> Expr:
    """The product in the order that takes the fewest multiplications."""
    if len(factors) < 2:
        raise ArgumentError(teach(f"multi_dot: expected two tensors, found {len(factors)}."))
    ends = factors[0].ndim == 1, factors[-1].ndim == 1
    chain = list(factors)
    chain[0] = m.row(chain[0]) if ends[0] else chain[0]
    chain[-1] = m.column(chain[-1]) if ends[1] else chain[-1]
    if any(x.ndim != 2 for x in chain):
        shapes = ", ".join(str(x.shape) for x in factors)
        message = f"multi_dot: expected matrices (the ends may be vectors), found {shapes}."
        raise ShapeError(teach(message, "use matmul for batches"))
    found = _multiplied(chain)
    shape = [n for n, gone in zip(found.shape, ends, strict=True) if not gone]
    return reshape(found, tuple(shape))


def _multiplied(chain: Sequence[Expr]) -> Expr:
    """Cormen et al., Introduction to Algorithms, section 15.2."""
    n = len(chain)
    sizes = [chain[0].shape[0], *(x.shape[1] for x in chain)]
    cost = {(i, i): 0 for i in range(n)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            choices = [
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            ]
            cost[i, j], cut[i, j] = min(choices)

    def product(i: int, j: int) -> Expr:
        return chain[i] if i == j else m.mm(product(i, cut[i, j]), product(cut[i, j] + 1, j))

    return product(0, n - 1)


# Triangles


def cholesky(x: Expr, upper: bool, check: bool) -> tuple[Expr, Expr]:
    found, info = d.factors(d.CHOLESKY, m.mH(x) if upper and x.ndim > 1 else x, 2, check)
    return (m.mH(found) if upper else found), info


def cholesky_solve(b: Expr, factor: Expr, upper: bool) -> Expr:
    """``X`` with ``A X = B``, of the triangle of A."""
    lower = m.mH(factor) if upper else factor
    half = solve_triangular(lower, b, False, True, False)
    return solve_triangular(m.mH(lower), half, True, True, False)


def cholesky_inverse(factor: Expr, upper: bool) -> Expr:
    rows.check_matrices("cholesky_inverse", factor)
    n = factor.shape[-1]
    return cholesky_solve(m.eye(n, n, factor.dtype), factor, upper)


def qr(x: Expr, mode: str) -> tuple[Expr, Expr]:
    if mode not in ("reduced", "complete", "r"):
        message = f"qr: expected mode 'reduced', 'complete' or 'r', found {mode!r}."
        raise ArgumentError(teach(message))
    rows.check_matrices("qr", x, square=False)
    height, width = x.shape[-2:]
    if height >= width:
        q, r = d.factors(d.QR, x, 2, mode == "complete")
    else:  # the first columns decide; the others follow
        q, r = d.factors(d.QR, m.part(x, None, slice(0, height)), 2, False)
        r = concat([r, m.mm(m.mH(q), m.part(x, None, slice(height, width)))], x.ndim - 1)
    return (full((0,), 0.0, x.dtype) if mode == "r" else q), r


def lu_factor(x: Expr) -> tuple[Expr, Expr, Expr]:
    """Both triangles in one matrix, the exchanges, and the first pivot that is zero."""
    packed, pivots, _ = d.factors(t.LU, x, 3)
    on = m.diagonal(packed)
    count = on.shape[-1]
    if not count:
        return packed, pivots, full(x.shape[:-2], 0, int32)
    first = amin(where(eq(on, 0), add(iota(count), 1), count + 1), -1)
    return packed, pivots, cast(where(lt(first, count + 1), first, 0), int32)


def lu(x: Expr) -> tuple[Expr, Expr, Expr]:
    """``A = P L U``."""
    packed, _, places = d.factors(t.LU, x, 3)
    lower, upper = triangles(packed)
    return permutation_matrix(places, x), lower, upper


def triangles(packed: Expr) -> tuple[Expr, Expr]:
    """L with ones on its diagonal, and U."""
    height, width = packed.shape[-2:]
    k = min(height, width)
    lower = m.tril(m.part(packed, None, slice(0, k)), -1)
    lower = add(lower, m.eye(height, k, packed.dtype))
    return lower, m.triu(m.part(packed, slice(0, k)))


def permutation_matrix(places: Expr, like: Expr) -> Expr:
    """P with ``P[p[i], i] = 1``."""
    size = places.shape[-1]
    hit = eq(m.row(places), reshape(iota(size), (size, 1)))
    return cast(hit, like.dtype)


def places_of(pivots: Expr, size: int) -> Expr:
    return intern(t.PERMUTATION, (pivots,), (size,))


def lu_unpack(packed: Expr, pivots: Expr) -> tuple[Expr, Expr, Expr]:
    lower, upper = triangles(packed)
    places = places_of(pivots, packed.shape[-2])
    return permutation_matrix(places, packed), lower, upper


def lu_solve(packed: Expr, pivots: Expr, b: Expr, left: bool, adjoint: bool) -> Expr:
    """``X`` with ``A X = B``, ``X A = B`` or ``Aᴴ X = B``, of the triangles of A."""
    rows.check_matrices("lu_solve", packed, b)
    if not left:
        return m.mH(lu_solve(packed, pivots, m.mH(b), True, not adjoint))
    packed, b = _same_batch(packed, b)
    places = places_of(pivots, packed.shape[-1])
    places = broadcast_to(places, (*packed.shape[:-2], packed.shape[-1]))
    if adjoint:
        half = rows.solve_triangular(m.mH(packed), b, False)
        return t.put_back(rows.solve_triangular(m.mH(packed), half, True, True), places)
    half = rows.solve_triangular(packed, t.chosen_rows(b, places), False, True)
    return rows.solve_triangular(packed, half, True)


def geqrf(x: Expr) -> tuple[Expr, Expr]:
    a, tau = d.factors(d.REFLECTORS, x, 2)
    return a, tau


def householder_product(a: Expr, tau: Expr) -> Expr:
    """The first columns of ``Π (I - τᵢ vᵢ vᵢᴴ)``.

    In closed form ``I - V T Vᴴ`` with ``T = (I + D S)⁻¹ D``, D holding τ and S the upper triangle
    of ``Vᴴ V`` (Schreiber and Van Loan, A storage-efficient WY representation, 1989).
    """
    v, inner = _reflectors("householder_product", a, tau)
    height, width = a.shape[-2:]
    one = m.eye(height, width, a.dtype)
    ahead = m.mm(inner, m.mH(m.part(v, slice(0, width))))
    return sub(one, m.mm(v, ahead))


def ormqr(a: Expr, tau: Expr, c: Expr, left: bool, transpose: bool) -> Expr:
    """``Q C``, ``C Q`` or these with ``Qᴴ``, without making Q."""
    v, inner = _reflectors("ormqr", a, tau)
    inner = m.mH(inner) if transpose else inner
    if left:
        return sub(c, m.mm(v, inner, m.mm(m.mH(v), c)))
    return sub(c, m.mm(m.mm(c, v), inner, m.mH(v)))


def _reflectors(name: str, a: Expr, tau: Expr) -> tuple[Expr, Expr]:
    rows.check_matrices(name, a, square=False)
    count = tau.shape[-1] if tau.ndim else 0
    if tau.shape[:-1] != a.shape[:-2] or not count <= a.shape[-1] <= a.shape[-2]:
        message = f"{name}: reflectors {a.shape} and factors {tau.shape} do not fit."
        raise ShapeError(teach(message, "at most as many columns as rows, one factor a column"))
    v = m.tril(m.part(a, None, slice(0, count)), -1)
    v = add(v, m.eye(a.shape[-2], count, a.dtype))
    above = mul(m.column(tau), m.triu(m.mm(m.mH(v), v), 1))
    return v, rows.solve_triangular(above, m.diagonal_matrix(tau), True, True)


# Singular values


def svd(x: Expr, full_matrices: bool) -> tuple[Expr, Expr, Expr]:
    u, s, vh = d.factors(d.SVD, x, 3, full_matrices, True)
    return u, s, vh


def svdvals(x: Expr) -> Expr:
    return intern(d.SVD, (x,), (False, False, 1))


def eigh(x: Expr, uplo: str) -> tuple[Expr, Expr]:
    w, v = d.factors(d.EIGH, _lower(x, uplo), 2, True)
    return w, v


def eigvalsh(x: Expr, uplo: str) -> Expr:
    return intern(d.EIGH, (_lower(x, uplo),), (False, 0))


def _lower(x: Expr, uplo: str) -> Expr:
    if uplo.upper() not in ("L", "U"):
        raise ArgumentError(teach(f"eigh: expected UPLO 'L' or 'U', found {uplo!r}."))
    rows.check_matrices("eigh", x)
    return m.mH(x) if uplo.upper() == "U" else x


def eig(x: Expr) -> tuple[Expr, Expr]:
    w, v = d.factors(d.EIG, x, 2, True)
    return w, v


def eigvals(x: Expr) -> Expr:
    return intern(d.EIG, (x,), (False, 0))


def tolerances(x: Expr, atol: Tolerance, rtol: Tolerance) -> tuple[float, float]:
    """PyTorch's defaults: relative to the larger side and the precision, unless one is given."""
    if rtol is None:
        precision = float(np.finfo(x.dtype.to_real().np).eps) if x.dtype.is_inexact else 0.0
        rtol = max(x.shape[-2:]) * precision if not atol else 0.0
    return atol or 0.0, rtol


def pinv(x: Expr, atol: Tolerance, rtol: Tolerance, hermitian: bool) -> Expr:
    rows.check_matrices("pinv", x, square=hermitian)
    return rows.pinv(x, *tolerances(x, atol, rtol), hermitian)


def matrix_rank(x: Expr, atol: Tolerance, rtol: Tolerance, hermitian: bool) -> Expr:
    rows.check_matrices("matrix_rank", x, square=hermitian)
    least, share = tolerances(x, atol, rtol)
    s = abs_(eigvalsh(x, "L")) if hermitian else svdvals(x)
    if not s.shape[-1]:
        return full(s.shape[:-1], 0, int64)
    return sum_(lt(maximum(mul(amax(s, -1, True), share), least), s), -1)


def lstsq(a: Expr, b: Expr, rcond: Tolerance) -> tuple[Expr, Expr, Expr, Expr]:
    """The shortest X of those with the least ``|A X - B|``, residuals, ranks, singular values."""
    b, vectors = _as_columns("lstsq", a, b)
    a, b = _same_batch(a, b)
    found = m.mm(pinv(a, None, rcond, False), b)
    off = abs_(sub(m.mm(a, found), b))
    residuals = sum_(mul(off, off), -2)
    found = reshape(found, found.shape[:-1]) if vectors else found
    return found, residuals, matrix_rank(a, None, rcond, False), svdvals(a)


# Tensors as matrices


def tensorinv(x: Expr, ind: int) -> Expr:
    first, last = x.shape[:ind], x.shape[ind:]
    if ind < 1 or numel(first) != numel(last):
        message = f"tensorinv: the first {ind} sizes of {x.shape} hold {numel(first)} elements, "
        raise ShapeError(teach(f"{message}the others {numel(last)}.", "both must hold as many"))
    size = numel(first)
    return reshape(rows.inv(reshape(x, (size, size))), (*last, *first))


def tensorsolve(a: Expr, b: Expr, dims: Shape | None) -> Expr:
    """``X`` with ``Σ A[b…, x…] X[x…] = B[b…]``; ``dims`` of A are moved to the end first."""
    if dims is not None:
        last = tuple(normalize_dim(dim, a.ndim) for dim in dims)
        a = permute(a, (*(i for i in range(a.ndim) if i not in last), *last))
    shape = a.shape[b.ndim :]
    if numel(shape) != b.numel or a.numel != b.numel**2:
        raise ShapeError(teach(f"tensorsolve: {a.shape} and {b.shape} do not fit."))
    size = b.numel
    found = rows.solve(reshape(a, (size, size)), reshape(b, (size, 1)))
    return reshape(found, shape)


def vander(x: Expr, count: int | None) -> Expr:
    """``x⁰, x¹, …`` as columns."""
    x = x if x.ndim else reshape(x, (1,))
    count = x.shape[-1] if count is None else count
    if count < 1:
        raise ArgumentError(teach(f"vander: expected N of at least 1, found {count}."))
    x = x if x.dtype.is_inexact else cast(x, int64)
    powers = [full(x.shape, 1, x.dtype)]
    for _ in range(count - 1):
        powers.append(mul(powers[-1], x))
    return concat([m.column(power) for power in powers], x.ndim)


def vecdot(a: Expr, b: Expr, dim: int) -> Expr:
    """``Σ conj(aᵢ) bᵢ`` along a dimension."""
    return sum_(mul(conj(a), b), dim)


def cross(a: Expr, b: Expr, dim: int) -> Expr:
    """``a × b`` of vectors of three along a dimension."""
    shape = broadcast(a.shape, b.shape)
    dim = normalize_dim(dim, len(shape))
    if a.ndim != b.ndim or shape[dim] != 3 or {a.shape[dim], b.shape[dim]} != {3}:
        message = f"cross: expected size 3 in dimension {dim} of both, found {a.shape}, {b.shape}."
        raise ShapeError(teach(message, "name the dimension of the vectors: dim="))

    def turned(x: Expr, by: int) -> Expr:
        return roll(broadcast_to(x, shape), (by,), (dim,))

    return sub(mul(turned(a, -1), turned(b, 1)), mul(turned(a, 1), turned(b, -1)))


def singular(info: Expr) -> Expr:
    return ne(info, 0)

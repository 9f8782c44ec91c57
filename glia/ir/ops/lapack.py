"""Linear algebra on NumPy arrays: what NumPy has no function for, and errors that name a matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glia.base.errors import LinAlgError, teach

#: Columns that the decomposition into triangles works on at a time.
BLOCK = 32


def each(
    name: str,
    function: Callable[..., Sequence[np.ndarray]],
    arrays: Sequence[np.ndarray],
    check: bool,
    trouble: str,
) -> tuple[list[np.ndarray], np.ndarray]:
    """``function`` of matrices, and for each of them whether it failed.

    Where it failed the results are NaN, unless it is to ``check``: then that is an error.
    """
    lead = arrays[0].shape[:-2]
    info = np.zeros(lead, np.int32)
    try:
        return list(function(*arrays)), info
    except np.linalg.LinAlgError as error:
        if not lead and check:
            raise LinAlgError(_failed(name, (), trouble)) from error
    results: list[np.ndarray] = []
    well = [np.eye(*x.shape[-2:], dtype=x.dtype) for x in arrays]
    shapes = [np.asarray(x) for x in function(*well)]
    results = [np.full((*lead, *x.shape), np.nan, x.dtype) for x in shapes]
    for place in np.ndindex(lead):
        try:
            found = function(*(x[place] for x in arrays))
        except np.linalg.LinAlgError as error:
            if check:
                raise LinAlgError(_failed(name, place, trouble)) from error
            info[place] = 1
            continue
        for result, x in zip(results, found, strict=True):
            result[place] = x
    return results, info


def _failed(name: str, place: tuple[int, ...], trouble: str) -> str:
    which = f"matrix {list(place)}" if place else "the matrix"
    help = "check the data, add a small multiple of the identity, or use gl.linalg.pinv or lstsq"
    return teach(f"{name}: {which} {trouble}.", help)


def lu(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``A[perm] = L U`` with rows exchanged so that every pivot is the largest of its column.

    L (unit diagonal) and U in one array; the row that each step exchanged, counted from 1 as
    LAPACK does; and the permutation. Blocks of columns at a time, so that most work is products.
    """
    a = a.copy()
    *lead, m, n = a.shape
    batch = a.reshape(-1, m, n)
    count = min(m, n)
    pivots = np.zeros((len(batch), count), np.int32)
    matrices = np.arange(len(batch))
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        for k in range(start, stop):
            best = k + np.argmax(_size(batch[:, k:, k]), axis=1)
            pivots[:, k] = best + 1
            other = batch[matrices, best]
            batch[matrices, best] = batch[:, k]
            batch[:, k] = other
            pivot = batch[:, k, k][:, None]
            safe = np.where(pivot == 0, np.ones((), a.dtype), pivot)
            batch[:, k + 1 :, k] /= safe
            update = batch[:, k + 1 :, k, None] * batch[:, k, None, k + 1 : stop]
            batch[:, k + 1 :, k + 1 : stop] -= update
        if stop < n:
            left = np.tril(batch[:, start:stop, start:stop], -1) + np.eye(stop - start)
            right = solve_triangular(left.astype(a.dtype), batch[:, start:stop, stop:], False)
            batch[:, start:stop, stop:] = right
            batch[:, stop:, stop:] -= batch[:, stop:, start:stop] @ right
    pivots = pivots.reshape((*lead, count))
    return batch.reshape(a.shape), pivots, permutation(pivots, m)


def _size(x: np.ndarray) -> np.ndarray:
    """What LAPACK calls the largest pivot by: of complex numbers, both parts' sizes added."""
    return np.abs(x.real) + np.abs(x.imag) if np.iscomplexobj(x) else np.abs(x)


def permutation(pivots: np.ndarray, size: int) -> np.ndarray:
    """Where each row comes from after the exchanges."""
    flat = pivots.reshape(-1, pivots.shape[-1]).astype(np.int64) - 1
    found = np.tile(np.arange(size), (len(flat), 1))
    matrices = np.arange(len(flat))
    for k in range(flat.shape[1]):
        other = found[matrices, flat[:, k]]
        found[matrices, flat[:, k]] = found[:, k]
        found[:, k] = other
    return found.reshape((*pivots.shape[:-1], size))


def solve_triangular(a: np.ndarray, b: np.ndarray, upper: bool) -> np.ndarray:
    """``X`` with ``A X = B``; what lies on the other side of A's diagonal is not read.

    An upper triangle is its own decomposition for LAPACK's general solver, which so only goes
    backwards through it. A lower one becomes an upper one when rows and columns are turned round.
    """
    if not upper:
        turned = solve_triangular(np.triu(a[..., ::-1, ::-1]), b[..., ::-1, :], True)
        return turned[..., ::-1, :]
    a = np.triu(a)
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:  # a zero on the diagonal: infinities, as in PyTorch
        x = np.array(np.broadcast_to(b, np.broadcast_shapes(a.shape[:-1] + (1,), b.shape)))
        for i in reversed(range(a.shape[-1])):
            x[..., i, :] /= a[..., i, i, None]
            x[..., :i, :] -= a[..., :i, i, None] * x[..., i, None, :]
        return x


#: Coefficients of the Padé approximation of order 13.
_PADE = (
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
    10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
)  # fmt: skip


def matrix_exp(a: np.ndarray) -> np.ndarray:
    """``Σ Aᵏ / k!`` by scaling, a rational approximation, and squaring."""
    out = np.empty_like(a)
    for place in np.ndindex(a.shape[:-2]):
        out[place] = _exp_of_one(a[place])
    return out


def _exp_of_one(a: np.ndarray) -> np.ndarray:
    """Higham, The scaling and squaring method for the matrix exponential revisited (2005)."""
    norm = float(np.abs(a).sum(0).max(initial=0.0))
    if not np.isfinite(norm):
        return np.full_like(a, np.nan)
    squarings = max(0, int(np.ceil(np.log2(norm / 5.37)))) if norm > 5.37 else 0
    a = a / a.dtype.type(2.0**squarings)
    one = np.eye(len(a), dtype=a.dtype)
    c = [a.dtype.type(x / _PADE[0]) for x in _PADE]
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a6 @ (c[13] * a6 + c[11] * a4 + c[9] * a2) + c[7] * a6 + c[5] * a4 + c[3] * a2
    odd = a @ (odd + c[1] * one)
    even = a6 @ (c[12] * a6 + c[10] * a4 + c[8] * a2) + c[6] * a6 + c[4] * a4 + c[2] * a2
    even = even + c[0] * one
    found = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        found = found @ found
    return found


def cofactors(a: np.ndarray) -> np.ndarray:
    """``∂det/∂A``: the signed minors, also of singular matrices, from a decomposition."""
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), np.ones((), s.dtype), s[..., None, :]).prod(-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return sign[..., None, None] * np.conj((u * others[..., None, :]) @ vh)


def pinv(a: np.ndarray, atol: float, rtol: float, hermitian: bool) -> np.ndarray:
    """Singular values of at most ``max(atol, rtol · largest)`` count as zero."""
    if not a.size:
        return np.zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
    if hermitian:
        w, v = np.linalg.eigh(a)
        u, s = v, np.abs(w)
        vh = np.conj(np.swapaxes(v, -1, -2)) * np.sign(w)[..., None]
    else:
        u, s, vh = np.linalg.svd(a, full_matrices=False)
    cut = np.maximum(atol, rtol * s.max(-1, keepdims=True))
    inverse = np.where(s > cut, 1 / np.where(s > cut, s, 1), 0).astype(s.dtype)
    return np.conj(np.swapaxes(vh, -1, -2)) @ (inverse[..., None] * np.conj(np.swapaxes(u, -1, -2)))

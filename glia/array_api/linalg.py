"""Linear algebra: the functions of the namespace, and the extension ``linalg``."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod
from typing import Any, Literal, NamedTuple

from glia.array_api.arguments import array, axes, cast, keepdims_shape, one_axis, operands, recorded
from glia.array_api.array import Array, of, plain
from glia.array_api.creation import full
from glia.array_api.data_types import checked_dtype
from glia.array_api.manipulation import broadcast_arrays
from glia.array_api.reductions import sum as _sum
from glia.base.dtypes import DType
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape
from glia.ir import products
from glia.tensor import linalg as _linalg

__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


class Eigh(NamedTuple):
    """What ``eigh`` gives."""

    eigenvalues: Array
    eigenvectors: Array


class QR(NamedTuple):
    """What ``qr`` gives."""

    Q: Array
    R: Array


class Slogdet(NamedTuple):
    """What ``slogdet`` gives."""

    sign: Array
    logabsdet: Array


class SVD(NamedTuple):
    """What ``svd`` gives."""

    U: Array
    S: Array
    Vh: Array


def matmul(x1: Array, x2: Array, /) -> Array:
    """``Σⱼ x1[…, i, j] · x2[…, j, k]``; arrays of 1 dimension are a row, a column.

    Example:
        >>> import glia.array_api as xp
        >>> xp.matmul(xp.asarray([[1, 2], [3, 4]]), xp.asarray([1, 1]))
        tensor([3, 7])
    """
    a, b = operands("matmul", x1, x2, "numeric")
    if not a.ndim or not b.ndim:
        what = tr("matmul: expected at least 1 dimension.", "matmul：至少应为 1 维。")
        raise ShapeError(teach(what, tr("use multiply", "请用 multiply")))
    return recorded(products.matmul, a, b)


def matrix_transpose(x: Array, /) -> Array:
    """The last two dimensions swapped.

    >>> import glia.array_api as xp
    >>> xp.matrix_transpose(xp.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """
    return array("matrix_transpose", x).mT


def tensordot(
    x1: Array, x2: Array, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2
) -> Array:
    """Products summed over pairs of axes: the last and first ones, or those that are named.

    Example:
        >>> import glia.array_api as xp
        >>> xp.tensordot(xp.asarray([1, 2]), xp.asarray([3, 4]), axes=1)
        tensor(11)
    """
    a, b = operands("tensordot", x1, x2, "numeric")
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            what = tr(
                f"tensordot: cannot pair {axes} axes of {a.shape} and {b.shape}.",
                f"tensordot：{a.shape} 与 {b.shape} 无法配对 {axes} 个轴。",
            )
            raise ArgumentError(teach(what))
        left, right = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        left, right = (
            [one_axis(d, x.ndim) for d in part] for part, x in zip(axes, (a, b), strict=True)
        )
    if len(left) != len(right) or any(
        a.shape[i] != b.shape[j] for i, j in zip(left, right, strict=True)
    ):
        what = tr(
            f"tensordot: axes {axes} of {a.shape} and {b.shape} differ in size.",
            f"tensordot：{a.shape} 与 {b.shape} 的轴 {axes} 大小不同。",
        )
        raise ShapeError(teach(what))
    rows = [d for d in range(a.ndim) if d not in left]
    columns = [d for d in range(b.ndim) if d not in right]
    summed = prod(a.shape[d] for d in left)
    shape = (*(a.shape[d] for d in rows), *(b.shape[d] for d in columns))
    count = prod(a.shape[d] for d in rows)
    one = plain(a).permute((*rows, *left)).reshape(count, summed)
    width = prod(b.shape[d] for d in columns)
    other = plain(b).permute((*right, *columns)).reshape(summed, width)
    return of((one @ other).reshape(shape))


def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """``Σ x̄1 · x2`` along an axis counted from the end, the others broadcast.

    >>> import glia.array_api as xp
    >>> xp.vecdot(xp.asarray([[1, 2], [3, 4]]), xp.asarray([10, 1]))
    tensor([12, 34])
    >>> xp.vecdot(xp.asarray([1j]), xp.asarray([1j]))
    tensor(1.+0.j, dtype=glia.complex64)
    """
    from glia.array_api.elementwise import conj, multiply

    a, b = operands("vecdot", x1, x2, "numeric")
    if not a.ndim or not b.ndim or a.shape[axis] != b.shape[axis]:
        what = tr(
            f"vecdot: {a.shape} and {b.shape} differ along axis {axis}.",
            f"vecdot：{a.shape} 与 {b.shape} 在第 {axis} 轴不同。",
        )
        raise ShapeError(teach(what))
    found = multiply(conj(a), b)
    return _sum(found, axis=axis, dtype=found.dtype)


def _matrices(name: str, x: Any, square: bool = False) -> Array:
    x = array(name, x, "floating")
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices" if square else "matrices"
        what = tr(
            f"{name}: expected {kind} in the last two dimensions, got shape {x.shape}.",
            f"{name}：最后两维应为{'方阵' if square else '矩阵'}，得到形状 {x.shape}。",
        )
        raise ShapeError(teach(what))
    return x


def cholesky(x: Array, /, *, upper: bool = False) -> Array:
    """The triangular L with ``x = L Lᴴ``, or with ``upper`` U with ``x = Uᴴ U``.

    >>> import glia.array_api as xp
    >>> xp.linalg.cholesky(xp.asarray([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return of(_linalg.cholesky(plain(_matrices("cholesky", x, True)), upper=upper))


def cross(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The vector product along an axis of size 3, the others broadcast.

    Example:
        >>> import glia.array_api as xp
        >>> xp.linalg.cross(xp.asarray([1, 0, 0]), xp.asarray([0, 1, 0]))
        tensor([0, 0, 1])
    """
    a, b = operands("cross", x1, x2, "numeric")
    if not a.ndim or not b.ndim or a.shape[axis] != 3 or b.shape[axis] != 3:
        what = tr(
            f"cross: expected size 3 along axis {axis}, got {a.shape} and {b.shape}.",
            f"cross：第 {axis} 轴的大小应为 3，得到 {a.shape} 与 {b.shape}。",
        )
        raise ShapeError(teach(what))
    one, other = broadcast_arrays(a, b)
    return of(_linalg.cross(plain(one), plain(other), dim=axis))


def det(x: Array, /) -> Array:
    """The determinant.

    >>> import glia.array_api as xp
    >>> xp.linalg.det(xp.asarray([[2.0, 1.0], [0.0, 3.0]]))
    tensor(6.)
    """
    return of(_linalg.det(plain(_matrices("det", x, True))))


def diagonal(x: Array, /, *, offset: int = 0) -> Array:
    """The elements ``x[…, i, i + offset]``.

    Example:
        >>> import glia.array_api as xp
        >>> xp.linalg.diagonal(xp.asarray([[1, 2], [3, 4]]))
        tensor([1, 4])
    """
    x = array("diagonal", x)
    if x.ndim < 2:
        what = tr("diagonal: expected at least 2 dimensions.", "diagonal：至少应为 2 维。")
        raise ShapeError(teach(what))
    return of(_linalg.diagonal(plain(x), offset=offset))


def eigh(x: Array, /) -> Eigh:
    """Eigenvalues in rising order and eigenvectors of a symmetric or Hermitian matrix.

    >>> import glia.array_api as xp
    >>> found = xp.linalg.eigh(xp.asarray([[3.0, 0.0], [0.0, 2.0]]))
    >>> found.eigenvalues, xp.abs(found.eigenvectors)
    (tensor([2., 3.]), tensor([[0., 1.],
            [1., 0.]]))
    """
    return Eigh(*map(of, _linalg.eigh(plain(_matrices("eigh", x, True)))))


def eigvalsh(x: Array, /) -> Array:
    """Eigenvalues in rising order of a symmetric or Hermitian matrix.

    >>> import glia.array_api as xp
    >>> xp.linalg.eigvalsh(xp.asarray([[3.0, 0.0], [0.0, 2.0]]))
    tensor([2., 3.])
    """
    return of(_linalg.eigvalsh(plain(_matrices("eigvalsh", x, True))))


def inv(x: Array, /) -> Array:
    """The inverse matrix.

    >>> import glia.array_api as xp
    >>> xp.linalg.inv(xp.asarray([[2.0, 1.0], [1.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  2.]])
    """
    return of(_linalg.inv(plain(_matrices("inv", x, True))))


def matrix_norm(
    x: Array,
    /,
    *,
    keepdims: bool = False,
    ord: float | Literal["fro", "nuc"] | None = "fro",
) -> Array:
    """The norm of matrices: Frobenius's, the nuclear one, or that of order 1, 2, ∞, -1, -2, -∞.

    >>> import glia.array_api as xp
    >>> x = xp.asarray([[3.0, 0.0], [0.0, 4.0]])
    >>> [xp.linalg.matrix_norm(x, ord=p) for p in ("fro", "nuc", 2)]
    [tensor(5.), tensor(7.), tensor(4.)]
    """
    x = _matrices("matrix_norm", x)
    if not x.shape[-1] * x.shape[-2]:
        return _norm_of_nothing(x, (x.ndim - 2, x.ndim - 1), keepdims, 0.0)
    found = plain(x)
    return of(_linalg.matrix_norm(found, "fro" if ord is None else ord, keepdim=keepdims))


def matrix_power(x: Array, n: int, /) -> Array:
    """The n-th power of a square matrix, for negative n of its inverse.

    >>> import glia.array_api as xp
    >>> xp.linalg.matrix_power(xp.asarray([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    return of(_linalg.matrix_power(plain(_matrices("matrix_power", x, True)), n))


def matrix_rank(x: Array, /, *, rtol: float | Array | None = None) -> Array:
    """How many singular values exceed the largest one times ``rtol`` (by default max(M, N) ε).

    >>> import glia.array_api as xp
    >>> xp.linalg.matrix_rank(xp.asarray([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    return of(_linalg.matrix_rank(plain(_matrices("matrix_rank", x)), rtol=_tolerance(rtol)))


def _tolerance(rtol: Any) -> Any:
    return plain(rtol) if isinstance(rtol, Array) else rtol


def outer(x1: Array, x2: Array, /) -> Array:
    """``x1[i] · x2[j]`` of two vectors.

    >>> import glia.array_api as xp
    >>> xp.linalg.outer(xp.asarray([1, 2]), xp.asarray([10, 20]))
    tensor([[10, 20],
            [20, 40]])
    """
    a, b = operands("outer", x1, x2, "numeric")
    if a.ndim != 1 or b.ndim != 1:
        what = tr("outer: expected 1-d arrays.", "outer：应为一维数组。")
        raise ShapeError(teach(what))
    return of(plain(a).unsqueeze(1) * plain(b))


def pinv(x: Array, /, *, rtol: float | Array | None = None) -> Array:
    """The Moore-Penrose inverse; singular values below the largest times ``rtol`` count as 0.

    >>> import glia.array_api as xp
    >>> xp.linalg.pinv(xp.asarray([[3.0], [4.0]]))
    tensor([[0.12, 0.16]])
    """
    return of(_linalg.pinv(plain(_matrices("pinv", x)), rtol=_tolerance(rtol)))


def qr(x: Array, /, *, mode: Literal["reduced", "complete"] = "reduced") -> QR:
    """``x = Q R`` with orthonormal columns in Q and an upper triangle R.

    >>> import glia.array_api as xp
    >>> q, r = xp.linalg.qr(xp.asarray([[3.0, 5.0], [4.0, 0.0]]))
    >>> xp.abs(r)
    tensor([[5., 3.],
            [0., 4.]])
    """
    if mode not in ("reduced", "complete"):
        what = tr(f"qr: unknown mode {mode!r}.", f"qr：未知的 mode {mode!r}。")
        raise ArgumentError(teach(what, "reduced / complete"))
    return QR(*map(of, _linalg.qr(plain(_matrices("qr", x)), mode)))


def slogdet(x: Array, /) -> Slogdet:
    """The sign of the determinant and the logarithm of its magnitude.

    >>> import glia.array_api as xp
    >>> xp.linalg.slogdet(xp.asarray([[0.0, 1.0], [1.0, 0.0]]))
    Slogdet(sign=tensor(-1.), logabsdet=tensor(0.))
    """
    return Slogdet(*map(of, _linalg.slogdet(plain(_matrices("slogdet", x, True)))))


def solve(x1: Array, x2: Array, /) -> Array:
    """The x with ``x1 x = x2``; ``x2`` is one vector, or a matrix of columns.

    >>> import glia.array_api as xp
    >>> xp.linalg.solve(xp.asarray([[2.0, 0.0], [0.0, 4.0]]), xp.asarray([6.0, 8.0]))
    tensor([3., 2.])
    """
    a, b = operands("solve", x1, x2, "floating")
    columns = plain(b).unsqueeze(-1) if b.ndim == 1 else plain(b)
    found = _linalg.solve(plain(_matrices("solve", a, True)), columns)
    return of(found.squeeze(-1) if b.ndim == 1 else found)


def svd(x: Array, /, *, full_matrices: bool = True) -> SVD:
    """``x = U diag(S) Vh``, singular values in falling order.

    >>> import glia.array_api as xp
    >>> x = xp.asarray([[3.0, 0.0], [0.0, -4.0], [0.0, 0.0]])
    >>> found = xp.linalg.svd(x, full_matrices=False)
    >>> found.U.shape, found.S, found.Vh.shape
    ((3, 2), tensor([4., 3.]), (2, 2))
    """
    return SVD(*map(of, _linalg.svd(plain(_matrices("svd", x)), full_matrices)))


def svdvals(x: Array, /) -> Array:
    """Singular values in falling order.

    >>> import glia.array_api as xp
    >>> xp.linalg.svdvals(xp.asarray([[3.0, 0.0], [0.0, -4.0]]))
    tensor([4., 3.])
    """
    return of(_linalg.svdvals(plain(_matrices("svdvals", x))))


def trace(x: Array, /, *, offset: int = 0, dtype: DType | None = None) -> Array:
    """``Σ x[…, i, i + offset]``; dtypes as in ``sum``.

    >>> import glia.array_api as xp
    >>> x = xp.asarray([[1, 2], [3, 4]])
    >>> xp.linalg.trace(x), xp.linalg.trace(x, offset=1)
    (tensor(5), tensor(2))
    """
    found = array("trace", x, "numeric")
    if dtype is not None:
        found = cast(found, checked_dtype(dtype))
    return _sum(diagonal(found, offset=offset), axis=-1, dtype=dtype)


def vector_norm(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: float = 2,
) -> Array:
    """``(Σ |x|ᵖ)^(1/p)`` over all elements or along axes; p = ±∞ is the largest or smallest, 0

    >>> import glia.array_api as xp
    >>> x = xp.asarray([3.0, -4.0, 0.0])
    >>> [xp.linalg.vector_norm(x, ord=p) for p in (2, 1, xp.inf, 0)]
    [tensor(5.), tensor(7.), tensor(4.), tensor(2.)]
    """
    x = array("vector_norm", x, "floating")
    dims = axes(axis, x.ndim)
    if not dims:
        return of(plain(x).abs())
    if not prod(x.shape[d] for d in dims):
        return _norm_of_nothing(x, dims, keepdims, 0.0 if ord >= 0 else inf)
    return of(_linalg.vector_norm(plain(x), ord, dims, keepdims))


def _norm_of_nothing(x: Array, dims: Shape, keepdims: bool, value: float) -> Array:
    shape = keepdims_shape(x.shape, dims)
    if not keepdims:
        shape = tuple(n for d, n in enumerate(x.shape) if d not in dims)
    return full(shape, value, dtype=plain(x).abs().dtype)

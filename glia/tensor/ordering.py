"""Methods about order: sorting, ranks, running values, and what of it is known only by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.dtypes import as_dtype, bool_, float32, float64, int32
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim
from glia.ir import running, statistics
from glia.tensor.record import Handle, record, record_all
from glia.tensor.results import Histogram, Picked

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Ordering(Handle):
    """Elements by rank, and running sums, products and extremes."""

    __slots__ = ()

    def sort(self, dim: int = -1, descending: bool = False, stable: bool = False) -> Picked:
        """(values, indices) in rising or falling order; equal elements keep theirs.

        >>> import glia as gl
        >>> gl.tensor([3.0, 1.0, 2.0]).sort().indices
        tensor([1, 2, 0])
        """
        return Picked(*record_all(statistics.sort, (self,), dim, bool(descending)))

    def argsort(self, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
        """Where the elements stand that come first, second, …"""
        return self.sort(dim, descending).indices

    def msort(self) -> Tensor:
        """Sorted along the first dimension."""
        return self.sort(0).values

    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Picked:
        """(values, indices) of the ``k`` largest or smallest elements, in order."""
        return Picked(*record_all(statistics.topk, (self,), int(k), dim, bool(largest)))

    def kthvalue(self, k: int, dim: int = -1, keepdim: bool = False) -> Picked:
        """(values, indices) of the k-th smallest elements, counted from 1."""
        return Picked(*record_all(statistics.kthvalue, (self,), int(k), dim, keepdim))

    def median(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The lower of the two middle elements; along ``dim`` (values, indices)."""
        if dim is None:
            return record(statistics.median_of_all, (self,))
        return Picked(*record_all(statistics.median, (self,), dim, keepdim))

    def nanmedian(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """``median`` of the elements that are not NaN."""
        if dim is None:
            return record(statistics.median_of_all, (self,), True)
        return Picked(*record_all(statistics.median, (self,), dim, keepdim, True))

    def mode(self, dim: int = -1, keepdim: bool = False) -> Picked:
        """(values, indices) of the most frequent elements, the smallest of several."""
        return Picked(*record_all(statistics.mode, (self,), dim, keepdim))

    def quantile(
        self,
        q: Any,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
    ) -> Tensor:
        """The value below which a part ``q`` of the sorted elements lies."""
        return _quantile(self, q, dim, keepdim, interpolation, False)

    def nanquantile(
        self,
        q: Any,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
    ) -> Tensor:
        """``quantile`` of the elements that are not NaN."""
        return _quantile(self, q, dim, keepdim, interpolation, True)

    def cumsum(self, dim: int, *, dtype: Any = None) -> Tensor:
        """``yᵢ = Σ_{j ≤ i} xⱼ`` along ``dim``."""
        return record(running.cumsum, (self,), dim, None if dtype is None else as_dtype(dtype))

    def cumprod(self, dim: int, *, dtype: Any = None) -> Tensor:
        """``yᵢ = Π_{j ≤ i} xⱼ`` along ``dim``."""
        return record(running.cumprod, (self,), dim, None if dtype is None else as_dtype(dtype))

    def logcumsumexp(self, dim: int) -> Tensor:
        """``yᵢ = ln Σ_{j ≤ i} e^xⱼ`` along ``dim``, without overflow."""
        return record(running.logcumsumexp, (self,), dim)

    def cummax(self, dim: int) -> Picked:
        """(values, indices) of the largest elements so far along ``dim``."""
        return Picked(*record_all(running.cumulative_extreme, (self,), dim, True))

    def cummin(self, dim: int) -> Picked:
        """(values, indices) of the smallest elements so far along ``dim``."""
        return Picked(*record_all(running.cumulative_extreme, (self,), dim, False))

    def diff(
        self,
        n: int = 1,
        dim: int = -1,
        prepend: Tensor | None = None,
        append: Tensor | None = None,
    ) -> Tensor:
        """``xᵢ₊₁ - xᵢ`` along ``dim``, ``n`` times."""
        if n < 0:
            what = tr(f"diff: expected n ≥ 0, got {n}.", f"diff：n 应不小于 0，得到 {n}。")
            raise ArgumentError(teach(what))
        if not self.ndim:
            what = tr("diff: expected at least one dimension.", "diff：张量至少需要一维。")
            raise ShapeError(teach(what))
        at = normalize_dim(dim, self.ndim)
        x: Any = self
        if not n:
            return x
        edges = [_edge(part, self.shape, at) for part in (prepend, append)]
        if any(part is not None for part in edges):
            from glia.tensor.create import cat

            x = cat([part for part in (edges[0], x, edges[1]) if part is not None], at)
        return record(running.diff, (x,), n, at)

    def histc(self, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
        """How many elements lie in each of ``bins`` equal parts of [min, max].

        With ``min == max`` the range is that of the elements.
        """
        if self.dtype.kind != "float" or bins < 1 or max < min:
            what = tr(
                f"histc: expected floats, bins ≥ 1 and min ≤ max; found {self.dtype.name}, {bins} "
                f"and [{min}, {max}].",
                f"histc：需要浮点张量、bins ≥ 1 且 min ≤ max，得到 {self.dtype.name}、{bins}、"
                f"[{min}, {max}]。",
            )
            raise ArgumentError(teach(what))
        return record(statistics.histc, (self,), int(bins), float(min), float(max))

    def histogram(
        self,
        bins: Any,
        *,
        range: tuple[float, float] | None = None,
        weight: Tensor | None = None,
        density: bool = False,
    ) -> Histogram:
        """(hist, bin_edges): ``bins`` is how many parts there are, or their edges."""
        from glia.tensor.tensor import Tensor, to_numpy

        x: Any = self
        weights = None if weight is None else to_numpy(weight).ravel()
        edges = to_numpy(bins).astype(np.float64) if isinstance(bins, Tensor) else bins
        values = to_numpy(x).astype(np.float64).ravel()
        if range is not None and range[0] == range[1]:
            range = (range[0] - 0.5, range[1] + 0.5)
        found, edges = np.histogram(values, edges, range, density=density, weights=weights)
        kind = self.dtype.np
        if density:
            found = np.where(np.isnan(found), 0, found)
        return Histogram(Tensor(found.astype(kind)), Tensor(edges.astype(kind)))

    def bincount(self, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
        """How often 0, 1, 2, … occur, or the sums of their weights.

        The size follows from the values, so it is computed at once.
        """
        from glia.tensor.tensor import Tensor, to_numpy

        x: Any = self
        if x.ndim != 1 or x.dtype.kind not in ("int", "uint"):
            what = tr(
                f"bincount: expected whole numbers in 1 dimension, found {x.dtype.name} {x.shape}.",
                f"bincount：应为一维整数张量，得到 {x.dtype.name} {x.shape}。",
            )
            raise DTypeError(teach(what))
        values = to_numpy(x)
        if values.size and values.min() < 0:
            what = tr("bincount: found a negative number.", "bincount：含有负数。")
            raise ArgumentError(teach(what))
        known = None if weights is None else to_numpy(weights)
        found = np.bincount(values.astype(np.int64), known, minlength)
        single = weights is not None and weights.dtype is float32
        return Tensor(found.astype(np.float32) if single else found)

    def searchsorted(
        self,
        input: Any,
        *,
        out_int32: bool = False,
        right: bool = False,
        side: str | None = None,
        sorter: Tensor | None = None,
    ) -> Tensor:
        """Where each element of ``input`` would stand in these rising rows.

        ``right=False`` gives the first place ``i`` with ``self[i] ≥ x``, ``right=True`` with ``>``.
        """
        from glia.tensor.tensor import as_tensor

        if side not in (None, "left", "right") or (side == "left" and right):
            what = tr(
                f"searchsorted: side {side!r} does not go with right={right}.",
                f"searchsorted：side={side!r} 与 right={right} 不一致。",
            )
            raise ArgumentError(teach(what))
        rising: Any = self
        if sorter is not None:
            rising = rising.gather(-1, sorter)
        found = record(running.search, (rising, as_tensor(input)), right or side == "right")
        return found.to(int32) if out_int32 else found

    def bucketize(
        self, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
    ) -> Tensor:
        """Between which of the rising boundaries every element lies."""
        return boundaries.searchsorted(self, out_int32=out_int32, right=right)

    def cov(
        self,
        *,
        correction: int = 1,
        fweights: Tensor | None = None,
        aweights: Tensor | None = None,
    ) -> Tensor:
        """Covariances of the rows; columns are observations, repeated or weighted."""
        given = [part for part in (fweights, aweights) if part is not None]
        which = (fweights is not None, aweights is not None)
        if self.ndim > 2 or self.dtype is bool_:
            what = tr(
                f"cov: expected numbers in at most 2 dimensions, found {self.dtype.name} "
                f"{self.shape}.",
                f"cov：应为不超过 2 维的数值张量，得到 {self.dtype.name} {self.shape}。",
            )
            raise ShapeError(teach(what))
        return record(_cov, (self, *given), correction, which)

    def corrcoef(self) -> Tensor:
        """Correlations of the rows; columns are observations."""
        return record(statistics.corrcoef, (self,))


def _cov(x: Any, *rest: Any) -> Any:
    *given, correction, which = rest
    parts = iter(given)
    weights = [next(parts) if there else None for there in which]
    return statistics.cov(x, correction, *weights)


def _edge(part: Any, shape: Any, at: int) -> Any:
    if part is None or part.ndim:
        return part
    return part.expand(tuple(1 if d == at else n for d, n in enumerate(shape)))


def _quantile(
    x: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool
) -> Tensor:
    from glia.tensor.tensor import Tensor

    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            what = tr(
                f"quantile: expected 0 ≤ q ≤ 1, got {q}.",
                f"quantile：q 应在 0 到 1 之间，得到 {q}。",
            )
            raise ArgumentError(teach(what))
        q = Tensor(q, x.dtype)
    if x.dtype not in (float32, float64) or q.dtype is not x.dtype or q.ndim > 1:
        what = tr(
            f"quantile: expected floats and q of the same dtype, of at most 1 dimension; found "
            f"{x.dtype.name} and {q.dtype.name} {q.shape}.",
            f"quantile：需要浮点张量，q 类型相同且不超过 1 维，得到 {x.dtype.name} 与 "
            f"{q.dtype.name} {q.shape}。",
        )
        raise DTypeError(teach(what))
    return record(statistics.quantile, (x, q), dim, keepdim, interpolation, skip_nan)

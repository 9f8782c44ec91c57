"""Methods that make one element of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia.base.dtypes import DType, as_dtype, int64
from glia.base.errors import DTypeError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim
from glia.ir import build, norms, statistics
from glia.tensor.record import Dims, Handle, binary, dims, record, record_all
from glia.tensor.results import Bounds, Picked

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Reductions(Handle):
    """Sums, extremes and the like, over all elements or along dimensions."""

    __slots__ = ()

    def sum(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """``Σ x``; bools and whole numbers are added as int64."""
        return record(build.sum_, (_as(self, dtype),), dims(dim), keepdim, _int(dtype))

    def nansum(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """``Σ x`` over the elements that are not NaN."""
        return record(statistics.nansum, (_as(self, dtype),), dims(dim), keepdim)

    def mean(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """``Σ x / n``."""
        return record(build.mean, (_as(self, dtype),), dims(dim), keepdim)

    def nanmean(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """The mean of the elements that are not NaN."""
        x: Any = _as(self, dtype)
        _floating("nanmean", x)
        return record(statistics.nanmean, (x,), dims(dim), keepdim)

    def prod(self, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """``Π x``; bools and whole numbers are multiplied as int64."""
        return record(build.prod, (_as(self, dtype),), dims(dim), keepdim, _int(dtype))

    def amax(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The largest element; several equal ones share the gradient."""
        return record(statistics.extreme_of_any, (self,), dims(dim), keepdim, False)

    def amin(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The smallest element; several equal ones share the gradient."""
        return record(statistics.extreme_of_any, (self,), dims(dim), keepdim, True)

    def aminmax(self, *, dim: int | None = None, keepdim: bool = False) -> Bounds:
        """``amin`` and ``amax``."""
        return Bounds(self.amin(dim, keepdim), self.amax(dim, keepdim))

    def max(self, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """The largest element; along ``dim`` (values, indices); with a tensor, ``maximum``."""
        return _extreme(self, dim, keepdim, other, True)

    def min(self, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """The smallest element; along ``dim`` (values, indices); with a tensor, ``minimum``."""
        return _extreme(self, dim, keepdim, other, False)

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Where the first largest element stands; without ``dim`` among all, flattened."""
        return record(statistics.argmax_of_any, (self,), dim, keepdim)

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Where the first smallest element stands; without ``dim`` among all, flattened."""
        return record(statistics.argmin, (self,), dim, keepdim)

    def var(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        """``Σ (x - mean)² / (n - correction)``; ``unbiased=False`` is ``correction=0``."""
        return record(build.var, (self,), *_spread("var", self, dim, unbiased, correction), keepdim)

    def std(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        """The root of ``var``."""
        options = _spread("std", self, dim, unbiased, correction)
        return record(statistics.std, (self,), *options, keepdim)

    def var_mean(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """``var`` and ``mean``."""
        options = _spread("var_mean", self, dim, unbiased, correction)
        return record_all(statistics.var_mean, (self,), *options, keepdim)

    def std_mean(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """``std`` and ``mean``."""
        options = _spread("std_mean", self, dim, unbiased, correction)
        return record_all(statistics.std_mean, (self,), *options, keepdim)

    def all(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """Whether every element is not zero."""
        return record(statistics.all_, (self,), dims(dim), keepdim)

    def any(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """Whether some element is not zero."""
        return record(statistics.any_, (self,), dims(dim), keepdim)

    def count_nonzero(self, dim: Dims = None) -> Tensor:
        """How many elements are not zero."""
        return record(statistics.count_nonzero, (self,), dims(dim))

    def softmax(self, dim: int, dtype: Any = None) -> Tensor:
        """``eˣⁱ / Σⱼ eˣʲ`` along ``dim``."""
        return record(build.softmax, (_as(self, dtype),), dim)

    def log_softmax(self, dim: int, dtype: Any = None) -> Tensor:
        """``xᵢ - ln Σⱼ eˣʲ`` along ``dim``."""
        return record(build.log_softmax, (_as(self, dtype),), dim)

    def logsumexp(self, dim: Dims, keepdim: bool = False) -> Tensor:
        """``ln Σ eˣ``, without overflow."""
        return record(build.logsumexp, (self,), dims(dim), keepdim)

    def norm(
        self, p: Any = "fro", dim: Dims = None, keepdim: bool = False, dtype: Any = None
    ) -> Tensor:
        """``(Σ |x|ᵖ)^(1/p)``; ``"fro"`` is 2, ``"nuc"`` a sum of singular values."""
        x = _as(self, dtype)
        return record(norms.of_any_kind, (x,), "fro" if p is None else p, dims(dim), keepdim)

    def dist(self, other: Tensor, p: float = 2) -> Tensor:
        """The norm of the difference."""
        return record(statistics.dist, (self, other), float(p))

    def renorm(self, p: float, dim: int, maxnorm: float) -> Tensor:
        """Slices along ``dim`` whose norm is above ``maxnorm`` are scaled down to it."""
        return record(statistics.renorm, (self,), float(p), dim, float(maxnorm))


def _as(x: Any, dtype: Any) -> Any:
    return x if dtype is None else x.to(dtype)


def _int(dtype: Any) -> DType:
    """What whole numbers are added up in."""
    return int64 if dtype is None else as_dtype(dtype)


def _floating(name: str, x: Any) -> None:
    if x.dtype.kind not in ("float", "complex"):
        what = tr(
            f"{name}: expected a floating-point tensor, found {x.dtype.name}.",
            f"{name}：应为浮点张量，得到 {x.dtype.name}。",
        )
        raise DTypeError(teach(what, tr("convert first: x.float()", "请先转换：x.float()")))


def _extreme(x: Any, dim: Any, keepdim: bool, other: Any, largest: bool) -> Any:
    from glia.tensor.tensor import Tensor

    if isinstance(dim, Tensor):
        other, dim = dim, None
    if other is not None:
        return binary(build.maximum if largest else build.minimum, x, other)
    if dim is None:
        return x.amax() if largest else x.amin()
    return Picked(*record_all(statistics.extreme, (x,), dim, keepdim, largest))


def _spread(
    name: str, x: Any, dim: Any, unbiased: bool, correction: float | None
) -> tuple[Any, float]:
    """Dimensions and correction, from PyTorch's two ways to say them."""
    _floating(name, x)
    if isinstance(dim, bool):  # x.var(False)
        dim, unbiased = None, dim
    found = dims(dim)
    for d in found if isinstance(found, tuple) else () if found is None else (found,):
        normalize_dim(d, x.ndim)
    return found, (1 if unbiased else 0) if correction is None else correction

"""Methods whose results depend in their shape on values: computed at once, refused in ``jit``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.dtypes import bool_, int64, promote
from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, broadcast, normalize_dim, numel
from glia.ir import build, lookup, placing
from glia.ir.expr import Expr
from glia.ir.ops.index import gather
from glia.ir.ops.order import argsort, search
from glia.ir.ops.view import reshape
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Sets(Handle):
    """Which elements there are."""

    __slots__ = ()

    def nonzero(self, *, as_tuple: bool = False) -> Any:
        """The places of elements that are not 0: (n, ndim), or one flat index per dimension."""
        from glia.tensor.tensor import Tensor

        places = np.nonzero(_values(self).reshape(self.shape or (1,)))
        if as_tuple:
            return tuple(Tensor(place) for place in places)
        found = np.stack(places, 1) if self.ndim else np.zeros((len(places[0]), 0), np.int64)
        return Tensor(found)

    def nonzero_static(self, *, size: int, fill_value: int = -1) -> Tensor:
        """The places of the first ``size`` elements that are not 0; rows left are ``fill_value``.

        The shape does not depend on values, so it can be recorded.
        """
        if size < 0:
            what = tr(
                f"nonzero_static: expected size ≥ 0, got {size}.",
                f"nonzero_static：size 应不小于 0，得到 {size}。",
            )
            raise ArgumentError(teach(what))
        return record(placing.first_nonzero, (self,), int(size), int(fill_value))

    def argwhere(self) -> Tensor:
        """The places of elements that are not 0: (n, ndim)."""
        return self.nonzero()  # type: ignore[no-any-return]

    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where the mask holds, in one row; gradients flow to them."""
        from glia.tensor.tensor import Tensor

        if mask.dtype is not bool_:
            what = tr(
                f"masked_select: expected a mask of bools, found {mask.dtype.name}.",
                f"masked_select：掩码应为布尔张量，得到 {mask.dtype.name}。",
            )
            raise DTypeError(teach(what, tr("compare: mask != 0", "请比较：mask != 0")))
        shape = broadcast(self.shape, mask.shape)
        places = np.flatnonzero(np.broadcast_to(_values(mask), shape))
        x: Any = self
        return record(lookup.take, (x.expand(shape).reshape(-1), Tensor(places)), 0)

    def unique(
        self,
        sorted: bool = True,
        return_inverse: bool = False,
        return_counts: bool = False,
        dim: int | None = None,
    ) -> Any:
        """The different elements (or slices along ``dim``), rising.

        With ``return_inverse`` also where each element stands among them, with
        ``return_counts`` how often each occurs.
        """
        at = None if dim is None else normalize_dim(dim, self.ndim)
        found, inverse, counts = np.unique(
            _values(self), False, True, True, axis=at, equal_nan=False
        )
        shape = self.shape if at is None else (self.shape[at],)
        return _given(found, inverse.reshape(shape), counts, return_inverse, return_counts)

    def unique_consecutive(
        self, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
    ) -> Any:
        """Without elements (or slices along ``dim``) that repeat the one before."""
        array = _values(self)
        at = 0 if dim is None else normalize_dim(dim, self.ndim)
        rows = np.moveaxis(array.reshape(-1) if dim is None else array, at, 0)
        flat = rows.reshape(len(rows), numel(rows.shape[1:]))
        fresh = np.ones(len(rows), bool)
        fresh[1:] = (flat[1:] != flat[:-1]).any(1)
        places = np.flatnonzero(fresh)
        inverse = np.cumsum(fresh) - 1
        found = np.moveaxis(rows[places], 0, at)
        counts = np.diff(np.append(places, len(rows)))
        shaped = inverse.reshape(self.shape) if dim is None else inverse
        return _given(found, shaped, counts, return_inverse, return_counts)

    def isin(self, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
        """Whether each element is one of others."""
        from glia.tensor.tensor import as_tensor

        found = record(_isin, (self, as_tensor(test_elements)))
        return ~found if invert else found

    def unravel_index(self, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
        """One index per dimension for places of a flattened tensor of this shape."""
        sizes: Shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if self.dtype.kind not in ("int", "uint"):
            what = tr(
                f"unravel_index: expected whole numbers, found {self.dtype.name}.",
                f"unravel_index：应为整数，得到 {self.dtype.name}。",
            )
            raise DTypeError(teach(what))
        return tuple(record(placing.unraveled, (self,), sizes, d) for d in range(len(sizes)))


def _values(x: Any) -> np.ndarray:
    from glia.tensor.tensor import to_numpy

    return to_numpy(x)


def _given(
    found: np.ndarray, inverse: np.ndarray, counts: np.ndarray, wants: bool, counted: bool
) -> Any:
    from glia.tensor.tensor import Tensor

    parts = [found, *([inverse] if wants else []), *([counts] if counted else [])]
    tensors = tuple(Tensor(np.array(part, order="C")) for part in parts)
    return tensors if len(tensors) > 1 else tensors[0]


def _isin(x: Expr, others: Expr) -> Expr:
    """Each element is compared with the one that stands where it would among the others."""
    if not others.numel or not x.numel:
        return build.full(x.shape, False, bool_)
    dtype = promote(x.dtype, others.dtype)
    flat = reshape(build.cast(x, dtype), (x.numel,))
    known = reshape(build.cast(others, dtype), (others.numel,))
    rising = gather(known, argsort(known, 0), 0)
    place = build.minimum(search(rising, flat, False), others.numel - 1)
    return reshape(build.eq(gather(rising, build.cast(place, int64), 0), flat), x.shape)

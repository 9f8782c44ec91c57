"""Methods that read and write at places that are values themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glia.base.dtypes import bool_
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import broadcast, normalize_dim, numel
from glia.ir import lookup, placing
from glia.tensor.indexing import check_index, flat_index, matching
from glia.tensor.record import Handle, record

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Places(Handle):
    """Reading and writing at places."""

    __slots__ = ()

    def gather(self, dim: Any, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
        """``out[…, i, …] = self[…, index[…, i, …], …]`` along ``dim``."""
        at, size = _dim(self, dim)
        check_index("gather", index, size)
        if not index.numel():
            x: Any = self
            return x.reshape(-1).narrow(0, 0, 0).reshape(index.shape)  # type: ignore[no-any-return]
        if self.ndim:
            matching("gather", self, index, at)  # type: ignore[arg-type]
        return _gather(self, index, at)

    def take_along_dim(self, indices: Tensor, dim: int | None = None) -> Tensor:
        """As ``gather``, where other dimensions broadcast; without ``dim`` of all, flattened."""
        x: Any = self
        if dim is None:
            return x.reshape(-1).gather(0, indices.reshape(-1))  # type: ignore[no-any-return]
        at, size = _dim(self, dim)
        check_index("take_along_dim", indices, size, -size)
        lead = broadcast(
            tuple(1 if d == at else n for d, n in enumerate(self.shape)),
            tuple(1 if d == at else n for d, n in enumerate(indices.shape)),
        )
        wide = x.expand(tuple(size if d == at else n for d, n in enumerate(lead)))
        count = indices.shape[at]
        index = indices.expand(tuple(count if d == at else n for d, n in enumerate(lead)))
        return record(_along, (wide, index), at)

    def take(self, index: Tensor) -> Tensor:
        """Elements of the flattened tensor; negative places count from the end."""
        size = numel(self.shape)
        check_index("take", index, size, -size)
        return record(_take, (self, index))

    def index_select(self, dim: Any, index: Tensor) -> Tensor:
        """The slices along ``dim`` that a flat index names."""
        at, size = _dim(self, dim)
        index = index.reshape(1) if not index.ndim else index
        flat_index("index_select", index)
        check_index("index_select", index, size)
        if not self.ndim:
            x: Any = self
            return x.reshape(1).index_select(0, index).reshape(())  # type: ignore[no-any-return]
        return record(lookup.take, (self, index), at)

    def scatter(
        self, dim: Any, index: Tensor, src: Any = None, *, value: Any = None, reduce: Any = None
    ) -> Tensor:
        """A copy with ``src[…, i, …]`` (or one number) at ``[…, index[…, i, …], …]``.

        Of several values for one place the last stays; ``reduce`` "add" or "multiply" brings
        them together with what is there.
        """
        from glia.tensor.tensor import Tensor

        given = value if src is None else src
        if reduce not in (None, "add", "multiply"):
            what = tr(
                f"scatter: expected reduce 'add' or 'multiply', found {reduce!r}.",
                f"scatter：reduce 应为 'add' 或 'multiply'，得到 {reduce!r}。",
            )
            raise ArgumentError(teach(what, tr("use scatter_reduce", "请用 scatter_reduce")))
        at = _places_of("scatter", self, dim, index, given)
        single = not isinstance(given, Tensor)
        values = Tensor(given, self.dtype) if single else _same_kind("scatter", self, given)
        if reduce is not None:
            how = "sum" if reduce == "add" else "prod"
            if single:
                return record(placing.scatter_combined, (self, index, values), at, how)
            return record(placing.scatter_reduce, (self, index, values), at, how, True)
        function = placing.scatter_number if single else placing.scatter
        return record(function, (self, index, values), at)

    def scatter_add(self, dim: Any, index: Tensor, src: Tensor) -> Tensor:
        """``self`` with ``src[…, i, …]`` added at ``[…, index[…, i, …], …]``."""
        at = _places_of("scatter_add", self, dim, index, src)
        src = _same_kind("scatter_add", self, src)
        if self.dtype is bool_ or not self.ndim:
            return record(placing.scatter_reduce, (self, index, src), at, "sum", True)
        return record(lookup.add_at, (self, index, src), at)

    def scatter_reduce(
        self, dim: Any, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
    ) -> Tensor:
        """Values for one place brought together: "sum", "prod", "mean", "amax" or "amin"."""
        at = _places_of("scatter_reduce", self, dim, index, src)
        how = _rule("scatter_reduce", reduce, ("sum", "prod", "mean", "amax", "amin"))
        src = _same_kind("scatter_reduce", self, src)
        return record(placing.scatter_reduce, (self, index, src), at, how, include_self)

    def index_add(self, dim: Any, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
        """``self`` with the slices of ``source`` along ``dim`` added where the index says."""
        at, index = _slices("index_add", self, dim, index, source)
        source = source if alpha == 1 else source * alpha
        if self.dtype is bool_:
            return record(placing.index_reduce, (self, index, source), at, "sum", True)
        return record(placing.index_add, (self, index, source), at)

    def index_copy(self, dim: Any, index: Tensor, source: Tensor) -> Tensor:
        """``self`` with the slices of ``source`` along ``dim`` where the index says."""
        at, index = _slices("index_copy", self, dim, index, source)
        return record(placing.index_copy, (self, index, source), at)

    def index_fill(self, dim: Any, index: Tensor, value: Any) -> Tensor:
        """``self`` with one number in the slices that the index names."""
        from glia.tensor.tensor import as_tensor

        at, index = _slices("index_fill", self, dim, index, None)
        return record(placing.index_fill, (self, index, as_tensor(value, self.dtype)), at)

    def index_reduce(
        self, dim: Any, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
    ) -> Tensor:
        """Slices for one place brought together: "prod", "mean", "amax" or "amin"."""
        at, index = _slices("index_reduce", self, dim, index, source)
        how = _rule("index_reduce", reduce, ("prod", "mean", "amax", "amin"))
        return record(placing.index_reduce, (self, index, source), at, how, include_self)

    def index_put(
        self, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
    ) -> Tensor:
        """A copy with ``self[indices] = values``, or with the values added there."""
        from glia.tensor.tensor import to_numpy

        x: Any = self
        if not accumulate:
            copy = x.clone()
            copy[tuple(indices)] = values
            return copy  # type: ignore[no-any-return]
        whole: list[Any] = []
        for index in indices:
            parts = to_numpy(index).nonzero() if index.dtype is bool_ else (index,)
            whole += [type(index)(part) for part in parts]
        for index, size in zip(whole, self.shape, strict=False):
            check_index("index_put", index, size, -size)
        if self.dtype is bool_:
            added = record(placing.add_items, (x.int(), values.int(), *whole))
            return added.bool()
        return record(placing.add_items, (self, values.to(self.dtype), *whole))

    def put(self, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
        """A copy with values at places of the flattened tensor, or with the values added there."""
        size = numel(self.shape)
        check_index("put", index, size, -size)
        if index.numel() != source.numel():
            what = tr(
                f"put: expected one value for each of {index.numel()} places, got {source.shape}.",
                f"put：{index.numel()} 个位置各需一个值，得到形状 {source.shape}。",
            )
            raise ShapeError(teach(what))
        if self.dtype is bool_ and accumulate:
            x: Any = self
            return x.int().put(index, source.int(), True).bool()  # type: ignore[no-any-return]
        return record(placing.put, (self, index, source), accumulate)

    def masked_fill(self, mask: Tensor, value: Any) -> Tensor:
        """One number where the mask holds, else ``self``."""
        from glia.tensor.tensor import as_tensor

        _is_mask("masked_fill", mask)
        number = as_tensor(value, None if hasattr(value, "_node") else self.dtype)
        if number.ndim:
            what = tr(
                f"masked_fill: expected a number or a 0-d tensor, got shape {number.shape}.",
                f"masked_fill：应为数值或 0 维张量，得到形状 {number.shape}。",
            )
            raise ShapeError(teach(what, tr("use gl.where", "请用 gl.where")))
        return record(placing.masked_fill, (self, mask, number))

    def masked_scatter(self, mask: Tensor, source: Tensor) -> Tensor:
        """The elements of ``source``, in order, where the mask holds, else ``self``."""
        _is_mask("masked_scatter", mask)
        x: Any = self.expand(broadcast(self.shape, mask.shape))  # type: ignore[attr-defined]
        return record(placing.masked_scatter, (x, mask, source))


def _gather(x: Any, index: Any, at: int) -> Tensor:
    if x.ndim:
        if index.ndim:
            return record(lookup.take_along, (x, index), at)
        return _gather(x, index.reshape(1), at).reshape(())
    found = _gather(x.reshape(1), index.reshape(index.numel()), 0)
    return found.reshape(index.shape)


def _along(x: Any, index: Any, at: int) -> Any:
    return lookup.take_along(x, lookup.from_the_end(index, x.shape[at]), at)


def _take(x: Any, index: Any) -> Any:
    from glia.ir.ops.view import reshape

    flat = reshape(x, (x.numel,))
    place = lookup.flat_place([index], (x.numel,))
    return reshape(lookup.take(flat, reshape(place, (place.numel,)), 0), index.shape)


def _dim(x: Any, dim: int) -> tuple[int, int]:
    at = normalize_dim(dim, x.ndim)
    return at, x.shape[at] if x.ndim else 1


def _places_of(name: str, x: Any, dim: int, index: Any, src: Any) -> int:
    """Check an index into ``x`` that comes with values; the dimension."""
    at, size = _dim(x, dim)
    check_index(name, index, size)
    if not index.numel():
        return at
    if hasattr(src, "_node"):
        matching(name, src, index, -1)
    if x.ndim:
        matching(name, x, index, at)
    return at


def _same_kind(name: str, x: Any, src: Any) -> Any:
    if src.dtype is not x.dtype:
        what = tr(
            f"{name}: expected values of {x.dtype.name}, found {src.dtype.name}.",
            f"{name}：值的类型应为 {x.dtype.name}，得到 {src.dtype.name}。",
        )
        raise DTypeError(teach(what, tr("convert with .to(dtype)", "请用 .to(dtype) 转换")))
    return src


def _slices(name: str, x: Any, dim: int, index: Any, source: Any) -> tuple[int, Any]:
    """Check a flat index with slices for it."""
    at, size = _dim(x, dim)
    index = index.reshape(1) if not index.ndim else index
    flat_index(name, index)
    check_index(name, index, size)
    if source is None:
        return at, index
    wanted = tuple(index.numel() if d == at else n for d, n in enumerate(x.shape))
    if source.shape != wanted and (source.ndim or index.numel() != 1 or x.ndim > 1):
        what = tr(
            f"{name}: expected values of shape {wanted}, got {source.shape}.",
            f"{name}：值的形状应为 {wanted}，得到 {source.shape}。",
        )
        raise ShapeError(teach(what))
    _same_kind(name, x, source)
    return at, index


def _rule(name: str, how: str, known: tuple[str, ...]) -> str:
    if how not in known:
        names = ", ".join(known)
        what = tr(
            f"{name}: expected reduce {names}, found {how!r}.",
            f"{name}：reduce 应为 {names}，得到 {how!r}。",
        )
        raise ArgumentError(teach(what))
    return how


def _is_mask(name: str, mask: Any) -> None:
    if mask.dtype is not bool_:
        what = tr(
            f"{name}: expected a mask of bools, found {mask.dtype.name}.",
            f"{name}：掩码应为布尔张量，得到 {mask.dtype.name}。",
        )
        raise DTypeError(teach(what, tr("compare: mask != 0", "请比较：mask != 0")))

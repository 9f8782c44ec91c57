"""Methods that show the same elements in another shape or order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import infer_reshape, normalize_dim, numel
from glia.ir import arrange, build, lookup, padding, placing
from glia.ir.ops import view
from glia.tensor.record import Handle, record, sizes_of

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Views(Handle):
    """The same elements, arranged otherwise."""

    __slots__ = ()

    def reshape(self, *shape: Any) -> Tensor:
        return record(view.reshape, (self,), infer_reshape(self.shape, sizes_of(shape)))

    view = reshape

    def reshape_as(self, other: Tensor) -> Tensor:
        return self.reshape(other.shape)

    view_as = reshape_as

    def permute(self, *order: Any, dims: Any = None) -> Tensor:
        """The dimensions in another order."""
        found = sizes_of(order if dims is None else (dims,))
        order = tuple(normalize_dim(d, self.ndim) for d in found) if self.ndim else ()
        return record(view.permute, (self,), order)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        return record(build.transpose, (self,), dim0, dim1)

    swapaxes = swapdims = transpose

    def movedim(self, source: Any, destination: Any) -> Tensor:
        """Dimensions moved to other places; the others keep their order."""
        places = []
        for dims in (source, destination):
            found = (dims,) if isinstance(dims, int) else dims
            places.append(tuple(normalize_dim(d, self.ndim) for d in found))
        if len(places[0]) != len(places[1]) or any(len(set(p)) != len(p) for p in places):
            what = tr(
                f"movedim: {source} does not go to {destination}.",
                f"movedim：{source} 与 {destination} 不对应。",
            )
            raise ShapeError(teach(what, tr("name each once", "每一维只写一次")))
        if not self.ndim:
            return self  # type: ignore[return-value]
        return record(arrange.moved, (self,), *places)

    moveaxis = movedim

    @property
    def T(self) -> Tensor:
        return self.permute(*reversed(range(self.ndim)))

    @property
    def mT(self) -> Tensor:
        return self.transpose(-2, -1)

    @property
    def H(self) -> Tensor:
        return self.mH if self.ndim else _conjugated(self)

    @property
    def mH(self) -> Tensor:
        return _conjugated(self.mT)

    def adjoint(self) -> Tensor:
        return self.mH

    def t(self) -> Tensor:
        return self.transpose(0, 1) if self.ndim > 1 else self  # type: ignore[return-value]

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        if not self.shape:
            return self.reshape(1)
        a, b = normalize_dim(start_dim, self.ndim), normalize_dim(end_dim, self.ndim)
        size = numel(self.shape[a : b + 1])
        return self.reshape(*self.shape[:a], size, *self.shape[b + 1 :])

    def ravel(self) -> Tensor:
        return self.reshape(-1)

    def unflatten(self, dim: int, sizes: Any) -> Tensor:
        """One dimension as several; one size may be -1."""
        at = normalize_dim(dim, self.ndim)
        inner = infer_reshape((self.shape[at],), sizes_of((sizes,)))
        return self.reshape(*self.shape[:at], *inner, *self.shape[at + 1 :])

    def squeeze(self, dim: Any = None) -> Tensor:
        """Without dimensions of size 1: all of them, or those named."""
        named = range(self.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
        gone = {normalize_dim(d, self.ndim) for d in named}
        return self.reshape([n for d, n in enumerate(self.shape) if n != 1 or d not in gone])

    def unsqueeze(self, dim: int) -> Tensor:
        at = normalize_dim(dim, self.ndim + 1)
        return self.reshape(*self.shape[:at], 1, *self.shape[at:])

    def expand(self, *sizes: Any) -> Tensor:
        """Dimensions of size 1 repeated; -1 keeps a size."""
        wanted = sizes_of(sizes)
        extra = len(wanted) - self.ndim
        known = (*wanted[: max(extra, 0)], *self.shape)
        if extra < 0:
            what = tr(
                f"expand: {self.shape} does not expand to {wanted}.",
                f"expand：{self.shape} 无法扩展为 {wanted}。",
            )
            help = tr("give a size for each dimension", "每一维都要给出大小")
            raise ShapeError(teach(what, help))
        filled = tuple(k if w == -1 else w for w, k in zip(wanted, known, strict=True))
        return record(view.broadcast_to, (self,), filled)

    broadcast_to = expand

    def expand_as(self, other: Tensor) -> Tensor:
        return self.expand(other.shape)

    def sum_to_size(self, *size: Any) -> Tensor:
        """Summed over what broadcasting to this shape would repeat."""
        return record(arrange.sum_to, (self,), sizes_of(size))

    def contiguous(self) -> Tensor:
        return self  # type: ignore[return-value]

    def flip(self, *places: Any, dims: Any = None) -> Tensor:
        """The order of the elements reversed along dimensions."""
        named = places if dims is None else (dims,)
        found = tuple(sorted({normalize_dim(d, self.ndim) for d in sizes_of(named)}))
        return record(arrange.flip, (self,), found)

    def fliplr(self) -> Tensor:
        return self.flip(1)

    def flipud(self) -> Tensor:
        return self.flip(0)

    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """Elements move on by ``shifts``; those that leave at the end come in at the beginning."""
        moves = (shifts,) if isinstance(shifts, int) else tuple(shifts)
        if dims is None or dims == () or dims == []:
            return self.reshape(-1).roll(moves, 0).reshape(self.shape)
        found = (dims,) if isinstance(dims, int) else tuple(dims)
        if len(found) != len(moves):
            what = tr(
                f"roll: expected one shift for each dimension, got {moves} and {found}.",
                f"roll：每一维应有一个 shift，得到 {moves} 与 {found}。",
            )
            raise ArgumentError(teach(what))
        places = tuple(normalize_dim(d, self.ndim) for d in found)
        return record(arrange.roll, (self,), moves, places) if self.ndim else self.reshape(())

    def rot90(self, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
        """A quarter turn from the first of two dimensions towards the second, ``k`` times."""
        return record(arrange.rot90, (self,), int(k), tuple(dims))

    def repeat(self, *repeats: Any) -> Tensor:
        """The whole tensor so many times along every dimension; new ones come in front."""
        times = sizes_of(repeats)
        if len(times) < self.ndim:
            what = tr(
                f"repeat: expected at least {self.ndim} numbers for shape {self.shape}, got "
                f"{times}.",
                f"repeat：形状 {self.shape} 至少需要 {self.ndim} 个数，得到 {times}。",
            )
            raise ShapeError(teach(what, tr("or use .tile", "或使用 .tile")))
        return record(arrange.repeat, (self,), times)

    def tile(self, *dims: Any) -> Tensor:
        """The whole tensor so many times; leading numbers left out are 1."""
        times = sizes_of(dims)
        return self.repeat((1,) * (self.ndim - len(times)) + times)

    def repeat_interleave(
        self, repeats: Any, dim: int | None = None, *, output_size: int | None = None
    ) -> Tensor:
        """Every element so many times in a row: one number, or one for each."""
        from glia.tensor.tensor import Tensor, to_numpy

        if dim is None:
            return self.reshape(-1).repeat_interleave(repeats, 0)
        at = normalize_dim(dim, self.ndim)
        x = self if self.ndim else self.reshape(1)
        if isinstance(repeats, Tensor) and repeats.numel() == 1:
            repeats = int(repeats)
        if isinstance(repeats, int):
            return record(arrange.repeat_each, (x,), repeats, at)
        counts = to_numpy(repeats) if isinstance(repeats, Tensor) else np.asarray(repeats)
        if counts.shape != (x.shape[at],):
            what = tr(
                f"repeat_interleave: expected {x.shape[at]} numbers, got shape {counts.shape}.",
                f"repeat_interleave：需要 {x.shape[at]} 个数，得到形状 {counts.shape}。",
            )
            raise ShapeError(teach(what))
        return record(lookup.take, (x, Tensor(np.repeat(np.arange(len(counts)), counts))), at)

    def unfold(self, dimension: int, size: int, step: int) -> Tensor:
        """All windows of ``size`` elements, ``step`` apart; what is inside them comes last."""
        at = normalize_dim(dimension, self.ndim)
        if step < 1 or not 0 < size <= (self.shape[at] if self.ndim else 1):
            what = tr(
                f"unfold: windows of {size}, {step} apart, do not fit dimension {dimension} of "
                f"{self.shape}.",
                f"unfold：大小 {size}、步长 {step} 的窗口不适合 {self.shape} 的第 {dimension} 维。",
            )
            raise ShapeError(teach(what))
        return record(arrange.unfold, (self,), at, int(size), int(step))

    def as_strided(self, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
        """Of the flattened tensor what a walk with these steps meets, as a tensor of its own."""
        sizes, steps, first = sizes_of((size,)), sizes_of((stride,)), storage_offset or 0
        last = first + sum((n - 1) * s for n, s in zip(sizes, steps, strict=False))
        fits = len(sizes) == len(steps) and min((*sizes, *steps, first), default=0) >= 0
        if not fits or (numel(sizes) and last >= numel(self.shape)):
            what = tr(
                f"as_strided: size {sizes} with steps {steps} from {first} on does not lie within "
                f"{numel(self.shape)} elements.",
                f"as_strided：从 {first} 起大小 {sizes}、步长 {steps} 超出 {numel(self.shape)} 个"
                "元素。",
            )
            raise ShapeError(teach(what))
        return record(placing.strided, (self,), sizes, steps, first)

    def narrow(self, dim: int, start: Any, length: int) -> Tensor:
        """``length`` elements along ``dim``, from ``start`` on."""
        at, first = normalize_dim(dim, self.ndim), int(start)
        size = self.shape[at] if self.ndim else 0
        first = first + size if first < 0 else first
        if not 0 <= first <= first + length <= size:
            what = tr(
                f"narrow: {length} elements from {start} on do not lie within size {size}.",
                f"narrow：从 {start} 起的 {length} 个元素超出大小 {size}。",
            )
            raise ShapeError(teach(what))
        return record(arrange.narrow, (self,), at, first, first + length)

    def constant_pad_nd(self, pad: Sequence[int], value: float = 0) -> Tensor:
        """A constant around: pairs (before, after), the last dimension first; negative ones cut."""
        if len(pad) % 2 or len(pad) > 2 * self.ndim:
            what = tr(
                f"constant_pad_nd: {tuple(pad)} are no pairs for the dimensions of {self.shape}.",
                f"constant_pad_nd：{tuple(pad)} 不是 {self.shape} 各维的成对边距。",
            )
            raise ArgumentError(teach(what))
        if not len(pad):
            return self.reshape(self.shape)
        pairs = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2)]
        return record(padding.constant, (self,), tuple(reversed(pairs)), value)

    def select(self, dim: int, index: int) -> Tensor:
        """``x[…, index, …]`` along ``dim``."""
        at = _place("select", self, dim, index)
        piece = record(arrange.narrow, (self,), at[0], at[1], at[1] + 1)
        return piece.reshape(*self.shape[: at[0]], *self.shape[at[0] + 1 :])

    def select_scatter(self, src: Tensor, dim: int, index: int) -> Tensor:
        """A copy with ``src`` in ``[…, index, …]``."""
        at, i = _place("select_scatter", self, dim, index)
        return record(arrange.placed_slice, (self, src.unsqueeze(at)), at, i, i + 1, 1)

    def slice_scatter(
        self,
        src: Tensor,
        dim: int = 0,
        start: int | None = None,
        end: int | None = None,
        step: int = 1,
    ) -> Tensor:
        """A copy with ``src`` in ``[…, start:end:step, …]``."""
        at = normalize_dim(dim, self.ndim)
        a, b, s = slice(start, end, step).indices(self.shape[at])
        return record(arrange.placed_slice, (self, src), at, a, b, s)


def _place(name: str, x: Any, dim: int, index: int) -> tuple[int, int]:
    at, i = normalize_dim(dim, x.ndim), int(index)
    size = x.shape[at] if x.ndim else 0
    if not -size <= i < size:
        what = tr(
            f"{name}: index {i} is out of range for size {size}.",
            f"{name}：索引 {i} 超出大小 {size} 的范围。",
        )
        raise ShapeError(teach(what))
    return at, i % size


def _conjugated(x: Any) -> Tensor:
    return x.conj() if x.dtype.is_complex else x

"""The same values for a part of the batch: an expression with one dimension made shorter.

Where nothing is summed, mixed or counted along a dimension, every part of it can be computed by
itself. That is how the batch of a recurrence is cut into slices which never wait for one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glia.base.shapes import Shape, numel
from glia.ir.expr import Expr, intern, topological
from glia.ir.ops.contract import plain
from glia.ir.ops.view import expand, reshape, slice_


class CannotNarrow(Exception):
    """Elements along the dimension depend on one another."""


def narrowed(roots: Sequence[Expr], parts: Mapping[Expr, Expr]) -> tuple[Expr, ...]:
    """The roots, cut along their first dimension like the variables that ``parts`` replaces.

    Raises:
        CannotNarrow: a root does not fall apart along its first dimension.
    """
    size, width = next((old.shape[0], new.shape[0]) for old, new in parts.items())
    cut = _Cut(parts, size, width)
    found = tuple([cut.along(root, 0) for root in roots])
    if any(node in parts for node in topological(found)):
        raise CannotNarrow("a whole variable is read")
    return found


class _Cut:
    def __init__(self, parts: Mapping[Expr, Expr], size: int, width: int) -> None:
        self.parts, self.size, self.width = parts, size, width
        self.done: dict[tuple[Expr, int], Expr] = {}

    def along(self, node: Expr, dim: int) -> Expr:
        """``node`` with dimension ``dim`` cut."""
        key = (node, dim)
        if key not in self.done:
            if not node.shape or node.shape[dim] != self.size:
                raise CannotNarrow(f"{node!r} is not as long as the batch")
            self.done[key] = self._cut(node, dim)
        return self.done[key]

    def _cut(self, node: Expr, dim: int) -> Expr:
        if node in self.parts and dim == 0:
            return self.parts[node]
        if node.op.kind == "elementwise" or node.op.name == "detach":
            inputs = tuple([self.along(child, dim) for child in node.inputs])
            return intern(node.op, inputs, node.attrs)
        rule = getattr(self, f"_{node.op.name}", None)
        if node.op.kind == "reduce":
            rule = self._reduce
        if rule is None:
            raise CannotNarrow(node.op.name)
        found: Expr = rule(node, dim)
        return found

    def _shape(self, node: Expr, dim: int) -> Shape:
        return (*node.shape[:dim], self.width, *node.shape[dim + 1 :])

    def _expand(self, node: Expr, dim: int) -> Expr:
        (x,) = node.inputs
        if x.shape[dim] != 1:
            x = self.along(x, dim)
        return expand(x, self._shape(node, dim))

    def _reshape(self, node: Expr, dim: int) -> Expr:
        (x,) = node.inputs
        before = numel(node.shape[:dim])
        for d in range(x.ndim):
            if x.shape[d] == self.size and numel(x.shape[:d]) == before:
                return reshape(self.along(x, d), self._shape(node, dim))
        raise CannotNarrow("reshape")

    def _permute(self, node: Expr, dim: int) -> Expr:
        return intern(node.op, (self.along(node.inputs[0], node.attrs[0][dim]),), node.attrs)

    def _slice(self, node: Expr, dim: int) -> Expr:
        start, stop, step = node.attrs
        if node.inputs[0].shape[dim] != self.size:
            raise CannotNarrow("slice")
        stop = (*stop[:dim], self.width, *stop[dim + 1 :])
        return slice_(self.along(node.inputs[0], dim), start, stop, step)

    def _pad(self, node: Expr, dim: int) -> Expr:
        if node.attrs[0][dim] or node.attrs[1][dim]:
            raise CannotNarrow("pad")
        return intern(node.op, (self.along(node.inputs[0], dim),), node.attrs)

    def _flip(self, node: Expr, dim: int) -> Expr:
        if dim in node.attrs[0]:
            raise CannotNarrow("flip")
        return intern(node.op, (self.along(node.inputs[0], dim),), node.attrs)

    def _concat(self, node: Expr, dim: int) -> Expr:
        if dim == node.attrs[0]:
            raise CannotNarrow("concat")
        inputs = tuple([self.along(child, dim) for child in node.inputs])
        return intern(node.op, inputs, node.attrs)

    def _reduce(self, node: Expr, dim: int) -> Expr:
        if node.inputs[0].shape[dim] != self.size:
            raise CannotNarrow("reduce")
        return intern(node.op, (self.along(node.inputs[0], dim),), node.attrs)

    def _contract(self, node: Expr, dim: int) -> Expr:
        """The variable of the dimension must index an operand alone, or not at all."""
        sizes, rank, *maps = node.attrs
        operands = []
        for child, index_map in zip(node.inputs, maps, strict=True):
            used = [d for d, (_, terms) in enumerate(index_map) if dim in dict(terms)]
            if any(index_map[d] != plain(dim) for d in used) or len(used) > 1:
                raise CannotNarrow("contract")
            operands.append(self.along(child, used[0]) if used else child)
        sizes = (*sizes[:dim], self.width, *sizes[dim + 1 :])
        return intern(node.op, tuple(operands), (sizes, rank, *maps))

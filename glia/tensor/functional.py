"""Updating tensors from outside the recorded program: at once (``write``), or later (``defer``).

A deferred update (batch norm's running statistics) is recorded in ``forward`` and computed by the
next ``optimizer.step()``, in the same program, in place. Until then the tensor shows the pending
value, so nobody sees a stale one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glia.ir.expr import Expr, compose
from glia.tensor import node as _node
from glia.tensor.node import Node, Update, assign, watch
from glia.tensor.tensor import Tensor

#: So many updates of one tensor may wait on one another before they are computed.
CHAIN = 2


class _Waiting:
    """A tensor whose update waits: where its value lives, and what it becomes."""

    __slots__ = ("depth", "home", "node", "tensor")

    def __init__(self, tensor: Tensor, home: Node) -> None:
        self.tensor = weakref.ref(tensor)
        self.home = home
        self.node = home
        self.depth = 0


_waiting: dict[int, _Waiting] = {}


def defer(
    tensor: Tensor, function: Callable[..., Expr], others: tuple[Tensor, ...], *attrs: Any
) -> None:
    """Overwrite ``tensor`` with ``function(tensor, *others, *attrs)`` at the next ``assign``."""
    tracing = _node.tracer()
    if tracing is not None:
        tracing.deferring()
    found = _waiting.get(id(tensor))
    node = tensor._node
    if found is None or found.node is not node or found.tensor() is not tensor:
        if node.value is None and node.expr.op.name != "leaf":
            _node.realize((node,))
        found = _waiting[id(tensor)] = _Waiting(tensor, node)
    elif found.depth >= CHAIN:
        flush()
        node = tensor._node
        found = _waiting[id(tensor)] = _Waiting(tensor, node)
    parents = (node, *[other._node for other in others])
    expr = compose(function, tuple([parent.expr for parent in parents]), attrs)
    hold = tuple([parent.hold for parent in parents])
    found.node = tensor._node = Node(expr, hold, False, None, cut=True)
    found.depth += 1
    watch(tensor)


def take() -> list[Update]:
    """The waiting updates, for a call of ``assign``; the list is empty afterwards."""
    if not _waiting:
        return []
    updates: list[Update] = []
    for entry in _waiting.values():
        tensor = entry.tensor()
        if tensor is not None and tensor._node is entry.node and entry.node.value is None:
            tensor._node = entry.home
            updates.append((tensor, entry.node.expr, entry.node.hold))
    _waiting.clear()
    return updates


def flush() -> None:
    """Compute the waiting updates now."""
    updates = take()
    if updates:
        assign(updates)


def settled(tensor: Tensor) -> bool:
    """Whether the value is there, so that reading it repeats no work."""
    return tensor._node.value is not None


def write(values: Sequence[tuple[Tensor, np.ndarray]]) -> None:
    """Overwrite tensors in place with arrays of their shape, without compiling anything.

    Pending tensors that read the old values are computed before.
    """
    if _node.tracer() is not None:
        flush()
        nodes = [Tensor(array)._node for _, array in values]
        assign([(t, n.expr, n.hold) for (t, _), n in zip(values, nodes, strict=True)])
        return
    for memory, (_, array) in zip(memories([t for t, _ in values]), values, strict=True):
        memory[...] = array


def memories(tensors: Sequence[Tensor]) -> list[np.ndarray]:
    """The memory of tensors, to be written to: whoever reads the old values has been computed."""
    flush()
    slots = [_node._storage(tensor) for tensor in tensors]
    _node.settle_readers({slot.leaf for slot in slots})
    return [slot.array for slot in slots]

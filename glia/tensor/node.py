"""What a tensor points to: an expression, perhaps with its value; and when values are computed.

A node keeps alive the slots its expression reads. When the last handle on it goes, everything only
it needed goes back to the pool.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from glia.base.dtypes import as_dtype
from glia.base.errors import GradError, teach
from glia.base.locks import lock
from glia.ir.expr import Expr, leaves
from glia.runtime.execute import execute
from glia.runtime.slots import Slot, Value, acquire

if TYPE_CHECKING:
    from glia.tensor.tensor import Tensor


class Node:
    """An expression, its value once computed, and a hold on the slots the expression reads.

    ``hold`` is what must stay alive for an expression that contains this one: the value, or
    what the parents held when this was recorded. It is not the parents: they may forget their
    own history later, and their expressions live on inside this one.
    """

    __slots__ = ("__weakref__", "cut", "expr", "hold", "requires_grad", "value")

    def __init__(
        self,
        expr: Expr,
        hold: Any,
        requires_grad: bool,
        value: Value | None = None,
        cut: bool = False,
    ) -> None:
        self.expr = expr
        self.hold = hold
        self.requires_grad = requires_grad
        self.value = value
        self.cut = cut  # gradients stop here although the expression goes on

    def settle(self, value: Value, keep_history: bool) -> None:
        """Take the computed value; without history the expression becomes a plain leaf."""
        self.value = value
        if keep_history:
            self.hold = (value, self.hold)
        else:
            self.expr = value.slot.leaf
            self.hold = value
            self.cut = False
            self.requires_grad = False


def computed(value: Value) -> Node:
    """The node of a value that is there."""
    return Node(value.slot.leaf, value, False, value)


#: False inside ``no_grad``.
grad_enabled: ContextVar[bool] = ContextVar("grad_enabled", default=True)

_pending: list[weakref.ref[Tensor]] = []
_PENDING_LIMIT = 4096
#: Nodes whose value is known but whose expression is kept for ``backward``.
_histories: list[weakref.ref[Node]] = []
#: Held while one of these lists is gone through.
_tidying = lock()


def watch(tensor: Tensor) -> None:
    """Remember a tensor whose value is not computed yet."""
    _pending.append(weakref.ref(tensor))
    if len(_pending) > _PENDING_LIMIT:
        pending_tensors()


def pending_tensors() -> list[Tensor]:
    """The living tensors that have no value yet."""
    found, refs = [], []
    with _tidying:
        count = len(_pending)  # other threads may add some meanwhile
        for ref in _pending[:count]:
            tensor = ref()
            if tensor is not None and tensor._node.value is None:
                found.append(tensor)
                refs.append(ref)
        _pending[:count] = refs
    return found


def waiting() -> weakref.WeakSet[Node]:
    """The nodes without a value at this moment."""
    return weakref.WeakSet([tensor._node for tensor in pending_tensors()])


def pending_readers(overwritten: set[Expr]) -> list[Node]:
    """The pending nodes of living tensors that read slots about to be overwritten."""
    late: dict[Node, None] = {}
    for tensor in pending_tensors():
        node = tensor._node
        if not overwritten.isdisjoint(leaves(node.expr)):
            late[node] = None
    return list(late)


def from_array(array: np.ndarray) -> Node:
    """A node holding a copy of the array."""
    value = acquire(array.shape, as_dtype(array.dtype))
    value.slot.array[...] = array
    tracing = tracer()
    if tracing is not None:
        tracing.made.add(value)
    return computed(value)


#: The tracers of this thread, innermost last.
_tracers: ContextVar[tuple[Any, ...]] = ContextVar("tracers", default=())


def set_tracer(tracer: Any | None) -> None:
    """While a function is traced, nothing may be computed: ``jit`` puts its tracer here."""
    now = _tracers.get()
    _tracers.set(now[:-1] if tracer is None else (*now, tracer))


def tracer() -> Any | None:
    now = _tracers.get()
    return now[-1] if now else None


def nesting() -> int:
    """How many functions are being traced, one in the other."""
    return len(_tracers.get())


def realize(nodes: Iterable[Node]) -> None:
    """Compute the values of these nodes, in one program."""
    todo = list(dict.fromkeys(node for node in nodes if node.value is None))
    if not todo:
        return
    tracing = tracer()
    if tracing is not None:
        tracing.refuse("a value was asked for")
    values = [acquire(node.expr.shape, node.expr.dtype) for node in todo]
    execute(tuple([node.expr for node in todo]), [value.slot for value in values])
    for node, value in zip(todo, values, strict=True):
        node.settle(value, keep_history=node.requires_grad)
        if node.requires_grad:
            _histories.append(weakref.ref(node))


def _end_histories(overwritten: set[Expr]) -> None:
    """Values stay right when what they were computed from changes; ``backward`` ends there."""
    kept = []
    with _tidying:
        count = len(_histories)
        for ref in _histories[:count]:
            node = ref()
            if node is None or node.value is None:
                continue
            if overwritten.isdisjoint(leaves(node.expr)):
                kept.append(ref)
            else:
                node.settle(node.value, keep_history=False)
        _histories[:count] = kept


def settle_readers(overwritten: set[Expr]) -> None:
    """Compute what is pending on values about to be overwritten from outside a program."""
    if _pending:
        late = pending_readers(overwritten)
        if late:
            realize(late)
    if _histories:
        _end_histories(overwritten)


#: A tensor to overwrite, what it becomes, and what must stay alive until then.
Update = tuple["Tensor", Expr, Any]


def assign(updates: Sequence[Update]) -> None:
    """Overwrite tensors in place, all at once.

    Every living tensor that still has to be computed from the old values is computed in the same
    program, so nothing is stale and nothing pending grows from step to step.
    """
    tracing = tracer()
    if tracing is not None:
        for update in updates:
            tracing.assign(*update)
        return
    targets = []
    for tensor, _, _ in updates:
        node = tensor._node
        value = node.value
        owned = value is not None and node.expr is value.slot.leaf
        targets.append(node.expr if owned else _storage(tensor).leaf)
    overwritten = set(targets)
    late = pending_readers(overwritten)
    if _histories:
        _end_histories(overwritten)
    values = [acquire(node.expr.shape, node.expr.dtype) for node in late]
    outputs = [node.expr for node in late]
    outputs += [expr for _, expr, _ in updates]
    execute(tuple(outputs), [value.slot for value in values], tuple(targets))
    for node, value in zip(late, values, strict=True):
        node.settle(value, keep_history=False)


def _storage(tensor: Tensor) -> Slot:
    """The slot a tensor's value lives in; computed first if need be."""
    node = tensor._node
    if node.value is None:
        realize((node,))
    value = node.value
    if value is None or node.expr is not value.slot.leaf:
        message = "cannot update in place a tensor that was computed from others."
        raise GradError(teach(message, "detach it first: t = t.detach()"))
    return value.slot

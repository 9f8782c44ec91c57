"""Expressions: immutable, hash-consed nodes. Equal expressions are one object.

What follows from an expression (its gradient, its compiled program, the slots it reads) is
computed once and kept in ``memo``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from glia.base.dtypes import DType
from glia.base.shapes import Shape, numel
from glia.base.source import Location, current_module_path, user_location
from glia.ir.table import Op

T = TypeVar("T")

#: Above so many interned nodes the table starts afresh; live expressions stay valid.
LIMIT = 400_000

_interned: dict[tuple[Any, ...], Expr] = {}
_composed: dict[tuple[Any, ...], Any] = {}
_on_forget: list[Callable[[], None]] = []


class Expr:
    """``op(inputs; attrs)`` with the shape and dtype that follow from them."""

    __slots__ = ("attrs", "dtype", "inputs", "location", "memo", "op", "path", "shape")

    op: Op
    inputs: tuple[Expr, ...]
    attrs: tuple[Any, ...]
    shape: Shape
    dtype: DType
    location: Location | None
    path: str
    memo: dict[Any, Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def numel(self) -> int:
        return numel(self.shape)

    def attr(self, name: str) -> Any:
        """The value of one attribute."""
        return self.attrs[self.op.attrs.index(name)]

    def attr_dict(self) -> dict[str, Any]:
        return dict(zip(self.op.attrs, self.attrs, strict=True))

    def __repr__(self) -> str:
        shape = ",".join(map(str, self.shape))
        return f"<{self.op.name} {self.dtype.name}[{shape}]>"


def intern(op: Op, inputs: tuple[Expr, ...], attrs: tuple[Any, ...] = ()) -> Expr:
    """The one expression ``op(inputs; attrs)``; shapes are checked when it is first made."""
    key = (op, inputs, attrs)
    found = _interned.get(key)
    if found is not None:
        return found
    expr = Expr()
    expr.shape, expr.dtype = op.infer(inputs, *attrs)
    expr.op, expr.inputs, expr.attrs = op, inputs, attrs
    expr.location, expr.path = user_location(), current_module_path()
    expr.memo = {}
    if len(_interned) >= LIMIT:
        forget()
    return _interned.setdefault(key, expr)  # another thread may have been faster


def compose(build: Callable[..., T], inputs: tuple[Expr, ...], attrs: tuple[Any, ...]) -> T:
    """``build(*inputs, *attrs)``, remembered: recording a composite op is one look-up too."""
    key = (build, inputs, attrs)
    found: T | None = _composed.get(key)
    if found is None:
        found = _composed[key] = build(*inputs, *attrs)
    return found


def on_forget(action: Callable[[], None]) -> None:
    """Call ``action`` whenever the table starts afresh, to drop what hangs on old expressions."""
    _on_forget.append(action)


def forget() -> None:
    """Start the table afresh. Live expressions stay valid; equal new ones are new objects.

    Only the variables of loops stay: living bodies are written in them.
    """
    kept = {key: x for key, x in _interned.items() if x.op.name == "bound" and x.attrs[0] >= 0}
    _interned.clear()
    _interned.update(kept)
    _composed.clear()
    for action in _on_forget:
        action()


def interned_count() -> int:
    """How many expressions the table holds."""
    return len(_interned)


def topological(outputs: Iterable[Expr], known: Iterable[Expr] = ()) -> list[Expr]:
    """All expressions the outputs depend on, inputs before users, without recursion.

    What is ``known`` is left out, and what only it depends on.
    """
    order: list[Expr] = []
    seen: set[Expr] = set(known)
    for output in outputs:
        if output in seen:
            continue
        seen.add(output)
        stack: list[tuple[Expr, Iterator[Expr]]] = [(output, iter(output.inputs))]
        while stack:
            node, pending = stack[-1]
            for child in pending:
                if child not in seen:
                    seen.add(child)
                    stack.append((child, iter(child.inputs)))
                    break
            else:
                order.append(node)
                stack.pop()
    return order


def bodies(node: Expr) -> tuple[Expr, ...]:
    """The expressions that stand in a node's attributes: what a repetition repeats."""
    if node.op.kind != "control":
        return ()
    groups = [attr if isinstance(attr, tuple) else (attr,) for attr in node.attrs]
    return tuple([part for group in groups for part in group if isinstance(part, Expr)])


def substituted(roots: Iterable[Expr], replacements: Mapping[Expr, Expr]) -> tuple[Expr, ...]:
    """The expressions with some of their parts replaced by others of the same shape and dtype."""
    roots = tuple(roots)
    done = dict(replacements)
    for node in topological(roots, done):
        if node not in done:
            inputs = tuple([done[child] for child in node.inputs])
            done[node] = node if inputs == node.inputs else derived(node, inputs)
    return tuple([done[root] for root in roots])


def derived(node: Expr, inputs: tuple[Expr, ...]) -> Expr:
    """The same operation on other inputs, recorded at the same place."""
    fresh = intern(node.op, inputs, node.attrs)
    if fresh.location is None or not fresh.path:
        fresh.location, fresh.path = node.location, node.path
    return fresh


def leaves_in_order(expr: Expr) -> tuple[Expr, ...]:
    """The same, in an order that follows from the expression, not from the slots."""
    found = expr.memo.get("leaves in order")
    if found is None:
        order = [node for node in topological((expr,)) if node.op.name == "leaf"]
        found = expr.memo["leaves in order"] = tuple(order)
    return found


def leaves(expr: Expr) -> frozenset[Expr]:
    """The leaf expressions that ``expr`` depends on."""
    found = expr.memo.get("leaves")
    if found is None:
        pending = [expr]
        while pending:  # what was looked at before is not walked again
            node = pending[-1]
            missing = [child for child in node.inputs if "leaves" not in child.memo]
            if missing:
                pending += missing
                continue
            pending.pop()
            if node.op.name == "leaf":
                node.memo["leaves"] = frozenset((node,))
            elif "leaves" not in node.memo:
                parts = [child.memo["leaves"] for child in node.inputs]
                # most nodes read what their largest input reads
                most: frozenset[Expr] = max(parts, key=len, default=frozenset())
                whole = most.union(*parts)
                node.memo["leaves"] = most if len(whole) == len(most) else whole
        found = expr.memo["leaves"]
    return found

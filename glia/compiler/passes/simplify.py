"""Algebra on the graph: every rule replaces an expression by a cheaper one of equal value."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glia.base.dtypes import int32, int64
from glia.compiler.passes.chunks import cut_contraction
from glia.compiler.passes.reductions import split_reduction
from glia.ir import build
from glia.ir.expr import Expr, derived, topological
from glia.ir.ops.source import constant_value, iota
from glia.ir.ops.view import broadcast_to, permute, reshape

Rule = Callable[[Expr], Expr | None]


def simplify(outputs: Sequence[Expr]) -> tuple[Expr, ...]:
    """Rewrite the graph from its inputs upwards."""
    done: dict[Expr, Expr] = {}
    for node in topological(outputs):
        done[node] = _rewrite(node, done)
    return tuple(done[output] for output in outputs)


def _rewrite(node: Expr, done: dict[Expr, Expr]) -> Expr:
    inputs = tuple(done[child] for child in node.inputs)
    if inputs != node.inputs:
        node = derived(node, inputs)
    known = node.memo.get("simplified")
    if known is None:
        known = node.memo["simplified"] = _apply_rules(node)
    return known


def _apply_rules(node: Expr) -> Expr:
    for _ in range(8):
        rule = RULES.get(node.op.name)
        found = rule(node) if rule is not None else None
        if found is None or found is node:
            return node
        node = found
    return node


def uniform(node: Expr) -> complex | float | int | bool | None:
    """The one value all elements have, if that is known."""
    while node.op.name in ("reshape", "expand", "permute"):
        node = node.inputs[0]
    return constant_value(node) if node.op.name == "const" else None


def _mark(node: Expr) -> Expr | None:
    return node.inputs[0]


def _custom(node: Expr) -> Expr | None:
    return node.inputs[node.attrs[0]]


def _add(node: Expr) -> Expr | None:
    a, b = node.inputs
    if node.dtype.is_inexact:
        return None  # x + 0.0 turns -0.0 into 0.0
    return b if uniform(a) == 0 else a if uniform(b) == 0 else None


def _mul(node: Expr) -> Expr | None:
    a, b = node.inputs
    return b if uniform(a) == 1 else a if uniform(b) == 1 else None


def _div(node: Expr) -> Expr | None:
    a, b = node.inputs
    return a if uniform(b) == 1 else None


def _neg(node: Expr) -> Expr | None:
    (x,) = node.inputs
    return x.inputs[0] if x.op.name == "neg" else None


def _where(node: Expr) -> Expr | None:
    condition, a, b = node.inputs
    known = uniform(condition)
    if known is not None:
        return a if known else b
    return a if a is b else None


def _cast(node: Expr) -> Expr | None:
    (x,) = node.inputs
    return x if x.dtype is node.dtype else None


def _reshape(node: Expr) -> Expr | None:
    (x,) = node.inputs
    if x.shape == node.shape:
        return x
    return reshape(x.inputs[0], node.shape) if x.op.name == "reshape" else None


def _permute(node: Expr) -> Expr | None:
    (x,) = node.inputs
    (dims,) = node.attrs
    if dims == tuple(range(len(dims))):
        return x
    if x.op.name == "permute":
        return permute(x.inputs[0], tuple(x.attrs[0][d] for d in dims))
    return None


def _expand(node: Expr) -> Expr | None:
    (x,) = node.inputs
    if x.shape == node.shape:
        return x
    return broadcast_to(x.inputs[0], node.shape) if x.op.name == "expand" else None


def _scatter_add(node: Expr) -> Expr | None:
    """One value a row: it is compared with the running number, and fuses with its readers."""
    values, index = node.inputs
    dim, size = node.attrs
    if values.shape[dim] != 1 or size >= 2**31:
        return None
    if index.dtype is not int32:
        wide = build.cast(index, int64)
        inside = build.mul(build.ge(wide, 0), build.lt(wide, size))
        index = build.cast(build.where(inside, wide, -1), int32)
    running = reshape(iota(size, int32), tuple(size if d == dim else 1 for d in range(node.ndim)))
    return simplify((build.where(build.eq(index, running), values, 0),))[0]


RULES: dict[str, Rule] = {
    "add": _add,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "where": _where,
    "cast": _cast,
    "reshape": _reshape,
    "permute": _permute,
    "expand": _expand,
    "mark": _mark,
    "custom": _custom,
    "contract": cut_contraction,
    "scatter_add": _scatter_add,
    "sum": split_reduction,
    "prod": split_reduction,
    "max": split_reduction,
    "min": split_reduction,
}

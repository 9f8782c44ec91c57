"""Reverse mode: gradients as expressions, so that they can be differentiated again."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.errors import GradError, teach
from glia.base.source import module_stack
from glia.ir.build import add, eq, full, where
from glia.ir.expr import Expr, topological


def pullback(output: Expr, wrt: Sequence[Expr], seed: Expr) -> list[Expr | None]:
    """``Σ seed · ∂output/∂x`` for every x in ``wrt``; None where output does not depend on x."""
    key = ("pullback", tuple(wrt), seed)
    found = output.memo.get(key)
    if found is None:
        found = output.memo[key] = _walk(output, tuple(wrt), seed)
    return found


#: Elementwise ops whose local factor may be infinite or NaN where their value is not used.
SINGULAR = frozenset(("mul", "div", "sqrt", "log", "log1p", "exp", "expm1", "pow"))


def _walk(output: Expr, wrt: tuple[Expr, ...], seed: Expr) -> list[Expr | None]:
    order = topological((output,))
    matters: set[Expr] = set()
    targets = set(wrt)
    for node in order:
        if node in targets or any(child in matters for child in node.inputs):
            matters.add(node)
    gradients: dict[Expr, Expr] = {output: seed} if output in matters else {}
    masked: set[Expr] = set()  # reached through the branch of a where
    for node in reversed(order):
        g = gradients.get(node)
        if g is None or node not in matters or not node.inputs:
            continue
        if not any(child in matters for child in node.inputs):
            continue
        if node.op.gradient is None and node.op.name != "scan":
            raise GradError(_no_derivative(node))
        under_mask = node.op.name == "where" or node in masked
        if under_mask and node.op.kind in ("elementwise", "view", "index"):
            masked.update(node.inputs)
        module_stack.append(f"{node.path} grad" if node.path else "")
        parts = _local(node, g)
        module_stack.pop()
        for child, part in zip(node.inputs, parts, strict=True):
            if part is None or child not in matters:
                continue
            if node in masked and node.op.name in SINGULAR:
                part = _only_where_used(g, part)
            before = gradients.get(child)
            gradients[child] = part if before is None else add(before, part)
    return [gradients.get(x) for x in wrt]


def _local(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """One gradient per input: the row's rule, or a walk through the body of a scan."""
    if node.op.gradient is not None:
        return node.op.gradient(node, g)
    from glia.autodiff.scan import scan_gradient

    return scan_gradient(node, g, pullback)


def _only_where_used(g: Expr, part: Expr) -> Expr:
    """Nothing flows where nothing came: 0 · inf in a branch not taken is 0, not NaN."""
    return where(eq(g, 0.0), 0.0, part)


def _no_derivative(node: Expr) -> str:
    place = f" (recorded at {node.location})" if node.location else ""
    message = f"the operation '{node.op.name}'{place} has no derivative."
    return teach(message, "call .detach() on its input if no gradient should flow")


def gradient(loss: Expr, wrt: Sequence[Expr]) -> list[Expr | None]:
    """Gradients of a scalar expression."""
    if loss.numel != 1:
        message = f"backward: expected a scalar, found shape {loss.shape}."
        raise GradError(teach(message, "reduce it first (.sum() or .mean()), or pass gradient="))
    if loss.dtype.kind != "float":
        message = f"backward: expected a floating-point scalar, found {loss.dtype.name}."
        raise GradError(teach(message, "derivatives need float32 or float64"))
    return pullback(loss, wrt, full(loss.shape, 1.0, loss.dtype))

"""Reverse mode: gradients as expressions, so that they can be differentiated again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from glia.autodiff.custom import custom_gradient
from glia.autodiff.scan import scan_gradient
from glia.base.errors import GradError, teach
from glia.base.source import module_stack
from glia.ir.build import add, eq, full, where
from glia.ir.expr import Expr, topological
from glia.ir.ops.control import loop_of
from glia.ir.ops.view import concat


def pullback(output: Expr, wrt: Sequence[Expr], seed: Expr) -> list[Expr | None]:
    """``Σ seed · ∂output/∂x`` for every x in ``wrt``; None where output does not depend on x."""
    key = ("pullback", tuple(wrt), seed)
    found = output.memo.get(key)
    if found is None:
        found = output.memo[key] = pullback_all({output: seed}, tuple(wrt))
    return found


#: Elementwise ops whose local factor may be infinite or NaN where their value is not used.
SINGULAR = frozenset(
    ("mul", "div", "sqrt", "log", "log1p", "exp", "expm1", "pow", "exp2", "log2", "log10", "tan")
    + ("asin", "acos", "atan2", "sinh", "cosh", "acosh", "atanh", "hypot", "lgamma", "erfcx", "mod")
    + ("fmod",)
)


def pullback_all(seeds: Mapping[Expr, Expr], wrt: Sequence[Expr]) -> list[Expr | None]:
    """``Σ seed · ∂output/∂x`` over several outputs, in one walk."""
    order = topological(seeds)
    matters: set[Expr] = set()
    targets = set(wrt)
    for node in order:
        passes = node.op.name != "detach"
        if node in targets or (passes and any(child in matters for child in node.inputs)):
            matters.add(node)
    gathered = {output: [seed] for output, seed in seeds.items() if output in matters}
    masked: set[Expr] = set()  # reached through the branch of a where
    several = _Together(order)
    for node in reversed(order):
        if node not in matters or not any(child in matters for child in node.inputs):
            continue
        g = total(gathered.get(node))
        if node.op.kind == "control":
            parts = several.reached(node, g)
        elif g is None:
            continue
        else:
            parts = _local(node, g)
        under_mask = node.op.name == "where" or node in masked
        if under_mask and node.op.kind in ("elementwise", "view", "index"):
            masked.update(node.inputs)
        for child, part in zip(node.inputs, parts, strict=bool(parts)):
            if part is None or child not in matters:
                continue
            if g is not None and node in masked and node.op.name in SINGULAR:
                part = _only_where_used(g, part)
            gathered.setdefault(child, []).append(part)
    return [total(gathered.get(x)) for x in wrt]


def total(parts: Sequence[Expr] | None) -> Expr | None:
    """The sum. Pieces that fill the whole side by side are put together: no zeros are added."""
    if not parts:
        return None
    pieces = _tiles(parts) if len(parts) > 1 else None
    return reduce(add, parts) if pieces is None else concat(*pieces)


def _tiles(parts: Sequence[Expr]) -> tuple[list[Expr], int] | None:
    """What is padded, in order, and along which dimension, if it fills the whole."""
    if not all(part.op.name == "pad" for part in parts):
        return None
    around = [[d for d, n in enumerate(zip(*part.attrs, strict=True)) if any(n)] for part in parts]
    dims = {d for found in around for d in found}
    if len(dims) != 1:
        return None
    (dim,) = dims
    ordered = sorted(parts, key=lambda part: part.attrs[0][dim])
    end = 0
    for part in ordered:
        if part.attrs[0][dim] != end:
            return None
        end += part.inputs[0].shape[dim]
    return ([part.inputs[0] for part in ordered], dim) if end == parts[0].shape[dim] else None


def _local(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
    """One gradient per input, by the row's rule."""
    if node.op.gradient is None:
        raise GradError(no_derivative(node))
    module_stack.append(f"{node.path} grad" if node.path else "")
    parts = node.op.gradient(node, g)
    module_stack.pop()
    return parts


def _origin(node: Expr) -> object:
    """What the results of one loop, or of one function with its own derivative, have in common."""
    return (node.inputs, *node.attrs[1:]) if node.op.name == "custom" else loop_of(node)


class _Together:
    """The results of one loop are differentiated together: one loop back for all of them.

    So are the values of one function with a derivative of its own.
    """

    def __init__(self, order: Sequence[Expr]) -> None:
        self.first: dict[object, Expr] = {}
        self.waiting: dict[object, list[tuple[Expr, Expr]]] = {}
        for node in order:
            if node.op.kind == "control":
                self.first.setdefault(_origin(node), node)

    def reached(self, node: Expr, g: Expr | None) -> tuple[Expr | None, ...]:
        """Gradients for the inputs once all results have theirs, nothing before."""
        origin = _origin(node)
        waiting = self.waiting.setdefault(origin, [])
        if g is not None:
            waiting.append((node, g))
        if self.first[origin] is not node or not waiting:
            return ()
        module_stack.append(f"{node.path} grad" if node.path else "")
        rule = custom_gradient if node.op.name == "custom" else scan_gradient
        parts = rule(waiting, pullback_all)
        module_stack.pop()
        return parts


def _only_where_used(g: Expr, part: Expr) -> Expr:
    """Nothing flows where nothing came: 0 · inf in a branch not taken is 0, not NaN."""
    return where(eq(g, 0.0), 0.0, part)


def no_derivative(node: Expr) -> str:
    """What to say of an operation that cannot be differentiated."""
    place = f" (recorded at {node.location})" if node.location else ""
    message = f"the operation '{node.op.name}'{place} has no derivative."
    return teach(message, "call .detach() on its input if no gradient should flow")


def gradient(loss: Expr, wrt: Sequence[Expr]) -> list[Expr | None]:
    """Gradients of a scalar expression; one look-up when they were asked for before."""
    seed = loss.memo.get("seed")
    if seed is None:
        seed = loss.memo["seed"] = _seed(loss)
    return pullback(loss, wrt, seed)


def _seed(loss: Expr) -> Expr:
    """The derivative of a loss by itself."""
    if loss.numel != 1:
        message = f"backward: expected a scalar, found shape {loss.shape}."
        raise GradError(teach(message, "reduce it first (.sum() or .mean()), or pass gradient="))
    if loss.dtype.kind != "float":
        message = f"backward: expected a floating-point scalar, found {loss.dtype.name}."
        raise GradError(teach(message, "derivatives need float32 or float64"))
    return full(loss.shape, 1.0, loss.dtype)

"""Derivatives by the user's rule (``custom_vjp``, ``custom_jvp``), and recomputation.

Each call becomes ``custom`` rows: the values as they are, and beside them templates of their
derivatives, written once, over variables for what is read and for what comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import update_wrapper
from typing import Any

from glia.autodiff.reverse import pullback_all
from glia.base.dtypes import uint32
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr, compose, substituted, topological
from glia.ir.ops.control import bound
from glia.ir.ops.custom import custom
from glia.ir.ops.view import reshape, slice_
from glia.tensor.levels import (
    Level,
    Sealed,
    arrays_lifted,
    lifted,
    outputs_of,
    released,
    without_marks,
)
from glia.tensor.tensor import Tensor, enable_grad, read, recorded
from glia.tensor.trees import Structure, flatten, unflatten


def _read_by(roots: Sequence[Expr], changing: Sequence[Expr]) -> list[Expr]:
    """What expressions read from outside the part of them that depends on some of it."""
    moving = set(changing)
    found: dict[Expr, None] = {}
    for node in topological(roots, moving):
        if any(child in moving for child in node.inputs):
            moving.add(node)
            found.update(dict.fromkeys(c for c in node.inputs if c not in moving))
    found.update(dict.fromkeys(root for root in roots if root not in moving))
    return [node for node in found if not _is_written(node)]


def _is_written(node: Expr) -> bool:
    """Numbers that stand in the code."""
    while node.op.name in ("expand", "reshape"):
        node = node.inputs[0]
    return node.op.name in ("const", "iota")


def _numbered(first: int, like: Sequence[Expr]) -> list[Expr]:
    return [bound(first + i, x.shape, x.dtype) for i, x in enumerate(like)]


# Recomputation


def checkpoint(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``function(*args, **kwargs)``, whose inner values are computed again for its gradient.

    Between the forward and the backward pass only the arguments are kept. That takes less memory
    and one more forward pass. Random numbers (dropout) are the same both times.

    Args:
        function: of tensors, or trees of them, that gives such: a block of layers, for instance.
        args, kwargs: its arguments.

    Example:
        >>> import glia as gl
        >>> block = lambda x: (x.sin() * x).exp()
        >>> gl.grad(lambda x: checkpoint(block, x))(gl.tensor(0.0))
        tensor(0.)

    Source: Chen, Xu, Zhang, Guestrin, "Training deep nets with sublinear memory cost" (2016).
    """
    tensors, structure = flatten((args, kwargs), arrays_lifted)
    with Level() as level:
        marks = level.marked(tensors)
        positional, named = unflatten(structure, marks)
        outputs, built = flatten(function(*positional, **named))
        exprs, hold, _ = read((*outputs, *marks))
        found = compose(_checkpointed, exprs, (len(outputs), level.number))
    return unflatten(built, released(found, hold))


def _checkpointed(*parts: Any) -> tuple[Expr, ...]:
    *exprs, count, level = parts
    outputs, marks = exprs[:count], exprs[count:]
    reached = {x for x in topological(outputs) if x.op.name == "mark" and x in marks}
    floats = [x for x in dict.fromkeys(outputs) if x.dtype.is_inexact]
    if not reached or not floats:
        return without_marks(outputs, level)
    again = [*marks, *(x for x in topological(floats) if _is_key(x))]
    others = _read_by(floats, again)
    inner = [*again, *others]
    variables = _numbered(0, inner)
    coming = _numbered(len(inner), floats)
    bodies = substituted(floats, dict(zip(inner, variables, strict=True)))
    seeds: dict[Expr, Expr] = {}
    for body, g in zip(bodies, coming, strict=True):
        seeds[body] = build.add(seeds[body], g) if body in seeds else g
    back = iter(pullback_all(seeds, [v for v in variables if v.dtype.is_inexact]))
    templates = [next(back) if v.dtype.is_inexact else None for v in variables]
    late = {v: _after(v, coming[0]) for v in variables[: len(again)]}
    present = iter(substituted([t for t in templates if t is not None], late))
    templates = [None if t is None else next(present) for t in templates]
    whole = without_marks([*outputs, *floats, *inner], level)
    values, reads = whole[count : count + len(floats)], whole[count + len(floats) :]
    nodes = dict(zip(floats, custom(values, reads, "again", templates), strict=True))
    return tuple([nodes.get(x, plain) for x, plain in zip(outputs, whole, strict=False)])


def _is_key(x: Expr) -> bool:
    """A key of random numbers: what was drawn is drawn again, not kept."""
    return x.op.name in ("leaf", "bound") and x.dtype is uint32 and x.shape == (2,)


def _after(x: Expr, g: Expr) -> Expr:
    """``x``, but not before g is there, and not the same expression: so it is computed again."""
    if not g.numel:
        return x
    one = reshape(slice_(g, (0,) * g.ndim, (1,) * g.ndim, (1,) * g.ndim), ())
    always = build.add(build.eq(one, one), build.ne(one, one))
    return build.where(always, x, build.full(x.shape, 0, x.dtype))


# Derivatives by rule


def written(
    way: str,
    outputs: Sequence[Tensor],
    coming: Sequence[Tensor],
    args: Sequence[Tensor],
    results: Sequence[Tensor | None],
) -> list[Tensor]:
    """The outputs, with derivatives that are written in variables.

    For ``vjp``, ``coming`` are variables for the gradients of the outputs and ``results`` those of
    the arguments; for ``jvp``, variables for tangents of the arguments, and those of the outputs.
    """
    there = [t for t in results if t is not None]
    exprs, hold, _ = read((*outputs, *coming, *args, *there))
    _, _, wants = read(args)
    present = tuple([t is not None for t in results])
    counts = (len(outputs), len(coming), len(args))
    found = compose(_written, exprs, (way, counts, present))
    return [recorded(expr, hold, wants) for expr in found]


def _written(*parts: Any) -> tuple[Expr, ...]:
    *exprs, way, counts, present = parts
    a, b, c = counts[0], sum(counts[:2]), sum(counts)
    outputs, coming, args = exprs[:a], exprs[a:b], list(exprs[b:c])
    others = [x for x in _read_by(exprs[c:], coming) if x not in args]
    reads = [*args, *others]
    names = dict(zip(reads, _numbered(0, reads), strict=True))
    names.update(zip(coming, _numbered(len(reads), coming), strict=True))
    made = iter(substituted(exprs[c:], names))
    templates = [next(made) if there else None for there in present]
    if way == "vjp":
        templates += [None] * len(others)
    return custom(outputs, reads, way, templates)


class custom_vjp:
    """A function with a gradient of the user's.

    Args:
        fun: the function, of tensors or trees of them. Its rule is set by :meth:`defvjp`.

    Example:
        >>> import glia as gl
        >>> @custom_vjp
        ... def clip_gradient(x):
        ...     return x
        >>> clip_gradient.defvjp(lambda x: (x, None), lambda _, g: (g.clamp(-1, 1),))
        >>> gl.grad(lambda x: (clip_gradient(x) ** 2).sum())(gl.tensor([0.1, 5.0]))
        tensor([0.2, 1. ])

    Source: Bradbury et al., "JAX: composable transformations of Python+NumPy programs" (2018).
    """

    def __init__(self, fun: Callable[..., Any]) -> None:
        update_wrapper(self, fun, updated=())
        self.fun = fun
        self.rule: tuple[Callable[..., Any], Callable[..., Any]] | None = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the rule.

        Args:
            fwd: takes the arguments, gives ``(result, residuals)``.
            bwd: takes the residuals and the gradient of the result, built as the result is, and
                gives a tuple with the gradient of every argument, None where there is none. It
                is called once, without values.
        """
        self.rule = fwd, bwd

    def __call__(self, *args: Any) -> Any:
        if self.rule is None:
            raise ArgumentError(_no_rule("custom_vjp", "f.defvjp(fwd, bwd)"))
        fwd, bwd = self.rule
        tensors, structure = flatten(args, lifted)
        args = unflatten(structure, tensors)
        result, residuals = _pair("custom_vjp", "fwd", fwd(*args))
        outputs, built = outputs_of("custom_vjp", result)
        with Sealed("custom_vjp") as sealed, enable_grad():
            coming = [sealed.variable(t.shape, t.dtype, True) for t in outputs]
            back = bwd(residuals, unflatten(built, coming))
            found = gradients_for("custom_vjp", back, args, structure, tensors)
            made = written("vjp", outputs, coming, tensors, found)
        return unflatten(built, made)


def _no_rule(name: str, call: str) -> str:
    what = tr(f"{name}: the function has no rule yet.", f"{name}：函数还没有求导规则。")
    return teach(what, call)


def _pair(name: str, part: str, found: Any) -> tuple[Any, Any]:
    if not isinstance(found, tuple) or len(found) != 2:
        what = tr(
            f"{name}: {part} must return two things, found {type(found).__name__}.",
            f"{name}：{part} 应返回两项，得到 {type(found).__name__}。",
        )
        help = tr("a tuple: (result, residuals), or (result, tangent)",
                  "元组：(result, residuals) 或 (result, tangent)")  # fmt: skip
        raise ArgumentError(teach(what, help))
    return found


def gradients_for(
    name: str, back: Any, args: Sequence[Any], structure: Structure, tensors: Sequence[Tensor]
) -> list[Tensor | None]:
    """One gradient, or None, for every tensor of the arguments."""
    given = back if isinstance(back, tuple | list) else (back,)
    if len(given) != len(args):
        what = tr(
            f"{name}: expected a gradient for each of {len(args)} arguments, found {len(given)}.",
            f"{name}：应为 {len(args)} 个参数各给出一个梯度，得到 {len(given)} 个。",
        )
        raise ArgumentError(teach(what, tr("None where there is none", "没有梯度的给 None")))
    found: list[Tensor | None] = []
    for gradient, arg, part in zip(given, args, structure[2], strict=True):
        here = flatten(arg)[0]
        if gradient is None:
            found += [None] * len(here)
            continue
        parts, built = flatten(gradient, lifted)
        if built != part:
            what = tr(
                f"{name}: a gradient is not built as its argument.",
                f"{name}：梯度的结构与对应参数不同。",
            )
            raise ArgumentError(teach(what, tr("nest it alike", "请使嵌套方式相同")))
        found += parts
    for i, (g, x) in enumerate(zip(found, tensors, strict=True)):
        if g is None or not x.dtype.is_inexact:
            found[i] = None
        elif g.shape != x.shape:
            what = tr(
                f"{name}: expected a gradient of shape {x.shape}, got {g.shape}.",
                f"{name}：梯度形状应为 {x.shape}，得到 {g.shape}。",
            )
            raise ShapeError(teach(what, tr("sum over what was broadcast", "请对广播的维求和")))
        else:
            found[i] = g.to(x.dtype)
    return found


#: Functions whose rules are being written.
_writing: ContextVar[tuple[Any, ...]] = ContextVar("rules", default=())


class custom_jvp:
    """A function with a forward derivative of the user's; gradients follow from it.

    Args:
        fun: the function, of tensors or trees of them. Its rule is set by :meth:`defjvp`.

    Example:
        >>> import glia as gl
        >>> @custom_jvp
        ... def softplus(x):
        ...     return (1 + x.exp()).log()
        >>> softplus.defjvp(lambda x, t: (softplus(x[0]), x[0].sigmoid() * t[0]))
        >>> gl.grad(softplus)(gl.tensor(100.0))
        tensor(1.)

    Source: as :class:`custom_vjp`.
    """

    def __init__(self, fun: Callable[..., Any]) -> None:
        update_wrapper(self, fun, updated=())
        self.fun = fun
        self.rule: Callable[..., Any] | None = None

    def defjvp(self, rule: Callable[..., Any]) -> None:
        """Set the rule: it takes a tuple of arguments and one of tangents, built alike, and
        gives ``(result, tangent of the result)``. It must be linear in the tangents. Where it
        calls the function itself, it means the plain one.
        """
        self.rule = rule

    def __call__(self, *args: Any) -> Any:
        if self.rule is None:
            raise ArgumentError(_no_rule("custom_jvp", "f.defjvp(rule)"))
        tensors, structure = flatten(args, lifted)
        primals = unflatten(structure, tensors)
        outputs, built = outputs_of("custom_jvp", self.fun(*primals))
        if self in _writing.get():  # by its own rule
            return unflatten(built, outputs)
        token = _writing.set((*_writing.get(), self))
        with Sealed("custom_jvp") as sealed, enable_grad():
            coming = [sealed.variable(t.shape, t.dtype, True) for t in tensors]
            try:
                found = self.rule(primals, unflatten(structure, coming))
            finally:
                _writing.reset(token)
            _, tangent = _pair("custom_jvp", "the rule", found)
            dots, shape = outputs_of("custom_jvp", tangent)
            fits = shape == built and all(
                a.shape == b.shape for a, b in zip(dots, outputs, strict=True)
            )
            if not fits:
                what = tr(
                    "custom_jvp: the tangent is not built as the result.",
                    "custom_jvp：切向量的结构或形状与结果不同。",
                )
                raise ShapeError(teach(what, tr("return (y, dy)", "请返回 (y, dy)")))
            dots = [dot.to(y.dtype) for dot, y in zip(dots, outputs, strict=True)]
            made = written("jvp", outputs, coming, tensors, dots)
        return unflatten(built, made)

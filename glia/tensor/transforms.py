"""Derivatives of functions: ``grad``, ``value_and_grad``, ``vjp``, ``jvp``.

A transform calls the function at once, on the values it is given, and differentiates what the
function recorded. Transforms may stand in one another, in ``jit`` and in ``vmap``, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from glia.autodiff.forward import pushforward
from glia.autodiff.reverse import pullback_all
from glia.base.errors import ArgumentError, DTypeError, GradError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr, compose
from glia.ir.ops.control import stand_in
from glia.tensor.levels import (
    Chosen,
    Level,
    check_floats,
    filled,
    lifted,
    outputs_of,
    released,
    split_aux,
    without_marks,
)
from glia.tensor.node import Node
from glia.tensor.tensor import Tensor, read, wrap
from glia.tensor.trees import TENSOR, flatten, unflatten

#: Depth of the variables that stand for gradients to come: apart from those of loops.
SEEDS = 1 << 17


def pulled(outputs: Sequence[Expr], wrt: Sequence[Expr], seeds: Sequence[Expr]) -> list[Expr]:
    """``Σ seed · ∂output/∂x`` for every x, zeros included."""
    given: dict[Expr, Expr] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        given[output] = build.add(given[output], seed) if output in given else seed
    found = pullback_all(given, wrt)
    return [
        build.full(x.shape, 0, x.dtype) if g is None else g for x, g in zip(wrt, found, strict=True)
    ]


def _gradients(*parts: Any) -> tuple[Expr, ...]:
    output, *wrt, level = parts
    found = pulled([output], wrt, [build.full(output.shape, 1, output.dtype)])
    return without_marks([output, *found], level)


def value_and_grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """``x ↦ (f(x), ∇f(x))`` for a function f that gives one number.

    Args:
        func: gives a tensor of one element; its arguments may be tensors, or tuples, lists and
            dicts of them, nested.
        argnums: by which positional argument to differentiate, or a tuple of several.
        has_aux: ``func`` returns ``(result, aux)``; ``aux`` is handed on.

    Returns:
        A function of the same arguments that gives ``(value, gradients)``, or ``((value, aux),
        gradients)``. Gradients are built as the arguments are.

    Raises:
        GradError: the result is not one floating-point number.
        DTypeError: the arguments to differentiate by are no floating-point tensors.
        ArgumentError: ``argnums`` names no argument.

    Example:
        >>> import glia as gl
        >>> value_and_grad(lambda w, x: (w * x).sum())(gl.tensor([1.0, 2.0]), gl.tensor([3.0, 4.0]))
        (tensor(11.), tensor([3., 4.]))

    Source: Bradbury et al., "JAX: composable transformations of Python+NumPy programs" (2018).
    """

    @wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        chosen = Chosen("grad", argnums, args)
        with Level() as level:
            marks = level.marked(chosen.tensors)
            result, aux = split_aux("grad", func(*chosen.with_(marks), **kwargs), has_aux)
            output = _scalar(lifted(result))
            beside, structure = flatten(aux)
            (expr, *wrt), hold, _ = read((output, *marks))
            exprs = compose(_gradients, (expr, *wrt), (level.number,))
            others = level.unmarked(beside)
        value, *found = released(exprs, hold)
        gradients = chosen.built(found)
        if not has_aux:
            return value, gradients
        return (value, unflatten(structure, released(*others))), gradients

    return transformed


def _scalar(result: Any) -> Tensor:
    if not isinstance(result, Tensor) or result.numel() != 1:
        found = f"{result.shape}" if isinstance(result, Tensor) else type(result).__name__
        what = tr(
            f"grad: the function must return a tensor of one element, found {found}.",
            f"grad：函数应返回只有一个元素的张量，得到 {found}。",
        )
        help = tr("reduce it (.sum(), .mean()), or use jacrev", "请先求和或平均，或使用 jacrev")
        raise GradError(teach(what, help))
    if result.dtype.kind != "float":
        what = tr(
            f"grad: expected a floating-point result, found {result.dtype.name}.",
            f"grad：结果应为浮点数，得到 {result.dtype.name}。",
        )
        raise GradError(teach(what, tr("compute with floats", "请用浮点数计算")))
    return result


def grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """``x ↦ ∇f(x)`` for a function f that gives one number.

    Args:
        func: gives a tensor of one element.
        argnums: by which positional argument to differentiate, or a tuple of several.
        has_aux: ``func`` returns ``(result, aux)``; the gradient function then gives
            ``(gradients, aux)``.

    Returns:
        A function of the same arguments that gives the gradients, built as the arguments are.

    Raises:
        GradError: the result is not one floating-point number.
        DTypeError: the arguments to differentiate by are no floating-point tensors.
        ArgumentError: ``argnums`` names no argument.

    Example:
        >>> import glia as gl
        >>> cube = lambda x: x**3
        >>> grad(cube)(gl.tensor(2.0)), grad(grad(cube))(gl.tensor(2.0))
        (tensor(12.), tensor(12.))

    Source: as :func:`value_and_grad`.
    """
    both = value_and_grad(func, argnums, has_aux)

    @wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        value, gradients = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return transformed


def _pulled_back(*parts: Any) -> tuple[Expr, ...]:
    """The outputs, and the gradients as a template over variables that stand for theirs."""
    *exprs, count, level = parts
    outputs, wrt = exprs[:count], exprs[count:]
    floats = [x for x in outputs if x.dtype.is_inexact]
    return without_marks([*outputs, *pulled(floats, wrt, seeds_of(outputs))], level)


def seeds_of(outputs: Sequence[Expr]) -> list[Expr]:
    """The variables of a template of gradients, for the outputs that are floats."""
    floats = [x for x in outputs if x.dtype.is_inexact]
    return [stand_in(SEEDS, i, x.shape, x.dtype) for i, x in enumerate(floats)]


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``f(x)``, and the function ``ȳ ↦ ȳ · ∂f/∂x`` (reverse mode).

    Args:
        func: a function of tensors, or trees of them, that gives such.
        primals: its arguments.
        has_aux: ``func`` returns ``(result, aux)``.

    Returns:
        ``(f(x), pull)``, with ``aux`` third if there is one. ``pull`` takes gradients built as
        f(x) is and gives those of the arguments: a tuple if there are several.

    Raises:
        DTypeError: arguments that are no floating-point tensors.
        ArgumentError, ShapeError: by ``pull``, for gradients that do not fit the result.

    Example:
        >>> import glia as gl
        >>> y, pull = vjp(lambda x: x * x, gl.tensor([1.0, 2.0]))
        >>> y, pull(gl.tensor([1.0, 10.0]))
        (tensor([1., 4.]), tensor([ 2., 40.]))

    Source: Griewank, Walther, "Evaluating Derivatives" (2008), chapter 3.
    """
    chosen = Chosen("vjp", tuple(range(len(primals))), primals)
    chosen.single = len(primals) == 1
    with Level() as level:
        marks = level.marked(chosen.tensors)
        result, aux = split_aux("vjp", func(*chosen.with_(marks)), has_aux)
        outputs, structure = outputs_of("vjp", result)
        beside, built = flatten(aux)
        exprs, hold, _ = read((*outputs, *marks))
        found = compose(_pulled_back, exprs, (len(outputs), level.number))
        others = level.unmarked(beside)
    values = released(found[: len(outputs)], hold)
    templates = [wrap(Node(expr, hold, False)) for expr in found[len(outputs) :]]
    variables = seeds_of([value._node.expr for value in values])

    def pull(cotangents: Any) -> Any:
        tensors, given = flatten(cotangents, lifted)
        _check_like("vjp", given, structure, tensors, values)
        chosen_seeds = [t for t, v in zip(tensors, values, strict=True) if v.dtype.is_inexact]
        parts = filled(templates, dict(zip(variables, chosen_seeds, strict=True)))
        return chosen.built(parts)

    result = unflatten(structure, values)
    return (result, pull, unflatten(built, released(*others))) if has_aux else (result, pull)


def _check_like(
    name: str, built: Any, structure: Any, tensors: Sequence[Tensor], like: Sequence[Tensor]
) -> None:
    """Tangents and gradients are built as what they belong to."""
    if built != structure:
        from glia.tensor.scan import shown

        what = tr(
            f"{name}: expected {shown(structure)}, found {shown(built)}.",
            f"{name}：应为 {shown(structure)}，得到 {shown(built)}。",
        )
        help = tr("give one tensor for each, nested alike", "请为每个张量各给一个，嵌套方式相同")
        raise ArgumentError(teach(what, help))
    for tensor, wanted in zip(tensors, like, strict=True):
        if tensor.shape != wanted.shape:
            what = tr(
                f"{name}: expected shape {wanted.shape}, got {tensor.shape}.",
                f"{name}：形状应为 {wanted.shape}，得到 {tensor.shape}。",
            )
            raise ShapeError(teach(what, tr("reshape or expand it", "请用 reshape 或 expand")))
        if tensor.dtype is not wanted.dtype:
            what = tr(
                f"{name}: expected {wanted.dtype.name}, got {tensor.dtype.name}.",
                f"{name}：类型应为 {wanted.dtype.name}，得到 {tensor.dtype.name}。",
            )
            help = tr(f"convert it: .to(gl.{wanted.dtype.name})", "请用 .to(dtype) 转换")
            raise DTypeError(teach(what, help))


def _pushed(*parts: Any) -> tuple[Expr, ...]:
    """The outputs, and their tangents."""
    *exprs, count, level = parts
    outputs, rest = exprs[:count], exprs[count:]
    half = len(rest) // 2
    tangents = dict(zip(rest[:half], rest[half:], strict=True))
    values, found = pushforward(outputs, tangents)
    dots = [
        build.full(x.shape, 0, x.dtype) if dot is None else dot
        for x, dot in zip(outputs, found, strict=True)
    ]
    return without_marks([*(x for x in values if x is not None), *dots], level)


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, has_aux: bool = False
) -> tuple[Any, ...]:
    """``f(x)`` and ``∂f/∂x · ẋ`` (forward mode), in one pass.

    Args:
        func: a function of tensors, or trees of them, that gives such.
        primals: a tuple of its arguments.
        tangents: a tuple of directions, built as ``primals`` is.
        has_aux: ``func`` returns ``(result, aux)``.

    Returns:
        ``(f(x), tangent)``, with ``aux`` third if there is one.

    Raises:
        ArgumentError, ShapeError, DTypeError: tangents that do not fit the primals.
        GradError: a part of the function has no forward mode.

    Example:
        >>> import glia as gl
        >>> x, v = gl.tensor([1.0, 2.0]), gl.tensor([1.0, 0.0])
        >>> jvp(lambda x: x * x, (x,), (v,))
        (tensor([1., 4.]), tensor([2., 0.]))

    Source: Griewank, Walther, "Evaluating Derivatives" (2008), chapter 3.
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        what = tr(
            "jvp: expected primals and tangents as tuples.", "jvp：primals 与 tangents 应为元组。"
        )
        raise ArgumentError(teach(what, "gl.jvp(f, (x,), (v,))"))
    before, structure = flatten(tuple(primals), lifted)
    directions, built = flatten(tuple(tangents), lifted)
    check_floats("jvp", before)
    _check_like("jvp", built, structure, directions, before)
    with Level() as level:
        marks = level.marked(before)
        result, aux = split_aux("jvp", func(*unflatten(structure, marks)), has_aux)
        outputs, shape = outputs_of("jvp", result)
        beside, beside_built = flatten(aux)
        exprs, hold, _ = read((*outputs, *marks, *directions))
        found = compose(_pushed, exprs, (len(outputs), level.number))
        others = level.unmarked(beside)
    parts = released(found, hold)
    values = unflatten(shape, parts[: len(outputs)])
    dots = unflatten(shape, parts[len(outputs) :])
    return (values, dots, unflatten(beside_built, released(*others))) if has_aux else (values, dots)


def stop_gradient(tree: Any) -> Any:
    """The same tensors, constant for derivatives: ``detach()`` throughout a tree.

    Example:
        >>> import glia as gl
        >>> grad(lambda x: x * stop_gradient(x))(gl.tensor(3.0))
        tensor(3.)
    """
    tensors, structure = flatten(tree)
    if structure is TENSOR:
        return tensors[0].detach()
    return unflatten(structure, [tensor.detach() for tensor in tensors])

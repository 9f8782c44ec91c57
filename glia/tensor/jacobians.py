"""All derivatives of a function at once: Jacobians, Hessians, and products with them.

A Jacobian is one pullback (or pushforward) computed for all unit vectors together, as ``vmap``
does it: what does not depend on the vector is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from glia.autodiff.forward import pushforward
from glia.base.dtypes import DType
from glia.base.shapes import Shape, numel
from glia.ir import build
from glia.ir.batch import batched
from glia.ir.expr import Expr, compose
from glia.ir.ops.control import stand_in
from glia.ir.ops.source import iota
from glia.ir.ops.view import permute, reshape
from glia.tensor.levels import (
    Chosen,
    Level,
    check_floats,
    outputs_of,
    released,
    split_aux,
    without_marks,
)
from glia.tensor.tensor import read
from glia.tensor.transforms import SEEDS, jvp, pulled, value_and_grad
from glia.tensor.trees import flatten, unflatten


def units(shape: Shape, dtype: DType) -> Expr:
    """All unit vectors of a space, stacked; nothing is stored."""
    count = numel(shape)
    rows, columns = reshape(iota(count), (count, 1)), reshape(iota(count), (1, count))
    return reshape(build.cast(build.eq(rows, columns), dtype), (count, *shape))


def _rows(*parts: Any) -> tuple[Expr, ...]:
    """``∂y/∂x`` for every output and x, from pullbacks; the outputs themselves first."""
    *exprs, count, level = parts
    outputs, wrt = exprs[:count], exprs[count:]
    found = list(outputs)
    for y in outputs:
        seed = stand_in(SEEDS, 0, y.shape, y.dtype)
        for x, g in zip(wrt, pulled([y], wrt, [seed]), strict=True):
            if y.numel:
                g = batched(g, {seed: units(y.shape, y.dtype)}, y.numel)
                found.append(reshape(g, (*y.shape, *x.shape)))
            else:
                found.append(build.full((*y.shape, *x.shape), 0, x.dtype))
    return without_marks(found, level)


def _columns(*parts: Any) -> tuple[Expr, ...]:
    """The same from pushforwards."""
    *exprs, count, level = parts
    outputs, wrt = exprs[:count], exprs[count:]
    by_x = []
    for x in wrt:
        direction = stand_in(SEEDS, 0, x.shape, x.dtype)
        _, dots = pushforward(outputs, {x: direction})
        column = []
        for y, dot in zip(outputs, dots, strict=True):
            whole = (*y.shape, *x.shape)
            if dot is None or not x.numel:
                column.append(build.full(whole, 0, y.dtype))
                continue
            stack = batched(dot, {direction: units(x.shape, x.dtype)}, x.numel)
            last = permute(stack, (*range(1, stack.ndim), 0))
            column.append(reshape(last, whole))
        by_x.append(column)
    found = [*outputs, *(column[i] for i in range(count) for column in by_x)]
    return without_marks(found, level)


def _smaller(*parts: Any) -> tuple[Expr, ...]:
    """From pushforwards where there are fewer inputs than outputs, else from pullbacks."""
    *exprs, count, _level = parts
    outputs = sum(x.numel for x in exprs[:count])
    inputs = sum(x.numel for x in exprs[count:])
    return _columns(*parts) if inputs < outputs else _rows(*parts)


def _jacobian(
    name: str, way: Callable[..., Any], func: Any, argnums: Any, has_aux: bool
) -> Callable[..., Any]:
    @wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        chosen = Chosen(name, argnums, args)
        with Level() as level:
            marks = level.marked(chosen.tensors)
            result, aux = split_aux(name, func(*chosen.with_(marks), **kwargs), has_aux)
            outputs, structure = outputs_of(name, result)
            check_floats(name, outputs)
            beside, built = flatten(aux)
            exprs, hold, _ = read((*outputs, *marks))
            found = compose(way, exprs, (len(outputs), level.number))
            others = level.unmarked(beside)
        parts = released(found[len(outputs) :], hold)
        each = len(marks)
        trees = [chosen.built(parts[i * each : (i + 1) * each]) for i in range(len(outputs))]
        jacobians = unflatten(structure, trees)
        return (jacobians, unflatten(built, released(*others))) if has_aux else jacobians

    return transformed


def jacrev(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """``x ↦ ∂f/∂x`` from pullbacks of all unit vectors: suits few results.

    Args:
        func: a function of tensors, or trees of them, that gives such.
        argnums: by which positional argument to differentiate, or a tuple of several.
        has_aux: ``func`` returns ``(result, aux)``; then so does the Jacobian.

    Returns:
        A function of the same arguments. For every tensor of the result it gives, built as the
        arguments are, tensors of shape (*result, *argument).

    Raises:
        DTypeError, ArgumentError: as :func:`glia.grad`.

    Example:
        >>> import glia as gl
        >>> jacrev(lambda x: x * x.sum())(gl.tensor([1.0, 2.0]))
        tensor([[4., 1.],
                [2., 5.]])

    Source: Griewank, Walther, "Evaluating Derivatives" (2008), chapter 3.
    """
    return _jacobian("jacrev", _rows, func, argnums, has_aux)


def jacfwd(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """``x ↦ ∂f/∂x`` from pushforwards of all unit vectors: suits few arguments.

    Arguments and result as for :func:`jacrev`.

    Example:
        >>> import glia as gl
        >>> jacfwd(lambda x: x * x.sum())(gl.tensor([1.0, 2.0]))
        tensor([[4., 1.],
                [2., 5.]])
    """
    return _jacobian("jacfwd", _columns, func, argnums, has_aux)


def jacobian(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """``x ↦ ∂f/∂x``: :func:`jacfwd` where there are fewer inputs than outputs, else ``jacrev``.

    Example:
        >>> import glia as gl
        >>> jacobian(lambda x: gl.stack([x, x * x]))(gl.tensor(3.0))
        tensor([1., 6.])
    """
    return _jacobian("jacobian", _smaller, func, argnums, has_aux)


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """``x ↦ ∂²f/∂x²``: forward mode over reverse mode.

    Returns:
        A function of the same arguments, that gives tensors of shape (*result, *x, *x), nested
        in the arguments' structure twice.

    Example:
        >>> import glia as gl
        >>> hessian(lambda x: (x**3).sum())(gl.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def hvp(func: Callable[..., Any], inputs: Any, v: Any) -> tuple[Any, Any]:
    """``f(x)`` and ``∂²f/∂x² · v`` for a function that gives one number.

    The Hessian is never formed: this costs a small multiple of the gradient.

    Args:
        func: gives a tensor of one element.
        inputs: its argument, or a tuple of its arguments.
        v: a direction, built as ``inputs`` is.

    Example:
        >>> import glia as gl
        >>> x, v = gl.tensor([1.0, 2.0]), gl.tensor([1.0, 1.0])
        >>> hvp(lambda x: (x**3).sum(), x, v)
        (tensor(9.), tensor([ 6., 12.]))

    Source: Pearlmutter, "Fast exact multiplication by the Hessian" (1994).
    """
    single = not isinstance(inputs, tuple)
    primals: Sequence[Any] = (inputs,) if single else inputs
    tangents = (v,) if single else v

    def gradient_and_value(*xs: Any) -> Any:
        value, gradients = value_and_grad(func, tuple(range(len(xs))))(*xs)
        return gradients, value

    _, found, value = jvp(gradient_and_value, tuple(primals), tangents, has_aux=True)
    return value, found[0] if single else found

"""Gradients cut to a size, between ``backward()`` and ``step()``.

Nothing is computed here: the clipped gradients are recorded, and are part of the step's program.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, GradError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.view import broadcast_to, concat, reshape
from glia.tensor.tensor import Tensor, apply, no_grad, to_numpy


@no_grad()
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """``(Σ |x|ᵖ)^(1/p)`` over all elements of all tensors, p = ``norm_type``.

    Args:
        tensors: one or several.
        norm_type: p; ``inf`` for the largest absolute value.
        error_if_nonfinite: look at the norm now, and refuse NaN and infinity.
        foreach: accepted; it changes nothing.

    Raises:
        GradError: the norm is not finite, and ``error_if_nonfinite``.

    Example:
        >>> import glia as gl
        >>> gl.nn.utils.get_total_norm([gl.tensor([3.0]), gl.tensor([4.0])])
        tensor(5.)
    """
    given = _several(tensors)
    if not given:
        return Tensor(np.float32(0.0))
    total = apply(_total, tuple(given), _order(norm_type))
    if error_if_nonfinite and not np.isfinite(to_numpy(total)):
        what = tr(
            f"the gradients' norm of order {norm_type:g} is {total.item()}: nothing to clip to.",
            f"梯度的 {norm_type:g} 阶范数为 {total.item()}，无法裁剪。",
        )
        help = tr("look at the loss, and at the learning rate", "请检查损失和学习率")
        raise GradError(teach(what, help))
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Gradients times ``min(1, max_norm / (total_norm + 10⁻⁶))``.

    Args:
        parameters: whose gradients.
        max_norm: the norm they may have together.
        total_norm: the norm they have, from :func:`get_total_norm`.
        foreach: accepted; it changes nothing.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter([3.0, 4.0])
        >>> (p * p * 0.5).sum().backward()
        >>> clip_grads_with_norm_([p], 1.0, get_total_norm([p.grad]))
        >>> p.grad
        tensor([0.6, 0.8])
    """
    for p in _several(parameters):
        if p.grad is not None:
            p.grad = apply(_scaled, (p.grad, total_norm), float(max_norm))


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients by one number so that their norm together is at most ``max_norm``.

    Args:
        parameters: whose gradients.
        max_norm: the norm they may have together.
        norm_type: order of the norm; ``inf`` for the largest absolute value.
        error_if_nonfinite: look at the norm now, and refuse NaN and infinity.
        foreach: accepted; it changes nothing.

    Returns:
        the norm before.

    Raises:
        GradError: the norm is not finite, and ``error_if_nonfinite``.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter([1.0, 2.0])
        >>> (p * gl.tensor([3.0, 4.0])).sum().backward()
        >>> gl.nn.utils.clip_grad_norm_([p], 1.0)
        tensor(5.)
        >>> p.grad
        tensor([0.6, 0.8])

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural
    networks" (2013).
    """
    given = _several(parameters)
    if not given and not isinstance(parameters, list | tuple):
        what = tr(
            "clip_grad_norm_: there are no parameters; a generator can be used only once.",
            "clip_grad_norm_：没有参数；生成器只能使用一次。",
        )
        warnings.warn(what, stacklevel=2)
    grads = [p.grad for p in given if p.grad is not None]
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(given, max_norm, total)
    return total


@no_grad()
def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Cut every element of the gradients to ``[-clip_value, clip_value]``.

    Args:
        parameters: whose gradients.
        clip_value: the largest absolute value.
        foreach: accepted; it changes nothing.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter([1.0, 2.0])
        >>> (p * gl.tensor([3.0, -0.5])).sum().backward()
        >>> gl.nn.utils.clip_grad_value_([p], 1.0)
        >>> p.grad
        tensor([ 1. , -0.5])
    """
    for p in _several(parameters):
        if p.grad is not None:
            p.grad = apply(_cut, (p.grad,), float(clip_value))


def _several(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _order(norm_type: Any) -> float:
    order = float(norm_type)
    if math.isnan(order):
        what = tr("the order of a norm is NaN.", "范数的阶为 NaN。")
        raise ArgumentError(teach(what, "norm_type=2.0"))
    return order


def _total(*arguments: Any) -> Expr:
    """The norm of the norms, as PyTorch takes it."""
    *xs, order = arguments
    norms = [reshape(_norm(x, order), (1,)) for x in xs]
    widest = max(norms, key=lambda norm: norm.dtype.itemsize).dtype
    return _norm(concat([build.cast(norm, widest) for norm in norms], 0), order)


def _norm(x: Expr, order: float) -> Expr:
    if order == 2.0:
        return build.sqrt(build.sum_(build.mul(x, x)))
    sizes = build.abs_(x)
    if math.isinf(order):
        return build.amax(sizes) if order > 0 else build.amin(sizes)
    if order == 0.0:
        return build.sum_(build.cast(build.ne(x, 0.0), x.dtype))
    return build.power(build.sum_(build.power(sizes, order)), 1.0 / order)


def _scaled(g: Expr, total: Expr, most: float) -> Expr:
    factor = build.minimum(build.div(most, build.add(total, 1e-6)), 1.0)
    return build.mul(g, broadcast_to(build.cast(factor, g.dtype), g.shape))


def _cut(g: Expr, most: float) -> Expr:
    return build.minimum(build.maximum(g, -most), most)

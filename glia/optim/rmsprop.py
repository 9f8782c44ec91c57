"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from glia.ir import build
from glia.ir.expr import Expr
from glia.optim.optimizer import Group, Optimizer, check_range
from glia.optim.parts import Parts, as_dtype_of, counted


class RMSprop(Optimizer):
    """``v ← α v + (1 - α) g²;  p ← p - lr g / (√v + ε)``.

    Args:
        params: what to optimise.
        lr: learning rate.
        alpha: α.
        eps: ε.
        weight_decay: λ of the L2 penalty.
        momentum: μ: ``b ← μ b + g / (√v + ε);  p ← p - lr b``.
        centered: subtract the squared mean gradient from v.
        maximize: climb instead of descend.

    Source: Hinton, "Neural networks for machine learning", lecture 6e (2012); Graves (2013) for
    the centred form.
    """

    scalars = ("lr", "alpha", "eps", "weight_decay", "momentum")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in self.scalars:
            check_range(name, group[name])

    def _names(self, group: Group) -> tuple[str, ...]:
        extra = ("momentum_buffer",) if group["momentum"] != 0 else ()
        return ("square_avg", *extra, *(("grad_avg",) if group["centered"] else ()))

    def _flags(self, group: Group) -> tuple[bool, ...]:
        names = ("momentum", "centered", "weight_decay", "maximize")
        return tuple([bool(group[name]) for name in names])


def _rmsprop(*arguments: Any) -> tuple[Expr, ...]:
    """New parameters, averages and momentum buffers."""
    parts = Parts(arguments, 5, lambda flags: 1 + flags[0] + flags[1])
    lr, alpha, eps, decay, mu = parts.scalars
    momentum, centered, has_decay, maximize = parts.flags
    for i, (p, g) in enumerate(zip(parts.params, parts.grads, strict=True)):
        g = build.neg(g) if maximize else g
        if has_decay:
            g = build.add(g, build.mul(p, as_dtype_of(p, decay)))
        fresh = as_dtype_of(p, build.sub(1.0, alpha))
        square = build.mul(build.mul(g, g), fresh)
        v = build.add(build.mul(parts.state[0][i], as_dtype_of(p, alpha)), square)
        parts.new_state[0].append(v)
        if centered:
            mean = parts.state[-1][i]
            mean = build.add(mean, build.mul(build.sub(g, mean), fresh))
            parts.new_state[-1].append(mean)
            v = build.sub(v, build.mul(mean, mean))
        step = build.div(g, build.add(build.sqrt(v), as_dtype_of(p, eps)))
        if momentum:
            step = build.add(build.mul(parts.state[1][i], as_dtype_of(p, mu)), step)
            parts.new_state[1].append(step)
        parts.new_params.append(build.sub(p, build.mul(step, as_dtype_of(p, lr))))
    return parts.results(counted)


RMSprop._update = staticmethod(_rmsprop)

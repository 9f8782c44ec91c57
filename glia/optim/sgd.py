"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.view import broadcast_to
from glia.optim.optimizer import Group, Optimizer, check_range
from glia.optim.parts import Parts, as_dtype_of, counted


class SGD(Optimizer):
    """``g ← ∇ + λ p;  b ← μ b + (1 - τ) g;  p ← p - lr b`` (Nesterov: ``p - lr (g + μ b)``).

    The first step sets b = g. Without momentum b is g.

    Args:
        params: what to optimise.
        lr: learning rate.
        momentum: μ.
        dampening: τ.
        weight_decay: λ, the L2 penalty.
        nesterov: look ahead along the momentum.
        maximize: climb instead of descend.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.SGD([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.8

    Source: Sutskever et al., "On the importance of initialization and momentum in deep
    learning" (2013); the formula is PyTorch's.
    """

    scalars = ("lr", "momentum", "dampening", "weight_decay")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in ("lr", "momentum", "weight_decay"):
            check_range(name, group[name])
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            what = tr(
                "SGD: nesterov needs momentum > 0 and dampening = 0.",
                "SGD：nesterov 要求 momentum > 0 且 dampening = 0。",
            )
            raise ArgumentError(teach(what))

    def _counting(self, group: Group) -> bool:
        return group["momentum"] != 0 and group["dampening"] != 0

    def _names(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _flags(self, group: Group) -> tuple[bool, ...]:
        names = ("momentum", "weight_decay", "dampening", "nesterov", "maximize")
        return tuple([bool(group[name]) for name in names])


def _sgd(*arguments: Any) -> tuple[Expr, ...]:
    """New parameters, momentum buffers and step counters."""
    parts = Parts(arguments, 4, lambda flags: 1 if flags[0] else 0)
    lr, mu, dampening, decay = parts.scalars
    momentum, has_decay, dampened, nesterov, maximize = parts.flags
    for i, (p, g) in enumerate(zip(parts.params, parts.grads, strict=True)):
        g = build.neg(g) if maximize else g
        if has_decay:
            g = build.add(g, build.mul(p, as_dtype_of(p, decay)))
        direction = g
        if momentum:
            old = parts.state[0][i]
            kept = build.mul(old, as_dtype_of(p, mu))
            if dampened:
                rest = build.sub(1.0, dampening)
                later = build.add(kept, build.mul(g, as_dtype_of(p, rest)))
                first = build.eq(parts.step_of(i), 0.0)
                b = build.where(broadcast_to(first, p.shape), g, later)
            else:
                b = build.add(kept, g)
            parts.new_state[0].append(b)
            direction = build.add(g, build.mul(b, as_dtype_of(p, mu))) if nesterov else b
        parts.new_params.append(build.sub(p, build.mul(direction, as_dtype_of(p, lr))))
    return parts.results(counted)


SGD._update = staticmethod(_sgd)

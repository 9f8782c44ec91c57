"""Stochastic gradient descent: with momentum, and averaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from glia.base.dtypes import float32, float64
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.view import broadcast_to
from glia.optim.optimizer import Group, Optimizer, check_range
from glia.optim.parts import One


def _sgd(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`SGD`."""
    lr, mu, dampening = one.numbers("lr", "momentum", "dampening")
    direction = g = one.g
    if one.flags["momentum"]:
        b = one.scaled(one.state["momentum_buffer"], mu)
        if one.flags["dampening"]:
            later = build.add(b, one.scaled(g, build.sub(1.0, dampening)))
            b = build.where(broadcast_to(build.eq(one.t, 1.0), g.shape), g, later)
        else:
            b = build.add(b, g)
        one.state["momentum_buffer"] = b
        direction = build.add(g, one.scaled(b, mu)) if one.flags["nesterov"] else b
    return build.sub(one.p, one.scaled(direction, lr))


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
        foreach, fused: accepted; every step is one compiled program.
        differentiable: must be False.

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
    flags = ("momentum", "dampening", "nesterov", "maximize")
    formula = staticmethod(_sgd)

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
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
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

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _shared(self, group: Group, state: Mapping[str, Any]) -> dict[str, float]:
        if group["momentum"] == 0 or group["dampening"] == 0:
            return {}
        # a buffer without a counter (PyTorch keeps none) is not at its first step
        return {"step": 1.0 if "momentum_buffer" in state else 0.0}


def _asgd(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`ASGD`."""
    lr, lambd, alpha, t0 = one.numbers("lr", "lambd", "alpha", "t0")
    eta, mu = build.cast(one.shared["eta"], float64), build.cast(one.shared["mu"], float64)
    p = one.scaled(one.p, build.sub(1.0, build.mul(lambd, eta)))
    p = build.sub(p, one.scaled(one.g, eta))
    moved = build.add(one.state["ax"], one.scaled(build.sub(p, one.state["ax"]), mu))
    one.state["ax"] = build.where(broadcast_to(build.eq(mu, 1.0), p.shape), p, moved)
    growth = build.add(1.0, build.mul(build.mul(lambd, lr), one.t))
    one.shared["eta"] = build.cast(build.div(lr, build.power(growth, alpha)), float32)
    share = build.div(1.0, build.maximum(1.0, build.sub(one.t, t0)))
    one.shared["mu"] = build.cast(share, float32)
    return p


class ASGD(Optimizer):
    """``p ← (1 - λ η) p - η g;  a ← a + μ (p - a)``, then ``η ← lr / (1 + λ lr t)^α``.

    ``μ = 1 / max(1, t - t₀)``. The average a of the later parameters is the result:
    ``opt.state[p]["ax"]``.

    Args:
        params: what to optimise.
        lr: learning rate, the first η.
        lambd: λ.
        alpha: α.
        t0: t₀, the step after which the average is taken.
        weight_decay: of the L2 penalty.
        foreach, capturable: accepted; every step is one compiled program.
        maximize: climb instead of descend.
        differentiable: must be False.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.ASGD([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.79999

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
    """

    scalars = ("lr", "lambd", "alpha", "t0", "weight_decay")
    formula = staticmethod(_asgd)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in ("lr", "weight_decay"):
            check_range(name, group[name])

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("ax",)

    def _shared(self, group: Group, state: Mapping[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "eta": float(group["lr"]), "mu": 1.0}

"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from glia.ir import build
from glia.ir.expr import Expr
from glia.optim.optimizer import Group, Optimizer, check_range
from glia.optim.parts import One


def _rmsprop(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`RMSprop`."""
    lr, alpha, eps, mu = one.numbers("lr", "alpha", "eps", "momentum")
    v = one.square("square_avg", alpha)
    if one.flags["centered"]:
        mean = one.mean("grad_avg", one.g, build.sub(1.0, alpha))
        v = build.sub(v, build.mul(mean, mean))
    step = build.div(one.g, build.add(build.sqrt(v), one.fit(eps)))
    if one.flags["momentum"]:
        step = build.add(one.scaled(one.state["momentum_buffer"], mu), step)
        one.state["momentum_buffer"] = step
    return build.sub(one.p, one.scaled(step, lr))


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
        foreach, capturable: accepted; every step is one compiled program.
        maximize: climb instead of descend.
        differentiable: must be False.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.RMSprop([p])
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.9

    Source: Hinton, "Neural networks for machine learning", lecture 6e (2012); Graves (2013) for
    the centred form.
    """

    scalars = ("lr", "alpha", "eps", "weight_decay", "momentum")
    flags = ("momentum", "centered", "maximize")
    formula = staticmethod(_rmsprop)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in self.scalars:
            check_range(name, group[name])

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        extra = ("momentum_buffer",) if group["momentum"] != 0 else ()
        return ("square_avg", *extra, *(("grad_avg",) if group["centered"] else ()))

"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from glia.ir import build
from glia.ir.expr import Expr
from glia.optim.optimizer import Group, Optimizer, check_betas, check_range
from glia.optim.parts import One


def _adam(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`Adam`."""
    lr, beta1, beta2, eps = one.numbers("lr", "betas0", "betas1", "eps")
    p = one.shrunk()
    m = one.mean("exp_avg", one.g, build.sub(1.0, beta1))
    v = one.square("exp_avg_sq", beta2)
    if one.flags["amsgrad"]:
        v = one.state["max_exp_avg_sq"] = build.maximum(one.state["max_exp_avg_sq"], v)
    size = build.div(lr, build.sub(1.0, build.power(beta1, one.t)))
    root = build.sqrt(build.sub(1.0, build.power(beta2, one.t)))
    bottom = build.add(build.div(build.sqrt(v), one.fit(root)), one.fit(eps))
    return build.sub(p, one.scaled(build.div(m, bottom), size))


class Adam(Optimizer):
    """``m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²;  p ← p - lr m̂ / (√v̂ + ε)``.

    ``m̂ = m / (1 - β₁ᵗ)`` and ``v̂ = v / (1 - β₂ᵗ)`` correct for the start at 0, in float64.

    Args:
        params: what to optimise.
        lr: learning rate.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ of the L2 penalty: g + λ p takes the place of g.
        amsgrad: divide by the largest v̂ so far.
        foreach, capturable, fused: accepted; every step is one compiled program.
        maximize: climb instead of descend.
        differentiable: must be False.
        decoupled_weight_decay: decay as AdamW does.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.Adam([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.9

    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015); Reddi et al.,
    "On the convergence of Adam and beyond" (2018) for amsgrad.
    """

    scalars = ("lr", "betas", "eps", "weight_decay")
    flags = ("amsgrad", "maximize")
    formula = staticmethod(_adam)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay"):
            check_range(name, group[name])
        check_betas(type(self).__name__, group["betas"])

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        extra = ("max_exp_avg_sq",) if group["amsgrad"] else ()
        return ("exp_avg", "exp_avg_sq", *extra)


class AdamW(Adam):
    """Adam with decoupled weight decay: first ``p ← (1 - lr λ) p``, then Adam's step.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.AdamW([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.899

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

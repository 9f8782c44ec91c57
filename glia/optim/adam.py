"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr
from glia.optim.optimizer import Group, Optimizer, check_range
from glia.optim.parts import Parts, as_dtype_of, counted, exact


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
        maximize: climb instead of descend.

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
    decoupled = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay"):
            check_range(name, group[name])
        betas = group["betas"]
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            what = tr(
                f"Adam: expected betas to be two numbers, found {betas!r}.",
                f"Adam：betas 应为两个数，得到 {betas!r}。",
            )
            raise ArgumentError(teach(what, "betas=(0.9, 0.999)"))
        for i, beta in enumerate(betas):
            check_range(f"betas[{i}]", beta, 0.0, 1.0)

    def _counting(self, group: Group) -> bool:
        return True

    def _names(self, group: Group) -> tuple[str, ...]:
        extra = ("max_exp_avg_sq",) if group["amsgrad"] else ()
        return ("exp_avg", "exp_avg_sq", *extra)

    def _flags(self, group: Group) -> tuple[bool, ...]:
        names = ("amsgrad", "maximize", "weight_decay")
        return (*[bool(group[name]) for name in names], self.decoupled)


class AdamW(Adam):
    """Adam with decoupled weight decay: first ``p ← (1 - lr λ) p``, then Adam's step.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).
    """

    decoupled = True

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
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


def _adam(*arguments: Any) -> tuple[Expr, ...]:
    """New parameters, moments and step counters."""
    parts = Parts(arguments, 5, lambda flags: 3 if flags[0] else 2)
    lr, beta1, beta2, eps, decay = parts.scalars
    amsgrad, maximize, has_decay, decoupled = parts.flags
    for i, (p, g) in enumerate(zip(parts.params, parts.grads, strict=True)):
        g = build.neg(g) if maximize else g
        if has_decay and decoupled:
            shrink = build.sub(1.0, build.mul(lr, decay))
            p = build.mul(p, as_dtype_of(p, shrink))
        elif has_decay:
            g = build.add(g, build.mul(p, as_dtype_of(p, decay)))
        m, v = parts.state[0][i], parts.state[1][i]
        fresh1, fresh2 = build.sub(1.0, beta1), build.sub(1.0, beta2)
        m = build.add(m, build.mul(build.sub(g, m), as_dtype_of(p, fresh1)))
        square = build.mul(build.mul(g, g), as_dtype_of(p, fresh2))
        v = build.add(build.mul(v, as_dtype_of(p, beta2)), square)
        parts.new_state[0].append(m)
        parts.new_state[1].append(v)
        if amsgrad:
            v = build.maximum(parts.state[2][i], v)
            parts.new_state[2].append(v)
        t = build.add(exact(parts.step_of(i)), 1.0)
        size = build.div(lr, build.sub(1.0, build.power(beta1, t)))
        root = build.sqrt(build.sub(1.0, build.power(beta2, t)))
        bottom = build.div(build.sqrt(v), as_dtype_of(p, root))
        bottom = build.add(bottom, as_dtype_of(p, eps))
        step = build.mul(build.div(m, bottom), as_dtype_of(p, size))
        parts.new_params.append(build.sub(p, step))
    return parts.results(counted)


Adam._update = staticmethod(_adam)

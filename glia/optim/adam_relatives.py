"""Relatives of Adam: NAdam, RAdam, Adamax; and why there is no SparseAdam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from glia.base.dtypes import float32, float64
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.view import broadcast_to
from glia.optim.optimizer import Group, Optimizer, check_betas, check_range
from glia.optim.parts import One


class _Relative(Optimizer):
    """What they have in common: two betas, and a mean and a size of the gradients."""

    scalars: tuple[str, ...] = ("lr", "betas", "eps", "weight_decay")

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in self.scalars:
            if name != "betas":
                check_range(name, group[name])
        check_betas(type(self).__name__, group["betas"])

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")


def _nadam(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`NAdam`."""
    lr, beta1, beta2, eps = one.numbers("lr", "betas0", "betas1", "eps")
    (slowness,) = one.numbers("momentum_decay")

    def momentum(t: Expr) -> Expr:
        fading = build.power(0.96, build.mul(t, slowness))
        return build.mul(beta1, build.sub(1.0, build.mul(fading, 0.5)))

    mu, following = momentum(one.t), momentum(build.add(one.t, 1.0))
    one.shared["mu_product"] = build.mul(one.shared["mu_product"], build.cast(mu, float32))
    product = build.cast(one.shared["mu_product"], float64)
    p = one.shrunk()
    m = one.mean("exp_avg", one.g, build.sub(1.0, beta1))
    v = one.square("exp_avg_sq", beta2)
    correction = build.sub(1.0, build.power(beta2, one.t))
    bottom = build.add(build.sqrt(build.div(v, one.fit(correction))), one.fit(eps))
    now = build.div(build.mul(lr, build.sub(1.0, mu)), build.sub(1.0, product))
    ahead = build.div(build.mul(lr, following), build.sub(1.0, build.mul(product, following)))
    top = build.add(one.scaled(one.g, now), one.scaled(m, ahead))
    return build.sub(p, build.div(top, bottom))


class NAdam(_Relative):
    """Adam with Nesterov's look ahead: ``p ← p - lr (μₜ₊₁ m̂ + (1 - μₜ) ĝ) / (√v̂ + ε)``.

    ``μₜ = β₁ (1 - 0.96^(t ψ) / 2)``, ``m̂ = m / (1 - Πμ μₜ₊₁)``, ``ĝ = g / (1 - Πμ)``.

    Args:
        params: what to optimise.
        lr: learning rate.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ of the L2 penalty, or of AdamW's decay.
        momentum_decay: ψ.
        decoupled_weight_decay: decay as AdamW does.
        foreach, capturable: accepted; every step is one compiled program.
        maximize: climb instead of descend.
        differentiable: must be False.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.NAdam([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.894355

    Source: Dozat, "Incorporating Nesterov momentum into Adam" (2016).
    """

    scalars = ("lr", "betas", "eps", "weight_decay", "momentum_decay")
    formula = staticmethod(_nadam)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _shared(self, group: Group, state: Mapping[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "mu_product": 1.0}


def _radam(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`RAdam`."""
    lr, beta1, beta2, eps = one.numbers("lr", "betas0", "betas1", "eps")
    p = one.shrunk()
    m = one.mean("exp_avg", one.g, build.sub(1.0, beta1))
    v = one.square("exp_avg_sq", beta2)
    power = build.power(beta2, one.t)
    rest = build.sub(1.0, power)
    limit = build.sub(build.div(2.0, build.sub(1.0, beta2)), 1.0)
    length = build.sub(limit, build.div(build.mul(build.mul(one.t, 2.0), power), rest))
    top = build.mul(build.mul(build.sub(length, 4.0), build.sub(length, 2.0)), limit)
    low = build.mul(build.mul(build.sub(limit, 4.0), build.sub(limit, 2.0)), length)
    enough = build.lt(build.const(5.0, float64), length)
    factor = build.sqrt(build.mul(build.where(enough, build.div(top, low), 1.0), rest))
    adapted = build.div(one.fit(factor), build.add(build.sqrt(v), one.fit(eps)))
    # too few steps to know the variance: a step of plain momentum
    rate = build.where(broadcast_to(enough, p.shape), adapted, 1.0)
    size = build.div(lr, build.sub(1.0, build.power(beta1, one.t)))
    return build.sub(p, build.mul(one.scaled(m, size), rate))


class RAdam(_Relative):
    """Adam that waits until the variance is known: ``p ← p - lr m̂ r √(1 - β₂ᵗ) / (√v + ε)``.

    ``r² = (ρₜ - 4)(ρₜ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρₜ)`` where ``ρ∞ = 2 / (1 - β₂) - 1`` and
    ``ρₜ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ)``; while ``ρₜ ≤ 5`` the step is ``lr m̂``.

    Args:
        params: what to optimise.
        lr: learning rate.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ of the L2 penalty, or of AdamW's decay.
        decoupled_weight_decay: decay as AdamW does.
        foreach, capturable: accepted; every step is one compiled program.
        maximize: climb instead of descend.
        differentiable: must be False.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.RAdam([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.8

    Source: Liu et al., "On the variance of the adaptive learning rate and beyond" (2020).
    """

    formula = staticmethod(_radam)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)


def _adamax(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`Adamax`."""
    lr, beta1, beta2, eps = one.numbers("lr", "betas0", "betas1", "eps")
    m = one.mean("exp_avg", one.g, build.sub(1.0, beta1))
    old = one.scaled(one.state["exp_inf"], beta2)
    top = build.maximum(old, build.add(build.abs_(one.g), one.fit(eps)))
    one.state["exp_inf"] = top
    size = build.div(lr, build.sub(1.0, build.power(beta1, one.t)))
    return build.sub(one.p, one.scaled(build.div(m, top), size))


class Adamax(_Relative):
    """Adam with the largest gradient for its size: ``u ← max(β₂ u, |g| + ε);  p ← p - lr m̂ / u``.

    Args:
        params: what to optimise.
        lr: learning rate.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ of the L2 penalty.
        foreach, capturable: accepted; every step is one compiled program.
        maximize: climb instead of descend.
        differentiable: must be False.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.Adamax([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.9

    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), section 7.1.
    """

    formula = staticmethod(_adamax)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")


class SparseAdam(Optimizer):
    """Refused: it is for sparse gradients, and gradients here are dense.

    Raises:
        ArgumentError: always.

    Example:
        >>> from glia import Parameter
        >>> SparseAdam([Parameter([1.0])])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        glia.base.errors.ArgumentError: SparseAdam updates only the rows ...
    """

    def __init__(self, params: Iterable[Any], *_options: Any, **_more: Any) -> None:
        what = tr(
            "SparseAdam updates only the rows that sparse gradients name; gradients here are "
            "dense, so that every row would be updated.",
            "SparseAdam 只更新稀疏梯度涉及的行；这里的梯度都是稠密的，所有行都会被更新。",
        )
        raise ArgumentError(teach(what, tr("use optim.Adam", "请使用 optim.Adam")))

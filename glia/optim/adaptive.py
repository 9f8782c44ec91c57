"""Step sizes from the gradients so far: Adagrad, Adadelta, Rprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr
from glia.optim.optimizer import Group, Optimizer, check_pair, check_range
from glia.optim.parts import One


def _adagrad(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`Adagrad`."""
    lr, lr_decay, eps = one.numbers("lr", "lr_decay", "eps")
    size = build.div(lr, build.add(1.0, build.mul(build.sub(one.t, 1.0), lr_decay)))
    total = build.add(one.state["sum"], build.mul(one.g, one.g))
    one.state["sum"] = total
    step = build.div(one.g, build.add(build.sqrt(total), one.fit(eps)))
    return build.sub(one.p, one.scaled(step, size))


class Adagrad(Optimizer):
    """``s ← s + g²;  p ← p - lr / (1 + (t - 1) η) · g / (√s + ε)``.

    Args:
        params: what to optimise.
        lr: learning rate.
        lr_decay: η.
        weight_decay: λ of the L2 penalty.
        initial_accumulator_value: s before the first step.
        eps: ε.
        foreach, fused: accepted; every step is one compiled program.
        maximize: climb instead of descend.
        differentiable: must be False.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.Adagrad([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.9

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization" (2011).
    """

    scalars = ("lr", "lr_decay", "eps", "weight_decay")
    formula = staticmethod(_adagrad)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimise more parameters; their state is there at once, as in PyTorch."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        self._share(group, group["params"])
        for param in group["params"]:
            self._state_of(group, param)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in (*self.scalars, "initial_accumulator_value"):
            check_range(name, group[name])

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("sum",)

    def _start(self, name: str, group: Group, param: Any) -> np.ndarray:
        return np.full(param.shape, group["initial_accumulator_value"], param.dtype.np)


def _adadelta(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`Adadelta`."""
    lr, rho, eps = one.numbers("lr", "rho", "eps")
    v = build.sqrt(build.add(one.square("square_avg", rho), one.fit(eps)))
    past = build.sqrt(build.add(one.state["acc_delta"], one.fit(eps)))
    delta = build.mul(build.div(past, v), one.g)
    one.square("acc_delta", rho, delta)
    return build.sub(one.p, one.scaled(delta, lr))


class Adadelta(Optimizer):
    """``v ← ρ v + (1 - ρ) g²;  d = √(u + ε) / √(v + ε) · g;  u ← ρ u + (1 - ρ) d²;  p ← p - lr d``.

    Args:
        params: what to optimise.
        lr: a factor on the step; 1 in the paper.
        rho: ρ.
        eps: ε.
        weight_decay: λ of the L2 penalty.
        foreach, capturable: accepted; every step is one compiled program.
        maximize: climb instead of descend.
        differentiable: must be False.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.Adadelta([p])
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.996838

    Source: Zeiler, "ADADELTA: an adaptive learning rate method" (2012).
    """

    scalars = ("lr", "rho", "eps", "weight_decay")
    formula = staticmethod(_adadelta)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay"):
            check_range(name, group[name])
        check_range("rho", group["rho"], 0.0, np.nextafter(1.0, 2.0))

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")


def _rprop(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`Rprop`."""
    minus, plus, low, high = one.numbers("etas0", "etas1", "step_sizes0", "step_sizes1")
    g = one.g
    agreement = build.mul(g, one.state["prev"])
    turned = build.lt(agreement, 0.0)
    factor = build.where(build.gt(agreement, 0.0), one.fit(plus), agreement)
    factor = build.where(turned, one.fit(minus), factor)
    factor = build.where(build.eq(agreement, 0.0), 1.0, factor)
    size = build.mul(one.state["step_size"], factor)
    size = build.minimum(build.maximum(size, one.fit(low)), one.fit(high))
    g = build.where(turned, 0.0, g)
    one.state["step_size"], one.state["prev"] = size, g
    return build.sub(one.p, build.mul(build.sign(g), size))


class Rprop(Optimizer):
    """``s ← clamp(s η, s₋, s₊);  p ← p - s sign(g)`` with η = η₊ while the gradient keeps its sign.

    Where it turns, η = η₋ and there is no step. For the gradient of all data: batches disagree
    too often.

    Args:
        params: what to optimise.
        lr: s before the first step.
        etas: η₋ and η₊.
        step_sizes: s₋ and s₊, the smallest and largest step.
        foreach, capturable: accepted; every step is one compiled program.
        maximize: climb instead of descend.
        differentiable: must be False.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.Rprop([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.9

    Source: Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning:
    the RPROP algorithm" (1993).
    """

    scalars = ("etas", "step_sizes")
    formula = staticmethod(_rprop)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        check_range("lr", group["lr"])
        check_pair("Rprop", "etas", group["etas"], "(0.5, 1.2)")
        check_pair("Rprop", "step_sizes", group["step_sizes"], "(1e-6, 50)")
        low, high = group["etas"]
        if not 0.0 < low < 1.0 < high:
            what = tr(
                f"Rprop: expected etas with 0 < η₋ < 1 < η₊, found {(low, high)}.",
                f"Rprop：etas 应满足 0 < η₋ < 1 < η₊，得到 {(low, high)}。",
            )
            raise ArgumentError(teach(what, "etas=(0.5, 1.2)"))

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("prev", "step_size")

    def _start(self, name: str, group: Group, param: Any) -> np.ndarray:
        value = group["lr"] if name == "step_size" else 0.0
        return np.full(param.shape, value, param.dtype.np)

"""For large networks and batches: Lion, LAMB, Adafactor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from glia.base.dtypes import float64
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.view import broadcast_to
from glia.optim.optimizer import Group, Optimizer, check_betas, check_pair, check_range
from glia.optim.parts import One


def _lion(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`Lion`."""
    lr, beta1, beta2 = one.numbers("lr", "betas0", "betas1")
    m = one.state["exp_avg"]
    mixed = build.add(m, one.scaled(build.sub(one.g, m), build.sub(1.0, beta1)))
    one.mean("exp_avg", one.g, build.sub(1.0, beta2))
    return build.sub(one.shrunk(), one.scaled(build.sign(mixed), lr))


class Lion(Optimizer):
    """``p ← (1 - lr λ) p - lr sign(β₁ m + (1 - β₁) g);  m ← β₂ m + (1 - β₂) g``.

    Args:
        params: what to optimise.
        lr: learning rate; a third to a tenth of AdamW's.
        betas: β₁ and β₂.
        weight_decay: λ, decoupled.
        maximize: climb instead of descend.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.Lion([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.9

    Source: Chen et al., "Symbolic discovery of optimization algorithms" (2023).
    """

    scalars = ("lr", "betas", "weight_decay")
    formula = staticmethod(_lion)
    decay = "decoupled"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        check_range("lr", group["lr"])
        check_range("weight_decay", group["weight_decay"])
        check_betas("Lion", group["betas"])

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("exp_avg",)

    def _shared(self, group: Group, state: Mapping[str, Any]) -> dict[str, float]:
        return {}


def _norm(x: Expr) -> Expr:
    return build.sqrt(build.sum_(build.mul(x, x)))


def _lamb(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`LAMB`."""
    lr, beta1, beta2, eps, decay = one.numbers("lr", "betas0", "betas1", "eps", "weight_decay")
    m = one.mean("exp_avg", one.g, build.sub(1.0, beta1))
    v = one.square("exp_avg_sq", beta2)
    m = build.div(m, one.fit(build.sub(1.0, build.power(beta1, one.t))))
    v = build.div(v, one.fit(build.sub(1.0, build.power(beta2, one.t))))
    step = build.div(m, build.add(build.sqrt(v), one.fit(eps)))
    if one.flags.get("decay"):
        step = build.add(step, one.scaled(one.p, decay))
    size, length = _norm(one.p), _norm(step)
    usable = build.mul(build.gt(size, 0.0), build.gt(length, 0.0))
    trust = build.where(usable, build.div(size, length), 1.0)
    scale = build.mul(trust, one.fit(lr))
    return build.sub(one.p, build.mul(step, broadcast_to(scale, step.shape)))


class LAMB(Optimizer):
    """``s = m̂ / (√v̂ + ε) + λ p;  p ← p - lr ‖p‖ / ‖s‖ · s``, for batches of thousands.

    m̂ and v̂ are Adam's. Norms are taken of each parameter; where one is 0 their ratio is 1.

    Args:
        params: what to optimise.
        lr: learning rate.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ.
        maximize: climb instead of descend.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter([3.0, 4.0])
        >>> opt = gl.optim.LAMB([p], lr=0.1)
        >>> p.sum().backward()
        >>> opt.step()
        >>> p.detach()
        tensor([2.6464, 3.6464])

    Source: You et al., "Large batch optimization for deep learning: training BERT in 76 minutes"
    (2020).
    """

    scalars = ("lr", "betas", "eps", "weight_decay")
    formula = staticmethod(_lamb)
    decay = "in the step"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay"):
            check_range(name, group[name])
        check_betas("LAMB", group["betas"])

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")


def _adafactor(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`Adafactor`."""
    lr, beta2_decay, eps1, eps2, d = one.numbers("lr", "beta2_decay", "eps0", "eps1", "d")
    if one.flags["eps"][0]:
        eps1 = build.const(float(np.finfo(one.p.dtype.np).eps), float64)
    g = one.g
    fresh = build.power(one.t, beta2_decay)
    root = math.sqrt(max(one.p.numel, 1))
    rms = build.div(build.cast(_norm(one.p), float64), root)
    size = build.minimum(lr, build.div(1.0, build.sqrt(one.t)))
    size = build.mul(build.maximum(eps2, rms), size)
    square = build.mul(g, g)
    if g.ndim > 1:
        row = one.mean("row_var", build.mean(square, -1, True), fresh)
        col = one.mean("col_var", build.mean(square, -2, True), fresh)
        bottom = build.maximum(build.mean(row, -2, True), one.fit(eps1))
        v = build.div(build.mul(row, col), bottom)
    else:
        v = one.mean("variance", square, fresh)
    v = build.maximum(v, one.fit(build.mul(eps1, eps1)))
    step = build.mul(build.div(1.0, build.sqrt(v)), g)
    excess = build.div(build.cast(_norm(step), float64), build.mul(d, root))
    size = build.div(size, build.maximum(1.0, excess))
    return build.sub(one.shrunk(), one.scaled(step, size))


class Adafactor(Optimizer):
    """``V ← Rᵀ C / mean R;  U = g / √V;  p ← p - α U / max(1, rms(U) / d)``.

    The state of an m × n matrix has m + n numbers. R and C are running means of g² over columns
    and rows, with weight ``t^β`` for the new one (vectors keep all of V);
    ``α = max(ε₂, rms(p)) · min(lr, 1 / √t)``.

    Args:
        params: what to optimise.
        lr: the largest relative step, and the factor of weight decay.
        beta2_decay: β.
        eps: ε₁ (None is the dtype's ε) below which V is not taken, and ε₂.
        d: largest rms of U.
        weight_decay: λ, decoupled.
        foreach: accepted; every step is one compiled program.
        maximize: climb instead of descend.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter(1.0)
        >>> opt = gl.optim.Adafactor([p], lr=0.1)
        >>> (p * p).backward()
        >>> opt.step()
        >>> round(p.item(), 6)
        0.9

    Source: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost"
    (2018), as PyTorch computes it.
    """

    scalars = ("lr", "beta2_decay", "eps", "d", "weight_decay")
    flags = ("eps", "maximize")
    formula = staticmethod(_adafactor)
    decay = "decoupled"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        check_range("lr", group["lr"])
        check_range("weight_decay", group["weight_decay"])
        check_range("beta2_decay", group["beta2_decay"], -math.inf, np.nextafter(0.0, 1.0))
        check_range("d", group["d"], 1.0)
        check_pair("Adafactor", "eps", group["eps"], "(None, 1e-3)")
        if group["eps"][0] is not None:
            check_range("eps[0]", group["eps"][0])
        check_range("eps[1]", group["eps"][1])

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("row_var", "col_var") if param.ndim > 1 else ("variance",)

    def _start(self, name: str, group: Group, param: Any) -> np.ndarray:
        shape = list(param.shape)
        if name in ("row_var", "col_var"):
            shape[-1 if name == "row_var" else -2] = 1
        return np.zeros(shape, param.dtype.np)

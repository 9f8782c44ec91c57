"""Muon: steps along orthogonal matrices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from glia.base.dtypes import float32
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.products import matmul
from glia.optim.optimizer import Group, Optimizer, check_range
from glia.optim.parts import One

#: ``x - (x - s x)`` with s = 2¹⁶ + 1 keeps 8 of float32's 24 bits: bfloat16's (Veltkamp, 1968).
_SPLIT = 65537.0


def _short(x: Expr) -> Expr:
    """A float32 rounded to bfloat16's precision."""
    big = build.mul(x, _SPLIT)
    return build.sub(big, build.sub(big, x))


def _orthogonal(one: One, update: Expr) -> Expr:
    """``U Vᵀ``, nearly, of ``update = U S Vᵀ``, by Newton and Schulz's iteration.

    PyTorch iterates in bfloat16; with its roundings the steps are the same.
    """
    a, b, c = (build.cast(x, float32) for x in one.numbers(*[f"ns_coefficients{i}" for i in "012"]))
    (eps,) = one.numbers("eps")
    x = _short(build.cast(update, float32))
    tall = x.shape[0] > x.shape[1]
    x = build.transpose(x, 0, 1) if tall else x
    size = _short(build.sqrt(build.sum_(build.mul(x, x))))
    x = _short(build.div(x, build.maximum(size, _short(build.cast(eps, float32)))))
    for _ in range(one.flags["ns_steps"]):
        gram = _short(matmul(x, build.transpose(x, 0, 1)))
        square = build.mul(matmul(gram, gram), c)
        gram = _short(build.add(build.mul(gram, b), square))
        x = _short(build.add(build.mul(x, a), matmul(gram, x)))
    return build.transpose(x, 0, 1) if tall else x


def _muon(one: One) -> Expr:
    """The step of one parameter: the formula of :class:`Muon`."""
    lr, mu = one.numbers("lr", "momentum")
    g = one.g
    update = b = one.mean("momentum_buffer", g, build.sub(1.0, mu))
    if one.flags["nesterov"]:
        update = build.add(g, one.scaled(build.sub(b, g), mu))
    rows, columns = g.shape
    ratio = math.sqrt(max(1, rows / columns))
    if one.flags["adjust_lr_fn"] == "match_rms_adamw":
        ratio = 0.2 * math.sqrt(max(rows, columns))
    step = build.cast(_orthogonal(one, update), g.dtype)
    return build.sub(one.shrunk(), one.scaled(step, build.mul(lr, ratio)))


class Muon(Optimizer):
    """``b ← μ b + (1 - μ) g;  p ← (1 - lr λ) p - lr r · orthogonal(μ b + (1 - μ) g)``.

    For matrices. The orthogonal matrix nearest to the update, equally long in all directions,
    comes from k steps of ``X ← a X + (b X Xᵀ + c (X Xᵀ)²) X`` in bfloat16's precision. Other
    parameters (biases, embeddings) want another optimizer.

    Args:
        params: matrices to optimise.
        lr: learning rate.
        weight_decay: λ, decoupled.
        momentum: μ.
        nesterov: look ahead along the momentum; else the update is b.
        ns_coefficients: a, b, c.
        eps: smallest norm to divide by.
        ns_steps: k.
        adjust_lr_fn: what r is: "original" (or None) for ``√max(1, rows / columns)``,
            "match_rms_adamw" for ``0.2 √max(rows, columns)``.

    Raises:
        ShapeError: a parameter is not a matrix.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter([[1.0, 0.0], [0.0, 2.0]])
        >>> opt = gl.optim.Muon([p], lr=0.1, weight_decay=0.0)
        >>> (p * p).sum().backward()
        >>> opt.step()
        >>> p.detach()
        tensor([[0.8883, 0.    ],
                [0.    , 1.9309]])

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024);
    Liu et al., "Muon is scalable for LLM training" (2025).
    """

    scalars = ("lr", "weight_decay", "momentum", "ns_coefficients", "eps")
    flags = ("nesterov", "ns_steps", "adjust_lr_fn")
    formula = staticmethod(_muon)
    decay = "decoupled"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in ("lr", "weight_decay", "momentum", "eps"):
            check_range(name, group[name])
        for param in group["params"]:
            if param.ndim != 2:
                what = tr(
                    f"Muon: expected matrices, found a parameter of shape {param.shape}.",
                    f"Muon：只接受矩阵，得到形状为 {param.shape} 的参数。",
                )
                help = tr("give it to AdamW", "请把它交给 AdamW")
                raise ShapeError(teach(what, help))
        coefficients, steps = group["ns_coefficients"], group["ns_steps"]
        if not isinstance(coefficients, tuple | list) or len(coefficients) != 3:
            what = tr(
                f"Muon: expected ns_coefficients to be three numbers, found {coefficients!r}.",
                f"Muon：ns_coefficients 应为三个数，得到 {coefficients!r}。",
            )
            raise ArgumentError(teach(what))
        if not isinstance(steps, int) or not 0 <= steps < 100:
            what = tr(
                f"Muon: expected ns_steps to be an integer in [0, 100), found {steps!r}.",
                f"Muon：ns_steps 应为 [0, 100) 内的整数，得到 {steps!r}。",
            )
            raise ArgumentError(teach(what, "ns_steps=5"))
        if group["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            found = group["adjust_lr_fn"]
            what = tr(
                f"Muon: unknown adjust_lr_fn {found!r}.", f"Muon：未知的 adjust_lr_fn {found!r}。"
            )
            raise ArgumentError(teach(what, "'original' | 'match_rms_adamw'"))

    def _names(self, group: Group, param: Any) -> tuple[str, ...]:
        return ("momentum_buffer",)

    def _shared(self, group: Group, state: Mapping[str, Any]) -> dict[str, float]:
        return {}

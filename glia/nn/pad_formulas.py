"""Padding, as expressions with checks."""

from __future__ import annotations

from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.ir import padding
from glia.ir.expr import Expr
from glia.nn.formulas import check_places


def pad(x: Expr, around: padding.Around, mode: str, value: float) -> Expr:
    """The last dimensions with elements before and behind; negative numbers take away."""
    if mode == "constant":
        sizes = x.shape[x.ndim - len(around) :]
        if len(around) > x.ndim or any(
            n + min(a, 0) + min(b, 0) < 0 for n, (a, b) in zip(sizes, around, strict=True)
        ):
            raise_room("pad", x, around, mode)
        return padding.constant(x, around, value)
    check_places("pad", x, len(around))
    check_room("pad", x, around, mode)
    return padding.MODES[mode](x, around)


def check_room(layer: str, x: Expr, around: padding.Around, mode: str) -> None:
    """Mirrored elements end before the edge comes back, wrapped ones go round once."""
    sizes = x.shape[x.ndim - len(around) :]
    for n, pair in zip(sizes, around, strict=True):
        left = n + sum(min(p, 0) for p in pair)  # what is there to wrap
        most = {"reflect": n - 1, "circular": left, "replicate": max(pair) if n else 0}[mode]
        if n + sum(pair) < 0 or left < 0 or max(pair) > max(most, 0):
            raise_room(layer, x, around, mode)


def raise_room(layer: str, x: Expr, around: padding.Around, mode: str) -> None:
    what = tr(
        f"{layer}: {mode} padding {around} does not fit {x.shape}.",
        f"{layer}：{mode} 填充 {around} 不适合 {x.shape}。",
    )
    help = tr(
        "reflect needs less than the size, circular at most the size",
        "reflect 的填充应小于该维大小，circular 不超过该维大小",
    )
    raise ShapeError(teach(what, help))

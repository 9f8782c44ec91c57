"""Arguments of layers, checked: sizes that are one number or two, and probabilities."""

from __future__ import annotations

from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr


def pair(name: str, value: Any) -> tuple[int, int]:
    """One number for both dimensions, or two."""
    found = (value, value) if isinstance(value, int) else tuple(value)
    if len(found) != 2 or not all(isinstance(item, int) for item in found):
        what = tr(
            f"{name}: expected an integer or two, found {value!r}.",
            f"{name}：需要一个或两个整数，得到 {value!r}。",
        )
        raise ArgumentError(teach(what))
    return found


def positive_pair(name: str, value: Any) -> tuple[int, int]:
    found = pair(name, value)
    if min(found) < 1:
        what = tr(
            f"{name}: expected at least 1, found {value!r}.", f"{name} 至少为 1，得到 {value!r}。"
        )
        raise ArgumentError(teach(what))
    return found


def check_probability(name: str, p: float) -> float:
    if not 0.0 <= p <= 1.0:
        what = tr(
            f"{name}: expected a probability from 0 to 1, found {p!r}.",
            f"{name}：概率应在 0 与 1 之间，得到 {p!r}。",
        )
        raise ArgumentError(teach(what))
    return float(p)

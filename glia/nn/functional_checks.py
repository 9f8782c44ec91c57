"""Arguments of layers, checked: sizes that are one number or two, and probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr

#: How many numbers there may be, in words.
_COUNTS = {
    1: ("an integer", "一个整数"),
    2: ("an integer or two", "一个或两个整数"),
    3: ("an integer or three", "一个或三个整数"),
    4: ("an integer or four", "一个或四个整数"),
    6: ("an integer or six", "一个或六个整数"),
}


def numbers(name: str, value: Any, count: int) -> tuple[int, ...]:
    """One number for all of ``count`` dimensions, or as many."""
    found = (value,) if isinstance(value, int | np.integer) else tuple(value)
    found = found * count if len(found) == 1 else found
    if len(found) != count or not all(isinstance(item, int | np.integer) for item in found):
        en, zh = _COUNTS[count]
        what = tr(
            f"{name}: expected {en}, found {value!r}.",
            f"{name}：需要{zh}，得到 {value!r}。",
        )
        raise ArgumentError(teach(what))
    return tuple(map(int, found))


def positive(name: str, value: Any, count: int) -> tuple[int, ...]:
    found = numbers(name, value, count)
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

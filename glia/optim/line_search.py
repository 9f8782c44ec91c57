"""A step along a direction that fulfils the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Point:
    """What is known at ``x + t d``: loss, gradient, and the slope ``gᵀ d``."""

    t: float
    loss: float
    gradient: np.ndarray
    slope: float


#: How much the loss must fall, as a share of what the slope promises; how flat it must get.
C1, C2 = 1e-4, 0.9


def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    t: float,
    length: float,
    tolerance: float,
    most: int,
) -> tuple[Point, int]:
    """A point with ``f ≤ f₀ + c₁ t s₀`` and ``|s| ≤ c₂ |s₀|``, if one is found in time.

    Args:
        evaluate: the point at a step.
        start: the point at 0.
        t: the first step to try.
        length: size of the direction's largest element.
        tolerance: smallest change of an element that is worth a try.
        most: how many steps may be tried after the first.

    Returns:
        the point, and how many were evaluated.

    Source: Nocedal and Wright, "Numerical optimization" (2006), algorithms 3.5 and 3.6, with
    the safeguards that PyTorch has from Schmidt's minFunc.
    """
    before, new = start, evaluate(t)
    for tried in range(most):
        risen = _risen(new, start) or (tried > 1 and new.loss >= before.loss)
        if not risen and _flat(new, start):
            return new, tried + 1
        if risen or new.slope >= 0:
            return _zoom(evaluate, start, [before, new], length, tolerance, tried, most)
        low, high = new.t + 0.01 * (new.t - before.t), new.t * 10
        before, new = new, evaluate(_lowest(before, new, low, high))
    return (start if start.loss <= new.loss else new), most + 1


def _risen(new: Point, start: Point) -> bool:
    return new.loss > start.loss + C1 * new.t * start.slope


def _flat(new: Point, start: Point) -> bool:
    return abs(new.slope) <= -C2 * start.slope


def _zoom(
    evaluate: Callable[[float], Point],
    start: Point,
    bracket: list[Point],
    length: float,
    tolerance: float,
    tried: int,
    most: int,
) -> tuple[Point, int]:
    """Narrow a bracket that holds a point as wanted."""
    low, stuck = _lower(bracket), False
    while tried < most and abs(bracket[1].t - bracket[0].t) * length >= tolerance:
        first, last = sorted((bracket[0].t, bracket[1].t))
        t = _lowest(bracket[0], bracket[1], first, last)
        margin = 0.1 * (last - first)
        near = min(last - t, t - first) < margin
        if near and (stuck or t >= last or t <= first):
            t = last - margin if abs(t - last) < abs(t - first) else first + margin
            near = False
        stuck = near
        new = evaluate(t)
        tried += 1
        if _risen(new, start) or new.loss >= bracket[low].loss:
            bracket[1 - low] = new
            low = _lower(bracket)
            continue
        if _flat(new, start):
            return new, tried + 1
        if new.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = new
    return bracket[low], tried + 1


def _lower(bracket: list[Point]) -> int:
    return 0 if bracket[0].loss <= bracket[1].loss else 1


def _lowest(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through both points, with their slopes, is lowest; within bounds."""
    a, b = (a, b) if a.t <= b.t else (b, a)
    if a.t == b.t:
        return (low + high) / 2
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    bottom = b.slope - a.slope + 2 * max(square, 0.0) ** 0.5
    if not square >= 0 or bottom == 0:
        return (low + high) / 2
    t = b.t - (b.t - a.t) * ((b.slope + square**0.5 - d1) / bottom)
    return min(max(t, low), high)

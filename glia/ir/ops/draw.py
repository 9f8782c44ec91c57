"""Random numbers that are drawn by trying until one fits: gamma and Poisson. NumPy tries.

The t-th try of element i reads counters that depend on t and i alone, so the numbers are the same
however many elements there are beside it, on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import lgamma

import numpy as np

from glia.base.dtypes import DType, uint32
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.random import threefry
from glia.ir.table import Bad, Op, Sample, register

#: Words an element may read in one try.
WORDS = 4
_LOG_FACTORIAL = np.array([lgamma(k + 1) for k in range(16)])


def _infer(inputs: tuple[Expr, ...], law: str) -> tuple[Shape, DType]:
    key, rate = inputs
    if key.shape != (2,) or key.dtype is not uint32 or law not in LAWS:
        raise ShapeError(teach(f"draw: expected a key of two uint32 for {law!r}, found {key}."))
    if rate.dtype.kind != "float":
        message = f"{law}: expected floating-point parameters, found {rate.dtype.name}."
        raise DTypeError(teach(message, "convert them with .float()"))
    return rate.shape, rate.dtype


class _Tries:
    """Uniform numbers for the elements that still need some."""

    def __init__(self, key: np.ndarray) -> None:
        self.key, self.number = key, 0

    def uniforms(self, places: np.ndarray, count: int) -> list[np.ndarray]:
        """So many numbers in (0, 1) for every place."""
        base = (places.astype(np.uint64) * 256 + self.number) * WORDS
        self.number += 1
        found = []
        for word in range(count):
            counter = base + np.uint64(word)
            low, high = counter & np.uint64(0xFFFFFFFF), counter >> np.uint64(32)
            found.append((threefry(self.key, low, high) + 0.5) * 2.0**-32)
        return found


def _gamma(key: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Gamma with scale 1.

    Source: Marsaglia, Tsang, "A simple method for generating gamma variables" (2000).
    """
    tries = _Tries(key)
    everywhere = np.arange(shape.size)
    (boost,) = tries.uniforms(everywhere, 1)
    small = shape < 1
    d = np.where(small, shape + 1, shape) - 1 / 3
    c = 1 / np.sqrt(9 * d)
    out = np.full(shape.shape, np.nan)
    left = everywhere[(shape > 0) & (shape < np.inf)]
    while left.size:
        a, b, u = tries.uniforms(left, 3)
        x = np.sqrt(-2 * np.log(a)) * np.cos(2 * np.pi * b)
        v = (1 + c[left] * x) ** 3
        inside = v > 0
        safe = np.where(inside, v, 1)
        fits = inside & (np.log(u) < 0.5 * x * x + d[left] * (1 - safe + np.log(safe)))
        out[left[fits]] = (d[left] * safe)[fits]
        left = left[~fits]
    out = np.where(small, out * boost ** (1 / np.where(shape > 0, shape, 1)), out)
    return np.where(shape == 0, 0.0, out)


def _log_factorial(k: np.ndarray) -> np.ndarray:
    """``ln k!``; from 16 on by Stirling's series."""
    n = np.maximum(k, 16) + 1
    series = 1 / (12 * n) - 1 / (360 * n**3) + 1 / (1260 * n**5)
    far = (n - 0.5) * np.log(n) - n + 0.5 * np.log(2 * np.pi) + series
    return np.where(k < 16, _LOG_FACTORIAL[np.clip(k, 0, 15).astype(int)], far)


def _poisson(key: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Poisson numbers: by inversion for rates below 10, else by transformed rejection.

    Source: Hörmann, "The transformed rejection method for generating Poisson random variables"
    (1993), algorithm PTRS.
    """
    tries = _Tries(key)
    everywhere = np.arange(rate.size)
    out = np.where(rate >= 0, 0.0, np.nan)
    (u,) = tries.uniforms(everywhere, 1)
    low = everywhere[(rate > 0) & (rate < 10)]
    chance = np.exp(-rate)
    total = chance.copy()
    while low.size:
        low = low[u[low] > total[low]]
        out[low] += 1
        chance[low] *= rate[low] / out[low]
        low = low[chance[low] > 0]
        total[low] += chance[low]
    left = everywhere[(rate >= 10) & (rate < np.inf)]
    b = 0.931 + 2.53 * np.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse = 1.1239 + 1.1328 / (b - 3.4)
    good = 0.9277 - 3.6224 / (b - 2)
    while left.size:
        first, second = tries.uniforms(left, 2)
        first = first - 0.5
        us = 0.5 - np.abs(first)
        k = np.floor((2 * a[left] / us + b[left]) * first + rate[left] + 0.43)
        quick = (us >= 0.07) & (second <= good[left])
        slow = (k >= 0) & ((us >= 0.013) | (second <= us))
        bound = np.log(second * inverse[left] / (a[left] / (us * us) + b[left]))
        fits = quick | (slow & (bound <= k * np.log(rate[left]) - rate[left] - _log_factorial(k)))
        out[left[fits]] = k[fits]
        left = left[~fits]
    return out


LAWS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "gamma": _gamma,
    "poisson": _poisson,
}


def _numpy(key: np.ndarray, rate: np.ndarray, law: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        found = LAWS[law](key, rate.astype(np.float64).ravel())
    return found.reshape(rate.shape).astype(rate.dtype)


def _samples() -> Sequence[Sample]:
    key = np.array([0x13198A2E, 0x03707344], np.uint32)
    rates = np.array([[0.0, 0.3, 1.0], [9.0, 40.0, 1e6]], np.float32)
    return [
        Sample((key, x), {"law": law}, False)
        for law in LAWS
        for x in (rates, rates.astype(np.float64)[0], np.zeros((0, 2), np.float32))
    ]


DRAW = register(
    Op(
        "draw",
        "host",
        "a number of the law with this parameter",
        _infer,
        _numpy,
        lambda node, g: (None, None),
        ("law",),
        _samples,
        lambda: [
            Bad((np.zeros(3, np.uint32), np.ones(2)), {"law": "gamma"}, ShapeError, "key"),
            Bad((np.zeros(2, np.uint32), np.ones(2, int)), {"law": "gamma"}, DTypeError, "float"),
        ],
    )
)


def draw(key: Expr, rate: Expr, law: str) -> Expr:
    """Random numbers, one for every parameter."""
    return intern(DRAW, (key, rate), (law,))

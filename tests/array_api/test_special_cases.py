"""What the standard says of special values, function by function, in its own words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import glia as gl
import glia.array_api as xp

INF, NAN, PI = math.inf, math.nan, math.pi

#: Arguments and result; signs of zeros count.
UNARY = {
    "abs": [(NAN, NAN), (-0.0, 0.0), (-INF, INF)],
    "acos": [(1.0, 0.0), (1.5, NAN), (-1.5, NAN), (NAN, NAN)],
    "acosh": [(1.0, 0.0), (0.5, NAN), (INF, INF), (-INF, NAN)],
    "asin": [(0.0, 0.0), (-0.0, -0.0), (1.5, NAN)],
    "asinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF)],
    "atan": [(-0.0, -0.0), (INF, PI / 2), (-INF, -PI / 2)],
    "atanh": [(1.0, INF), (-1.0, -INF), (1.5, NAN), (-0.0, -0.0)],
    "ceil": [(-0.0, -0.0), (INF, INF), (-0.5, -0.0)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN)],
    "cosh": [(0.0, 1.0), (INF, INF), (-INF, INF)],
    "exp": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0)],
    "expm1": [(-0.0, -0.0), (INF, INF), (-INF, -1.0)],
    "floor": [(-0.0, -0.0), (-INF, -INF), (NAN, NAN)],
    "log": [(0.0, -INF), (-0.0, -INF), (1.0, 0.0), (-1.0, NAN), (INF, INF)],
    "log10": [(0.0, -INF), (1.0, 0.0), (-1.0, NAN), (INF, INF)],
    "log1p": [(-1.0, -INF), (-0.0, -0.0), (-2.0, NAN), (INF, INF)],
    "log2": [(0.0, -INF), (1.0, 0.0), (-1.0, NAN), (INF, INF)],
    "reciprocal": [(0.0, INF), (-0.0, -INF), (INF, 0.0), (-INF, -0.0)],
    "round": [(-0.0, -0.0), (0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-INF, -INF)],
    "sign": [(0.0, 0.0), (-0.0, 0.0), (-INF, -1.0), (NAN, NAN)],
    "signbit": [(-0.0, True), (0.0, False), (-INF, True), (math.copysign(NAN, -1), True)],
    "sin": [(-0.0, -0.0), (INF, NAN)],
    "sinh": [(-0.0, -0.0), (INF, INF), (-INF, -INF)],
    "sqrt": [(-0.0, -0.0), (-1.0, NAN), (INF, INF)],
    "tan": [(-0.0, -0.0), (INF, NAN)],
    "tanh": [(-0.0, -0.0), (INF, 1.0), (-INF, -1.0)],
    "trunc": [(-0.0, -0.0), (-0.5, -0.0), (INF, INF)],
}
BINARY = {
    "add": [(INF, -INF, NAN), (-0.0, -0.0, -0.0), (-0.0, 0.0, 0.0), (1.0, -1.0, 0.0)],
    "atan2": [
        (0.0, 0.0, 0.0), (0.0, -0.0, PI), (-0.0, -0.0, -PI), (-0.0, 0.0, -0.0),
        (1.0, 0.0, PI / 2), (-1.0, -0.0, -PI / 2), (1.0, INF, 0.0), (-1.0, -INF, -PI),
        (INF, 1.0, PI / 2), (INF, INF, PI / 4), (INF, -INF, 3 * PI / 4), (-INF, -INF, -3 * PI / 4),
    ],
    "copysign": [(1.0, -0.0, -1.0), (NAN, 1.0, NAN), (-2.0, 0.0, 2.0)],
    "divide": [
        (INF, INF, NAN), (0.0, 0.0, NAN), (0.0, -1.0, -0.0), (1.0, -0.0, -INF), (-1.0, INF, -0.0),
    ],
    "floor_divide": [
        (NAN, 1.0, NAN), (INF, INF, NAN), (0.0, -0.0, NAN), (0.0, 1.0, 0.0), (-0.0, 1.0, -0.0),
        (0.0, -1.0, -0.0), (1.0, 0.0, INF), (1.0, -0.0, -INF), (INF, 2.0, INF), (INF, -2.0, -INF),
        (-INF, 2.0, -INF), (-INF, -2.0, INF), (1.0, INF, 0.0), (1.0, -INF, -1.0),
        (-1.0, INF, -1.0), (-1.0, -INF, 0.0), (7.0, 2.0, 3.0), (-7.0, 2.0, -4.0),
    ],
    "hypot": [(INF, NAN, INF), (NAN, -INF, INF), (NAN, 1.0, NAN), (3.0, -4.0, 5.0)],
    "logaddexp": [(NAN, 1.0, NAN), (INF, NAN, NAN), (INF, 1.0, INF), (-INF, -INF, -INF)],
    "maximum": [(NAN, 1.0, NAN), (1.0, NAN, NAN), (-INF, INF, INF)],
    "minimum": [(NAN, 1.0, NAN), (1.0, NAN, NAN), (-INF, INF, -INF)],
    "multiply": [(INF, 0.0, NAN), (-INF, -2.0, INF), (-0.0, 2.0, -0.0)],
    "nextafter": [(NAN, 1.0, NAN), (0.0, -0.0, -0.0), (1.0, 1.0, 1.0)],
    "pow": [
        (NAN, 0.0, 1.0), (NAN, -0.0, 1.0), (1.0, NAN, 1.0), (NAN, 2.0, NAN), (2.0, INF, INF),
        (0.5, INF, 0.0), (1.0, -INF, 1.0), (-1.0, INF, 1.0), (-INF, 3.0, -INF), (-INF, -3.0, -0.0),
        (INF, 0.5, INF), (-0.0, 3.0, -0.0), (-0.0, -3.0, -INF), (0.0, -2.0, INF), (-2.0, 0.5, NAN),
        (-INF, 0.5, INF), (-0.0, 0.5, 0.0), (-0.0, -0.5, INF), (-INF, -0.5, 0.0),
    ],
    "remainder": [
        (INF, 1.0, NAN), (1.0, 0.0, NAN), (0.0, -1.0, -0.0), (-0.0, 1.0, 0.0), (1.0, INF, 1.0),
        (1.0, -INF, -INF), (-1.0, INF, INF), (-1.0, -INF, -1.0), (-7.0, 2.0, 1.0),
    ],
    "subtract": [(INF, INF, NAN), (-0.0, 0.0, -0.0), (0.0, 0.0, 0.0)],
}  # fmt: skip


def same(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    near = np.isclose(found, wanted, rtol=1e-6, atol=0, equal_nan=True)
    return near & (np.isnan(wanted) | (np.signbit(found) == np.signbit(wanted)))


@pytest.mark.parametrize("dtype", [xp.float32, xp.float64], ids=str)
def test_special_values(dtype: Any) -> None:
    jobs = []
    for name, rows in (UNARY | BINARY).items():
        *given, wanted = (np.array(column) for column in zip(*rows, strict=True))
        found = getattr(xp, name)(*(xp.asarray(x, dtype=dtype) for x in given))
        jobs.append((name, given, found, wanted))
    gl.realize(*(found for *_, found, _ in jobs))
    for name, given, found, wanted in jobs:
        fits = found.numpy() == wanted
        if wanted.dtype != bool:
            fits = same(found.numpy().astype(np.float64), wanted)
        at = int(np.argmin(fits))
        assert fits.all(), (name, [x[at] for x in given], found.numpy()[at], wanted[at])


def test_statistics() -> None:
    nans, none = xp.asarray([1.0, NAN]), xp.asarray([])
    for name in ("sum", "prod", "max", "min", "mean", "std", "var"):
        assert math.isnan(getattr(xp, name)(nans)), name
    assert xp.sum(none).item() == 0
    assert xp.prod(none).item() == 1
    assert math.isnan(xp.mean(none))
    assert math.isnan(xp.var(xp.asarray([1.0]), correction=1))
    assert math.isnan(xp.var(xp.asarray([1.0, 2.0]), correction=3))
    assert xp.all(none).item() is True
    assert xp.any(none).item() is False
    assert xp.any(xp.asarray([NAN])).item() is True
    assert xp.all(xp.asarray([NAN, -INF, 1.0])).item() is True

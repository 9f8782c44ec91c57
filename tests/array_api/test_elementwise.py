"""Every elementwise function against NumPy: all dtypes it takes, special values, promotion."""

from __future__ import annotations

from typing import Any

import numpy as np

import glia as gl
import glia.array_api as xp
from glia.array_api.data_types import CATEGORIES, STANDARD

RNG = np.random.default_rng(0)
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, -2.5, 3.0, 1e-30, -7.25, 1e20]

UNARY = {
    "numeric": "abs conj imag isfinite isinf isnan negative positive real round sign square",
    "floating": "acos acosh asin asinh atan atanh cos cosh exp expm1 log log10 log1p log2 "
    "reciprocal sin sinh sqrt tan tanh",
    "real": "ceil floor trunc",
    "real floating": "signbit",
    "integer or boolean": "bitwise_invert",
    "boolean": "logical_not",
}
BINARY = {
    "numeric": "add multiply subtract",
    "any": "equal not_equal",
    "floating": "divide pow",
    "real": "greater greater_equal less less_equal maximum minimum remainder",
    "real floating": "atan2 copysign hypot logaddexp nextafter",
    "integer or boolean": "bitwise_and bitwise_or bitwise_xor",
    "integer": "bitwise_left_shift bitwise_right_shift floor_divide pow",
    "boolean": "logical_and logical_or logical_xor",
}
#: Relative to the result, in units of the dtype's spacing.
ULPS = {"float32": 4, "float64": 4, "complex64": 16, "complex128": 16}


def values(dtype: Any, count: int = 40) -> np.ndarray:
    """Numbers of a dtype, the special ones first."""
    if dtype.kind == "bool":
        return RNG.integers(0, 2, count).astype(bool)
    if dtype.kind in ("int", "uint"):
        low, high = (-8, 8) if dtype.kind == "int" else (0, 16)
        limits = np.iinfo(dtype.np)
        ends = np.array([limits.min, limits.max], dtype.np)
        return np.concatenate([ends, RNG.integers(low, high, count).astype(dtype.np)])
    if dtype.kind == "complex":
        return (RNG.normal(size=(count, 2)) * 3).view(complex).ravel().astype(dtype.np)
    return np.concatenate([SPECIAL, RNG.normal(size=count) * 3]).astype(dtype.np)


def dtypes(category: str) -> list[tuple[str, Any]]:
    return [(n, d) for n, d in STANDARD.items() if d.kind in CATEGORIES[category]]


def arguments(name: str, dtype: Any, count: int) -> list[np.ndarray]:
    if count == 1:
        return [values(dtype)]
    a = values(dtype)
    if dtype.kind == "float":  # every special value with every other
        pairs = np.array(np.meshgrid(SPECIAL, SPECIAL)).reshape(2, -1).astype(dtype.np)
        return [np.concatenate([pairs[0], a]), np.concatenate([pairs[1], values(dtype)])]
    b = values(dtype)
    if "shift" in name or name == "pow":
        a, b = a[2:], b[2:]
    if name in ("remainder", "floor_divide", "pow") or "shift" in name:
        b = np.abs(b) % np.asarray(5, b.dtype) if b.dtype.kind != "c" else b
        b = np.where(b == 0, 3, b).astype(b.dtype)
    if "shift" in name:
        b[:4] = [7, 8, 33, 70]  # past the last bit
    return [a, b]


def close(found: np.ndarray, wanted: np.ndarray, ulps: int) -> np.ndarray:
    """Equal, both NaN, or a few units in the last place apart."""
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    with np.errstate(all="ignore"):
        scale = np.abs(wanted) + np.finfo(wanted.dtype).smallest_normal
        return same | (np.abs(found - wanted) <= ulps * np.finfo(wanted.dtype).eps * scale)


CASES = [(n, c, 1) for c, names in UNARY.items() for n in names.split()] + [
    (n, c, 2) for c, names in BINARY.items() for n in names.split()
]


def test_against_numpy() -> None:
    """All functions, all dtypes: one program."""
    jobs = []
    for name, category, count in CASES:
        for text, dtype in dtypes(category):
            given = arguments(name, dtype, count)
            found = getattr(xp, name)(*map(xp.asarray, given))
            jobs.append((f"{name} {text}", name, given, found))
    gl.realize(*(found for *_, found in jobs))
    wrong = []
    for label, name, given, found in jobs:
        with np.errstate(all="ignore"):
            wanted = getattr(np, name)(*given)
        got = found.numpy()
        if got.dtype != wanted.dtype or got.shape != wanted.shape:
            wrong.append(f"{label}: {got.dtype}{got.shape}, not {wanted.dtype}{wanted.shape}")
        elif wanted.dtype.kind in "fc":
            fits = close(got, wanted, ULPS[wanted.dtype.name])
            if wanted.dtype.kind == "f" and name != "maximum" and name != "minimum":
                zero = (got == 0) & (wanted == 0)
                fits &= ~zero | (np.signbit(got) == np.signbit(wanted))
            if not fits.all():
                at = np.argmin(fits)
                wrong.append(f"{label}: {[x[at] for x in given]}: {got[at]}, not {wanted[at]}")
        elif not np.array_equal(got, wanted):
            at = np.argmax(got != wanted)
            wrong.append(f"{label}: {[x[at] for x in given]}: {got[at]}, not {wanted[at]}")
    assert not wrong, "\n".join(wrong)

"""Arguments at which floating-point functions go wrong, and errors in units of the last place."""

from __future__ import annotations

import numpy as np


def special_values(dtype: type) -> np.ndarray:
    """Zeros, infinities, NaN, denormals, the largest and smallest numbers, halves, ones."""
    info = np.finfo(dtype)
    tiny, denormal = float(info.tiny), float(info.smallest_subnormal)
    positive = [
        0.0, denormal, 3 * denormal, tiny / 2, tiny, tiny * 1.5, 1e-30, float(info.eps) / 2,
        float(info.eps), 1e-4, 0.1, 0.49999997, 0.5, 0.625, 0.75, 1.0, 1.0 + float(info.eps), 1.5,
        2.0, 2.5, 3.0, 3.5, 10.0, 19.0, 20.5, 87.5, 88.5, 89.0, 103.5, 105.0, 708.0, 709.5, 710.0,
        745.0, 746.0, 1e4, 2.0**23 - 0.5, 2.0**23, 2.0**24 + 2, 2.0**31, 2.0**52, 1e17, 1e30,
        float(info.max) / 2, float(info.max), np.inf,
    ]  # fmt: skip
    with np.errstate(all="ignore"):
        values = np.array([*positive, *(-v for v in positive), np.nan], np.float64)
        return np.unique(values.astype(dtype).view(f"u{np.dtype(dtype).itemsize}")).view(dtype)


def ulps(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distance in units of the last place of ``found``'s dtype; ``exact`` is more precise."""
    kind = found.dtype.type
    with np.errstate(all="ignore"):
        rounded = exact.astype(kind)
        unit = np.spacing(np.abs(np.where(np.isfinite(rounded), rounded, kind(1))))
        error = np.abs(found.astype(exact.dtype) - exact) / unit.astype(exact.dtype)
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    return np.where(same, np.minimum(np.nan_to_num(error), 0.5), np.nan_to_num(error, nan=np.inf))

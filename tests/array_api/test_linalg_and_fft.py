"""The extensions against NumPy: values, shapes, dtypes, and what factors must multiply to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
import glia.array_api as xp
from glia.base.errors import DTypeError, ShapeError

RNG = np.random.default_rng(2)
SQUARE = RNG.normal(size=(2, 4, 4))
TALL, WIDE = RNG.normal(size=(2, 3, 5, 3)), RNG.normal(size=(3, 5))
BENT = SQUARE + 1j * RNG.normal(size=SQUARE.shape)
GOOD = BENT @ BENT.conj().swapaxes(-1, -2) + np.eye(4)
REAL = (SQUARE @ SQUARE.swapaxes(-1, -2) + np.eye(4)).astype(np.float32)
VECTORS = RNG.normal(size=(4, 3))
SIGNAL = RNG.normal(size=(3, 8))
WAVES = (SIGNAL + 1j * RNG.normal(size=SIGNAL.shape)).astype(np.complex64)

CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *((name, (x,), {}) for name in ("det", "inv", "slogdet") for x in (SQUARE, BENT, REAL)),
    *((name, (x,), {}) for name in ("eigvalsh", "cholesky") for x in (GOOD, REAL)),
    *((name, (x,), {}) for name in ("pinv", "svdvals", "matrix_rank") for x in (TALL, WIDE, BENT)),
    ("cholesky", (GOOD,), {"upper": True}), ("pinv", (TALL,), {"rtol": 0.5}),
    ("matrix_rank", (np.ones((3, 3)),), {"rtol": 1e-3}), ("matrix_rank", (np.zeros((2, 3)),), {}),
    *(("matrix_norm", (TALL,), {"ord": o, "keepdims": o == 2})
      for o in ("fro", "nuc", 1, 2, np.inf, -1, -2, -np.inf)), ("matrix_norm", (BENT,), {}),
    *(("matrix_power", (SQUARE, n), {}) for n in (0, 1, 3, -2)),
    *(("vector_norm", (TALL,), {"ord": o, "axis": (0, 2)})
      for o in (1, 2, 3.5, 0, -1, np.inf, -np.inf)),
    ("vector_norm", (BENT,), {"keepdims": True}), ("vector_norm", (REAL,), {"axis": -1}),
    ("solve", (SQUARE, SQUARE[0]), {}), ("solve", (SQUARE, VECTORS[:, 0]), {}),
    ("solve", (BENT, GOOD), {}), ("outer", (SIGNAL[0], VECTORS[0]), {}),
    ("cross", (VECTORS, VECTORS[::-1].copy()), {}),
    ("cross", (VECTORS.T, VECTORS[:1].T), {"axis": 0}),
    ("cross", (VECTORS[:, None], VECTORS[:2]), {}), ("cross", (VECTORS, VECTORS[0]), {}),
    *(("vector_norm", (TALL[:0],), {"ord": o, "axis": (0, 1)}) for o in (2, np.inf, -1)),
    *(("matrix_norm", (TALL[..., :0],), {"ord": o, "keepdims": o == 1}) for o in ("fro", 1, 2)),
    *((name, (TALL,), {"offset": k}) for name in ("diagonal", "trace") for k in (0, 1, -2, 9)),
    ("trace", (np.ones((2, 2), np.uint8),), {}), ("trace", (BENT,), {}),
    ("matmul", (SQUARE, SQUARE), {}), ("matrix_transpose", (TALL,), {}),
    ("vecdot", (BENT, BENT), {}),
    ("tensordot", (TALL, TALL), {"axes": ((0, 1), (0, 1))}),
]  # fmt: skip

TRANSFORMS: list[tuple[str, np.ndarray, dict[str, Any]]] = [
    *((name, WAVES, options) for name in ("fft", "ifft", "irfft", "hfft")
      for options in ({}, {"n": 5, "axis": 0}, {"n": 12, "norm": "ortho"}, {"norm": "forward"})),
    *((name, SIGNAL, options) for name in ("rfft", "ihfft", "fft")
      for options in ({}, {"n": 5, "axis": 0}, {"norm": "ortho"}, {"norm": "forward"})),
    *((name, WAVES, options) for name in ("fftn", "ifftn", "irfftn")
      for options in ({}, {"s": (4, 6), "axes": (0, 1)}, {"axes": (1,), "norm": "ortho"})),
    ("rfftn", SIGNAL, {}), ("rfftn", SIGNAL, {"s": (2, 9), "axes": (0, 1), "norm": "forward"}),
    ("fftshift", SIGNAL, {}), ("ifftshift", WAVES, {"axes": 1}),
    ("fftshift", WAVES, {"axes": (0,)}),
]  # fmt: skip


def parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def agree(label: str, found: gl.Tensor, wanted: np.ndarray, shown: Any) -> None:
    got = found.numpy()
    wanted = np.asarray(wanted)
    assert got.dtype == wanted.dtype, (label, shown)
    assert got.shape == wanted.shape, (label, shown)
    tolerance = 1e-4 if wanted.dtype in (np.float32, np.complex64) else 1e-10
    np.testing.assert_allclose(got, wanted, tolerance, tolerance, err_msg=f"{label} {shown}")


def test_linalg() -> None:
    jobs = []
    for name, args, options in CALLS:
        found = parts(getattr(xp.linalg, name)(*map(xp.asarray, args), **options))
        with np.errstate(all="ignore"):
            wanted = parts(getattr(np.linalg, name)(*args, **options))
        jobs += [(name, f, w, options) for f, w in zip(found, wanted, strict=True)]
    gl.realize(*(job[1] for job in jobs))
    for job in jobs:
        agree(*job)


@pytest.mark.parametrize("x", [TALL, WIDE, BENT, REAL], ids=["tall", "wide", "complex", "float32"])
def test_factors_multiply_to_the_matrix(x: np.ndarray) -> None:
    rows, columns = x.shape[-2:]
    least = min(rows, columns)
    tolerance = 1e-4 if x.dtype == np.float32 else 1e-10
    for mode, size in (("reduced", least), ("complete", rows)):
        found = xp.linalg.qr(xp.asarray(x), mode=mode)
        q, r = found.Q.numpy(), found.R.numpy()
        assert q.shape[-2:] == (rows, size)
        assert r.shape[-2:] == (size, columns)
        np.testing.assert_allclose(q @ r, x, tolerance, tolerance)
        np.testing.assert_array_equal(np.tril(r, -1), 0)
    for full in (True, False):
        found = xp.linalg.svd(xp.asarray(x), full_matrices=full)
        u, s, vh = found.U.numpy(), found.S.numpy(), found.Vh.numpy()
        assert u.shape[-2:] == (rows, rows if full else least)
        assert vh.shape[-2:] == (columns if full else least, columns)
        assert s.dtype == np.abs(x).dtype
        again = (u[..., :least] * s[..., None, :]) @ vh[..., :least, :]
        np.testing.assert_allclose(again, x, tolerance, tolerance)


@pytest.mark.parametrize("x", [GOOD, REAL], ids=["complex", "float32"])
def test_eigenvectors(x: np.ndarray) -> None:
    found = xp.linalg.eigh(xp.asarray(x))
    w, v = found.eigenvalues.numpy(), found.eigenvectors.numpy()
    assert w.dtype == np.abs(x).dtype
    assert v.dtype == x.dtype
    np.testing.assert_allclose(x @ v, v * w[..., None, :], 1e-4, 1e-4)


def test_fft() -> None:
    jobs = []
    for name, x, options in TRANSFORMS:
        wanted = getattr(np.fft, name)(x, **options)
        jobs.append((name, getattr(xp.fft, name)(xp.asarray(x), **options), wanted, options))
    gl.realize(*(job[1] for job in jobs))
    for job in jobs:
        agree(*job)


def test_frequencies() -> None:
    for n in (4, 5):
        for name in ("fftfreq", "rfftfreq"):
            wanted = getattr(np.fft, name)(n, 0.5)
            assert getattr(xp.fft, name)(n, d=0.5).dtype is xp.float32
            agree(name, getattr(xp.fft, name)(n, d=0.5, dtype=xp.float64), wanted, n)


def test_bad_arguments() -> None:
    x = xp.ones((2, 3))
    for name in ("det", "inv", "cholesky", "eigh", "slogdet"):
        with pytest.raises(ShapeError, match="square"):
            getattr(xp.linalg, name)(x)
    with pytest.raises(DTypeError, match="floating"):
        xp.linalg.inv(xp.ones((2, 2), dtype=xp.int64))
    with pytest.raises(DTypeError, match="real floating"):
        xp.fft.rfft(xp.asarray([1j]))
    with pytest.raises(ShapeError, match="size 3"):
        xp.linalg.cross(xp.ones(2), xp.ones(2))

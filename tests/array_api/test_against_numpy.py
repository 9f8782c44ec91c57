"""Functions of whole arrays against NumPy, whose main namespace follows the standard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
import glia.array_api as xp

RNG = np.random.default_rng(1)
CUBE = RNG.normal(size=(3, 4, 2))
WHOLE = RNG.integers(0, 5, (4, 6))
SMALL = WHOLE.astype(np.uint8)
TRUTH = WHOLE > 2
LINE = np.array([3.0, 1.0, 2.0, 1.0])
EMPTY = np.zeros((0, 3))
POINT = np.array(2.5)
WAVES = CUBE + 1j * RNG.normal(size=CUBE.shape)
NANS = np.array([[1.0, np.nan, -np.inf], [np.nan, 2.0, np.inf]])

#: Function, positional arguments, options. The oracle is NumPy's function of that name.
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *((name, (x,), {"axis": axis, "keepdims": keep})
      for name in ("sum", "prod", "max", "min", "mean", "std", "var", "all", "any", "count_nonzero")
      for x, axis, keep in ((CUBE, None, False), (CUBE, (0, -1), True), (CUBE, 1, False),
                            (NANS, -1, False), (POINT, None, True), (CUBE, (), False))),
    *((name, (x,), {"axis": axis, "dtype": dtype})
      for name in ("sum", "prod")
      for x, axis, dtype in (
          (SMALL, 0, None), (WHOLE, None, np.float32), (WAVES, 1, None), (SMALL, 1, np.uint8),
          (EMPTY, 0, None), (CUBE.astype("f"), None, None), (WHOLE.astype(np.uint64), 0, None),
          (WHOLE.astype(np.int16), 0, None))),
    ("mean", (WAVES,), {"axis": 0}), ("mean", (EMPTY,), {"axis": 1}),
    ("var", (CUBE,), {"correction": 1.5}), ("std", (CUBE,), {"axis": 0, "correction": 1}),
    ("max", (SMALL,), {"axis": 0}), ("min", (WHOLE.astype(np.int8),), {}),
    ("all", (TRUTH,), {"axis": 1}), ("any", (EMPTY,), {"axis": 0}), ("all", (WAVES,), {"axis": 0}),
    *((name, (x,), {"axis": axis, "include_initial": first})
      for name in ("cumulative_sum", "cumulative_prod")
      for x, axis, first in ((CUBE, 1, False), (LINE, None, True), (SMALL, -1, True),
      (EMPTY, 0, True))),
    ("cumulative_sum", (SMALL,), {"axis": 0, "dtype": np.float64}),
    ("diff", (WHOLE,), {}), ("diff", (CUBE,), {"axis": 0, "n": 2}), ("diff", (LINE,), {"n": 0}),
    ("diff", (LINE,), {"prepend": LINE[:1], "append": LINE[:2]}), ("diff", (LINE,), {"n": 5}),
    *((name, (x,), {"axis": axis, "keepdims": keep}) for name in ("argmax", "argmin")
      for x, axis, keep in ((CUBE, None, True), (CUBE, -2, False), (NANS, 1, True),
      (SMALL, 0, False))),
    ("nonzero", (WHOLE,), {}), ("nonzero", (NANS,), {}),
    *(("searchsorted", (np.sort(LINE), np.array([[1.0, 2.5], [9, -1]])), {"side": side})
      for side in ("left", "right")),
    ("searchsorted", (LINE, 1.5), {"sorter": np.argsort(LINE)}),
    ("isin", (WHOLE, np.array([1, 4])), {}), ("isin", (WHOLE, 2), {"invert": True}),
    ("isin", (NANS, NANS), {}),
    ("take", (CUBE, np.array([3, 0, -1])), {"axis": 1}), ("take", (LINE, np.array([1, 1])), {}),
    ("take_along_axis", (CUBE, np.argsort(CUBE, 1)), {"axis": 1}),
    ("take_along_axis", (CUBE, np.array([[[1, -1, 0]]])), {"axis": 2}),
    ("broadcast_to", (LINE, (2, 3, 4)), {}), ("broadcast_arrays", (LINE, CUBE[0].T, POINT), {}),
    ("concat", ([CUBE, CUBE[:1]],), {}), ("concat", ([WHOLE, LINE.astype(int)],), {"axis": None}),
    ("concat", ([SMALL, SMALL.astype(np.int8)],), {"axis": 1}),
    ("stack", ([LINE, LINE],), {"axis": -1}),
    ("unstack", (CUBE,), {"axis": 1}), ("expand_dims", (CUBE,), {"axis": -2}),
    ("expand_dims", (CUBE,), {"axis": (0, 2)}), ("squeeze", (CUBE[:1, :, :1],), {"axis": (0, -1)}),
    ("flip", (CUBE,), {}), ("flip", (CUBE,), {"axis": (0, -1)}),
    ("permute_dims", (CUBE, (2, 0, 1)), {}), ("moveaxis", (CUBE, (0, 1), (-1, 0)), {}),
    ("reshape", (CUBE, (2, -1)), {}), ("roll", (CUBE, 5), {}),
    ("roll", (CUBE, (1, -2)), {"axis": (0, 1)}),
    ("roll", (CUBE, 3), {"axis": (0, 1)}), ("roll", (EMPTY, 2), {"axis": 0}),
    ("repeat", (CUBE, 2), {}), ("repeat", (CUBE, np.array([0, 2, 1, 3])), {"axis": 1}),
    ("tile", (CUBE, (2, 1, 1, 3)), {}), ("tile", (CUBE, (2,)), {}), ("tile", (POINT, (3,)), {}),
    ("matmul", (CUBE, CUBE[:, :2, :]), {}), ("matmul", (WHOLE, WHOLE[0]), {}),
    ("matmul", (WAVES[0].T, WAVES[0]), {}), ("matmul", (SMALL, SMALL.T), {}),
    ("tensordot", (CUBE, CUBE), {"axes": ((0, 2), (0, 2))}),
    ("tensordot", (LINE, LINE), {"axes": 0}),
    ("tensordot", (CUBE, CUBE.transpose(1, 2, 0)), {}), ("vecdot", (WAVES, WAVES), {}),
    ("vecdot", (CUBE, CUBE[0]), {"axis": -2}), ("matrix_transpose", (CUBE,), {}),
    ("where", (TRUTH, WHOLE, 7), {}), ("where", (TRUTH, 1.5, np.array(2.0)), {}),
    ("clip", (CUBE, -0.5, 0.5), {}), ("clip", (CUBE, CUBE[0], None), {}),
    ("clip", (NANS, 0.0, None), {}),
    ("clip", (SMALL, None, 3), {}), ("clip", (CUBE, np.array(np.nan), None), {}),
    ("arange", (5,), {}), ("arange", (2, 9, 3), {}), ("arange", (3, 3), {}),
    ("arange", (5, 0, -2), {}),
    ("arange", (0, 1, 0.25), {"dtype": np.float64}), ("arange", (5,), {"dtype": np.uint8}),
    ("linspace", (0, 1, 5), {"dtype": np.float64, "endpoint": False}),
    ("linspace", (1, -1, 0), {"dtype": np.float64}), ("linspace", (3, 9, 1), {"dtype": np.float64}),
    ("linspace", (0, 1j, 3), {"dtype": np.complex128}), ("eye", (3,), {"dtype": np.int8, "k": -1}),
    ("eye", (2, 4), {"dtype": np.float64}), ("full", ((2, 3), 7), {}), ("full", (2, True), {}),
    ("full", ((), 1.5), {"dtype": np.float64}), ("zeros", ((2, 0),), {"dtype": np.int32}),
    ("ones", (3,), {"dtype": np.complex64}), ("ones_like", (SMALL,), {}),
    ("zeros_like", (WAVES,), {}),
    ("full_like", (CUBE, 2), {"dtype": np.int64}), ("tril", (CUBE,), {"k": -1}),
    ("triu", (WHOLE,), {"k": 2}),
    ("meshgrid", (LINE, LINE[:2], LINE[:3]), {}),
    ("meshgrid", (LINE, LINE[:2]), {"indexing": "ij"}),
    ("meshgrid", (LINE,), {}), ("meshgrid", (POINT.reshape(1), LINE), {}),
]  # fmt: skip


def given(value: Any) -> Any:
    """NumPy's arrays and dtypes as ours."""
    if isinstance(value, np.ndarray):
        return xp.asarray(value)
    if isinstance(value, list):
        return [given(item) for item in value]
    return getattr(xp, value.__name__) if isinstance(value, type) else value


def every(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def agree(label: str, found: gl.Tensor, wanted: Any) -> None:
    got = found.numpy()
    wanted = np.asarray(wanted)
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape), label
    tolerance = 1e-5 if wanted.dtype in (np.float32, np.complex64) else 1e-12
    np.testing.assert_allclose(got, wanted, tolerance, tolerance, err_msg=label)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_calls() -> None:
    """As NumPy; all results are computed in one program."""
    jobs = []
    for name, args, options in CALLS:
        call = f"{name}, argument 0 {type(args[0]).__name__}, {options}"
        mine = {key: given(value) for key, value in options.items()}
        found = every(getattr(xp, name)(*map(given, args), **mine))
        wanted = every(getattr(np, name)(*args, **options))
        assert len(found) == len(wanted), call
        assert all(isinstance(part, xp.Array) for part in found), call
        jobs += [(call, *pair) for pair in zip(found, wanted, strict=True)]
    gl.realize(*(found for _, found, _ in jobs))
    for job in jobs:
        agree(*job)

"""Kernels that NumPy runs, between native ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from compiler.oracle import compare, leaves_for

import glia as gl
from glia.base.dtypes import DType, complex64, complex128, float16, float32
from glia.ir import build
from glia.ir.expr import intern
from glia.ir.ops.elementwise import ADD, CAST, MUL
from glia.ir.ops.index import gather
from glia.ir.ops.order import argsort
from glia.ir.ops.view import permute, reshape
from glia.ir.table import TABLE
from glia.tensor.tensor import apply

RNG = np.random.default_rng(3)


def test_between_native_kernels() -> None:
    x = RNG.normal(size=(64, 100)).astype(np.float32)
    (leaf,) = leaves_for([x])
    keys = build.add(build.exp(leaf), 1.0)
    order = argsort(keys, 1)
    total = build.sum_(build.mul(gather(keys, order, 1), leaf), 1)
    turned = argsort(permute(leaf, (1, 0)), 0, True)
    compare([total, order, turned], {leaf: x})


@pytest.mark.parametrize("dtype", [float16, complex64, complex128], ids=str)
def test_numbers_without_native_code(dtype: DType) -> None:
    a, b = (RNG.normal(size=(5, 8)).astype(dtype.np) for _ in range(2))
    x, y = leaves_for([a, b])
    if not dtype.is_complex:
        total = intern(ADD, (intern(MUL, (x, y)), x))
        compare([total, intern(CAST, (total,), (float32,))], {x: a, y: b})
    compare([reshape(permute(x, (1, 0)), (40,)), y], {x: a, y: b})


def test_what_it_raises_is_raised_where_the_value_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_arrays: np.ndarray, **_attrs: object) -> np.ndarray:
        raise ZeroDivisionError("no order today")

    monkeypatch.setitem(TABLE, "argsort", replace(TABLE["argsort"], numpy=broken))
    x = gl.tensor([3.0, 1.0])
    with pytest.raises(ZeroDivisionError, match="no order"):
        (apply(argsort, (x,), 0) + 1).numpy()
    monkeypatch.undo()
    assert (apply(argsort, (x,), 0) + 1).tolist() == [2, 1]


@pytest.mark.parametrize("threads", [1, 4])
def test_in_a_compiled_step(threads: int) -> None:
    before = gl.get_num_threads()
    gl.set_num_threads(threads)

    @gl.jit
    def sort(x: gl.Tensor) -> gl.Tensor:
        return x.gather(0, apply(argsort, (x,), 0)) @ gl.ones(300, 300)

    try:
        for _ in range(3):
            x = RNG.normal(size=(300, 300)).astype(np.float32)
            wanted = np.sort(x, 0) @ np.ones((300, 300), np.float32)
            np.testing.assert_allclose(sort(gl.tensor(x)).numpy(), wanted, rtol=1e-4, atol=1e-4)
    finally:
        gl.set_num_threads(before)

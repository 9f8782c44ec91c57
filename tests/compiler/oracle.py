"""Running expressions through the compiler and through the interpreter, for comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from glia.base.dtypes import as_dtype
from glia.ir.expr import Expr, intern, topological
from glia.ir.interpret import interpret
from glia.ir.ops.source import leaf
from glia.runtime.execute import execute
from glia.runtime.slots import acquire

#: Largest error of one operation, relative to the size of what is compared.
TOLERANCE = {"float16": 0.0, "float32": 2e-6, "float64": 1e-13}
TOLERANCE |= {"complex64": TOLERANCE["float32"], "complex128": TOLERANCE["float64"]}


def leaves_for(arrays: Sequence[np.ndarray]) -> list[Expr]:
    """One leaf per array, numbered from -1 downwards: the runtime knows none of them."""
    return [leaf(-1 - i, x.shape, as_dtype(x.dtype)) for i, x in enumerate(arrays)]


def compiled(outputs: Sequence[Expr], values: Mapping[Expr, np.ndarray]) -> list[np.ndarray]:
    """The values of ``outputs`` by machine code; same arguments as ``interpret``."""
    held = {}
    done: dict[Expr, Expr] = {}
    for node in topological(outputs):
        if node.op.name == "leaf":
            held[node] = acquire(node.shape, node.dtype)
            held[node].slot.array[...] = values[node]
            done[node] = held[node].slot.leaf
        else:
            done[node] = intern(node.op, tuple(done[child] for child in node.inputs), node.attrs)
    results = [acquire(node.shape, node.dtype) for node in outputs]
    for result in results:  # what is not written must show
        result.slot.array.reshape(-1).view(np.uint8)[...] = 0xA5
    execute(tuple(done[node] for node in outputs), [result.slot for result in results])
    return [result.slot.array.copy() for result in results]


def assert_same(found: np.ndarray, expected: np.ndarray, what: str = "") -> None:
    """Equal shape, dtype and bits, except that all NaN are one."""
    assert found.dtype == expected.dtype, what
    np.testing.assert_array_equal(found, expected, err_msg=what)
    if found.dtype.kind == "f":
        finite = ~np.isnan(expected)
        signs = np.signbit(found[finite]) == np.signbit(expected[finite])
        assert signs.all(), f"{what}: signs of zeros differ"


def assert_close(
    found: np.ndarray, expected: np.ndarray, what: str = "", factor: float = 1
) -> None:
    """Equal within the tolerance of the dtype, scaled by the largest finite element."""
    assert found.shape == expected.shape, what
    assert found.dtype == expected.dtype, what
    if found.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, expected, err_msg=what)
        return
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    allowed = TOLERANCE[found.dtype.name] * factor * scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed, err_msg=what)


def compare(outputs: Sequence[Expr], values: Mapping[Expr, np.ndarray], factor: float = 1) -> None:
    """The compiled program gives what the interpreter says."""
    expected = interpret(outputs, values)
    for i, (a, b) in enumerate(zip(compiled(outputs, values), expected, strict=True)):
        assert_close(a, b, f"output {i}", factor)

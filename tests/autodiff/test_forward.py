"""Forward mode of every row: the same derivative as the gradient's, and as differences."""

from __future__ import annotations

import numpy as np
import pytest
from compiler.oracle import leaves_for

from glia.autodiff.forward import pushforward
from glia.autodiff.reverse import pullback
from glia.base.errors import GradError
from glia.ir import build
from glia.ir.expr import Expr, intern
from glia.ir.interpret import interpret
from glia.ir.ops.control import bound
from glia.ir.ops.custom import custom
from glia.ir.ops.source import leaf
from glia.ir.table import TABLE, Op, Sample

#: No derivative, or one that is written by hand and means nothing.
WITHOUT = {"leaf", "bound", "custom", "detach"}
ROWS = [r for r in TABLE.values() if r.name not in WITHOUT and (r.gradient or r.name == "scan")]


def samples_of(row: Op) -> list[Sample]:
    """The samples of few numbers, in float64."""
    found = []
    for sample in row.samples():
        kinds = [array.dtype for array in sample.arrays]
        other = getattr(sample.attrs.get("dtype"), "name", "float64") != "float64"
        numbers = {np.dtype(np.float64), np.dtype(np.complex128)}
        if numbers & set(kinds) and sample.differentiable and not other:
            found.append(sample)
    return found


def normal(rng: np.random.Generator, like: Expr) -> np.ndarray:
    real, imag = rng.normal(size=(2, *like.shape))
    return (real + 1j * imag if like.dtype.is_complex else real).astype(like.dtype.np)


def inner(a: np.ndarray, b: np.ndarray) -> float:
    """Of complex numbers as pairs of real ones."""
    return float(np.sum((a * np.conj(b)).real))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_forward_mode_is_the_transpose_of_reverse_mode(row: Op) -> None:
    """``w · (J v) = (Jᵀ w) · v``, for v of all inputs and of one alone."""
    rng = np.random.default_rng(7)
    for sample in samples_of(row):
        inputs = leaves_for(sample.arrays)
        node = intern(row, tuple(inputs), tuple(sample.attrs[name] for name in row.attrs))
        values = dict(zip(inputs, sample.arrays, strict=True))
        floats = [x for x in inputs if x.dtype.is_inexact]
        directions = [leaf(-50 - i, x.shape, x.dtype) for i, x in enumerate(floats)]
        values.update((v, normal(rng, v)) for v in directions)
        weights = leaf(-99, node.shape, node.dtype)
        values[weights] = normal(rng, weights)
        for chosen in {(0, len(floats)), (0, 1), (len(floats) - 1, len(floats))}:
            part = slice(*chosen)
            tangents = dict(zip(floats[part], directions[part], strict=True))
            value, dot = pushforward([node], tangents)
            back = pullback(node, floats, weights)
            results = [x for x in (*value, *dot) if x is not None]
            expected: list[Expr] = [g for g in back[part] if g is not None]
            y, *rest = interpret([node, *results, *expected], values)
            np.testing.assert_array_equal(rest[0], y)
            if len(results) < 2:
                assert not expected or not any(np.any(g) for g in rest[1:])
                continue
            found = inner(rest[1], values[weights])
            pairs = [
                (g, v) for g, v in zip(back[part], directions[part], strict=True) if g is not None
            ]
            wanted = sum(
                inner(array, values[v]) for array, (_, v) in zip(rest[2:], pairs, strict=True)
            )
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_a_branch_not_taken_gives_no_nan() -> None:
    (x,) = leaves_for([np.zeros(3)])
    y = build.where(build.lt(0.0, x), build.sqrt(x), 0.0)
    _, (dot,) = pushforward([y], {x: build.full((3,), 1.0, x.dtype)})
    assert dot is not None
    assert interpret([dot], {x: np.array([0.0, 4.0, -1.0])})[0].tolist() == [0.0, 0.25, 0.0]


def test_what_cannot_be_differentiated_says_so() -> None:
    (x,) = leaves_for([np.ones(3)])
    (node,) = custom([x], [x], "vjp", [bound(1, (3,), x.dtype)])
    with pytest.raises(GradError, match="has no forward mode"):
        pushforward([node], {x: x})

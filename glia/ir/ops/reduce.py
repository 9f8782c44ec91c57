"""Reductions over named dimensions. The reduced dimensions stay, with size 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glia.base.dtypes import DType, int32
from glia.base.errors import ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.complex import analytic, refuse_complex
from glia.ir.ops.elementwise import DIV, EQ, MUL, WHERE
from glia.ir.ops.source import const
from glia.ir.ops.view import broadcast_to
from glia.ir.table import Bad, Op, Sample, register


def _infer(name: str, needs_elements: bool) -> Callable:
    def infer(inputs: tuple[Expr, ...], dims: tuple[int, ...]) -> tuple[Shape, DType]:
        (x,) = inputs
        if needs_elements:
            refuse_complex(name, x)
        if any(not 0 <= dim < x.ndim for dim in dims) or list(dims) != sorted(set(dims)):
            raise ShapeError(teach(f"{name}: dims {dims} do not fit shape {x.shape}."))
        if needs_elements and any(x.shape[dim] == 0 for dim in dims):
            message = f"{name}: nothing to choose from in shape {x.shape} over dims {dims}."
            raise ShapeError(teach(message, "check that the tensor is not empty"))
        shape = tuple(1 if dim in dims else size for dim, size in enumerate(x.shape))
        return shape, x.dtype

    return infer


def _sum_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    return (broadcast_to(g, node.inputs[0].shape),)


def _prod_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    """∂/∂xᵢ Π x = Π of the others; written so that zeros are no exception."""
    (x,) = node.inputs
    dims = node.attrs[0]
    zero = broadcast_to(const(0.0, x.dtype), x.shape)
    one = broadcast_to(const(1.0, x.dtype), x.shape)
    is_zero = intern(EQ, (x, zero))
    safe = intern(WHERE, (is_zero, one, x))
    rest = broadcast_to(intern(PROD, (safe,), (dims,)), x.shape)
    zeros = broadcast_to(intern(SUM, (intern(WHERE, (is_zero, one, zero)),), (dims,)), x.shape)
    if_zero = intern(WHERE, (intern(EQ, (zeros, one)), rest, zero))
    if_not = intern(WHERE, (intern(EQ, (zeros, zero)), intern(DIV, (rest, safe)), zero))
    others = intern(WHERE, (is_zero, if_zero, if_not))
    return (intern(MUL, (broadcast_to(g, x.shape), others)),)


def _extreme_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    """To the extreme elements; several equal ones share it equally, as PyTorch's amax does."""
    (x,) = node.inputs
    hit = intern(EQ, (x, broadcast_to(node, x.shape)))
    one = broadcast_to(const(1.0, x.dtype), x.shape)
    zero = broadcast_to(const(0.0, x.dtype), x.shape)
    ties = intern(SUM, (intern(WHERE, (hit, one, zero)),), node.attrs)
    share = broadcast_to(intern(DIV, (g, ties)), x.shape)
    return (intern(WHERE, (hit, share, zero)),)


def _samples(integers: bool, empty: bool) -> Callable[[], Sequence[Sample]]:
    def samples() -> Sequence[Sample]:
        rng = np.random.default_rng(3)
        found = []
        for shape, dims in (
            ((6,), (0,)),
            ((3, 4), (0,)),
            ((3, 4), (1,)),
            ((2, 3, 4), (0, 2)),
            ((2, 3, 4), ()),
            ((5, 1), (1,)),
            ((2, 33), (1,)),
            ((70, 3), (0,)),
        ):
            for dtype in (np.float32, np.float64):
                found.append(Sample((rng.normal(size=shape).astype(dtype),), {"dims": dims}))
            if integers:
                values = rng.integers(-3, 4, shape).astype(np.int64)
                found.append(Sample((values,), {"dims": dims}))
        if empty:
            found.append(Sample((np.zeros((0, 3), np.float32),), {"dims": (0,)}))
        return found

    return samples


def _bad(needs_elements: bool) -> Callable[[], Sequence[Bad]]:
    x = np.ones((2, 3), np.float32)
    cases = [Bad((x,), {"dims": (2,)}, ShapeError, "do not fit")]
    if needs_elements:
        cases.append(Bad((x[:0],), {"dims": (0,)}, ShapeError, "nothing to choose"))
    return lambda: cases


def _row(name: str, formula: str, function: Callable, gradient: Callable, empty: bool) -> Op:
    def meaning(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
        return function(x, axis=dims, keepdims=True)

    return register(
        Op(
            name,
            "reduce",
            formula,
            _infer(name, not empty),
            meaning,
            gradient,
            ("dims",),
            _samples(True, empty),
            _bad(not empty),
        )
    )


def _plain_sum(x: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.sum(x, axis=axis, keepdims=keepdims, dtype=_running(x.dtype)).astype(x.dtype)


def _plain_prod(x: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.prod(x, axis=axis, keepdims=keepdims, dtype=_running(x.dtype)).astype(x.dtype)


def _running(dtype: np.dtype) -> np.dtype:
    """Halves are added up in float32."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


SUM = _row("sum", "Σ x", _plain_sum, _sum_gradient, True)
PROD = _row("prod", "Π x", _plain_prod, analytic(_prod_gradient), True)
RMAX = _row("max", "max x", np.max, _extreme_gradient, False)
RMIN = _row("min", "min x", np.min, _extreme_gradient, False)


def _argmax_infer(inputs: tuple[Expr, ...], dim: int) -> tuple[Shape, DType]:
    shape, _ = _infer("argmax", True)(inputs, (dim,))
    return shape, int32


def _argmax_numpy(x: np.ndarray, dim: int) -> np.ndarray:
    return np.argmax(x, axis=dim, keepdims=True).astype(np.int32)


def _argmax_samples() -> Sequence[Sample]:
    rng = np.random.default_rng(4)
    ties = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]], np.float32)
    found = [Sample((ties,), {"dim": 0}), Sample((ties,), {"dim": 1})]
    found.append(Sample((rng.normal(size=(3, 40)),), {"dim": 1}))
    found.append(Sample((rng.integers(0, 5, (4, 9, 2)),), {"dim": 1}))
    return found


ARGMAX = register(
    Op(
        "argmax",
        "reduce",
        "first i with x[i] = max x",
        _argmax_infer,
        _argmax_numpy,
        lambda node, g: (None,),
        ("dim",),
        _argmax_samples,
        lambda: [Bad((np.zeros((2, 0), np.float32),), {"dim": 1}, ShapeError, "nothing")],
    )
)

"""Views: the same numbers under other indices. They cost nothing: kernels fold them in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape, numel
from glia.ir.expr import Expr, intern
from glia.ir.ops.source import const
from glia.ir.table import Bad, Op, Sample, register

_X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7


def _reshape_infer(inputs: tuple[Expr, ...], shape: Shape) -> tuple[Shape, DType]:
    (x,) = inputs
    if numel(shape) != x.numel:
        message = f"reshape: {x.shape} has {x.numel} elements, {shape} has {numel(shape)}."
        raise ShapeError(teach(message, "keep the number of elements"))
    return shape, x.dtype


def _permute_infer(inputs: tuple[Expr, ...], dims: Shape) -> tuple[Shape, DType]:
    (x,) = inputs
    if sorted(dims) != list(range(x.ndim)):
        message = f"permute: {dims} does not name each dimension of {x.shape} once."
        raise ShapeError(teach(message))
    return tuple(x.shape[dim] for dim in dims), x.dtype


def _expand_infer(inputs: tuple[Expr, ...], shape: Shape) -> tuple[Shape, DType]:
    (x,) = inputs
    fits = len(shape) == x.ndim
    if not fits or any(a not in (1, b) for a, b in zip(x.shape, shape, strict=True)):
        raise ShapeError(teach(f"expand: {x.shape} does not expand to {shape}.", "sizes must be 1"))
    return shape, x.dtype


def _pad_infer(inputs: tuple[Expr, ...], before: Shape, after: Shape) -> tuple[Shape, DType]:
    (x,) = inputs
    if len(before) != x.ndim or len(after) != x.ndim or min((*before, *after), default=0) < 0:
        raise ShapeError(teach(f"pad: {before} and {after} do not fit shape {x.shape}."))
    return tuple(b + s + a for b, s, a in zip(before, x.shape, after, strict=True)), x.dtype


def _slice_infer(
    inputs: tuple[Expr, ...], start: Shape, stop: Shape, step: Shape
) -> tuple[Shape, DType]:
    (x,) = inputs
    ok = len(start) == len(stop) == len(step) == x.ndim
    ok = ok and all(
        0 <= a <= b <= n and s > 0 for a, b, s, n in zip(start, stop, step, x.shape, strict=True)
    )
    if not ok:
        message = f"slice: {start}:{stop}:{step} does not fit shape {x.shape}."
        raise ShapeError(teach(message))
    sizes = zip(start, stop, step, strict=True)
    return tuple(-(-(b - a) // s) for a, b, s in sizes), x.dtype


def _flip_infer(inputs: tuple[Expr, ...], dims: Shape) -> tuple[Shape, DType]:
    (x,) = inputs
    if any(not 0 <= dim < x.ndim for dim in dims):
        raise ShapeError(teach(f"flip: dims {dims} do not fit shape {x.shape}."))
    return x.shape, x.dtype


def _concat_infer(inputs: tuple[Expr, ...], dim: int) -> tuple[Shape, DType]:
    first = inputs[0]
    rest = {(*x.shape[:dim], *x.shape[dim + 1 :]) for x in inputs}
    if len(rest) > 1 or not 0 <= dim < first.ndim:
        found = ", ".join(str(x.shape) for x in inputs)
        message = f"concat along {dim}: shapes {found} differ in another dimension."
        raise ShapeError(teach(message, "all other sizes must be equal"))
    if len({x.dtype for x in inputs}) > 1:
        raise DTypeError(teach("concat: dtypes differ.", "convert with .to(dtype)"))
    size = sum(x.shape[dim] for x in inputs)
    return (*first.shape[:dim], size, *first.shape[dim + 1 :]), first.dtype


def _pad_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    before = node.attrs[0]
    stop = tuple(b + s for b, s in zip(before, node.inputs[0].shape, strict=True))
    return (slice_(g, before, stop, (1,) * g.ndim),)


def _slice_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    from glia.ir.ops.window import dilate

    start, _stop, step = node.attrs
    shape = node.inputs[0].shape
    if node.numel == 0:
        return (broadcast_to(const(0.0, g.dtype), shape),)
    spread = dilate(g, step)
    after = tuple(n - a - s for n, a, s in zip(shape, start, spread.shape, strict=True))
    return (pad(spread, start, after),)


def _concat_gradient(node: Expr, g: Expr) -> tuple[Expr, ...]:
    (dim,) = node.attrs
    parts, at = [], 0
    for x in node.inputs:
        start = tuple(at if d == dim else 0 for d in range(g.ndim))
        at += x.shape[dim]
        stop = tuple(at if d == dim else size for d, size in enumerate(g.shape))
        parts.append(slice_(g, start, stop, (1,) * g.ndim))
    return tuple(parts)


def _expand_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    from glia.ir.ops.reduce import SUM

    (x,) = node.inputs
    dims = tuple(d for d, (a, b) in enumerate(zip(x.shape, g.shape, strict=True)) if a != b)
    return (intern(SUM, (g,), (dims,)) if dims else g,)


def _permute_gradient(node: Expr, g: Expr) -> tuple[Expr]:
    (dims,) = node.attrs
    return (permute(g, tuple(dims.index(d) for d in range(len(dims)))),)


def _pad_numpy(x: np.ndarray, before: Shape, after: Shape) -> np.ndarray:
    return np.pad(x, tuple(zip(before, after, strict=True)))


def _slice_numpy(x: np.ndarray, start: Shape, stop: Shape, step: Shape) -> np.ndarray:
    return x[tuple(slice(a, b, s) for a, b, s in zip(start, stop, step, strict=True))]


def _of(name: str, values: Sequence[tuple]) -> Sequence[Sample]:
    return [Sample((_X,), dict(zip(name.split(), value, strict=True))) for value in values]


RESHAPE = register(
    Op(
        "reshape",
        "view",
        "x as shape, row-major",
        _reshape_infer,
        lambda x, shape: np.reshape(x, shape),
        lambda node, g: (reshape(g, node.inputs[0].shape),),
        ("shape",),
        lambda: _of("shape", [((6, 4),), ((24,),), ((4, 3, 2),), ((2, 1, 12),), ((3, 8),)]),
        lambda: [Bad((_X,), {"shape": (5, 5)}, ShapeError, "elements")],
    )
)
PERMUTE = register(
    Op(
        "permute",
        "view",
        "out[i∘p] = x[i]",
        _permute_infer,
        lambda x, dims: np.transpose(x, dims),
        _permute_gradient,
        ("dims",),
        lambda: _of("dims", [((2, 0, 1),), ((0, 2, 1),), ((2, 1, 0),)]),
        lambda: [Bad((_X,), {"dims": (0, 0, 1)}, ShapeError, "once")],
    )
)
EXPAND = register(
    Op(
        "expand",
        "view",
        "repeat along dimensions of size 1",
        _expand_infer,
        lambda x, shape: np.broadcast_to(x, shape),
        _expand_gradient,
        ("shape",),
        lambda: [Sample((_X[:, :1],), {"shape": (2, 5, 4)}), Sample((_X,), {"shape": (2, 3, 4)})],
        lambda: [Bad((_X,), {"shape": (2, 6, 4)}, ShapeError, "expand")],
    )
)
PAD = register(
    Op(
        "pad",
        "view",
        "zeros around x",
        _pad_infer,
        _pad_numpy,
        _pad_gradient,
        ("before", "after"),
        lambda: _of("before after", [((1, 0, 2), (0, 3, 1)), ((0, 0, 0), (0, 0, 1))]),
        lambda: [Bad((_X,), {"before": (-1, 0, 0), "after": (0, 0, 0)}, ShapeError, "fit")],
    )
)
SLICE = register(
    Op(
        "slice",
        "view",
        "x[start:stop:step]",
        _slice_infer,
        _slice_numpy,
        _slice_gradient,
        ("start", "stop", "step"),
        lambda: _of(
            "start stop step",
            [
                ((0, 1, 0), (2, 3, 4), (1, 1, 1)),
                ((0, 0, 1), (2, 3, 4), (1, 2, 2)),
                ((0, 0, 2), (2, 3, 2), (1, 1, 1)),
            ],
        ),
        lambda: [
            Bad(
                (_X,), {"start": (0, 0, 0), "stop": (2, 3, 5), "step": (1, 1, 1)}, ShapeError, "fit"
            )
        ],
    )
)
FLIP = register(
    Op(
        "flip",
        "view",
        "x[n-1-i]",
        _flip_infer,
        lambda x, dims: np.flip(x, dims),
        lambda node, g: (intern(FLIP, (g,), node.attrs),),
        ("dims",),
        lambda: _of("dims", [((0,),), ((1, 2),)]),
        lambda: [Bad((_X,), {"dims": (3,)}, ShapeError, "fit")],
    )
)
CONCAT = register(
    Op(
        "concat",
        "view",
        "x₁ then x₂ … along dim",
        _concat_infer,
        lambda *xs, dim: np.concatenate(xs, dim),
        _concat_gradient,
        ("dim",),
        lambda: [
            Sample((_X, _X[:, :2]), {"dim": 1}),
            Sample((_X, _X * 2, _X[:1]), {"dim": 0}),
            Sample((_X,), {"dim": 2}),
        ],
        lambda: [Bad((_X, _X[:1]), {"dim": 1}, ShapeError, "differ")],
    )
)


def reshape(x: Expr, shape: Shape) -> Expr:
    return x if x.shape == shape else intern(RESHAPE, (x,), (shape,))


def permute(x: Expr, dims: Shape) -> Expr:
    return x if dims == tuple(range(x.ndim)) else intern(PERMUTE, (x,), (dims,))


def expand(x: Expr, shape: Shape) -> Expr:
    return x if x.shape == shape else intern(EXPAND, (x,), (shape,))


def broadcast_to(x: Expr, shape: Shape) -> Expr:
    """NumPy's broadcasting: leading dimensions are added, sizes of 1 repeated."""
    if x.shape == shape:
        return x
    if len(shape) < x.ndim:
        raise ShapeError(teach(f"cannot broadcast {x.shape} to {shape}."))
    return expand(reshape(x, (1,) * (len(shape) - x.ndim) + x.shape), shape)


def pad(x: Expr, before: Shape, after: Shape) -> Expr:
    return intern(PAD, (x,), (before, after)) if any((*before, *after)) else x


def slice_(x: Expr, start: Shape, stop: Shape, step: Shape) -> Expr:
    whole = stop == x.shape and not any(start) and all(s == 1 for s in step)
    return x if whole else intern(SLICE, (x,), (start, stop, step))


def concat(xs: Sequence[Expr], dim: int) -> Expr:
    return xs[0] if len(xs) == 1 else intern(CONCAT, tuple(xs), (dim,))


def flip(x: Expr, dims: Shape) -> Expr:
    return intern(FLIP, (x,), (dims,)) if dims else x

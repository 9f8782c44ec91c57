"""What normalisation computes, as expressions. Checks stand here: they run once per new shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, numel
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.view import pad, slice_
from glia.nn.formulas import along_channels, check_dtype, check_float


def _normalized(x: Expr, mean: Expr, variance: Expr, eps: float) -> Expr:
    return build.mul(build.sub(x, mean), build.rsqrt(build.add(variance, eps)))


def _own(x: Expr, dims: Shape, eps: float) -> Expr:
    """``(x - E x) / √(Var x + ε)`` over some dimensions."""
    return _normalized(x, build.mean(x, dims, True), build.var(x, dims, 0, True), eps)


def _scaled(layer: str, x: Expr, out: Expr, flags: str, affine: list[Any], shape: Shape) -> Expr:
    """``w · out + b``; flags say which of the two there are, ``shape`` how they stand."""
    given = dict(zip(flags, affine, strict=True))
    for name, part in given.items():
        if part.numel != numel(shape):
            kind = {"w": "weight", "b": "bias"}[name]
            what = tr(
                f"{layer}: expected {kind} of {numel(shape)} elements, got shape {part.shape}.",
                f"{layer}：{kind} 应有 {numel(shape)} 个元素，得到形状 {part.shape}。",
            )
            raise ShapeError(teach(what))
        check_dtype(layer, x, part)
    if "w" in given:
        out = build.mul(out, build.reshape(given["w"], shape))
    return build.add(out, build.reshape(given["b"], shape)) if "b" in given else out


# Over the last dimensions


def check_last(layer: str, x: Expr, shape: Shape) -> Shape:
    """The last dimensions, which must be of these sizes."""
    check_float(layer, x)
    k = len(shape)
    if x.ndim < k or not k or x.shape[x.ndim - k :] != shape:
        what = tr(
            f"{layer}: expected last dimensions {shape}, got {x.shape}.",
            f"{layer}：最后几维应为 {shape}，得到 {x.shape}。",
        )
        last = x.shape[max(x.ndim - k, 0) :]
        help = tr(f"set normalized_shape={last}", f"请设 normalized_shape={last}")
        raise ShapeError(teach(what, help))
    return tuple(range(x.ndim - k, x.ndim))


def layer_norm(x: Expr, *rest: Any) -> Expr:
    """``(x - E x) / √(Var x + ε) · w + b``; ``rest``: [weight], [bias], flags, sizes, eps."""
    *affine, flags, shape, eps = rest
    dims = check_last("LayerNorm", x, shape)
    return _scaled("LayerNorm", x, _own(x, dims, eps), flags, affine, shape)


def rms_norm(x: Expr, *rest: Any) -> Expr:
    """``x / √(E x² + ε) · w``; ``rest``: [weight], sizes, eps (None: the dtype's)."""
    *weight, shape, eps = rest
    dims = check_last("RMSNorm", x, shape)
    least = float(np.finfo(x.dtype.np).eps) if eps is None else eps
    out = build.mul(x, build.rsqrt(build.add(build.mean(build.mul(x, x), dims, True), least)))
    return _scaled("RMSNorm", x, out, "w" if weight else "", weight, shape)


# Over channels


def _batch_dims(x: Expr) -> Shape:
    return (0, *range(2, x.ndim))


def _per_channel(x: Expr) -> Shape:
    return (1, x.shape[1], *(1,) * (x.ndim - 2))


def batch_norm_train(x: Expr, *rest: Any) -> Expr:
    """By the batch's own mean and variance; ``rest``: [weight], [bias], flags, eps."""
    *affine, flags, eps = rest
    if x.numel == x.shape[1]:
        what = tr(
            f"BatchNorm: expected more than 1 value per channel when training, got {x.shape}.",
            f"BatchNorm：训练时每个通道需要多于 1 个值，得到 {x.shape}。",
        )
        help = tr("use a larger batch, or net.eval()", "请用更大的批量，或调用 net.eval()")
        raise ShapeError(teach(what, help))
    out = _own(x, _batch_dims(x), eps)
    return _scaled("BatchNorm", x, out, flags, affine, _per_channel(x))


def norm_eval(x: Expr, mean: Expr, variance: Expr, *rest: Any) -> Expr:
    """By the running statistics; ``rest``: [weight], [bias], flags, eps."""
    *affine, flags, eps = rest
    for part in (mean, variance):
        if part.shape != (x.shape[1],):
            what = tr(
                f"expected running statistics ({x.shape[1]},), got {part.shape}.",
                f"统计量的形状应为 ({x.shape[1]},)，得到 {part.shape}。",
            )
            raise ShapeError(teach(what, tr("one for every channel", "每个通道一个")))
    out = _normalized(x, along_channels(x, mean), along_channels(x, variance), eps)
    return _scaled("BatchNorm", x, out, flags, affine, _per_channel(x))


def instance_norm(x: Expr, *rest: Any) -> Expr:
    """By mean and variance of each sample's channel; ``rest``: [weight], [bias], flags, eps."""
    *affine, flags, eps = rest
    if numel(x.shape[2:]) == 1:
        what = tr(
            f"InstanceNorm: expected more than 1 position per channel, got {x.shape}.",
            f"InstanceNorm：每个通道需要多于 1 个位置，得到 {x.shape}。",
        )
        raise ShapeError(teach(what, tr("use a larger picture", "请用更大的图像")))
    out = _own(x, tuple(range(2, x.ndim)), eps)
    return _scaled("InstanceNorm", x, out, flags, affine, _per_channel(x))


def group_norm(x: Expr, *rest: Any) -> Expr:
    """By mean and variance of each group of channels; ``rest``: …, flags, groups, eps."""
    *affine, flags, groups, eps = rest
    check_float("GroupNorm", x)
    if x.ndim < 2 or groups < 1 or x.shape[1] % groups:
        what = tr(
            f"GroupNorm: expected (N, C, …) with C a multiple of {groups} groups, got {x.shape}.",
            f"GroupNorm：需要 (N, C, …)，且 C 是 {groups} 的倍数，得到 {x.shape}。",
        )
        raise ShapeError(teach(what, tr("channels are the second size", "通道是第二维")))
    split = (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    grouped = build.reshape(x, split)
    out = build.reshape(_own(grouped, tuple(range(2, len(split))), eps), x.shape)
    return _scaled("GroupNorm", x, out, flags, affine, _per_channel(x))


def local_response_norm(x: Expr, size: int, alpha: float, beta: float, k: float) -> Expr:
    """``x / (k + α/n Σ x²)^β``; the sum runs over n channels around each, zeros beside them."""
    if x.ndim < 3 or size < 1:
        what = tr(
            f"LocalResponseNorm: expected (N, C, …) and size of at least 1, got {x.shape}, {size}.",
            f"LocalResponseNorm：需要 (N, C, …) 且 size 至少为 1，得到 {x.shape}、{size}。",
        )
        raise ArgumentError(teach(what))
    tail = (0,) * (x.ndim - 2)
    before, after = size // 2, (size - 1) // 2
    squares = pad(build.mul(x, x), (0, before, *tail), (0, after, *tail))
    total = None
    for shift in range(size):
        start = (0, shift, *tail)
        stop = (x.shape[0], shift + x.shape[1], *x.shape[2:])
        part = slice_(squares, start, stop, (1,) * x.ndim)
        total = part if total is None else build.add(total, part)
    assert total is not None
    whole = x.dtype.kind != "float"  # whose mean is rounded down, as in PyTorch
    mean = build.floor_divide(total, size) if whole else build.div(total, float(size))
    scale = build.add(build.mul(mean, alpha), k)
    return build.div(x, build.power(scale, beta))


# Checks of layers


def check_rank(x: Expr, features: int, ranks: Shape, layer: str) -> None:
    """A layer's input: (N, C, …) with C as the layer was made for."""
    if x.ndim in ranks and x.shape[1] == features:
        check_float(layer, x)
        return
    sizes = ("L", "H, W", "D, H, W")
    shapes = [(f"(N, {features}, {sizes[r - 3]})" if r > 2 else f"(N, {features})") for r in ranks]
    wanted = " / ".join(shapes)
    what = tr(
        f"{layer}: expected input {wanted}, got {x.shape}.",
        f"{layer}：需要形状 {wanted} 的输入，得到 {x.shape}。",
    )
    help = tr("the second size is num_features", "第二维的大小应等于 num_features")
    raise ShapeError(teach(what, help))


# Running statistics, from the input


def running_mean(old: Expr, x: Expr, momentum: float) -> Expr:
    """``(1 - m) · old + m · E x``."""
    return _moved(old, build.mean(build.detach(x), _batch_dims(x)), momentum)


def running_variance(old: Expr, x: Expr, momentum: float) -> Expr:
    """``(1 - m) · old + m · Var x``, the unbiased variance."""
    return _moved(old, build.var(build.detach(x), _batch_dims(x), 1), momentum)


def running_instance_variance(old: Expr, x: Expr, momentum: float) -> Expr:
    """As ``running_variance``, the mean over the samples' own variances."""
    own = build.var(build.detach(x), tuple(range(2, x.ndim)), 1)
    return _moved(old, build.mean(own, 0), momentum)


def _moved(old: Expr, new: Expr, momentum: float) -> Expr:
    share = build.mul(new, momentum)
    return build.cast(build.add(build.mul(old, 1.0 - momentum), share), old.dtype)


def average_mean(old: Expr, x: Expr, count: Expr) -> Expr:
    """The plain average over all batches so far; ``count`` includes this one."""
    return _averaged(old, build.mean(build.detach(x), _batch_dims(x)), count)


def average_variance(old: Expr, x: Expr, count: Expr) -> Expr:
    return _averaged(old, build.var(build.detach(x), _batch_dims(x), 1), count)


def _averaged(old: Expr, new: Expr, count: Expr) -> Expr:
    step = build.div(build.sub(new, old), build.cast(count, old.dtype))
    return build.add(old, step)


def count_up(old: Expr) -> Expr:
    return build.add(old, 1)

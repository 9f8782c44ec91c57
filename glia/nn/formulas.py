"""What the layers compute, as expressions. Checks stand here: they run once per new shape."""

from __future__ import annotations

from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, normalize_dim, numel
from glia.ir import build, lookup, products
from glia.ir.expr import Expr

# Checks


def check_dtype(layer: str, x: Expr, weight: Expr) -> None:
    """Input and weights must be of one floating-point dtype."""
    if x.dtype is weight.dtype:
        return
    found, wanted = x.dtype.name, weight.dtype.name
    what = tr(
        f"{layer}: expected {wanted} input as the weights are, found {found}.",
        f"{layer}：权重为 {wanted}，输入却是 {found}。",
    )
    help = tr(
        f"convert the input: x.to(gl.{wanted}), or the layer: layer.to(gl.{found})",
        f"请转换输入：x.to(gl.{wanted})，或转换层：layer.to(gl.{found})",
    )
    if x.dtype.kind != "float":
        help = tr("convert the input: x.float()", "请转换输入：x.float()")
    raise DTypeError(teach(what, help))


def check_float(layer: str, x: Expr) -> None:
    if x.dtype.kind == "float":
        return
    name = x.dtype.name
    what = tr(
        f"{layer}: expected floating-point input, found {name}.",
        f"{layer}：需要浮点输入，得到 {name}。",
    )
    raise DTypeError(teach(what, tr("convert it: x.float()", "请转换：x.float()")))


#: Dimensions that positions move in, by how many there are.
AXES = {1: "L", 2: "H, W", 3: "D, H, W"}


def check_places(layer: str, x: Expr, dims: int, channels: int | None = None) -> None:
    """Input must be (N, C, …) with so many more dimensions, or one such element without N."""
    if x.ndim == dims + 2 and channels in (None, x.shape[1]):
        return
    if x.ndim == dims + 1 and channels in (None, x.shape[0]):
        return
    c, axes = "C" if channels is None else channels, AXES[dims]
    what = tr(
        f"{layer}: expected input (N, {c}, {axes}) or ({c}, {axes}), got {x.shape}.",
        f"{layer}：需要形状 (N, {c}, {axes}) 或 ({c}, {axes}) 的输入，得到 {x.shape}。",
    )
    help = tr("add a dimension with x.unsqueeze(0) or (1)", "请用 x.unsqueeze(0) 或 (1) 增加一维")
    if x.ndim in (dims + 1, dims + 2):
        found = x.shape[-dims - 1]
        help = tr(
            f"give the layer {found} input channels, or permute the input to (N, C, {axes})",
            f"请把该层的输入通道设为 {found}，或把输入转置为 (N, C, {axes})",
        )
    raise ShapeError(teach(what, help))


# Products


def linear(x: Expr, weight: Expr, *bias: Expr) -> Expr:
    """``x Wᵀ + b``."""
    check_dtype("Linear", x, weight)
    wanted = weight.shape[1]
    if x.ndim == 0 or x.shape[-1] != wanted:
        what = tr(
            f"Linear: expected last dimension {wanted}, got {x.shape}.",
            f"Linear：最后一维应为 {wanted}，得到形状 {x.shape}。",
        )
        size = x.shape[-1] if x.ndim else 1
        help = tr(
            f"set in_features={size}, or reshape the input (nn.Flatten after convolutions)",
            f"请设 in_features={size}，或改变输入形状（卷积之后用 nn.Flatten）",
        )
        raise ShapeError(teach(what, help))
    return products.linear(x, weight, *bias)


def flatten(x: Expr, start: int, end: int) -> Expr:
    """Dimensions ``start … end`` as one."""
    a, b = normalize_dim(start, x.ndim), normalize_dim(end, x.ndim)
    if x.ndim == 0:
        return build.reshape(x, (1,))
    return build.reshape(x, (*x.shape[:a], numel(x.shape[a : b + 1]), *x.shape[b + 1 :]))


def embedding(index: Expr, weight: Expr, padding: int | None) -> Expr:
    """``weight[index]``; the row for padding gets no gradient."""
    rows = lookup.take(weight, index, 0)
    if padding is None:
        return rows
    is_padding = build.reshape(build.eq(index, padding), (*index.shape, 1))
    return build.where(is_padding, build.detach(rows), rows)


# Normalisation


def _normalized(x: Expr, mean: Expr, variance: Expr, eps: float) -> Expr:
    return build.mul(build.sub(x, mean), build.rsqrt(build.add(variance, eps)))


def layer_norm(x: Expr, *rest: object) -> Expr:
    """``(x - E x) / √(Var x + ε) · w + b`` over the last dimensions.

    ``rest`` is [weight, [bias]], normalized_shape, eps.
    """
    *affine, shape, eps = rest
    assert isinstance(shape, tuple) and isinstance(eps, float)
    check_float("LayerNorm", x)
    k = len(shape)
    if x.shape[x.ndim - k :] != shape or x.ndim < k:
        what = tr(
            f"LayerNorm: expected last dimensions {shape}, got {x.shape}.",
            f"LayerNorm：最后几维应为 {shape}，得到 {x.shape}。",
        )
        last = x.shape[max(x.ndim - k, 0) :]
        help = tr(f"set normalized_shape={last}", f"请设 normalized_shape={last}")
        raise ShapeError(teach(what, help))
    dims = tuple(range(x.ndim - k, x.ndim))
    out = _normalized(x, build.mean(x, dims, True), build.var(x, dims, 0, True), eps)
    if affine:
        assert isinstance(affine[0], Expr)
        check_dtype("LayerNorm", x, affine[0])
        out = build.mul(out, affine[0])
    if len(affine) > 1:
        out = build.add(out, affine[1])  # type: ignore[arg-type]
    return out


def along_channels(x: Expr, per_channel: Expr) -> Expr:
    return build.reshape(per_channel, (1, per_channel.shape[0], *(1,) * (x.ndim - 2)))


def _batch_dims(x: Expr) -> Shape:
    return (0, *range(2, x.ndim))


def _scaled(x: Expr, out: Expr, affine: tuple[Expr, ...]) -> Expr:
    if affine:
        check_dtype("BatchNorm", x, affine[0])
        out = build.mul(out, along_channels(x, affine[0]))
    return build.add(out, along_channels(x, affine[1])) if len(affine) > 1 else out


def batch_norm_train(x: Expr, *rest: object) -> Expr:
    """Normalised by the batch's own mean and variance; ``rest`` is [weight, bias], eps."""
    *affine, eps = rest
    assert isinstance(eps, float)
    dims = _batch_dims(x)
    if x.numel == x.shape[1]:
        what = tr(
            f"BatchNorm: expected more than 1 value per channel when training, got {x.shape}.",
            f"BatchNorm：训练时每个通道需要多于 1 个值，得到 {x.shape}。",
        )
        help = tr("use a larger batch, or net.eval()", "请用更大的批量，或调用 net.eval()")
        raise ShapeError(teach(what, help))
    out = _normalized(x, build.mean(x, dims, True), build.var(x, dims, 0, True), eps)
    return _scaled(x, out, tuple(affine))  # type: ignore[arg-type]


def batch_norm_eval(x: Expr, mean: Expr, variance: Expr, *rest: object) -> Expr:
    """Normalised by the running statistics; ``rest`` is [weight, bias], eps."""
    *affine, eps = rest
    assert isinstance(eps, float)
    out = _normalized(x, along_channels(x, mean), along_channels(x, variance), eps)
    return _scaled(x, out, tuple(affine))  # type: ignore[arg-type]


def check_batch(x: Expr, features: int, ranks: tuple[int, ...], layer: str) -> None:
    """Batch norm's input: (N, C, …) with C as the layer was made for."""
    if x.ndim in ranks and x.shape[1] == features:
        check_float(layer, x)
        return
    wanted = {4: f"(N, {features}, H, W)", 2: f"(N, {features}) or (N, {features}, L)"}[ranks[0]]
    what = tr(
        f"{layer}: expected input {wanted}, got {x.shape}.",
        f"{layer}：需要形状 {wanted} 的输入，得到 {x.shape}。",
    )
    help = tr("the second size is num_features", "第二维的大小应等于 num_features")
    raise ShapeError(teach(what, help))


def running_mean(old: Expr, x: Expr, momentum: float) -> Expr:
    """``(1 - m) · old + m · E x``."""
    return _moved(old, build.mean(build.detach(x), _batch_dims(x)), momentum)


def running_variance(old: Expr, x: Expr, momentum: float) -> Expr:
    """``(1 - m) · old + m · Var x``, the unbiased variance."""
    return _moved(old, build.var(build.detach(x), _batch_dims(x), 1), momentum)


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

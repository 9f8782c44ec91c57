"""What the layers compute, as expressions. Checks stand here: they run once per new shape."""

from __future__ import annotations

from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim, numel
from glia.ir import build, products
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


def bilinear(x: Expr, y: Expr, weight: Expr, *bias: Expr) -> Expr:
    """``x Wₖ y + bₖ``, weight (out, in₁, in₂)."""
    check_dtype("Bilinear", x, weight)
    check_dtype("Bilinear", y, weight)
    fits = weight.ndim == 3 and x.ndim and x.shape[:-1] == y.shape[:-1]
    if not fits or (x.shape[-1], y.shape[-1]) != weight.shape[1:]:
        what = tr(
            f"Bilinear: inputs {x.shape} and {y.shape} do not fit the weight {weight.shape}.",
            f"Bilinear：输入 {x.shape} 与 {y.shape} 与权重 {weight.shape} 不符。",
        )
        help = tr("weights are (out, in1, in2)", "权重形状为 (out, in1, in2)")
        raise ShapeError(teach(what, help))
    outs, first, second = weight.shape
    rows = numel(x.shape[:-1])
    mixed = build.reshape(build.permute(weight, (1, 0, 2)), (first, outs * second))
    left = products.matmul(build.reshape(x, (rows, first)), mixed)
    left = build.reshape(left, (rows, outs, second))
    out = build.cast(build.sum_(build.mul(left, build.reshape(y, (rows, 1, second))), 2), x.dtype)
    out = build.reshape(out, (*x.shape[:-1], outs))
    return build.add(out, bias[0]) if bias else out


def flatten(x: Expr, start: int, end: int) -> Expr:
    """Dimensions ``start … end`` as one."""
    a, b = normalize_dim(start, x.ndim), normalize_dim(end, x.ndim)
    if x.ndim == 0:
        return build.reshape(x, (1,))
    return build.reshape(x, (*x.shape[:a], numel(x.shape[a : b + 1]), *x.shape[b + 1 :]))


def along_channels(x: Expr, per_channel: Expr) -> Expr:
    return build.reshape(per_channel, (1, per_channel.shape[0], *(1,) * (x.ndim - 2)))

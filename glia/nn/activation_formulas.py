"""What the activations compute, as expressions. Checks stand here: they run once per new shape."""

from __future__ import annotations

import math

from glia.base.dtypes import DType
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import normalize_dim
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.ir.ops.view import slice_
from glia.ir.samplers import gumbel, open_uniform
from glia.nn.formulas import check_dtype, check_float


def sigmoid(x: Expr) -> Expr:
    """``1 / (1 + e⁻ˣ)``."""
    check_float("sigmoid", x)
    return build.sigmoid(x)


def leaky_relu(x: Expr, slope: float) -> Expr:
    """``x`` where positive, else ``slope · x``."""
    check_float("LeakyReLU", x)
    return build.where(build.gt(x, 0), x, build.mul(x, slope))


def prelu(x: Expr, weight: Expr) -> Expr:
    """``x`` where positive, else ``weight · x``, one weight or one per channel."""
    check_dtype("PReLU", x, weight)
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel not in (1, channels):
        what = tr(
            f"PReLU: expected 1 weight or {channels}, got shape {weight.shape}.",
            f"PReLU：需要 1 个或 {channels} 个权重，得到形状 {weight.shape}。",
        )
        raise ShapeError(teach(what, tr("channels are the second size", "通道是第二维")))
    shape = (1,) * x.ndim if x.ndim < 2 else (1, weight.numel, *(1,) * (x.ndim - 2))
    return build.where(build.gt(x, 0), x, build.mul(x, build.reshape(weight, shape)))


def rrelu(x: Expr, key: Expr, lower: float, upper: float) -> Expr:
    """``x`` where positive, else ``a x`` with a of its own, uniform from lower to upper."""
    check_float("RReLU", x)
    drawn = build.cast(open_uniform(key, x.shape, x.dtype), x.dtype)
    slope = build.add(build.mul(drawn, upper - lower), lower)
    return build.where(build.gt(x, 0), x, build.mul(x, slope))


def elu(x: Expr, alpha: float, scale: float, input_scale: float) -> Expr:
    """``scale · x`` where positive, else ``scale · alpha (e^(input_scale x) - 1)``."""
    check_float("ELU", x)
    positive = build.gt(x, 0)
    low = build.where(positive, 0.0, x)
    low = build.mul(low, input_scale) if input_scale != 1 else low
    low = build.mul(build.expm1(low), alpha * scale)
    return build.where(positive, build.mul(x, scale) if scale != 1 else x, low)


def gelu(x: Expr, approximate: str) -> Expr:
    """``x Φ(x)``; Φ by erf, or by its tanh approximation."""
    check_float("GELU", x)
    if approximate == "tanh":
        cubic = build.add(x, build.mul(build.power(x, 3), 0.044715))
        inner = build.tanh(build.mul(cubic, math.sqrt(2 / math.pi)))
    else:
        inner = build.erf(build.mul(x, math.sqrt(0.5)))
    return build.mul(build.mul(x, 0.5), build.add(inner, 1.0))


def silu(x: Expr) -> Expr:
    """``x σ(x)``."""
    check_float("SiLU", x)
    return build.mul(x, sigmoid(x))


def glu(x: Expr, dim: int) -> Expr:
    """``a σ(b)``: a and b are the halves along ``dim``."""
    check_float("GLU", x)
    at = normalize_dim(dim, x.ndim)
    size = x.shape[at] if x.ndim else 1
    if size % 2:
        what = tr(
            f"GLU: expected an even size in dimension {at}, got {x.shape}.",
            f"GLU：第 {at} 维的大小应为偶数，得到 {x.shape}。",
        )
        help = tr("its halves are the value and the gate", "两半分别是值与门")
        raise ShapeError(teach(what, help))
    stop = (*x.shape[:at], size // 2, *x.shape[at + 1 :])
    start = tuple(size // 2 if d == at else 0 for d in range(x.ndim))
    whole = (1,) * x.ndim
    value = slice_(x, (0,) * x.ndim, stop, whole)
    return build.mul(value, build.sigmoid(slice_(x, start, x.shape, whole)))


def softplus(x: Expr, beta: float, threshold: float) -> Expr:
    """``ln(1 + e^(βx)) / β``; x itself where ``βx > threshold``."""
    check_float("Softplus", x)
    scaled = build.mul(x, beta) if beta != 1 else x
    soft = build.softplus(scaled)
    soft = build.div(soft, beta) if beta != 1 else soft
    return build.where(build.gt(scaled, threshold), x, soft)


def mish(x: Expr) -> Expr:
    """``x tanh(ln(1 + eˣ))``."""
    check_float("Mish", x)
    return build.mul(x, build.tanh(build.softplus(x)))


def hardtanh(x: Expr, low: float, high: float) -> Expr:
    """``x`` held between ``low`` and ``high``; the derivative at both is 0. NaN stays NaN."""
    if low > high:
        what = tr(f"Hardtanh: {low} is above {high}.", f"Hardtanh：{low} 大于 {high}。")
        raise ArgumentError(teach(what, tr("exchange the two", "请交换二者")))
    if x.dtype.kind in ("int", "uint"):
        low, high = int(low), int(high)
    return build.where(build.le(x, low), low, build.where(build.ge(x, high), high, x))


def hardsigmoid(x: Expr) -> Expr:
    """0 up to -3, 1 from 3 on, ``(x + 3) / 6`` between."""
    check_float("Hardsigmoid", x)
    return build.div(hardtanh(build.add(x, 3.0), 0.0, 6.0), 6.0)


def hardswish(x: Expr) -> Expr:
    """0 up to -3, x from 3 on, ``x (x + 3) / 6`` between."""
    check_float("Hardswish", x)
    between = build.mul(x, build.div(build.add(x, 3.0), 6.0))
    return build.where(build.le(x, -3.0), 0.0, build.where(build.lt(x, 3.0), between, x))


def hardshrink(x: Expr, bound: float) -> Expr:
    """0 where ``|x| ≤ λ``, else x."""
    check_float("Hardshrink", x)
    return build.where(build.le(build.abs_(x), bound), 0.0, x)


def softshrink(x: Expr, bound: float) -> Expr:
    """``x - λ`` above λ, ``x + λ`` below -λ, else 0. NaN stays NaN."""
    check_float("Softshrink", x)
    outside = build.where(build.gt(x, 0), build.sub(x, bound), build.add(x, bound))
    return build.where(build.le(build.abs_(x), bound), 0.0, outside)


def tanhshrink(x: Expr) -> Expr:
    """``x - tanh x``."""
    return build.sub(x, build.tanh(x))


def threshold(x: Expr, bound: float, value: float) -> Expr:
    """``x`` above the threshold, else ``value``."""
    return build.where(build.le(x, bound), value, x)


def log_sigmoid(x: Expr) -> Expr:
    """``ln σ(x) = -softplus(-x)``."""
    check_float("LogSigmoid", x)
    return build.neg(build.softplus(build.neg(x)))


def softsign(x: Expr) -> Expr:
    """``x / (1 + |x|)``."""
    return build.div(x, build.add(build.abs_(x), 1.0))


# Along a dimension


def softmax(x: Expr, dim: int, dtype: DType | None) -> Expr:
    x = _converted("softmax", x, dtype)
    return build.softmax(x, dim)


def softmin(x: Expr, dim: int, dtype: DType | None) -> Expr:
    return softmax(build.neg(_converted("softmin", x, dtype)), dim, None)


def log_softmax(x: Expr, dim: int, dtype: DType | None) -> Expr:
    x = _converted("log_softmax", x, dtype)
    return build.log_softmax(x, dim)


def _converted(name: str, x: Expr, dtype: DType | None) -> Expr:
    x = x if dtype is None else build.cast(x, dtype)
    check_float(name, x)
    return x


def softmax2d(x: Expr) -> Expr:
    """Softmax over the channels of (N, C, H, W) or (C, H, W)."""
    if x.ndim not in (3, 4):
        what = tr(
            f"Softmax2d: expected (N, C, H, W) or (C, H, W), got {x.shape}.",
            f"Softmax2d：需要 (N, C, H, W) 或 (C, H, W)，得到 {x.shape}。",
        )
        raise ShapeError(teach(what, tr("use Softmax(dim)", "请用 Softmax(dim)")))
    return softmax(x, -3, None)


def gumbel_softmax(logits: Expr, key: Expr, tau: float, hard: bool, dim: int) -> Expr:
    """``softmax((z + g) / τ)``, g from Gumbel's distribution; ``hard``: one-hot, same gradient."""
    check_float("gumbel_softmax", logits)
    noise = gumbel(key, logits.shape, logits.dtype)
    soft = build.softmax(build.div(build.add(logits, noise), tau), dim)
    if not hard:
        return soft
    at = normalize_dim(dim, soft.ndim)
    chosen = products.one_hot(build.argmax(soft, at), soft.shape[at], soft.dtype)
    order = [d for d in range(soft.ndim - 1)]
    order.insert(at, soft.ndim - 1)
    chosen = build.permute(chosen, tuple(order))
    return build.add(build.sub(chosen, build.detach(soft)), soft)

"""Random numbers of many distributions, computed from random bits and a key.

Element i depends on the key and on i alone: whatever computes it, in whatever order.
"""

from __future__ import annotations

import math

from glia.base.dtypes import DType, float16, float32, float64, int64, uint64
from glia.base.shapes import Shape
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.elementwise import SHL, SHR
from glia.ir.ops.order import argsort
from glia.ir.ops.random import random_bits
from glia.ir.ops.view import broadcast_to, reshape, slice_


def _shifted(bits: Expr, places: int) -> Expr:
    return build.binary(SHR, bits, build.const(places, bits.dtype))


def uniform(key: Expr, shape: Shape, dtype: DType = float32) -> Expr:
    """As many random bits as the dtype holds, as a number in [0, 1)."""
    if dtype is float64:
        return build.mul(build.cast(_shifted(long_bits(key, shape), 11), float64), 2.0**-53)
    bits = {float32: 24, float16: 11}.get(dtype, 8)
    whole = build.cast(_shifted(random_bits(key, shape), 32 - bits), float32)
    return build.cast(build.mul(whole, 2.0**-bits), dtype)


def long_bits(key: Expr, shape: Shape) -> Expr:
    """64 random bits for every element."""
    bits = random_bits(key, (2, *shape))
    high, low = (build.cast(_part(bits, i), uint64) for i in range(2))
    return build.add(build.binary(SHL, high, build.const(32, uint64)), low)


def _part(pair: Expr, i: int) -> Expr:
    rest = pair.shape[1:]
    start, stop = (i, *(0 for _ in rest)), (i + 1, *rest)
    return reshape(slice_(pair, start, stop, (1,) * pair.ndim), rest)


def _inside(bits: Expr, dtype: DType) -> Expr:
    """32 (or 64) random bits as a number in (0, 1), with small ones as fine as they can be."""
    size = 8 * bits.dtype.itemsize
    middle = build.mul(build.add(build.cast(bits, dtype), 0.5), 2.0**-size)
    return build.minimum(middle, 1.0 - 2.0 ** (-24 if dtype is float32 else -53))


def open_uniform(key: Expr, shape: Shape, dtype: DType) -> Expr:
    """A number in (0, 1), computed in float64 for float64, else in float32."""
    if dtype is float64:
        return _inside(long_bits(key, shape), float64)
    return _inside(random_bits(key, shape), float32)


def normal(key: Expr, shape: Shape, dtype: DType = float32) -> Expr:
    """Standard normal numbers.

    Source: Box, Muller, "A note on the generation of random normal deviates" (1958).
    """
    u = open_uniform(key, (2, *shape), dtype)
    angle = build.mul(_part(u, 1), 2 * math.pi)
    radius = build.sqrt(build.mul(build.log(_part(u, 0)), -2.0))
    return build.cast(build.mul(radius, build.cos(angle)), dtype)


def exponential(key: Expr, shape: Shape, dtype: DType) -> Expr:
    """``-ln u``."""
    return build.cast(build.neg(build.log(open_uniform(key, shape, dtype))), dtype)


def gumbel(key: Expr, shape: Shape, dtype: DType) -> Expr:
    """``-ln(-ln u)``."""
    return build.cast(build.neg(build.log(exponential(key, shape, _wide(dtype)))), dtype)


def laplace(key: Expr, shape: Shape, dtype: DType) -> Expr:
    """``-sign(v) ln(1 - 2|v|)`` with ``v = u - ½``."""
    v = build.sub(open_uniform(key, shape, dtype), 0.5)
    size = build.neg(build.log1p(build.mul(build.abs_(v), -2.0)))
    return build.cast(build.mul(build.sign(v), size), dtype)


def cauchy(key: Expr, shape: Shape, dtype: DType) -> Expr:
    """``tan(π (u - ½))``, which is ``-1 / tan(π u)``."""
    turn = build.mul(open_uniform(key, shape, dtype), math.pi)
    return build.cast(build.neg(build.div(build.cos(turn), build.sin(turn))), dtype)


def geometric(key: Expr, p: Expr, dtype: DType) -> Expr:
    """The number of trials up to the first success: ``⌈ln u / ln(1 - p)⌉``."""
    u = open_uniform(key, p.shape, _wide(dtype))
    count = build.ceil(build.div(build.log(u), build.log1p(build.neg(build.cast(p, u.dtype)))))
    return build.cast(build.maximum(count, 1.0), dtype)


def _wide(dtype: DType) -> DType:
    return float64 if dtype is float64 else float32


def scaled(draw: Expr, low: Expr, size: Expr) -> Expr:
    """``low + size · draw``, in the dtype of the draw."""
    return build.add(build.mul(draw, build.cast(size, draw.dtype)), build.cast(low, draw.dtype))


def bernoulli(key: Expr, p: Expr, dtype: DType) -> Expr:
    """1 with probability p, else 0."""
    wide = p if p.dtype.kind == "float" else build.cast(p, float32)
    return build.cast(build.lt(uniform(key, p.shape, _wide(wide.dtype)), wide), dtype)


def integers(key: Expr, shape: Shape, low: int, high: int, dtype: DType) -> Expr:
    """Whole numbers from ``low`` up to, not including, ``high``: 64 bits modulo their number."""
    count = high - low
    bits = long_bits(key, shape)
    if count < 2**64:
        bits = build.remainder(bits, build.const(count, uint64))
    if dtype.kind == "uint":
        return build.cast(build.add(bits, build.const(low, uint64)), dtype)
    return build.cast(build.add(build.cast(bits, int64), build.const(low, int64)), dtype)


def permutation(key: Expr, n: int, dtype: DType) -> Expr:
    """The numbers 0 … n-1 in the order of as many random numbers."""
    return build.cast(argsort(long_bits(key, (n,)), 0), dtype)


def categorical(key: Expr, logits: Expr, shape: Shape) -> Expr:
    """Indices along the last dimension, with probabilities ``softmax(logits)``.

    ``shape`` stands in front: so many draws. Source: Gumbel, "Statistical theory of extreme
    values" (1954); the largest of logits and Gumbel noise.
    """
    whole = (*shape, *logits.shape)
    noise = gumbel(key, whole, _wide(logits.dtype))
    wide = build.cast(logits, noise.dtype)
    return build.argmax(build.add(noise, broadcast_to(wide, whole)), -1)


def chosen(key: Expr, logits: Expr, count: int) -> Expr:
    """So many different indices along the last dimension, drawn one after the other.

    Source: Vieira, "Gumbel-max trick and weighted reservoir sampling" (2014).
    """
    noise = gumbel(key, logits.shape, _wide(logits.dtype))
    order = argsort(build.add(noise, build.cast(logits, noise.dtype)), logits.ndim - 1, True)
    stop = (*logits.shape[:-1], count)
    return slice_(order, (0,) * logits.ndim, stop, (1,) * logits.ndim)

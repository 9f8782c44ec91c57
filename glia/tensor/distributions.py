"""Random numbers of distributions with parameters: numbers, or tensors of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from glia.base.dtypes import DType, as_dtype, float32
from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, broadcast
from glia.ir import build, samplers
from glia.ir.expr import Expr
from glia.ir.ops.draw import draw
from glia.ir.ops.view import broadcast_to, permute
from glia.tensor import node as _node
from glia.tensor.create import _shape
from glia.tensor.generator import Generator, key_tensor
from glia.tensor.tensor import Tensor, apply, as_tensor, to_numpy

Number = float | Tensor


def _scaled(key: Expr, low: Expr, size: Expr, law: Any, shape: Shape, dtype: DType) -> Expr:
    return samplers.scaled(law(key, shape, dtype), low, size)


def drawn(
    name: str,
    law: Any,
    low: Number,
    size: Number,
    shape: Any,
    generator: Generator | None,
    dtype: DType | None = None,
) -> Tensor:
    """``low + size · (a number of the law)`` in every place."""
    if isinstance(size, int | float) and not size >= 0:
        what = tr(
            f"{name}: expected a scale of at least 0, found {size}.",
            f"{name}：尺度应不小于 0，得到 {size}。",
        )
        raise ArgumentError(teach(what))
    a, b = as_tensor(low), as_tensor(size)
    wide = broadcast(a.shape, b.shape)
    found = wide if shape is None else _shape(tuple(shape))
    if len(found) < len(wide) or any(
        a != 1 and a != b for a, b in zip(wide[::-1], found[::-1], strict=False)
    ):
        what = tr(
            f"{name}: parameters of shape {wide} do not fit size {found}.",
            f"{name}：参数形状 {wide} 与 size {found} 不符。",
        )
        raise ShapeError(teach(what, tr("leave size out", "请省略 size")))
    floats = [t.dtype for t in (a, b) if t.dtype.kind == "float" and t.ndim]
    kind = dtype or (floats[0] if floats else float32)
    return apply(_scaled, (key_tensor(generator), a, b), law, found, kind)


def normal(
    mean: Number = 0.0,
    std: Number = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Normal with these means and standard deviations, numbers or tensors.

    As in PyTorch no gradient flows to them: for that write ``mean + std * gl.randn_like(mean)``.

    Example:
        >>> import glia as gl
        >>> gl.normal(gl.arange(3.0), 0.0)
        tensor([0., 1., 2.])
    """
    return drawn("normal", samplers.normal, mean, std, size, generator).detach()


def log_normal(
    mean: Number = 1.0,
    std: Number = 2.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """``exp`` of normal numbers with these means and standard deviations."""
    return drawn("log_normal", samplers.normal, mean, std, size, generator).exp()


def laplace(
    loc: Number = 0.0, scale: Number = 1.0, size: Any = None, *, generator: Generator | None = None
) -> Tensor:
    """Laplace: density ``e^(-|x - loc| / scale) / 2 scale``."""
    return drawn("laplace", samplers.laplace, loc, scale, size, generator)


def cauchy(
    median: Number = 0.0,
    sigma: Number = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Cauchy: density ``σ / π ((x - median)² + σ²)``."""
    return drawn("cauchy", samplers.cauchy, median, sigma, size, generator)


def gumbel(
    loc: Number = 0.0, scale: Number = 1.0, size: Any = None, *, generator: Generator | None = None
) -> Tensor:
    """Gumbel: ``loc - scale ln(-ln u)``."""
    return drawn("gumbel", samplers.gumbel, loc, scale, size, generator)


def exponential(
    lambd: Number = 1.0, size: Any = None, *, generator: Generator | None = None
) -> Tensor:
    """Exponential: density ``λ e^(-λ x)``."""
    if isinstance(lambd, int | float) and not lambd > 0:
        what = tr(
            f"exponential: expected lambd > 0, found {lambd}.",
            f"exponential：lambd 应大于 0，得到 {lambd}。",
        )
        raise ArgumentError(teach(what))
    return drawn("exponential", samplers.exponential, 0.0, 1.0 / lambd, size, generator)


def probability(name: str, p: Any, above: bool = False) -> Tensor:
    """A probability, or a tensor of them; checked where it is a number."""
    if isinstance(p, int | float) and not (0 <= p <= 1 and (p > 0 or not above)):
        what = tr(
            f"{name}: expected a probability, found p={p}.", f"{name}：p 应为概率，得到 {p}。"
        )
        raise ArgumentError(teach(what, tr("0 ≤ p ≤ 1", "0 ≤ p ≤ 1（概率）")))
    return as_tensor(p)


def _bernoulli(key: Expr, p: Expr, shape: Shape, dtype: DType) -> Expr:
    return samplers.bernoulli(key, broadcast_to(p, shape), dtype)


def _geometric(key: Expr, p: Expr, shape: Shape, dtype: DType) -> Expr:
    return samplers.geometric(key, broadcast_to(p, shape), dtype)


def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None
) -> Tensor:
    """1 with the probability that stands in its place, else 0; with ``p``, that everywhere.

    Example:
        >>> import glia as gl
        >>> gl.bernoulli(gl.tensor([0.0, 1.0]))
        tensor([0., 1.])
    """
    chance = input if p is None else probability("bernoulli", p)
    args = key_tensor(generator), chance
    return apply(_bernoulli, args, input.shape, input.dtype).detach()


def geometric(
    p: Number, size: Any = None, *, generator: Generator | None = None, dtype: Any = None
) -> Tensor:
    """The number of trials up to the first success: ``P(k) = (1 - p)^(k-1) p``."""
    chance = probability("geometric", p, above=True)
    shape = chance.shape if size is None else _shape(tuple(size))
    kind = float32 if dtype is None else as_dtype(dtype)
    return apply(_geometric, (key_tensor(generator), chance), shape, kind).detach()


def _draw(key: Expr, rate: Expr, law: str, shape: Shape) -> Expr:
    return draw(key, broadcast_to(build.to_float(rate), shape), law)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson numbers with the rates that stand in their places.

    Example:
        >>> import glia as gl
        >>> gl.poisson(gl.zeros(2))
        tensor([0., 0.])
    """
    return apply(_draw, (key_tensor(generator), input), "poisson", input.shape).detach()


def gamma(
    concentration: Number,
    rate: Number = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Gamma: density ``βᵅ x^(α-1) e^(-βx) / Γ(α)``. No gradient flows to the concentration."""
    alpha, beta = as_tensor(concentration), as_tensor(rate)
    wide = broadcast(alpha.shape, beta.shape)
    shape = wide if size is None else _shape(tuple(size))
    return apply(_draw, (key_tensor(generator), alpha.detach()), "gamma", shape) / beta


def beta(a: Number, b: Number, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Beta on (0, 1): ``x / (x + y)`` of two gamma numbers."""
    shape = broadcast(as_tensor(a).shape, as_tensor(b).shape) if size is None else size
    x, y = (gamma(value, 1.0, shape, generator=generator) for value in (a, b))
    return x / (x + y)


def dirichlet(concentration: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Numbers along the last dimension that add up to 1: gamma numbers, divided by their sum."""
    x = gamma(concentration, generator=generator)
    return x / x.sum(-1, keepdim=True)


def categorical(logits: Tensor, size: Any = (), *, generator: Generator | None = None) -> Tensor:
    """Indices with probabilities ``softmax(logits)`` over the last dimension.

    ``size`` many for each, in dimensions in front.

    Example:
        >>> import glia as gl
        >>> categorical(gl.tensor([0.0, float("-inf")]), (3,))
        tensor([0, 0, 0])
    """
    if not logits.ndim or not logits.shape[-1] or logits.dtype.kind != "float":
        what = tr(
            f"categorical: expected logits (…, classes), found {logits.dtype.name} {logits.shape}.",
            f"categorical：logits 应为 (…, 类别数)，得到 {logits.dtype.name} {logits.shape}。",
        )
        raise ShapeError(teach(what))
    args = key_tensor(generator), logits.detach()
    return apply(samplers.categorical, args, _shape(tuple(size)))


def _with_replacement(key: Expr, weights: Expr, count: int) -> Expr:
    found = samplers.categorical(key, build.log(weights), (count,))
    return permute(found, (*range(1, found.ndim), 0))


def _without_replacement(key: Expr, weights: Expr, count: int) -> Expr:
    return samplers.chosen(key, build.log(weights), count)


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Indices drawn with weights (which need not add up to 1) along the last dimension.

    Args:
        input: one row of weights, or several.
        num_samples: how many indices for each row.
        replacement: whether an index may be drawn again.

    Raises:
        ShapeError: weights of another rank than 1 or 2.
        ArgumentError: negative weights, none above zero, or fewer than are to be drawn; inside
            ``jit`` these cannot be seen.

    Example:
        >>> import glia as gl
        >>> gl.multinomial(gl.tensor([0.0, 3.0, 0.0]), 4, replacement=True)
        tensor([1, 1, 1, 1])
    """
    if input.ndim not in (1, 2) or input.dtype.kind != "float":
        what = tr(
            f"multinomial: expected weights of shape (classes,) or (rows, classes), found "
            f"{input.dtype.name} {input.shape}.",
            f"multinomial：权重应为 (类别数,) 或 (行数, 类别数)，得到 "
            f"{input.dtype.name} {input.shape}。",
        )
        raise ShapeError(teach(what))
    few = not replacement and num_samples > input.shape[-1]
    if num_samples < 1 or few:
        _refuse_weights(f"num_samples={num_samples}")
    if _node.tracer() is None:
        weights = to_numpy(input)
        above = (weights > 0).sum(-1)
        if not np.all(np.isfinite(weights)) or np.any(weights < 0) or np.any(above < 1):
            _refuse_weights(tr("weights that are no distribution", "权重不是有效的分布"))
        if not replacement and np.any(above < num_samples):
            _refuse_weights(f"num_samples={num_samples}")
    function = _with_replacement if replacement else _without_replacement
    return apply(function, (key_tensor(generator), input.detach()), int(num_samples))


def _refuse_weights(found: str) -> None:
    what = tr(
        f"multinomial: expected finite weights ≥ 0, at least one above zero and as many as are "
        f"drawn without replacement, found {found}.",
        f"multinomial：权重应为有限非负数，至少一个大于零，不放回时不少于抽取数，得到 {found}。",
    )
    raise ArgumentError(teach(what, tr("replacement=True draws again", "可用 replacement=True")))

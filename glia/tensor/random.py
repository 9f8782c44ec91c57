"""``gl.random``: random numbers of many distributions, with PyTorch's names where it has them.

All of them are computed from keys (``generator.py``) inside the recorded program: new ones in
every call of a jitted function, the same for any number of threads.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from glia.base.dtypes import DType, as_dtype, float32, int64
from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.ir import build, samplers
from glia.ir.expr import Expr
from glia.tensor.create import _shape
from glia.tensor.distributions import (
    bernoulli,
    beta,
    categorical,
    cauchy,
    dirichlet,
    exponential,
    gamma,
    geometric,
    gumbel,
    laplace,
    log_normal,
    multinomial,
    normal,
    poisson,
)
from glia.tensor.generator import (
    Generator,
    State,
    check_device,
    default_generator,
    host_rng,
    key_tensor,
    manual_seed,
    next_seed,
)
from glia.tensor.tensor import Tensor, apply

__all__ = [
    "Generator",
    "bernoulli",
    "beta",
    "categorical",
    "cauchy",
    "default_generator",
    "dirichlet",
    "exponential",
    "fork_rng",
    "gamma",
    "geometric",
    "get_rng_state",
    "gumbel",
    "host_rng",
    "initial_seed",
    "key_tensor",
    "laplace",
    "log_normal",
    "manual_seed",
    "multinomial",
    "next_seed",
    "normal",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "seed",
    "set_rng_state",
]


# The global stream


def seed() -> int:
    """Start the global stream afresh from a seed that the machine chooses, and say which."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the global stream."""
    return default_generator.initial_seed()


def get_rng_state() -> State:
    """Where the global stream is, for ``set_rng_state``."""
    return default_generator.get_state()


def set_rng_state(state: State) -> None:
    """Let the global stream go on from there."""
    default_generator.set_state(state)


@contextmanager
def fork_rng() -> Iterator[None]:
    """What is drawn inside does not move the global stream.

    Example:
        >>> import glia as gl
        >>> _ = gl.manual_seed(0)
        >>> with fork_rng():
        ...     a = gl.rand(2)
        >>> a.tolist() == gl.rand(2).tolist()
        True
    """
    state = default_generator.get_state()
    try:
        yield
    finally:
        default_generator.set_state(state)


def dropped(x: Expr, key: Expr, p: float, together: int) -> Expr:
    """What ``dropout`` records."""
    lead = x.shape[: x.ndim - together]
    keep = build.ge(samplers.uniform(key, (*lead, *(1,) * together)), p)
    scaled = build.mul(x, 1.0 / (1.0 - p)) if p < 1 else x
    return build.where(keep, scaled, 0.0)


def dropout(x: Tensor, p: float, together: int = 0) -> Tensor:
    """Each element zero with probability p, else divided by 1 - p.

    The last ``together`` dimensions are dropped as one.
    """
    return apply(dropped, (x, key_tensor()), p, together)


# Tensors of given shapes


def _floating(name: str, dtype: Any) -> DType:
    found = float32 if dtype is None else as_dtype(dtype)
    if found.kind != "float":
        what = tr(
            f"{name}: expected a floating-point dtype, found {found.name}.",
            f"{name}：应为浮点类型，得到 {found.name}。",
        )
        raise DTypeError(teach(what, tr("use randint for whole numbers", "整数请用 randint")))
    return found


def _made(tensor: Tensor, device: Any, requires_grad: bool) -> Tensor:
    check_device(device)
    return tensor.requires_grad_() if requires_grad else tensor


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform in [0, 1).

    Example:
        >>> import glia as gl
        >>> _ = gl.manual_seed(0)
        >>> x = gl.rand(2, 3)
        >>> x.shape, bool(((x >= 0) & (x < 1)).all())
        ((2, 3), True)
    """
    found = apply(
        samplers.uniform, (key_tensor(generator),), _shape(size), _floating("rand", dtype)
    )
    return _made(found, device, requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal.

    Example:
        >>> import glia as gl
        >>> _ = gl.manual_seed(0)
        >>> abs(gl.randn(1000).mean().item()) < 0.1
        True
    """
    found = apply(
        samplers.normal, (key_tensor(generator),), _shape(size), _floating("randn", dtype)
    )
    return _made(found, device, requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = int64,
    device: Any = None,
) -> Tensor:
    """Whole numbers from ``low`` up to, not including, ``high``; ``randint(high, size)`` from 0.

    Example:
        >>> import glia as gl
        >>> x = gl.randint(3, 7, (100,))
        >>> x.min().item() >= 3, x.max().item() < 7
        (True, True)
    """
    if isinstance(high, tuple | list):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    low, high, found = operator.index(low), operator.index(high), as_dtype(dtype)
    if low >= high:
        what = tr(
            f"randint: expected low < high, found {low} and {high}.",
            f"randint：应有 low < high，得到 {low} 和 {high}。",
        )
        raise ArgumentError(teach(what, tr("high itself is left out", "结果不含 high")))
    _fits("randint", low, high - 1, found)
    shape = _shape(() if size is None else tuple(size))
    drawn = apply(samplers.integers, (key_tensor(generator),), shape, low, high, found)
    check_device(device)
    return drawn


def _fits(name: str, low: int, high: int, dtype: DType) -> None:
    """Both bounds can be written in the dtype."""
    if dtype.kind in ("int", "uint"):
        limits = np.iinfo(dtype.np)
        ok = int(limits.min) <= low and high <= int(limits.max)
    elif dtype.kind == "bool":
        ok = low >= 0 and high <= 1
    else:
        ok = dtype.kind == "float" and max(abs(low), abs(high)) < 2**63
    if not ok:
        what = tr(
            f"{name}: {dtype.name} cannot hold numbers from {low} to {high}.",
            f"{name}：{dtype.name} 无法表示 {low} 到 {high} 的数。",
        )
        raise ArgumentError(teach(what, tr("choose a wider dtype", "请选择更宽的类型")))


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = int64, device: Any = None
) -> Tensor:
    """The numbers 0 … n-1 in random order.

    Example:
        >>> import glia as gl
        >>> sorted(gl.randperm(4).tolist())
        [0, 1, 2, 3]
    """
    if n < 0:
        what = tr(f"randperm: expected n ≥ 0, found {n}.", f"randperm：n 应 ≥ 0，得到 {n}。")
        raise ArgumentError(teach(what))
    check_device(device)
    return apply(samplers.permutation, (key_tensor(generator),), int(n), as_dtype(dtype))


def rand_like(input: Tensor, *, dtype: Any = None, generator: Generator | None = None) -> Tensor:
    """:func:`rand` in the shape and dtype of a tensor."""
    return rand(input.shape, dtype=dtype or input.dtype, generator=generator)


def randn_like(input: Tensor, *, dtype: Any = None, generator: Generator | None = None) -> Tensor:
    """:func:`randn` in the shape and dtype of a tensor."""
    return randn(input.shape, dtype=dtype or input.dtype, generator=generator)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    dtype: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """:func:`randint` in the shape and dtype of a tensor; one bound alone is the upper one."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input.shape, dtype=dtype or input.dtype, generator=generator)

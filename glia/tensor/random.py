"""Random numbers: counter-based, from keys that one generator deals out in order.

A key is two 32-bit words. Host code (initialisation, shuffling) draws seeds with ``next_seed``;
recorded programs read their keys from slots that a jitted step refills before every call, so a
plain loop and a compiled one see the same numbers.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from glia.base.dtypes import as_dtype, float32, int64, uint32
from glia.base.shapes import Shape
from glia.ir import build
from glia.ir.expr import Expr
from glia.ir.ops.random import random_bits, threefry, threefry_word
from glia.tensor import node as _node
from glia.tensor.create import _shape
from glia.tensor.tensor import Tensor, apply


class Generator:
    """Deals out keys: the i-th key depends on the seed and i alone."""

    def __init__(self, seed: int | None = None) -> None:
        self.manual_seed(secrets.randbits(63) if seed is None else seed)

    def manual_seed(self, seed: int) -> Generator:
        self.seed = int(seed) & (2**64 - 1)
        self.drawn = 0
        return self

    def next_key(self) -> np.ndarray:
        """Two fresh 32-bit words."""
        key = self.seed & 0xFFFFFFFF, self.seed >> 32
        words = [threefry_word(key, 2 * self.drawn + i) for i in range(2)]
        self.drawn += 1
        return np.array(words, np.uint32)

    def next_keys(self, count: int) -> np.ndarray:
        """What ``next_key`` would give so many times, one after the other: (count, 2)."""
        key = np.array([self.seed & 0xFFFFFFFF, self.seed >> 32], np.uint32)
        first = 2 * self.drawn
        self.drawn += count
        return threefry(key, np.arange(first, first + 2 * count)).reshape(count, 2)

    def get_state(self) -> tuple[int, int]:
        return self.seed, self.drawn

    def set_state(self, state: tuple[int, int]) -> None:
        self.seed, self.drawn = state


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Start the global stream of random numbers afresh."""
    return default_generator.manual_seed(seed)


def next_seed(generator: Generator | None = None) -> int:
    """63 fresh random bits for host code, from the global stream or another."""
    low, high = (generator or default_generator).next_key().tolist()
    return (low | high << 32) & (2**63 - 1)


def host_rng(generator: Generator | None = None) -> np.random.Generator:
    """A NumPy generator whose seed comes from the global stream or another."""
    return np.random.Generator(np.random.Philox(key=next_seed(generator)))


def key_tensor() -> Tensor:
    """A fresh key as a tensor; a tracer sees to it that every call, or step, has its own."""
    key = Tensor(default_generator.next_key())
    tracer = _node.tracer()
    return key if tracer is None else tracer.refill(key)


def _uniform(key: Expr, shape: Shape) -> Expr:
    """24 random bits as a float32 in [0, 1)."""
    from glia.ir.ops.elementwise import SHR

    bits = build.binary(SHR, random_bits(key, shape), build.const(8, uint32))
    return build.mul(build.cast(bits, float32), 2.0**-24)


def dropped(x: Expr, key: Expr, p: float, together: int) -> Expr:
    """What ``dropout`` records."""
    lead = x.shape[: x.ndim - together]
    keep = build.ge(_uniform(key, (*lead, *(1,) * together)), p)
    scaled = build.mul(x, 1.0 / (1.0 - p)) if p < 1 else x
    return build.where(keep, scaled, 0.0)


def dropout(x: Tensor, p: float, together: int = 0) -> Tensor:
    """Each element zero with probability p, else divided by 1 - p.

    The last ``together`` dimensions are dropped as one.
    """
    return apply(dropped, (x, key_tensor()), p, together)


def rand(*size: Any) -> Tensor:
    """Uniform in [0, 1)."""
    return apply(_uniform, (key_tensor(),), _shape(size))


def randn(*size: Any) -> Tensor:
    """Standard normal."""
    return Tensor(host_rng().standard_normal(_shape(size), np.float32))


def randint(low: int, high: int | None = None, size: Any = (), dtype: Any = int64) -> Tensor:
    """Integers from ``low`` (0 when only one bound is given) up to, not including, ``high``."""
    if high is None:
        low, high = 0, low
    return Tensor(host_rng().integers(low, high, tuple(size)).astype(as_dtype(dtype).np))


def randperm(n: int) -> Tensor:
    """The numbers 0 … n-1 in random order."""
    return Tensor(host_rng().permutation(n))

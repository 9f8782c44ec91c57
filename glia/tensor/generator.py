"""Where random numbers come from: generators deal out keys, in order.

A key is two 32-bit words, and all that is drawn depends on its key alone. Host code
(initialisation, shuffling) draws seeds with ``next_seed``; recorded programs read their keys from
slots that a jitted step refills before every call, so a plain loop and a compiled one see the same
numbers.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.ir.ops.random import threefry, threefry_word
from glia.tensor import node as _node
from glia.tensor.tensor import Tensor

#: The seed of a generator nobody seeded, as in PyTorch; its numbers are glia's own.
DEFAULT_SEED = 67280421310721
State = tuple[int, int]


class Generator:
    """A stream of random numbers of its own: pass it as ``generator=``.

    It deals out keys: the i-th key depends on the seed and i alone.

    Args:
        device: ``"cpu"``.

    Example:
        >>> import glia as gl
        >>> a, b = gl.Generator().manual_seed(7), gl.Generator().manual_seed(7)
        >>> gl.rand(2, generator=a).tolist() == gl.rand(2, generator=b).tolist()
        True
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self.device = "cpu"
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start afresh from this seed."""
        self._seed = int(seed) & (2**64 - 1)
        self._drawn = 0
        return self

    def seed(self) -> int:
        """Start afresh from a seed that the machine chooses, and say which."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self._seed

    def get_state(self) -> State:
        """Where in its stream the generator is, for ``set_state``."""
        return self._seed, self._drawn

    def set_state(self, state: State) -> Generator:
        """Go on from there."""
        self._seed, self._drawn = state
        return self

    def clone_state(self) -> Generator:
        """Another generator at the same place of the same stream."""
        return Generator().set_state(self.get_state())

    def fork(self) -> Generator:
        """Another generator, whose stream follows from this one's but shares nothing with it."""
        low, high = self.next_key().tolist()
        return Generator().manual_seed(low | high << 32)

    def next_key(self) -> np.ndarray:
        """Two fresh 32-bit words."""
        key = self._seed & 0xFFFFFFFF, self._seed >> 32
        words = [threefry_word(key, 2 * self._drawn + i) for i in range(2)]
        self._drawn += 1
        return np.array(words, np.uint32)

    def next_keys(self, count: int) -> np.ndarray:
        """What ``next_key`` would give so many times, one after the other: (count, 2)."""
        key = np.array([self._seed & 0xFFFFFFFF, self._seed >> 32], np.uint32)
        first = 2 * self._drawn
        self._drawn += count
        return threefry(key, np.arange(first, first + 2 * count)).reshape(count, 2)


def check_device(device: Any) -> None:
    """There is one device."""
    if device is not None and str(device) != "cpu":
        what = tr(
            f"device: expected 'cpu', found {device!r}.", f"device：应为 'cpu'，得到 {device!r}。"
        )
        raise ArgumentError(teach(what, tr("leave it out", "请省略该参数")))


default_generator = Generator()
default_generator.seed()


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


def key_tensor(generator: Generator | None = None) -> Tensor:
    """A fresh key as a tensor; a tracer sees to it that every call, or step, has its own."""
    source = default_generator if generator is None else generator
    key = Tensor(source.next_key())
    tracer = _node.tracer()
    return key if tracer is None else tracer.refill(key, source)

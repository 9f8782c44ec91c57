"""Initial weights and data of every workload, made by NumPy from a seed, the same for everybody.

A net is a list of weights in the order in which PyTorch's modules hold them. Each says how often
one sample uses it: the arithmetic of a step follows from that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Weight:
    """An initial weight: its shape as in PyTorch, and multiply-adds a sample does per element."""

    kind: str  # linear, conv, conv_transpose, embedding, bias, scale
    shape: tuple[int, ...]
    fan: int = 1
    uses: int = 0

    def make(self, rng: np.random.Generator) -> np.ndarray:
        """Uniform within ±1/√fan, as PyTorch does it; scales are 1/fan, embeddings normal."""
        if self.kind == "scale":
            return np.full(self.shape, 1 / self.fan, np.float32)
        if self.kind == "embedding":
            return rng.normal(size=self.shape).astype(np.float32) * np.float32(1 / self.fan)
        bound = 1 / math.sqrt(self.fan)
        return rng.uniform(-bound, bound, self.shape).astype(np.float32)


def linear(inputs: int, outputs: int, uses: int = 1, bias: bool = True) -> list[Weight]:
    found = [Weight("linear", (outputs, inputs), inputs, uses)]
    return found + [Weight("bias", (outputs,), inputs)] * bias


def conv(inputs: int, outputs: int, size: int, places: int, bias: bool = True) -> list[Weight]:
    fan = inputs * size * size
    found = [Weight("conv", (outputs, inputs, size, size), fan, places)]
    return found + [Weight("bias", (outputs,), fan)] * bias


def norm(width: int, fan: int = 1) -> list[Weight]:
    return [Weight("scale", (width,), fan), Weight("bias", (width,), 10**6)]


def regression() -> list[Weight]:
    return linear(1, 10) + linear(10, 1)


def mlp() -> list[Weight]:
    return linear(784, 512) + linear(512, 512) + linear(512, 10)


def lenet() -> list[Weight]:
    convolutions = conv(1, 6, 5, 28 * 28) + conv(6, 16, 5, 10 * 10)
    return convolutions + linear(400, 120) + linear(120, 84) + linear(84, 10)


def conv_norm(inputs: int, outputs: int, size: int, places: int, fan: int = 1) -> list[Weight]:
    return conv(inputs, outputs, size, places, bias=False) + norm(outputs, fan)


#: Residual branches begin with a small scale, as is usual: so rounding does not grow with depth.
_SMALL = 5


def resnet18() -> list[Weight]:
    found = conv_norm(3, 64, 3, 32 * 32)
    width = side = 64
    for outputs, side in ((64, 32), (128, 16), (256, 8), (512, 4)):
        for _ in range(2):
            found += conv_norm(width, outputs, 3, side**2)
            found += conv_norm(outputs, outputs, 3, side**2, _SMALL)
            if width != outputs:
                found += conv_norm(width, outputs, 1, side**2)
            width = outputs
    return found + linear(512, 10)


def resnet50() -> list[Weight]:
    found = conv_norm(3, 64, 7, 112 * 112)
    width = 64
    for inner, count, side in ((64, 3, 56), (128, 4, 28), (256, 6, 14), (512, 3, 7)):
        for i in range(count):
            before = side if i or inner == 64 else 2 * side
            found += conv_norm(width, inner, 1, before**2)
            found += conv_norm(inner, inner, 3, side**2)
            found += conv_norm(inner, 4 * inner, 1, side**2, _SMALL)
            if i == 0:
                found += conv_norm(width, 4 * inner, 1, side**2)
            width = 4 * inner
    return found + linear(2048, 1000)


def unet() -> list[Weight]:
    def block(inputs: int, outputs: int, side: int) -> list[Weight]:
        return conv_norm(inputs, outputs, 3, side**2) + conv_norm(outputs, outputs, 3, side**2)

    sides = ((32, 256), (64, 128), (128, 64), (256, 32))
    found: list[Weight] = []
    before = 1
    for width, side in sides:
        found += block(before, width, side)
        before = width
    found += block(256, 512, 16)
    for width, side in reversed(sides):
        fan = width * 4
        shape = (2 * width, width, 2, 2)
        found += [Weight("conv_transpose", shape, fan, (side // 2) ** 2)]
        found += [Weight("bias", (width,), fan)]
        found += block(2 * width, width, side)
    return found + conv(32, 1, 1, 256 * 256)


def recurrent(gates: int) -> list[Weight]:
    rows, fan, length = gates * 128, 128, 100
    found = [Weight("embedding", (5000, 64))]
    found += [Weight("linear", (rows, width), fan, length) for width in (64, 128)]
    return found + [Weight("bias", (rows,), fan)] * 2 + linear(128, 2)


def gpt() -> list[Weight]:
    length = 128
    found = [Weight("embedding", (5000, 256), 50), Weight("embedding", (length, 256), 50)]
    for _ in range(4):
        found += norm(256) + linear(256, 768, length) + linear(256, 256, length)
        found += norm(256) + linear(256, 1024, length) + linear(1024, 256, length)
    return found + norm(256) + linear(256, 5000, length, bias=False)


NETS: dict[str, Callable[[], list[Weight]]] = {
    "regression": regression,
    "mlp": mlp,
    "lenet": lenet,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "unet": unet,
    "rnn": lambda: recurrent(1),
    "lstm": lambda: recurrent(4),
    "gru": lambda: recurrent(3),
    "gpt": gpt,
}

#: Multiply-adds a sample does outside products with weights: attention's two products.
EXTRA = {"gpt": 4 * 2 * 128 * 128 * 256}


def multiply_adds(net: str, train: bool) -> int:
    """Of one sample; backward doubles them twice, but the first layer's input needs no gradient."""
    weights = NETS[net]()
    each = [math.prod(weight.shape) * weight.uses for weight in weights]
    total = sum(each) + EXTRA.get(net, 0)
    return 3 * total - each[0] if train else total


def initial(net: str, rng: np.random.Generator) -> list[np.ndarray]:
    """A net's initial weights."""
    return [weight.make(rng) for weight in NETS[net]()]


# ---------------------------------------------------------------- data


def cosine(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Fifty points of y = cos x + noise."""
    x = np.arange(0, 5, 0.1, dtype=np.float32)[None, :, None]
    noise = rng.uniform(-0.1, 0.1, x.shape).astype(np.float32)
    return {"x": x, "y": np.cos(x) + noise}


def classes(count: int, *shape: int) -> Callable[[np.random.Generator], dict[str, np.ndarray]]:
    """Two batches of random inputs with random labels; ``shape`` begins with the batch."""

    def make(rng: np.random.Generator) -> dict[str, np.ndarray]:
        x = rng.normal(size=(2, *shape)).astype(np.float32)
        return {"x": x, "y": rng.integers(0, count, (2, shape[0]))}

    return make


def masks(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Pictures, and a mask that says where they are bright."""
    x = rng.normal(size=(2, 2, 1, 256, 256)).astype(np.float32)
    return {"x": x, "y": (x > 0.3).astype(np.float32)}


def words(count: int, *shape: int) -> Callable[[np.random.Generator], dict[str, np.ndarray]]:
    """Sequences of 5000 words with a label each, or with the next word at every place."""

    def make(rng: np.random.Generator) -> dict[str, np.ndarray]:
        x = rng.integers(0, 5000, (2, *shape))
        if count:
            return {"x": x, "y": rng.integers(0, count, (2, shape[0]))}
        return {"x": x, "y": np.roll(x, -1, 2).reshape(2, -1)}

    return make


def operands(*shape: int, count: int = 1) -> Callable[[np.random.Generator], dict[str, Any]]:
    """Inputs of a single operation."""

    def make(rng: np.random.Generator) -> dict[str, np.ndarray]:
        draw = [rng.standard_normal((1, *shape), dtype=np.float32) for _ in range(count)]
        return dict(zip(("x", "y"), draw))

    return make

"""Random bits: counter-based, so that the same key gives the same bits on any machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType, uint32
from glia.base.errors import ShapeError, teach
from glia.base.shapes import Shape, numel
from glia.ir.expr import Expr, intern
from glia.ir.table import Bad, Op, Sample, register

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def _infer(inputs: tuple[Expr, ...], shape: Shape) -> tuple[Shape, DType]:
    (key,) = inputs
    if key.shape != (2,) or key.dtype is not uint32:
        raise ShapeError(teach(f"random_bits: expected a key of two uint32, found {key}."))
    return shape, uint32


def threefry(key: np.ndarray, counter: np.ndarray, high: np.ndarray | int = 0) -> np.ndarray:
    """Threefry-2x32 with 20 rounds on the counters (c, high): the first word.

    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
    """
    with np.errstate(over="ignore"):
        k0, k1 = (np.uint32(word) for word in key)
        keys = (k0, k1, np.uint32(PARITY) ^ k0 ^ k1)
        x0 = counter.astype(np.uint32) + keys[0]
        x1 = np.zeros_like(x0) + keys[1] + np.asarray(high, np.uint32)
        for block in range(5):
            for rotation in ROTATIONS[block % 2]:
                x0 = x0 + x1
                x1 = (x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation))
                x1 = x1 ^ x0
            x0 = x0 + keys[(block + 1) % 3]
            x1 = x1 + keys[(block + 2) % 3] + np.uint32(block + 1)
    return x0


def threefry_word(key: tuple[int, int], counter: int) -> int:
    """``threefry`` of one counter in plain integers: quicker for single words."""
    mask = 0xFFFFFFFF
    keys = (key[0], key[1], PARITY ^ key[0] ^ key[1])
    x0, x1 = (counter + keys[0]) & mask, keys[1]
    for block in range(5):
        for rotation in ROTATIONS[block % 2]:
            x0 = (x0 + x1) & mask
            x1 = ((x1 << rotation | x1 >> (32 - rotation)) & mask) ^ x0
        x0 = (x0 + keys[(block + 1) % 3]) & mask
        x1 = (x1 + keys[(block + 2) % 3] + block + 1) & mask
    return x0


def _numpy(key: np.ndarray, shape: Shape) -> np.ndarray:
    return threefry(key, np.arange(numel(shape), dtype=np.uint32)).reshape(shape)


def _samples() -> Sequence[Sample]:
    keys = ((0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x13198A2E, 0x03707344))
    arrays = [np.array(key, np.uint32) for key in keys]
    return [Sample((key,), {"shape": shape}) for key in arrays for shape in ((5,), (2, 9), ())]


RANDOM_BITS = register(
    Op(
        "random_bits",
        "random",
        "Threefry2x32(key, i)",
        _infer,
        _numpy,
        lambda node, g: (None,),
        ("shape",),
        _samples,
        lambda: [Bad((np.zeros(3, np.uint32),), {"shape": (2,)}, ShapeError, "key")],
    )
)


def random_bits(key: Expr, shape: Shape) -> Expr:
    """32 random bits for every element; element i depends on the key and i alone."""
    return intern(RANDOM_BITS, (key,), (shape,))

"""Arithmetic on 32-bit words, written in primitives: random bits for several keys at once."""

from __future__ import annotations

from glia.base.dtypes import uint32
from glia.ir.expr import Expr, intern
from glia.ir.ops import elementwise as _e
from glia.ir.ops.random import PARITY, ROTATIONS
from glia.ir.ops.source import const, iota
from glia.ir.ops.view import broadcast_to, reshape, slice_


def threefry_words(keys: Expr, count: int) -> Expr:
    """``random_bits(key, (count,))`` for every row of keys (n, 2): (n, count)."""
    n = keys.shape[0]
    shape = (n, count)

    def word(value: int) -> Expr:
        return broadcast_to(const(value, uint32), shape)

    def add(a: Expr, b: Expr) -> Expr:
        return intern(_e.ADD, (a, b))

    def xor(a: Expr, b: Expr) -> Expr:
        return intern(_e.XOR, (a, b))

    parts = [slice_(keys, (0, i), (n, i + 1), (1, 1)) for i in range(2)]
    k0, k1 = (broadcast_to(part, shape) for part in parts)
    rounds = (k0, k1, xor(word(PARITY), xor(k0, k1)))
    counter = reshape(iota(count, uint32), (1, count))
    x0, x1 = add(broadcast_to(counter, shape), k0), k1
    for block in range(5):
        for rotation in ROTATIONS[block % 2]:
            x0 = add(x0, x1)
            high = intern(_e.SHL, (x1, word(rotation)))
            low = intern(_e.SHR, (x1, word(32 - rotation)))
            x1 = xor(intern(_e.OR, (high, low)), x0)
        x0 = add(x0, rounds[(block + 1) % 3])
        x1 = add(x1, add(rounds[(block + 2) % 3], word(block + 1)))
    return x0

"""Padding as a function."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.ir.padding import MODES, Around
from glia.nn import pad_formulas as _f
from glia.tensor.tensor import Tensor, apply


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Elements around the last dimensions.

    Args:
        pad: how many before and behind the last dimension, then the last but one, and so on;
            negative numbers take elements away.
        mode: ``"constant"``; ``"reflect"`` (… x₂ x₁ | x₀ x₁ …), ``"replicate"``
            (… x₀ x₀ | x₀ x₁ …) or ``"circular"`` (… xₙ₋₁ | x₀ x₁ …), for (N, C, …) or (C, …) with
            one, two or three more dimensions, all of them padded.
        value: the constant; 0 by default.

    Raises:
        ShapeError: more is mirrored or wrapped than there is.

    Example:
        >>> import glia as gl
        >>> x = gl.tensor([[1, 2, 3]])
        >>> pad(x, (2, 1), mode="reflect").tolist(), pad(x, (-1, 1)).tolist()
        ([[3, 2, 1, 2, 3, 2]], [[2, 3, 0]])
    """
    if mode not in ("constant", *MODES) or (mode != "constant" and value):
        names = ", ".join(map(repr, ("constant", *MODES)))
        what = tr(
            f"pad: expected mode {names}, a value only with the first; found {mode!r}, {value!r}.",
            f"pad：mode 应为 {names} 之一，只有第一种可给 value；得到 {mode!r}、{value!r}。",
        )
        raise ArgumentError(teach(what))
    around = pad_pairs(pad)
    if not around or (mode == "constant" and not any(map(any, around))):
        return input
    number = 0 if value is None else value
    return apply(_f.pad, (input,), around, mode, number)


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """A constant around the last dimensions; see :func:`glia.nn.functional.pad`."""
    return _constant(input, pad, value)


def pad_pairs(pad: Sequence[int]) -> Around:
    """Numbers before and behind, the first dimension first."""
    found = tuple(int(p) for p in pad)
    if len(found) % 2:
        what = tr(
            f"pad: expected two numbers for each dimension, found {pad!r}.",
            f"pad：每一维需要两个数，得到 {pad!r}。",
        )
        raise ArgumentError(teach(what))
    return tuple((found[i], found[i + 1]) for i in range(len(found) - 2, -1, -2))


def _constant(input: Tensor, sizes: Sequence[int], value: float) -> Tensor:
    return pad(input, sizes, "constant", value)

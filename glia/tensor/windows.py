"""Windows that let a signal fade in and out; ``gl.signal.windows``.

Every function takes the length M and ``sym``: whether the window is symmetric (the default) or
periodic, one element of a longer symmetric one left out, as ``gl.stft`` wants it. A window of one
element is 1.

Source: F. J. Harris, On the use of windows for harmonic analysis with the discrete Fourier
transform, Proceedings of the IEEE 66 (1978).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import as_dtype, float32
from glia.base.errors import ArgumentError, DTypeError, teach
from glia.tensor.tensor import Tensor


def _places(M: int, sym: bool) -> np.ndarray:
    """From 0 to 2 over the window."""
    count = M - 1 if sym else M
    return 2 * np.arange(M) / max(count, 1)


def _middle(M: int, sym: bool) -> float:
    return (M - 1 if sym or M < 2 else M) / 2


def _made(name: str, M: int, values: np.ndarray, dtype: Any) -> Tensor:
    kind = float32 if dtype is None else as_dtype(dtype)
    if not kind.is_floating_point:
        message = f"{name}: expected a floating-point dtype, found {kind.name}."
        raise DTypeError(teach(message))
    return Tensor((np.ones(1) if M == 1 else values).astype(kind.np))


def _positive(name: str, what: str, value: float) -> None:
    if value <= 0:
        raise ArgumentError(teach(f"{name}: expected a positive {what}, found {value}."))


def _length(name: str, M: int) -> None:
    if M < 0:
        raise ArgumentError(teach(f"{name}: expected a length of at least 0, found {M}."))


def bartlett(M: int, *, sym: bool = True, dtype: Any = None) -> Tensor:
    """A triangle: ``1 - |2n/(M-1) - 1|``.

    >>> bartlett(4)
    tensor([0.    , 0.6667, 0.6667, 0.    ])
    """
    _length("bartlett", M)
    n = _places(M, sym)
    return _made("bartlett", M, 1 - np.abs(n - 1), dtype)


def blackman(M: int, *, sym: bool = True, dtype: Any = None) -> Tensor:
    """``0.42 - 0.5 cos φ + 0.08 cos 2φ`` with ``φ = 2πn/(M-1)``.

    >>> blackman(4)
    tensor([-1.3878e-17,  6.3000e-01,  6.3000e-01, -1.3878e-17])
    """
    _length("blackman", M)
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype)


def cosine(M: int, *, sym: bool = True, dtype: Any = None) -> Tensor:
    """Half a wave: ``sin(π(n + ½)/M)``.

    >>> cosine(4)
    tensor([0.3827, 0.9239, 0.9239, 0.3827])
    """
    _length("cosine", M)
    count = M if sym or M < 2 else M + 1
    return _made("cosine", M, np.sin((np.arange(M) + 0.5) * np.pi / max(count, 1)), dtype)


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, dtype: Any = None
) -> Tensor:
    """``e^(-|n - center|/τ)``; the centre is the middle unless ``sym`` is False and one is given.

    >>> exponential(3)
    tensor([0.3679, 1.    , 0.3679])
    """
    _length("exponential", M)
    _positive("exponential", "tau", tau)
    if sym and center is not None:
        message = "exponential: a symmetric window has its centre in the middle."
        raise ArgumentError(teach(message, "give sym=False with center="))
    middle = _middle(M, sym) if center is None else center
    return _made("exponential", M, np.exp(-np.abs(np.arange(M) - middle) / tau), dtype)


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, dtype: Any = None) -> Tensor:
    """``e^(-((n - middle)/σ)²/2)``.

    >>> gaussian(4)
    tensor([0.3247, 0.8825, 0.8825, 0.3247])
    """
    _length("gaussian", M)
    _positive("gaussian", "std", std)
    off = (np.arange(M) - _middle(M, sym)) / std
    return _made("gaussian", M, np.exp(-(off**2) / 2), dtype)


def general_cosine(M: int, *, a: Sequence[float], sym: bool = True, dtype: Any = None) -> Tensor:
    """``Σₖ (-1)ᵏ aₖ cos(kφ)`` with ``φ = 2πn/(M-1)``.

    >>> general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    _length("general_cosine", M)
    if not len(a):
        raise ArgumentError(teach("general_cosine: expected at least one coefficient."))
    angle = np.pi * _places(M, sym)
    parts = [(-1) ** k * weight * np.cos(k * angle) for k, weight in enumerate(a)]
    return _made("general_cosine", M, np.sum(parts, axis=0), dtype)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, dtype: Any = None) -> Tensor:
    """``α - (1 - α) cos φ`` with ``φ = 2πn/(M-1)``.

    >>> general_hamming(4)
    tensor([0.08, 0.77, 0.77, 0.08])
    """
    _length("general_hamming", M)
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, dtype=dtype)


def hamming(M: int, *, sym: bool = True, dtype: Any = None) -> Tensor:
    """``0.54 - 0.46 cos φ`` with ``φ = 2πn/(M-1)``.

    >>> hamming(4)
    tensor([0.08, 0.77, 0.77, 0.08])
    """
    _length("hamming", M)
    return general_hamming(M, sym=sym, dtype=dtype)


def hann(M: int, *, sym: bool = True, dtype: Any = None) -> Tensor:
    """``½ - ½ cos φ`` with ``φ = 2πn/(M-1)``.

    >>> hann(4)
    tensor([0.  , 0.75, 0.75, 0.  ])
    """
    _length("hann", M)
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype)


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, dtype: Any = None) -> Tensor:
    """``I₀(β √(1 - (2n/(M-1) - 1)²)) / I₀(β)`` with the Bessel function I₀.

    >>> kaiser(4)
    tensor([5.2773e-05, 5.1884e-01, 5.1884e-01, 5.2773e-05])
    """
    _length("kaiser", M)
    if beta < 0:
        raise ArgumentError(teach(f"kaiser: expected beta of at least 0, found {beta}."))
    inside = np.maximum(1 - (_places(M, sym) - 1) ** 2, 0)
    return _made("kaiser", M, np.i0(beta * np.sqrt(inside)) / np.i0(beta), dtype)


def nuttall(M: int, *, sym: bool = True, dtype: Any = None) -> Tensor:
    """A sum of four cosines: 0.3635819, 0.4891775, 0.1365995, 0.0106411.

    >>> nuttall(4)
    tensor([3.6280e-04, 5.2923e-01, 5.2923e-01, 3.6280e-04])
    """
    _length("nuttall", M)
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, dtype=dtype)


def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None) -> Tensor:
    """``gl.signal.windows.bartlett``, periodic by default."""
    return bartlett(window_length, sym=not periodic, dtype=dtype)


def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None) -> Tensor:
    """``gl.signal.windows.blackman``, periodic by default."""
    return blackman(window_length, sym=not periodic, dtype=dtype)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
) -> Tensor:
    """``α - β cos φ``; periodic by default."""
    return general_cosine(window_length, a=[alpha, beta], sym=not periodic, dtype=dtype)


def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None) -> Tensor:
    """``gl.signal.windows.hann``, periodic by default."""
    return hann(window_length, sym=not periodic, dtype=dtype)


def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None
) -> Tensor:
    """``gl.signal.windows.kaiser``, periodic by default."""
    return kaiser(window_length, beta=beta, sym=not periodic, dtype=dtype)

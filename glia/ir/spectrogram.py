"""Fourier transforms of overlapping pieces of a signal, and the signal from them."""

from __future__ import annotations

import math

from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.ir import arrange, padding
from glia.ir.build import cast, div, full, mul, transpose
from glia.ir.expr import Expr, intern
from glia.ir.ops import fourier
from glia.ir.ops.complex import real
from glia.ir.ops.view import broadcast_to, pad
from glia.ir.ops.window import FOLD, window


def _taper(name: str, like: Expr, given: Expr | None, n_fft: int, length: int) -> Expr:
    """The window, zeros around it up to ``n_fft``."""
    if not 0 < length <= n_fft:
        message = f"{name}: expected a win_length from 1 to n_fft={n_fft}, found {length}."
        raise ArgumentError(teach(message))
    if given is not None and given.shape != (length,):
        message = f"{name}: expected a window of {length} numbers, found shape {given.shape}."
        raise ShapeError(teach(message, "give win_length= the window's length"))
    one = full((length,), 1.0, like.dtype.to_real()) if given is None else given
    before = (n_fft - length) // 2
    return pad(one, (before,), (n_fft - length - before,))


def stft(
    x: Expr,
    *given: Expr,
    n_fft: int,
    hop: int,
    win_length: int,
    center: bool,
    pad_mode: str,
    normalized: bool,
    onesided: bool | None,
) -> Expr:
    """``X[k, t] = Σₙ w[n] x[t h + n] e^(-2πi kn/N)``."""
    if x.ndim not in (1, 2) or not x.dtype.is_inexact:
        message = (
            f"stft: expected a floating-point signal or a batch, found {x.dtype.name} {x.shape}."
        )
        raise ShapeError(teach(message, "shape (length,) or (batch, length)"))
    taper = _taper("stft", x, given[0] if given else None, n_fft, win_length)
    if center:
        x = _padded(x, n_fft // 2, pad_mode)
    if hop < 1 or not 0 < n_fft <= x.shape[-1]:
        message = f"stft: n_fft={n_fft}, hop_length={hop} do not fit a signal of {x.shape[-1]}."
        raise ArgumentError(teach(message, "give a longer signal"))
    frames = mul(window(x, (n_fft,), (hop,), (1,)), taper)
    half = not frames.dtype.is_complex if onesided is None else onesided
    if half and frames.dtype.is_complex:
        raise ArgumentError(teach("stft: complex numbers have no half.", "give onesided=False"))
    last = frames.ndim - 1
    if half:
        found = fourier.rfft(frames, last)
    else:
        found = fourier.fft(cast(frames, frames.dtype.to_complex()), (last,))
    found = mul(found, 1 / math.sqrt(n_fft)) if normalized else found
    return transpose(found, -1, -2)


def _padded(x: Expr, by: int, mode: str) -> Expr:
    if mode == "constant":
        return padding.constant(x, ((by, by),), 0.0)
    if mode not in padding.MODES:
        names = ", ".join(["constant", *padding.MODES])
        message = f"stft: expected a pad_mode of {names}, found {mode!r}."
        raise ArgumentError(teach(message))
    if mode == "reflect" and by >= x.shape[-1]:
        message = f"stft: a signal of {x.shape[-1]} cannot be mirrored by {by}."
        raise ShapeError(teach(message, 'give a longer signal, or pad_mode="constant"'))
    return padding.MODES[mode](x, ((by, by),))


def istft(
    x: Expr,
    *given: Expr,
    n_fft: int,
    hop: int,
    win_length: int,
    center: bool,
    normalized: bool,
    onesided: bool | None,
    length: int | None,
    return_complex: bool,
) -> Expr:
    """The signal with the least squared distance: pieces added up, over the windows' squares.

    Griffin and Lim, Signal estimation from modified short-time Fourier transform (1984).
    """
    if x.ndim not in (2, 3) or not x.dtype.is_complex:
        message = f"istft: expected complex numbers (…, N, T), found {x.dtype.name} {x.shape}."
        raise DTypeError(teach(message, "give what stft(..., return_complex=True) gives"))
    half = x.shape[-2] != n_fft if onesided is None else onesided
    if x.shape[-2] != (n_fft // 2 + 1 if half else n_fft) or not 0 < hop <= win_length:
        message = f"istft: {x.shape} does not come from n_fft={n_fft}, hop_length={hop}."
        raise ShapeError(teach(message, "give the arguments that stft had"))
    if half and return_complex:
        raise ArgumentError(teach("istft: half of the frequencies make a real signal."))
    frames = transpose(mul(x, math.sqrt(n_fft)) if normalized else x, -1, -2)
    last, steps = frames.ndim - 1, frames.shape[-2]
    if return_complex:
        frames = fourier.fft(frames, (last,), True)
    else:
        frames = arrange.narrow(frames, last, 0, n_fft // 2 + 1)
        frames = fourier.irfft(frames, last, n_fft)
    taper = _taper("istft", x, given[0] if given else None, n_fft, win_length)
    frames = mul(div(frames, float(n_fft)), taper)
    weights = broadcast_to(real(mul(taper, taper)), (steps, n_fft))
    size = n_fft + hop * (steps - 1)
    attrs = ((size,), (hop,), (1,))
    signal, weight = intern(FOLD, (frames,), attrs), intern(FOLD, (weights,), attrs)
    start = n_fft // 2 if center else 0
    stop = size - start if length is None else min(start + length, size)
    at = signal.ndim - 1
    signal = div(arrange.narrow(signal, at, start, stop), arrange.narrow(weight, 0, start, stop))
    missing = 0 if length is None else length - (stop - start)
    return pad(signal, (0,) * signal.ndim, (*(0 for _ in range(at)), missing))

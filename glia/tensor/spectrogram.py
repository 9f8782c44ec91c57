"""Short-time Fourier transforms of signals."""

from __future__ import annotations

from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.ir import spectrogram as formulas
from glia.ir.expr import Expr
from glia.tensor.tensor import Tensor, apply, as_tensor


def stft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """``X[k, t] = Σₙ w[n] x[t h + n] e^(-2πi kn/N)``: which frequencies a signal has, and when.

    Args:
        input: signals (length,) or (batch, length).
        n_fft: N, the size of every transform.
        hop_length: h, how far they lie apart; ``n_fft // 4`` by default.
        win_length, window: w, ones by default, with zeros around it up to N.
        center: whether the t-th window is centred at ``t h``, for which the signal is padded.
        pad_mode: ``"reflect"``, ``"constant"``, ``"replicate"`` or ``"circular"``.
        normalized: scale by ``1/√N``.
        onesided: give half of the frequencies, as is the default for real signals.
        return_complex: must be given for real signals; False gives real and imaginary part in a
            last dimension of size 2.
        align_to_window: not offered.

    Shape:
        (batch?, frequencies, frames).

    >>> stft([1.0, 0, -1, 0, 1, 0, -1, 0], 4, center=False, return_complex=True).abs()
    tensor([[0., 0., 0., 0., 0.],
            [2., 2., 2., 2., 2.],
            [0., 0., 0., 0., 0.]])
    """
    x = as_tensor(input)
    if align_to_window is not None:
        message = "stft: align_to_window is not offered."
        raise ArgumentError(teach(message, "cut the signal before"))
    given = () if window is None else (as_tensor(window),)
    mixed = x.is_complex() or any(w.is_complex() for w in given)
    if return_complex is None and not mixed:
        message = "stft: return_complex must be given for real signals."
        raise ArgumentError(teach(message, "give return_complex=True"))
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    attrs = n_fft, hop, length, center, pad_mode, normalized, onesided
    found = apply(_stft, (x, *given), attrs)
    return found if return_complex or return_complex is None else found.view_as_real()


def istft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal from its ``stft``; arguments as there.

    Where the windows add up to zero there is nothing to tell the signal from, and it is NaN.

    Args:
        length: how long the signal was; without it only what is certain is given.
        return_complex: whether the signal was complex.

    Source: Griffin and Lim, Signal estimation from modified short-time Fourier transform (1984).

    >>> x = stft([1.0, 2.0, 3.0, 4.0], 2, 1, return_complex=True)
    >>> istft(x, 2, 1)
    tensor([1., 2., 3., 4.])
    """
    given = () if window is None else (as_tensor(window),)
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    attrs = n_fft, hop, win, center, normalized, onesided, length, return_complex
    return apply(_istft, (as_tensor(input), *given), attrs)


def _stft(*parts: Any) -> Expr:
    *inputs, attrs = parts
    names = "n_fft hop win_length center pad_mode normalized onesided".split()
    return formulas.stft(*inputs, **dict(zip(names, attrs, strict=True)))


def _istft(*parts: Any) -> Expr:
    *inputs, attrs = parts
    names = "n_fft hop win_length center normalized onesided length return_complex".split()
    return formulas.istft(*inputs, **dict(zip(names, attrs, strict=True)))

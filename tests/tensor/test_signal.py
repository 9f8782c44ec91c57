"""Windows against NumPy's and their formulas; short-time transforms against the definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, DTypeError, GliaError, ShapeError

W = gl.signal.windows
X = np.random.default_rng(1).normal(size=(2, 37))


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8])
def test_windows(count: int) -> None:
    n = np.arange(count)
    pairs: list[tuple[gl.Tensor, Any]] = [
        (W.hann(count), np.hanning(count)),
        (W.hamming(count), np.hamming(count)),
        (W.blackman(count), np.blackman(count)),
        (W.bartlett(count), np.bartlett(count)),
        (W.kaiser(count, beta=5.0), np.kaiser(count, 5.0)),
        (W.cosine(count), np.sin(np.pi * (n + 0.5) / max(count, 1))),
        (W.gaussian(count, std=2.0), np.exp(-(((n - (count - 1) / 2) / 2) ** 2) / 2)),
        (W.exponential(count, tau=3.0), np.exp(-abs(n - (count - 1) / 2) / 3)),
    ]
    for found, wanted in pairs:
        wanted = np.ones(1) if count == 1 else wanted
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6, atol=1e-7)
        assert found.dtype is gl.float32
    if count > 1:  # periodic: the last of one more is left out
        for make in (W.hann, W.bartlett, W.nuttall, W.gaussian, W.cosine, W.exponential):
            whole = make(count + 1, dtype=gl.float64).numpy()[:-1]
            np.testing.assert_allclose(make(count, sym=False, dtype=gl.float64).numpy(), whole)
    assert gl.hann_window(count).tolist() == W.hann(count, sym=False).tolist()


def test_short_time_transform_is_its_definition() -> None:
    window = np.hanning(6) + 0.1
    found = gl.stft(gl.tensor(X), 8, 3, 6, gl.tensor(window), False, return_complex=True)
    taper = np.pad(window, 1)
    for t in range(found.shape[-1]):
        piece = np.fft.rfft(X[:, 3 * t : 3 * t + 8] * taper)
        np.testing.assert_allclose(found.numpy()[:, :, t], piece, atol=1e-12)
    assert found.shape == (2, 5, 10)
    centred = gl.stft(gl.tensor(X[0]), 8, normalized=True, onesided=False, return_complex=False)
    padded = np.pad(X[0], 4, mode="reflect")
    wanted = np.stack([np.fft.fft(padded[2 * t : 2 * t + 8]) for t in range(19)], 1) / 8**0.5
    np.testing.assert_allclose(
        centred.numpy(), np.stack([wanted.real, wanted.imag], -1), atol=1e-12
    )


@pytest.mark.parametrize("normalized", [False, True])
def test_back_to_the_signal(normalized: bool) -> None:
    window = gl.hann_window(12, dtype=gl.float64)
    options = {"window": window, "win_length": 12, "normalized": normalized}
    x = gl.tensor(X, requires_grad=True)
    spectrum = gl.stft(x, 16, 4, return_complex=True, **options)  # type: ignore[arg-type]
    back = gl.istft(spectrum, 16, 4, length=37, **options)  # type: ignore[arg-type]
    np.testing.assert_allclose(back.numpy(), X, atol=1e-12)
    (back * gl.tensor(X)).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), X, atol=1e-12)
    z = X + 1j * X[::-1]
    whole = gl.stft(gl.tensor(z), 8, onesided=False, return_complex=True)
    same = gl.istft(whole, 8, onesided=False, return_complex=True, length=50).numpy()
    np.testing.assert_allclose(same[:, :36], z[:, :36], atol=1e-12)
    assert same.shape == (2, 50) and not same[:, 44:].any()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: gl.stft(x, 8), ArgumentError, "return_complex"),
        (lambda x: gl.stft(x, 99, return_complex=True), ShapeError, "mirrored"),
        (lambda x: gl.stft(x, 99, center=False, return_complex=True), ArgumentError, "longer"),
        (lambda x: gl.stft(x, 8, pad_mode="wrap", return_complex=True), ArgumentError, "pad_mode"),
        (lambda x: gl.stft(x, 8, window=gl.ones(4), return_complex=True), ShapeError, "8 numbers"),
        (lambda x: gl.stft(x, 8, win_length=9, return_complex=True), ArgumentError, "win_length"),
        (lambda x: gl.stft(x * 1j, 8, onesided=True), ArgumentError, "no half"),
        (
            lambda x: gl.stft(x, 8, return_complex=True, align_to_window=True),
            ArgumentError,
            "align",
        ),
        (lambda x: gl.stft(x.long(), 8, return_complex=True), ShapeError, "floating-point"),
        (lambda x: gl.istft(x, 8), DTypeError, "return_complex=True"),
        (lambda x: gl.istft(x * 1j, 8), ShapeError, "n_fft=8"),
        (lambda x: W.gaussian(4, std=0.0), ArgumentError, "positive std"),
        (lambda x: W.kaiser(4, beta=-1.0), ArgumentError, "beta"),
        (lambda x: W.exponential(4, center=1.0), ArgumentError, "sym=False"),
        (lambda x: W.general_cosine(4, a=[]), ArgumentError, "coefficient"),
        (lambda x: W.hann(-1), ArgumentError, "length"),
        (lambda x: W.hann(4, dtype=gl.int64), DTypeError, "floating-point"),
    ],
)
def test_errors(call: Callable[[gl.Tensor], Any], error: type[GliaError], words: str) -> None:
    with pytest.raises(error) as caught:
        call(gl.tensor(X))
    assert words in str(caught.value)

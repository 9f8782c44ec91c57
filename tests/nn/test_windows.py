"""Convolution, pooling, padding over one to three dimensions, against plain loops."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.nn import functional as F

RNG = np.random.default_rng(11)


def spans(
    x: np.ndarray, kernel: tuple, stride: tuple, pad: tuple, dilation: tuple, ceil: bool
) -> Any:
    """Every window's place in the output, and the elements of x it covers: a list of places."""
    size = x.shape[-len(kernel) :]
    counts = []
    for n, k, s, p, d in zip(size, kernel, stride, pad, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        count = (-(-room // s) if ceil else room // s) + 1
        counts.append(count - (ceil and (count - 1) * s >= n + p))
    for out in product(*map(range, counts)):
        taps = []
        for tap in product(*map(range, kernel)):
            at = [
                o * s - p + t * d
                for o, s, p, t, d in zip(out, stride, pad, tap, dilation, strict=True)
            ]
            if all(0 <= a < n for a, n in zip(at, size, strict=True)):
                taps.append((tap, tuple(at)))
        yield tuple(counts), out, taps


CASES = [
    # size, kernel, stride, padding, dilation
    ((9,), (3,), (2,), (1,), (1,)),
    ((8,), (2,), (3,), (0,), (2,)),
    ((6, 7), (3, 2), (2, 3), (1, 0), (1, 2)),
    ((4, 5, 6), (2, 3, 2), (2, 1, 3), (1, 1, 0), (1, 1, 1)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "x".join(map(str, case[0])))
def test_convolution(case: tuple) -> None:
    size, kernel, stride, pad, dilation = case
    x, w = RNG.normal(size=(2, 4, *size)), RNG.normal(size=(6, 2, *kernel))
    b = RNG.normal(size=6)
    found = [(counts, out, taps) for counts, out, taps in spans(x, *case[1:], False)]
    wanted = np.zeros((2, 6, *found[0][0])) + b.reshape(6, *(1 for _ in size))
    for _, out, taps in found:
        for tap, at in taps:
            for g in range(2):
                part = x[(slice(None), slice(2 * g, 2 * g + 2), *at)]
                weights = w[(slice(3 * g, 3 * g + 3), slice(None), *tap)]
                wanted[(slice(None), slice(3 * g, 3 * g + 3), *out)] += part @ weights.T
    there = getattr(F, f"conv{len(size)}d")
    options = {"stride": stride, "padding": pad, "dilation": dilation, "groups": 2}
    many = there(gl.tensor(x), gl.tensor(w), gl.tensor(b), **options)
    one = there(gl.tensor(x[1]), gl.tensor(w), gl.tensor(b), **options)
    gl.realize(many, one)
    np.testing.assert_allclose(many.numpy(), wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.numpy(), wanted[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "x".join(map(str, case[0])))
def test_transposed_convolution_is_the_adjoint(case: tuple) -> None:
    """``⟨conv(x), y⟩ = ⟨x, conv_transpose(y)⟩`` for the size that ``output_size`` names."""
    size, kernel, stride, pad, dilation = case
    k = len(size)
    options = {"stride": stride, "padding": pad, "dilation": dilation, "bias": False}
    down = getattr(nn, f"Conv{k}d")(3, 2, kernel, **options, dtype="float64")
    up = getattr(nn, f"ConvTranspose{k}d")(2, 3, kernel, **options, dtype="float64")
    up.load_state_dict({"weight": down.weight.detach().numpy()})
    x = gl.tensor(RNG.normal(size=(1, 3, *size)))
    z = down(x)
    y = gl.tensor(RNG.normal(size=z.shape))
    left, right = (z * y).sum(), (x * up(y, size)).sum()
    assert left.item() == pytest.approx(right.item(), rel=1e-12)


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("case", CASES, ids=lambda case: "x".join(map(str, case[0])))
def test_pooling(case: tuple, ceil: bool) -> None:
    size, kernel, stride, pad, _ = case
    k = len(size)
    x = RNG.normal(size=(2, *size))
    found = list(spans(x, *case[1:], ceil))
    flat = np.arange(np.prod(size)).reshape(size)
    largest, places = (np.zeros((2, *found[0][0]), t) for t in (float, int))
    for _, out, taps in found:
        at = [place for _, place in taps]
        values = np.array([x[(slice(None), *place)] for place in at])
        largest[(slice(None), *out)] = values.max(0)
        places[(slice(None), *out)] = [flat[at[i]] for i in values.argmax(0)]
    options = {"stride": stride, "padding": pad, "ceil_mode": ceil}
    pool = getattr(F, f"max_pool{k}d")
    results = pool(gl.tensor(x), kernel, **options, dilation=case[4], return_indices=True)
    found = list(spans(x, kernel, stride, pad, (1,) * k, ceil))
    whole, inside, thirds = (np.zeros((2, *found[0][0])) for _ in range(3))
    for _, out, taps in found:
        total = sum(x[(slice(None), *place)] for _, place in taps)
        starts = [o * s - p for o, s, p in zip(out, stride, pad, strict=True)]
        room = zip(starts, kernel, size, pad, strict=True)
        area = np.prod([min(start + n, m + p) - start for start, n, m, p in room])
        whole[(slice(None), *out)] = total / area
        inside[(slice(None), *out)] = total / len(taps)
        thirds[(slice(None), *out)] = total / 3
    mean = getattr(F, f"avg_pool{k}d")
    means = [mean(gl.tensor(x), kernel, **options, count_include_pad=c) for c in (True, False)]
    if k > 1:
        means.append(mean(gl.tensor(x), kernel, **options, divisor_override=3))
    gl.realize(*results, *means)
    np.testing.assert_array_equal(results[0].numpy(), largest)
    np.testing.assert_array_equal(results[1].numpy(), places)
    for ours, theirs in zip(means, (whole, inside, thirds), strict=False):
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("counts", [(3,), (4, 5), (2, 3, 4)])
def test_uneven_windows(counts: tuple) -> None:
    size = (7, 8, 5)[: len(counts)]
    x = RNG.normal(size=(2, *size))
    means, largest = np.zeros((2, *counts)), np.zeros((2, *counts))
    for out in np.ndindex(counts):
        edges = [
            (i * n // c, -(-(i + 1) * n // c)) for i, n, c in zip(out, size, counts, strict=True)
        ]
        part = x[(slice(None), *(slice(a, b) for a, b in edges))].reshape(2, -1)
        means[(slice(None), *out)], largest[(slice(None), *out)] = part.mean(1), part.max(1)
    k = len(counts)
    mean = getattr(nn, f"AdaptiveAvgPool{k}d")(counts)(gl.tensor(x))
    top = getattr(nn, f"AdaptiveMaxPool{k}d")(counts)(gl.tensor(x))
    gl.realize(mean, top)
    np.testing.assert_allclose(mean.numpy(), means, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(top.numpy(), largest)


MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "constant": "constant"}


@pytest.mark.parametrize("mode", MODES)
def test_padding_is_numpys(mode: str) -> None:
    for k in (1, 2, 3):
        x = RNG.normal(size=(2, 3, *(5, 4, 6)[:k]))
        sides = [(3, 1), (0, 2), (1, 3)][:k]
        flat = [n for pair in reversed(sides) for n in pair]
        wanted = np.pad(x, [(0, 0), (0, 0), *sides], MODES[mode])  # type: ignore[call-overload]
        found = F.pad(gl.tensor(x), flat, mode)
        np.testing.assert_array_equal(found.numpy(), wanted)


def test_fractional_windows() -> None:
    """Windows start where Graham's formula puts them, and keep to the input."""
    x = RNG.normal(size=(1, 1, 9, 7))
    u = RNG.random((1, 1, 2))
    values, places = F.fractional_max_pool2d(
        gl.tensor(x), 2, output_size=(5, 4), return_indices=True, _random_samples=gl.tensor(u)
    )

    def starts(n: int, count: int, shift: float) -> list[int]:
        step = (n - 2) / (count - 1)
        found = [int((i + shift) * step) - int(shift * step) for i in range(count - 1)]
        return [*found, n - 2]

    rows, columns = starts(9, 5, u[0, 0, 1]), starts(7, 4, u[0, 0, 0])
    wanted = [[x[0, 0, r : r + 2, c : c + 2].max() for c in columns] for r in rows]
    np.testing.assert_array_equal(values.numpy()[0, 0], wanted)
    np.testing.assert_array_equal(x.reshape(-1)[places.numpy()[0, 0]], wanted)
    gl.manual_seed(0)
    drawn = F.fractional_max_pool2d(gl.tensor(x), 2, output_ratio=0.6)
    assert drawn.shape == (1, 1, 5, 4) and np.isin(drawn.numpy(), x).all()


def test_a_p_norm() -> None:
    x = RNG.normal(size=(2, 3, 8))
    found = F.lp_pool1d(gl.tensor(x), 4, 2).numpy()
    wanted = (x.reshape(2, 3, 4, 2) ** 4).sum(-1) ** 0.25
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_means_of_whole_numbers_are_cut_towards_zero() -> None:
    x = gl.tensor([[[-3, 0], [-2, 0]]])
    assert F.avg_pool2d(x, 2).item() == -1
    assert F.avg_pool2d(x, 2, divisor_override=-3).item() == 1

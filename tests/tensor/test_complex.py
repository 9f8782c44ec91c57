"""Complex numbers and their parts, and Fourier transforms, against NumPy and definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, DTypeError, GliaError, ShapeError

RNG = np.random.default_rng(7)


def some(*shape: int, dtype: str = "complex128") -> np.ndarray:
    z = RNG.normal(size=shape) + 1j * RNG.normal(size=shape)
    return (z if dtype.startswith("complex") else z.real).astype(dtype)


X, Y, R = some(3, 4), some(3, 4), some(3, 4, dtype="float64")
#: Functions of two complex tensors that NumPy and glia write alike.
ALIKE: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y + 1,
    "scalars": lambda x, y: (2 - 1j) * x - y / 3j + x**2,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y,
    "equal": lambda x, y: (x == y) & (x != 2 * y),
    "real": lambda x, y: x.real * y.imag,
    "conj": lambda x, y: x.conj() * y,
    "matmul": lambda x, y: x @ y.T,
    "index": lambda x, y: x[1:, ::2] + y[0, 1],
    "mean": lambda x, y: x.mean(),
    "sum": lambda x, y: x.sum(1),
    "prod": lambda x, y: x.prod(0),
}
SAME_NAME = "exp log sqrt sin cos tanh expm1 log1p abs angle real imag conj".split()


def test_as_numpy_does() -> None:
    x, y = gl.tensor(X), gl.tensor(Y)
    found = [function(x, y) for function in ALIKE.values()]
    wanted = [function(X, Y) for function in ALIKE.values()]
    found += [getattr(gl, name)(x) for name in SAME_NAME]
    wanted += [getattr(np, name)(X) for name in SAME_NAME]
    found += [gl.where(x.real > 0, x, y), gl.cat([x, y]), x.var(1), x.sigmoid(), x.mH, x.rsqrt()]
    wanted += [np.where(X.real > 0, X, Y), np.concatenate([X, Y]), X.var(1, ddof=1)]
    wanted += [1 / (1 + np.exp(-X)), X.conj().T, 1 / np.sqrt(X)]
    gl.realize(*found)
    names = [*ALIKE, *SAME_NAME, "where", "cat", "var", "sigmoid", "mH", "rsqrt"]
    for a, b, name in zip(found, wanted, names, strict=True):
        assert a.dtype.np == b.dtype, name
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (lambda: gl.tensor([1 + 2j]), gl.complex64),
        (lambda: gl.tensor(X), gl.complex128),
        (lambda: gl.ones(2) * 1j, gl.complex64),
        (lambda: gl.ones(2, dtype=gl.float64) + 1j, gl.complex128),
        (lambda: gl.tensor([1, 2]) * 1j, gl.complex64),
        (lambda: gl.ones(2) + gl.tensor(1j).cdouble(), gl.complex64),
        (lambda: gl.ones(2, dtype=gl.float64) * gl.tensor(1j), gl.complex128),
        (lambda: gl.tensor([1j]).abs(), gl.float32),
        (lambda: gl.tensor([1j]).half(), gl.float16),
        (lambda: gl.tensor([1.5, 2]).half() + 1, gl.float16),
        (lambda: gl.tensor([1.5, 2]).half() + gl.ones(2), gl.float32),
    ],
)
def test_dtypes(make: Callable[[], gl.Tensor], dtype: Any) -> None:
    assert make().dtype is dtype


def test_parts_make_the_whole() -> None:
    x = gl.tensor(X)
    same = [
        gl.complex(x.real, x.imag),
        gl.polar(x.abs(), x.angle()),
        gl.view_as_complex(gl.view_as_real(x)),
        x.sgn() * x.abs(),
        x.conj().resolve_conj().conj(),
    ]
    for found in same:
        np.testing.assert_allclose(found.numpy(), X, rtol=1e-12)
    assert gl.tensor([1j, 2]).isreal().tolist() == [False, True]
    assert gl.tensor([-2.0, 0, 3]).angle().tolist() == pytest.approx([np.pi, 0, 0])
    assert x.is_complex() and not gl.is_complex(gl.ones(1)) and not x.is_floating_point()
    assert complex(x[0, 0]) == x[0, 0].item() == X[0, 0]
    assert repr(gl.tensor([1 - 2j])) == "tensor([1.-2.j], dtype=glia.complex64)"
    assert gl.tensor([0j]).sgn().tolist() == [0j]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: x < x, DTypeError, "no order"),
        (lambda x: x.amax(), DTypeError, "no order"),
        (lambda x: x.maximum(x), DTypeError, "no order"),
        (lambda x: x.floor(), DTypeError, "no order"),
        (lambda x: x.clamp(0), DTypeError, "no order"),
        (lambda x: x.sort(), DTypeError, "no order"),
        (lambda x: x.erf(), DTypeError, "x.abs()"),
        (lambda x: x.real.imag, DTypeError, "expected complex"),
        (lambda x: float(x[0, 0]), DTypeError, "expected a real number"),
        (lambda x: gl.complex(x, x), DTypeError, "float32 or float64"),
        (lambda x: gl.complex(x.real, gl.ones(5)), ShapeError, "broadcast"),
        (lambda x: x.abs().view_as_complex(), ShapeError, "size 2"),
        (lambda x: gl.zeros(2, dtype="bfloat16"), DTypeError, "bfloat16 is not offered"),
        (lambda x: gl.fft.rfft(x), DTypeError, "expected real"),
        (lambda x: gl.fft.fft(x, norm="both"), ArgumentError, "'ortho'"),
        (lambda x: gl.fft.fft(x, n=0), ShapeError, "at least 1"),
        (lambda x: gl.fft.fftn(x, dim=(0, 0)), ShapeError, "once"),
        (lambda x: gl.fft.irfft(x[:, :1]), ShapeError, "n=1"),
        (lambda x: gl.fft.fftfreq(0), ArgumentError, "at least 1"),
    ],
)
def test_errors(call: Callable[[gl.Tensor], Any], error: type[GliaError], words: str) -> None:
    with pytest.raises(error) as caught:
        call(gl.tensor(X))
    assert words in str(caught.value)


# Derivatives: ∂L/∂Re z + i ∂L/∂Im z


def test_a_step_against_the_gradient_goes_downhill() -> None:
    z = gl.tensor(X, requires_grad=True)
    loss = (z.exp() * (1 - 2j)).abs().sum() + z.angle().sum() + (z * z.conj()).real.sum()
    loss.backward()
    assert z.grad is not None

    def value(x: np.ndarray) -> float:
        parts = abs(np.exp(x) * (1 - 2j)) + np.angle(x) + abs(x) ** 2
        return float(parts.sum())

    for move in (some(3, 4), 1j * R):
        numeric = (value(X + 1e-6 * move) - value(X - 1e-6 * move)) / 2e-6
        assert np.vdot(z.grad.numpy(), move).real == pytest.approx(numeric, rel=1e-6)


def test_energy_of_a_spectrum() -> None:
    """By Parseval's theorem the energy is ``n Σ x²`` and its gradient ``2 n x``."""
    x = gl.tensor(R, requires_grad=True)
    energy = gl.fft.fft(x).abs().pow(2).sum()
    assert energy.item() == pytest.approx(4 * (R**2).sum())
    energy.backward()
    assert x.grad is not None and x.grad.dtype is gl.float64
    np.testing.assert_allclose(x.grad.numpy(), 8 * R, rtol=1e-12)

    @gl.jit
    def half_spectrum(x: gl.Tensor) -> gl.Tensor:
        half = gl.fft.rfft(x)
        weights = gl.tensor([1.0, 2, 1])
        return (half.abs().square() * weights).sum()

    for _ in range(3):
        assert half_spectrum(gl.tensor(R)).item() == pytest.approx(4 * (R**2).sum())


# Fourier transforms

ONE = "fft ifft rfft irfft hfft ihfft".split()
MANY = [name + end for name in "fft ifft rfft irfft".split() for end in ("2", "n")]
REAL = {"rfft", "ihfft", "rfft2", "rfftn"}


@pytest.mark.parametrize("norm", [None, "forward", "ortho"])
def test_transforms_are_numpys(norm: str | None) -> None:
    found, wanted = [], []
    for name in (*ONE, *MANY):
        array = R if name in REAL else X
        cases: list[tuple[dict, dict]] = [({}, {})]
        if name in ONE:
            cases += [({"n": n, "dim": 0}, {"n": n, "axis": 0}) for n in (2, 5)]
        else:
            cases += [({"s": (5, 3), "dim": (1, 0)}, {"s": (5, 3), "axes": (1, 0)})]
        for ours, theirs in cases:
            found.append(getattr(gl.fft, name)(gl.tensor(array), norm=norm, **ours))
            wanted.append(getattr(np.fft, name)(array, norm=norm, **theirs))
    gl.realize(*found)
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-12, atol=1e-12)


def test_hermitian_transforms_invert_each_other() -> None:
    for s, dim in ((None, (0, 1)), ((3, 5), (1, 0))):
        half = gl.fft.ihfftn(gl.tensor(R), s=s, dim=dim)
        back = gl.fft.hfftn(half, s=s or R.shape, dim=dim)
        wanted = np.fft.hfft(np.fft.fft(half.numpy(), axis=dim[0]), (s or R.shape)[1], axis=dim[1])
        np.testing.assert_allclose(back.numpy(), wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gl.fft.hfft2(gl.fft.ihfft2(gl.tensor(R))).numpy(), R, rtol=1e-12)


def test_frequencies() -> None:
    for n in (1, 4, 5):
        np.testing.assert_allclose(
            gl.fft.fftfreq(n, 0.1).numpy(), np.fft.fftfreq(n, 0.1), rtol=1e-6
        )
        np.testing.assert_allclose(gl.fft.rfftfreq(n).numpy(), np.fft.rfftfreq(n), rtol=1e-6)
    for dim in (None, 0, (1,)):
        x = gl.tensor(X)[:, :3]
        found = gl.fft.fftshift(x, dim)
        np.testing.assert_array_equal(found.numpy(), np.fft.fftshift(X[:, :3], dim))
        np.testing.assert_array_equal(gl.fft.ifftshift(found, dim).numpy(), X[:, :3])
    assert gl.fft.fftfreq(3, dtype=gl.float64).dtype is gl.float64

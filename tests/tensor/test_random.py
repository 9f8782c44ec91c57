"""Random numbers: their laws, their streams, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, DTypeError, GliaError, GradError, ShapeError
from glia.ir.ops.random import threefry

N = 20_000
Cdf = Callable[[np.ndarray], np.ndarray]


def erf(x: np.ndarray) -> np.ndarray:
    return np.array([math.erf(v) for v in x])


def phi(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + erf(x / math.sqrt(2)))


def gumbel_cdf(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.exp(-(x - 1) / 2))


def laplace_cdf(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1, 0.5 * np.exp((x - 1) / 2), 1 - 0.5 * np.exp(-(x - 1) / 2))


def new(dtype: Any = gl.float32) -> gl.Tensor:
    return gl.zeros(N, dtype=dtype)


R = gl.random
#: Samples, and the distribution function they should follow.
CONTINUOUS: list[tuple[str, Callable[[], gl.Tensor], Cdf]] = [
    ("rand", lambda: gl.rand(N), lambda x: x),
    ("rand64", lambda: gl.rand(N, dtype=gl.float64), lambda x: x),
    ("randn", lambda: gl.randn(N), phi),
    ("randn64", lambda: gl.randn(N, dtype=gl.float64), phi),
    ("normal", lambda: gl.normal(gl.ones(N), 2.0), lambda x: phi((x - 1) / 2)),
    ("normal size", lambda: gl.normal(1.0, 2.0, (N,)), lambda x: phi((x - 1) / 2)),
    ("like", lambda: gl.randn_like(new(gl.float64)), phi),
    ("uniform_", lambda: new().uniform_(-1, 3), lambda x: (x + 1) / 4),
    ("normal_", lambda: new(gl.float64).normal_(1, 2), lambda x: phi((x - 1) / 2)),
    ("exponential_", lambda: new().exponential_(2.0), lambda x: 1 - np.exp(-2 * x)),
    ("cauchy_", lambda: new().cauchy_(1, 2), lambda x: 0.5 + np.arctan((x - 1) / 2) / math.pi),
    ("log_normal_", lambda: new().log_normal_(1, 2), lambda x: phi((np.log(x) - 1) / 2)),
    ("exponential", lambda: R.exponential(2.0, (N,)), lambda x: 1 - np.exp(-2 * x)),
    ("laplace", lambda: R.laplace(1.0, 2.0, (N,)), laplace_cdf),
    ("gumbel", lambda: R.gumbel(1.0, 2.0, (N,)), gumbel_cdf),
    ("gamma 3", lambda: R.gamma(3.0, 2.0, (N,)),
     lambda x: 1 - np.exp(-2 * x) * (1 + 2 * x + 2 * x * x)),
    ("gamma 1/2", lambda: R.gamma(0.5, 1.0, (N,)), lambda x: erf(np.sqrt(x))),
    ("beta", lambda: R.beta(2.0, 3.0, (N,)), lambda x: x * x * (6 - 8 * x + 3 * x * x)),
    ("dirichlet", lambda: R.dirichlet(gl.ones(N, 3))[:, 0], lambda x: 1 - (1 - x) ** 2),
]  # fmt: skip


def poisson_pmf(rate: float) -> Callable[[int], float]:
    return lambda k: math.exp(k * math.log(rate) - rate - math.lgamma(k + 1))


WEIGHTS = [1.0, 0.0, 4.0, 5.0]
#: Samples of whole numbers, and the probability of each.
DISCRETE: list[tuple[str, Callable[[], gl.Tensor], Callable[[int], float], range]] = [
    ("randint", lambda: gl.randint(-3, 4, (N,)), lambda k: 1 / 7, range(-3, 4)),
    ("randint uint8", lambda: gl.randint(0, 256, (N,), dtype=gl.uint8), lambda k: 1 / 256,
     range(256)),
    ("random_", lambda: new().random_(2, 6), lambda k: 1 / 4, range(2, 6)),
    ("bernoulli", lambda: gl.bernoulli(gl.full((N,), 0.3)), lambda k: [0.7, 0.3][k], range(2)),
    ("bernoulli_", lambda: new(gl.int64).bernoulli_(0.3), lambda k: [0.7, 0.3][k], range(2)),
    ("geometric_", lambda: new().geometric_(0.3), lambda k: 0.3 * 0.7 ** (k - 1), range(1, 12)),
    ("poisson", lambda: gl.poisson(gl.full((N,), 2.5)), poisson_pmf(2.5), range(9)),
    ("poisson 60", lambda: gl.poisson(gl.full((N,), 60.0)), poisson_pmf(60.0), range(40, 80)),
    ("categorical", lambda: R.categorical(gl.tensor(WEIGHTS).log(), (N,)),
     lambda k: WEIGHTS[k] / 10, range(4)),
    ("multinomial", lambda: gl.multinomial(gl.tensor(WEIGHTS), N, replacement=True),
     lambda k: WEIGHTS[k] / 10, range(4)),
    ("first", lambda: gl.multinomial(gl.tensor([WEIGHTS] * N), 2)[:, 0],
     lambda k: WEIGHTS[k] / 10, range(4)),
]  # fmt: skip


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    """All samples, computed together."""
    gl.manual_seed(20)
    found = {name: make() for name, make, *_ in (*CONTINUOUS, *DISCRETE)}
    gl.realize(*found.values())
    return {name: tensor.numpy() for name, tensor in found.items()}


@pytest.mark.parametrize(("name", "cdf"), [(n, c) for n, _, c in CONTINUOUS])
def test_laws_of_real_numbers(name: str, cdf: Cdf, drawn: dict[str, np.ndarray]) -> None:
    """Kolmogorov and Smirnov's distance is none that comes once in a thousand times."""
    x = np.sort(drawn[name].astype(np.float64))
    assert x.shape == (N,)
    steps = np.arange(N + 1) / N
    wanted = cdf(x)
    distance = max(np.max(steps[1:] - wanted), np.max(wanted - steps[:-1]))
    assert distance * math.sqrt(N) < 1.95
    assert abs(np.corrcoef(drawn[name][1:], drawn[name][:-1])[0, 1]) < 0.03


@pytest.mark.parametrize(("name", "chance", "values"), [(n, p, v) for n, _, p, v in DISCRETE])
def test_laws_of_whole_numbers(
    name: str, chance: Callable[[int], float], values: range, drawn: dict[str, np.ndarray]
) -> None:
    """Pearson's χ² likewise, by Wilson and Hilferty; what has probability zero never comes."""
    x = drawn[name]
    wanted = np.array([chance(k) for k in values]) * N
    counts = np.array([np.sum(x == k) for k in values])
    rest = N - counts.sum(), max(N - wanted.sum(), 0.0)
    if rest[1] > 5:
        counts, wanted = np.append(counts, rest[0]), np.append(wanted, rest[1])
    else:
        assert rest[0] <= 10
    assert not np.any(counts[wanted == 0])
    counts, wanted = counts[wanted > 0], wanted[wanted > 0]
    free = len(counts) - 1
    chi2 = np.sum((counts - wanted) ** 2 / wanted)
    spread = 2 / (9 * free)
    assert ((chi2 / free) ** (1 / 3) - (1 - spread)) / math.sqrt(spread) < 3.09


def test_gamma_poisson_moments() -> None:
    """Over a wide range of parameters, special ones included."""
    gl.manual_seed(1)
    rates = gl.tensor([0.01, 0.7, 5.0, 30.0, 1e4])
    many = rates.expand(4000, 5)
    x, k = R.gamma(many).numpy(), gl.poisson(many).numpy()
    spread = np.sqrt(rates.numpy() / 4000)
    assert np.all(abs(x.mean(0) - rates.numpy()) < 4 * spread)
    assert np.all(abs(k.mean(0) - rates.numpy()) < 4 * spread)
    assert np.all(abs(k[:, 1:].var(0) / rates.numpy()[1:] - 1) < 0.15)
    assert np.isnan(gl.poisson(gl.tensor([0.0, -1.0])).numpy()).tolist() == [False, True]


def test_permutations() -> None:
    gl.manual_seed(2)
    rows = np.stack([gl.randperm(3).numpy() for _ in range(600)])
    assert np.all(np.sort(rows, 1) == np.arange(3))
    _, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(counts) == 6
    assert np.sum((counts - 100) ** 2 / 100) < 15
    assert gl.randperm(0).shape == (0,)
    assert gl.randperm(5, dtype=gl.int32).dtype is gl.int32
    without = gl.multinomial(gl.tensor([[1.0, 2.0, 0.0, 3.0]] * 50), 3).numpy()
    assert np.all(np.sort(without, 1) == [0, 1, 3])


def test_published_words() -> None:
    """Random123's known answers for Threefry-2x32-20: the first word."""
    key = np.array([0x13198A2E, 0x03707344], np.uint32)
    word = threefry(key, np.array([0x243F6A88]), np.array([0x85A308D3]))
    assert word[0] == 0xC4923A9C
    full = np.uint32(0xFFFFFFFF)
    assert threefry(np.array([full, full]), np.array([full]), np.array([full]))[0] == 0x1CB996FC
    assert threefry(np.zeros(2, np.uint32), np.array([0]))[0] == 0x6B200159


# Streams


def test_generators() -> None:
    a, b = gl.Generator().manual_seed(7), gl.Generator().manual_seed(7)
    state = gl.get_rng_state()
    first = gl.randn(3, generator=a).numpy()
    np.testing.assert_array_equal(first, gl.randn(3, generator=b).numpy())
    assert gl.get_rng_state() == state
    kept = a.get_state()
    second = gl.rand(3, generator=a).numpy()
    a.set_state(kept)
    np.testing.assert_array_equal(gl.rand(3, generator=a).numpy(), second)
    copy, child = a.clone_state(), a.fork()
    assert gl.rand(3, generator=copy).tolist() != gl.rand(3, generator=child).tolist()
    assert gl.Generator().initial_seed() == gl.Generator("cpu").initial_seed()
    assert gl.Generator().seed() != gl.Generator().seed()
    with gl.random.fork_rng():
        gl.manual_seed(0)
        gl.rand(2)
    assert gl.get_rng_state() == state
    gl.set_rng_state((5, 3))
    assert gl.initial_seed() == 5


def test_a_recorded_function_draws_what_a_plain_one_draws() -> None:
    own = gl.Generator().manual_seed(1)

    def draw(x: gl.Tensor) -> tuple:
        noise = gl.zeros(3).normal_(generator=own)
        return x + noise, gl.randperm(4), gl.rand(2), gl.poisson(gl.ones(2) * 4)

    x = gl.ones(3)
    results = []
    for function in (draw, gl.jit(draw)):
        gl.manual_seed(3)
        own.manual_seed(1)
        results.append([[t.numpy() for t in function(x)] for _ in range(3)])
    gl.manual_seed(3)
    own.manual_seed(1)
    many = gl.jit(draw).many(3, x)
    for step in range(3):
        for plain, jitted, stacked in zip(*(r[step] for r in results), many, strict=True):
            np.testing.assert_array_equal(plain, jitted)
            np.testing.assert_array_equal(plain, stacked[step].numpy())
    assert results[0][0][0].tolist() != results[0][1][0].tolist()


def test_the_same_numbers_for_any_number_of_threads() -> None:
    before = gl.get_num_threads()
    found = []
    for threads in (1, 2):
        gl.set_num_threads(threads)
        gl.manual_seed(4)
        found.append(gl.randn(300, 301).numpy())
    gl.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_dtypes_and_limits() -> None:
    for dtype in (gl.float32, gl.float64, gl.float16):
        x = gl.rand(50_000, dtype=dtype)
        assert x.dtype is dtype
        assert 0 <= x.min().item() <= x.max().item() < 1
    x = gl.randint(-(2**63), 2**63 - 1, (1000,)).numpy()
    assert x.min() < -(2**62) < 2**62 < x.max()
    assert np.all(gl.randint(2**63, 2**64, (50,), dtype=gl.uint64).numpy() >= 2**63)
    assert gl.randint(5, (3,)).shape == (3,)
    assert gl.randint_like(gl.zeros(4), 2, 3).tolist() == [2, 2, 2, 2]
    y = gl.randn(2, requires_grad=True)
    assert y.requires_grad
    assert y.is_leaf
    z = gl.empty(1000, dtype=gl.int64).random_()
    assert z.max().item() > 2**61
    assert gl.normal(gl.tensor([3.0, -3.0]), 0.0).tolist() == [3.0, -3.0]
    mean = gl.zeros(4, requires_grad=True)
    R.laplace(mean, 2.0).sum().backward()
    assert mean.grad is not None
    assert mean.grad.tolist() == [1, 1, 1, 1]


def test_parameters_are_filled_in_place() -> None:
    w = gl.Parameter(np.zeros(50, np.float32))
    with pytest.raises(GradError, match="gathers gradients"):
        w.normal_()
    with gl.no_grad():
        w.normal_()
    assert w.requires_grad
    assert w.is_leaf
    assert abs(w.detach().numpy()).max() > 1


BAD: list[tuple[Callable[[], Any], type[GliaError], str]] = [
    (lambda: gl.rand(2, dtype=gl.int64), DTypeError, "floating-point dtype"),
    (lambda: gl.randint(3, 3, (2,)), ArgumentError, "low < high"),
    (lambda: gl.randint(0, 300, (2,), dtype=gl.uint8), ArgumentError, "cannot hold"),
    (lambda: gl.rand(2, device="cuda"), ArgumentError, "'cpu'"),
    (lambda: gl.normal(0.0, -1.0, (2,)), ArgumentError, "at least 0"),
    (lambda: gl.normal(gl.zeros(3), 1.0, (2,)), ShapeError, "do not fit size"),
    (lambda: gl.zeros(2).bernoulli_(1.5), ArgumentError, "probability"),
    (lambda: gl.zeros(2).geometric_(0.0), ArgumentError, "probability"),
    (lambda: gl.zeros(2).exponential_(0.0), ArgumentError, "lambd > 0"),
    (lambda: gl.zeros(2).uniform_(2, 1), ArgumentError, "from ≤ to"),
    (lambda: gl.zeros(2, dtype=gl.int64).normal_(), DTypeError, "random_"),
    (lambda: gl.multinomial(gl.tensor([1.0, -1.0]), 1), ArgumentError, "finite weights"),
    (lambda: gl.multinomial(gl.tensor([1.0, 0.0]), 2), ArgumentError, "num_samples=2"),
    (lambda: gl.multinomial(gl.ones(2, 2, 2), 1), ShapeError, "rows, classes"),
    (lambda: gl.randperm(-1), ArgumentError, "n ≥ 0"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD, ids=range(len(BAD)))
def test_errors(call: Callable[[], Any], error: type[GliaError], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

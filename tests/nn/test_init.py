"""Initial values that are more than independent random numbers."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, ShapeError
from glia.base.i18n import set_language
from glia.nn import init
from glia.tensor.random import Generator


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0.0, 1.0, -2.0, 2.0), (1.0, 2.0, 0.0, 9.0), (0.0, 0.5, 1.5, 2.0), (0.0, 1.0, -9.0, -5.0)],
)
def test_truncated_normal(mean: float, std: float, a: float, b: float) -> None:
    """Quantiles of 20,000 numbers are those of the cut distribution."""
    gl.manual_seed(0)
    found = np.sort(init.trunc_normal_(gl.zeros(20_000), mean, std, a, b).numpy())
    assert a <= found[0] and found[-1] <= b
    bell = NormalDist(mean, std)
    low, high = bell.cdf(a), bell.cdf(b)
    shares = np.array([(bell.cdf(x) - low) / (high - low) for x in found.astype(float)])
    ranks = (np.arange(len(shares)) + 0.5) / len(shares)
    assert np.abs(shares - ranks).max() < 1.7 / math.sqrt(len(shares))  # Kolmogorov, p < 0.006


def test_orthogonal() -> None:
    for shape in ((5, 3), (3, 5), (4, 2, 3), (6, 2, 2, 2)):
        weight = init.orthogonal_(gl.zeros(*shape), gain=2.0).numpy().reshape(shape[0], -1)
        small = weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight
        np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-5)
    assert init.orthogonal_(gl.zeros(0, 3)).shape == (0, 3)


def test_sparse() -> None:
    gl.manual_seed(0)
    weight = init.sparse_(gl.zeros(50, 400), 0.13, std=2.0).numpy()
    assert ((weight == 0).sum(0) == 7).all()  # 6.5, rounded up
    assert weight[weight != 0].std() == pytest.approx(2.0, rel=0.03)
    assert len({tuple(column) for column in (weight == 0).T}) > 390


def test_identities() -> None:
    np.testing.assert_array_equal(init.eye_(gl.zeros(2, 3)).numpy(), np.eye(2, 3))
    x = gl.randn(1, 4, 5, 5)
    weight = init.dirac_(gl.zeros(4, 4, 3, 3))
    assert (gl.nn.functional.conv2d(x, weight, padding=1) == x).all().item()
    weight = init.dirac_(gl.zeros(4, 2, 3, 3), groups=2)
    assert (gl.nn.functional.conv2d(x, weight, padding=1, groups=2) == x).all().item()


def test_identities_agree_with_torch() -> None:
    torch = pytest.importorskip("torch")
    for shape, groups in (((6, 2, 3), 2), ((3, 5, 4, 2), 1), ((4, 2, 3, 3, 5), 4)):
        found = init.dirac_(gl.ones(*shape), groups).numpy()
        wanted = torch.nn.init.dirac_(torch.ones(*shape), groups).numpy()
        np.testing.assert_array_equal(found, wanted)


RANDOM: dict[str, Any] = {
    "uniform_": {},
    "normal_": {},
    "trunc_normal_": {},
    "xavier_uniform_": {},
    "xavier_normal_": {},
    "kaiming_uniform_": {},
    "kaiming_normal_": {},
    "orthogonal_": {},
    "sparse_": {"sparsity": 0.5},
}


def test_a_generator_of_ones_own() -> None:
    """The same numbers again, whatever the global stream does."""
    for name, options in RANDOM.items():
        function = getattr(init, name)
        first = function(gl.zeros(3, 4), **options, generator=Generator().manual_seed(5)).numpy()
        again = function(gl.zeros(3, 4), **options, generator=Generator().manual_seed(5)).numpy()
        other = function(gl.zeros(3, 4), **options).numpy()
        np.testing.assert_array_equal(first, again)
        assert (first != other).any(), name


BAD = [
    (lambda: init.eye_(gl.zeros(3)), ShapeError, "expected 2 dimensions", "维数应为 2"),
    (lambda: init.dirac_(gl.zeros(3, 3)), ShapeError, "expected 3, 4, 5", "维数应为 3, 4, 5"),
    (lambda: init.dirac_(gl.zeros(3, 1, 3), 2), ArgumentError, "in 2 groups", "不能分成 2 组"),
    (lambda: init.orthogonal_(gl.zeros(3)), ShapeError, "orthogonal_", "维数应为"),
    (lambda: init.sparse_(gl.zeros(3, 3), 1.5), ArgumentError, "in [0, 1]", "应在 [0, 1]"),
    (lambda: init.trunc_normal_(gl.zeros(3), a=2.0), ArgumentError, "a < b", "a < b"),
]


@pytest.mark.parametrize("row", BAD, ids=lambda row: row[2])
def test_refused(row: tuple) -> None:
    make, error, english, chinese = row
    for language, words in (("en", english), ("zh", chinese)):
        set_language(language)
        try:
            with pytest.raises(error) as caught:
                make()
        finally:
            set_language("en")
        assert words in str(caught.value)

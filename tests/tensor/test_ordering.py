"""Sorting, ranks, running values and statistics against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, DTypeError, GliaError, GradError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5, 3))
TIES = RNG.integers(0, 3, (4, 7))
HOLES = np.where(RNG.random((4, 6)) < 0.3, np.nan, RNG.normal(size=(4, 6)))
Y = np.array([1.0, 2.0, 4.0, 4.5])


def t(array: Any) -> gl.Tensor:
    return gl.tensor(np.asarray(array))


#: What glia gives, and what NumPy says; all are computed in one program.
CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "sort": (lambda: t(X).sort(1).values, lambda: np.sort(X, 1)),
    "sort down": (lambda: t(X).sort(0, True).values, lambda: -np.sort(-X, 0)),
    "argsort": (lambda: t(TIES).argsort(1), lambda: np.argsort(TIES, 1, kind="stable")),
    "msort": (lambda: t(X).msort(), lambda: np.sort(X, 0)),
    "topk": (lambda: t(X).topk(2, 1).values, lambda: -np.sort(-X, 1)[:, :2]),
    "topk small": (lambda: t(X).topk(2, 1, False).values, lambda: np.sort(X, 1)[:, :2]),
    "kthvalue": (lambda: t(X).kthvalue(2, 1).values, lambda: np.sort(X, 1)[:, 1]),
    "median": (lambda: t(X).median(1).values, lambda: np.median(X, 1)),
    "median all": (lambda: t(X[0]).median(), lambda: np.median(X[0])),
    "median of holes": (lambda: t(HOLES[:3]).median(0).values, lambda: np.median(HOLES[:3], 0)),
    "nanmedian": (lambda: t([3.0, np.nan, 1.0, 2.0]).nanmedian(), lambda: np.float64(2)),
    "quantile": (lambda: t(X).quantile(0.3, 1), lambda: np.quantile(X, 0.3, 1)),
    "quantiles": (
        lambda: t(X).quantile(t([0.1, 0.9]), 2, True),
        lambda: np.quantile(X, [0.1, 0.9], 2, keepdims=True),
    ),
    "nanquantile": (lambda: t(HOLES).nanquantile(0.4, 1), lambda: np.nanquantile(HOLES, 0.4, 1)),
    "nansum": (lambda: t(HOLES).nansum(1), lambda: np.nansum(HOLES, 1)),
    "nanmean": (lambda: t(HOLES).nanmean(1), lambda: np.nanmean(HOLES, 1)),
    "cumsum": (lambda: t(X).cumsum(1), lambda: np.cumsum(X, 1)),
    "cumsum of bools": (lambda: t(X > 0).cumsum(0), lambda: np.cumsum(X > 0, 0)),
    "cumprod": (lambda: t(X).cumprod(-1), lambda: np.cumprod(X, -1)),
    "logcumsumexp": (
        lambda: t(X).logcumsumexp(1),
        lambda: np.log(np.cumsum(np.exp(X), 1)),
    ),
    "cummax": (lambda: t(TIES).cummax(1).values, lambda: np.maximum.accumulate(TIES, 1)),
    "cummin": (lambda: t(X).cummin(0).values, lambda: np.minimum.accumulate(X, 0)),
    "diff": (lambda: t(X).diff(2, 1), lambda: np.diff(X, 2, 1)),
    "histc": (lambda: t(X).histc(7, -1, 1), lambda: np.histogram(X, 7, (-1, 1))[0] * 1.0),
    "histogram": (lambda: t(X).histogram(6).hist, lambda: np.histogram(X, 6)[0] * 1.0),
    "bincount": (lambda: t(TIES.ravel()).bincount(), lambda: np.bincount(TIES.ravel())),
    "searchsorted": (
        lambda: gl.searchsorted(t(Y), t(X), right=True),
        lambda: np.searchsorted(Y, X, "right"),
    ),
    "bucketize": (lambda: gl.bucketize(t(X), t(Y)), lambda: np.searchsorted(Y, X)),
    "cov": (lambda: t(X[0]).cov(correction=0), lambda: np.cov(X[0], ddof=0)),
    "corrcoef": (lambda: t(X[0]).corrcoef(), lambda: np.corrcoef(X[0])),
    "trapezoid": (lambda: gl.trapezoid(t(X[:, 0]), dx=0.5), lambda: np.trapezoid(X[:, 0], dx=0.5)),
    "gradient": (
        lambda: gl.gradient(t(X[:, 0, 0]), spacing=[t(Y)], edge_order=2)[0],
        lambda: np.gradient(X[:, 0, 0], Y, edge_order=2),
    ),
    "max": (lambda: t(X).max(1).values, lambda: X.max(1)),
    "min": (lambda: t(X).min(1, True).values, lambda: X.min(1, keepdims=True)),
    "argmin": (lambda: t(X).argmin(), lambda: X.argmin()),
    "argmin of bytes": (
        lambda: t(TIES.astype(np.uint8)).argmin(1),
        lambda: TIES.argmin(1),
    ),
    "all": (lambda: t(X > -1).all(2), lambda: (X > -1).all(2)),
    "any of nothing": (lambda: t(X[:0] > 0).any(0), lambda: np.zeros((5, 3), bool)),
    "count_nonzero": (lambda: t(TIES).count_nonzero(0), lambda: np.count_nonzero(TIES, 0)),
    "norm 3": (lambda: t(X).norm(3, 1), lambda: (np.abs(X) ** 3).sum(1) ** (1 / 3)),
    "norm inf": (lambda: t(X).norm(float("inf")), lambda: np.abs(X).max()),
    "dist": (lambda: t(X).dist(t(X[0])), lambda: np.sqrt(((X - X[0]) ** 2).sum())),
    "std": (lambda: t(X).std((0, 2), correction=2), lambda: np.std(X, (0, 2), ddof=2)),
}  # fmt: skip


def test_as_numpy_says() -> None:
    found = {name: ours() for name, (ours, _) in CASES.items()}
    gl.realize(*found.values())
    for name, (_, theirs) in CASES.items():
        wanted = np.asarray(theirs())
        assert found[name].numpy().dtype == wanted.dtype, name
        np.testing.assert_allclose(found[name].numpy(), wanted, 1e-12, 1e-12, err_msg=name)


def test_indices() -> None:
    x = gl.tensor([2.0, 3.0, 3.0, float("nan"), 3.0])
    assert x.max(0).indices.item() == 3
    assert x[:3].max(0).indices.item() == 1
    assert x[:3].cummax(0).indices.tolist() == [0, 1, 2]
    assert x.median(0).indices.item() == 3
    assert x.nanmedian(0).values.item() == 3
    values, indices = gl.tensor([5, 1, 1, 5, 2]).mode()
    assert (values.item(), indices.item()) == (1, 2)


def test_gradients() -> None:
    x = gl.tensor([[3.0, 1.0, 1.0], [0.0, 2.0, 5.0]], requires_grad=True)
    (x.max(1).values * gl.tensor([1.0, 10.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1, 0, 0], [0, 0, 10]]
    x.grad = None
    x.sort(1).values[:, 0].sum().backward()
    assert x.grad.tolist() == [[0, 1, 0], [1, 0, 0]]
    zero = gl.zeros(3, requires_grad=True)
    (zero.norm() + zero.std()).backward()
    assert zero.grad is not None
    assert zero.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [
        (lambda: gl.ones(3).topk(4), ArgumentError, "from 0 to 3"),
        (lambda: gl.ones(3).kthvalue(0), ArgumentError, "from 1 to 3"),
        (lambda: gl.ones(3, 0).median(1), ShapeError, "nothing to choose"),
        (lambda: gl.ones(3, 0).mode(1), ShapeError, "nothing to choose"),
        (lambda: gl.ones(3).quantile(1.5), ArgumentError, "0 ≤ q ≤ 1"),
        (lambda: gl.ones(3).quantile(0.5, interpolation="cubic"), ArgumentError, "midpoint"),
        (lambda: gl.tensor([1, 2]).quantile(0.5), DTypeError, "expected floats"),
        (lambda: gl.tensor([1, 2]).std(), DTypeError, "floating-point"),
        (lambda: gl.tensor([1, 2]).norm(), DTypeError, "floating-point"),
        (lambda: gl.tensor([1, -2]).bincount(), ArgumentError, "negative"),
        (lambda: gl.ones(3).bincount(), DTypeError, "whole numbers"),
        (lambda: gl.ones(3).histc(0), ArgumentError, "bins ≥ 1"),
        (lambda: gl.jit(lambda x: x.bincount())(gl.tensor([1])), GradError, "a value was asked"),
        (lambda: gl.trapezoid(gl.ones(3), gl.ones(3), dx=1), ArgumentError, "both"),
        (lambda: gl.gradient(gl.ones(2), edge_order=2), ArgumentError, "edge_order"),
        (lambda: gl.searchsorted(gl.ones(2, 3), gl.ones(3)), ShapeError, "differ"),
        (lambda: gl.ones(3).diff(-1), ArgumentError, "n ≥ 0"),
    ],
)
def test_refused(action: Callable[[], object], error: type[GliaError], words: str) -> None:
    with pytest.raises(error, match=words):
        action()

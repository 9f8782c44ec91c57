"""Parameters computed from others: weight norm, spectral norm, and one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError, ShapeError
from glia.nn.utils import parametrizations, parametrize


class Symmetric(nn.Module):
    """The upper half, mirrored."""

    def forward(self, x: gl.Tensor) -> gl.Tensor:
        return (x + x.transpose(0, 1)) / 2

    def right_inverse(self, x: gl.Tensor) -> gl.Tensor:
        return x


def test_ones_own_parametrization_is_trained_assigned_and_removed() -> None:
    gl.manual_seed(0)
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    names = [name for name, _ in layer.named_parameters()]
    assert names == ["bias", "parametrizations.weight.original"]
    opt = optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        opt.zero_grad()
        (layer(gl.ones(2, 3)) ** 2).sum().backward()
        opt.step()
    found = layer.weight.detach().numpy()
    np.testing.assert_allclose(found, found.T, atol=1e-7)
    layer.weight = gl.eye(3)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), np.eye(3))
    assert parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), np.eye(3))
    assert list(layer.state_dict()) == ["bias", "weight"]


def test_weight_norm_keeps_the_weight_and_splits_it() -> None:
    gl.manual_seed(0)
    layer = nn.Linear(4, 3)
    before = layer.weight.detach().numpy()
    parametrizations.weight_norm(layer)
    np.testing.assert_allclose(layer.weight.detach().numpy(), before, rtol=1e-6)
    g = layer.parametrizations["weight"].original0
    np.testing.assert_allclose(g.detach().numpy()[:, 0], np.linalg.norm(before, axis=1), rtol=1e-6)
    whole = parametrizations.weight_norm(nn.Linear(4, 3), dim=None)
    assert whole.parametrizations["weight"].original0.shape == ()


def test_spectral_norm_finds_the_largest_singular_value() -> None:
    gl.manual_seed(0)
    layer = nn.Linear(6, 5)
    before = layer.weight.detach().numpy()
    parametrizations.spectral_norm(layer, n_power_iterations=20)
    for _ in range(5):
        layer(gl.ones(1, 6)).sum().item()
    found = layer.weight.detach().numpy()
    assert np.linalg.svd(found)[1][0] == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(found, before / np.linalg.svd(before)[1][0], rtol=1e-3, atol=1e-5)
    layer.eval()
    u = layer.parametrizations["weight"][0]._u.numpy()
    layer(gl.ones(1, 6)).sum().item()
    np.testing.assert_array_equal(layer.parametrizations["weight"][0]._u.numpy(), u)


ROWS: list[tuple[str, tuple, str, dict[str, Any], tuple[int, ...]]] = [
    ("Linear", (4, 3), "weight_norm", {}, (2, 4)),
    ("Linear", (4, 3), "weight_norm", {"dim": 1}, (2, 4)),
    ("Conv2d", (2, 3, 2), "weight_norm", {"dim": None}, (1, 2, 3, 3)),
    ("Linear", (4, 3), "spectral_norm", {"n_power_iterations": 2}, (2, 4)),
    ("ConvTranspose2d", (2, 3, 2), "spectral_norm", {}, (1, 2, 3, 3)),
]


def test_against_torch() -> None:
    oracle = pytest.importorskip("nn_oracle")
    torch = oracle.torch
    pairs = []
    for kind, args, name, options, shape in ROWS:
        what = f"{kind} {name} {options}"
        theirs = getattr(torch.nn, kind)(*args).double()
        ours = getattr(nn, kind)(*args).to("float64")
        theirs = getattr(torch.nn.utils.parametrizations, name)(theirs, **options)
        ours = getattr(parametrizations, name)(ours, **options)
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
        data = np.random.default_rng(0).normal(size=shape)
        x, t = gl.tensor(data, requires_grad=True), torch.from_numpy(data).requires_grad_()
        leaves = oracle.leaves_of(ours, [x]), oracle.leaves_of(theirs, [t])
        pairs += oracle.side_by_side(what, [ours(x)], [theirs(t)], *leaves)
        buffers = zip(ours.buffers(), theirs.buffers(), strict=True)
        pairs += [(a, b.clone(), f"{what} buffer") for a, b in buffers]
    oracle.settle(pairs)


def test_refused() -> None:
    layer = nn.Linear(2, 3)
    with pytest.raises(ArgumentError, match="no parameter 'w'"):
        parametrize.register_parametrization(layer, "w", Symmetric())
    with pytest.raises(ArgumentError, match="no parameter 'w'"):
        parametrizations.spectral_norm(layer, "w")
    with pytest.raises(ArgumentError, match="not parametrized"):
        parametrize.remove_parametrizations(layer, "weight")

    class First(nn.Module):
        def forward(self, x: gl.Tensor) -> gl.Tensor:
            return x[:1]

    with pytest.raises(ShapeError, match="unsafe=True"):
        parametrize.register_parametrization(layer, "weight", First())
    parametrizations.weight_norm(layer)
    with pytest.raises(ArgumentError, match="several originals"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)

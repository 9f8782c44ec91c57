"""Variants of LSTM and GRU: published numbers, NumPy formulas, parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError

X, H, C = [1.0, -1.0], [0.1, -0.2], [0.3, 0.4]
W_IH = {
    "i": [[0.1, 0.2], [0.3, 0.4]],
    "f": [[-0.1, 0.2], [0.3, -0.4]],
    "g": [[0.2, 0.1], [-0.2, 0.3]],
    "o": [[0.4, -0.3], [0.2, 0.1]],
}
W_HH = {
    "i": [[0.05, 0.1], [0.15, 0.2]],
    "f": [[0.2, -0.1], [0.1, 0.05]],
    "g": [[-0.1, 0.3], [0.25, -0.05]],
    "o": [[0.3, 0.2], [-0.15, 0.1]],
}
BIAS = {"i": [0.1, -0.1], "f": [1.0, 1.0], "g": [0.0, 0.2], "o": [-0.2, 0.3]}
PEEPHOLES = {"i": [0.1, -0.2], "f": [0.3, 0.1], "o": [-0.1, 0.2]}


def fill(cell: nn.Module, values: dict[str, Any]) -> None:
    with gl.no_grad():
        for name, parameter in cell.named_parameters():
            parameter.copy_(np.array(values[name], np.float64))


@pytest.mark.parametrize(
    ("options", "c", "h"),
    [
        ({}, (0.2179817943, 0.2232364877), (0.1330708910, 0.1296193399)),
        ({"peephole": True}, (0.2240144447, 0.2303862255), (0.1354689768, 0.1361416506)),
        ({"coupled": True}, (0.2127859752, 0.2982126075), (0.1299938997, 0.1709813633)),
    ],
    ids=str,
)
def test_the_courses_numbers_for_lstm(
    options: dict[str, Any], c: tuple[float, ...], h: tuple[float, ...]
) -> None:
    gates = "fgo" if "coupled" in options else "ifgo"
    cell = nn.LSTMCell(2, 2, dtype="float64", **options)
    values: dict[str, Any] = {
        "weight_ih": np.concatenate([W_IH[g] for g in gates]),
        "weight_hh": np.concatenate([W_HH[g] for g in gates]),
        "bias_ih": np.concatenate([BIAS[g] for g in gates]),
        "bias_hh": np.zeros(2 * len(gates)),
        "weight_c": np.concatenate([PEEPHOLES[g] for g in "ifo"]),
    }
    fill(cell, values)
    as64 = [gl.tensor(np.array([v])) for v in (X, H, C)]
    found_h, found_c = cell(as64[0], (as64[1], as64[2]))
    np.testing.assert_allclose(found_h.detach().numpy()[0], h, atol=6e-11)
    np.testing.assert_allclose(found_c.detach().numpy()[0], c, atol=6e-11)


@pytest.mark.parametrize(
    ("reset", "z_weighs", "expected"),
    [
        ("before", "old", (0.0710204710, -0.2377635005)),
        ("before", "new", (0.0714519200, -0.2301547677)),
        ("after", "old", (0.0761030125, -0.2355864699)),
    ],
)
def test_the_courses_numbers_for_gru(
    reset: str, z_weighs: str, expected: tuple[float, ...]
) -> None:
    """The weights of f, i and g, for r, z and n."""
    cell = nn.GRUCell(2, 2, dtype="float64", reset=reset, z_weighs=z_weighs)
    values = {
        "weight_ih": np.concatenate([W_IH[g] for g in "fig"]),
        "weight_hh": np.concatenate([W_HH[g] for g in "fig"]),
        "bias_ih": np.concatenate([BIAS[g] for g in "fig"]),
        "bias_hh": np.zeros(6),
    }
    fill(cell, values)
    found = cell(gl.tensor(np.array([X])), gl.tensor(np.array([H])))
    np.testing.assert_allclose(found.detach().numpy()[0], expected, atol=6e-11)


VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("LSTM", {"peephole": True}),
    ("LSTM", {"coupled": True, "num_layers": 2, "bidirectional": True}),
    ("LSTM", {"peephole": True, "coupled": True, "bias": False}),
    ("LSTM", {"peephole": True, "proj_size": 2}),
    ("GRU", {"reset": "before"}),
    ("GRU", {"z_weighs": "new", "num_layers": 2}),
    ("GRU", {"reset": "before", "z_weighs": "new", "bias": False}),
]


@pytest.mark.parametrize(("kind", "options"), VARIANTS, ids=str)
def test_a_layer_is_its_cell_step_by_step(kind: str, options: dict[str, Any]) -> None:
    """Values and gradients; of several layers the first, in one direction."""
    gl.manual_seed(3)
    layer = getattr(nn, kind)(3, 4, dtype="float64", **options)
    own = {k: v for k, v in options.items() if k in ("peephole", "coupled", "reset", "z_weighs")}
    if "proj_size" in options or "num_layers" in options:
        out, _ = layer(gl.randn(5, 2, 3).double())
        size = options.get("proj_size", 4) * (1 + options.get("bidirectional", False))
        assert out.shape == (5, 2, size)
        return
    cell = getattr(nn, kind + "Cell")(3, 4, bias=options.get("bias", True), dtype="float64", **own)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = np.random.default_rng(1).normal(size=(5, 2, 3))
    a, b = gl.tensor(x, requires_grad=True), gl.tensor(x, requires_grad=True)
    out, _ = layer(a)
    state, steps = None, []
    for t in range(5):
        state = cell(b[t], state)
        steps.append(state[0] if kind == "LSTM" else state)
    together = gl.stack(steps)
    (out * out).sum().backward()
    (together * together).sum().backward()
    np.testing.assert_allclose(out.detach().numpy(), together.detach().numpy(), atol=1e-13)
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-12)
    for p, q in zip(layer.parameters(), cell.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("reset", ["after", "before"])
@pytest.mark.parametrize("kind", ["GRU", "GRUCell"])
def test_converted_grus_compute_the_same(kind: str, reset: str) -> None:
    gl.manual_seed(4)
    more = {"num_layers": 2, "bidirectional": True} if kind == "GRU" else {}
    old = getattr(nn, kind)(3, 4, dtype="float64", reset=reset, **more)
    new = nn.convert_gru(old, "new")
    again = nn.convert_gru(new, "old")
    x = gl.randn(*((6, 2, 3) if kind == "GRU" else (2, 3))).double()
    results = [layer(x) for layer in (old, new, again)]
    first = [r[0] if kind == "GRU" else r for r in results]
    for other in first[1:]:
        np.testing.assert_allclose(other.detach().numpy(), first[0].detach().numpy(), atol=1e-14)
    assert "z_weighs=new" in repr(new) and repr(again) == repr(old)
    with pytest.raises(ArgumentError, match="'old' or 'new'"):
        nn.convert_gru(old, "both")


def test_parameters() -> None:
    def count(layer: nn.Module) -> int:
        return sum(p.numel() for p in layer.parameters())

    assert count(nn.LSTM(10, 20)) == 2560
    assert count(nn.LSTM(10, 20, peephole=True)) == 2560 + 3 * 20
    assert count(nn.LSTM(10, 20, coupled=True)) == 3 * 640
    assert count(nn.LSTM(10, 20, peephole=True, coupled=True)) == 3 * 640 + 2 * 20
    assert repr(nn.LSTM(3, 4, peephole=True)) == "LSTM(3, 4, peephole=True)"
    assert len(nn.LSTM(3, 4, 2, peephole=True).all_weights[1]) == 5


def test_options_that_do_not_exist() -> None:
    with pytest.raises(ArgumentError, match="reset 'after' or 'before'"):
        nn.GRU(3, 4, reset="never")
    with pytest.raises(ArgumentError, match="z_weighs 'old' or 'new'"):
        nn.GRUCell(3, 4, z_weighs="both")

"""Recurrent layers against PyTorch, against loops over cells, and against formulas in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError, DTypeError, ShapeError
from glia.base.events import listen

RNG = np.random.default_rng(8)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# Every option, against PyTorch

LAYERS: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu", "num_layers": 2}),
    ("RNN", {"bias": False, "bidirectional": True, "batch_first": True}),
    ("LSTM", {}),
    ("LSTM", {"batch_first": True}),
    ("LSTM", {"bias": False}),
    ("LSTM", {"num_layers": 3, "dropout": 0.0}),
    ("LSTM", {"bidirectional": True}),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    ("LSTM", {"proj_size": 3}),
    ("LSTM", {"proj_size": 2, "num_layers": 2, "bidirectional": True, "bias": False}),
    ("GRU", {}),
    ("GRU", {"bias": False, "num_layers": 2}),
    ("GRU", {"batch_first": True, "bidirectional": True, "num_layers": 2}),
]


def name_of(row: tuple[str, dict[str, Any]]) -> str:
    return row[0] + ",".join(f"{k}={v}" for k, v in row[1].items())


def tensors(found: Any) -> list[Any]:
    """Output and states, one after the other."""
    out, state = found
    return [out, *state] if isinstance(state, tuple) else [out, state]


def weighed(results: list[Any], weights: list[np.ndarray], make: Any) -> Any:
    return sum((r * make(w)).sum() for r, w in zip(results, weights, strict=True))


@pytest.mark.parametrize("single", [False, True], ids=["batch", "one"])
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
@pytest.mark.parametrize("row", LAYERS, ids=name_of)
def test_layers_are_torchs(row: tuple[str, dict[str, Any]], given: bool, single: bool) -> None:
    torch = pytest.importorskip("torch")
    kind, options = row
    theirs = getattr(torch.nn, kind)(4, 5, **options).double()
    ours = getattr(nn, kind)(4, 5, **options).double()
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = normal(6, 4) if single else normal(3, 6, 4)
    size = options.get("proj_size", 0) or 5
    runs = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    batch = 6 if not options.get("batch_first") else 3
    sizes = [size, 5] if kind == "LSTM" else [size]
    states = [normal(runs, n) if single else normal(runs, batch, n) for n in sizes]
    a, b = gl.tensor(x, requires_grad=True), torch.from_numpy(x).requires_grad_()
    h = [gl.tensor(s, requires_grad=True) for s in states] if given else []
    k = [torch.from_numpy(s).requires_grad_() for s in states] if given else []
    pair = kind == "LSTM"
    found = tensors(ours(a, *([tuple(h)] if pair and given else h)))
    wanted = tensors(theirs(b, *([tuple(k)] if pair and given else k)))
    for p, q in zip(found, wanted, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), atol=1e-12)
    weights = [normal(*q.shape) for q in wanted]
    weighed(found, weights, gl.tensor).backward()
    weighed(wanted, weights, torch.from_numpy).backward()
    pairs = [*zip([a, *h], [b, *k]), *zip(ours.parameters(), theirs.parameters())]
    names = [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_parameters()] == names
    for p, q in pairs:
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), atol=1e-11)


CELLS = [
    ("RNNCell", {}),
    ("RNNCell", {"nonlinearity": "relu"}),
    ("RNNCell", {"bias": False}),
    ("LSTMCell", {}),
    ("LSTMCell", {"bias": False}),
    ("GRUCell", {}),
    ("GRUCell", {"bias": False}),
]


@pytest.mark.parametrize("single", [False, True], ids=["batch", "one"])
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
@pytest.mark.parametrize("row", CELLS, ids=name_of)
def test_cells_are_torchs(row: tuple[str, dict[str, Any]], given: bool, single: bool) -> None:
    torch = pytest.importorskip("torch")
    kind, options = row
    theirs = getattr(torch.nn, kind)(4, 5, **options).double()
    ours = getattr(nn, kind)(4, 5, **options).double()
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = normal(4) if single else normal(3, 4)
    states = [normal(5) if single else normal(3, 5) for _ in range(1 + (kind == "LSTMCell"))]
    a, b = gl.tensor(x, requires_grad=True), torch.from_numpy(x).requires_grad_()
    h = [gl.tensor(s, requires_grad=True) for s in states] if given else []
    k = [torch.from_numpy(s).requires_grad_() for s in states] if given else []
    pair = kind == "LSTMCell"
    found = ours(a, *([tuple(h)] if pair and given else h))
    wanted = theirs(b, *([tuple(k)] if pair and given else k))
    found, wanted = (list(r) if pair else [r] for r in (found, wanted))
    for p, q in zip(found, wanted, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), atol=1e-12)
    weights = [normal(*q.shape) for q in wanted]
    weighed(found, weights, gl.tensor).backward()
    weighed(wanted, weights, torch.from_numpy).backward()
    for p, q in [*zip([a, *h], [b, *k]), *zip(ours.parameters(), theirs.parameters())]:
        wanted_grad = np.zeros(p.shape) if q.grad is None else q.grad.numpy()
        np.testing.assert_allclose(p.grad.numpy(), wanted_grad, atol=1e-11)

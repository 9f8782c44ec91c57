"""Recurrent layers against PyTorch, against loops over cells, and against formulas in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError, DTypeError, ShapeError
from glia.base.events import count_events
from glia.base.i18n import set_language
from glia.ir.expr import interned_count, topological

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
    return [t for part in found for t in tensors(part)] if isinstance(found, tuple) else [found]


def weighed(results: list[Any], weights: list[np.ndarray], make: Any) -> Any:
    return sum((r * make(w)).sum() for r, w in zip(results, weights, strict=True))


def same_as_torch(ours: nn.Module, theirs: Any, x: np.ndarray, states: list[np.ndarray]) -> None:
    """Same printed form, results and gradients, from the same weights."""
    import torch

    assert repr(ours) == repr(theirs)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    a, b = gl.tensor(x, requires_grad=True), torch.from_numpy(x).requires_grad_()
    h = [gl.tensor(s, requires_grad=True) for s in states]
    k = [torch.from_numpy(s).requires_grad_() for s in states]
    pair = len(states) == 2
    found = tensors(ours(a, *([tuple(h)] if pair else h)))
    wanted = tensors(theirs(b, *([tuple(k)] if pair else k)))
    weights = [normal(*q.shape) for q in wanted]
    weighed(found, weights, gl.tensor).backward()
    weighed(wanted, weights, torch.from_numpy).backward()
    gl.realize(*found, *(p.grad for p in [a, *h, *ours.parameters()]))
    for p, q in zip(found, wanted, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), atol=1e-12)
    names = [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_parameters()] == names
    for p, q in [*zip([a, *h], [b, *k]), *zip(ours.parameters(), theirs.parameters())]:
        wanted_grad = np.zeros(p.shape) if q.grad is None else q.grad.numpy()
        np.testing.assert_allclose(p.grad.numpy(), wanted_grad, atol=1e-11)


@pytest.mark.parametrize("single", [False, True], ids=["batch", "one"])
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
@pytest.mark.parametrize("row", LAYERS, ids=name_of)
def test_layers_are_torchs(row: tuple[str, dict[str, Any]], given: bool, single: bool) -> None:
    torch = pytest.importorskip("torch")
    kind, options = row
    theirs = getattr(torch.nn, kind)(4, 5, **options).double()
    ours = getattr(nn, kind)(4, 5, **options).double()
    x = normal(6, 4) if single else normal(3, 6, 4)
    size = options.get("proj_size", 0) or 5
    runs = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    batch = 6 if not options.get("batch_first") else 3
    sizes = [size, 5] if kind == "LSTM" else [size]
    states = [normal(runs, n) if single else normal(runs, batch, n) for n in sizes]
    same_as_torch(ours, theirs, x, states if given else [])


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
    x = normal(4) if single else normal(3, 4)
    states = [normal(5) if single else normal(3, 5) for _ in range(1 + (kind == "LSTMCell"))]
    same_as_torch(ours, theirs, x, states if given else [])


# Formulas in NumPy, without PyTorch


def reference(kind: str, x: np.ndarray, w: list[np.ndarray], relu: bool = False) -> np.ndarray:
    """All outputs from zero states; x is (time, batch, input)."""
    w_ih, w_hh, b_ih, b_hh = w
    h = c = np.zeros((x.shape[1], w_hh.shape[1]))
    found = []
    for step in x:
        a, b = step @ w_ih.T + b_ih, h @ w_hh.T + b_hh
        if kind == "RNN":
            h = np.maximum(a + b, 0) if relu else np.tanh(a + b)
        elif kind == "LSTM":
            i, f, g, o = np.split(a + b, 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (ar, az, an), (br, bz, bn) = np.split(a, 3, 1), np.split(b, 3, 1)
            r, z = sigmoid(ar + br), sigmoid(az + bz)
            h = (1 - z) * np.tanh(an + r * bn) + z * h
        found.append(h)
    return np.stack(found)


def arrays_of(layer: nn.Module) -> list[np.ndarray]:
    return [p.detach().numpy() for p in layer.parameters()]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_layers_are_their_formulas(kind: str) -> None:
    layer = getattr(nn, kind)(4, 5, num_layers=2, bidirectional=True).double()
    x = normal(7, 3, 4)
    found, states = layer(gl.tensor(x))
    last = states[0] if kind == "LSTM" else states
    weights = arrays_of(layer)
    ends = []
    for level in range(2):
        w = weights[8 * level : 8 * level + 8]
        there = reference(kind, x, w[:4])
        back = reference(kind, x[::-1], w[4:])[::-1]
        x = np.concatenate([there, back], 2)
        ends += [there[-1], back[0]]
    np.testing.assert_allclose(found.detach().numpy(), x, atol=1e-13)
    np.testing.assert_allclose(last.detach().numpy(), np.stack(ends), atol=1e-13)


#: One step from x = (1, -1) with the state h = (.1, -.2), c = (.3, .4), in ten digits.
W_X = [[[0.1, 0.2], [0.3, 0.4]], [[-0.1, 0.2], [0.3, -0.4]], [[0.2, 0.1], [-0.2, 0.3]]]
W_H = [[[0.05, 0.1], [0.15, 0.2]], [[0.2, -0.1], [0.1, 0.05]], [[-0.1, 0.3], [0.25, -0.05]]]
BIAS = [[0.1, -0.1], [1.0, 1.0], [0.0, 0.2]]


def test_a_step_worked_by_hand() -> None:
    cell = nn.LSTMCell(2, 2).double()
    gates = {
        "weight_ih": np.concatenate([*W_X, [[0.4, -0.3], [0.2, 0.1]]]),
        "weight_hh": np.concatenate([*W_H, [[0.3, 0.2], [-0.15, 0.1]]]),
        "bias_ih": np.concatenate([*BIAS, [-0.2, 0.3]]),
        "bias_hh": np.zeros(8),
    }
    cell.load_state_dict(gates)
    state = gl.tensor(np.array([0.1, -0.2])), gl.tensor(np.array([0.3, 0.4]))
    h, c = cell(gl.tensor(np.array([1.0, -1.0])), state)
    np.testing.assert_allclose(h.detach().numpy(), [0.1330708910, 0.1296193399], atol=5e-11)
    np.testing.assert_allclose(c.detach().numpy(), [0.2179817943, 0.2232364877], atol=5e-11)


def test_two_steps_and_back_worked_by_hand() -> None:
    """An RNN with a linear output; the gradients through time in ten digits."""
    rnn, out = nn.RNN(2, 2).double(), nn.Linear(2, 1).double()
    w = np.array([[0.5, -0.1], [0.2, 0.3]])
    u = np.array([[0.1, 0.2], [0.3, 0.4]])
    rnn.load_state_dict(
        {
            "weight_ih_l0": u,
            "weight_hh_l0": w,
            "bias_ih_l0": np.array([0.1, -0.1]),
            "bias_hh_l0": np.zeros(2),
        }
    )
    out.load_state_dict({"weight": np.array([[0.6, -0.4]]), "bias": np.array([0.05])})
    h, _ = rnn(gl.tensor(np.array([[1.0, 0.5], [-0.5, 1.0]])))
    error = out(h)[:, 0] - gl.tensor(np.array([0.5, -0.5]))
    loss = (error * error).sum() * 0.5
    loss.backward()
    gl.realize(loss, *(p.grad for p in (*rnn.parameters(), *out.parameters())))
    assert loss.item() == pytest.approx(0.2905015255, abs=5e-11)
    wanted = {
        "weight_ih_l0": [[-0.2904734470, 0.2724693358], [0.1730914301, -0.1984580857]],
        "weight_hh_l0": [[0.0973464347, 0.1269655870], [-0.0664201614, -0.0866295187]],
        "bias_ih_l0": [0.2107738242, -0.1689131308],
        "bias_hh_l0": [0.2107738242, -0.1689131308],
    }
    for name, gradient in wanted.items():
        np.testing.assert_allclose(getattr(rnn, name).grad.numpy(), gradient, atol=5e-11)
    np.testing.assert_allclose(out.weight.grad.numpy()[0], [0.0921776770, 0.0343551078], atol=5e-11)


# Loops written by hand


def cell_of(layer: nn.Module) -> nn.Module:
    """A cell with the weights of a layer of one level and one direction."""
    kind = type(layer).__name__
    cell = getattr(nn, kind + "Cell")(layer.input_size, layer.hidden_size).double()
    state = {name.removesuffix("_l0"): p for name, p in layer.state_dict().items()}
    cell.load_state_dict(state)
    return cell


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_loop_over_cells_gives_the_same(kind: str) -> None:
    layer = getattr(nn, kind)(4, 5, batch_first=True).double()
    cell = cell_of(layer)
    x = gl.tensor(normal(3, 6, 4))
    weight = gl.tensor(normal(3, 6, 5))
    state: Any = None
    steps = []
    for t in range(6):
        state = cell(x[:, t], state)
        steps.append(state[0] if kind == "LSTM" else state)
    by_hand = gl.stack(steps, 1)
    found, _ = layer(x)
    (by_hand * weight).sum().backward()
    (found * weight).sum().backward()
    gl.realize(found, by_hand, *(p.grad for p in (*layer.parameters(), *cell.parameters())))
    np.testing.assert_allclose(found.detach().numpy(), by_hand.detach().numpy(), atol=1e-13)
    for p, q in zip(layer.parameters(), cell.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), atol=1e-12)


def test_a_state_carried_from_piece_to_piece() -> None:
    """Two halves of a sequence, the state handed on: the same outputs as in one."""
    layer = nn.LSTM(4, 5).double()
    x = gl.tensor(normal(8, 2, 4))
    whole, (h, c) = layer(x)
    first, state = layer(x[:5])
    second, (h2, c2) = layer(x[5:], tuple(s.detach() for s in state))
    gl.realize(whole, h, c, second, h2, c2)
    for a, b in [(gl.cat([first, second]), whole), (h2, h), (c2, c)]:
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-13)
    second.sum().backward()  # the gradient stops between the halves
    assert state[0].requires_grad


# Training


class Classifier(nn.Module):
    """Words to two classes, by the last output."""

    def __init__(self, kind: str, hidden: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.cell = getattr(nn, kind)(8, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 2)

    def forward(self, x: gl.Tensor) -> gl.Tensor:
        out, _ = self.cell(self.embedding(x))
        return self.head(out[:, -1])


def trained(kind: str, jit: bool, steps: int) -> tuple[list[float], nn.Module, list[int]]:
    """Losses of some steps, the net, and how many expressions each step recorded anew."""
    gl.manual_seed(1)
    net = Classifier(kind)
    opt = optim.Adam(net.parameters(), lr=0.02)
    loss_fn = nn.CrossEntropyLoss()
    rng = np.random.default_rng(0)
    x = gl.tensor(rng.integers(0, 20, (8, 12)))
    y = gl.tensor(rng.integers(0, 2, 8))

    def step(x: gl.Tensor, y: gl.Tensor) -> gl.Tensor:
        loss = loss_fn(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.detach()

    take = gl.jit(step) if jit else step
    losses, recorded = [], []
    for _ in range(steps):
        before = interned_count()
        losses.append(take(x, y).item())
        recorded.append(interned_count() - before)
    return losses, net, recorded


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_plain_and_jitted_training_agree_and_learn(kind: str) -> None:
    with count_events() as seen:
        plain, net, recorded = trained(kind, False, 25)
    jitted, other, _ = trained(kind, True, 25)
    assert plain == jitted
    assert plain[-1] < 0.2 * plain[0]
    assert recorded[5:] == [0] * 20
    assert seen["fallback"] == 0
    for p, q in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_a_long_sequence_trains_and_costs_no_more_to_compile() -> None:
    gl.manual_seed(0)
    layer = nn.GRU(3, 6)
    opt = optim.SGD(layer.parameters(), lr=0.1)
    rng = np.random.default_rng(1)
    recorded = []
    losses = []
    for length in (50, 2000):
        x = gl.tensor(rng.normal(size=(length, 2, 3)).astype(np.float32))
        before = interned_count()
        for _ in range(3):
            out, _ = layer(x)
            loss = ((out[-1] - 0.3) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        recorded.append(interned_count() - before)
    assert losses[5] < losses[3]
    assert recorded[1] <= recorded[0]


def test_dropout_acts_between_layers_only_while_training() -> None:
    gl.manual_seed(0)
    layer = nn.RNN(3, 40, num_layers=2, dropout=0.5, nonlinearity="relu")
    plain = nn.RNN(3, 40, num_layers=2, nonlinearity="relu")
    plain.load_state_dict(layer.state_dict())
    x = gl.ones(4, 2, 3)
    a, b = (layer(x)[0].detach().numpy() for _ in range(2))
    assert (a != b).any()
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), plain(x)[0].detach().numpy())
    with pytest.warns(UserWarning, match="there is only one"):
        nn.RNN(3, 4, dropout=0.5)


def test_dropout_of_everything_leaves_the_biases() -> None:
    layer = nn.LSTM(3, 4, num_layers=2, dropout=1.0).double()
    found, _ = layer(gl.tensor(normal(5, 2, 3)))
    upper = reference("LSTM", np.zeros((5, 2, 4)), arrays_of(layer)[4:])
    np.testing.assert_allclose(found.detach().numpy(), upper, atol=1e-13)


# What else PyTorch promises


@pytest.mark.parametrize(("kind", "gates"), [("RNN", 1), ("LSTM", 4), ("GRU", 3)])
def test_initial_values_and_sizes(kind: str, gates: int) -> None:
    gl.manual_seed(0)
    layer = getattr(nn, kind)(10, 20)
    assert sum(p.numel() for p in layer.parameters()) == gates * (20 * 10 + 20 * 20 + 2 * 20)
    bound = 20**-0.5
    for p in layer.parameters():
        values = p.detach().numpy()
        assert 0.8 * bound < abs(values).max() <= bound
    assert layer.all_weights[0][1] is layer.weight_hh_l0
    layer.flatten_parameters()


def test_the_module_path_reaches_the_loop() -> None:
    net = nn.Sequential(nn.Embedding(5, 4), nn.LSTM(4, 4, num_layers=2))
    out, _ = net(gl.tensor(np.zeros((3, 2), np.int64)))
    paths = {node.path for node in topological([out._node.expr]) if node.op.name == "scan"}
    assert paths == {"1.l0", "1.l1"}


def test_summary_counts_the_weights() -> None:
    text = nn.LSTM(3, 4, num_layers=2).summary()
    assert "weight_ih_l0 (16, 3)" in text
    assert "total 304 parameters" in text


X = gl.zeros(5, 2, 3)
WRONG = [
    (lambda: nn.LSTM(3, 4)(gl.zeros(5, 2, 7)), ShapeError, "expected input (L, N, 3), got (5, 2"),
    (lambda: nn.LSTM(3, 4)(gl.zeros(3)), ShapeError, "expected input (L, N, 3), got (3,)"),
    (lambda: nn.GRU(3, 4)(gl.zeros(0, 2, 3)), ShapeError, "at least one step"),
    (lambda: nn.GRU(3, 4)(X, gl.zeros(2, 4)), ShapeError, "first state of shape (1, 2, 4), got"),
    (lambda: nn.LSTM(3, 4)(X, gl.zeros(1, 2, 4)), ArgumentError, "a pair (h, c), found Tensor"),
    (lambda: nn.LSTM(3, 4).double()(X), DTypeError, "expected float64 input"),
    (lambda: nn.RNN(3, 4, nonlinearity="elu"), ArgumentError, "'tanh' or 'relu', found 'elu'"),
    (lambda: nn.RNNCell(3, 4, nonlinearity="elu"), ArgumentError, "'tanh' or 'relu'"),
    (lambda: nn.LSTM(3, 4, proj_size=4), ArgumentError, "smaller than hidden_size 4"),
    (lambda: nn.GRU(3, 0), ArgumentError, "expected hidden_size to be an integer ≥ 1"),
    (lambda: nn.GRU(3, 4, num_layers=0), ArgumentError, "num_layers"),
    (lambda: nn.LSTM(3, 4, 2, dropout=1.5), ArgumentError, "probability from 0 to 1"),
    (lambda: nn.GRUCell(3, 4)(gl.zeros(2, 4)), ShapeError, "expected input (N, 3), got (2, 4)"),
    (lambda: nn.GRUCell(3, 4)(X[0], gl.zeros(4)), ShapeError, "shape (2, 4), got (4,)"),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("wrong", "error", "words"), WRONG, ids=[w[2] for w in WRONG])
def test_errors_teach(wrong: Any, error: type, words: str, language: str) -> None:
    set_language(language)
    with pytest.raises(error) as caught:
        wrong()
    assert "test_recurrent.py:" in str(caught.value)
    if language == "en":
        assert words in str(caught.value)

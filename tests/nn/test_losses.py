"""Losses and distances: against NumPy's formulas, PyTorch's functions, and at extremes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, DTypeError, ShapeError
from glia.nn import functional as F

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(2, 3, 4))
Z = RNG.normal(size=(3, 4))
SIGNS = np.array([[1, -1, 1, 1], [-1, -1, 1, -1], [1, 1, 1, -1]])
LABELS = np.array([3, 0, 1])
SEVERAL = np.array([[2, 0, -1, 1], [-1, 3, 3, 3], [1, 3, 0, 2]])
BITS = (SIGNS + 1) // 2 * 1.0
COUNTS = np.array([[0.0, 1.0, 2.0, 7.0], [1.5, 3.0, 0.0, 1.0], [4.0, 2.0, 2.0, 9.0]])
SPREAD = RNG.uniform(0.1, 2.0, size=(3, 4))
WEIGHT = np.array([0.5, 2.0, 1.0, 3.0])
ONES = np.array([1, -1, 1])
Reference = Callable[..., np.ndarray]


def norm(x: np.ndarray, p: float = 2.0) -> np.ndarray:
    return (np.abs(x) ** p).sum(-1) ** (1 / p)


def hinge(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x * y).sum(-1) / norm(x) / norm(y)


def multi_margin(x: np.ndarray, y: np.ndarray, p: int, margin: float, w: Any) -> np.ndarray:
    rows = []
    for row, label in zip(x, y, strict=True):
        terms = [hinge(margin - row[label] + v) ** p for j, v in enumerate(row) if j != label]
        rows.append(sum(terms) / len(row) * (1 if w is None else w[label]))
    return np.array(rows)


def multilabel_margin(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    rows = []
    for row, labels in zip(x, y, strict=True):
        own = list(itertools.takewhile(lambda label: label >= 0, labels))
        others = [j for j in range(len(row)) if j not in own]
        rows.append(sum(hinge(1 - row[a] + row[b]) for a in own for b in others) / len(row))
    return np.array(rows)


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -x)


def stirling(y: np.ndarray) -> np.ndarray:
    safe = np.where(y > 1, y, 1)
    found = safe * np.log(safe) - safe + np.log(2 * np.pi * safe) / 2
    return np.where(y > 1, found, 0)


def gaussian(x: np.ndarray, y: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (np.log(v) + (x - y) ** 2 / v) / 2


def triplet(p: float, swap: bool = False, margin: float = 1.0) -> np.ndarray:
    far = norm(X - Z + 1e-6, p)
    far = np.minimum(far, norm(Y - Z + 1e-6, p)) if swap else far
    return hinge(norm(X - Y + 1e-6, p) - far + margin)


#: Function, arrays, options, and the values before they are reduced.
TABLE: list[tuple[str, tuple, dict[str, Any], np.ndarray]] = [
    ("mse_loss", (X, Y), {}, (X - Y) ** 2),
    ("hinge_embedding_loss", (X, SIGNS), {}, np.where(SIGNS == 1, X, hinge(1 - X))),
    (
        "hinge_embedding_loss",
        (X, SIGNS),
        {"margin": 0.3},
        np.where(SIGNS == 1, X, hinge(0.3 - X)),
    ),
    ("soft_margin_loss", (X, SIGNS), {}, np.log1p(np.exp(-SIGNS * X))),
    ("margin_ranking_loss", (X, Y, SIGNS), {"margin": 0.2}, hinge(-SIGNS * (X - Y) + 0.2)),
    (
        "cosine_embedding_loss",
        (X, Y, ONES),
        {"margin": -0.5},
        np.where(ONES == 1, 1 - cosine(X, Y), hinge(cosine(X, Y) + 0.5)),
    ),
    ("multi_margin_loss", (X, LABELS), {}, multi_margin(X, LABELS, 1, 1.0, None)),
    (
        "multi_margin_loss",
        (X, LABELS),
        {"p": 2, "margin": 0.4, "weight": WEIGHT},
        multi_margin(X, LABELS, 2, 0.4, WEIGHT),
    ),
    ("multilabel_margin_loss", (X, SEVERAL), {}, multilabel_margin(X, SEVERAL)),
    (
        "multilabel_soft_margin_loss",
        (X, BITS),
        {"weight": WEIGHT},
        -((BITS * log_sigmoid(X) + (1 - BITS) * log_sigmoid(-X)) * WEIGHT).mean(-1),
    ),
    ("poisson_nll_loss", (X, COUNTS), {}, np.exp(X) - COUNTS * X),
    (
        "poisson_nll_loss",
        (SPREAD, COUNTS),
        {"log_input": False, "full": True},
        SPREAD - COUNTS * np.log(SPREAD + 1e-8) + stirling(COUNTS),
    ),
    ("gaussian_nll_loss", (X, Y, SPREAD), {}, gaussian(X, Y, SPREAD)),
    (
        "gaussian_nll_loss",
        (X, Y, SPREAD[:, 0]),
        {"full": True, "eps": 0.5},
        gaussian(X, Y, np.maximum(SPREAD[:, :1], 0.5)) + math.log(2 * math.pi) / 2,
    ),
    ("triplet_margin_loss", (X, Y, Z), {}, triplet(2.0)),
    ("triplet_margin_loss", (X, Y, Z), {"p": 3, "swap": True}, triplet(3.0, True)),
    ("triplet_margin_with_distance_loss", (X, Y, Z), {"margin": 2.0}, triplet(2.0, margin=2.0)),
]


def reduce(values: np.ndarray, reduction: str) -> np.ndarray:
    return values if reduction == "none" else getattr(np, reduction)(values)


def test_losses_against_formulas() -> None:
    found = []
    for name, arrays, options, values in TABLE:
        named = {k: gl.tensor(v) if k == "weight" else v for k, v in options.items()}
        for reduction in ("none", "sum", "mean"):
            out = getattr(F, name)(*map(gl.tensor, arrays), **named, reduction=reduction)
            found.append((out, reduce(values, reduction), f"{name} {options} {reduction}"))
    weighted = ((X - Y) ** 2 * SPREAD).sum() / SPREAD.sum()
    x, y, w = map(gl.tensor, (X, Y, SPREAD))
    found.append((F.mse_loss(x, y, weight=w), weighted, "mse weight"))
    weighted = (abs(X - Y) * SPREAD).sum() / SPREAD.sum()
    found.append((F.l1_loss(x, y, weight=w), weighted, "l1 weight"))
    gl.realize(*(out for out, _, _ in found))
    for out, wanted, what in found:
        np.testing.assert_allclose(out.numpy(), wanted, rtol=1e-6, atol=1e-12, err_msg=what)


def test_losses_against_torch() -> None:
    oracle = pytest.importorskip("nn_oracle")
    torch = oracle.torch
    functions = torch.nn.functional
    pairs = []
    table = [*TABLE, ("l1_loss", (X, Y), {"weight": SPREAD}, None)]
    table += [("huber_loss", (X, Y), {"weight": SPREAD, "delta": 0.5}, None)]
    for name, arrays, options, _ in table:
        mine = {k: gl.tensor(v) if k == "weight" else v for k, v in options.items()}
        its = {k: torch.from_numpy(v) if k == "weight" else v for k, v in options.items()}
        wants = [a.dtype.kind == "f" and a is not COUNTS for a in arrays]  # theirs is NaN at 0
        xs = [gl.tensor(a, requires_grad=w) for a, w in zip(arrays, wants, strict=True)]
        ts = [torch.from_numpy(a).requires_grad_(w) for a, w in zip(arrays, wants, strict=True)]
        out, wanted = getattr(F, name)(*xs, **mine), getattr(functions, name)(*ts, **its)
        leaves = [(x, t) for x, t in zip(xs, ts, strict=True) if t.requires_grad]
        ours, theirs = [x for x, _ in leaves], [t for _, t in leaves]
        pairs += oracle.side_by_side(f"{name} {options}", [out], [wanted], ours, theirs)
    oracle.settle(pairs)


LAYERS: list[Any] = [
    ("Bilinear", (4, 3, 5), {}, [(2, 6, 4), (2, 6, 3)]),
    ("Bilinear", (4, 3, 2), {"bias": False}, [(4,), (3,)]),
    ("PairwiseDistance", (), {"p": 3.0, "keepdim": True}, [(3, 4), (3, 4)]),
    ("CosineSimilarity", (), {"dim": 0}, [(3, 4), (3, 4)]),
    ("TripletMarginLoss", (), {"swap": True, "p": 1.0}, [(3, 4)] * 3),
    ("TripletMarginWithDistanceLoss", (), {}, [(3, 4)] * 3),
]


def test_layers_against_torch() -> None:
    pytest.importorskip("nn_oracle").layers(LAYERS, "float64")


def test_modules_pass_their_options_on() -> None:
    x, y, z = map(gl.tensor, (X, Y, Z))
    signs, labels, bits = map(gl.tensor, (SIGNS, LABELS, BITS))
    w = gl.tensor(WEIGHT)
    cases = [
        (nn.HingeEmbeddingLoss(0.5, "sum"), (x, signs), F.hinge_embedding_loss, (0.5, "sum")),
        (nn.SoftMarginLoss("sum"), (x, signs), F.soft_margin_loss, ("sum",)),
        (nn.MarginRankingLoss(0.5, "sum"), (x, y, signs), F.margin_ranking_loss, (0.5, "sum")),
        (
            nn.CosineEmbeddingLoss(-0.9, "sum"),
            (x, y, gl.tensor(ONES)),
            F.cosine_embedding_loss,
            (-0.9, "sum"),
        ),
        (
            nn.MultiMarginLoss(2, 0.5, w, "sum"),
            (x, labels),
            F.multi_margin_loss,
            (2, 0.5, w, "sum"),
        ),
        (nn.MultiLabelMarginLoss("sum"), (x, gl.tensor(SEVERAL)), F.multilabel_margin_loss, "s"),
        (
            nn.MultiLabelSoftMarginLoss(w, "sum"),
            (x, bits),
            F.multilabel_soft_margin_loss,
            (w, "sum"),
        ),
        (
            nn.PoissonNLLLoss(False, True, 1e-3, "sum"),
            (gl.tensor(SPREAD), gl.tensor(COUNTS)),
            F.poisson_nll_loss,
            (False, True, 1e-3, "sum"),
        ),
        (
            nn.GaussianNLLLoss(full=True, eps=0.6, reduction="sum"),
            (x, y, gl.tensor(SPREAD)),
            F.gaussian_nll_loss,
            (True, 0.6, "sum"),
        ),
        (
            nn.TripletMarginLoss(2.7, 3.0, 1e-2, True, "sum"),
            (x, y, z),
            F.triplet_margin_loss,
            (2.7, 3.0, 1e-2, True, "sum"),
        ),
    ]
    found = []
    for layer, inputs, function, options in cases:
        options = ("sum",) if options == "s" else options
        found.append((layer(*inputs), function(*inputs, *options)))
    gl.realize(*(t for pair in found for t in pair))
    for a, b in found:
        assert a.item() == b.item()


def test_extreme_scores_in_float32() -> None:
    x = gl.tensor([-3e4, 3e4], requires_grad=True)
    soft = F.soft_margin_loss(x, gl.tensor([1, 1]), "none")
    several = F.multilabel_soft_margin_loss(x.unsqueeze(0), gl.tensor([[1.0, 1.0]]))
    (soft.sum() + several).backward()
    gl.realize(soft, several, x.grad)
    assert soft.tolist() == [3e4, 0] and several.item() == 1.5e4
    assert x.grad is not None and x.grad.tolist() == [-1.5, 0]


# Distances


def test_distances_against_formulas() -> None:
    x, y = gl.tensor(X, requires_grad=True), gl.tensor(Z)
    found = []
    for p in (0.5, 1.0, 2.0, 3.0):
        wanted = norm(X[:, None] - Z[None], p)
        found.append((gl.cdist(x, y, p), wanted))
        found.append((gl.pdist(x, p), norm(X[[0, 0, 1]] - X[[1, 2, 2]], p)))
        found.append((F.pairwise_distance(x, y, p), norm(X - Z + 1e-6, p)))
        found.append((F.normalize(x, p, -1), X / norm(X, p)[:, None]))
    apart = X[:, None] - Z[None]
    found.append((gl.cdist(x, y, math.inf), abs(apart).max(-1)))
    found.append((gl.cdist(x, y, 0.0), (apart != 0).sum(-1) * 1.0))
    found.append((F.cosine_similarity(x, y), cosine(X, Z)))
    batch = gl.cdist(gl.tensor(np.stack([X, Z])), y)
    found.append((batch, norm(np.stack([X, Z])[:, :, None] - Z)))
    gl.realize(*(out for out, _ in found))
    for out, wanted in found:
        np.testing.assert_allclose(out.detach().numpy(), wanted, rtol=1e-9)


def test_derivatives_at_no_distance_are_zero() -> None:
    x = gl.tensor(np.zeros((2, 3)), requires_grad=True)
    total: Any = 0.0
    for p in (0.5, 1.0, 2.0, 3.0, math.inf):
        total = total + gl.cdist(x, x, p).sum() + gl.pdist(x, p).sum()
        total = total + F.normalize(x, p).sum()
    total.backward()
    assert x.grad is not None
    assert np.isfinite(x.grad.numpy()).all()
    y = gl.tensor(np.zeros((2, 3)), requires_grad=True)
    F.cosine_similarity(y, gl.ones(2, 3, dtype="float64")).sum().backward()
    assert y.grad is not None and np.isfinite(y.grad.numpy()).all()
    assert gl.pdist(gl.zeros(1, 3)).shape == (0,)


# Connectionist temporal classification


def collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(key for key, _ in itertools.groupby(path) if key != blank)


def every_alignment(logs: np.ndarray, text: tuple[int, ...], blank: int) -> float:
    total = 0.0
    for path in itertools.product(range(logs.shape[1]), repeat=len(logs)):
        if collapsed(path, blank) == text:
            total += math.exp(sum(logs[t, c] for t, c in enumerate(path)))
    return -math.log(total) if total else math.inf


@pytest.mark.parametrize("blank", [0, 2])
def test_ctc_sums_over_every_alignment(blank: int) -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(5, 5, 3))
    logs = raw - np.log(np.exp(raw).sum(-1, keepdims=True))
    a, b = [label for label in range(3) if label != blank]
    texts = [(a, b), (a, a, b), (b,), (), (a, a, a)]
    rows = np.array([(*text, *(99,) * (3 - len(text))) for text in texts])  # padding is not read
    steps = [5, 5, 3, 5, 4]
    wanted = [every_alignment(logs[:n, i], texts[i], blank) for i, n in enumerate(steps)]
    assert math.isinf(wanted[-1])
    lengths = [len(text) for text in texts]
    x = gl.tensor(raw, requires_grad=True)
    z = F.log_softmax(x, 2)
    found = F.ctc_loss(z, gl.tensor(rows), steps, lengths, blank, "none")
    zeroed = F.ctc_loss(z, gl.tensor(rows), steps, lengths, blank, "mean", True)
    flat = gl.tensor([label for text in texts for label in text])
    layer = nn.CTCLoss(blank, "sum", True)
    summed = layer(z, flat, gl.tensor(steps), gl.tensor(lengths))
    zeroed.backward()
    gl.realize(found, zeroed, summed, x.grad)
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-9)
    kept = np.array(wanted[:-1])
    mean = (kept / np.maximum(lengths[:-1], 1)).sum() / 5
    assert zeroed.item() == pytest.approx(mean) and summed.item() == pytest.approx(kept.sum())
    assert x.grad is not None
    slope = x.grad.numpy()
    assert (slope[:, -1] == 0).all() and (slope[3:, 2] == 0).all()
    h = 1e-6
    for place in ((0, 0, 1), (4, 1, 0), (2, 3, 2)):
        ends = []
        for sign in (1, -1):
            moved = raw.copy()
            moved[place] += sign * h
            z = moved - np.log(np.exp(moved).sum(-1, keepdims=True))
            i = place[1]
            loss = every_alignment(z[: steps[i], i], texts[i], blank)
            ends.append(loss / max(lengths[i], 1) / 5)
        assert slope[place] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-8)


def test_ctc_of_one_sequence_and_against_torch() -> None:
    oracle = pytest.importorskip("nn_oracle")
    torch = oracle.torch
    rng = np.random.default_rng(1)
    raw, text = rng.normal(size=(20, 6)), np.array([1, 1, 5, 2])
    x, t = gl.tensor(raw, requires_grad=True), torch.from_numpy(raw).requires_grad_()
    out = F.ctc_loss(F.log_softmax(x, 1), gl.tensor(text), gl.tensor(20), gl.tensor(4))
    logs = torch.nn.functional.log_softmax(t, 1)
    lengths = torch.tensor(20), torch.tensor(4)
    wanted = torch.nn.functional.ctc_loss(logs, torch.from_numpy(text), *lengths)
    oracle.settle(oracle.side_by_side("ctc", [out], [wanted], [x], [t]))


def test_linear_cross_entropy() -> None:
    rng = np.random.default_rng(2)
    layer = nn.LinearCrossEntropyLoss(4, 5, out_features=(2,), bias=True, ignore_index=1)
    x, y = gl.tensor(X, dtype="float32"), gl.tensor(rng.integers(0, 5, (3, 2)))
    scores = layer.linear(x).reshape(3, 5, 2)
    wanted = F.cross_entropy(scores, y, ignore_index=1)
    assert layer(x, y).item() == pytest.approx(wanted.item(), rel=1e-6)
    assert "out_features=(2,)" in repr(layer)


def test_adaptive_softmax() -> None:
    gl.manual_seed(0)
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0, head_bias=True)
    rng = np.random.default_rng(0)
    data, labels = rng.normal(size=(5, 8)).astype(np.float32), np.array([0, 2, 4, 11, 7])
    x = gl.tensor(data, requires_grad=True)
    out, loss = layer(x, gl.tensor(labels))
    every = layer.log_prob(x)
    loss.backward()
    gl.realize(out, loss, every, x.grad)
    logs = every.detach().numpy()
    np.testing.assert_allclose(np.exp(logs).sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(out.detach().numpy(), logs[np.arange(5), labels], rtol=1e-6)
    assert loss.item() == pytest.approx(-logs[np.arange(5), labels].mean(), rel=1e-6)
    assert layer.predict(x).tolist() == logs.argmax(1).tolist()
    with pytest.raises(ArgumentError, match="rising cutoffs"):
        nn.AdaptiveLogSoftmaxWithLoss(8, 12, [7, 3])
    oracle = pytest.importorskip("nn_oracle")
    torch = oracle.torch
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0, head_bias=True)
    assert repr(layer) == repr(theirs)
    state = {k: torch.from_numpy(v.numpy()) for k, v in layer.state_dict().items()}
    theirs.load_state_dict(state)
    t = torch.from_numpy(data).requires_grad_()
    wanted = theirs(t, torch.from_numpy(labels))
    wanted.loss.backward()
    oracle.settle([(out, wanted.output, "output"), (x.grad, t.grad, "gradient")])


ROW = gl.zeros(2, 3)
BAD = [
    (lambda: F.margin_ranking_loss(ROW, ROW, gl.zeros(2)), ShapeError, "MarginRankingLoss"),
    (lambda: F.hinge_embedding_loss(ROW, gl.zeros(3)), ShapeError, "do not broadcast"),
    (lambda: F.cosine_embedding_loss(ROW, ROW, ROW), ShapeError, r"\(N, D\)"),
    (lambda: F.multi_margin_loss(ROW, gl.tensor([1, 2]), p=3), ArgumentError, "p of 1 or 2"),
    (lambda: F.multi_margin_loss(ROW, gl.zeros(2)), DTypeError, "whole numbers"),
    (lambda: F.multilabel_margin_loss(ROW, gl.tensor([1, 2])), ShapeError, "expected labels"),
    (lambda: F.triplet_margin_loss(ROW, ROW, ROW, margin=0), ArgumentError, "above 0"),
    (lambda: F.triplet_margin_loss(ROW, ROW, gl.zeros(3)), ShapeError, "equal rank"),
    (lambda: F.gaussian_nll_loss(ROW, ROW, gl.zeros(2, 2)), ShapeError, "variance"),
    (lambda: F.gaussian_nll_loss(ROW, ROW, -1.0), ArgumentError, "negative"),
    (lambda: F.mse_loss(ROW, ROW, weight=gl.ones(3)), ShapeError, "one weight for each"),
    (lambda: gl.cdist(ROW, gl.zeros(2, 2)), ShapeError, "cdist"),
    (lambda: gl.cdist(ROW, ROW, -1), ArgumentError, "p ≥ 0"),
    (lambda: gl.cdist(ROW, ROW, compute_mode="fast"), ArgumentError, "compute_mode"),
    (lambda: gl.pdist(gl.zeros(3)), ShapeError, "use cdist"),
    (lambda: F.cosine_similarity(gl.tensor([1]), gl.tensor([2]), 0), DTypeError, "floating"),
    (lambda: F.ctc_loss(ROW, gl.tensor([1]), [3], [1]), ArgumentError, "2 steps"),
    (lambda: F.ctc_loss(ROW, gl.tensor([1.0]), [2], [1]), DTypeError, "whole numbers"),
    (lambda: F.ctc_loss(ROW, gl.tensor([1]), [2], [1], blank=3), ArgumentError, "3 classes"),
    (lambda: F.ctc_loss(gl.zeros(2), gl.tensor([1]), [2], [1]), ShapeError, r"\(T, N, C\)"),
    (
        lambda: F.linear_cross_entropy(ROW, ROW, gl.tensor([1, 1]), options=1),
        ArgumentError,
        "options",
    ),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_refused(number: int) -> None:
    call, kind, words = BAD[number]
    with pytest.raises(kind, match=words):
        call()

"""Attention against PyTorch: every kind of mask, values and gradients, and its options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, ShapeError
from glia.nn import functional as F

RNG = np.random.default_rng(2)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


SHAPES = [((5, 8), (5, 8), (5, 8)), ((2, 3, 7, 4), (2, 3, 9, 4), (2, 3, 9, 6))]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("how", ["plain", "causal", "bool", "float", "scale"])
def test_attention_is_torchs(shapes: tuple, how: str) -> None:
    torch = pytest.importorskip("torch")
    arrays = [normal(*shape) for shape in shapes]
    span = (shapes[0][-2], shapes[1][-2])
    options: dict[str, Any] = {"causal": {"is_causal": True}, "scale": {"scale": 0.3}}.get(how, {})
    mask = None
    if how == "bool":
        mask = RNG.random(span) < 0.7
        mask[:, 0] = True
    elif how == "float":
        mask = normal(*span)
    ours = [gl.tensor(x, requires_grad=True) for x in arrays]
    theirs = [torch.from_numpy(x).requires_grad_() for x in arrays]
    a = F.scaled_dot_product_attention(
        *ours, attn_mask=None if mask is None else gl.tensor(mask), **options
    )
    b = torch.nn.functional.scaled_dot_product_attention(
        *theirs, attn_mask=None if mask is None else torch.from_numpy(mask), **options
    )
    weight = normal(*a.shape)
    (a * gl.tensor(weight)).sum().backward()
    (b * torch.from_numpy(weight)).sum().backward()
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-12)
    for x, y in zip(ours, theirs, strict=True):
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), atol=1e-12)


def test_a_query_that_may_look_nowhere_gives_zeros_and_no_nan() -> None:
    x = gl.tensor(normal(3, 4), requires_grad=True)
    mask = gl.tensor(np.array([[True, False, True], [False] * 3, [True] * 3]))
    out = F.scaled_dot_product_attention(x, x, x, attn_mask=mask)
    out.sum().backward()
    assert not out.detach().numpy()[1].any()
    assert x.grad is not None
    assert np.isfinite(x.grad.numpy()).all()


def test_dropped_weights() -> None:
    gl.manual_seed(0)
    q, v = gl.zeros(40, 8), gl.ones(50, 8)
    out = F.scaled_dot_product_attention(q, gl.zeros(50, 8), v, dropout_p=0.5).numpy()
    assert len(np.unique(out[:, 0])) > 5
    assert abs(out.mean() - 1) < 0.1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: F.scaled_dot_product_attention(x, x[:, :2], x), ShapeError, "do not fit"),
        (lambda x: F.scaled_dot_product_attention(x, x, x[:2]), ShapeError, "expected 3 values"),
        (
            lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=gl.ones(2, 3, 3)),
            ShapeError,
            "does not fit the scores",
        ),
        (
            lambda x: F.scaled_dot_product_attention(x, x, x, gl.ones(3, 3), is_causal=True),
            ArgumentError,
            "together with is_causal",
        ),
        (lambda x: nn.MultiheadAttention(6, 4), ArgumentError, "must divide"),
        (lambda x: nn.MultiheadAttention(4, 2)(x, x[:, :2], x), ShapeError, "expected sizes"),
    ],
)
def test_refused(call: Any, error: type, words: str) -> None:
    with pytest.raises(error) as caught:
        call(gl.ones(3, 4))
    assert words in str(caught.value)


LAYERS: list[dict[str, Any]] = [
    {},
    {"bias": False},
    {"batch_first": True},
    {"kdim": 6, "vdim": 10},
    {"kdim": 6, "vdim": 10, "batch_first": True, "bias": False},
]
MASKS = ["none", "padding", "bool", "float", "each head", "causal", "causal and padding"]


def masks_for(how: str) -> dict[str, np.ndarray]:
    """Arguments of a call with 3 sequences of 5 queries and 7 keys, 2 heads."""
    padding = np.arange(7) >= np.array([[7], [4], [2]])
    after = np.triu(np.ones((5, 7), bool), 1)
    table: dict[str, dict[str, np.ndarray]] = {
        "padding": {"key_padding_mask": padding},
        "bool": {"attn_mask": after},
        "float": {"attn_mask": normal(5, 7)},
        "each head": {"attn_mask": normal(6, 5, 7)},
        "causal": {"attn_mask": after},
        "causal and padding": {"attn_mask": after, "key_padding_mask": padding},
    }
    return table.get(how, {})


@pytest.mark.parametrize("how", MASKS)
@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_layer_is_torchs(options: dict[str, Any], how: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiheadAttention(8, 2, **options).double()
    ours = nn.MultiheadAttention(8, 2, **options).to("float64")
    for p in theirs.parameters():
        p.data.copy_(torch.from_numpy(normal(*p.shape)))
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    sizes = (8, options.get("kdim", 8), options.get("vdim", 8))
    arrays = [normal(n, 3, size) for n, size in zip((5, 7, 7), sizes, strict=True)]
    if options.get("batch_first"):
        arrays = [np.ascontiguousarray(x.swapaxes(0, 1)) for x in arrays]
    masks = masks_for(how)
    extra: dict[str, Any] = {"average_attn_weights": how != "float"}
    causal = {"is_causal": True} if how.startswith("causal") else {}
    a = ours(*map(gl.tensor, arrays), **{k: gl.tensor(m) for k, m in masks.items()}, **extra)
    if causal:  # ours needs no mask for it
        masks_of_ours = {k: gl.tensor(m) for k, m in masks.items() if k != "attn_mask"}
        a = ours(*map(gl.tensor, arrays), **masks_of_ours, **extra, **causal)
    t = {k: torch.from_numpy(m) for k, m in masks.items()}
    if "key_padding_mask" in t and t.get("attn_mask") is not None:
        t["attn_mask"] = torch.zeros(5, 7).double().masked_fill(t["attn_mask"], -np.inf)
        t["key_padding_mask"] = (
            torch.zeros(3, 7).double().masked_fill(t["key_padding_mask"], -np.inf)
        )
    b = theirs(*map(torch.from_numpy, arrays), **t, **extra)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), atol=1e-12)
    weight = normal(*a[0].shape)
    (a[0] * gl.tensor(weight)).sum().backward()
    (b[0] * torch.from_numpy(weight)).sum().backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == q[0]
        assert p.grad is not None
        np.testing.assert_allclose(p.grad.numpy(), q[1].grad.numpy(), atol=1e-11, err_msg=name)


def test_one_sequence_and_no_weights() -> None:
    torch = pytest.importorskip("torch")
    theirs, ours = torch.nn.MultiheadAttention(8, 4), nn.MultiheadAttention(8, 4)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = normal(6, 8).astype(np.float32)
    out, none = ours(gl.tensor(x), gl.tensor(x), gl.tensor(x), need_weights=False)
    assert none is None
    same = gl.tensor(x)  # one input for all three takes one product
    again, weights = ours(same, same, same)
    wanted, shown = theirs(*[torch.from_numpy(x)] * 3)
    for found in (out, again):
        np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(weights.detach().numpy(), shown.detach().numpy(), atol=1e-6)


def test_initial_values() -> None:
    gl.manual_seed(0)
    layer = nn.MultiheadAttention(64, 4)
    bound = (6 / (64 + 192)) ** 0.5
    weight = layer.in_proj_weight.detach().numpy()
    assert 0.95 * bound < abs(weight).max() <= bound
    assert not layer.in_proj_bias.detach().numpy().any()
    assert not layer.out_proj.bias.detach().numpy().any()
    assert len(list(layer.parameters())) == 4

"""Attention with all its options, and transformer layers: against PyTorch and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, ShapeError
from glia.nn import functional as F

RNG = np.random.default_rng(0)
HIDDEN = np.array([[False, False, True, True], [False, False, False, False]])
LOOK = RNG.normal(size=(3, 4))
BLOCKED = np.array([[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]], bool)
MASKS: list[dict[str, Any]] = [
    {},
    {"key_padding_mask": HIDDEN},
    {"attn_mask": LOOK, "average_attn_weights": False},
    {"attn_mask": BLOCKED, "key_padding_mask": HIDDEN},
    {"attn_mask": np.tile(BLOCKED, (4, 1, 1)), "need_weights": False},
]
KINDS: list[dict[str, Any]] = [
    {},
    {"add_bias_kv": True},
    {"add_zero_attn": True, "bias": False},
    {"add_bias_kv": True, "add_zero_attn": True, "kdim": 6, "vdim": 5},
]


def converted(options: dict[str, Any], make: Any) -> dict[str, Any]:
    return {k: make(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


@pytest.mark.filterwarnings("ignore:Support for mismatched:UserWarning")
@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_attention_against_torch(kind: int) -> None:
    oracle = pytest.importorskip("nn_oracle")
    torch = oracle.torch
    options = KINDS[kind]
    ours, theirs = oracle.made(("MultiheadAttention", (8, 2), options, ()), "float64")
    sizes = 8, options.get("kdim", 8), options.get("vdim", 8)
    shapes = [(3, 2, sizes[0]), (4, 2, sizes[1]), (4, 2, sizes[2])]
    pairs = []
    for masks in MASKS:
        arrays = [RNG.normal(size=shape) for shape in shapes]
        xs = [gl.tensor(a, requires_grad=True) for a in arrays]
        ts = [torch.from_numpy(a).requires_grad_() for a in arrays]
        theirs.zero_grad()
        ours.zero_grad()
        outs = oracle.first(ours(*xs, **converted(masks, gl.tensor)))
        wanted = oracle.first(theirs(*ts, **converted(masks, torch.from_numpy)))
        leaves = oracle.leaves_of(ours, xs), oracle.leaves_of(theirs, ts)
        pairs += [
            (a, b.detach().clone() if hasattr(b, "detach") else b, what)
            for a, b, what in oracle.side_by_side(str(masks), outs, wanted, *leaves)
        ]
    oracle.settle(pairs)


def test_extra_keys_do_not_break_causality() -> None:
    gl.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, add_zero_attn=True, add_bias_kv=True)
    x = gl.tensor(RNG.normal(size=(5, 1, 8)).astype(np.float32))
    causal = layer(x, x, x, is_causal=True)[0]
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    explicit = layer(x, x, x, attn_mask=mask)[0]
    gl.realize(causal, explicit)
    np.testing.assert_allclose(causal.detach().numpy(), explicit.detach().numpy(), atol=1e-6)


def test_grouped_heads() -> None:
    q, k, v = (gl.tensor(RNG.normal(size=(2, n, 3, 4))) for n in (6, 2, 2))
    found = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    wide = [gl.tensor(np.repeat(x.numpy(), 3, 1)) for x in (k, v)]
    wanted = F.scaled_dot_product_attention(q, *wide)
    gl.realize(found, wanted)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-12)
    with pytest.raises(ShapeError, match="cannot share"):
        F.scaled_dot_product_attention(q[:, :5], k, v, enable_gqa=True)


SMALL = {"dim_feedforward": 6, "dropout": 0.0}
SEQUENCE = [(3, 2, 4)]
BOTH = [(3, 2, 4), (5, 2, 4)]
LAYERS: list[Any] = [
    ("TransformerEncoderLayer", (4, 2), {**SMALL, "activation": "gelu"}, SEQUENCE),
    ("TransformerEncoderLayer", (4, 2), {**SMALL, "norm_first": True, "bias": False}, [(3, 4)]),
    ("TransformerDecoderLayer", (4, 2), {**SMALL, "batch_first": True}, [(2, 3, 4), (2, 5, 4)]),
    ("TransformerDecoderLayer", (4, 2), {**SMALL, "norm_first": True}, BOTH),
    (
        "Transformer",
        (4, 2),
        {**SMALL, "num_encoder_layers": 2, "num_decoder_layers": 1},
        BOTH,
    ),
]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor:UserWarning")
@pytest.mark.parametrize("training", [True, False])
def test_layers_against_torch(training: bool) -> None:
    oracle = pytest.importorskip("nn_oracle")
    torch = oracle.torch
    torch.backends.mha.set_fastpath_enabled(False)
    oracle.layers(LAYERS, "float64", training)


def test_masks_reach_every_layer() -> None:
    """What is masked may be anything."""
    gl.manual_seed(0)
    net = nn.Transformer(4, 2, 2, 2, 6, 0.0, batch_first=True)
    src, tgt = (gl.tensor(RNG.normal(size=(2, n, 4)).astype(np.float32)) for n in (4, 3))
    padding = gl.tensor(HIDDEN)
    causal = nn.Transformer.generate_square_subsequent_mask(3)
    masks = {"src_key_padding_mask": padding, "memory_key_padding_mask": padding}
    out = net(src, tgt, tgt_mask=causal, **masks)
    again = net(src, tgt, tgt_is_causal=True, **masks)
    noise = RNG.normal(size=(2, 4, 4)).astype(np.float32) * HIDDEN[..., None]
    later = np.zeros((2, 3, 4), np.float32)
    later[:, 2] = 1
    changed = net(src + gl.tensor(noise), tgt + gl.tensor(later), tgt_mask=causal, **masks)
    gl.realize(out, again, changed)
    a, b, c = (x.detach().numpy() for x in (out, again, changed))
    np.testing.assert_allclose(a, b, atol=1e-6)
    np.testing.assert_allclose(a[:, :2], c[:, :2], atol=1e-6)
    assert abs(a[:, 2] - c[:, 2]).max() > 1e-3


def test_copies_learn_weights_of_their_own() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 6)
    encoder = nn.TransformerEncoder(layer, 3)
    count = sum(p.numel() for p in layer.parameters())
    assert sum(p.numel() for p in encoder.parameters()) == 3 * count
    with pytest.raises(ArgumentError, match="'relu', 'gelu'"):
        nn.TransformerEncoderLayer(4, 2, activation="tanh")
    with pytest.raises(ShapeError, match="size 4"):
        nn.Transformer(4, 2, 1, 1, 6)(gl.zeros(1, 1, 5), gl.zeros(1, 1, 4))

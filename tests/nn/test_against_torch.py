"""Layers and losses against PyTorch: values, gradients and buffers, from the same weights."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn

torch = pytest.importorskip("torch")
tnn = torch.nn

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-10}


def close(found: Any, wanted: Any, dtype: type, what: str = "") -> None:
    found = found.numpy() if isinstance(found, gl.Tensor) else np.asarray(found)
    wanted = wanted.detach().numpy()
    assert found.shape == wanted.shape, what
    limit = TOLERANCE[dtype]
    np.testing.assert_allclose(found, wanted, rtol=limit, atol=limit, err_msg=what)


def compare_layers(ours: nn.Module, theirs: Any, shapes: list, dtype: type) -> None:
    """Two train-mode forwards with gradients, then evaluation mode."""
    rng = np.random.default_rng(3)
    theirs = theirs.to(torch.float32 if dtype is np.float32 else torch.float64)
    for parameter in theirs.parameters():
        parameter.data.copy_(torch.from_numpy(rng.normal(size=tuple(parameter.shape))))
    ours.to(np.dtype(dtype).name)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    for shape in shapes:
        data = rng.normal(size=shape).astype(dtype)
        x, t = gl.tensor(data, requires_grad=True), torch.from_numpy(data).requires_grad_()
        out, wanted = ours(x), theirs(t)
        weight = rng.normal(size=tuple(wanted.shape)).astype(dtype)
        ours.zero_grad()
        theirs.zero_grad()
        (out * gl.tensor(weight)).sum().backward()
        (wanted * torch.from_numpy(weight)).sum().backward()
        gl.realize(out, x.grad, *(p.grad for p in ours.parameters()))
        close(out.detach(), wanted, dtype, "output")
        close(x.grad, t.grad, dtype, "input gradient")
        for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            close(p.grad, q.grad, dtype, name)
        for (name, b), c in zip(ours.named_buffers(), theirs.buffers(), strict=True):
            close(b, c, dtype, name)
    ours.eval()
    theirs.eval()
    close(ours(x).detach(), theirs(t), dtype, "evaluation")


IMAGES = [(2, 4, 7, 8), (3, 4, 7, 8)]
IMAGE = [(2, 4, 7, 8), (4, 7, 8)]
LINE = [(2, 4, 9), (4, 9)]
VOLUME = [(2, 4, 5, 6, 4), (4, 5, 6, 4)]
ROWS = [(4, 6), (5, 6)]
LAYERS = [
    ("Linear", (6, 3), {}, [(4, 6), (2, 3, 6), (6,)]),
    ("Linear", (6, 3), {"bias": False}, ROWS),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}, LINE),
    ("Conv1d", (4, 6, 4), {"padding": "same", "dilation": 2, "padding_mode": "circular"}, LINE),
    ("Conv2d", (4, 6, 3), {}, IMAGES),
    ("Conv2d", (4, 6, (3, 2)), {"stride": (2, 1), "padding": (1, 0)}, IMAGES),
    ("Conv2d", (4, 6, 3), {"padding": "same"}, IMAGE),
    ("Conv2d", (4, 6, (2, 4)), {"padding": "same", "dilation": (1, 2)}, IMAGES),
    ("Conv2d", (4, 6, 3), {"padding": "valid", "dilation": 2, "bias": False}, IMAGES),
    ("Conv2d", (4, 6, 3), {"groups": 2, "stride": 2, "padding": 1}, IMAGES),
    ("Conv2d", (4, 8, 3), {"groups": 4}, IMAGES),
    ("Conv2d", (4, 6, 3), {"padding": (2, 1), "padding_mode": "reflect", "stride": 2}, IMAGE),
    ("Conv2d", (4, 2, 3), {"padding": 1, "padding_mode": "replicate"}, IMAGE),
    ("Conv3d", (4, 6, (3, 2, 1)), {"stride": (1, 2, 1), "padding": (1, 0, 0)}, VOLUME),
    ("Conv3d", (4, 4, 2), {"groups": 2, "padding": 1, "padding_mode": "circular"}, VOLUME),
    ("ConvTranspose1d", (4, 6, 4), {"stride": 2, "padding": 1, "output_padding": 1}, LINE),
    ("ConvTranspose2d", (4, 6, 3), {}, IMAGES),
    ("ConvTranspose2d", (4, 6, 2), {"stride": 2}, IMAGE),
    ("ConvTranspose2d", (4, 6, 2), {"stride": 2, "groups": 2, "bias": False}, IMAGES),
    ("ConvTranspose2d", (4, 3, (3, 2)), {"stride": (2, 1), "padding": (1, 0)}, IMAGES),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 3, "output_padding": (2, 1)}, IMAGES),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "dilation": 3, "output_padding": 2}, IMAGES),
    ("ConvTranspose2d", (4, 8, 3), {"groups": 4, "stride": 2, "padding": 1}, IMAGES),
    ("ConvTranspose2d", (4, 8, 1), {"stride": 2, "output_padding": 1}, IMAGES),
    ("ConvTranspose3d", (4, 2, (2, 3, 2)), {"stride": (2, 1, 2), "groups": 2}, VOLUME),
    ("AdaptiveAvgPool1d", (4,), {}, LINE),
    ("AdaptiveAvgPool2d", (1,), {}, IMAGES),
    ("AdaptiveAvgPool2d", ((7, 4),), {}, IMAGE),
    ("AdaptiveAvgPool2d", ((3, None),), {}, IMAGES),
    ("AdaptiveAvgPool2d", (5,), {}, IMAGES),
    ("AdaptiveAvgPool2d", ((9, 3),), {}, IMAGES),
    ("AdaptiveAvgPool3d", ((2, 3, None),), {}, VOLUME),
    ("AdaptiveMaxPool1d", (4,), {}, LINE),
    ("AdaptiveMaxPool2d", ((3, None),), {}, IMAGE),
    ("AdaptiveMaxPool3d", (2,), {}, VOLUME),
    ("MaxPool1d", (3,), {"stride": 2, "ceil_mode": True}, LINE),
    ("MaxPool2d", (2,), {}, IMAGES),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1}, IMAGES),
    ("MaxPool2d", ((2, 3),), {"stride": (1, 2), "dilation": (2, 1)}, IMAGES),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, IMAGE),
    ("MaxPool3d", (2,), {"stride": 1}, VOLUME),
    ("AvgPool1d", (2,), {"ceil_mode": True}, LINE),
    ("AvgPool2d", (2,), {}, IMAGES),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1}, IMAGES),
    ("AvgPool2d", (3,), {"padding": 1, "count_include_pad": False}, IMAGES),
    ("AvgPool2d", (3,), {"padding": 1, "ceil_mode": True, "stride": (2, 3)}, IMAGE),
    ("AvgPool3d", (2,), {"divisor_override": 3}, VOLUME),
    ("LPPool1d", (2, 3), {"stride": 2}, LINE),
    ("LPPool2d", (4.0, 2), {"ceil_mode": True}, IMAGE),
    ("LPPool3d", (2, 2), {}, VOLUME),
    ("ConstantPad1d", ((2, 1), 0.5), {}, LINE),
    ("ConstantPad2d", ((1, -2, 0, 3), -1.5), {}, IMAGE),
    ("ConstantPad3d", (1, 2.0), {}, VOLUME),
    ("ZeroPad1d", (2,), {}, LINE),
    ("ZeroPad2d", ((1, 2, 3, 0),), {}, IMAGE),
    ("ZeroPad3d", (1,), {}, VOLUME),
    ("ReflectionPad1d", ((8, 3),), {}, LINE),
    ("ReflectionPad2d", ((2, 7, 0, 6),), {}, IMAGE),
    ("ReflectionPad3d", ((1, 2, 3, 0, 4, 2),), {}, VOLUME),
    ("ReplicationPad1d", ((11, 0),), {}, LINE),
    ("ReplicationPad2d", ((1, -2, 9, 1),), {}, IMAGE),
    ("ReplicationPad3d", (2,), {}, VOLUME),
    ("CircularPad1d", ((9, 2),), {}, LINE),
    ("CircularPad2d", ((1, -2, 4, 1),), {}, IMAGE),
    ("CircularPad3d", ((1, 2, 3, 0, 4, 2),), {}, VOLUME),
    ("PixelShuffle", (2,), {}, IMAGE),
    ("PixelUnshuffle", (2,), {}, [(2, 3, 4, 6), (3, 4, 6)]),
    ("ChannelShuffle", (2,), {}, IMAGES),
    ("Unfold", (2,), {"stride": (1, 2), "padding": 1}, IMAGE),
    ("Unfold", ((3, 2),), {"dilation": (1, 2)}, IMAGE),
    ("Fold", ((4, 5), 2), {}, [(2, 12, 12), (8, 12)]),
    ("Fold", ((4, 5), (2, 3)), {"padding": 1, "stride": (2, 1)}, [(2, 12, 15)]),
    ("Flatten", (), {}, IMAGES),
    ("Flatten", (0, 1), {}, IMAGES),
    ("Identity", (), {}, ROWS),
    ("ReLU", (), {}, ROWS),
    ("ReLU6", (), {}, ROWS),
    ("Hardtanh", (-0.5, 0.25), {}, ROWS),
    ("LeakyReLU", (), {}, ROWS),
    ("LeakyReLU", (0.3,), {}, ROWS),
    ("PReLU", (), {}, ROWS),
    ("PReLU", (4,), {}, IMAGES),
    ("ELU", (), {}, ROWS),
    ("ELU", (0.5,), {}, ROWS),
    ("SELU", (), {}, ROWS),
    ("Sigmoid", (), {}, ROWS),
    ("LogSigmoid", (), {}, ROWS),
    ("Tanh", (), {}, ROWS),
    ("Softsign", (), {}, ROWS),
    ("SiLU", (), {}, ROWS),
    ("Mish", (), {}, ROWS),
    ("GELU", (), {}, ROWS),
    ("GELU", ("tanh",), {}, ROWS),
    ("Softplus", (), {}, ROWS),
    ("Softplus", (2.0, 1.0), {}, ROWS),
    ("Softmax", (1,), {}, ROWS),
    ("LogSoftmax", (-1,), {}, ROWS),
    ("BatchNorm1d", (6,), {}, ROWS),
    ("BatchNorm1d", (4,), {"momentum": 0.3}, [(3, 4, 5), (2, 4, 5)]),
    ("BatchNorm2d", (4,), {}, IMAGES),
    ("BatchNorm2d", (4,), {"momentum": None, "eps": 1e-3}, IMAGES),
    ("BatchNorm2d", (4,), {"affine": False}, IMAGES),
    ("BatchNorm2d", (4,), {"bias": False}, IMAGES),
    ("BatchNorm2d", (4,), {"track_running_stats": False}, IMAGES),
    ("LayerNorm", (6,), {}, ROWS),
    ("LayerNorm", ((7, 8),), {"eps": 1e-3}, IMAGES),
    ("LayerNorm", (6,), {"bias": False}, ROWS),
    ("LayerNorm", (6,), {"elementwise_affine": False}, ROWS),
]


def name_of(row: tuple) -> str:
    options = ",".join(f"{k}={v}" for k, v in row[2].items())
    return f"{row[0]}{row[1]}{options}".replace(" ", "")


@pytest.mark.filterwarnings("ignore:Using padding=:UserWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("row", LAYERS, ids=name_of)
def test_layer(row: tuple, dtype: type) -> None:
    kind, args, options, shapes = row
    ours, theirs = getattr(nn, kind)(*args, **options), getattr(tnn, kind)(*args, **options)
    compare_layers(ours, theirs, shapes, dtype)


@pytest.mark.parametrize("row", LAYERS, ids=name_of)
def test_layer_prints_as_torch(row: tuple) -> None:
    kind, args, options, _ = row
    ours, theirs = getattr(nn, kind)(*args, **options), getattr(tnn, kind)(*args, **options)
    found, wanted = repr(ours), repr(theirs)
    if "Norm" in kind and "bias=" not in wanted:  # older versions of PyTorch print no bias
        found = re.sub(", bias=(True|False)", "", found)
    assert found == wanted


def scores(*shape: int) -> np.ndarray:
    return np.random.default_rng(4).normal(size=shape)


LABELS = np.array([2, 0, 3, 1, 2])
DENSE = np.array([[2, 0], [3, -100], [1, 1]])
CLASS_WEIGHT = np.array([0.5, 2.0, 1.0, 3.0])
SHARE = np.random.default_rng(5).dirichlet(np.ones(4), 5)
BITS = np.array([[0.0, 1.0, 0.25], [1.0, 1.0, 0.0]])
ODDS = 1 / (1 + np.exp(-scores(2, 3)))
LOSSES = [
    ("MSELoss", scores(2, 3), BITS, {}),
    ("L1Loss", scores(2, 3), BITS, {}),
    ("HuberLoss", scores(2, 3), BITS, {"delta": 0.7}),
    ("SmoothL1Loss", scores(2, 3), BITS, {"beta": 0.4}),
    ("BCELoss", ODDS, BITS, {}),
    ("BCELoss", ODDS, BITS, {"weight": np.array([1.0, 2.0, 0.5])}),
    ("BCEWithLogitsLoss", scores(2, 3), BITS, {}),
    ("BCEWithLogitsLoss", scores(2, 3), BITS, {"pos_weight": np.array([3.0, 0.5, 1.0])}),
    (
        "BCEWithLogitsLoss",
        scores(2, 3),
        BITS,
        {"pos_weight": np.array(2.0), "weight": np.array([1.0, 2.0, 0.5])},
    ),
    ("CrossEntropyLoss", scores(5, 4), LABELS, {}),
    ("CrossEntropyLoss", scores(4), np.array(2), {}),
    ("CrossEntropyLoss", scores(5, 4), LABELS, {"weight": CLASS_WEIGHT}),
    ("CrossEntropyLoss", scores(5, 4), LABELS, {"label_smoothing": 0.1}),
    ("CrossEntropyLoss", scores(5, 4), LABELS, {"ignore_index": 2}),
    (
        "CrossEntropyLoss",
        scores(5, 4),
        LABELS,
        {"weight": CLASS_WEIGHT, "label_smoothing": 0.2, "ignore_index": 0},
    ),
    ("CrossEntropyLoss", scores(3, 4, 2), DENSE, {}),
    ("CrossEntropyLoss", scores(3, 4, 2), DENSE, {"weight": CLASS_WEIGHT, "label_smoothing": 0.1}),
    ("CrossEntropyLoss", scores(5, 4), SHARE, {}),
    ("CrossEntropyLoss", scores(5, 4), SHARE, {"weight": CLASS_WEIGHT, "label_smoothing": 0.1}),
    ("NLLLoss", scores(5, 4), LABELS, {}),
    ("NLLLoss", scores(3, 4, 2), DENSE, {"weight": CLASS_WEIGHT}),
    ("NLLLoss", scores(5, 4), LABELS, {"ignore_index": 3}),
    ("KLDivLoss", scores(5, 4), SHARE, {}),
    ("KLDivLoss", scores(5, 4), np.log(SHARE), {"log_target": True}),
]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("row", range(len(LOSSES)), ids=lambda i: f"{LOSSES[i][0]}{i}")
def test_loss(row: int, reduction: str) -> None:
    kind, x, y, options = LOSSES[row]
    ours, theirs = dict(options), dict(options)
    for name, value in options.items():
        if isinstance(value, np.ndarray):
            ours[name], theirs[name] = gl.tensor(value), torch.from_numpy(value)
    a, b = gl.tensor(x, requires_grad=True), torch.from_numpy(x).requires_grad_()
    found = getattr(nn, kind)(**ours, reduction=reduction)(a, gl.tensor(y))
    wanted = getattr(tnn, kind)(**theirs, reduction=reduction)(b, torch.from_numpy(y))
    found.sum().backward()
    wanted.sum().backward()
    close(found.detach(), wanted, np.float64)
    close(a.grad, b.grad, np.float64)


GAINS = ["linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu", "conv2d"]


@pytest.mark.parametrize("name", GAINS)
def test_gains(name: str) -> None:
    assert nn.init.calculate_gain(name) == pytest.approx(tnn.init.calculate_gain(name))


def test_dropped_channels() -> None:
    gl.manual_seed(0)
    layer = nn.Dropout2d(0.3)
    assert repr(layer) == repr(tnn.Dropout2d(0.3))
    x = gl.ones(20, 30, 4, 5)
    found = layer(x).numpy()
    flat = found.reshape(600, 20)
    assert (flat == flat[:, :1]).all()
    np.testing.assert_allclose(np.unique(flat), [0, 1 / 0.7], rtol=1e-6)
    assert abs((flat[:, 0] == 0).mean() - 0.3) < 0.06
    assert layer(x[0]).shape == (30, 4, 5)
    assert (layer.eval()(x).numpy() == 1).all()
    with pytest.raises(gl.base.errors.ShapeError, match="use dropout"):
        layer.train()(gl.ones(3, 4))


POOLS = [
    ("MaxPool1d", "MaxUnpool1d", (3,), {"stride": 2, "padding": 1}, (2, 3, 9)),
    ("MaxPool2d", "MaxUnpool2d", (2,), {}, (2, 3, 6, 8)),
    ("MaxPool2d", "MaxUnpool2d", ((3, 2),), {"stride": (2, 3), "padding": 1}, (2, 3, 9, 8)),
    ("MaxPool3d", "MaxUnpool3d", (2,), {}, (3, 4, 6, 2)),
]


@pytest.mark.parametrize("row", POOLS, ids=lambda row: f"{row[0]}{row[4]}")
def test_places_and_back(row: tuple) -> None:
    """Where the largest elements stand; and putting them there again, in a larger whole."""
    kind, back, args, options, shape = row
    data = np.random.default_rng(2).normal(size=shape)
    data.flat[:9] = -np.inf  # no padding is chosen, even where elements are as low
    ours = getattr(nn, kind)(*args, **options, return_indices=True)(gl.tensor(data))
    theirs = getattr(tnn, kind)(*args, **options, return_indices=True)(torch.from_numpy(data))
    for found, wanted in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    whole, other = getattr(nn, back)(*args, **options), getattr(tnn, back)(*args, **options)
    assert repr(whole) == repr(other)
    size = shape[-int(kind[-2]) :]
    found, wanted = whole(*ours, output_size=size), other(*theirs, output_size=size)
    np.testing.assert_array_equal(found.numpy(), wanted.numpy())


def test_places_of_uneven_and_fractional_windows() -> None:
    rng = np.random.default_rng(4)
    for dims, shape, size in (
        (1, (2, 3, 7), 3),
        (2, (3, 7, 8), (3, 5)),
        (3, (2, 3, 5, 4, 7), (2, 4, 3)),
    ):
        data = rng.normal(size=shape)
        kind = f"adaptive_max_pool{dims}d"
        ours = getattr(nn.functional, kind)(gl.tensor(data), size, return_indices=True)
        theirs = getattr(tnn.functional, kind)(torch.from_numpy(data), size, return_indices=True)
        for found, wanted in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    for kind, shape, kernel, size in (
        ("FractionalMaxPool2d", (2, 3, 9, 10), (2, 3), (4, 5)),
        ("FractionalMaxPool3d", (2, 7, 9, 10), 2, (3, 1, 5)),
    ):
        data = rng.normal(size=shape)
        dims = int(kind[-2])
        lead = shape[:-dims] if len(shape) == dims + 2 else (1, *shape[:-dims])
        u = rng.random((*lead, dims))
        x, t = gl.tensor(data, requires_grad=True), torch.from_numpy(data).requires_grad_()
        options = {"output_size": size, "return_indices": True}
        a = getattr(nn, kind)(kernel, **options, _random_samples=gl.tensor(u))(x)
        b = getattr(tnn, kind)(kernel, **options, _random_samples=torch.from_numpy(u))(t)
        for found, wanted in zip(a, b, strict=True):
            np.testing.assert_array_equal(found.detach().numpy(), wanted.detach().numpy())
        (a[0] * a[0]).sum().backward()
        (b[0] * b[0]).sum().backward()
        close(x.grad, t.grad, np.float64)


def test_a_transposed_convolution_of_a_given_size() -> None:
    ours, theirs = nn.ConvTranspose2d(3, 2, 3, stride=2), tnn.ConvTranspose2d(3, 2, 3, stride=2)
    theirs.load_state_dict({k: torch.from_numpy(v.numpy()) for k, v in ours.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(1, 3, 4, 4)).astype(np.float32)
    found, wanted = ours(gl.tensor(x), (10, 9)), theirs(torch.from_numpy(x), (10, 9))
    close(found.detach(), wanted, np.float32)

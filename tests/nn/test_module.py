"""The tree of modules: registration, names, state, modes, text, initial values."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, CheckpointError, DTypeError, ShapeError
from glia.base.i18n import set_language
from glia.nn import functional as F
from glia.nn import init


def lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)
        self.scale = nn.Parameter(np.float32([2.0]))
        self.register_buffer("offset", gl.zeros(2))
        self.register_buffer("scratch", gl.zeros(2), persistent=False)
        self.parts = nn.ModuleList([nn.Linear(2, 2, bias=False)])

    def forward(self, x: gl.Tensor) -> gl.Tensor:
        return self.parts[0](self.norm(self.fc(x))) * self.scale + self.offset


def test_lenet_has_61706_parameters() -> None:
    net = lenet()
    assert sum(p.numel() for p in net.parameters()) == 61_706
    assert net(gl.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert "total 61,706 parameters" in net.summary()


def test_names() -> None:
    block = Block()
    parameters = "scale fc.weight fc.bias norm.weight norm.bias parts.0.weight".split()
    assert [name for name, _ in block.named_parameters()] == parameters
    buffers = ["running_mean", "running_var", "num_batches_tracked"]
    assert list(block.state_dict()) == [
        "scale",
        "offset",
        *[f"fc.{name}" for name in ("weight", "bias")],
        *[f"norm.{name}" for name in ("weight", "bias", *buffers)],
        "parts.0.weight",
    ]
    assert [name for name, _ in block.named_modules()] == ["", "fc", "norm", "parts", "parts.0"]
    assert block.get_submodule("parts.0") is block.parts[0]
    assert [type(child).__name__ for child in block.children()] == [
        "Linear",
        "BatchNorm1d",
        "ModuleList",
    ]


def test_attributes_come_and_go() -> None:
    block = Block()
    block.fc = None
    assert "fc.weight" not in dict(block.named_parameters())
    block.fc = nn.Identity()
    del block.fc
    assert not hasattr(block, "fc")
    block.scale = None
    assert block.scale is None and "scale" not in dict(block.named_parameters())
    block.scale = nn.Parameter(np.float32([1.0]))
    assert "scale" in dict(block.named_parameters())


def test_a_shared_parameter_is_learnt_once() -> None:
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    b.weight = a.weight
    net = nn.Sequential(a, b)
    assert len(list(net.parameters())) == 3
    assert len(net.state_dict()) == 4


def test_containers() -> None:
    net = nn.Sequential(OrderedDict(one=nn.Linear(2, 3), two=nn.ReLU()))
    assert net.one.out_features == 3 and len(net) == 2
    net.append(nn.Linear(3, 1))
    assert list(dict(net.named_children())) == ["one", "two", "2"]
    assert isinstance(net[1:], nn.Sequential) and len(net[1:]) == 2
    assert net[-1](net[1](net[0](gl.zeros(4, 2)))).shape == (4, 1)
    table = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
    assert list(table) == ["relu", "tanh"] and "relu" in table


def test_modes_and_freezing() -> None:
    block = Block()
    assert block.training and block.eval().norm.training is False
    assert block.train().parts[0].training
    block.requires_grad_(False)
    assert not any(p.requires_grad for p in block.parameters())
    block.requires_grad_(True)
    block(gl.randn(4, 3)).sum().backward()
    assert all(p.grad is not None for p in block.parameters())
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())


def test_frozen_layers_get_no_gradient() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    net[0].requires_grad_(False)
    net(gl.ones(3, 2)).sum().backward()
    assert net[0].weight.grad is None and net[1].weight.grad is not None


def test_apply_and_hooks() -> None:
    net, seen = lenet(), []
    net.apply(lambda module: seen.append(type(module).__name__))
    assert seen[-1] == "Sequential" and seen.count("Linear") == 3
    shapes: list[Any] = []
    handle = net[0].register_forward_hook(lambda module, args, out: shapes.append(out.shape))
    net(gl.zeros(1, 1, 28, 28))
    handle.remove()
    net(gl.zeros(1, 1, 28, 28))
    assert shapes == [(1, 6, 28, 28)]


def test_state_round_trip_from_tensors_and_arrays() -> None:
    a, b = Block(), Block()
    a(gl.randn(5, 3))  # pending running statistics
    result = b.load_state_dict({k: v.numpy() for k, v in a.state_dict().items()})
    assert result.missing_keys == [] and result.unexpected_keys == []
    for (name, p), q in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy(), name)
    assert b.norm.num_batches_tracked.item() == 1


def test_state_dict_is_a_snapshot() -> None:
    net = nn.Linear(2, 1)
    saved = net.state_dict()
    before = saved["weight"].numpy()
    init.constant_(net.weight, 5.0)
    np.testing.assert_array_equal(saved["weight"].numpy(), before)


def test_misfits_are_told_and_nothing_changes() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    before = net.state_dict()
    values = {k: np.zeros(v.shape) for k, v in before.items()}
    values["0.weight"] = np.zeros((2, 4))
    values["2.weight"] = values.pop("1.weight")
    with pytest.raises(CheckpointError) as caught:
        net.load_state_dict(values)
    for part in ("missing: 1.weight", "unexpected: 2.weight", "0.weight: expected shape (2, 3)"):
        assert part in str(caught.value)
    np.testing.assert_array_equal(net[0].bias.detach().numpy(), before["0.bias"].numpy())
    del values["0.weight"]
    missing, unexpected = net.load_state_dict(values, strict=False)
    assert missing == ["0.weight", "1.weight"] and unexpected == ["2.weight"]
    assert net[0].bias.detach().tolist() == [0, 0]


def test_double() -> None:
    net = Block().double()
    assert {p.dtype for p in net.parameters()} == {gl.float64}
    assert net.norm.num_batches_tracked.dtype is gl.int64
    net(gl.randn(4, 3).double()).sum().backward()
    assert net.fc.weight.grad is not None and net.fc.weight.grad.dtype is gl.float64


def test_repr_nests() -> None:
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU()))) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "  )\n"
        ")"
    )


def test_deepcopy_is_independent() -> None:
    net = Block()
    net(gl.randn(4, 3)).sum().backward()
    twin = copy.deepcopy(net)
    init.zeros_(twin.fc.weight)
    assert net.fc.weight.detach().numpy().any()
    np.testing.assert_array_equal(twin.fc.bias.grad.numpy(), net.fc.bias.grad.numpy())
    twin.zero_grad()
    twin(gl.randn(4, 3)).sum().backward()
    assert twin.fc.weight.grad is not None and twin.norm.num_batches_tracked.item() == 2
    assert net.norm.num_batches_tracked.item() == 1


# Initial values

N = 40_000
DISTRIBUTIONS = [
    (init.uniform_, {"a": -1.0, "b": 3.0}, 1.0, 4 / math.sqrt(12), (-1.0, 3.0)),
    (init.normal_, {"mean": 1.0, "std": 2.0}, 1.0, 2.0, None),
    (init.xavier_uniform_, {}, 0.0, math.sqrt(2 / 600), (-0.1, 0.1)),
    (init.xavier_normal_, {"gain": 2.0}, 0.0, 2 * math.sqrt(2 / 600), None),
    (init.kaiming_uniform_, {"a": math.sqrt(5)}, 0.0, 1 / math.sqrt(600), (-0.0708, 0.0708)),
    (init.kaiming_normal_, {"nonlinearity": "relu"}, 0.0, 0.1, None),
    (init.kaiming_normal_, {"mode": "fan_out", "nonlinearity": "relu"}, 0.0, 0.0707, None),
]


@pytest.mark.parametrize("row", DISTRIBUTIONS, ids=lambda row: row[0].__name__)
def test_distribution(row: tuple) -> None:
    function, options, mean, std, bounds = row
    gl.manual_seed(3)
    weight = nn.Parameter(np.zeros((400, 200), np.float32))
    assert function(weight, **options) is weight
    values = weight.detach().numpy()
    assert abs(values.mean() - mean) < 4 * std / math.sqrt(values.size)
    assert values.std() == pytest.approx(std, rel=0.02)
    if bounds is not None:
        assert bounds[0] <= values.min() and values.max() <= bounds[1]
        assert values.max() - values.min() > 0.99 * (bounds[1] - bounds[0])


@pytest.mark.parametrize(
    ("make", "fan"),
    [
        (lambda: nn.Linear(50, 300), 50),
        (lambda: nn.Conv2d(8, 300, 3), 72),
        (lambda: nn.Conv2d(8, 400, 3, groups=4), 18),
    ],
    ids=["linear", "conv", "grouped"],
)
def test_layers_start_uniform(make: Any, fan: int) -> None:
    gl.manual_seed(5)
    layer, bound = make(), 1 / math.sqrt(fan)
    for parameter in (layer.weight, layer.bias):
        values = parameter.detach().numpy()
        assert np.abs(values).max() <= bound * (1 + 1e-6)
        assert np.abs(values).max() > 0.95 * bound
        assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_same_seed_same_network() -> None:
    found = []
    for _ in range(2):
        gl.manual_seed(7)
        found.append(lenet().state_dict())
    for name, value in found[0].items():
        np.testing.assert_array_equal(value.numpy(), found[1][name].numpy())


def test_norms_start_neutral() -> None:
    state = nn.BatchNorm2d(3).state_dict()
    found = {name: value.tolist() for name, value in state.items()}
    assert found == {
        "weight": [1, 1, 1],
        "bias": [0, 0, 0],
        "running_mean": [0, 0, 0],
        "running_var": [1, 1, 1],
        "num_batches_tracked": 0,
    }
    assert nn.PReLU(2).weight.detach().tolist() == [0.25, 0.25]


# Errors: the words in English and in Chinese

X = gl.zeros(2, 3)
IMAGE = gl.zeros(2, 3, 8, 8)
WRONG = [
    (lambda: nn.Linear(4, 2)(X), ShapeError, "last dimension 4, got (2, 3)", "最后一维应为 4"),
    (lambda: nn.Linear(3, 2)(X.double()), DTypeError, "found float64", "输入却是 float64"),
    (lambda: nn.Linear(3, 2)(gl.tensor([[1, 2, 3]])), DTypeError, "x.float()", "x.float()"),
    (lambda: nn.Linear(3, 2)(np.zeros((2, 3))), DTypeError, "found ndarray", "ndarray"),
    (lambda: nn.Linear(0, 2), ArgumentError, "in_features", "in_features 应为"),
    (lambda: nn.Linear(2.5, 2), ArgumentError, "in_features", "整数"),
    (lambda: nn.Conv2d(1, 2, 3)(IMAGE), ShapeError, "give the layer 3 input", "输入通道设为 3"),
    (lambda: nn.Conv2d(3, 2, 3)(X), ShapeError, "unsqueeze", "增加一维"),
    (lambda: nn.Conv2d(3, 2, 3, padding_mode="mirror"), ArgumentError, "'zeros'", "不支持"),
    (lambda: nn.Conv2d(3, 2, 3, stride=2, padding="same"), ArgumentError, "stride 1", "步长为 1"),
    (lambda: nn.Conv2d(3, 2, 3, padding="full"), ArgumentError, "'full'", "'full'"),
    (lambda: nn.Conv2d(3, 2, 3, groups=2), ArgumentError, "groups=2", "整除"),
    (lambda: nn.Conv2d(3, 2, (3, 3, 3)), ArgumentError, "kernel_size", "一个或两个整数"),
    (lambda: nn.Conv2d(3, 2, 9)(IMAGE), ShapeError, "larger", "larger"),
    (lambda: nn.MaxPool2d(2, padding=2), ArgumentError, "more than half", "一半"),
    (lambda: nn.Conv3d(3, 2, 1)(IMAGE[None]), ShapeError, "(N, 3, D, H, W)", "(N, 3, D, H, W)"),
    (lambda: nn.Conv1d(3, 2, 1)(IMAGE), ShapeError, "(N, 3, L)", "需要形状"),
    (lambda: nn.Conv1d(3, 2, (1, 1)), ArgumentError, "kernel_size", "一个整数"),
    (
        lambda: nn.Conv2d(3, 2, 3, padding=8, padding_mode="reflect")(IMAGE),
        ShapeError,
        "does not fit",
        "不适合",
    ),
    (
        lambda: nn.ConvTranspose2d(3, 2, 3, padding_mode="reflect"),
        ArgumentError,
        "'zeros'",
        "不支持",
    ),
    (
        lambda: nn.ConvTranspose2d(3, 2, 3, stride=2)(IMAGE, (20, 17)),
        ArgumentError,
        "from (17, 17) to (18, 18)",
        "output_size",
    ),
    (lambda: nn.MaxPool2d(2)(X), ShapeError, "(N, C, H, W)", "需要形状"),
    (lambda: nn.MaxPool2d(9)(IMAGE), ShapeError, "larger", "大于"),
    (lambda: nn.MaxPool2d(2)(IMAGE > 0), DTypeError, "bool", "bool"),
    (lambda: nn.AvgPool2d(2, divisor_override=0)(IMAGE), ArgumentError, "not to be 0", "非零"),
    (lambda: nn.AdaptiveMaxPool2d(0), ArgumentError, "≥ 1", "不小于 1"),
    (lambda: nn.FractionalMaxPool2d(2), ArgumentError, "one of them", "之一"),
    (lambda: nn.FractionalMaxPool2d(2, 8)(IMAGE), ShapeError, "do not fit", "放不进"),
    (lambda: nn.LPPool2d(0, 2)(IMAGE), ArgumentError, "norm_type", "norm_type"),
    (lambda: nn.ReflectionPad2d(8)(IMAGE), ShapeError, "does not fit", "不适合"),
    (lambda: nn.CircularPad2d(9)(IMAGE), ShapeError, "does not fit", "不适合"),
    (lambda: nn.ZeroPad2d(-5)(IMAGE), ShapeError, "does not fit", "不适合"),
    (lambda: F.pad(X, (1, 2, 3)), ArgumentError, "two numbers", "两个数"),
    (lambda: F.pad(X, (1, 2), "mirror"), ArgumentError, "'mirror'", "'mirror'"),
    (lambda: F.pad(X, (1, 2), "reflect", 3.0), ArgumentError, "only with the first", "只有第一种"),
    (lambda: nn.PixelShuffle(2)(IMAGE), ShapeError, "(…, C · 4, H, W)", "需要"),
    (lambda: nn.Fold(4, 2)(IMAGE), ShapeError, "(N, C · 4, 9)", "需要"),
    (lambda: nn.Unfold(2)(X), ShapeError, "(C, H, W)", "需要"),
    (lambda: nn.BatchNorm1d(4)(X), ShapeError, "(N, 4)", "num_features"),
    (lambda: nn.BatchNorm2d(3)(X), ShapeError, "(N, 3, H, W)", "需要形状"),
    (lambda: nn.BatchNorm1d(3)(X[:1]), ShapeError, "larger batch", "更大的批量"),
    (lambda: nn.LayerNorm(4)(X), ShapeError, "normalized_shape=(3,)", "请设"),
    (lambda: nn.Softmax()(X), ArgumentError, "dim=1", "dim=1"),
    (lambda: nn.Dropout(1.5), ArgumentError, "from 0 to 1", "0 与 1 之间"),
    (lambda: nn.GELU("fast")(X), ArgumentError, "'fast'", "'fast'"),
    (lambda: nn.MSELoss()(X, gl.zeros(3)), ShapeError, "do not broadcast", "不做广播"),
    (lambda: nn.MSELoss()(X, gl.zeros(6)), ShapeError, "y.reshape(2, 3)", "y.reshape(2, 3)"),
    (lambda: nn.L1Loss()(X, gl.zeros(2, 3).long()), DTypeError, "y.float()", "y.float()"),
    (lambda: nn.MSELoss("avg"), ArgumentError, "'avg'", "'avg'"),
    (lambda: F.cross_entropy(X, gl.zeros(2)), DTypeError, "y.long()", "y.long()"),
    (lambda: F.cross_entropy(X, gl.zeros(2, 1).long()), ShapeError, "y.reshape(2,)", "reshape"),
    (lambda: F.cross_entropy(X, gl.zeros(4).long()), ShapeError, "one label", "每一行"),
    (lambda: F.cross_entropy(X.long(), gl.zeros(2).long()), DTypeError, "scores", "浮点得分"),
    (
        lambda: F.cross_entropy(X, gl.zeros(2).long(), weight=gl.ones(2)),
        ShapeError,
        "one weight for each of 3",
        "3 个类别",
    ),
    (lambda: F.nll_loss(X, X), DTypeError, "whole numbers", "标签应为整数"),
    (lambda: F.one_hot(X), DTypeError, "whole numbers", "需要整数"),
    (lambda: nn.Sequential(nn.ReLU), DTypeError, "nn.ReLU()", "nn.ReLU()"),
    (lambda: nn.Sequential(F.relu), DTypeError, "expected modules", "需要模块"),
    (lambda: setattr(nn.Linear(2, 2), "weight", X), DTypeError, "nn.Parameter", "nn.Parameter"),
    (lambda: nn.Linear(2, 2).register_buffer("a.b", X), ArgumentError, "dots", "点号"),
    (lambda: nn.Sequential().get_submodule("a"), ArgumentError, "'a'", "“a”"),
    (lambda: init.kaiming_normal_(gl.zeros(3)), ShapeError, "zeros_", "偏置"),
    (lambda: init.calculate_gain("gelu"), ArgumentError, "'gelu'", "未知"),
    (lambda: nn.Module()(X), NotImplementedError, "def forward", "没有定义"),
]


@pytest.mark.parametrize("row", WRONG, ids=range(len(WRONG)))
def test_errors_teach(row: tuple) -> None:
    make, error, english, chinese = row
    for language, words in (("en", english), ("zh", chinese)):
        set_language(language)
        try:
            with pytest.raises(error) as caught:
                make()
        finally:
            set_language("en")
        assert words in str(caught.value)
        assert "test_module.py:" in str(caught.value)


def test_errors_name_the_layer() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(OrderedDict(fc1=nn.Linear(128, 64)))

        def forward(self, x: gl.Tensor) -> gl.Tensor:
            return self.encoder(x)

    with pytest.raises(ShapeError, match=r"^encoder\.fc1: Linear: expected last dimension 128"):
        Net()(gl.zeros(32, 64))
    with pytest.raises(ArgumentError, match="super"):

        class Early(nn.Module):
            def __init__(self) -> None:
                self.fc = nn.Linear(1, 1)

        Early()


def test_other_attribute_errors_pass_through() -> None:
    class Net(nn.Module):
        def forward(self, x: gl.Tensor) -> gl.Tensor:
            return self.missing(x)

    with pytest.raises(AttributeError, match="missing"):
        Net()(X)

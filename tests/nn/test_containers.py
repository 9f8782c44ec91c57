"""Containers of modules and of parameters, and hooks."""

from __future__ import annotations

from typing import Any

import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, DTypeError, GradError


def kinds(modules: Any) -> list[str]:
    return [type(module).__name__ for module in modules]


def test_modules_are_put_in_and_taken_out() -> None:
    net = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.GELU())
    net.insert(1, nn.SiLU())
    assert kinds(net) == ["ReLU", "SiLU", "Tanh", "GELU"]
    assert type(net.pop(0)).__name__ == "ReLU"
    del net[-1]
    assert kinds(net) == ["SiLU", "Tanh"] and list(net._modules) == ["0", "1"]
    assert kinds(net + nn.Sequential(nn.ELU())) == ["SiLU", "Tanh", "ELU"]
    some = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])
    some += [nn.ELU()]
    assert kinds(some + [nn.GELU()]) == ["ReLU", "ReLU", "Tanh", "ELU", "GELU"]
    assert repr(some).split("\n")[1:3] == ["  (0-1): 2 x ReLU()", "  (2): Tanh()"]
    del some[1:]
    assert kinds(some) == ["ReLU"]
    named = nn.ModuleDict({"a": nn.ReLU()})
    named.update({"b": nn.Tanh()})
    assert kinds([named.pop("a")]) == ["ReLU"] and list(named) == ["b"]
    named.clear()
    assert len(named) == 0 and not list(named.modules())[1:]
    with pytest.raises(ArgumentError, match="no 'b'"):
        del named["b"]


def test_lists_and_dictionaries_of_parameters() -> None:
    weights = nn.ParameterList([gl.zeros(2, 3)])
    weights.append(nn.Parameter(gl.ones(3)))
    weights += [gl.zeros(1)]
    assert list(weights.state_dict()) == ["0", "1", "2"]
    assert all(p.requires_grad for p in weights.parameters())
    assert weights[-1].shape == (1,) and len(weights[:2]) == 2
    weights[0] = gl.ones(5)
    assert weights[0].shape == (5,)
    assert "(1): Parameter containing: [float32 of size 3]" in repr(weights)
    with pytest.raises(IndexError, match="3 parameters"):
        weights[3]
    with pytest.raises(DTypeError, match="expected tensors, found list"):
        weights.append([1.0])
    named = nn.ParameterDict({"w": gl.zeros(2)})
    named["b"] = gl.zeros(3)
    net = nn.Module()
    net.named = named
    assert list(net.state_dict()) == ["named.w", "named.b"]
    assert named.pop("w").shape == (2,) and "w" not in named and named.get("w") is None
    with pytest.raises(ArgumentError, match="it has b"):
        named["w"]
    with pytest.raises(ArgumentError, match="'keys' is taken"):
        named["keys"] = gl.zeros(1)


def test_hooks_before_and_after() -> None:
    class Scale(nn.Module):
        def forward(self, x: gl.Tensor, by: float = 1.0) -> gl.Tensor:
            return x * by

    layer, seen = Scale(), []
    last = layer.register_forward_pre_hook(lambda module, args: args[0] + 1.0)
    first = layer.register_forward_pre_hook(lambda module, args: (args[0] * 10.0,), prepend=True)
    assert layer(gl.tensor(2.0)).item() == 21
    first.remove()
    assert layer(gl.tensor(2.0)).item() == 3
    last.remove()

    def doubled(module: Any, args: Any, kwargs: Any) -> Any:
        return args, {"by": 2 * kwargs["by"]}

    with layer.register_forward_pre_hook(doubled, with_kwargs=True):
        assert layer(gl.tensor(2.0), by=3.0).item() == 12
    after = layer.register_forward_hook(lambda module, args, out: out + 0.5)
    layer.register_forward_hook(
        lambda module, args, kwargs, out: seen.append((kwargs, out.item())), with_kwargs=True
    )
    assert layer(gl.tensor(2.0), by=3.0).item() == 6.5
    assert seen == [({"by": 3.0}, 6.5)]
    after.remove()
    assert layer(gl.tensor(2.0)).item() == 2
    with pytest.raises(GradError, match="not offered"):
        layer.register_full_backward_hook(lambda *_: None)


def test_frozen_parameters_get_no_gradient() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    net[0].requires_grad_(False)
    net(gl.ones(1, 2)).sum().backward()
    assert net[0].weight.grad is None and net[1].weight.grad is not None

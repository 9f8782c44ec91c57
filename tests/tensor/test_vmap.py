"""vmap: every function against a Python loop over slices, alone and under other transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, GliaError, GradError, ShapeError
from glia.nn import functional as F

rng = np.random.default_rng(0)
N = 2


def normal(*shape: int) -> gl.Tensor:
    return gl.tensor(rng.normal(size=shape))


def positive(*shape: int) -> gl.Tensor:
    return gl.tensor(rng.uniform(0.5, 2.0, shape))


def places(high: int, *shape: int) -> gl.Tensor:
    return gl.tensor(rng.integers(0, high, shape))


def recurrence(x: gl.Tensor, w: gl.Tensor) -> gl.Tensor:
    last, every = gl.scan(lambda c, x: ((c @ w + x).tanh(), c * 2), x[0] * 0, x)
    return every + last


#: A name, a function, and its arguments with the dimension that is sliced (None: shared).
CASES: list[tuple[str, Callable[..., Any], list[tuple[gl.Tensor, int | None]]]] = [
    ("arithmetic", lambda x, y: (x * y + 2) / (x.exp() + 1),
     [(normal(N, 4), 0), (normal(4), None)]),
    ("other dims", lambda x, y: x @ y, [(normal(4, N, 5), 1), (normal(5, 2, N), -1)]),
    ("vector product", lambda x, y: x @ y, [(normal(N, 5), 0), (normal(N, 5), 0)]),
    ("shared matrix", lambda x, w: x @ w, [(normal(N, 5), 0), (normal(5, 2), None)]),
    ("reductions", lambda x: x.sum(0) + x.amax(0) * x.prod(0) - x.mean(0), [(normal(N, 4, 2), 0)]),
    ("argmax", lambda x: x.argmax(1), [(normal(N, 4, 5), 0)]),
    ("softmax", lambda x: x.softmax(-1).log_softmax(0), [(normal(N, 4, 5), 0)]),
    ("views", lambda x: x.permute(1, 0).reshape(-1)[1:7], [(normal(N, 4, 2), 0)]),
    ("cat", lambda x, y: gl.cat([x, y, x], 0), [(normal(N, 2, 3), 0), (normal(4, 3), None)]),
    ("where", lambda x, c: gl.where(c > 0, x, -x), [(normal(N, 4), 0), (normal(4), None)]),
    ("gather", lambda x, i: x.gather(1, i), [(normal(N, 4, 5), 0), (places(5, N, 4, 2), 0)]),
    ("rows", lambda x, i: x[i], [(normal(6, 2), None), (places(6, N, 4), 0)]),
    ("one row", lambda x, i: x[i], [(normal(6, 2), None), (places(6, N), 0)]),
    ("add", lambda x, i, s: x.index_add(0, i, s),
     [(normal(6, 2), None), (places(6, N, 4), 0), (normal(N, 4, 2), 0)]),
    ("sort", lambda x: x.sort(0)[0] if hasattr(x, "sort") else x, [(normal(N, 4, 2), 0)]),
    ("conv", lambda x, w: F.conv2d(x, w, padding=1, stride=2),
     [(normal(N, 2, 3, 6, 6), 0), (normal(4, 3, 3, 3), None)]),
    ("weights", lambda x, w: F.conv2d(x, w),
     [(normal(2, 3, 6, 6), None), (normal(N, 4, 3, 3, 3), 0)]),
    ("pool", lambda x: F.max_pool2d(x, 2) + F.avg_pool2d(x, 2), [(normal(N, 2, 3, 6, 6), 0)]),
    ("cross entropy", F.cross_entropy, [(normal(N, 4, 5), 0), (places(5, N, 4), 0)]),
    ("loop", recurrence, [(normal(N, 5, 2), 0), (normal(2, 2), None)]),
    ("loop, weights", recurrence, [(normal(5, 2), None), (normal(N, 2, 2), 0)]),
    ("scalars", lambda x, y: x * y, [(normal(N), 0), (normal(N), 0)]),
    ("constant", lambda x: gl.ones(2), [(normal(N), 0)]),
    ("gradient", gl.grad(lambda x, w: ((x @ w).tanh() ** 2).sum(), 1),
     [(normal(N, 5), 0), (normal(5, 2), None)]),
    ("gradient, conv", gl.grad(lambda w, x: (F.conv2d(x, w, padding=1) ** 2).sum()),
     [(normal(4, 3, 3, 3), None), (normal(N, 1, 3, 5, 5), 0)]),
    ("gradient, loop", gl.grad(lambda w, x: (recurrence(x, w) ** 2).sum()),
     [(normal(2, 2), None), (normal(N, 5, 2), 0)]),
    ("hessian", gl.hessian(lambda x: (x.sin() * x[0]).sum()), [(normal(N, 3), 0)]),
    ("tangent", lambda x, v: gl.jvp(lambda x: x.sin() @ x, (x,), (v,))[1],
     [(normal(N, 4), 0), (normal(N, 4), 0)]),
    ("nested", gl.vmap(lambda x, y: x * y.sum(), in_dims=(0, None)),
     [(normal(N, 4), 0), (normal(N, 2), 0)]),
    ("nested, other", gl.vmap(lambda x, y: x @ y, in_dims=(None, 1)),
     [(normal(4), None), (normal(N, 4, 2), 0)]),
]  # fmt: skip


def looped(function: Callable[..., Any], args: list[tuple[gl.Tensor, int | None]]) -> gl.Tensor:
    def at(x: gl.Tensor, dim: int | None, i: int) -> gl.Tensor:
        if dim is None:
            return x
        index: list[Any] = [slice(None)] * x.ndim
        index[dim] = i
        return x[tuple(index)]

    return gl.stack([function(*(at(x, dim, i) for x, dim in args)) for i in range(N)])


def test_every_function_against_a_loop() -> None:
    pairs = []
    for _, function, args in CASES:
        mapped = gl.vmap(function, in_dims=tuple(dim for _, dim in args))
        pairs.append((mapped(*(x for x, _ in args)), looped(function, args)))
    for kind in ("float64", "int64", "float32"):  # a program for each, not one for everything
        gl.realize(*(t for pair in pairs for t in pair if t.dtype.name == kind))
    for (name, _, _), (found, wanted) in zip(CASES, pairs, strict=True):
        assert found.dtype is wanted.dtype, name
        a, b = found.numpy(), wanted.numpy()
        np.testing.assert_allclose(a, b, 1e-10, 1e-10, err_msg=name)


def test_gradients_through_vmap() -> None:
    x, w = normal(N, 4), normal(4, 2)
    mapped = gl.vmap(lambda x, w: ((x @ w).tanh() * x[0]).sum(), in_dims=(0, None))
    plain = lambda x, w: ((x @ w).tanh() * x[:, :1]).sum(1)
    pairs = []
    for way in (gl.jacrev, gl.jacfwd, lambda f, n: gl.jit(gl.jacrev(f, n))):
        for number in (0, 1):
            pairs.append((way(mapped, number)(x, w), way(plain, number)(x, w)))
    total = lambda f: lambda x, w: (f(x, w) ** 2).sum()
    pairs.append((gl.hessian(total(mapped), 1)(x, w), gl.hessian(total(plain), 1)(x, w)))
    gl.realize(*(t for pair in pairs for t in pair))
    for a, b in pairs:
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-10, 1e-10)


def test_a_module_example_by_example() -> None:
    """Per-sample gradients of parameters, and backward through what was mapped."""
    gl.manual_seed(0)
    layer = nn.Linear(3, 2)
    x = gl.rand(N, 3)
    rows = gl.vmap(lambda x: layer(x).tanh())(x)
    (rows**2).sum().backward()
    weight = layer.weight.grad
    assert weight is not None
    found = weight.numpy()
    layer.zero_grad()
    (layer(x).tanh() ** 2).sum().backward()
    assert layer.weight.grad is not None
    np.testing.assert_allclose(found, layer.weight.grad.numpy(), 1e-5, 1e-6)


def test_modules_with_other_parameters() -> None:
    """Per-example gradients by name, an ensemble in one call, and the module left as it was."""
    gl.manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    params = {name: p.detach() for name, p in net.named_parameters()}
    x = gl.rand(N, 3)

    def loss(params: dict, x: gl.Tensor) -> gl.Tensor:
        return (gl.functional_call(net, params, (x,)) ** 2).sum()

    rows = gl.vmap(gl.grad(loss), in_dims=(None, 0))(params, x)
    single = gl.grad(loss)(params, x[1])
    stacked = {name: gl.stack([p, p * 2]) for name, p in params.items()}
    both = gl.vmap(loss, in_dims=(0, None))(stacked, x)
    second = loss({name: p * 2 for name, p in params.items()}, x)
    gl.realize(*rows.values(), *single.values(), both, second)
    for name, g in single.items():
        np.testing.assert_allclose(rows[name].numpy()[1], g.numpy(), 1e-5, 1e-6)
    np.testing.assert_allclose(both[1].item(), second.item(), 1e-5)
    assert all(p is q for p, q in zip(net.parameters(), list(net.parameters()), strict=True))
    assert isinstance(net[0].weight, nn.Parameter)

    tied = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    tied[1].weight = tied[0].weight
    out = gl.functional_call(tied, {"0.weight": gl.eye(2) * 3}, gl.ones(2))
    assert out.tolist() == [9.0, 9.0]
    with pytest.raises(ArgumentError, match=r"no parameter or buffer '0\.wait'"):
        gl.functional_call(net, {"0.wait": x}, x)
    with pytest.raises(ArgumentError, match=r"missing '0\.bias'"):
        gl.functional_call(net, {"0.weight": net[0].weight}, x, strict=True)
    with pytest.raises(ShapeError, match=r"0.bias of shape \(4,\)"):
        gl.functional_call(net, {"0.bias": x}, x)


def test_trees_dims_and_keywords() -> None:
    def function(pair: dict, scale: gl.Tensor, power: int = 1) -> tuple[gl.Tensor, dict]:
        return pair["a"] * scale**power, {"sum": pair["b"][0].sum() + pair["a"] * 0}

    a, b = normal(N, 2), normal(2, N)
    scale = normal(2)
    mapped = gl.vmap(function, in_dims=({"a": 0, "b": [1]}, None), out_dims=(1, 0))
    found, rest = mapped({"a": a, "b": [b]}, scale, power=2)
    np.testing.assert_allclose(found.numpy(), (a.numpy() * scale.numpy() ** 2).T)
    np.testing.assert_allclose(rest["sum"].numpy(), np.tile(b.numpy().sum(0)[:, None], 2))
    shared = gl.vmap(lambda x, y: x + y, in_dims=(0, None))(a, 1.0)
    np.testing.assert_allclose(shared.numpy(), a.numpy() + 1)
    named = gl.vmap(lambda x, y: x + y)(a, y=a)
    np.testing.assert_allclose(named.numpy(), 2 * a.numpy())
    assert gl.vmap(lambda x: x * 2)(normal(0, 3)).shape == (0, 3)


def test_what_requires_gradients_afterwards() -> None:
    w = gl.tensor([1.0, 2.0], requires_grad=True)
    assert gl.vmap(lambda x: x * w)(gl.ones(N, 2)).requires_grad
    assert not gl.vmap(lambda x: x * w.detach())(gl.ones(N, 2)).requires_grad
    inner = gl.vmap(lambda x: gl.autograd.grad((x * x).sum(), x)[0])(w)
    assert inner.tolist() == [2.0, 4.0]
    assert not inner.requires_grad


def test_random_numbers() -> None:
    x = gl.ones(N, 1000)
    drop = lambda x: F.dropout(x, 0.5)
    with pytest.raises(GradError, match="draws random numbers"):
        gl.vmap(drop)(x)
    gl.manual_seed(3)
    different = gl.vmap(drop, randomness="different")(x).numpy()
    assert len(np.unique(different, axis=0)) == N
    assert np.all(abs(different.mean(1) - 1) < 0.15)
    same = gl.vmap(drop, randomness="same")(x).numpy()
    assert len(np.unique(same, axis=0)) == 1
    twice = gl.vmap(gl.vmap(drop, randomness="different"), randomness="different")
    assert len(np.unique(twice(x.reshape(N, 2, 500)).numpy().reshape(2 * N, 500), axis=0)) == 2 * N
    step = gl.jit(gl.vmap(drop, randomness="different"))
    assert np.any(step(x).numpy() != step(x).numpy())


def test_a_key_for_every_slice_gives_the_bits_of_each_key() -> None:
    from glia.ir.ops.random import random_bits, threefry
    from glia.tensor.tensor import apply

    keys = rng.integers(0, 2**32, (N, 2)).astype(np.uint32)
    bits = gl.vmap(lambda key: apply(random_bits, (key,), (5, 2)))(gl.tensor(keys))
    wanted = np.stack([threefry(key, np.arange(10)).reshape(5, 2) for key in keys])
    np.testing.assert_array_equal(bits.numpy(), wanted)


def add_to(w: gl.Tensor) -> Callable[[gl.Tensor], gl.Tensor]:
    return lambda x: w.copy_(x)


BAD: list[tuple[Callable[[], Any], type[GliaError], str]] = [
    (lambda: gl.vmap(lambda x: x.item())(gl.ones(3)), GradError, "called once, without values"),
    (lambda: gl.vmap(add_to(gl.ones(2)))(gl.ones(3, 2)), GradError, "overwritten"),
    (lambda: gl.vmap(lambda x: x)(gl.ones(())), ShapeError, "no dimension 0"),
    (lambda: gl.vmap(lambda x: x, 2)(gl.ones(3)), ShapeError, "no dimension 2"),
    (lambda: gl.vmap(lambda x, y: x)(gl.ones(3), gl.ones(4)), ShapeError, "3 slices, got 4"),
    (lambda: gl.vmap(lambda x: x, None)(gl.ones(3)), ArgumentError, "nothing to map"),
    (lambda: gl.vmap(lambda x: x, (0, 0))(gl.ones(3)), ArgumentError, "for 1 arguments"),
    (lambda: gl.vmap(lambda x: x, ([0],))(gl.ones(3)), ArgumentError, "does not fit tensor"),
    (lambda: gl.vmap(lambda x: x, 0, 3)(gl.ones(3)), ArgumentError, "is no place"),
    (lambda: gl.vmap(lambda x: x, randomness="some"), ArgumentError, "randomness"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD, ids=[words for _, _, words in BAD])
def test_errors(call: Callable[[], Any], error: type[GliaError], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

"""Derivatives by the user's rule, and recomputation: under every transform, in any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, GliaError, GradError, ShapeError
from glia.nn import functional as F

X = np.array([0.3, -1.2, 2.0])
W = np.array([1.0, 0.5, -2.0])


def tensors(*arrays: Any) -> list[gl.Tensor]:
    return [gl.tensor(np.asarray(array, np.float64)) for array in arrays]


def check(pairs: list[tuple[gl.Tensor, Any]]) -> None:
    gl.realize(*(found for found, _ in pairs))
    for i, (found, wanted) in enumerate(pairs):
        wanted = wanted.detach().numpy() if isinstance(wanted, gl.Tensor) else wanted
        a = found.detach().numpy()
        np.testing.assert_allclose(a, wanted, 1e-9, 1e-9, err_msg=f"pair {i}")


# checkpoint


def block(x: gl.Tensor, w: gl.Tensor) -> tuple[gl.Tensor, dict]:
    h = (x * w).sin() * x
    return h, {"sum": (h * h).sum() + x.sum(), "int": (x > 0).long(), "same": h}


def test_what_is_computed_again_is_the_same() -> None:
    x, w, v = tensors(X, W, [0.1, -1.0, 0.4])

    def plain(x: gl.Tensor, w: gl.Tensor) -> gl.Tensor:
        h, rest = block(x, w)
        return (h.exp() * rest["sum"] + rest["same"] * rest["int"]).sum()

    def kept(x: gl.Tensor, w: gl.Tensor) -> gl.Tensor:
        h, rest = gl.checkpoint(block, x, w)
        return (h.exp() * rest["sum"] + rest["same"] * rest["int"]).sum()

    def closed(x: gl.Tensor, w: gl.Tensor) -> gl.Tensor:
        h, rest = gl.checkpoint(lambda x: gl.checkpoint(block, x, w), x)
        return (h.exp() * rest["sum"] + rest["same"] * rest["int"]).sum()

    pairs = []
    for mine in (kept, closed):
        pairs += [(mine(x, w), plain(x, w))]
        for n in (0, 1):
            pairs += [(gl.grad(mine, n)(x, w), gl.grad(plain, n)(x, w))]
            pairs += [(gl.hessian(mine, n)(x, w), gl.hessian(plain, n)(x, w))]
        pairs += [(gl.jvp(mine, (x, w), (v, w))[1], gl.jvp(plain, (x, w), (v, w))[1])]
        rows = gl.stack([x, v])
        slices = [gl.vmap(gl.grad(f), in_dims=(0, None))(rows, w) for f in (mine, plain)]
        pairs += [(slices[0], slices[1])]
    check(pairs)
    assert gl.checkpoint(lambda x: 3, x) == 3
    assert gl.checkpoint(lambda x: x > 0, x).tolist() == [True, False, True]


def test_recomputing_takes_less_memory_for_the_same_step() -> None:
    """Gradients of weights have the same bits, dropout included; temporaries take less room."""
    gl.manual_seed(0)
    layers = [
        nn.Sequential(nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 128), nn.Dropout(0.1))
        for _ in range(8)
    ]
    weights = [p for layer in layers for p in layer.parameters()]
    x = gl.rand(1024, 128)
    found, arenas = [], []
    for recompute in (False, True):

        def step(x: gl.Tensor, recompute: bool = recompute) -> tuple:
            h = x
            for layer in layers:
                h = gl.checkpoint(layer, h) if recompute else layer(h)
            return gl.autograd.grad((h * h).mean(), weights)

        gl.manual_seed(1)
        results: list[Any] = []
        report = gl.explain_memory(lambda x, step=step, kept=results: kept.append(step(x)) or kept)(
            x
        )
        arenas.append(report.arena)
        found.append([g.numpy() for g in results[0]])
    assert arenas[1] < 0.65 * arenas[0]
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


# custom_vjp


@gl.custom_vjp
def product(x: gl.Tensor, w: gl.Tensor) -> tuple[gl.Tensor, gl.Tensor]:
    return x * w, x.sum()


# the gradient by x is ten times too large, on purpose
product.defvjp(
    lambda x, w: ((x * w, x.sum()), (x, w)),
    lambda r, g: ((g[0] * r[1] + g[1]) * 10, g[0] * r[0]),
)


def wrong(x: gl.Tensor, w: gl.Tensor) -> gl.Tensor:
    y, s = product(x, w)
    return (y * y).sum() * s


def test_the_rule_is_the_gradient() -> None:
    x, w = tensors(X, W)
    y, s = X * W, X.sum()
    by_x, by_w = gl.grad(wrong, (0, 1))(x, w)
    rows = gl.vmap(gl.grad(wrong), in_dims=(0, None))(gl.stack([x, w]), w)
    summed = gl.grad(lambda w: gl.vmap(wrong, in_dims=(0, None))(gl.stack([x, w * 0]), w).sum())
    wanted = 10 * (2 * y * W * s + (y * y).sum())
    # the second derivative differentiates the rule, whose factor is ten: twice that of the values
    second = gl.jacrev(gl.grad(lambda x: product(x, w)[0].sum() ** 2))(x)
    pairs = [
        (by_x, wanted),
        (by_w, 2 * y * X * s),
        (rows[0], wanted),
        (summed(w), 2 * y * X * s),
        (gl.jit(gl.grad(wrong))(x, w), wanted),
        (second, 2 * 10 * 10 * np.outer(W, W)),
    ]
    check(pairs)
    p = gl.tensor(X, requires_grad=True)
    wrong(p, w).backward()
    assert p.grad is not None
    check([(p.grad, wanted)])
    with pytest.raises(GradError, match="no forward mode"):
        gl.jvp(wrong, (x, w), (x, w))


class Doubled(gl.autograd.Function):
    """A gradient twice as large as it should be; the sign has none."""

    @staticmethod
    def forward(ctx: Any, x: gl.Tensor, power: int) -> tuple[gl.Tensor, gl.Tensor]:
        ctx.save_for_backward(x)
        ctx.power = power
        sign = x.sign()
        ctx.mark_non_differentiable(sign)
        return x**power, sign

    @staticmethod
    def backward(ctx: Any, g: gl.Tensor, _sign: gl.Tensor) -> tuple[gl.Tensor, None]:
        (x,) = ctx.saved_tensors
        return 2 * ctx.power * x ** (ctx.power - 1) * g, None


def test_functions_as_in_torch() -> None:
    x = gl.tensor(X, requires_grad=True)
    y, sign = Doubled.apply(x, 3)
    assert not sign.requires_grad
    (first,) = gl.autograd.grad((y * sign).sum(), x, create_graph=True)
    (second,) = gl.autograd.grad(first.sum(), x)
    check([(first, 6 * X**2 * np.sign(X)), (second, 12 * X * np.sign(X))])


# custom_jvp


@gl.custom_jvp
def cube(x: gl.Tensor) -> gl.Tensor:
    return x.detach() ** 3


cube.defjvp(lambda x, t: (cube(x[0]), 3 * x[0] ** 2 * t[0]))


def test_forward_rules_serve_both_directions() -> None:
    x, v = tensors(X, W)
    total = lambda x: cube(x).sum()
    pairs = [
        (gl.jvp(cube, (x,), (v,))[1], 3 * X**2 * W),
        (gl.grad(total)(x), 3 * X**2),
        (gl.jacfwd(cube)(x), np.diag(3 * X**2)),
        (gl.hessian(total)(x), np.diag(6 * X)),
        (gl.vmap(gl.grad(cube))(x), 3 * X**2),
    ]
    check(pairs)


@gl.custom_vjp
def unset(x: gl.Tensor) -> gl.Tensor:
    return x


def ruled(fwd: Callable[..., Any], bwd: Callable[..., Any]) -> Callable[[], Any]:
    def call() -> Any:
        f = gl.custom_vjp(lambda x: x)
        f.defvjp(fwd, bwd)
        return f(gl.ones(3))

    return call


BAD: list[tuple[Callable[[], Any], type[GliaError], str]] = [
    (lambda: unset(gl.ones(1)), ArgumentError, "no rule yet"),
    (ruled(lambda x: x, lambda r, g: (g,)), ArgumentError, "fwd must return two"),
    (ruled(lambda x: (x, None), lambda r, g: (g, g)), ArgumentError, "each of 1 arguments"),
    (ruled(lambda x: (x, None), lambda r, g: (g.sum(),)), ShapeError, r"shape \(3,\)"),
    (ruled(lambda x: (x, None), lambda r, g: ([g],)), ArgumentError, "not built as"),
    (ruled(lambda x: (x, None), lambda r, g: (g.sum().item(),)), GradError, "without values"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD, ids=[words for _, _, words in BAD])
def test_errors(call: Callable[[], Any], error: type[GliaError], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_straight_through() -> None:
    """The textbook use: rounding whose gradient is that of the identity."""

    @gl.custom_vjp
    def rounded(x: gl.Tensor) -> gl.Tensor:
        return x.round()

    rounded.defvjp(lambda x: (x.round(), None), lambda _, g: g)
    layer = nn.Linear(3, 2)
    F.mse_loss(rounded(layer(gl.ones(4, 3))), gl.zeros(4, 2)).backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.shape == (2, 3)

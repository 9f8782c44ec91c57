"""Transforms of functions: against closed forms, each other and PyTorch, in any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, DTypeError, GliaError, GradError, ShapeError

A = np.array([[1.0, -2.0, 0.5], [0.3, 1.5, -0.7]])


def double(*values: Any) -> gl.Tensor:
    return gl.tensor(np.array(values, np.float64))


def close(found: gl.Tensor, wanted: Any, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(found.detach().numpy(), np.asarray(wanted), tolerance, tolerance)


def f(x: gl.Tensor) -> gl.Tensor:
    return (x.sin() * x).sum()


def df(x: np.ndarray) -> np.ndarray:
    return np.cos(x) * x + np.sin(x)


def ddf(x: np.ndarray) -> np.ndarray:
    return 2 * np.cos(x) - np.sin(x) * x


X = np.array([0.3, -1.2, 2.0])


def test_gradients_in_every_wrapping() -> None:
    x = gl.tensor(X)
    for gradient in (
        gl.grad(f),
        gl.jit(gl.grad(f)),
        gl.grad(gl.jit(f)),
        gl.jit(gl.grad(gl.jit(f))),
    ):
        close(gradient(x), df(X))
    value, gradient = gl.value_and_grad(f)(x)
    close(value, np.sum(np.sin(X) * X))
    close(gradient, df(X))


def test_higher_orders() -> None:
    power: Callable[..., Any] = lambda x: x**5
    for order in range(1, 6):
        power = gl.grad(power)
        close(power(double(2.0)[0]), [0, 80, 160, 240, 240, 120][order])


def test_trees_and_arguments() -> None:
    def loss(params: dict, x: gl.Tensor, scale: float = 1.0) -> tuple[gl.Tensor, Any]:
        out = (x @ params["w"] + params["b"][0]) * scale
        return (out * out).sum(), {"out": out, "note": "kept"}

    params = {"w": gl.tensor(A.T), "b": [double(0.5, 1.0)]}
    x = gl.tensor(np.ones((4, 3)))
    (gradient, by_x), aux = gl.grad(loss, (0, 1), has_aux=True)(params, x, scale=2.0)
    out = 2 * (np.ones((4, 3)) @ A.T + [0.5, 1.0])
    close(gradient["w"], 2 * 2 * np.ones((3, 4)) @ out)
    close(gradient["b"][0], 4 * out.sum(0))
    close(by_x, 4 * out @ A)
    close(aux["out"], out)
    assert aux["note"] == "kept"
    close(gl.grad(lambda x, y: x * y, -1)(3.0, 4.0), 3.0)


def test_arguments_are_told_apart() -> None:
    one, two = double(1.0)[0], double(2.0)[0]
    close(gl.grad(lambda x: x * gl.grad(lambda y: x + y)(one))(one), 1)
    close(gl.grad(lambda x: x * gl.grad(lambda y: x * y)(two))(two), 4)
    close(gl.grad(lambda x, y: x * x * y, (0, 1))(two, two)[1], 4)
    close(gl.grad(lambda x: x * two)(two), 2)
    slope = gl.grad(lambda x: x**2)(two)
    close(gl.grad(lambda x, y: x * y + slope * x, (0, 1))(two, slope)[0], 8)
    _, pull = gl.vjp(lambda x: x * x, two)
    close(gl.grad(lambda s: pull(s * two))(two), 8)
    close(gl.grad(lambda x: gl.vjp(lambda y: x * y, x)[1](x))(two), 4)


def test_values_decide_outside_jit() -> None:
    def steps(x: gl.Tensor) -> gl.Tensor:
        while x.item() < 10:
            x = x * x
        return x

    close(gl.grad(steps)(double(2.0)[0]), 32)
    with pytest.raises(GradError, match="a value was asked for"):
        gl.jit(gl.grad(steps))(double(2.0)[0])


def test_what_is_detached_is_constant() -> None:
    def half(x: gl.Tensor) -> gl.Tensor:
        with gl.no_grad():
            factor = x * 2
        return x * factor + gl.stop_gradient({"a": x})["a"] * x

    close(gl.grad(half)(double(3.0)[0]), 9)
    with gl.no_grad():
        found = gl.grad(half)(double(3.0)[0])
    close(found, 9)
    assert not found.requires_grad
    close(gl.grad(lambda x: x.detach() * 2)(double(3.0)[0]), 0)


def test_gradients_meet_backward() -> None:
    w = gl.tensor(X, requires_grad=True)
    gradient = gl.grad(lambda x: (x * x * w).sum())(gl.tensor(X))
    assert gradient.requires_grad
    gradient.sum().backward()
    assert w.grad is not None
    close(w.grad, 2 * X)
    assert not gl.grad(f)(gl.tensor(X)).requires_grad
    assert gl.grad(f)(w).requires_grad


def test_vjp_and_jvp() -> None:
    def two(x: gl.Tensor, y: dict) -> dict:
        return {"p": x @ y["m"], "n": (x * x).sum(), "i": (x > 0).long()}

    x, m = gl.tensor(X), gl.tensor(A.T)
    values, pull = gl.vjp(two, x, {"m": m})
    by_x, by_y = pull({"p": double(1.0, 2.0), "n": double(3.0)[0], "i": values["i"]})
    close(by_x, A.T @ [1, 2] + 6 * X)
    close(by_y["m"], np.outer(X, [1, 2]))
    direction = double(1.0, 0.0, -1.0)
    out, dot = gl.jvp(two, (x, {"m": m}), (direction, {"m": m * 0}))
    close(out["p"], X @ A.T)
    close(dot["p"], np.array([1, 0, -1]) @ A.T)
    close(dot["n"], 2 * X @ [1, 0, -1])
    assert dot["i"].tolist() == [0, 0, 0]
    _, pull, aux = gl.vjp(lambda x: (x * 2, x), x, has_aux=True)
    close(pull(x), 2 * X)
    close(aux, X)


def test_jacobians_and_hessians() -> None:
    x = gl.tensor(X)

    def g(x: gl.Tensor) -> gl.Tensor:
        return (x @ gl.tensor(A.T)).exp()

    wanted = np.exp(X @ A.T)[:, None] * A
    for way in (gl.jacrev, gl.jacfwd, gl.jacobian, lambda g: gl.jit(gl.jacrev(g))):
        close(way(g)(x), wanted)
    wide = gl.jacobian(lambda x: {"a": x * x, "b": x.sum()})(x)
    close(wide["a"], np.diag(2 * X))
    close(wide["b"], np.ones(3))
    close(gl.hessian(f)(x), np.diag(ddf(X)))
    close(gl.jacrev(gl.jacrev(f))(x), np.diag(ddf(X)))
    close(gl.jacrev(gl.jacfwd(f))(x), np.diag(ddf(X)))
    value, product = gl.hvp(f, x, gl.tensor(A[0]))
    close(value, np.sum(np.sin(X) * X))
    close(product, ddf(X) * A[0])
    third = gl.jacfwd(gl.hessian(f))(x)
    close(third.sum(), np.sum(-3 * np.sin(X) - np.cos(X) * X))
    nested = gl.hessian(lambda p: (p["a"] * p["b"]).sum())({"a": x, "b": x})
    close(nested["a"]["b"], np.eye(3))
    close(nested["a"]["a"], np.zeros((3, 3)))
    empty = gl.jacrev(lambda x: x * 2)(gl.tensor(np.zeros(0)))
    assert empty.shape == (0, 0)


def test_derivatives_of_loops() -> None:
    def run(x: gl.Tensor, rate: gl.Tensor) -> tuple[gl.Tensor, gl.Tensor]:
        step = lambda c, x: (c * rate + x.sin(), c * x)
        return gl.scan(step, gl.tensor(np.float64(0.5)), x)

    def plain(x: np.ndarray, rate: float) -> np.ndarray:
        c, ys = 0.5, []
        for value in x:
            ys.append(c * value)
            c = c * rate + np.sin(value)
        return np.array([c, *ys])

    rate, direction = double(0.9)[0], np.array([0.5, 1.0, -2.0])
    (last, ys), (dlast, dys) = gl.jvp(run, (gl.tensor(X), rate), (gl.tensor(direction), rate))
    ahead = plain(X + 1e-6 * direction, 0.9 + 0.9e-6)
    behind = plain(X - 1e-6 * direction, 0.9 - 0.9e-6)
    found = np.concatenate([[last.item()], ys.numpy()])
    np.testing.assert_allclose(found, plain(X, 0.9), 1e-12)
    slopes = np.concatenate([[dlast.item()], dys.numpy()])
    np.testing.assert_allclose(slopes, (ahead - behind) / 2e-6, 1e-7)
    total = lambda x: sum(part.sum() for part in run(x, rate))
    _, product = gl.hvp(total, gl.tensor(X), gl.tensor(direction))
    slope = gl.grad(total)
    wanted = slope(gl.tensor(X + 1e-6 * direction)) - slope(gl.tensor(X - 1e-6 * direction))
    close(product, wanted.numpy() / 2e-6, 1e-7)


BAD: list[tuple[Callable[[], Any], type[GliaError], str]] = [
    (lambda: gl.grad(lambda x: x)(gl.ones(3)), GradError, "one element"),
    (lambda: gl.grad(lambda x: x > 0)(gl.tensor(1.0)), GradError, "floating-point result"),
    (lambda: gl.grad(lambda x: 3)(gl.tensor(1.0)), GradError, "one element, found int"),
    (lambda: gl.grad(f)(gl.tensor([1, 2])), DTypeError, "int64"),
    (lambda: gl.grad(f, 1)(gl.ones(3)), ArgumentError, "names none of 1"),
    (lambda: gl.grad(f)([]), ArgumentError, "no tensor"),
    (lambda: gl.grad(f, has_aux=True)(gl.ones(3)), ArgumentError, "has_aux"),
    (lambda: gl.jvp(f, gl.ones(3), gl.ones(3)), ArgumentError, "as tuples"),
    (lambda: gl.jvp(f, (gl.ones(3),), (gl.ones(2),)), ShapeError, r"expected shape \(3,\)"),
    (lambda: gl.jvp(f, (gl.ones(3),), (gl.ones(3), 1.0)), ArgumentError, "expected"),
    (lambda: gl.vjp(f, gl.ones(3))[1](gl.tensor(np.float64(1))), DTypeError, "float32"),
    (lambda: gl.vjp(lambda x: 3, gl.ones(3)), ArgumentError, "must return tensors"),
    (lambda: gl.autograd.grad(gl.ones(1), gl.ones(1)), GradError, "does not require"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD, ids=[words for _, _, words in BAD])
def test_errors(call: Callable[[], Any], error: type[GliaError], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


# gl.autograd


def test_autograd_grad() -> None:
    x = gl.tensor(X, requires_grad=True)
    w = gl.tensor(X, requires_grad=True)
    h = x * x
    y = (h * w).sum()
    by_x, by_h = gl.autograd.grad(y, (x, h))
    close(by_x, 2 * X * X)
    close(by_h, X)
    assert x.grad is None
    assert not by_x.requires_grad
    (first,) = gl.autograd.grad(y, x, create_graph=True)
    (second,) = gl.autograd.grad(first, x, gl.tensor(A[0]))
    close(second, 2 * X * A[0])
    (both,) = gl.autograd.grad([y, h], w, [None, h], allow_unused=True)
    close(both, X * X)
    assert gl.autograd.grad(h.sum(), (x, w), allow_unused=True)[1] is None
    (zeros,) = gl.autograd.grad(h.sum(), w, materialize_grads=True)
    close(zeros, np.zeros(3))
    with pytest.raises(GradError, match="no output depends on input 1"):
        gl.autograd.grad(h.sum(), (x, w))
    with pytest.raises(GradError, match="expected a scalar output"):
        gl.autograd.grad(h, x)
    with pytest.raises(GradError, match="does not depend on anything"):
        gl.autograd.grad(gl.ones(1), x)
    with pytest.raises(ShapeError, match="gradient of shape"):
        gl.autograd.grad(h, x, gl.ones(2))
    with pytest.raises(ArgumentError, match="1 outputs, but 2"):
        gl.autograd.grad(h, x, [h, h])


def test_backward_with_a_graph_and_with_inputs() -> None:
    x, w = (gl.tensor(X, requires_grad=True) for _ in range(2))
    (x**3 * w).sum().backward(retain_graph=True, create_graph=True)
    assert x.grad is not None
    assert x.grad.requires_grad
    slope, x.grad, w.grad = x.grad, None, None
    slope.sum().backward(inputs=[x])
    assert x.grad is not None
    close(x.grad, 6 * X * X)
    assert w.grad is None
    gl.autograd.backward([x.sum(), x * 2], [None, gl.tensor(X)])
    close(x.grad, 6 * X * X + 1 + 2 * X)


def test_the_same_gradients_in_a_jitted_step() -> None:
    w = gl.tensor(X, requires_grad=True)

    @gl.jit
    def penalty(x: gl.Tensor) -> gl.Tensor:
        (slope,) = gl.autograd.grad((w * x).sin().sum(), w, create_graph=True)
        (found,) = gl.autograd.grad((slope * slope).sum(), w)
        return found

    x = A[0]
    close(penalty(gl.tensor(x)), -2 * np.cos(X * x) * np.sin(X * x) * x**3)


# PyTorch


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_against_torch() -> None:
    torch = pytest.importorskip("torch")
    func = torch.func
    rng = np.random.default_rng(0)
    x, w, v = rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=(4, 3))

    def net(m: Any) -> Callable[..., Any]:
        return lambda x, w: (m.tanh(x @ w).softmax(1) * x.sum(1, keepdim=True)).exp()

    mine, theirs = net(gl), net(torch)
    ours = [gl.tensor(a) for a in (x, w)]
    other = [torch.tensor(a) for a in (x, w)]
    total, their_total = (lambda x, w: mine(x, w).sum()), (lambda x, w: theirs(x, w).sum())
    pairs = [
        (gl.jacrev(mine)(*ours), func.jacrev(theirs)(*other)),
        (gl.jacfwd(mine, 1)(*ours), func.jacfwd(theirs, 1)(*other)),
        (gl.hessian(total)(*ours), func.hessian(their_total)(*other)),
        (
            gl.jvp(mine, tuple(ours), (gl.tensor(v), ours[1]))[1],
            func.jvp(theirs, tuple(other), (torch.tensor(v), other[1]))[1],
        ),
    ]
    gl.realize(*(a for a, _ in pairs))
    for a, b in pairs:
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-9, 1e-9)

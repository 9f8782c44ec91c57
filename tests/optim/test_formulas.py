"""Every optimizer's formula written again in NumPy, float64; and what holds for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim

Reference = Any


def sgd(p: Any, s: dict, g: Any, t: int) -> Any:
    g = g + 0.1 * p
    s["b"] = g if t == 1 else 0.9 * s["b"] + 0.7 * g
    return p - 0.01 * s["b"]


def nesterov(p: Any, s: dict, g: Any, t: int) -> Any:
    s["b"] = 0.9 * s.get("b", 0) + g
    return p - 0.01 * (g + 0.9 * s["b"])


def asgd(p: Any, s: dict, g: Any, t: int) -> Any:
    eta = np.float32(s.get("eta", 0.1)).astype(np.float64)
    s["eta"] = 0.1 / (1 + 0.01 * 0.1 * t) ** 0.75
    return (1 - 0.01 * eta) * p - eta * g


def moments(s: dict, g: Any, b1: float, b2: float) -> tuple[Any, Any]:
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
    return s["m"], s["v"]


def adam(p: Any, s: dict, g: Any, t: int, decay: float = 0.0) -> Any:
    m, v = moments(s, g, 0.9, 0.99)
    p = p * (1 - 0.01 * decay)
    return p - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)


def amsgrad(p: Any, s: dict, g: Any, t: int) -> Any:
    m, v = moments(s, g, 0.9, 0.99)
    s["top"] = np.maximum(s.get("top", 0), v)
    return p - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(s["top"] / (1 - 0.99**t)) + 1e-8)


def adamw(p: Any, s: dict, g: Any, t: int) -> Any:
    return adam(p, s, g, t, decay=0.3)


def nadam(p: Any, s: dict, g: Any, t: int) -> Any:
    m, v = moments(s, g, 0.9, 0.99)
    mu, ahead = (0.9 * (1 - 0.5 * 0.96 ** (k * 0.004)) for k in (t, t + 1))
    s["product"] = np.float32(s.get("product", np.float32(1)) * np.float32(mu))
    product = float(s["product"])
    top = (1 - mu) * g / (1 - product) + ahead * m / (1 - product * ahead)
    return p - 0.01 * top / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)


def radam(p: Any, s: dict, g: Any, t: int) -> Any:
    m, v = moments(s, g, 0.9, 0.99)
    limit = 2 / (1 - 0.99) - 1
    rho = limit - 2 * t * 0.99**t / (1 - 0.99**t)
    rate: Any = 1.0
    if rho > 5:
        r = np.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
        rate = r * np.sqrt(1 - 0.99**t) / (np.sqrt(v) + 1e-8)
    return p - 0.01 * m / (1 - 0.9**t) * rate


def adamax(p: Any, s: dict, g: Any, t: int) -> Any:
    m, _ = moments(s, g, 0.9, 0.99)
    s["u"] = np.maximum(0.99 * s.get("u", 0), np.abs(g) + 1e-8)
    return p - 0.01 / (1 - 0.9**t) * m / s["u"]


def rmsprop(p: Any, s: dict, g: Any, t: int) -> Any:
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g * g
    s["mean"] = 0.9 * s.get("mean", 0) + 0.1 * g
    s["b"] = 0.5 * s.get("b", 0) + g / (np.sqrt(s["v"] - s["mean"] ** 2) + 1e-2)
    return p - 0.01 * s["b"]


def adagrad(p: Any, s: dict, g: Any, t: int) -> Any:
    s["sum"] = s.get("sum", 0.5) + g * g
    return p - 0.1 / (1 + (t - 1) * 0.1) * g / (np.sqrt(s["sum"]) + 1e-10)


def adadelta(p: Any, s: dict, g: Any, t: int) -> Any:
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g * g
    d = np.sqrt(s.get("u", 0) + 1e-6) / np.sqrt(s["v"] + 1e-6) * g
    s["u"] = 0.9 * s.get("u", 0) + 0.1 * d * d
    return p - d


def rprop(p: Any, s: dict, g: Any, t: int) -> Any:
    sign = np.sign(g * s.get("prev", 0 * g))
    factor = np.where(sign > 0, 1.2, np.where(sign < 0, 0.5, 1.0))
    s["size"] = np.clip(s.get("size", 0.01 + 0 * p) * factor, 1e-6, 0.1)
    s["prev"] = np.where(sign < 0, 0, g)
    return p - s["size"] * np.sign(s["prev"])


def lion(p: Any, s: dict, g: Any, t: int) -> Any:
    m = s.get("m", 0)
    s["m"] = 0.99 * m + 0.01 * g
    return p * (1 - 0.01 * 0.2) - 0.01 * np.sign(0.9 * m + 0.1 * g)


def lamb(p: Any, s: dict, g: Any, t: int) -> Any:
    m, v = moments(s, g, 0.9, 0.99)
    step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-6) + 0.1 * p
    return p - 0.01 * np.linalg.norm(p) / np.linalg.norm(step) * step


def adafactor(p: Any, s: dict, g: Any, t: int) -> Any:
    fresh = t**-0.8
    s["r"] = (1 - fresh) * s.get("r", 0) + fresh * (g * g).mean(1, keepdims=True)
    s["c"] = (1 - fresh) * s.get("c", 0) + fresh * (g * g).mean(0, keepdims=True)
    v = s["r"] @ s["c"] / max(s["r"].mean(), np.finfo(np.float64).eps)
    u = g / np.sqrt(v)
    rms = np.sqrt((u * u).mean())
    size = max(1e-3, np.sqrt((p * p).mean())) * min(0.02, t**-0.5)
    return p * (1 - 0.02 * 0.1) - size * u / max(1, rms)


B = {"lr": 0.01, "betas": (0.9, 0.99)}
FORMULAS: dict[str, tuple[Any, Any]] = {
    "sgd": (
        lambda p: optim.SGD(p, lr=0.01, momentum=0.9, dampening=0.3, weight_decay=0.1),
        sgd,
    ),
    "nesterov": (lambda p: optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True), nesterov),
    "asgd": (lambda p: optim.ASGD(p, lr=0.1, lambd=0.01), asgd),
    "adam": (lambda p: optim.Adam(p, **B), adam),
    "amsgrad": (lambda p: optim.Adam(p, amsgrad=True, **B), amsgrad),
    "adamw": (lambda p: optim.AdamW(p, weight_decay=0.3, **B), adamw),
    "nadam": (lambda p: optim.NAdam(p, **B), nadam),
    "radam": (lambda p: optim.RAdam(p, **B), radam),
    "adamax": (lambda p: optim.Adamax(p, **B), adamax),
    "rmsprop": (
        lambda p: optim.RMSprop(p, 0.01, 0.9, 1e-2, momentum=0.5, centered=True),
        rmsprop,
    ),
    "adagrad": (
        lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.5),
        adagrad,
    ),
    "adadelta": (lambda p: optim.Adadelta(p), adadelta),
    "rprop": (lambda p: optim.Rprop(p, step_sizes=(1e-6, 0.1)), rprop),
    "lion": (lambda p: optim.Lion(p, lr=0.01, weight_decay=0.2), lion),
    "lamb": (lambda p: optim.LAMB(p, weight_decay=0.1, **B), lamb),
    "adafactor": (lambda p: optim.Adafactor(p, lr=0.02, weight_decay=0.1), adafactor),
}


def test_formulas() -> None:
    """Twenty steps down a bowl whose axes differ, all optimizers in one compiled step."""
    rng = np.random.default_rng(3)
    scale, at = np.exp(rng.normal(size=(3, 4))), rng.normal(size=(3, 4))
    params = {name: gl.Parameter(at) for name in FORMULAS}
    opts = {name: make([params[name]]) for name, (make, _) in FORMULAS.items()}
    bowl = gl.tensor(scale)

    @gl.jit
    def step() -> list[gl.Tensor]:
        for name, p in params.items():
            opts[name].zero_grad()
            (bowl * p * p * 0.5).sum().backward()
            opts[name].step()
        return []

    for _ in range(20):
        step()
    for name, (_, formula) in FORMULAS.items():
        p, state = at, {}
        for t in range(1, 21):
            p = formula(p, state, scale * p, t)
        found = params[name].detach().numpy()
        np.testing.assert_allclose(found, p, rtol=1e-10, atol=1e-12, err_msg=name)


def test_asgd_averages_after_t0() -> None:
    p = gl.Parameter(np.float64(1.0))
    opt = optim.ASGD([p], lr=0.1, lambd=0.0, alpha=0.0, t0=3)
    seen = []
    for _ in range(8):
        opt.zero_grad()
        (p * p).backward()
        opt.step()
        seen.append(p.detach().item())
    # μ is that of the step before: 1 up to step 5, then 1/2, 1/3, 1/4
    mean = seen[4]
    for k, value in enumerate(seen[5:], 2):
        mean += float(np.float32(1 / k)) * (value - mean)
    assert opt.state[p]["ax"].item() == pytest.approx(mean, rel=1e-12)


def test_muon_steps_along_an_orthogonal_matrix() -> None:
    rng = np.random.default_rng(0)
    for shape in ((4, 7), (9, 3)):
        g = rng.normal(size=shape) @ np.diag(10.0 ** -np.linspace(0, 1, shape[1]))
        p = gl.Parameter(np.zeros(shape))
        opt = optim.Muon([p], lr=1.0, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        (p * gl.tensor(g)).sum().backward()
        opt.step()
        step = -p.detach().numpy() / (0.2 * max(shape) ** 0.5)
        left, _, right = np.linalg.svd(g, full_matrices=False)
        sizes = np.diag(left.T @ step @ right.T)
        assert sizes.min() > 0.6 and sizes.max() < 1.25
        rest = step - left @ np.diag(sizes) @ right
        assert np.abs(rest).max() < 0.05


EVERY: dict[str, Any] = {
    **{name: make for name, (make, _) in FORMULAS.items()},
    "muon": lambda p: Both(
        optim.Muon([x for x in p if x.ndim == 2]), optim.AdamW([x for x in p if x.ndim != 2])
    ),
}


class Both:
    """Matrices to one optimizer, the rest to another."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad()

    def step(self) -> None:
        for part in self.parts:
            part.step()


def trained(name: str, way: str, width: int = 70) -> list[bytes]:
    """Weights after some steps, as bits."""
    gl.manual_seed(1)
    net = nn.Sequential(nn.Linear(40, width), nn.Tanh(), nn.Linear(width, 3))
    # the input must be there: drawn inside the first step it would be part of another program
    x, y = gl.tensor(gl.randn(60, 40).numpy()), gl.tensor(np.arange(60) % 3)
    opt, loss_fn = EVERY[name](list(net.parameters())), nn.CrossEntropyLoss()

    def step(x: gl.Tensor, y: gl.Tensor) -> gl.Tensor:
        loss = loss_fn(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    if way == "model":
        data = gl.data.DataLoader(gl.data.TensorDataset(x.numpy(), y.numpy()), batch_size=60)
        gl.Model(net, loss_fn, opt).train(epochs=3, data=data, callbacks=[])
    else:
        run = gl.jit(step) if way == "jit" else step
        for _ in range(3):
            run(x, y)
    return [p.detach().numpy().tobytes() for p in net.parameters()]


@pytest.mark.parametrize("name", [name for name in EVERY if name != "muon"])
def test_plain_jit_and_model_have_the_same_bits(name: str) -> None:
    plain = trained(name, "plain")
    assert trained(name, "jit") == plain
    assert trained(name, "model") == plain


@pytest.mark.parametrize("name", ["lamb", "adafactor", "muon"])
def test_same_bits_for_any_number_of_threads(name: str) -> None:
    """Those that look at a whole parameter at once."""
    before, found = gl.get_num_threads(), []
    try:
        for threads in (1, 4):
            gl.set_num_threads(threads)
            found.append(trained(name, "plain", 3000 if name != "muon" else 200))
    finally:
        gl.set_num_threads(before)
    assert found[0] == found[1]

"""JAX: one jitted step with donated buffers, or many steps in one call with ``lax.scan``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from bench_nets import CELLS, NETS
from bench_protocol import Arrays, Job, serve
from jax import lax, nn

LAYOUT = ("NHWC", "HWIO", "NHWC")


class Ops:
    """Operations of the nets, channels last."""

    relu, sigmoid, tanh = staticmethod(nn.relu), staticmethod(nn.sigmoid), staticmethod(jnp.tanh)
    matmul, reshape = staticmethod(jnp.matmul), staticmethod(jnp.reshape)
    transpose = staticmethod(jnp.transpose)

    def __init__(self, train: bool) -> None:
        self.train = train

    @staticmethod
    def adapt(kind: str, weight: np.ndarray) -> np.ndarray:
        order = {"linear": (1, 0), "conv": (2, 3, 1, 0), "conv_transpose": (2, 3, 0, 1)}
        return np.ascontiguousarray(weight.transpose(order[kind])) if kind in order else weight

    @staticmethod
    def picture(x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.moveaxis(x, -3, -1))

    @staticmethod
    def conv(x: Any, w: Any, stride: int, pad: int) -> Any:
        padding = ((pad, pad), (pad, pad))
        return lax.conv_general_dilated(x, w, (stride, stride), padding, dimension_numbers=LAYOUT)

    @staticmethod
    def conv_transpose(x: Any, w: Any) -> Any:
        batch, height, width, _ = x.shape
        y = jnp.einsum("nhwi,abio->nhawbo", x, w)
        return y.reshape(batch, 2 * height, 2 * width, -1)

    @staticmethod
    def add_bias(x: Any, bias: Any) -> Any:
        return x + bias

    @staticmethod
    def cat_channels(*parts: Any) -> Any:
        return jnp.concatenate(parts, -1)

    @staticmethod
    def max_pool(x: Any, size: int, stride: int, pad: int) -> Any:
        padding = ((0, 0), (pad, pad), (pad, pad), (0, 0))
        window, strides = (1, size, size, 1), (1, stride, stride, 1)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, padding)

    @staticmethod
    def mean_places(x: Any) -> Any:
        return x.mean((1, 2))

    @staticmethod
    def flatten(x: Any) -> Any:
        return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)

    def batch_norm(self, x: Any, scale: Any, shift: Any) -> Any:
        if not self.train:  # running statistics at their start: mean 0, variance 1
            return x * (scale / np.sqrt(1 + 1e-5)) + shift
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return (x - mean) * (scale * lax.rsqrt(var + 1e-5)) + shift

    @staticmethod
    def layer_norm(x: Any, scale: Any, shift: Any) -> Any:
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) * lax.rsqrt(var + 1e-5) * scale + shift

    @staticmethod
    def gelu(x: Any) -> Any:
        return nn.gelu(x, approximate=False)

    @staticmethod
    def split(x: Any, count: int) -> Any:
        return jnp.split(x, count, -1)

    @staticmethod
    def embedding(table: Any, x: Any) -> Any:
        return table[x]

    @staticmethod
    def causal_attention(q: Any, k: Any, v: Any) -> Any:
        length = q.shape[2]
        scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) / np.sqrt(q.shape[-1])
        mask = np.tril(np.ones((length, length), bool))
        return nn.softmax(jnp.where(mask, scores, -jnp.inf)) @ v

    def recur(self, kind: str, x: Any, w_in: Any, w: Any, b_in: Any, b: Any) -> Any:
        cell, states = CELLS[kind]
        projected = (x @ w_in + b_in).transpose(1, 0, 2)
        start = (jnp.zeros((x.shape[0], w.shape[0]), x.dtype),) * states
        last, _ = lax.scan(lambda s, p: (tuple(cell(self, p, s, w, b)), None), start, projected)
        return last[0]


LOSSES = {
    "mse": lambda out, y: ((out - y) ** 2).mean(),
    "cross_entropy": lambda out, y: -jnp.take_along_axis(nn.log_softmax(out), y[:, None], 1).mean(),
    "bce": lambda out, y: (jnp.maximum(out, 0) - out * y + jnp.log1p(jnp.exp(-abs(out)))).mean(),
}
OPS = {
    "matmul": lambda x, y: x @ y,
    "gelu_erf": lambda x: nn.gelu(x * 1.1 + 0.3, approximate=False) * 0.7,
    "gelu_tanh": lambda x: nn.gelu(x * 1.1 + 0.3) * 0.7,
    "softmax": lambda x: nn.softmax(x),
    "layer_norm": lambda x: (
        (x - x.mean(1, keepdims=True)) * lax.rsqrt(x.var(1, keepdims=True) + 1e-5)
    ),
    "sum0": lambda x: x.sum(0),
    "sum1": lambda x: x.sum(1),
}


def update(task: dict, weights: list, state: Any, grads: list) -> tuple[list, Any]:
    """New weights and optimizer state, by PyTorch's formulas."""
    tree, lr = jax.tree.map, task["lr"]
    if task["optimizer"] == "sgd":
        if not task["momentum"]:
            return tree(lambda w, g: w - lr * g, weights, grads), state
        state = tree(lambda m, g: task["momentum"] * m + g, state, grads)
        return tree(lambda w, m: w - lr * m, weights, state), state
    first, second, count = state
    count = count + 1
    first = tree(lambda m, g: 0.9 * m + 0.1 * g, first, grads)
    second = tree(lambda v, g: 0.999 * v + 0.001 * g * g, second, grads)
    rate, root = lr / (1 - 0.9**count), jnp.sqrt(1 - 0.999**count)
    keep = 1 - lr * 0.01 if task["optimizer"] == "adamw" else 1.0
    weights = tree(
        lambda w, m, v: keep * w - rate * m / (jnp.sqrt(v) / root + 1e-8), weights, first, second
    )
    return weights, (first, second, count)


def start(task: dict, weights: list) -> Any:
    zeros = [jnp.zeros_like(w) for w in weights]
    if task["optimizer"] == "sgd":
        return zeros if task["momentum"] else ()
    return zeros, [jnp.zeros_like(w) for w in weights], jnp.zeros((), jnp.float32)


class JaxJob(Job):
    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        def convert(array: np.ndarray) -> Any:
            picture = task["images"] and array.ndim == 4
            return jnp.asarray(Ops.picture(array) if picture else array)

        self.batches = arrays.batches(convert)
        pairs = zip(task["kinds"], arrays.weights, strict=True)
        self.weights = [jnp.asarray(Ops.adapt(kind, w)) for kind, w in pairs]

    def wait(self, value: Any) -> None:
        value.block_until_ready()


class Training(JaxJob):
    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        super().__init__(task, arrays, mode)
        self.state = start(task, self.weights)
        net, ops = NETS[task["net"]], Ops(True)

        def loss(weights: list, x: Any, y: Any) -> Any:
            return LOSSES[task["loss"]](net(ops, iter(weights).__next__, x), y)

        def step(weights: list, state: Any, x: Any, y: Any) -> Any:
            value, grads = jax.value_and_grad(loss)(weights, x, y)
            return *update(task, weights, state, grads), value

        def many(weights: list, state: Any, x: Any, y: Any) -> Any:
            def body(carry: Any, _: Any) -> Any:
                *carry, value = step(*carry, x, y)
                return tuple(carry), value

            (weights, state), values = lax.scan(
                body, (weights, state), None, length=task["per_call"]
            )
            return weights, state, values

        self.compiled = jax.jit(many if mode == "scan" else step, donate_argnums=(0, 1))

    def step(self, i: int) -> Any:
        x, y = self.batches[i % len(self.batches)]
        self.weights, self.state, value = self.compiled(self.weights, self.state, x, y)
        return value


class Forward(JaxJob):
    dependent = False

    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        super().__init__(task, arrays, mode)
        if task["net"] in OPS:
            self.function = jax.jit(OPS[task["net"]])
        else:
            net, ops = NETS[task["net"]], Ops(False)
            compiled = jax.jit(lambda weights, x: net(ops, iter(weights).__next__, x))
            self.function = lambda x: compiled(self.weights, x)

    def step(self, i: int) -> Any:
        return self.function(*self.batches[0])


def make(task: dict, arrays: Arrays, threads: int, mode: str) -> Job:
    return (Training if task["train"] else Forward)(task, arrays, mode)


if __name__ == "__main__":
    serve(make, lambda: {"jax": jax.__version__})

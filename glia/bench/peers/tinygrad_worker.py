"""tinygrad on the CPU, steps under ``TinyJit``. It needs clang on the path."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
from bench_nets import CELLS, NETS
from bench_protocol import Arrays, Job, serve
from tinygrad import Context, Device, Tensor, TinyJit
from tinygrad.nn import optim


class Ops:
    """Operations of the nets, in PyTorch's layout."""

    matmul, relu = staticmethod(Tensor.matmul), staticmethod(Tensor.relu)
    sigmoid, tanh = staticmethod(Tensor.sigmoid), staticmethod(Tensor.tanh)
    reshape, transpose = staticmethod(Tensor.reshape), staticmethod(Tensor.permute)

    def __init__(self, train: bool) -> None:
        self.train = train

    @staticmethod
    def conv(x: Any, w: Any, stride: int, pad: int) -> Any:
        return x.conv2d(w, stride=stride, padding=pad)

    @staticmethod
    def conv_transpose(x: Any, w: Any) -> Any:
        return x.conv_transpose2d(w, stride=2)

    @staticmethod
    def add_bias(x: Any, bias: Any) -> Any:
        return x + bias.reshape(1, -1, 1, 1)

    @staticmethod
    def cat_channels(*parts: Any) -> Any:
        return Tensor.cat(*parts, dim=1)

    @staticmethod
    def max_pool(x: Any, size: int, stride: int, pad: int) -> Any:
        return x.max_pool2d((size, size), stride, padding=pad)

    @staticmethod
    def mean_places(x: Any) -> Any:
        return x.mean((2, 3))

    @staticmethod
    def flatten(x: Any) -> Any:
        return x.flatten(1)

    def batch_norm(self, x: Any, scale: Any, shift: Any) -> Any:
        if not self.train:  # running statistics at their start: mean 0, variance 1
            mean, factor = Tensor.zeros_like(scale), Tensor.full(scale.shape, (1 + 1e-5) ** -0.5)
        else:
            mean = x.mean((0, 2, 3))
            centred = x - mean.reshape(1, -1, 1, 1)
            factor = ((centred * centred).mean((0, 2, 3)) + 1e-5).rsqrt()
        return x.batchnorm(scale, shift, mean, factor)

    @staticmethod
    def layer_norm(x: Any, scale: Any, shift: Any) -> Any:
        return x.layernorm(eps=1e-5) * scale + shift

    @staticmethod
    def gelu(x: Any) -> Any:
        return x * 0.5 * ((x / 2**0.5).erf() + 1)

    @staticmethod
    def split(x: Any, count: int) -> Any:
        return x.chunk(count, -1)

    @staticmethod
    def embedding(table: Any, x: Any) -> Any:
        return table[x]

    @staticmethod
    def causal_attention(q: Any, k: Any, v: Any) -> Any:
        return q.scaled_dot_product_attention(k, v, is_causal=True)

    def recur(self, kind: str, x: Any, w_in: Any, w: Any, b_in: Any, b: Any) -> Any:
        cell, states = CELLS[kind]
        projected = x @ w_in + b_in
        state = (Tensor.zeros(x.shape[0], w.shape[0]),) * states
        for t in range(x.shape[1]):
            state = cell(self, projected[:, t], state, w, b)
        return state[0]


LOSSES = {
    "mse": lambda out, y: ((out - y) ** 2).mean(),
    "cross_entropy": lambda out, y: out.sparse_categorical_crossentropy(y),
    "bce": lambda out, y: out.binary_crossentropy_logits(y),
}
OPS = {
    "matmul": lambda x, y: x @ y,
    "gelu_erf": lambda x: Ops.gelu(x * 1.1 + 0.3) * 0.7,
    "gelu_tanh": lambda x: (x * 1.1 + 0.3).gelu() * 0.7,
    "softmax": lambda x: x.softmax(1),
    "layer_norm": lambda x: x.layernorm(eps=1e-5),
    "sum0": lambda x: x.sum(0),
    "sum1": lambda x: x.sum(1),
}


def optimizer(task: dict, weights: list) -> Any:
    if task["optimizer"] == "sgd":
        return optim.SGD(weights, lr=task["lr"], momentum=task["momentum"])
    kind = {"adam": optim.Adam, "adamw": optim.AdamW}[task["optimizer"]]
    return kind(weights, lr=task["lr"])


class TinygradJob(Job):
    def __init__(self, task: dict, arrays: Arrays) -> None:
        def convert(array: np.ndarray) -> Any:
            wide = array.dtype == np.int64
            return Tensor(array.astype(np.int32) if wide else array).realize()

        self.batches = arrays.batches(convert)
        self.weights = []
        for kind, weight in zip(task["kinds"], arrays.weights, strict=True):
            turned = np.ascontiguousarray(weight.T) if kind == "linear" else weight
            self.weights.append(Tensor(turned).realize())

    def array(self, value: Any) -> np.ndarray:
        return value.numpy()

    def wait(self, value: Any) -> None:
        Device[Device.DEFAULT].synchronize()


class Training(TinygradJob):
    def __init__(self, task: dict, arrays: Arrays) -> None:
        super().__init__(task, arrays)
        net, ops, loss = NETS[task["net"]], Ops(True), LOSSES[task["loss"]]
        opt = optimizer(task, self.weights)

        @TinyJit
        def take(x: Any, y: Any) -> Any:
            with Context(TRAINING=1):
                opt.zero_grad()
                value = loss(net(ops, iter(self.weights).__next__, x), y)
                value.backward()
                return value.realize(*opt.schedule_step())

        self.take = take

    def step(self, i: int) -> Any:
        return self.take(*self.batches[i % len(self.batches)])


class Forward(TinygradJob):
    dependent = False

    def __init__(self, task: dict, arrays: Arrays) -> None:
        super().__init__(task, arrays)
        if task["net"] in OPS:
            self.function = TinyJit(lambda *inputs: OPS[task["net"]](*inputs).realize())
        else:
            net, ops = NETS[task["net"]], Ops(False)
            self.function = TinyJit(lambda x: net(ops, iter(self.weights).__next__, x).realize())

    def step(self, i: int) -> Any:
        return self.function(*self.batches[0])


def make(task: dict, arrays: Arrays, threads: int, mode: str) -> Job:
    return (Training if task["train"] else Forward)(task, arrays)


if __name__ == "__main__":
    serve(make, lambda: {"tinygrad": version("tinygrad")})

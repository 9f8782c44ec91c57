"""glia itself: the plain loop, a jitted step, or many steps in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
from bench_modules import NETS
from bench_protocol import Arrays, Job, serve

import glia as gl
from glia import nn, optim
from glia.nn import functional as F

FUNCTIONAL = {
    "cat": gl.cat,
    "attention": getattr(F, "scaled_dot_product_attention", None),
    "arange": gl.arange,
}
LOSSES = {
    "mse": "MSELoss",
    "cross_entropy": "CrossEntropyLoss",
    "bce": "BCEWithLogitsLoss",
}
OPS = {
    "matmul": lambda x, y: x @ y,
    "gelu_erf": lambda x: F.gelu(x * 1.1 + 0.3) * 0.7,
    "gelu_tanh": lambda x: F.gelu(x * 1.1 + 0.3, approximate="tanh") * 0.7,
    "softmax": lambda x: x.softmax(1),
    "layer_norm": lambda x: F.layer_norm(x, (x.shape[1],)),
    "sum0": lambda x: x.sum(0),
    "sum1": lambda x: x.sum(1),
}


class GliaJob(Job):
    def array(self, value: Any) -> np.ndarray:
        return value.numpy()

    def wait(self, value: Any) -> None:
        gl.realize(value)

    def kernels(self) -> list[str]:
        with gl.profile() as profile:
            for i in range(3):
                self.wait(self.step(i))
        total = sum(row.seconds for row in profile.rows) or 1.0
        found = []
        for row in profile.rows[:5]:
            share = f"{100 * row.seconds / total:.0f}%"
            rates = f"{row.gflops:.0f} GFLOP/s, {row.gigabytes:.0f} GB/s"
            found.append(f"{share} {row.kind} {row.op} {row.shape} {row.module}: {rates}")
        return found


class Training(GliaJob):
    """The loop of PyTorch's tutorials, as written or under ``gl.jit``."""

    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        net = network(task, arrays)
        self.batches = arrays.batches(gl.from_numpy)
        opt = optimizer(net, task)
        criterion = getattr(nn, LOSSES[task["loss"]])()

        def take(x: Any, y: Any) -> Any:
            loss = criterion(net(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            return loss.detach()

        compiled = gl.jit(take)
        self.take = {
            "plain": take,
            "jit": compiled,
            "many": lambda *batch: compiled.many(task["per_call"], *batch),
        }[mode]

    def step(self, i: int) -> Any:
        return self.take(*self.batches[i % len(self.batches)])


class Forward(GliaJob):
    """A net in evaluation mode, or a single operation."""

    dependent = False

    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        known = task["net"] in OPS
        function = OPS[task["net"]] if known else network(task, arrays).eval()
        self.function = gl.jit(lambda *inputs: function(*inputs))
        self.inputs = arrays.batches(gl.from_numpy)[0]

    def step(self, i: int) -> Any:
        with gl.no_grad():
            return self.function(*self.inputs)


def network(task: dict, arrays: Arrays) -> Any:
    net = NETS[task["net"]](nn, FUNCTIONAL)
    names = [name for name, _ in net.named_parameters()]
    state = {**net.state_dict(), **dict(zip(names, arrays.weights, strict=True))}
    net.load_state_dict(state)
    return net


def optimizer(net: Any, task: dict) -> Any:
    name, lr = task["optimizer"], task["lr"]
    if name == "sgd":
        return optim.SGD(net.parameters(), lr=lr, momentum=task["momentum"])
    kind = {"adam": optim.Adam, "adamw": optim.AdamW}[name]
    return kind(net.parameters(), lr=lr)


def make(task: dict, arrays: Arrays, threads: int, mode: str) -> Job:
    gl.set_num_threads(threads)
    return (Training if task["train"] else Forward)(task, arrays, mode)


if __name__ == "__main__":
    serve(make, lambda: {"glia": gl.__version__})

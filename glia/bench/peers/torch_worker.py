"""PyTorch: eager as people write it, tuned, and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from bench_modules import NETS
from bench_protocol import Arrays, Job, serve
from torch import nn

FUNCTIONAL = {
    "cat": torch.cat,
    "attention": F.scaled_dot_product_attention,
    "arange": torch.arange,
}
LOSSES = {
    "mse": nn.MSELoss,
    "cross_entropy": nn.CrossEntropyLoss,
    "bce": nn.BCEWithLogitsLoss,
}
OPS = {
    "matmul": lambda x, y: x @ y,
    "gelu_erf": lambda x: F.gelu(x * 1.1 + 0.3) * 0.7,
    "gelu_tanh": lambda x: F.gelu(x * 1.1 + 0.3, approximate="tanh") * 0.7,
    "softmax": lambda x: torch.softmax(x, 1),
    "layer_norm": lambda x: F.layer_norm(x, (x.shape[1],)),
    "sum0": lambda x: x.sum(0),
    "sum1": lambda x: x.sum(1),
}


class TorchJob(Job):
    def array(self, value: Any) -> np.ndarray:
        return value.detach().numpy()

    def wait(self, value: Any) -> None:
        value.reshape(-1)[0].item()


class Training(TorchJob):
    """A training loop as in PyTorch's tutorials."""

    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        self.net = network(task, arrays, mode)
        self.batches = arrays.batches(lambda a: tensor(a, task, mode))
        self.opt = optimizer(self.net, task, fused=mode != "eager")
        loss = LOSSES[task["loss"]]()
        net = self.net

        def forward(x: Any, y: Any) -> Any:
            return loss(net(x), y)

        self.forward = torch.compile(forward) if mode == "compile" else forward

    def step(self, i: int) -> Any:
        x, y = self.batches[i % len(self.batches)]
        loss = self.forward(x, y)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.detach()


class Forward(TorchJob):
    """A net in evaluation mode, or a single operation."""

    dependent = False

    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        if task["net"] in OPS:
            function = OPS[task["net"]]
        else:
            function = network(task, arrays, mode).eval()
        self.function = torch.compile(function) if mode == "compile" else function
        self.inputs = arrays.batches(lambda a: tensor(a, task, mode))[0]

    def step(self, i: int) -> Any:
        with torch.inference_mode():
            return self.function(*self.inputs)


def tensor(array: np.ndarray, task: dict, mode: str) -> Any:
    found = torch.from_numpy(array)
    last = mode != "eager" and found.dim() == 4
    return found.contiguous(memory_format=torch.channels_last) if last else found


def network(task: dict, arrays: Arrays, mode: str) -> Any:
    net = NETS[task["net"]](nn, FUNCTIONAL)
    with torch.no_grad():
        for parameter, weight in zip(net.parameters(), arrays.weights, strict=True):
            parameter.copy_(torch.from_numpy(weight))
    if task["images"] and mode != "eager":
        net = net.to(memory_format=torch.channels_last)
    return net


def optimizer(net: Any, task: dict, fused: bool) -> Any:
    name, lr = task["optimizer"], task["lr"]
    parameters = net.parameters()
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=lr, momentum=task["momentum"], fused=fused or None)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    return kind(parameters, lr=lr, fused=fused or None)


def make(task: dict, arrays: Arrays, threads: int, mode: str) -> Job:
    torch.set_num_threads(threads)
    return (Training if task["train"] else Forward)(task, arrays, mode)


if __name__ == "__main__":
    serve(make, lambda: {"torch": torch.__version__})

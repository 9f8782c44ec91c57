"""MindSpore: the step compiled to a graph, or eagerly (PyNative)."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from bench_protocol import Arrays, Job, serve
from mindspore import Tensor, nn, ops


class Residual(nn.Cell):
    """relu(branch(x) + shortcut(x))"""

    def __init__(self, branch: Any, shortcut: Any) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.relu = nn.ReLU()

    def construct(self, x: Any) -> Any:
        return self.relu(self.branch(x) + self.shortcut(x))


def conv(inputs: int, outputs: int, size: int, stride: int = 1, bias: bool = False) -> Any:
    return nn.Conv2d(inputs, outputs, size, stride, "pad", 0 if bias else size // 2, has_bias=bias)


def conv_norm(inputs: int, outputs: int, size: int, stride: int = 1) -> list:
    return [conv(inputs, outputs, size, stride), nn.BatchNorm2d(outputs)]


def regression() -> Any:
    return nn.SequentialCell(nn.Dense(1, 10), nn.ReLU(), nn.Dense(10, 1))


def mlp() -> Any:
    return nn.SequentialCell(
        nn.Dense(784, 512), nn.ReLU(), nn.Dense(512, 512), nn.ReLU(), nn.Dense(512, 10)
    )


def lenet() -> Any:
    return nn.SequentialCell(
        conv(1, 6, 5, bias=True),
        nn.ReLU(),
        nn.MaxPool2d(2, 2),
        conv(6, 16, 5, bias=True),
        nn.ReLU(),
        nn.MaxPool2d(2, 2),
        nn.Flatten(),
        nn.Dense(400, 120),
        nn.ReLU(),
        nn.Dense(120, 84),
        nn.ReLU(),
        nn.Dense(84, 10),
    )


def resnet50() -> Any:
    layers = [*conv_norm(3, 64, 7, 2), nn.ReLU()]
    layers.append(nn.MaxPool2d(3, 2, pad_mode="pad", padding=1))
    width = 64
    for inner, count in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for i in range(count):
            stride = 2 if i == 0 and inner != 64 else 1
            branch = nn.SequentialCell(
                *conv_norm(width, inner, 1),
                nn.ReLU(),
                *conv_norm(inner, inner, 3, stride),
                nn.ReLU(),
                *conv_norm(inner, 4 * inner, 1),
            )
            shortcut: Any = nn.Identity()
            if i == 0:
                shortcut = nn.SequentialCell(*conv_norm(width, 4 * inner, 1, stride))
            layers.append(Residual(branch, shortcut))
            width = 4 * inner
    return nn.SequentialCell(*layers, nn.AvgPool2d(7), nn.Flatten(), nn.Dense(2048, 1000))


class Classifier(nn.Cell):
    """Embedding, recurrent layer, the last state to two classes."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5000, 64)
        self.cell = cell(64, 128, batch_first=True)
        self.head = nn.Dense(128, 2)

    def construct(self, x: Any) -> Any:
        outputs, _ = self.cell(self.embedding(x))
        return self.head(outputs[:, -1])


class Block(nn.Cell):
    """Pre-norm attention and MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm((256,), epsilon=1e-5)
        self.qkv = nn.Dense(256, 768)
        self.out = nn.Dense(256, 256)
        self.norm2 = nn.LayerNorm((256,), epsilon=1e-5)
        gelu = nn.GELU(approximate=False)
        self.mlp = nn.SequentialCell(nn.Dense(256, 1024), gelu, nn.Dense(1024, 256))
        mask = np.triu(np.full((128, 128), -1e9, np.float32), 1)
        self.mask = Tensor(mask)

    def construct(self, x: Any) -> Any:
        parts = self.qkv(self.norm1(x)).reshape(16, 128, 3, 4, 64)
        q = parts[:, :, 0].transpose(0, 2, 1, 3)
        k = parts[:, :, 1].transpose(0, 2, 3, 1)
        v = parts[:, :, 2].transpose(0, 2, 1, 3)
        mixed = ops.matmul(ops.softmax(ops.matmul(q, k) * 0.125 + self.mask, -1), v)
        x = x + self.out(mixed.transpose(0, 2, 1, 3).reshape(16, 128, 256))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(5000, 256)
        self.place = nn.Embedding(128, 256)
        self.blocks = nn.SequentialCell(*[Block() for _ in range(4)])
        self.norm = nn.LayerNorm((256,), epsilon=1e-5)
        self.head = nn.Dense(256, 5000, has_bias=False)
        self.places = Tensor(np.arange(128, dtype=np.int32))

    def construct(self, x: Any) -> Any:
        x = self.token(x) + self.place(self.places)
        return self.head(self.norm(self.blocks(x))).reshape(-1, 5000)


NETS = {
    "regression": regression,
    "mlp": mlp,
    "lenet": lenet,
    "resnet50": resnet50,
    "rnn": lambda: Classifier(nn.RNN),
    "lstm": lambda: Classifier(nn.LSTM),
    "gru": lambda: Classifier(nn.GRU),
    "gpt": GPT,
}
LOSSES = {"mse": nn.MSELoss, "cross_entropy": nn.CrossEntropyLoss}


def optimizer(task: dict, net: Any) -> Any:
    parameters, lr = net.trainable_params(), task["lr"]
    if task["optimizer"] == "sgd":
        return nn.SGD(parameters, lr, task["momentum"])
    if task["optimizer"] == "adam":
        return nn.Adam(parameters, lr)
    from mindspore.experimental import optim

    return optim.AdamW(parameters, lr, weight_decay=0.01)


class MindsporeJob(Job):
    def __init__(self, task: dict, arrays: Arrays) -> None:
        def convert(array: np.ndarray) -> Any:
            return Tensor(array.astype(np.int32) if array.dtype == np.int64 else array)

        if task["net"] not in NETS:
            raise NotImplementedError("this row takes MindSpore minutes on a CPU")
        self.batches = arrays.batches(convert)
        self.net = NETS[task["net"]]()
        for parameter, weight in zip(self.net.trainable_params(), arrays.weights, strict=True):
            assert parameter.shape == weight.shape, (parameter.name, parameter.shape)
            parameter.set_data(Tensor(weight))

    def array(self, value: Any) -> np.ndarray:
        return value.asnumpy()

    def wait(self, value: Any) -> None:
        value.asnumpy()


class Training(MindsporeJob):
    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        super().__init__(task, arrays)
        net, loss = self.net.set_train(), LOSSES[task["loss"]]()
        opt = optimizer(task, net)

        def forward(x: Any, y: Any) -> Any:
            return loss(net(x), y)

        derive = ms.value_and_grad(forward, None, opt.parameters)

        def take(x: Any, y: Any) -> Any:
            value, grads = derive(x, y)
            opt(grads)
            return value

        self.take = ms.jit(take) if mode == "graph" else take

    def step(self, i: int) -> Any:
        return self.take(*self.batches[i % len(self.batches)])


class Forward(MindsporeJob):
    dependent = False

    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        super().__init__(task, arrays)
        self.function = ms.jit(self.net.set_train(False))

    def step(self, i: int) -> Any:
        return self.function(*self.batches[0])


def make(task: dict, arrays: Arrays, threads: int, mode: str) -> Job:
    ms.set_device("CPU")
    ms.runtime.set_cpu_affinity(False)
    ms.set_context(mode=ms.GRAPH_MODE if mode == "graph" else ms.PYNATIVE_MODE)
    return (Training if task["train"] else Forward)(task, arrays, mode)


if __name__ == "__main__":
    serve(make, lambda: {"mindspore": ms.__version__})

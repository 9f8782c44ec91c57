"""The workloads: what is computed, on which data, how much arithmetic and memory traffic it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError
from glia.base.i18n import tr
from glia.bench import weights

SEED = 0
Data = Callable[[np.random.Generator], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Workload:
    """One row of the table."""

    name: str
    net: str  # a net of weights.NETS, or an operation
    data: Data
    batch: int = 1
    train: bool = True
    loss: str = ""
    optimizer: str = ""
    lr: float = 0.0
    momentum: float = 0.0
    modes: str = "step"  # which modes of each library take part
    unit: int = 1  # steps the published figure stands for
    per_call: int = 1  # steps in one call
    bytes: int = 0  # least memory traffic of an operation
    operations: float = 0.0  # arithmetic of an operation
    tolerance: float = 2e-4  # of losses, relative
    goal: float | None = None  # ratio to the best peer
    without: str = ""  # processor features everybody does without

    @property
    def flops(self) -> float:
        """Floating-point operations of a step."""
        if self.operations:
            return self.operations
        if self.net not in weights.NETS:
            return 0.0
        return 2.0 * self.batch * weights.multiply_adds(self.net, self.train)

    @property
    def calls(self) -> float:
        """Calls the published figure stands for."""
        return self.unit / self.per_call

    @property
    def images(self) -> bool:
        """Whether inputs are pictures, for which channels-last may be faster."""
        return self.net in ("lenet", "resnet18", "resnet50", "unet")

    def title(self) -> str:
        """What it is, for people."""
        return TITLES[self.name]()

    def task(self) -> dict[str, Any]:
        """What a worker must know."""
        known = weights.NETS.get(self.net)
        kinds = [weight.kind for weight in known()] if known else []
        names = ("net", "train", "loss", "optimizer", "lr", "momentum", "per_call", "images")
        return {**{name: getattr(self, name) for name in names}, "kinds": kinds}

    def write(self, path: Path) -> None:
        """Make data and initial weights, and keep them in an .npz file."""
        rng = np.random.default_rng(SEED)
        held = self.data(rng)
        if self.net in weights.NETS:
            held |= {f"w{i}": array for i, array in enumerate(weights.initial(self.net, rng))}
        np.savez(path, allow_pickle=False, **held)


def _regression(name: str, modes: str, goal: float, per_call: int = 1) -> Workload:
    return Workload(
        name, "regression", weights.cosine, 50, loss="mse", optimizer="sgd", lr=0.05,
        modes=modes, unit=3000, per_call=per_call, goal=goal,
    )  # fmt: skip


def _classifier(name: str, net: str, batch: int, data: Data, **rest: Any) -> Workload:
    return Workload(name, net, data, batch, loss="cross_entropy", **rest)


def _operation(name: str, net: str, data: Data, bytes: int, goal: float, flops: float) -> Workload:
    return Workload(
        f"W11-{name}", net, data, train=False, modes="forward", bytes=bytes, goal=goal,
        operations=flops,
    )  # fmt: skip


#: Rounding grows from step to step where batches are normalised: a wider tolerance there.
_DEEP: dict[str, Any] = {"optimizer": "sgd", "lr": 0.002, "momentum": 0.9, "tolerance": 1e-3}
_FAST: dict[str, Any] = {"optimizer": "sgd", "lr": 0.1, "momentum": 0.9}
_ADAM: dict[str, Any] = {"optimizer": "adam", "lr": 1e-3}
_M16, _K4 = 1 << 24, 4096 * 4096
_LENET = weights.classes(10, 32, 1, 32, 32)
_WORDS = weights.words(2, 64, 100)

WORKLOADS: tuple[Workload, ...] = (
    _regression("W1-many", "many", 0.6, per_call=3000),
    _regression("W1-step", "step", 0.35),
    _regression("W1-loop", "loop", 0.35),
    _classifier("W2", "mlp", 128, weights.classes(10, 128, 784), goal=0.65, **_ADAM),
    _classifier("W3", "lenet", 32, _LENET, goal=0.2, **_FAST),
    _classifier("W3-avx2", "lenet", 32, _LENET, without="avx512", **_FAST),
    _classifier("W4", "resnet18", 64, weights.classes(10, 64, 3, 32, 32), goal=0.75, **_DEEP),
    _classifier("W5", "resnet50", 8, weights.classes(1000, 8, 3, 224, 224), goal=0.7,
        **_DEEP,),
    Workload(
        "W5i", "resnet50", weights.operands(1, 3, 224, 224), train=False, modes="forward", goal=0.6
    ),
    Workload("W6", "unet", weights.masks, 2, loss="bce", goal=0.75, tolerance=1e-3, **_ADAM),
    _classifier("W7", "rnn", 64, _WORDS, goal=0.4, **_ADAM),
    _classifier("W8", "lstm", 64, _WORDS, goal=0.5, **_ADAM),
    _classifier("W9", "gru", 64, _WORDS, goal=0.4, **_ADAM),
    _classifier(
        "W10", "gpt", 16, weights.words(0, 16, 128), goal=0.7, optimizer="adamw", lr=1e-3
    ),
    _operation(
        "matmul", "matmul", weights.operands(1024, 1024, count=2), 12 << 20, 0.92, 2.0 * 1024**3
    ),
    _operation("gelu-erf", "gelu_erf", weights.operands(_M16), 8 * _M16, 0.45, 0.0),
    _operation("gelu-tanh", "gelu_tanh", weights.operands(_M16), 8 * _M16, 0.45, 0.0),
    _operation("softmax", "softmax", weights.operands(4096, 4096), 8 * _K4, 0.5, 0.0),
    _operation("layernorm", "layer_norm", weights.operands(4096, 1024), 2 * _K4, 0.8, 0.0),
    _operation("sum0", "sum0", weights.operands(4096, 4096), 4 * _K4, 0.9, 0.0),
    _operation("sum1", "sum1", weights.operands(4096, 4096), 4 * _K4, 1.0, 0.0),
)  # fmt: skip

TITLES: dict[str, Callable[[], str]] = {
    "W1-many": lambda: tr("regression, 3000 steps, many per call", "回归，3000 步，一次调用多步"),
    "W1-step": lambda: tr("regression, 3000 steps, one call each", "回归，3000 步，每步一次调用"),
    "W1-loop": lambda: tr("regression, 3000 steps, plain loop", "回归，3000 步，普通循环"),
    "W2": lambda: tr("MLP 784-512-512-10, batch 128", "MLP 784-512-512-10，批量 128"),
    "W3": lambda: tr("LeNet-5, batch 32", "LeNet-5，批量 32"),
    "W3-avx2": lambda: tr("LeNet-5, batch 32, without AVX-512", "LeNet-5，批量 32，不用 AVX-512"),
    "W4": lambda: tr("ResNet-18, 32×32, batch 64", "ResNet-18，32×32，批量 64"),
    "W5": lambda: tr("ResNet-50, 224×224, batch 8", "ResNet-50，224×224，批量 8"),
    "W5i": lambda: tr("ResNet-50, inference, batch 1", "ResNet-50，推理，批量 1"),
    "W6": lambda: tr("U-Net, 256×256, batch 2", "U-Net，256×256，批量 2"),
    "W7": lambda: tr("RNN, 100 words, batch 64", "RNN，100 个词，批量 64"),
    "W8": lambda: tr("LSTM, 100 words, batch 64", "LSTM，100 个词，批量 64"),
    "W9": lambda: tr("GRU, 100 words, batch 64", "GRU，100 个词，批量 64"),
    "W10": lambda: tr("GPT, 4 layers, batch 16", "GPT，4 层，批量 16"),
    "W11-matmul": lambda: tr("matmul 1024³", "矩阵乘法 1024³"),
    "W11-gelu-erf": lambda: tr("GELU (erf) of 16 M elements", "GELU（erf），1600 万个元素"),
    "W11-gelu-tanh": lambda: tr("GELU (tanh) of 16 M elements", "GELU（tanh），1600 万个元素"),
    "W11-softmax": lambda: tr("softmax 4096×4096", "4096×4096 按行 softmax"),
    "W11-layernorm": lambda: tr("layer norm 4096×1024", "层归一化 4096×1024"),
    "W11-sum0": lambda: tr("sum of 4096×4096 along axis 0", "4096×4096 沿第 0 维求和"),
    "W11-sum1": lambda: tr("sum of 4096×4096 along axis 1", "4096×4096 沿第 1 维求和"),
}


def chosen(names: Sequence[str]) -> list[Workload]:
    """Workloads by name; ``W1`` means all that begin with ``W1-``. No names mean all.

    Raises:
        ArgumentError: a name that there is not.
    """
    found: list[Workload] = []
    for name in names:
        matching = [w for w in WORKLOADS if name in (w.name, w.name.split("-")[0])]
        if not matching:
            known = " ".join(dict.fromkeys(w.name.split("-")[0] for w in WORKLOADS))
            raise ArgumentError(
                tr(
                    f"there is no workload {name}. Help: choose among {known}.",
                    f"没有名为 {name} 的测试。建议：从 {known} 中选择。",
                )
            )
        found += [w for w in matching if w not in found]
    return found or list(WORKLOADS)

"""The nets as modules. glia's names are PyTorch's, so the same text builds both.

Parameters are registered in the order of use, which is the order of the weights handed over.
"""

from __future__ import annotations

from typing import Any


def regression(nn: Any, functional: Any) -> Any:
    return nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))


def mlp(nn: Any, functional: Any) -> Any:
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )


def lenet(nn: Any, functional: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def _shortcut(nn: Any, inputs: int, outputs: int, stride: int) -> Any:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _residual(nn: Any) -> Any:
    class Residual(nn.Module):
        """relu(branch(x) + shortcut(x))"""

        def __init__(self, branch: Any, shortcut: Any) -> None:
            super().__init__()
            self.branch = branch
            self.shortcut = shortcut
            self.relu = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.relu(self.branch(x) + self.shortcut(x))

    return Residual


def resnet18(nn: Any, functional: Any) -> Any:
    """CIFAR's form: a 3×3 stem, no max-pool."""
    Residual = _residual(nn)
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    width = 64
    for outputs in (64, 128, 256, 512):
        for stride in (1 if outputs == 64 else 2, 1):
            branch = nn.Sequential(
                nn.Conv2d(width, outputs, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )
            layers.append(Residual(branch, _shortcut(nn, width, outputs, stride)))
            width = outputs
    return nn.Sequential(*layers, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(512, 10))


def resnet50(nn: Any, functional: Any) -> Any:
    """ImageNet's form."""
    Residual = _residual(nn)
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    layers.append(nn.MaxPool2d(3, 2, 1))
    width = 64
    for inner, count in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for i in range(count):
            stride = 2 if i == 0 and inner != 64 else 1
            branch = nn.Sequential(
                nn.Conv2d(width, inner, 1, bias=False),
                nn.BatchNorm2d(inner),
                nn.ReLU(),
                nn.Conv2d(inner, inner, 3, stride, 1, bias=False),
                nn.BatchNorm2d(inner),
                nn.ReLU(),
                nn.Conv2d(inner, 4 * inner, 1, bias=False),
                nn.BatchNorm2d(4 * inner),
            )
            layers.append(Residual(branch, _shortcut(nn, width, 4 * inner, stride)))
            width = 4 * inner
    return nn.Sequential(*layers, nn.AvgPool2d(7), nn.Flatten(), nn.Linear(2048, 1000))


def unet(nn: Any, functional: Any) -> Any:
    """Four levels above the bottom, 32 channels wide at the top."""
    cat = functional["cat"]

    def block(inputs: int, outputs: int) -> Any:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            widths = (32, 64, 128, 256)
            self.down = nn.ModuleList([block(i, o) for i, o in zip((1, *widths), widths)])
            self.pool = nn.MaxPool2d(2)
            self.bottom = block(256, 512)
            self.up = nn.ModuleList()
            for width in reversed(widths):
                self.up.append(nn.ConvTranspose2d(2 * width, width, 2, 2))
                self.up.append(block(2 * width, width))
            self.head = nn.Conv2d(32, 1, 1)

        def forward(self, x: Any) -> Any:
            kept = []
            for part in self.down:
                kept.append(part(x))
                x = self.pool(kept[-1])
            x = self.bottom(x)
            for i, skip in enumerate(reversed(kept)):
                x = self.up[2 * i + 1](cat([skip, self.up[2 * i](x)], 1))
            return self.head(x)

    return UNet()


def _recurrent(nn: Any, kind: str) -> Any:
    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(5000, 64)
            self.cell = getattr(nn, kind)(64, 128, batch_first=True)
            self.head = nn.Linear(128, 2)

        def forward(self, x: Any) -> Any:
            outputs, _ = self.cell(self.embedding(x))  # (batch, time, 128)
            return self.head(outputs[:, -1])

    return Classifier()


def rnn(nn: Any, functional: Any) -> Any:
    return _recurrent(nn, "RNN")


def lstm(nn: Any, functional: Any) -> Any:
    return _recurrent(nn, "LSTM")


def gru(nn: Any, functional: Any) -> Any:
    return _recurrent(nn, "GRU")


def gpt(nn: Any, functional: Any) -> Any:
    """Four blocks of width 256, four heads, pre-norm, the head not tied to the embedding."""
    attention, arange = functional["attention"], functional["arange"]

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1 = nn.LayerNorm(256)
            self.qkv = nn.Linear(256, 768)
            self.out = nn.Linear(256, 256)
            self.norm2 = nn.LayerNorm(256)
            self.mlp = nn.Sequential(nn.Linear(256, 1024), nn.GELU(), nn.Linear(1024, 256))

        def forward(self, x: Any) -> Any:  # (batch, time, 256)
            batch, length, width = x.shape
            parts = self.qkv(self.norm1(x)).reshape(batch, length, 3, 4, 64)
            q, k, v = (parts[:, :, i].transpose(1, 2) for i in range(3))  # (batch, 4, time, 64)
            mixed = attention(q, k, v, is_causal=True)
            x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Embedding(5000, 256)
            self.place = nn.Embedding(128, 256)
            self.blocks = nn.Sequential(*[Block() for _ in range(4)])
            self.norm = nn.LayerNorm(256)
            self.head = nn.Linear(256, 5000, bias=False)

        def forward(self, x: Any) -> Any:  # (batch, time)
            x = self.token(x) + self.place(arange(x.shape[1]))
            x = self.head(self.norm(self.blocks(x)))
            return x.reshape(-1, 5000)

    return GPT()


NETS = {
    "regression": regression,
    "mlp": mlp,
    "lenet": lenet,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "unet": unet,
    "rnn": rnn,
    "lstm": lstm,
    "gru": gru,
    "gpt": gpt,
}

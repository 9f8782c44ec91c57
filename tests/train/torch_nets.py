"""The networks of ``glia.models`` once more, in PyTorch: torchvision's and nanoGPT's names."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Both kinds of block: two 3×3 convolutions, or 1×1, 3×3, 1×1."""

    def __init__(self, inputs: int, planes: int, stride: int, deep: bool) -> None:
        super().__init__()
        outputs = 4 * planes if deep else planes
        plan = [(inputs, planes, 3, stride), (planes, planes, 3, 1)]
        if deep:
            plan = [(inputs, planes, 1, 1), (planes, planes, 3, stride), (planes, outputs, 1, 1)]
        for i, (a, b, k, s) in enumerate(plan, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, k, s, k // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.count, self.downsample = len(plan), None
        if stride != 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Any) -> Any:
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            y = F.relu(y) if i < self.count else y
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, deep: bool, layers: tuple[int, ...], classes: int, small: bool) -> None:
        super().__init__()
        stem = (3, 1, 1) if small else (7, 2, 3)
        self.conv1, self.bn1 = nn.Conv2d(3, 64, *stem, bias=False), nn.BatchNorm2d(64)
        self.small, width = small, 64
        for stage, count in enumerate(layers):
            blocks = []
            for i in range(count):
                planes = 64 * 2**stage
                blocks.append(Residual(width, planes, 2 if stage and i == 0 else 1, deep))
                width = planes * (4 if deep else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Any) -> Any:
        x = F.relu(self.bn1(self.conv1(x)))
        x = x if self.small else F.max_pool2d(x, 3, 2, 1)
        for i in range(1, 5):
            x = getattr(self, f"layer{i}")(x)
        return self.fc(x.mean((2, 3)))


class UNet(nn.Module):
    def __init__(self, channels: int, outputs: int, width: int, levels: int) -> None:
        super().__init__()

        def double(a: int, b: int) -> nn.Module:
            parts: list[nn.Module] = []
            for n in (a, b):
                parts += [nn.Conv2d(n, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
            return nn.Sequential(*parts)

        sizes = [width * 2**i for i in range(levels)]
        self.down = nn.ModuleList(double(a, b) for a, b in zip([channels, *sizes], sizes))
        self.bottom = double(sizes[-1], 2 * sizes[-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * n, n, 2, 2) for n in reversed(sizes))
        self.join = nn.ModuleList(double(2 * n, n) for n in reversed(sizes))
        self.head = nn.Conv2d(width, outputs, 1)

    def forward(self, x: Any) -> Any:
        kept = []
        for part in self.down:
            x = part(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for i, (up, join) in enumerate(zip(self.up, self.join)):
            x = join(torch.cat([kept[-1 - i], up(x)], 1))
        return self.head(x)


class Block(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(size), nn.LayerNorm(size)
        attn, mlp = nn.Module(), nn.Module()
        attn.c_attn, attn.c_proj = nn.Linear(size, 3 * size), nn.Linear(size, size)
        mlp.c_fc, mlp.c_proj = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.attn, self.mlp, self.heads = attn, mlp, heads

    def forward(self, x: Any) -> Any:
        batch, time, size = x.shape
        parts = self.attn.c_attn(self.ln_1(x)).split(size, 2)
        q, k, v = (p.view(batch, time, self.heads, -1).transpose(1, 2) for p in parts)
        scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5
        later = torch.ones(time, time, dtype=torch.bool).triu(1)
        y = scores.masked_fill(later, -torch.inf).softmax(-1) @ v
        x = x + self.attn.c_proj(y.transpose(1, 2).reshape(batch, time, size))
        return x + self.mlp.c_proj(F.gelu(self.mlp.c_fc(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self, vocabulary: int, block: int, layers: int, heads: int, size: int) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, size), nn.Embedding(block, size)
        self.h = nn.ModuleList(Block(size, heads) for _ in range(layers))
        self.ln_f, self.lm_head = nn.LayerNorm(size), nn.Linear(size, vocabulary, bias=False)

    def forward(self, idx: Any) -> Any:
        x = self.wte(idx) + self.wpe.weight[: idx.shape[1]]
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))

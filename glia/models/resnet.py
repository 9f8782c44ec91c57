"""Residual networks, with torchvision's names: its weights load here and ours there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia import nn
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.tensor.tensor import Tensor


def _conv3x3(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, groups=groups, bias=False)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """What brings the input to the shape of the branch; None when it has it already."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """``relu(x + f(x))`` where f is two 3×3 convolutions: the block of ResNet-18 and -34."""

    expansion = 1

    def __init__(
        self, inplanes: int, planes: int, stride: int = 1, groups: int = 1, base_width: int = 64
    ) -> None:
        super().__init__()
        if groups != 1 or base_width != 64:
            what = tr(
                "BasicBlock takes groups=1 and width_per_group=64 only.",
                "BasicBlock 只支持 groups=1 和 width_per_group=64。",
            )
            raise ArgumentError(teach(what, tr("use Bottleneck", "请用 Bottleneck")))
        self.conv1 = _conv3x3(inplanes, planes, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.conv2 = _conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _shortcut(inplanes, planes, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))  # (batch, planes, H / stride, W / stride)
        out = self.bn2(self.conv2(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """``relu(x + f(x))`` where f is 1×1, 3×3, 1×1: the block of ResNet-50 and deeper.

    The 3×3 convolution has the stride, as in torchvision ("ResNet v1.5").
    """

    expansion = 4

    def __init__(
        self, inplanes: int, planes: int, stride: int = 1, groups: int = 1, base_width: int = 64
    ) -> None:
        super().__init__()
        width = planes * base_width // 64 * groups
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inplanes, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width, stride, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(inplanes, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))  # (batch, width, H, W)
        out = self.relu(self.bn2(self.conv2(out)))  # (batch, width, H / stride, W / stride)
        out = self.bn3(self.conv3(out))  # (batch, 4 planes, H / stride, W / stride)
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A stem, four stages of residual blocks, the mean over all places, one linear layer.

    Each stage but the first halves the picture and doubles the channels. Convolutions start
    normal with variance 2 / fan_out (Kaiming), batch norms with scale 1.

    Args:
        block: ``BasicBlock`` or ``Bottleneck``.
        layers: number of blocks in each of the four stages.
        num_classes: how many scores come out.
        zero_init_residual: start the last batch norm of every block with scale 0.
        groups, width_per_group: of the blocks' 3×3 convolutions (ResNeXt, wide ResNet).
        in_channels: 3 for colour, 1 for grey pictures.
        small_images: the form for CIFAR's 32×32 pictures: a 3×3 stem without stride and no
            max-pooling, instead of 7×7 with stride 2.

    Shape:
        (N, in_channels, H, W) -> (N, num_classes)

    Example:
        >>> net = ResNet(BasicBlock, (1, 1, 1, 1), num_classes=10, in_channels=1)
        >>> net.fc.weight.shape, sum(isinstance(m, BasicBlock) for m in net.modules())
        ((10, 512), 4)

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition",
    CVPR 2016.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        *,
        in_channels: int = 3,
        small_images: bool = False,
    ) -> None:
        super().__init__()
        if small_images:
            self.conv1 = _conv3x3(in_channels, 64)
        else:
            self.conv1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.Identity() if small_images else nn.MaxPool2d(3, 2, 1)
        inplanes = 64
        for stage, count in enumerate(layers):
            planes = 64 << stage
            blocks = []
            for i in range(count):
                stride = 2 if stage and not i else 1
                blocks.append(block(inplanes, planes, stride, groups, width_per_group))
                inplanes = planes * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(inplanes, num_classes)
        self._draw(zero_init_residual)

    def _draw(self, zero_init_residual: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if zero_init_residual and isinstance(module, BasicBlock | Bottleneck):
                last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
                assert last.weight is not None
                nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (batch, 64, H / 4, W / 4)
        x = self.layer2(self.layer1(x))  # (batch, 128 or 512, H / 8, W / 8)
        x = self.layer4(self.layer3(x))  # (batch, 512 or 2048, H / 32, W / 32)
        return self.fc(self.flatten(self.avgpool(x)))  # (batch, num_classes)


def _resnet(
    block: type[BasicBlock | Bottleneck], layers: Sequence[int], weights: Any, options: Any
) -> ResNet:
    if weights is not None:
        what = tr(
            "resnet: trained weights are not part of glia.",
            "resnet：glia 不附带训练好的权重。",
        )
        help = tr(
            "net.load_state_dict(gl.load_file(path)) reads torchvision's as safetensors",
            "可用 net.load_state_dict(gl.load_file(path)) 读入 safetensors 格式的 torchvision 权重",
        )
        raise ArgumentError(teach(what, help))
    return ResNet(block, layers, **options)


def resnet18(*, weights: None = None, **options: Any) -> ResNet:
    """ResNet-18: 11.7 million parameters for 1000 classes; options are those of ``ResNet``.

    Example:
        >>> from glia.tensor.create import zeros
        >>> net = resnet18(num_classes=10, small_images=True).eval()
        >>> net(zeros(1, 3, 32, 32)).shape
        (1, 10)
    """
    return _resnet(BasicBlock, (2, 2, 2, 2), weights, options)


def resnet34(*, weights: None = None, **options: Any) -> ResNet:
    """ResNet-34; options are those of ``ResNet``.

    >>> net = resnet34(num_classes=10)
    >>> [len(stage) for stage in (net.layer1, net.layer2, net.layer3, net.layer4)]
    [3, 4, 6, 3]
    """
    return _resnet(BasicBlock, (3, 4, 6, 3), weights, options)


def resnet50(*, weights: None = None, **options: Any) -> ResNet:
    """ResNet-50: 25.6 million parameters for 1000 classes; options are those of ``ResNet``.

    >>> net = resnet50()
    >>> net.fc.in_features, sum(p.numel() for p in net.parameters())
    (2048, 25557032)
    """
    return _resnet(Bottleneck, (3, 4, 6, 3), weights, options)


def resnet101(*, weights: None = None, **options: Any) -> ResNet:
    """ResNet-101; options are those of ``ResNet``.

    >>> net = resnet101(num_classes=10)
    >>> len(net.layer3)
    23
    """
    return _resnet(Bottleneck, (3, 4, 23, 3), weights, options)

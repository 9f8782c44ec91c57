"""U-Net: a score for every pixel."""

from __future__ import annotations

from glia import nn
from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.tensor.create import cat
from glia.tensor.tensor import Tensor


def _double(inputs: int, outputs: int) -> nn.Sequential:
    """Twice: 3×3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """Down through ever smaller pictures and up again, with a bridge at every level.

    On the way down each level has two convolutions and a 2×2 max-pooling, and the channels
    double; on the way up a transposed convolution doubles the picture, what the level held on the
    way down is put beside it, and two convolutions follow. The published net has no padding and
    no batch norm; here pictures keep their size.

    Args:
        in_channels: 1 for grey pictures, 3 for colour.
        out_channels: scores per pixel; 1 for one object against the background.
        width: channels of the first level.
        levels: how often the picture is halved.

    Shape:
        (N, in_channels, H, W) -> (N, out_channels, H, W); H and W divide by ``2 ** levels``.

    Example:
        >>> from glia.tensor.create import zeros
        >>> UNet(width=4, levels=2)(zeros(1, 1, 16, 16)).shape
        (1, 1, 16, 16)

    Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical
    Image Segmentation", MICCAI 2015.
    """

    def __init__(
        self, in_channels: int = 1, out_channels: int = 1, width: int = 64, levels: int = 4
    ) -> None:
        super().__init__()
        widths = [width << level for level in range(levels)]
        self.down = nn.ModuleList(
            _double(i, o) for i, o in zip([in_channels, *widths[:-1]], widths, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        self.bottom = _double(widths[-1], 2 * widths[-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[::-1])
        self.join = nn.ModuleList(_double(2 * w, w) for w in widths[::-1])
        self.head = nn.Conv2d(width, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        step = 2 ** len(self.down)
        if x.ndim != 4 or x.shape[2] % step or x.shape[3] % step:
            what = tr(
                f"UNet: expected (N, C, H, W) with H and W multiples of {step}, got {x.shape}.",
                f"UNet：需要 (N, C, H, W)，且 H 与 W 为 {step} 的倍数，得到 {x.shape}。",
            )
            raise ShapeError(teach(what, tr("crop or pad the pictures", "请裁剪或填充图像")))
        kept = []
        for part in self.down:
            kept.append(part(x))  # (batch, width · 2ˡ, H / 2ˡ, W / 2ˡ)
            x = self.pool(kept[-1])
        x = self.bottom(x)
        for up, join in zip(self.up, self.join, strict=True):
            x = join(cat([kept.pop(), up(x)], 1))
        return self.head(x)  # (batch, out_channels, H, W)

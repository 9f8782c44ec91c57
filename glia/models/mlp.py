"""A multi-layer perceptron for pictures: no convolution, only linear layers."""

from __future__ import annotations

from glia import nn
from glia.tensor.tensor import Tensor


class MLP(nn.Module):
    """Flatten, then linear layers of 512, 512 and ``num_classes``, with ReLU between.

    For 28×28 grey pictures of ten classes it has 669,706 parameters, eleven times LeNet-5's.

    Args:
        num_classes: how many scores come out.
        in_channels: 1 for grey pictures, 3 for colour.
        image_size: height and width of the pictures.
        hidden: width of the two hidden layers.

    Shape:
        (N, in_channels, image_size, image_size) -> (N, num_classes)

    Example:
        >>> from glia.tensor.create import zeros
        >>> MLP()(zeros(2, 1, 28, 28)).shape
        (2, 10)
    """

    #: Height and width of the pictures it takes when nothing else is said.
    image_size = 28

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        image_size: int = 28,
        hidden: int = 512,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(in_channels * image_size * image_size, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, num_classes)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.flatten(x)  # (batch, channels · height · width)
        x = self.relu(self.fc1(x))  # (batch, hidden)
        x = self.relu(self.fc2(x))  # (batch, hidden)
        return self.fc3(x)  # (batch, num_classes)

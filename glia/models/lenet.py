"""LeNet-5, the convolutional network that read cheques, as it is taught today."""

from __future__ import annotations

from glia import nn
from glia.tensor.tensor import Tensor


class LeNet5(nn.Module):
    """Two convolutions, two poolings, three linear layers: 61,706 parameters for ten classes.

    The published net has trainable sub-sampling, a sparse second convolution, tanh and radial
    basis functions at the end. Here, as in today's courses: max pooling, all connections, ReLU,
    and scores for a cross-entropy loss.

    Args:
        num_classes: how many scores come out.
        in_channels: 1 for grey pictures, 3 for colour.

    Shape:
        (N, in_channels, 32, 32) -> (N, num_classes)

    Example:
        >>> from glia.tensor.create import zeros
        >>> LeNet5()(zeros(2, 1, 32, 32)).shape
        (2, 10)

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to
    Document Recognition", Proceedings of the IEEE 86:2278, 1998.
    """

    #: Height and width of the pictures it takes.
    image_size = 32

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv1(x)))  # (batch, 6, 14, 14)
        x = self.pool(self.relu(self.conv2(x)))  # (batch, 16, 5, 5)
        x = self.flatten(x)  # (batch, 400)
        x = self.relu(self.fc1(x))  # (batch, 120)
        x = self.relu(self.fc2(x))  # (batch, 84)
        return self.fc3(x)  # (batch, num_classes)

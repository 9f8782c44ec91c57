"""Known networks, one file each, readable from top to bottom."""

from glia.models.lenet import LeNet5
from glia.models.mlp import MLP

__all__ = ["MLP", "LeNet5"]

"""Known networks, one file each, readable from top to bottom."""

from glia.models.gpt import GPT
from glia.models.lenet import LeNet5
from glia.models.mlp import MLP
from glia.models.resnet import ResNet, resnet18, resnet34, resnet50, resnet101
from glia.models.sequence import SequenceClassifier, WordVotes
from glia.models.unet import UNet

__all__ = [
    "GPT",
    "MLP",
    "LeNet5",
    "ResNet",
    "SequenceClassifier",
    "UNet",
    "WordVotes",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
]

"""The networks in ``glia/models``: sizes and shapes."""

from __future__ import annotations

import numpy as np
import pytest

from glia.models import MLP, LeNet5
from glia.nn.module import Module
from glia.tensor.tensor import Tensor


def count(net: Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("net", "shape", "classes", "parameters"),
    [
        (LeNet5(), (1, 32, 32), 10, 61_706),
        (LeNet5(5, 3), (3, 32, 32), 5, 61_581),
        (MLP(), (1, 28, 28), 10, 669_706),
        (MLP(3, 3, 8, 16), (3, 8, 8), 3, 3_411),
    ],
)
def test_size(net: Module, shape: tuple[int, ...], classes: int, parameters: int) -> None:
    assert count(net) == parameters
    assert net(Tensor(np.zeros((2, *shape), np.float32))).shape == (2, classes)

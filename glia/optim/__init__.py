"""Optimizers and learning-rate schedules, with PyTorch's names and formulas."""

from glia.optim import lr_scheduler
from glia.optim.adam import Adam, AdamW
from glia.optim.optimizer import Optimizer
from glia.optim.rmsprop import RMSprop
from glia.optim.sgd import SGD

__all__ = [
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "SGD",
    "lr_scheduler",
]

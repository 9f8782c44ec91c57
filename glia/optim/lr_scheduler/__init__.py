"""Learning-rate schedules. ``scheduler.step()`` after ``optimizer.step()`` sets the groups' ``lr``.

The rate is a number in a slot: no schedule recompiles anything.
"""

from glia.optim.lr_scheduler.base import LRScheduler
from glia.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from glia.optim.lr_scheduler.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from glia.optim.lr_scheduler.decays import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from glia.optim.lr_scheduler.functions import LambdaLR, MultiplicativeLR
from glia.optim.lr_scheduler.plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

"""Optimizers and learning-rate schedules, with PyTorch's names and formulas."""

from glia.optim import lr_scheduler, swa_utils
from glia.optim.adam import Adam, AdamW
from glia.optim.adam_relatives import Adamax, NAdam, RAdam, SparseAdam
from glia.optim.adaptive import Adadelta, Adagrad, Rprop
from glia.optim.large import LAMB, Adafactor, Lion
from glia.optim.lbfgs import LBFGS
from glia.optim.muon import Muon
from glia.optim.optimizer import Optimizer
from glia.optim.rmsprop import RMSprop
from glia.optim.sgd import ASGD, SGD

__all__ = [
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LAMB",
    "LBFGS",
    "Lion",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "SparseAdam",
    "lr_scheduler",
    "swa_utils",
]

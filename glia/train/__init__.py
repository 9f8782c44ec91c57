"""The training loop, written once: ``Model``, callbacks, checkpoints."""

from glia.train import callbacks
from glia.train.callbacks import Callback
from glia.train.model import Model
from glia.train.run import Run
from glia.train.signals import Interrupted

__all__ = ["Callback", "Interrupted", "Model", "Run", "callbacks"]

"""Numbers that tell how well a network does, accumulated batch by batch."""

from glia.metrics.classification import Accuracy, ConfusionMatrix
from glia.metrics.mean import MAE, MSE, Loss, Mean
from glia.metrics.metric import Metric

__all__ = ["MAE", "MSE", "Accuracy", "ConfusionMatrix", "Loss", "Mean", "Metric"]

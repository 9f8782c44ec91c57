"""Layers, losses and networks, with PyTorch's names, defaults and initial distributions."""

from glia.nn import functional, init
from glia.nn.activation import (
    ELU,
    GELU,
    SELU,
    Dropout,
    Dropout2d,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from glia.nn.attention import MultiheadAttention
from glia.nn.containers import ModuleDict, ModuleList, Sequential
from glia.nn.conv import Conv2d, ConvTranspose2d
from glia.nn.linear import Flatten, Identity, Linear
from glia.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from glia.nn.module import Module
from glia.nn.normalization import BatchNorm1d, BatchNorm2d, LayerNorm
from glia.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from glia.nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from glia.nn.sparse import Embedding
from glia.tensor.tensor import Parameter

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "Dropout2d",
    "ELU",
    "Embedding",
    "Flatten",
    "GELU",
    "GRU",
    "GRUCell",
    "Hardtanh",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LSTM",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "RNN",
    "RNNCell",
    "ReLU",
    "ReLU6",
    "SELU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
    "functional",
    "init",
]

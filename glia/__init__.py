"""glia: deep learning on the computer you have.

>>> import glia as gl
>>> gl.tensor([1.0, 2.0]).sum().item()
3.0
"""

from glia.base.dtypes import (
    bool_,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from glia.tensor.create import (
    arange,
    cat,
    empty,
    eye,
    from_numpy,
    full,
    linspace,
    ones,
    ones_like,
    stack,
    tensor,
    where,
    zeros,
    zeros_like,
)
from glia.tensor.jit import jit
from glia.tensor.random import manual_seed, rand, randint, randn, randperm
from glia.tensor.tensor import Parameter, Tensor, as_tensor, enable_grad, no_grad, realize

__version__ = "0.1.0"
float = float32  # PyTorch's name
double = float64
long = int64

"""Tensors: handles on lazily computed values, and the functions over them."""

from glia.tensor.create import from_numpy
from glia.tensor.tensor import Parameter, Tensor

__all__ = ["Parameter", "Tensor", "from_numpy"]

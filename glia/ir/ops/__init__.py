"""The rows of the op table, by kind."""

from glia.ir.ops import (
    complex,
    contract,
    control,
    custom,
    each,
    elementwise,
    fourier,
    functions,
    gamma,
    index,
    order,
    random,
    reduce,
    source,
    view,
    window,
)

__all__ = [
    "complex",
    "contract",
    "control",
    "custom",
    "each",
    "elementwise",
    "fourier",
    "functions",
    "gamma",
    "index",
    "order",
    "random",
    "reduce",
    "source",
    "view",
    "window",
]

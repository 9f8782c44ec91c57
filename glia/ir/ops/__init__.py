"""The rows of the op table, by kind."""

from glia.ir.ops import (
    contract,
    control,
    elementwise,
    index,
    order,
    random,
    reduce,
    source,
    view,
    window,
)

__all__ = [
    "contract",
    "control",
    "elementwise",
    "index",
    "order",
    "random",
    "reduce",
    "source",
    "view",
    "window",
]

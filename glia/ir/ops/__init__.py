"""The rows of the op table, by kind."""

from glia.ir.ops import contract, elementwise, index, random, reduce, source, view, window

__all__ = ["contract", "elementwise", "index", "random", "reduce", "source", "view", "window"]

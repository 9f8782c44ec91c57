"""The meaning of a program: every op run by NumPy, one after another, slowly and plainly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from glia.ir.expr import Expr, topological


def interpret(outputs: Sequence[Expr], values: Mapping[Expr, np.ndarray]) -> list[np.ndarray]:
    """The values of ``outputs``, given the values of the leaves they depend on."""
    known: dict[Expr, np.ndarray] = {}
    with np.errstate(all="ignore"):
        for node in topological(outputs):
            if node.op.numpy is None:
                known[node] = np.asarray(values[node])
                continue
            arrays = [known[child] for child in node.inputs]
            result = np.asarray(node.op.numpy(*arrays, **node.attr_dict()))
            known[node] = result.astype(node.dtype.np, copy=False).reshape(node.shape)
    return [known[output] for output in outputs]

"""Random simultaneous updates in place: tensors that read one another, old values still wanted."""

from __future__ import annotations

import numpy as np

import glia as gl
from glia.ir.expr import leaves
from glia.ir.interpret import interpret
from glia.runtime.slots import slot_of
from glia.tensor.node import assign
from glia.tensor.tensor import Tensor, to_numpy


def _value(rng: np.random.Generator, tensors: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    """A random formula of this shape over the tensors; whole numbers stay small and exact."""
    x = tensors[int(rng.integers(len(tensors)))]
    kind = int(rng.integers(8))
    if kind == 0:
        found = x
    elif kind == 1:
        found = x.permute(*reversed(range(x.ndim))).reshape(x.shape)
    elif kind == 2:
        found = gl.cat([x[1:], x[:1]], 0)
    elif kind == 3:
        found = x.sum(0, keepdim=True).expand(x.shape)
    elif kind == 4:
        found = x.amax(x.ndim - 1, keepdim=True) - x
    elif kind == 5 and x.ndim == 2:
        found = (x @ x.T)[:, : x.shape[1]] if x.shape[1] <= x.shape[0] else x.T.T
    elif kind == 6:
        found = gl.where(x > 0, x, -x)
    else:
        found = x * 2 - 1
    if found.shape != shape:
        found = found.sum() + gl.zeros(*shape)
    if rng.random() < 0.4:
        other = tensors[int(rng.integers(len(tensors)))]
        found = found + (other if other.shape == shape else other.amax())
    return found.clamp(-50, 50)


class Round:
    """Tensors, one simultaneous update of some of them, and values still pending."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        shapes: list[tuple[int, ...]] = [(4, 6), (6,), (33,), (40, 40), (17, 5), (3, 3)]
        same = shapes[int(rng.integers(len(shapes)))]
        self.rng = rng
        self.tensors = []
        for _ in range(int(rng.integers(1, 5))):
            shape = same if rng.random() < 0.7 else shapes[int(rng.integers(len(shapes)))]
            self.tensors.append(gl.tensor(rng.integers(-5, 6, shape).astype(np.float32)))

    def step(self) -> str | None:
        """One update; what is wrong afterwards, or None."""
        rng, tensors = self.rng, self.tensors
        with gl.no_grad():
            count = int(rng.integers(1, len(tensors) + 1))
            chosen = [tensors[int(i)] for i in rng.permutation(len(tensors))[:count]]
            updates = [(t, _value(rng, tensors, t.shape)) for t in chosen]
            if len(chosen) == 2 and chosen[0].shape == chosen[1].shape and rng.random() < 0.3:
                updates = [(chosen[0], chosen[1]), (chosen[1], chosen[0])]
            pending = [_value(rng, tensors, tensors[0].shape) for _ in range(int(rng.integers(3)))]
        exprs = [value._node.expr for _, value in updates] + [p._node.expr for p in pending]
        known = {x: slot_of(x).array.copy() for e in exprs for x in leaves(e)}
        expected = interpret(exprs, known)
        untouched = [t for t in tensors if all(t is not c for c in chosen)]
        before = [to_numpy(t) for t in untouched]
        assign([(t, value._node.expr, value._node.hold) for t, value in updates])
        checked = [t for t, _ in updates] + pending
        for i, (tensor, wanted) in enumerate(zip(checked, expected, strict=True)):
            if not np.array_equal(to_numpy(tensor), wanted):
                what = "update" if i < len(updates) else "pending value"
                return f"{what} {i} of {[t.shape for t in checked]} is wrong"
        for tensor, old in zip(untouched, before, strict=True):
            if not np.array_equal(to_numpy(tensor), old):
                return "a tensor that is not updated has changed"
        return None


def update_fault(seed: int, steps: int = 3) -> str | None:
    """Several updates, one after another; what goes wrong first, or None."""
    state = Round(seed)
    for step in range(steps):
        problem = state.step()
        if problem is not None:
            return f"step {step}: {problem}"
    return None

"""Layers side by side with PyTorch's: many in one program, since compiling takes longest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn

torch = pytest.importorskip("torch")

#: Some of PyTorch's float64 derivatives hold constants in float32 (hardsigmoid's 1/6).
CLOSE = {"float32": (1e-5, 1e-5), "float64": (1e-7, 1e-8)}
#: Name, positional arguments, options, and the shapes of the inputs.
Row = tuple[str, tuple, dict[str, Any], Sequence[tuple[int, ...]]]


def compare(found: Any, wanted: Any, what: str) -> None:
    a = found.detach().numpy() if isinstance(found, gl.Tensor) else np.asarray(found)
    b = wanted.detach().numpy() if isinstance(wanted, torch.Tensor) else np.asarray(wanted)
    assert a.shape == b.shape, what
    assert a.dtype == b.dtype, what
    rtol, atol = CLOSE.get(b.dtype.name, (0, 0))
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=what)


def made(row: Row, dtype: str) -> tuple[nn.Module, Any]:
    """Our layer and theirs, with their weights (made random) loaded into ours."""
    kind, args, options, _ = row
    ours, theirs = getattr(nn, kind)(*args, **options), getattr(torch.nn, kind)(*args, **options)
    theirs = theirs.to(getattr(torch, dtype))
    rng = np.random.default_rng(3)
    for parameter in theirs.parameters():
        parameter.data.copy_(torch.from_numpy(rng.uniform(-1, 1, size=tuple(parameter.shape))))
    ours.to(dtype)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    found = re.sub(", bias=(True|False)", "", repr(ours))  # older versions print no bias
    wanted = re.sub(", bias=(True|False)", "", repr(theirs))
    assert found == wanted.replace("NonDynamicallyQuantizable", "")
    return ours, theirs


def leaves_of(layer: Any, inputs: Sequence[Any]) -> list[Any]:
    return [*inputs, *(p for p in layer.parameters() if p.requires_grad)]


def first(result: Any) -> list[Any]:
    """The tensors of a result."""
    parts = result if isinstance(result, tuple | list) else (result,)
    return [part for part in parts if part is not None]


def layers(rows: Sequence[Row], dtype: str, training: bool = True) -> None:
    """Outputs, gradients of inputs and parameters, and buffers after one forward."""
    pairs: list[tuple[Any, Any, str]] = []
    for row in rows:
        rng = np.random.default_rng(7)
        ours, theirs = made(row, dtype)
        ours.train(training)
        theirs.train(training)
        arrays = [rng.normal(size=shape).astype(dtype) for shape in row[3]]
        ins = [gl.tensor(x, requires_grad=True) for x in arrays]
        theirs_in = [torch.from_numpy(x).requires_grad_() for x in arrays]
        outs, wanted = first(ours(*ins)), first(theirs(*theirs_in))
        pairs += side_by_side(
            str(row), outs, wanted, leaves_of(ours, ins), leaves_of(theirs, theirs_in)
        )
        buffers = zip(ours.named_buffers(), theirs.buffers(), strict=True)
        pairs += [(b, c, f"{row} {name}") for (name, b), c in buffers]
    settle(pairs)


def side_by_side(
    what: str, outs: Sequence[Any], wanted: Sequence[Any], xs: Sequence[Any], ts: Sequence[Any]
) -> list[tuple[Any, Any, str]]:
    """Pairs to compare: results, and the gradients of a random sum of them."""
    rng = np.random.default_rng(11)
    assert len(outs) == len(wanted), what
    pairs = [
        (a, b, f"{what} output {i}") for i, (a, b) in enumerate(zip(outs, wanted, strict=True))
    ]
    total: Any = 0.0
    goal: Any = 0.0
    for a, b in zip(outs, wanted, strict=True):
        if b.requires_grad:
            weight = rng.normal(size=tuple(b.shape)).astype(str(b.dtype).split(".")[-1])
            total = total + (a * gl.tensor(weight)).sum()
            goal = goal + (b * torch.from_numpy(weight)).sum()
    if isinstance(goal, float):
        return pairs
    total.backward()
    goal.backward()
    for number, (x, t) in enumerate(zip(xs, ts, strict=True)):
        zero = np.zeros(tuple(t.shape), str(t.dtype).split(".")[-1])
        found, known = (x.grad, t.grad) if x.grad is not None else (zero, t.grad)
        pairs.append((found, zero if known is None else known, f"{what} gradient {number}"))
    return pairs


def settle(pairs: Sequence[tuple[Any, Any, str]]) -> None:
    """Compute all of ours together, then compare."""
    gl.realize(*[found for found, _, _ in pairs if isinstance(found, gl.Tensor)])
    for found, wanted, what in pairs:
        compare(found, wanted, what)

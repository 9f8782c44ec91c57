"""PyTorch's own samples for its operations: the same values, dtypes and gradients.

``GLIA_OPINFO_SAMPLES`` says how many samples of an operation are taken (4 by default).
"""

from __future__ import annotations

import itertools
import os
import re
import warnings
from typing import Any

import numpy as np
import pytest

import glia as gl

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # which PyTorch's list of operations wants
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

from torch_ops.counterparts import (  # noqa: E402
    SEEN_AS,
    array_of,
    carried,
    counterpart,
    elements,
    flat,
    takes_complex,
)
from torch_ops.ledger import reason  # noqa: E402

SAMPLES = int(os.environ.get("GLIA_OPINFO_SAMPLES", "4"))
DTYPES = (torch.float32, torch.float64, torch.int64, torch.int32, torch.bool)
#: Relative and absolute: PyTorch's own tolerances for its tests.
CLOSE = {"float32": (1.3e-5, 1e-5), "float64": (1e-7, 1e-7)}
CLOSE |= {"complex64": CLOSE["float32"], "complex128": CLOSE["float64"]}
#: What derivatives flow through.
NUMBERS = re.compile("float|complex")
OPS = {f"{o.name}.{o.variant_test_name}".rstrip("."): o for o in op_db}


def samples(info: Any, dtype: torch.dtype, gradients: bool) -> list[Any]:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = info.sample_inputs("cpu", dtype, requires_grad=gradients)
        return list(itertools.islice(found, SAMPLES))


def loss_of(results: list[Any], make: Any) -> Any:
    """A sum over all results with weights of their own."""
    rng = np.random.default_rng(1)
    parts = []
    for x in results:
        if not isinstance(x, torch.Tensor | gl.Tensor) or not NUMBERS.search(str(x.dtype)):
            continue
        weights = rng.normal(size=tuple(x.shape)).astype(str(x.dtype).split(".")[-1])
        if x.requires_grad:
            total = (x * make(weights)).sum()
            parts.append(total.real if x.is_complex() else total)
    return sum(parts[1:], parts[0]) if parts else None


def run(info: Any, sample: Any) -> tuple[list[Any], list[Any], list[Any]] | None:
    """Our results and theirs, and the pairs of tensors that want gradients."""
    try:
        seen = SEEN_AS.get(info.name, lambda result: result)
        theirs = flat(seen(info(sample.input, *sample.args, **sample.kwargs)))
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None  # a sample that is refused
    leaves: list[Any] = []
    function = counterpart(f"{info.name}.{info.variant_test_name}") or counterpart(info.name)
    assert function is not None, "no function of this name"
    first = carried(sample.input, leaves)
    args, named = carried(sample.args, leaves), carried(sample.kwargs, leaves)
    ours = elements(info.name, sample, flat(seen(function(first, *args, **named))))
    return ours, elements(info.name, sample, theirs), leaves


def compare(found: Any, wanted: Any, what: str) -> None:
    a, b = array_of(found), array_of(wanted)
    assert a.shape == b.shape, f"{what}: shape {a.shape} instead of {b.shape}"
    if isinstance(wanted, torch.Tensor):
        assert a.dtype == b.dtype, f"{what}: {a.dtype} instead of {b.dtype}"
    rtol, atol = CLOSE.get(b.dtype.name, (0, 0) if b.dtype.kind in "iub" else (1e-7, 1e-7))
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=what)


def check(info: Any, dtype: torch.dtype) -> int:
    """Compare all samples; how many there were."""
    gradients = info.supports_autograd and dtype in (torch.float64, torch.complex128)
    pairs: list[tuple[Any, Any, str]] = []
    waiting: list[gl.Tensor] = []
    count = 0
    for number, sample in enumerate(samples(info, dtype, gradients)):
        done = run(info, sample)
        if done is None:
            continue
        count += 1
        ours, theirs, leaves = done
        what = f"{dtype} sample {number}: {sample.summary()}"[:300]
        assert len(ours) == len(theirs), f"{what}: {len(ours)} results, not {len(theirs)}"
        pairs += zip(ours, theirs, [what] * len(ours), strict=True)
        their_loss = loss_of(theirs, torch.from_numpy) if gradients else None
        if their_loss is None or not leaves:
            continue
        wanted = torch.autograd.grad(their_loss, [x for x, _ in leaves], allow_unused=True)
        our_loss = loss_of(ours, gl.tensor)
        assert our_loss is not None, f"{what}: no gradient"
        our_loss.backward()
        for (x, y), g in zip(leaves, wanted, strict=True):
            zeros = torch.zeros_like(x) if g is None else g
            pairs.append((gl.zeros_like(y) if y.grad is None else y.grad, zeros, f"grad {what}"))
    waiting = [found for found, _, _ in pairs if isinstance(found, gl.Tensor)]
    gl.realize(*waiting)
    for found, expected, what in pairs:
        compare(found, expected, what)
    return count


@pytest.mark.parametrize("name", OPS)
def test_opinfo(name: str) -> None:
    info = OPS[name]
    if reason(name) is not None:
        pytest.skip(reason(name)[1][0])
    assert counterpart(info.name) is not None, "no function of this name"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dtypes = (*DTYPES, torch.complex128) if takes_complex(name) else DTYPES
        count = sum(check(info, dtype) for dtype in dtypes if dtype in info.dtypes)
    assert count, "no sample could be run"

"""``show_kernels`` and ``profile``: every kernel, with its formula, line, work and bytes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn, optim
from glia.base.errors import ArgumentError
from glia.base.i18n import set_language
from glia.ir import text
from glia.ir.expr import forget
from glia.ir.interpret import interpret
from glia.runtime import profile as profiles


def shown(function: Callable[..., Any], *args: Any, kind: str = "loops") -> str:
    page = io.StringIO()
    gl.show_kernels(function, kind=kind, file=page)(*args)
    return page.getvalue()


def training_step() -> tuple[nn.Module, Callable[[gl.Tensor], gl.Tensor]]:
    gl.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2))
    opt = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(x: gl.Tensor) -> gl.Tensor:
        loss = net(x).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    return net, step


FORMULAS = {
    "product and bias": (lambda x: nn.functional.relu(x @ x + 1), "relu((Σ arg0·arg0) + 1)"),
    "chain": (lambda x: (x * 2 - x) / (x + 3), "((arg0 * 2) - arg0) / (arg0 + 3)"),
    "functions": (lambda x: (x.exp() + 1).log(), "log(exp(arg0) + 1)"),
    "view": (lambda x: x.reshape(2, 8).exp(), "exp(arg0)"),
    "reduction": (lambda x: (x * x).sum(), "sum(arg0 * arg0)"),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_short_formulas(name: str) -> None:
    function, formula = FORMULAS[name]
    assert f" = {formula}\n" in shown(function, gl.ones(4, 4))


def test_long_formulas_are_given_in_full_only() -> None:
    def chain(x: gl.Tensor) -> gl.Tensor:
        for _ in range(12):
            x = (x * x + 1).sqrt()
        return x

    page = shown(chain, gl.ones(5))
    assert page.count("sqrt %") == 12
    assert "  arg1 = sqrt" not in page


def test_the_full_formula_is_what_the_kernel_computes() -> None:
    """Read back by the parser and interpreted it gives the kernel's result."""
    x = gl.tensor(np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4))
    page = shown(lambda x: (x.tanh() * 3 + x).sum(1), x)
    lines = [line.strip() for line in page.splitlines() if line.startswith("    %")]
    program = "\n".join(re.sub(r"= arg(\d+) ", r"= leaf[slot=\1] ", line) for line in lines)
    number = re.search(r"^    arg\d+ = (%\d+)$", page, re.M)
    assert number
    (output,) = text.parse(f"{program}\noutputs {number[1]}")
    (leaf,) = [node for node in text.topological((output,)) if node.op.name == "leaf"]
    (found,) = interpret([output], {leaf: x.numpy()})
    np.testing.assert_allclose(found, (np.tanh(x.numpy()) * 3 + x.numpy()).sum(1), rtol=1e-6)


def test_a_training_step_says_layers_and_lines() -> None:
    forget()  # programs are shared: an equal one recorded before would keep its lines
    net, step = training_step()
    before = [p.detach().numpy().copy() for p in net.parameters()]
    page = shown(gl.jit(step), gl.ones(3, 6))
    count = page.count("── kernel ")
    assert f"── kernel {count} of {count}: " in page and count > 3
    heads = [line for line in page.splitlines() if line.startswith("── kernel ")]
    assert all("test_looking_inside.py:" in h or ": copy · " in h for h in heads)
    layers = {found[1] for head in heads if (found := re.search(r" · ([012])(?: grad)? · ", head))}
    assert len(layers) > 1
    # the call was an ordinary one
    after = [p.detach().numpy() for p in net.parameters()]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_what_is_returned_is_passed_on() -> None:
    found = gl.show_kernels(lambda x: {"a": x + 1, "b": [x * 2]}, file=io.StringIO())(gl.ones(2))
    assert found["a"].tolist() == [2, 2] and found["b"][0].tolist() == [2, 2]


def test_arguments_that_wait_are_computed_before() -> None:
    page = shown(lambda x: x + 1, gl.ones(3).exp())
    assert "exp(" not in page and page.count("── kernel") == 1


@pytest.mark.parametrize(("kind", "words"), [("llvm", "define void @glia_"), ("asm", "glia_")])
def test_machine_code(kind: str, words: str) -> None:
    page = shown(lambda x: x + 1, gl.ones(40), kind=kind)
    assert words in page and f"  {kind}:\n" in page
    assert "nest (" not in page


def test_an_unknown_kind() -> None:
    with pytest.raises(ArgumentError, match="expected kind loops, llvm, asm, found 'ptx'"):
        gl.show_kernels(lambda x: x, kind="ptx")


def test_in_chinese() -> None:
    set_language("zh")
    page = shown(lambda x: x + 1, gl.ones(3))
    assert "内核 1/1" in page and "读 float32[3] （" not in page and "arg0 读 float32[3]" in page


# The profile


@pytest.fixture
def known_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "limits", lambda _threads: (100e9, 10e9))


WORK = {
    "product": (lambda x: x @ x, 2 * 64**3, 2 * 64 * 64 * 4),
    "product and bias": (lambda x: x @ x + 1, 2 * 64**3 + 64 * 64, 2 * 64 * 64 * 4),
    "two operations": (lambda x: (x * x).exp(), 2 * 64 * 64, 2 * 64 * 64 * 4),
    "rows": (lambda x: (x * x).sum(1), 2 * 64 * 64, 64 * 64 * 4 + 64 * 4),
}


@pytest.mark.parametrize("name", WORK)
def test_work_and_bytes(name: str, known_limits: None) -> None:
    function, flops, nbytes = WORK[name]
    x = gl.ones(64, 64)
    gl.realize(x)
    with gl.profile() as seen:
        for _ in range(3):
            gl.realize(function(x))
    rows = [row for row in seen.rows if row.op != "copy"]
    assert sum(row.flops for row in rows) == flops
    assert sum(row.calls for row in rows) == 3 * len(rows)
    if len(seen.rows) == 1:
        assert seen.rows[0].bytes == nbytes


def test_the_limit_is_the_larger_part(known_limits: None) -> None:
    row = profiles.Row("add", (4,), "", "", "nest", flops=50e9, bytes=1_000_000_000)
    assert row.gflops == row.gigabytes == 0.0
    row.calls, row.seconds = 2, 2.0
    assert row.limit == pytest.approx(0.5)  # arithmetic: half of 100 GFLOP/s
    row.bytes = 8_000_000_000
    assert row.limit == pytest.approx(0.8)  # memory: 8 of 10 GB/s


def test_the_table_and_the_trace(tmp_path: Path, known_limits: None) -> None:
    _, step = training_step()
    with gl.profile() as seen:
        step(gl.ones(3, 6))
    lines = str(seen).splitlines()
    assert lines[0].split() == ["µs", "share", "calls", "GFLOP/s", "GB/s", "limit", "kernel"]
    assert len(lines) == 1 + len(seen.rows)
    assert all(re.match(r" *[\d.]+ +[\d.]+% +1 +[\d.]+ +[\d.]+ +\d+%  \w", li) for li in lines[1:])
    assert seen.table(2).splitlines()[-1].endswith(f"{len(seen.rows) - 2} more")
    seen.save(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert len(events) == len(seen.rows)
    assert all({"shape", "line", "kind", "flops", "bytes"} <= set(e["args"]) for e in events)
    assert any("test_looking_inside.py" in event["args"]["line"] for event in events)


def test_the_limits_are_measured() -> None:
    flops, copied = profiles.limits(1)
    assert flops > 1e9 and copied > 1e8

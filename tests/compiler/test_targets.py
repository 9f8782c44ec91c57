"""Code for other processors: it is generated, optimised, and uses their vector instructions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import llvmlite.binding as llvm
import pytest
from compiler.plan_checks import TARGETS, check_program

from glia.base.dtypes import float32, float64, int64
from glia.compiler.codegen import nest, transpose
from glia.compiler.codegen.targets import Target, describe
from glia.compiler.native import create_machine, kernel_name, llvm_text
from glia.compiler.schedule.loops import Contraction, Kernel, Nest, Repeat, Scatter, Winograd
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.ir.ops import control, index, view
from glia.ir.ops.source import leaf
from glia.ir.scan import Loop

ARM = describe("aarch64-unknown-linux-gnu", "neoverse-n1", {"neon": True, "fp-armv8": True})
APPLE = describe("arm64-apple-macosx14.0", "apple-m1", {"neon": True})


@pytest.fixture(scope="module", autouse=True)
def all_targets() -> Iterator[None]:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    yield


def assembly(kernel: Kernel, target: Target) -> str:
    """The kernel for a processor, through the passes the linker uses."""
    machine = create_machine(target)
    text = llvm_text(kernel, kernel_name(kernel, target), target)
    module = llvm.parse_assembly(f'target triple = "{target.triple}"\n{text}')
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_assembly(module)


def kernels(output: Expr, target: Target) -> list[Kernel]:
    return [step.kernel for step in check_program([output], target=target).plan.steps]


def matmul(dtype=float32) -> Expr:  # type: ignore[no-untyped-def]
    return products.matmul(leaf(0, (37, 64), dtype), leaf(1, (64, 48), dtype))


def conv() -> Expr:
    x, w = leaf(0, (8, 3, 12, 12), float32), leaf(1, (8, 3, 3, 3), float32)
    return build.relu(products.conv(x, w, None, (1, 1), (1, 1), (1, 1), 1))


def elementwise() -> Expr:
    x = leaf(0, (1000,), float32)
    return build.add(build.mul(x, build.tanh(x)), build.exp(build.neg(x)))


def softmax() -> Expr:
    return build.softmax(leaf(0, (20, 100), float32), 1)


def columns() -> Expr:
    return build.sum_(leaf(0, (300, 64), float32), 0)


def turned() -> Expr:
    return view.permute(leaf(0, (64, 96), float32), (1, 0))


def scattered() -> Expr:
    places = view.expand(view.reshape(leaf(1, (40,), int64), (40, 1)), (40, 64))
    return index.scatter_add(leaf(0, (40, 64), float32), places, 0, 7)


def recurrence() -> Expr:
    xs, start = leaf(0, (5, 32, 16), float32), leaf(1, (32, 16), float32)
    w = leaf(2, (16, 16), float32)
    h, x = control.fresh(start.shape, float32), control.fresh(start.shape, float32)
    after = build.tanh(build.add(x, products.matmul(h, w)))
    return Loop([h], [start], [x], [xs], [after]).final(0)


def deep() -> Expr:
    x, w = leaf(0, (1, 32, 8, 8), float32), leaf(1, (32, 32, 3, 3), float32)
    return products.conv(x, w, None, (1, 1), (1, 1), (1, 1), 1)


def reads_columns(kernel: Kernel, target: Target) -> bool:
    return isinstance(kernel, Nest) and nest.Generator(kernel, target).columns is not None


def is_product(kernel: Kernel, _target: Target) -> bool:
    return isinstance(kernel, Contraction | Winograd)


def is_turned(kernel: Kernel, target: Target) -> bool:
    return isinstance(kernel, Nest) and transpose.turned(kernel, target) is not None


@dataclass(frozen=True)
class Kind:
    """A program, how to know its kernel among others, and what that one uses of NEON."""

    program: Callable[[], Expr]
    known: type | Callable[[Kernel, Target], bool]
    words: str  # instructions on vectors
    least: int

    def of(self, kernels: list[Kernel], target: Target) -> Kernel:
        """The one kernel of this kind."""
        known = self.known
        if isinstance(known, type):
            found = [kernel for kernel in kernels if isinstance(kernel, known)]
        else:
            found = [kernel for kernel in kernels if known(kernel, target)]
        assert found
        return found[0]


KINDS = {
    "matmul": Kind(matmul, Contraction, "fmla", 8),
    "conv": Kind(conv, Contraction, "fmla", 8),
    "deep conv": Kind(deep, is_product, "fmla", 8),
    "elementwise": Kind(elementwise, Nest, "fmla", 8),
    "softmax": Kind(softmax, Nest, "fmla", 4),
    "columns": Kind(columns, reads_columns, "fadd", 4),
    "turned": Kind(turned, is_turned, "zip1|zip2|trn1|trn2", 4),
    "scattered": Kind(scattered, Scatter, "fadd", 1),
    "recurrence": Kind(recurrence, Repeat, "fmla", 8),
}


@pytest.mark.parametrize("target", [ARM, APPLE, *TARGETS.values()], ids=lambda t: t.cpu)
@pytest.mark.parametrize("name", KINDS)
def test_programs_compile(name: str, target: Target) -> None:
    for kernel in kernels(KINDS[name].program(), target):
        assert kernel_name(kernel, target) in assembly(kernel, target)


def neon(words: str, lanes: str, text: str) -> int:
    """How many of these instructions work on vectors of so many lanes."""
    # GNU writes fmla v0.4s, v1.4s, v2.4s; Apple writes fmla.4s v0, v1, v2
    return len(re.findall(rf"\t(?:{words})(?:\s+v\d+)?\.{lanes}", text))


@pytest.mark.parametrize("target", [ARM, APPLE], ids=lambda t: t.cpu)
@pytest.mark.parametrize("name", KINDS)
def test_arm_kernels_of_every_kind_use_vectors(name: str, target: Target) -> None:
    kind = KINDS[name]
    text = assembly(kind.of(kernels(kind.program(), target), target), target)
    assert neon(kind.words, "4s" if name != "turned" else "(?:4s|2d)", text) >= kind.least
    assert "%" not in re.sub(r"//.*|;.*|@.*", "", text), "x86 registers in ARM code"


@pytest.mark.parametrize("target", [ARM, APPLE], ids=lambda t: t.cpu)
@pytest.mark.parametrize(("dtype", "lanes"), [(float32, "4s"), (float64, "2d")])
def test_arm_contractions_use_vector_multiply_add(target: Target, dtype, lanes: str) -> None:
    (kernel,) = [k for k in kernels(matmul(dtype), target) if isinstance(k, Contraction)]
    assert kernel.tile.lanes * dtype.itemsize == 16
    assert neon("fmla", lanes, assembly(kernel, target)) >= 8


@pytest.mark.parametrize(("name", "register"), [("avx512", "zmm"), ("avx2", "ymm")])
def test_x86_contractions_use_the_widest_registers(name: str, register: str) -> None:
    target = TARGETS[name]
    (kernel,) = [k for k in kernels(matmul(), target) if isinstance(k, Contraction)]
    text = assembly(kernel, target)
    assert len(re.findall(rf"vfmadd\d+ps.*%{register}", text)) >= 8
    if name == "avx2":
        assert "zmm" not in text


@pytest.mark.parametrize(
    ("target", "itemsize", "lanes"),
    [
        (TARGETS["avx512"], 4, 16),
        (TARGETS["avx512"], 8, 8),
        (TARGETS["avx2"], 4, 8),
        (ARM, 4, 4),
        (ARM, 8, 2),
        (describe("x86_64-unknown-linux-gnu", "x86-64", {}), 4, 4),
        (describe("riscv64-unknown-linux-gnu", "generic-rv64", {}), 4, 4),
    ],
)
def test_vector_widths(target: Target, itemsize: int, lanes: int) -> None:
    assert target.lanes(itemsize) == lanes


def test_avx2_without_fma_is_not_used() -> None:
    odd = describe("x86_64-unknown-linux-gnu", "x86-64", {"avx2": True, "fma": False})
    assert odd.vector_bytes == 16


def test_waiting_threads_rest_on_arm_too() -> None:
    """The thread pool's own code is valid for both processors."""
    from glia.runtime.control import _code_for

    for target, word in ((ARM, "yield"), (TARGETS["avx2"], "pause")):
        machine = create_machine(target)
        code = f'target triple = "{target.triple}"\n{_code_for(target.triple)}'
        module = llvm.parse_assembly(code)
        module.verify()
        assert word in machine.emit_assembly(module)

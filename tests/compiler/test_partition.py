"""What is computed together: the number of kernels of known programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from compiler.plan_checks import TARGETS, check_program

from glia.autodiff.reverse import gradient
from glia.base.dtypes import float32, uint32
from glia.compiler.schedule.loops import Contraction, Nest
from glia.ir import build, pooling, products
from glia.ir.expr import Expr
from glia.ir.ops import view
from glia.ir.ops.random import random_bits
from glia.ir.ops.source import leaf

X, Y = leaf(0, (64, 100), float32), leaf(1, (64, 100), float32)
ROW, COLUMN = leaf(2, (100,), float32), leaf(3, (64, 1), float32)
W, B = leaf(4, (10, 100), float32), leaf(5, (10,), float32)
V, C = leaf(9, (7, 10), float32), leaf(10, (7,), float32)
IMAGE = leaf(6, (2, 3, 8, 8), float32)
FILTERS = leaf(7, (4, 3, 3, 3), float32)


def chain(x: Expr, length: int) -> Expr:
    for i in range(length):
        x = build.add(build.mul(x, 0.5), float(i))
    return x


def layer_norm(x: Expr) -> Expr:
    centred = build.sub(x, build.mean(x, 1, True))
    return build.div(centred, build.sqrt(build.add(build.var(x, 1, 0, True), 1e-5)))


def conv_relu(x: Expr) -> Expr:
    return build.relu(products.conv(x, FILTERS, None, (1, 1), (0, 0), (1, 1), 1))


def dropout(x: Expr) -> Expr:
    bits = random_bits(leaf(8, (2,), uint32), x.shape)
    return build.where(build.lt(build.cast(bits, float32), 2.0**31), x, 0.0)


Program = Callable[[], Sequence[Expr]]
#: Name, program, number of kernels (at most: fewer is better).
KERNELS: list[tuple[str, Program, int]] = [
    ("one op", lambda: [build.neg(X)], 1),
    ("a chain", lambda: [chain(X, 3)], 1),
    ("a long chain", lambda: [chain(X, 25)], 1),
    ("with a broadcast row", lambda: [build.mul(build.add(X, ROW), COLUMN)], 1),
    ("two results of the same inputs", lambda: [build.add(X, Y), build.mul(X, Y)], 1),
    ("a result and what follows from it", lambda: [build.exp(X), build.neg(build.exp(X))], 1),
    ("a transposed sum", lambda: [build.transpose(build.add(X, Y), 0, 1)], 1),
    ("views alone", lambda: [build.transpose(X, 0, 1)], 1),
    ("concat of computed parts", lambda: [view.concat([build.neg(X), build.exp(Y)], 0)], 1),
    ("cut, pad", lambda: [view.pad(view.slice_(X, (0, 1), (9, 9), (1, 2)), (1, 1), (0, 2))], 1),
    ("x*2+1 summed by row", lambda: [build.sum_(build.add(build.mul(X, 2), 1), 1, True)], 1),
    ("x*2+1 summed by column", lambda: [build.sum_(build.add(build.mul(X, 2), 1), 0, True)], 1),
    ("sum and its square root", lambda: [build.sqrt(build.sum_(build.mul(X, X), 1, True))], 1),
    ("dropout", lambda: [dropout(X)], 1),
    ("softmax", lambda: [build.softmax(X, 1)], 1),
    ("log softmax", lambda: [build.log_softmax(X, 1)], 1),
    ("layer norm", lambda: [layer_norm(X)], 1),
    # the batch of X lies innermost inside: one copy in, one out, whoever else reads the result
    ("matmul", lambda: [products.matmul(X, view.permute(W, (1, 0)))], 3),
    ("linear, bias and relu", lambda: [build.relu(products.linear(X, W, B))], 3),
    ("two layers", lambda: [products.linear(build.relu(products.linear(X, W, B)), V, C)], 4),
    ("conv and relu", lambda: [conv_relu(IMAGE)], 3),
    ("average pooling", lambda: [pooling.avg_pool(IMAGE, (2, 2), (2, 2), (0, 0))], 1),
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("name", "program", "count"), KERNELS, ids=[name for name, _, _ in KERNELS]
)
def test_number_of_kernels(name: str, program: Program, count: int, target: str) -> None:
    checked = check_program(program(), target=TARGETS[target])
    shown = "\n\n".join(str(step.kernel) for step in checked.plan.steps)
    assert len(checked.order) <= count, f"{name}: {len(checked.order)} kernels\n{shown}"


def test_sum_of_a_line() -> None:
    assert len(check_program([build.sum_(build.add(build.mul(X, 2), 1), 1)]).order) == 1


def test_chains_of_any_length() -> None:
    """A chain of a thousand is cut: neither the compiler's stack nor a kernel grows with it."""
    assert 1 <= len(check_program([chain(X, 1000)]).order) <= 1000 // 50


def mlp_step() -> tuple[list[Expr], list[Expr | None]]:
    """Loss and updated parameters of a net of two layers."""
    shapes = [(50, 100), (50,), (10, 50), (10,)]
    w1, b1, w2, b2 = parameters = [leaf(10 + i, s, float32) for i, s in enumerate(shapes)]
    hidden = build.relu(products.linear(X, w1, b1))
    found = products.linear(hidden, w2, b2)
    loss = build.mean(build.mul(found, found))
    gradients = gradient(loss, parameters)
    assert all(g is not None for g in gradients)
    new = [build.sub(p, build.mul(g, 0.1)) for p, g in zip(parameters, gradients, strict=True) if g]
    return [loss, *new], [None, *parameters]


def test_a_training_step() -> None:
    """Forward 2 contractions, backward 3; the rest rides along or is small."""
    checked = check_program(*mlp_step())
    kinds = [type(step.kernel) for step in checked.plan.steps]
    assert kinds.count(Contraction) == 5
    assert kinds.count(Nest) <= 8
    in_place = [
        planned
        for planned in checked.order
        if any(checked.place[planned.args[i]].kind == "out" for i in planned.writes)
    ]
    assert len(in_place) >= 5


def test_updates_run_in_the_kernel_of_their_gradient() -> None:
    outputs, targets = mlp_step()
    checked = check_program(outputs, targets)
    names = [planned.node.op.name for planned in checked.order]
    assert "sub" in names, "no update is fused with its gradient"
    sizes = [ref[0].numel for planned in checked.order for ref in planned.args]
    assert max(sizes) == X.numel


def test_shared_costly_values_are_computed_once() -> None:
    shared = build.tanh(build.exp(X))
    checked = check_program([build.sum_(shared, 0, True), build.sum_(shared, 1, True)])
    texts = [str(step.kernel) for step in checked.plan.steps]
    assert sum(text.count(" tanh ") for text in texts) == 1


def test_cheap_values_are_computed_again_rather_than_stored() -> None:
    doubled = build.mul(X, 2)
    checked = check_program([build.sum_(doubled, 0, True), build.sum_(doubled, 1, True)])
    assert len(checked.order) == 2


def test_same_programs_have_the_same_kernels() -> None:
    """The text that kernels are cached by does not depend on the slots."""
    other = [leaf(100, (64, 100), float32), leaf(101, (64, 100), float32)]
    first = check_program([build.softmax(build.add(X, Y), 1)])
    second = check_program([build.softmax(build.add(*other), 1)])
    texts = [[str(step.kernel) for step in c.plan.steps] for c in (first, second)]
    assert texts[0] == texts[1]


def test_no_outputs_and_leaves_as_outputs() -> None:
    assert not check_program([]).order
    assert len(check_program([X]).order) == 1
    assert len(check_program([X, X]).order) == 2


def test_heads_are_put_side_by_side_before_a_product_reads_them() -> None:
    """Batch and time, head and feature: a product over both pairs needs them as two dimensions."""
    heads, weight = leaf(11, (4, 2, 16, 8), float32), leaf(12, (48, 16), float32)
    x = build.exp(heads)  # (batch, head, time, feature)
    merged = view.reshape(view.permute(x, (0, 2, 1, 3)), (64, 16))
    for rows in (merged, view.reshape(x, (64, 16))):
        checked = check_program([products.linear(rows, weight)])
        made = next(k for k in checked.order if heads in [node for node, _ in k.args])
        assert type(made.kernel) is Nest
        product = next(k.kernel for k in checked.order if isinstance(k.kernel, Contraction))
        assert product.a.offset.is_affine()

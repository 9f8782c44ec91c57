"""Sums of products: ``einsum`` and its relatives against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import ArgumentError, GliaError, ShapeError
from glia.ir.expr import topological

RNG = np.random.default_rng(2)
A, B, C = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 5)), RNG.normal(size=(2, 3, 4))
V, W = RNG.normal(size=3), RNG.normal(size=4)
SQUARE = RNG.normal(size=(2, 4, 4))

EINSUMS: list[tuple[str, tuple[np.ndarray, ...]]] = [
    ("ij,jk->ik", (A, B)),
    ("ij,jk->ki", (A, B)),
    ("ij,jk", (A, B)),
    ("ij->ji", (A,)),
    ("ij->", (A,)),
    ("ij->j", (A,)),
    ("bii->bi", (SQUARE,)),
    ("bii->b", (SQUARE,)),
    ("bij,bjk->bik", (SQUARE, SQUARE)),
    ("bij,bkj->bik", (C, C)),
    ("i,j->ij", (V, W)),
    ("ij,ij->ij", (A, A)),
    ("ij,ij->", (A, A)),
    ("bij,ij,j->b", (C, A, W)),
    ("i,ij,j->", (V, A, W)),
    ("...ij,jk->...ik", (C, B)),
    ("...j,...j->...", (C, A)),
    ("i...->...i", (C,)),
    ("ij,jk,kl->il", (A, B, B.T)),
    ("bij,bij->bj", (C, C[:, :1])),
]


def test_einsum() -> None:
    found = [gl.einsum(text, *map(gl.tensor, arrays)) for text, arrays in EINSUMS]
    gl.realize(*found)
    for (text, arrays), value in zip(EINSUMS, found, strict=True):
        wanted = np.einsum(text, *arrays)
        np.testing.assert_allclose(value.numpy(), wanted, 1e-12, 1e-12, err_msg=text)


def test_a_pair_is_one_contraction() -> None:
    heads = gl.einsum("bqhd,bkhd->bhqk", gl.zeros(2, 3, 4, 5), gl.zeros(2, 6, 4, 5))
    ops = [node.op.name for node in topological((heads._node.expr,))]
    assert ops == ["leaf", "leaf", "contract"]


def test_labels_as_numbers() -> None:
    found = gl.einsum(gl.tensor(C), [0, ..., 1], gl.tensor(W), [1], [..., 0])
    np.testing.assert_allclose(found.numpy(), np.einsum("ajk,k->ja", C, W), 1e-12)


@pytest.mark.parametrize(("text", "arrays"), EINSUMS[::3])
def test_gradients(text: str, arrays: tuple[np.ndarray, ...]) -> None:
    """The sum is linear in each operand: its gradient times the operand is the sum."""
    tensors = [gl.tensor(array, requires_grad=True) for array in arrays]
    total = (gl.einsum(text, *tensors) * 1.5).sum()
    total.backward()
    for x in tensors:
        assert x.grad is not None
        np.testing.assert_allclose((x.grad * x).sum().item(), total.item(), 1e-10)


CASES: dict[str, tuple[Callable[..., Any], Any]] = {
    "tensordot": (lambda t: gl.tensordot(t(C), t(A), ([1, 2], [0, 1])), np.tensordot(C, A, 2)),
    "tensordot 1": (lambda t: gl.tensordot(t(C), t(B), 1), np.tensordot(C, B, 1)),
    "inner": (lambda t: t(A).inner(t(C)), np.inner(A, C)),
    "outer": (lambda t: t(V).outer(t(W)), np.outer(V, W)),
    "dot": (lambda t: t(V).dot(t(V)), V @ V),
    "mv": (lambda t: t(A).mv(t(W)), A @ W),
    "kron": (lambda t: t(A).kron(t(C)), np.kron(A, C)),
    "cross": (lambda t: t(A).cross(t(A[:, ::-1].copy())), np.cross(A, A[:, ::-1], axis=0)),
    "vander": (lambda t: t(V).vander(4), np.vander(V, 4)),
    "addmm": (lambda t: t(B[0]).addmm(t(A), t(B), beta=2, alpha=0.5), 2 * B[0] + A @ B / 2),
    "addr": (lambda t: t(A).addr(t(V), t(W)), A + np.outer(V, W)),
    "baddbmm": (
        lambda t: t(SQUARE).baddbmm(t(SQUARE), t(SQUARE), beta=0),
        SQUARE @ SQUARE,
    ),
    "addbmm": (
        lambda t: t(SQUARE[0]).addbmm(t(SQUARE), t(SQUARE)),
        SQUARE[0] + (SQUARE @ SQUARE).sum(0),
    ),
}  # fmt: skip


def test_as_numpy_says() -> None:
    found = {name: ours(gl.tensor) for name, (ours, _) in CASES.items()}
    gl.realize(*found.values())
    for name, (_, wanted) in CASES.items():
        np.testing.assert_allclose(found[name].numpy(), wanted, 1e-12, 1e-12, err_msg=name)


def test_beta_zero_forgets_nan() -> None:
    x = gl.full((2, 2), float("nan"))
    assert x.addmm(gl.ones(2, 2), gl.ones(2, 2), beta=0).tolist() == [[2, 2], [2, 2]]


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [
        (lambda: gl.einsum("ij,jk->ik", gl.ones(2, 3)), ArgumentError, "labels for 2 operands"),
        (lambda: gl.einsum("ij->i", gl.ones(2)), ArgumentError, "2 labels for an operand"),
        (lambda: gl.einsum("ij->ik", gl.ones(2, 3)), ArgumentError, "in some operand"),
        (lambda: gl.einsum("ij->ii", gl.ones(2, 3)), ArgumentError, "stand there once"),
        (lambda: gl.einsum("i1->i", gl.ones(2, 3)), ArgumentError, "expected letters"),
        (lambda: gl.einsum("i,i->", gl.ones(2), gl.ones(3)), ShapeError, "sizes 2 and 3"),
        (lambda: gl.einsum("ii->i", gl.ones(2, 3)), ShapeError, "repeated"),
        (lambda: gl.tensordot(gl.ones(2, 3), gl.ones(2, 3), 1), ShapeError, "summed over"),
        (lambda: gl.ones(2, 3).mm(gl.ones(3)), ShapeError, "2 and 2 dimensions"),
        (lambda: gl.ones(2, 3, 4).bmm(gl.ones(3, 4, 5)), ShapeError, "as many matrices"),
        (lambda: gl.ones(2, 3).dot(gl.ones(3)), ShapeError, "1 and 1 dimensions"),
        (lambda: gl.ones(2).cross(gl.ones(2)), ShapeError, "size 3"),
    ],
)
def test_refused(action: Callable[[], object], error: type[GliaError], words: str) -> None:
    with pytest.raises(error, match=words):
        action()

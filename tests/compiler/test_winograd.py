"""3x3 convolutions in Winograd's form: exact on whole numbers, as accurate as the plain sum."""

from __future__ import annotations

import numpy as np
import pytest
from compiler.oracle import compiled
from compiler.plan_checks import TARGETS, check_program
from compiler.random_convs import Conv, reference, values

import glia as gl
from glia.autodiff.reverse import pullback
from glia.base.dtypes import float32
from glia.base.shapes import Shape
from glia.compiler.schedule import winograd
from glia.compiler.schedule.loops import Apply, Winograd, WinogradGradient
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.ir.ops.source import leaf


def conv(batch: int, channels: int, filters: int, size: Shape, padding: Shape) -> Conv:
    return Conv(batch, channels, filters, size, (3, 3), (1, 1), padding, (1, 1), 1)


#: Even and odd sizes, several blocks of tiles of which the last is not full, chunks of channels.
CONVS = [
    conv(1, 32, 32, (8, 8), (1, 1)),
    conv(2, 32, 64, (9, 7), (1, 1)),
    conv(5, 48, 32, (6, 11), (0, 0)),
    conv(3, 96, 160, (5, 5), (2, 1)),
    conv(4, 160, 32, (13, 12), (1, 1)),
    conv(1, 32, 32, (4, 4), (0, 1)),
]


def program(c: Conv) -> tuple[list[Expr], list[Expr], dict[Expr, np.ndarray]]:
    """Result and gradients, between products with one: so values lie as inside a net."""
    x = leaf(-1, (c.batch, c.channels, *c.size), float32)
    w = leaf(-2, (c.filters, c.channels, 3, 3), float32)
    ones = leaf(-4, (c.channels, c.channels, 1, 1), float32)
    more = leaf(-5, (c.filters, c.filters, 1, 1), float32)
    once = ((1, 1), (0, 0), (1, 1), 1)
    inner = products.conv(x, ones, None, *once)
    y = products.conv(inner, w, None, c.stride, c.padding, c.dilation, 1)
    y = products.conv(y, more, None, *once)
    g = leaf(-3, y.shape, float32)
    dx, dw = pullback(y, (x, w), g)
    assert dx is not None and dw is not None
    known = {n: np.eye(n.shape[0], dtype=np.float32).reshape(n.shape) for n in (ones, more)}
    return [y, dx, dw], [x, w, g], known


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "WORTH", float("inf"))


@pytest.mark.parametrize("c", CONVS, ids=str)
def test_exact_on_whole_numbers(c: Conv, always: None) -> None:
    outputs, leaves, known = program(c)
    known |= values(c, leaves, 1)
    expected = reference(c, *(known[node] for node in leaves))
    for found, wanted in zip(compiled(outputs, known), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("c", CONVS, ids=str)
def test_plans_stay_in_bounds(c: Conv, target: str, always: None) -> None:
    checked = check_program(program(c)[0], target=TARGETS[target])
    kinds = [type(k.kernel) for k in checked.order]
    assert kinds.count(Winograd) == 2  # the result and the source's gradient
    assert kinds.count(WinogradGradient) == 1


def test_what_follows_is_computed_with_it(always: None) -> None:
    c = CONVS[1]
    (y, *_), leaves, known = program(c)
    known |= values(c, leaves, 2)
    product = y.inputs[0].inputs[0]  # below the product with one and the views around it
    out = build.relu(build.add(product, 1.0))
    checked = check_program([out])
    (form,) = [k.kernel for k in checked.order if isinstance(k.kernel, Winograd)]
    assert isinstance(form.stores[0].value, Apply)
    plain, _, _ = reference(c, *(known[node] for node in leaves))
    (found,) = compiled([out], known)
    np.testing.assert_array_equal(found, np.maximum(plain + 1, 0).reshape(found.shape))


def test_as_accurate_as_the_plain_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = []
    for worth in (0.0, float("inf")):
        monkeypatch.setattr(winograd, "WORTH", worth)
        c = conv(2, 128, 64, (12, 12 + bool(worth)), (1, 1))
        outputs, leaves, known = program(c)
        rng = np.random.default_rng(5)
        known |= {n: rng.normal(size=n.shape).astype(np.float32) for n in leaves}
        expected = reference(c, *(known[node] for node in leaves))
        pairs = list(zip(compiled(outputs, known), expected, strict=True))
        errors.append([np.sqrt(np.mean((a - b) ** 2) / np.mean(b**2)) for a, b in pairs])
    for plain, form in zip(*errors, strict=True):
        assert form < 1.25 * plain


def test_infinities_reach_one_element_further(always: None) -> None:
    c = conv(1, 32, 32, (10, 10), (1, 1))
    outputs, leaves, known = program(c)
    known |= values(c, leaves, 3)
    (clean, *_) = compiled(outputs[:1], known)
    for bad in (np.inf, np.nan):
        x, w, _ = leaves
        known[x] = known[x].copy()
        known[x][0, 3, 5, 4] = bad
        known[w] = np.where(known[w] == 0, np.float32(1), known[w])
        (found,) = compiled(outputs[:1], known)
        assert not np.isfinite(found[:, :, 4:7, 3:6]).any()
        far = np.ones((10, 10), bool)
        far[3:8, 2:7] = False
        np.testing.assert_array_equal(found[..., far], _plain(c, known, leaves, clean)[..., far])


def _plain(c: Conv, known: dict, leaves: list[Expr], like: np.ndarray) -> np.ndarray:
    x = np.where(np.isfinite(known[leaves[0]]), known[leaves[0]], np.float32(0))
    found = reference(c, x, known[leaves[1]], known[leaves[2]])[0]
    return found.astype(like.dtype)


def test_same_bits_for_any_number_of_threads(always: None) -> None:
    outputs, leaves, known = program(CONVS[4])
    rng = np.random.default_rng(7)
    known |= {n: rng.normal(size=n.shape).astype(np.float32) for n in leaves}
    before = gl.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            gl.set_num_threads(threads)
            found.append(compiled(outputs, known))
    finally:
        gl.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("c", "forms"), [
    (conv(64, 64, 64, (16, 16), (1, 1)), 2),
    (conv(1, 512, 512, (4, 4), (1, 1)), 0),  # transforming the weights would cost more
    (conv(8, 16, 24, (16, 16), (1, 1)), 0),  # channels do not lie innermost
])  # fmt: skip
def test_used_where_it_pays(c: Conv, forms: int) -> None:
    checked = check_program(program(c)[0])
    assert sum(isinstance(k.kernel, Winograd) for k in checked.order) == forms

"""Elementwise ops at special values, and how exact the elementary functions are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from compiler.oracle import compiled, leaves_for
from ir.special import special_values, ulps

from glia.base.errors import DTypeError
from glia.ir.expr import Expr, intern
from glia.ir.interpret import interpret
from glia.ir.table import TABLE

FLOATS = (np.float32, np.float64)
#: Units of the last place that an elementary function may be off.
ULPS = 2.5
#: Where they are more, in float64.
MORE = {"erfc": 3.5, "erfcx": 3.0}

ROWS = [
    row
    for row in TABLE.values()
    if row.kind == "elementwise" and row.name not in ("cast", "where", "not")
]


def accepts(name: str, arrays: list[np.ndarray]) -> Expr | None:
    try:
        return intern(TABLE[name], tuple(leaves_for(arrays)))
    except (DTypeError, ValueError):
        return None


def arity(name: str) -> int:
    one = np.ones(1, np.float32)
    return 1 if accepts(name, [one]) is not None else 2


NAMES = [row.name for row in ROWS if accepts(row.name, [np.ones(1)] * arity(row.name))]


def arguments(name: str, dtype: type) -> list[np.ndarray]:
    """All special values, or all pairs of them."""
    values = special_values(dtype)
    if arity(name) == 1:
        return [values]
    return [grid.ravel() for grid in np.meshgrid(values, values)]


#: Functions whose meaning, Python's own, is exact to so much of 1, not of the result.
ROUGH = {"lgamma": 1e-15}


def wrong(found: np.ndarray, expected: np.ndarray, rough: float = 0.0) -> np.ndarray:
    """Where a value, the kind of value (NaN, infinity) or the sign of a zero differs."""
    if expected.dtype.kind != "f":
        return found != expected
    far = ulps(found, expected.astype(np.longdouble)) > ULPS + 1  # NumPy has an error too
    with np.errstate(all="ignore"):
        far &= ~(np.abs(found - expected) <= rough * (1 + np.abs(expected)))
    zeros = (expected == 0) & (np.signbit(found) != np.signbit(expected))
    return far | zeros


def check(name: str, arrays: list[np.ndarray], found: np.ndarray) -> None:
    node = accepts(name, arrays)
    assert node is not None
    (expected,) = interpret([node], dict(zip(node.inputs, arrays, strict=True)))
    bad = np.flatnonzero(wrong(found, expected, ROUGH.get(name, 0.0)))
    shown = [
        f"{name}({', '.join(str(a[i]) for a in arrays)}) = {found[i]}, expected {expected[i]}"
        for i in bad[:8]
    ]
    assert not bad.size, f"{bad.size} of {found.size}:\n" + "\n".join(shown)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_whole_vectors(name: str, dtype: type) -> None:
    arrays = arguments(name, dtype)
    node = accepts(name, arrays)
    assert node is not None
    (found,) = compiled([node], dict(zip(node.inputs, arrays, strict=True)))
    check(name, arrays, found)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_one_by_one(name: str, dtype: type) -> None:
    """Reading every second element leaves no whole vectors: the scalar code does all."""
    arrays = arguments(name, dtype)
    spread = [np.repeat(a, 2).reshape(-1, 2) for a in arrays]
    leaves = leaves_for(spread)
    one = intern(TABLE["slice"], (leaves[0],), ((0, 0), spread[0].shape[:1] + (1,), (1, 1)))
    columns = [intern(one.op, (leaf,), one.attrs) for leaf in leaves]
    node = intern(TABLE[name], tuple(columns))
    (found,) = compiled([node], dict(zip(leaves, spread, strict=True)))
    check(name, arrays, found.ravel())


def dense(low: float, high: float, dtype: type, count: int = 400_001) -> np.ndarray:
    return np.linspace(low, high, count).astype(dtype)


def all_magnitudes(dtype: type, count: int = 400_003) -> np.ndarray:
    """Numbers evenly spread over the bit patterns of the finite positive ones."""
    size = np.dtype(dtype).itemsize
    top = int(np.array(np.finfo(dtype).max).view(f"u{size}"))
    return np.linspace(0, top, count).astype(f"u{size}").clip(0, top).view(dtype)


def erf_exact(x: np.ndarray) -> np.ndarray:
    """``2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!``: terms of one sign, so nothing is lost."""
    near = np.clip(x, -6.5, 6.5)
    term, total = near.copy(), near.copy()
    for n in range(1, 160):
        term = term * (2 * near * near) / (2 * n + 1)
        total = total + term
    pi = np.longdouble("3.14159265358979323846264338327950288")
    return 2 / np.sqrt(pi) * np.exp(-near * near) * total


def sigmoid_exact(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


#: √π to 40 digits.
ROOT_PI = np.longdouble("1.772453850905516027298167483341145182798")


def erfcx_exact(x: np.ndarray) -> np.ndarray:
    """``e^(x²) - e^(x²) erf x`` near 0; a continued fraction further out."""
    near = np.exp(x * x) * (1 - erf_exact(np.minimum(x, 1)))
    far = np.maximum(x, 1)
    rest = far
    for k in range(900, 0, -1):
        rest = far + np.longdouble(0.5) * k / rest
    return np.where(x < 1, near, 1 / ROOT_PI / rest)


def erfc_exact(x: np.ndarray) -> np.ndarray:
    return np.exp(-x * x) * erfcx_exact(x)


Reference = Callable[[np.ndarray], np.ndarray]
#: Function, and the ranges where it is neither constant nor infinite; "all" adds every magnitude.
FUNCTIONS: dict[str, tuple[Reference, list[tuple[float, float]], bool]] = {
    "exp": (np.exp, [(-104, 89), (-1, 1), (-746, 710)], True),
    "expm1": (np.expm1, [(-20, 88), (-1, 1), (-0.01, 0.01), (-40, 709)], True),
    "log": (np.log, [(0.5, 2.0), (1e-3, 1e3), (0.99, 1.01)], True),
    "log1p": (np.log1p, [(-0.999, 2), (-0.01, 0.01), (0, 1e6)], True),
    "tanh": (np.tanh, [(-10, 10), (-0.7, 0.7), (-22, 22)], True),
    "sigmoid": (sigmoid_exact, [(-10, 20), (-1, 1)], False),
    "erf": (erf_exact, [(-6, 6), (-1, 1)], False),
    "sin": (np.sin, [(-10, 10), (-1000, 1000), (-(2**20), 2**20)], True),
    "cos": (np.cos, [(-10, 10), (-1000, 1000), (-(2**20), 2**20)], True),
    "tan": (np.tan, [(-10, 10), (-1000, 1000), (-(2**20), 2**20)], True),
    "asin": (np.arcsin, [(-1, 1), (-0.01, 0.01)], False),
    "acos": (np.arccos, [(-1, 1), (0.999, 1)], False),
    "atan": (np.arctan, [(-3, 3), (-100, 100)], True),
    "sinh": (np.sinh, [(-1, 1), (-30, 30), (-88, 88), (-710, 710)], True),
    "cosh": (np.cosh, [(-1, 1), (-88, 88), (-710, 710)], True),
    "asinh": (np.arcsinh, [(-1, 1), (-100, 100), (-1e9, 1e9)], True),
    "acosh": (np.arccosh, [(1, 1.1), (1, 100), (1, 1e9)], False),
    "atanh": (np.arctanh, [(-1, 1), (-0.01, 0.01)], False),
    "exp2": (np.exp2, [(-150, 128), (-1, 1), (-1075, 1024)], True),
    "log2": (np.log2, [(0.5, 2.0), (1e-3, 1e3), (0.99, 1.01)], True),
    "log10": (np.log10, [(0.5, 2.0), (1e-3, 1e3), (0.99, 1.01)], True),
    "erfc": (erfc_exact, [(-6, 6), (0, 9)], False),
    "erfcx": (erfcx_exact, [(-5, 5), (0, 100)], False),
    "sqrt": (np.sqrt, [(0, 4)], True),
}


def worst(name: str, dtype: type, x: np.ndarray, precise: type) -> tuple[float, float]:
    """Largest error in ulp, and where it is."""
    node = accepts(name, [x])
    assert node is not None
    (found,) = compiled([node], {node.inputs[0]: x})
    with np.errstate(all="ignore"):
        errors = ulps(found, FUNCTIONS[name][0](x.astype(precise)))
    at = int(errors.argmax())
    return float(errors[at]), float(x[at])


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_error_in_units_of_the_last_place(name: str, dtype: type) -> None:
    wide = dtype is np.float64 or name in ("erf", "erfc", "erfcx")
    precise = np.longdouble if wide else np.float64
    if dtype is np.float64 and np.finfo(np.longdouble).nmant <= 52:
        pytest.skip("no type more precise than float64 here")
    _, ranges, everywhere = FUNCTIONS[name]
    count = 400_001 if precise is np.float64 else 40_001
    parts = [dense(*span, dtype, count) for span in ranges]
    if everywhere:
        magnitudes = all_magnitudes(dtype, count)
        parts += [magnitudes, -magnitudes]
    for x in parts:
        error, at = worst(name, dtype, x, precise)
        assert error <= MORE.get(name, ULPS), f"{name}({at!r}) is {error:.2f} ulp off"


def test_powers_of_a_base_have_whole_logarithms() -> None:
    exponents = np.arange(-1074.0, 1024.0)
    twos = np.ldexp(1.0, exponents.astype(int))
    tens = np.array([float(f"1e{k}") for k in range(-307, 309)])
    leaves = leaves_for([twos, tens, exponents])
    rows = [TABLE[name] for name in ("log2", "log10", "exp2")]
    nodes = [intern(row, (leaf,)) for row, leaf in zip(rows, leaves, strict=True)]
    found = compiled(nodes, dict(zip(leaves, (twos, tens, exponents), strict=True)))
    np.testing.assert_array_equal(found[0], exponents)
    np.testing.assert_array_equal(found[1], np.arange(-307.0, 309.0))
    np.testing.assert_array_equal(found[2], twos)


#: x, and values to 17 digits: DLMF, and Abramowitz and Stegun's tables.
PUBLISHED = {
    "lgamma": [(0.5, 0.57236494292470009), (1.0, 0.0), (3.0, 0.69314718055994531),
               (10.5, 13.940625219403763), (-0.5, 1.2655121234846454), (100.0, 359.13420536957540)],
    "digamma": [(1.0, -0.57721566490153286), (0.5, -1.9635100260214235),
                (2.0, 0.42278433509846714), (10.0, 2.2517525890667211)],
    "erfinv": [(0.5, 0.47693627620446987), (-0.9, -1.1630871536766741),
               (0.1, 0.088855990494257687)],
    "ndtri": [(0.975, 1.9599639845400542), (0.5, 0.0), (0.001, -3.0902323061678135)],
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_values(name: str) -> None:
    x, expected = np.array(PUBLISHED[name]).T
    node = accepts(name, [x])
    assert node is not None
    (found,) = compiled([node], {node.inputs[0]: x})
    np.testing.assert_allclose(found, expected, rtol=2e-15, atol=1e-15)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_quarter_turns(name: str, dtype: type) -> None:
    """Where the result is nearly zero, nearly all of the argument cancels."""
    if dtype is np.float64 and np.finfo(np.longdouble).nmant <= 52:
        pytest.skip("no type more precise than float64 here")
    turns = np.arange(-300_000, 300_000).astype(np.longdouble)
    near = (turns * np.longdouble("1.57079632679489661923132169163975144")).astype(dtype)
    error, at = worst(name, dtype, near, np.longdouble)
    assert error <= ULPS, f"{name}({at!r}) is {error:.2f} ulp off"


def test_powers_in_units_of_the_last_place() -> None:
    rng = np.random.default_rng(0)
    base = np.exp(rng.uniform(-87, 88, 100_000)).astype(np.float32)
    near = rng.uniform(0.5, 2, 100_000).astype(np.float32)
    base = np.concatenate([base, near, -near])
    exponent = np.concatenate(
        [
            rng.uniform(-2, 2, 100_000),
            rng.uniform(-120, 120, 100_000),
            rng.integers(-99, 99, 100_000),
        ]
    ).astype(np.float32)
    node = accepts("pow", [base, exponent])
    assert node is not None
    (found,) = compiled([node], dict(zip(node.inputs, (base, exponent), strict=True)))
    with np.errstate(all="ignore"):
        errors = ulps(found, np.power(base.astype(np.float64), exponent.astype(np.float64)))
    assert errors.max() <= ULPS


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64"])
def test_integers_where_processors_stop(dtype: str) -> None:
    """Division by 0, the lowest number by -1, shifts out of range, powers with large exponents."""
    info = np.iinfo(dtype)
    values = np.unique(np.array([0, 1, 2, 3, 7, 63, 64, 65, info.min, info.max], dtype))
    if info.min < 0:
        values = np.concatenate([values, np.array([-1, -2, -3, -64], dtype)])
    a, b = (grid.ravel() for grid in np.meshgrid(values, values))
    leaves = leaves_for([a, b])
    names = ("floordiv", "mod", "fmod", "shl", "shr", "pow")
    nodes = [intern(TABLE[name], tuple(leaves)) for name in names]
    known = dict(zip(leaves, (a, b), strict=True))
    for name, found, wanted in zip(
        names, compiled(nodes, known), interpret(nodes, known), strict=True
    ):
        np.testing.assert_array_equal(found, wanted, err_msg=name)

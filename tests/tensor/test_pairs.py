"""Functions of elements and of pairs: NumPy's values, PyTorch's errors and gradients."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia.base.errors import DTypeError, GradError, ShapeError

NAN, INF = math.nan, math.inf
EDGES = np.array([-INF, -2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3.5, INF, NAN])
WHOLE = np.array([-7, -3, -1, 0, 1, 2, 5, 7])
A, B = (grid.ravel() for grid in np.meshgrid(EDGES, EDGES))
M, N = (grid.ravel() for grid in np.meshgrid(WHOLE, WHOLE))

#: Method, and what NumPy says of all pairs of edges.
OF_FLOATS: dict[str, Any] = {
    "fmod": np.fmod, "remainder": np.mod, "maximum": np.maximum, "minimum": np.minimum,
    "fmax": np.fmax, "fmin": np.fmin, "hypot": np.hypot, "atan2": np.arctan2,
    "copysign": np.copysign, "nextafter": np.nextafter, "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2, "heaviside": lambda a, b: np.where(a == 0, b, (a > 0) * 1.0),
    "logical_and": np.logical_and, "logical_xor": np.logical_xor, "ge": np.greater_equal,
    "not_equal": np.not_equal, "float_power": np.float_power,
}  # fmt: skip
OF_WHOLE: dict[str, Any] = {
    "floor_divide": np.floor_divide, "remainder": np.mod, "fmod": np.fmod, "gcd": np.gcd,
    "lcm": np.lcm, "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor, "maximum": np.maximum,
    "bitwise_left_shift": lambda a, b: np.where(b < 0, 0, np.left_shift(a, np.maximum(b, 0))),
    "bitwise_right_shift": lambda a, b: np.right_shift(a, np.where(b < 0, 63, b)),
    "true_divide": lambda a, b: (a / b).astype(np.float32),
}  # fmt: skip
OF_ONE: dict[str, Any] = {
    "trunc": np.trunc, "frac": lambda x: x - np.trunc(x), "signbit": np.signbit, "sgn": np.sign,
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "isposinf": np.isposinf,
    "isneginf": np.isneginf, "isreal": np.isreal, "deg2rad": np.deg2rad, "rad2deg": np.rad2deg,
    "sinc": np.sinc, "reciprocal": np.reciprocal, "logical_not": np.logical_not,
    "nan_to_num": np.nan_to_num, "neg": np.negative, "positive": np.positive, "exp2": np.exp2,
}  # fmt: skip


def check(found: dict[str, gl.Tensor], wanted: dict[str, np.ndarray]) -> None:
    """All in one program."""
    gl.realize(*found.values())
    for name, x in found.items():
        y = np.asarray(wanted[name])
        assert x.dtype.np == y.dtype, name
        tolerance = 0 if y.dtype.kind in "bi" else 4 * np.finfo(y.dtype).eps
        np.testing.assert_allclose(x.numpy(), y, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_values_at_the_edges() -> None:
    a, b, x = gl.tensor(A), gl.tensor(B), gl.tensor(EDGES)
    check(
        {name: getattr(a, name)(b) for name in OF_FLOATS},
        {name: function(A, B) for name, function in OF_FLOATS.items()},
    )
    check(
        {name: getattr(x, name)() for name in OF_ONE},
        {name: function(EDGES) for name, function in OF_ONE.items()},
    )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_values_of_whole_numbers() -> None:
    a, b = gl.tensor(M), gl.tensor(N)
    check(
        {name: getattr(a, name)(b) for name in OF_WHOLE},
        {name: function(M, N) for name, function in OF_WHOLE.items()},
    )
    up = np.where(N == 0, 0, np.trunc(M / np.where(N == 0, 1, N))).astype(np.int64)
    assert gl.div(a, b, rounding_mode="trunc").tolist() == up.tolist()


OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift,
]  # fmt: skip


@pytest.mark.parametrize("function", OPERATORS)
def test_operators_from_both_sides(function: Any) -> None:
    array = np.array([1, 2, 5])
    x = gl.tensor(array)
    for found, wanted in (
        (function(x, 2), function(array, 2)),
        (function(9, x), function(9, array)),
    ):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)


def test_operators_of_python() -> None:
    x = gl.tensor([5, -5])
    assert [part.tolist() for part in divmod(x, 3)] == [[1, -2], [2, 1]]
    assert [part.tolist() for part in divmod(7, x)] == [[1, -2], [2, -3]]
    assert (~x).tolist() == [-6, 4]
    assert (~gl.tensor([True, False])).tolist() == [False, True]
    assert (+x).tolist() == [5, -5]
    assert ([[1.0, 2.0]] @ gl.tensor([[1.0], [2.0]])).tolist() == [[5.0]]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda: gl.tensor([2]) ** -1, "negative powers"),
        (lambda: gl.tensor([True]) - gl.tensor([True]), "expected one dtype"),
        (lambda: -gl.tensor([True]), "expected one dtype"),
        (lambda: +gl.tensor([True]), "expected numbers"),
        (lambda: gl.tensor([1.5]) & 1, "whole numbers"),
        (lambda: gl.tensor([1.5]) << 1, "whole numbers"),
        (lambda: gl.tensor([1.5]).gcd(gl.tensor([2.5])), "whole numbers"),
        (lambda: gl.tensor([1]).add(2, alpha=0.5), "whole factor"),
        (lambda: gl.tensor([1]).frexp(), "floating-point"),
        (lambda: gl.tensor([1]).isclose(gl.tensor([1.0])), "equal dtypes"),
        (lambda: gl.tensor([1]).round(decimals=1), "floating-point"),
        (lambda: gl.tensor([1]).addcdiv(gl.tensor([1]), gl.tensor([1])), "floating-point"),
    ],
)
def test_what_is_refused(function: Any, words: str) -> None:
    with pytest.raises(DTypeError, match=words):
        function()


def test_options_are_checked() -> None:
    x = gl.tensor([1.0])
    with pytest.raises(ShapeError, match="'trunc' or 'floor'"):
        x.div(2, rounding_mode="up")
    with pytest.raises(ShapeError, match="min or max"):
        x.clamp()


def test_gradients_where_values_are_equal_or_special() -> None:
    """At the limits of clamp the whole gradient goes to x, between equal ones of fmax to self."""
    x = gl.tensor([0.0, 0.5, 1.0, 2.0, NAN], requires_grad=True)
    x.clamp(0.0, 1.0)[:4].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist()[:4] == [1.0, 1.0, 1.0, 0.0]
    a = gl.tensor([1.0, NAN, 3.0], requires_grad=True)
    b = gl.tensor([1.0, 2.0, NAN], requires_grad=True)
    gl.fmax(a, b).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert (a.grad.tolist(), b.grad.tolist()) == ([1.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    z = gl.tensor([0.0, 0.0, 2.0], requires_grad=True)
    (gl.special.entr(z[2:]).sum() + gl.xlogy(z[:2], 0.0).sum() + z.sinc()[:1].sum()).backward()
    assert z.grad is not None
    np.testing.assert_allclose(z.grad.numpy(), [0.0, 0.0, -math.log(2.0) - 1], rtol=1e-6)


def test_parameters_without_derivative_say_so() -> None:
    a = gl.tensor([2.0], requires_grad=True)
    with pytest.raises(GradError, match="parameter"):
        gl.special.gammainc(a, gl.tensor([1.0])).sum().backward()
    with pytest.raises(GradError, match="parameter"):
        gl.special.zeta(a, gl.tensor([1.0])).sum().backward()


#: Values from NIST's Digital Library of Mathematical Functions and Abramowitz and Stegun's tables.
SPECIAL = {
    "bessel_j0": (1.0, 0.76519768655796655), "bessel_j1": (1.0, 0.44005058574493352),
    "bessel_y0": (1.0, 0.088256964215676958), "bessel_y1": (1.0, -0.78121282130028871),
    "i0": (1.0, 1.2660658777520084), "i1": (1.0, 0.56515910399248503),
    "modified_bessel_k0": (1.0, 0.42102443824070833),
    "modified_bessel_k1": (1.0, 0.60190723019723457),
    "airy_ai": (1.0, 0.13529241631288141), "spherical_bessel_j0": (1.0, 0.84147098480789651),
    "ndtr": (1.0, 0.84134474606854293), "log_ndtr": (-10.0, -53.231285150512477),
    "ndtri": (0.025, -1.9599639845400543), "erfcx": (1.0, 0.42758357615580700),
    "digamma": (1.0, -0.57721566490153286), "entr": (0.5, 0.34657359027997265),
}  # fmt: skip
OF_TWO = {
    "zeta": (2.0, 1.0, math.pi**2 / 6), "gammainc": (2.0, 1.0, 1 - 2 / math.e),
    "gammaincc": (2.0, 1.0, 2 / math.e), "xlog1py": (2.0, 1.0, 2 * math.log(2.0)),
    "chebyshev_polynomial_t": (0.5, 3.0, -1.0), "chebyshev_polynomial_u": (0.5, 3.0, -1.0),
    "hermite_polynomial_h": (0.5, 3.0, -5.0), "hermite_polynomial_he": (0.5, 3.0, -1.375),
    "laguerre_polynomial_l": (0.5, 2.0, 0.125), "legendre_polynomial_p": (0.5, 3.0, -0.4375),
    "shifted_chebyshev_polynomial_t": (0.75, 3.0, -1.0),
}  # fmt: skip


def test_special_values_of_special_functions() -> None:
    def scalar(x: float) -> gl.Tensor:
        return gl.tensor(np.array([x]))

    found = [getattr(gl.special, name)(scalar(x)) for name, (x, _) in SPECIAL.items()]
    found += [getattr(gl.special, name)(scalar(x), scalar(y)) for name, (x, y, _) in OF_TWO.items()]
    found += [gl.polygamma(1, scalar(1.0)), scalar(3.0).mvlgamma(2), scalar(0.25).logit()]
    wanted = [y for _, y in SPECIAL.values()] + [z for *_, z in OF_TWO.values()]
    two = 0.5 * math.log(math.pi) + math.lgamma(3.0) + math.lgamma(2.5)
    wanted += [math.pi**2 / 6, two, -math.log(3.0)]
    gl.realize(*found)
    for name, x, y in zip([*SPECIAL, *OF_TWO, "polygamma", "mvlgamma", "logit"], found, wanted):
        np.testing.assert_allclose(x.numpy(), [y], rtol=2e-14, err_msg=name)


def test_rounded_quotients_are_constant() -> None:
    x = gl.tensor([3.5, -3.5], requires_grad=True)
    (x.div(2.0, rounding_mode="floor") * x + x.div(2.0, rounding_mode="trunc")).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, -2.0]

"""An example for every function that is a row of a table: arguments, and what comes out.

A list among the arguments is given as an array; of ``tensor(…)`` stands what is in between.
"""

from __future__ import annotations

EXAMPLES = {
    # of one array
    "abs": ("[-2, 3]", "[2, 3]"),
    "acos": ("[1.0, 0.0, 2.0]", "[0.    , 1.5708,    nan]"),
    "acosh": ("[1.0, 2.0, 0.0]", "[0.   , 1.317,   nan]"),
    "asin": ("[0.0, 1.0, 2.0]", "[0.    , 1.5708,    nan]"),
    "asinh": ("[0.0, 1.0]", "[0.    , 0.8814]"),
    "atan": ("[0.0, 1.0]", "[0.    , 0.7854]"),
    "atanh": ("[0.0, 0.5, 1.0]", "[0.    , 0.5493,    inf]"),
    "bitwise_invert": ("[0, 5]", "[-1, -6]"),
    "ceil": ("[-1.5, 1.5]", "[-1.,  2.]"),
    "conj": ("[1 + 2j]", "[1.-2.j], dtype=glia.complex64"),
    "cos": ("[0.0, 1.0]", "[1.    , 0.5403]"),
    "cosh": ("[0.0, 1.0]", "[1.    , 1.5431]"),
    "exp": ("[0.0, 1.0]", "[1.    , 2.7183]"),
    "expm1": ("[0.0, 1.0]", "[0.    , 1.7183]"),
    "floor": ("[-1.5, 1.5]", "[-2.,  1.]"),
    "isfinite": ("[1.0, xp.inf, xp.nan]", "[ True, False, False]"),
    "isinf": ("[1.0, xp.inf, xp.nan]", "[False,  True, False]"),
    "isnan": ("[1.0, xp.inf, xp.nan]", "[False, False,  True]"),
    "log": ("[1.0, 0.0, -1.0]", "[  0., -inf,  nan]"),
    "log10": ("[1000.0]", "[3.]"),
    "log1p": ("[0.0, -1.0]", "[  0., -inf]"),
    "log2": ("[8.0]", "[3.]"),
    "logical_not": ("[True, False]", "[False,  True]"),
    "negative": ("[2, -3]", "[-2,  3]"),
    "positive": ("[2, -3]", "[ 2, -3]"),
    "reciprocal": ("[4.0, 0.0]", "[0.25,  inf]"),
    "sign": ("[-3, 0, 5]", "[-1,  0,  1]"),
    "signbit": ("[-3.0, -0.0, 0.0]", "[ True,  True, False]"),
    "sin": ("[0.0, 1.0]", "[0.    , 0.8415]"),
    "sinh": ("[0.0, 1.0]", "[0.    , 1.1752]"),
    "sqrt": ("[9.0, -1.0]", "[ 3., nan]"),
    "square": ("[-3, 4]", "[ 9, 16]"),
    "tan": ("[0.0, 1.0]", "[0.    , 1.5574]"),
    "tanh": ("[0.0, 1.0]", "[0.    , 0.7616]"),
    "trunc": ("[-1.5, 1.5]", "[-1.,  1.]"),
    # of two
    "add": ("[1, 2]", "10", "[11, 12]"),
    "atan2": ("[1.0, -1.0]", "[0.0, -1.0]", "[ 1.5708, -2.3562]"),
    "bitwise_and": ("[6]", "[3]", "[2]"),
    "bitwise_left_shift": ("[3]", "[2]", "[12]"),
    "bitwise_or": ("[6]", "[3]", "[7]"),
    "bitwise_right_shift": ("[-5]", "[1]", "[-3]"),
    "bitwise_xor": ("[6]", "[3]", "[5]"),
    "copysign": ("[1.0, 2.0]", "[-0.0, 3.0]", "[-1.,  2.]"),
    "divide": ("[1.0, 1.0]", "[4.0, 0.0]", "[0.25,  inf]"),
    "equal": ("[1, 2]", "[1, 3]", "[ True, False]"),
    "greater": ("[1, 2]", "2", "[False, False]"),
    "greater_equal": ("[1, 2]", "2", "[False,  True]"),
    "hypot": ("[3.0]", "[4.0]", "[5.]"),
    "less": ("[1, 2]", "2", "[ True, False]"),
    "less_equal": ("[1, 2]", "2", "[ True,  True]"),
    "logaddexp": ("[0.0, 1000.0]", "[0.0, 0.0]", "[6.9315e-01, 1.0000e+03]"),
    "logical_and": ("[True, True]", "[True, False]", "[ True, False]"),
    "logical_or": ("[True, False]", "[False, False]", "[ True, False]"),
    "logical_xor": ("[True, True]", "[True, False]", "[False,  True]"),
    "maximum": ("[1.0, xp.nan]", "2.0", "[ 2., nan]"),
    "minimum": ("[1.0, xp.nan]", "2.0", "[ 1., nan]"),
    "multiply": ("[2, 3]", "[4, 5]", "[ 8, 15]"),
    "nextafter": ("[0.0]", "[1.0]", "[1.e-45]"),
    "not_equal": ("[1, 2]", "[1, 3]", "[False,  True]"),
    "pow": ("[2, 3]", "[3, 2]", "[8, 9]"),
    "remainder": ("[-5, 5]", "3", "[1, 2]"),
    "subtract": ("[5, 5]", "[2, 7]", "[ 3, -2]"),
    # transforms
    "fft.fft": ("[1.0, 0.0, 0.0, 0.0]", "[1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j], dtype=glia.complex64"),
    "fft.ifft": ("[4.0, 0.0, 0.0, 0.0]", "[1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j], dtype=glia.complex64"),
    "fft.fftn": ("[[1.0, 2.0]]", "[[ 3.+0.j, -1.+0.j]], dtype=glia.complex64"),
    "fft.ifftn": ("[[3.0, -1.0]]", "[[1.+0.j, 2.+0.j]], dtype=glia.complex64"),
    "fft.rfft": ("[1.0, 2.0, 3.0, 4.0]", "[10.+0.j, -2.+2.j, -2.+0.j], dtype=glia.complex64"),
    "fft.irfft": ("[10.0, -2.0, -2.0]", "[1., 3., 3., 3.]"),
    "fft.rfftn": ("[[1.0, 2.0]]", "[[ 3.+0.j, -1.+0.j]], dtype=glia.complex64"),
    "fft.irfftn": ("[[3.0, -1.0]]", "[[1., 2.]]"),
    "fft.hfft": ("[10.0, -2.0, -2.0]", "[ 4., 12., 12., 12.]"),
    "fft.ihfft": (
        "[1.0, 2.0, 3.0, 4.0]",
        "[ 2.5+0.j , -0.5-0.5j, -0.5-0.j ], dtype=glia.complex64",
    ),
}


def example(name: str) -> str:
    """The lines of an example, as the last part of a docstring."""
    *arguments, result = EXAMPLES[name]
    given = [f"xp.asarray({one})" if one.startswith("[") else one for one in arguments]
    lines = ("Example:", "    >>> import glia.array_api as xp")
    call = f"    >>> xp.{name}({', '.join(given)})"
    return "\n    ".join((*lines, call, f"    tensor({result})"))

"""Which operations take long."""

from __future__ import annotations

#: Operations worth a store and a load rather than doing them in every reader.
EXPENSIVE = frozenset(
    ("exp", "sigmoid", "log", "log1p", "expm1", "sin", "cos", "tanh", "erf", "pow", "random_bits")
    + ("exp2", "log2", "log10", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "asinh")
    + ("acosh", "atanh", "erfc", "erfcx", "erfinv", "ndtri", "lgamma", "fmod", "mod", "floordiv")
)
#: Those worth it within a row, where store and load stay in the nearest cache.
DEAR = EXPENSIVE - {"random_bits"} | {"div", "sqrt", "hypot"}

"""For all tests: annotations of glia's inner functions are checked at every call.

What users call (layers, optimizers, metrics, the training loop, the command line) checks its
arguments itself and answers with glia's own errors; there the annotations are left to mypy.
"""

from __future__ import annotations

import numpy as np
import pytest
from beartype import BeartypeConf, FrozenDict
from beartype.claw import beartype_packages

CHECKED = (
    "glia.base",
    "glia.ir",
    "glia.autodiff",
    "glia.compiler",
    "glia.runtime",
    "glia.tensor",
    "glia.data",
    "glia.interop",
    "glia.models",
    "glia.learn",
    "glia.viz",
)

#: Modules in there that are not checked, and why.
UNCHECKED = (
    # annotations hold names that only type checkers import
    "glia.ir.table",
    "glia.runtime.threads",
    "glia.tensor.methods",
    "glia.tensor.node",
    "glia.viz.animate",
    "glia.viz.figure",
    # compose() serves functions of several results, too
    "glia.ir.expr",
    "glia.ir.ops.view",
)

beartype_packages(
    CHECKED,
    conf=BeartypeConf(
        claw_is_pep526=False,  # annotations of variables
        claw_skip_package_names=UNCHECKED,
        # NumPy turns arrays without dimensions into scalars
        hint_overrides=FrozenDict({np.ndarray: np.ndarray | np.generic}),
        is_pep484_tower=True,  # an int is a float
    ),
)


def pytest_configure(config: pytest.Config) -> None:
    # A function whose annotations cannot be looked up (a protocol, a hidden name) goes unchecked.
    config.addinivalue_line("filterwarnings", "ignore::beartype.roar.BeartypeClawDecorWarning")

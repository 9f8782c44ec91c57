"""For all tests: the annotations of glia's functions are checked at every call.

A test that gives a wrong type on purpose expects glia's own error; where a function takes
anything and checks by itself, its annotation says so.
"""

from __future__ import annotations

import pytest
from beartype import BeartypeConf
from beartype.claw import beartype_package

#: Modules whose annotations hold names that only type checkers import.
UNREADABLE = (
    "glia.ir.table",
    "glia.nn.state",
    "glia.nn.summary",
    "glia.runtime.threads",
    "glia.tensor.methods",
    "glia.tensor.node",
    "glia.train.run",
    "glia.viz.animate",
    "glia.viz.figure",
)

beartype_package(
    "glia",
    conf=BeartypeConf(
        claw_is_pep526=False,  # annotations of variables
        claw_skip_package_names=UNREADABLE,
        is_pep484_tower=True,  # an int is a float
    ),
)


def pytest_configure(config: pytest.Config) -> None:
    # A function whose annotations cannot be looked up (a protocol, a hidden name) goes unchecked.
    config.addinivalue_line("filterwarnings", "ignore::beartype.roar.BeartypeClawDecorWarning")

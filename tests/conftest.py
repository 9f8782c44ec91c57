"""For all tests: annotations of glia's inner functions are checked at every call.

What users call checks its arguments itself and answers with errors that name the user's line.
There the annotations are left to mypy: a wrapper would answer first, and its frame would be taken
for the user's.
"""

from __future__ import annotations

import numpy as np
import pytest
from beartype import BeartypeConf, FrozenDict
from beartype.claw import beartype_packages

#: Programs that tests start in environments of their own, and what needs PyTorch to be imported.
collect_ignore = ["bench/fake_worker.py", "train/torch_nets.py", "torch_ops/counterparts.py"]

CHECKED = (
    "glia.ir.interpret",
    "glia.ir.text",
    "glia.autodiff",
    "glia.compiler",
    "glia.runtime",
    "glia.viz",
)

#: Modules in there that are not checked, and why.
UNCHECKED = (
    "glia.compiler.schedule.lower",  # recursive: wrappers would double the depth of the stack
    # annotations hold names that only type checkers import
    "glia.compiler.codegen.columns",
    "glia.runtime.threads",
    "glia.viz.animate",
    "glia.viz.figure",
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


@pytest.fixture(autouse=True)
def english() -> None:
    """Whatever language the test before left on."""
    from glia.base.i18n import set_language

    set_language("en")


@pytest.fixture(autouse=True)
def planned_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests change how programs are planned: none may find a plan on disk, or leave one there."""
    from glia.compiler import outline

    monkeypatch.setattr(outline, "read", lambda _name: None)
    monkeypatch.setattr(outline, "write", lambda _name, _found: None)


def pytest_configure(config: pytest.Config) -> None:
    # A function whose annotations cannot be looked up (a protocol, a hidden name) goes unchecked.
    config.addinivalue_line("filterwarnings", "ignore::beartype.roar.BeartypeClawDecorWarning")

"""The page of figures is what the kept results say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from glia.base.i18n import set_language
from glia.bench.harness import Result, Settings
from glia.bench.limits import Limits
from glia.bench.run import Run, load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script() -> ModuleType:
    path = ROOT / "benchmarks" / "performance_page.py"
    spec = importlib.util.spec_from_file_location("performance_page", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["en", "zh"])
def test_the_page_is_made_from_the_results(name: str, script: ModuleType) -> None:
    set_language(name)
    page = (ROOT / "docs" / name / "performance.md").read_text("utf-8")
    assert page == script.page(load(script.RESULTS))


def test_goals_not_reached_are_named(script: ModuleType) -> None:
    rows = {
        "W2": [Result("glia", "jit", rounds=[2.0], kernels=["60% nest"]),
               Result("jax", "jit", rounds=[2.0])],
        "W3": [Result("glia", "jit", rounds=[0.1]), Result("jax", "jit", rounds=[2.0])],
    }  # fmt: skip
    facts = dict.fromkeys(
        "processor architecture memory_gib system python numpy llvmlite".split(), "?"
    )
    run = Run(Settings(), ["glia", "jax"], False, "", facts, Limits(2, 4e11, 4e10, 3e11), rows)
    page = script.page(run)
    assert "**W2**" in page and "54% too long" in page and "- `60% nest`" in page
    assert "**W3**" not in page

"""Fixtures for the tests of metrics."""

from collections.abc import Iterator

import pytest

from glia.base import i18n


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    before = i18n.language()
    i18n.set_language("en")
    yield
    i18n.set_language(before)

"""Methods as functions of the package."""

from __future__ import annotations

import numpy as np
import pytest

import glia as gl
from glia.tensor.functions import functions


def test_functions_are_the_methods() -> None:
    x = gl.tensor([[1.0, -2.0], [0.5, 3.0]])
    assert gl.exp(x).tolist() == x.exp().tolist()
    assert gl.sum(x, 1, keepdim=True).shape == (2, 1)
    assert gl.matmul(x, x).tolist() == (x @ x).tolist()
    assert gl.sqrt(4.0).item() == 2.0
    assert gl.amax(np.arange(5.0)).item() == 4.0


@pytest.mark.parametrize("name", sorted(functions()))
def test_names_do_not_hide_others(name: str) -> None:
    assert callable(getattr(gl.Tensor, name))
    assert name not in gl.__all__


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = gl.nonsense

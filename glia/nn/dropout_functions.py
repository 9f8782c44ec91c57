"""Dropout as functions; ``glia.nn.functional`` has them under PyTorch's names."""

from __future__ import annotations

from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import numel
from glia.ir import build
from glia.ir.expr import Expr
from glia.nn.activation_functions import SELU_ALPHA, SELU_SCALE
from glia.nn.formulas import check_float
from glia.nn.functional_checks import check_probability
from glia.tensor import random as _random
from glia.tensor.inplace import rebind
from glia.tensor.tensor import Tensor, apply

#: Where SELU ends on the left: what a dropped element becomes.
_FLOOR = -SELU_ALPHA * SELU_SCALE


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element zero with probability p, else divided by ``1 - p``; only while training.

    >>> import glia as gl
    >>> sorted(set(dropout(gl.ones(100), p=0.75).tolist()))
    [0.0, 4.0]
    >>> dropout(gl.ones(3), training=False)
    tensor([1., 1., 1.])

    Source: Srivastava et al., "Dropout" (2014).
    """
    check_probability("dropout", p)
    if not training or p == 0:
        return input
    return _done(input, _random.dropout(input, float(p)), inplace, "dropout_")


def _done(input: Tensor, out: Tensor, inplace: bool, name: str) -> Tensor:
    return rebind(input, out, name) if inplace else out


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As ``dropout``, but for whole channels of (N, C, L) or (C, L).

    >>> import glia as gl
    >>> y = dropout1d(gl.ones(8, 5, 2))
    >>> bool((y[:, :, 0] == y[:, :, 1]).all())  # a channel goes, or stays, as a whole
    True
    """
    return _channels(input, p, training, 1, inplace)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As ``dropout``, but for whole channels of (N, C, H, W) or (C, H, W).

    >>> import glia as gl
    >>> y = dropout2d(gl.ones(8, 5, 1, 2))
    >>> bool((y[..., 0] == y[..., 1]).all())
    True

    Source: Tompson et al., "Efficient object localization using convolutional networks" (2015).
    """
    return _channels(input, p, training, 2, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As ``dropout``, but for whole channels of (N, C, D, H, W) or (C, D, H, W).

    >>> import glia as gl
    >>> y = dropout3d(gl.ones(8, 5, 1, 1, 2))
    >>> bool((y[..., 0] == y[..., 1]).all())
    True
    """
    return _channels(input, p, training, 3, inplace)


def _channels(input: Tensor, p: float, training: bool, positions: int, inplace: bool) -> Tensor:
    name = f"dropout{positions}d"
    check_probability(name, p)
    if input.ndim not in (positions + 1, positions + 2):
        sizes = ", ".join("LHWDHW"[(0, 1, 3)[positions - 1] :][:positions])
        what = tr(
            f"{name}: expected (N, C, {sizes}) or (C, {sizes}), got {input.shape}.",
            f"{name}：需要 (N, C, {sizes}) 或 (C, {sizes})，得到 {input.shape}。",
        )
        raise ShapeError(teach(what, tr("use dropout", "请用 dropout")))
    if not training or p == 0:
        return input
    return _done(input, _random.dropout(input, float(p), positions), inplace, f"{name}_")


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1 behind SELU; only while training.

    Dropped elements become SELU's lowest value α'; then all are scaled and shifted:
    ``a x + b``, ``a = ((1 - p)(1 + p α'²))^-½``, ``b = -a p α'``.

    >>> import glia as gl
    >>> y = alpha_dropout(gl.zeros(100), training=True)
    >>> gl.unique(y)  # dropped, kept
    tensor([-0.7792,  0.7792])

    Source: Klambauer et al., "Self-normalizing neural networks" (2017).
    """
    check_probability("alpha_dropout", p)
    if not training or p == 0:
        return input
    return _done(input, _alpha(input, p, 0), inplace, "alpha_dropout_")


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """As ``alpha_dropout``, but for whole channels of (N, C, …).

    >>> import glia as gl
    >>> y = feature_alpha_dropout(gl.ones(8, 5, 2), training=True)
    >>> bool((y[:, :, 0] == y[:, :, 1]).all())
    True
    """
    check_probability("feature_alpha_dropout", p)
    if not training or p == 0:
        return input
    if input.ndim < 2:
        what = tr(
            f"feature_alpha_dropout: expected (N, C, …), got {input.shape}.",
            f"feature_alpha_dropout：需要 (N, C, …)，得到 {input.shape}。",
        )
        raise ShapeError(teach(what, tr("use alpha_dropout", "请用 alpha_dropout")))
    return _done(input, _alpha(input, p, input.ndim - 2), inplace, "feature_alpha_dropout_")


def _alpha(input: Tensor, p: float, together: int) -> Tensor:
    if p == 1 or not numel(input.shape):
        return input * 0.0
    return apply(_alpha_dropped, (input, _random.key_tensor()), float(p), together)


def _alpha_dropped(x: Expr, key: Expr, p: float, together: int) -> Expr:
    check_float("alpha_dropout", x)
    ones = build.full((*x.shape[: x.ndim - together], *(1,) * together), 1.0, x.dtype)
    keep = build.gt(_random.dropped(ones, key, p, 0), 0.0)
    scale: float = ((1 - p) * (1 + p * _FLOOR**2)) ** -0.5
    kept = build.add(build.mul(x, scale), -scale * p * _FLOOR)
    return build.where(keep, kept, scale * _FLOOR * (1 - p))

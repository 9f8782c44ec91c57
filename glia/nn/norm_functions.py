"""Normalisation as functions; ``glia.nn.functional`` has them under PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import numel
from glia.nn import norm_formulas as _n
from glia.tensor.functional import defer
from glia.tensor.tensor import Tensor, apply


def scale_and_shift(weight: Tensor | None, bias: Tensor | None) -> tuple[tuple[Tensor, ...], str]:
    """The scale and shift that are there, and flags that say which."""
    given = {"w": weight, "b": bias}
    flags = "".join(name for name, part in given.items() if part is not None)
    return tuple([part for part in given.values() if part is not None]), flags


def _sizes(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``(x - E x) / √(Var x + ε) · w + b`` over the last dimensions, which must have these sizes.

    >>> import glia as gl
    >>> layer_norm(gl.tensor([[1.0, 3.0], [10.0, 30.0]]), (2,))
    tensor([[-1.,  1.],
            [-1.,  1.]])

    Source: Ba, Kiros, Hinton, "Layer normalization" (2016).
    """
    parts, flags = scale_and_shift(weight, bias)
    return apply(_n.layer_norm, (input, *parts), flags, _sizes(normalized_shape), float(eps))


def rms_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """``x / √(E x² + ε) · w`` over the last dimensions; ε is the dtype's epsilon by default.

    >>> import glia as gl
    >>> rms_norm(gl.tensor([3.0, 4.0, 0.0, 0.0]), (4,))
    tensor([1.2, 1.6, 0. , 0. ])

    Source: Zhang and Sennrich, "Root mean square layer normalization" (2019).
    """
    parts = () if weight is None else (weight,)
    least = None if eps is None else float(eps)
    return apply(_n.rms_norm, (input, *parts), _sizes(normalized_shape), least)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``(x - E x) / √(Var x + ε) · w + b``, E and Var per channel of (N, C, …).

    While training they are the batch's own, and the running statistics, where given, move
    towards them; else they are the running statistics. See :class:`glia.nn.BatchNorm2d`.

    >>> import glia as gl
    >>> mean, var = gl.zeros(1), gl.ones(1)
    >>> batch_norm(gl.tensor([[2.0], [6.0]]), mean, var, training=True)
    tensor([[-1.],
            [ 1.]])
    >>> mean, var  # a tenth of the way to 4 and, unbiased, 8
    (tensor([0.4]), tensor([1.7]))

    Source: Ioffe and Szegedy, "Batch normalization" (2015).
    """
    if not numel(input.shape):
        return input
    _check_channels("batch_norm", input)
    parts, flags = scale_and_shift(weight, bias)
    if not training:
        mean, variance = _statistics("batch_norm", running_mean, running_var)
        return apply(_n.norm_eval, (input, mean, variance, *parts), flags, float(eps))
    out = apply(_n.batch_norm_train, (input, *parts), flags, float(eps))
    if running_mean is not None:
        defer(running_mean, _n.running_mean, (input,), float(momentum))
    if running_var is not None:
        defer(running_var, _n.running_variance, (input,), float(momentum))
    return out


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``(x - E x) / √(Var x + ε) · w + b``, E and Var of each sample's channel in (N, C, …).

    With ``use_input_stats=False`` they are the running statistics instead, which else, where
    given, move towards the mean over the samples.

    >>> import glia as gl
    >>> instance_norm(gl.tensor([[[1.0, 3.0], [10.0, 30.0]]]))
    tensor([[[-1.,  1.],
             [-1.,  1.]]])

    Source: Ulyanov, Vedaldi, Lempitsky, "Instance normalization" (2016).
    """
    _check_channels("instance_norm", input)
    parts, flags = scale_and_shift(weight, bias)
    if not use_input_stats:
        mean, variance = _statistics("instance_norm", running_mean, running_var)
        return apply(_n.norm_eval, (input, mean, variance, *parts), flags, float(eps))
    out = apply(_n.instance_norm, (input, *parts), flags, float(eps))
    if running_mean is not None:
        defer(running_mean, _n.running_mean, (input,), float(momentum))
    if running_var is not None:
        defer(running_var, _n.running_instance_variance, (input,), float(momentum))
    return out


def _check_channels(name: str, input: Tensor) -> None:
    if input.ndim < 2:
        what = tr(
            f"{name}: expected (N, C, …), got {input.shape}.",
            f"{name}：需要 (N, C, …)，得到 {input.shape}。",
        )
        raise ShapeError(teach(what, tr("channels are the second size", "通道是第二维")))


def _statistics(name: str, mean: Tensor | None, var: Tensor | None) -> tuple[Tensor, Tensor]:
    if mean is None or var is None:
        what = tr(
            f"{name}: running_mean and running_var are needed outside training.",
            f"{name}：非训练时需要 running_mean 与 running_var。",
        )
        raise ArgumentError(teach(what, tr("give both", "请给出两者")))
    return mean, var


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``(x - E x) / √(Var x + ε) · w + b``, E and Var over groups of channels of each sample.

    >>> import glia as gl
    >>> group_norm(gl.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.,  1., -1.,  1.]])

    Source: Wu and He, "Group normalization" (2018).
    """
    parts, flags = scale_and_shift(weight, bias)
    return apply(_n.group_norm, (input, *parts), flags, int(num_groups), float(eps))


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """``x / (k + α/n Σ x²)^β``; the sum runs over the n channels around each of (N, C, …).

    >>> import glia as gl
    >>> local_response_norm(gl.tensor([[[1.0], [2.0]]]), 2, alpha=1.0, beta=1.0)
    tensor([[[0.6667],
             [0.5714]]])

    Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification" (2012), section 3.3.
    """
    attrs = (int(size), float(alpha), float(beta), float(k))
    return apply(_n.local_response_norm, (input,), *attrs)

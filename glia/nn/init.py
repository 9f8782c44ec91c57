"""Initial values of parameters, with PyTorch's names and distributions.

Every function overwrites its tensor and returns it. Random numbers come from the global stream
(``gl.manual_seed``), so the same seed gives the same network; the numbers differ from PyTorch's.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import numel
from glia.tensor.functional import write
from glia.tensor.random import Generator, host_rng
from glia.tensor.tensor import Tensor

_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance of activations behind a nonlinearity.

    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else float(param)
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        known = ", ".join([*_GAINS, "leaky_relu"])
        what = tr(f"unknown nonlinearity {nonlinearity!r}.", f"未知的非线性 {nonlinearity!r}。")
        raise ArgumentError(teach(what, tr(f"use one of {known}", f"可用：{known}")))
    return _GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each output has, and how many outputs each input reaches.

    >>> import glia as gl
    >>> fans(gl.empty(8, 3, 5, 5))  # 3 and 8 channels, windows of 25
    (75, 200)
    """
    if tensor.ndim < 2:
        what = tr(
            f"init: expected a weight of at least 2 dimensions, found shape {tensor.shape}.",
            f"init：需要至少 2 维的权重，得到形状 {tensor.shape}。",
        )
        help = tr("for a bias use zeros_ or uniform_", "偏置请用 zeros_ 或 uniform_")
        raise ShapeError(teach(what, help))
    window = numel(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def _fill(tensor: Tensor, array: np.ndarray) -> Tensor:
    write([(tensor, array)])
    return tensor


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """U(a, b).

    >>> import glia as gl
    >>> w = uniform_(gl.empty(1000), -2.0, 3.0)
    >>> bool((w >= -2.0).all() & (w < 3.0).all())
    True
    """
    return _fill(tensor, host_rng(generator).uniform(a, b, tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """N(mean, std²).

    >>> import glia as gl
    >>> _ = gl.manual_seed(0)
    >>> w = normal_(gl.empty(10000), mean=5.0, std=2.0)
    >>> round(w.mean().item(), 1), round(w.std().item(), 1)
    (5.0, 2.0)
    """
    return _fill(tensor, host_rng(generator).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """N(mean, std²) without what lies outside of [a, b].

    Args:
        tensor: what to fill.
        mean, std: of the distribution that is cut.
        a, b: where it is cut: values, not multiples of ``std``.
        generator: where random numbers come from.

    Example:
        >>> import glia as gl
        >>> x = trunc_normal_(gl.zeros(1000), std=5.0)
        >>> x.abs().amax().item() <= 2.0
        True
    """
    if not a < b or not std > 0:
        what = tr(
            f"trunc_normal_: expected a < b and std > 0, found a={a}, b={b}, std={std}.",
            f"trunc_normal_：应有 a < b 且 std > 0，得到 a={a}、b={b}、std={std}。",
        )
        raise ArgumentError(teach(what))
    bell = NormalDist()
    low, high = (a - mean) / std, (b - mean) / std
    mirrored = low > 0  # small tails are exact on the left only
    if mirrored:
        low, high = -high, -low
    bounds = bell.cdf(low), bell.cdf(high)
    u = host_rng(generator).uniform(*bounds, numel(tensor.shape))
    tiny = np.finfo(np.float64).tiny
    x = np.array([bell.inv_cdf(p) for p in np.clip(u, tiny, 1 - 2**-53).tolist()])
    x = -x if mirrored else x
    return _fill(tensor, np.clip(x * std + mean, a, b).reshape(tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Every element ``val``.

    >>> import glia as gl
    >>> constant_(gl.empty(2), 0.3)
    tensor([0.3, 0.3])
    """
    return _fill(tensor, np.full(tensor.shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Every element 0.

    >>> import glia as gl
    >>> zeros_(gl.empty(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Every element 1.

    >>> import glia as gl
    >>> ones_(gl.empty(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity: what goes in comes out.

    Example:
        >>> import glia as gl
        >>> eye_(gl.zeros(2, 3))
        tensor([[1., 0., 0.],
                [0., 1., 0.]])
    """
    _check_rank("eye_", tensor, (2,))
    return _fill(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The identity of a convolution: as many channels as possible go through unchanged.

    Args:
        tensor: the weight of a convolution.
        groups: how many groups of channels are treated by themselves.

    Example:
        >>> import glia as gl
        >>> dirac_(gl.zeros(1, 1, 3))
        tensor([[[0., 1., 0.]]])
    """
    _check_rank("dirac_", tensor, (3, 4, 5))
    if tensor.shape[0] % groups:
        what = tr(
            f"dirac_: {tensor.shape[0]} channels cannot be split in {groups} groups.",
            f"dirac_：{tensor.shape[0]} 个通道不能分成 {groups} 组。",
        )
        raise ArgumentError(teach(what))
    out = tensor.shape[0] // groups
    array = np.zeros(tensor.shape)
    middle = tuple([size // 2 for size in tensor.shape[2:]])
    for group in range(groups):
        for channel in range(min(out, tensor.shape[1])):
            array[(group * out + channel, channel, *middle)] = 1.0
    return _fill(tensor, array)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Rows, or columns where they are fewer, of length ``gain`` and at right angles.

    Args:
        tensor: a matrix; dimensions after the first are taken together.
        gain: their length.
        generator: where random numbers come from.

    Example:
        >>> import glia as gl
        >>> q = orthogonal_(gl.zeros(2, 3))
        >>> (q @ q.T - gl.tensor([[1.0, 0.0], [0.0, 1.0]])).abs().amax().item() < 1e-6
        True

    Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning
    in deep linear neural networks" (2014).
    """
    if tensor.ndim < 2:
        _check_rank("orthogonal_", tensor, (2, 3, 4, 5))
    if numel(tensor.shape) == 0:
        return tensor
    rows = tensor.shape[0]
    matrix = host_rng(generator).normal(size=(rows, numel(tensor.shape[1:])))
    wide = rows < matrix.shape[1]
    q, r = np.linalg.qr(matrix.T if wide else matrix)
    q = q * np.sign(np.diag(r))  # uniform over all of them (Mezzadri, 2007)
    return _fill(tensor, (gain * (q.T if wide else q)).reshape(tensor.shape))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """N(0, std²), with the share ``sparsity`` of every column set to 0.

    Example:
        >>> import glia as gl
        >>> (sparse_(gl.zeros(4, 5), sparsity=0.5) == 0).sum(0)
        tensor([2, 2, 2, 2, 2])

    Source: Martens, "Deep learning via Hessian-free optimization" (2010).
    """
    _check_rank("sparse_", tensor, (2,))
    if not 0 <= sparsity <= 1:
        what = tr(
            f"sparse_: expected sparsity in [0, 1], found {sparsity!r}.",
            f"sparse_：sparsity 应在 [0, 1] 内，得到 {sparsity!r}。",
        )
        raise ArgumentError(teach(what))
    rng = host_rng(generator)
    rows, columns = tensor.shape
    array = rng.normal(0.0, std, tensor.shape)
    for column in range(columns):
        array[rng.permutation(rows)[: math.ceil(sparsity * rows)], column] = 0.0
    return _fill(tensor, array)


def _check_rank(name: str, tensor: Tensor, ranks: tuple[int, ...]) -> None:
    if tensor.ndim not in ranks:
        wanted = ", ".join(map(str, ranks))
        what = tr(
            f"{name}: expected {wanted} dimensions, found shape {tensor.shape}.",
            f"{name}：维数应为 {wanted}，得到形状 {tensor.shape}。",
        )
        raise ShapeError(teach(what))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        what = tr(
            f"kaiming: expected mode 'fan_in' or 'fan_out', found {mode!r}.",
            f"kaiming：mode 应为 'fan_in' 或 'fan_out'，得到 {mode!r}。",
        )
        raise ArgumentError(teach(what))
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """U(-b, b) with ``b = gain √(3 / fan)``.

    >>> import glia as gl
    >>> w = kaiming_uniform_(gl.empty(5, 6))
    >>> w.abs().amax().item() <= 1.0  # √2 · √(3 / 6)
    True

    Source: He et al., "Delving deep into rectifiers" (2015).
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """N(0, gain² / fan). Source: He et al. (2015).

    >>> import glia as gl
    >>> _ = gl.manual_seed(0)
    >>> w = kaiming_normal_(gl.empty(100, 50))
    >>> round(w.std().item(), 2)  # √2 / √50
    0.2
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """U(-b, b) with ``b = gain √(6 / (fan_in + fan_out))``.

    >>> import glia as gl
    >>> w = xavier_uniform_(gl.empty(2, 4))
    >>> w.abs().amax().item() <= 1.0  # √(6 / (4 + 2))
    True

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010).
    """
    bound = gain * math.sqrt(6.0 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(0, gain² · 2 / (fan_in + fan_out)). Source: Glorot and Bengio (2010).

    >>> import glia as gl
    >>> _ = gl.manual_seed(0)
    >>> w = xavier_normal_(gl.empty(100, 100))
    >>> round(w.std().item(), 2)  # √(2 / (100 + 100))
    0.1
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans(tensor))), generator)

"""Layers that put elements around sequences, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence

from glia.nn.functional_checks import numbers
from glia.nn.module import Module
from glia.nn.pad_functions import pad
from glia.tensor.tensor import Tensor

Size = int | Sequence[int]


class _Pad(Module):
    """``padding``: one number for all sides, or left, right, top, bottom, front, back."""

    _dims: int
    _mode: str

    def __init__(self, padding: Size) -> None:
        super().__init__()
        self.padding = numbers("padding", padding, 2 * self._dims)

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    _mode = "constant"

    def __init__(self, padding: Size, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A value around the last 1 dimension of (…, L).

    Example:
        >>> import glia as gl
        >>> gl.nn.ConstantPad1d(1, 9.0)(gl.tensor([[1.0, 2.0]])).tolist()
        [[9.0, 1.0, 2.0, 9.0]]
    """

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """A value around the last 2 dimensions of (…, H, W).

    Example:
        >>> import glia as gl
        >>> gl.nn.ConstantPad2d((1, 0, 0, 1), 9.0)(gl.tensor([[1.0, 2.0]]))
        tensor([[9., 1., 2.],
                [9., 9., 9.]])
    """

    _dims = 2


class ConstantPad3d(_ConstantPad):
    """A value around the last 3 dimensions of (…, D, H, W).

    Example:
        >>> import glia as gl
        >>> gl.nn.ConstantPad3d((0, 0, 0, 0, 1, 2), 9.0)(gl.ones(1, 1, 1)).tolist()
        [[[9.0]], [[1.0]], [[9.0]], [[9.0]]]
    """

    _dims = 3


class ZeroPad1d(_Pad):
    """Zeros around the last 1 dimension of (…, L).

    Example:
        >>> import glia as gl
        >>> gl.nn.ZeroPad1d((1, 2))(gl.tensor([[1.0, 2.0]]))
        tensor([[0., 1., 2., 0., 0.]])
    """

    _dims = 1
    _mode = "constant"


class ZeroPad2d(_Pad):
    """Zeros around the last 2 dimensions of (…, H, W).

    Example:
        >>> import glia as gl
        >>> gl.nn.ZeroPad2d((1, 2, 0, 0))(gl.ones(1, 5, 5)).shape
        (1, 5, 8)
    """

    _dims = 2
    _mode = "constant"


class ZeroPad3d(_Pad):
    """Zeros around the last 3 dimensions of (…, D, H, W).

    Example:
        >>> import glia as gl
        >>> gl.nn.ZeroPad3d(1)(gl.ones(4, 5, 6)).shape
        (6, 7, 8)
    """

    _dims = 3
    _mode = "constant"


class ReflectionPad1d(_Pad):
    """Mirrored elements around (C, L) or (N, C, L); the edge is not repeated.

    Example:
        >>> import glia as gl
        >>> gl.nn.ReflectionPad1d(2)(gl.tensor([[1, 2, 3]])).tolist()
        [[3, 2, 1, 2, 3, 2, 1]]
    """

    _dims = 1
    _mode = "reflect"


class ReflectionPad2d(_Pad):
    """Mirrored elements around (C, H, W) or (N, C, H, W); the edge is not repeated.

    Example:
        >>> import glia as gl
        >>> gl.nn.ReflectionPad2d((1, 0, 1, 0))(gl.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
        tensor([[[4., 3., 4.],
                 [2., 1., 2.],
                 [4., 3., 4.]]])
    """

    _dims = 2
    _mode = "reflect"


class ReflectionPad3d(_Pad):
    """Mirrored elements around (C, D, H, W) or (N, C, D, H, W); the edge is not repeated.

    Example:
        >>> import glia as gl
        >>> x = gl.tensor([1.0, 2.0, 3.0]).reshape(1, 1, 1, 3)
        >>> gl.nn.ReflectionPad3d((2, 1, 0, 0, 0, 0))(x).flatten()
        tensor([3., 2., 1., 2., 3., 2.])
    """

    _dims = 3
    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """The edge repeated around (C, L) or (N, C, L).

    Example:
        >>> import glia as gl
        >>> gl.nn.ReplicationPad1d(2)(gl.tensor([[1, 2, 3]])).tolist()
        [[1, 1, 1, 2, 3, 3, 3]]
    """

    _dims = 1
    _mode = "replicate"


class ReplicationPad2d(_Pad):
    """The edge repeated around (C, H, W) or (N, C, H, W).

    Example:
        >>> import glia as gl
        >>> gl.nn.ReplicationPad2d((1, 0, 1, 0))(gl.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
        tensor([[[1., 1., 2.],
                 [1., 1., 2.],
                 [3., 3., 4.]]])
    """

    _dims = 2
    _mode = "replicate"


class ReplicationPad3d(_Pad):
    """The edge repeated around (C, D, H, W) or (N, C, D, H, W).

    Example:
        >>> import glia as gl
        >>> x = gl.tensor([1.0, 2.0, 3.0]).reshape(1, 1, 1, 3)
        >>> gl.nn.ReplicationPad3d((2, 1, 0, 0, 0, 0))(x).flatten()
        tensor([1., 1., 1., 2., 3., 3.])
    """

    _dims = 3
    _mode = "replicate"


class CircularPad1d(_Pad):
    """Elements of the other end around (C, L) or (N, C, L).

    Example:
        >>> import glia as gl
        >>> gl.nn.CircularPad1d(2)(gl.tensor([[1, 2, 3]])).tolist()
        [[2, 3, 1, 2, 3, 1, 2]]
    """

    _dims = 1
    _mode = "circular"


class CircularPad2d(_Pad):
    """Elements of the other end around (C, H, W) or (N, C, H, W).

    Example:
        >>> import glia as gl
        >>> gl.nn.CircularPad2d((1, 0, 1, 0))(gl.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
        tensor([[[4., 3., 4.],
                 [2., 1., 2.],
                 [4., 3., 4.]]])
    """

    _dims = 2
    _mode = "circular"


class CircularPad3d(_Pad):
    """Elements of the other end around (C, D, H, W) or (N, C, D, H, W).

    Example:
        >>> import glia as gl
        >>> x = gl.tensor([1.0, 2.0, 3.0]).reshape(1, 1, 1, 3)
        >>> gl.nn.CircularPad3d((2, 1, 0, 0, 0, 0))(x).flatten()
        tensor([2., 3., 1., 2., 3., 1.])
    """

    _dims = 3
    _mode = "circular"

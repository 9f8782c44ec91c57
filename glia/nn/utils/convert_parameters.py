"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import numel
from glia.ir.expr import Expr
from glia.ir.ops.view import concat, reshape
from glia.tensor.functional import write
from glia.tensor.tensor import Tensor, apply, to_numpy


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements in a row; gradients flow through it.

    Example:
        >>> import glia as gl
        >>> gl.nn.utils.parameters_to_vector([gl.tensor([1.0]), gl.tensor([[2.0, 3.0]])])
        tensor([1., 2., 3.])
    """
    return apply(_in_a_row, tuple(parameters))


def _in_a_row(*xs: Expr) -> Expr:
    return concat([reshape(x, (x.numel,)) for x in xs], 0)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Overwrite parameters with the parts of a vector.

    Args:
        vec: as many numbers as the parameters have.
        parameters: what to overwrite, in this order.

    Raises:
        ShapeError: not one vector of that length.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter([[0.0], [0.0]])
        >>> vector_to_parameters(gl.tensor([1.0, 2.0]), [p])
        >>> p.tolist()
        [[1.0], [2.0]]
    """
    given = list(parameters)
    total = sum(numel(p.shape) for p in given)
    if vec.shape != (total,):
        what = tr(
            f"vector_to_parameters: expected a vector of {total} numbers, found shape {vec.shape}.",
            f"vector_to_parameters：应为 {total} 个数的向量，得到形状 {vec.shape}。",
        )
        raise ShapeError(teach(what))
    values, at, pairs = to_numpy(vec), 0, []
    for p in given:
        end = at + numel(p.shape)
        pairs.append((p, values[at:end].reshape(p.shape)))
        at = end
    write(pairs)

"""Linear maps, look-ups in tables and one-hot codes as functions."""

from __future__ import annotations

from glia.base.dtypes import int64
from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.ir import products
from glia.ir.expr import Expr
from glia.nn import formulas as _f
from glia.tensor.indexing import check_index
from glia.tensor.tensor import Tensor, apply, to_numpy


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    tensors = (input, weight) if bias is None else (input, weight, bias)
    return apply(_f.linear, tensors)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Row ``input[…]`` of ``weight`` for every index; see :class:`glia.nn.Embedding`."""
    check_embedding(max_norm, scale_grad_by_freq)
    check_index("embedding", input, weight.shape[0])
    return apply(_f.embedding, (input, weight), check_padding(padding_idx, weight.shape[0]))


def check_embedding(max_norm: float | None, scale_grad_by_freq: bool) -> None:
    for name, given in (("max_norm", max_norm), ("scale_grad_by_freq", scale_grad_by_freq)):
        if given:
            what = tr(f"Embedding: {name} is not supported.", f"Embedding：不支持 {name}。")
            raise ArgumentError(teach(what, tr("leave the option out", "请去掉这个选项")))


def check_padding(padding_idx: int | None, rows: int) -> int | None:
    """The row for padding, counted from the start."""
    if padding_idx is None or -rows <= padding_idx < rows:
        return None if padding_idx is None else padding_idx % rows
    what = tr(
        f"Embedding: padding_idx {padding_idx} is out of range for {rows} rows.",
        f"Embedding：padding_idx {padding_idx} 超出 {rows} 行的范围。",
    )
    raise ArgumentError(teach(what))


def _one_hot(index: Expr, classes: int) -> Expr:
    return products.one_hot(index, classes, int64)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the label's place in a new last dimension, else 0, as int64.

    With ``num_classes=-1`` the labels are computed to find the largest.
    """
    if tensor.dtype.kind not in ("int", "uint"):
        name = tensor.dtype.name
        what = tr(
            f"one_hot: expected whole numbers, found {name}.", f"one_hot：需要整数，得到 {name}。"
        )
        raise DTypeError(teach(what, tr("convert: y.long()", "请转换：y.long()")))
    classes = int(to_numpy(tensor).max()) + 1 if num_classes == -1 else num_classes
    return apply(_one_hot, (tensor,), classes)

"""Look-ups in tables and one-hot codes as functions."""

from __future__ import annotations

from glia.base.dtypes import int64
from glia.base.errors import ArgumentError, DTypeError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir import products
from glia.ir.expr import Expr
from glia.nn import lookup_formulas as _l
from glia.tensor.indexing import check_index
from glia.tensor.tensor import Tensor, apply, no_grad, to_numpy

MODES = ("sum", "mean", "max")


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Row ``input[…]`` of ``weight`` for every index; see :class:`glia.nn.Embedding`.

    >>> import glia as gl
    >>> embedding(gl.tensor([2, 0]), gl.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    tensor([[5., 6.],
            [1., 2.]])
    """
    check_index("embedding", input, weight.shape[0])
    if max_norm is not None:
        _shorten(weight, input, float(max_norm), float(norm_type))
    padding = check_padding(padding_idx, weight.shape[0])
    return apply(_l.embedding, (input, weight), padding, bool(scale_grad_by_freq))


def check_padding(padding_idx: int | None, rows: int) -> int | None:
    """The row for padding, counted from the start."""
    if padding_idx is None or -rows <= padding_idx < rows:
        return None if padding_idx is None else padding_idx % rows
    what = tr(
        f"Embedding: padding_idx {padding_idx} is out of range for {rows} rows.",
        f"Embedding：padding_idx {padding_idx} 超出 {rows} 行的范围。",
    )
    raise ArgumentError(teach(what))


@no_grad()
def _shorten(weight: Tensor, index: Tensor, most: float, p: float) -> None:
    """Rows about to be read become no longer than ``most``, in place."""
    weight.copy_(apply(_l.shortened, (weight, index), most, p))


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sum, mean or maximum of the rows that each bag of numbers names; none give zeros.

    Args:
        input: (B, N), a bag in every row; or (N), one bag after the other.
        weight: the rows, (V, D).
        offsets: where the bags of a flat input begin; the first at 0.
        max_norm, norm_type, scale_grad_by_freq, sparse: as in ``embedding``.
        mode: ``"sum"``, ``"mean"`` or ``"max"``.
        per_sample_weights: a factor for every number, for sums only.
        include_last_offset: whether a last offset says where the last bag ends.
        padding_idx: a number that counts nothing.

    Returns:
        (B, D).

    Example:
        >>> import glia as gl
        >>> rows = gl.tensor([[1.0], [2.0], [4.0]])
        >>> embedding_bag(gl.tensor([0, 1, 2]), rows, gl.tensor([0, 2]), mode="sum")
        tensor([[3.],
                [4.]])
    """
    _check_bags(input, offsets, mode, per_sample_weights)
    check_index("embedding_bag", input, weight.shape[0])
    if max_norm is not None:
        _shorten(weight, input, float(max_norm), float(norm_type))
    padding = check_padding(padding_idx, weight.shape[0])
    given = {"o": offsets, "w": per_sample_weights}
    flags = "".join(name for name, part in given.items() if part is not None)
    parts = [part for part in given.values() if part is not None]
    attrs = (flags, mode, padding, bool(scale_grad_by_freq), bool(include_last_offset))
    return apply(_l.bags, (input, weight, *parts), *attrs)


def _check_bags(input: Tensor, offsets: Tensor | None, mode: str, weights: Tensor | None) -> None:
    if mode not in MODES or (weights is not None and mode != "sum"):
        what = tr(
            f"embedding_bag: mode {mode!r} with per_sample_weights {weights is not None}.",
            f"embedding_bag：mode 为 {mode!r}，per_sample_weights 为 {weights is not None}。",
        )
        help = tr(
            "use 'sum', 'mean' or 'max'; weights go with 'sum'",
            "请用 'sum'、'mean' 或 'max'；权重只用于 'sum'",
        )
        raise ArgumentError(teach(what, help))
    if input.ndim not in (1, 2) or (input.ndim == 2) != (offsets is None):
        what = tr(
            f"embedding_bag: expected input (B, N), or (N) with offsets, got {input.shape}.",
            f"embedding_bag：input 应为 (B, N)，或 (N) 并给出 offsets，得到 {input.shape}。",
        )
        raise ShapeError(teach(what))
    if offsets is not None and (offsets.ndim != 1 or offsets.dtype.kind not in ("int", "uint")):
        what = tr(
            f"embedding_bag: expected offsets (B) of whole numbers, got {offsets.dtype.name} "
            f"{offsets.shape}.",
            f"embedding_bag：offsets 应为整数 (B)，得到 {offsets.dtype.name} {offsets.shape}。",
        )
        raise ShapeError(teach(what))
    if weights is not None and weights.shape != input.shape:
        what = tr(
            f"embedding_bag: expected per_sample_weights {input.shape}, got {weights.shape}.",
            f"embedding_bag：per_sample_weights 应为 {input.shape}，得到 {weights.shape}。",
        )
        raise ShapeError(teach(what))


def _one_hot(index: Expr, classes: int) -> Expr:
    return products.one_hot(index, classes, int64)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the label's place in a new last dimension, else 0, as int64.

    With ``num_classes=-1`` the labels are computed to find the largest.

    >>> import glia as gl
    >>> one_hot(gl.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    >>> one_hot(gl.tensor([0, 2]), num_classes=4).shape
    (2, 4)
    """
    if tensor.dtype.kind not in ("int", "uint"):
        name = tensor.dtype.name
        what = tr(
            f"one_hot: expected whole numbers, found {name}.", f"one_hot：需要整数，得到 {name}。"
        )
        raise DTypeError(teach(what, tr("convert: y.long()", "请转换：y.long()")))
    classes = int(to_numpy(tensor).max()) + 1 if num_classes == -1 else num_classes
    return apply(_one_hot, (tensor,), classes)

"""``vmap``: a function of one example becomes a function of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from glia.base.errors import ArgumentError, GradError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir.batch import CannotBatch, batched
from glia.ir.expr import Expr, compose
from glia.ir.ops.random import random_bits
from glia.ir.ops.view import permute
from glia.tensor.levels import Sealed, arrays_lifted, lifted, released
from glia.tensor.tensor import Tensor, read, recorded
from glia.tensor.trees import TENSOR, Structure, flatten, unflatten

#: The dimension of every tensor that is mapped over; None: it is the same for all slices.
Dims = list[int | None]
RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
) -> Callable[..., Any]:
    """A function that computes ``func`` for every slice of its arguments, all at once.

    ``func`` is called once, with one slice of every argument, and its operations are given one
    dimension more: what would be a loop is one program. Values cannot be asked for inside.

    Args:
        func: a function of tensors, or trees of them, that gives such.
        in_dims: the dimension that is sliced, for all arguments; or a tuple with one for each, or
            with trees of them; None for what is the same for all slices. Keyword arguments are
            sliced along dimension 0.
        out_dims: where the new dimension of the results stands; or a tree of such.
        randomness: ``"different"`` draws new random numbers for every slice, ``"same"`` shares
            them; by default to draw them is an error.

    Returns:
        A function of the batched arguments.

    Raises:
        ShapeError: batches of different sizes, or a tensor without the dimension to slice.
        ArgumentError: ``in_dims`` or ``out_dims`` that do not fit, or nothing to map over.
        GradError: the function asks for a value, or overwrites a tensor.

    Example:
        >>> import glia as gl
        >>> dot = vmap(lambda x, y: (x * y).sum(), in_dims=(0, None))
        >>> dot(gl.tensor([[1.0, 2.0], [3.0, 4.0]]), gl.tensor([1.0, 10.0]))
        tensor([21., 43.])

        The gradient of every example by itself:

        >>> loss = lambda w, x: ((w * x).sum() - 1) ** 2
        >>> per_example = vmap(gl.grad(loss), in_dims=(None, 0))
        >>> per_example(gl.tensor([1.0, 0.0]), gl.tensor([[2.0, 0.0], [1.0, 3.0]]))
        tensor([[4., 0.],
                [0., 0.]])

    Source: Bradbury et al., "JAX: composable transformations of Python+NumPy programs" (2018).
    """
    if randomness not in RANDOMNESS:
        what = tr(
            f"vmap: expected randomness 'error', 'different' or 'same', found {randomness!r}.",
            f"vmap：randomness 应为 'error'、'different' 或 'same'，得到 {randomness!r}。",
        )
        raise ArgumentError(teach(what, 'vmap(f, randomness="different")'))

    @wraps(func, updated=())
    def mapped(*args: Any, **kwargs: Any) -> Any:
        tensors, structure = flatten((args, kwargs), arrays_lifted)
        dims = _in_dims(in_dims, structure)
        size = _size(tensors, dims)
        with _Slices(size, randomness) as slices:
            inner = [
                tensor if dim is None else slices.of(tensor, dim)
                for tensor, dim in zip(tensors, dims, strict=True)
            ]
            positional, named = unflatten(structure, inner)
            outputs, built = flatten(func(*positional, **named), lifted)
            exprs, holds, _ = read(outputs)
        places = _out_dims(out_dims, built, outputs)
        found = _stacked(exprs, places, slices)
        hold = [holds, slices.holds]
        made = [
            # what is inside a transform is taken to require gradients until it leaves
            released([x], hold)[0] if t.requires_grad else recorded(x, hold, False)
            for x, t in zip(found, outputs, strict=True)
        ]
        return unflatten(built, made)

    return mapped


class _Slices(Sealed):
    """The function while it is called with slices."""

    def __init__(self, size: int, randomness: str) -> None:
        super().__init__("vmap")
        self.size, self.randomness = size, randomness
        self.variables: list[Expr] = []
        self.stacks: list[Expr] = []
        self.holds: list[Any] = []

    def of(self, tensor: Tensor, dim: int) -> Tensor:
        """One slice of a tensor along a dimension."""
        (expr,), holds, wants = read((tensor,))
        front = permute(expr, (dim, *(d for d in range(expr.ndim) if d != dim)))
        return self._slice(front, holds, wants)

    def _slice(self, stack: Expr, hold: Any, wants: bool) -> Tensor:
        variable = self.variable(stack.shape[1:], stack.dtype, wants)
        self.variables.append(variable._node.expr)
        self.stacks.append(stack)
        self.holds.append(hold)
        return variable

    def refill(self, key: Tensor, source: Any) -> Tensor:
        """A random key for every slice, or one for all."""
        if self.randomness == "error":
            what = tr("vmap: the function draws random numbers.", "vmap：函数中使用了随机数。")
            help = tr(
                'say whether slices share them: vmap(f, randomness="different"), or "same"',
                '请说明各切片是否共用：vmap(f, randomness="different") 或 "same"',
            )
            raise GradError(teach(what, help))
        key = super().refill(key, source)
        if self.randomness == "same":
            return key
        keys = compose(random_bits, (key._node.expr,), ((self.size, 2),))
        return self._slice(keys, key._node.hold, False)


def _in_dims(given: Any, structure: Structure) -> Dims:
    """The dimension of every tensor: a tree of dimensions, spread over the arguments."""
    _, _, (positional, named) = structure
    found: Dims = []
    if given is None or isinstance(given, int):
        _spread("in_dims", given, positional, found)
    else:
        if not isinstance(given, tuple | list) or len(given) != len(positional[2]):
            what = tr(
                f"vmap: expected in_dims for {len(positional[2])} arguments, found {given!r}.",
                f"vmap：in_dims 应对应 {len(positional[2])} 个参数，得到 {given!r}。",
            )
            help = tr(
                "give an int, or a tuple with one entry for each", "请给整数，或每个参数一项的元组"
            )
            raise ArgumentError(teach(what, help))
        for dim, part in zip(given, positional[2], strict=True):
            _spread("in_dims", dim, part, found)
    _spread("in_dims", 0, named, found)
    return found


def _spread(name: str, dim: Any, structure: Structure, found: Dims) -> None:
    """One dimension for every tensor of a structure, from a tree that is as deep or less."""
    if structure is not TENSOR and structure[0] is None:
        return
    if dim is None or (isinstance(dim, int) and not isinstance(dim, bool)):
        if structure is TENSOR:
            found.append(dim)
        else:
            for part in structure[2]:
                _spread(name, dim, part, found)
        return
    if structure is not TENSOR:
        _, names, parts = structure
        if names is not None and isinstance(dim, dict) and set(dim) == set(names):
            for key, part in zip(names, parts, strict=True):
                _spread(name, dim[key], part, found)
            return
        if names is None and isinstance(dim, tuple | list) and len(dim) == len(parts):
            for one, part in zip(dim, parts, strict=True):
                _spread(name, one, part, found)
            return
    from glia.tensor.scan import shown

    what = tr(
        f"vmap: {name} {dim!r} does not fit {shown(structure)}.",
        f"vmap：{name} {dim!r} 与 {shown(structure)} 不匹配。",
    )
    help = tr("give an int, None, or a tree built alike", "请给整数、None 或结构相同的树")
    raise ArgumentError(teach(what, help))


def _size(tensors: Sequence[Tensor], dims: Dims) -> int:
    """The number of slices; dimensions are counted from the front afterwards."""
    found: int | None = None
    for i, (tensor, dim) in enumerate(zip(tensors, dims, strict=True)):
        if dim is None:
            continue
        if not -tensor.ndim <= dim < tensor.ndim:
            what = tr(
                f"vmap: a tensor of shape {tensor.shape} has no dimension {dim} to map over.",
                f"vmap：形状为 {tensor.shape} 的张量没有可映射的第 {dim} 维。",
            )
            help = tr("give None for what all slices share", "各切片共用的参数请用 None")
            raise ShapeError(teach(what, help))
        dims[i] = dim = dim % tensor.ndim
        size = tensor.shape[dim]
        if found is not None and size != found:
            what = tr(
                f"vmap: expected {found} slices, got {size} in shape {tensor.shape} along {dim}.",
                f"vmap：应有 {found} 个切片，形状 {tensor.shape} 的第 {dim} 维有 {size} 个。",
            )
            help = tr("all batches must have one size; see in_dims", "各批大小须一致，见 in_dims")
            raise ShapeError(teach(what, help))
        found = size
    if found is None:
        what = tr("vmap: found nothing to map over.", "vmap：没有可映射的参数。")
        help = tr("at least one in_dims must be a number", "in_dims 中至少一个应为整数")
        raise ArgumentError(teach(what, help))
    return found


def _out_dims(given: Any, structure: Structure, outputs: Sequence[Tensor]) -> tuple[int, ...]:
    """Where the new dimension of every result stands."""
    found: Dims = []
    _spread("out_dims", given, structure, found)
    places = []
    for dim, tensor in zip(found, outputs, strict=True):
        rank = tensor.ndim + 1
        if dim is None or not -rank <= dim < rank:
            what = tr(
                f"vmap: out_dims {dim!r} is no place in a result of {rank} dimensions.",
                f"vmap：out_dims {dim!r} 不在 {rank} 维结果的范围内。",
            )
            raise ArgumentError(teach(what, f"0 … {rank - 1}"))
        places.append(dim % rank)
    return tuple(places)


def _stacked(exprs: Sequence[Expr], places: tuple[int, ...], slices: _Slices) -> Any:
    """The results for all slices, each with its new dimension in its place."""
    inputs = (*exprs, *slices.variables, *slices.stacks)
    return compose(_mapped, inputs, (len(exprs), slices.size, places))


def _mapped(*parts: Any) -> tuple[Expr, ...]:
    *exprs, count, size, places = parts
    half = (len(exprs) - count) // 2
    stacks = dict(zip(exprs[count : count + half], exprs[count + half :], strict=True))
    found = []
    for expr, place in zip(exprs[:count], places, strict=True):
        try:
            whole = batched(expr, stacks, size)
        except CannotBatch as problem:
            what = tr(
                f"vmap: the operation {problem} cannot be batched.",
                f"vmap：操作 {problem} 不能批处理。",
            )
            help = tr("compute it outside, or loop", "请在外面计算，或用循环")
            raise GradError(teach(what, help)) from None
        order = [*range(1, whole.ndim)]
        order.insert(place, 0)
        found.append(permute(whole, tuple(order)))
    return tuple(found)

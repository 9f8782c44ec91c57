"""``scan``: a loop over the steps of a sequence, recorded once whatever its length."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from glia.base.dtypes import DType, uint32
from glia.base.errors import ArgumentError, GradError, ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape
from glia.ir.expr import Expr
from glia.ir.ops.control import stand_in
from glia.ir.ops.random import random_bits
from glia.ir.scan import Loop
from glia.runtime.slots import Value
from glia.tensor import node as _node
from glia.tensor.node import Node, grad_enabled
from glia.tensor.tensor import Tensor, as_tensor, read, recorded, wrap
from glia.tensor.trees import TENSOR, Structure, flatten, unflatten


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """``carry, yₜ = f(carry, xₜ)`` for every step t; the last carry, and all yₜ stacked.

    ``f`` is called once, with stand-ins: what it computes becomes the body of one loop, so
    recording and compiling take no longer for a longer sequence. Tensors that ``f`` reads from
    outside are constants of the loop and get gradients like any other. Random numbers (dropout)
    are drawn anew in every step.

    Args:
        f: takes the carry and one step of ``xs``, gives the carry after the step and an output.
            It must not ask for values (no ``item()``, no ``if`` on a tensor) and must not keep
            tensors outside.
        init: the first carry: a tensor or number, or tuples, lists and dicts of them, nested;
            None in place of a tensor is allowed everywhere.
        xs: what ``f`` gets a step of: slices along the first dimension of every tensor.
        length: number of steps; needed only without ``xs``.
        reverse: begin with the last step; outputs stand at the steps they belong to.

    Returns:
        the last carry, and the outputs: as ``f`` gives them, with a new first dimension.

    Raises:
        ShapeError: sequences of different lengths, or a carry whose shape or dtype changes.
        ArgumentError: ``f`` gives something else than (carry, output), or a carry built
            otherwise; neither ``xs`` nor ``length``.
        GradError: ``f`` asks for a value, overwrites a tensor, or keeps one outside.

    Example:
        >>> import glia as gl
        >>> last, sums = gl.scan(lambda s, x: (s + x, s + x), 0.0, gl.tensor([1.0, 2.0, 4.0]))
        >>> last, sums
        (tensor(7.), tensor([1., 3., 7.]))

    Source: Bradbury et al., "JAX: composable transformations of Python+NumPy programs" (2018).
    """
    start, built = flatten(init, _lifted)
    sequences, sequence_structure = flatten(xs, _lifted)
    count = _length(sequences, sequence_structure, length)
    body = _Body(f, count)
    carry, outs, structure = body.write(start, built, sequences, sequence_structure)
    body.check_released()
    wants = any(part.wants for part in carry)
    first, held, _ = read(start)
    given, more, _ = read(sequences)
    loop = Loop(
        body.state,
        first,
        body.slices,
        [*given, *body.keys],
        [part.expr for part in carry],
        [part.expr for part in outs],
        reverse,
        count,
    )
    hold = [*held, *more, *body.holds]
    last = [recorded(loop.final(i), hold, wants) for i in range(len(carry))]
    ys = [recorded(loop.stack(part.expr), hold, wants or part.wants) for part in outs]
    return unflatten(built, last), unflatten(structure, ys)


def _lifted(item: Any) -> Any:
    """Numbers and arrays are tensors here."""
    return as_tensor(item) if isinstance(item, int | float | np.ndarray | np.generic) else item


def _length(sequences: Sequence[Tensor], structure: Structure, length: int | None) -> int:
    """The number of steps, which all sequences must agree on."""
    sizes = [None if not tensor.shape else tensor.shape[0] for tensor in sequences]
    found = length if length is not None else sizes[0] if sizes else None
    if found is None and not sizes:
        what = tr("scan: expected xs or length.", "scan：需要 xs 或 length。")
        help = tr("without xs give the number of steps: length=10", "没有 xs 时请给出 length=10")
        raise ArgumentError(teach(what, help))
    for name, size, tensor in zip(names(structure, "xs"), sizes, sequences, strict=True):
        if size is None or size != found:
            what = tr(
                f"scan: expected {name} with {found} steps first, got shape {tensor.shape}.",
                f"scan：{name} 的第一维应为 {found} 步，得到形状 {tensor.shape}。",
            )
            help = tr(
                "steps run over the first dimension of every sequence: x.transpose(0, 1)",
                "各序列的第一维是步：x.transpose(0, 1)",
            )
            raise ShapeError(teach(what, help))
    if not isinstance(found, int) or found < 1:
        what = tr(
            f"scan: expected at least one step, found {found!r}.",
            f"scan：至少需要一步，得到 {found!r}。",
        )
        raise ShapeError(teach(what, tr("check that xs is not empty", "请检查 xs 是否为空")))
    return found


def names(structure: Structure, root: str) -> Iterator[str]:
    """How each tensor of a structure is reached: ``xs['word'][0]``."""
    if structure is TENSOR:
        yield root
    elif structure[0] is not None:
        _, keys, parts = structure
        for key, part in zip(range(len(parts)) if keys is None else keys, parts, strict=True):
            yield from names(part, f"{root}[{key!r}]")


def shown(structure: Structure) -> str:
    """A structure for people: ``(tensor, {'word': tensor})``."""
    if structure is TENSOR:
        return "tensor"
    if structure[0] is None:
        return repr(structure[1])
    kind, keys, parts = structure
    texts = [shown(part) for part in parts]
    if kind is dict:
        return "{" + ", ".join(f"{key!r}: {t}" for key, t in zip(keys, texts, strict=True)) + "}"
    if kind is list:
        return "[" + ", ".join(texts) + "]"
    return "(" + ", ".join(texts) + ("," if len(texts) == 1 else "") + ")"


class _Part:
    """A value of the body: its expression, and whether gradients flow through it."""

    __slots__ = ("expr", "wants")

    def __init__(self, tensor: Tensor) -> None:
        (self.expr,), _, self.wants = read((tensor,))


class _Token:
    """Held by every tensor that depends on a variable of the body."""


class _Body:
    """The body while ``f`` writes it. It takes the place of a tracer: values cannot be asked for.

    Variables are numbered by how deep this loop stands in others and by their order, so that
    writing the same body again finds the same expressions.
    """

    def __init__(self, f: Callable[[Any, Any], Any], length: int) -> None:
        self.f, self.length = f, length
        self.outer = _node.tracer()
        self.depth = _node.nesting()
        self.count = 0
        self.token: _Token | None = _Token()
        self.alive = weakref.ref(self.token)
        self.state: list[Expr] = []
        self.slices: list[Expr] = []
        self.keys: list[Expr] = []
        self.holds: list[Any] = []
        self.arguments: frozenset[Expr] = frozenset()
        self.made: weakref.WeakSet[Value] = weakref.WeakSet()
        self.waiting = _node.waiting()

    def _variable(self, shape: Shape, dtype: DType, wants: bool) -> Tensor:
        expr = stand_in(self.depth, self.count, shape, dtype)
        self.count += 1
        return wrap(Node(expr, self.token, wants and dtype.kind == "float"))

    def write(
        self,
        start: Sequence[Tensor],
        built: Structure,
        sequences: Sequence[Tensor],
        structure: Structure,
    ) -> tuple[list[_Part], list[_Part], Structure]:
        """Call ``f`` once: the carry after the step, the outputs, and their structure."""
        enabled = grad_enabled.get()
        wants = enabled and any(tensor.requires_grad for tensor in (*start, *sequences))
        state = [self._variable(tensor.shape, tensor.dtype, wants) for tensor in start]
        slices = [self._variable(tensor.shape[1:], tensor.dtype, wants) for tensor in sequences]
        self.state = [tensor._node.expr for tensor in state]
        self.slices = [tensor._node.expr for tensor in slices]
        _node.set_tracer(self)
        try:
            result = self.f(unflatten(built, state), unflatten(structure, slices))
        finally:
            _node.set_tracer(None)
        if not isinstance(result, tuple | list) or len(result) != 2:
            found = shown(flatten(result)[1])
            what = tr(
                f"scan: f must return (carry, output), found {found}.",
                f"scan：f 应返回 (carry, output)，得到 {found}。",
            )
            help = tr("without outputs: return carry, None", "没有输出时：return carry, None")
            raise ArgumentError(teach(what, help))
        carry, after = flatten(result[0], _lifted)
        _check_carry(start, built, carry, after)
        outs, given = flatten(result[1], _lifted)
        self.holds += _outside([t._node.hold for t in (*carry, *outs)], self.token)
        parts = [_Part(tensor) for tensor in carry], [_Part(tensor) for tensor in outs]
        return *parts, given

    def check_released(self) -> None:
        """A tensor of the body that lives on means nothing outside it."""
        self.token = None
        if self.alive() is not None:
            gc.collect()
        if self.alive() is not None:
            what = tr(
                "scan: f keeps a tensor that it made in some place outside.",
                "scan：f 把循环内产生的张量保存到了外面。",
            )
            help = tr(
                "return it as an output instead: return carry, (y, kept)",
                "请把它作为输出返回：return carry, (y, kept)",
            )
            raise GradError(teach(what, help))

    # What a tracer is asked

    def refuse(self, why: str) -> None:
        what = tr(
            f"scan: {why} inside f, which is called only once for all steps.",
            f"scan：f 对所有步只调用一次，其中不能取值或改写张量（{why}）。",
        )
        help = tr(
            "compute with tensors (gl.where instead of if), and return what changes as carry",
            "请用张量运算（用 gl.where 代替 if），会变化的量作为 carry 返回",
        )
        raise GradError(teach(what, help))

    def assign(self, tensor: Tensor, new: Expr, hold: Any) -> None:
        self.refuse("a tensor was overwritten")

    def gradient(self, tensor: Tensor) -> None:
        self.refuse("backward() was called")

    def deferring(self) -> None:
        self.refuse("a layer updated its running statistics")

    def refill(self, key: Tensor, source: Any) -> Tensor:
        """A random key of its own for every step."""
        if self.outer is not None:
            key = self.outer.refill(key, source)
        self.holds.append(key._node.hold)
        self.keys.append(random_bits(key._node.expr, (self.length, 2)))
        variable = self._variable((2,), uint32, False)
        self.slices.append(variable._node.expr)
        return variable


def _outside(holds: list[Any], token: _Token | None) -> list[Any]:
    """What nested holds keep alive, the body's own token aside."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    while holds:
        hold = holds.pop()
        if id(hold) in seen or hold is None or hold is token:
            continue
        seen.add(id(hold))
        if isinstance(hold, list | tuple):
            holds.extend(hold)
        else:
            found[id(hold)] = hold
    return list(found.values())


def _check_carry(
    start: Sequence[Tensor], built: Structure, carry: Sequence[Tensor], after: Structure
) -> None:
    """The carry leaves a step as it entered it."""
    if after != built:
        what = tr(
            f"scan: f must return the carry built as init is: expected {shown(built)}, found "
            f"{shown(after)}.",
            f"scan：f 返回的 carry 结构应与 init 相同：应为 {shown(built)}，得到 {shown(after)}。",
        )
        help = tr("return (carry, output), in this order", "请按 (carry, output) 的顺序返回")
        raise ArgumentError(teach(what, help))
    for name, a, b in zip(names(built, "carry"), start, carry, strict=True):
        if a.shape == b.shape and a.dtype is b.dtype:
            continue
        before, now = f"{a.dtype.name} {a.shape}", f"{b.dtype.name} {b.shape}"
        what = tr(
            f"scan: {name} must keep its shape and dtype: it is {before} in init, and {now} after "
            "a step.",
            f"scan：{name} 的形状与类型须保持不变：init 中为 {before}，一步之后为 {now}。",
        )
        help = tr(
            f"start with a tensor of shape {b.shape} and dtype {b.dtype.name}, or convert in f",
            f"请让 init 的形状为 {b.shape}、类型为 {b.dtype.name}，或在 f 中转换",
        )
        raise ShapeError(teach(what, help))

"""Functions being transformed: arguments told apart by how deep their transform stands in others.

Inside, an argument is marked with its level; what leaves a transform carries no mark of it. So the
values of a function that is being differentiated can be asked for (``if``, ``item()``), and one
transform never takes another's argument for its own.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from glia.base.errors import ArgumentError, DTypeError, GradError, teach
from glia.base.i18n import tr
from glia.ir.expr import Expr, compose, substituted, topological
from glia.ir.ops.control import stand_in
from glia.ir.ops.custom import mark
from glia.runtime.slots import Value
from glia.tensor import node as _node
from glia.tensor.node import Node, grad_enabled
from glia.tensor.tensor import Tensor, as_tensor, enable_grad, read, wanting_gradients, wrap
from glia.tensor.trees import Structure, flatten, unflatten

_depth: ContextVar[int] = ContextVar("transforms", default=0)


def transforming() -> bool:
    """Whether a function is being transformed: what it calls must be recorded, not run."""
    return _depth.get() > 0


def lifted(item: Any) -> Any:
    """Numbers and arrays are tensors where tensors are differentiated."""
    return as_tensor(item) if isinstance(item, float) else arrays_lifted(item)


def arrays_lifted(item: Any) -> Any:
    """Arrays are tensors, numbers stay what they are."""
    return as_tensor(item) if isinstance(item, np.ndarray | np.generic) else item


class Level:
    """One transform at work: ``with Level() as level``. Gradients are recorded inside."""

    def __enter__(self) -> Self:
        self.number = _depth.get()
        self.token = _depth.set(self.number + 1)
        self.enabling = enable_grad()
        self.enabling.__enter__()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.enabling.__exit__()
        _depth.reset(self.token)

    def marked(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Stand-ins for arguments, with their values."""
        exprs, holds, _ = read(tensors)
        return [
            wrap(Node(mark(expr, self.number, i), hold, expr.dtype.is_inexact))
            for i, (expr, hold) in enumerate(zip(exprs, holds, strict=True))
        ]

    def unmarked(self, tensors: Sequence[Tensor]) -> tuple[tuple[Expr, ...], Any]:
        """What leaves the transform as it is, for ``released`` outside."""
        exprs, holds, _ = read(tensors)
        return compose(_unmarked, exprs, (self.number,)), holds


def _unmarked(*parts: Any) -> tuple[Expr, ...]:
    *exprs, level = parts
    return without_marks(exprs, level)


def without_marks(exprs: Sequence[Expr], level: int) -> tuple[Expr, ...]:
    """The expressions with the arguments themselves in place of their marks."""
    found: dict[Expr, Expr] = {}
    for node in topological(exprs):
        if node.op.name == "mark" and node.attrs[0] == level:
            (found[node],) = substituted(node.inputs, found)
    return substituted(exprs, found)


def released(exprs: Sequence[Expr], hold: Any) -> list[Tensor]:
    """Results of a transform, outside it."""
    enabled = grad_enabled.get()
    inside = transforming() or isinstance(_node.tracer(), Sealed)
    found = []
    for expr in exprs:
        wants = enabled and expr.dtype.is_inexact
        wants = wants and (inside or bool(wanting_gradients(expr)))
        found.append(wrap(Node(expr, hold, wants, None, not enabled)))
    return found


class Chosen:
    """The positional arguments by which a function is differentiated."""

    def __init__(self, name: str, argnums: int | Sequence[int], args: Sequence[Any]) -> None:
        self.name = name
        self.single = isinstance(argnums, int)
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for number in numbers:
            if not isinstance(number, int) or not -len(args) <= number < len(args):
                what = tr(
                    f"{name}: argnums {number!r} names none of {len(args)} positional arguments.",
                    f"{name}：argnums {number!r} 不对应 {len(args)} 个位置参数中的任何一个。",
                )
                help = tr("count from 0: argnums=(0, 1)", "从 0 开始计数：argnums=(0, 1)")
                raise ArgumentError(teach(what, help))
        self.numbers = [number % len(args) for number in numbers]
        self.args = list(args)
        pairs = [flatten(args[number], lifted) for number in self.numbers]
        self.structures = [structure for _, structure in pairs]
        self.counts = [len(tensors) for tensors, _ in pairs]
        self.tensors = [tensor for tensors, _ in pairs for tensor in tensors]
        check_floats(name, self.tensors)

    def with_(self, tensors: Sequence[Tensor]) -> tuple[Any, ...]:
        """The arguments, with others in place of those chosen."""
        placed = list(self.args)
        for number, tree in zip(self.numbers, self.trees(tensors), strict=True):
            placed[number] = tree
        return tuple(placed)

    def trees(self, tensors: Sequence[Tensor]) -> list[Any]:
        pending = iter(tensors)
        return [
            unflatten(structure, [next(pending) for _ in range(count)])
            for structure, count in zip(self.structures, self.counts, strict=True)
        ]

    def built(self, tensors: Sequence[Tensor]) -> Any:
        """One result per tensor chosen, built as the arguments are."""
        found = self.trees(tensors)
        return found[0] if self.single else tuple(found)


def check_floats(name: str, tensors: Sequence[Tensor]) -> None:
    """Derivatives are taken by floating-point numbers."""
    for tensor in tensors:
        if tensor.dtype.kind != "float":
            what = tr(
                f"{name}: expected floating-point tensors to differentiate by, found "
                f"{tensor.dtype.name} {tensor.shape}.",
                f"{name}：求导的对象应为浮点张量，得到 {tensor.dtype.name} {tensor.shape}。",
            )
            help = tr("convert it with .float(), or leave it out of argnums",
                      "请用 .float() 转换，或不要列入 argnums")  # fmt: skip
            raise DTypeError(teach(what, help))
    if not tensors:
        what = tr(f"{name}: found no tensor to differentiate by.", f"{name}：没有可求导的张量。")
        raise ArgumentError(teach(what, tr("pass tensors, or floats", "请传入张量或浮点数")))


def split_aux(name: str, result: Any, has_aux: bool) -> tuple[Any, Any]:
    """What a function gives to be differentiated, and what it gives beside it."""
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        what = tr(
            f"{name}: with has_aux the function must return (result, aux), found "
            f"{type(result).__name__}.",
            f"{name}：has_aux=True 时函数应返回 (result, aux)，得到 {type(result).__name__}。",
        )
        raise ArgumentError(teach(what, "return result, aux"))
    return result


def outputs_of(name: str, result: Any) -> tuple[list[Tensor], Structure]:
    """The tensors a function gives; nothing else can be differentiated."""
    tensors, structure = flatten(result, lifted)
    if not tensors:
        what = tr(
            f"{name}: the function must return tensors, found {type(result).__name__}.",
            f"{name}：函数应返回张量，得到 {type(result).__name__}。",
        )
        raise ArgumentError(
            teach(what, tr("return the result of the computation", "请返回计算结果"))
        )
    return tensors, structure


class Sealed:
    """While a function is written for values that are not there: none can be asked for.

    It takes the place of a tracer, and hands out variables, the same each time.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.outer = _node.tracer()
        self.depth = _node.nesting()
        self.count = 0
        self.made: weakref.WeakSet[Value] = weakref.WeakSet()
        self.waiting = _node.waiting()
        self.arguments: frozenset[Expr] = frozenset()

    def __enter__(self) -> Self:
        _node.set_tracer(self)
        return self

    def __exit__(self, *_exception: object) -> None:
        _node.set_tracer(None)

    def variable(self, shape: Any, dtype: Any, wants: bool) -> Tensor:
        """A tensor without a value."""
        expr = stand_in(self.depth, self.count, tuple(shape), dtype)
        self.count += 1
        return wrap(Node(expr, None, wants and dtype.is_inexact))

    def refuse(self, why: str) -> None:
        what = tr(
            f"{self.name}: {why} inside the function, which is called once, without values.",
            f"{self.name}：函数只调用一次，其中没有具体数值（{why}）。",
        )
        help = tr(
            "compute with tensors (gl.where instead of if), and return what is wanted",
            "请用张量运算（用 gl.where 代替 if），并返回所需结果",
        )
        raise GradError(teach(what, help))

    def assign(self, tensor: Tensor, new: Expr, hold: Any) -> None:
        self.refuse("a tensor was overwritten")

    def gradient(self, tensor: Tensor) -> None:
        self.refuse("backward() was called")

    def deferring(self) -> None:
        self.refuse("a layer updated its running statistics")

    def refill(self, key: Tensor, source: Any) -> Tensor:
        """Random numbers are drawn as outside."""
        return key if self.outer is None else self.outer.refill(key, source)


def filled(tensors: Sequence[Tensor], given: Mapping[Expr, Tensor]) -> list[Tensor]:
    """Tensors in place of variables."""
    others = list(given.values())
    exprs, holds, _ = read(tensors)
    values, more, _ = read(others)
    counts = (len(exprs), len(others))
    found = compose(_filled, (*exprs, *given, *values), counts)
    return released(found, [holds, more])


def _filled(*parts: Any) -> tuple[Expr, ...]:
    *exprs, count, many = parts
    ends = count, count + many
    given = dict(zip(exprs[ends[0] : ends[1]], exprs[ends[1] :], strict=True))
    return substituted(exprs[: ends[0]], given)

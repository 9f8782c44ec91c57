"""``gl.autograd``: gradients of tensors by tensors, with PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glia.autodiff.reverse import pullback_all
from glia.base.errors import ArgumentError, GradError, ShapeError, teach
from glia.base.i18n import tr
from glia.ir import build
from glia.ir.expr import Expr, compose
from glia.tensor.create import zeros_like
from glia.tensor.custom import gradients_for, written
from glia.tensor.levels import Sealed
from glia.tensor.tensor import Tensor, check_wanted, derivative, enable_grad, no_grad
from glia.tensor.trees import flatten, unflatten

__all__ = ["Function", "backward", "enable_grad", "grad", "no_grad"]

Tensors = Tensor | Sequence[Tensor]


def _several(tensors: Any) -> list[Any]:
    if tensors is None:
        return []
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(*parts: Any) -> tuple[Expr | None, ...]:
    *exprs, count = parts
    outputs, seeds, wrt = exprs[:count], exprs[count : 2 * count], exprs[2 * count :]
    given: dict[Expr, Expr] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        given[output] = build.add(given[output], seed) if output in given else seed
    return tuple(pullback_all(given, wrt))


def _seeds(name: str, outputs: Sequence[Tensor], given: Sequence[Tensor | None]) -> list[Expr]:
    """The weights of the outputs: ones for a single element."""
    if given and len(given) != len(outputs):
        what = tr(
            f"{name}: {len(outputs)} outputs, but {len(given)} gradients for them.",
            f"{name}：有 {len(outputs)} 个输出，却给出了 {len(given)} 个梯度。",
        )
        help = tr("give one for each, or None", "请为每个输出给出一个，或给 None")
        raise ArgumentError(teach(what, help))
    found = []
    for output, seed in zip(outputs, given or [None] * len(outputs), strict=True):
        if not output.requires_grad:
            what = tr(
                f"{name}: an output of shape {output.shape} does not depend on anything that "
                "requires gradients.",
                f"{name}：形状为 {output.shape} 的输出不依赖任何需要梯度的张量。",
            )
            help = tr("was it detached, or computed under no_grad?", "是否用过 detach 或 no_grad？")
            raise GradError(teach(what, help))
        if seed is None and output.numel() != 1:
            what = tr(
                f"{name}: expected a scalar output, found shape {output.shape}.",
                f"{name}：输出应为标量，得到形状 {output.shape}。",
            )
            help = tr("reduce it, or give grad_outputs", "请先求和，或给出 grad_outputs")
            raise GradError(teach(what, help))
        if seed is not None and seed.shape != output.shape:
            what = tr(
                f"{name}: expected a gradient of shape {output.shape}, got {seed.shape}.",
                f"{name}：梯度的形状应为 {output.shape}，得到 {seed.shape}。",
            )
            raise ShapeError(teach(what, tr("expand or reshape it", "请用 expand 或 reshape")))
        if seed is None:
            found.append(build.full(output.shape, 1, output.dtype))
        else:
            found.append(seed._node.expr)
    return found


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """``Σ ȳ · ∂y/∂x`` for every input x, summed over the outputs y.

    Nothing is added to ``x.grad``. Inputs may be intermediate results. Two tensors computed
    alike, from the same tensors, are one: each gets the gradient of both.

    Args:
        outputs: what to differentiate.
        inputs: by what; each requires gradients.
        grad_outputs: weights of the outputs; not needed for those of one element.
        retain_graph: for PyTorch's sake; what was recorded is always kept.
        create_graph: record the gradients, so that they can be differentiated.
        allow_unused: give None for an input that no output depends on, which else is an error.
        materialize_grads: give zeros for such an input.

    Raises:
        GradError: an output or input that does not require gradients, or an unused input.
        ShapeError: a gradient of another shape than its output.

    Example:
        >>> import glia as gl
        >>> x = gl.tensor(3.0, requires_grad=True)
        >>> (slope,) = grad(x**3, x, create_graph=True)
        >>> slope, grad(slope, x)
        (tensor(27., requires_grad=True), (tensor(18.),))
    """
    ys, xs = _several(outputs), _several(inputs)
    check_wanted("autograd.grad", xs)
    seeds = _several(grad_outputs)
    weights = _seeds("autograd.grad", ys, seeds)
    exprs = (*(y._node.expr for y in ys), *weights, *(x._node.expr for x in xs))
    hold = [t._node.hold for t in (*ys, *seeds) if t is not None]
    found: list[Tensor | None] = []
    for number, (x, expr) in enumerate(
        zip(xs, compose(_gradients, exprs, (len(ys),)), strict=True)
    ):
        if expr is None and not (allow_unused or materialize_grads):
            what = tr(
                f"autograd.grad: no output depends on input {number} of shape {x.shape}.",
                f"autograd.grad：没有输出依赖第 {number} 个输入（形状 {x.shape}）。",
            )
            help = tr("pass allow_unused=True for None", "请用 allow_unused=True，其结果为 None")
            raise GradError(teach(what, help))
        if expr is None and materialize_grads:
            expr = build.full(x.shape, 0, x.dtype)
        found.append(None if expr is None else derivative(expr, hold, create_graph))
    return tuple(found)


def backward(
    tensors: Tensors,
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of several tensors to ``x.grad``; see :meth:`Tensor.backward`.

    Example:
        >>> import glia as gl
        >>> x = gl.tensor([1.0, 2.0], requires_grad=True)
        >>> backward([x.sum(), (x * x).sum()])
        >>> x.grad
        tensor([3., 5.])
    """
    ys, seeds = _several(tensors), _several(grad_tensors)
    _seeds("autograd.backward", ys, seeds)
    for y, seed in zip(ys, seeds or [None] * len(ys), strict=True):
        y.backward(seed, retain_graph, create_graph, inputs)


class Context:
    """What ``forward`` keeps for ``backward``."""

    def __init__(self, wanted: tuple[bool, ...]) -> None:
        self.needs_input_grad = wanted
        self.saved_tensors: tuple[Tensor | None, ...] = ()
        self.constant: tuple[Tensor, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """No gradient flows through these outputs."""
        self.constant = tensors


class Function:
    """A function with a gradient of its own, written as PyTorch's: subclass it, call ``apply``.

    ``forward(ctx, *args)`` computes without recording; ``backward(ctx, *gradients)`` gives one
    gradient for every argument, None where there is none. It is called once, without values.

    Example:
        >>> import glia as gl
        >>> class Exp(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         y = x.exp()
        ...         ctx.save_for_backward(y)
        ...         return y
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         (y,) = ctx.saved_tensors
        ...         return g * y
        >>> x = gl.tensor([0.0, 1.0], requires_grad=True)
        >>> Exp.apply(x).sum().backward()
        >>> x.grad
        tensor([1.    , 2.7183])
    """

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise NotImplementedError("a Function needs a static method backward(ctx, *gradients)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """``forward``, recorded with ``backward`` as its derivative."""
        tensors, structure = flatten(args)
        wanted = tuple([isinstance(arg, Tensor) and arg.requires_grad for arg in args])
        ctx = Context(wanted)
        with no_grad():
            result = cls.forward(ctx, *args)
        outputs, built = flatten(result)
        floats = [t for t in outputs if t.dtype.is_inexact and not _among(t, ctx.constant)]
        if not floats or not tensors:
            return result
        with Sealed(cls.__name__) as sealed, enable_grad():
            coming = [sealed.variable(t.shape, t.dtype, True) for t in floats]
            given = iter(coming)
            seeds = [next(given) if _among(t, floats) else zeros_like(t) for t in outputs]
            back = cls.backward(ctx, *seeds)
            found = gradients_for(cls.__name__, back, args, structure, tensors)
            made = iter(written("vjp", floats, coming, tensors, found))
        placed = [next(made) if _among(t, floats) else t for t in outputs]
        return unflatten(built, placed)


def _among(tensor: Tensor, others: Sequence[Tensor]) -> bool:
    return any(tensor is other for other in others)

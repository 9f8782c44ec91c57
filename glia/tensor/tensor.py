"""The tensor: a handle on a lazily computed value, with PyTorch's names."""

from __future__ import annotations

import functools
import operator
import weakref
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from glia.autodiff.reverse import gradient, pullback
from glia.base.dtypes import DType, as_dtype
from glia.base.errors import ArgumentError, DTypeError, GradError, ShapeError, teach
from glia.base.shapes import Shape, broadcast
from glia.ir import build
from glia.ir.expr import Expr, compose, leaves_in_order
from glia.runtime.slots import slot_of
from glia.tensor import node as _node
from glia.tensor.methods import Methods
from glia.tensor.node import Node, grad_enabled, watch


class Tensor(Methods):
    """An n-dimensional array whose value is computed when it is needed.

    Operations record an expression; ``item()``, ``numpy()``, printing and an optimizer's
    ``step()`` compute. In-place operators (``x += 1``) give the tensor a new value.

    Args:
        data: anything ``numpy.asarray`` takes; Python floats become float32.

    Example:
        >>> Tensor([1.0, 2.0]) + 1
        tensor([2., 3.])
    """

    __slots__ = ("__dict__", "__weakref__", "_grad", "_node")
    __array_priority__ = 1000
    _node: Node
    _grad: Tensor | None

    def __init__(self, data: Any, dtype: DType | None = None, requires_grad: bool = False) -> None:
        self._node = _node.from_array(_to_array(data, dtype))
        self._grad = None
        if requires_grad:
            self.requires_grad_()

    @property
    def shape(self) -> Shape:
        return self._node.expr.shape

    @property
    def dtype(self) -> DType:
        return self._node.expr.dtype

    @property
    def ndim(self) -> int:
        return len(self._node.expr.shape)

    @property
    def requires_grad(self) -> bool:
        return self._node.requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, not computed from tensors that want gradients."""
        if not self.requires_grad:
            return True
        expr = self._node.expr
        owner = slot_of(expr).owner if expr.op.name == "leaf" else None
        return owner is not None and owner() is self

    @property
    def grad(self) -> Tensor | None:
        """The gradient gathered by ``backward()``."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and value.shape != self.shape:
            message = f"grad: expected shape {self.shape}, got {value.shape}."
            raise ShapeError(teach(message))
        self._grad = value

    def requires_grad_(self, wanted: bool = True) -> Tensor:
        """Gather gradients for this tensor in ``backward()``."""
        if wanted and not self.dtype.is_inexact:
            message = f"requires_grad: expected a floating-point tensor, found {self.dtype.name}."
            raise DTypeError(teach(message, "convert first: x.float()"))
        if wanted:
            realize(self)
            value = self._node.value
            if value is None or self._node.expr is not value.slot.leaf:
                message = "requires_grad can be set only on a tensor the user made."
                raise GradError(teach(message, "detach it first: x = x.detach()"))
            value.slot.owner = weakref.ref(self)
        node = self._node
        self._node = Node(node.expr, node.hold, wanted, node.value)
        return self

    def detach(self) -> Tensor:
        """The same value, constant for derivatives."""
        node = self._node
        value = node.value
        if value is not None:
            own = node.requires_grad and node.expr is value.slot.leaf
            return wrap(Node(value.slot.leaf, value, False, value, cut=own))
        return wrap(Node(node.expr, node.hold, False, None, cut=True))

    @property
    def data(self) -> Tensor:
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        self.copy_(value)

    def copy_(self, source: Any) -> Tensor:
        """Overwrite the value in place; shape and dtype stay. The source may broadcast."""
        other = as_tensor(source)
        if other.shape != self.shape:
            if broadcast(self.shape, other.shape) != self.shape:
                raise ShapeError(teach(f"copy_: expected shape {self.shape}, got {other.shape}."))
            other = other.expand(self.shape)
        with no_grad():
            update = other.to(self.dtype)
            tracing = _node.tracer()
            if tracing is not None and self._node.value in tracing.made:
                self._node = Node(update._node.expr, update._node.hold, self.requires_grad)
                return self
            _node.assign([(self, update._node.expr, update._node.hold)])
        return self

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add ∂self/∂x to ``x.grad`` for every tensor x that requires gradients.

        Args:
            gradient: weights of the elements; needed unless there is only one.
            retain_graph: for PyTorch's sake; what was recorded is always kept.
            create_graph: record the gradients, so that they can be differentiated.
            inputs: add to the gradients of these tensors only.
        """
        backward(self, gradient, create_graph, inputs)

    def numpy(self) -> np.ndarray:
        """The value as a new NumPy array."""
        if self.requires_grad and self._node.expr.op.name == "leaf":
            message = "numpy(): this tensor requires gradients, which NumPy would not record."
            raise GradError(teach(message, "use t.detach().numpy()"))
        return to_numpy(self)

    def item(self) -> bool | int | float | complex:
        """The value of a one-element tensor as a Python number."""
        if self._node.expr.numel != 1:
            message = f"item(): expected one element, got shape {self.shape}."
            raise ShapeError(teach(message, "index it, or reduce it first"))
        return to_numpy(self).reshape(()).item()

    def tolist(self) -> Any:
        return to_numpy(self).tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = to_numpy(self)
        return array if dtype is None else array.astype(dtype)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The Python array API standard over the same operations: ``glia.array_api``."""
        namespace = import_module("glia.array_api.array").namespace  # built on tensors
        return namespace(api_version)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """The memory for other libraries, as DLPack's capsule."""
        from glia.tensor.dlpack import lend

        if stream is not None:
            raise ArgumentError(teach("__dlpack__: a CPU has no streams."))
        return lend(self, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __repr__(self) -> str:
        if _node.tracer() is not None or self._node.expr.numel > 100_000:
            text = f"tensor(…, shape={self.shape}, dtype={self.dtype.name}"
        else:
            body = np.array2string(to_numpy(self), separator=", ", prefix="tensor(", precision=4)
            text = f"tensor({body}"
            if self.dtype.name not in ("float32", "int64", "bool"):
                text += f", dtype={self.dtype}"
        return text + (", requires_grad=True)" if self.requires_grad else ")")

    def __bool__(self) -> bool:
        return bool(self.item())

    def __int__(self) -> int:
        return int(self._real_item())

    def __float__(self) -> float:
        return float(self._real_item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def _real_item(self) -> bool | int | float:
        value = self.item()
        if isinstance(value, complex):
            message = f"expected a real number, found {value}."
            raise DTypeError(teach(message, "take x.real, x.imag or x.abs() first"))
        return value

    def __index__(self) -> int:
        value = self.item()
        if not isinstance(value, int):
            message = f"expected an integer tensor as index, found {self.dtype.name}."
            raise DTypeError(teach(message))
        return value

    def __len__(self) -> int:
        if not self.shape:
            raise ShapeError(teach("len() of a 0-dimensional tensor."))
        return self.shape[0]

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A tensor of its own with the same value and gradient; its history is not copied."""
        copy = type(self).__new__(type(self))
        memo[id(self)] = copy
        copy._node = _node.from_array(to_numpy(self))
        copy._grad = None if self._grad is None else Tensor(to_numpy(self._grad))
        if self.requires_grad:
            copy.requires_grad_()
        return copy

    __hash__ = object.__hash__


class Parameter(Tensor):
    """A tensor that a module learns: it requires gradients and is found by ``parameters()``.

    Example:
        >>> import glia as gl
        >>> w = gl.nn.Parameter(gl.zeros(2))
        >>> w
        Parameter containing:
        tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, None, False)
        self.requires_grad_(requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def wrap(node: Node) -> Tensor:
    """A tensor on a node."""
    tensor = Tensor.__new__(Tensor)
    tensor._node = node
    tensor._grad = None
    if node.value is None:
        watch(tensor)
    return tensor


def apply(function: Callable[..., Expr], tensors: tuple[Any, ...], *attrs: Any) -> Tensor:
    """``function(*expressions, *attrs)`` on tensors: one look-up when recorded before.

    Attributes must be hashable.
    """
    exprs, holds, wants = read(tensors)
    return recorded(compose(function, exprs, attrs), holds, wants)


def apply_all(
    function: Callable[..., tuple[Expr, ...]], tensors: tuple[Any, ...], *attrs: Any
) -> tuple[Tensor, ...]:
    """As ``apply``, for a function that gives several expressions."""
    exprs, holds, wants = read(tensors)
    return tuple([recorded(expr, holds, wants) for expr in compose(function, exprs, attrs)])


def read(tensors: Sequence[Any]) -> tuple[tuple[Expr, ...], list[Any], bool]:
    """What an operation reads, what keeps that alive, and whether gradients flow to any of it.

    Gradients stop at what was detached.
    """
    enabled = grad_enabled.get()
    wants = False
    exprs, holds = [], []
    for tensor in tensors:
        node = tensor._node
        expr = node.expr
        if node.requires_grad:
            wants = enabled
        elif node.cut and enabled:
            expr = build.detach(expr)
        exprs.append(expr)
        holds.append(node.hold)
    return tuple(exprs), holds, wants


def recorded(expr: Expr, hold: Any, wants: bool) -> Tensor:
    """A tensor of what was recorded; ``wants`` says whether an input requires gradients."""
    enabled = grad_enabled.get()
    flows = wants and enabled and expr.dtype.is_inexact
    return wrap(Node(expr, hold, flows, None, not enabled))


def _to_array(data: Any, dtype: DType | None) -> np.ndarray:
    if isinstance(data, Tensor):
        data = to_numpy(data)
    array = np.asarray(data)
    if array.dtype == object:
        raise DTypeError(teach("expected numbers in a rectangular shape.", "check the nesting"))
    if dtype is not None:
        return array.astype(dtype.np, copy=False)
    if array.dtype == np.float64 and not isinstance(data, np.ndarray | np.generic):
        return array.astype(np.float32)
    if array.dtype == np.complex128 and not isinstance(data, np.ndarray | np.generic):
        return array.astype(np.complex64)
    return array.astype(as_dtype(array.dtype).np, copy=False)


def as_tensor(data: Any, dtype: DType | None = None) -> Tensor:
    """``data`` as a tensor; a tensor of the right dtype is returned as it is."""
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype is dtype else data.to(dtype)
    return Tensor(data, dtype)


def realize(*tensors: Tensor) -> None:
    """Compute these tensors now, together."""
    _node.realize(tensor._node for tensor in tensors)


def to_numpy(tensor: Tensor) -> np.ndarray:
    """The value, whether or not gradients are recorded."""
    tracer = _node.tracer()
    if tracer is not None:
        tracer.refuse("a value was asked for")
    realize(tensor)
    value = tensor._node.value
    assert value is not None
    return value.slot.array.copy()


class no_grad:
    """Record no gradients inside ``with no_grad():`` or a decorated function."""

    _wanted = False

    def __enter__(self) -> None:
        self._token = _node.grad_enabled.set(self._wanted)

    def __exit__(self, *_exception: object) -> None:
        _node.grad_enabled.reset(self._token)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        kind = type(self)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with kind():
                return function(*args, **kwargs)

        return wrapped


class enable_grad(no_grad):
    """Record gradients inside, even within ``no_grad``."""

    _wanted = True


def wanting_gradients(expr: Expr) -> list[Tensor]:
    """The living tensors an expression reads that require gradients."""
    found = []
    for leaf_expr in leaves_in_order(expr):
        owner = slot_of(leaf_expr).owner
        tensor = owner() if owner is not None else None
        if tensor is not None and tensor._node.requires_grad:
            found.append(tensor)
    return found


def backward(
    loss: Tensor,
    seed: Tensor | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """See :meth:`Tensor.backward`."""
    node = loss._node
    if not node.requires_grad:
        message = "backward: this tensor does not depend on anything that requires gradients."
        help = "was it computed under no_grad, detached, or used after optimizer.step()?"
        raise GradError(teach(message, help))
    if inputs is None:
        wrt = wanting_gradients(node.expr)
    else:
        wrt = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        check_wanted("backward", wrt)
    hold = node.hold
    if seed is None:
        found = gradient(node.expr, [tensor._node.expr for tensor in wrt])
    else:
        if seed.shape != loss.shape:
            message = f"backward: expected a gradient of shape {loss.shape}, got {seed.shape}."
            raise ShapeError(teach(message))
        hold = (hold, seed._node.hold)
        found = pullback(node.expr, [tensor._node.expr for tensor in wrt], seed._node.expr)
    tracer = _node.tracer()
    for tensor, expr in zip(wrt, found, strict=True):
        if expr is None:
            continue
        if tracer is not None:
            tracer.gradient(tensor)
        plain = not create_graph  # written out: in every step of every training
        part = wrap(Node(expr, hold, False, None, True)) if plain else derivative(expr, hold, True)
        add_up = operator.add if create_graph else _sum
        tensor._grad = part if tensor._grad is None else add_up(tensor._grad, part)


def derivative(expr: Expr, hold: Any, recorded: bool) -> Tensor:
    """A gradient as a tensor, which can be differentiated itself if it is to be recorded."""
    wants = recorded and bool(wanting_gradients(expr))
    return wrap(Node(expr, hold, wants, None, not recorded))


def check_wanted(name: str, inputs: Sequence[Tensor]) -> None:
    """Gradients are taken by tensors that require them."""
    for number, tensor in enumerate(inputs):
        if not tensor.requires_grad:
            message = f"{name}: input {number} of shape {tensor.shape} does not require gradients."
            raise GradError(teach(message, "call x.requires_grad_() before computing with it"))


@no_grad()
def _sum(a: Tensor, b: Tensor) -> Tensor:
    return a + b

"""``Module``: a tree of parameters, buffers and a ``forward``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from glia.base.errors import ArgumentError, DTypeError, GradError, teach
from glia.base.i18n import tr
from glia.base.source import module_stack
from glia.nn import state as _state
from glia.nn.summary import summary as _summary
from glia.tensor.jit import state_changed
from glia.tensor.tensor import Parameter, Tensor, to_numpy

Self = TypeVar("Self", bound="Module")


class Module:
    """Base of all layers and networks.

    Parameters, buffers and modules assigned as attributes are registered under that name.

    Example:
        >>> from glia import nn
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.fc = nn.Linear(3, 2)
        ...     def forward(self, x):
        ...         return self.fc(x).relu()
        >>> sum(p.numel() for p in Net().parameters())
        8
    """

    training: bool
    _name: str  # the attribute of the parent under which this module stands
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module]
    _non_persistent: set[str]
    _forward_hooks: dict[object, tuple[Callable[..., Any], bool]]  # and whether with keywords
    _forward_pre_hooks: dict[object, tuple[Callable[..., Any], bool]]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Registered names; for type checkers only."""

    def __init__(self) -> None:
        fields = self.__dict__
        fields["training"] = True
        fields["_name"] = ""
        fields["_parameters"] = {}
        fields["_buffers"] = {}
        fields["_modules"] = {}
        fields["_non_persistent"] = set()
        fields["_forward_hooks"] = {}
        fields["_forward_pre_hooks"] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it."""
        name = type(self).__name__
        what = tr(f"{name} defines no forward().", f"{name} 没有定义 forward()。")
        help = tr("add def forward(self, x): ...", "请加上 def forward(self, x): ...")
        raise NotImplementedError(teach(what, help))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._forward_pre_hooks:
            args, kwargs = self._prepared(args, kwargs)
        module_stack.append(self._name)
        try:
            result = self.forward(*args, **kwargs) if kwargs else self.forward(*args)
        except AttributeError as error:
            raise _explain(args, error) from None
        finally:
            module_stack.pop()
        if self._forward_hooks:
            for hook, keywords in tuple(self._forward_hooks.values()):
                given = (args, kwargs) if keywords else (args,)
                changed = hook(self, *given, result)
                result = result if changed is None else changed
        return result

    def _prepared(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """The arguments after all hooks before forward."""
        for hook, keywords in tuple(self._forward_pre_hooks.values()):
            changed = hook(self, args, kwargs) if keywords else hook(self, args)
            if changed is None:
                continue
            if keywords:
                args, kwargs = changed
            else:
                args = changed if isinstance(changed, tuple) else (changed,)
        return args, kwargs

    # Registration: each part stands in its table, and as a plain attribute for fast access.

    def __setattr__(self, name: str, value: Any) -> None:
        fields = self.__dict__
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self.add_module(name, value)
        elif "_buffers" in fields and name in fields["_buffers"] and _buffer_like(value):
            fields["_buffers"][name] = value
            fields[name] = value
        elif "_parameters" in fields and name in fields["_parameters"] and value is not None:
            what = tr(
                f"attribute '{name}' holds a parameter, found {type(value).__name__}.",
                f"属性“{name}”是参数，却得到 {type(value).__name__}。",
            )
            raise DTypeError(teach(what, tr("wrap it: nn.Parameter(x)", "请写成 nn.Parameter(x)")))
        else:
            absent = value is None and name in fields.get("_parameters", ())
            self._forget(name)
            if absent:
                fields["_parameters"][name] = None
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        self._forget(name)
        if name in self.__dict__:
            object.__delattr__(self, name)

    def _forget(self, name: str) -> None:
        """Take a name out of the tables."""
        for table in ("_parameters", "_buffers", "_modules"):
            self.__dict__.get(table, {}).pop(name, None)

    def _tables(self, name: str) -> None:
        if "_modules" not in self.__dict__:
            kind = type(self).__name__
            what = tr(
                f"{kind}: '{name}' was assigned before Module.__init__().",
                f"{kind}：在 Module.__init__() 之前就给“{name}”赋值。",
            )
            help = tr("call super().__init__() first", "请先调用 super().__init__()")
            raise ArgumentError(teach(what, help))
        if not name or "." in name:
            what = tr(f"the name {name!r} cannot be used.", f"不能使用名字 {name!r}。")
            raise ArgumentError(teach(what, tr("use a name without dots", "名字中不能有点号")))

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter; None keeps the name for an absent one.

        >>> layer = Module()
        >>> layer.register_parameter("bias", None)
        >>> layer.bias is None, list(layer.parameters())
        (True, [])
        """
        self._tables(name)
        self._modules.pop(name, None)
        self._buffers.pop(name, None)
        self._parameters[name] = param
        self.__dict__[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is saved with the module but not learnt.

        >>> layer = Module()
        >>> layer.register_buffer("mean", Tensor([0.5]))
        >>> list(layer.parameters()), layer.state_dict()
        ([], {'mean': tensor([0.5])})
        """
        self._tables(name)
        self._buffers[name] = tensor
        self.__dict__[name] = tensor
        (self._non_persistent.discard if persistent else self._non_persistent.add)(name)

    def add_module(self, name: str, module: Module) -> None:
        """Add a child module under a name.

        >>> net = Module()
        >>> net.add_module("inner", Module())
        >>> [name for name, _ in net.named_modules()]
        ['', 'inner']
        """
        self._tables(name)
        self._parameters.pop(name, None)
        self._modules[name] = module
        self.__dict__[name] = module
        module.__dict__["_name"] = name

    register_module = add_module

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call ``hook(module, args, output)`` after each forward; ``handle.remove()`` ends it.

        What it returns, if not None, replaces the output. ``with_kwargs``: the hook also gets
        the keywords, after ``args``; ``prepend``: it comes before those registered earlier.

        >>> from glia import nn
        >>> layer = nn.ReLU()
        >>> with layer.register_forward_hook(lambda module, args, output: output + 1):
        ...     print(layer(Tensor([-2.0, 2.0])))
        tensor([1., 3.])
        """
        return Handle.added(self._forward_hooks, hook, prepend, with_kwargs)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call ``hook(module, args)`` before each forward; ``handle.remove()`` ends it.

        What it returns, if not None, replaces the arguments; with ``with_kwargs`` the hook gets
        ``args, kwargs`` and returns both.

        >>> from glia import nn
        >>> layer = nn.ReLU()
        >>> handle = layer.register_forward_pre_hook(lambda module, args: -args[0])
        >>> layer(Tensor([-2.0, 2.0]))
        tensor([2., 0.])
        """
        return Handle.added(self._forward_pre_hooks, hook, prepend, with_kwargs)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Any:
        """Not offered: derivatives are expressions, computed in no module's turn."""
        what = tr("hooks on gradients of modules are not offered.", "不支持模块梯度钩子。")
        help = tr(
            "read p.grad after backward(), or use a forward hook",
            "请在 backward() 之后读取 p.grad，或使用前向钩子",
        )
        raise GradError(teach(what, help))

    register_full_backward_pre_hook = register_backward_hook = register_full_backward_hook

    # Walking the tree

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, each once, with dotted names."""
        yield from _walk(self, prefix, set())

    def modules(self) -> Iterator[Module]:
        """``named_modules`` without the names."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Name and module of those directly below."""
        yield from self._modules.items()

    def children(self) -> Iterator[Module]:
        """``named_children`` without the names."""
        for _, module in self.named_children():
            yield module

    def named_parameters(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Dotted name and parameter, each parameter once.

        >>> from glia import nn
        >>> net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU(), nn.Linear(3, 1))
        >>> [(name, p.shape) for name, p in net.named_parameters()]
        [('0.weight', (3, 2)), ('2.weight', (1, 3)), ('2.bias', (1,))]
        """
        yield from _members(self, "_parameters", prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """``named_parameters`` without the names."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Dotted name and buffer, each buffer once."""
        yield from _members(self, "_buffers", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """``named_buffers`` without the names."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The module with this dotted name.

        >>> from glia import nn
        >>> nn.Sequential(nn.Sequential(nn.ReLU())).get_submodule("0.0")
        ReLU()
        """
        found: Module = self
        for part in target.split(".") if target else ():
            child = found._modules.get(part)
            if child is None:
                known = ", ".join(found._modules) or "-"
                what = tr(f"no module '{target}'.", f"没有名为“{target}”的模块。")
                raise ArgumentError(teach(what, tr(f"children: {known}", f"子模块有：{known}")))
            found = child
        return found

    def apply(self: Self, function: Callable[[Module], Any]) -> Self:
        """Call ``function`` on every module below, then on this one.

        >>> from glia import nn
        >>> net = nn.Sequential(nn.ReLU(), nn.Tanh())
        >>> _ = net.apply(lambda module: print(type(module).__name__))
        ReLU
        Tanh
        Sequential
        """
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    # Modes

    def train(self: Self, mode: bool = True) -> Self:
        """Training mode (dropout drops, batch norm uses the batch), or evaluation mode.

        >>> from glia import nn
        >>> net = nn.Sequential(nn.Dropout())
        >>> net.eval()[0].training, net.train()[0].training
        (False, True)
        """
        for module in self.modules():
            if module.__dict__.get("training") is not mode:
                state_changed()
                module.__dict__["training"] = mode
        return self

    def eval(self: Self) -> Self:
        """Evaluation mode."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Learn, or freeze, all parameters.

        >>> from glia import nn
        >>> nn.Linear(1, 1).requires_grad_(False).weight.requires_grad
        False
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients.

        >>> from glia import nn
        >>> layer = nn.Linear(1, 1)
        >>> layer(Tensor([[2.0]])).sum().backward()
        >>> layer.weight.grad, layer.zero_grad(), layer.weight.grad
        (tensor([[2.]]), None, None)
        """
        for parameter in self.parameters():
            if parameter._grad is not None:
                zero = (
                    None if set_to_none else Tensor(np.zeros(parameter.shape, parameter.dtype.np))
                )
                parameter._grad = zero

    def to(self: Self, *targets: Any, dtype: Any = None) -> Self:
        """Floating-point parameters and buffers in another dtype; ``"cpu"`` changes nothing.

        >>> from glia import nn
        >>> nn.Linear(1, 1).to("float64").weight.dtype
        glia.float64
        """
        _state.convert(self, *targets, dtype=dtype)
        return self

    def float(self: Self) -> Self:
        """``to("float32")``."""
        return self.to("float32")

    def double(self: Self) -> Self:
        """``to("float64")``."""
        return self.to("float64")

    def cpu(self: Self) -> Self:
        """The module itself: it is on the CPU already."""
        return self

    # State

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """Dotted name → copy of the value, for every parameter and persistent buffer.

        Unlike PyTorch's, the tensors are snapshots: later training does not change them.

        >>> from glia import nn
        >>> list(nn.Sequential(nn.Linear(2, 3)).state_dict())
        ['0.weight', '0.bias']
        """
        return {name: Tensor(to_numpy(t)) for name, t in _state.entries(self, prefix)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """Take the values of a ``state_dict`` (tensors or NumPy arrays).

        Args:
            state_dict: dotted name → value.
            strict: whether missing and unexpected names are errors.

        Returns:
            a tuple ``(missing_keys, unexpected_keys)``.

        Raises:
            CheckpointError: names or shapes do not fit; nothing has been changed then.
        """
        return _state.load(self, state_dict, strict)

    # Text

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [
            f"({name}): " + repr(module).replace("\n", "\n  ")
            for name, module in self._modules.items()
        ]
        name = type(self).__name__
        if not children and len(lines) < 2:
            return f"{name}({extra})"
        return f"{name}(\n  " + "\n  ".join([*lines, *children]) + "\n)"

    def summary(self) -> str:
        """A table of the modules with their parameter counts.

        >>> from glia import nn
        >>> print(nn.Sequential(nn.Linear(2, 3), nn.ReLU()).summary())
        name  kind    parameters                count
        ---------------------------------------------
        0     Linear  weight (3, 2), bias (3,)      9
        1     ReLU                                  0
        total 9 parameters, 9 learnt, 0.0 KiB
        """
        return _summary(self)


class Handle:
    """Takes a hook away again."""

    def __init__(self, hooks: dict[Any, Any]) -> None:
        self._hooks = hooks

    @classmethod
    def added(cls, hooks: dict[Any, Any], hook: Any, first: bool, keywords: bool) -> Handle:
        """A handle on a hook put first or last."""
        handle = cls(hooks)
        others = dict(hooks) if first else {}
        if first:
            hooks.clear()
        hooks[handle] = (hook, keywords)
        hooks.update(others)
        return handle

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self._hooks.pop(self, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.remove()


def _buffer_like(value: Any) -> bool:
    return value is None or isinstance(value, Tensor)


def _walk(module: Module, prefix: str, seen: set[int]) -> Iterator[tuple[str, Module]]:
    if id(module) in seen:
        return
    seen.add(id(module))
    yield prefix, module
    for name, child in module._modules.items():
        yield from _walk(child, f"{prefix}.{name}" if prefix else name, seen)


def _members(module: Module, table: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    found = module.named_modules(prefix) if recurse else ((prefix, module),)
    for path, owner in found:
        for name, value in owner.__dict__[table].items():
            if value is not None and id(value) not in seen:
                seen.add(id(value))
                yield f"{path}.{name}" if path else name, value


def _explain(args: tuple[Any, ...], error: AttributeError) -> Exception:
    """A plainer error when the cause is an argument that is no tensor."""
    wrong = [a for a in args if isinstance(a, np.ndarray | np.generic | int | float | list)]
    if not wrong or "_node" not in str(error):
        return error
    kind = type(wrong[0]).__name__
    what = tr(f"expected a Tensor, found {kind}.", f"需要 Tensor，得到 {kind}。")
    return DTypeError(teach(what, tr("convert: gl.tensor(x)", "请转换：gl.tensor(x)")))

"""Parameters computed from others: ``module.weight = f(original)`` whenever it is read."""

from __future__ import annotations

from typing import Any

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.nn.containers import ModuleDict, ModuleList
from glia.nn.module import Module
from glia.tensor.tensor import Parameter, Tensor, no_grad


class ParametrizationList(ModuleList):
    """The functions between what is learnt, ``original`` (or several), and a module's tensor.

    Example:
        >>> from glia import nn
        >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
        >>> [p.shape for p in layer.parametrizations.weight.parameters()]
        [(2, 1), (2, 3)]
    """

    def __init__(self, modules: list[Module], original: Tensor) -> None:
        super().__init__(modules)
        parts = self._inverse(original)
        self.is_tensor = isinstance(parts, Tensor)
        wants = original.requires_grad
        for name, part in self._named(parts):
            self.register_parameter(name, Parameter(part.detach(), requires_grad=wants))

    def _named(self, parts: Any) -> list[tuple[str, Tensor]]:
        if isinstance(parts, Tensor):
            return [("original", parts)]
        return [(f"original{i}", part) for i, part in enumerate(parts)]

    @no_grad()
    def _inverse(self, value: Tensor) -> Any:
        """What gives ``value``, as far as the functions have a ``right_inverse``."""
        found: Any = value
        for module in reversed(list(self)):
            inverse = getattr(module, "right_inverse", None)
            found = found if inverse is None else inverse(found)
        return found

    def assign(self, value: Tensor) -> None:
        """Let the tensor be ``value``, as far as the functions have a ``right_inverse``."""
        for name, part in self._named(self._inverse(value)):
            self._parameters[name].copy_(part)  # type: ignore[union-attr]

    def forward(self) -> Tensor:
        found = tuple(p for p in self._parameters.values() if p is not None)
        first, *others = list(self)
        value: Tensor = first(*found)
        for module in others:
            value = module(value)
        return value

    def __repr__(self) -> str:
        return super().__repr__().replace("ModuleList", "ParametrizationList", 1)


def _computed(name: str) -> Any:
    def read(self: Any) -> Any:
        return self.parametrizations[name]()

    return property(read)


def _assigning(self: Any, name: str, value: Any) -> None:
    own = self.__dict__.get("parametrizations")
    if own is not None and name in own:
        own[name].assign(value)
    else:
        Module.__setattr__(self, name, value)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """From now on ``module.<tensor_name>`` is ``parametrization(original)``.

    The original stands under ``parametrizations.<tensor_name>.original``, and is learnt. A
    ``right_inverse`` of the parametrization, if it has one, gives the original, or a tuple of
    several, from the value.

    Args:
        module: whose parameter it is.
        tensor_name: the parameter's name.
        parametrization: a module with a forward.
        unsafe: whether shape and dtype may change.

    Raises:
        ArgumentError: no parameter of this name.
        ShapeError: the parametrization changes shape or dtype.

    Example:
        >>> import glia as gl
        >>> class Doubled(gl.nn.Module):
        ...     def forward(self, x):
        ...         return 2 * x
        >>> layer = gl.nn.Linear(2, 1)
        >>> w = layer.weight.detach()
        >>> bool((register_parametrization(layer, "weight", Doubled()).weight == 2 * w).all())
        True
    """
    if is_parametrized(module, tensor_name):
        functions = module.parametrizations[tensor_name]
        functions.append(parametrization)
        return module
    original = module._parameters.get(tensor_name)
    if original is None:
        known = ", ".join(module._parameters) or "-"
        what = tr(
            f"register_parametrization: no parameter '{tensor_name}'.",
            f"register_parametrization：没有参数“{tensor_name}”。",
        )
        raise ArgumentError(teach(what, tr(f"it has {known}", f"已有：{known}")))
    functions = ParametrizationList([parametrization], original)
    value = functions()
    if not unsafe and (value.shape != original.shape or value.dtype is not original.dtype):
        what = tr(
            f"register_parametrization: {original.dtype.name} {original.shape} became "
            f"{value.dtype.name} {value.shape}.",
            f"register_parametrization：{original.dtype.name} {original.shape} 变成了 "
            f"{value.dtype.name} {value.shape}。",
        )
        raise ShapeError(teach(what, tr("keep them, or pass unsafe=True", "或设 unsafe=True")))
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = functions
    kind = type(module)
    fields = {tensor_name: _computed(tensor_name), "__setattr__": _assigning}
    fields["__module__"] = kind.__module__
    name = kind.__name__
    name = name if name.startswith("Parametrized") else f"Parametrized{name}"
    module.__class__ = type(name, (kind,), fields)
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of the module (any, for None) is computed from an original.

    >>> from glia import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    >>> is_parametrized(layer), is_parametrized(layer, "bias")
    (True, False)
    """
    own = module.__dict__.get("parametrizations")
    if not isinstance(own, ModuleDict):
        return False
    return len(own) > 0 if tensor_name is None else tensor_name in own


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make the tensor a plain parameter again: with its value, or with the original's.

    Raises:
        ArgumentError: it is not parametrized; or several originals, which are no value.

    Example:
        >>> from glia import nn
        >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
        >>> layer = remove_parametrizations(layer, "weight")
        >>> sorted(name for name, _ in layer.named_parameters())
        ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        what = tr(f"'{tensor_name}' is not parametrized.", f"“{tensor_name}”没有参数化。")
        raise ArgumentError(teach(what))
    functions = module.parametrizations[tensor_name]
    if not leave_parametrized and not functions.is_tensor:
        what = tr(
            f"'{tensor_name}' has several originals: none is its value.",
            f"“{tensor_name}”有多个原始张量，没有一个是它的值。",
        )
        help = tr("pass leave_parametrized=True", "请设 leave_parametrized=True")
        raise ArgumentError(teach(what, help))
    originals = [p for p in functions._parameters.values() if p is not None]
    value = functions() if leave_parametrized else originals[0]
    wants = any(p.requires_grad for p in originals)
    del module.parametrizations[tensor_name]
    kind = type(module)
    rest = [base for base in kind.__mro__ if tensor_name not in vars(base)]
    if not len(module.parametrizations):
        delattr(module, "parametrizations")
        plain = next(base for base in rest if "Parametrized" not in base.__name__)
        module.__class__ = plain
    else:
        own = {name: _computed(name) for name in module.parametrizations}
        plain = next(base for base in rest if "Parametrized" not in base.__name__)
        module.__class__ = type(kind.__name__, (plain,), {**own, "__setattr__": _assigning})
    module.register_parameter(tensor_name, Parameter(value.detach(), requires_grad=wants))
    return module

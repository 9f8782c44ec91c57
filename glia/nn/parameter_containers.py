"""Lists and dictionaries of parameters that belong to a module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.nn.module import Module
from glia.tensor.tensor import Parameter, Tensor


def _parameter(owner: Module, value: Any) -> Parameter:
    """A tensor becomes a parameter; a parameter stays as it is."""
    if isinstance(value, Parameter):
        return value
    if isinstance(value, Tensor):
        return Parameter(value.detach())
    kind, found = type(owner).__name__, type(value).__name__
    what = tr(f"{kind}: expected tensors, found {found}.", f"{kind}：需要张量，得到 {found}。")
    raise DTypeError(teach(what, tr("convert: gl.tensor(x)", "请转换：gl.tensor(x)")))


def _shown(parameters: Iterable[tuple[str, Any]]) -> str:
    lines = []
    for name, p in parameters:
        size = "x".join(map(str, p.shape))
        lines.append(f"  ({name}): Parameter containing: [{p.dtype.name} of size {size}]")
    return "\n".join(lines)


class ParameterList(Module):
    """A list of parameters, under the names "0", "1", ...

    Args:
        values: parameters, or tensors to make parameters of.

    Example:
        >>> import glia as gl
        >>> weights = gl.nn.ParameterList([gl.zeros(2, 3), gl.zeros(3)])
        >>> [p.shape for p in weights]
        [(2, 3), (3,)]
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def _name_of(self, index: int) -> str:
        size = len(self)
        if not -size <= index < size:
            what = tr(f"index {index} for {size} parameters.", f"共 {size} 个参数，下标 {index}。")
            raise IndexError(teach(what))
        return str(index % size)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return ParameterList(list(self)[index])
        return self._parameters[self._name_of(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        self.register_parameter(self._name_of(index), _parameter(self, value))

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return (p for p in tuple(self._parameters.values()) if p is not None)

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end."""
        self.register_parameter(str(len(self)), _parameter(self, value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add parameters at the end."""
        for value in values:
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def __repr__(self) -> str:
        text = _shown(self._parameters.items())
        return f"ParameterList(\n{text}\n)" if text else "ParameterList()"


class ParameterDict(Module):
    """A dictionary of parameters.

    Args:
        parameters: name → parameter, or tensor to make a parameter of.

    Example:
        >>> import glia as gl
        >>> weights = gl.nn.ParameterDict({"w": gl.zeros(2, 3), "b": gl.zeros(3)})
        >>> {name: p.shape for name, p in weights.items()}
        {'w': (2, 3), 'b': (3,)}
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def __getitem__(self, name: str) -> Parameter:
        found = self._parameters.get(name)
        if found is None:
            known = ", ".join(self._parameters) or "-"
            what = tr(f"ParameterDict has no '{name}'.", f"ParameterDict 中没有“{name}”。")
            raise ArgumentError(teach(what, tr(f"it has {known}", f"已有：{known}")))
        return found

    def __setitem__(self, name: str, value: Any) -> None:
        if name == "training" or hasattr(type(self), name):
            what = tr(f"the name {name!r} is taken.", f"名字 {name!r} 已被占用。")
            raise ArgumentError(teach(what, tr("use another name", "请换一个名字")))
        self.register_parameter(name, _parameter(self, value))

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._parameters))

    def __contains__(self, name: str) -> bool:
        return name in self._parameters

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._parameters.keys()

    def values(self) -> Iterable[Any]:
        """The parameters."""
        return self._parameters.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and parameters."""
        return self._parameters.items()

    def get(self, name: str, default: Any = None) -> Any:
        """The parameter of this name, or ``default``."""
        return self._parameters.get(name, default)

    def pop(self, name: str) -> Parameter:
        """Take a parameter out and return it."""
        found = self[name]
        del self[name]
        return found

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add or replace parameters."""
        for name, value in dict(parameters).items():
            self[name] = value

    def clear(self) -> None:
        """Take all parameters out."""
        for name in self:
            del self[name]

    def __repr__(self) -> str:
        text = _shown(self._parameters.items())
        return f"ParameterDict(\n{text}\n)" if text else "ParameterDict()"

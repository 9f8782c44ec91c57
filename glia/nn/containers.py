"""Modules made of modules: ``Sequential``, ``ModuleList``, ``ModuleDict``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.nn.module import Module


def _check(owner: Module, module: object) -> Module:
    if isinstance(module, Module):
        return module
    kind, found = type(owner).__name__, type(module).__name__
    what = tr(f"{kind}: expected modules, found {found}.", f"{kind}：需要模块，得到 {found}。")
    help = tr("use nn.ReLU(), not F.relu or the class", "请用 nn.ReLU()，而非 F.relu 或类本身")
    raise DTypeError(teach(what, help))


class _Numbered(Module):
    """Children under the names "0", "1", ..."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, index: int | slice) -> Any:
        found = list(self._modules.values())
        if isinstance(index, slice):
            return (
                type(self)(*found[index])
                if isinstance(self, Sequential)
                else ModuleList(found[index])
            )
        if not -len(found) <= index < len(found):
            what = tr(
                f"index {index} for {len(found)} modules.",
                f"共 {len(found)} 个模块，下标 {index}。",
            )
            raise IndexError(teach(what))
        return found[index]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(list(self._modules)[index], _check(self, module))

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        gone = names[index] if isinstance(index, slice) else [names[index]]
        kept = [(n, m) for n, m in self._modules.items() if n not in gone]
        for name in names:
            delattr(self, name)
        numbered = all(name.isdigit() for name in names)
        for i, (name, module) in enumerate(kept):
            self.add_module(str(i) if numbered else name, module)

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before the one at ``index``; those behind it get new numbers."""
        modules = list(self._modules.values())
        modules.insert(index, _check(self, module))
        for i, each in enumerate(modules):
            self.add_module(str(i), each)
        return self

    def pop(self, index: int | slice = -1) -> Any:
        """Take a module out and return it."""
        found = self[index]
        del self[index]
        return found

    def append(self, module: Module) -> Any:
        """Add a module at the end."""
        self.add_module(str(len(self)), _check(self, module))
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end."""
        for module in modules:
            self.append(module)
        return self


class Sequential(_Numbered):
    """Modules one after the other: ``y = fₙ(… f₂(f₁(x)))``.

    Args:
        args: modules, or one dictionary of named modules.

    Example:
        >>> from glia import nn
        >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        Sequential(
          (0): Linear(in_features=2, out_features=3, bias=True)
          (1): ReLU()
        )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, _check(self, module))
        else:
            self.extend(args)

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *other)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input


class ModuleList(_Numbered):
    """A list of modules whose parameters belong to the owner; call them yourself.

    Example:
        >>> from glia import nn
        >>> nn.ModuleList([nn.Linear(2, 2) for _ in range(6)])
        ModuleList(
          (0-5): 6 x Linear(in_features=2, out_features=2, bias=True)
        )
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        self.extend(modules)
        return self

    def __repr__(self) -> str:
        """Equal neighbours are shown once: ``(0-5): 6 x Linear(…)``."""
        runs: list[list[Any]] = []
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        lines = []
        for first, last, text in runs:
            count = f"({first}-{last}): {last - first + 1} x " if last > first else f"({first}): "
            lines.append("  " + (count + text).replace("\n", "\n  ") + "\n")
        return f"ModuleList(\n{''.join(lines)})" if lines else "ModuleList()"


class ModuleDict(Module):
    """A dictionary of modules whose parameters belong to the owner.

    Example:
        >>> from glia import nn
        >>> heads = nn.ModuleDict({"digit": nn.Linear(8, 10), "sign": nn.Linear(8, 1)})
        >>> list(heads), heads["sign"].out_features
        (['digit', 'sign'], 1)
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        for name, module in (modules or {}).items():
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        if name not in self._modules:
            known = ", ".join(self._modules) or "-"
            what = tr(f"ModuleDict has no '{name}'.", f"ModuleDict 中没有“{name}”。")
            raise ArgumentError(teach(what, tr(f"it has {known}", f"已有：{known}")))
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, _check(self, module))

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def pop(self, name: str) -> Module:
        """Take a module out and return it."""
        found = self[name]
        del self[name]
        return found

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add or replace modules."""
        for name, module in dict(modules).items():
            self[name] = module

    def clear(self) -> None:
        """Take all modules out."""
        for name in tuple(self._modules):
            del self[name]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Names and modules."""
        return self._modules.items()

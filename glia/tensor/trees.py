"""Tensors in nested tuples, lists and dicts.

Nothing here recurses by functions inside functions: those would hold themselves, hence the tensors,
until some later collection of garbage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from glia.tensor.tensor import Tensor

Structure = tuple[Any, ...]
TENSOR: Structure = (Tensor,)


def _same(item: Any) -> Any:
    return item


def flatten(tree: Any, convert: Callable[[Any], Any] = _same) -> tuple[list[Tensor], Structure]:
    """The tensors, in order, and the structure they stand in: equal for trees built alike.

    ``convert`` may make tensors of what else there is; the rest belongs to the structure.
    """
    found: list[Tensor] = []
    return found, _describe(tree, convert, found)


def _describe(item: Any, convert: Callable[[Any], Any], found: list[Tensor]) -> Structure:
    if not isinstance(item, Tensor | tuple | list | dict):
        item = convert(item)
    if isinstance(item, Tensor):
        found.append(item)
        return TENSOR
    if isinstance(item, dict):
        parts = [_describe(part, convert, found) for part in item.values()]
        return dict, tuple(item), tuple(parts)
    if isinstance(item, tuple | list):
        return type(item), None, tuple([_describe(part, convert, found) for part in item])
    return None, item


def unflatten(structure: Structure, tensors: Sequence[Tensor]) -> Any:
    """A tree of this structure with these tensors."""
    return _built(structure, iter(tensors))


def _built(structure: Structure, pending: Iterator[Tensor]) -> Any:
    if structure is TENSOR:
        return next(pending)
    if structure[0] is None:
        return structure[1]
    kind, names, parts = structure
    built = [_built(part, pending) for part in parts]
    if kind is dict:
        return dict(zip(names, built, strict=True))
    return kind(*built) if hasattr(kind, "_fields") else kind(built)

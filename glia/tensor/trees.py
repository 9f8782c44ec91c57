"""Tensors in nested tuples, lists and dicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glia.tensor.tensor import Tensor

Structure = tuple[Any, ...]
TENSOR: Structure = (Tensor,)


def flatten(
    tree: Any, convert: Callable[[Any], Any] = lambda item: item
) -> tuple[list[Tensor], Structure]:
    """The tensors, in order, and the structure they stand in: equal for trees built alike.

    ``convert`` may make tensors of what else there is; the rest belongs to the structure.
    """
    found: list[Tensor] = []

    def describe(item: Any) -> Structure:
        if not isinstance(item, Tensor | tuple | list | dict):
            item = convert(item)
        if isinstance(item, Tensor):
            found.append(item)
            return TENSOR
        if isinstance(item, dict):
            return dict, tuple(item), tuple([describe(part) for part in item.values()])
        if isinstance(item, tuple | list):
            return type(item), None, tuple([describe(part) for part in item])
        return None, item

    structure = describe(tree)
    return found, structure


def unflatten(structure: Structure, tensors: Sequence[Tensor]) -> Any:
    """A tree of this structure with these tensors."""
    pending = iter(tensors)

    def build(structure: Structure) -> Any:
        if structure is TENSOR:
            return next(pending)
        if structure[0] is None:
            return structure[1]
        kind, names, parts = structure
        built = [build(part) for part in parts]
        if kind is dict:
            return dict(zip(names, built, strict=True))
        return kind(*built) if hasattr(kind, "_fields") else kind(built)

    return build(structure)

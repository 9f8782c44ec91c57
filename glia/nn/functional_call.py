"""Calling a module with other parameters: what transforms differentiate by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from glia.base.errors import ArgumentError, ShapeError, teach
from glia.base.i18n import tr
from glia.nn.module import Module
from glia.tensor.tensor import Tensor

Tensors = Mapping[str, Tensor]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Tensors | Sequence[Tensors],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with these tensors in place of its parameters and buffers.

    The module is as before afterwards.

    Args:
        module: what to call.
        parameter_and_buffer_dicts: tensors by name, as ``named_parameters()`` names them, or
            several such dicts. What is not named keeps its value.
        args: the argument, or a tuple of them.
        kwargs: keyword arguments.
        tie_weights: a parameter that stands in several places is replaced in all of them.
        strict: every parameter and buffer must be named.

    Raises:
        ArgumentError: a name that the module does not have, or, if strict, one that is missing.
        ShapeError: a tensor of another shape.

    Example:
        >>> import glia as gl
        >>> layer = gl.nn.Linear(2, 1, bias=False)
        >>> x = gl.tensor([3.0, 4.0])
        >>> f = lambda params: functional_call(layer, params, x).sum()
        >>> gl.grad(f)({"weight": gl.zeros(1, 2)})
        {'weight': tensor([[3., 4.]])}
    """
    if isinstance(parameter_and_buffer_dicts, Mapping):
        given = dict(parameter_and_buffer_dicts)
    else:
        given = {name: t for part in parameter_and_buffer_dicts for name, t in part.items()}
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*positional, **(kwargs or {}))


#: Where a tensor stands: the module's table, the module's attributes, and its name in both.
Place = tuple[dict[str, Any], dict[str, Any], str]


def _places(module: Module) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for path, owner in module.named_modules():
        for table in (owner._parameters, owner._buffers):
            for name, value in table.items():
                if value is not None:
                    full = f"{path}.{name}" if path else name
                    found[full] = table, owner.__dict__, name  # type: ignore[assignment]
    return found


@contextmanager
def _replaced(
    module: Module, given: Mapping[str, Tensor], tie_weights: bool, strict: bool
) -> Iterator[None]:
    places = _places(module)
    _check(places, given, strict)
    wanted = dict(given)
    if tie_weights:
        own = {id(places[name][0][places[name][2]]): name for name in given}
        for name, (table, _, key) in places.items():
            twin = own.get(id(table[key]))
            if twin is not None:
                wanted.setdefault(name, given[twin])
    before = {name: places[name][0][places[name][2]] for name in wanted}
    _put(places, wanted)
    try:
        yield
    finally:
        _put(places, before)


def _put(places: Mapping[str, Place], tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        table, attributes, key = places[name]
        table[key] = attributes[key] = tensor


def _check(places: Mapping[str, Place], given: Mapping[str, Tensor], strict: bool) -> None:
    for name, tensor in given.items():
        if name not in places:
            what = tr(
                f"functional_call: the module has no parameter or buffer {name!r}.",
                f"functional_call：模块没有名为 {name!r} 的参数或缓冲区。",
            )
            help = tr("dict(module.named_parameters()) lists them", "见 dict(m.named_parameters())")
            raise ArgumentError(teach(what, help))
        table, _, key = places[name]
        if table[key].shape != tensor.shape:
            what = tr(
                f"functional_call: expected {name} of shape {table[key].shape}, got "
                f"{tensor.shape}.",
                f"functional_call：{name} 的形状应为 {table[key].shape}，得到 {tensor.shape}。",
            )
            help = tr(
                "under vmap give in_dims for stacked parameters", "在 vmap 下请为参数给出 in_dims"
            )
            raise ShapeError(teach(what, help))
    missing = [name for name in places if name not in given]
    if strict and missing:
        what = tr(
            f"functional_call: expected all parameters and buffers, missing {missing[0]!r}.",
            f"functional_call：应给出全部参数和缓冲区，缺少 {missing[0]!r}。",
        )
        raise ArgumentError(teach(what, tr("or leave out strict=True", "或去掉 strict=True")))

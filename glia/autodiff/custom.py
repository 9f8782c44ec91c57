"""Derivatives that are written beside a value: ``custom`` rows, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from glia.base.errors import GradError, teach
from glia.base.i18n import tr
from glia.ir.build import full
from glia.ir.expr import Expr, substituted
from glia.ir.ops.custom import scope

Pullback = Callable[[Mapping[Expr, Expr], Sequence[Expr]], list[Expr | None]]


def custom_gradient(
    results: Sequence[tuple[Expr, Expr]], pullback: Pullback
) -> tuple[Expr | None, ...]:
    """One gradient per input of some custom values of one function, given theirs."""
    node = results[0][0]
    _, count, way, templates = node.attrs
    reads, coming = scope(node)
    given = dict(zip(reads, node.inputs[count:], strict=True))
    arrived = {result.attrs[0]: g for result, g in results}
    if way == "jvp":
        seeds: dict[Expr, Expr] = {}
        for number, template in enumerate(templates):
            if template is not None and number in arrived:
                seeds[template] = arrived[number]
        found = pullback(seeds, coming)
        given.update((x, _zero(x)) for x in coming)  # linear: none of them is left
    else:
        found = list(templates)
        given.update((x, arrived.get(i, _zero(x))) for i, x in enumerate(coming))
    return (*[None] * count, *_filled(found, given))


def custom_tangent(node: Expr, parts: Sequence[Expr | None]) -> Expr | None:
    """The tangent of one custom value."""
    number, count, way, templates = node.attrs
    if way == "again":
        return parts[number]
    if way == "vjp":
        what = tr(
            "jvp: a function with a gradient of its own (custom_vjp) has no forward mode.",
            "jvp：用 custom_vjp 自定义了梯度的函数没有前向模式。",
        )
        help = tr(
            "use vjp or jacrev, or define it with custom_jvp", "请用 vjp、jacrev，或 custom_jvp"
        )
        raise GradError(teach(what, help))
    reads, coming = scope(node)
    given = dict(zip(reads, node.inputs[count:], strict=True))
    for x, part in zip(coming, parts[count:], strict=True):
        given[x] = _zero(x) if part is None else part
    return _filled([templates[number]], given)[0]


def _zero(x: Expr) -> Expr:
    return full(x.shape, 0, x.dtype)


def _filled(templates: Sequence[Expr | None], given: Mapping[Expr, Expr]) -> list[Expr | None]:
    present = iter(substituted([t for t in templates if t is not None], given))
    return [None if t is None else next(present) for t in templates]

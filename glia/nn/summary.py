"""A network as a table: its modules, their parameters, their memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia.base.i18n import tr
from glia.base.shapes import numel

if TYPE_CHECKING:
    from glia.nn.module import Module


def summary(module: Module) -> str:
    """Name, kind, shapes and number of parameters of every module that has its own."""
    rows = []
    for path, owner in module.named_modules():
        own = {name: p for name, p in owner._parameters.items() if p is not None}
        if own or not owner._modules:
            shapes = ", ".join(f"{name} {tuple(p.shape)}" for name, p in own.items())
            count = sum(numel(p.shape) for p in own.values())
            rows.append((path or "-", type(owner).__name__, shapes, f"{count:,}"))
    head = tr("name|kind|parameters|count", "名称|类型|参数|个数").split("|")
    widths = [max(len(row[i]) for row in (*rows, head)) for i in range(4)]
    lines = [
        "  ".join(
            cell.rjust(width) if i == 3 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    parameters = list(module.parameters())
    total = sum(numel(p.shape) for p in parameters)
    learnt = sum(numel(p.shape) for p in parameters if p.requires_grad)
    size = sum(numel(p.shape) * p.dtype.itemsize for p in parameters)
    lines.insert(1, "-" * max(map(len, lines)))
    lines.append(
        tr(
            f"total {total:,} parameters, {learnt:,} learnt, {size / 1024:.1f} KiB",
            f"共 {total:,} 个参数，其中 {learnt:,} 个可训练，占 {size / 1024:.1f} KiB",
        )
    )
    return "\n".join(lines)

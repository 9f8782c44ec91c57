"""Elements moved between channels and places, and windows laid out as columns."""

from __future__ import annotations

from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape, numel
from glia.ir.expr import Expr, intern
from glia.ir.ops.view import permute, reshape
from glia.ir.ops.window import FOLD, positions, window
from glia.ir.padding import constant


def _refuse(name: str, x: Expr, wanted_en: str, wanted_zh: str) -> None:
    what = tr(
        f"{name}: expected {wanted_en}, got {x.shape}.",
        f"{name}：需要{wanted_zh}，得到 {x.shape}。",
    )
    raise ShapeError(teach(what))


def pixel_shuffle(x: Expr, factor: int) -> Expr:
    """(…, C r², H, W) → (…, C, H r, W r)."""
    if x.ndim < 3 or x.shape[-3] % factor**2:
        many = f"(…, C · {factor**2}, H, W)"
        _refuse("pixel_shuffle", x, many, many)
    *lead, channels, height, width = x.shape
    k = len(lead)
    parts = reshape(x, (*lead, channels // factor**2, factor, factor, height, width))
    order = (*range(k), k, k + 3, k + 1, k + 4, k + 2)
    return reshape(
        permute(parts, order), (*lead, channels // factor**2, height * factor, width * factor)
    )


def pixel_unshuffle(x: Expr, factor: int) -> Expr:
    """(…, C, H r, W r) → (…, C r², H, W)."""
    if x.ndim < 3 or x.shape[-2] % factor or x.shape[-1] % factor:
        many = f"(…, C, H · {factor}, W · {factor})"
        _refuse("pixel_unshuffle", x, many, many)
    *lead, channels, height, width = x.shape
    k, h, w = len(lead), height // factor, width // factor
    parts = reshape(x, (*lead, channels, h, factor, w, factor))
    order = (*range(k), k, k + 2, k + 4, k + 1, k + 3)
    return reshape(permute(parts, order), (*lead, channels * factor**2, h, w))


def channel_shuffle(x: Expr, groups: int) -> Expr:
    """Channel ``j`` of group ``i`` becomes channel ``i`` of group ``j``."""
    if x.ndim < 3 or x.shape[1] % groups:
        many = f"(N, C · {groups}, …)"
        _refuse("channel_shuffle", x, many, many)
    batch, channels, *rest = x.shape
    parts = reshape(x, (batch, groups, channels // groups, *rest))
    order = (0, 2, 1, *range(3, parts.ndim))
    return reshape(permute(parts, order), x.shape)


def unfold(x: Expr, kernel: Shape, dilation: Shape, padding: Shape, stride: Shape) -> Expr:
    """(N, C, H, W) → (N, C · kernel, windows): every window a column."""
    if x.ndim not in (3, 4):
        _refuse("unfold", x, "(N, C, H, W) or (C, H, W)", " (N, C, H, W) 或 (C, H, W)")
    taps = window(constant(x, tuple((p, p) for p in padding), 0), kernel, stride, dilation)
    *lead, channels, rows, columns, _, _ = taps.shape
    k = len(lead)
    order = (*range(k), k, k + 3, k + 4, k + 1, k + 2)
    return reshape(permute(taps, order), (*lead, channels * numel(kernel), rows * columns))


def fold(
    x: Expr, size: Shape, kernel: Shape, dilation: Shape, padding: Shape, stride: Shape
) -> Expr:
    """(N, C · kernel, windows) → (N, C, *size): columns added up where they came from."""
    whole = tuple(n + 2 * p for n, p in zip(size, padding, strict=True))
    counts = tuple(map(positions, whole, kernel, stride, dilation))
    area = numel(kernel)
    if x.ndim not in (2, 3) or x.shape[-2] % area or x.shape[-1] != numel(counts):
        many = f"(N, C · {area}, {numel(counts)})"
        _refuse("fold", x, many, many)
    *lead, columns, _ = x.shape
    k = len(lead)
    taps = reshape(x, (*lead, columns // area, *kernel, *counts))
    taps = permute(taps, (*range(k), k, k + 3, k + 4, k + 1, k + 2))
    found = intern(FOLD, (taps,), (whole, stride, dilation))
    return constant(found, tuple((-p, -p) for p in padding), 0)

"""One step of a reduction, what it starts from, and how the lanes of a vector are combined."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.dtypes import DType
from glia.base.dtypes import int32 as _INT32
from glia.compiler.codegen.llvm import Builder, float_text, register_type, splat_type
from glia.compiler.codegen.scalar import Scalar
from glia.compiler.schedule.loops import Reduction


def add_lanes(b: Builder, kind: str, dtype: DType, vector: str, lanes: int) -> str:
    """Combine the lanes of a vector by halves, in an order that is always the same."""
    while lanes > 2:
        half = lanes // 2
        wide = register_type(dtype, lanes)
        parts = []
        for start in (0, half):
            picks = ", ".join(f"i32 {start + i}" for i in range(half))
            parts.append(
                b.op(f"shufflevector {wide} {vector}, {wide} poison, <{half} x i32> <{picks}>")
            )
        vector = combine(Scalar(b, half), kind, dtype, *parts)
        lanes = half
    if lanes == 1:
        return vector
    kind_of_two = register_type(dtype, 2)
    pair = [b.op(f"extractelement {kind_of_two} {vector}, i64 {i}") for i in range(2)]
    return combine(Scalar(b, 1), kind, dtype, *pair)


def combine(ops: Scalar, kind: str, dtype: DType, a: str, b: str) -> str:
    """One step of a reduction."""
    if dtype.kind == "bool":
        op = {"sum": "or", "max": "or", "prod": "and", "min": "and"}[kind]
    else:
        op = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}[kind]
    return ops.apply(op, dtype, [a, b], dtype)


def neutral(kind: str, dtype: DType) -> str:
    """What a reduction starts from."""
    if dtype.kind == "float":
        value = {"sum": 0.0, "prod": 1.0, "max": -float("inf"), "min": float("inf")}
        return float_text(value.get(kind, -float("inf")), dtype)
    if dtype.kind == "bool":
        return "true" if kind in ("prod", "min") else "false"
    bits = 8 * dtype.itemsize
    low = -(2 ** (bits - 1)) if dtype.kind == "int" else 0
    high = 2 ** (bits - 1) - 1 if dtype.kind == "int" else 2**bits - 1
    return str({"sum": 0, "prod": 1, "min": high}.get(kind, low))


def carried(reduction: Reduction, lanes: int) -> list[tuple[str, str]]:
    """Types and initial values of what a reduction carries from step to step."""
    dtype = reduction.value.dtype
    scalar = register_type(dtype, 1)
    start = neutral(reduction.kind, dtype)
    text = start if lanes == 1 else f"splat ({scalar} {start})"
    pairs = [(register_type(dtype, lanes), text)]
    if reduction.kind == "argmax":
        none = "-1" if lanes == 1 else "splat (i32 -1)"
        pairs.append((register_type(_INT32, lanes), none))
    return pairs


def argmax_step(
    ops: Scalar, dtype: DType, best: str, place: str, value: str, position: str
) -> list[str]:
    """Take the new element when it is greater, is the first at all, or is the first NaN."""
    flag, kind, ints = splat_type("i1", ops.lanes), ops.kind(dtype), ops.kind(_INT32)
    better = ops.apply("lt", dtype, [best, value], dtype)
    none = ops.b.op(f"icmp slt {ints} {place}, zeroinitializer")
    better = ops.b.op(f"or {flag} {better}, {none}")
    if dtype.kind == "float":
        is_nan = ops.b.op(f"fcmp uno {kind} {value}, {value}")
        was_number = ops.b.op(f"fcmp ord {kind} {best}, {best}")
        better = ops.b.op(f"or {flag} {better}, {ops.b.op(f'and {flag} {is_nan}, {was_number}')}")
    return [ops.select(better, value, best, dtype), ops.select(better, position, place, _INT32)]


def first_of_each(reductions: Sequence[Reduction], results: list[str]) -> list[str]:
    """An argmax carries (value, position) and its result is the position."""
    found, at = [], 0
    for reduction in reductions:
        wide = reduction.kind == "argmax"
        found.append(results[at + 1] if wide else results[at])
        at += 2 if wide else 1
    return found

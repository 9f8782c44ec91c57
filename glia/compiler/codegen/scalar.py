"""One elementwise primitive as LLVM instructions; the table must cover every such op."""

from __future__ import annotations

from collections.abc import Callable

from glia.base.dtypes import DType
from glia.compiler.codegen import exponential, inverse, periodic, vector_math
from glia.compiler.codegen.llvm import Builder, register_type, splat_type
from glia.compiler.codegen.vector_math import FloatMath
from glia.ir.ops.random import PARITY, ROTATIONS

Emit = Callable[["Scalar", DType, list[str]], str]
FUNCTIONS = vector_math.FUNCTIONS | periodic.FUNCTIONS | inverse.FUNCTIONS | exponential.FUNCTIONS


class Scalar:
    """Emits elementwise ops on registers of ``lanes`` elements."""

    def __init__(self, builder: Builder, lanes: int) -> None:
        self.b = builder
        self.lanes = lanes

    def kind(self, dtype: DType) -> str:
        return register_type(dtype, self.lanes)

    def constant(self, value: str | int, dtype: DType) -> str:
        """A constant as an operand; floats come as hex text."""
        if isinstance(value, str):
            return FloatMath(self.b, dtype, self.lanes).c(float.fromhex(value))
        if dtype.kind == "bool":
            text = "true" if value else "false"
            return text if self.lanes == 1 else f"splat (i1 {text})"
        return str(value) if self.lanes == 1 else f"splat ({dtype.llvm} {value})"

    def apply(self, op: str, out: DType, args: list[str], dtype: DType) -> str:
        """``op(args)`` where ``dtype`` is that of the (last) operand."""
        if op == "cast":
            return self.cast(args[0], dtype, out)
        if op == "where":
            return self.select(args[0], args[1], args[2], out)
        if dtype.kind == "float" and op in FUNCTIONS:
            return FUNCTIONS[op](FloatMath(self.b, dtype, self.lanes), *args)
        return TABLE[op](self, dtype, args)

    def select(self, condition: str, a: str, b: str, dtype: DType) -> str:
        flag, kind = splat_type("i1", self.lanes), self.kind(dtype)
        return self.b.op(f"select {flag} {condition}, {kind} {a}, {kind} {b}")

    def cast(self, x: str, source: DType, target: DType) -> str:
        a, b = self.kind(source), self.kind(target)
        if source.kind == target.kind == "float":
            if source is target:
                return x
            return self.b.op(f"{'fpext' if b.find('double') >= 0 else 'fptrunc'} {a} {x} to {b}")
        if target.kind == "bool":
            if source.kind == "float":
                return self.b.op(f"fcmp une {a} {x}, zeroinitializer")
            return self.b.op(f"icmp ne {a} {x}, zeroinitializer")
        if target.kind == "float":
            how = "sitofp" if source.kind == "int" else "uitofp"
            return self.b.op(f"{how} {a} {x} to {b}")
        if source.kind == "float":
            return self._saturated(x, source, target)
        return self._resize(x, source, target, a, b)

    def _saturated(self, x: str, source: DType, target: DType) -> str:
        """Float to integer: towards zero, NaN to 0, the nearest end where it does not fit."""
        count = "" if self.lanes == 1 else f"v{self.lanes}"
        sign = "s" if target.kind == "int" else "u"
        name = f"llvm.fpto{sign}i.sat.{count}{target.llvm}.{count}f{8 * source.itemsize}"
        return self.b.call(name, self.kind(target), [(self.kind(source), x)])

    def _resize(self, x: str, source: DType, target: DType, a: str, b: str) -> str:
        wide = 1 if source.kind == "bool" else source.itemsize * 8
        if wide == target.itemsize * 8:
            return x
        if wide > target.itemsize * 8:
            return self.b.op(f"trunc {a} {x} to {b}")
        how = "sext" if source.kind == "int" else "zext"
        return self.b.op(f"{how} {a} {x} to {b}")

    def threefry(self, key: tuple[str, str], counter: str) -> str:
        """Twenty rounds of Threefry-2x32, as in ``ir/ops/random.py``."""
        kind = splat_type("i32", self.lanes)

        def two(operation: str, x: str, y: str) -> str:
            return self.b.op(f"{operation} {kind} {x}, {y}")

        def constant(value: int) -> str:
            return str(value) if self.lanes == 1 else f"splat (i32 {value})"

        k2 = two("xor", two("xor", key[0], key[1]), constant(PARITY))
        keys = (key[0], key[1], k2)
        x0, x1 = two("add", counter, keys[0]), keys[1]
        for block in range(5):
            for rotation in ROTATIONS[block % 2]:
                x0 = two("add", x0, x1)
                left = two("shl", x1, constant(rotation))
                right = two("lshr", x1, constant(32 - rotation))
                x1 = two("xor", two("or", left, right), x0)
            x0 = two("add", x0, keys[(block + 1) % 3])
            x1 = two("add", x1, keys[(block + 2) % 3])
            x1 = two("add", x1, constant(block + 1))
        return x0


def _plain(float_name: str, int_name: str) -> Emit:
    def emit(s: Scalar, dtype: DType, args: list[str]) -> str:
        kind = s.kind(dtype)
        if dtype.kind == "float":
            return s.b.op(f"{float_name} {kind} {args[0]}, {args[1]}")
        return s.b.op(f"{int_name} {kind} {args[0]}, {args[1]}")

    return emit


def _compare(float_how: str, int_how: str) -> Emit:
    def emit(s: Scalar, dtype: DType, args: list[str]) -> str:
        kind = s.kind(dtype)
        if dtype.kind == "float":
            return s.b.op(f"fcmp {float_how} {kind} {args[0]}, {args[1]}")
        sign = "" if int_how in ("eq", "ne") else ("s" if dtype.kind == "int" else "u")
        return s.b.op(f"icmp {sign}{int_how} {kind} {args[0]}, {args[1]}")

    return emit


def _round(name: str) -> Emit:
    return lambda s, dtype, args: FloatMath(s.b, dtype, s.lanes).intrinsic(name, args[0])


def _extreme(how: str) -> Emit:
    """max or min that lets NaN through, as NumPy's."""

    def emit(s: Scalar, dtype: DType, args: list[str]) -> str:
        a, b = args
        kind = s.kind(dtype)
        if dtype.kind != "float":
            sign = "s" if dtype.kind == "int" else "u"
            pick = s.b.op(f"icmp {sign}{'gt' if how == 'max' else 'lt'} {kind} {a}, {b}")
            return s.select(pick, a, b, dtype)
        pick = s.b.op(f"fcmp {'ogt' if how == 'max' else 'olt'} {kind} {a}, {b}")
        larger = s.select(pick, a, b, dtype)
        return s.select(s.b.op(f"fcmp uno {kind} {a}, {a}"), a, larger, dtype)

    return emit


def _negate(s: Scalar, dtype: DType, args: list[str]) -> str:
    if dtype.kind == "float":
        return s.b.op(f"fneg {s.kind(dtype)} {args[0]}")
    return s.b.op(f"sub {s.kind(dtype)} zeroinitializer, {args[0]}")


def _absolute(s: Scalar, dtype: DType, args: list[str]) -> str:
    if dtype.kind == "float":
        return FloatMath(s.b, dtype, s.lanes).intrinsic("fabs", args[0])
    minus = _negate(s, dtype, args)
    negative = s.b.op(f"icmp slt {s.kind(dtype)} {args[0]}, zeroinitializer")
    return s.select(negative, minus, args[0], dtype)


def _sign(s: Scalar, dtype: DType, args: list[str]) -> str:
    (x,) = args
    kind, flag = s.kind(dtype), splat_type("i1", s.lanes)
    if dtype.kind == "int":
        up = s.b.op(f"icmp sgt {kind} {x}, zeroinitializer")
        down = s.b.op(f"icmp slt {kind} {x}, zeroinitializer")
        plus = s.b.op(f"zext {flag} {up} to {kind}")
        minus = s.b.op(f"zext {flag} {down} to {kind}")
        return s.b.op(f"sub {kind} {plus}, {minus}")
    m = FloatMath(s.b, dtype, s.lanes)
    one = m.intrinsic("copysign", m.c(1.0), x)
    nonzero = m.compare("one", x, m.c(0.0))
    return m.keep_nan(x, m.select(nonzero, one, m.c(0.0)))


def _not(s: Scalar, dtype: DType, args: list[str]) -> str:
    return s.b.op(f"xor {s.kind(dtype)} {args[0]}, {s.constant(1, dtype)}")


def _relu(s: Scalar, dtype: DType, args: list[str]) -> str:
    kind = s.kind(dtype)
    positive = s.b.op(f"fcmp ugt {kind} {args[0]}, zeroinitializer")
    return s.select(positive, args[0], s.constant((0.0).hex(), dtype), dtype)


def _floor_divide(s: Scalar, dtype: DType, args: list[str]) -> str:
    a, b = args
    kind = s.kind(dtype)
    if dtype.kind == "float":
        return _float_floor_divide(s, dtype, a, b)[0]
    quotient, rest = _whole_divide(s, dtype, a, b)
    if dtype.kind == "uint":
        return quotient
    return s.b.op(f"add {kind} {quotient}, {_correction(s, kind, rest, b)}")


def _whole_divide(s: Scalar, dtype: DType, a: str, b: str) -> tuple[str, str]:
    """Quotient cut off, and remainder. By 0 both are 0, as NumPy says; a processor would stop.

    It would stop at the lowest number by -1 too: dividing by -1 is negating.
    """
    kind = s.kind(dtype)
    none = s.b.op(f"icmp eq {kind} {b}, zeroinitializer")
    safe = s.select(none, s.constant(1, dtype), b, dtype)
    zero = s.constant(0, dtype)
    if dtype.kind == "uint":
        quotient, rest = s.b.op(f"udiv {kind} {a}, {safe}"), s.b.op(f"urem {kind} {a}, {safe}")
        return s.select(none, zero, quotient, dtype), s.select(none, zero, rest, dtype)
    minus = s.b.op(f"icmp eq {kind} {b}, {s.constant(-1, dtype)}")
    safe = s.select(minus, s.constant(1, dtype), safe, dtype)
    quotient, rest = s.b.op(f"sdiv {kind} {a}, {safe}"), s.b.op(f"srem {kind} {a}, {safe}")
    negated = s.b.op(f"sub {kind} zeroinitializer, {a}")
    quotient = s.select(none, zero, s.select(minus, negated, quotient, dtype), dtype)
    return quotient, s.select(none, zero, rest, dtype)


def _correction(s: Scalar, kind: str, rest: str, b: str) -> str:
    """-1 where truncation and flooring differ, else 0."""
    flag = splat_type("i1", s.lanes)
    nonzero = s.b.op(f"icmp ne {kind} {rest}, zeroinitializer")
    mixed = s.b.op(f"icmp slt {kind} {s.b.op(f'xor {kind} {rest}, {b}')}, zeroinitializer")
    both = s.b.op(f"and {flag} {nonzero}, {mixed}")
    return s.b.op(f"sext {flag} {both} to {kind}")


def _float_floor_divide(s: Scalar, dtype: DType, a: str, b: str) -> tuple[str, str]:
    """Quotient and remainder the way Python defines them: by way of the exact remainder."""
    m = FloatMath(s.b, dtype, s.lanes)
    flag = splat_type("i1", s.lanes)
    exact = s.b.op(f"frem {m.kind} {a}, {b}")
    nonzero = m.compare("one", exact, m.c(0.0))
    negative = m.compare("olt", exact, m.c(0.0))
    mixed = s.b.op(f"xor {flag} {negative}, {m.compare('olt', b, m.c(0.0))}")
    fix = s.b.op(f"and {flag} {nonzero}, {mixed}")
    rest = m.select(fix, m.add(exact, b), exact)
    zero = m.compare("oeq", exact, m.c(0.0))
    rest = m.select(zero, m.intrinsic("copysign", exact, b), rest)
    whole = m.div(m.sub(a, exact), b)
    whole = m.intrinsic("rint", m.select(fix, m.sub(whole, m.c(1.0)), whole))
    ratio = m.div(a, b)
    signed = m.intrinsic("copysign", whole, ratio)
    whole = m.select(m.compare("oeq", whole, m.c(0.0)), signed, whole)
    return m.select(m.compare("oeq", b, m.c(0.0)), ratio, whole), rest


def _modulo(s: Scalar, dtype: DType, args: list[str]) -> str:
    a, b = args
    kind = s.kind(dtype)
    if dtype.kind == "float":
        return _float_floor_divide(s, dtype, a, b)[1]
    rest = _whole_divide(s, dtype, a, b)[1]
    if dtype.kind == "uint":
        return rest
    mask = _correction(s, kind, rest, b)
    return s.b.op(f"add {kind} {rest}, {s.b.op(f'and {kind} {mask}, {b}')}")


def _cut_modulo(s: Scalar, dtype: DType, args: list[str]) -> str:
    """The remainder with the sign of the first."""
    if dtype.kind == "float":
        return s.b.op(f"frem {s.kind(dtype)} {args[0]}, {args[1]}")
    return _whole_divide(s, dtype, args[0], args[1])[1]


def _copysign(s: Scalar, dtype: DType, args: list[str]) -> str:
    return FloatMath(s.b, dtype, s.lanes).intrinsic("copysign", *args)


def _next_after(s: Scalar, dtype: DType, args: list[str]) -> str:
    """The neighbour of a towards b: the next bit pattern up or down."""
    a, b = args
    m = FloatMath(s.b, dtype, s.lanes)
    kind, flag = m.int_kind, splat_type("i1", s.lanes)
    zero = m.compare("oeq", a, m.c(0.0))
    upwards, positive = m.compare("olt", a, b), m.compare("ogt", a, m.c(0.0))
    inwards = s.b.op(f"xor {flag} {upwards}, {positive}")
    step = s.b.op(f"select {flag} {inwards}, {kind} {m.ci(-1)}, {kind} {m.ci(1)}")
    next_ = m.as_float(m.integer("add", m.as_int(a), step))
    least = m.intrinsic("copysign", m.as_float(m.integer("add", m.ci(0), m.ci(1))), b)
    value = m.select(m.compare("oeq", a, b), b, m.select(zero, least, next_))
    return m.keep_nan(a, m.keep_nan(b, value))


def _integer_power(s: Scalar, dtype: DType, args: list[str]) -> str:
    """aᵇ by repeated squaring, one step per bit of b; 1/a⁻ᵇ cut off where b is negative."""
    base, exponent = args
    kind, flag = s.kind(dtype), splat_type("i1", s.lanes)
    zero, one = s.constant(0, dtype), s.constant(1, dtype)
    result, square, left = one, base, exponent
    for bit in range(8 * dtype.itemsize):
        odd = s.b.op(f"trunc {kind} {left} to {flag}")
        result = s.select(odd, s.b.op(f"mul {kind} {result}, {square}"), result, dtype)
        if bit < 8 * dtype.itemsize - 1:
            square = s.b.op(f"mul {kind} {square}, {square}")
            left = s.b.op(f"lshr {kind} {left}, {one}")
    if dtype.kind == "uint":
        return result
    minus = s.constant(-1, dtype)
    odd = s.b.op(f"trunc {kind} {exponent} to {flag}")
    below = s.select(s.b.op(f"icmp eq {kind} {base}, {one}"), one, zero, dtype)
    sign = s.select(odd, minus, one, dtype)
    below = s.select(s.b.op(f"icmp eq {kind} {base}, {minus}"), sign, below, dtype)
    return s.select(s.b.op(f"icmp slt {kind} {exponent}, {zero}"), below, result, dtype)


def _shift(left: bool) -> Emit:
    """Shifts by less than nothing, or by more than there are bits, move everything out."""

    def emit(s: Scalar, dtype: DType, args: list[str]) -> str:
        a, b = args
        kind, last = s.kind(dtype), 8 * dtype.itemsize - 1
        fits = s.b.op(f"icmp ule {kind} {b}, {s.constant(last, dtype)}")
        by = s.select(fits, b, s.constant(last, dtype), dtype)
        if not left and dtype.kind == "int":
            return s.b.op(f"ashr {kind} {a}, {by}")
        moved = s.b.op(f"{'shl' if left else 'lshr'} {kind} {a}, {by}")
        return s.select(fits, moved, s.constant(0, dtype), dtype)

    return emit


TABLE: dict[str, Emit] = {
    "add": _plain("fadd", "add"),
    "sub": _plain("fsub", "sub"),
    "mul": _plain("fmul", "mul"),
    "div": _plain("fdiv", "fdiv"),
    "maximum": _extreme("max"),
    "minimum": _extreme("min"),
    "mod": _modulo,
    "fmod": _cut_modulo,
    "copysign": _copysign,
    "nextafter": _next_after,
    "floordiv": _floor_divide,
    "pow": _integer_power,
    "lt": _compare("olt", "lt"),
    "le": _compare("ole", "le"),
    "eq": _compare("oeq", "eq"),
    "ne": _compare("une", "ne"),
    "and": _plain("and", "and"),
    "or": _plain("or", "or"),
    "xor": _plain("xor", "xor"),
    "shl": _shift(True),
    "shr": _shift(False),
    "neg": _negate,
    "abs": _absolute,
    "sign": _sign,
    "not": _not,
    "relu": _relu,
    "floor": _round("floor"),
    "ceil": _round("ceil"),
    "trunc": _round("trunc"),
    "round": _round("rint"),
    "sqrt": _round("sqrt"),
}

"""Random graphs over all kinds of ops, checked as they grow.

Every value is computed twice while the graph grows: as the interpreter does, and in float64. So
values stay small, whole numbers are known to be exact (and must come out bit for bit), and the
tolerance of all others follows from the rounding errors that the interpreter itself makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from compiler.shrink import Case

from glia.base.dtypes import as_dtype, bool_, float32, float64, int32, int64, uint32
from glia.base.errors import ShapeError
from glia.base.shapes import numel
from glia.ir import build, products
from glia.ir.expr import Expr, intern, topological
from glia.ir.interpret import interpret
from glia.ir.ops import elementwise, index, random, reduce, source, view, window

#: Whole floating-point numbers up to this size are exact in float32, whatever the order.
EXACT = 2.0**22
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 40)
LARGEST = 6000  # elements


@dataclass
class Known:
    """A node with its value, its value in float64, and whether it is free of rounding."""

    node: Expr
    value: np.ndarray
    precise: np.ndarray
    exact: bool


class Grower:
    """Adds one random node after another."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.known: list[Known] = []
        self.values: dict[Expr, np.ndarray] = {}
        self.by_node: dict[Expr, Known] = {}

    def pick(self, options: Sequence) -> object:
        return options[int(self.rng.integers(len(options)))]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    # Leaves

    def shape(self) -> tuple[int, ...]:
        while True:
            rank = int(self.rng.choice([0, 1, 1, 2, 2, 2, 3, 3, 4]))
            found = tuple(int(self.pick(SIZES)) for _ in range(rank))
            if rank and self.chance(0.03):
                found = (*found[1:], 0)
            if numel(found) <= LARGEST:
                return found

    def leaf(self, shape: tuple[int, ...], dtype: np.dtype, whole: bool) -> Known:
        if dtype.kind == "b":
            array = self.rng.integers(0, 2, shape).astype(bool)
        elif dtype == np.uint32:
            array = self.rng.integers(0, 2**32, shape, dtype=np.uint32)
        elif dtype.kind == "i" or whole:
            array = self.rng.integers(-3, 4, shape).astype(dtype)
        else:
            array = self.rng.normal(size=shape).astype(dtype)
        node = source.leaf(-1 - len(self.values), array.shape, as_dtype(array.dtype))
        self.values[node] = array
        return self.add(Known(node, array, _precise(array), whole or dtype.kind != "f"))

    def add(self, known: Known) -> Known:
        if known.node not in self.by_node:
            self.known.append(known)
            self.by_node[known.node] = known
        return self.by_node[known.node]

    def any(self, test: Callable[[Known], bool] = lambda k: True) -> Known | None:
        fitting = [k for k in self.known if test(k)]
        # recent nodes more often: deep graphs
        if len(fitting) > 4 and self.chance(0.6):
            fitting = fitting[-4:]
        return self.pick(fitting) if fitting else None

    # Growing

    def try_node(self, node: Expr) -> Known | None:
        """Compute a new node; None when its value would be useless for a comparison."""
        if node in self.by_node:
            return self.by_node[node]
        if node.numel > LARGEST:
            return None
        for part in topological((node,)):
            if part in self.by_node:
                continue
            made = self.evaluate(part)
            if made is None:
                return None
            self.by_node[part] = made
        self.known.append(self.by_node[node])
        return self.by_node[node]

    def evaluate(self, node: Expr) -> Known | None:
        parts = [self.by_node[child] for child in node.inputs]
        inputs = {leaf_for(p): p.value for p in parts}
        stand = intern(node.op, tuple(leaf_for(p) for p in parts), node.attrs)
        (value,) = interpret([stand], inputs)
        if value.dtype.kind != "f":
            risky = node.op.name in DISCONTINUOUS and not all(p.exact for p in parts)
            fits = value.dtype.kind in "bu" or not value.size or abs(value).max() < 2**20
            return None if risky or not fits else Known(node, value, _precise(value), True)
        if not np.isfinite(value).all():
            return None
        exact = all(p.exact for p in parts) and node.op.name not in ROUNDING
        exact = exact and bool((value == np.rint(value)).all())
        largest = float(abs(value).max()) if value.size else 0.0
        if largest > (EXACT if exact else 1e4) or (not exact and node.op.name in DISCONTINUOUS):
            return None
        return Known(node, value, self.precisely(node, parts, value, exact), exact)

    def precisely(
        self, node: Expr, parts: Sequence[Known], value: np.ndarray, exact: bool
    ) -> np.ndarray:
        if exact or node.op.name == "cast":
            return parts[0].precise.reshape(value.shape) if not exact else _precise(value)
        with np.errstate(all="ignore"):
            found = node.op.numpy(*[p.precise for p in parts], **node.attr_dict())
        return np.asarray(found, np.float64).reshape(value.shape)

    def grow(self, nodes: int) -> None:
        kinds = (np.float32, np.float32, np.float32, np.float64, np.int32, np.int64, bool)
        whole = self.chance(0.5)
        base = self.shape()
        for _ in range(int(self.rng.integers(1, 4))):
            shape = base if self.chance(0.6) else self.shape()
            self.leaf(shape, np.dtype(self.pick(kinds)), whole or self.chance(0.2))
        self.leaf(base, np.dtype(np.float32), whole)
        target = len(self.known) + nodes
        for _ in range(nodes * 8):
            if len(self.known) >= target:
                break
            maker = self.pick(MAKERS)
            try:
                node = maker(self)
            except ShapeError:  # nothing to choose from in an empty tensor
                continue
            if node is not None:
                self.try_node(node)

    def case(self) -> Case:
        """Some ends of the graph as outputs, and perhaps a node on the way, or a leaf."""
        made = [k for k in self.known if k.node.op.name != "leaf"]
        used = {child for k in self.known for child in k.node.inputs}
        ends = [k for k in made if k.node not in used]
        outputs = [ends[int(i)] for i in self.rng.permutation(len(ends))[:3]]
        if self.chance(0.5):
            outputs.append(self.pick(made))
        if self.chance(0.1):
            outputs.append(self.known[0])  # a leaf as it is
        case = Case([k.node for k in outputs], dict(self.values))
        for k in outputs:
            case.allowed[k.node] = allowance(k)
        return case


def _precise(value: np.ndarray) -> np.ndarray:
    return value.astype(np.float64) if value.dtype.kind == "f" else value


def leaf_for(known: Known) -> Expr:
    """A leaf that stands for a value already computed."""
    return source.leaf(-1000 - id(known) % 10**12, known.node.shape, known.node.dtype)


def allowance(known: Known) -> float:
    """How far a compiled value may be from the interpreter's."""
    if known.exact or not known.value.size:
        return 0.0
    own = float(abs(known.value - known.precise).max())
    unit = 1e-6 if known.value.dtype == np.float32 else 1e-14
    return 30 * own + 8 * unit * max(1.0, float(abs(known.value).max()))


#: Ops that round even where their inputs are whole.
ROUNDING = frozenset("exp log log1p expm1 sin cos tanh erf sigmoid sqrt div pow mean".split())
#: Ops where a small error of an input may change everything.
DISCONTINUOUS = frozenset(
    "lt le eq ne floor ceil round sign mod floordiv argmax cast not and or xor".split()
)


# How nodes are made. Each takes the grower and gives a node, or None.


def _unary(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.dtype.kind == "f")
    if x is None:
        return None
    name = g.pick("neg abs sign floor ceil round tanh sigmoid erf sin cos exp log1p relu".split())
    if name == "exp" and x.value.size and x.value.max() > 8:
        return None
    if name == "log1p":
        return build.log1p(build.abs_(x.node))
    rows = {"relu": build.relu, "sigmoid": build.sigmoid}
    if name in rows:
        return rows[name](x.node)
    return intern(getattr(elementwise, str(name).upper()), (x.node,))


def _broadcastable(a: Known, b: Known) -> bool:
    pairs = zip(reversed(a.node.shape), reversed(b.node.shape))
    return all(x == y or 1 in (x, y) for x, y in pairs)


def _binary(g: Grower) -> Expr | None:
    a = g.any(lambda k: k.value.dtype != np.uint32)
    if a is None:
        return None
    b = g.any(lambda k: k.value.dtype != np.uint32 and _broadcastable(a, k))
    if b is None or g.chance(0.2):
        constant = g.pick((2, -1, 0, 3, 1))
        b_node = constant if a.value.dtype != bool else bool(constant)
    else:
        b_node = b.node
    functions = (build.add, build.add, build.mul, build.mul, build.maximum, build.minimum)
    if a.value.dtype == bool and (b is None or b.value.dtype == bool):
        functions = (build.add, build.mul, build.eq, build.ne)
    elif a.value.dtype == bool or (b is not None and b.value.dtype == bool):
        functions = (build.add, build.mul)
    else:
        functions += (build.sub, build.sub, build.lt, build.le, build.eq, build.ne, build.gt)
    return g.pick(functions)(a.node, b_node)


def _divide(g: Grower) -> Expr | None:
    a = g.any(lambda k: k.value.dtype.kind == "f")
    b = a and g.any(lambda k: k.value.dtype == a.value.dtype and _broadcastable(a, k))
    if not a or not b:
        return None
    safe = build.add(build.abs_(b.node), 1)
    return g.pick((build.div, build.remainder, build.floor_divide))(a.node, safe)


def _where(g: Grower) -> Expr | None:
    c = g.any(lambda k: k.value.dtype == bool)
    a = g.any(lambda k: k.value.dtype.kind == "f")
    if c is None or a is None or not _broadcastable(c, a):
        return None
    b = g.any(lambda k: k.value.dtype == a.value.dtype and k.value.shape == a.value.shape)
    return build.where(c.node, a.node, b.node if b and g.chance(0.7) else 0.0)


def _cast(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.dtype != np.uint32 and (k.exact or k.value.dtype.kind == "f"))
    if x is None:
        return None
    targets = (float32, float64, int32, int64, bool_) if x.exact else (float32, float64)
    return build.cast(x.node, g.pick(targets))


def _reduce(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim > 0 and k.value.dtype.kind in "fi")
    if x is None:
        return None
    count = int(g.rng.integers(1, x.value.ndim + 1))
    dims = tuple(sorted(int(d) for d in g.rng.permutation(x.value.ndim)[:count]))
    if g.chance(0.15):
        return intern(reduce.ARGMAX, (x.node,), (dims[0],))
    row = g.pick((reduce.SUM, reduce.SUM, reduce.RMAX, reduce.RMIN, reduce.PROD))
    found = intern(row, (x.node,), (dims,))
    if g.chance(0.4):
        return build.broadcast_to(found, x.node.shape)
    keep = tuple(n for d, n in enumerate(found.shape) if d not in dims)
    return view.reshape(found, keep) if g.chance(0.5) else found


def _reshape(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.size > 1)
    if x is None:
        return None
    left, shape = x.value.size, []
    while left > 1 and len(shape) < 4:
        divisors = [n for n in range(2, left + 1) if left % n == 0]
        shape.append(int(g.pick(divisors)))
        left //= shape[-1]
    shape.append(left)
    return view.reshape(x.node, tuple(int(n) for n in g.rng.permutation(shape)))


def _permute(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim > 1)
    return x and view.permute(x.node, tuple(int(d) for d in g.rng.permutation(x.value.ndim)))


def _expand(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim < 4 and k.value.size < 500)
    if x is None:
        return None
    at = int(g.rng.integers(x.value.ndim + 1))
    shape = x.node.shape
    one = view.reshape(x.node, (*shape[:at], 1, *shape[at:]))
    return view.expand(one, (*shape[:at], int(g.pick((2, 3, 8, 17))), *shape[at:]))


def _slice(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim > 0 and k.value.size > 0)
    if x is None:
        return None
    start, stop, step = [], [], []
    for size in x.node.shape:
        a = int(g.rng.integers(0, max(size // 2, 1)))
        b = int(g.rng.integers(a + 1, size + 1))
        start.append(a), stop.append(b), step.append(int(g.pick((1, 1, 1, 2, 3))))
    return view.slice_(x.node, tuple(start), tuple(stop), tuple(step))


def _flip(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim > 0)
    return x and intern(view.FLIP, (x.node,), ((int(g.rng.integers(x.value.ndim)),),))


def _pad(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim > 0 and k.value.size < 1500)
    if x is None:
        return None
    before, after = (tuple(int(n) for n in g.rng.integers(0, 3, x.value.ndim)) for _ in "ab")
    return view.pad(x.node, before, after)


def _concat(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim > 0)
    if x is None:
        return None
    dim = int(g.rng.integers(x.value.ndim))

    def fits(k: Known) -> bool:
        a, b = k.node.shape, x.node.shape
        same = len(a) == len(b) and all(m == n for d, (m, n) in enumerate(zip(a, b)) if d != dim)
        return same and k.node.dtype is x.node.dtype

    parts = [x.node] + [g.any(fits).node for _ in range(int(g.rng.integers(1, 3)))]
    return view.concat(parts, dim)


def _window(g: Grower) -> Expr | None:
    x = g.any(lambda k: 0 < k.value.ndim < 4 and min(k.node.shape) > 1 and k.value.size > 0)
    if x is None:
        return None
    dims = 1 if x.value.ndim == 1 or g.chance(0.5) else 2
    body = x.node.shape[-dims:]
    kernel = tuple(int(g.rng.integers(1, min(n, 4) + 1)) for n in body)
    stride = tuple(int(g.rng.integers(1, 4)) for _ in body)
    dilation = tuple(int(g.rng.integers(1, 3)) for _ in body)
    if any(window.positions(*each) < 1 for each in zip(body, kernel, stride, dilation)):
        return None
    taps = window.window(x.node, kernel, stride, dilation)
    choice = g.rng.random()
    if choice < 0.4:
        dims_of = tuple(range(taps.ndim - dims, taps.ndim))
        row = g.pick((reduce.SUM, reduce.RMAX))
        if x.value.dtype.kind in "fi":
            return intern(row, (taps,), (dims_of,))
    if choice < 0.8 and x.value.dtype.kind in "fi":
        return intern(window.FOLD, (taps,), (body, stride, dilation))
    return taps


def _dilate(g: Grower) -> Expr | None:
    x = g.any(
        lambda k: 0 < k.value.ndim < 3 and 0 < k.value.size < 400 and k.value.dtype.kind == "f"
    )
    return x and window.dilate(x.node, tuple(int(n) for n in g.rng.integers(1, 4, x.value.ndim)))


def _matmul(g: Grower) -> Expr | None:
    a = g.any(lambda k: 0 < k.value.ndim < 4 and k.value.dtype.kind in "fi")
    if a is None:
        return None
    inner = a.node.shape[-1]
    b = g.any(
        lambda k: (
            k.node.dtype is a.node.dtype
            and 0 < k.value.ndim < 4
            and k.node.shape[-2 if k.value.ndim > 1 else -1] == inner
            and (k.value.ndim < 3 or a.value.ndim < 3 or k.node.shape[0] == a.node.shape[0])
        )
    )
    if b is None or g.chance(0.5):
        shape = (inner, int(g.pick((1, 2, 5, 8, 17, 33))))
        b = g.leaf(shape, a.value.dtype, a.exact)
    return products.matmul(a.node, b.node)


def _conv(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim in (3, 4) and k.value.dtype == np.float32 and k.value.size)
    if x is None:
        return None
    _, channels, *size = x.node.shape
    groups = int(g.pick([n for n in (1, 1, 2, 3, channels) if channels % n == 0]))
    kernel = [int(g.rng.integers(1, min(3, n) + 1)) for n in size]
    stride, padding = g.rng.integers(1, 3, len(size)), g.rng.integers(0, 2, len(size))
    dilation = [1 if k == 1 else int(g.pick((1, 1, 2))) for k in kernel]
    if any(n + 2 * p - d * (k - 1) < 1 for n, p, d, k in zip(size, padding, dilation, kernel)):
        return None
    filters = groups * int(g.pick((1, 2, 3)))
    w = g.leaf((filters, channels // groups, *kernel), np.dtype(np.float32), x.exact)
    numbers = [tuple(int(n) for n in part) for part in (stride, padding, dilation)]
    return products.conv(x.node, w.node, None, *numbers, groups)


def _bits(g: Grower) -> Expr | None:
    key = g.leaf((2,), np.dtype(np.uint32), True)
    bits = random.random_bits(key.node, g.shape())
    eight = build.const(8, uint32)
    small = build.binary(elementwise.SHR, bits, build.const(29, uint32))
    return build.cast(
        small if g.chance(0.5) else build.binary(elementwise.SHR, bits, eight), float32
    )


def _index(g: Grower, shape: tuple[int, ...], dim: int, size: int) -> Expr:
    """Mostly places below ``size``; perhaps the same for whole rows, perhaps computed."""
    uniform = g.chance(0.6)
    own = tuple(n if d == dim or not uniform else 1 for d, n in enumerate(shape))
    array = g.rng.integers(0, size, own) if g.chance(0.8) else g.rng.integers(-2, size + 2, own)
    node = source.leaf(-1 - len(g.values), own, int64)
    g.values[node] = array
    g.add(Known(node, array, array, True))
    if g.chance(0.3):
        node = build.sub(build.cast(build.mul(node, 2), int32), build.cast(node, int32))
    return view.expand(node, shape)


def _gather(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim > 0 and k.value.size > 0)
    if x is None:
        return None
    dim = int(g.rng.integers(x.value.ndim))
    size = x.node.shape[dim]
    shape = (*x.node.shape[:dim], int(g.pick((1, 2, 5, 17, 40))), *x.node.shape[dim + 1 :])
    found = _index(g, shape, dim, size)
    safe = build.maximum(build.minimum(found, size - 1), 0)  # NaN would be of no use
    return index.gather(x.node, safe, dim)


def _scatter_add(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.ndim > 0 and k.value.dtype.kind in "fi")
    if x is None:
        return None
    dim, size = int(g.rng.integers(x.value.ndim)), int(g.pick((1, 2, 5, 17)))
    return index.scatter_add(x.node, _index(g, x.node.shape, dim, size), dim, size)


def _iota(g: Grower) -> Expr | None:
    dtype = g.pick((int64, int32, float32))
    return source.iota(int(g.pick(SIZES)), dtype)


def _softmax(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.dtype.kind == "f" and k.value.ndim > 0)
    function = g.pick((build.softmax, build.log_softmax, build.logsumexp))
    return x and function(x.node, int(g.rng.integers(x.value.ndim)))


_NAMES = """_unary _unary _unary _binary _binary _binary _binary _divide _where _where _cast _reduce
_reduce _reduce _reshape _permute _permute _expand _slice _flip _pad _concat _window _dilate
_matmul _matmul _conv _conv _bits _iota _softmax _gather _gather _scatter_add"""
MAKERS = [globals()[name] for name in _NAMES.split()]


def random_case(seed: int, nodes: int = 14) -> Case:
    """The random graph that belongs to a seed."""
    grower = Grower(seed)
    grower.grow(nodes)
    if not any(k.node.op.name != "leaf" for k in grower.known):
        grower.try_node(build.neg(grower.leaf((3,), np.dtype(np.float32), False).node))
    return grower.case()

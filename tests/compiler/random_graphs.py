"""Random graphs over all kinds of ops, their gradients among them."""

from __future__ import annotations

import numpy as np
from compiler.grower import SIZES, Grower, Known
from compiler.shrink import Case

from glia.autodiff.reverse import pullback
from glia.base.dtypes import bool_, float32, float64, int32, int64, uint32
from glia.ir import build, products
from glia.ir.expr import Expr, intern, topological
from glia.ir.ops import control, elementwise, index, random, reduce, source, view, window
from glia.ir.scan import Loop
from glia.ir.table import TABLE

UNARY = """neg abs sign floor ceil round tanh sigmoid erf sin cos exp expm1 log log1p sqrt
relu""".split()


# How nodes are made. Each takes the grower and gives a node, or None.


def _unary(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.dtype.kind in "fi")
    if x is None:
        return None
    if x.value.dtype.kind == "i":
        return g.pick((build.neg, build.abs_, build.sign))(x.node)
    name = str(g.turn(UNARY))
    if name in ("exp", "expm1") and x.value.size and x.value.max() > 8:
        return None
    row = getattr(elementwise, name.upper())
    if name in ("log", "log1p", "sqrt"):
        return intern(row, (build.add(build.abs_(x.node), 0 if name == "log1p" else 0.5),))
    return intern(row, (x.node,))


#: Functions that stand in the table, by the numbers they are asked for.
ANYWHERE = "trunc asinh atan erfc".split()
WITHIN_ONE = "asin acos atanh erfinv tan sinh cosh exp2".split()
POSITIVE = "log2 log10 erfcx lgamma".split()
OF_TWO = "hypot atan2 copysign fmod nextafter".split()


def _function(g: Grower) -> Expr | None:
    x = g.any(lambda k: k.value.dtype.kind == "f")
    if x is None:
        return None
    name = str(g.turn((*ANYWHERE, *WITHIN_ONE, *POSITIVE, *OF_TWO, "acosh", "ndtri")))
    positive = build.add(build.abs_(x.node), 1.125)
    if name in OF_TWO:
        y = g.any(lambda k: k.node.dtype is x.node.dtype and _broadcastable(x, k))
        assert y is not None
        other = build.add(build.abs_(y.node), 1) if name in ("atan2", "fmod") else y.node
        return build.binary(TABLE[name], x.node, other)
    if name in WITHIN_ONE:
        return intern(TABLE[name], (build.mul(build.tanh(x.node), 0.875),))
    if name == "ndtri":
        share = build.add(build.mul(build.sigmoid(x.node), 0.75), 0.125)
        return intern(TABLE[name], (share,))
    return intern(TABLE[name], (x.node if name in ANYWHERE else positive,))


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
    return g.turn(functions)(a.node, b_node)


def _divide(g: Grower) -> Expr | None:
    a = g.any(lambda k: k.value.dtype.kind == "f")
    b = a and g.any(lambda k: k.value.dtype == a.value.dtype and _broadcastable(a, k))
    if not a or not b:
        return None
    safe = build.add(build.abs_(b.node), 1)
    return g.pick((build.div, build.remainder, build.floor_divide))(a.node, safe)


def _power(g: Grower) -> Expr | None:
    a = g.any(lambda k: k.value.dtype.kind == "f")
    b = a and g.any(lambda k: k.value.dtype == a.value.dtype and _broadcastable(a, k))
    if not a or not b:
        return None
    exponent = build.maximum(build.minimum(b.node, 3), -3)
    return build.power(build.add(build.abs_(a.node), 0.5), exponent)


def _bitwise(g: Grower) -> Expr | None:
    a = g.any(lambda k: k.value.dtype.kind in "biu")
    if a is None:
        return None
    if a.value.dtype == bool and g.chance(0.3):
        return build.logical_not(a.node)
    if a.value.dtype != bool and g.chance(0.4):
        places = build.const(int(g.rng.integers(5)), a.node.dtype)
        return build.binary(g.pick((elementwise.SHL, elementwise.SHR)), a.node, places)
    b = g.any(lambda k: k.value.dtype == a.value.dtype and _broadcastable(a, k))
    rows = (elementwise.AND, elementwise.OR, elementwise.XOR)
    return b and build.binary(g.turn(rows), a.node, b.node)


def _gradient(g: Grower) -> Expr | None:
    """What a value on the way adds to a later one."""
    y = g.any(lambda k: k.value.dtype.kind == "f" and k.node.op.kind != "source")
    if y is None:
        return None
    before = [k for k in map(g.by_node.get, topological((y.node,))) if k and k is not y]
    found = [k for k in before if k.value.dtype.kind == "f"]
    if not found:
        return None
    seed = g.any(lambda k: k.node.dtype is y.node.dtype and k.node.shape == y.node.shape)
    assert seed is not None
    return pullback(y.node, (g.pick(found).node,), seed.node)[0]


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
    names = (build.softmax, build.log_softmax, build.logsumexp, build.mean, build.var)
    return x and g.pick(names)(x.node, int(g.rng.integers(x.value.ndim)))


def _scan(g: Grower) -> Expr | None:
    """A loop over the first dimension, with a product in its body or without."""
    x = g.any(lambda k: k.value.ndim in (2, 3) and k.value.dtype.kind == "f" and k.value.size > 0)
    if x is None or x.node.shape[0] > 17:
        return None
    shape, dtype = x.node.shape[1:], x.value.dtype
    step = control.fresh(shape, x.node.dtype)
    if g.chance(0.6):
        hidden = int(g.pick((1, 3, 8, 17)))
        w_in, w = (g.leaf((n, hidden), dtype, False).node for n in (shape[-1], hidden))
        h = control.fresh((*shape[:-1], hidden), x.node.dtype)
        own = products.matmul(step, build.mul(w_in, 0.3))
        kept = products.matmul(h, build.mul(w, 0.2))  # steps forget, lest they be chaos
        after = build.tanh(build.add(own, kept))
    else:
        h = control.fresh(shape, x.node.dtype)
        after = build.add(build.mul(h, 0.5), step)
    start = g.any(lambda k: k.node.shape == h.shape and k.node.dtype is h.dtype)
    first = start.node if start else g.leaf(h.shape, dtype, False).node
    out = build.mul(after, h)
    loop = Loop([h], [first], [step], [x.node], [after], [out], reverse=g.chance(0.3))
    if g.chance(0.3):
        return loop.stack(out)
    return g.pick((loop.final, loop.after, loop.before))(0)


_NAMES = """_function _function _unary _unary _unary _unary _unary _unary
_binary _binary _binary _binary _divide
_divide _power _bitwise _bitwise _where _where _cast _reduce _reduce _reduce _reshape _permute
_permute _expand _slice _flip _pad _concat _window _dilate _matmul _matmul _conv _conv _bits _iota
_softmax _gather _scatter_add _scan _gradient _gradient"""
MAKERS = [globals()[name] for name in _NAMES.split()]


def random_case(seed: int, nodes: int = 14) -> Case:
    """The random graph that belongs to a seed."""
    grower = Grower(seed)
    grower.grow(nodes, MAKERS)
    if not any(k.node.op.name != "leaf" for k in grower.known):
        grower.try_node(build.neg(grower.leaf((3,), np.dtype(np.float32), False).node))
    return grower.case()

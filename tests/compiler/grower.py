"""A graph that grows node by node, every node checked as it comes.

Every value is computed twice while the graph grows: as the interpreter does, and in float64. So
values stay small, what rounds in one way only is known to be exact (and must come out bit for bit),
and the tolerance of all others follows from the rounding errors that the interpreter itself makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from compiler.shrink import Case

from glia.base.dtypes import as_dtype, float32, float64
from glia.base.errors import GradError, ShapeError
from glia.base.shapes import numel
from glia.ir.expr import Expr, intern, topological
from glia.ir.interpret import interpret
from glia.ir.ops import source

#: Whole floating-point numbers up to this size are exact in float32, whatever the order.
EXACT = 2.0**22
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 40)
LARGEST = 6000  # elements
INNER = 60_000  # of values that others are composed of


@dataclass
class Known:
    """A node with its value, its value in float64, and whether its bits are certain."""

    node: Expr
    value: np.ndarray
    precise: np.ndarray
    exact: bool


class Grower:
    """Adds one random node after another; ``Maker`` is what makes one, or None."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.turns = seed
        self.known: list[Known] = []
        self.values: dict[Expr, np.ndarray] = {}
        self.by_node: dict[Expr, Known] = {}

    def pick(self, options: Sequence) -> object:
        return options[int(self.rng.integers(len(options)))]

    def turn(self, options: Sequence) -> object:
        """One after another, from graph to graph as well: rare ones come as often as others."""
        self.turns += 1
        return options[self.turns % len(options)]

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
            made = self.evaluate(part) if part.numel <= INNER else None
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
        if not np.isfinite(value).all() or _may_overflow(node, parts):
            return None
        exact = all(p.exact for p in parts) and node.op.name not in ROUNDING
        if node.op.name in EXACT_IF_WHOLE:
            exact = exact and all(map(_whole, (value, *(p.value for p in parts))))
        largest = float(abs(value).max()) if value.size else 0.0
        if largest > (EXACT if exact else 1e4) or (not exact and node.op.name in DISCONTINUOUS):
            return None
        return Known(node, value, self.precisely(node, parts, value, exact), exact)

    def precisely(
        self, node: Expr, parts: Sequence[Known], value: np.ndarray, exact: bool
    ) -> np.ndarray:
        if exact or node.op.name == "cast":
            return parts[0].precise.reshape(value.shape) if not exact else _precise(value)
        attrs = node.attr_dict()
        if node.op.name == "scan":
            attrs = {name: _widened(value) for name, value in attrs.items()}
        with np.errstate(all="ignore"):
            found = node.op.numpy(*[p.precise for p in parts], **attrs)
        return np.asarray(found, np.float64).reshape(value.shape)

    def grow(self, nodes: int, makers: Sequence[Maker]) -> None:
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
            maker = self.pick(makers)
            try:
                node = maker(self)
            except (ShapeError, GradError):  # an empty tensor; an op without derivative
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


def _widened(attr: object) -> object:
    """What stands in a loop's body, in float64."""
    roots = attr if isinstance(attr, tuple) else (attr,)
    if not all(isinstance(root, Expr) for root in roots):
        return attr
    done: dict[Expr, Expr] = {}
    for part in topological(roots):
        attrs = tuple(float64 if value is float32 else value for value in part.attrs)
        done[part] = intern(part.op, tuple(done[child] for child in part.inputs), attrs)
    return tuple(done[root] for root in roots) if attr is roots else done[roots[0]]


def _whole(value: np.ndarray) -> bool:
    return bool((value == np.rint(value)).all()) if value.dtype.kind == "f" else True


def _may_overflow(node: Expr, parts: Sequence[Known]) -> bool:
    """Whether some order of a product's factors overflows before it meets a zero."""
    if node.op.name != "prod":
        return False
    factors = np.maximum(abs(parts[0].value.astype(np.float64)), 1)
    return bool((np.log2(factors).sum(axis=node.attrs[0]) > 120).any())


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


#: Ops whose last bits are the implementation's; all others round as IEEE 754 says.
ROUNDING = frozenset(
    "exp log log1p expm1 sin cos tanh erf sigmoid pow scan tan asin acos atan sinh cosh asinh "
    "acosh atanh exp2 log2 log10 erfc erfcx erfinv ndtri lgamma hypot atan2 nextafter".split()
)
#: Ops whose rounding follows an order that is not the interpreter's.
EXACT_IF_WHOLE = frozenset("sum prod contract fold scatter_add mod floordiv".split())
#: Ops where a small error of an input may change everything.
DISCONTINUOUS = frozenset(
    "lt le eq ne floor ceil round sign mod floordiv argmax cast not and or xor trunc fmod "
    "copysign".split()
)


Maker = Callable[[Grower], Expr | None]

"""The one contraction: products of two operands summed over shared indices.

``out[i…] = Σ_k A[a(i, k)] · B[b(i, k)]`` where every index of an operand is an affine form of the
loop variables. Matrix products, batched ones, and convolutions in all three directions are this
op; so are its derivatives. Reading outside an operand gives zero, which is padding.

An affine form is ``(offset, ((variable, coefficient), …))``. Variables are numbered, those of the
output first, in the order of its dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glia.base.dtypes import DType
from glia.base.errors import DTypeError, ShapeError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, intern
from glia.ir.ops.complex import analytic
from glia.ir.table import Bad, Op, Sample, register

Affine = tuple[int, tuple[tuple[int, int], ...]]
Map = tuple[Affine, ...]


def plain(variable: int) -> Affine:
    """The form that is one variable."""
    return 0, ((variable, 1),)


def form(terms: dict[int, int], offset: int = 0) -> Affine:
    """A form from coefficients by variable."""
    return offset, tuple(sorted((v, c) for v, c in terms.items() if c))


def _infer(
    inputs: tuple[Expr, ...], sizes: Shape, rank: int, a_map: Map, b_map: Map
) -> tuple[Shape, DType]:
    a, b = inputs
    if len(a_map) != a.ndim or len(b_map) != b.ndim:
        raise ShapeError(teach(f"contract: maps do not fit shapes {a.shape} and {b.shape}."))
    if a.dtype is not b.dtype:
        found = f"{a.dtype.name} and {b.dtype.name}"
        raise DTypeError(teach(f"contract: expected one dtype, found {found}.", "use .to(dtype)"))
    used = {v for _, terms in (*a_map, *b_map) for v, _ in terms}
    if not used <= set(range(len(sizes))) or rank > len(sizes):
        raise ShapeError(teach(f"contract: variables {used} for sizes {sizes}."))
    return sizes[:rank], a.dtype


def _read(x: np.ndarray, index_map: Map, grid: Sequence[np.ndarray], sizes: Shape) -> np.ndarray:
    """``x`` at every point of the loop space, zero where the index falls outside."""
    inside = np.ones((1,) * len(sizes), bool)
    index = []
    for (offset, terms), size in zip(index_map, x.shape, strict=True):
        at = np.full((1,) * len(sizes), offset)
        for variable, coefficient in terms:
            at = at + coefficient * grid[variable]
        inside = inside & (at >= 0) & (at < size)
        index.append(np.clip(at, 0, max(size - 1, 0)))
    if x.size == 0:
        return np.zeros((1,) * len(sizes), x.dtype)
    return np.where(inside, x[tuple(index)], np.zeros((), x.dtype))


def _numpy(
    a: np.ndarray, b: np.ndarray, sizes: Shape, rank: int, a_map: Map, b_map: Map
) -> np.ndarray:
    if a.dtype == np.float16:  # halves are added up in float32
        wide = _numpy(a.astype(np.float32), b.astype(np.float32), sizes, rank, a_map, b_map)
        return wide.astype(a.dtype)
    grid = np.meshgrid(*map(np.arange, sizes), indexing="ij", sparse=True) if sizes else []
    left, right = _read(a, a_map, grid, sizes), _read(b, b_map, grid, sizes)
    # einsum drops the dimensions an operand does not vary along, so nothing is blown up
    n = len(sizes)
    letters = list(range(n))
    kept_a = [v for v in letters if left.shape[v] == sizes[v] and sizes[v] != 1]
    kept_b = [v for v in letters if right.shape[v] == sizes[v] and sizes[v] != 1]
    left = left.reshape([sizes[v] for v in kept_a])
    right = right.reshape([sizes[v] for v in kept_b])
    missing = 1
    for v in letters[rank:]:
        if v not in kept_a and v not in kept_b:
            missing *= sizes[v]
    kept = [v for v in letters[:rank] if v in kept_a or v in kept_b]
    out = np.einsum(left, kept_a, right, kept_b, kept, optimize=True) * left.dtype.type(missing)
    shape = [sizes[v] if v in kept else 1 for v in letters[:rank]]
    return np.broadcast_to(out.reshape(shape), sizes[:rank]).astype(a.dtype)


def _simple(index_map: Map, variable: int, x: Expr, sizes: Shape) -> int | None:
    """The dimension indexed by ``variable`` alone, if it appears just there."""
    where = [d for d, (_, terms) in enumerate(index_map) if variable in dict(terms)]
    if len(where) != 1:
        return None
    whole = index_map[where[0]] == plain(variable) and x.shape[where[0]] == sizes[variable]
    return where[0] if whole else None


def _absent(index_map: Map, variable: int) -> bool:
    return all(variable not in dict(terms) for _, terms in index_map)


class _Transpose:
    """Derives ``d loss / d x`` for one operand: solve x's index forms for one variable each."""

    def __init__(self, node: Expr, g: Expr, side: int) -> None:
        self.sizes, self.rank, *maps = node.attrs
        self.x, self.y = node.inputs[side], node.inputs[1 - side]
        self.x_map, y_map = maps[side], maps[1 - side]
        self.operands = [g, self.y]
        self.maps = [tuple(plain(v) for v in range(self.rank)), y_map]
        self.bound: dict[int, Affine] = {}  # old variable -> form of the new ones

    def run(self) -> Expr:
        x, sizes = self.x, self.sizes
        n = x.ndim
        solved: dict[int, tuple[int, Affine]] = {}
        for dim, (offset, terms) in enumerate(self.x_map):
            variable = self._solvable(terms, solved)
            coefficient = dict(terms).get(variable, 0) if variable is not None else 0
            if variable is None:
                return self._masked()
            rest = {v: -c for v, c in terms if v != variable}
            solved[variable] = (coefficient, (dim, -offset, rest))  # type: ignore[assignment]
        others = [v for v in range(len(sizes)) if v not in solved]
        number = {v: n + i for i, v in enumerate(others)}
        for variable, (coefficient, (dim, offset, rest)) in solved.items():  # type: ignore[misc]
            terms = {dim: 1}
            for v, c in rest.items():
                terms[number[v]] = terms.get(number[v], 0) + c
            self._spread(variable, coefficient)
            self.bound[variable] = form(terms, offset)
        for v in others:
            self.bound[v] = plain(number[v])
        new_sizes = (*x.shape, *(sizes[v] for v in others))
        maps = [tuple(self._rename(f) for f in index_map) for index_map in self.maps]
        return intern(CONTRACT, tuple(self.operands), (new_sizes, n, *maps))

    def _solvable(self, terms: tuple[tuple[int, int], ...], taken: dict) -> int | None:
        """A variable of this form that no other form of x uses and that can be substituted."""
        best = None
        for variable, coefficient in terms:
            uses = sum(variable in dict(t) for _, t in self.x_map)
            if variable in taken or uses != 1 or coefficient < 1:
                continue
            if coefficient == 1 and len(terms) == 1:
                return variable
            homes = [
                _simple(m, variable, o, self.sizes)
                for m, o in zip(self.maps, self.operands, strict=True)
            ]
            free = [_absent(m, variable) for m in self.maps]
            ok = all(h is not None or f for h, f in zip(homes, free, strict=True))
            if ok and not all(free) and (best is None or variable < best):
                best = variable
        return best

    def _spread(self, variable: int, coefficient: int) -> None:
        """Put zeros between the elements along ``variable``, so that steps divide evenly."""
        from glia.ir.ops.window import dilate

        if coefficient == 1:
            return
        for i, (operand, index_map) in enumerate(zip(self.operands, self.maps, strict=True)):
            dim = _simple(index_map, variable, operand, self.sizes)
            if dim is not None:
                step = tuple(coefficient if d == dim else 1 for d in range(operand.ndim))
                self.operands[i] = dilate(operand, step)

    def _rename(self, affine: Affine) -> Affine:
        offset, terms = affine
        total: dict[int, int] = {}
        for variable, coefficient in terms:
            inner_offset, inner = self.bound[variable]
            offset += coefficient * inner_offset
            for v, c in inner:
                total[v] = total.get(v, 0) + coefficient * c
        return form(total, offset)

    def _masked(self) -> Expr:
        names = f"{self.x_map} of shape {self.x.shape}"
        raise ShapeError(teach(f"contract: no derivative for the index map {names}."))


def _gradient(node: Expr, g: Expr) -> tuple[Expr, Expr]:
    return _Transpose(node, g, 0).run(), _Transpose(node, g, 1).run()


_MATMUL = {
    "sizes": (3, 4, 5),
    "rank": 2,
    "a_map": (plain(0), plain(2)),
    "b_map": (plain(2), plain(1)),
}


def conv_attrs(
    batch: int,
    channels: int,
    filters: int,
    out: Shape,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    groups: int,
) -> tuple[Shape, int, Map, Map]:
    """Attributes of a convolution of x (N, G, C/G, *spatial) with w (G, O/G, C/G, *kernel).

    The result has shape (N, G, O/G, *out).
    """
    k = len(kernel)
    n, g, o, c = 0, 1, 2, 3 + k
    sizes = (batch, groups, filters // groups, *out, channels // groups, *kernel)
    spatial = []
    for i in range(k):
        terms = {3 + i: stride[i]}
        terms[4 + k + i] = dilation[i]
        spatial.append(form(terms, -padding[i]))
    a_map = (plain(n), plain(g), plain(c), *spatial)
    b_map = (plain(g), plain(o), plain(c), *(plain(4 + k + i) for i in range(k)))
    return sizes, 3 + k, a_map, b_map


def _samples() -> Sequence[Sample]:
    rng = np.random.default_rng(6)

    def normal(*shape: int, dtype: type = np.float32) -> np.ndarray:
        return rng.normal(size=shape).astype(dtype)

    found = [
        Sample((normal(3, 5), normal(5, 4)), _MATMUL),
        Sample((normal(3, 5, dtype=np.float64), normal(5, 4, dtype=np.float64)), _MATMUL),
        Sample((normal(20, 33), normal(33, 37)), {**_MATMUL, "sizes": (20, 37, 33)}),
        Sample((normal(3, 0), normal(0, 4)), {**_MATMUL, "sizes": (3, 4, 0)}),
    ]
    names = ("sizes", "rank", "a_map", "b_map")
    for batch, channels, filters, size, kernel, stride, padding, dilation, groups in (
        (2, 3, 4, (6, 7), (3, 3), (1, 1), (0, 0), (1, 1), 1),
        (2, 2, 3, (7, 6), (3, 2), (2, 1), (1, 1), (1, 1), 1),
        (1, 4, 6, (5, 5), (2, 2), (1, 2), (0, 1), (2, 1), 2),
        (17, 1, 2, (6, 6), (5, 5), (1, 1), (2, 2), (1, 1), 1),
        (3, 2, 2, (9,), (3,), (3,), (1,), (2,), 2),
    ):
        out = tuple(
            (s + 2 * p - d * (k - 1) - 1) // t + 1
            for s, p, d, k, t in zip(size, padding, dilation, kernel, stride, strict=True)
        )
        attrs = conv_attrs(batch, channels, filters, out, kernel, stride, padding, dilation, groups)
        x = normal(batch, groups, channels // groups, *size)
        w = normal(groups, filters // groups, channels // groups, *kernel)
        found.append(Sample((x, w), dict(zip(names, attrs, strict=True))))
    return found


def _bad() -> Sequence[Bad]:
    a, b = np.ones((3, 5), np.float32), np.ones((5, 4), np.float64)
    return [
        Bad((a, b), _MATMUL, DTypeError, "one dtype"),
        Bad((a[0], b.astype(np.float32)), _MATMUL, ShapeError, "do not fit"),
    ]


CONTRACT = register(
    Op(
        "contract",
        "contract",
        "out[i] = Σ_k a[a(i,k)] b[b(i,k)]",
        _infer,
        _numpy,
        analytic(_gradient),
        ("sizes", "rank", "a_map", "b_map"),
        _samples,
        _bad,
    )
)


def contract(a: Expr, b: Expr, sizes: Shape, rank: int, a_map: Map, b_map: Map) -> Expr:
    """``out[i] = Σ_k a[a_map] · b[b_map]``; see the module's text."""
    return intern(CONTRACT, (a, b), (sizes, rank, a_map, b_map))

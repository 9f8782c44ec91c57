"""One more dimension in front: an expression over slices, computed for all of them at once.

``batched`` takes an expression and, for some of the values it reads, stacks of them along a new
first dimension; it gives the stack of the results. Every primitive has a rule here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from glia.base.shapes import numel
from glia.ir.expr import Expr, intern, topological
from glia.ir.ops.contract import Affine, Map, plain
from glia.ir.ops.control import bound, variables
from glia.ir.ops.custom import scope
from glia.ir.ops.each import each
from glia.ir.ops.source import const
from glia.ir.ops.view import broadcast_to, permute, reshape
from glia.ir.words import threefry_words

#: Rows of matrices, which stand in the last dimensions.
LEADING = tuple(
    "inv solve solve_triangular det cofactors slogdet matrix_exp pinv permutation "
    "cholesky qr geqrf eigh eig svd lu".split()
)


class CannotBatch(Exception):
    """An operation has no rule."""


def batched(root: Expr, stacks: Mapping[Expr, Expr], size: int) -> Expr:
    """``root`` for every slice of the stacks, stacked along a new first dimension of ``size``.

    What does not depend on a stack is computed once and repeated.

    Raises:
        CannotBatch: an operation that depends on a stack has no rule.
    """
    done = _walk(root, stacks)
    if root in done:
        return done[root]
    return broadcast_to(reshape(root, (1, *root.shape)), (size, *root.shape))


def summed(root: Expr, stacks: Mapping[Expr, Expr], size: int) -> Expr:
    """``Σ`` over the slices of ``root``: a contraction sums over one variable more."""
    from glia.ir.build import add, mul, sum_

    if root in stacks or not _depends(root, stacks):
        return sum_(stacks[root], 0) if root in stacks else mul(root, float(size))
    name = root.op.name
    if name in ("reshape", "permute", "pad", "slice"):
        return intern(root.op, (summed(root.inputs[0], stacks, size),), root.attrs)
    if name == "sum":
        dims = (0, *(dim + 1 for dim in root.attrs[0]))
        return reshape(sum_(batched(root.inputs[0], stacks, size), dims), root.shape)
    if name == "add":
        return add(*(summed(child, stacks, size) for child in root.inputs))
    if name == "contract":
        return _summed_contract(batched(root, stacks, size))
    return sum_(batched(root, stacks, size), 0)


def _depends(root: Expr, stacks: Mapping[Expr, Expr]) -> bool:
    return any(node in stacks for node in topological((root,)))


def _walk(root: Expr, stacks: Mapping[Expr, Expr]) -> dict[Expr, Expr]:
    done = dict(stacks)
    size = next((stack.shape[0] for stack in stacks.values()), 1)
    for node in topological((root,)):
        if node in done or not any(child in done for child in node.inputs):
            continue
        rule = _RULES.get(node.op.name) or _RULES.get(node.op.kind)
        if rule is None:
            raise CannotBatch(node.op.name)
        done[node] = rule(node, done, size)
    return done


Done = Mapping[Expr, Expr]


def _every(node: Expr, done: Done, size: int) -> tuple[Expr, ...]:
    """All inputs with the new dimension."""

    def one(child: Expr) -> Expr:
        if child in done:
            return done[child]
        return broadcast_to(reshape(child, (1, *child.shape)), (size, *child.shape))

    return tuple([one(child) for child in node.inputs])


def _elementwise(node: Expr, done: Done, size: int) -> Expr:
    return intern(node.op, _every(node, done, size), node.attrs)


def _dims(node: Expr, done: Done, size: int) -> Expr:
    """Attributes that number dimensions: every one is one further back."""
    (attr,) = node.attrs
    moved = attr + 1 if isinstance(attr, int) else tuple(dim + 1 for dim in attr)
    return intern(node.op, _every(node, done, size), (moved,))


def _permute(node: Expr, done: Done, size: int) -> Expr:
    dims = (0, *(dim + 1 for dim in node.attrs[0]))
    return intern(node.op, _every(node, done, size), (dims,))


def _shape(node: Expr, done: Done, size: int) -> Expr:
    return intern(node.op, _every(node, done, size), ((size, *node.attrs[0]),))


def _pad(node: Expr, done: Done, size: int) -> Expr:
    before, after = node.attrs
    return intern(node.op, _every(node, done, size), ((0, *before), (0, *after)))


def _slice(node: Expr, done: Done, size: int) -> Expr:
    start, stop, step = node.attrs
    attrs = ((0, *start), (size, *stop), (1, *step))
    return intern(node.op, _every(node, done, size), attrs)


def _trailing(node: Expr, done: Done, size: int) -> Expr:
    """Attributes that speak of the last dimensions alone."""
    return intern(node.op, _every(node, done, size), node.attrs)


def _index(node: Expr, done: Done, size: int) -> Expr:
    """A dimension and more: every slice by itself, along one dimension further back."""
    dim, *rest = node.attrs
    return intern(node.op, _every(node, done, size), (dim + 1, *rest))


def _fourier(node: Expr, done: Done, size: int) -> Expr:
    """The first attribute numbers dimensions."""
    dims, *rest = node.attrs
    moved = dims + 1 if isinstance(dims, int) else tuple(dim + 1 for dim in dims)
    return intern(node.op, _every(node, done, size), (moved, *rest))


def _front(node: Expr, stack: bool) -> Expr:
    """The batch in front of the steps, or the other way round."""
    return permute(node, (1, 0, *range(2, node.ndim))) if stack else node


def _scan(node: Expr, done: Done, size: int) -> Expr:
    """All slices take each step together; constants that do not move stay as they are."""
    kind, out, carry, sequences, length, reverse = node.attrs
    ends = len(carry), len(carry) + sequences
    every = _every(node, done, size)
    old = [v for part in variables(node.inputs, len(carry), sequences) for v in part]
    inputs, stacks = [], {}
    for number, (variable, child, whole) in enumerate(zip(old, node.inputs, every, strict=True)):
        if number >= ends[1] and child not in done:
            inputs.append(child)
            continue
        inputs.append(_front(whole, ends[0] <= number < ends[1]))
        stacks[variable] = bound(number, (size, *variable.shape), variable.dtype)
    after = tuple([batched(part, stacks, size) for part in carry])
    given = out if isinstance(out, int) else batched(out, stacks, size)
    attrs = (kind, given, after, sequences, length, reverse)
    return _front(intern(node.op, tuple(inputs), attrs), kind != "final")


def _custom(node: Expr, done: Done, size: int) -> Expr:
    """The derivatives written beside a value are batched like it."""
    *attrs, templates = node.attrs
    stacks = {v: bound(v.attrs[0], (size, *v.shape), v.dtype) for part in scope(node) for v in part}
    moved = tuple([None if t is None else batched(t, stacks, size) for t in templates])
    return intern(node.op, _every(node, done, size), (*attrs, moved))


def _host(node: Expr, done: Done, size: int) -> Expr:
    """NumPy, slice by slice: what has no rule of its own."""
    if not size:
        return broadcast_to(const(0, node.dtype), (0, *node.shape))
    inputs = [done.get(child, child) for child in node.inputs]
    return each(node.op, inputs, [child in done for child in node.inputs], node.attrs)


def _random_bits(node: Expr, done: Done, size: int) -> Expr:
    """Every key its own bits: the same numbers as one by one, written out in words."""
    (shape,) = node.attrs
    found = threefry_words(done[node.inputs[0]], numel(shape))
    return reshape(found, (size, *shape))


def _contract(node: Expr, done: Done, size: int) -> Expr:
    sizes, rank, *maps = node.attrs
    operands, moved = [], []
    for child, index_map in zip(node.inputs, maps, strict=True):
        later = tuple(_later(affine) for affine in index_map)
        operands.append(done.get(child, child))
        moved.append((plain(0), *later) if child in done else later)
    return intern(node.op, tuple(operands), ((size, *sizes), rank + 1, *moved))


def _later(affine: Affine) -> Affine:
    """A form of the same variables, each numbered one higher."""
    offset, terms = affine
    return offset, tuple((v + 1, c) for v, c in terms)


def _summed_contract(node: Expr) -> Expr:
    """The contraction summed over its first variable."""
    sizes, rank, *maps = node.attrs

    def number(v: int) -> int:
        return rank - 1 if v == 0 else v - 1 if v < rank else v

    def renamed(index_map: Map) -> Map:
        return tuple(
            (offset, tuple(sorted((number(v), c) for v, c in terms))) for offset, terms in index_map
        )

    order = (*sizes[1:rank], sizes[0], *sizes[rank:])
    return intern(node.op, node.inputs, (order, rank - 1, *map(renamed, maps)))


_RULES: dict[str, Callable[[Expr, Done, int], Expr]] = {
    "elementwise": _elementwise,
    "reduce": _dims,
    "host": _host,
    "reshape": _shape,
    "detach": _elementwise,
    "permute": _permute,
    "expand": _shape,
    "pad": _pad,
    "slice": _slice,
    "flip": _dims,
    "concat": _dims,
    "window": _trailing,
    "fold": _trailing,
    "index": _index,
    "argsort": _index,
    "latest": _trailing,
    "cumargmax": _index,
    "cumprod": _dims,
    "cumsum": _dims,
    "logcumsumexp": _dims,
    "mode_at": _dims,
    "recur": _dims,
    "scatter_max": _index,
    "scatter_min": _index,
    "scatter_prod": _index,
    "search": _trailing,
    "contract": _contract,
    "fft": _fourier,
    "rfft": _fourier,
    "irfft": _fourier,
    **dict.fromkeys(LEADING, _trailing),
    **dict.fromkeys(("real", "imag", "conj", "angle", "complex"), _elementwise),
    "scan": _scan,
    "custom": _custom,
    "mark": _elementwise,
    "random_bits": _random_bits,
}

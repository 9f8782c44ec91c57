"""What recurrent layers compute, as expressions. Checks stand here: they run once per new shape.

What a step needs of the input alone is one product over all steps, before the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from glia.base.errors import ShapeError, teach
from glia.base.i18n import tr
from glia.base.shapes import Shape
from glia.base.source import module_stack
from glia.ir import build, products
from glia.ir.expr import Expr
from glia.ir.ops import contract as _contract
from glia.ir.ops.control import fresh
from glia.ir.ops.view import concat, pad, permute, reshape, slice_
from glia.ir.scan import Loop
from glia.nn.formulas import check_dtype
from glia.tensor.random import dropped


class Weights(NamedTuple):
    """The parameters of one layer in one direction."""

    ih: Expr  # (gates · hidden, input)
    hh: Expr  # (gates · hidden, state)
    b_ih: Expr | None
    b_hh: Expr | None
    hr: Expr | None  # (projection, hidden)
    c: Expr | None  # what gates see of the cell state: i, f, o, or f, o; each (hidden,)


State = tuple[Expr, ...]
Step = Callable[[Expr, State, Weights], State]


class Kind(NamedTuple):
    """One kind of cell: its gates and its step."""

    gates: int
    step: Step
    states: int = 1


def _parts(x: Expr, count: int) -> list[Expr]:
    """The last dimension cut into equal pieces."""
    batch, size = x.shape
    width = size // count
    return [slice_(x, (0, i * width), (batch, i * width + width), (1, 1)) for i in range(count)]


def _plain(activation: Callable[[Expr], Expr]) -> Step:
    def step(p: Expr, state: State, w: Weights) -> State:
        """``h' = act(p + W h)``"""
        return (activation(build.add(p, products.linear(state[0], w.hh))),)

    return step


def _lstm(p: Expr, state: State, w: Weights) -> State:
    """``c' = σ(f) c + σ(i) tanh(g)``, ``h' = σ(o) tanh(c')``

    With peepholes i and f see c, and o sees c'. Without an own i it is 1 - f.
    """
    h, c = state
    hidden = c.shape[1]
    *ends, g, o = _parts(build.add(p, products.linear(h, w.hh)), w.hh.shape[0] // hidden)
    if w.c is not None:
        ends = [build.add(a, build.mul(_piece(w.c, i, hidden), c)) for i, a in enumerate(ends)]
    f = build.sigmoid(ends[-1])
    i = build.sigmoid(ends[0]) if len(ends) == 2 else build.sub(1.0, f)
    c = build.add(build.mul(f, c), build.mul(i, build.tanh(g)))
    if w.c is not None:
        o = build.add(o, build.mul(_piece(w.c, len(ends), hidden), c))
    h = build.mul(build.sigmoid(o), build.tanh(c))
    return (h if w.hr is None else products.linear(h, w.hr)), c


def _piece(w: Expr, number: int, size: int) -> Expr:
    """One of the equal pieces that a vector consists of."""
    return slice_(w, (number * size,), (number * size + size,), (1,))


def _gru(p: Expr, state: State, w: Weights) -> tuple[Expr, Expr, Expr]:
    """``z``, ``n = tanh(p + r (W h + b))`` and ``h``."""
    (h,) = state
    from_input, from_state = _parts(p, 3), _parts(products.linear(h, w.hh), 3)
    r, z = (build.sigmoid(build.add(from_input[i], from_state[i])) for i in range(2))
    inner = from_state[2]
    if w.b_hh is not None:
        inner = build.add(inner, _piece(w.b_hh, 2, inner.shape[1]))
    n = build.tanh(build.add(from_input[2], build.mul(r, inner)))
    return z, n, h


def _gru_before(p: Expr, state: State, w: Weights) -> tuple[Expr, Expr, Expr]:
    """``z``, ``n = tanh(p + W (r h))`` and ``h``: reset before the product, not after it."""
    (h,) = state
    hidden = h.shape[1]
    gates, last = (
        slice_(w.hh, (a * hidden, 0), (b * hidden, hidden), (1, 1)) for a, b in ((0, 2), (2, 3))
    )
    from_input, from_state = _parts(p, 3), _parts(products.linear(h, gates), 2)
    r, z = (build.sigmoid(build.add(from_input[i], from_state[i])) for i in range(2))
    n = build.tanh(build.add(from_input[2], products.linear(build.mul(r, h), last)))
    return z, n, h


def _old(parts: Callable[..., tuple[Expr, Expr, Expr]]) -> Step:
    def step(p: Expr, state: State, w: Weights) -> State:
        """``h' = (1 - z) n + z h``"""
        z, n, h = parts(p, state, w)
        return (build.add(n, build.mul(z, build.sub(h, n))),)

    return step


def _new(parts: Callable[..., tuple[Expr, Expr, Expr]]) -> Step:
    def step(p: Expr, state: State, w: Weights) -> State:
        """``h' = (1 - z) h + z n``"""
        z, n, h = parts(p, state, w)
        return (build.add(h, build.mul(z, build.sub(n, h))),)

    return step


KINDS = {
    "RNN_TANH": Kind(1, _plain(build.tanh)),
    "RNN_RELU": Kind(1, _plain(build.relu)),
    "LSTM": Kind(4, _lstm, 2),
    "LSTM_PEEPHOLE": Kind(4, _lstm, 2),
    "LSTM_COUPLED": Kind(3, _lstm, 2),
    "LSTM_PEEPHOLE_COUPLED": Kind(3, _lstm, 2),
    "GRU": Kind(3, _old(_gru)),
    "GRU_NEW": Kind(3, _new(_gru)),
    "GRU_BEFORE": Kind(3, _old(_gru_before)),
    "GRU_BEFORE_NEW": Kind(3, _new(_gru_before)),
}


def _bias(mode: str, w: Weights) -> Expr | None:
    """What can be added before the loop: of a GRU's second bias, the part for r and z.

    Where the reset comes before the product, all of it.
    """
    if w.b_ih is None or w.b_hh is None:
        return None
    if mode not in ("GRU", "GRU_NEW"):
        return build.add(w.b_ih, w.b_hh)
    hidden = w.b_hh.shape[0] // 3
    return build.add(w.b_ih, pad(slice_(w.b_hh, (0,), (2 * hidden,), (1,)), (0,), (hidden,)))


def _projected(mode: str, x: Expr, w: Weights, batch_first: bool) -> Expr:
    """``x W_ihᵀ + b`` for all steps: (time, batch, gates), whichever of the two x has first."""
    batch, time = x.shape[:2] if batch_first else x.shape[1::-1]
    p = _contract.plain
    x_map = (p(1), p(0), p(3)) if batch_first else (p(0), p(1), p(3))
    sizes = (time, batch, *w.ih.shape)
    found = _contract.contract(x, w.ih, sizes, 3, x_map, (p(2), p(3)))
    bias = _bias(mode, w)
    return found if bias is None else build.add(found, bias)


# Cells


def cell(x: Expr, *rest: object) -> State:
    """One step; ``rest`` is [state], weights, the name, mode, whether the state is given."""
    *tensors, name, mode, given = rest
    assert isinstance(name, str) and isinstance(mode, str)
    kind = KINDS[mode]
    exprs: list[Expr] = list(tensors)  # type: ignore[arg-type]
    count = kind.states if given else 0
    w = _weights(mode, exprs[count:])
    check_dtype(name, x, w.ih)
    single = x.ndim == 1
    _check_input(name, x, w.ih.shape[1], 1)
    rows = reshape(x, (1, *x.shape)) if single else x
    shape = (rows.shape[0], w.hh.shape[1])
    wanted = shape[1:] if single else shape
    state = tuple(_start(name, h, wanted, x) for h in exprs[:count])
    state = tuple(reshape(h, shape) for h in state)
    if not state:
        state = (build.full(shape, 0.0, x.dtype),) * kind.states
    p = products.linear(rows, w.ih)
    bias = _bias(mode, w)
    found = kind.step(p if bias is None else build.add(p, bias), state, w)
    return tuple(reshape(h, wanted) for h in found)


# Layers


class Plan(NamedTuple):
    """What a recurrent layer is made of; attributes of its expressions."""

    name: str
    mode: str
    layers: int
    directions: int
    batch_first: bool
    weights: int  # of one layer in one direction
    given: bool  # whether the first state is
    dropout: float  # between layers; 0 in evaluation


def recurrent(x: Expr, *rest: object) -> State:
    """All layers: the outputs of the last one, then the last states of all.

    ``rest`` is [states], weights, [random keys], plan.
    """
    *tensors, plan = rest
    assert isinstance(plan, Plan)
    exprs: list[Expr] = list(tensors)  # type: ignore[arg-type]
    kind = KINDS[plan.mode]
    given = exprs[: kind.states] if plan.given else []
    runs = plan.layers * plan.directions
    first = len(given)
    groups = [
        _weights(plan.mode, exprs[first + i * plan.weights : first + (i + 1) * plan.weights])
        for i in range(runs)
    ]
    keys = exprs[first + runs * plan.weights :]
    check_dtype(plan.name, x, groups[0].ih)
    _check_input(plan.name, x, groups[0].ih.shape[1], 2)
    single = x.ndim == 2
    starts = _starts(plan, kind, given, groups, x)
    batch_first = plan.batch_first and not single
    if single:
        x = reshape(x, (x.shape[0], 1, x.shape[1]))
    lasts: list[State] = []
    for layer in range(plan.layers):
        if keys and layer:
            x = dropped(x, keys[layer - 1], plan.dropout, 0)
        outs = []
        for direction in range(plan.directions):
            run = layer * plan.directions + direction
            first_of_all = batch_first and not layer
            with_name = f"l{layer}" + ("_reverse" if direction else "")
            module_stack.append(with_name if runs > 1 else "")
            p = _projected(plan.mode, x, groups[run], first_of_all)
            out, last = _loop(kind, p, starts[run], groups[run], bool(direction))
            module_stack.pop()
            outs.append(out)
            lasts.append(last)
        x = concat(outs, 2)  # (time, batch, directions · hidden)
    if single:
        x = reshape(x, (x.shape[0], x.shape[2]))
    out = permute(x, (1, 0, 2)) if batch_first else x
    return out, *(_stacked(plan, [last[i] for last in lasts], single) for i in range(kind.states))


def _weights(mode: str, found: Sequence[Expr]) -> Weights:
    """Two products, then two biases, a projection and peepholes, each of them or not."""
    rest = list(found[2:])
    peepholes = rest.pop() if "PEEPHOLE" in mode else None
    projection = rest.pop() if len(rest) % 2 else None
    b_ih, b_hh = rest or (None, None)
    return Weights(found[0], found[1], b_ih, b_hh, projection, peepholes)


def _loop(kind: Kind, p: Expr, start: State, w: Weights, reverse: bool) -> tuple[Expr, State]:
    """The outputs of all steps, and the last states."""
    state = tuple(fresh(h.shape, h.dtype) for h in start)
    x = fresh(p.shape[1:], p.dtype)
    loop = Loop(state, start, [x], [p], kind.step(x, state, w), (), reverse)
    return loop.after(0), tuple(loop.final(i) for i in range(len(state)))


def _stacked(plan: Plan, lasts: Sequence[Expr], single: bool) -> Expr:
    """The last states of all layers and directions: (layers · directions, batch, size)."""
    found = concat([reshape(h, (1, *h.shape)) for h in lasts], 0)
    return reshape(found, (found.shape[0], found.shape[2])) if single else found


def _starts(
    plan: Plan, kind: Kind, given: Sequence[Expr], groups: Sequence[Weights], x: Expr
) -> list[State]:
    """The first states of each layer and direction."""
    single = x.ndim == 2
    batch = 1 if single else x.shape[0 if plan.batch_first else 1]
    sizes = [groups[0].hh.shape[1], groups[0].hh.shape[0] // kind.gates][: kind.states]
    if not given:
        zeros = tuple(build.full((batch, size), 0.0, x.dtype) for size in sizes)
        return [zeros] * len(groups)
    found = []
    for h, size in zip(given, sizes, strict=True):
        wanted = (len(groups), size) if single else (len(groups), batch, size)
        found.append(reshape(_start(plan.name, h, wanted, x), (len(groups), batch, size)))
    return [
        tuple(
            reshape(slice_(h, (run, 0, 0), (run + 1, *h.shape[1:]), (1, 1, 1)), h.shape[1:])
            for h in found
        )
        for run in range(len(groups))
    ]


# Checks


def _check_input(name: str, x: Expr, size: int, rank: int) -> None:
    """Input must be (N, size) for a cell, (L, N, size) for a layer; N may be left out."""
    if x.ndim not in (rank, rank + 1) or x.shape[-1] != size:
        wanted = f"(N, {size})" if rank == 1 else f"(L, N, {size})"
        what = tr(
            f"{name}: expected input {wanted}, got {x.shape}.",
            f"{name}：需要形状 {wanted} 的输入，得到 {x.shape}。",
        )
        found = x.shape[-1] if x.ndim else 1
        help = tr(f"set input_size={found}, or reshape", f"请设 input_size={found}，或改变形状")
        raise ShapeError(teach(what, help))
    if rank == 2 and not min(x.shape[:-1]):
        what = tr(
            f"{name}: expected at least one step, got {x.shape}.",
            f"{name}：至少需要一个时间步，得到 {x.shape}。",
        )
        raise ShapeError(teach(what, tr("check the data", "请检查数据")))


def _start(name: str, h: Expr, wanted: Shape, x: Expr) -> Expr:
    """A given first state must fit."""
    check_dtype(name, h, x)
    if h.shape != wanted:
        what = tr(
            f"{name}: expected a first state of shape {wanted}, got {h.shape}.",
            f"{name}：初始状态的形状应为 {wanted}，得到 {h.shape}。",
        )
        help = tr(
            "layers come first, also with batch_first; leave it out to start with zeros",
            "batch_first 时层数也在第一维；省略则从零开始",
        )
        raise ShapeError(teach(what, help))
    return h

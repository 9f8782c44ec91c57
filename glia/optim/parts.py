"""What an update formula sees of one parameter, and the formula of a whole group made of it.

A formula is a module-level function of a ``One``: it reads the parameter, its gradient and its
state, writes the new state back, and gives the new parameter. ``updated`` calls it for every
parameter of a group, so that all of them are one program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glia.base.dtypes import float64
from glia.ir import build
from glia.ir.expr import Expr


@dataclass(frozen=True)
class Layout:
    """How the arguments of a group's formula are to be read."""

    numbers: tuple[str, ...]  # names of options
    shared: tuple[str, ...]  # names of what parameters share
    owners: tuple[int, ...]  # of each parameter: the number of what it shares
    states: tuple[tuple[str, ...], ...]  # of each parameter: names of its own state
    flags: tuple[tuple[str, Any], ...]

    def __post_init__(self) -> None:
        parts = (self.numbers, self.shared, self.owners, self.states, self.flags)
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:  # it is looked up at every step
        return self.__dict__["_hash"]


class One:
    """One parameter in a step.

    ``p`` is the parameter and ``g`` its gradient, turned round for ``maximize`` and with the L2
    penalty added. ``state`` has its tensors by name and ``shared`` the float32 numbers (such as
    ``step``) that it shares with those that always moved together with it; a formula writes the
    new ones there. ``flags`` are the options that decide the formula.
    """

    def __init__(
        self,
        p: Expr,
        g: Expr,
        numbers: Mapping[str, Expr],
        state: dict[str, Expr],
        shared: dict[str, Expr],
        flags: Mapping[str, Any],
    ) -> None:
        self.p = p
        self._numbers = numbers
        self.state = state
        self.shared = shared
        self.flags = flags
        #: The number of this step, from 1 on, in float64.
        self.t = build.const(0.0, float64)
        if "step" in shared:
            self.t = build.add(build.cast(shared["step"], float64), 1.0)
            shared["step"] = build.add(shared["step"], 1.0)
        g = build.neg(g) if flags.get("maximize") else g
        if flags.get("decay") == "l2":
            g = build.add(g, build.mul(p, self.fit(numbers["weight_decay"])))
        self.g = g

    def numbers(self, *names: str) -> list[Expr]:
        """Options, as float64 scalars."""
        return [self._numbers[name] for name in names]

    def fit(self, scalar: Expr) -> Expr:
        """A float64 scalar rounded to the parameter's dtype."""
        return build.cast(scalar, self.p.dtype)

    def scaled(self, x: Expr, scalar: Expr) -> Expr:
        """``x`` times a float64 scalar."""
        return build.mul(x, self.fit(scalar))

    def shrunk(self) -> Expr:
        """The parameter after decoupled weight decay: ``(1 - lr λ) p``."""
        if self.flags.get("decay") != "decoupled":
            return self.p
        lr, decay = self.numbers("lr", "weight_decay")
        return self.scaled(self.p, build.sub(1.0, build.mul(lr, decay)))

    def mean(self, name: str, fresh: Expr, rate: Expr) -> Expr:
        """A running mean moves on: ``m ← m + rate (fresh - m)``."""
        old = self.state[name]
        self.state[name] = build.add(old, self.scaled(build.sub(fresh, old), rate))
        return self.state[name]

    def square(self, name: str, beta: Expr, x: Expr | None = None) -> Expr:
        """A running mean of squares: ``v ← β v + (1 - β) x²``; x is the gradient by default."""
        x = self.g if x is None else x
        fresh = self.scaled(build.mul(x, x), build.sub(1.0, beta))
        self.state[name] = build.add(self.scaled(self.state[name], beta), fresh)
        return self.state[name]


def updated(*arguments: Any) -> tuple[Expr, ...]:
    """Everything new of a group: what is shared, parameters, and the state of each.

    Called with the numbers, what is shared, parameters, state and gradients, then the formula
    and the layout.
    """
    *exprs, formula, layout = arguments
    source = iter(exprs)
    numbers = _named(layout.numbers, source)
    shared = [_named(layout.shared, source) for _ in set(layout.owners)]
    params = [next(source) for _ in layout.states]
    states = [_named(names, source) for names in layout.states]
    new, moved = [], list(shared)
    for p, g, state, owner in zip(params, source, states, layout.owners, strict=True):
        one = One(p, g, numbers, state, dict(shared[owner]), dict(layout.flags))
        new.append(formula(one))
        moved[owner] = one.shared
    return (*_all(moved), *new, *_all(states))


def _named(names: Sequence[str], source: Any) -> dict[str, Expr]:
    return {name: next(source) for name in names}


def _all(rows: Sequence[Mapping[str, Expr]]) -> list[Expr]:
    return [expr for row in rows for expr in row.values()]

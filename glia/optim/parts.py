"""The arguments of an update formula, taken apart; and its results, put together.

A formula is called with ``*scalars, *params, *state…, *steps, *grads, n, steps, flags`` where n
is the number of parameters and ``steps`` tells which counter belongs to which parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glia.base.dtypes import float64
from glia.ir import build
from glia.ir.expr import Expr


class Parts:
    """Named parts of a formula's arguments, and lists to put the results in."""

    def __init__(
        self,
        arguments: tuple[Any, ...],
        scalars: int,
        states: Callable[[tuple[bool, ...]], int],
    ) -> None:
        *exprs, n, owners, flags = arguments
        self.flags: tuple[bool, ...] = flags
        self._owners: tuple[int, ...] = owners
        self.scalars: list[Expr] = exprs[:scalars]
        self.params: list[Expr] = exprs[scalars : scalars + n]
        at = scalars + n
        count = states(flags)
        self.state = [exprs[at + k * n : at + (k + 1) * n] for k in range(count)]
        self.steps: list[Expr] = exprs[at + count * n : len(exprs) - n]
        self.grads: list[Expr] = exprs[len(exprs) - n :]
        self.new_params: list[Expr] = []
        self.new_state: list[list[Expr]] = [[] for _ in range(count)]

    def step_of(self, i: int) -> Expr:
        """How many steps parameter i has taken before this one."""
        return self.steps[self._owners[i]]

    def results(self, count: Callable[[Expr], Expr]) -> tuple[Expr, ...]:
        """Everything new, in the order of the arguments."""
        state = [expr for row in self.new_state for expr in row]
        return (*self.new_params, *state, *[count(step) for step in self.steps])


def counted(step: Expr) -> Expr:
    """One step more."""
    return build.add(step, 1.0)


def as_dtype_of(p: Expr, scalar: Expr) -> Expr:
    """A float64 scalar rounded to the parameter's dtype."""
    return build.cast(scalar, p.dtype)


def exact(step: Expr) -> Expr:
    """The counter in float64, for powers."""
    return build.cast(step, float64)

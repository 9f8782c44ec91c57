"""Better loops for a nest: split variables that are divided, merge loops that run as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glia.compiler.index import (
    Index,
    Quotient,
    Remainder,
    Var,
    inner_atoms,
    substitute,
    variable,
    variables,
)
from glia.compiler.schedule.loops import Reduction, Store, indices_of

Indices = tuple[Index, ...]


def all_indices(reductions: Sequence[Reduction], stores: Sequence[Store]) -> list[Index]:
    """Every index a nest uses."""
    values = [r.value for r in reductions] + [s.value for s in stores]
    found = indices_of(values) + [s.offset for s in stores]
    return found + [r.position for r in reductions if r.position is not None]


def splittable(indices: Sequence[Index], loops: Sequence[Var]) -> tuple[Var, int] | None:
    """A loop variable that occurs divided by a factor of its size, and that factor."""
    for index in indices:
        for atom in inner_atoms(index):
            of = atom.of
            if len(of.terms) != 1 or of.terms[0][1] != 1 or of.constant:
                continue
            var = of.terms[0][0]
            if isinstance(var, Var) and var in loops and var.size % atom.by == 0:
                if 1 < atom.by < var.size:
                    return var, atom.by
    return None


def split(var: Var, by: int) -> tuple[Var, Var, Index]:
    """Outer and inner variable, and what stands for the old one."""
    outer, inner = Var(var.name + "o", var.size // by), Var(var.name + "i", by)
    return outer, inner, variable(outer) * by + variable(inner)


def mergeable(outer: Var, inner: Var, indices: Sequence[Index]) -> bool:
    """Whether ``outer · size + inner`` can be one variable everywhere."""
    for index in indices:
        if index.coefficient(outer) != index.coefficient(inner) * inner.size:
            return False
        for atom, _ in index.terms:
            if isinstance(atom, Quotient | Remainder) and {outer, inner} & variables(atom.of):
                return False
    return True


def merges(loops: Sequence[Var], indices: Sequence[Index]) -> list[list[Var]]:
    """Neighbouring loops grouped into those that run as one."""
    groups: list[list[Var]] = []
    for var in loops:
        if groups and var.size and mergeable(groups[-1][-1], var, indices):
            groups[-1].append(var)
        else:
            groups.append([var])
    return groups


def merged_replacement(
    groups: Sequence[Sequence[Var]],
) -> tuple[tuple[Var, ...], dict[Var, Index]]:
    """New loops, and the indices that stand for the old variables (quotients vanish again)."""
    loops: list[Var] = []
    replace: dict[Var, Index] = {}
    for group in groups:
        if len(group) == 1:
            loops.append(group[0])
            continue
        size = 1
        for var in group:
            size *= var.size
        whole = Var(group[-1].name + "m", size)
        loops.append(whole)
        step = 1
        for position, var in enumerate(reversed(group)):
            part = variable(whole) // step
            replace[var] = part if position == len(group) - 1 else part % var.size
            step *= var.size
    return tuple(loops), replace


def improved(
    loops: tuple[Var, ...], index: Indices, used: Callable[[Indices], list[Index]]
) -> tuple[tuple[Var, ...], Indices]:
    """Loops split and merged until nothing more is to be gained, and the index in their terms.

    ``used(index)`` gives every index the nest would use.
    """
    found = used(index)
    for _ in range(8):
        cut = splittable(found, loops)
        if cut is None:
            break
        outer, inner, stands_for = split(*cut)
        parts = [(outer, inner) if v == cut[0] else (v,) for v in loops]
        loops = tuple(v for part in parts for v in part)
        index = replaced(index, {cut[0]: stands_for})
        found = used(index)
    loops, table = merged_replacement(merges(loops, found))
    return loops, replaced(index, table)


def replaced(index: Indices, table: dict[Var, Index]) -> Indices:
    """Indices with variables replaced."""
    return tuple(substitute(at, table.get) for at in index) if table else index

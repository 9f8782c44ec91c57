"""Symbolic index arithmetic: sums of multiples of loop variables, quotients and remainders.

An index is ``constant + Σ coefficient · atom``; an atom is a loop variable, or a floor quotient
or remainder of an index by a constant. Everything is kept in one normal form, so that equal
indices are equal objects, and quotients vanish wherever the ranges of the variables allow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Var:
    """A loop variable running over ``0 .. size-1``."""

    name: str
    size: int

    def bounds(self) -> tuple[int, int]:
        return 0, max(self.size - 1, 0)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Picked(Var):
    """A place that the program computes: the value, held within ``0 .. size-1``."""

    value: Any  # of the loop IR, an int64

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Quotient:
    """``⌊of / by⌋``."""

    of: Index
    by: int

    def bounds(self) -> tuple[int, int]:
        low, high = self.of.bounds()
        return low // self.by, high // self.by

    def __str__(self) -> str:
        return f"({self.of} / {self.by})"


@dataclass(frozen=True, slots=True)
class Remainder:
    """``of mod by``, never negative."""

    of: Index
    by: int

    def bounds(self) -> tuple[int, int]:
        return 0, self.by - 1

    def __str__(self) -> str:
        return f"({self.of} % {self.by})"


Atom = Var | Quotient | Remainder


@dataclass(frozen=True, slots=True)
class Index:
    """``constant + Σ coefficient · atom``, terms sorted, no zero coefficients."""

    terms: tuple[tuple[Atom, int], ...]
    constant: int

    def bounds(self) -> tuple[int, int]:
        """Smallest and largest value (inclusive) over the ranges of the atoms."""
        low = high = self.constant
        for atom, coefficient in self.terms:
            a, b = atom.bounds()
            low += coefficient * (a if coefficient > 0 else b)
            high += coefficient * (b if coefficient > 0 else a)
        return low, high

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return Index(self.terms, self.constant + other) if other else self
        return combine([(self, 1), (other, 1)])

    def __mul__(self, factor: int) -> Index:
        return combine([(self, factor)])

    def __floordiv__(self, by: int) -> Index:
        return quotient(self, by)

    def __mod__(self, by: int) -> Index:
        return remainder(self, by)

    def coefficient(self, atom: Atom) -> int:
        """The factor of an atom at top level."""
        return next((c for a, c in self.terms if a == atom), 0)

    def is_affine(self) -> bool:
        """Whether only loop variables occur."""
        return all(isinstance(atom, Var) for atom, _ in self.terms)

    def __str__(self) -> str:
        parts = [f"{a}" if c == 1 else f"{c}*{a}" for a, c in self.terms]
        if self.constant or not parts:
            parts.append(str(self.constant))
        return " + ".join(parts)


ZERO = Index((), 0)


def number(value: int) -> Index:
    """A constant index."""
    return Index((), value)


def variable(var: Var) -> Index:
    """The index that is a loop variable; one that runs over a single value is 0."""
    return ZERO if var.size == 1 else Index(((var, 1),), 0)


def combine(parts: Iterable[tuple[Index, int]]) -> Index:
    """``Σ factor · index`` in normal form."""
    total: dict[Atom, int] = {}
    constant = 0
    for index, factor in parts:
        constant += factor * index.constant
        for atom, coefficient in index.terms:
            total[atom] = total.get(atom, 0) + factor * coefficient
    return _normal(total, constant)


def _normal(total: dict[Atom, int], constant: int) -> Index:
    total = {atom: c for atom, c in total.items() if c}
    _recombine(total)
    terms = total.items()
    if any(not isinstance(atom, Var) for atom in total):
        fresh: dict[Atom, int] = {}
        changed = False
        for atom, c in terms:
            if isinstance(atom, _Whole):
                changed = True
                constant += c * atom.of.constant
                for inner, k in atom.of.terms:
                    fresh[inner] = fresh.get(inner, 0) + c * k
            else:
                fresh[atom] = fresh.get(atom, 0) + c
        if changed:
            return _normal(fresh, constant)
    return Index(tuple(sorted(total.items(), key=lambda pair: str(pair[0]))), constant)


@dataclass(frozen=True, slots=True)
class _Whole:
    """An index put back together from quotient and remainder, to be spliced in."""

    of: Index

    def bounds(self) -> tuple[int, int]:
        return self.of.bounds()


def _recombine(total: dict) -> None:
    """``by · (x / by) + (x % by)`` is x."""
    for atom in [a for a in total if isinstance(a, Remainder)]:
        scale = total.get(atom, 0)
        if not scale:
            continue
        rest = quotient(atom.of, atom.by)
        if len(rest.terms) != 1 or rest.constant or rest.terms[0][1] != 1:
            continue
        partner = rest.terms[0][0]
        if total.get(partner) == scale * atom.by:
            del total[atom], total[partner]
            whole = _Whole(atom.of)
            total[whole] = total.get(whole, 0) + scale
            return


def quotient(index: Index, by: int) -> Index:
    """``⌊index / by⌋``."""
    if by == 1:
        return index
    low, high = index.bounds()
    if low // by == high // by:
        return number(low // by)
    whole, rest = _split(index, by)
    low, high = rest.bounds()
    if low // by == high // by:
        return combine([(whole, 1), (number(low // by), 1)])
    if whole.terms or whole.constant:
        return combine([(whole, 1), (quotient(rest, by), 1)])
    if not index.constant and len(index.terms) == 1 and index.terms[0][1] == 1:
        atom = index.terms[0][0]
        if isinstance(atom, Quotient):
            return quotient(atom.of, atom.by * by)
        if isinstance(atom, Remainder) and atom.by % by == 0:
            return remainder(quotient(atom.of, by), atom.by // by)
    common = _common_factor(index, by)
    if common > 1:
        return quotient(_divide(index, common), by // common)
    return Index(((Quotient(index, by), 1),), 0)


def remainder(index: Index, by: int) -> Index:
    """``index mod by``."""
    if by == 1:
        return ZERO
    _, rest = _split(index, by)
    low, high = rest.bounds()
    if low // by == high // by:
        return rest + -(low // by) * by
    if not rest.constant and len(rest.terms) == 1 and rest.terms[0][1] == 1:
        atom = rest.terms[0][0]
        if isinstance(atom, Remainder) and atom.by % by == 0:
            return remainder(atom.of, by)
    common = _common_factor(rest, by)
    if common > 1:
        return remainder(_divide(rest, common), by // common) * common
    return Index(((Remainder(rest, by), 1),), 0)


def _split(index: Index, by: int) -> tuple[Index, Index]:
    """Index = by · whole + rest, with every coefficient of rest between 0 and by."""
    whole = [(atom, c // by) for atom, c in index.terms if c % by == 0]
    rest = [(atom, c) for atom, c in index.terms if c % by]
    constant = index.constant // by
    return Index(tuple(whole), constant), Index(tuple(rest), index.constant - constant * by)


def _common_factor(index: Index, by: int) -> int:
    """A factor > 1 shared by ``by`` and all terms of the index, constant included."""
    from math import gcd

    common = by
    for _, coefficient in index.terms:
        common = gcd(common, coefficient)
    return gcd(common, index.constant)


def _divide(index: Index, by: int) -> Index:
    return Index(tuple((a, c // by) for a, c in index.terms), index.constant // by)


def substitute(index: Index, replace: Callable[[Var], Index | None]) -> Index:
    """The index with variables replaced, in normal form again."""
    parts: list[tuple[Index, int]] = [(number(index.constant), 1)]
    for atom, coefficient in index.terms:
        if isinstance(atom, Var):
            found = replace(atom)
            parts.append((Index(((atom, 1),), 0) if found is None else found, coefficient))
        elif isinstance(atom, Quotient):
            parts.append((quotient(substitute(atom.of, replace), atom.by), coefficient))
        else:
            parts.append((remainder(substitute(atom.of, replace), atom.by), coefficient))
    return combine(parts)


def variables(index: Index) -> set[Var]:
    """All loop variables that occur, at any depth."""
    found: set[Var] = set()
    for atom, _ in index.terms:
        if isinstance(atom, Var):
            found.add(atom)
        else:
            found |= variables(atom.of)
    return found


def inner_atoms(index: Index) -> list[Quotient | Remainder]:
    """All quotients and remainders that occur, at any depth."""
    found: list[Quotient | Remainder] = []
    for atom, _ in index.terms:
        if not isinstance(atom, Var):
            found.append(atom)
            found.extend(inner_atoms(atom.of))
    return found


def picks(index: Index) -> list[Picked]:
    """The computed places that occur, at any depth."""
    found: list[Picked] = []
    for atom, _ in index.terms:
        if isinstance(atom, Picked):
            found.append(atom)
        elif not isinstance(atom, Var):
            found.extend(picks(atom.of))
    return found

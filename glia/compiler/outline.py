"""Outlines of plans, on disk: a large program need not be planned again in the next process.

An outline says which kernels run in which order on which buffers, and nothing about what they
compute. Who wants to know that (the profile) has the program planned after all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from glia.compiler import cache
from glia.compiler.cache import fingerprint
from glia.compiler.codegen.targets import Target
from glia.compiler.native import hashed
from glia.compiler.program import Buffer, Launch, Plan
from glia.ir.expr import Expr
from glia.ir.text import show

#: Programs of fewer kernels are planned in no time.
WORTH = 16
KINDS = ("leaf", "out", "arena")


@dataclass
class Outline:
    """A plan without its kernels: their names, what running them takes, and the arena's bytes."""

    kernels: list[str]
    launches: Sequence[Launch]
    leaves: list[int]
    arena: int

    @staticmethod
    def of(plan: Plan, names: list[str]) -> Outline:
        """The outline of a plan whose kernels have these names."""
        return Outline(names, plan.steps, [leaf.attrs[0] for leaf in plan.leaves], plan.arena)

    def text(self) -> str:
        """As JSON; every kernel's name once."""
        names = sorted(set(self.kernels))
        number = {name: i for i, name in enumerate(names)}
        rows = []
        for name, step in zip(self.kernels, self.launches, strict=True):
            flags = [int(flag) for flag in (step.serial, step.barrier, step.chained)]
            buffers = [word for arg in step.args for word in (KINDS.index(arg.kind), arg.at)]
            rows.append([number[name], *flags, *buffers])
        return json.dumps(
            {"kernels": names, "rows": rows, "leaves": self.leaves, "arena": self.arena}
        )

    @staticmethod
    def parse(text: str) -> Outline:
        """The outline written by ``text``."""
        found = json.loads(text)
        kernels, launches = [], []
        for number, serial, barrier, chained, *words in found["rows"]:
            pairs = zip(words[::2], words[1::2], strict=True)
            args = tuple([Buffer(KINDS[kind], at) for kind, at in pairs])
            kernels.append(found["kernels"][number])
            launches.append(Launch(args, bool(serial), bool(barrier), bool(chained)))
        return Outline(kernels, launches, found["leaves"], found["arena"])


def name_of(outputs: Sequence[Expr], targets: Sequence[Expr | None], target: Target) -> str:
    """What a program's outline is filed under: all that planning depends on."""
    slots = " ".join("-" if leaf is None else str(leaf.attrs[0]) for leaf in targets)
    return hashed(target, fingerprint(".", "../ir"), show(outputs), slots)


def read(name: str) -> Outline | None:
    """The outline under this name, if there is one."""
    data = cache.read(name, "plan")
    return None if data is None else Outline.parse(data.decode())


def write(name: str, outline: Outline) -> None:
    """Keep the outline of a program that takes long to plan."""
    if len(outline.kernels) >= WORTH:
        cache.write(name, "plan", outline.text().encode())

"""Which values are written to memory, and which are computed together in one kernel.

Views are never stored. An elementwise value is stored when several kernels need it and it is not
cheap to compute again; contractions and long reductions always are, together with the
elementwise values that follow them (their epilogue) where those are wanted instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glia.base.shapes import numel
from glia.compiler.costs import EXPENSIVE
from glia.compiler.index import Var, variable
from glia.compiler.schedule.groups import HELD, Group, alone, hosted, is_long_reduction, merge
from glia.compiler.schedule.layout import natural
from glia.compiler.schedule.lower import seen_through
from glia.compiler.schedule.rows import join_rows
from glia.ir.expr import Expr, topological
from glia.ir.ops.control import loop_of
from glia.ir.ops.window import dilated

SIMPLE_VIEWS = frozenset(("reshape", "permute", "expand", "slice", "flip", "detach"))
#: Chains of more operations than this are cut.
DEPTH = 60
#: Values of at most so many operations are computed again rather than stored.
CHEAP_OPS = 8


@dataclass
class Cost:
    """What it takes to compute a value from what certainly lies in memory."""

    ops: int = 0
    expensive: bool = False

    def plus(self, other: Cost) -> Cost:
        return Cost(self.ops + other.ops, self.expensive or other.expensive)


def _together(node: Expr) -> object:
    """Equal for values that one kernel computes: results of one loop, or of one host function."""
    if node.op.name == "scan":
        return loop_of(node)
    if node.op.parts is not None:
        return node.op, node.inputs, node.attrs[:-1]
    return None


def steps_of(node: Expr) -> tuple[Expr, int]:
    """The value that a sequence is a run of steps of, and the first of them."""
    first = 0
    while node.op.name == "slice":
        start, stop, step = node.attrs
        (base,) = node.inputs
        if any(s != 1 for s in step) or any(start[1:]) or stop[1:] != base.shape[1:]:
            break
        node, first = base, first + start[0]
    return node, first


def partition(outputs: Sequence[Expr]) -> list[Group]:
    """The kernels that compute the outputs, producers before consumers."""
    order = topological(outputs)
    plan = _Plan(order, outputs)
    plan.decide()
    return plan.groups()


class _Plan:
    def __init__(self, order: list[Expr], outputs: Sequence[Expr]) -> None:
        self.order = order
        self.outputs = [node for node in dict.fromkeys(outputs) if node.op.name not in HELD]
        self.users: dict[Expr, list[Expr]] = {node: [] for node in order}
        for node in order:
            for child in node.inputs:
                self.users[child].append(node)
        self.stored: set[Expr] = set(self.outputs)
        self.cuts: set[Expr] = set()  # stored to cut a long chain
        self.arranged: set[Expr] = set()  # views stored for a product, row-major
        self.core_of: dict[Expr, Expr] = {}  # stored root -> core fused into it
        self.costs = self._costs()
        self.roots: dict[Expr, set[Expr]] = {}

    def _costs(self) -> dict[Expr, Cost]:
        """Upper bounds, as if only sources, contractions and long reductions were stored."""
        costs: dict[Expr, Cost] = {}
        for node in self.order:
            if node.op.kind == "source" or alone(node):
                costs[node] = Cost()
                continue
            if node.op.name == "expand" and node.numel > node.inputs[0].numel:
                costs[node] = Cost()  # what is computed once and read often is stored below it
                continue
            cost = Cost(0 if node.op.kind == "view" else 1, node.op.name in EXPENSIVE)
            if node.op.kind in ("reduce", "random", "index"):
                cost.ops = 8
            for child in node.inputs:
                cost = cost.plus(costs[child])
            costs[node] = Cost(min(cost.ops, 1000), cost.expensive)
        return costs

    # What is stored

    def decide(self) -> None:
        for node in self.order:
            if hosted(node):
                self.stored |= {x for x in (node, *node.inputs) if x.op.name not in HELD}
            elif node.op.name == "contract":
                self.stored.add(node)
                for child in node.inputs:
                    self._store_operand(child)
            elif node.op.name == "scatter_add":
                self.stored.add(node)
                self._store_operand(node.inputs[0])
            elif node.op.name == "scan":
                self.stored.add(node)
                self._store_inputs(node)
            elif is_long_reduction(node):
                self.stored.add(node)
        for node in reversed(self.order):
            self.roots[node] = self._roots(node)
            if node in self.stored or node.op.kind in ("source", "view"):
                continue
            if self._worth_storing(node):
                self.stored.add(node)
        self._limit_depth()
        self._fuse_epilogues()

    def _limit_depth(self) -> None:
        """Cut very long chains: what one kernel computes is bounded, and so is its compilation."""
        depth: dict[Expr, int] = {}
        for node in self.order:
            below = [0 if child in self.stored else depth[child] for child in node.inputs]
            depth[node] = 1 + max(below, default=0)
            if depth[node] > DEPTH and node.op.kind == "elementwise":
                self.stored.add(node)
                self.cuts.add(node)

    def _store_inputs(self, scan: Expr) -> None:
        """A loop reads its inputs from memory; a sequence may be a run of steps of a longer one."""
        first = len(scan.attr("carry"))
        sequences = range(first, first + scan.attr("sequences"))
        for number, child in enumerate(scan.inputs):
            base = steps_of(child)[0] if number in sequences else child
            if base.op.name not in HELD:
                self.stored.add(base)

    def _store_operand(self, node: Expr) -> None:
        """Operands of contractions are read from memory, through simple views at most.

        Zeros between elements are not stored either: the contraction leaves them out. Where views
        tear apart what a loop of the contraction runs over (heads of attention put side by side
        again), the last view that does not is stored, row-major.
        """
        index = tuple(variable(Var(f"i{d}", size)) for d, size in enumerate(node.shape))
        wanted = node
        while node.op.name in SIMPLE_VIEWS or dilated(node) is not None:
            if node.op.name in SIMPLE_VIEWS:
                node, index = seen_through(node, index)
            else:
                node = node.inputs[0]
                index = tuple(variable(Var(f"i{d}", size)) for d, size in enumerate(node.shape))
            if natural(node.shape).offset(index).is_affine():
                wanted = node
        if wanted.op.name not in HELD:
            self.stored.add(wanted)
        if wanted.op.name in SIMPLE_VIEWS:
            self.arranged.add(wanted)

    def _roots(self, node: Expr) -> set[Expr]:
        """The stored values whose kernels read this one."""
        found: set[Expr] = set()
        for user in self.users[node]:
            found |= {user} if user in self.stored else self.roots[user]
        return found

    def _worth_storing(self, node: Expr) -> bool:
        cost = self.costs[node]
        if cost.ops == 0:
            return False
        if self._repeated(node):
            return True
        readers = len(self.roots[node])
        if readers < 2:
            return False
        worth = cost.expensive or cost.ops > CHEAP_OPS or (readers > 3 and cost.ops > 2)
        return worth and not self._better_below(node)

    def _better_below(self, node: Expr) -> bool:
        """Whether one input holds nearly all of the cost in no more bytes: store that instead."""
        costly = [child for child in node.inputs if self.costs[child].ops > 0]
        if len(costly) != 1 or node.op.name in EXPENSIVE or node.op.kind == "reduce":
            return False
        (child,) = costly
        while child.op.kind == "view" and child.op.name != "concat":
            child = child.inputs[0]
        smaller = child.numel * child.dtype.itemsize <= node.numel * node.dtype.itemsize
        return smaller and self.costs[child].ops > 1

    def _repeated(self, node: Expr) -> bool:
        """Whether some reader looks at an element many times: broadcast, in windows, gathered."""
        frontier = [(node, user) for user in self.users[node]]
        while frontier:
            read, user = frontier.pop()
            if user.op.name == "gather" and read is user.inputs[0] and user.numel > node.numel:
                return True
            if user in self.stored and user.op.kind not in ("view", "window"):
                continue
            if user.op.name == "expand" and user.numel > node.numel:
                return True
            if user.op.name == "window":
                kernel, stride, _ = user.attrs
                if any(k > s for k, s in zip(kernel, stride, strict=True)):
                    return True
            if user.op.name == "reshape" or user.op.name in SIMPLE_VIEWS:
                frontier.extend((user, other) for other in self.users[user])
        return False

    # Epilogues

    def _fuse_epilogues(self) -> None:
        """Let the one elementwise kernel that follows a core be computed where the core is."""
        for node in self.order:
            is_core = node.op.name == "contract" or is_long_reduction(node)
            if not is_core or hosted(node) or node in self.outputs or node not in self.stored:
                continue
            root = self._single_follower(node)
            if root is not None:
                self.stored.discard(node)
                self.core_of[root] = node

    def _single_follower(self, core: Expr) -> Expr | None:
        """The stored value that a core's elementwise followers lead to.

        Where the way forks, what stands at the fork is stored in place of the core: it takes no
        more memory, and its readers have less to do.
        """
        node, last = core, None
        while True:
            users = set(self.users[node])
            if len(users) != 1:
                end = self._joined(core, node)
                if end is None and last is not None and self._may_host(last, core):
                    self.stored.add(last)
                    return last
                return end
            (node,) = users
            if not self._pointwise(node, core):
                if last is not None and self._may_host(last, core):
                    self.stored.add(last)
                    return last
                return None
            if node in self.stored:
                return node if self._may_host(node, core) else None
            if node.op.kind == "elementwise" and node.dtype.itemsize <= core.dtype.itemsize:
                last = node

    def _joined(self, core: Expr, node: Expr) -> Expr | None:
        """All users of a value lead, element by element, to one stored value."""
        pending, ends = list(self.users[node]), set()
        while pending:
            user = pending.pop()
            if not self._pointwise(user, core):
                return None
            if user in self.stored:
                ends.add(user)
            else:
                pending.extend(self.users[user])
        if len(ends) != 1:
            return None
        (end,) = ends
        return end if self._may_host(end, core) else None

    def _pointwise(self, node: Expr, core: Expr) -> bool:
        same = numel(node.shape) == numel(core.shape)
        if core.op.kind == "reduce" and node.op.name == "expand":
            return False
        return same and (node.op.kind == "elementwise" or node.op.name in ("reshape", "detach"))

    def _may_host(self, root: Expr, core: Expr) -> bool:
        """A kernel has at most one core, and loops of one do not run inside another's."""
        if root in self.core_of or not (root.op.kind == "elementwise" or root.op.name == "reshape"):
            return False
        if hosted(root):
            return False
        inside = [root]
        seen: set[Expr] = set()
        while inside:
            node = inside.pop()
            for child in node.inputs:
                if child is core or child in seen or child in self.stored:
                    continue
                if alone(child):
                    return False
                seen.add(child)
                inside.append(child)
        return True

    # Kernels

    def groups(self) -> list[Group]:
        found: dict[Expr, Group] = {}
        together: dict[object, Group] = {}
        for node in self.order:
            key = _together(node)
            if node in self.stored and key is not None:
                group = together.setdefault(key, Group([], node))
                group.roots.append(node)
                found[group.roots[0]] = group
            elif node in self.stored:
                core = self.core_of.get(node)
                if core is None and alone(node):
                    core = node
                found[node] = Group([node], core, row_major=node in self.arranged)
        joined = join_rows(list(found.values()), self.stored, self.outputs)
        stored = {root for group in joined for root in group.roots}
        return merge(joined, stored, {*self.outputs, *self.cuts})
